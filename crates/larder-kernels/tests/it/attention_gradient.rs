//! The gradients of attention, and its dropout, against their definitions in float64.

use larder_kernels::{
    Attention, AttentionGradient, AttentionOperands, AttentionShape, Kernel, Matrix, MatrixMut, Plan, Precision,
};

use crate::operands::{Numbers, Stored, rounded};

const SCALE: f32 = 0.4;
const SHAPES: [[usize; 4]; 7] =
    [[1, 1, 1, 1], [2, 11, 3, 32], [1, 16, 2, 64], [3, 17, 1, 5], [2, 47, 2, 33], [1, 49, 1, 8], [1, 130, 2, 32]];

/// Queries, keys, values and the gradient of the output, each a matrix of its own with gaps.
struct Case {
    shape: AttentionShape,
    matrices: [Stored; 4],
    mask: Stored,
    dropout: Option<Stored>,
}

impl Case {
    fn new([batch, tokens, heads, head_size]: [usize; 4], drops: bool, numbers: &mut Numbers) -> Self {
        let shape = AttentionShape { batch, tokens, heads, head_size };
        let whole = [batch * tokens, heads * head_size];
        let matrices = [0, 1, 2, 3].map(|gap| Stored::random(whole, false, gap, numbers));
        // Of every row the first token counts, of the others most.
        let counts: Vec<bool> =
            (0..batch * tokens).map(|at| at % tokens == 0 || !numbers.bits().is_multiple_of(4)).collect();
        let mask = |row, at| if counts[row * tokens + at] { 0.0 } else { f32::NEG_INFINITY };
        let mask = Stored::new([batch, tokens], false, 2, mask);
        let rows = batch * heads * tokens;
        let kept: Vec<bool> = (0..rows * tokens).map(|_| !numbers.bits().is_multiple_of(5)).collect();
        let factor = |row, at| if kept[row * tokens + at] { 1.25 } else { 0.0 };
        let dropout = drops.then(|| Stored::new([rows, tokens], false, 1, factor));
        Self { shape, matrices, mask, dropout }
    }

    fn whole(&self) -> [usize; 2] {
        [self.shape.batch * self.shape.tokens, self.shape.heads * self.shape.head_size]
    }

    fn inputs(&self) -> [Matrix<'_>; 3] {
        [0, 1, 2].map(|which| self.matrices[which].matrix())
    }

    fn dropout(&self) -> Option<Matrix<'_>> {
        self.dropout.as_ref().map(Stored::matrix)
    }

    /// Gradients of queries, keys and values.
    fn gradients(&self, run: impl FnOnce(AttentionGradient<'_>)) -> [Stored; 3] {
        let mut outputs = [1, 2, 3].map(|gap| Stored::new(self.whole(), false, gap, |_, _| 5.0));
        let operands = AttentionOperands {
            gradient: self.matrices[3].matrix(),
            inputs: self.inputs(),
            mask: Some(self.mask.matrix()),
            dropout: self.dropout(),
        };
        let targets = outputs.each_mut().map(Stored::matrix_mut);
        run(AttentionGradient::new(self.shape, operands, SCALE, targets).expect("shapes fit"));
        assert!(outputs.iter().all(Stored::has_gaps_untouched));
        outputs
    }
}

/// A sum, and the sum of what its terms are off by at most.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    allowed: f64,
}

impl Sum {
    /// A term of which one factor is rounded to 8 significant bits, off by a 256th of it at most, or to those of float32.
    fn add(&mut self, precision: Precision, rounded_factor: Self, exact_factor: f64) {
        self.value += rounded_factor.value * exact_factor;
        let share = match precision {
            Precision::Bfloat16 => 1.0 / 256.0 + 1e-4,
            Precision::Float32 => 1e-5,
        };
        let allowed = rounded_factor.allowed + rounded_factor.value.abs() * share;
        self.allowed += allowed * exact_factor.abs();
    }
}

