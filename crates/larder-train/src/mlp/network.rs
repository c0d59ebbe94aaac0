//! The perceptron's parameters, and the graphs that run them.

use std::collections::HashMap;

use larder_graphs::{
    AdamW, AdamWStep, CLIP_EPSILON, DropoutMask, Gradient, GraphsError, LOSS_SCALE, Loss, MLP_FEATURES, MlpGraphs,
    MlpSpec, TrainedParameter,
};
use larder_onnx::Model;
use larder_onnx::facts::{Facts, LARGEST_KNOWN_VALUE, Observation, Seen};
use larder_onnx::proto::tensor_proto::DataType;
use larder_runtime::{Device, ElementType, Runtime, Session, SessionSettings, TensorView};
use ndarray::Array2;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::head::MlpLayer;
use crate::error::TrainError;

const TRAINING: &str = "head's training graph";
const EVAL: &str = "head's evaluation graph";
const FORWARD: &str = "head's training graph without gradients";

/// The targets of a batch, as its loss takes them.
pub(super) enum BatchTargets {
    /// `[rows]`.
    Classes(Vec<i64>),
    /// Row-major `[rows, columns]`.
    Values { values: Vec<f32>, columns: usize },
}

impl BatchTargets {
    fn rows(&self) -> usize {
        self.shape()[0]
    }

    fn shape(&self) -> Vec<usize> {
        match self {
            Self::Classes(labels) => vec![labels.len()],
            Self::Values { values, columns } => vec![values.len() / columns, *columns],
        }
    }

    fn view<'a>(&'a self, shape: &'a [usize]) -> TensorView<'a> {
        match self {
            Self::Classes(labels) => TensorView::i64(shape, labels),
            Self::Values { values, .. } => TensorView::f32(shape, values),
        }
    }
}

/// A perceptron under training.
pub(super) struct Network {
    width: usize,
    training: Session,
    eval: Session,
    parameters: Vec<TrainedParameter>,
    values: Vec<Vec<f32>>,
    /// First moments.
    m: Vec<Vec<f32>>,
    /// Second moments.
    v: Vec<Vec<f32>>,
    gradients: Vec<Gradient>,
    masks: Vec<DropoutMask>,
    mask_values: Vec<Vec<f32>>,
    adam: AdamW,
    pool: ThreadPool,
}

impl Network {
    /// A network with random initial parameters.
    ///
    /// # Errors
    /// [`TrainError::Graphs`] and [`TrainError::Run`].
    pub fn new(runtime: &Runtime, spec: &MlpSpec, seed: u64, threads: usize) -> Result<Self, TrainError> {
        let graphs = MlpGraphs::build::<TrainError>(spec, |model, masks| learn(runtime, model, masks, spec))?;
        let settings = SessionSettings { device: Device::Cpu, intra_threads: threads, ..Default::default() };
        let training = session(runtime, graphs.training, TRAINING, &settings)?;
        let eval = session(runtime, graphs.eval, EVAL, &settings)?;
        let pool = pool(settings.threads())?;
        let values = start(&graphs.parameters, seed);
        let zeros = || values.iter().map(|values| vec![0.0; values.len()]).collect::<Vec<_>>();
        let (m, v) = (zeros(), zeros());
        Ok(Self {
            width: spec.width,
            training,
            eval,
            gradients: graphs.parameters.iter().map(Gradient::new).collect(),
            parameters: graphs.parameters,
            values,
            m,
            v,
            mask_values: vec![Vec::new(); graphs.masks.len()],
            masks: graphs.masks,
            adam: AdamW::default(),
            pool,
        })
    }

