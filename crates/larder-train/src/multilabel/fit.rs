//! The fits of all labels, in lock-step: a pass over the rows serves every label that has not converged.

use ndarray::ArrayView2;

use crate::lbfgs::{Descent, Limits, minimise, norm};
use crate::objective::{Task, TrainingData};
use crate::real::Real;
use crate::weight::ClassWeight;

/// Gradient norm of a label, relative to that at zero weights, at which its fit counts as converged. The objective is then within
/// 1e-8 of its minimum (relative).
pub const MULTILABEL_TOLERANCE: f64 = 1e-4;

/// Steps of one label at one strength.
const MAX_ITERATIONS: usize = 2_000;

/// Weight of each row in the loss of one label, `[rows]`.
fn row_weights(class_weight: ClassWeight, has: impl Iterator<Item = bool> + Clone) -> Vec<f64> {
    let rows = has.clone().count() as u64;
    let positives = has.clone().filter(|has| *has).count() as u64;
    let of_class = class_weight.of_counts(&[rows - positives, positives]);
    has.map(|has| of_class[usize::from(has)]).collect()
}

/// One fit a label, at `from` `[labels]`, along the features; not given, at zero weights and the intercept of the label's (weighted)
/// share. Tolerances are relative to the gradient there in both cases.
pub(super) fn start<F: Real>(
    data: &TrainingData<'_, F>,
    targets: ArrayView2<'_, bool>,
    class_weight: ClassWeight,
    c: f64,
    from: Option<&[Vec<f64>]>,
) -> Vec<Descent<Task>> {
    let tasks: Vec<Task> = (0..targets.ncols())
        .map(|label| Task {
            row_weights: row_weights(class_weight, targets.column(label).iter().copied()),
            relative: None,
            c,
            label,
        })
        .collect();
    let starts: Vec<Vec<f64>> = tasks
        .iter()
        .map(|task| {
            let mut shares = [0.0; 2];
            for (has, weight) in targets.column(task.label).iter().zip(&task.row_weights) {
                shares[usize::from(*has)] += weight;
            }
            // A label that no row of a part has starts as if half a row had it, not at minus infinity.
            let mut point = vec![0.0; data.parameters()];
            *point.last_mut().expect("there is an intercept") = shares[1].max(0.5).ln() - shares[0].max(0.5).ln();
            point
        })
        .collect();
    let evaluate = |points: &[Vec<f64>]| {
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        data.evaluate(&tasks.iter().collect::<Vec<_>>(), &points)
    };
    let mut evaluations = evaluate(&starts);
    let reference_norms: Vec<f64> = evaluations.iter().map(|evaluation| norm(&evaluation.gradient)).collect();
    let mut points = starts;
    if let Some(from) = from {
        points = from.iter().map(|point| data.along_axes(point.clone())).collect();
        evaluations = evaluate(&points);
    }
    tasks
        .into_iter()
        .zip(points)
        .zip(evaluations.into_iter().zip(reference_norms))
        .map(|((task, point), (evaluation, reference_norm))| data.descend(task, point, evaluation, reference_norm))
        .collect()
}

/// Goes on until every label's gradient is below the tolerance.
pub(super) fn advance<F: Real>(data: &TrainingData<'_, F>, descents: &mut [Descent<Task>], tolerance: f64) {
    minimise(
        |tasks, points| data.evaluate(tasks, points),
        F::NOISE,
        &mut descents.iter_mut().collect::<Vec<_>>(),
        Limits { tolerance, iterations: MAX_ITERATIONS },
    );
}
