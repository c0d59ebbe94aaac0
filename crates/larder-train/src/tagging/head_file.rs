//! A tagging head on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `weights` | F64 | `[classes, width]` |
//! | `bias`, `start` | F64 | `[classes]` |
//! | `transitions` | F64 | `[classes, classes]`, previous class first |
//! | `mean`, `scale` | F64 | `[width]` |
//!
//! Each file is written beside its place and renamed, numbers first: a `head.json` that can be read has its numbers.

use std::path::Path;

use larder_tags::TagSet;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::head::TaggingHead;
use super::kind::TaggerKind;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, check_head_columns, read_description, write_head};
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// The kind of head.
const KIND: &str = "tagger";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    tagger: TaggerKind,
    /// The types of entities; the classes are `O`, then `B-` and `I-` of each.
    types: TagSet,
    /// The tags that had no training words, and are never answered.
    never_answered: Vec<String>,
    columns: Vec<HeadColumn>,
    outside_bias: f64,
    class_weight: ClassWeight,
    c: f64,
}

impl TaggingHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let (classes, width) = self.weights.dim();
        let values = |array: &Array2<f64>| array.iter().copied().collect::<Vec<f64>>();
        let tensors = [
            ("weights", vec![classes, width], values(&self.weights)),
            ("bias", vec![classes], self.bias.clone()),
            ("start", vec![classes], self.start.clone()),
            ("transitions", vec![classes, classes], values(&self.transitions)),
            ("mean", vec![width], self.standardiser.mean.clone()),
            ("scale", vec![width], self.standardiser.scale.clone()),
        ];
        let never = self.seen_in_training.iter().enumerate().filter(|(_, seen)| !**seen);
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            tagger: self.kind,
            types: self.tags.clone(),
            never_answered: never.map(|(class, _)| self.tags.name(class)).collect(),
            columns: self.columns.clone(),
            outside_bias: self.outside_bias,
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
        let inconsistent = |what: String| TrainError::Inconsistent { path: dir.join(HEAD_JSON), what };
        let seen = check(&description).map_err(inconsistent)?;
        let numbers = HeadTensors::read(dir)?;
        let width: usize = description.columns.iter().map(|column| column.width).sum();
        let classes = description.types.len();
        let matrix = |name: &str, columns: usize| -> Result<Array2<f64>, TrainError> {
            let values = numbers.values(name, &[classes, columns])?;
            Ok(Array2::from_shape_vec((classes, columns), values).expect("the tensor's shape was checked"))
        };
        Ok(Self {
            weights: matrix("weights", width)?,
            bias: numbers.values("bias", &[classes])?,
            transitions: matrix("transitions", classes)?,
            start: numbers.values("start", &[classes])?,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            seen_in_training: seen,
            kind: description.tagger,
            tags: description.types,
            columns: description.columns,
            outside_bias: description.outside_bias,
            class_weight: description.class_weight,
            c: description.c,
        })
    }
}

/// Checks a description. Returns for each class whether it was seen in training, `[classes]`.
fn check(description: &Description) -> Result<Vec<bool>, String> {
    let Description { types, never_answered, columns, outside_bias, .. } = description;
    check_head_columns(columns)?;
    if !outside_bias.is_finite() {
        return Err(format!("`outside_bias` is {outside_bias}"));
    }
    let mut seen = vec![true; types.len()];
    for tag in never_answered {
        let class = types.class(tag).ok_or_else(|| format!("`never_answered` has `{tag}`, which is no tag of it"))?;
        seen[class] = false;
    }
    // Otherwise some word could have no class at all.
    if !(0..types.len()).any(|class| seen[class] && (class == 0 || class % 2 == 1)) {
        return Err("no class that may start a sentence can be answered".to_owned());
    }
    Ok(seen)
}
