//! The one place where an error is printed and becomes an exit code.

use std::error::Error;
use std::process::ExitCode;

use larder_data::{DataError, RowProblem};
use larder_encode::EncodeError;
use larder_encoder::EncoderError;
use larder_onnx::OnnxError;
use larder_pipeline::{ExitCode as Code, PipelineError};
use larder_tokens::TokenizeStageError;

use crate::cli::flag_of;

/// Why the process ends early.
#[derive(Debug)]
pub enum Failure {
    /// A stage failed.
    Stage(Box<PipelineError>),
    /// The command line asks for something impossible that the parser cannot see.
    Usage(String),
    /// An input or output that the user named on the command line.
    File { what: String, source: std::io::Error },
    /// A look at the machine found something that has to be mended.
    Found { problems: Vec<String>, code: Code },
    /// Whoever read our output has read enough.
    BrokenPipe,
}

impl Failure {
    /// Prints the error with its causes on standard error, and says what the process answers.
    pub fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::BrokenPipe => return ExitCode::SUCCESS,
            Self::Stage(error) => (chain(error.as_ref()) + &flags(error), error.exit_code()),
            Self::Usage(message) => (message.clone(), Code::Usage),
            Self::Found { problems, code } => (problems.join("\nerror: "), *code),
            Self::File { what, source } => (format!("{what}: {source}"), Code::BadInput),
        };
        eprintln!("error: {message}");
        ExitCode::from(code as u8)
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

/// The flags that help, where the library that failed cannot know them.
fn flags(error: &PipelineError) -> String {
    let onnx = match error {
        PipelineError::Encoder(EncoderError::Model { source, .. })
        | PipelineError::Encode(EncodeError::Encoder(EncoderError::Model { source, .. }) | EncodeError::Onnx(source)) => {
            source
        }
        other => return row_flags(other).to_owned(),
    };
    let (OnnxError::Ambiguous { role, .. } | OnnxError::WrongHint { role, .. }) = onnx else { return String::new() };
    flag_of(role).map_or_else(String::new, |flag| format!("\n  `larder encoder add SOURCE {flag} NAME` decides"))
}

fn row_flags(error: &PipelineError) -> &'static str {
    let (PipelineError::Data(error) | PipelineError::Tokenize(TokenizeStageError::Data(error))) = error else {
        return "";
    };
    let (DataError::BadRow { problem, .. } | DataError::AllRowsBad { problem, .. }) = error else { return "" };
    match problem.as_ref() {
        RowProblem::IllegalTag { problem, .. } if !problem.is_malformed() => {
            "\n  `--illegal-tags repair` reads such tags as conlleval does; `--on-bad-row skip` leaves the sentence out"
        }
        _ => "",
    }
}

impl<E: Into<PipelineError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Stage(Box::new(error.into()))
    }
}

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
