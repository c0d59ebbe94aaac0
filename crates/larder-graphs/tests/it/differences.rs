//! The gradients of one operator against central differences.

use larder_graphs::{Request, differentiate};
use larder_onnx::facts::{Dim, TensorFact};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, NodeProto};
use larder_onnx::{Axis, GraphBuilder, TensorProto, Value};
use larder_runtime::{Tensor, TensorData};

use crate::support::*;

/// The step of the differences, for values of order one. With five points the error of the difference is `step⁴ / 30`
/// times a fifth derivative, 3e-8 here, and the rounding of a float32 output, 6e-8, is divided by about the step: 2e-6.
const STEP: f32 = 1.0 / 32.0;

/// The tolerance of analytic and numeric gradients, beside the largest of them: some ten times the sum of both errors,
/// since outputs and fifth derivatives are of order one and a few. A wrong term shows at 1e-2 and more.
const TOLERANCE: f64 = 1e-4;

/// One input of the operator.
pub enum Input {
    /// Fed, and differentiated.
    Float(Vec<usize>, Vec<f32>),
    /// Fed, and not differentiated.
    Fed(Tensor),
    /// A constant of the graph.
    Constant(Box<TensorProto>),
    /// Left out.
    Absent,
}

/// A float input of values of either sign, up to 1.5.
pub fn float(shape: &[usize]) -> Input {
    let count = shape.iter().product::<usize>();
    // Another seed for another shape: equal inputs would hide an exchange of two.
    let seed = shape.iter().fold(count as u64, |seed, &size| 31 * seed + size as u64);
    Input::Float(shape.to_vec(), Random::new(seed).away_from_zero(count, 0.2))
}

/// A float input of positive values.
pub fn positive(shape: &[usize]) -> Input {
    let count = shape.iter().product();
    Input::Float(shape.to_vec(), Random::new(count as u64 + 5).floats(count, 0.5, 2.0))
}

pub fn given(shape: &[usize], values: &[f32]) -> Input {
    Input::Float(shape.to_vec(), values.to_vec())
}

pub fn constant_floats(shape: &[usize], values: &[f32]) -> Input {
    Input::Constant(Box::new(TensorProto::from_f32("", shape, values)))
}

pub fn constant_integers(values: &[i64]) -> Input {
    Input::Constant(Box::new(TensorProto::from_i64("", &[values.len()], values)))
}

pub fn fed_integers(shape: &[usize], values: &[i64]) -> Input {
    Input::Fed(i64s(shape, values))
}

/// One operator to check.
pub struct Check {
    pub domain: &'static str,
    pub op_type: &'static str,
    pub opset: i64,
    pub attributes: Vec<AttributeProto>,
    pub outputs: usize,
    /// The outputs that the loss depends on.
    pub seeded: Vec<usize>,
    pub tolerance: f64,
}

impl Check {
    pub fn of(op_type: &'static str) -> Self {
        Self {
            domain: "",
            op_type,
            opset: 17,
            attributes: Vec::new(),
            outputs: 1,
            seeded: vec![0],
            tolerance: TOLERANCE,
        }
    }

    pub fn microsoft(op_type: &'static str) -> Self {
        Self { domain: "com.microsoft", ..Self::of(op_type) }
    }

    pub fn opset(self, opset: i64) -> Self {
        Self { opset, ..self }
    }

    pub fn with(mut self, attribute: AttributeProto) -> Self {
        self.attributes.push(attribute);
        self
    }

    pub fn outputs(self, outputs: usize, seeded: &[usize]) -> Self {
        Self { outputs, seeded: seeded.to_vec(), ..self }
    }

    /// Compares the gradient of every float input with central differences; gives the gradients.
    #[track_caller]
    pub fn agrees(self, inputs: &[Input]) -> Vec<Vec<f32>> {
        let gradients = self.gradients(inputs);
        for (name, analytic, numeric) in &gradients {
            let what = format!("{} of operator set {}, input {name}", self.op_type, self.opset);
            assert_agrees(&what, analytic, numeric, self.tolerance);
            if numeric.iter().any(|value| value.abs() > 1e-3) {
                let wrong: Vec<f32> = analytic.iter().map(|value| value * 1.01).collect();
                let caught = disagreement(&wrong, numeric, self.tolerance).is_some();
                assert!(caught, "{what}: a gradient that is 1 % too large would pass");
            }
        }
        gradients.into_iter().map(|(_, analytic, _)| analytic).collect()
    }

    /// The gradients alone, for places where differences do not exist.
    #[track_caller]
    pub fn gradient(self, inputs: &[Input]) -> Vec<Vec<f32>> {
        self.gradients(inputs).into_iter().map(|(_, analytic, _)| analytic).collect()
    }

