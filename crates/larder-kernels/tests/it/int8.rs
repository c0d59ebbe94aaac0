//! Quantised products against a plain loop, to the bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use larder_kernels::{
    Activation, Epilogue, Matrix, MatrixMut, Plan, QuantisedKernel, QuantisedProduct, QuantisedRight,
};

use crate::operands::{Numbers, Stored};

const ROWS: [usize; 8] = [1, 2, 7, 11, 12, 13, 25, 64];
const COLUMNS: [usize; 9] = [1, 15, 16, 17, 31, 32, 33, 65, 130];
const DEPTHS: [usize; 13] = [1, 2, 3, 4, 5, 15, 16, 17, 63, 255, 256, 257, 519];

/// Weights in bytes, of every value there is, and a scale for each column.
struct Weights {
    bytes: Vec<i8>,
    scales: Vec<f32>,
    shape: [usize; 2],
}

impl Weights {
    fn random(shape: [usize; 2], numbers: &mut Numbers) -> Self {
        let bytes = (0..shape[0] * shape[1]).map(|_| numbers.bits() as i8).collect();
        let scales = numbers.values(shape[1]).iter().map(|value| value.abs() + 1e-3).collect();
        Self { bytes, scales, shape }
    }

    fn packed(&self) -> QuantisedRight {
        QuantisedRight::new(&self.bytes, self.shape, &self.scales).expect("fits")
    }
}

/// A row's integers and its scale, as the graph of an 8-bit encoder computes them.
fn quantised(row: &[f32]) -> (Vec<i64>, f32) {
    let (highest, lowest) =
        row.iter().fold((f32::MIN, f32::MAX), |(highest, lowest), value| (highest.max(*value), lowest.min(*value)));
    let scale = highest.max(-lowest) * (1.0 / 127.0) + 1e-30;
    (row.iter().map(|value| (value / scale).round_ties_even() as i64).collect(), scale)
}

/// The product by a plain loop, in the order that the documentation promises.
fn expected(left: &Stored, weights: &Weights) -> Vec<f32> {
    let [depth, columns] = weights.shape;
    let elements = left.elements();
    let mut output = Vec::new();
    for row in elements.chunks(depth.max(1)) {
        let (integers, row_scale) = quantised(row);
        for column in 0..columns {
            let terms = integers.iter().enumerate();
            let sum: i64 = terms.map(|(k, value)| value * i64::from(weights.bytes[k * columns + column])).sum();
            output.push(sum as f32 * weights.scales[column] * row_scale);
        }
    }
    output
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn kernels() -> [QuantisedKernel; 2] {
    [QuantisedKernel::available(), QuantisedKernel::portable()]
}

fn compute(left: &Stored, weights: &Weights, kernel: QuantisedKernel, gap: usize) -> Stored {
    let (packed, shape) = (weights.packed(), [left.matrix().shape()[0], weights.shape[1]]);
    let mut output = Stored::new(shape, false, gap, |_, _| 7.0);
    QuantisedProduct::new(left.matrix(), &packed, Epilogue::default(), output.matrix_mut(), 1)
        .expect("shapes fit")
        .with_kernel(kernel)
        .run();
    output
}

#[test]
fn every_tail_has_the_bits_of_a_plain_loop() {
    let mut numbers = Numbers::new(71);
    let mut at = 0;
    for m in ROWS {
        for n in COLUMNS {
            for k in DEPTHS {
                at += 1;
                let left = Stored::random([m, k], at % 3 == 0, at % 7, &mut numbers);
                let weights = Weights::random([k, n], &mut numbers);
                let expected = bits(&expected(&left, &weights));
                for kernel in kernels() {
                    let output = compute(&left, &weights, kernel, at % 5);
                    assert!(output.has_gaps_untouched());
                    assert_eq!(output.bits(), expected, "[{m}, {k}] x [{k}, {n}], {kernel:?}");
                }
            }
        }
    }
}

/// More than one task of rows, and sums as large as they can be.
#[test]
fn large_products_have_the_bits_of_a_plain_loop() {
    let mut numbers = Numbers::new(72);
    for [m, n, k] in [[14, 35, 4096], [5, 3, 9001], [400, 40, 700], [150, 300, 1200]] {
        let left = Stored::random([m, k], false, 1, &mut numbers);
        let weights = Weights::random([k, n], &mut numbers);
        for kernel in kernels() {
            assert_eq!(compute(&left, &weights, kernel, 0).bits(), bits(&expected(&left, &weights)));
        }
    }
    let k = 1 << 17;
    for (value, byte) in [(3.0, 127), (-3.0, 127), (3.0, -128), (-3.0, -128)] {
        let left = Stored::new([1, k], false, 0, |_, _| value);
        let weights = Weights { bytes: vec![byte; k], scales: vec![1.0], shape: [k, 1] };
        for kernel in kernels() {
            assert_eq!(compute(&left, &weights, kernel, 0).bits(), bits(&expected(&left, &weights)));
        }
    }
}

/// Rows of any size, of quotients that lie between two integers, and of zeros.
#[test]
fn rows_are_rounded_as_a_division_does() {
    let mut numbers = Numbers::new(73);
    let k = 300;
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for exponent in [-149, -130, -126, -110, -100, -99, -98, -97, -60, -1, 0, 5, 60, 126, 127] {
        rows.push(numbers.values(k).iter().map(|value| value * 2.0_f32.powi(exponent)).collect());
    }
    // Halves: of a scale of one, and their neighbours.
    let halves: Vec<f32> = (0..k).map(|at| (at % 128) as f32 - 63.5).collect();
    let largest = |mut row: Vec<f32>, value: f32| {
        row[7] = value;
        row
    };
    rows.push(largest(halves.clone(), 127.0));
    for ulps in [-3_i32, -2, -1, 1, 2, 3] {
        let moved = |value: &f32| f32::from_bits(value.to_bits().wrapping_add_signed(ulps));
        rows.push(largest(halves.iter().map(moved).collect(), 127.0));
        rows.push(largest(halves.iter().map(|value| moved(value) * 0.3).collect(), 127.0 * 0.3));
    }
    rows.push(vec![0.0; k]);
    rows.push(vec![-0.0; k]);
    rows.push(largest(vec![0.0; k], f32::MAX));
    rows.push(largest(vec![0.0; k], f32::MIN));
    rows.push(largest(vec![1.0; k], f32::MIN_POSITIVE));
    rows.push(vec![f32::from_bits(1); k]);

    let left = Stored::new([rows.len(), k], false, 0, |row, at| rows[row][at]);
    // Each column shows the integer of one place.
    let mut weights = Weights { bytes: vec![0; k * k], scales: vec![1.0; k], shape: [k, k] };
    (0..k).for_each(|at| weights.bytes[at * k + at] = 1);
    let expected = expected(&left, &weights);
    for kernel in kernels() {
        let found = compute(&left, &weights, kernel, 0);
        for (row, values) in rows.iter().enumerate() {
            let range = row * k..(row + 1) * k;
            assert_eq!(found.bits()[range.clone()], bits(&expected[range]), "{kernel:?}, row {row}: {values:?}");
        }
    }
}

#[test]
fn what_is_no_number_stays_in_its_row() {
    let mut numbers = Numbers::new(74);
    for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0xffc0_0001)] {
        let values = Stored::random([14, 37], false, 0, &mut numbers);
        let left =
            Stored::new([14, 37], false, 0, |row, at| if (row, at) == (3, 36) { special } else { values.at(row, at) });
        let weights = Weights::random([37, 40], &mut numbers);
        let finite = bits(&expected(&values, &weights));
        for kernel in kernels() {
            let found = compute(&left, &weights, kernel, 0);
            for row in 0..14 {
                let range = row * 40..(row + 1) * 40;
                if row == 3 {
                    assert!(found.elements()[range].iter().all(|value| value.is_nan()), "{special}, {kernel:?}");
                } else {
                    assert_eq!(found.bits()[range.clone()], finite[range]);
                }
            }
        }
    }
}

