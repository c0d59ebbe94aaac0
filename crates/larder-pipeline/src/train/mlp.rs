//! A perceptron for one label a text.

use larder_data::{DatasetSpec, LabelMap};
use larder_finetune::{MlpSettings, train_mlp};
use larder_runtime::Runtime;
use larder_store::FeaturesFile;
use larder_train::Advice;

use super::{Fitted, gold};
use crate::cached_features::CachedFeatures;
use crate::head::Head;
use crate::record::{HeadRecord, MlpRecord};
use crate::{Event, Observer, PipelineError};

#[allow(clippy::too_many_arguments, reason = "what is trained, on what, with what")]
pub(super) fn fit(
    runtime: &Runtime,
    spec: &DatasetSpec,
    file: &FeaturesFile,
    labels: &LabelMap,
    columns: &[String],
    settings: &MlpSettings,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Fitted, PipelineError> {
    let gold = gold(file, labels.names())?;
    let rows = CachedFeatures::new(file, columns)?;
    let trained = train_mlp(runtime, &rows, &gold, labels.names(), settings, threads, &mut |epoch| {
        let what = format!("{} {:.3} on held-out rows", settings.metric, epoch.score);
        observer.event(Event::Training { done: epoch.epoch, total: settings.epochs, what: &what });
    })?;
    let mut train_counts = vec![0; labels.names().len()];
    for &class in &gold {
        train_counts[class] += 1;
    }
    let record = MlpRecord {
        settings: settings.clone(),
        pair: spec.columns.text_b.is_some(),
        epochs: trained.epochs,
        best: trained.best,
        held_out_rows: trained.held_out_rows,
        train_scores: trained.train_scores,
        held_out_scores: trained.held_out_scores,
    };
    Ok(Fitted {
        record: HeadRecord::Mlp(record),
        train_counts,
        reads: columns.to_vec(),
        head: Head::Mlp(trained.head),
        notes: Vec::new(),
    })
}

/// What stands out about the training itself.
pub(crate) fn mlp_advice(record: &MlpRecord) -> Vec<Advice> {
    let MlpRecord { settings, epochs, best, .. } = record;
    let Some(chosen) = epochs.get(*best) else { return Vec::new() };
    let evidence = format!(
        "{} {:.3} on {} held-out rows after epoch {}",
        settings.metric, chosen.score, record.held_out_rows, chosen.epoch
    );
    let advice = |finding: &str, remedy: String| Advice { finding: finding.to_owned(), evidence, remedy };
    if record.held_out_scores.mcc <= 0.0 {
        let remedy = "try `--layers all`, a lower `--learning-rate`, or the head `logistic`".to_owned();
        return vec![advice("held-out rows are answered no better than by a constant", remedy)];
    }
    if *best + 1 == settings.epochs {
        return vec![advice("the last epoch was the best", "try more with `--epochs`".to_owned())];
    }
    if *best == 0 && epochs.len() > 1 {
        let remedy = format!(
            "take smaller steps (`--learning-rate`, now {:e}), smaller layers (`--hidden`) or more `--dropout`",
            settings.learning_rate
        );
        return vec![advice("the first epoch was the best", remedy)];
    }
    Vec::new()
}
