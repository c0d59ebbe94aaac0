//! Runs that collapse are stopped, and runs that are only slow are not.

use std::ops::ControlFlow;

use larder_finetune::{
    BatchSize, ConstantOutput, Example, FinetuneResult, HeadStart, HistoryRow, Length, Loss, Observer, Quiet, Schedule,
    Targets, TrainingInputs, TunableEncoder, TuneError, TuneSettings, finetune,
};
use larder_graphs::HeadInput;
use larder_onnx::{EncoderConfig, Pool, random_weights};

use crate::support::*;

/// Labels that nothing tells: two of three are 1.
fn hopeless(tagging: bool) -> Vec<Example> {
    let example = |row: usize| {
        let ids: Vec<i64> = (0..6).map(|place| 3 + ((row * 31 + place * 17 + row * row * 7) % 90) as i64).collect();
        let label = |number: usize| i64::from(!(number * 7919 + number * number * 13).is_multiple_of(3));
        let labels = (0..6).map(|place| if place == 0 { -100 } else { label(row * 5 + place) }).collect();
        if tagging { Example::tagged(ids, labels) } else { Example::new(ids, label(row)) }
    };
    (0..64).map(example).collect()
}

fn run(config: &EncoderConfig, train: &[Example], settings: &TuneSettings) -> Result<FinetuneResult, TuneError> {
    let weights = random_weights(config, 3).expect("the configuration is sound");
    let encoder = TunableEncoder::built(config.clone(), weights);
    let inputs = TrainingInputs { encoder: &encoder, train, dev: &[], hidden: None, folder: None };
    finetune(&runtime(), &inputs, settings, &mut Quiet)
}

fn tiny(layers: usize) -> EncoderConfig {
    let config = format!(
        r#"{{"model_type": "bert", "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": {layers},
            "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 16}}"#
    );
    EncoderConfig::from_json(config.as_bytes()).expect("the configuration is sound")
}

fn settings(config: &EncoderConfig, tagging: bool) -> TuneSettings {
    // An untrained pooler of so few features hardly lets a difference through.
    let input = if tagging { HeadInput::Tokens } else { HeadInput::Pooled(Pool::Cls) };
    TuneSettings {
        input,
        head: HeadStart::Random,
        length: Length::Steps(300),
        batch: BatchSize::Rows(16),
        schedule: Schedule::Constant,
        threads: 1,
        ..TuneSettings::of(config.family, 2)
    }
}

#[test]
fn a_run_that_says_the_same_of_everything_is_stopped() {
    for (layers, tagging) in [(2, false), (6, true)] {
        let config = tiny(layers);
        let train = hopeless(tagging);
        let settings = TuneSettings { learning_rate: 0.1, ..settings(&config, tagging) };
        let problem = run(&config, &train, &settings).expect_err("the rate is far too high");
        let message = problem.to_string();
        let TuneError::Collapsed { step, rows, spread, loss, constant_loss, .. } = problem else { panic!("{message}") };
        // Looked for every fifty steps, after thirty of warm-up.
        assert!(step >= 100 && step.is_multiple_of(50), "{message}");
        assert_eq!(rows, if tagging { 5 * 64 } else { 64 });
        assert!(spread < 2.5e-3 && loss > 0.95 * constant_loss && (0.6..0.65).contains(&constant_loss), "{message}");
        let knobs = ["lower the learning rate (1e-1; bert is fine-tuned at 2e-5 to 5e-5)", "warm-up", "now to 1)"];
        assert!(knobs.iter().all(|knob| message.contains(knob)), "{message}");
    }
}

#[test]
fn a_run_that_has_not_learned_yet_goes_on() {
    for tagging in [false, true] {
        let config = tiny(2);
        let settings = TuneSettings { learning_rate: 3e-5, length: Length::Steps(150), ..settings(&config, tagging) };
        let tuned = run(&config, &hopeless(tagging), &settings).unwrap_or_else(|problem| panic!("{problem}"));
        // As bad as in a collapse, all the time.
        let losses = losses(&tuned);
        let last = losses[losses.len() - 50..].iter().sum::<f64>() / 50.0;
        assert!((0.62..0.69).contains(&last), "{last}");
    }
}

