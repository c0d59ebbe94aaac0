//! Hidden states that were computed before, for runs that train what stands above them.

use std::fmt;

use crate::TuneError;
use crate::split::SplitOf;

/// The hidden states of one layer, of all examples of a run.
pub trait HiddenStates: Sync {
    /// Appends those of the example at `row` of a split, from 0: float32 `[tokens, hidden]`, one row for each of its
    /// `input_ids`. Asked for as often as the example is run.
    ///
    /// # Errors
    /// [`TuneError::HiddenStatesRead`] where they cannot be read.
    fn read(&self, split: SplitOf, row: usize, into: &mut Vec<f32>) -> Result<(), TuneError>;
}

impl fmt::Debug for dyn HiddenStates + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenStates")
    }
}
