//! One HTML page from runs: scores beside their baselines, what stands out, curves, mistakes. No file is read here and none
//! is written; whoever has the runs fills in a [`Page`].
//!
//! - [`Page`] is what the page tells: one [`Run`] each, with [`Scores`] by split. What a run has no data for is a
//!   [`Part::Missing`] with a sentence, and the page says that sentence in its place.
//! - [`Page::html`] gives the page: one text that needs no network, with its charts as SVG. Equal pages give equal texts.
//! - [`Reliability`], [`PrecisionRecall`] and [`Projection`] are the numbers that are worked out for it.
//!
//! ```
//! use larder_report::{Page, Part, Run, Scores};
//!
//! let run = Run {
//!     name: "first".to_owned(),
//!     scores: Part::Missing("It was not evaluated: `larder eval first` does that.".to_owned()),
//!     ..Run::default()
//! };
//! let page = Page { runs: vec![run], version: "0.1.0".to_owned() };
//! assert!(page.html()?.contains("It was not evaluated"));
//! # Ok::<(), larder_report::ReportError>(())
//! ```
#![deny(missing_docs)]

mod charts;
mod data;
mod error;
mod html;
mod numbers;

pub use data::{
    Candidate, ClassAnswers, ClassSplit, Embedding, EntitySplit, Fact, Finding, FindingRow, Lengths, Level, Line, Page,
    Part, Plot, Point, Run, Scores, StageSeconds, TaggedSentence, Training,
};
pub use error::ReportError;
pub use numbers::{Bin, PrecisionRecall, Projection, RELIABILITY_BINS, Reliability};
