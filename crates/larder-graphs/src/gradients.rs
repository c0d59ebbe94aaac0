//! The gradients of one optimizer step, added up batch by batch.

use rayon::prelude::*;

use crate::adamw::AdamWStep;
use crate::training::{GradientOutput, RowNumbers, TrainedParameter};

/// Elements that one thread takes at a time. The bounds of the sums, and so their rounding, are the same for any number of
/// threads.
const CHUNK: usize = 1 << 16;

/// No row of the step's.
const NONE: u32 = u32::MAX;

/// The gradient of one parameter, summed over the batches of a step.
///
/// The optimizer's steps are put off for rows that no batch reads, in a table whose row numbers are an input of the graph: a step
/// without a gradient needs nothing but the row itself, and so is done when the row is read again, as exactly.
/// [`Gradient::catch_up`] does it: before a graph reads rows, for those; before anything else reads the table, for all.
pub struct Gradient(Storage);

enum Storage {
    /// In the parameter's shape. Empty as long as every step has one batch, whose gradient is borrowed from the graph's output.
    Dense(Vec<f32>),
    /// For the rows of a table that were read in this step; the other rows have a gradient of zero.
    Rows(RowGradient),
}

/// The gradients of some rows of a table `[rows, width]`.
struct RowGradient {
    width: usize,
    /// For each row of the table its index in `values`, else [`NONE`].
    places: Vec<u32>,
    /// The rows that `values` holds, in that order.
    rows: Vec<usize>,
    values: Vec<f32>,
    /// Rows that have had a gradient in any step so far; the moments of the others are zero.
    touched: Vec<bool>,
    /// The steps that rows have put off; `None` for a table whose rows never fall behind.
    put_off: Option<PutOff>,
}

/// Steps of the optimizer that rows of a table have still to take.
struct PutOff {
    /// Every step so far.
    steps: Vec<AdamWStep>,
    /// The number of them that each row has taken. Fewer than 2³².
    taken: Vec<u32>,
}

impl Gradient {
    /// No gradient yet, stored as the graph gives it: dense, or for the rows of a table.
    pub fn new(parameter: &TrainedParameter) -> Self {
        Self(match &parameter.gradient {
            GradientOutput::Dense { .. } => Storage::Dense(Vec::new()),
            GradientOutput::Rows { rows: numbers, .. } => {
                let count: usize = parameter.shape.iter().product();
                let rows = parameter.shape.first().copied().unwrap_or(0);
                Storage::Rows(RowGradient {
                    width: count.checked_div(rows).unwrap_or(0),
                    places: vec![NONE; rows],
                    rows: Vec::new(),
                    values: Vec::new(),
                    touched: vec![false; rows],
                    put_off: match numbers {
                        RowNumbers::Input(_) => Some(PutOff { steps: Vec::new(), taken: vec![0; rows] }),
                        RowNumbers::Output(_) => None,
                    },
                })
            }
        })
    }

