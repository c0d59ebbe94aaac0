//! Running graphs, and learning what their tensors are.

use larder_graphs::GraphsError;
use larder_onnx::facts::{Facts, LARGEST_KNOWN_VALUE, Observation, Seen};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{GraphProto, OperatorSetIdProto};
use larder_onnx::{GraphBuilder, Model, Value};
use larder_runtime::{Device, Runtime, Session, SessionSettings, Tensor, TensorData, TensorView};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

/// Tensors to feed, by name.
pub type Feeds = Vec<(String, Tensor)>;

/// A model of that graph which may use ONNX Runtime's own operators.
pub fn model(graph: GraphProto, opset: i64) -> Model {
    let mut proto = Model::from_graph(graph, opset).expect("the test's graph is well formed").into_proto();
    let domain = Some("com.microsoft".to_owned());
    proto.opset_import.push(OperatorSetIdProto { domain, version: Some(1) });
    Model::from_proto(proto).expect("the test's graph is well formed")
}

pub fn session(model: &Model) -> Session {
    let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
    let bytes = model.to_bytes().expect("the model is small");
    Session::from_bytes(&runtime, &bytes, &SessionSettings::worker(Device::Cpu))
        .unwrap_or_else(|problem| panic!("{problem:?}\n{}", nodes(model)))
}

/// The nodes, for messages.
pub fn nodes(model: &Model) -> String {
    let line = |node: &larder_onnx::proto::NodeProto| {
        format!("{}.{} {:?} -> {:?}", node.domain(), node.op_type(), node.input, node.output)
    };
    model.graph().node.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn run(session: &mut Session, feeds: &Feeds, outputs: &[&str]) -> Vec<Tensor> {
    let taken: Vec<String> = session.inputs().iter().map(|input| input.name.clone()).collect();
    let inputs: Vec<(&str, TensorView<'_>)> = feeds
        .iter()
        .filter(|(name, _)| taken.contains(name))
        .map(|(name, tensor)| (name.as_str(), tensor.view()))
        .collect();
    session.run(&inputs, outputs).expect("the model runs")
}

/// Learns the facts of all tensors of the model by running it with these batches: rows, tokens, feeds.
pub fn learn(model: &Model, batches: &[(usize, usize, Feeds)]) -> Facts {
    let exposed = model.exposed().expect("every tensor can be an output");
    let mut session = session(&exposed);
    let names: Vec<String> = exposed.outputs().iter().map(|output| output.name().to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let observe = |(batch, seq, feeds): &(usize, usize, Feeds)| {
        let made = run(&mut session, feeds, &names);
        let made = names.iter().map(|name| (*name).to_owned()).zip(made);
        // What is fed may differ in another run: its values are no facts.
        let fed = feeds.iter().map(|(name, tensor)| (name.clone(), Seen { values: None, ..seen(tensor) }));
        let tensors = made.map(|(name, tensor)| (name, seen(&tensor))).chain(fed).collect();
        Observation { batch: *batch, seq: *seq, tensors }
    };
    let observations: Vec<Observation> = batches.iter().map(observe).collect();
    Facts::learn(model, &observations).expect("shapes are shapes")
}

fn seen(tensor: &Tensor) -> Seen {
    let (dtype, values) = match &tensor.data {
        TensorData::F32(_) => (DataType::Float, None),
        TensorData::F16(_) => (DataType::Float16, None),
        TensorData::F64(_) => (DataType::Double, None),
        TensorData::I64(values) => (DataType::Int64, (values.len() <= LARGEST_KNOWN_VALUE).then(|| values.clone())),
        TensorData::I32(_) => (DataType::Int32, None),
        TensorData::I8(_) => (DataType::Int8, None),
        TensorData::U8(_) => (DataType::Uint8, None),
        TensorData::Bool(_) => (DataType::Bool, None),
    };
    Seen { dtype, shape: tensor.shape.clone(), values }
}

/// Makes exactly these tensors the outputs, under new names: a gradient may be an input, or that of two tensors.
pub fn with_outputs(model: Model, outputs: &[(&str, &Value)]) -> Model {
    let opset = model.opset("").expect("the model imports ONNX's operators");
    let mut proto = model.into_proto();
    let mut b = GraphBuilder::from_graph(proto.graph.take().expect("a model has a graph"), opset);
    b.clear_outputs();
    for (name, value) in outputs {
        let named = b.identity(value);
        b.rename(&named, name);
    }
    let mut graph = b.finish();
    let untyped = |name: &str| larder_onnx::proto::ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
    graph.output = outputs.iter().map(|(name, _)| untyped(name)).collect();
    proto.graph = Some(graph);
    let names: Vec<&str> = outputs.iter().map(|(name, _)| *name).collect();
    Model::from_proto(proto).expect("the result is well formed").pruned(&names).expect("the outputs are there")
}

/// Numbers of a seed.
pub struct Random(ChaCha12Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// Evenly from the range.
    pub fn floats(&mut self, count: usize, from: f32, to: f32) -> Vec<f32> {
        (0..count).map(|_| self.0.random_range(from..to)).collect()
    }

    pub fn integers(&mut self, count: usize, from: i64, to: i64) -> Vec<i64> {
        (0..count).map(|_| self.0.random_range(from..to)).collect()
    }

    /// Either sign, and no closer to 0 than `least`.
    pub fn away_from_zero(&mut self, count: usize, least: f32) -> Vec<f32> {
        let signs = self.integers(count, 0, 2);
        let sizes = self.floats(count, least, 1.5);
        signs.iter().zip(sizes).map(|(&sign, size)| if sign == 0 { size } else { -size }).collect()
    }
}

pub fn f32s(shape: &[usize], values: &[f32]) -> Tensor {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "{shape:?}");
    Tensor { shape: shape.to_vec(), data: TensorData::F32(values.to_vec()) }
}

pub fn i64s(shape: &[usize], values: &[i64]) -> Tensor {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "{shape:?}");
    Tensor { shape: shape.to_vec(), data: TensorData::I64(values.to_vec()) }
}

pub fn floats(tensor: &Tensor) -> &[f32] {
    tensor.as_f32().expect("the tensor is float32")
}

/// An error with all its causes.
pub fn chain(problem: &GraphsError) -> String {
    let mut text = problem.to_string();
    let mut cause = std::error::Error::source(problem);
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}