    /// Computes the gradients of one batch: features `[rows, width]`, and their targets. `key` is the key of each dropout mask.
    /// Returns the loss and its divisor.
    ///
    /// # Errors
    /// [`TrainError::Run`].
    pub fn gradients(
        &mut self,
        features: &[f32],
        targets: &BatchTargets,
        key: impl Fn(usize) -> u64,
    ) -> Result<(f64, f64), TrainError> {
        let rows = targets.rows();
        let shapes: Vec<Vec<usize>> = self.masks.iter().map(|mask| mask.size(rows, 0)).collect();
        for (place, (mask, values)) in self.masks.iter().zip(&mut self.mask_values).enumerate() {
            values.resize(shapes[place].iter().product(), 0.0);
            let key = key(place);
            self.pool.install(|| mask.draw(key, values));
        }
        let (shape, target_shape) = ([rows, self.width], targets.shape());
        let mut inputs = inputs(&shape, features, (&target_shape, targets), &self.parameters, &self.values);
        inputs.push((LOSS_SCALE, TensorView::f32(&[], &[1.0])));
        let masks = self.masks.iter().zip(&self.mask_values).zip(&shapes);
        inputs.extend(masks.map(|((mask, values), shape)| (mask.input.as_str(), TensorView::f32(shape, values))));
        let mut outputs = vec!["loss", "counted"];
        outputs.extend(self.parameters.iter().map(TrainedParameter::output));
        let (gradients, pool) = (&mut self.gradients, &self.pool);
        let read = |views: &[TensorView<'_>]| {
            pool.install(|| {
                for (gradient, view) in gradients.iter_mut().zip(&views[2..]) {
                    gradient.add(view.as_f32().unwrap_or_default(), &[], true);
                }
            });
            (scalar(&views[0]), scalar(&views[1]))
        };
        self.training.run_with(&inputs, &outputs, read).map_err(TrainError::run(TRAINING))
    }

    /// The norm of all gradients together.
    pub fn gradient_norm(&self) -> f64 {
        self.pool.install(|| self.gradients.iter().map(|gradient| gradient.square_sum(None)).sum::<f64>().sqrt())
    }

    /// One step of the optimizer; `step` counts from 1.
    pub fn update(&mut self, step: usize, rate: f64, weight_decay: f64, clip: Option<f64>, norm: f64) {
        let clip = clip.map_or(1.0, |limit| (limit / (norm + CLIP_EPSILON)).min(1.0));
        let Self { parameters, values, m, v, gradients, adam, pool, .. } = self;
        pool.install(|| {
            let state = values.iter_mut().zip(m).zip(v).zip(gradients).zip(parameters);
            for ((((values, m), v), gradient), parameter) in state {
                let decay = if parameter.shape.len() == 1 { 0.0 } else { weight_decay };
                gradient.apply(AdamWStep::new(adam, step, rate, decay, clip), values, m, v, None);
            }
        });
    }

    /// Evaluates one batch without dropout: features `[rows, width]`, and their targets. Hands the logits `[rows, classes]` to
    /// `read`, and returns the loss and its divisor.
    ///
    /// # Errors
    /// [`TrainError::Run`].
    pub fn evaluate(
        &mut self,
        features: &[f32],
        targets: &BatchTargets,
        read: impl FnOnce(&[f32]),
    ) -> Result<(f64, f64), TrainError> {
        let (shape, target_shape) = ([targets.rows(), self.width], targets.shape());
        let inputs = inputs(&shape, features, (&target_shape, targets), &self.parameters, &self.values);
        let read = |views: &[TensorView<'_>]| {
            read(views[2].as_f32().unwrap_or_default());
            (scalar(&views[0]), scalar(&views[1]))
        };
        self.eval.run_with(&inputs, &["loss", "counted", "logits"], read).map_err(TrainError::run(EVAL))
    }

    /// The parameters, in the order of [`MlpSpec::parameters`].
    pub fn values(&self) -> &[Vec<f32>] {
        &self.values
    }

    /// Replaces the parameters, which come in the same order.
    pub fn set_values(&mut self, values: Vec<Vec<f32>>) {
        self.values = values;
    }

    /// The parameters as the head has them.
    pub fn layers(&self) -> Vec<MlpLayer> {
        let pairs = self.parameters.chunks_exact(2).zip(self.values.chunks_exact(2));
        let layer = |(parameters, values): (&[TrainedParameter], &[Vec<f32>])| MlpLayer {
            weight: Array2::from_shape_vec((parameters[0].shape[0], parameters[0].shape[1]), values[0].clone())
                .expect("a parameter has as many values as its shape says"),
            bias: values[1].clone(),
        };
        pairs.map(layer).collect()
    }
}

