//! The names of strategies.

use larder_errors::spelled_enum;

spelled_enum! {
    /// A way to choose rows.
    pub enum Strategy {
        /// The two most probable classes are close; spread over the vectors.
        Margin = "margin",
        /// The probabilities are even; spread over the vectors.
        Entropy = "entropy",
        /// k-means++ on gradients of the loss (Ash et al. 2020).
        Badge = "badge",
        /// Farthest from all labelled and chosen rows (Sener and Savarese 2018).
        Coreset = "coreset",
        /// Drawn at random: what the others are measured against.
        Random = "random",
    } else "unknown strategy `{found}`: expected one of {known}"
}

spelled_enum! {
    /// A strategy as asked for.
    pub enum StrategyChoice {
        /// The one that suits the run.
        Auto = "auto",
        /// [`Strategy::Margin`].
        Margin = "margin",
        /// [`Strategy::Entropy`].
        Entropy = "entropy",
        /// [`Strategy::Badge`].
        Badge = "badge",
        /// [`Strategy::Coreset`].
        Coreset = "coreset",
        /// [`Strategy::Random`].
        Random = "random",
    } else "unknown strategy `{found}`: expected one of {known}"
}

impl StrategyChoice {
    /// Returns the strategy named; `None` for `auto`.
    pub fn named(self) -> Option<Strategy> {
        match self {
            Self::Auto => None,
            Self::Margin => Some(Strategy::Margin),
            Self::Entropy => Some(Strategy::Entropy),
            Self::Badge => Some(Strategy::Badge),
            Self::Coreset => Some(Strategy::Coreset),
            Self::Random => Some(Strategy::Random),
        }
    }
}
