//! Strategies replayed on a labelled data set: its labels are hidden, and asked for in rounds.

use larder_data::DatasetSpec;
use larder_metrics::{ClassificationScores, ConfusionMatrix, Metric};
use larder_run::{Event, Head, Larder, Observer, RunRecord, Stage, score};
use larder_runtime::Device;
use larder_store::FeaturesFile;
use larder_suggest::{Candidates, Curve, Labelled, Strategy, StrategySummary, choose, draw, summarise_replay};
use larder_train::{FeatureColumn, LogisticHead, Standardiser, fit_logistic, side_by_side};
use ndarray::Axis;
use rayon::prelude::*;
use serde::Serialize;

use super::classifier::Classifier;
use crate::PipelineError;
use crate::encode::encode_split;

/// A replay.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// The strategies beside random choice.
    pub strategies: Vec<Strategy>,
    /// Rows labelled in a round.
    pub n: usize,
    /// Rounds.
    pub rounds: usize,
    /// Rows of each class that are labelled from the start.
    pub shots: usize,
    /// Seeds, each a replay of its own.
    pub seeds: Vec<u64>,
    /// The split that is scored; the first but train unless given.
    pub split: Option<String>,
    /// The device that encodes missing features.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
}

/// The learning curves of a replay.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayOutcome {
    /// The run whose head was fitted again and again.
    pub run: String,
    /// The split scored.
    pub split: String,
    /// The score.
    pub metric: Metric,
    /// The score of the run's kind of head on all rows of the training split.
    pub all_labels: f64,
    /// Rows of the training split.
    pub rows: usize,
    /// Labelled rows at each step.
    pub labels: Vec<usize>,
    /// Each strategy beside random choice.
    pub summaries: Vec<StrategySummary>,
    /// The scores behind them.
    pub curves: Vec<Curve>,
}

/// The training split, in memory, and the split that is scored.
struct Replay<'a> {
    head: &'a LogisticHead,
    columns: Vec<FeatureColumn>,
    labels: Vec<usize>,
    /// The columns side by side, standardised, `[rows, width]`.
    vectors: Vec<f32>,
    standardiser: Standardiser,
    judge: Vec<FeatureColumn>,
    judge_labels: Vec<usize>,
    metric: Metric,
    options: &'a ReplayOptions,
}

/// Replays strategies on a run's own data set: a few labels a class are given, a head is fitted, the strategy asks for more, and so on. Each head has the
/// run's strength and class weights; features are standardised on all rows of the training split, which takes no label.
///
/// # Errors
/// [`PipelineError::NoReplay`] for a head that is not logistic; [`PipelineError::NothingToJudge`]; [`PipelineError`].
pub fn replay(
    larder: &Larder,
    record: &RunRecord,
    spec: &DatasetSpec,
    options: &ReplayOptions,
    observer: &mut dyn Observer,
) -> Result<ReplayOutcome, PipelineError> {
    let names = Classifier::load(larder, record)?.columns;
    let head = match record.load_head(larder)? {
        Head::Logistic(head) if record.head.tuned().is_none() => head,
        _ => {
            let kind = record.head.details().outline().kind;
            return Err(PipelineError::NoReplay { run: record.run.clone(), kind });
        }
    };
    let judge = options
        .split
        .clone()
        .or_else(|| spec.split_names().find(|split| *split != record.train_split).map(str::to_owned));
    let split = judge.ok_or_else(|| PipelineError::NothingToJudge { spec: spec.path.clone() })?;
    let encoder = record.encoder(larder)?;
    let encode = record.encode_options(options.device, options.threads);
    let mut load = |split: &str| -> Result<(Vec<FeatureColumn>, Vec<usize>), PipelineError> {
        let (path, _) = encode_split(larder, spec, &encoder, split, &encode, observer)?;
        let file = FeaturesFile::open(&path)?;
        Ok((larder_run::load_columns(&file, &names)?, larder_run::gold(&file, &record.labels)?))
    };
    let (columns, labels) = load(&record.train_split)?;
    let (judge, judge_labels) = load(&split)?;
    let rows = labels.len();
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let standardiser = Standardiser::fit(&borrowed);
    let vectors = side_by_side(&borrowed, &standardiser);
    let metric = record.head.details().outline().metric.unwrap_or(Metric::Mcc);
    let replay = Replay { head: &head, columns, labels, vectors, standardiser, judge, judge_labels, metric, options };
    let all: Vec<usize> = (0..rows).collect();
    let all_labels = replay.score(&replay.fit(&all)?)?;
    let mut strategies = options.strategies.clone();
    strategies.retain(|strategy| *strategy != Strategy::Random);
    strategies.push(Strategy::Random);
    let mut curves: Vec<Curve> =
        strategies.iter().map(|&strategy| Curve { strategy, labels: Vec::new(), scores: Vec::new() }).collect();
    observer.event(Event::Started { stage: Stage::Train, subject: &record.run, changes: &[] });
    for (done, &seed) in options.seeds.iter().enumerate() {
        observer.event(Event::Training { done, total: options.seeds.len(), what: "replays" });
        let found: Vec<(Vec<usize>, Vec<f64>)> =
            strategies.par_iter().map(|&strategy| replay.curve(strategy, seed)).collect::<Result<_, _>>()?;
        for (curve, (labels, scores)) in curves.iter_mut().zip(found) {
            // Where a strategy finds no more rows that differ, the last step is of fewer rows.
            let steps = if curve.labels.is_empty() { scores.len() } else { curve.labels.len().min(scores.len()) };
            curve.labels = labels[..steps].to_vec();
            curve.scores.push(scores);
        }
    }
    let steps = curves.iter().map(|curve| curve.labels.len()).min().unwrap_or(0);
    for curve in &mut curves {
        curve.labels.truncate(steps);
        curve.scores.iter_mut().for_each(|scores| scores.truncate(steps));
    }
    let labels = curves.last().map(|random| random.labels.clone()).unwrap_or_default();
    let summaries = summarise_replay(&curves);
    Ok(ReplayOutcome { run: record.run.clone(), split, metric, all_labels, rows, labels, summaries, curves })
}

