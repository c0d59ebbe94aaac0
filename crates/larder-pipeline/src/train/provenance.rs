//! What decides a run.

use larder_data::{DatasetSpec, LabelMap, Task};
use larder_files::Provenance;
use larder_finetune::MlpSettings;
use larder_store::FeaturesFile;
use larder_train::{TaggingSettings, TrainSettings};

use super::TrainOptions;
use crate::record::FORMAT_VERSION;

/// How columns, strengths, thresholds and biases are chosen: heads that were chosen in another way are trained again. Before
/// there was a number, any gain on held-out rows was taken.
const CHOICE: &str = "one standard error";

/// What a run made now would record: the features' own provenance, with the columns trained on instead of those cached.
pub(super) fn of_run(
    file: &FeaturesFile,
    spec: &DatasetSpec,
    labels: &LabelMap,
    columns: &[String],
    options: &TrainOptions,
) -> Provenance {
    let made_from = file.provenance().map(|p| p.parts).unwrap_or_default();
    let provenance = Provenance::new("train", FORMAT_VERSION)
        .with_all(made_from.into_iter().filter(|(part, _)| !part.starts_with("ran.")))
        .with("columns", columns.join(","))
        .with("choice", CHOICE)
        .with("dataset", &spec.name)
        .with("labels", labels.names().join(","));
    match (spec.task, &options.mlp) {
        (Task::Sequence, Some(settings)) => of_mlp(provenance, settings),
        (Task::Sequence, None) => of_sequence(provenance, &options.sequence),
        (Task::Tagging, _) => of_tagging(provenance, &options.tagging),
    }
}

fn of_sequence(provenance: Provenance, settings: &TrainSettings) -> Provenance {
    provenance
        .with("head", "logistic")
        .with("metric", settings.metric)
        .with("folds", settings.folds)
        .with("c", strengths(&settings.grid))
        .with("class_weight", settings.class_weight)
        .with("threshold", settings.threshold)
        .with("standardise", settings.standardise)
        .with("seed", settings.seed)
}

fn of_mlp(provenance: Provenance, settings: &MlpSettings) -> Provenance {
    let hidden: Vec<String> = settings.hidden.iter().map(usize::to_string).collect();
    provenance
        .with("head", "mlp")
        .with("hidden", hidden.join(","))
        .with("dropout", settings.dropout)
        .with("epochs", settings.epochs)
        .with("patience", settings.patience)
        .with("learning_rate", settings.learning_rate)
        .with("schedule", settings.schedule)
        .with("warmup", settings.warmup)
        .with("batch_rows", settings.batch_rows)
        .with("weight_decay", settings.weight_decay)
        .with("clip", settings.clip.map_or_else(|| "none".to_owned(), |clip| clip.to_string()))
        .with("label_smoothing", settings.label_smoothing)
        .with("class_weight", settings.class_weight)
        .with("metric", settings.metric)
        .with("threshold", settings.threshold)
        .with("standardise", settings.standardise)
        .with("memory_bytes", settings.memory_bytes)
        .with("seed", settings.seed)
}

fn of_tagging(provenance: Provenance, settings: &TaggingSettings) -> Provenance {
    provenance
        .with("head", settings.kind)
        .with("folds", settings.folds)
        .with("c", strengths(&settings.grid))
        .with("class_weight", settings.class_weight)
        .with("use", settings.columns)
        .with("bias", settings.bias)
        .with("standardise", settings.standardise)
        .with("solver", settings.solver)
        .with("memory_bytes", settings.memory_bytes)
        .with("epochs", settings.epochs)
        .with("learning_rate", settings.learning_rate)
        .with("seed", settings.seed)
}

fn strengths(grid: &[f64]) -> String {
    grid.iter().map(|c| format!("{c:e}")).collect::<Vec<_>>().join(",")
}
