//! The one place where an error is printed and becomes an exit code.

use std::error::Error;
use std::process::ExitCode;

use larder_data::DataError;
use larder_errors::ErrorClass;
use larder_evaluate::EvaluateError;
use larder_export::ExportError;
use larder_intake::EncoderError;
use larder_pipeline::PipelineError;
use larder_predict::PredictError;
use larder_report::ReportError;
use larder_run::RunError;
use larder_runtime::RuntimeError;
use larder_tokens::TokensError;

/// Why the process ends early.
#[derive(Debug)]
pub enum Failure {
    /// A stage failed.
    Stage { error: Box<dyn Error + Send + Sync>, class: ErrorClass, hint: Option<String> },
    /// The command line asks for something impossible that the parser cannot see.
    Usage(String),
    /// An input or output that the user named on the command line.
    File { what: String, source: std::io::Error },
    /// A look at the machine found something that has to be mended.
    Found { problems: Vec<String>, class: ErrorClass },
    /// Whoever read our output has read enough.
    BrokenPipe,
}

impl Failure {
    /// Prints the error with its causes on standard error, and says what the process answers.
    pub fn report(&self) -> ExitCode {
        let (message, class) = match self {
            Self::BrokenPipe => return ExitCode::SUCCESS,
            Self::Stage { error, class, hint } => {
                let hint = hint.as_ref().map_or_else(String::new, |hint| format!("\n  {hint}"));
                (chain(error.as_ref()) + &hint, *class)
            }
            Self::Usage(message) => (message.clone(), ErrorClass::Usage),
            Self::Found { problems, class } => (problems.join("\nerror: "), *class),
            Self::File { what, source } => (format!("{what}: {source}"), ErrorClass::Input),
        };
        eprintln!("error: {message}");
        ExitCode::from(class.exit_code())
    }
}

/// An error and its causes, one a line; a cause that its parent already tells is not repeated.
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

/// Errors that know their class and their way out.
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

/// Errors of the stages below, which a run's error wraps.
macro_rules! lower_stages {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                RunError::from(error).into()
            }
        })+
    };
}

lower_stages!(DataError, EncoderError, RuntimeError, TokensError);

/// Results of writing to standard output.
pub trait Output<T> {
    /// A reader that went away ends the process quietly; any other failure is told.
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
