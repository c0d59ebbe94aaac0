//! Has a run collapsed? A learning rate that is too high drives an encoder to where its output is the same for every text;
//! there no gradient leads back, and the rest of the run is lost.
//!
//! A run that merely has not learned yet looks alike: it answers one class as well, and its loss is that of guessing. What
//! tells them apart is whether the logits still depend on the text. Measured in `docs/collapse.md` beside this crate's
//! sources.

use std::collections::VecDeque;

use larder_graphs::Loss;

use crate::Example;
use crate::constant_loss::TargetStatistics;
use crate::constant_output::ConstantOutput;
use crate::settings::TuneSettings;

/// Examples that are probed, at most.
const PROBED: usize = 256;

/// Steps between two probes: this many at least, so that the mean loss of the steps between means something,
const LEAST_STEPS: usize = 50;

/// and at most so many probes in a run.
const PROBES: usize = 20;

/// The smallest standard deviation of logits between inputs in a run that has not collapsed. Runs that went on to learn had
/// twelve times this at least, runs that were lost a quarter of it at most (`docs/collapse.md`).
const LEAST_SPREAD: f64 = 2.5e-3;

/// The share of the best constant answer's loss that a mean loss must stay below to tell of something learned. Means of 50
/// batches of 32 scatter by 2 % around it.
const LEARNED: f64 = 0.95;

/// Rows of logits without which nothing can be said of them all.
const FEWEST_ROWS: usize = 16;

/// Probes, one after another, that must find the same.
const IN_A_ROW: usize = 2;

/// The evidence of a collapse.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// The one answer.
    pub answer: ConstantOutput,
    /// Rows of logits that were looked at.
    pub rows: usize,
    /// The largest standard deviation of a column's logits over them.
    pub spread: f64,
    /// The mean loss of the steps since the probe before.
    pub loss: f64,
    /// The loss of the best constant answer.
    pub constant_loss: f64,
}

/// Watches a run for a collapse.
pub(crate) struct Watch {
    /// Steps between two probes.
    pub every: usize,
    /// Steps before which nothing is probed: the warm-up.
    warm: usize,
    loss: Loss,
    constant_loss: f64,
    /// Loss and divisor of the last steps.
    recent: VecDeque<(f64, f64)>,
}

impl Watch {
    /// Watches a run of `total` steps; `None` where there is nothing to see: in a short run, or where all targets are the same.
    pub fn new(train: &[Example], settings: &TuneSettings, total: usize) -> Option<Self> {
        let targets = TargetStatistics::of(train, settings.classes);
        let constant_loss = settings.constant_loss(&targets, &targets);
        let warm = settings.schedule.warm_steps(total, settings.warmup);
        let every = LEAST_STEPS.max(total / PROBES);
        let is_watched = settings.stop_on_collapse && targets.varies() && total >= every * IN_A_ROW;
        is_watched.then(|| Self { every, warm, loss: settings.loss.clone(), constant_loss, recent: VecDeque::new() })
    }

    /// Takes note of a step.
    pub fn saw(&mut self, loss: f64, counted: f64) {
        if self.recent.len() == self.every {
            self.recent.pop_front();
        }
        self.recent.push_back((loss, counted));
    }

    /// Is it time to look, and does the loss give a reason to?
    pub fn is_suspicious(&self, step: usize) -> bool {
        let is_time = step.is_multiple_of(self.every) && step >= self.warm;
        is_time && self.recent_loss() >= LEARNED * self.constant_loss
    }

    fn recent_loss(&self) -> f64 {
        let (sum, counted) =
            self.recent.iter().fold((0.0, 0.0), |(sum, all), &(loss, counted)| (sum + loss * counted, all + counted));
        if counted > 0.0 { sum / counted } else { 0.0 }
    }

    /// Do these logits, row-major `[rows, classes]`, depend on what they were made of no more?
    pub fn judge(&self, logits: &[f32], classes: usize) -> Option<Evidence> {
        let rows = logits.len() / classes.max(1);
        let answer = ConstantOutput::of(logits, classes, &self.loss)?;
        let spread = spread(logits, classes, matches!(self.loss, Loss::CrossEntropy { .. }));
        let is_collapsed = rows >= FEWEST_ROWS && spread < LEAST_SPREAD;
        let (loss, constant_loss) = (self.recent_loss(), self.constant_loss);
        is_collapsed.then_some(Evidence { answer, rows, spread, loss, constant_loss })
    }

    /// Have so many probes one after another made sure of it?
    pub fn is_sure(found: usize) -> bool {
        found >= IN_A_ROW
    }
}

