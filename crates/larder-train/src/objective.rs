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

use crate::binary_loss::{Asked, losses_and_slopes};
use crate::kernel;
use crate::lbfgs::{Descent, Evaluation, Penalised};
use crate::matrix::Matrix;
use crate::principal_axes::PrincipalAxes;
use crate::real::Real;
use crate::standardise::Standardiser;
use crate::tagging::product;

/// Rows of one block: 64 rows of 2,688 float32 are 0.7 MB, which a core's second-level cache holds.
const BLOCK_ROWS: usize = 64;

/// Most stripes of rows. Their sums are added in order, so results do not depend on the number of threads; more
/// stripes cost memory (one gradient each).
const MAX_STRIPES: usize = 32;

/// A stripe has at least so many rows: below, starting a thread costs more than the work.
const STRIPE_ROWS: usize = 256;

/// Columns of weights that share a pass: beyond, the arithmetic outweighs the reading, and gradients take memory.
const MAX_COLUMNS: usize = 64;

/// From so many columns of weights on, those of labels lie in panels (`tagging/product.rs`), which multiply twice as fast. Those
/// of classes do not: their heads stay the same bit by bit.
const PANEL_COLUMNS: usize = 12;

/// One fit: which rows count how much, how it standardises, how strong its regularisation is.
pub(crate) struct Task {
    /// Weight of each row in the loss, `[rows]`; 0 leaves the row out.
    pub(crate) row_weights: Vec<f64>,
    /// The task's own standardisation, relative to the matrix's; `None` when it is the same.
    pub(crate) relative: Option<Standardiser>,
    /// The strength: the penalty is `|w|² / (2 C)`.
    pub(crate) c: f64,
    /// The label that it tells apart from the rest; 0 among [`Targets::Classes`].
    pub(crate) label: usize,
}

impl Penalised for Task {
    fn c(&self) -> f64 {
        self.c
    }

    fn set_c(&mut self, c: f64) {
        self.c = c;
    }
}

/// The answers that rows should get.
#[derive(Clone, Copy)]
pub(crate) enum Targets<'a> {
    /// The class index of each row, `[rows]`: a task has all classes.
    Classes(&'a [usize]),
    /// Has the row the label? `[rows, labels]`: a task has one label, as class 1 of two.
    Labels(ArrayView2<'a, bool>),
}

impl Targets<'_> {
    /// The class of a row in a task on `label`.
    fn class(&self, row: usize, label: usize) -> usize {
        match self {
            Self::Classes(classes) => classes[row],
            Self::Labels(labels) => usize::from(labels[[row, label]]),
        }
    }
}

/// The features and targets that all tasks share.
pub(crate) struct TrainingData<'a, F> {
    pub(crate) matrix: Matrix<'a, F>,
    pub(crate) targets: Targets<'a>,
    /// 1 for two classes and for labels, else the number of classes.
    pub(crate) outputs: usize,
    /// The axes that weights are given along.
    pub(crate) axes: PrincipalAxes<'a>,
}

