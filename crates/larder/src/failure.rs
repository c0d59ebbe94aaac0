//! Failures: the only place where errors are printed and become exit codes.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use larder_data::DataError;
use larder_errors::ErrorClass;
use larder_evaluate::EvaluateError;
use larder_export::ExportError;
use larder_files::FileError;
use larder_intake::EncoderError;
use larder_pipeline::{PipelineError, ShardError};
use larder_predict::PredictError;
use larder_report::ReportError;
use larder_run::RunError;
use larder_runtime::{RuntimeError, SetupError};
use larder_scale::ScaleError;
use larder_store::StoreError;
use larder_tokens::TokensError;

use serde_json::json;

use crate::{log, signals};

/// True once a result is on standard output: one JSON document is there, or will be.
static HAS_RESULT: AtomicBool = AtomicBool::new(false);

/// Notes that a result goes to standard output. An error behind it, of a check that found something, is not a second document there.
pub fn note_result() {
    HAS_RESULT.store(true, Ordering::Relaxed);
}

/// The reason for an unsuccessful exit.
#[derive(Debug)]
pub enum Failure {
    /// An error of a stage.
    Stage { error: Box<dyn Error + Send + Sync>, class: ErrorClass, hint: Option<String> },
    /// An invalid command line that the parser accepts.
    Usage(String),
    /// An error of an input or output named on the command line.
    File { what: String, source: std::io::Error },
    /// Problems found by checking the machine.
    Found { problems: Vec<String>, class: ErrorClass },
    /// The reader of our output stopped reading.
    BrokenPipe,
}

impl Failure {
    /// A result that cannot be written as JSON.
    pub fn json(error: serde_json::Error) -> Self {
        Self::File { what: "cannot write JSON".to_owned(), source: error.into() }
    }

    /// Prints the error with its causes on standard error, and as JSON on standard output if that is asked for and no result is there. Returns the
    /// exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        if matches!(self, Self::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let (message, class) = (self.message(), self.class());
        eprintln!("{}", log::line(log::Level::Error, &message));
        if json && !HAS_RESULT.load(Ordering::Relaxed) {
            let error = json!({ "message": message, "class": class, "exit_code": class.exit_code() });
            // Where nobody reads it there is the exit code.
            let _ = writeln!(std::io::stdout(), "{}", json!({ "error": error }));
        }
        signals::end_as_interrupted();
        ExitCode::from(class.exit_code())
    }
}

impl ShardError for Failure {
    fn message(&self) -> String {
        match self {
            Self::Stage { error, hint, .. } => {
                let hint = hint.as_ref().map_or_else(String::new, |hint| format!("\n  {hint}"));
                chain(error.as_ref()) + &hint
            }
            Self::Usage(message) => message.clone(),
            Self::Found { problems, .. } => problems.join("\nerror: "),
            Self::File { what, source } => format!("{what}: {source}"),
            Self::BrokenPipe => "standard output was closed".to_owned(),
        }
    }

    fn class(&self) -> ErrorClass {
        match self {
            Self::Stage { class, .. } | Self::Found { class, .. } => *class,
            Self::Usage(_) => ErrorClass::Usage,
            Self::File { .. } => ErrorClass::Input,
            // Whoever reads no more wants no more.
            Self::BrokenPipe => ErrorClass::TryAgain,
        }
    }
}

/// Returns an error and its causes, one per line, without repetitions.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str("\n  because: ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

/// Converts errors that know their class and hint.
macro_rules! stages {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let (class, hint) = (error.class(), error.hint());
                Self::Stage { error: Box::new(error), class, hint }
            }
        })+
    };
}

stages!(EvaluateError, ExportError, PipelineError, PredictError, ReportError, RunError);

/// Converts errors of lower stages, which a run's error wraps.
macro_rules! lower_stages {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                RunError::from(error).into()
            }
        })+
    };
}

impl From<ScaleError> for Failure {
    fn from(error: ScaleError) -> Self {
        PipelineError::from(error).into()
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        PipelineError::from(error).into()
    }
}

lower_stages!(DataError, EncoderError, FileError, RuntimeError, StoreError, TokensError);

/// Results of writing to standard output.
pub trait Output<T> {
    /// Ends the process quietly if the reader went away; any other error is reported.
    fn on_stdout(self) -> Result<T, Failure>;
}

impl<T> Output<T> for std::io::Result<T> {
    fn on_stdout(self) -> Result<T, Failure> {
        self.map_err(|source| match source.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::File { what: "cannot write to standard output".to_owned(), source },
        })
    }
}
