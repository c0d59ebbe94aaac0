//! The errors of encoding.

use std::path::PathBuf;

use larder_errors::ErrorClass;
use larder_files::FileError;
use larder_intake::{EncoderError, hint_of_model};
use larder_onnx::OnnxError;
use larder_runtime::RuntimeError;
use larder_store::StoreError;
use larder_tokens::TokensError;

/// Encoding failed. Finished parts are kept: the next run goes on from them.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The encoder's own files.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Pooling could not be put into the graph, or a layer was not found.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// ONNX Runtime refused the model or a batch.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A Parquet file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sentences could not be cut into windows.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The vector of an opening token is asked for where there is none.
    #[error(
        "encoder {encoder:?} has no `{column}`: that is the vector of the token that opens a text, and its tokenizer opens none; \
         choose another pooling, such as `--pool mean`"
    )]
    NoOpeningToken {
        /// The encoder.
        encoder: String,
        /// The column asked for.
        column: String,
    },
    /// The tokens file holds what this encoder cannot read.
    #[error(
        "{}: row {row} (example {example_id}) {problem}; it was tokenized for another encoder: remove the file and run `larder \
         tokenize` again",
        tokens.display()
    )]
    Row {
        /// The `tokens` file.
        tokens: PathBuf,
        /// Zero-based row.
        row: usize,
        /// The example's id.
        example_id: String,
        /// The problem with the row.
        problem: String,
    },
    /// The encoder read a row, and what it gave cannot be kept.
    #[error("{}: row {row} (example {example_id}): {problem}", tokens.display())]
    RowVectors {
        /// The `tokens` file.
        tokens: PathBuf,
        /// Zero-based row.
        row: usize,
        /// The example's id.
        example_id: String,
        /// The problem with the vectors.
        problem: Box<EncodeError>,
    },
    /// A vector holds NaN or infinity.
    #[error(
        "the encoder gave a value that is not finite in `{column}` for the input that starts with token ids {start:?}: \
         numbers on the way overflow. With a model in float16, or with `--graph half`, take float32; else its weights for these \
         tokens are damaged: get the model's file again and add it with --replace"
    )]
    NotFinite {
        /// The feature column.
        column: String,
        /// The input's place among those given, from zero; of words that of their sentence.
        input: usize,
        /// The first token ids of the input.
        start: Vec<i32>,
    },
    /// A value is too large for `--dtype f16`.
    #[error("`{column}` holds {value}, more than half precision can (65504); encode with --dtype f32")]
    HalfOverflow {
        /// The feature column.
        column: String,
        /// The value.
        value: f32,
    },
    /// The graph's output is not what the column should hold.
    #[error("the encoder's output for `{column}` has shape {found:?}; expected {expected:?} float32")]
    OutputShape {
        /// The feature column.
        column: String,
        /// The shape that came.
        found: Vec<usize>,
        /// The shape that the batch should give.
        expected: Vec<usize>,
    },
    /// `--layers` names a layer that the encoder does not have.
    #[error(
        "layer {asked} does not exist: this encoder has layers 0 (embeddings) to {last}, or -1 (the last) to -{count}"
    )]
    Layer {
        /// The layer asked for.
        asked: i64,
        /// The last layer's number.
        last: usize,
        /// Layers, embeddings included.
        count: usize,
    },
    /// Sentence vectors of a tokens file of words.
    #[error(
        "{} holds words and tags; sentence vectors are made from texts: encode it with --level word, or token",
        tokens.display()
    )]
    Tagging {
        /// The `tokens` file.
        tokens: PathBuf,
    },
    /// Word vectors of a tokens file of texts.
    #[error(
        "{} holds texts and labels; word vectors are made from sentences of words: \
         encode it with --level sentence, or token for a vector of each token",
        tokens.display()
    )]
    NoWords {
        /// The `tokens` file.
        tokens: PathBuf,
    },
    /// Document context of a tokens file that does not tell documents apart.
    #[error(
        "{} does not tell documents apart, so no sentence has neighbours to read with it: encode with --context none",
        tokens.display()
    )]
    NoDocuments {
        /// The `tokens` file.
        tokens: PathBuf,
    },
    /// Features of pairs for a file without pairs.
    #[error("{} holds no pairs of texts, which --pair-features is for: leave it out, or name the second text with `text_b` in \
         `[columns]`", tokens.display())]
    NoPairs {
        /// The `tokens` file.
        tokens: PathBuf,
    },
    /// Pairs that are read together, where long texts are to be read in windows.
    #[error("{} holds pairs of texts that are read together, which windows would part: give --pair-features too, which reads each \
         text of a pair by itself, or leave `--long windows` out, and pairs that are too long are cut", tokens.display())]
    PairWindows {
        /// The `tokens` file.
        tokens: PathBuf,
    },
    /// The caller asked for an end.
    #[error("stopped as asked; what was computed is kept, and the same command goes on from there")]
    Stopped,
    /// A sentence given directly that this encoder cannot read.
    #[error("sentence {sentence} {problem}")]
    Unreadable {
        /// Its place among those given, from 0.
        sentence: usize,
        /// The problem with the sentence.
        problem: String,
    },
}

impl EncodeError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::File(error) => error.class(),
            Self::Encoder(error) => error.class(),
            Self::Runtime(error) => error.class(),
            Self::Stopped => ErrorClass::TryAgain,
            _ => ErrorClass::Input,
        }
    }

    /// The way out where the message alone does not show it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Encoder(error) => error.hint(),
            Self::Onnx(error) => hint_of_model(error),
            _ => None,
        }
    }
}
