//! Number formats of exported encoders.

use std::collections::HashSet;

use half::f16;
use larder_errors::spelled_enum;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{GraphProto, NodeProto, TensorProto};
use larder_onnx::{OnnxError, attribute};

/// Smaller tensors stay in float32: a cast costs more than it saves.
const LEAST_ELEMENTS: usize = 4096;

spelled_enum! {
    /// The number format of an exported encoder. The head is always float32.
    #[derive(Default)]
    pub enum Precision {
        /// Everything in float32, exactly as in the run.
        #[default]
        F32 = "f32",
        /// Matrices stored in float16, cast to float32 when the file is loaded: half the size, the same speed.
        F16 = "f16",
        /// Products in 8-bit integers ([`larder_onnx::Model::quantised`]), tables in float32.
        Int8 = "int8",
    } else "{found:?} is no precision; known: {known}"
}

/// Stores the float32 matrices of a graph in float16, each with a cast to its old name, which a runtime computes once while
/// loading. A matrix with a value beyond float16 stays.
///
/// # Errors
/// [`OnnxError::TensorSize`], [`OnnxError::ExternalData`].
pub(crate) fn halve(graph: &mut GraphProto) -> Result<(), OnnxError> {
    // In the oldest files an initializer is the default of an input, which no cast may produce.
    let inputs: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
    let mut names: HashSet<String> = graph.initializer.iter().map(|tensor| tensor.name().to_owned()).collect();
    names.extend(graph.node.iter().flat_map(|node| node.output.iter().cloned()));
    let mut casts = Vec::new();
    for tensor in &mut graph.initializer {
        if tensor.data_type() != DataType::Float as i32 || tensor.dims.len() < 2 || inputs.contains(tensor.name()) {
            continue;
        }
        let values = tensor.floats()?;
        if values.len() < LEAST_ELEMENTS || !values.iter().all(|value| value.abs() <= f16::MAX.to_f32()) {
            continue;
        }
        let name = tensor.name().to_owned();
        let mut kept = format!("{name}.f16");
        while !names.insert(kept.clone()) {
            kept.push('_');
        }
        let raw = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
        let dims = tensor.dims.clone();
        *tensor = TensorProto { dims, ..TensorProto::from_raw(&kept, &[], DataType::Float16, raw) };
        casts.push(NodeProto {
            name: Some(format!("{name}.Cast")),
            op_type: Some("Cast".to_owned()),
            input: vec![kept],
            output: vec![name],
            attribute: vec![attribute::int("to", i64::from(DataType::Float as i32))],
            ..Default::default()
        });
    }
    graph.node.splice(0..0, casts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_and_an_unknown_one_lists_them() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(*precision));
            assert_eq!(serde_json::to_value(precision).unwrap(), precision.as_str());
        }
        assert!("bf16".parse::<Precision>().unwrap_err().to_string().contains("f32, f16, int8"));
    }

    #[test]
    fn matrices_that_fit_are_halved_and_keep_their_name() {
        let values: Vec<f32> = (0..4096).map(|at| at as f32 / 7.0).collect();
        let large: Vec<f32> = values.iter().map(|value| value * 1e6).collect();
        let mut graph = GraphProto {
            initializer: vec![
                TensorProto::from_f32("w", &[64, 64], &values),
                TensorProto::from_f32("large", &[64, 64], &large),
                TensorProto::from_f32("small", &[2, 2], &[1.0; 4]),
                TensorProto::from_f32("vector", &[4096], &values),
            ],
            ..Default::default()
        };
        halve(&mut graph).unwrap();
        let names: Vec<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
        assert_eq!(names, ["w.f16", "large", "small", "vector"]);
        let [cast] = &graph.node[..] else { panic!("one cast") };
        assert_eq!((cast.op_type(), &cast.input[0], &cast.output[0]), ("Cast", &"w.f16".to_owned(), &"w".to_owned()));
        let kept = graph.initializer[0].floats().unwrap();
        assert!(kept.iter().zip(&values).all(|(kept, value)| (kept - value).abs() <= value.abs() / 2048.0));
        assert_eq!(graph.initializer[0].raw_data.as_ref().unwrap().len(), 2 * 4096);
    }
}
