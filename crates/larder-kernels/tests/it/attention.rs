//! Attention against its definition in float64.

use larder_kernels::{Attention, AttentionShape, Kernel, Matrix, MatrixMut, Plan, Precision};

use crate::operands::{Numbers, Stored, rounded};

const SHAPES: [[usize; 4]; 7] =
    [[1, 1, 1, 1], [2, 11, 3, 32], [1, 16, 2, 64], [3, 17, 1, 5], [2, 47, 2, 33], [1, 49, 1, 8], [1, 130, 2, 32]];

fn shape([batch, tokens, heads, head_size]: [usize; 4]) -> AttentionShape {
    AttentionShape { batch, tokens, heads, head_size }
}

/// Queries, keys and values side by side in one matrix, as one product gives them, and a mask.
struct Case {
    shape: AttentionShape,
    joint: Vec<f32>,
    mask: Stored,
}

impl Case {
    fn new(axes: [usize; 4], numbers: &mut Numbers) -> Self {
        let shape = shape(axes);
        let joint = numbers.values(shape.batch * shape.tokens * 3 * shape.heads * shape.head_size);
        // Of every row the first token counts, of the others most.
        let values: Vec<f32> = (0..shape.batch * shape.tokens)
            .map(|at| if at % shape.tokens > 0 && numbers.bits().is_multiple_of(4) { f32::NEG_INFINITY } else { 0.0 })
            .collect();
        let mask = Stored::new([shape.batch, shape.tokens], false, 2, |row, at| values[row * shape.tokens + at]);
        Self { shape, joint, mask }
    }

    fn width(&self) -> usize {
        self.shape.heads * self.shape.head_size
    }

    fn rows(&self) -> usize {
        self.shape.batch * self.shape.tokens
    }

    fn operands(&self) -> [Matrix<'_>; 3] {
        [0, 1, 2].map(|at| {
            let values = &self.joint[at * self.width()..];
            Matrix::with_leading(values, [self.rows(), self.width()], 3 * self.width()).expect("is long enough")
        })
    }

    /// As the precision has it.
    fn value(&self, precision: Precision, which: usize, row: usize, column: usize) -> f64 {
        let value = self.joint[(row * 3 + which) * self.width() + column];
        if precision == Precision::Float32 { f64::from(value) } else { rounded(value) }
    }