fn session(
    runtime: &Runtime,
    model: Model,
    name: &'static str,
    settings: &SessionSettings,
) -> Result<Session, TrainError> {
    let settings = SessionSettings { name: Some(name.to_owned()), ..settings.clone() };
    let bytes = model.to_bytes().map_err(GraphsError::from)?;
    Session::from_bytes(runtime, &bytes, &settings).map_err(TrainError::run(name))
}

/// The threads that draw masks and run the optimizer.
fn pool(threads: usize) -> Result<ThreadPool, TrainError> {
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(|problem| TrainError::Setting {
        setting: "threads",
        found: format!("{threads} ({problem})"),
        expected: "as many as the system gives",
    })
}

fn seen(view: &TensorView<'_>) -> Seen {
    let values = view.as_i64().filter(|values| values.len() <= LARGEST_KNOWN_VALUE).map(<[i64]>::to_vec);
    let dtype = DataType::try_from(view.dtype().onnx_number()).unwrap_or_default();
    Seen { dtype, shape: view.shape.to_vec(), values }
}

fn scalar(view: &TensorView<'_>) -> f64 {
    f64::from(view.as_f32().and_then(|values| values.first().copied()).unwrap_or(f32::NAN))
}

/// The inputs of both graphs.
fn inputs<'a>(
    shape: &'a [usize; 2],
    features: &'a [f32],
    (target_shape, targets): (&'a [usize], &'a BatchTargets),
    parameters: &'a [TrainedParameter],
    values: &'a [Vec<f32>],
) -> Vec<(&'a str, TensorView<'a>)> {
    let mut inputs = vec![(MLP_FEATURES, TensorView::f32(shape, features)), ("labels", targets.view(target_shape))];
    let parameters = parameters.iter().zip(values);
    inputs.extend(
        parameters.map(|(parameter, values)| (parameter.name.as_str(), TensorView::f32(&parameter.shape, values))),
    );
    inputs
}

/// Weights normal with a variance of 2 / inputs before an activation (He et al., 2015, <https://arxiv.org/abs/1502.01852>) and
/// 1 / inputs before the softmax; biases zero.
fn start(parameters: &[TrainedParameter], seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let last = parameters.len() / 2 - 1;
    let value = |(place, parameter): (usize, &TrainedParameter)| -> Vec<f32> {
        let count = parameter.shape.iter().product();
        let [_, inputs] = parameter.shape[..] else { return vec![0.0; count] };
        let gain = if place / 2 == last { 1.0 } else { 2.0 };
        let deviation = (gain / inputs as f64).sqrt();
        (0..count).map(|_| (Distribution::<f64>::sample(&StandardNormal, &mut rng) * deviation) as f32).collect()
    };
    parameters.iter().enumerate().map(value).collect()
}

