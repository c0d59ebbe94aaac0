//! AdamW on the CPU, fused: each parameter and its moments are read and written once a step.
//!
//! Source: Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>, with PyTorch's order of operations.

use crate::optimizer::AdamW;

/// The coefficients of one AdamW step for one parameter. [`optimizer_model`](crate::optimizer_model) is the same step as a
/// graph.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// The factor on gradients: clipping and loss scale.
    gradient_factor: f32,
    /// `1 - β₁`.
    take_first: f32,
    /// `β₂`.
    keep_second: f32,
    /// `1 - β₂`.
    take_second: f32,
    /// `1 - η λ`.
    keep: f32,
    /// `η / (1 - β₁ᵗ)`.
    rate: f32,
    /// `√(1 - β₂ᵗ)`.
    correction: f32,
    epsilon: f32,
}

impl AdamWStep {
    /// The coefficients of `step`, counted from 1, at that learning rate. Gradients are multiplied by `gradient_factor` first.
    pub fn new(adam: &AdamW, step: usize, learning_rate: f64, weight_decay: f64, gradient_factor: f64) -> Self {
        // More steps than fit an i32 take longer than anybody waits.
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        Self {
            gradient_factor: gradient_factor as f32,
            take_first: (1.0 - adam.beta1) as f32,
            keep_second: adam.beta2 as f32,
            take_second: (1.0 - adam.beta2) as f32,
            keep: (1.0 - learning_rate * weight_decay) as f32,
            rate: (learning_rate / (1.0 - adam.beta1.powi(power))) as f32,
            correction: (1.0 - adam.beta2.powi(power)).sqrt() as f32,
            epsilon: adam.epsilon as f32,
        }
    }

    /// Updates elements `p` with moments `m` and `v` by their gradients `g`.
    pub(crate) fn run(self, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let g = g * self.gradient_factor;
            *m += self.take_first * (g - *m);
            *v = *v * self.keep_second + self.take_second * g * g;
            let deviation = v.sqrt() / self.correction + self.epsilon;
            *p = *p * self.keep - self.rate * (*m / deviation);
        }
    }

    /// Decays elements whose moments and gradients are zero: nothing else is left of their update.
    pub(crate) fn decay(self, p: &mut [f32]) {
        if self.keep != 1.0 {
            p.iter_mut().for_each(|p| *p *= self.keep);
        }
    }
}
