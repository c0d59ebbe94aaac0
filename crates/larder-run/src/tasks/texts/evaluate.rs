//! Scoring a head on the splits of a dataset of texts.

use std::path::Path;

use larder_store::{FeaturesFile, SplitPredictions, TextAnswers, TextTargets, write_predictions};
use larder_train::{FeatureColumn, HeadColumn};

use super::TextScores;
use crate::RunError;
use crate::coverage::RunSets;
use crate::evaluation::{EvaluationContext, SplitAnswers, SplitSource, StageTimer, UnscoredSplit};
use crate::features::load_columns;
use crate::tasks::AnsweredRows;

/// One split with its features.
pub(in crate::tasks) struct TextSplit<'a> {
    /// Its data file.
    pub source: &'a SplitSource,
    /// The features file, for messages.
    pub features: &'a Path,
    /// The columns that the head reads.
    pub columns: &'a [&'a FeatureColumn],
    /// The right answers, `[rows]`; `None` where no row has one.
    pub targets: Option<&'a TextTargets>,
    /// The sets to measure, if coverage was asked for.
    pub sets: Option<&'a RunSets>,
}

/// The answers to one split, and if it has targets its scores and the rows behind them.
pub(in crate::tasks) struct AnsweredSplit<S> {
    pub answers: TextAnswers,
    pub scored: Option<(S, AnsweredRows)>,
}

/// Scores a head that reads the columns `reads` on splits and writes its answers into the run's folder. `score` answers one
/// split.
pub(in crate::tasks) fn evaluate_texts<S>(
    context: &EvaluationContext<'_>,
    reads: &[HeadColumn],
    timer: &mut StageTimer,
    mut kept: Option<&mut Vec<SplitAnswers>>,
    score: &dyn Fn(&TextSplit<'_>) -> Result<AnsweredSplit<S>, RunError>,
) -> Result<TextScores<S>, RunError> {
    let EvaluationContext { record, features, sources, keep, folder, provenance, sets } = *context;
    let names: Vec<String> = reads.iter().map(|column| column.name.clone()).collect();
    let (mut splits, mut unscored) = (Vec::new(), Vec::new());
    let mut predictions = Vec::new();
    for ((split, features), source) in features.iter().zip(sources) {
        timer.start();
        let file = FeaturesFile::open(features)?;
        let (example_ids, targets) = (file.example_ids()?, file.targets()?);
        let rows = example_ids.len();
        let columns = load_columns(&file, &names)?;
        let columns: Vec<&FeatureColumn> = columns.iter().collect();
        let has_targets = (0..rows).any(|row| targets.get(row).is_some());
        let asked = TextSplit { source, features, columns: &columns, targets: has_targets.then_some(&targets), sets };
        let AnsweredSplit { answers, scored } = score(&asked)?;
        match scored {
            None => unscored.push(UnscoredSplit {
                split: split.clone(),
                rows: rows as u64,
                skipped_rows: source.skipped_rows,
                data_digest: source.data_digest.clone(),
            }),
            Some((scores, rows)) => {
                if let Some(kept) = &mut kept {
                    kept.push(SplitAnswers {
                        split: split.clone(),
                        data_digest: source.data_digest.clone(),
                        example_ids: example_ids.clone(),
                        rows,
                    });
                }
                splits.push(scores);
            }
        }
        timer.stop(split, rows);
        predictions.push(SplitPredictions { split: split.clone(), example_ids, targets, answers });
    }
    let kind = record.task().files().kind;
    write_predictions(&folder.join("predictions.parquet"), &record.labels, kind, &predictions, keep, provenance)?;
    Ok(TextScores {
        run: record.run.clone(),
        labels: record.labels.clone(),
        display: record.display.clone(),
        splits,
        unscored,
    })
}
