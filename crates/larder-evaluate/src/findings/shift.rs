//! Similarity of a split and train, by the head's features, or by tokens where train has no features.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{Diagnosis, ENOUGH_ROWS, Shift, diagnose_shift, token_area};
use larder_run::{Evaluation, RunError, tasks};
use larder_store::{FeaturesFile, Level, TokensProjection, TokensReader};
use larder_tokens::NO_WORD;
use larder_train::{FeatureColumn, domain_classifier_auc};
use ndarray::Array2;

use super::split_files::SplitFiles;

/// Most rows of each side: enough for an area to within a hundredth, in a second.
const MOST_ROWS: usize = 1000;

/// Adjacent rows read at a time.
const BLOCK: usize = 50;

/// Finds [`UnlikeTrain`](larder_diagnose::DiagnosisKind::UnlikeTrain). `train` and `tokens` are the tokens files of train and
/// the split.
pub(super) fn shift_finding(
    files: &SplitFiles<'_>,
    evaluation: &Evaluation,
    split: &str,
    train: &Path,
    tokens: &Path,
) -> Result<Option<Diagnosis>, RunError> {
    let record = files.record;
    let head = record.head.details();
    let scores = evaluation.scores();
    let judged = scores.splits().into_iter().find(|one| one.outline().split == split);
    // Without a metric the scores tell already: a tagger on frozen features has held-out sentences of train.
    let (Some(metric), Some(judged)) = (head.outline().metric, judged) else { return Ok(None) };
    let (value, interval) = judged.score(metric);
    let held_out = head.held_out(split, metric);
    let by_features = head.outline().compares_features;
    let areas = if by_features { feature_area(files, split)? } else { tokens_area(train, tokens)? };
    let Some((rows, area)) = areas else { return Ok(None) };
    Ok(diagnose_shift(&Shift {
        split,
        rows,
        area,
        by: if by_features { "the head's features" } else { "their tokens" },
        score: tasks::of(record.task()).score_in_words(metric),
        on_split: (value, interval.high),
        held_out: held_out.as_ref().map(|(score, rows)| (*score, rows.as_str())),
    }))
}

/// Returns ranges of about `count` of `rows` rows, in evenly spaced blocks.
fn sample(rows: usize, count: usize) -> Vec<std::ops::Range<usize>> {
    if count >= rows {
        return std::iter::once(0..rows).collect();
    }
    let blocks = count.div_ceil(BLOCK);
    let block = |at: usize| {
        let first = at * rows / blocks;
        // Equal shares of the count that do not overlap the next block.
        let length = ((at + 1) * count / blocks - at * count / blocks).min((at + 1) * rows / blocks - first);
        first..first + length
    };
    (0..blocks).map(block).collect()
}

/// Returns the rows of each side, and the area; `None` if the vectors of train are gone.
fn feature_area(files: &SplitFiles<'_>, split: &str) -> Result<Option<(usize, f64)>, RunError> {
    let record = files.record;
    let Some((_, judged)) = files.features.iter().find(|(name, _)| name == split) else { return Ok(None) };
    // The features files of all splits are in one folder.
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

/// Returns the rows of each side, and the area under the ROC curve.
fn tokens_area(train: &Path, judged: &Path) -> Result<Option<(usize, f64)>, RunError> {
    let rows = |path: &Path| Ok::<_, RunError>(TokensReader::open(path, TokensProjection::Encode)?.rows());
    let count = MOST_ROWS.min(rows(train)?).min(rows(judged)?);
    if count < ENOUGH_ROWS {
        return Ok(None);
    }
    let (first, second) = (token_rows(train, count)?, token_rows(judged, count)?);
    let first: Vec<&[i32]> = first.iter().map(Vec::as_slice).collect();
    let second: Vec<&[i32]> = second.iter().map(Vec::as_slice).collect();
    Ok(Some((count, token_area(&first, &second))))
}

/// Returns the token ids of a sample of rows, without special tokens.
fn token_rows(path: &Path, count: usize) -> Result<Vec<Vec<i32>>, RunError> {
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
