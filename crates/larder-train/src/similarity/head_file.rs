//! The head on disk: `head.json` says what it is, `head.safetensors` holds its numbers.
//!
//! | tensor | dtype | shape |
//! |---|---|---|
//! | `references` | F32 | `[references, width]` |
//! | `reference_classes` | F64 | `[references]` |
//! | `mean`, `scale` | F64 | `[width]` |

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::head::SimilarityHead;
use super::settings::SimilarityKind;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::head_folder::{HEAD_JSON, HEAD_VERSION, HeadTensors, check_head_columns, read_description, write_head_with};
use crate::standardise::Standardiser;

/// The kind of head.
const KIND: &str = "similarity";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    kind: String,
    compares_with: SimilarityKind,
    classes: Vec<String>,
    columns: Vec<HeadColumn>,
    references: usize,
    reference_ids: Vec<String>,
    neighbours: usize,
    temperature: f64,
}

impl SimilarityHead {
    /// Writes `head.safetensors` and `head.json` into the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`TrainError::File`] with the path.
    pub fn save(&self, dir: &Path) -> Result<(), TrainError> {
        let (references, width) = self.references.dim();
        let classes = self.reference_classes.iter().map(|&class| class as f64).collect();
        let tensors = [
            ("reference_classes", vec![references], classes),
            ("mean", vec![width], self.standardiser.mean.clone()),
            ("scale", vec![width], self.standardiser.scale.clone()),
        ];
        let rows = self.references.as_standard_layout();
        let floats = [("references", vec![references, width], rows.as_slice().unwrap_or_default())];
        let description = Description {
            version: HEAD_VERSION,
            kind: KIND.to_owned(),
            compares_with: self.kind,
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            references,
            reference_ids: self.reference_ids.clone(),
            neighbours: self.neighbours,
            temperature: self.temperature,
        };
        write_head_with(dir, &description, &tensors, &floats)
    }

    /// Reads the head that [`save`](Self::save) wrote into `dir`.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Json`], [`TrainError::Version`], [`TrainError::Inconsistent`],
    /// [`TrainError::Safetensors`], and [`TrainError::Tensor`] for a missing tensor, a wrong type or shape.
    pub fn load(dir: &Path) -> Result<Self, TrainError> {
        let description: Description = read_description(dir, KIND)?;
        let inconsistent = |what| TrainError::Inconsistent { path: dir.join(HEAD_JSON), what };
        check(&description).map_err(inconsistent)?;
        let numbers = HeadTensors::read(dir)?;
        let width: usize = description.columns.iter().map(|column| column.width).sum();
        let references = description.references;
        let reference_classes: Vec<usize> = numbers
            .values("reference_classes", &[references])?
            .into_iter()
            .map(|class| class_index(class, description.classes.len()))
            .collect::<Result<_, String>>()
            .map_err(inconsistent)?;
        Ok(Self {
            references: Array2::from_shape_vec(
                (references, width),
                numbers.float32("references", &[references, width])?,
            )
            .expect("the tensor's shape was checked"),
            reference_classes,
            standardiser: Standardiser {
                mean: numbers.values("mean", &[width])?,
                scale: numbers.scale("scale", &[width])?,
            },
            kind: description.compares_with,
            classes: description.classes,
            columns: description.columns,
            reference_ids: description.reference_ids,
            neighbours: description.neighbours,
            temperature: description.temperature,
        })
    }
}

fn class_index(class: f64, classes: usize) -> Result<usize, String> {
    let index = class as usize;
    match index as f64 == class && index < classes {
        true => Ok(index),
        false => Err(format!("a reference has the class {class}, expected a whole number below {classes}")),
    }
}

fn check(description: &Description) -> Result<(), String> {
    let Description { classes, columns, references, reference_ids, neighbours, temperature, .. } = description;
    if classes.len() < 2 {
        return Err(format!("{} class(es), expected at least 2", classes.len()));
    }
    check_head_columns(columns)?;
    if !(1..=*references).contains(neighbours) {
        return Err(format!(
            "{neighbours} of {references} reference(s) vote, expected at least one and no more than there are"
        ));
    }
    let ids = match description.compares_with {
        SimilarityKind::Prototype | SimilarityKind::Labels => 0,
        SimilarityKind::Knn => *references,
    };
    if reference_ids.len() != ids {
        return Err(format!("{} id(s) of references, expected {ids}", reference_ids.len()));
    }
    match temperature.is_finite() && *temperature > 0.0 {
        true => Ok(()),
        false => Err(format!("the temperature is {temperature}, expected a finite number above 0")),
    }
}
