//! Targets that are numbers: sets of labels, and regression.

use larder_finetune::{
    BatchSize, Evaluated, Example, FinetuneResult, HeadStart, Length, Loss, Observer, Order, Quiet, TargetStatistics,
    Targets, TrainingInputs, TuneError, TuneSettings, finetune,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::Pool;

use crate::support::*;

fn goldens() -> [Golden; 3] {
    [Golden::multilabel(), Golden::regression(), Golden::pair()]
}

fn values(example: &Example) -> &[f32] {
    match &example.targets {
        Targets::Values(values) => values,
        Targets::Classes(_) => panic!("the golden has numbers"),
    }
}

/// Keeps the last evaluation.
#[derive(Default)]
struct Last(Option<Evaluated>);

impl Observer for Last {
    fn score(&mut self, _step: usize, evaluated: &Evaluated) -> f64 {
        self.0 = Some(evaluated.clone());
        0.0
    }
}

/// Logits and loss of examples under the golden's own head and weights.
fn evaluated(golden: &Golden, dev: &[Example]) -> Evaluated {
    let settings = TuneSettings { length: Length::Steps(1), learning_rate: 1e-30, ..golden.settings() };
    let settings = TuneSettings { weight_decay: 0.0, stop_on_collapse: false, ..settings };
    let mut last = Last::default();
    let inputs = TrainingInputs { dev, ..golden.inputs() };
    finetune(&runtime(), &inputs, &settings, &mut last).unwrap_or_else(|problem| panic!("{problem:?}"));
    last.0.expect("it was evaluated")
}

/// The loss of a row of logits, worked out here.
fn loss(golden: &Golden, logits: &[f32], targets: &[f32]) -> f64 {
    let each = |(&x, &y): (&f32, &f32)| {
        let (x, y) = (f64::from(x), f64::from(y));
        match golden.settings().loss {
            Loss::MeanSquaredError => (x - y).powi(2),
            _ => y * (1.0 + (-x).exp()).ln() + (1.0 - y) * (1.0 + x.exp()).ln(),
        }
    };
    logits.iter().zip(targets).map(each).sum::<f64>() / targets.len() as f64
}

#[test]
fn a_batch_with_padding_answers_as_its_examples_alone() {
    for golden in goldens() {
        let classes = golden.settings().classes;
        // Longest first: the other way round than they are run.
        let mut dev = golden.examples.clone();
        dev.sort_by_key(|example| std::cmp::Reverse(example.input_ids.len()));
        assert!(dev[0].input_ids.len() > dev[19].input_ids.len() + 5, "the short ones are padded");
        let all = evaluated(&golden, &dev);
        assert_eq!(all.logits.len(), 20 * classes);
        let mut losses = Vec::new();
        for (example, row) in dev.iter().zip(all.logits.chunks(classes)) {
            losses.push(loss(&golden, row, values(example)));
            let alone = evaluated(&golden, std::slice::from_ref(example));
            // Batches of other sizes, and padding, round otherwise.
            let pairs = row.iter().zip(&alone.logits);
            assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5), "{row:?} {:?}", alone.logits);
            assert!((alone.loss - losses.last().expect("just pushed")).abs() < 1e-5, "{} {losses:?}", alone.loss);
        }
        let mean = losses.iter().sum::<f64>() / 20.0;
        assert!((all.loss - mean).abs() < 1e-5 && mean > 0.1, "{} {mean}", all.loss);
        let spread = losses.iter().fold(0.0_f64, |spread, loss| spread.max((loss - mean).abs()));
        assert!(spread > 0.05, "the rows have losses of their own: {losses:?}");
    }
}

/// Parts of seven and six rows: were each weighed alike, and not by the elements it has, this would be another mean.
#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    for mut golden in goldens() {
        golden.examples.truncate(13);
        let settings = TuneSettings { length: Length::Steps(6), stop_on_collapse: false, ..golden.settings() };
        let whole = golden.run(&TuneSettings { batch: BatchSize::Rows(13), ..settings.clone() });
        let parts = golden.run(&TuneSettings { batch: BatchSize::Rows(7), accumulation: 2, ..settings.clone() });
        let many = golden.run(&TuneSettings { batch: BatchSize::Rows(3), accumulation: 5, ..settings });
        assert_eq!(whole.history[0].tokens, parts.history[0].tokens);
        same_course(&golden, &whole, &parts);
        same_course(&golden, &whole, &many);
    }
}

#[test]
fn a_run_that_is_taken_up_again_ends_in_the_same_numbers_and_knows_its_targets() {
    for golden in goldens() {
        let settings = TuneSettings {
            length: Length::Epochs(2),
            save_every: Some(1),
            resume: true,
            stop_on_collapse: false,
            ..golden.settings()
        };
        let run = |train: &[Example], observer: &mut dyn Observer, folder: &tempfile::TempDir| {
            let inputs =
                TrainingInputs { train, dev: &golden.examples[..7], folder: Some(folder.path()), ..golden.inputs() };
            finetune(&runtime(), &inputs, &settings, observer)
        };
        let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder can be made"));
        let undisturbed = run(&golden.examples, &mut Quiet, &folders[0]).expect("it runs");
        run(&golden.examples, &mut Killed(5), &folders[1]).expect("it is stopped");
        let mut other = golden.examples.clone();
        if let Targets::Values(values) = &mut other[3].targets {
            values[0] = 1.0 - values[0];
        }
        let problem = run(&other, &mut Quiet, &folders[1]).expect_err("the targets are other ones");
        assert!(matches!(problem, TuneError::OtherRun { .. }), "{problem}");
        let resumed = run(&golden.examples, &mut Quiet, &folders[1]).expect("it goes on");
        assert_eq!(losses(&resumed), losses(&undisturbed));
        assert_eq!((&resumed.weights, &resumed.head), (&undisturbed.weights, &undisturbed.head));
    }
}

