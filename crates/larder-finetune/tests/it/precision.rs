//! Half precision against float32, and what is done where float16 overflows.

use larder_finetune::{
    BatchSize, HistoryRow, Length, Note, Order, Precision, Quiet, Schedule, StopReason, TrainingInputs, TuneError,
    TuneSettings, finetune,
};
use larder_graphs::DropoutRatios;
use larder_runtime::{Device, RuntimeError};

use crate::support::*;

/// Far more than float16 can hold of any gradient: 2^30.
const TOO_LARGE: f64 = 1_073_741_824.0;

#[test]
fn half_precision_follows_float32() {
    for golden in [Golden::bert(), Golden::tagging(), Golden::read("albert", "albert")] {
        let settings = TuneSettings { length: Length::Steps(8), ..golden.settings() };
        let plain = golden.run(&settings);
        // A product's rounding is 2^-11 or 2^-8 of each operand; BERT's gradients were measured at 1.3e-3 and 1.3e-2 of their
        // norm, and losses over eight steps at 5e-4 and 2e-3. Below the least nothing would have been rounded.
        for (precision, norm, loss) in [(Precision::F16, 3e-3, 1e-3), (Precision::Bf16, 3e-2, 1e-2)] {
            let half = golden.run(&TuneSettings { precision, ..settings.clone() });
            match precision {
                Precision::Bf16 if half.notes.contains(&Note::NoInstructions { precision }) => {
                    assert_eq!(losses(&plain), losses(&half));
                    eprintln!("SKIPPED: this processor has no instructions for bfloat16");
                    continue;
                }
                Precision::Bf16 => assert!(!half.notes.contains(&Note::Rounded { precision }), "{:?}", half.notes),
                _ => assert!(half.notes.contains(&Note::Rounded { precision }), "{:?}", half.notes),
            }
            let pairs = || plain.history.iter().zip(&half.history);
            let norms = pairs().map(|(a, b)| (a.grad_norm / b.grad_norm - 1.0).abs()).fold(0.0, f64::max);
            let losses = pairs().map(|(a, b)| (a.loss - b.loss).abs()).fold(0.0, f64::max);
            eprintln!("{:?} in {precision}: norm {norms:e} of itself, loss {losses:e}", golden.config.family);
            assert!(norms < norm && losses < loss, "{precision}: {norms:e} {losses:e}");
            assert!(norms > norm / 1e3 && losses > loss / 1e3, "{precision}: {norms:e} {losses:e}");
            let last = |tuned: &larder_finetune::FinetuneResult| tuned.history[7].loss;
            assert!(last(&half) < half.history[0].loss - 50.0 * loss.min(1e-3), "{:?}", half.history);
        }
    }
}

#[test]
fn steps_that_overflow_are_skipped_until_the_scale_fits() {
    let golden = Golden::bert();
    // One batch has all examples: a step that was skipped is done again with the next.
    let settings = TuneSettings {
        precision: Precision::F16,
        batch: BatchSize::Rows(20),
        loss_scale: TOO_LARGE,
        length: Length::Steps(40),
        ..golden.settings()
    };
    let found = golden.run(&settings);
    let skipped = found.history.iter().take_while(|row| row.grad_norm.is_infinite()).count();
    assert!((10..25).contains(&skipped), "{skipped}");
    assert!(found.history[skipped..].iter().all(|row| row.grad_norm.is_finite()), "{:?}", found.history);
    let loss_scale = TOO_LARGE / 2.0_f64.powi(skipped as i32);
    assert_eq!(found.notes.last(), Some(&Note::Skipped { steps: skipped, loss_scale }));
    let all = losses(&found);
    assert!(all[..skipped].iter().all(|loss| *loss == all[0]) && all[39] < 0.9 * all[0], "{all:?}");
    // Neither parameters nor moments nor Adam's count know of them.
    let fits = TuneSettings { loss_scale, length: Length::Steps(40 - skipped), ..settings.clone() };
    let fits = golden.run(&fits);
    assert_eq!(all[skipped..], losses(&fits));
    assert_eq!((&found.weights, &found.head), (&fits.weights, &fits.head));
    assert!(!fits.notes.iter().any(|note| matches!(note, Note::Skipped { .. })));
    // The schedule does.
    let rates =
        |tuned: larder_finetune::FinetuneResult| tuned.history.iter().map(|row| row.learning_rate).collect::<Vec<_>>();
    let linear = TuneSettings { schedule: Schedule::Linear, warmup: 0.5, ..settings };
    assert_eq!(rates(golden.run(&linear)), rates(golden.run(&TuneSettings { precision: Precision::F32, ..linear })));
}

