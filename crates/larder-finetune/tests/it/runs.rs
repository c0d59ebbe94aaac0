//! Runs against themselves.

use larder_finetune::{
    BatchSize, Evaluated, Example, HeadStart, HistoryRow, Length, Loss, Note, Observer, Order, Quiet, Schedule,
    StopReason, TrainingInputs, TuneError, TuneSettings, finetune,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{Family, Pool};

use crate::support::*;

const DROPOUT: DropoutRatios = DropoutRatios { hidden: 0.2, attention: 0.3, head: 0.1 };

#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    let golden = Golden::bert();
    let settings = TuneSettings {
        // Batches of one step then weigh differently.
        loss: Loss::CrossEntropy { class_weights: Some(vec![0.2, 1.0, 3.0]), label_smoothing: 0.1 },
        length: Length::Steps(6),
        ..golden.settings()
    };
    let whole = golden.run(&TuneSettings { batch: BatchSize::Rows(6), ..settings.clone() });
    let parts = golden.run(&TuneSettings { batch: BatchSize::Rows(2), accumulation: 3, ..settings });
    same_course(&golden, &whole, &parts);
}

#[test]
fn a_run_that_is_taken_up_again_ends_in_the_same_numbers() {
    let golden = Golden::bert();
    let settings = TuneSettings {
        order: Order::ByLength,
        schedule: Schedule::Linear,
        warmup: 0.1,
        accumulation: 2,
        batch: BatchSize::Rows(3),
        length: Length::Epochs(4),
        dropout: DROPOUT,
        save_every: Some(3),
        resume: true,
        ..golden.settings()
    };
    let run = |observer: &mut dyn Observer, folder: &tempfile::TempDir| {
        let inputs = TrainingInputs { dev: &golden.examples[..7], folder: Some(folder.path()), ..golden.inputs() };
        finetune(&runtime(), &inputs, &settings, observer).unwrap_or_else(|problem| panic!("{problem:?}"))
    };
    let folder = || tempfile::tempdir().expect("a folder can be made");
    let undisturbed = run(&mut Quiet, &folder());
    assert_eq!((undisturbed.stop_reason, undisturbed.history.len()), (StopReason::Finished, 16));
    for kills in [vec![1], vec![8], vec![5, 11, 15]] {
        let folder = folder();
        for &step in &kills {
            assert_eq!(run(&mut Killed(step), &folder).stop_reason, StopReason::Stopped);
        }
        let resumed = run(&mut Quiet, &folder);
        for (resumed, undisturbed) in resumed.history.iter().zip(&undisturbed.history) {
            let same = HistoryRow { seconds: undisturbed.seconds, ..resumed.clone() };
            assert_eq!(same, *undisturbed, "killed at {kills:?}");
        }
        assert_eq!((&resumed.weights, &resumed.head), (&undisturbed.weights, &undisturbed.head), "killed at {kills:?}");
        assert_eq!(resumed.scores, undisturbed.scores);
        let is_new = |note: &Note| matches!(note, Note::Resumed { .. });
        assert_eq!(resumed.notes.iter().any(is_new), kills != [1], "nothing was saved before the third step");
    }
    let other = TuneSettings { seed: 1, ..settings.clone() };
    let folder = folder();
    run(&mut Quiet, &folder);
    let inputs = TrainingInputs { folder: Some(folder.path()), dev: &golden.examples[..7], ..golden.inputs() };
    let problem = finetune(&runtime(), &inputs, &other, &mut Quiet).expect_err("the checkpoint is of another run");
    assert!(matches!(problem, TuneError::OtherRun { .. }), "{problem}");
}

