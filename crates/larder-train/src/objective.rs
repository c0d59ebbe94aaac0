//! The objective of L2-regularised logistic regression and its gradient, for many fits in one pass over the rows.
//!
//! For weights `w` in standardised space, free intercepts and row weights `v`:
//!
//! ```text
//! f(w, b) = Σᵢ vᵢ · log-loss(yᵢ | zᵢ w + b)  +  |w|² / (2 C)          (a sum, not a mean)
//! ```
//!
//! Binary tasks have one output (the log-odds of class 1), others one output a class.
//!
//! Reading the features costs more than the arithmetic of one fit. So the fits of all folds (and weightings) go through
//! the rows together: their weights are columns of one matrix, every block of rows is read once, and both products
//! (logits, then gradient) use it while it is in the cache. A fold's own standardisation is an affine change of its
//! weights, and a held-out row is a row of weight 0.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::kernel::{backward, forward};
use crate::lbfgs::{Evaluation, Penalised};
use crate::matrix::Matrix;
use crate::real::Real;
use crate::standardise::Standardiser;

/// Rows of one block: 64 rows of 2,688 float32 are 0.7 MB, which a core's second-level cache holds.
const BLOCK_ROWS: usize = 64;

/// Most stripes of rows. Their sums are added in order, so results do not depend on the number of threads; more
/// stripes cost memory (one gradient each).
const MAX_STRIPES: usize = 32;

/// A stripe has at least so many rows: below, starting a thread costs more than the work.
const STRIPE_ROWS: usize = 256;

/// Columns of weights that share a pass: beyond, the arithmetic outweighs the reading, and gradients take memory.
const MAX_COLUMNS: usize = 64;

/// One fit: which rows count how much, how it standardises, how strong its regularisation is.
pub(crate) struct Task {
    /// Weight of each row in the loss, `[rows]`; 0 leaves the row out.
    pub(crate) row_weights: Vec<f64>,
    /// The task's own standardisation, relative to the matrix's; `None` when it is the same.
    pub(crate) relative: Option<Standardiser>,
    /// The strength: the penalty is `|w|² / (2 C)`.
    pub(crate) c: f64,
}

impl Penalised for Task {
    fn c(&self) -> f64 {
        self.c
    }

    fn set_c(&mut self, c: f64) {
        self.c = c;
    }
}

/// The features and labels that all tasks share.
pub(crate) struct TrainingData<'a, F> {
    pub(crate) matrix: Matrix<'a, F>,
    /// Class index of each row, `[rows]`.
    pub(crate) labels: &'a [usize],
    /// 1 for two classes, else the number of classes.
    pub(crate) outputs: usize,
}

