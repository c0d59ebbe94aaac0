//! Why there is no page.

/// A page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart that cannot be drawn: a bug in larder.
    #[error("the chart `{chart}` cannot be drawn")]
    Chart {
        /// Its title.
        chart: String,
        /// What the drawing library says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