#[test]
fn a_run_without_a_scale_left_is_stopped() {
    let golden = Golden::bert();
    let settings = TuneSettings { loss_scale: 4.0, learning_rate: 1e30, ..golden.settings() };
    for (precision, stops) in [(Precision::F16, 4), (Precision::Bf16, 2)] {
        let settings = TuneSettings { precision, ..settings.clone() };
        let problem = finetune(&runtime(), &golden.inputs(), &settings, &mut Quiet).expect_err("it cannot go on");
        // The first step makes parameters that no product can take; from then on float16 halves 4, 2 and 1.
        assert!(matches!(problem, TuneError::NotFinite { step, .. } if step == stops), "{precision}: {problem}");
    }
    for loss_scale in [3.0, 0.5, f64::NAN, f64::INFINITY] {
        let settings = TuneSettings { loss_scale, ..golden.settings() };
        let problem = finetune(&runtime(), &golden.inputs(), &settings, &mut Quiet).expect_err("it is no scale");
        let expected = format!("loss_scale is {loss_scale}: a power of two, from 1 to 2^100");
        assert_eq!(problem.to_string(), expected);
    }
}

#[test]
fn a_run_that_skipped_is_taken_up_again_with_its_scale() {
    let golden = Golden::bert();
    let settings = TuneSettings {
        precision: Precision::F16,
        loss_scale: TOO_LARGE,
        order: Order::ByLength,
        schedule: Schedule::Linear,
        batch: BatchSize::Rows(3),
        accumulation: 2,
        length: Length::Epochs(8),
        dropout: DropoutRatios { hidden: 0.2, attention: 0.3, head: 0.1 },
        save_every: Some(3),
        resume: true,
        ..golden.settings()
    };
    let run = |steps: usize, folder: &tempfile::TempDir| {
        let inputs = TrainingInputs { dev: &golden.examples[..7], folder: Some(folder.path()), ..golden.inputs() };
        finetune(&runtime(), &inputs, &settings, &mut Killed(steps)).unwrap_or_else(|problem| panic!("{problem:?}"))
    };
    let folder = || tempfile::tempdir().expect("a folder can be made");
    let undisturbed = run(usize::MAX, &folder());
    let skipped = undisturbed.history.iter().filter(|row| row.grad_norm.is_infinite()).count();
    assert!((10..28).contains(&skipped) && undisturbed.history.len() == 32, "{:?}", undisturbed.history);
    let folder = folder();
    for step in [5, 14, 29] {
        assert_eq!(run(step, &folder).stop_reason, StopReason::Stopped);
    }
    let resumed = run(usize::MAX, &folder);
    for (resumed, undisturbed) in resumed.history.iter().zip(&undisturbed.history) {
        let same = HistoryRow { seconds: undisturbed.seconds, ..resumed.clone() };
        assert_eq!(same, *undisturbed);
    }
    assert_eq!((&resumed.weights, &resumed.head), (&undisturbed.weights, &undisturbed.head));
    assert_eq!(resumed.notes.last(), undisturbed.notes.last());
}

#[test]
fn a_device_that_is_not_there_is_said() {
    let golden = Golden::bert();
    if runtime().cuda().is_ok() {
        eprintln!("SKIPPED: there is a CUDA device");
        return;
    }
    let settings = TuneSettings { device: Device::CUDA, ..golden.settings() };
    let problem = finetune(&runtime(), &golden.inputs(), &settings, &mut Quiet).expect_err("there is none");
    let TuneError::Device(problem) = problem else { panic!("{problem}") };
    assert!(matches!(*problem, RuntimeError::CudaUnavailable { .. }), "{problem}");
    let auto = TuneSettings { device: Device::Auto, length: Length::Steps(2), ..golden.settings() };
    let cpu = TuneSettings { device: Device::Cpu, ..auto.clone() };
    assert_eq!(losses(&golden.run(&auto)), losses(&golden.run(&cpu)));
}
