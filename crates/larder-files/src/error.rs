//! The errors of reading and writing files.

use std::path::{Path, PathBuf};

use larder_errors::ErrorClass;

/// A file or folder could not be read or written. Every variant names it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused a read or a write.
    #[error("cannot {action} {}: {}", path.display(), io_hint(action, source))]
    Io {
        /// The action that failed: `open`, `write`, `rename`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file differs from its checksums.
    #[error(
        "{} is damaged: {what}; delete it and run its stage again (`--force` where the command has it), or take a copy from elsewhere",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damaged part.
        what: String,
    },
    /// A JSON artifact does not parse.
    #[error("{} is not the JSON that larder writes there; delete it and run its stage again", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A name that would leave its folder or cannot be a file's name.
    #[error("the {what} name `{name}` cannot be a folder's name: use letters, digits, `-`, `_` and `.`")]
    Name {
        /// The thing that the name is given to: `encoder`, `dataset`, `run`.
        what: &'static str,
        /// The name given.
        name: String,
    },
    /// Another process holds the folder.
    #[error("another larder process is working in {}; wait for it to end", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
}

impl FileError {
    /// Returns the class of failure: what another process holds is free when that ends.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Locked { .. } => ErrorClass::TryAgain,
            _ => ErrorClass::Input,
        }
    }

    /// Returns a function that adds the action and the path to a system error.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FileError + use<> {
        let path = path.to_path_buf();
        move |source| FileError::Io { action, path, source }
    }
}

/// The reason, with what to do about it where that is not obvious.
fn io_hint(action: &str, error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("{error}; free some space (or point --home at a larger disk) and run it again: nothing was lost")
        }
        // Of what is only read the name is all there is to say.
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied if !matches!(action, "open" | "read") => {
            format!("{error}; point --home at a folder that you may write, or ask for the right to")
        }
        _ => error.to_string(),
    }
}