/// The number of outputs of a head: 1 for two classes, else one a class.
pub(crate) fn outputs_of(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// The weights of all tasks, ready for the products.
struct Assembled<F> {
    /// `[tasks * outputs, width]`.
    weights: Vec<F>,
    /// `[tasks * outputs]`.
    offsets: Vec<F>,
}

/// The partial sums of one stripe of rows.
struct Partial<F> {
    /// `rowsᵀ · residuals`, in the layout of the weights.
    products: Vec<F>,
    residuals: Vec<f64>,
    costs: Vec<f64>,
}

impl<F: Real> TrainingData<'_, F> {
    /// The number of parameters of one fit.
    pub(crate) fn parameters(&self) -> usize {
        (self.matrix.width() + 1) * self.outputs
    }

    /// Cost and gradient of each task at its point, in one pass over the rows (or a few, where there are many classes).
    pub(crate) fn evaluate(&self, tasks: &[&Task], points: &[&[f64]]) -> Vec<Evaluation> {
        let together = (MAX_COLUMNS / self.outputs).max(1);
        tasks
            .chunks(together)
            .zip(points.chunks(together))
            .flat_map(|(tasks, points)| self.evaluate_together(tasks, points))
            .collect()
    }

    fn evaluate_together(&self, tasks: &[&Task], points: &[&[f64]]) -> Vec<Evaluation> {
        let assembled = self.assemble(tasks, points);
        let partials: Vec<Partial<F>> = self
            .stripes()
            .into_par_iter()
            .map(|(first, last)| self.evaluate_stripe(first, last, tasks, &assembled))
            .collect();
        (0..tasks.len())
            .into_par_iter()
            .map(|position| self.collect(position, tasks[position], points[position], &partials))
            .collect()
    }

    /// The logits `[rows, outputs]` in which each row is judged by the point of task `task_of_row[row]`.
    pub(crate) fn logits(&self, tasks: &[&Task], points: &[&[f64]], task_of_row: &[usize]) -> Array2<f64> {
        let assembled = self.assemble(tasks, points);
        let parts: Vec<Array2<f64>> = self
            .stripes()
            .into_par_iter()
            .map(|(first, last)| {
                let mut part = Array2::zeros((last - first, self.outputs));
                self.for_blocks(first, last, &assembled, |start, _, logits| {
                    for (row, logits) in (start..).zip(logits.chunks_exact(tasks.len() * self.outputs)) {
                        let from = task_of_row[row] * self.outputs;
                        for output in 0..self.outputs {
                            part[[row - first, output]] = logits[from + output].to_f64();
                        }
                    }
                });
                part
            })
            .collect();
        let views: Vec<ArrayView2<'_, f64>> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(ndarray::Axis(0), &views).expect("stripes have one number of columns")
    }

    /// The tasks' weights as the columns of one matrix over the matrix's own standardisation, and the intercepts that
    /// belong to them.
    fn assemble(&self, tasks: &[&Task], points: &[&[f64]]) -> Assembled<F> {
        let (width, outputs) = (self.matrix.width(), self.outputs);
        let mut weights = vec![F::zero(); tasks.len() * outputs * width];
        let mut offsets = Vec::with_capacity(tasks.len() * outputs);
        for (position, (task, point)) in tasks.iter().zip(points).enumerate() {
            let (of_weights, intercepts) = point.split_at(width * outputs);
            for output in 0..outputs {
                let mut shift = 0.0;
                let target = &mut weights[(position * outputs + output) * width..][..width];
                for (dimension, (target, &weight)) in target.iter_mut().zip(&of_weights[output * width..]).enumerate() {
                    let mut weight = weight;
                    if let Some(relative) = &task.relative {
                        weight /= relative.scale[dimension];
                        shift += weight * relative.mean[dimension];
                    }
                    *target = F::from_f64(weight);
                }
                offsets.push(F::from_f64(intercepts[output] - shift));
            }
        }
        Assembled { weights, offsets }
    }

    /// The stripes of rows, `first..last`: their number depends on the rows only.
    fn stripes(&self) -> Vec<(usize, usize)> {
        let rows = self.matrix.rows();
        let stripes = (rows / STRIPE_ROWS).clamp(1, MAX_STRIPES);
        (0..stripes).map(|stripe| (rows * stripe / stripes, rows * (stripe + 1) / stripes)).collect()
    }

    /// Calls `use_block` with the first row, the standardised rows and the logits of each block.
    fn for_blocks(
        &self,
        first: usize,
        last: usize,
        assembled: &Assembled<F>,
        mut use_block: impl FnMut(usize, &[F], &mut [F]),
    ) {
        let width = self.matrix.width();
        let mut rows = vec![F::zero(); BLOCK_ROWS * width];
        let mut logits = vec![F::zero(); BLOCK_ROWS * assembled.offsets.len()];
        for start in (first..last).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(last - start);
            let rows = &mut rows[..count * width];
            let logits = &mut logits[..count * assembled.offsets.len()];
            self.matrix.fill(start, rows);
            for logits in logits.chunks_exact_mut(assembled.offsets.len()) {
                logits.copy_from_slice(&assembled.offsets);
            }
            forward(width, rows, &assembled.weights, logits);
            use_block(start, rows, logits);
        }
    }

    fn evaluate_stripe(&self, first: usize, last: usize, tasks: &[&Task], assembled: &Assembled<F>) -> Partial<F> {
        let width = self.matrix.width();
        let mut partial = Partial {
            products: vec![F::zero(); assembled.weights.len()],
            residuals: vec![0.0; assembled.offsets.len()],
            costs: vec![0.0; tasks.len()],
        };
        let mut scratch = vec![0.0; self.outputs];
        self.for_blocks(first, last, assembled, |start, rows, logits| {
            for (row, logits) in (start..).zip(logits.chunks_exact_mut(tasks.len() * self.outputs)) {
                for (position, task) in tasks.iter().enumerate() {
                    let from = position * self.outputs;
                    let of_task = &mut logits[from..from + self.outputs];
                    let weight = task.row_weights[row];
                    if weight == 0.0 {
                        of_task.fill(F::zero());
                        continue;
                    }
                    for (value, logit) in scratch.iter_mut().zip(&*of_task) {
                        *value = logit.to_f64();
                    }
                    partial.costs[position] += weight * loss_and_residuals(&mut scratch, self.labels[row]);
                    for (output, value) in scratch.iter().enumerate() {
                        let residual = weight * value;
                        partial.residuals[from + output] += residual;
                        of_task[output] = F::from_f64(residual);
                    }
                }
            }
            backward(width, rows, logits, &mut partial.products);
        });
        partial
    }

    /// Adds up one task's share of the stripes, in their order, in float64, and the penalty.
    fn collect(&self, position: usize, task: &Task, point: &[f64], partials: &[Partial<F>]) -> Evaluation {
        let (width, outputs) = (self.matrix.width(), self.outputs);
        let from = position * outputs;
        let cost: f64 = partials.iter().map(|partial| partial.costs[position]).sum();
        let mut gradient = vec![0.0; self.parameters()];
        let (for_weights, for_intercepts) = gradient.split_at_mut(width * outputs);
        for partial in partials {
            for output in 0..outputs {
                let products = &partial.products[(from + output) * width..][..width];
                for (sum, product) in for_weights[output * width..].iter_mut().zip(products) {
                    *sum += product.to_f64();
                }
            }
            for (sum, residual) in for_intercepts.iter_mut().zip(&partial.residuals[from..]) {
                *sum += residual;
            }
        }
        if let Some(relative) = &task.relative {
            for (sums, residual) in for_weights.chunks_exact_mut(width).zip(&*for_intercepts) {
                for ((sum, mean), scale) in sums.iter_mut().zip(&relative.mean).zip(&relative.scale) {
                    *sum = (*sum - mean * residual) / scale;
                }
            }
        }
        let mut squares = 0.0;
        for (sum, weight) in for_weights.iter_mut().zip(point) {
            *sum += weight / task.c;
            squares += weight * weight;
        }
        Evaluation { cost: cost + squares / (2.0 * task.c), gradient }
    }
}