/// The examples that are probed, of so many: spread over all of them.
pub(crate) fn probed(examples: usize) -> Vec<usize> {
    let count = examples.min(PROBED);
    (0..count).map(|place| place * examples / count).collect()
}

/// The largest standard deviation over the rows of a column's logits. `beside_mean` takes each beside its row's mean: what is added to
/// all logits of a softmax changes no answer.
fn spread(logits: &[f32], classes: usize, beside_mean: bool) -> f64 {
    let rows = (logits.len() / classes) as f64;
    let (mut sums, mut squares) = (vec![0.0; classes], vec![0.0; classes]);
    let centred = |row: &[f32]| {
        let mean = match beside_mean {
            true => row.iter().map(|&logit| f64::from(logit)).sum::<f64>() / classes as f64,
            false => 0.0,
        };
        row.iter().map(|&logit| f64::from(logit) - mean).collect::<Vec<f64>>()
    };
    // Beside the first row, so that sums of squares do not lose the small differences.
    let first = centred(&logits[..classes]);
    for row in logits.chunks_exact(classes) {
        for (class, (logit, first)) in centred(row).iter().zip(&first).enumerate() {
            let apart = logit - first;
            sums[class] += apart;
            squares[class] += apart * apart;
        }
    }
    let variances = sums.iter().zip(&squares).map(|(sum, square)| square / rows - (sum / rows).powi(2));
    // A variance that is no number stays, and is not small.
    variances
        .fold(0.0, |largest: f64, variance| if variance > largest || variance.is_nan() { variance } else { largest })
        .sqrt()
}

#[cfg(test)]
mod tests {
    use larder_onnx::Family;

    use super::*;

    fn examples(labels: &[i64]) -> Vec<Example> {
        labels.iter().map(|&label| Example::new(vec![1], label)).collect()
    }

    fn constant_loss(train: &[Example], settings: &TuneSettings) -> f64 {
        let targets = TargetStatistics::of(train, settings.classes);
        settings.constant_loss(&targets, &targets)
    }

    #[test]
    fn the_best_constant_answer_is_that_of_the_shares() {
        let settings = TuneSettings::of(Family::Bert, 3);
        let labels = [0, 0, 0, 1, 1, 2, 0, 0];
        let plain = constant_loss(&examples(&labels), &settings);
        let entropy = [5.0, 2.0, 1.0_f64].iter().map(|count| -count / 8.0 * (count / 8.0).ln()).sum::<f64>();
        assert!((plain - entropy).abs() < 1e-12);
        assert_eq!(constant_loss(&examples(&[1, 1]), &settings), 0.0);
        assert_eq!(constant_loss(&[Example::tagged(vec![1; 3], vec![-100, 2, -100])], &settings), 0.0);

        // With weights and smoothing: no other answer is better.
        let loss = Loss::CrossEntropy { class_weights: Some(vec![0.5, 1.0, 4.0]), label_smoothing: 0.2 };
        let settings = TuneSettings { loss, ..settings };
        let best = constant_loss(&examples(&labels), &settings);
        let loss = |p: [f64; 3]| {
            let weights = [0.5, 1.0, 4.0];
            let each = |&label: &i64| {
                let spread: f64 = (0..3).map(|class| weights[class] * -p[class].ln()).sum();
                let class = label as usize;
                0.8 * weights[class] * -p[class].ln() + 0.2 / 3.0 * spread
            };
            labels.iter().map(each).sum::<f64>() / labels.iter().map(|&label| weights[label as usize]).sum::<f64>()
        };
        let grid = (1..100).flat_map(|a| (1..100 - a).map(move |b| [a, b, 100 - a - b].map(|p| f64::from(p) / 100.0)));
        let found = grid.map(loss).fold(f64::INFINITY, f64::min);
        assert!(best <= found && found < best + 1e-3, "{best} {found}");
    }

