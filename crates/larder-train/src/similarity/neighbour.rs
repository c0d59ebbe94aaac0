//! What an answer rests on.

/// A training row that an answer rests on.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Neighbour {
    /// Its id in the dataset.
    pub id: String,
    /// Its class.
    pub class: usize,
    /// The cosine between its vector and the text's, -1 to 1.
    pub similarity: f64,
}
