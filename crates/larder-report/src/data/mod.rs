//! What a page tells, as plain data.

mod classes;
mod embedding;
mod entities;
mod part;
mod plot;
mod run;

pub use classes::{ClassAnswers, ClassSplit};
pub use embedding::{Embedding, Point};
pub use entities::{EntitySplit, TaggedSentence};
pub use part::Part;
pub use plot::{Level, Line, Plot};
pub use run::{Candidate, Fact, Finding, FindingRow, Lengths, Page, Run, Scores, StageSeconds, Training};
