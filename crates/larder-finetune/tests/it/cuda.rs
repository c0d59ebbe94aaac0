//! The same runs on a GPU: `just test-cuda`, on a machine that has one.

use larder_finetune::{
    FinetuneResult, Length, Observer, Precision, Quiet, StopReason, TrainingInputs, TuneSettings, finetune,
};
use larder_runtime::Device;

use crate::support::*;

/// Steps that are compared: the bounds below are of so many.
const STEPS: usize = 8;

/// A run there, of so many steps.
fn there(golden: &Golden, settings: &TuneSettings) -> FinetuneResult {
    golden.run(&TuneSettings { device: Device::CUDA, length: Length::Steps(STEPS), ..settings.clone() })
}

fn is_asked_for() -> bool {
    let asked = std::env::var_os("LARDER_TEST_CUDA").is_some();
    if !asked {
        eprintln!("SKIPPED: needs a GPU: run `just test-cuda` where there is one");
    }
    asked
}

/// The largest difference of a norm beside itself, and of a loss.
fn apart_by(tuned: &FinetuneResult, golden: &Golden) -> (f64, f64) {
    let (losses, norms) = (golden.floats("losses").values, golden.floats("norms").values);
    assert_eq!(tuned.history.len(), STEPS);
    let mut largest: (f64, f64) = (0.0, 0.0);
    for (row, (loss, norm)) in tuned.history.iter().zip(losses.iter().zip(&norms)) {
        let norm = (row.grad_norm / f64::from(*norm) - 1.0).abs();
        largest = (largest.0.max(norm), largest.1.max((row.loss - f64::from(*loss)).abs()));
    }
    assert!(largest.0.is_finite() && largest.1.is_finite(), "{:?}", tuned.history);
    largest
}

fn goldens() -> [Golden; 4] {
    let albert = |name| Golden::read(name, "albert");
    [Golden::bert(), Golden::tagging(), albert("albert"), albert("albert_tagging")]
}

/// Products have eleven significant bits there, in TF32 as in float16, or bfloat16's eight: the bounds are those of the
/// rounded runs in `precision.rs`.
#[test]
fn cuda_follows_pytorch_in_every_precision() {
    if !is_asked_for() {
        return;
    }
    for golden in goldens() {
        let bounds = [(Precision::F32, 3e-3, 1e-3), (Precision::F16, 3e-3, 1e-3), (Precision::Bf16, 3e-2, 1e-2)];
        for (precision, norm, loss) in bounds {
            // No step is skipped at that scale.
            let settings = TuneSettings { precision, loss_scale: 1024.0, ..golden.settings() };
            let (norms, losses) = apart_by(&there(&golden, &settings), &golden);
            eprintln!("{:?} in {precision}: norm {norms:e} of itself, loss {losses:e}", golden.config.family);
            assert!(norms < norm && losses < loss, "{precision}: {norms:e} {losses:e}");
        }
    }
}

/// A batch in two halves is the whole batch: what is added up on the device, and where it begins.
#[test]
fn cuda_adds_up_the_batches_of_a_step() {
    if !is_asked_for() {
        return;
    }
    let golden = Golden::read("roberta", "roberta");
    let settings = TuneSettings { accumulation: 2, ..golden.settings() };
    let (norms, losses) = apart_by(&there(&golden, &settings), &golden);
    assert!(norms < 3e-3 && losses < 1e-3, "{norms:e} {losses:e}");
}

/// Moments come back from a checkpoint, and evaluations see the parameters as they are.
#[test]
fn cuda_runs_are_taken_up_again_and_judged() {
    if !is_asked_for() {
        return;
    }
    let golden = Golden::bert();
    let settings = TuneSettings { device: Device::CUDA, save_every: Some(2), resume: true, ..golden.settings() };
    let run = |settings: &TuneSettings, folder: &std::path::Path, observer: &mut dyn Observer| {
        let dev = &golden.examples[..10];
        let inputs = TrainingInputs { dev, folder: Some(folder), ..golden.inputs() };
        finetune(&runtime(), &inputs, settings, observer).unwrap_or_else(|problem| panic!("{problem:?}"))
    };
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().expect("a folder can be made"));
    let whole = run(&settings, folders[0].path(), &mut Quiet);
    assert_eq!(run(&settings, folders[1].path(), &mut Killed(5)).stop_reason, StopReason::Stopped);
    let resumed = run(&settings, folders[1].path(), &mut Quiet);
    let on_cpu = run(&TuneSettings { device: Device::Cpu, ..settings.clone() }, folders[2].path(), &mut Quiet);
    // TF32, and sums that CUDA adds up in another order every time.
    for other in [&resumed, &on_cpu] {
        for (a, b) in whole.history.iter().zip(&other.history) {
            assert!((a.loss - b.loss).abs() < 5e-3, "step {}: {} {}", a.step, a.loss, b.loss);
            let close = |(a, b): (f64, f64)| (a - b).abs() < 5e-3;
            assert!(a.dev_loss.zip(b.dev_loss).is_none_or(close), "{a:?} {b:?}");
        }
    }
    assert!(whole.history.iter().filter(|row| row.dev_loss.is_some()).count() > 1);
}

/// What is dropped is drawn by the device: another run is another one, and both learn.
#[test]
fn cuda_drops_and_learns() {
    if !is_asked_for() {
        return;
    }
    let golden = Golden::bert();
    let of_family = TuneSettings::of(golden.config.family, 3);
    let settings = TuneSettings { dropout: of_family.dropout, device: Device::CUDA, ..golden.settings() };
    let settings = TuneSettings { length: Length::Steps(60), ..settings };
    let dropped = losses(&golden.run(&settings));
    let plain = losses(&golden.run(&TuneSettings { dropout: golden.settings().dropout, ..settings.clone() }));
    let other = losses(&golden.run(&TuneSettings { seed: 1, ..settings }));
    assert!(dropped[0] != plain[0] && dropped != other, "{dropped:?}");
    let last = dropped[56..].iter().sum::<f64>() / 4.0;
    assert!(last < 0.7 * dropped[0], "{dropped:?}");
}