/// What happens behind the sums, beside the same by plain loops over a plain product.
#[test]
fn every_epilogue_is_applied() {
    let mut numbers = Numbers::new(75);
    for [m, n, k] in [[25, 100, 70], [12, 32, 64], [1, 17, 3], [13, 15, 1]] {
        let left = Stored::random([m, k], false, 1, &mut numbers);
        let weights = Weights::random([k, n], &mut numbers);
        let (packed, product) = (weights.packed(), expected(&left, &weights));
        let (bias, start) = (numbers.values(n), numbers.values(m * n));
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
                let mut before = product.clone();
                for (at, value) in before.iter_mut().enumerate() {
                    *value += if accumulate { start[at] } else { 0.0 };
                    *value += if has_bias { bias[at % n] } else { 0.0 };
                }
                let outputs = kernels().map(|kernel| {
                    let mut output = Stored::new([m, n], false, 3, |row, column| start[row * n + column]);
                    QuantisedProduct::new(left.matrix(), &packed, epilogue, output.matrix_mut(), 1)
                        .expect("shapes fit")
                        .with_kernel(kernel)
                        .run();
                    assert!(output.has_gaps_untouched());
                    output
                });
                for output in &outputs {
                    for (at, &before) in before.iter().enumerate() {
                        let (row, column) = (at / n, at % n);
                        // The activations themselves are compared with their definitions in `epilogue`.
                        let term = if has_residual { residual.at(row, column) } else { 0.0 };
                        let x = f64::from(before);
                        let exact = match activation {
                            Activation::Identity => x,
                            Activation::Silu => x / (1.0 + (-x).exp()),
                            // Of both GELUs, which differ by less than 0.001.
                            _ => {
                                x / (1.0
                                    + (-2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).exp())
                            }
                        };
                        let allowed = match activation {
                            Activation::Identity => 0.0,
                            Activation::GeluErf => 1e-3,
                            _ => 4e-7 * x.abs().max(1.0),
                        };
                        let exact = exact + f64::from(term);
                        let found = f64::from(output.at(row, column));
                        let allowed = allowed + f64::from(f32::EPSILON) * (exact.abs() + 1e-3);
                        assert!((found - exact).abs() <= allowed, "{activation:?}, {choice}: {found}, exactly {exact}");
                    }
                }
                if activation == Activation::Identity {
                    assert_eq!(outputs[0].bits(), outputs[1].bits(), "choice {choice}");
                }
            }
        }
    }
}

