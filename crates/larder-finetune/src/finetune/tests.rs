//! The graphs of a device, run on the CPU: dropout as an operator, products of half operands, and parameters, moments and
//! gradients in bound vectors, with the optimizer as a graph.

use std::ops::ControlFlow;
use std::path::Path;

use larder_graphs::{DropoutForm, DropoutRatios, Scatter};
use larder_onnx::{EncoderConfig, Weights};

use super::*;
use crate::{BatchSize, Example, HistoryRow, Length, Loss, Quiet, StopReason, Targets, TunableEncoder};

struct TinyEncoder {
    config: EncoderConfig,
    encoder: TunableEncoder,
    train: Vec<Example>,
    runtime: Runtime,
}

/// On the CPU, where additions that meet in one row may be lost otherwise.
const RESIDENT: Option<Scatter> = Some(Scatter::Product);

impl TinyEncoder {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/encoder/tiny");
        let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
        let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
        let example = |row: i64| Example::new(vec![5 + row % 2, 8, 9 + row % 3, 12 + row % 5], row % 2);
        let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
        let encoder = TunableEncoder::built(config.clone(), weights);
        Self { config, encoder, train: (0..12).map(example).collect(), runtime }
    }

    fn settings(&self) -> TuneSettings {
        TuneSettings {
            length: Length::Steps(20),
            learning_rate: 1e-3,
            head_learning_rate: Some(3e-3),
            layer_decay: 0.9,
            weight_decay: 0.01,
            clip: Some(0.5),
            batch: BatchSize::Rows(4),
            dropout: DropoutRatios::NONE,
            threads: 1,
            ..TuneSettings::of(self.config.family, 2)
        }
    }

    fn run(&self, settings: &TuneSettings, forms: Forms) -> FinetuneResult {
        self.observed(settings, forms, None, &mut Quiet)
    }

    fn observed(
        &self,
        settings: &TuneSettings,
        forms: Forms,
        folder: Option<&Path>,
        observer: &mut dyn Observer,
    ) -> FinetuneResult {
        let train = self.train.as_slice();
        let inputs = TrainingInputs { encoder: &self.encoder, train, dev: &train[..3], hidden: None, folder };
        let forms = Forms { precision: settings.precision, ..forms };
        let tuned = tune(&self.runtime, &inputs, settings, &RanOn::Cpu, forms, observer);
        tuned.unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    /// The largest difference of a parameter between two runs, beside its norm. Key biases have no gradient but rounding.
    fn apart(&self, a: &FinetuneResult, b: &FinetuneResult) -> f64 {
        let mut furthest = 0.0_f64;
        let parameters = self.config.parameters(true);
        for parameter in parameters.iter().filter(|parameter| !parameter.name.ends_with("key.bias")) {
            let [a, b] = [a, b].map(|tuned| tuned.weights.get(&parameter.name, &parameter.shape).expect("given back"));
            let square =
                |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let difference = square(&mut a.iter().zip(b.iter()).map(|(a, b)| a - b));
            furthest = furthest.max(difference / square(&mut b.iter().copied()));
        }
        furthest
    }
}

const HOST: Forms =
    Forms { dropout: DropoutForm::Masks, precision: Precision::F32, products: ProductForm::Rounded, resident: None };

fn losses(tuned: &FinetuneResult) -> Vec<f64> {
    tuned.history.iter().map(|row| row.loss).collect()
}

#[test]
fn parameters_that_stay_on_the_device_follow_those_of_the_host() {
    let subject = TinyEncoder::new();
    for accumulation in [1, 3] {
        let settings = TuneSettings { accumulation, ..subject.settings() };
        let host = subject.run(&settings, HOST);
        let device = subject.run(&settings, Forms { resident: RESIDENT, ..HOST });
        let pairs = || host.history.iter().zip(&device.history);
        let loss = pairs().map(|(a, b)| (a.loss / b.loss - 1.0).abs()).fold(0.0, f64::max);
        let norm = pairs().map(|(a, b)| (a.grad_norm / b.grad_norm - 1.0).abs()).fold(0.0, f64::max);
        let apart = subject.apart(&device, &host);
        eprintln!("batches a step {accumulation}: loss {loss:e}, norm {norm:e}, parameters {apart:e}");
        // The same sums and products in another order, over twenty steps of Adam.
        assert!(loss < 1e-6 && norm < 1e-6 && apart < 1e-6, "{loss:e} {norm:e} {apart:e}");
        assert!(host.history[0].loss > host.history[19].loss + 0.05, "{:?}", host.history);
        let scores = |tuned: &FinetuneResult| {
            tuned.scores.as_ref().map(|(best, last)| [best.score, last.score]).expect("it was judged")
        };
        assert!(scores(&host).iter().zip(scores(&device)).all(|(a, b)| (a - b).abs() < 1e-5));
        let judged = |tuned: &FinetuneResult| tuned.history.iter().filter_map(|row| row.dev_loss).collect::<Vec<_>>();
        let (a, b) = (judged(&host), judged(&device));
        assert!(
            a.len() > 1 && a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a / b - 1.0).abs() < 1e-6),
            "{a:?} {b:?}"
        );
    }
}

