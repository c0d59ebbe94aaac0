//! Running a model with everything inside it made an output, to learn what its tensors are.

use std::collections::HashMap;
use std::path::Path;

use larder_onnx::facts::{Facts, LARGEST_KNOWN_VALUE, Observation, Seen};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Interface, Model};
use larder_runtime::{Device, Runtime, SessionSettings, TensorView, ViewData};

use crate::EncoderError;
use crate::probe::Feed;
use crate::session_model::SessionModel;

/// Rows and tokens of the runs. Coprime, so that each size that is seen has one reading; the third has a batch of one,
/// where exporters like to take shortcuts.
const SIZES: [(usize, usize); 3] = [(3, 7), (5, 11), (1, 13)];

/// Learns the element type and shape of every tensor in a model, and the values of small constants, by running it on the
/// CPU. `path` is the file that messages name.
///
/// # Errors
/// [`EncoderError::Model`] for a graph that cannot be edited, [`EncoderError::Run`] when it does not run.
pub fn observe(runtime: &Runtime, model: &Model, interface: &Interface, path: &Path) -> Result<Facts, EncoderError> {
    let wrong = |source| EncoderError::Model { path: path.to_path_buf(), source };
    let failed = |source| EncoderError::Run { path: path.to_path_buf(), source: Box::new(source) };
    let exposed = model.exposed().map_err(wrong)?;
    let settings = SessionSettings {
        device: Device::Cpu,
        name: Some("with every tensor as an output".to_owned()),
        ..Default::default()
    };
    let prepared = SessionModel::of(&exposed, Device::Cpu).map_err(wrong)?;
    drop(exposed);
    let mut session = prepared.open(runtime, &settings).map_err(failed)?;
    let names = session.readable_outputs();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut observations = Vec::new();
    for (rows, seq) in SIZES {
        let (rows, seq) = (interface.fixed_batch().unwrap_or(rows), interface.fixed_seq().unwrap_or(seq));
        let ids = |row: usize| (0..seq).map(move |place| ((row * 7 + place) % interface.vocabulary_size.max(1)) as i64);
        let texts: Vec<Vec<i64>> = (0..rows).map(|row| ids(row).collect()).collect();
        let texts: Vec<&[i64]> = texts.iter().map(Vec::as_slice).collect();
        let feed = Feed { texts: &texts, rows, seq, pairs: false };
        let inputs = feed.inputs(interface, 0);
        let views = inputs.views();
        let tensors = session
            .run_with(&views, &names, |views| {
                names.iter().zip(views).map(|(name, view)| ((*name).to_owned(), seen(view))).collect()
            })
            .map_err(failed)?;
        let mut tensors: HashMap<String, Seen> = tensors;
        tensors.extend(views.iter().map(|(name, view)| ((*name).to_owned(), seen(view))));
        observations.push(Observation { batch: rows, seq, tensors });
    }
    Facts::learn(model, &observations).map_err(wrong)
}

fn seen(view: &TensorView<'_>) -> Seen {
    let small = view.data.len() <= LARGEST_KNOWN_VALUE;
    let values = match view.data {
        ViewData::I64(values) if small => Some(values.to_vec()),
        ViewData::I32(values) if small => Some(values.iter().map(|&value| i64::from(value)).collect()),
        _ => None,
    };
    let dtype = DataType::try_from(view.dtype().onnx_number()).unwrap_or_default();
    Seen { dtype, shape: view.shape.to_vec(), values }
}
