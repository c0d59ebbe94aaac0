//! The fit by `linfa-logistic`, guarded.
//!
//! The library's limits and errors, and how they are worked around (measurements: `docs/solvers.md`):
//!
//! - It stops silently when its iterations are used up: the caller evaluates the exact gradient and goes on.
//! - Its line search can panic where numbers become NaN: the panic is caught and counts as "no fit".
//! - Its multinomial loss subtracts the maximum of all rows instead of the row's, so rows with small logits get wrong
//!   gradients: the exact gradient at its result shows that, and the caller goes on from there.
//! - It knows no row weights: weighted fits never come here.

use larder_errors::catch_panic;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, s};

/// Steps after which the library is cut off; what it reached is where our own solver goes on.
const MAX_ITERATIONS: u64 = 1_000;

/// Fits the standardised rows `[rows, width]`; every class of `0..classes` has a row.
///
/// `tolerance` is the norm of the gradient to reach; `start`, ordered as the result, gives intercepts to start from.
/// Returns weights `[outputs, width]` followed by intercepts `[outputs]`, or `None` when the library failed or gave
/// numbers that are not finite.
pub(crate) fn fit(
    rows: Array2<f64>,
    labels: &[usize],
    classes: usize,
    c: f64,
    tolerance: f64,
    start: &[f64],
) -> Option<Vec<f64>> {
    let dataset = DatasetBase::new(rows, Array1::from(labels.to_vec()));
    let fitted = catch_panic(|| {
        if classes == 2 { binary(&dataset, c, tolerance) } else { multinomial(&dataset, classes, c, tolerance, start) }
    })
    .ok()?;
    fitted.filter(|parameters| parameters.iter().all(|parameter| parameter.is_finite()))
}

type Data = DatasetBase<Array2<f64>, Array1<usize>>;

fn binary(dataset: &Data, c: f64, tolerance: f64) -> Option<Vec<f64>> {
    // Which class the library calls positive depends on frequency and row order, so it gets no intercept to start from
    // and is asked afterwards.
    let parameters =
        LogisticRegression::default().alpha(1.0 / c).gradient_tolerance(tolerance).max_iterations(MAX_ITERATIONS);
    let fitted = parameters.fit(dataset).ok()?;
    let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
    let mut found: Vec<f64> = fitted.params().iter().map(|weight| sign * weight).collect();
    found.push(sign * fitted.intercept());
    Some(found)
}

fn multinomial(dataset: &Data, classes: usize, c: f64, tolerance: f64, start: &[f64]) -> Option<Vec<f64>> {
    let width = dataset.records.ncols();
    let mut initial = Array2::zeros((width + 1, classes));
    initial.slice_mut(s![width, ..]).iter_mut().zip(&start[width * classes..]).for_each(|(to, from)| *to = *from);
    let fitted = MultiLogisticRegression::default()
        .alpha(1.0 / c)
        .gradient_tolerance(tolerance)
        .max_iterations(MAX_ITERATIONS)
        .initial_params(initial)
        .fit(dataset)
        .ok()?;
    Some(fitted.params().t().iter().chain(fitted.intercept()).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_is_that_of_class_one_whichever_class_is_more_frequent() {
        for frequent in [0, 1] {
            let labels: Vec<usize> = (0..30).map(|row| if row % 3 == 0 { 1 - frequent } else { frequent }).collect();
            let noise = |row: usize| ((row * 7919) % 13) as f64 / 13.0 - 0.5;
            let rows = Array2::from_shape_fn((30, 1), |(row, _)| labels[row] as f64 * 0.5 + noise(row));
            let found = fit(rows, &labels, 2, 1.0, 1e-6, &[0.0, 0.0]).unwrap();
            assert!(found[0] > 0.1, "{frequent}: {found:?}");
        }
    }
}
