//! The settings of a head that compares vectors.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::settings::DEFAULT_SEED;

/// Numbers of neighbours tried.
pub const DEFAULT_NEIGHBOURS: &[usize] = &[1, 3, 5, 10, 20, 50];

/// Temperatures tried. Cosines lie between -1 and 1, and those of two classes often differ by a tenth or two, so that a factor of
/// 10 makes odds of 3 or 7 of it.
pub(super) const TEMPERATURES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// Rows that a class's name counts as: those tried. The last leaves the rows out as good as wholly.
pub(super) const NAME_ROWS: &[f64] = &[1.0, 3.0, 10.0, 30.0, 1e6];

/// Rows that a class's name counts as where too few rows are there to choose.
pub(super) const UNCHOSEN_NAME_ROWS: f64 = 3.0;

/// The temperature that is taken where too few rows are there to choose one.
pub const UNCHOSEN_TEMPERATURE: f64 = 10.0;

spelled_enum! {
    /// What a text is compared with.
    pub enum SimilarityKind {
        /// The mean vector of each class (Snell, Swersky and Zemel 2017, <https://arxiv.org/abs/1703.05175>).
        Prototype = "prototype",
        /// The name of each class, read as a text, together with the class's rows: the name counts as several of them (Yin, Hay and
        /// Roth 2019, <https://arxiv.org/abs/1909.00161>, of names alone).
        Labels = "labels",
        /// The nearest training rows (Cover and Hart 1967, <https://doi.org/10.1109/TIT.1967.1053964>).
        Knn = "knn",
    }
}

/// Settings of [`train_similarity`](crate::train_similarity).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimilaritySettings {
    /// What a text is compared with.
    pub kind: SimilarityKind,
    /// `knn`: numbers of neighbours to choose among. One value fixes it.
    pub neighbours: Vec<usize>,
    /// Standardise features to mean 0 and deviation 1 before they are brought to unit length.
    pub standardise: bool,
    /// `knn`: the seed of the rows by which the number of neighbours is chosen, where there are too many to take all.
    pub seed: u64,
}

impl SimilaritySettings {
    /// The default settings of a kind.
    pub fn new(kind: SimilarityKind) -> Self {
        Self { kind, neighbours: DEFAULT_NEIGHBOURS.to_vec(), standardise: true, seed: DEFAULT_SEED }
    }

    /// The numbers of neighbours in ascending order, each once, checked.
    pub(super) fn checked_neighbours(&self) -> Result<Vec<usize>, TrainError> {
        let mut neighbours = self.neighbours.clone();
        neighbours.sort_unstable();
        neighbours.dedup();
        match neighbours.first() {
            None | Some(0) => Err(TrainError::Setting {
                setting: "the number of neighbours",
                found: neighbours.first().map_or_else(|| "empty".to_owned(), usize::to_string),
                expected: "expected at least 1",
            }),
            Some(_) => Ok(neighbours),
        }
    }
}