fn agrees(found: &Stored, exact: &[Vec<Sum>], what: &str) {
    for (row, sums) in exact.iter().enumerate() {
        for (column, sum) in sums.iter().enumerate() {
            let error = (f64::from(found.at(row, column)) - sum.value).abs();
            let value = found.at(row, column);
            assert!(error <= sum.allowed + 1e-6, "{what} at {row}, {column}: {value}, exactly {}", sum.value);
        }
    }
}

fn check(case: &Case, precision: Precision, output: &Stored, gradients: &[Stored; 3]) {
    let AttentionShape { batch, tokens, heads, head_size } = case.shape;
    let [rows, columns] = case.whole();
    let mut exact = [const { Vec::new() }; 4].map(|_: Vec<Vec<Sum>>| vec![vec![Sum::default(); columns]; rows]);
    for row in 0..batch {
        for head in 0..heads {
            let place = |token: usize, column: usize| (row * tokens + token, head * head_size + column);
            let value = |which: usize, token: usize, column: usize| {
                let (row, column) = place(token, column);
                let value = case.matrices[which].at(row, column);
                if precision == Precision::Float32 { f64::from(value) } else { rounded(value) }
            };
            let dot = |a: usize, b: usize, first: usize, second: usize| -> f64 {
                (0..head_size).map(|column| value(a, first, column) * value(b, second, column)).sum()
            };
            for query in 0..tokens {
                let score = |key: usize| dot(0, 1, query, key) * f64::from(SCALE) + f64::from(case.mask.at(row, key));
                let powers: Vec<f64> = (0..tokens).map(|key| score(key).exp()).collect();
                let total: f64 = powers.iter().sum();
                let weights: Vec<f64> = powers.iter().map(|power| power / total).collect();
                let kept = |key: usize| {
                    let place = (row * heads + head) * tokens + query;
                    case.dropout.as_ref().map_or(1.0, |dropout| f64::from(dropout.at(place, key)))
                };
                let of_weights: Vec<f64> = (0..tokens).map(|key| dot(3, 2, query, key) * kept(key)).collect();
                let mean: f64 = of_weights.iter().zip(&weights).map(|(gradient, weight)| gradient * weight).sum();
                for key in 0..tokens {
                    let dropped = Sum { value: weights[key] * kept(key), allowed: 0.0 };
                    let of_score = weights[key] * (of_weights[key] - mean) * f64::from(SCALE);
                    // A difference of float32 sums.
                    let allowed = 1e-6 * weights[key] * (of_weights[key].abs() + mean.abs());
                    let of_score = Sum { value: of_score, allowed };
                    for column in 0..head_size {
                        let ((of_query, at), (of_key, _)) = (place(query, column), place(key, column));
                        exact[0][of_query][at].add(precision, of_score, value(1, key, column));
                        exact[1][of_key][at].add(precision, of_score, value(0, query, column));
                        exact[2][of_key][at].add(precision, dropped, value(3, query, column));
                        exact[3][of_query][at].add(precision, dropped, value(2, key, column));
                    }
                }
            }
        }
    }
    agrees(output, &exact[3], "the output");
    for ((found, exact), what) in gradients.iter().zip(&exact).zip(["the queries", "the keys", "the values"]) {
        agrees(found, exact, what);
        let nothing = case.shape.tokens == 1 && what != "the values";
        assert!(nothing || found.elements().iter().any(|value| value.abs() > 1e-3), "{what}: zeros would be found");
    }
}

#[test]
fn every_shape_agrees_with_the_definition() {
    let mut numbers = Numbers::new(71);
    for axes in SHAPES {
        for drops in [false, true] {
            let case = Case::new(axes, drops, &mut numbers);
            let kernels = [Kernel::available(), Kernel::portable()];
            for (kernel, precision) in kernels.into_iter().flat_map(|kernel| Precision::ALL.map(|of| (kernel, of))) {
                let mut output = Stored::new(case.whole(), false, 0, |_, _| 5.0);
                let mask = Some(case.mask.matrix());
                let plan = Attention::new(case.shape, case.inputs(), mask, SCALE, output.matrix_mut());
                let mut plan = plan.expect("shapes fit").with_kernel(kernel).with_precision(precision);
                if let Some(dropout) = case.dropout() {
                    plan = plan.with_dropout(dropout).expect("it has the shape of the weights");
                }
                plan.run();
                let run = |plan: AttentionGradient<'_>| plan.with_kernel(kernel).with_precision(precision).run();
                check(&case, precision, &output, &case.gradients(run));
            }
        }
    }
}

