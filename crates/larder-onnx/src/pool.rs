//! How the tokens of a text become one vector.

use crate::spelling::spelled_enum;

spelled_enum! {
    /// How the tokens of a text become one vector.
    Pool ("pooling") {
        /// The first token's vector.
        Cls = "cls",
        /// The mean over the tokens that the mask marks.
        Mean = "mean",
        /// The encoder's own pooled output: for BERT, a dense layer with tanh on the first token.
        Pooler = "pooler",
    }
}

spelled_enum! {
    /// What is kept of a layer's output.
    FeatureKind ("kind of feature") {
        /// [`Pool::Cls`].
        Cls = "cls",
        /// [`Pool::Mean`].
        Mean = "mean",
        /// [`Pool::Pooler`].
        Pooler = "pooler",
        /// Every token's vector.
        Tokens = "tokens",
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