#[test]
fn what_is_frozen_does_not_move_and_everything_else_does() {
    let golden = Golden::bert();
    let freeze = "embeddings,layers:0".parse().expect("is spelled right");
    let tuned = golden.run(&TuneSettings { freeze, length: Length::Steps(2), ..golden.settings() });
    for parameter in golden.config.parameters(true) {
        let before = golden.weights.get(&parameter.name, &parameter.shape).expect("the golden has it");
        let after = tuned.weights.get(&parameter.name, &parameter.shape).expect("is given back");
        let is_frozen = ["embeddings.", "encoder.layer.0."].iter().any(|part| parameter.name.starts_with(part));
        assert_eq!(before == after, is_frozen, "{}", parameter.name);
    }
    // Whatever stands before the names in the file.
    let golden = Golden::read("modernbert", "modernbert");
    let freeze = "layers:0".parse().expect("is spelled right");
    let tuned = golden.run(&TuneSettings { freeze, length: Length::Steps(1), ..golden.settings() });
    for parameter in golden.config.parameters(false) {
        assert!(tuned.weights.contains(&parameter.name), "{}", parameter.name);
    }
    let golden = Golden::bert();
    // A head on the first token leaves the pooler as it is.
    let tuned = golden.run(&TuneSettings {
        input: HeadInput::Pooled(Pool::Cls),
        length: Length::Steps(2),
        ..golden.settings()
    });
    let pooler = ("pooler.dense.weight", [32, 32]);
    assert_eq!(tuned.weights.get(pooler.0, &pooler.1).ok(), golden.weights.get(pooler.0, &pooler.1).ok());
}

#[test]
fn learning_rates_differ_by_part() {
    let golden = Golden::bert();
    let base = TuneSettings { length: Length::Steps(1), clip: None, weight_decay: 0.0, ..golden.settings() };
    let settings = TuneSettings { head_learning_rate: Some(1e-2), layer_decay: 0.5, ..base };
    let tuned = golden.run(&settings);
    // The first step of Adam moves every element by its rate, whatever the gradient, if it is not near zero.
    let largest = |name: &str, shape: &[usize]| {
        let (before, after) = match name.starts_with("classifier.") {
            true => (golden.floats(name).values, tuned.head.get(name, shape).expect("is there").to_vec()),
            false => {
                let before = golden.weights.get(name, shape).expect("is there").to_vec();
                (before, tuned.weights.get(name, shape).expect("is there").to_vec())
            }
        };
        before.iter().zip(&after).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
    };
    let moved = [
        largest("classifier.weight", &[3, 32]),
        largest("pooler.dense.weight", &[32, 32]),
        largest("encoder.layer.1.output.dense.weight", &[32, 64]),
        largest("encoder.layer.0.output.dense.weight", &[32, 64]),
        largest("embeddings.word_embeddings.weight", &[100, 32]),
    ];
    for (moved, rate) in moved.iter().zip([1e-2, 1e-2, 1e-3, 5e-4, 2.5e-4]) {
        assert!((moved / rate - 1.0).abs() < 1e-3, "{moved:e} for {rate:e}");
    }
}

/// Keeps every evaluation.
#[derive(Default)]
struct Evaluations(Vec<Evaluated>);

impl Observer for Evaluations {
    fn score(&mut self, _step: usize, evaluated: &Evaluated) -> f64 {
        self.0.push(evaluated.clone());
        -(self.0.len() as f64)
    }
}

#[test]
fn dropout_is_random_by_the_seed_and_absent_in_evaluations() {
    let golden = Golden::bert();
    let settings = TuneSettings {
        batch: BatchSize::Rows(20),
        length: Length::Steps(3),
        // Nothing is learned: all steps see the same parameters.
        learning_rate: 1e-30,
        weight_decay: 0.0,
        ..golden.settings()
    };
    let plain = losses(&golden.run(&settings));
    assert!(plain.iter().all(|loss| *loss == plain[0]), "{plain:?}");
    for dropout in [
        DropoutRatios { hidden: 0.3, ..DropoutRatios::NONE },
        DropoutRatios { attention: 0.3, ..DropoutRatios::NONE },
        DropoutRatios { head: 0.3, ..DropoutRatios::NONE },
    ] {
        let settings = TuneSettings { dropout, ..settings.clone() };
        let dropped = losses(&golden.run(&settings));
        assert_eq!(dropped, losses(&golden.run(&settings)), "{dropout:?}");
        assert_ne!(dropped, losses(&golden.run(&TuneSettings { seed: 1, ..settings.clone() })), "{dropout:?}");
        assert!(dropped[0] != plain[0] && dropped[0] != dropped[1], "{dropout:?}: {dropped:?}, {plain:?}");
    }
    let settings = TuneSettings { dropout: DROPOUT, evaluate_every: Some(1), ..settings };
    let mut seen = Evaluations::default();
    let inputs = TrainingInputs { dev: &golden.examples, ..golden.inputs() };
    finetune(&runtime(), &inputs, &settings, &mut seen).expect("the run is as the others");
    assert_eq!((seen.0.len(), seen.0[0].logits.len()), (3, 60));
    assert!(seen.0.iter().all(|evaluated| (evaluated.loss - plain[0]).abs() < 1e-6), "{:?} {plain:?}", seen.0);
}