    /// Adds the gradient of one batch; the `first` of a step replaces the previous step's. `values` has the parameter's shape,
    /// or is `[len(indices), width]` for a table, where `indices` are the rows that the batch has read (repeated rows add up).
    pub fn add(&mut self, values: &[f32], indices: &[i64], first: bool) {
        match &mut self.0 {
            Storage::Dense(sum) if first => {
                sum.resize(values.len(), 0.0);
                sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| sum.copy_from_slice(new));
            }
            Storage::Dense(sum) => sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(sum, new)| {
                for (sum, new) in sum.iter_mut().zip(new) {
                    *sum += new;
                }
            }),
            Storage::Rows(rows) => rows.add(values, indices, first),
        }
    }

    /// The sum of squares. `borrowed` is used in place of the values of a dense gradient.
    pub fn square_sum(&self, borrowed: Option<&[f32]>) -> f64 {
        let values = match &self.0 {
            Storage::Dense(sum) => borrowed.unwrap_or(sum),
            Storage::Rows(rows) => &rows.values,
        };
        let squares: Vec<f64> = values.par_chunks(CHUNK).map(square_sum).collect();
        squares.iter().sum()
    }

    /// Takes a step of the optimizer with this gradient: updates `parameter` and its first (`m`) and second moment (`v`), each with as
    /// many elements as the parameter has. `borrowed` is used in place of the values of a dense gradient.
    pub fn apply(
        &mut self,
        step: AdamWStep,
        parameter: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
        borrowed: Option<&[f32]>,
    ) {
        match &mut self.0 {
            Storage::Dense(sum) => {
                let gradient = borrowed.unwrap_or(sum);
                let chunks = (parameter.par_chunks_mut(CHUNK), m.par_chunks_mut(CHUNK), v.par_chunks_mut(CHUNK));
                chunks.into_par_iter().zip(gradient.par_chunks(CHUNK)).for_each(|((p, m, v), g)| step.run(p, m, v, g));
            }
            Storage::Rows(rows) => rows.apply(step, parameter, m, v),
        }
    }

    /// Takes the steps that rows of a table have put off: those of `indices`, or all. Any other gradient has none.
    pub fn catch_up(&mut self, indices: Option<&[i64]>, parameter: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        if let Storage::Rows(rows) = &mut self.0 {
            rows.catch_up(indices, parameter, m, v);
        }
    }

    /// Marks the rows of a table whose moments `m` and `v` (in the parameter's shape) are not zero as touched, and all as caught up:
    /// what a resumed run has to know. A dense gradient has nothing to restore.
    pub fn restore(&mut self, m: &[f32], v: &[f32]) {
        let Storage::Rows(rows) = &mut self.0 else { return };
        let width = rows.width.max(1);
        for ((touched, m), v) in rows.touched.iter_mut().zip(m.chunks(width)).zip(v.chunks(width)) {
            *touched = m.iter().chain(v).any(|&moment| moment != 0.0);
        }
        if let Some(put_off) = &mut rows.put_off {
            put_off.steps.clear();
            put_off.taken.fill(0);
        }
    }
}

impl RowGradient {
    fn add(&mut self, values: &[f32], indices: &[i64], first: bool) {
        if first {
            for &row in &self.rows {
                self.places[row] = NONE;
            }
            self.rows.clear();
            self.values.clear();
        }
        for (new, &index) in values.chunks_exact(self.width.max(1)).zip(indices) {
            // The encoder has read this row of the table, so it is there.
            let Some(row) = usize::try_from(index).ok().filter(|&row| row < self.places.len()) else { continue };
            if self.places[row] == NONE {
                // Fewer rows than tokens of a step, which are below 2³².
                self.places[row] = self.rows.len() as u32;
                self.rows.push(row);
                self.values.extend_from_slice(new);
                self.touched[row] = true;
                continue;
            }
            let from = self.places[row] as usize * self.width;
            for (sum, new) in self.values[from..from + self.width].iter_mut().zip(new) {
                *sum += new;
            }
        }
    }

    /// The gradient `[width]` of a row that this step has read.
    fn row(&self, row: usize) -> Option<&[f32]> {
        let place = self.places[row];
        (place != NONE).then(|| &self.values[place as usize * self.width..][..self.width])
    }

    fn apply(&mut self, step: AdamWStep, parameter: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        let width = self.width.max(1);
        if self.put_off.is_some() {
            // A row is never ahead of the others: what it has put off comes first.
            let read: Vec<i64> = self.rows.iter().map(|&row| row as i64).collect();
            self.catch_up(Some(&read), parameter, m, v);
        }
        if let Some(PutOff { steps, taken }) = &mut self.put_off {
            steps.push(step);
            for (&row, gradient) in self.rows.iter().zip(self.values.chunks_exact(width)) {
                let of_row = row * width..(row + 1) * width;
                step.run(&mut parameter[of_row.clone()], &mut m[of_row.clone()], &mut v[of_row], gradient);
                taken[row] = steps.len() as u32;
            }
            return;
        }
        let (zeros, rows) = (vec![0.0; width], &*self);
        for_each_row(width, parameter, m, v, |row, p, m, v| match rows.row(row) {
            Some(gradient) => step.run(p, m, v, gradient),
            None if rows.touched[row] => step.run(p, m, v, &zeros),
            // Both moments are zero and stay so.
            None => step.decay(p),
        });
    }

