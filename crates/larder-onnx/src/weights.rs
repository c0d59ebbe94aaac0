//! Named parameters of an encoder, read from and written to `safetensors` files.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use larder_errors::listed;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::interface::is_float;
use crate::{Family, Model, OnnxError};

/// One parameter: row-major float32.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The values in row-major order, as many as `shape` multiplies to.
    pub values: Vec<f32>,
}

/// One tensor of a weights file.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Float(Weight),
    /// A tensor of another type, as the `position_ids` buffer of older checkpoints: an error only if asked for.
    Other(Dtype),
}

/// The parameters of one encoder by their published names, with `LayerNorm.gamma` and `.beta` of the first checkpoints
/// under today's names `.weight` and `.bias`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    entries: BTreeMap<String, Entry>,
}

impl Weights {
    /// Reads a `model.safetensors` file.
    ///
    /// # Errors
    /// [`OnnxError::Read`], or [`OnnxError::InFile`] around [`OnnxError::WeightsFormat`].
    pub fn load(path: &Path) -> Result<Self, OnnxError> {
        let bytes = larder_files::read(path).map_err(OnnxError::read(path))?;
        Self::from_bytes(&bytes).map_err(OnnxError::in_file(path))
    }

    /// Reads the bytes of a `safetensors` file; f32, f16 and bf16 become float32.
    ///
    /// # Errors
    /// [`OnnxError::WeightsFormat`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OnnxError> {
        let file = SafeTensors::deserialize(bytes).map_err(|source| OnnxError::WeightsFormat { source })?;
        let entries = file.iter().map(|(name, tensor)| (canonical(name), Entry::read(&tensor))).collect();
        Ok(Self { entries })
    }

    /// Reads the float initializers of a model, under their names: the parameters of a graph that
    /// [`build`](crate::build) made.
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`], [`OnnxError::ExternalData`].
    pub fn of_model(model: &Model) -> Result<Self, OnnxError> {
        let mut weights = Self::default();
        for tensor in model.graph().initializer.iter().filter(|tensor| is_float(tensor.data_type())) {
            weights.insert(tensor.name(), Weight { shape: tensor.shape()?, values: tensor.floats()?.into_owned() })?;
        }
        Ok(weights)
    }

    /// Adds a parameter, or replaces it.
    ///
    /// # Errors
    /// [`OnnxError::TensorSize`] when there are not as many values as the shape says.
    pub fn insert(&mut self, name: &str, weight: Weight) -> Result<(), OnnxError> {
        let expected = weight.shape.iter().product();
        if weight.values.len() != expected {
            return Err(OnnxError::TensorSize {
                tensor: name.to_owned(),
                dims: weight.shape.iter().map(|&dim| dim as i64).collect(),
                expected,
                found: weight.values.len(),
            });
        }
        self.entries.insert(canonical(name), Entry::Float(weight));
        Ok(())
    }

    /// Returns the values of the parameter `name`, row-major, if it has that shape.
    ///
    /// # Errors
    /// [`OnnxError::MissingWeight`], [`OnnxError::WeightShape`], [`OnnxError::WeightDtype`].
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32], OnnxError> {
        match self.entries.get(name) {
            Some(Entry::Float(weight)) if weight.shape == shape => Ok(&weight.values),
            Some(Entry::Float(weight)) => Err(OnnxError::WeightShape {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: weight.shape.clone(),
            }),
            Some(Entry::Other(dtype)) => {
                Err(OnnxError::WeightDtype { name: name.to_owned(), found: format!("{dtype:?}") })
            }
            None => {
                Err(OnnxError::MissingWeight { name: name.to_owned(), expected: shape.to_vec(), near: self.near(name) })
            }
        }
    }

    /// Returns true if there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Returns the prefix of the encoder's parameter names, which is what stands before its table of tokens: nothing, or the name of
    /// the encoder inside a model with a head and a dot, as `bert.`; or whatever else it is, if it is the same for all.
    pub fn prefix(&self, family: Family) -> String {
        let layout = family.layout();
        let (usual, table) = (format!("{}.", layout.prefix), format!("{}.weight", layout.words));
        let found: Vec<&str> = self
            .names()
            .filter_map(|name| name.strip_suffix(table.as_str()))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .collect();
        match found.as_slice() {
            [only] => (*only).to_owned(),
            // A file with two encoders: the plain one is meant, else the one with the family's name.
            several if !several.contains(&"") && several.contains(&usual.as_str()) => usual,
            _ => String::new(),
        }
    }

    /// All parameters of floats, sorted by name.
    pub(crate) fn floats(&self) -> impl Iterator<Item = (&str, &Weight)> {
        self.entries.iter().filter_map(|(name, entry)| match entry {
            Entry::Float(weight) => Some((name.as_str(), weight)),
            Entry::Other(_) => None,
        })
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Encodes every float parameter as float32 in the bytes of a `safetensors` file.
    ///
    /// # Errors
    /// [`OnnxError::WeightsFormat`] when the file would be malformed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OnnxError> {
        let wrong = |source| OnnxError::WeightsFormat { source };
        let floats: Vec<(&str, &[usize], Vec<u8>)> = self
            .entries
            .iter()
            .filter_map(|(name, entry)| match entry {
                Entry::Float(weight) => {
                    let bytes = weight.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                    Some((name.as_str(), weight.shape.as_slice(), bytes))
                }
                Entry::Other(_) => None,
            })
            .collect();
        let views = floats
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        safetensors::serialize(views, None).map_err(wrong)
    }

    /// Names that end alike, most alike first: a missing parameter is usually there under another prefix.
    fn near(&self, name: &str) -> String {
        let common = |other: &str| name.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
        let mut names: Vec<&str> = self.names().collect();
        names.sort_by_key(|other| std::cmp::Reverse(common(other)));
        listed(names.into_iter().take(3))
    }
}

impl Entry {
    fn read(tensor: &TensorView<'_>) -> Self {
        let data = tensor.data();
        let values = match tensor.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|&word| f16::from_le_bytes(word).to_f32()).collect(),
            Dtype::BF16 => data.as_chunks().0.iter().map(|&word| bf16::from_le_bytes(word).to_f32()).collect(),
            other => return Self::Other(other),
        };
        Self::Float(Weight { shape: tensor.shape().to_vec(), values })
    }
}

fn canonical(name: &str) -> String {
    for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] {
        if let Some(stem) = name.strip_suffix(old) {
            return format!("{stem}{new}");
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (*name, TensorView::new(*dtype, shape.clone(), bytes).expect("the test's tensor is well formed"))
        });
        safetensors::serialize(views, None).expect("the test's tensors are well formed")
    }

    #[test]
    fn every_float_type_and_name_is_read() {
        let half = |v: f32| f16::from_f32(v).to_le_bytes().to_vec();
        let brain = |v: f32| bf16::from_f32(v).to_le_bytes().to_vec();
        let weights = Weights::from_bytes(&file(&[
            ("bert.a.LayerNorm.gamma", Dtype::F16, vec![1], half(1.5)),
            ("a.LayerNorm.beta", Dtype::BF16, vec![1, 1], brain(-2.0)),
            ("b", Dtype::F32, vec![2], [3.0_f32, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("position_ids", Dtype::I64, vec![1], vec![0; 8]),
        ]))
        .expect("the file is well formed");
        assert_eq!(weights.get("bert.a.LayerNorm.weight", &[1]).expect("is there"), [1.5]);
        assert_eq!(weights.get("a.LayerNorm.bias", &[1, 1]).expect("is there"), [-2.0]);
        assert_eq!(weights.get("b", &[2]).expect("is there"), [3.0, 4.0]);
        let messages = [weights.get("b", &[1, 2]), weights.get("position_ids", &[1]), weights.get("x.b", &[2])]
            .map(|result| result.expect_err("each is wrong").to_string());
        assert_eq!(messages[0], "weight \"b\" has shape [2], and the configuration asks for [1, 2]");
        assert_eq!(messages[1], "weight \"position_ids\" is stored as I64; supported are f32, f16 and bf16");
        assert!(messages[2].starts_with("the weights lack \"x.b\" of shape [2]; nearest names there: \"b\""));
    }

    #[test]
    fn the_prefix_is_what_stands_before_the_token_table() {
        let prefix = |names: &[&str]| {
            let mut weights = Weights::default();
            for name in names {
                weights.insert(name, Weight { shape: vec![0], values: vec![] }).expect("fits");
            }
            weights.prefix(Family::Roberta)
        };
        assert_eq!(prefix(&["embeddings.word_embeddings.weight", "pooler.dense.bias"]), "");
        assert_eq!(prefix(&["roberta.embeddings.word_embeddings.weight", "lm_head.bias"]), "roberta.");
        assert_eq!(prefix(&["model.embeddings.word_embeddings.weight"]), "model.");
        let two = ["generator.embeddings.word_embeddings.weight", "roberta.embeddings.word_embeddings.weight"];
        assert_eq!(prefix(&two), "roberta.");
        assert_eq!(prefix(&["my_embeddings.word_embeddings.weight"]), "");
    }

    #[test]
    fn written_weights_are_read_back() {
        let mut weights = Weights::default();
        weights.insert("w", Weight { shape: vec![2, 1], values: vec![0.1, -7.5] }).expect("fits");
        assert!(weights.insert("w", Weight { shape: vec![2, 2], values: vec![1.0] }).is_err());
        let bytes = weights.to_bytes().expect("can be written");
        assert_eq!(Weights::from_bytes(&bytes).expect("can be read"), weights);
        assert!(matches!(Weights::from_bytes(&bytes[..40]), Err(OnnxError::WeightsFormat { .. })));
    }
}
