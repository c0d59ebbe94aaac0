//! Whether a split is like train: by the features that the head reads, or by tokens where train has no features.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{Diagnosis, ENOUGH_ROWS, Shift, diagnose_shift, token_area};
use larder_metrics::Metric;
use larder_store::{FeaturesFile, Level, TokensProjection, TokensReader};
use larder_tokens::NO_WORD;
use larder_train::{FeatureColumn, domain_classifier_auc};
use ndarray::Array2;

use super::splits::Files;
use super::training::score;
use crate::PipelineError;
use crate::evaluate::Evaluation;
use crate::record::{HeadRecord, TunedRecord};

/// Rows of each side, at most: the area is then known to a hundredth, in a second.
const MOST_ROWS: usize = 1000;

/// Neighbouring rows that are read at a time.
const BLOCK: usize = 50;

/// What a split's scores are, and what they are compared with.
struct Compared<'a> {
    score: String,
    on_split: (f64, f64),
    /// The score that it is measured by, and on which rows.
    held_out: Option<(f64, &'a str)>,
}

/// What rows of train are called that a head has not seen.
const HELD_OUT: &str = "held-out rows of train";

/// [`UnlikeTrain`](larder_diagnose::DiagnosisKind::UnlikeTrain), where it is. `train` and `tokens` are the tokens files of both.
pub(super) fn of_split(
    files: &Files<'_>,
    evaluation: &Evaluation,
    split: &str,
    train: &Path,
    tokens: &Path,
) -> Result<Option<Diagnosis>, PipelineError> {
    let Some(compared) = compared(files, evaluation, split) else { return Ok(None) };
    let by_features = matches!(files.record.head, HeadRecord::Sequence(_) | HeadRecord::Mlp(_));
    let areas = if by_features { feature_area(files, split)? } else { tokens_area(train, tokens)? };
    let Some((rows, area)) = areas else { return Ok(None) };
    Ok(diagnose_shift(&Shift {
        split,
        rows,
        area,
        by: if by_features { "the head's features" } else { "their tokens" },
        score: &compared.score,
        on_split: compared.on_split,
        held_out: compared.held_out,
    }))
}

/// `None` where scores say it already: of a tagger on frozen features, which has held-out sentences of train.
fn compared<'a>(files: &Files<'a>, evaluation: &Evaluation, split: &str) -> Option<Compared<'a>> {
    match (evaluation, &files.record.head) {
        (Evaluation::Sequence(evaluation), head) => {
            let judged = evaluation.splits.iter().find(|one| one.split == split)?;
            let (metric, held_out) = match head {
                HeadRecord::Sequence(sequence) => {
                    let metric = sequence.settings.metric;
                    (metric, sequence.out_of_fold_scores.as_ref().map(|scores| (score(scores, metric), HELD_OUT)))
                }
                HeadRecord::Mlp(mlp) => {
                    let metric = mlp.settings.metric;
                    (metric, mlp.held_out_scores.as_ref().map(|scores| (score(scores, metric), HELD_OUT)))
                }
                HeadRecord::Tuned(tuned) => {
                    let metric = tuned.score.parse::<Metric>().ok()?;
                    (metric, measured_by(tuned, split))
                }
                HeadRecord::Tagging(_) => return None,
            };
            let value = score(&judged.scores, metric);
            let interval = judged.intervals.iter().find(|(of, _)| *of == metric);
            let high = interval.map_or(value, |(_, interval)| interval.high);
            Some(Compared { score: metric.to_string(), on_split: (value, high), held_out })
        }
        (Evaluation::Tagging(evaluation), HeadRecord::Tuned(tuned)) => {
            let judged = evaluation.splits.iter().find(|one| one.split == split)?;
            Some(Compared {
                score: "strict F1".to_owned(),
                on_split: (judged.scores.strict.micro.f1, judged.scores.strict_f1_interval.high),
                held_out: measured_by(tuned, split),
            })
        }
        (Evaluation::Tagging(_), _) => None,
    }
}

/// The score on the dev split, which chose the parameters: other splits are measured by it.
fn measured_by<'a>(tuned: &'a TunedRecord, split: &str) -> Option<(f64, &'a str)> {
    let dev = tuned.dev_split.as_deref().filter(|dev| *dev != split)?;
    Some((tuned.best?.score, dev))
}

