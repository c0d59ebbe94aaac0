//! Throw-away timing.
use larder_finetune::*;
use larder_graphs::DropoutRatios;
use larder_onnx::*;
use std::ops::ControlFlow;
use std::time::Instant;
struct Show(Vec<f64>);
impl Observer for Show {
    fn step(&mut self, row: &HistoryRow, _: usize) -> ControlFlow<()> {
        self.0.push(row.seconds);
        ControlFlow::Continue(())
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let folder = std::path::Path::new(&a[1]);
    let (rows, seq, steps, threads, dropout): (usize, usize, usize, usize, f32) = (
        a[2].parse().unwrap(),
        a[3].parse().unwrap(),
        a[4].parse().unwrap(),
        a[5].parse().unwrap(),
        a[6].parse().unwrap(),
    );
    let config = EncoderConfig::load(&folder.join("config.json")).unwrap();
    let weights = Weights::load(&folder.join("model.safetensors")).unwrap();
    let mut seed = 12345u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as i64
    };
    let examples: Vec<Example> = (0..rows * 8)
        .map(|row| Example::new((0..seq).map(|_| 1000 + next() % 28000).collect(), (row % 2) as i64))
        .collect();
    let runtime = larder_runtime::Runtime::load(None).unwrap();
    let material = Material { config: &config, weights: &weights, train: &examples, dev: &[], folder: None };
    let settings = TuneSettings {
        length: Length::Steps(steps),
        batch: BatchSize::Rows(rows),
        order: Order::AsGiven,
        threads,
        learning_rate: 2e-5,
        dropout: DropoutRatios { hidden: dropout, attention: dropout, head: dropout },
        ..TuneSettings::of(Family::Bert, 2)
    };
    let mut show = Show(vec![]);
    let start = Instant::now();
    let tuned = finetune(&runtime, &material, &settings, &mut show).unwrap();
    let mut times = show.0.clone();
    times.remove(0);
    times.sort_by(f64::total_cmp);
    let cpu = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = cpu.rsplit(')').next().unwrap().split_whitespace().collect();
    let peak = std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .to_owned();
    println!(
        "min {:.1} median {:.1} ms, total {:.2} s, cpu ticks {} {}, {peak}, loss {:.5} -> {:.5}",
        times[0] * 1e3,
        times[times.len() / 2] * 1e3,
        start.elapsed().as_secs_f64(),
        fields[11],
        fields[12],
        tuned.history[0].loss,
        tuned.history.last().unwrap().loss
    );
}