    fn catch_up(&mut self, indices: Option<&[i64]>, parameter: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        let Self { width, touched, put_off: Some(PutOff { steps, taken }), .. } = self else { return };
        let width = (*width).max(1);
        let zeros = vec![0.0; width];
        let take = |row: usize, from: u32, p: &mut [f32], m: &mut [f32], v: &mut [f32]| {
            for step in &steps[from as usize..] {
                if touched[row] { step.run(p, m, v, &zeros) } else { step.decay(p) }
            }
        };
        match indices {
            Some(indices) => {
                for row in indices.iter().filter_map(|&index| usize::try_from(index).ok()) {
                    let Some(taken) = taken.get_mut(row) else { continue };
                    let of_row = row * width..(row + 1) * width;
                    let [p, m, v] = [&mut *parameter, &mut *m, &mut *v].map(|values| &mut values[of_row.clone()]);
                    take(row, std::mem::replace(taken, steps.len() as u32), p, m, v);
                }
            }
            None => {
                for_each_row(width, parameter, m, v, |row, p, m, v| take(row, taken[row], p, m, v));
                taken.fill(0);
                steps.clear();
            }
        }
    }
}

/// Runs for each row of a table and its moments, with the row's number, on all threads.
fn for_each_row(
    width: usize,
    parameter: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    run: impl Fn(usize, &mut [f32], &mut [f32], &mut [f32]) + Sync + Send,
) {
    let rows = (parameter.par_chunks_mut(width), m.par_chunks_mut(width), v.par_chunks_mut(width));
    let rows = rows.into_par_iter().enumerate().with_min_len((CHUNK / width).max(1));
    rows.for_each(|(row, (p, m, v))| run(row, p, m, v));
}

/// In eight sums, which the compiler adds up side by side; each of few enough terms for float32.
fn square_sum(values: &[f32]) -> f64 {
    let mut total = 0.0;
    for part in values.chunks(1 << 10) {
        let mut sums = [0.0_f32; 8];
        for eight in part.chunks(8) {
            for (sum, value) in sums.iter_mut().zip(eight) {
                *sum += value * value;
            }
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use larder_runtime::{Device, Runtime, Session, SessionSettings, TensorView};

    use super::*;
    use crate::optimizer::{AdamW, CLIP_EPSILON, optimizer_model};

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
                let update = AdamWStep::new(&adam, step, RATES[group], DECAY[group], clip);
                gradient(&[]).apply(update, p, m, v, Some(gradients));
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
        for numbers in [RowNumbers::Input("input_ids".to_owned()), RowNumbers::Output("rows.table".to_owned())] {
            updated_as_the_whole_table_is(numbers);
        }
    }

    fn updated_as_the_whole_table_is(rows: RowNumbers) {
        let puts_off = matches!(rows, RowNumbers::Input(_));
        let parameter = TrainedParameter {
            name: "table".to_owned(),
            shape: vec![40, 3],
            gradient: GradientOutput::Dense { output: String::new() },
        };
        let of_rows =
            TrainedParameter { gradient: GradientOutput::Rows { output: String::new(), rows }, ..parameter.clone() };
        let (mut dense, mut sparse) = (Gradient::new(&parameter), Gradient::new(&of_rows));
        let start = || [numbers(120, 1.0, 1.0), vec![0.0; 120], vec![0.0; 120]];
        let (mut whole, mut by_row) = (start(), start());
        // Rows that are read again after some steps, and rows that never are.
        let steps = [vec![3, 5, 3, 39], vec![5, 0], vec![7, 7, 7], vec![3, 39], vec![1], vec![5, 7, 3], vec![5]];
        for (step, ids) in (1..).zip(steps) {
            {
                let [p, m, v] = &mut by_row;
                sparse.catch_up(Some(&ids), p, m, v);
            }
            let row =
                |state: &[Vec<f32>; 3], row: usize| state.each_ref().map(|values| values[3 * row..][..3].to_vec());
            for &id in &ids {
                assert_eq!(row(&whole, id as usize), row(&by_row, id as usize), "before step {step}");
            }
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
            let update = AdamWStep::new(&AdamW::default(), step, 1e-2 / step as f64, 0.1, 0.5);
            for (state, gradient) in [(&mut whole, &mut dense), (&mut by_row, &mut sparse)] {
                let [p, m, v] = state;
                gradient.apply(update, p, m, v, None);
            }
            assert_eq!(whole != by_row, puts_off, "after step {step}");
            // As before an evaluation.
            if step == 4 || step == 7 {
                let [p, m, v] = &mut by_row;
                sparse.catch_up(None, p, m, v);
                assert_eq!(whole, by_row, "after step {step}");
            }
            if step == 4 {
                sparse.restore(&by_row[1], &by_row[2]);
            }
        }
    }
}