#[test]
fn tasks_and_batches_change_no_bit() {
    let mut numbers = Numbers::new(72);
    let case = Case::new([24, 21, 4, 32], true, &mut numbers);
    let expected = case.gradients(|plan| plan.run()).map(|found| found.bits());
    let backwards = case.gradients(|plan| {
        assert!(plan.tasks() > 3);
        (0..plan.tasks()).rev().chain([0]).for_each(|task| plan.run_task(task));
    });
    assert_eq!(backwards.map(|found| found.bits()), expected);
    // The last row alone.
    let (row, tokens, heads) = (23, 21, 4);
    let alone = Case {
        shape: AttentionShape { batch: 1, ..case.shape },
        matrices: case.matrices.each_ref().map(|matrix| {
            Stored::new([tokens, case.whole()[1]], false, 0, |at, column| matrix.at(row * tokens + at, column))
        }),
        mask: Stored::new([1, tokens], false, 0, |_, at| case.mask.at(row, at)),
        dropout: case.dropout.as_ref().map(|dropout| {
            Stored::new([heads * tokens, tokens], false, 0, |at, key| dropout.at(row * heads * tokens + at, key))
        }),
    };
    for (found, expected) in alone.gradients(|plan| plan.run()).iter().zip(&expected) {
        assert_eq!(found.bits()[..], expected[row * tokens * case.whole()[1]..]);
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let shape = AttentionShape { batch: 2, tokens: 3, heads: 2, head_size: 4 };
    let stored = |shape| Stored::new(shape, false, 0, |_, _| 1.0);
    let (fitting, other, mask, dropout) = (stored([6, 8]), stored([6, 7]), stored([2, 3]), stored([12, 3]));
    let plan = |gradient: &Stored, keys: &Stored, mask: &Stored, dropout: &Stored, output: [usize; 2]| {
        let operands = AttentionOperands {
            gradient: gradient.matrix(),
            inputs: [fitting.matrix(), keys.matrix(), fitting.matrix()],
            mask: Some(mask.matrix()),
            dropout: Some(dropout.matrix()),
        };
        let mut values = [0.0; 3 * 48];
        let outputs = values.chunks_mut(48).map(|values| MatrixMut::new(values, output).expect("is long enough"));
        let outputs: Vec<_> = outputs.collect();
        let outputs = outputs.try_into().expect("there are three");
        AttentionGradient::new(shape, operands, 1.0, outputs)
            .map(|plan| plan.tasks())
            .map_err(|error| error.to_string())
    };
    let right = [6, 8];
    assert_eq!(plan(&fitting, &fitting, &mask, &dropout, right), Ok(1));
    let found = [
        plan(&other, &fitting, &mask, &dropout, right),
        plan(&fitting, &other, &mask, &dropout, right),
        plan(&fitting, &fitting, &dropout, &dropout, right),
        plan(&fitting, &fitting, &mask, &mask, right),
        plan(&fitting, &fitting, &mask, &dropout, [6, 7]),
    ];
    assert_eq!(
        found.map(|result| result.expect_err("does not fit")),
        [
            "shape of the gradient: [6, 7], the other operands need [6, 8]",
            "shape of the keys: [6, 7], the other operands need [6, 8]",
            "shape of the mask: [12, 3], the other operands need [2, 3]",
            "shape of the dropout mask: [2, 3], the other operands need [12, 3]",
            "shape of an output: [6, 7], the other operands need [6, 8]",
        ]
    );
}
