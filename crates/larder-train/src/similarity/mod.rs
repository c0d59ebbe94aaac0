//! Heads that compare a text's vector with the mean of each class's rows (`prototype`), together with its name (`labels`), or with the
//! training rows themselves (`knn`). See `docs/similarity.md`.

mod head;
mod head_file;
mod held_out;
mod neighbour;
mod selection;
mod settings;
mod train;
mod unit_rows;

pub use head::SimilarityHead;
pub use neighbour::Neighbour;
pub use selection::{SimilaritySelection, SimilaritySelectionEntry};
pub use settings::{DEFAULT_NEIGHBOURS, SimilarityKind, SimilaritySettings, UNCHOSEN_TEMPERATURE};
pub use train::{SimilarityProgress, TrainedSimilarity, train_similarity};
