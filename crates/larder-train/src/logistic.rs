//! One logistic regression, fitted to the end and checked.
//!
//! Unweighted problems of small size go to `linfa-logistic` (see `library`). Whatever it returns, the gradient of
//! the exact objective is evaluated there; where it is not small enough, and for class weights and large problems, our
//! own L-BFGS goes on from that point. `docs/solvers.md` says why there are two.

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::column::FeatureColumn;
use crate::error::TrainError;
use crate::lbfgs::{Limits, minimise, norm};
use crate::library;
use crate::matrix::Matrix;
use crate::objective::{Targets, Task, TrainingData, outputs_of};
use crate::principal_axes::PrincipalAxes;
use crate::real::Real;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// Gradient norm, relative to that at zero weights, at which a head counts as converged. The objective is then within
/// 1e-9 of its minimum (relative) and weights agree to five digits, far below what scores can show; float64 sums over
/// a million rows still resolve it.
pub const CONVERGENCE_TOLERANCE: f64 = 1e-7;

/// Steps of our own solver. Hard problems (weak regularisation, thousands of correlated dimensions) take some hundred.
const MAX_ITERATIONS: usize = 5_000;

/// Largest `rows * width * outputs` that goes to the library, whose products are not made for tall matrices: it needs
/// a second there, and 3 seconds for CoLA's train split with one layer of 384 dimensions; see `docs/solvers.md`.
pub const LIBRARY_LIMIT: usize = 1_000_000;

spelled_enum! {
    /// A solver.
    pub enum Solver {
        /// `linfa-logistic`.
        Linfa = "linfa",
        /// This crate's L-BFGS, which knows class weights and reads the features once an iteration.
        Lbfgs = "lbfgs",
        /// Adam over mini-batches, for word features larger than memory.
        Adam = "adam",
    }
}

/// The convergence of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// The solvers that worked on it, in order.
    pub solvers: Vec<Solver>,
    /// Steps of our own solver; `linfa-logistic` does not tell how many it took.
    pub iterations: usize,
    /// The objective: the *sum* of the (weighted) log-losses plus `|w|² / (2 C)`, in nats.
    pub objective: f64,
    /// Euclidean norm of its gradient.
    pub gradient_norm: f64,
    /// The same, divided by the norm at zero weights and the intercepts of the classes' shares.
    pub relative_gradient_norm: f64,
    /// Is `relative_gradient_norm` at most [`CONVERGENCE_TOLERANCE`]?
    pub converged: bool,
}

/// A problem: features, labels, and what the objective is made of.
pub(crate) struct Problem<'a> {
    pub(crate) columns: &'a [&'a FeatureColumn],
    pub(crate) standardiser: &'a Standardiser,
    /// The axes that the fit goes along.
    pub(crate) axes: PrincipalAxes<'a>,
    pub(crate) labels: &'a [usize],
    pub(crate) classes: usize,
    pub(crate) class_weight: ClassWeight,
    pub(crate) c: f64,
}

