//! A multi-label head on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `weights` | F64 | `[labels, width]` |
//! | `intercept`, `thresholds`, `c` | F64 | `[labels]` |
//! | `mean`, `scale` | F64 | `[width]` |

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::head::MultilabelHead;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, check_head_columns, read_description, write_head};
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// The kind of head.
const KIND: &str = "multilabel";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    labels: Vec<String>,
    columns: Vec<HeadColumn>,
    class_weight: ClassWeight,
}

impl MultilabelHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let (labels, width) = self.weights.dim();
        let tensors = [
            ("weights", vec![labels, width], self.weights.iter().copied().collect()),
            ("intercept", vec![labels], self.intercept.clone()),
            ("thresholds", vec![labels], self.thresholds.clone()),
            ("c", vec![labels], self.c.clone()),
            ("mean", vec![width], self.standardiser.mean.clone()),
            ("scale", vec![width], self.standardiser.scale.clone()),
        ];
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            labels: self.labels.clone(),
            columns: self.columns.clone(),
            class_weight: self.class_weight,
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
        let labels = description.labels.len();
        Ok(Self {
            weights: Array2::from_shape_vec((labels, width), numbers.values("weights", &[labels, width])?)
                .expect("the tensor's shape was checked"),
            intercept: numbers.values("intercept", &[labels])?,
            thresholds: numbers.values("thresholds", &[labels])?,
            c: numbers.values("c", &[labels])?,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            labels: description.labels,
            columns: description.columns,
            class_weight: description.class_weight,
        })
    }
}

fn check(description: &Description) -> Result<(), String> {
    if description.labels.is_empty() {
        return Err("a head answers at least one label, and this has none".to_owned());
    }
    check_head_columns(&description.columns)
}
