//! Writes the training graphs of an encoder with a head of two classes, and their first checkpoint.
//!
//! ```text
//! cargo run -p larder-graphs --example training_graphs -- .larder/models/all-MiniLM-L6-v2 OUTPUT
//! ```
//!
//! The first folder has `config.json` and `model.safetensors`; ONNX Runtime must be installed (`just setup`).

use std::error::Error;
use std::path::Path;

use larder_graphs::{
    AdamW, DropoutForm, DropoutRatios, HeadInput, Loss, Precision, ProductForm, TableForm, TrainingGraphs, TrainingSpec,
};
use larder_onnx::facts::{Facts, LARGEST_KNOWN_VALUE, Observation, Seen};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{EncoderConfig, Model, Pool, Weights, build};
use larder_runtime::{
    Device, ElementType, Runtime, Session, SessionSettings, Tensor, TensorData, TensorInfo, TensorView,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, output] = arguments.as_slice() else {
        eprintln!("usage: training_graphs FOLDER OUTPUT");
        std::process::exit(2);
    };
    let config = EncoderConfig::load(&Path::new(folder).join("config.json"))?;
    let encoder = build(&config, &Weights::load(&Path::new(folder).join("model.safetensors"))?)?;
    let spec = TrainingSpec {
        trained: config.parameters(false).into_iter().map(|parameter| parameter.name).collect(),
        input: HeadInput::Pooled(Pool::Mean),
        classes: 2,
        loss: Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 },
        dropout: DropoutRatios::NONE,
        dropout_form: DropoutForm::Masks,
        precision: Precision::F32,
        product_form: ProductForm::Kernels,
        table_form: TableForm::Rows,
    };
    let runtime = Runtime::load(None)?;
    let graphs = TrainingGraphs::build(encoder, &spec, |model, _| learn(&runtime, model))?;

    // The encoder starts from its published weights, the head from zeros.
    let start = |name: &String, shape: &[usize]| {
        graphs.initial.get(name).cloned().unwrap_or_else(|| vec![0.0; shape.iter().product()])
    };
    let values: Vec<Vec<f32>> = graphs.parameters.iter().map(|p| start(&p.name, &p.shape)).collect();
    let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
    std::fs::create_dir_all(output)?;
    graphs.save(Path::new(output), &values, &AdamW::default())?;
    let count: usize = values.iter().map(|values| values.len()).sum();
    println!("{} tensors of {count} parameters in {output}", graphs.parameters.len());
    Ok(())
}

/// Learns shapes from two runs whose batch sizes and lengths have no common factor.
fn learn(runtime: &Runtime, model: &Model) -> Result<Facts, Box<dyn Error>> {
    let exposed = model.exposed()?.to_bytes()?;
    let mut session = Session::from_bytes(runtime, &exposed, &SessionSettings::worker(Device::Cpu))?;
    let inputs = session.inputs().to_vec();
    let outputs: Vec<String> = session.outputs().iter().map(|output| output.name.clone()).collect();
    let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let mut observations = Vec::new();
    for (batch, seq) in [(3, 7), (5, 11)] {
        let feeds: Vec<Tensor> = inputs.iter().map(|info| blank(info, batch, seq)).collect();
        let views: Vec<(&str, TensorView<'_>)> =
            inputs.iter().zip(&feeds).map(|(info, tensor)| (info.name.as_str(), tensor.view())).collect();
        let made = session.run(&views, &names)?;
        let inner = outputs.iter().zip(&made).map(|(name, tensor)| (name.clone(), seen(tensor)));
        // Another batch feeds other values.
        let fed = inputs.iter().zip(&feeds).map(|(info, t)| (info.name.clone(), Seen { values: None, ..seen(t) }));
        observations.push(Observation { batch, seq, tensors: inner.chain(fed).collect() });
    }
    Ok(Facts::learn(model, &observations)?)
}

/// An input of zeros; its first open axis is the batch, its second the sequence.
fn blank(info: &TensorInfo, batch: usize, seq: usize) -> Tensor {
    let mut open = [batch, seq].into_iter();
    let size = |dim: &Option<i64>| dim.map_or_else(|| open.next().unwrap_or(1), |size| size.unsigned_abs() as usize);
    let shape: Vec<usize> = info.dims.iter().map(size).collect();
    let count = shape.iter().product();
    let data = match info.dtype {
        ElementType::Int64 => TensorData::I64(vec![i64::from(info.name == "attention_mask"); count]),
        _ => TensorData::F32(vec![0.0; count]),
    };
    Tensor { shape, data }
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
