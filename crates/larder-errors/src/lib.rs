//! What class of failure an error is, whichever crate it is of.
//!
//! Every error enum of larder has a method `class`, which answers for its own variants and asks the errors that it wraps. The
//! process answers with the class's [exit code](ErrorClass::exit_code).
//!
//! ```
//! use larder_errors::ErrorClass;
//!
//! assert_eq!(ErrorClass::Input.exit_code(), 3);
//! ```
#![deny(missing_docs)]

/// Whose fault a failure is, and so what mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl ErrorClass {
    /// What the process answers; 0 is success.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Missing => 4,
            Self::Training => 5,
        }
    }
}
