//! What is no finite number, and what is hardly one.

use larder_kernels::{Activation, Epilogue, Kernel, PackedRight, Plan, Product};

use crate::operands::{Numbers, Stored};

fn product(kernel: Kernel, left: &Stored, right: &Stored, epilogue: Epilogue<'_>, output: &mut Stored) {
    let mut packed = PackedRight::default();
    drop(packed.pack_with(kernel, right.matrix()));
    Product::new(left.matrix(), &packed, epilogue, output.matrix_mut(), 1)
        .expect("shapes fit")
        .with_kernel(kernel)
        .run();
}

/// A NaN or an infinity spoils the row (or column) that it is in, and no other.
#[test]
fn what_is_no_number_stays_in_its_row_and_column() {
    let [m, n, k] = [29, 37, 67];
    for kernel in [Kernel::available(), Kernel::portable()] {
        for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)] {
            for [row, at, column] in [[0, 0, 0], [28, 66, 36], [12, 65, 32], [11, 31, 15]] {
                for transposed in [false, true] {
                    let left =
                        Stored::new([m, k], transposed, 1, |r, c| if [r, c] == [row, at] { special } else { 0.5 });
                    let right = Stored::new([k, n], transposed, 0, |_, _| 0.25);
                    let mut output = Stored::new([m, n], false, 0, |_, _| 7.0);
                    let whole = 0.125 * k as f32;
                    product(kernel, &left, &right, Epilogue::default(), &mut output);
                    for place in 0..m * n {
                        let found = output.at(place / n, place % n);
                        let expected = if place / n == row { special } else { whole };
                        assert!(found == expected || found.is_nan() && expected.is_nan(), "{found}, not {expected}");
                    }
                    let left = Stored::new([m, k], transposed, 0, |_, _| 0.5);
                    let right =
                        Stored::new([k, n], transposed, 3, |r, c| if [r, c] == [at, column] { special } else { 0.25 });
                    product(kernel, &left, &right, Epilogue::default(), &mut output);
                    for place in 0..m * n {
                        let found = output.at(place / n, place % n);
                        let expected = if place % n == column { special } else { whole };
                        assert!(found == expected || found.is_nan() && expected.is_nan(), "{found}, not {expected}");
                    }
                }
            }
        }
    }
}

/// Any bits at all: every kernel has the same result to the bit, but for which NaN it is.
#[test]
fn kernels_agree_on_any_bits() {
    let mut numbers = Numbers::new(11);
    for round in 0..400 {
        let [m, n, k] = [1 + round % 14, 1 + round % 35, 1 + round % 5];
        // Exponents all over, so that products overflow and vanish; some near zero, so that sums cancel.
        let mut value = |range: u32| {
            let bits = numbers.bits();
            f32::from_bits(if range == 0 { bits } else { bits & 0x807f_ffff | (range + bits % 40) << 23 })
        };
        let range = [0, 1, 60, 107, 215][round % 5];
        let left_values: Vec<f32> = (0..m * k).map(|_| value(range)).collect();
        let right_values: Vec<f32> = (0..k * n).map(|_| value(if range == 1 { 60 } else { range })).collect();
        let left = Stored::new([m, k], round % 2 == 0, 0, |row, column| left_values[row * k + column]);
        let right = Stored::new([k, n], round % 3 == 0, 0, |row, column| right_values[row * n + column]);
        let start: Vec<f32> = (0..m * n).map(|_| value(range)).collect();
        let epilogue = Epilogue { accumulate: round % 4 == 0, ..Epilogue::default() };
        let outputs = [Kernel::available(), Kernel::portable()].map(|kernel| {
            let mut output = Stored::new([m, n], false, 0, |row, column| start[row * n + column]);
            product(kernel, &left, &right, epilogue, &mut output);
            output.elements()
        });
        for (native, portable) in outputs[0].iter().zip(&outputs[1]) {
            let is_same = native.to_bits() == portable.to_bits() || native.is_nan() && portable.is_nan();
            assert!(is_same, "{native:e} and {portable:e} of [{m}, {k}] x [{k}, {n}]");
        }
    }
}

#[test]
fn activations_keep_what_is_no_number() {
    for activation in [Activation::Identity, Activation::GeluErf, Activation::GeluTanh, Activation::Silu] {
        for kernel in [Kernel::available(), Kernel::portable()] {
            let left = Stored::new([3, 1], false, 0, |row, _| [f32::NAN, f32::INFINITY, 1.0][row]);
            let right = Stored::new([1, 40], false, 0, |_, _| 1.0);
            let mut output = Stored::new([3, 40], false, 0, |_, _| 0.0);
            product(kernel, &left, &right, Epilogue { activation, ..Epilogue::default() }, &mut output);
            assert!(output.at(0, 0).is_nan() && output.at(0, 39).is_nan());
            assert_eq!([output.at(1, 0), output.at(1, 39)], [f32::INFINITY; 2]);
            assert!(output.at(2, 0) > 0.7 && output.at(2, 39) > 0.7);
        }
    }
}
