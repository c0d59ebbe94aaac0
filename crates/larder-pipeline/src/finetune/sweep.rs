//! Fine-tuning with several learning rates and seeds, to find the best rate and the variation between seeds.

use larder_data::DatasetSpec;
use larder_errors::ErrorClass;
use larder_intake::Encoder;
use larder_metrics::{Summary, summarise};
use larder_run::{Larder, Observer, tasks};
use serde::Serialize;

use super::{FinetuneOptions, run_finetune};
use crate::PipelineError;

/// One run of a sweep.
#[derive(Debug, Clone, Serialize)]
pub struct SweepCell {
    /// The seed.
    pub seed: u64,
    /// The run's name, if it succeeded.
    pub run: Option<String>,
    /// Its score on each split.
    pub scores: Vec<(String, f64)>,
    /// Why it failed: it diverged or collapsed.
    pub failed: Option<String>,
}

/// One learning rate with all its seeds.
#[derive(Debug, Clone, Serialize)]
pub struct SweepRate {
    /// The encoder's learning rate; `None` is the recipe's.
    pub learning_rate: Option<f64>,
    /// One entry per seed.
    pub runs: Vec<SweepCell>,
    /// The summary of each split over the seeds that succeeded.
    pub summary: Vec<(String, Summary)>,
}

/// The result of a sweep.
#[derive(Debug, Clone, Serialize)]
pub struct SweepOutcome {
    /// The name of the score.
    pub score: String,
    /// One entry per rate, in the order given.
    pub rates: Vec<SweepRate>,
    /// Index in `rates` of the highest mean on the first split, if any run succeeded.
    pub best: Option<usize>,
}

impl SweepOutcome {
    /// Returns the first run's error, if every run failed.
    pub fn all_failed(&self) -> Option<&str> {
        let mut runs = self.rates.iter().flat_map(|rate| &rate.runs);
        let first = runs.next()?.failed.as_deref()?;
        runs.all(|run| run.failed.is_some()).then_some(first)
    }
}

/// Fine-tunes and evaluates once for every rate and seed. Runs are called `<name>-lr<rate>-seed<seed>`, where `name` is
/// [`FinetuneOptions::run`] or that of dataset and encoder; completed ones are reused. Diverged and collapsed runs are part of
/// the result.
///
/// # Errors
/// [`PipelineError`] of the first run that fails in another way.
pub fn sweep(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &FinetuneOptions,
    rates: &[Option<f64>],
    seeds: &[u64],
    observer: &mut dyn Observer,
) -> Result<SweepOutcome, PipelineError> {
    let base = options.run.clone().unwrap_or_else(|| format!("{}-{}", spec.name, encoder.name()));
    let mut outcome = SweepOutcome {
        score: tasks::of(spec.task).score_name(options.metric).to_owned(),
        rates: Vec::new(),
        best: None,
    };
    for &rate in rates {
        let mut runs = Vec::new();
        for &seed in seeds {
            let mut options = options.clone();
            options.choices.learning_rate = rate;
            options.choices.seed = seed;
            let rate = rate.map_or_else(String::new, |rate| format!("-lr{rate:e}"));
            options.run = Some(format!("{base}{rate}-seed{seed}"));
            runs.push(match run_finetune(larder, spec, encoder, &options, observer) {
                Ok(done) => SweepCell {
                    seed,
                    scores: done
                        .evaluation
                        .scores()
                        .splits()
                        .into_iter()
                        .map(|one| (one.outline().split.to_owned(), one.score(options.metric).0))
                        .collect(),
                    run: Some(done.trained.record.run),
                    failed: None,
                },
                Err(error) if error.class() == ErrorClass::Training => {
                    SweepCell { seed, run: None, scores: Vec::new(), failed: Some(error.to_string()) }
                }
                Err(error) => return Err(error),
            });
        }
        outcome.rates.push(SweepRate { learning_rate: rate, summary: summary(&runs), runs });
    }
    let mean = |rate: &SweepRate| rate.summary.first().map(|(_, summary)| summary.mean);
    let means = outcome.rates.iter().enumerate().filter_map(|(place, rate)| Some((place, mean(rate)?)));
    outcome.best = means.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place);
    Ok(outcome)
}

fn summary(runs: &[SweepCell]) -> Vec<(String, Summary)> {
    let first = runs.iter().find(|run| run.failed.is_none());
    let splits = first.map(|run| run.scores.iter().map(|(split, _)| split.clone()).collect::<Vec<_>>());
    let of = |split: &String| {
        let of_run = |run: &SweepCell| run.scores.iter().find(|(found, _)| found == split).map(|(_, score)| *score);
        summarise(&runs.iter().filter_map(of_run).collect::<Vec<_>>())
    };
    splits.unwrap_or_default().into_iter().map(|split| (split.clone(), of(&split))).collect()
}
