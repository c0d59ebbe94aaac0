//! The two files of any head: a description in JSON, and its numbers as tensors, float64 unless a head says otherwise.
//!
//! Each file is written beside its place and renamed, numbers first: a `head.json` that can be read has its numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use larder_files::{FileError, read_json_text, write_atomic, write_json};
use larder_files::{metadata_entry, seal_safetensors, verify_safetensors};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::head::HeadColumn;

/// Version of both files; it rises when an older larder could not read them rightly.
pub const HEAD_VERSION: u32 = 1;

/// The name of the description.
pub const HEAD_JSON: &str = "head.json";

/// The name of the numbers' file.
pub const HEAD_SAFETENSORS: &str = "head.safetensors";

/// Read first, so that a later version's description is refused for its version, and another head's for its kind, and
/// not for their fields.
#[derive(Deserialize)]
struct Version {
    version: u32,
    #[serde(default)]
    kind: serde_json::Value,
}

/// A tensor to be written: name, shape, numbers in row-major order.
pub(crate) type Tensor<'a> = (&'a str, Vec<usize>, Vec<f64>);

/// A float32 tensor to be written: name, shape, numbers in row-major order.
pub(crate) type FloatTensor<'a> = (&'a str, Vec<usize>, &'a [f32]);

/// Writes both files into the folder `dir`, which is made if it is not there.
pub(crate) fn write_head(dir: &Path, description: &impl Serialize, tensors: &[Tensor<'_>]) -> Result<(), TrainError> {
    write_head_with(dir, description, tensors, &[])
}

/// The same, with tensors of float32.
pub(crate) fn write_head_with(
    dir: &Path,
    description: &impl Serialize,
    tensors: &[Tensor<'_>],
    floats: &[FloatTensor<'_>],
) -> Result<(), TrainError> {
    let path = dir.join(HEAD_SAFETENSORS);
    let doubles = tensors.iter().map(|(name, shape, values)| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (*name, Dtype::F64, shape, bytes)
    });
    let floats = floats.iter().map(|(name, shape, values)| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (*name, Dtype::F32, shape, bytes)
    });
    let tensors: Vec<(&str, Dtype, &Vec<usize>, Vec<u8>)> = doubles.chain(floats).collect();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| Ok((*name, TensorView::new(*dtype, shape.to_vec(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    let mut numbers = views
        .and_then(|views| serialize(views, Some(HashMap::from([metadata_entry()]))))
        .map_err(|source| TrainError::Safetensors { path: path.clone(), source })?;
    seal_safetensors(&mut numbers);
    write_atomic(&path, |file| std::io::Write::write_all(file, &numbers))?;
    Ok(write_json(&dir.join(HEAD_JSON), description)?)
}

/// Reads the description of a head of kind `expected`.
pub(crate) fn read_description<D: DeserializeOwned>(dir: &Path, expected: &str) -> Result<D, TrainError> {
    let path = dir.join(HEAD_JSON);
    let missing = || TrainError::Io { action: "read", path: path.clone(), source: std::io::ErrorKind::NotFound.into() };
    let text = read_json_text(&path)?.ok_or_else(missing)?;
    let json = |source| TrainError::Json { path: path.clone(), source };
    let Version { version, kind } = serde_json::from_slice(&text).map_err(json)?;
    if version != HEAD_VERSION {
        return Err(TrainError::Version { path, found: version, expected: HEAD_VERSION });
    }
    if kind.as_str().is_some_and(|kind| kind != expected) {
        let what = format!("the head is of kind {kind}, expected \"{expected}\"");
        return Err(TrainError::Inconsistent { path, what });
    }
    serde_json::from_slice(&text).map_err(json)
}

/// Checks that hold for every head with one label a text.
pub(crate) fn check_outline(classes: &[String], columns: &[HeadColumn], threshold: Option<f64>) -> Result<(), String> {
    if classes.len() < 2 {
        return Err(format!("{} class(es), expected at least 2", classes.len()));
    }
    check_head_columns(columns)?;
    match threshold {
        None if classes.len() == 2 => Err("a head of two classes has a threshold, and this has none".to_owned()),
        Some(_) if classes.len() > 2 => Err("only a head of two classes has a threshold".to_owned()),
        _ => Ok(()),
    }
}

/// Checks the columns of any head.
pub(crate) fn check_head_columns(columns: &[HeadColumn]) -> Result<(), String> {
    if columns.is_empty() || columns.iter().any(|column| column.width == 0) {
        return Err("a head reads at least one column, and every column has a width".to_owned());
    }
    let width = columns.iter().try_fold(0_usize, |width, column| width.checked_add(column.width));
    width.map(drop).ok_or_else(|| "the columns together are wider than any head".to_owned())
}

/// The numbers of a head.
pub(crate) struct HeadTensors {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl HeadTensors {
    pub(crate) fn read(dir: &Path) -> Result<Self, TrainError> {
        let path = dir.join(HEAD_SAFETENSORS);
        let bytes = larder_files::read(&path).map_err(|source| TrainError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        verify_safetensors(&bytes).map_err(|what| FileError::Damaged { path: path.clone(), what })?;
        Ok(Self { path, bytes })
    }

    /// The numbers of one tensor, which must be float64 of the given shape and finite.
    pub(crate) fn values(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f64>, TrainError> {
        let read = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
        self.numbers(tensor, Dtype::F64, shape, 8, read, |value| value.is_finite())
    }

    /// The numbers of one tensor, which must be float32 of the given shape and finite.
    pub(crate) fn float32(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, TrainError> {
        let read = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("chunks of four bytes"));
        self.numbers(tensor, Dtype::F32, shape, 4, read, |value| value.is_finite())
    }

    /// The numbers of one tensor of the given type and shape, of `bytes` bytes each.
    fn numbers<T: std::fmt::Display>(
        &self,
        tensor: &str,
        dtype: Dtype,
        shape: &[usize],
        bytes: usize,
        read: impl Fn(&[u8]) -> T,
        is_finite: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, TrainError> {
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|source| TrainError::Safetensors { path: self.path.clone(), source })?;
        let wrong = |found: String| TrainError::Tensor {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            found,
            expected: format!("{dtype:?} {shape:?}"),
        };
        let view = tensors.tensor(tensor).map_err(|_| {
            let mut names = tensors.names();
            names.sort_unstable();
            wrong(format!("only {}", names.join(", ")))
        })?;
        if view.dtype() != dtype || view.shape() != shape {
            return Err(wrong(format!("{:?} {:?}", view.dtype(), view.shape())));
        }
        let values: Vec<T> = view.data().chunks_exact(bytes).map(read).collect();
        match values.iter().find(|value| !is_finite(value)) {
            Some(value) => Err(wrong(format!("the value {value}"))),
            None => Ok(values),
        }
    }

    /// The numbers of a tensor that were float32 when they were written.
    pub(crate) fn floats(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, TrainError> {
        let values = self.values(tensor, shape)?;
        let floats: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        match floats.iter().position(|float| !float.is_finite()) {
            Some(at) => {
                let what = format!("tensor `{tensor}` has {}, which is no float32 number", values[at]);
                Err(TrainError::Inconsistent { path: self.path.clone(), what })
            }
            None => Ok(floats),
        }
    }

    /// The numbers of a tensor that is divided by.
    pub(crate) fn scale(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f64>, TrainError> {
        let values = self.values(tensor, shape)?;
        if values.contains(&0.0) {
            let what = format!("tensor `{tensor}` has a 0");
            return Err(TrainError::Inconsistent { path: self.path.clone(), what });
        }
        Ok(values)
    }
}