/// Learns the element type and shape of every tensor, by running the graph with two numbers of rows.
fn learn(runtime: &Runtime, model: &Model, masks: &[DropoutMask], spec: &MlpSpec) -> Result<Facts, TrainError> {
    let exposed = model.exposed().map_err(GraphsError::from)?;
    let mut session = session(runtime, exposed, FORWARD, &SessionSettings::worker(Device::Cpu))?;
    let known = session.outputs().iter().filter(|output| output.dtype != ElementType::Unsupported);
    let names: Vec<String> = known.map(|output| output.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parameters = spec.parameters();
    let largest = parameters.iter().map(|(_, shape)| shape.iter().product()).max().unwrap_or(0);
    let mut observations = Vec::new();
    for rows in [3, 5] {
        // Shapes do not depend on what is fed: zeros stand for everything.
        let widest = rows * spec.hidden.iter().copied().max().unwrap_or(0).max(spec.width);
        let zeros = vec![0.0; largest.max(widest)];
        let targets = match spec.loss {
            Loss::CrossEntropy { .. } => BatchTargets::Classes(vec![0; rows]),
            _ => BatchTargets::Values { values: vec![0.0; rows * spec.classes], columns: spec.classes },
        };
        let target_shape = targets.shape();
        let shape = [rows, spec.width];
        let shapes: Vec<Vec<usize>> = masks.iter().map(|mask| mask.size(rows, 0)).collect();
        let mut fed = vec![
            (MLP_FEATURES, TensorView::f32(&shape, &zeros[..rows * spec.width])),
            ("labels", targets.view(&target_shape)),
        ];
        fed.extend(
            parameters
                .iter()
                .map(|(name, shape)| (name.as_str(), TensorView::f32(shape, &zeros[..shape.iter().product()]))),
        );
        fed.extend(
            masks
                .iter()
                .zip(&shapes)
                .map(|(mask, shape)| (mask.input.as_str(), TensorView::f32(shape, &zeros[..shape.iter().product()]))),
        );
        let seen_in = |views: &[TensorView<'_>]| -> HashMap<String, Seen> {
            names.iter().zip(views).map(|(name, view)| ((*name).to_owned(), seen(view))).collect()
        };
        let mut tensors = session.run_with(&fed, &names, seen_in).map_err(TrainError::run(FORWARD))?;
        // What is fed may differ in another run: its values are no facts.
        tensors.extend(fed.iter().map(|(name, view)| ((*name).to_owned(), Seen { values: None, ..seen(view) })));
        observations.push(Observation { batch: rows, seq: 0, tensors });
    }
    Ok(Facts::learn(model, &observations).map_err(GraphsError::from)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use larder_graphs::{DropoutForm, Loss};
    use safetensors::SafeTensors;

    use super::*;

    /// A recorded run of PyTorch: `tests/goldens/mlp/recipe.py`.
    struct Golden(Vec<u8>, Loss);

    impl Golden {
        fn read(name: &str) -> Self {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/mlp");
            let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).expect("the golden is checked in");
            let mut golden = Self(bytes, Loss::MeanSquaredError);
            golden.1 = match name {
                "mlp" => {
                    let class_weights = Some(golden.floats("class_weights"));
                    Loss::CrossEntropy { class_weights, label_smoothing: 0.1 }
                }
                "multilabel" => Loss::BinaryCrossEntropy { positive_weight: 1.0 },
                _ => Loss::MeanSquaredError,
            };
            golden
        }

        fn floats(&self, name: &str) -> Vec<f32> {
            let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
            let tensor = file.tensor(name).expect("the golden has the tensor");
            tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect()
        }

        fn labels(&self) -> Vec<i64> {
            let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
            let tensor = file.tensor("labels").expect("the golden has the labels");
            tensor.data().as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect()
        }

        /// The targets of some of the twenty rows.
        fn targets(&self, rows: std::ops::Range<usize>) -> BatchTargets {
            if matches!(self.1, Loss::CrossEntropy { .. }) {
                return BatchTargets::Classes(self.labels()[rows].to_vec());
            }
            let columns = self.classes();
            let values = self.floats("targets")[rows.start * columns..rows.end * columns].to_vec();
            BatchTargets::Values { values, columns }
        }

        fn classes(&self) -> usize {
            self.floats("start.layers.2.bias").len()
        }

        fn spec(&self, dropout: f32) -> MlpSpec {
            MlpSpec {
                width: 10,
                hidden: vec![12, 8],
                classes: self.classes(),
                loss: self.1.clone(),
                dropout,
                dropout_form: DropoutForm::Masks,
            }
        }

        /// As PyTorch starts.
        fn network(&self, dropout: f32) -> Network {
            let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
            let mut network = Network::new(&runtime, &self.spec(dropout), 0, 1).unwrap();
            let names = network.parameters.iter().map(|parameter| format!("start.{}", parameter.name));
            let start = names.map(|name| self.floats(&name)).collect();
            network.set_values(start);
            network
        }
    }

    fn norm(values: impl Iterator<Item = f64>) -> f64 {
        values.map(|value| value * value).sum::<f64>().sqrt()
    }

    fn apart(a: &[f32], b: &[f32]) -> f64 {
        assert_eq!(a.len(), b.len());
        norm(a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b))) / norm(b.iter().map(|&b| f64::from(b)))
    }

    fn follows_pytorch(name: &str, clip: f64) {
        let golden = Golden::read(name);
        let mut network = golden.network(0.0);
        let features = golden.floats("features");
        let (losses, norms) = (golden.floats("losses"), golden.floats("norms"));
        let is_clipped = |norm: &f32| f64::from(*norm) > clip;
        assert!(norms.iter().any(is_clipped) && !norms.iter().all(is_clipped), "clipped, and not");
        for step in 0..20 {
            let rows = step * 5 % 20..step * 5 % 20 + 5;
            let batch = &features[rows.start * 10..rows.end * 10];
            let (loss, _) = network.gradients(batch, &golden.targets(rows), |_| 0).unwrap();
            let norm = network.gradient_norm();
            // A few roundings of values of order one, which twenty steps of Adam do not amplify here.
            assert!((loss - f64::from(losses[step])).abs() < 1e-5, "step {step}: {loss} for {}", losses[step]);
            assert!((norm / f64::from(norms[step]) - 1.0).abs() < 1e-4, "step {step}: {norm} for {}", norms[step]);
            network.update(step + 1, 1e-2, 0.01, Some(clip), norm);
        }
        for (parameter, found) in network.parameters.iter().zip(&network.values) {
            let name = &parameter.name;
            let (start, expected) = (golden.floats(&format!("start.{name}")), golden.floats(&format!("tuned.{name}")));
            // Had it stood still, that must not pass.
            assert!(apart(&start, &expected) > 1e-2, "{name} hardly moved");
            assert!(apart(found, &expected) < 1e-4, "{name}: {:e}", apart(found, &expected));
        }
        let mut logits = Vec::new();
        network.evaluate(&features, &golden.targets(0..20), |found| logits.extend_from_slice(found)).unwrap();
        let pairs = logits.iter().zip(golden.floats("logits"));
        assert!(
            pairs.clone().count() == 20 * golden.classes()
                && pairs.clone().all(|(found, expected)| (found - expected).abs() < 1e-4)
        );
    }

    #[test]
    fn twenty_steps_follow_pytorchs() {
        follows_pytorch("mlp", 0.4);
    }

    #[test]
    fn twenty_steps_on_label_sets_follow_pytorchs() {
        follows_pytorch("multilabel", 0.2);
    }

    #[test]
    fn twenty_steps_on_numbers_follow_pytorchs() {
        follows_pytorch("regression", 1.0);
    }

    /// A batch in two parts, weighed by what each counted, is the whole batch.
    #[test]
    fn losses_of_parts_make_up_the_whole() {
        for name in ["mlp", "multilabel", "regression"] {
            let golden = Golden::read(name);
            let mut network = golden.network(0.0);
            let features = golden.floats("features");
            let mut of = |rows: std::ops::Range<usize>| {
                network.evaluate(&features[rows.start * 10..rows.end * 10], &golden.targets(rows), |_| {}).unwrap()
            };
            let (whole, first, last) = (of(0..20), of(0..7), of(7..20));
            assert!((first.1 + last.1 - whole.1).abs() < 1e-5, "{name}: {first:?} {last:?} {whole:?}");
            let mean = (first.0 * first.1 + last.0 * last.1) / whole.1;
            // Float32 means of up to 60 values of order one.
            assert!((mean - whole.0).abs() < 1e-6 && (first.0 - last.0).abs() > 1e-3, "{name}: {mean} {whole:?}");
        }
    }

    #[test]
    fn dropout_changes_the_loss_by_its_key_and_not_the_answers() {
        let golden = Golden::read("mlp");
        let (features, labels) = (golden.floats("features"), golden.labels());
        let targets = golden.targets(0..20);
        let mut network = golden.network(0.5);
        let mut loss = |key: u64| network.gradients(&features, &targets, |place| key + place as u64).unwrap().0;
        let (first, other, again) = (loss(1), loss(2), loss(1));
        assert!(first == again && first != other, "{first} {other} {again}");
        let plain = golden.network(0.0).evaluate(&features, &targets, |_| {}).unwrap();
        assert_eq!(network.evaluate(&features, &targets, |_| {}).unwrap(), plain);
        // Each row with its label's weight.
        let weights = golden.floats("class_weights");
        assert_eq!(plain.1, labels.iter().map(|&label| f64::from(weights[label as usize])).sum::<f64>());
    }
}
