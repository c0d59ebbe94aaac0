//! Pooling: the tokens of a text, or of a word, as one vector.

use larder_errors::spelled_enum;

spelled_enum! {
    /// The pooling of a text's tokens into one vector.
    pub enum Pool {
        /// The first token's vector.
        Cls = "cls",
        /// The mean over the tokens that the mask marks.
        Mean = "mean",
        /// The encoder's own pooled output: for BERT, a dense layer with tanh on the first token.
        Pooler = "pooler",
    } else "unknown pooling {found:?}; known: {known}"
}

spelled_enum! {
    /// The part kept of a layer's output.
    pub enum FeatureKind {
        /// [`Pool::Cls`].
        Cls = "cls",
        /// [`Pool::Mean`].
        Mean = "mean",
        /// [`Pool::Pooler`].
        Pooler = "pooler",
        /// Every token's vector.
        Tokens = "tokens",
    } else "unknown kind of feature {found:?}; known: {known}"
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

impl From<Pool> for FeatureKind {
    fn from(pool: Pool) -> Self {
        match pool {
            Pool::Cls => Self::Cls,
            Pool::Mean => Self::Mean,
            Pool::Pooler => Self::Pooler,
        }
    }
}
