//! Pooling: the tokens of a text, or of a word, as one vector.

use larder_errors::{UnknownSpelling, spelled_enum};
use serde::{Deserialize, Serialize};

spelled_enum! {
    /// One vector of a text. The poolings of its tokens have the names that sentence-transformers gives them.
    pub enum Pool {
        /// The first token's vector.
        Cls = "cls",
        /// The mean over the tokens that the mask marks.
        Mean = "mean",
        /// The encoder's own pooled output: for BERT, a dense layer with tanh on the first token.
        Pooler = "pooler",
        /// The largest value of each feature over the tokens.
        Max = "max",
        /// The sum over the tokens divided by the square root of their number.
        MeanSqrtLen = "mean_sqrt_len_tokens",
        /// The mean weighted by position: the first token counts once, the second twice.
        WeightedMean = "weightedmean",
        /// The last token's vector.
        LastToken = "lasttoken",
        /// The publisher's own vector: its poolings, and what it does to the vector behind them.
        Published = "published",
    } else "unknown pooling {found:?}; known: {known}"
}

impl Pool {
    /// Returns true for a vector of the last layer alone, which is no pooling of tokens.
    pub fn is_of_the_whole(self) -> bool {
        matches!(self, Self::Pooler | Self::Published)
    }
}

/// What is kept of a layer's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum FeatureKind {
    /// One vector of the text.
    Pooled(Pool),
    /// Every token's vector.
    Tokens,
}

/// The spelling of [`FeatureKind::Tokens`].
const TOKENS: &str = "tokens";

impl FeatureKind {
    /// Returns the spelling in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pooled(pool) => pool.as_str(),
            Self::Tokens => TOKENS,
        }
    }
}

impl From<Pool> for FeatureKind {
    fn from(pool: Pool) -> Self {
        Self::Pooled(pool)
    }
}

impl From<FeatureKind> for String {
    fn from(kind: FeatureKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl TryFrom<String> for FeatureKind {
    type Error = UnknownSpelling;

    fn try_from(word: String) -> Result<Self, UnknownSpelling> {
        if word == TOKENS { Ok(Self::Tokens) } else { word.parse().map(Self::Pooled) }
    }
}

spelled_enum! {
    /// The pooling of a word's tokens into one vector.
    pub enum WordPool {
        /// The first token's vector.
        First = "first",
        /// The mean over the word's tokens.
        Mean = "mean",
        /// The last token's vector.
        Last = "last",
        /// The first token's vector and behind it the last one's: twice as wide.
        FirstLast = "first-last",
    } else "unknown word pooling {found:?}; known: {known}"
}

impl WordPool {
    /// Elements of a word's vector, of tokens' vectors with `hidden_size` elements.
    pub fn width(self, hidden_size: usize) -> usize {
        if self == Self::FirstLast { 2 * hidden_size } else { hidden_size }
    }
}