impl Replay<'_> {
    /// Returns the number of labels and the score of each step.
    fn curve(&self, strategy: Strategy, seed: u64) -> Result<(Vec<usize>, Vec<f64>), PipelineError> {
        let ReplayOptions { n, rounds, shots, .. } = *self.options;
        let (rows, classes, width) = (self.labels.len(), self.head.classes.len(), self.standardiser.mean.len());
        let mut is_labelled = vec![false; rows];
        for class in 0..classes {
            let mut own: Vec<usize> = (0..rows).filter(|&row| self.labels[row] == class).collect();
            own.sort_by_key(|&row| draw(seed, row));
            own.into_iter().take(shots).for_each(|row| is_labelled[row] = true);
        }
        let (mut steps, mut scores) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let labelled: Vec<usize> = (0..rows).filter(|&row| is_labelled[row]).collect();
            let head = self.fit(&labelled)?;
            steps.push(labelled.len());
            scores.push(self.score(&head)?);
            if round == rounds || labelled.len() == rows {
                break;
            }
            let seed = draw(seed, rows + round);
            let needs_head = matches!(strategy, Strategy::Margin | Strategy::Entropy | Strategy::Badge);
            let probabilities = match needs_head {
                true => Some(head.probabilities(&self.columns.iter().collect::<Vec<_>>())?),
                false => None,
            };
            let mut candidates = Candidates::new(strategy, n, width, classes, seed);
            let mut shares = vec![1.0 / classes as f32; classes];
            for row in (0..rows).filter(|&row| !is_labelled[row]) {
                if let Some(probabilities) = &probabilities {
                    shares.iter_mut().zip(probabilities.row(row)).for_each(|(to, from)| *to = *from as f32);
                }
                let offered = candidates.offer(row, &shares, &self.vectors[row * width..][..width]);
                offered.map_err(|source| PipelineError::Suggest {
                    path: self.head.columns[0].name.clone().into(),
                    source,
                })?;
            }
            let known: Vec<usize> =
                Labelled::drawn(labelled.len(), seed).into_iter().map(|place| labelled[place]).collect();
            let vectors = known.iter().flat_map(|&row| &self.vectors[row * width..][..width]).copied().collect();
            let known = Labelled::new(width, known, vectors);
            let chosen = choose(strategy, &candidates.finish(), &known, n, seed);
            chosen.iter().for_each(|row| is_labelled[row.row] = true);
            if chosen.is_empty() {
                break;
            }
        }
        Ok((steps, scores))
    }

    fn fit(&self, rows: &[usize]) -> Result<LogisticHead, PipelineError> {
        let columns: Vec<FeatureColumn> = self
            .columns
            .iter()
            .map(|column| FeatureColumn::new(&column.name, column.values.select(Axis(0), rows)))
            .collect();
        let labels: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
        let columns: Vec<&FeatureColumn> = columns.iter().collect();
        let LogisticHead { classes, class_weight, c, .. } = self.head;
        Ok(fit_logistic(&columns, &labels, classes, *class_weight, *c, &self.standardiser)?)
    }

    fn score(&self, head: &LogisticHead) -> Result<f64, PipelineError> {
        let answers = head.predict(&self.judge.iter().collect::<Vec<_>>())?;
        let matrix = ConfusionMatrix::from_classes(&self.judge_labels, &answers, head.classes.len())?;
        Ok(score(&ClassificationScores::from(&matrix), self.metric))
    }
}
