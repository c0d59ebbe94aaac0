//! Labels a token: tagging.

use larder_finetune::{
    BatchSize, Evaluated, Example, Length, Loss, Observer, Targets, TrainingInputs, TuneSettings, finetune,
};
use larder_graphs::IGNORED_LABEL;

use crate::support::*;

/// The labels of an example's tokens.
fn labels(example: &mut Example) -> &mut Vec<i64> {
    match &mut example.targets {
        Targets::Classes(labels) => labels,
        Targets::Values(_) => panic!("tokens have classes"),
    }
}

#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    let mut golden = Golden::tagging();
    // A batch of the second step in which nothing counts.
    golden.examples[6..8].iter_mut().for_each(|example| labels(example).fill(IGNORED_LABEL));
    let settings = TuneSettings {
        loss: Loss::CrossEntropy { class_weights: Some(vec![0.2, 1.0, 3.0]), label_smoothing: 0.1 },
        length: Length::Steps(6),
        ..golden.settings()
    };
    let whole = golden.run(&TuneSettings { batch: BatchSize::Rows(6), ..settings.clone() });
    let parts = golden.run(&TuneSettings { batch: BatchSize::Rows(2), accumulation: 3, ..settings });
    same_course(&golden, &whole, &parts);
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

fn evaluated(golden: &Golden, dev: &[Example]) -> Evaluated {
    let settings = TuneSettings { length: Length::Steps(1), learning_rate: 1e-30, ..golden.settings() };
    let settings = TuneSettings { weight_decay: 0.0, ..settings };
    let mut last = Last::default();
    let inputs = TrainingInputs { dev, ..golden.inputs() };
    finetune(&runtime(), &inputs, &settings, &mut last).unwrap_or_else(|problem| panic!("{problem:?}"));
    last.0.expect("it was evaluated")
}

#[test]
fn every_label_that_counts_has_a_row_of_logits() {
    let golden = Golden::tagging();
    let counted = |example: &Example| labels(&mut example.clone()).iter().filter(|&&label| label >= 0).count();
    // Longest first: the other way round than they are run.
    let mut dev = golden.examples.clone();
    dev.sort_by_key(|example| std::cmp::Reverse(example.input_ids.len()));
    // One in which nothing counts.
    labels(&mut dev[2]).fill(IGNORED_LABEL);
    let all = evaluated(&golden, &dev);
    assert_eq!(all.logits.len(), 3 * dev.iter().map(counted).sum::<usize>());
    assert!(dev.iter().any(|example| counted(example) == 0) && all.loss.is_finite());
    // Each by itself, and every label by itself, has the same rows.
    let mut rows = all.logits.chunks(3);
    for example in &dev[..6] {
        let tags = labels(&mut example.clone()).clone();
        for place in (0..tags.len()).filter(|&place| tags[place] >= 0) {
            let mut alone = example.clone();
            labels(&mut alone).fill(IGNORED_LABEL);
            labels(&mut alone)[place] = tags[place];
            let alone = evaluated(&golden, &[alone]);
            assert_eq!(alone.logits.len(), 3);
            let row = rows.next().expect("there is a row a label");
            // Batches of other sizes, and padding, round otherwise.
            assert!(row.iter().zip(&alone.logits).all(|(a, b)| (a - b).abs() < 1e-5), "{row:?} {:?}", alone.logits);
        }
    }
}

#[test]
fn without_a_label_nothing_is_lost() {
    let mut golden = Golden::tagging();
    golden.examples.iter_mut().for_each(|example| labels(example).fill(IGNORED_LABEL));
    let settings = TuneSettings { length: Length::Steps(4), weight_decay: 0.0, ..golden.settings() };
    for accumulation in [1, 2] {
        let inputs = TrainingInputs { dev: &golden.examples[..5], ..golden.inputs() };
        let settings = TuneSettings { accumulation, evaluate_every: Some(1), ..settings.clone() };
        let mut last = Last::default();
        let tuned = finetune(&runtime(), &inputs, &settings, &mut last).expect("it runs, and learns nothing");
        assert!(tuned.history.iter().all(|row| (row.loss, row.grad_norm) == (0.0, 0.0)), "{:?}", tuned.history);
        assert_eq!(last.0, Some(Evaluated { logits: Vec::new(), loss: 0.0 }));
        let name = "encoder.layer.0.output.dense.weight";
        assert_eq!(tuned.weights.get(name, &[32, 64]).ok(), golden.weights.get(name, &[32, 64]).ok());
    }
}

#[test]
fn labels_that_do_not_fit_are_said() {
    let golden = Golden::tagging();
    let problem = |example: Example, settings: &TuneSettings| {
        let mut first = golden.examples[0].clone();
        labels(&mut first).fill(1);
        let train = [first, example];
        let train = if settings.input == golden.settings().input { &train[..] } else { &train[1..] };
        let inputs = TrainingInputs { train, ..golden.inputs() };
        finetune(&runtime(), &inputs, settings, &mut Last::default()).expect_err("it does not fit").to_string()
    };
    let tagging = golden.settings();
    let of = |labels: &[i64]| Example::tagged(vec![1, 2], labels.to_vec());
    let message = "example 1 (from 0) has 1 labels for 2 tokens: one a token is expected";
    assert_eq!(problem(of(&[1]), &tagging), message);
    assert_eq!(problem(of(&[-1, 0]), &tagging), "example 1 (from 0) has the label -1, and the classes are 0 to 2");
    let texts = TuneSettings { input: TuneSettings::of(golden.config.family, 3).input, ..tagging };
    assert_eq!(problem(of(&[1, 2]), &texts), "example 0 (from 0) has 2 labels for 2 tokens: a text has one");
    assert!(problem(of(&[IGNORED_LABEL]), &texts).contains("has the label -100"));
}
