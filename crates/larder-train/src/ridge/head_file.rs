//! A ridge regression on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `weights` | F64 | `[width]` |
//! | `intercept` | F64 | `[1]` |
//! | `mean`, `scale` | F64 | `[width]` |

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::head::RidgeHead;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, check_head_columns, read_description, write_head};
use crate::standardise::Standardiser;

/// The kind of head.
const KIND: &str = "ridge";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    columns: Vec<HeadColumn>,
    alpha: f64,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

impl RidgeHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let width = self.weights.len();
        let tensors = [
            ("weights", vec![width], self.weights.clone()),
            ("intercept", vec![1], vec![self.intercept]),
            ("mean", vec![width], self.standardiser.mean.clone()),
            ("scale", vec![width], self.standardiser.scale.clone()),
        ];
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            columns: self.columns.clone(),
            alpha: self.alpha,
            minimum: self.minimum,
            maximum: self.maximum,
        };
        write_head(dir, &description, &tensors)
    }

    /// Reads the head that [`save`](Self::save) wrote into `dir`.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Json`], [`TrainError::Version`], [`TrainError::Inconsistent`],
    /// [`TrainError::Safetensors`], and [`TrainError::Tensor`] for a missing tensor, a wrong type or shape.
    pub fn load(dir: &Path) -> Result<Self, TrainError> {
        let description: Description = read_description(dir, KIND)?;
        check(&description).map_err(|what| TrainError::Inconsistent { path: dir.join(HEAD_JSON), what })?;
        let numbers = HeadTensors::read(dir)?;
        let width: usize = description.columns.iter().map(|column| column.width).sum();
        Ok(Self {
            weights: numbers.values("weights", &[width])?,
            intercept: numbers.values("intercept", &[1])?[0],
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            columns: description.columns,
            alpha: description.alpha,
            minimum: description.minimum,
            maximum: description.maximum,
        })
    }
}

fn check(description: &Description) -> Result<(), String> {
    check_head_columns(&description.columns)?;
    match (description.minimum, description.maximum) {
        (Some(minimum), Some(maximum)) if minimum >= maximum => {
            Err(format!("answers lie between {minimum} and {maximum}, which no number does"))
        }
        _ => Ok(()),
    }
}
