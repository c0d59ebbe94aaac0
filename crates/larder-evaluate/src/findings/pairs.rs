//! Both ways to read pairs, compared over the runs of a home.

use larder_diagnose::{Diagnosis, Method, PairsJudged, diagnose_pairs};
use larder_metrics::Metric;
use larder_run::{Evaluation, RunRecord, SplitScores, tasks};

use super::split_files::SplitFiles;

/// Returns the finding on how the pairs of a split are read; `None` for single texts.
pub(super) fn pairing(files: &SplitFiles<'_>, judged: &dyn SplitScores) -> Option<Diagnosis> {
    let record = files.record;
    if !record.head.details().outline().is_pair {
        return None;
    }
    let metric = record.head.details().outline().metric.unwrap_or_default();
    let outline = judged.outline();
    let other = RunRecord::names(files.larder)
        .iter()
        .filter_map(|run| score_of(files, run, outline.split, outline.data_digest, metric))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    diagnose_pairs(&PairsJudged {
        split: outline.split,
        score_name: tasks::of(record.task()).score_in_words(metric),
        is_tuned: is_tuned(record),
        alone: record.settings.pair_features,
        score: judged.score(metric),
        other: other.as_ref().map(|(run, score)| (run.as_str(), *score)),
    })
}

fn is_tuned(record: &RunRecord) -> bool {
    !matches!(record.head.details().method(&record.columns_tried), Method::Frozen(_))
}

/// Returns the score on these rows of a run that read their pairs in the other way, with the same encoder, fine-tuned or not
/// as this one.
fn score_of(
    files: &SplitFiles<'_>,
    run: &str,
    split: &str,
    data_digest: &str,
    metric: Metric,
) -> Option<(String, f64)> {
    let own = files.record;
    // A run that cannot be read is no reason to fail.
    let other = RunRecord::open(files.larder, run).ok()?;
    let comparable = is_tuned(&other) == is_tuned(own)
        && other.task() == own.task()
        && other.dataset == own.dataset
        && other.encoder_digest == own.encoder_digest
        && other.settings.pair_features != own.settings.pair_features;
    if !comparable {
        return None;
    }
    let evaluation = Evaluation::load(&other.folder(files.larder).ok()?, &other)?;
    let scores = evaluation.scores().splits();
    let judged = scores.into_iter().find(|one| {
        let outline = one.outline();
        outline.split == split && outline.data_digest == data_digest
    })?;
    Some((other.run.clone(), judged.score(metric).0))
}