#[test]
fn the_device_skips_what_the_host_skips() {
    let subject = TinyEncoder::new();
    // Float16 cannot hold gradients of that scale.
    let precision = Precision::F16;
    let settings =
        TuneSettings { precision, loss_scale: 1_073_741_824.0, length: Length::Steps(40), ..subject.settings() };
    let host = subject.run(&settings, HOST);
    let device = subject.run(&settings, Forms { resident: RESIDENT, ..HOST });
    let skipped =
        |tuned: &FinetuneResult| -> Vec<bool> { tuned.history.iter().map(|row| row.grad_norm.is_infinite()).collect() };
    assert_eq!(skipped(&host), skipped(&device));
    let count = skipped(&host).iter().filter(|&&skipped| skipped).count();
    assert!((5..30).contains(&count), "{count}");
    assert_eq!(host.notes.last(), device.notes.last());
    let loss = host.history.iter().zip(&device.history).map(|(a, b)| (a.loss - b.loss).abs()).fold(0.0, f64::max);
    eprintln!("skipped {count}, losses {loss:e} apart");
    // Rounding to float16 makes steps of what differs in float32's last digit.
    assert!(loss < 1e-3, "{loss:e}");
}

#[test]
fn targets_that_are_numbers_go_to_the_device_too() {
    let mut subject = TinyEncoder::new();
    for (row, example) in subject.train.iter_mut().enumerate() {
        let first = row.is_multiple_of(2);
        example.targets = Targets::Values([first, !first].map(|has| f32::from(u8::from(has))).to_vec());
    }
    for loss in [Loss::BinaryCrossEntropy { positive_weight: 1.0 }, Loss::MeanSquaredError] {
        // Batches of four and one: they weigh by their elements.
        subject.train.truncate(10);
        let settings = TuneSettings { accumulation: 2, loss, ..subject.settings() };
        let host = subject.run(&settings, HOST);
        let device = subject.run(&settings, Forms { resident: RESIDENT, ..HOST });
        let pairs = losses(&host).into_iter().zip(losses(&device));
        let apart = pairs.map(|(a, b)| (a / b - 1.0).abs()).fold(subject.apart(&device, &host), f64::max);
        assert!(apart < 1e-6, "{apart:e}");
        assert!(host.history[0].loss > host.history[19].loss + 0.05, "{:?}", losses(&host));
    }
}

struct Killed(usize);

impl Observer for Killed {
    fn step(&mut self, row: &HistoryRow, _total: usize) -> ControlFlow<()> {
        if row.step == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_run_on_the_device_is_taken_up_again() {
    let subject = TinyEncoder::new();
    let settings = TuneSettings { accumulation: 2, save_every: Some(3), resume: true, ..subject.settings() };
    let forms = Forms { resident: RESIDENT, ..HOST };
    let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder can be made"));
    let run = |steps, place: usize| subject.observed(&settings, forms, Some(folders[place].path()), &mut Killed(steps));
    let undisturbed = run(usize::MAX, 0);
    for step in [4, 11] {
        assert_eq!(run(step, 1).stop_reason, StopReason::Stopped);
    }
    let resumed = run(usize::MAX, 1);
    assert_eq!(losses(&resumed), losses(&undisturbed));
    assert_eq!((&resumed.weights, &resumed.head), (&undisturbed.weights, &undisturbed.head));
}

#[test]
fn the_graphs_of_a_device_train() {
    let subject = TinyEncoder::new();
    let ratios = |ratio| DropoutRatios { hidden: ratio, attention: ratio, head: ratio };
    let run = |ratio, precision| {
        let settings = TuneSettings { dropout: ratios(ratio), precision, clip: None, ..subject.settings() };
        let settings = TuneSettings { length: Length::Steps(40), learning_rate: 3e-3, ..settings };
        let dropout = Forms::operator(&settings);
        losses(&subject.run(&settings, Forms { dropout, products: ProductForm::Kernels, resident: RESIDENT, ..HOST }))
    };
    // The CPU computes products of half operands in float32; the scale is a power of two: nothing is lost.
    let (plain, half) = (run(0.0, Precision::F32), run(0.0, Precision::F16));
    assert!(plain.iter().zip(&half).all(|(plain, half)| (plain - half).abs() < 1e-4), "{plain:?} {half:?}");
    let dropped = run(0.1, Precision::F16);
    assert_eq!(dropped, run(0.1, Precision::F16));
    assert!(dropped[0] != half[0] && dropped[37..].iter().sum::<f64>() / 3.0 < 0.4, "{dropped:?}");
}
