//! What to label next: rows of an unlabelled pool, chosen by a classifier's probabilities and by vectors. Nothing here reads or writes
//! files.
//!
//! - [`Candidates`] takes the rows of a pool one at a time and keeps those that a [`Strategy`] can choose from, in constant memory.
//! - [`choose`] picks a batch of them, with the row's nearest neighbour among those chosen before or labelled already ([`ChosenRow`]).
//! - [`auto`] says which strategy suits a run.
//! - [`summarise_replay`] compares the learning curves of strategies with that of random choice ([`Curve`], [`StrategySummary`]).
//!
//! The strategies, one a file: `margin`, `entropy`, `badge` (Ash et al. 2020, <https://arxiv.org/abs/1906.03671>), `coreset` (Sener
//! and Savarese 2018, <https://arxiv.org/abs/1708.00489>), and `random`, which the others are measured against.
//!
//! ```
//! use larder_suggest::{Candidates, Labelled, Strategy, choose};
//!
//! let mut candidates = Candidates::new(Strategy::Margin, 1, 2, 2, 0);
//! candidates.offer(0, &[0.99, 0.01], &[1.0, 0.0])?;
//! candidates.offer(1, &[0.55, 0.45], &[0.0, 1.0])?;
//! let chosen = choose(Strategy::Margin, &candidates.finish(), &Labelled::none(2), 1, 0);
//! assert_eq!(chosen[0].row, 1);
//! # Ok::<(), larder_suggest::SuggestError>(())
//! ```
#![deny(missing_docs)]

mod auto;
mod badge;
mod candidates;
mod choice;
mod coreset;
mod distance;
mod entropy;
mod error;
mod labelled;
mod margin;
mod order;
mod random;
mod replay;
mod spread;
mod strategy;

pub use auto::auto;
pub use candidates::{CANDIDATES, CANDIDATES_A_ROW, CandidateRows, Candidates};
pub use choice::{ChosenRow, Nearest, choose};
pub use entropy::entropy;
pub use error::{SuggestError, check_finite};
pub use labelled::{LABELLED, Labelled};
pub use margin::margin;
pub use order::draw;
pub use replay::{Curve, Estimate, StrategySummary, summarise_replay};
pub use strategy::{Strategy, StrategyChoice};
