//! Mean, spread and correlation of rows that count several times each. Two passes: the mean, then deviations from it,
//! so that a large mean costs no digits. `values` and `weights` are `[rows]`, and some weight is above 0.

/// Weighted mean: equal values have that very value as their mean.
pub(crate) fn mean(values: &[f64], weights: &[u32]) -> f64 {
    let first = values.iter().zip(weights).find(|(_, weight)| **weight > 0).map_or(0.0, |(&value, _)| value);
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, &weight) in values.iter().zip(weights) {
        // Around the first value that counts: where all equal it, the sum is exactly 0.
        sum += f64::from(weight) * (value - first);
        total += f64::from(weight);
    }
    first + sum / total
}

/// `Σ w (x − mean)²`: exactly 0 where all values are equal.
pub(crate) fn squared_deviation(values: &[f64], weights: &[u32]) -> f64 {
    let mean = mean(values, weights);
    values.iter().zip(weights).map(|(value, &weight)| f64::from(weight) * (value - mean).powi(2)).sum()
}

/// Pearson's correlation, -1 to 1; 0 where either side is constant.
pub(crate) fn pearson(first: &[f64], second: &[f64], weights: &[u32]) -> f64 {
    let (mean_first, mean_second) = (mean(first, weights), mean(second, weights));
    let (mut squares_first, mut squares_second, mut products) = (0.0, 0.0, 0.0);
    for ((a, b), &weight) in first.iter().zip(second).zip(weights) {
        let (a, b, weight) = (a - mean_first, b - mean_second, f64::from(weight));
        squares_first += weight * a * a;
        squares_second += weight * b * b;
        products += weight * a * b;
    }
    if squares_first == 0.0 || squares_second == 0.0 {
        return 0.0;
    }
    // One root of the product: a perfect correlation of equal values then gives exactly 1. Two where the product does not
    // fit.
    let product: f64 = squares_first * squares_second;
    let root = if product.is_normal() { product.sqrt() } else { squares_first.sqrt() * squares_second.sqrt() };
    // Rounding may carry a perfect correlation beyond 1.
    (products / root).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_values_do_not_correlate() {
        // 0.1 summed ten times and divided by ten is not 0.1.
        let (constant, other) = ([0.1; 10], std::array::from_fn::<f64, 10, _>(|row| row as f64));
        assert_eq!(mean(&constant, &[1; 10]), 0.1);
        assert_eq!(squared_deviation(&constant, &[3; 10]), 0.0);
        assert_eq!(pearson(&constant, &other, &[1; 10]), 0.0);
        // What is drawn is constant, the rest is not.
        assert_eq!(pearson(&[7.0, 0.1, 0.1, 0.1], &[1.0, 2.0, 3.0, 4.0], &[0, 1, 2, 3]), 0.0);
    }

    #[test]
    fn a_large_mean_costs_no_digits() {
        let small = [1.0, 2.0, 4.0, 8.0];
        let large = small.map(|value| value + 1e12);
        assert_eq!(pearson(&small, &large, &[1; 4]), 1.0);
        assert_eq!(squared_deviation(&large, &[1; 4]), squared_deviation(&small, &[1; 4]));
        assert_eq!(pearson(&[-1e100, 1e100, 0.0], &[1e100, -1e100, 0.0], &[1; 3]), -1.0);
    }
}