    fn compute(&self, scale: f32, is_masked: bool, run: impl FnOnce(Attention<'_>)) -> Vec<f32> {
        let mut output = vec![f32::NAN; self.rows() * self.width()];
        let target = MatrixMut::new(&mut output, [self.rows(), self.width()]).expect("is long enough");
        let mask = is_masked.then(|| self.mask.matrix());
        run(Attention::new(self.shape, self.operands(), mask, scale, target).expect("shapes fit"));
        output
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_shape_agrees_with_the_definition() {
    let mut numbers = Numbers::new(41);
    for axes in SHAPES {
        for (scale, is_masked) in [(0.3, true), (0.3, false), (3.0, true), (-0.5, true), (0.0, false)] {
            let case = Case::new(axes, &mut numbers);
            for kernel in [Kernel::available(), Kernel::portable()] {
                for precision in Precision::ALL {
                    let found = case.compute(scale, is_masked, |attention| {
                        attention.with_kernel(kernel).with_precision(precision).run();
                    });
                    check(&case, precision, f64::from(scale), is_masked, &found);
                }
            }
        }
    }
}

fn check(case: &Case, precision: Precision, scale: f64, is_masked: bool, found: &[f32]) {
    let AttentionShape { batch, tokens, heads, head_size } = case.shape;
    for row in 0..batch {
        for head in 0..heads {
            for query in 0..tokens {
                let at = |which, token, column| {
                    case.value(precision, which, row * tokens + token, head * head_size + column)
                };
                let mut weights: Vec<f64> = (0..tokens)
                    .map(|key| {
                        let score: f64 = (0..head_size).map(|column| at(0, query, column) * at(1, key, column)).sum();
                        let mask = if is_masked { f64::from(case.mask.at(row, key)) } else { 0.0 };
                        (score * scale + mask).exp()
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                weights.iter_mut().for_each(|weight| *weight /= sum);
                for column in 0..head_size {
                    let terms = weights.iter().enumerate().map(|(key, weight)| weight * at(2, key, column));
                    let (exact, sizes) =
                        terms.fold((0.0, 0.0), |(exact, sizes), term| (exact + term, sizes + term.abs()));
                    // Each weight is rounded to 8 significant bits: off by a 256th of it at most. Float32 is finer by far.
                    let rounding = if precision == Precision::Bfloat16 { 1.0 / 256.0 } else { 0.0 };
                    let allowed = sizes * (rounding + 1e-4) + 1e-7;
                    let value = found[(row * tokens + query) * case.width() + head * head_size + column];
                    let error = (f64::from(value) - exact).abs();
                    assert!(error <= allowed, "{:?}: {value}, exactly {exact}", case.shape);
                }
            }
        }
    }
    assert!(found.iter().any(|value| value.abs() > 0.01), "zeros would be found");
}

#[test]
fn tasks_and_batches_change_no_bit() {
    for precision in Precision::ALL {
        let mut numbers = Numbers::new(42);
        let case = Case::new([40, 21, 4, 32], &mut numbers);
        let expected = bits(&case.compute(0.2, true, |attention| attention.with_precision(precision).run()));
        let backwards = case.compute(0.2, true, |attention| {
            let attention = attention.with_precision(precision);
            assert!(attention.tasks() > 3);
            (0..attention.tasks()).rev().chain([0]).for_each(|task| attention.run_task(task));
        });
        assert_eq!(bits(&backwards), expected);
        let row = 7;
        let (start, count) = (row * 21 * 3 * case.width(), 21 * 3 * case.width());
        let alone = Case {
            shape: AttentionShape { batch: 1, ..case.shape },
            joint: case.joint[start..start + count].to_vec(),
            mask: Stored::new([1, 21], false, 0, |_, at| case.mask.at(row, at)),
        };
        let found = bits(&alone.compute(0.2, true, |attention| attention.with_precision(precision).run()));
        assert_eq!(found, expected[row * 21 * case.width()..][..found.len()]);
    }
}

/// Tokens that do not count change no bit: a padded batch has the results of its rows alone.
#[test]
fn padding_changes_no_bit() {
    let mut numbers = Numbers::new(43);
    let long = Case::new([1, 50, 2, 16], &mut numbers);
    for (tokens, precision) in
        [1, 2, 13, 16, 33, 49].into_iter().flat_map(|tokens| Precision::ALL.map(|precision| (tokens, precision)))
    {
        let padded = Case {
            shape: long.shape,
            joint: long.joint.clone(),
            mask: Stored::new([1, 50], false, 0, |_, at| if at < tokens { 0.0 } else { f32::NEG_INFINITY }),
        };
        let short = Case {
            shape: AttentionShape { tokens, ..long.shape },
            joint: long.joint[..tokens * 3 * long.width()].to_vec(),
            mask: Stored::new([1, tokens], false, 0, |_, _| 0.0),
        };
        let [padded, alone] = [&padded, &short]
            .map(|case| bits(&case.compute(0.25, true, |attention| attention.with_precision(precision).run())));
        assert_eq!(padded[..alone.len()], alone, "{tokens} tokens");
        let unmasked = bits(&short.compute(0.25, false, |attention| attention.with_precision(precision).run()));
        assert_eq!(alone, unmasked, "a mask of zeros is none");
    }
}

#[test]
fn what_is_no_number_stays_in_its_row() {
    let mut numbers = Numbers::new(44);
    for special in [f32::NAN, f32::INFINITY, f32::from_bits(0x7fc0_01ff)] {
        let mut case = Case::new([3, 14, 2, 32], &mut numbers);
        // The first key of the second row, in its first head.
        let at = 14 * 3 * case.width() + case.width();
        case.joint[at] = special;
        for (kernel, precision) in [Kernel::available(), Kernel::portable()]
            .into_iter()
            .flat_map(|kernel| Precision::ALL.map(|precision| (kernel, precision)))
        {
            let found = case.compute(0.2, false, |attention| {
                attention.with_kernel(kernel).with_precision(precision).run();
            });
            for (place, value) in found.iter().enumerate() {
                let (row, head) = (place / case.width() / 14, place % case.width() / 32);
                let is_spoilt = (row, head) == (1, 0);
                // An infinite score of either sign: its key has all of the weight or none.
                assert!(value.is_finite() || is_spoilt, "{value} at {place}");
                assert!(value.is_nan() || !is_spoilt || special == f32::INFINITY, "{value} at {place}");
            }
        }
    }
}

#[test]
fn a_row_where_nothing_counts_is_nan_or_even() {
    let mut numbers = Numbers::new(45);
    let mut case = Case::new([2, 5, 1, 16], &mut numbers);
    for (mask, is_nan) in [(f32::NEG_INFINITY, true), (f32::MIN, false), (-10_000.0, false)] {
        case.mask = Stored::new([2, 5], false, 0, |row, _| if row == 0 { mask } else { 0.0 });
        let found = case.compute(0.2, true, |attention| attention.run());
        assert_eq!(found[..5 * 16].iter().all(|value| value.is_nan()), is_nan, "mask {mask}");
        assert!(found[5 * 16..].iter().all(|value| value.is_finite()));
        if mask == f32::MIN {
            let mean: f64 = (0..5).map(|token| case.value(Precision::Bfloat16, 2, token, 0)).sum::<f64>() / 5.0;
            assert!((f64::from(found[0]) - mean).abs() < 3e-3);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let values = [0.0; 64];
    let matrix = |shape| Matrix::new(&values, shape).expect("is long enough");
    let mut output = [0.0; 64];
    let mut plan = |keys, mask, output_shape| {
        let target = MatrixMut::new(&mut output, output_shape).expect("is long enough");
        let operands = [matrix([6, 8]), matrix(keys), matrix([6, 8])];
        Attention::new(shape([2, 3, 2, 4]), operands, Some(matrix(mask)), 1.0, target).map(|plan| plan.tasks())
    };
    assert_eq!(plan([6, 8], [2, 3], [6, 8]), Ok(1));
    let messages = [plan([3, 8], [2, 3], [6, 8]), plan([6, 8], [3, 2], [6, 8]), plan([6, 8], [2, 3], [8, 6])]
        .map(|result| result.expect_err("does not fit").to_string());
    assert_eq!(
        messages,
        [
            "shape of the keys: [3, 8], the other operands need [6, 8]",
            "shape of the mask: [3, 2], the other operands need [2, 3]",
            "shape of the output: [8, 6], the other operands need [6, 8]",
        ]
    );
    for axes in [[0, 3, 2, 4], [2, 0, 2, 4], [2, 3, 0, 4], [2, 3, 2, 0]] {
        let empty = [matrix([axes[0] * axes[1], axes[2] * axes[3]]); 3];
        let target = MatrixMut::new(&mut [], empty[0].shape()).expect("holds nothing");
        let plan = Attention::new(shape(axes), empty, None, 1.0, target).expect("shapes fit");
        assert_eq!(plan.tasks(), 0);
    }
}
