//! Messages shared by all crates: the class of an error, lists of names, spellings of choices, numbers for people, and
//! panics of libraries as errors.
//!
//! An error enum whose failures are not all bad input has a method `class`, which answers for its own variants and asks the
//! errors that it wraps. The process exits with the class's [exit code](ErrorClass::exit_code).
//!
//! ```
//! use larder_errors::ErrorClass;
//!
//! assert_eq!(ErrorClass::Input.exit_code(), 3);
//! ```
#![deny(missing_docs)]

mod figures;
mod names;
mod panics;
mod spelling;
#[cfg(feature = "testing")]
pub mod testing;

use ::serde::Serialize;

pub use figures::{bytes, count, counted, date, seconds};
pub use names::{Names, clip, listed};
pub use panics::catch_panic;
#[doc(hidden)]
pub use serde;
pub use spelling::UnknownSpelling;

/// The class of a failure tells whose fault it is, and so who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A bug in larder.
    Bug,
    /// The command line is wrong.
    Usage,
    /// A file or its content is wrong.
    Input,
    /// Something that must be there first is not: the runtime, an encoder, a run, a GPU that was asked for.
    Missing,
    /// Training diverged or collapsed.
    Training,
    /// A score is less than was asked for.
    Score,
    /// Nothing is wrong that the same command, given again, may not find mended: a store that does not answer, a signal, work of
    /// others that is yet to be done.
    TryAgain,
}

impl ErrorClass {
    /// Returns the exit code of the process, 1 to 6, or 75 for another try, as `sysexits.h` has it; 0 is success.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Missing => 4,
            Self::Training => 5,
            Self::Score => 6,
            Self::TryAgain => 75,
        }
    }
}
