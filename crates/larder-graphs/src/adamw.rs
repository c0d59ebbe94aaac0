//! AdamW on the CPU, fused: each parameter and its moments are read and written once a step.
//!
//! Source: Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>, with PyTorch's order of operations.

use rayon::prelude::*;

use crate::gradients::{CHUNK, Gradient, Storage};
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

    /// Updates `parameter` and its first (`m`) and second moment (`v`), each with as many elements as the parameter has.
    /// `borrowed` is used in place of the values of a dense `gradient`.
    pub fn apply(
        self,
        parameter: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
        gradient: &Gradient,
        borrowed: Option<&[f32]>,
    ) {
        match &gradient.0 {
            Storage::Dense(sum) => {
                let gradient = borrowed.unwrap_or(sum);
                let chunks = (parameter.par_chunks_mut(CHUNK), m.par_chunks_mut(CHUNK), v.par_chunks_mut(CHUNK));
                chunks.into_par_iter().zip(gradient.par_chunks(CHUNK)).for_each(|((p, m, v), g)| self.run(p, m, v, g));
            }
            Storage::Rows(rows) => {
                let width = rows.width.max(1);
                let zeros = vec![0.0; width];
                let together = (CHUNK / width).max(1);
                let size = together * width;
                let chunks = (parameter.par_chunks_mut(size), m.par_chunks_mut(size), v.par_chunks_mut(size));
                chunks.into_par_iter().enumerate().for_each(|(chunk, (p, m, v))| {
                    let of_rows = p.chunks_mut(width).zip(m.chunks_mut(width)).zip(v.chunks_mut(width));
                    for (place, ((p, m), v)) in of_rows.enumerate() {
                        let row = chunk * together + place;
                        match rows.row(row) {
                            Some(gradient) => self.run(p, m, v, gradient),
                            None if rows.touched[row] => self.run(p, m, v, &zeros),
                            // Both moments are zero and stay so: all that is left of the step is the decay.
                            None if self.keep == 1.0 => {}
                            None => p.iter_mut().for_each(|p| *p *= self.keep),
                        }
                    }
                });
            }
        }
    }

    fn run(self, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let g = g * self.gradient_factor;
            *m += self.take_first * (g - *m);
            *v = *v * self.keep_second + self.take_second * g * g;
            let deviation = v.sqrt() / self.correction + self.epsilon;
            *p = *p * self.keep - self.rate * (*m / deviation);
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_runtime::{Device, Runtime, Session, SessionSettings, TensorView};

    use super::*;
    use crate::{CLIP_EPSILON, GradientOutput, RowNumbers, TrainedParameter, optimizer_model};

    const SIZES: [usize; 2] = [7, 5];
    const DECAY: [f64; 2] = [0.1, 0.0];
    const RATES: [f64; 2] = [1e-2, 3e-2];

    fn numbers(count: usize, seed: f32, size: f32) -> Vec<f32> {
        (0..count).map(|place| (seed + 1.7 * place as f32).sin() * size).collect()
    }

    fn gradient(values: &[f32]) -> Gradient {
        let parameter = TrainedParameter {
            name: "w".to_owned(),
            shape: vec![values.len()],
            gradient: GradientOutput::Dense { output: "grad.w".to_owned() },
        };
        let mut gradient = Gradient::new(&parameter);
        gradient.add(values, &[], true);
        gradient
    }

    /// The optimizer as a graph.
    struct Graph {
        session: Session,
        /// Parameters and moments of each group.
        state: [[Vec<f32>; 3]; 2],
    }

    impl Graph {
        fn new(adam: &AdamW) -> Self {
            let model = optimizer_model(2, adam).expect("it is made of operators with kernels");
            let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
            let bytes = model.to_bytes().expect("it is small");
            let session = Session::from_bytes(&runtime, &bytes, &SessionSettings::worker(Device::Cpu));
            let state =
                [0, 1].map(|group| [numbers(SIZES[group], 3.0, 1.0), vec![0.0; SIZES[group]], vec![0.0; SIZES[group]]]);
            Self { session: session.expect("the runtime takes it"), state }
        }

        /// Gives the norm.
        fn step(&mut self, step: usize, gradients: &[Vec<f32>], scale: f32, max_norm: f32) -> f32 {
            let scalars = [("step", [step as f32]), ("max_norm", [max_norm]), ("gradient_scale", [scale])];
            let factors = [0, 1].map(|group| [[RATES[group] as f32], [DECAY[group] as f32]]);
            let shapes = SIZES.map(|size| [size]);
            let mut inputs: Vec<(&str, TensorView<'_>)> =
                scalars.iter().map(|(name, value)| (*name, TensorView::f32(&[], value))).collect();
            let names = [0, 1].map(|group| {
                ["parameters", "m", "v", "gradients", "learning_rate", "weight_decay"]
                    .map(|name| format!("{name}.{group}"))
            });
            let outputs = [0, 1].map(|group| ["parameters", "m", "v"].map(|name| format!("new_{name}.{group}")));
            for group in 0..2 {
                for (name, values) in names[group].iter().zip(self.state[group].iter().chain([&gradients[group]])) {
                    inputs.push((name, TensorView::f32(&shapes[group], values)));
                }
                for (name, value) in names[group][4..].iter().zip(&factors[group]) {
                    inputs.push((name, TensorView::f32(&[], value)));
                }
            }
            let mut wanted: Vec<&str> = outputs.iter().flatten().map(String::as_str).collect();
            wanted.push("gradient_norm");
            let made = self.session.run(&inputs, &wanted).expect("the optimizer runs");
            let floats = |place: usize| made[place].as_f32().expect("all is float32").to_vec();
            self.state = [[floats(0), floats(1), floats(2)], [floats(3), floats(4), floats(5)]];
            floats(6)[0]
        }
    }

    #[test]
    fn the_loop_and_the_graph_are_one_optimizer() {
        let adam = AdamW { epsilon: 1e-3, ..AdamW::default() };
        let mut graph = Graph::new(&adam);
        let mut native = graph.state.clone();
        // Clipped, and not.
        for (step, size) in [(1, 0.01), (2, 1.0), (3, 5.0), (4, 0.1)] {
            let gradients: Vec<Vec<f32>> = SIZES.iter().map(|&count| numbers(count, step as f32, size)).collect();
            let scaled: Vec<Vec<f32>> =
                gradients.iter().map(|gradient| gradient.iter().map(|value| value * 8.0).collect()).collect();
            let norm = graph.step(step, &scaled, 0.125, 1.0);
            let expected = gradients.iter().map(|values| gradient(values).square_sum(None)).sum::<f64>().sqrt();
            assert!((f64::from(norm) / expected - 1.0).abs() < 1e-6, "{norm} {expected}");
            let clip = (1.0 / (expected + CLIP_EPSILON)).min(1.0);
            for (group, gradients) in gradients.iter().enumerate() {
                let [p, m, v] = &mut native[group];
                AdamWStep::new(&adam, step, RATES[group], DECAY[group], clip).apply(
                    p,
                    m,
                    v,
                    &gradient(&[]),
                    Some(gradients),
                );
            }
            for (native, graph) in native.iter().flatten().zip(graph.state.iter().flatten()) {
                for (native, graph) in native.iter().zip(graph) {
                    // Rounding of a few operations in another order.
                    assert!((native - graph).abs() <= 1e-6 * graph.abs().max(1e-2), "step {step}: {native} {graph}");
                }
            }
        }
        let start = numbers(SIZES[0], 3.0, 1.0);
        assert!(native[0][0].iter().zip(&start).all(|(after, before)| (after - before).abs() > 1e-4));
        // A step whose gradients are no numbers is skipped.
        for wrong in [f32::NAN, f32::INFINITY] {
            let before = graph.state.clone();
            let norm = graph.step(5, &[vec![1.0; 7], vec![1.0, wrong, 0.0, 0.0, 0.0]], 1.0, 1.0);
            assert!(!norm.is_finite() && graph.state == before);
        }
    }

    #[test]
    fn rows_of_a_table_are_updated_as_the_whole_table_is() {
        let parameter = TrainedParameter {
            name: "table".to_owned(),
            shape: vec![40, 3],
            gradient: GradientOutput::Dense { output: String::new() },
        };
        let rows = RowNumbers::Input("input_ids".to_owned());
        let of_rows =
            TrainedParameter { gradient: GradientOutput::Rows { output: String::new(), rows }, ..parameter.clone() };
        let (mut dense, mut sparse) = (Gradient::new(&parameter), Gradient::new(&of_rows));
        let start = || [numbers(120, 1.0, 1.0), vec![0.0; 120], vec![0.0; 120]];
        let (mut whole, mut by_row) = (start(), start());
        for (step, ids) in [(1, vec![3, 5, 3, 39]), (2, vec![5, 0]), (3, vec![7, 7, 7])] {
            let values = numbers(3 * ids.len(), step as f32, 1.0);
            // In two batches.
            for (part, (ids, values)) in ids.chunks(2).zip(values.chunks(6)).enumerate() {
                let mut table = vec![0.0; 120];
                for (&id, row) in ids.iter().zip(values.chunks(3)) {
                    row.iter().enumerate().for_each(|(place, value)| table[id as usize * 3 + place] += value);
                }
                dense.add(&table, &[], part == 0);
                sparse.add(values, ids, part == 0);
            }
            assert!((dense.square_sum(None) - sparse.square_sum(None)).abs() < 1e-5);
            let update = AdamWStep::new(&AdamW::default(), step, 1e-2, 0.1, 0.5);
            for (state, gradient) in [(&mut whole, &dense), (&mut by_row, &sparse)] {
                let [p, m, v] = state;
                update.apply(p, m, v, gradient, None);
            }
            assert_eq!(whole, by_row, "after step {step}");
        }
    }
}
