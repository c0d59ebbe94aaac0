//! Errors of exporting a run.

use std::path::PathBuf;

use larder_data::DataError;
use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_intake::EncoderError;
use larder_onnx::OnnxError;
use larder_run::{RunError, from_stage_errors};
use larder_tokens::TokensError;

/// An error of an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The run, or a stage that it needs.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The graph cannot be built.
    #[error("the run cannot be put into one graph")]
    Graph(#[from] OnnxError),
    /// A graph that accepts only one size of batch or text.
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
    /// Pairs read text by text, with an encoder whose texts cannot share a batch.
    #[error(
        "encoder `{encoder}` cannot read the two texts of a pair in one batch, since its graph does not heed its mask, and an \
         exported file would have to; add the encoder from config.json and model.safetensors, or train without --pair-features"
    )]
    PairsApart {
        /// The encoder.
        encoder: String,
    },
    /// A run that reads long texts in windows.
    #[error(
        "run {run} reads texts of more than {max_tokens} tokens in windows, and an exported file reads one window: its answers to \
         them would be others; train on cut texts, without `--long windows`, and export that run, or answer with `larder predict {run}`"
    )]
    Windows {
        /// The run.
        run: String,
        /// Tokens of a window.
        max_tokens: usize,
    },
    /// An encoder whose products cannot be converted to 8 bits.
    #[error("encoder `{encoder}` cannot be exported with 8-bit products: {reason}; leave --precision out, or take f16")]
    NotQuantised {
        /// The encoder.
        encoder: String,
        /// The obstacle.
        reason: String,
    },
    /// A file that is not the expected JSON.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The target folder is not empty.
    #[error("{} is not empty: name another folder, or replace the export in it with --force", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder to replace is no export.
    #[error("{} is no export (it has no {}): --force replaces exports only; name another folder", path.display(), crate::EXPORT_FILE)]
    NotAnExport {
        /// The folder, or a file in its place.
        path: PathBuf,
    },
    /// The exported file answers differently from the run.
    #[error(
        "the exported file was not kept: of {rows} answers {differences} (allowed: {allowed:.0e}){}; nothing was written",
        example.as_ref().map(|text| format!(", most for {text:?}")).unwrap_or_default()
    )]
    Differs {
        /// The differences in words.
        differences: String,
        /// The largest allowed difference.
        allowed: f64,
        /// Texts (tagging: words) answered.
        rows: usize,
        /// The beginning of the text that differs most.
        example: Option<String>,
    },
}

from_stage_errors!(ExportError: DataError, EncoderError, FileError, TokensError);

impl ExportError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Run(error) => error.class(),
            _ => ErrorClass::Input,
        }
    }

    /// Returns a hint, where the message alone does not show the way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            _ => None,
        }
    }
}
