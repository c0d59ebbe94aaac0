//! Rates of matrix products on one thread, in GFLOP/s, beside float32 products of the crate `gemm`, and in 8-bit integers.
//!
//! ```sh
//! just bench-kernels            # or: cargo run --release --package larder-kernels --example product_rates -- [ROUNDS]
//! ```
//!
//! Each shape is computed in rounds, all variants one after the other in each, for some milliseconds of the thread's own
//! time. Printed are the fastest and the median round: other work on the machine makes rounds slower, never faster.

mod timing;

use larder_kernels::{
    Activation, Epilogue, Kernel, Left, Matrix, MatrixMut, PackedLeft, PackedRight, Plan, Product, QuantisedProduct,
    QuantisedRight,
};
use timing::time;

const ROWS: [usize; 4] = [1, 64, 512, 4096];
/// Summed axis and columns: the products of encoders of 384 and 768 dimensions.
const WEIGHTS: [[usize; 2]; 7] =
    [[384, 384], [384, 1152], [384, 1536], [1536, 384], [768, 768], [768, 3072], [3072, 768]];
/// Least seconds of one variant in one round.
const SECONDS: f64 = 0.004;

/// Numbers between -1 and 1 that no product makes denormal.
fn values(count: usize) -> Vec<f32> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(next).collect()
}

fn product<'a>(left: impl Into<Left<'a>>, right: &PackedRight, epilogue: Epilogue<'_>, output: &mut [f32]) {
    let left = left.into();
    let shape = [left.shape()[0], right.shape()[1]];
    let output = MatrixMut::new(output, shape).expect("is large enough");
    Product::new(left, right, epilogue, output, 1).expect("fits").run();
}

fn quantised(left: Matrix<'_>, right: &QuantisedRight, epilogue: Epilogue<'_>, output: &mut [f32]) {
    let shape = [left.shape()[0], right.shape()[1]];
    let output = MatrixMut::new(output, shape).expect("is large enough");
    QuantisedProduct::new(left, right, epilogue, output, 1).expect("fits").run();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(9), |rounds| rounds.parse())?;
    println!("kernel: {}; GFLOP/s on one thread, fastest (median) of {rounds} rounds", Kernel::available().name());
    let names = [
        "kernel alone",
        "left packed",
        "+ bias, GELU",
        "+ residual",
        "both packed",
        "transposed",
        "float32, gemm",
        "8 bits",
        "8, bias, GELU",
    ];
    print!("{:>5} {:>5} {:>5}", "m", "k", "n");
    names.iter().for_each(|name| print!("  {name:>13}"));
    println!();
    for m in ROWS {
        for [k, n] in WEIGHTS {
            let (left_values, right_values, bias) = (values(m * k), values(k * n), values(n));
            let residual_values = values(m * n);
            let (left, right) = (Matrix::new(&left_values, [m, k])?, Matrix::new(&right_values, [k, n])?);
            // As activations lie for the gradient of weights.
            let transposed = Matrix::new(&left_values, [k, m])?.transposed();
            let residual = Matrix::new(&residual_values, [m, n])?;
            let (packed_left, packed_right) = (PackedLeft::new(left), PackedRight::new(right));
            let plain = Epilogue::default();
            let gelu = Epilogue { bias: Some(&bias), activation: Activation::GeluErf, ..plain };
            let residual = Epilogue { bias: Some(&bias), residual: Some(residual), ..plain };
            let bytes: Vec<i8> = right_values.iter().map(|value| (value * 127.0) as i8).collect();
            let quantised_right = QuantisedRight::new(&bytes, [k, n], &bias)?;
            let mut repacked = PackedRight::default();
            let mut outputs = vec![vec![0.0_f32; m * n]; names.len()];
            let mut seconds = vec![Vec::new(); names.len()];
            for _ in 0..rounds {
                for (at, (output, seconds)) in outputs.iter_mut().zip(&mut seconds).enumerate() {
                    seconds.push(time(SECONDS, &mut || match at {
                        0 => product(&packed_left, &packed_right, plain, output),
                        1 => product(left, &packed_right, plain, output),
                        2 => product(left, &packed_right, gelu, output),
                        3 => product(left, &packed_right, residual, output),
                        4 => {
                            drop(repacked.pack(right));
                            product(left, &repacked, plain, output);
                        }
                        5 => product(transposed, &packed_right, plain, output),
                        7 => quantised(left, &quantised_right, plain, output),
                        8 => quantised(left, &quantised_right, gelu, output),
                        _ => float32(m, n, k, &left_values, &right_values, output),
                    }));
                }
            }
            assert!(outputs[0].iter().any(|&value| value != 0.0), "something was computed");
            print!("{m:>5} {k:>5} {n:>5}");
            for seconds in &mut seconds {
                seconds.sort_by(f64::total_cmp);
                let rate = |seconds: f64| 2.0 * (m * n * k) as f64 / seconds / 1e9;
                print!("  {:>5.0} ({:>5.0})", rate(seconds[0]), rate(seconds[seconds.len() / 2]));
            }
            println!();
        }
    }
    Ok(())
}

/// The product in float32, of matrices without gaps.
fn float32(m: usize, n: usize, k: usize, left: &[f32], right: &[f32], output: &mut [f32]) {
    assert!(left.len() >= m * k && right.len() >= k * n && output.len() >= m * n);
    let (left_rows, right_rows) = (k as isize, n as isize);
    // SAFETY: the slices hold matrices of these shapes and strides.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.as_mut_ptr(),
            1,
            right_rows,
            false,
            left.as_ptr(),
            1,
            left_rows,
            right.as_ptr(),
            1,
            right_rows,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