/// The hopeless texts with targets that are numbers: any of three labels, half of the rows having the first, or one number of
/// mean 0 and deviation 1.
fn hopeless_values(loss: &Loss) -> Vec<Example> {
    let mut train = hopeless(false);
    let rows = train.len();
    for (row, example) in train.iter_mut().enumerate() {
        // No two rows in a row are alike in it.
        let share = ((row * 37 + row * row * 11) % rows) as f32 / rows as f32;
        let values = match loss {
            Loss::MeanSquaredError => vec![(share - 0.5) * 12.0_f32.sqrt()],
            _ => [0.6, 0.3, 0.1].map(|of| f32::from(u8::from(share < of))).to_vec(),
        };
        example.targets = Targets::Values(values);
    }
    train
}

#[test]
fn runs_on_sets_and_numbers_are_stopped_in_the_same_way_and_only_then() {
    let config = tiny(2);
    for (loss, classes) in [(Loss::BinaryCrossEntropy { positive_weight: 1.0 }, 3), (Loss::MeanSquaredError, 1)] {
        let train = hopeless_values(&loss);
        let plain = TuneSettings { loss, classes, ..settings(&config, false) };
        let problem = run(&config, &train, &TuneSettings { learning_rate: 0.1, ..plain.clone() });
        let problem = problem.expect_err("the rate is far too high");
        let message = problem.to_string();
        let TuneError::Collapsed { step, answer, rows, spread, loss, constant_loss, .. } = problem else {
            panic!("{message}")
        };
        assert!(step >= 100 && rows == 64 && spread < 2.5e-3 && loss > 0.95 * constant_loss, "{message}");
        // Most have the first label, few the others; numbers have the mean 0, which a large step misses by tenths.
        match &*answer {
            ConstantOutput::Labels(labels) => assert_eq!(*labels, [0], "{message}"),
            ConstantOutput::Numbers(numbers) => assert!(numbers.len() == 1 && numbers[0].abs() < 1.0, "{message}"),
            ConstantOutput::Class(_) => panic!("{message}"),
        }
        assert!(message.contains(&answer.to_string()) && message.contains("lower the learning rate"), "{message}");
        eprintln!("{message}");

        let slow = TuneSettings { learning_rate: 3e-5, length: Length::Steps(150), ..plain };
        let tuned = run(&config, &train, &slow).unwrap_or_else(|problem| panic!("{problem}"));
        // No better than a collapse, all the time: probabilities come down slowly from a half.
        let losses = losses(&tuned);
        let last = losses[losses.len() - 50..].iter().sum::<f64>() / 50.0;
        assert!((0.95..1.3).contains(&(last / constant_loss)), "{last} {constant_loss}");
    }
}

/// Is stopped after so many steps, as by a kill.
struct Killed(usize);

impl Observer for Killed {
    fn step(&mut self, row: &HistoryRow, _total: usize) -> ControlFlow<()> {
        if row.step == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_run_that_is_taken_up_again_collapses_at_the_same_step() {
    let config = tiny(2);
    let train = hopeless(false);
    let plain = TuneSettings { learning_rate: 0.1, ..settings(&config, false) };
    let Err(TuneError::Collapsed { step, loss, .. }) = run(&config, &train, &plain) else { panic!("it collapses") };
    // Nobody looks: it goes on.
    let unwatched = TuneSettings { stop_on_collapse: false, length: Length::Steps(step + 1), ..plain.clone() };
    assert!(run(&config, &train, &unwatched).is_ok_and(|tuned| tuned.history.len() == step + 1));

    let weights = random_weights(&config, 3).expect("the configuration is sound");
    let encoder = TunableEncoder::built(config, weights);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let settings = TuneSettings { resume: true, save_every: Some(10), ..plain };
    let inputs =
        TrainingInputs { encoder: &encoder, train: &train, dev: &[], hidden: None, folder: Some(folder.path()) };
    // Between the two probes that agree.
    finetune(&runtime(), &inputs, &settings, &mut Killed(step - 17)).expect("it is stopped before");
    let again = finetune(&runtime(), &inputs, &settings, &mut Quiet);
    let Err(TuneError::Collapsed { step: found, loss: found_loss, .. }) = again else { panic!("it collapses again") };
    assert_eq!((found, found_loss), (step, loss));
}
