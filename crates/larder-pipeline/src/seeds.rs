//! The stages with several seeds: the variation of scores between them.

use larder_data::DatasetSpec;
use larder_intake::Encoder;
use larder_metrics::{Summary, summarise};
use larder_run::{Larder, Observer, TrainOptions};
use serde::Serialize;

use crate::PipelineError;
use crate::run::{RunOutcome, run};

/// One score on one split, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedSummary {
    /// The split.
    pub split: String,
    /// The score: `accuracy`, `mcc`, `macro_f1`; `strict_f1`, `conlleval_f1`.
    pub score: &'static str,
    /// Its values, in the order of the seeds.
    pub values: Vec<f64>,
    /// Mean, standard deviation (of a sample), lowest and highest value.
    #[serde(flatten)]
    pub summary: Summary,
}

/// The result of all seeds.
#[derive(Debug)]
pub struct SeedsOutcome {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// One run per seed.
    pub runs: Vec<RunOutcome>,
    /// One entry per split and score.
    pub summary: Vec<SeedSummary>,
}

/// Runs all stages once per seed; tokens and features are made only once. If `options` has a run's name, the runs are called
/// `<name>-seed<seed>`.
///
/// # Errors
/// [`PipelineError`] of the first stage that fails.
pub fn run_seeds(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    seeds: &[u64],
    observer: &mut dyn Observer,
) -> Result<SeedsOutcome, PipelineError> {
    let mut runs = Vec::new();
    for &seed in seeds {
        let mut options = options.clone();
        options.head = options.head.with_seed(seed);
        options.run = options.run.map(|name| format!("{name}-seed{seed}"));
        runs.push(run(larder, spec, encoder, &options, observer)?);
    }
    let mut summary: Vec<SeedSummary> = Vec::new();
    for outcome in &runs {
        let scores = outcome.evaluation.scores();
        let named = scores.splits().into_iter().flat_map(|one| {
            one.named_scores().into_iter().map(move |(score, value)| (one.outline().split.to_owned(), score, value))
        });
        for (split, score, value) in named {
            match summary.iter_mut().find(|entry| entry.split == split && entry.score == score) {
                Some(entry) => entry.values.push(value),
                None => {
                    summary.push(SeedSummary { split, score, values: vec![value], summary: summarise(&[value]) });
                }
            }
        }
    }
    for entry in &mut summary {
        entry.summary = summarise(&entry.values);
    }
    Ok(SeedsOutcome { seeds: seeds.to_vec(), runs, summary })
}