/// Texts of a first token and fillers, and the targets that the first token tells.
fn told(targets: impl Fn(i64) -> Vec<f32>) -> Vec<Example> {
    let example = |row: i64| Example::valued(vec![5 + row % 4, 8, 9 + row % 3, 12 + row % 5], targets(row % 4));
    (0..24).map(example).collect()
}

fn learned(golden: &Golden, train: &[Example], loss: Loss, classes: usize) -> (FinetuneResult, TuneSettings) {
    let settings = TuneSettings {
        loss,
        classes,
        head: HeadStart::Random,
        input: HeadInput::Pooled(Pool::Mean),
        order: Order::ByLength,
        batch: BatchSize::Rows(8),
        length: Length::Epochs(60),
        learning_rate: 3e-3,
        weight_decay: 0.0,
        dropout: DropoutRatios { hidden: 0.02, attention: 0.02, head: 0.02 },
        threads: 1,
        ..TuneSettings::of(golden.config.family, classes)
    };
    let inputs = TrainingInputs { train, dev: &train[..12], ..golden.inputs() };
    let tuned = finetune(&runtime(), &inputs, &settings, &mut Quiet).unwrap_or_else(|problem| panic!("{problem}"));
    (tuned, settings)
}

/// Watched for a collapse all the time: a run that learns is none. Rare and frequent labels, and a number between them.
#[test]
fn sets_and_numbers_are_learned() {
    for encoder in ["tiny", "albert", "distilbert"] {
        let golden = Golden::read("bert", encoder);
        let binary = Loss::BinaryCrossEntropy { positive_weight: 1.0 };
        let sets = told(|kind| [kind == 0, kind > 0, kind % 2 == 1].map(|has| f32::from(u8::from(has))).to_vec());
        let numbers = told(|kind| vec![[-1.2, -0.4, 0.2, 1.4][kind as usize]]);
        for (train, loss, classes) in [(sets, binary, 3), (numbers, Loss::MeanSquaredError, 1)] {
            let (tuned, settings) = learned(&golden, &train, loss, classes);
            let statistics = TargetStatistics::of(&train, classes);
            let guessing = settings.constant_loss(&statistics, &statistics);
            let losses = losses(&tuned);
            let last = losses[losses.len() - 6..].iter().sum::<f64>() / 6.0;
            assert!(losses[0] > 0.6 * guessing, "{encoder}: {losses:?} {guessing}");
            assert!(last < 0.3 * guessing, "{encoder}: {last} {guessing}");
            let dev = tuned.scores.expect("it was judged").0;
            assert!(-dev.score < 0.3 * guessing, "{encoder}: {dev:?} {guessing}");
        }
    }
}

#[test]
fn targets_that_do_not_fit_are_said() {
    let golden = Golden::multilabel();
    let problem = |example: Example, settings: &TuneSettings| {
        let mut train = golden.examples.clone();
        train[1] = example;
        let inputs = TrainingInputs { train: &train, ..golden.inputs() };
        finetune(&runtime(), &inputs, settings, &mut Quiet).expect_err("it does not fit").to_string()
    };
    let of = |values: &[f32]| Example::valued(vec![1, 2], values.to_vec());
    let sets = golden.settings();
    let numbers = TuneSettings { loss: Loss::MeanSquaredError, ..sets.clone() };
    let message = "example 1 (from 0) has 2 target numbers, and the head has 3 outputs";
    assert_eq!(problem(of(&[0.0, 1.0]), &sets), message);
    for (value, text) in [(1.5, "1.5"), (-0.1, "-0.1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let message = format!(
            "example 1 (from 0) has the target {text} for output 2 (from 0), and targets of this loss are from 0 to 1"
        );
        assert_eq!(problem(of(&[0.0, 1.0, value]), &sets), message);
    }
    for (value, text) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let message = format!(
            "example 1 (from 0) has the target {text} for output 0 (from 0), and targets of this loss are finite"
        );
        assert_eq!(problem(of(&[value, 1.0, 7.5]), &numbers), message);
    }
    let message = "example 1 (from 0) has classes for its targets, and the loss takes 3 numbers, one for each output";
    assert_eq!(problem(Example::new(vec![1, 2], 0), &sets), message);
    let classes =
        TuneSettings { loss: Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 }, ..sets.clone() };
    let message = "example 0 (from 0) has numbers for its targets, and cross-entropy takes classes";
    assert_eq!(problem(of(&[0.0; 3]), &classes), message);
    let tokens = TuneSettings { input: HeadInput::Tokens, ..sets.clone() };
    assert_eq!(problem(of(&[0.0; 3]), &tokens), "no training graph can be made");
    let weighed = TuneSettings { loss: Loss::BinaryCrossEntropy { positive_weight: 0.0 }, ..sets.clone() };
    assert_eq!(problem(of(&[0.0; 3]), &weighed), "positive_weight is 0: more than 0, and finite");
    assert_eq!(problem(of(&[]), &TuneSettings { classes: 0, ..numbers }), "classes is 0: one at least");
}
