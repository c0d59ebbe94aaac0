//! A head on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `weights` | F64 | `[outputs, width]` |
//! | `intercept` | F64 | `[outputs]` |
//! | `mean`, `scale` | F64 | `[width]` |
//!
//! Each file is written beside its place and renamed, numbers first: a `head.json` that can be read has its numbers.

use std::fs;
use std::path::Path;

use larder_store::{write_atomic, write_json};
use ndarray::Array2;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::head::{HeadColumn, LogisticHead};
use crate::objective::outputs_of;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// Version of both files; it rises when an older larder could not read them rightly.
pub const HEAD_VERSION: u32 = 1;

/// The name of the description.
pub const HEAD_JSON: &str = "head.json";

/// The name of the numbers' file.
pub const HEAD_SAFETENSORS: &str = "head.safetensors";

/// The only kind of head so far.
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

/// Read first, so that a later version's description is refused for its version and not for its fields.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl LogisticHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::Store`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let path = dir.join(HEAD_SAFETENSORS);
        let (outputs, width) = self.weights.dim();
        let tensors = [
            ("weights", vec![outputs, width], bytes(self.weights.iter())),
            ("intercept", vec![self.intercept.len()], bytes(self.intercept.iter())),
            ("mean", vec![self.standardiser.mean.len()], bytes(self.standardiser.mean.iter())),
            ("scale", vec![self.standardiser.scale.len()], bytes(self.standardiser.scale.iter())),
        ];
        let views = tensors
            .iter()
            .map(|(name, shape, data)| Ok((*name, TensorView::new(Dtype::F64, shape.clone(), data)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let numbers = views
            .and_then(|views| serialize(views, None))
            .map_err(|source| TrainError::Safetensors { path: path.clone(), source })?;
        write_atomic(&path, |file| file.write_all(&numbers))?;

        let path = dir.join(HEAD_JSON);
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            threshold: self.threshold,
            class_weight: self.class_weight,
            c: self.c,
        };
        Ok(write_json(&path, &description)?)
    }

    /// Reads the head that [`save`](Self::save) wrote into `dir`.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Json`], [`TrainError::Version`], [`TrainError::Inconsistent`],
    /// [`TrainError::Safetensors`], and [`TrainError::Tensor`] for a missing tensor, a wrong type or shape.
    pub fn load(dir: &Path) -> Result<Self, TrainError> {
        let path = dir.join(HEAD_JSON);
        let text = fs::read(&path).map_err(|source| io("read", &path, source))?;
        let json = |source| TrainError::Json { path: path.clone(), source };
        let Version { version } = serde_json::from_slice(&text).map_err(json)?;
        if version != HEAD_VERSION {
            return Err(TrainError::Version { path, found: version, expected: HEAD_VERSION });
        }
        let description: Description = serde_json::from_slice(&text).map_err(json)?;
        check(&description).map_err(|what| TrainError::Inconsistent { path, what })?;

        let path = dir.join(HEAD_SAFETENSORS);
        let numbers = fs::read(&path).map_err(|source| io("read", &path, source))?;
        let tensors = SafeTensors::deserialize(&numbers)
            .map_err(|source| TrainError::Safetensors { path: path.clone(), source })?;
        let width: usize = description.columns.iter().map(|column| column.width).sum();
        let outputs = outputs_of(description.classes.len());
        let read = |tensor: &str, shape: &[usize]| values(&path, &tensors, tensor, shape);
        let head = Self {
            weights: Array2::from_shape_vec((outputs, width), read("weights", &[outputs, width])?)
                .expect("the tensor's shape was checked"),
            intercept: read("intercept", &[outputs])?,
            standardiser: Standardiser { mean: read("mean", &[width])?, scale: read("scale", &[width])? },
            classes: description.classes,
            columns: description.columns,
            threshold: description.threshold,
            class_weight: description.class_weight,
            c: description.c,
        };
        if head.standardiser.scale.contains(&0.0) {
            return Err(TrainError::Inconsistent { path, what: "tensor `scale` has a 0".to_owned() });
        }
        Ok(head)
    }
}

/// What a description must hold for the head to work.
fn check(description: &Description) -> Result<(), String> {
    let Description { kind, classes, columns, threshold, .. } = description;
    if kind != KIND {
        return Err(format!("the head is of kind `{kind}`, expected `{KIND}`"));
    }
    if classes.len() < 2 {
        return Err(format!("{} class(es), expected at least 2", classes.len()));
    }
    if columns.is_empty() || columns.iter().any(|column| column.width == 0) {
        return Err("a head reads at least one column, and every column has a width".to_owned());
    }
    match threshold {
        None if classes.len() == 2 => Err("a head of two classes has a threshold, and this has none".to_owned()),
        Some(_) if classes.len() > 2 => Err("only a head of two classes has a threshold".to_owned()),
        _ => Ok(()),
    }
}

/// The numbers of one tensor, which must be float64 of the given shape and finite.
fn values(path: &Path, tensors: &SafeTensors<'_>, tensor: &str, shape: &[usize]) -> Result<Vec<f64>, TrainError> {
    let wrong = |found: String| TrainError::Tensor {
        path: path.to_owned(),
        tensor: tensor.to_owned(),
        found,
        expected: format!("F64 {shape:?}"),
    };
    let view = tensors.tensor(tensor).map_err(|_| {
        let mut names = tensors.names();
        names.sort_unstable();
        wrong(format!("only {}", names.join(", ")))
    })?;
    if view.dtype() != Dtype::F64 || view.shape() != shape {
        return Err(wrong(format!("{:?} {:?}", view.dtype(), view.shape())));
    }
    let values: Vec<f64> = view
        .data()
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes")))
        .collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(wrong(format!("the value {value}"))),
        None => Ok(values),
    }
}

fn bytes<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<u8> {
    values.flat_map(|value| value.to_le_bytes()).collect()
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io { action, path: path.to_owned(), source }
}