impl Problem<'_> {
    fn batch(&self) -> TrainingData<'_, f64> {
        TrainingData {
            matrix: Matrix::new(self.columns, self.standardiser),
            targets: Targets::Classes(self.labels),
            outputs: outputs_of(self.classes),
            axes: self.axes.clone(),
        }
    }

    fn task(&self) -> Task {
        Task {
            row_weights: row_weights(self.class_weight, self.labels, self.classes, |_| true),
            relative: None,
            c: self.c,
            label: 0,
        }
    }

    /// The exact objective at `parameters` `[outputs * width + outputs]`, along the axes.
    pub(crate) fn objective(&self, parameters: &[f64]) -> f64 {
        self.batch().evaluate(&[&self.task()], &[parameters])[0].cost
    }

    /// Weights `[outputs, width]` followed by intercepts `[outputs]`, and how well they solve the problem.
    pub(crate) fn solve(&self) -> Result<(Vec<f64>, Convergence), TrainError> {
        let batch = self.batch();
        let task = self.task();
        let start = start_point(&batch, self.labels, &task, self.classes);
        let at_start = batch.evaluate(&[&task], &[&start]).remove(0);
        let reference_norm = norm(&at_start.gradient);
        let mut solvers = Vec::new();
        let (mut point, mut evaluation) = (start, at_start);

        let size = batch.matrix.rows() * batch.matrix.width() * batch.outputs;
        if self.class_weight == ClassWeight::None && size <= LIBRARY_LIMIT {
            let tolerance = (CONVERGENCE_TOLERANCE * reference_norm).max(f64::MIN_POSITIVE);
            let rows = batch.matrix.to_column_major();
            if let Some(found) = library::fit(rows, self.labels, self.classes, self.c, tolerance, &point) {
                let found = batch.along_axes(found);
                let at_found = batch.evaluate(&[&task], &[&found]).remove(0);
                // A result worse than the start is thrown away.
                if at_found.cost <= evaluation.cost {
                    solvers.push(Solver::Linfa);
                    (point, evaluation) = (found, at_found);
                }
            }
        }
        let mut descent = batch.descend(task, point, evaluation, reference_norm);
        minimise(
            |tasks, points| batch.evaluate(tasks, points),
            f64::NOISE,
            &mut [&mut descent],
            Limits { tolerance: CONVERGENCE_TOLERANCE, iterations: MAX_ITERATIONS },
        );
        if descent.iterations > 0 || solvers.is_empty() {
            solvers.push(Solver::Lbfgs);
        }
        if !descent.cost.is_finite() || descent.point.iter().any(|parameter| !parameter.is_finite()) {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(TrainError::Diverged { columns: names.join(", "), c: self.c, objective: descent.cost });
        }
        let gradient_norm = norm(&descent.gradient);
        let convergence = Convergence {
            solvers,
            iterations: descent.iterations,
            objective: descent.cost,
            gradient_norm,
            relative_gradient_norm: if reference_norm > 0.0 { gradient_norm / reference_norm } else { 0.0 },
            converged: descent.converged(),
        };
        let mut point = batch.along_features(descent.point);
        centre_intercepts(&mut point, batch.outputs);
        Ok((point, convergence))
    }
}

/// Weight of each row in the loss `[rows]`: 0 where `keep` does not hold, else the weight of its class.
pub(crate) fn row_weights(
    class_weight: ClassWeight,
    labels: &[usize],
    classes: usize,
    keep: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let of_class = class_weight.of_classes(labels, classes, &keep);
    labels.iter().enumerate().map(|(row, &label)| if keep(row) { of_class[label] } else { 0.0 }).collect()
}

/// Zero weights, and the intercepts that answer with the classes' (weighted) shares.
pub(crate) fn start_point<F: Real>(
    batch: &TrainingData<'_, F>,
    labels: &[usize],
    task: &Task,
    classes: usize,
) -> Vec<f64> {
    let mut shares = vec![0.0; classes];
    for (&label, &weight) in labels.iter().zip(&task.row_weights) {
        shares[label] += weight;
    }
    // A class that a fold's training rows lack starts as if it had half a row, not at minus infinity.
    let logs: Vec<f64> = shares.iter().map(|share: &f64| share.max(0.5).ln()).collect();
    let mut point = vec![0.0; batch.parameters()];
    let first = point.len() - batch.outputs;
    if batch.outputs == 1 {
        point[first] = logs[1] - logs[0];
    } else {
        point[first..].copy_from_slice(&logs);
        centre_intercepts(&mut point, batch.outputs);
    }
    point
}

/// One constant added to all intercepts changes no probability: of all solutions, the one whose intercepts have mean 0.
fn centre_intercepts(point: &mut [f64], outputs: usize) {
    if outputs > 1 {
        let first = point.len() - outputs;
        let mean = point[first..].iter().sum::<f64>() / outputs as f64;
        point[first..].iter_mut().for_each(|intercept| *intercept -= mean);
    }
}
