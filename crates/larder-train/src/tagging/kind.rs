//! The kinds of tagging head.

use larder_errors::spelled_enum;

spelled_enum! {
    /// The kind of a tagging head. Both are decoded alike, by Viterbi over legal sequences.
    pub enum TaggerKind {
        /// Multinomial logistic regression: each word is judged by its own features.
        Logistic = "logistic",
        /// A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001): whole sequences are judged, by
        /// the words' features and by which class follows which.
        Crf = "crf",
    } else "unknown tagging head `{found}`: expected one of {known}"
}