/// The number of outputs of a head: 1 for two classes, else one a class.
pub(crate) fn outputs_of(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// The weights of all tasks, ready for the products.
struct Assembled<F> {
    /// In the layout.
    weights: Vec<F>,
    layout: Layout,
    /// `[tasks * outputs]`.
    offsets: Vec<F>,
}

/// The order in which the weights of `columns` fits and outputs lie, and their products.
#[derive(Clone, Copy)]
struct Layout {
    columns: usize,
    width: usize,
    /// Columns of a panel: 1 for `[columns, width]`, else the weights lie as `[panels, width, lanes]`.
    lanes: usize,
}

impl Layout {
    fn new<F: Real>(columns: usize, width: usize, targets: Targets<'_>) -> Self {
        let lanes = match size_of::<F>() {
            _ if columns < PANEL_COLUMNS || matches!(targets, Targets::Classes(_)) => 1,
            4 => 16,
            _ => 8,
        };
        Self { columns, width, lanes }
    }

    fn len(self) -> usize {
        self.columns.next_multiple_of(self.lanes) * self.width
    }

    /// The places of one column's numbers.
    fn places(self, column: usize) -> impl Iterator<Item = usize> {
        let first = column / self.lanes * self.lanes * self.width + column % self.lanes;
        (first..).step_by(self.lanes).take(self.width)
    }

    /// Adds `rows · weights` to `logits [count, columns]`.
    fn forward<F: Real>(self, rows: &[F], weights: &[F], logits: &mut [F]) {
        match self.lanes {
            16 => self.forward_panels::<F, 16>(rows, weights, logits),
            8 => self.forward_panels::<F, 8>(rows, weights, logits),
            _ => kernel::forward(self.width, rows, weights, logits),
        }
    }

    /// Adds `rowsᵀ · residuals [count, columns]` to `products`.
    fn backward<F: Real>(self, rows: &[F], residuals: &[F], products: &mut [F]) {
        match self.lanes {
            16 => self.backward_panels::<F, 16>(rows, residuals, products),
            8 => self.backward_panels::<F, 8>(rows, residuals, products),
            _ => kernel::backward(self.width, rows, residuals, products),
        }
    }

    fn forward_panels<F: Real, const LANES: usize>(self, rows: &[F], weights: &[F], logits: &mut [F]) {
        for (panel, weights) in weights.chunks_exact(self.width * LANES).enumerate() {
            let mut sums = [[F::zero(); LANES]; BLOCK_ROWS];
            let sums = &mut sums[..rows.len() / self.width];
            product::forward(self.width, rows, weights.as_chunks::<LANES>().0, sums);
            for (logits, sums) in logits.chunks_exact_mut(self.columns).zip(sums) {
                logits[panel * LANES..].iter_mut().zip(sums).for_each(|(logit, &mut sum)| *logit += sum);
            }
        }
    }

    fn backward_panels<F: Real, const LANES: usize>(self, rows: &[F], residuals: &[F], products: &mut [F]) {
        for (panel, products) in products.chunks_exact_mut(self.width * LANES).enumerate() {
            let mut of_panel = [[F::zero(); LANES]; BLOCK_ROWS];
            let of_panel = &mut of_panel[..rows.len() / self.width];
            for (target, source) in of_panel.iter_mut().zip(residuals.chunks_exact(self.columns)) {
                target.iter_mut().zip(&source[panel * LANES..]).for_each(|(target, source)| *target = *source);
            }
            product::backward(self.width, rows, of_panel, products.as_chunks_mut::<LANES>().0);
        }
    }
}

/// The partial sums of one stripe of rows.
struct Partial<F> {
    /// `rowsᵀ · residuals`, in the layout of the weights.
    products: Vec<F>,
    residuals: Vec<f64>,
    costs: Vec<f64>,
}

/// Numbers of one block of rows and all tasks, `[count, tasks]` each.
#[derive(Default)]
struct TwoClasses {
    log_odds: Vec<f64>,
    signs: Vec<f64>,
    weights: Vec<f64>,
    losses: Vec<f64>,
    slopes: Vec<f64>,
}

impl<F: Real> TrainingData<'_, F> {
    /// The number of parameters of one fit.
    pub(crate) fn parameters(&self) -> usize {
        (self.matrix.width() + 1) * self.outputs
    }

    /// Weights along the axes, with the intercepts behind them, as weights along the features.
    pub(crate) fn along_features(&self, mut parameters: Vec<f64>) -> Vec<f64> {
        let intercepts = parameters.split_off(self.matrix.width() * self.outputs);
        let mut turned = self.axes.to_features(parameters);
        turned.extend(intercepts);
        turned
    }

    /// Weights along the features, with the intercepts behind them, as weights along the axes.
    pub(crate) fn along_axes(&self, mut parameters: Vec<f64>) -> Vec<f64> {
        let intercepts = parameters.split_off(self.matrix.width() * self.outputs);
        let mut turned = self.axes.to_axes(parameters);
        turned.extend(intercepts);
        turned
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
        let mut sums: Vec<Evaluation> = (0..tasks.len())
            .into_par_iter()
            .map(|position| self.collect(position, tasks[position], assembled.layout, &partials))
            .collect();
        let weights = self.matrix.width() * self.outputs;
        let along_features = sums.iter().flat_map(|sums| &sums.gradient[..weights]).copied().collect();
        let along_axes = self.axes.to_axes(along_features);
        for (((sums, along_axes), task), point) in
            sums.iter_mut().zip(along_axes.chunks_exact(weights)).zip(tasks).zip(points)
        {
            let mut squares = 0.0;
            for ((slope, along_axis), weight) in sums.gradient.iter_mut().zip(along_axes).zip(*point) {
                *slope = along_axis + weight / task.c;
                squares += weight * weight;
            }
            sums.cost += squares / (2.0 * task.c);
        }
        sums
    }

    /// The logits `[rows, outputs]` in which each row is judged by the point of task `task_of_row[row]`.
    pub(crate) fn logits(&self, tasks: &[&Task], points: &[&[f64]], task_of_row: &[usize]) -> Array2<f64> {
        self.some_logits(tasks, points, self.outputs, |row| task_of_row[row] * self.outputs)
    }

    /// The logits `[rows, tasks]` of every task with one output.
    pub(crate) fn all_logits(&self, tasks: &[&Task], points: &[&[f64]]) -> Array2<f64> {
        self.some_logits(tasks, points, tasks.len() * self.outputs, |_| 0)
    }

    /// The logits `[rows, count]` from the first that each row is judged by.
    fn some_logits(
        &self,
        tasks: &[&Task],
        points: &[&[f64]],
        count: usize,
        first_of_row: impl Fn(usize) -> usize + Sync,
    ) -> Array2<f64> {
        let assembled = self.assemble(tasks, points);
        let parts: Vec<Array2<f64>> = self
            .stripes()
            .into_par_iter()
            .map(|(first, last)| {
                let mut part = Array2::zeros((last - first, count));
                self.for_blocks(first, last, &assembled, |start, _, logits| {
                    for (row, logits) in (start..).zip(logits.chunks_exact(tasks.len() * self.outputs)) {
                        let logits = &logits[first_of_row(row)..];
                        for (target, logit) in part.row_mut(row - first).iter_mut().zip(logits) {
                            *target = logit.to_f64();
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
        let layout = Layout::new::<F>(tasks.len() * outputs, width, self.targets);
        let mut weights = vec![F::zero(); layout.len()];
        let mut offsets = Vec::with_capacity(tasks.len() * outputs);
        let along_axes = points.iter().flat_map(|point| &point[..width * outputs]).copied().collect();
        let along_features = self.axes.to_features(along_axes);
        let of_tasks = along_features.chunks_exact(width * outputs);
        for (position, ((task, point), of_weights)) in tasks.iter().zip(points).zip(of_tasks).enumerate() {
            let intercepts = &point[width * outputs..];
            for output in 0..outputs {
                let mut shift = 0.0;
                let places = layout.places(position * outputs + output);
                for (dimension, (place, &weight)) in places.zip(&of_weights[output * width..]).enumerate() {
                    let mut weight = weight;
                    if let Some(relative) = &task.relative {
                        weight /= relative.scale[dimension];
                        shift += weight * relative.mean[dimension];
                    }
                    weights[place] = F::from_f64(weight);
                }
                offsets.push(F::from_f64(intercepts[output] - shift));
            }
        }
        Assembled { weights, layout, offsets }
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
            assembled.layout.forward(rows, &assembled.weights, logits);
            use_block(start, rows, logits);
        }
    }

    fn evaluate_stripe(&self, first: usize, last: usize, tasks: &[&Task], assembled: &Assembled<F>) -> Partial<F> {
        let mut partial = Partial {
            products: vec![F::zero(); assembled.weights.len()],
            residuals: vec![0.0; assembled.offsets.len()],
            costs: vec![0.0; tasks.len()],
        };
        let mut scratch = vec![0.0; self.outputs];
        let mut two_classes = TwoClasses::default();
        self.for_blocks(first, last, assembled, |start, rows, logits| {
            if self.outputs == 1 {
                self.two_classes(start, tasks, logits, &mut two_classes, &mut partial);
                assembled.layout.backward(rows, logits, &mut partial.products);
                return;
            }
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
                    partial.costs[position] +=
                        weight * loss_and_residuals(&mut scratch, self.targets.class(row, task.label));
                    for (output, value) in scratch.iter().enumerate() {
                        let residual = weight * value;
                        partial.residuals[from + output] += residual;
                        of_task[output] = F::from_f64(residual);
                    }
                }
            }
            assembled.layout.backward(rows, logits, &mut partial.products);
        });
        partial
    }

    /// Adds losses and residuals of tasks with one output to `partial`, and puts the residuals in place of the logits
    /// `[count, tasks]`.
    fn two_classes(
        &self,
        first: usize,
        tasks: &[&Task],
        logits: &mut [F],
        numbers: &mut TwoClasses,
        partial: &mut Partial<F>,
    ) {
        numbers.log_odds.clear();
        numbers.log_odds.extend(logits.iter().map(|logit| logit.to_f64()));
        numbers.signs.clear();
        numbers.weights.clear();
        for row in (first..).take(logits.len() / tasks.len()) {
            numbers.weights.extend(tasks.iter().map(|task| task.row_weights[row]));
            let sign = |task: &&Task| if self.targets.class(row, task.label) == 1 { 1.0 } else { -1.0 };
            numbers.signs.extend(tasks.iter().map(sign));
        }
        numbers.losses.resize(logits.len(), 0.0);
        numbers.slopes.resize(logits.len(), 0.0);
        let asked = Asked { log_odds: &numbers.log_odds, signs: &numbers.signs, weights: &numbers.weights };
        losses_and_slopes(&asked, &mut numbers.losses, &mut numbers.slopes);
        let of_rows = numbers.losses.chunks_exact(tasks.len()).zip(numbers.slopes.chunks_exact(tasks.len()));
        for (losses, slopes) in of_rows {
            partial.costs.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss);
            partial.residuals.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
        }
        logits.iter_mut().zip(&numbers.slopes).for_each(|(logit, &slope)| *logit = F::from_f64(slope));
    }

    /// Adds up one task's share of the stripes, in their order, in float64. The gradient is along the features, and both are without
    /// the penalty.
    fn collect(&self, position: usize, task: &Task, layout: Layout, partials: &[Partial<F>]) -> Evaluation {
        let (width, outputs) = (self.matrix.width(), self.outputs);
        let from = position * outputs;
        let cost: f64 = partials.iter().map(|partial| partial.costs[position]).sum();
        let mut gradient = vec![0.0; self.parameters()];
        let (for_weights, for_intercepts) = gradient.split_at_mut(width * outputs);
        for partial in partials {
            for output in 0..outputs {
                let places = layout.places(from + output);
                for (sum, place) in for_weights[output * width..].iter_mut().zip(places) {
                    *sum += partial.products[place].to_f64();
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
        Evaluation { cost, gradient }
    }

    /// A descent of a task from zero weights and the intercepts at `start`, which answer with the classes' shares.
    ///
    /// Where the axes are turned, it knows the curvature that it starts at.
    pub(crate) fn descend(
        &self,
        task: Task,
        point: Vec<f64>,
        evaluation: Evaluation,
        reference_norm: f64,
    ) -> Descent<Task> {
        let curvature = self.axes.variances().map(|variances| self.curvature(&task, &variances));
        let descent = Descent::new(task, point, evaluation, reference_norm, self.outputs);
        match curvature {
            Some(curvature) => descent.with_curvature(curvature, 1.0),
            None => descent,
        }
    }

    /// The curvature of a task's loss along each parameter where every row gets the classes' shares for its probabilities.
    fn curvature(&self, task: &Task, variances: &[f64]) -> Vec<f64> {
        let mut of_classes = vec![0.0; self.outputs.max(2)];
        for (row, weight) in task.row_weights.iter().enumerate() {
            of_classes[self.targets.class(row, task.label)] += weight;
        }
        let rows: f64 = of_classes.iter().sum();
        // Of two classes both have the same; a class without rows is given half a row, as where fits start.
        let of_outputs: Vec<f64> = of_classes[..self.outputs]
            .iter()
            .map(|&of_class| {
                let of_class = of_class.clamp(0.5, (rows - 0.5).max(0.5));
                (of_class * (1.0 - of_class / rows)).max(f64::MIN_POSITIVE)
            })
            .collect();
        let of_weights = of_outputs.iter().flat_map(|scale| variances.iter().map(move |variance| scale * variance));
        of_weights.chain(of_outputs.iter().copied()).collect()
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
