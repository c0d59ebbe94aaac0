//! What can go wrong when a run is exported.

use std::path::PathBuf;

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_intake::EncoderError;
use larder_onnx::OnnxError;
use larder_runtime::RuntimeError;

/// An export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The encoder's model.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The graph.
    #[error("the run cannot be put into one graph")]
    Graph(#[from] OnnxError),
    /// Loading or running the exported file.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A graph that takes one size of batch or text only.
    #[error(
        "encoder `{encoder}` takes {sizes} only, and an exported file takes any; add the encoder from config.json and \
         model.safetensors, or exported with open axes, and train again"
    )]
    FixedSizes {
        /// The encoder.
        encoder: String,
        /// `batches of 1 row`, `texts of 128 tokens`.
        sizes: String,
    },
    /// An encoder whose products cannot be changed to 8 bits.
    #[error("encoder `{encoder}` cannot be exported with 8-bit products: {reason}; leave --precision out, or take f16")]
    NotQuantised {
        /// The encoder.
        encoder: String,
        /// What stands in the way.
        reason: String,
    },
    /// A file that should be JSON.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder has something in it.
    #[error("{} is not empty: name another folder, or replace the export in it with --force", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is to be replaced and is no export.
    #[error("{} is no export (it has no {}): --force replaces exports only; name another folder", path.display(), crate::EXPORT_FILE)]
    NotAnExport {
        /// The folder, or a file in its place.
        path: PathBuf,
    },
    /// The exported file gives an output of another shape or type than its run needs.
    #[error("the exported file gives `{output}` as {found}, expected float32 {expected:?}: this is a bug in larder")]
    Output {
        /// The output.
        output: String,
        /// What it gives.
        found: String,
        /// `[batch, classes]` or `[batch, seq, tags]`.
        expected: Vec<usize>,
    },
    /// The exported file does not answer as the run does.
    #[error(
        "the exported file was not kept: its answers differ from the run's by {largest:.1e} in a probability (allowed: \
         {allowed:.0e}), and in {differing} of {rows} answers{}; nothing was written",
        example.as_ref().map(|text| format!("; most for {text:?}")).unwrap_or_default()
    )]
    Differs {
        /// The largest difference of a probability.
        largest: f64,
        /// The largest that is allowed.
        allowed: f64,
        /// Answers that are others.
        differing: usize,
        /// Texts (tagging: words) answered.
        rows: usize,
        /// The beginning of the text that differs most.
        example: Option<String>,
    },
}

impl ExportError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Encoder(error) => error.class(),
            Self::Runtime(error) => error.class(),
            Self::Output { .. } => ErrorClass::Bug,
            _ => ErrorClass::Input,
        }
    }
}
