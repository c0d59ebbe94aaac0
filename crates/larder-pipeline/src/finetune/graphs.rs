//! Training graphs as files, for other programs.

use std::path::PathBuf;

use larder_data::DatasetSpec;
use larder_files::check_name;
use larder_intake::Encoder;
use larder_run::{Larder, Observer};
use serde::Serialize;

use super::FinetuneOptions;
use super::inputs::TuningInputs;
use crate::PipelineError;

/// Options of exporting training graphs.
#[derive(Debug, Clone, Default)]
pub struct GraphsOptions {
    /// The settings of training; those of the loop alone have no effect.
    pub finetune: FinetuneOptions,
    /// The folder's name under `graphs`; by default `<dataset>-<encoder>`.
    pub name: Option<String>,
}

/// Exported training graphs.
#[derive(Debug, Clone, Serialize)]
pub struct GraphsOutcome {
    /// The folder with `training_model.onnx`, `eval_model.onnx`, `optimizer_model.onnx`, `checkpoint.safetensors` and
    /// `manifest.json`.
    pub folder: PathBuf,
    /// Nodes of the training graph.
    pub training_nodes: usize,
    /// Number of trained parameters, in elements.
    pub trained: usize,
    /// Their names.
    pub parameters: Vec<String>,
}

/// Exports the graphs that fine-tune an encoder on a dataset, with the initial parameters.
///
/// # Errors
/// [`PipelineError`].
pub fn export_graphs(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &GraphsOptions,
    observer: &mut dyn Observer,
) -> Result<GraphsOutcome, PipelineError> {
    let inputs = TuningInputs::read(larder, spec, encoder, &options.finetune, observer)?;
    let settings = inputs.settings(&options.finetune)?;
    let name = options.name.clone().unwrap_or_else(|| format!("{}-{}", spec.name, encoder.name()));
    let folder = larder.home().root().join("graphs").join(check_name("graphs", &name)?);
    let graphs = larder_finetune::export(larder.runtime()?, &inputs.tunable, &settings, &folder)?;
    Ok(GraphsOutcome {
        folder,
        training_nodes: graphs.training.graph().node.len(),
        trained: graphs.parameters.iter().map(|parameter| parameter.shape.iter().product::<usize>()).sum(),
        parameters: graphs.parameters.into_iter().map(|parameter| parameter.name).collect(),
    })
}