/// Of a family with rotary positions and gates, each place by itself.
#[test]
fn gte_drops_where_it_is_asked_to() {
    let golden = Golden::read("gte", "gte");
    let losses = |dropout| {
        let length = Length::Steps(2);
        losses(&golden.run(&TuneSettings {
            dropout,
            length,
            learning_rate: 1e-30,
            weight_decay: 0.0,
            ..golden.settings()
        }))
    };
    let plain = losses(DropoutRatios::NONE);
    for dropout in [
        DropoutRatios { hidden: 0.3, ..DropoutRatios::NONE },
        DropoutRatios { attention: 0.3, ..DropoutRatios::NONE },
        DropoutRatios { head: 0.3, ..DropoutRatios::NONE },
    ] {
        assert!(
            losses(dropout).iter().zip(&plain).all(|(dropped, plain)| (dropped - plain).abs() > 1e-4),
            "{dropout:?}"
        );
    }
}

/// Losses and norms of gradients are spread as PyTorch's are: their means are within four standard errors of each other, and so are
/// their standard deviations.
#[test]
fn dropout_is_pytorch_s_in_distribution() {
    const DRAWS: [f64; 2] = [12_000.0, 1000.0];
    for (name, encoder, head) in [("bert", "tiny", 0.1), ("albert", "albert", 0.1), ("distilbert", "distilbert", 0.0)] {
        let golden = Golden::read(&format!("{name}_dropout"), encoder);
        let settings = TuneSettings {
            batch: BatchSize::Rows(20),
            length: Length::Steps(DRAWS[1] as usize),
            learning_rate: 1e-30,
            weight_decay: 0.0,
            dropout: DropoutRatios { hidden: 0.3, attention: 0.2, head },
            stop_on_collapse: false,
            ..golden.settings()
        };
        let tuned = golden.run(&settings);
        for (what, of) in [("loss", (|row| row.loss) as fn(&HistoryRow) -> f64), ("norm", |row| row.grad_norm)] {
            let moments = golden.doubles(what);
            let [mean, deviation, kurtosis] = moments.as_slice() else { panic!("{moments:?}") };
            let found: Vec<f64> = tuned.history.iter().map(of).collect();
            let found_mean = found.iter().sum::<f64>() / DRAWS[1];
            let variance = found.iter().map(|value| (value - found_mean).powi(2)).sum::<f64>() / DRAWS[1];
            let draws = DRAWS.map(f64::recip).iter().sum::<f64>();
            // Of a mean, and of a standard deviation: its square has the variance of fourth powers.
            let errors = [deviation * draws.sqrt(), deviation * ((kurtosis - 1.0) / 4.0 * draws).sqrt()];
            let apart = [(found_mean - mean) / errors[0], (variance.sqrt() - deviation) / errors[1]];
            eprintln!("{name}, {what}: {found_mean} for {mean}, {} for {deviation}: {apart:?}", variance.sqrt());
            assert!(apart.iter().all(|errors| errors.abs() < 4.0), "{name}, {what}: {apart:?} standard errors");
        }
    }
}

#[test]
fn the_best_is_kept_and_patience_ends() {
    let golden = Golden::bert();
    let settings = TuneSettings { evaluate_every: Some(2), patience: Some(2), ..golden.settings() };
    let short = golden.run(&TuneSettings { length: Length::Steps(2), ..golden.settings() });
    for folder in [None, Some(tempfile::tempdir().expect("a folder can be made"))] {
        let folder = folder.as_ref().map(|folder| folder.path());
        let inputs = TrainingInputs { dev: &golden.examples, folder, ..golden.inputs() };
        // Each evaluation is judged to be worse than the one before.
        let tuned =
            finetune(&runtime(), &inputs, &settings, &mut Evaluations::default()).expect("the run is as the others");
        assert_eq!((tuned.stop_reason, tuned.history.len()), (StopReason::Early, 6));
        let (best, last) = tuned.scores.expect("it was evaluated");
        assert_eq!((best.step, last.step, last.score), (2, 6, -3.0));
        assert_eq!((tuned.weights, tuned.head), (short.weights.clone(), short.head.clone()));
    }
}

