//! What happens to a product before it is written, against float64.

use larder_kernels::{Activation, Epilogue, Kernel, PackedRight, Plan, Product};

use crate::operands::{Numbers, Stored, reference, tolerance};

/// Shapes with whole and partial tiles.
const SHAPES: [[usize; 3]; 4] = [[25, 100, 70], [12, 32, 64], [1, 17, 3], [13, 15, 1]];

/// `erf` by its power series near zero, by the continued fraction of its complement beyond.
fn erf(x: f64) -> f64 {
    let z = x.abs();
    let value = if z < 2.5 {
        let (mut term, mut sum) = (z, z);
        for n in 1..80 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let fraction = (1..200).rev().fold(0.0, |fraction, n| f64::from(n) / 2.0 / (z + fraction));
        1.0 - (-z * z).exp() / (z + fraction) / std::f64::consts::PI.sqrt()
    };
    value.copysign(x)
}

fn apply(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::GeluErf => x / 2.0 * (1.0 + erf(x / 2.0_f64.sqrt())),
        Activation::GeluTanh => {
            x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        }
        Activation::Silu => x / (1.0 + (-x).exp()),
        _ => x,
    }
}

#[test]
fn every_combination_agrees_with_float64() {
    let mut numbers = Numbers::new(21);
    for [m, n, k] in SHAPES {
        let left = Stored::random([m, k], false, 1, &mut numbers);
        let right = Stored::random([k, n], false, 0, &mut numbers);
        let products = reference(&left, &right);
        let bias = numbers.values(n);
        let start = numbers.values(m * n);
        for activation in [Activation::Identity, Activation::GeluErf, Activation::GeluTanh, Activation::Silu] {
            for choice in 0..16 {
                let [has_bias, has_residual, accumulate, is_transposed] = [1, 2, 4, 8].map(|bit| choice & bit != 0);
                let residual = Stored::random([m, n], is_transposed, 2, &mut numbers);
                let epilogue = Epilogue {
                    accumulate,
                    bias: has_bias.then_some(bias.as_slice()),
                    activation,
                    residual: has_residual.then_some(residual.matrix()),
                };
                for kernel in [Kernel::available(), Kernel::portable()] {
                    let mut output = Stored::new([m, n], false, 3, |row, column| start[row * n + column]);
                    let packed = PackedRight::new(right.matrix());
                    Product::new(left.matrix(), &packed, epilogue, output.matrix_mut(), 1)
                        .expect("shapes fit")
                        .with_kernel(kernel)
                        .run();
                    assert!(output.has_gaps_untouched());
                    for (at, &[product, mut sizes]) in products.iter().enumerate() {
                        let (row, column) = (at / n, at % n);
                        let mut exact = product;
                        for (is_there, term) in [(accumulate, start[at]), (has_bias, bias[column])] {
                            if is_there {
                                exact += f64::from(term);
                                sizes += f64::from(term.abs());
                            }
                        }
                        // No activation is steeper than 1.13, and each is as exact as its documentation says.
                        let before = exact;
                        exact = apply(activation, before);
                        let mut allowed = 1.13 * tolerance(k + 2, sizes) + 3e-7 * before.abs().max(1.0);
                        if has_residual {
                            exact += f64::from(residual.at(row, column));
                            allowed += f64::from(f32::EPSILON) * (exact.abs() + 1.0);
                        }
                        let found = output.at(row, column);
                        let error = (f64::from(found) - exact).abs();
                        assert!(
                            error <= allowed,
                            "{activation:?}, choice {choice}, {kernel:?}: {found} at {row}, {column}, exactly {exact}"
                        );
                    }
                }
            }
        }
    }
}

/// A gradient that is summed over batches in several products is that of one product over all rows, to the bit.
#[test]
fn accumulating_goes_on_with_the_same_sum() {
    let [m, n, k] = [30, 50, 256];
    let mut numbers = Numbers::new(22);
    let left = Stored::random([m, k], true, 0, &mut numbers);
    let right = Stored::random([k, n], false, 0, &mut numbers);
    let mut whole = Stored::new([m, n], false, 0, |_, _| 9.0);
    let packed = PackedRight::new(right.matrix());
    Product::new(left.matrix(), &packed, Epilogue::default(), whole.matrix_mut(), 1).expect("shapes fit").run();
    let mut parts = Stored::new([m, n], false, 0, |_, _| 9.0);
    for part in 0..4 {
        let depth = k / 4;
        let left = Stored::new([m, depth], true, 0, |row, at| left.at(row, part * depth + at));
        let right = Stored::new([depth, n], false, 0, |at, column| right.at(part * depth + at, column));
        let epilogue = Epilogue { accumulate: part > 0, ..Epilogue::default() };
        let packed = PackedRight::new(right.matrix());
        Product::new(left.matrix(), &packed, epilogue, parts.matrix_mut(), 1).expect("shapes fit").run();
    }
    assert_eq!(parts.bits(), whole.bits());
}

/// The epilogue comes once, after the last part of a long sum.
#[test]
fn long_sums_are_finished_once() {
    let [m, n, k] = [14, 40, 9001];
    let ones = Stored::new([m, k], false, 0, |_, _| 1.0);
    let right = Stored::new([k, n], false, 0, |_, _| 1.0);
    let bias = vec![0.5; n];
    let mut output = Stored::new([m, n], false, 0, |_, _| 100.0);
    let packed = PackedRight::new(right.matrix());
    let epilogue = Epilogue { accumulate: true, bias: Some(&bias), ..Epilogue::default() };
    Product::new(ones.matrix(), &packed, epilogue, output.matrix_mut(), 1).expect("shapes fit").run();
    assert_eq!(output.elements(), vec![9101.5; m * n]);
}
