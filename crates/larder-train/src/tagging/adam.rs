//! The Adam step (Kingma and Ba 2015, algorithm 1).

/// Decay of the gradient's mean and of its square, and the least denominator: the paper's values.
const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.999;
const LEAST: f64 = 1e-8;

/// Running means of one parameter vector's gradients.
pub(crate) struct Adam {
    mean: Vec<f64>,
    square: Vec<f64>,
    steps: i32,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { mean: vec![0.0; parameters], square: vec![0.0; parameters], steps: 0 }
    }

    /// One step of size `rate` from `point`, where the objective's slope is about `gradient`.
    pub(crate) fn step(&mut self, point: &mut [f64], gradient: &[f64], rate: f64) {
        self.steps += 1;
        let mean_share = 1.0 - MEAN_DECAY.powi(self.steps);
        let square_share = 1.0 - SQUARE_DECAY.powi(self.steps);
        for (((value, slope), mean), square) in point.iter_mut().zip(gradient).zip(&mut self.mean).zip(&mut self.square)
        {
            *mean += (1.0 - MEAN_DECAY) * (slope - *mean);
            *square += (1.0 - SQUARE_DECAY) * (slope * slope - *square);
            *value -= rate * (*mean / mean_share) / ((*square / square_share).sqrt() + LEAST);
        }
    }
}

/// The rate after a share `done` of all steps: half a cosine from `first` to 0 (Loshchilov and Hutter 2017).
pub(crate) fn cosine_rate(first: f64, done: f64) -> f64 {
    first * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_size_of_the_rate_and_the_bowl_is_found() {
        let mut point = vec![3.0, -2.0];
        let mut adam = Adam::new(2);
        let slope = |point: &[f64]| vec![2.0 * (point[0] - 1.0), 20.0 * (point[1] - 0.5)];
        let gradient = slope(&point);
        adam.step(&mut point, &gradient, 0.01);
        // Whatever the scale of a slope: that is the point of Adam.
        assert!((point[0] - 2.99).abs() < 1e-9 && (point[1] + 1.99).abs() < 1e-9, "{point:?}");
        for step in 0..2000 {
            let gradient = slope(&point);
            adam.step(&mut point, &gradient, cosine_rate(0.05, f64::from(step) / 2000.0));
        }
        assert!((point[0] - 1.0).abs() < 1e-3 && (point[1] - 0.5).abs() < 1e-3, "{point:?}");
    }
}
