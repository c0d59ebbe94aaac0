//! Vocabularies that cannot be made into `tokenizer.json`.

/// Why a vocabulary cannot be made into `tokenizer.json`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenVocabulary {
    /// Nothing in it.
    #[error("it holds no tokens")]
    Empty,
    /// A token that frames texts or stands for unknown words is missing.
    #[error("it has no {role} token {token:?}")]
    NoToken {
        /// `cls`, `sep` or `unk`.
        role: &'static str,
        /// The expected spelling.
        token: String,
    },
    /// A line of `merges.txt` that is no pair, or of tokens that are not in `vocab.json`.
    #[error(
        "line {line} is {found:?}, expected two tokens of the vocabulary with a space between, and their union in it"
    )]
    Merge {
        /// The line, from 1.
        line: usize,
        /// Its text.
        found: String,
    },
    /// A `vocab.json` that does not give each token its number.
    #[error("it is malformed")]
    Malformed(#[source] serde_json::Error),
    /// A file that is no text.
    #[error("it is no UTF-8 text")]
    NotText(#[source] std::str::Utf8Error),
    /// A file that is no SentencePiece model.
    #[error("it is no SentencePiece model")]
    NotSentencePiece(#[source] prost::DecodeError),
    /// A SentencePiece model of another kind.
    #[error("it is a SentencePiece model of kind {found}, expected unigram (1)")]
    NotUnigram {
        /// The number of the kind: 2 is BPE, 3 words, 4 characters.
        found: i32,
    },
    /// Scores that cannot be compared.
    #[error("the score of piece {piece:?} is not finite")]
    Score {
        /// The piece.
        piece: String,
    },
    /// A setting that changes what a text becomes, and that the rules made here lack.
    #[error("tokenizer_config.json sets {key:?} to {value}, and larder's rules for it are those of the usual value")]
    Setting {
        /// The setting.
        key: String,
        /// Its value, as JSON.
        value: String,
    },
    /// A SentencePiece model whose pieces end in a blank, where others begin with one.
    #[error("it is a SentencePiece model that puts blanks behind words (treat_whitespace_as_suffix)")]
    BlanksBehind,
    /// Files of one kind for a tokenizer of another.
    #[error("the files are {files}, and {style} tokenizers are not made of these")]
    OtherStyle {
        /// The kind of files found.
        files: &'static str,
        /// The family of tokenizers that the configuration asks for.
        style: &'static str,
    },
}