    /// Name, analytic and numeric gradient of every float input.
    #[track_caller]
    fn gradients(&self, inputs: &[Input]) -> Vec<(String, Vec<f32>, Vec<f64>)> {
        let mut b = GraphBuilder::new("test", self.opset);
        let mut feeds: Feeds = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            let name = format!("x{place}");
            names.push(if matches!(input, Input::Absent) { String::new() } else { name.clone() });
            match input {
                Input::Absent => {}
                Input::Constant(tensor) => {
                    b.initializer(TensorProto { name: Some(name), ..(**tensor).clone() });
                }
                Input::Float(shape, values) => feeds.push((name, f32s(shape, values))),
                Input::Fed(tensor) => feeds.push((name, tensor.clone())),
            }
        }
        for (name, tensor) in &feeds {
            b.input(name, dtype(tensor), &axes(&tensor.shape));
        }
        let outputs: Vec<String> = (0..self.outputs).map(|place| format!("y{place}")).collect();
        b.push(NodeProto {
            name: Some("node".to_owned()),
            op_type: Some(self.op_type.to_owned()),
            domain: Some(self.domain.to_owned()),
            input: names,
            output: outputs.clone(),
            attribute: self.attributes.clone(),
            ..Default::default()
        });
        for &place in &self.seeded {
            b.output(&Value::named(&outputs[place]), &outputs[place], DataType::Float, &[]);
        }
        let mut graph = b.finish();
        graph.output.iter_mut().for_each(|output| output.r#type = None);
        let forward = model(graph, self.opset);
        let mut facts = learn(&forward, &[(0, 0, feeds.clone())]);

        let seeded: Vec<&str> = self.seeded.iter().map(|&place| outputs[place].as_str()).collect();
        let mut forward_session = session(&forward);
        let values = run(&mut forward_session, &feeds, &seeded);
        let mut proto = forward.into_proto();
        let mut seeds: Feeds = Vec::new();
        for (output, value) in seeded.iter().zip(&values) {
            let name = format!("seed.{output}");
            let count = floats(value).len();
            seeds.push((name.clone(), f32s(&value.shape, &Random::new(99).away_from_zero(count, 0.5))));
            let shape: Vec<Dim> = value.shape.iter().map(|&size| Dim::fixed(size)).collect();
            facts.insert(&name, TensorFact::float(&shape));
            let info = larder_onnx::value_info(&name, DataType::Float, &axes(&value.shape));
            proto.graph.as_mut().expect("a model has a graph").input.push(info);
        }
        let forward = larder_onnx::Model::from_proto(proto).expect("the graph is well formed");

        let wanted: Vec<(String, usize)> = inputs
            .iter()
            .enumerate()
            .filter_map(|(place, input)| match input {
                Input::Float(shape, _) => Some((format!("x{place}"), shape.iter().product())),
                _ => None,
            })
            .collect();
        let starts: Vec<(&str, &str)> =
            seeded.iter().copied().zip(seeds.iter().map(|(name, _)| name.as_str())).collect();
        let wanted_names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        let request = Request { outputs: &starts, wanted: &wanted_names, ..Default::default() };
        let done = differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{}", chain(&problem)));
        assert!(done.unreached.is_empty(), "{:?}", done.unreached);
        let named: Vec<(String, Value)> =
            wanted_names.iter().map(|name| (format!("d.{name}"), done.gradients[*name].clone())).collect();
        let named: Vec<(&str, &Value)> = named.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let backward = with_outputs(done.model, &named);
        let all: Feeds = feeds.iter().chain(&seeds).cloned().collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
        let analytic = run(&mut session(&backward), &all, &names);

        let mut loss = |feeds: &Feeds| -> f64 {
            let values = run(&mut forward_session, feeds, &seeded);
            let dots = values.iter().zip(&seeds).map(|(value, (_, seed))| {
                let pairs = floats(value).iter().zip(floats(seed));
                pairs.map(|(value, seed)| f64::from(*value) * f64::from(*seed)).sum::<f64>()
            });
            dots.sum()
        };
        let mut gradients = Vec::new();
        for ((name, count), analytic) in wanted.into_iter().zip(analytic) {
            let place = feeds.iter().position(|(fed, _)| *fed == name).expect("float inputs are fed");
            assert_eq!(analytic.shape, feeds[place].1.shape, "{name}");
            let mut at = |element: usize, steps: f32| {
                let mut moved = feeds.clone();
                let TensorData::F32(values) = &mut moved[place].1.data else { panic!("float inputs are float32") };
                values[element] += steps * STEP;
                loss(&moved)
            };
            let difference = |element: usize| {
                let near = at(element, 1.0) - at(element, -1.0);
                let far = at(element, 2.0) - at(element, -2.0);
                (8.0 * near - far) / (12.0 * f64::from(STEP))
            };
            let numeric = (0..count).map(difference).collect();
            gradients.push((name, floats(&analytic).to_vec(), numeric));
        }
        gradients
    }
}

pub fn axes(shape: &[usize]) -> Vec<Axis> {
    shape.iter().map(|&size| Axis::Fixed(size)).collect()
}

fn dtype(tensor: &Tensor) -> DataType {
    match tensor.data {
        TensorData::F32(_) => DataType::Float,
        TensorData::I64(_) => DataType::Int64,
        TensorData::I32(_) => DataType::Int32,
        TensorData::Bool(_) => DataType::Bool,
        _ => panic!("the tests feed no {:?}", tensor.dtype()),
    }
}

/// Where the two differ by more than the tolerance, beside the largest value.
fn disagreement(analytic: &[f32], numeric: &[f64], tolerance: f64) -> Option<usize> {
    let largest = numeric.iter().fold(1e-2_f64, |largest, value| largest.max(value.abs()));
    // A NaN is close to nothing.
    let close = |(a, n): (&f32, &f64)| (f64::from(*a) - n).abs() <= tolerance * largest;
    (0..numeric.len().max(analytic.len()))
        .find(|&place| !analytic.get(place).zip(numeric.get(place)).is_some_and(close))
}

#[track_caller]
pub fn assert_agrees(what: &str, analytic: &[f32], numeric: &[f64], tolerance: f64) {
    if let Some(place) = disagreement(analytic, numeric, tolerance) {
        panic!(
            "{what}, element {place}: {:?} for {:?}\nall: {analytic:?}\nfor: {numeric:?}",
            analytic[place], numeric[place]
        );
    }
}

#[test]
#[should_panic(expected = "element 1")]
fn a_rule_that_forgets_a_factor_is_caught() {
    assert_agrees("half of it", &[0.0, 0.25], &[0.0, 0.5], TOLERANCE);
}
