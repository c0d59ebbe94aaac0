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
use super::output::{MlpOutput, OutputKind};
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{
    HEAD_JSON, HEAD_VERSION, HeadTensors, Tensor, check_head_columns, check_outline, read_description, write_head,
};
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
    /// Written for other outputs only: a head of classes is read by every version.
    #[serde(default, skip_serializing_if = "OutputKind::is_softmax")]
    output: OutputKind,
    threshold: Option<f64>,
    /// The thresholds of a head of label sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f64>>,
    class_weight: ClassWeight,
    /// The smallest answer of a head of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// The largest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
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
        let (minimum, maximum) = match self.output {
            MlpOutput::Number { minimum, maximum } => (minimum, maximum),
            MlpOutput::Softmax { .. } | MlpOutput::Sigmoid { .. } => (None, None),
        };
        let hidden = self.layers.iter().rev().skip(1).rev();
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            hidden: hidden.map(|layer| layer.bias.len()).collect(),
            output: self.output.kind(),
            threshold: self.threshold(),
            thresholds: match &self.output {
                MlpOutput::Sigmoid { thresholds } => Some(thresholds.clone()),
                MlpOutput::Softmax { .. } | MlpOutput::Number { .. } => None,
            },
            class_weight: self.class_weight,
            minimum,
            maximum,
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
        for (n, &outputs) in description.hidden.iter().chain([&description.outputs()]).enumerate() {
            let weight = numbers.floats(&format!("layers.{n}.weight"), &[outputs, inputs])?;
            layers.push(MlpLayer {
                weight: Array2::from_shape_vec((outputs, inputs), weight).expect("the tensor's shape was checked"),
                bias: numbers.floats(&format!("layers.{n}.bias"), &[outputs])?,
            });
            inputs = outputs;
        }
        Ok(Self {
            layers,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            output: match description.output {
                OutputKind::Softmax => MlpOutput::Softmax { threshold: description.threshold },
                OutputKind::Sigmoid => MlpOutput::Sigmoid { thresholds: description.thresholds.unwrap_or_default() },
                OutputKind::Number => MlpOutput::Number { minimum: description.minimum, maximum: description.maximum },
            },
            classes: description.classes,
            columns: description.columns,
            class_weight: description.class_weight,
        })
    }
}

impl Description {
    /// Outputs of the last layer.
    fn outputs(&self) -> usize {
        if self.output == OutputKind::Number { 1 } else { self.classes.len() }
    }
}

/// Checks a description.
fn check(description: &Description) -> Result<(), String> {
    if description.hidden.contains(&0) {
        return Err("every hidden layer has an output at least".to_owned());
    }
    if description.output != OutputKind::Number && (description.minimum.is_some() || description.maximum.is_some()) {
        return Err("only a head that answers a number has bounds".to_owned());
    }
    if description.output == OutputKind::Softmax {
        if description.thresholds.is_some() {
            return Err("only a head of labels has a threshold for each".to_owned());
        }
        return check_outline(&description.classes, &description.columns, description.threshold);
    }
    check_head_columns(&description.columns)?;
    if description.threshold.is_some() {
        return Err("only a head of two classes has a threshold".to_owned());
    }
    let (labels, thresholds) = (description.classes.len(), description.thresholds.as_deref());
    match (description.output, thresholds) {
        (OutputKind::Number, None) if labels == 0 => Ok(()),
        (OutputKind::Number, _) => Err("a head that answers a number has neither labels nor thresholds".to_owned()),
        (_, None) => Err("a head of labels has a threshold for each, and this has none".to_owned()),
        (_, Some(_)) if labels == 0 => Err("a head of labels has at least one".to_owned()),
        (_, Some(thresholds)) if thresholds.len() != labels => {
            Err(format!("{} threshold(s) for {labels} label(s)", thresholds.len()))
        }
        (_, Some(thresholds)) => match thresholds.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
            Some(threshold) => Err(format!("a threshold of {threshold}, expected one from 0 to 1")),
            None => Ok(()),
        },
    }
}
