//! What decides a run.

use larder_data::{DatasetSpec, LabelMap, Task};
use larder_files::Provenance;
use larder_store::FeaturesFile;
use larder_train::MlpSettings;
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
    // No `..`: a setting that is not named here would leave runs fresh that it changes.
    let TrainSettings { metric, folds, grid, class_weight, threshold, standardise, seed } = settings;
    provenance
        .with("head", "logistic")
        .with("metric", metric)
        .with("folds", folds)
        .with("c", strengths(grid))
        .with("class_weight", class_weight)
        .with("threshold", threshold)
        .with("standardise", standardise)
        .with("seed", seed)
}

fn of_mlp(provenance: Provenance, settings: &MlpSettings) -> Provenance {
    // No `..`: a setting that is not named here would leave runs fresh that it changes.
    let MlpSettings {
        hidden,
        dropout,
        epochs,
        patience,
        learning_rate,
        schedule,
        warmup,
        batch_rows,
        weight_decay,
        clip,
        label_smoothing,
        class_weight,
        metric,
        threshold,
        standardise,
        seed,
        memory_bytes,
    } = settings;
    let hidden: Vec<String> = hidden.iter().map(usize::to_string).collect();
    provenance
        .with("head", "mlp")
        .with("hidden", hidden.join(","))
        .with("dropout", dropout)
        .with("epochs", epochs)
        .with("patience", patience)
        .with("learning_rate", learning_rate)
        .with("schedule", schedule)
        .with("warmup", warmup)
        .with("batch_rows", batch_rows)
        .with("weight_decay", weight_decay)
        .with("clip", clip.map_or_else(|| "none".to_owned(), |clip| clip.to_string()))
        .with("label_smoothing", label_smoothing)
        .with("class_weight", class_weight)
        .with("metric", metric)
        .with("threshold", threshold)
        .with("standardise", standardise)
        .with("memory_bytes", memory_bytes)
        .with("seed", seed)
}

fn of_tagging(provenance: Provenance, settings: &TaggingSettings) -> Provenance {
    // No `..`: a setting that is not named here would leave runs fresh that it changes.
    let TaggingSettings {
        kind,
        grid,
        folds,
        class_weight,
        columns,
        outside_bias,
        standardise,
        seed,
        solver,
        memory_bytes,
        epochs,
        learning_rate,
    } = settings;
    provenance
        .with("head", kind)
        .with("folds", folds)
        .with("c", strengths(grid))
        .with("class_weight", class_weight)
        .with("use", columns)
        .with("bias", outside_bias)
        .with("standardise", standardise)
        .with("solver", solver)
        .with("memory_bytes", memory_bytes)
        .with("epochs", epochs)
        .with("learning_rate", learning_rate)
        .with("seed", seed)
}

fn strengths(grid: &[f64]) -> String {
    grid.iter().map(|c| format!("{c:e}")).collect::<Vec<_>>().join(",")
}
