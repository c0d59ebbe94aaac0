//! A training as files: three graphs, the parameters, and what is what.

use std::collections::BTreeMap;
use std::path::Path;

use larder_files::{FileError, kill_point, write_atomic, write_json};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};
use serde::Serialize;

use super::{TrainedParameter, TrainingGraphs};
use crate::{AdamW, GraphsError, optimizer_model};

/// The graph that gives loss and gradients.
pub const TRAINING_FILE: &str = "training_model.onnx";
/// The graph that gives the loss alone.
pub const EVAL_FILE: &str = "eval_model.onnx";
/// AdamW.
pub const OPTIMIZER_FILE: &str = "optimizer_model.onnx";
/// The trained parameters.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// The file that lists parameters (trained, frozen and shared) and the inputs and outputs of the graphs.
pub const MANIFEST_FILE: &str = "manifest.json";

/// `manifest.json`.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    /// The operator set of all graphs.
    opset: i64,
    trained: &'a [TrainedParameter],
    /// Constants of the graphs.
    frozen: &'a [String],
    /// Trained parameters that more than one place of the graph reads, as those of ALBERT's layers: by how many nodes of
    /// the evaluation graph.
    shared: BTreeMap<String, usize>,
    /// Asked for, and without a part in the loss.
    unreached: &'a [String],
    inputs: Vec<String>,
    outputs: Vec<String>,
    adam: AdamW,
}

impl TrainingGraphs {
    /// Writes [`TRAINING_FILE`], [`EVAL_FILE`], [`OPTIMIZER_FILE`] (of one group), [`CHECKPOINT_FILE`] with `values` of the
    /// parameters, in their order, and [`MANIFEST_FILE`] into a folder. The manifest stands only beside files that are all its
    /// own: that of older graphs goes first, and the new one comes last.
    ///
    /// # Errors
    /// [`GraphsError::File`], [`GraphsError::Model`], [`GraphsError::Checkpoint`].
    pub fn save(&self, folder: &Path, values: &[&[f32]], adam: &AdamW) -> Result<(), GraphsError> {
        let manifest = folder.join(MANIFEST_FILE);
        match std::fs::remove_file(&manifest) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::io("remove", &manifest)(error).into());
            }
            _ => kill_point("graphs-manifest-removed"),
        }
        self.training.save(&folder.join(TRAINING_FILE))?;
        self.eval.save(&folder.join(EVAL_FILE))?;
        optimizer_model(1, adam)?.save(&folder.join(OPTIMIZER_FILE))?;

        let wrong = |source: SafeTensorError| GraphsError::Checkpoint { source };
        let bytes: Vec<Vec<u8>> =
            values.iter().map(|values| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
        let views = self.parameters.iter().zip(&bytes).map(|(parameter, bytes)| {
            Ok((parameter.name.as_str(), TensorView::new(Dtype::F32, parameter.shape.clone(), bytes)?))
        });
        let views = views.collect::<Result<Vec<_>, SafeTensorError>>().map_err(wrong)?;
        let file = safetensors::serialize(views, None).map_err(wrong)?;
        write_atomic(&folder.join(CHECKPOINT_FILE), |writer| std::io::Write::write_all(writer, &file))?;

        write_json(&manifest, &self.manifest(adam)).map_err(GraphsError::from)
    }

    fn manifest(&self, adam: &AdamW) -> Manifest<'_> {
        let readers = |name: &str| {
            let nodes = self.eval.graph().node.iter();
            nodes.filter(|node| node.input.iter().any(|input| input == name)).count()
        };
        let shared = self.parameters.iter().map(|parameter| (parameter.name.clone(), readers(&parameter.name)));
        let graph = self.training.graph();
        Manifest {
            opset: self.opset,
            trained: &self.parameters,
            frozen: &self.frozen,
            shared: shared.filter(|(_, readers)| *readers > 1).collect(),
            unreached: &self.unreached,
            inputs: graph.input.iter().map(|input| input.name().to_owned()).collect(),
            outputs: graph.output.iter().map(|output| output.name().to_owned()).collect(),
            adam: *adam,
        }
    }
}
