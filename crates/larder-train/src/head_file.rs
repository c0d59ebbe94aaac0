//! A head on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `weights` | F64 | `[outputs, width]` |
//! | `intercept` | F64 | `[outputs]` |
//! | `mean`, `scale` | F64 | `[width]` |
//!
//! Each file is written beside its place and renamed, numbers first: a `head.json` that can be read has its numbers.

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::head::{HeadColumn, LogisticHead};
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, check_outline, read_description, write_head};
use crate::objective::outputs_of;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// The kind of head.
const KIND: &str = "logistic";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    classes: Vec<String>,
    columns: Vec<HeadColumn>,
    threshold: Option<f64>,
    class_weight: ClassWeight,
    c: f64,
}

impl LogisticHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let (outputs, width) = self.weights.dim();
        let tensors = [
            ("weights", vec![outputs, width], self.weights.iter().copied().collect()),
            ("intercept", vec![self.intercept.len()], self.intercept.clone()),
            ("mean", vec![self.standardiser.mean.len()], self.standardiser.mean.clone()),
            ("scale", vec![self.standardiser.scale.len()], self.standardiser.scale.clone()),
        ];
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            threshold: self.threshold,
            class_weight: self.class_weight,
            c: self.c,
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
        check_outline(&description.classes, &description.columns, description.threshold)
            .map_err(|what| TrainError::Inconsistent { path: dir.join(HEAD_JSON), what })?;
        let numbers = HeadTensors::read(dir)?;
        let width: usize = description.columns.iter().map(|column| column.width).sum();
        let outputs = outputs_of(description.classes.len());
        Ok(Self {
            weights: Array2::from_shape_vec((outputs, width), numbers.values("weights", &[outputs, width])?)
                .expect("the tensor's shape was checked"),
            intercept: numbers.values("intercept", &[outputs])?,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            classes: description.classes,
            columns: description.columns,
            threshold: description.threshold,
            class_weight: description.class_weight,
            c: description.c,
        })
    }
}