#[test]
fn every_family_learns_with_any_order_and_batch() {
    for (name, family) in [
        ("tiny", Family::Bert),
        ("albert", Family::Albert),
        ("distilbert", Family::DistilBert),
        ("roberta", Family::Roberta),
        ("xlm-roberta", Family::XlmRoberta),
        ("electra", Family::Electra),
        ("mpnet", Family::MpNet),
    ] {
        let golden = Golden::read("bert", name);
        assert_eq!(golden.config.family, family);
        // Two kinds of texts, told apart by their first token.
        let example = |row: i64| Example::new(vec![5 + row % 2, 8, 9 + row % 3, 12 + row % 5], row % 2);
        let examples: Vec<Example> = (0..12).map(example).collect();
        for (pool, batch) in [(Pool::Cls, BatchSize::Rows(5)), (Pool::Mean, BatchSize::Tokens(24))] {
            let settings = TuneSettings {
                input: HeadInput::Pooled(pool),
                batch,
                length: Length::Epochs(20),
                weight_decay: 0.0,
                learning_rate: 3e-3,
                layer_decay: 1.0,
                threads: 1,
                dropout: DropoutRatios { hidden: 0.02, attention: 0.02, head: 0.02 },
                ..TuneSettings::of(family, 2)
            };
            let inputs = TrainingInputs { train: &examples, ..golden.inputs() };
            let tuned = finetune(&runtime(), &inputs, &settings, &mut Quiet)
                .unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
            let losses = losses(&tuned);
            let last = losses[losses.len() - 3..].iter().sum::<f64>() / 3.0;
            assert!(last < 0.4, "{name}, {pool}: {losses:?}");
            // Without a decay, what has moved has had a gradient.
            for parameter in golden.config.parameters(false) {
                let found = tuned.weights.get(&parameter.name, &parameter.shape).expect("is given back");
                let moved = found != golden.start(&parameter.name, &parameter.shape);
                assert!(moved, "{name}, {pool}: {} has not moved", parameter.name);
            }
        }
    }
}

#[test]
fn what_cannot_be_trained_is_said() {
    let golden = Golden::bert();
    let problem = |train: &[Example], settings: &TuneSettings| {
        let inputs = TrainingInputs { train, ..golden.inputs() };
        finetune(&runtime(), &inputs, settings, &mut Quiet).expect_err("it cannot be trained").to_string()
    };
    let plain = golden.settings();
    let of = |ids: &[i64], label| [Example::new(vec![1, 2], 0), Example::new(ids.to_vec(), label)];
    assert_eq!(problem(&[], &plain), "there are no examples to train on");
    assert_eq!(
        problem(&of(&[100], 0), &plain),
        "example 1 (from 0) has the token 100, and the encoder has 100 of them"
    );
    assert_eq!(problem(&of(&[1], 3), &plain), "example 1 (from 0) has the label 3, and the classes are 0 to 2");
    assert_eq!(problem(&of(&[], 0), &plain), "example 1 (from 0) has 0 tokens, and the encoder takes 1 to 32");
    let loss = Loss::CrossEntropy { class_weights: Some(vec![1.0]), label_smoothing: 0.0 };
    let settings = TuneSettings { loss, ..plain.clone() };
    assert_eq!(problem(&golden.examples, &settings), "class_weights is 1 weights: one a class");
    let settings = TuneSettings { freeze: "layers:1-2".parse().expect("is spelled right"), ..plain.clone() };
    assert!(problem(&golden.examples, &settings).contains("the encoder has layers 0 to 1"));

    let settings = TuneSettings { learning_rate: 1e30, head: HeadStart::Random, ..plain };
    let message = problem(&golden.examples, &settings);
    assert!(message.contains("lower the learning rate") && message.contains("2e-5 to 5e-5"), "{message}");
}
