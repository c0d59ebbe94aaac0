//! What a run's numbers and rows say, in words, with the flag to turn.
#![deny(missing_docs)]

mod diagnosis;

pub use diagnosis::{Diagnosis, DiagnosisKind, FORMAT_VERSION, LearningPoint, PointedRow, RunDiagnosis};
