//! A perceptron on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `layers.<n>.weight` | F64, float32 numbers | `[out, in]` |
//! | `layers.<n>.bias` | F64, float32 numbers | `[out]` |
//! | `mean`, `scale` | F64 | `[width]` |

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::head::{MlpHead, MlpLayer};
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, Tensor, check_outline, read_description, write_head};
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// The kind of head.
const KIND: &str = "mlp";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    classes: Vec<String>,
    columns: Vec<HeadColumn>,
    /// Outputs of each hidden layer.
    hidden: Vec<usize>,
    threshold: Option<f64>,
    class_weight: ClassWeight,
}

impl MlpHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let names: Vec<[String; 2]> =
            (0..self.layers.len()).map(|n| [format!("layers.{n}.weight"), format!("layers.{n}.bias")]).collect();
        let (mean, scale) = (&self.standardiser.mean, &self.standardiser.scale);
        let mut tensors: Vec<Tensor<'_>> =
            vec![("mean", vec![mean.len()], mean.clone()), ("scale", vec![scale.len()], scale.clone())];
        for (layer, [weight, bias]) in self.layers.iter().zip(&names) {
            let (outputs, inputs) = layer.weight.dim();
            tensors.push((weight, vec![outputs, inputs], layer.weight.iter().copied().map(f64::from).collect()));
            tensors.push((bias, vec![outputs], layer.bias.iter().copied().map(f64::from).collect()));
        }
        let hidden = self.layers.iter().rev().skip(1).rev();
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            hidden: hidden.map(|layer| layer.bias.len()).collect(),
            threshold: self.threshold,
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
        let mut layers = Vec::new();
        let mut inputs = width;
        for (n, &outputs) in description.hidden.iter().chain([&description.classes.len()]).enumerate() {
            // They were float32 numbers when they were written.
            let floats = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<_>>();
            let weight = floats(numbers.values(&format!("layers.{n}.weight"), &[outputs, inputs])?);
            layers.push(MlpLayer {
                weight: Array2::from_shape_vec((outputs, inputs), weight).expect("the tensor's shape was checked"),
                bias: floats(numbers.values(&format!("layers.{n}.bias"), &[outputs])?),
            });
            inputs = outputs;
        }
        Ok(Self {
            layers,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            classes: description.classes,
            columns: description.columns,
            threshold: description.threshold,
            class_weight: description.class_weight,
        })
    }
}

/// Checks a description.
fn check(description: &Description) -> Result<(), String> {
    if description.hidden.contains(&0) {
        return Err("every hidden layer has an output at least".to_owned());
    }
    check_outline(&description.classes, &description.columns, description.threshold)
}