#[test]
fn tasks_and_threads_change_no_bit() {
    let ([m, n, k], mut numbers) = ([150, 420, 700], Numbers::new(76));
    let left = Stored::random([m, k], false, 0, &mut numbers);
    let weights = Weights::random([k, n], &mut numbers);
    let (packed, bias) = (weights.packed(), numbers.values(n));
    let epilogue = Epilogue { bias: Some(&bias), activation: Activation::GeluErf, ..Epilogue::default() };
    let compute = |left: Matrix<'_>, threads: usize, run: &dyn Fn(QuantisedProduct<'_>)| {
        let rows = left.shape()[0];
        let mut output = Stored::new([rows, n], false, 1, |_, _| f32::NAN);
        run(QuantisedProduct::new(left, &packed, epilogue, output.matrix_mut(), threads).expect("shapes fit"));
        output.bits()
    };
    let expected = compute(left.matrix(), 1, &|product| product.run());
    for threads in [0, 2, 3, 8, 100] {
        assert_eq!(compute(left.matrix(), threads, &|product| product.run()), expected, "{threads} threads");
    }
    let shared = compute(left.matrix(), 4, &|product| {
        assert!(product.tasks() > 4);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let task = next.fetch_add(1, Ordering::Relaxed)
                        && task < product.tasks()
                    {
                        product.run_task(task);
                        product.run_task(task);
                    }
                });
            }
        });
    });
    assert_eq!(shared, expected);
    for row in [0, 11, 12, m - 1] {
        let alone = Stored::new([1, k], false, 0, |_, at| left.at(row, at));
        let found = compute(alone.matrix(), 2, &|product| product.run());
        assert_eq!(found, expected[row * n..][..n], "row {row} alone");
    }
}

#[test]
fn axes_may_have_no_elements() {
    for [m, n, k] in [[0, 3, 4], [3, 0, 4], [3, 4, 0], [0, 0, 0]] {
        let (bytes, scales, bias) = (vec![1; k * n], vec![1.0; n], vec![2.0; n]);
        let packed = QuantisedRight::new(&bytes, [k, n], &scales).expect("fits");
        assert_eq!(packed.shape(), [k, n]);
        for kernel in kernels() {
            let mut output = vec![0.0; m * n];
            let left = vec![1.0; m * k];
            QuantisedProduct::new(
                Matrix::new(&left, [m, k]).expect("is long enough"),
                &packed,
                Epilogue { bias: Some(&bias), ..Epilogue::default() },
                MatrixMut::new(&mut output, [m, n]).expect("is long enough"),
                4,
            )
            .expect("shapes fit")
            .with_kernel(kernel)
            .run();
            assert!(output.iter().all(|value| *value == 2.0 + k as f32), "{output:?}");
        }
    }
}

#[test]
fn operands_that_do_not_fit_are_named() {
    let messages = [
        QuantisedRight::new(&[1; 5], [2, 3], &[1.0; 3]).expect_err("is short"),
        QuantisedRight::new(&[1; 6], [2, 3], &[1.0; 2]).expect_err("lacks a scale"),
        QuantisedRight::new(&[1; 131_073], [131_073, 1], &[1.0]).expect_err("is too deep"),
        QuantisedRight::new(&[], [usize::MAX, 2], &[1.0; 2]).expect_err("is too large"),
    ]
    .map(|problem| problem.to_string());
    assert_eq!(
        messages,
        [
            "a quantised matrix holds 5 values, but its shape and leading dimension need 6".to_owned(),
            "shape of the scales of a quantised matrix: [1, 2], the other operands need [1, 3]".to_owned(),
            "a quantised matrix has 131073 rows, and sums in 32 bits are exact for at most 131072".to_owned(),
            format!("a quantised matrix of {} x 2 values is larger than any memory", usize::MAX),
        ]
    );
    let packed = QuantisedRight::new(&[1; 6], [2, 3], &[1.0; 3]).expect("fits");
    let values = [1.0; 20];
    let plan = |left, output| {
        let mut target = [0.0; 20];
        QuantisedProduct::new(
            Matrix::new(&values, left).expect("is long enough"),
            &packed,
            Epilogue::default(),
            MatrixMut::new(&mut target, output).expect("is long enough"),
            1,
        )
        .map(|product| product.tasks())
        .map_err(|problem| problem.to_string())
    };
    assert_eq!(plan([4, 2], [4, 3]), Ok(1));
    assert_eq!(
        [plan([4, 3], [4, 3]), plan([4, 2], [3, 4])].map(|result| result.expect_err("does not fit")),
        [
            "shape of the right operand: [2, 3], the other operands need [3, 3]",
            "shape of the output: [3, 4], the other operands need [4, 3]",
        ]
    );
}
