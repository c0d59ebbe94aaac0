//! Times of attention and of layer normalisation on one thread.
//!
//! ```sh
//! cargo run --release --package larder-kernels --example attention_rates -- [ROUNDS]
//! ```
//!
//! The fastest and the median round are printed, in microseconds of the thread's own time a call; beside them GFLOP/s of the two products of attention,
//! and GB/s that normalisation reads and writes.

mod timing;

use larder_kernels::{Attention, AttentionShape, Kernel, LayerNorm, Matrix, MatrixMut, Plan, Precision};
use timing::time;

/// Rows of a batch, tokens, heads, dimensions of a head: some thousand tokens.
const SHAPES: [[usize; 4]; 8] = [
    [256, 11, 12, 32],
    [64, 32, 12, 32],
    [32, 64, 12, 32],
    [16, 128, 12, 32],
    [4, 512, 12, 32],
    [64, 11, 12, 64],
    [16, 128, 12, 64],
    [4, 512, 12, 64],
];

/// Least seconds of one round.
const SECONDS: f64 = 0.004;

/// Fastest and median seconds of a call.
fn rounds_of(rounds: usize, mut call: impl FnMut()) -> [f64; 2] {
    let mut seconds: Vec<f64> = (0..rounds).map(|_| time(SECONDS, &mut call)).collect();
    seconds.sort_by(f64::total_cmp);
    [seconds[0], seconds[rounds / 2]]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(25), |rounds| rounds.parse())?;
    println!("kernel: {}; one thread, {rounds} rounds", Kernel::available().name());
    println!(
        "batch tokens heads size   attention us (median)  GFLOP/s   in float32 us   add + layer norm us (median)   GB/s"
    );
    for [batch, tokens, heads, head_size] in SHAPES {
        let (rows, width) = (batch * tokens, heads * head_size);
        let joint: Vec<f32> = (0..rows * 3 * width).map(|at| ((at * 7919) % 1009) as f32 / 504.5 - 1.0).collect();
        let mask = vec![0.0; rows];
        let mut output = vec![0.0; rows * width];
        let operand = |at| Matrix::with_leading(&joint[at * width..], [rows, width], 3 * width);
        let operands = [operand(0)?, operand(1)?, operand(2)?];
        let mask = Matrix::new(&mask, [batch, tokens])?;
        let [attention, in_float32] = Precision::ALL.map(|precision| {
            rounds_of(rounds, || {
                let shape = AttentionShape { batch, tokens, heads, head_size };
                let target = MatrixMut::new(&mut output, [rows, width]).expect("is long enough");
                let plan = Attention::new(shape, operands, Some(mask), 0.2, target).expect("fits");
                plan.with_precision(precision).run();
            })
        });
        let weight = vec![1.0; width];
        let (input, residual) =
            (Matrix::new(&joint, [rows, width])?, Matrix::new(&joint[rows * width..], [rows, width])?);
        let norm = rounds_of(rounds, || {
            let target = MatrixMut::new(&mut output, [rows, width]).expect("is long enough");
            LayerNorm::new(input, Some(residual), &weight, Some(&weight), 1e-12, target).expect("fits").run();
        });
        let operations = (4 * rows * tokens * width) as f64;
        println!(
            "{batch:>5} {tokens:>6} {heads:>5} {head_size:>4}   {:>8.0} ({:>8.0})   {:>9.1}   {:>13.0}   {:>8.0} ({:>8.0})   {:>13.1}",
            attention[0] * 1e6,
            attention[1] * 1e6,
            operations / attention[0] / 1e9,
            in_float32[0] * 1e6,
            norm[0] * 1e6,
            norm[1] * 1e6,
            (12 * rows * width) as f64 / norm[0] / 1e9,
        );
    }
    Ok(())
}