/// The log-loss of one row; its logits are replaced by the loss's derivatives (probability minus truth).
///
/// Stable for logits of any size: the largest logit *of the row* is taken out before `exp`.
pub(crate) fn loss_and_residuals(logits: &mut [f64], label: usize) -> f64 {
    if let [logit] = logits {
        let positive = label == 1;
        let margin = if positive { *logit } else { -*logit };
        let small = (-margin.abs()).exp();
        // log(1 + exp(-margin)), and the probability of the wrong class.
        let (loss, wrong) = if margin >= 0.0 {
            (small.ln_1p(), small / (1.0 + small))
        } else {
            (small.ln_1p() - margin, 1.0 / (1.0 + small))
        };
        *logit = if positive { -wrong } else { wrong };
        return loss;
    }
    let truth = logits[label];
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += *logit;
    }
    for probability in logits.iter_mut() {
        *probability /= sum;
    }
    logits[label] -= 1.0;
    sum.ln() + largest - truth
}

/// Class probabilities `[rows, classes]` from logits `[rows, outputs]`.
pub(crate) fn probabilities_of(logits: &Array2<f64>) -> Array2<f64> {
    if logits.ncols() == 1 {
        return Array2::from_shape_fn((logits.nrows(), 2), |(row, class)| {
            let logit = if class == 1 { logits[[row, 0]] } else { -logits[[row, 0]] };
            let small = (-logit.abs()).exp();
            if logit >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
        });
    }
    let mut probabilities = logits.clone();
    for mut row in probabilities.rows_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|logit| (logit - largest).exp());
        let sum = row.sum();
        row.mapv_inplace(|share| share / sum);
    }
    probabilities
}
