//! Running an encoder on a few texts, to find out what no file says.
//!
//! Graphs tell names and shapes. Only the outputs tell whether an encoder obeys its mask, mixes the texts of one batch, or
//! answers the same to everything.

mod candidate;
mod classify;
mod feed;
mod layers;
mod model;
mod operators;
mod pooled;
mod record;
mod run;
mod scores;
mod statistics;
mod texts;
mod tolerance;

pub use pooled::{POOLED_TOLERANCE, PooledKind, PooledRecord};
pub use record::ProbeRecord;
pub use run::SMALLEST_SPREAD;
pub use texts::{LONGEST_PROBE, PROBE_TEXTS};
pub use tolerance::{BFLOAT16_TOLERANCE, HALF_TOLERANCE, INT8_TOLERANCE, TOLERANCE};

pub(crate) use candidate::Candidate;
pub(crate) use feed::{Feed, run_on};
pub(crate) use run::ProbeResult;
pub(crate) use scores::SMALLEST_EMBEDDING;
pub(crate) use statistics::{largest, rms};
pub(crate) use texts::probe_tokens;