    #[test]
    fn one_answer_is_a_collapse_only_where_the_text_makes_no_difference() {
        let settings = TuneSettings::of(Family::Bert, 2);
        let mut watch = Watch::new(&examples(&[0, 1, 1]), &settings, 1000).expect("there are two classes");
        assert_eq!(watch.every, 50);
        (0..50).for_each(|_| watch.saw(0.64, 32.0));
        // Every text has the same logits but for what is added to both, and rounding.
        let same: Vec<f32> = (0..40).flat_map(|row| [row as f32 / 8.0, row as f32 / 8.0 + 1.0]).collect();
        let evidence = watch.judge(&same, 2).expect("the text makes no difference");
        assert!(evidence.spread < 1e-6 && (evidence.loss - 0.64).abs() < 1e-12, "{evidence:?}");
        assert_eq!((evidence.answer, evidence.rows), (ConstantOutput::Class(1), 40));
        let alive: Vec<f32> = (0..40).flat_map(|row| [0.0, 1.0 + (row % 7) as f32 / 50.0]).collect();
        assert_eq!(watch.judge(&alive, 2), None);
        assert!((spread(&alive, 2, true) - 0.02).abs() < 1e-3, "{}", spread(&alive, 2, true));
        let two: Vec<f32> = (0..40).flat_map(|row| [0.0, if row == 7 { -1e-3 } else { 1e-3 }]).collect();
        assert_eq!(watch.judge(&two, 2), None, "two classes are answered");
        assert_eq!(watch.judge(&same[..20], 2), None, "ten rows are too few");
        assert_eq!(watch.judge(&[], 2), None);
        assert_eq!(watch.judge(&vec![f32::NAN; 80], 2), None);

        // The warm-up is of 100 steps; from then on it is looked at, if nothing has been learned.
        assert!(watch.is_suspicious(100) && watch.is_suspicious(150));
        assert!(!watch.is_suspicious(50) && !watch.is_suspicious(125));
        (0..50).for_each(|_| watch.saw(0.5, 32.0));
        assert!(!watch.is_suspicious(150));
        // Steps count by what they counted.
        watch.saw(100.0, 0.0);
        assert!((watch.recent_loss() - 0.5).abs() < 1e-12);
        assert!(Watch::new(&examples(&[1, 1, 1]), &settings, 1000).is_none());
        assert!(Watch::new(&examples(&[0, 1, 1]), &settings, 99).is_none());
        let off = TuneSettings { stop_on_collapse: false, ..settings };
        assert!(Watch::new(&examples(&[0, 1, 1]), &off, 1000).is_none());
    }

    #[test]
    fn labels_and_numbers_collapse_too() {
        let watch = |loss, classes| {
            let settings = TuneSettings { loss, ..TuneSettings::of(Family::Bert, classes) };
            let values = |row: usize| (0..classes).map(|column| ((row + column) % 2) as f32).collect();
            let train: Vec<Example> = (0..8).map(|row| Example::valued(vec![1], values(row))).collect();
            Watch::new(&train, &settings, 1000).expect("the targets differ")
        };
        let rows = |row: &dyn Fn(usize) -> [f32; 2]| (0..40).flat_map(row).collect::<Vec<f32>>();
        let noise = |row: usize| (row % 5) as f32 * 1e-4;
        let same = rows(&|row| [-1.5 + noise(row), 0.5]);
        // What is added to all logits of a row changes these answers: a softmax would not see it.
        let shifted = rows(&|row| [-1.5, 0.5].map(|logit| logit + (row % 7) as f32 / 50.0));
        let labels = watch(Loss::BinaryCrossEntropy { positive_weight: 1.0 }, 2);
        assert!((labels.constant_loss - 2.0_f64.ln()).abs() < 1e-12);
        let evidence = labels.judge(&same, 2).expect("the text makes no difference");
        assert_eq!(evidence.answer, ConstantOutput::Labels(vec![1]));
        assert!((1e-5..1e-3).contains(&evidence.spread), "{evidence:?}");
        assert_eq!(labels.judge(&shifted, 2), None);
        assert_eq!(labels.judge(&rows(&|row| [noise(row) - 1e-4, 0.5]), 2), None, "two sets are answered");
        let numbers = watch(Loss::MeanSquaredError, 1);
        assert_eq!(numbers.constant_loss, 0.25);
        let constant: Vec<f32> = (0..40).map(|row| 0.25 + noise(row)).collect();
        let evidence = numbers.judge(&constant, 1).expect("the text makes no difference");
        assert_eq!(evidence.answer.to_string(), "near 0.250");
        let alive: Vec<f32> = (0..40).map(|row| (row % 7) as f32 / 50.0).collect();
        assert_eq!(numbers.judge(&alive, 1), None);
        assert_eq!(numbers.judge(&[f32::NAN; 40], 1), None);
        let texts =
            [ConstantOutput::Labels(vec![]), ConstantOutput::Labels(vec![0, 3])].map(|answer| answer.to_string());
        assert_eq!(texts, ["no label at all", "the labels 0, 3 (from 0)"]);
    }

    #[test]
    fn probes_are_spread_over_the_examples() {
        assert_eq!(probed(3), [0, 1, 2]);
        let rows = probed(1000);
        assert_eq!((rows.len(), rows[0], rows[1], rows[255]), (256, 0, 3, 996));
        assert!(probed(0).is_empty());
    }
}