/// `count` of `rows` rows in blocks, spread evenly.
fn sample(rows: usize, count: usize) -> Vec<std::ops::Range<usize>> {
    if count >= rows {
        return std::iter::once(0..rows).collect();
    }
    let blocks = count.div_ceil(BLOCK);
    let block = |at: usize| {
        let first = at * rows / blocks;
        // Equal shares of the count, none of which reaches into the next block.
        let length = ((at + 1) * count / blocks - at * count / blocks).min((at + 1) * rows / blocks - first);
        first..first + length
    };
    (0..blocks).map(block).collect()
}

/// Rows of each side, and the area; `None` where the vectors of train are gone.
fn feature_area(files: &Files<'_>, split: &str) -> Result<Option<(usize, f64)>, PipelineError> {
    let record = files.record;
    let Some((_, judged)) = files.features.iter().find(|(name, _)| name == split) else { return Ok(None) };
    // The features of all splits lie side by side.
    let Some(train) = judged.parent().map(|folder| folder.join(format!("{}.parquet", record.train_split))) else {
        return Ok(None);
    };
    if !train.is_file() || record.settings.level != Level::Sentence {
        return Ok(None);
    }
    let (train, judged) = (FeaturesFile::open(&train)?, FeaturesFile::open(judged)?);
    let names: Vec<&str> = files.columns.iter().map(String::as_str).collect();
    if names.iter().any(|name| train.width(&[name]).is_err()) {
        return Ok(None);
    }
    let rows = MOST_ROWS.min(train.rows()).min(judged.rows());
    if rows < ENOUGH_ROWS {
        return Ok(None);
    }
    let width = judged.width(&names)?;
    let mut values = Vec::with_capacity(2 * rows * width);
    let mut is_second = Vec::with_capacity(2 * rows);
    for (file, second) in [(&train, false), (&judged, true)] {
        for block in sample(file.rows(), rows) {
            let mut part = Vec::new();
            is_second.extend(block.clone().map(|_| second));
            file.read_range(block, &names, &mut part)?;
            values.append(&mut part);
        }
    }
    let values = Array2::from_shape_vec((is_second.len(), width), values)
        .expect("ranges that were read hold rows * width values");
    Ok(Some((rows, domain_classifier_auc(&[&FeatureColumn::new("features", values)], &is_second)?)))
}

/// Rows of each side, and the area.
fn tokens_area(train: &Path, judged: &Path) -> Result<Option<(usize, f64)>, PipelineError> {
    let rows = |path: &Path| Ok::<_, PipelineError>(TokensReader::open(path, TokensProjection::Encode)?.rows());
    let count = MOST_ROWS.min(rows(train)?).min(rows(judged)?);
    if count < ENOUGH_ROWS {
        return Ok(None);
    }
    let (first, second) = (token_rows(train, count)?, token_rows(judged, count)?);
    let first: Vec<&[i32]> = first.iter().map(Vec::as_slice).collect();
    let second: Vec<&[i32]> = second.iter().map(Vec::as_slice).collect();
    Ok(Some((count, token_area(&first, &second))))
}

/// The ids of some rows, special tokens left out.
fn token_rows(path: &Path, count: usize) -> Result<Vec<Vec<i32>>, PipelineError> {
    let reader = TokensReader::open(path, TokensProjection::All)?;
    let wanted: BTreeSet<usize> = sample(reader.rows(), count).into_iter().flatten().collect();
    let (mut found, mut first) = (Vec::new(), 0);
    for batch in reader {
        let batch = batch?;
        for row in (0..batch.len()).filter(|row| wanted.contains(&(first + row))) {
            let ids = batch.input_ids(row).iter().zip(batch.word_ids(row));
            found.push(ids.filter(|(_, word)| **word != NO_WORD).map(|(&id, _)| id).collect());
        }
        first += batch.len();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_and_of_the_size_asked_for() {
        for (rows, count) in [(1000, 300), (301, 300), (300, 300), (60, 51), (100_000, 1000), (120, 1000)] {
            let taken: Vec<usize> = sample(rows, count).into_iter().flatten().collect();
            assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{rows} {count}: {taken:?}");
            assert!(taken.iter().all(|&row| row < rows));
            assert!(taken.len() >= count.min(rows) * 4 / 5, "{rows} {count}: {}", taken.len());
        }
        assert!(sample(100_000, 1000).last().is_some_and(|last| last.start > 90_000));
    }
}
