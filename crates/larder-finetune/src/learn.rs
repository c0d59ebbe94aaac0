//! Running a training graph once or twice before it has gradients, to learn what its tensors are.

use std::collections::HashMap;

use larder_graphs::DropoutMask;
use larder_onnx::Model;
use larder_onnx::facts::{Facts, LARGEST_KNOWN_VALUE, Observation, Seen};
use larder_onnx::proto::tensor_proto::DataType;
use larder_runtime::{Device, Runtime, SessionSettings, TensorView, ViewData};

use crate::batch::{BATCH_INPUTS, Batches, Width};
use crate::encoder::EncoderFacts;
use crate::graph::session;
use crate::hidden::HiddenStates;
use crate::settings::TuneSettings;
use crate::split::SplitOf;
use crate::targets::Targets;
use crate::{Example, TextTokens, TuneError};

/// Rows and tokens of the runs: coprime, so that each size that is seen has one reading.
const SIZES: [(usize, usize); 2] = [(3, 7), (5, 11)];

/// The same for encoders of few positions.
const SHORT_SIZES: [(usize, usize); 2] = [(3, 1), (5, 2)];

const GRAPH: &str = "training graph without gradients";

/// Learns the element type and shape of every tensor.
pub(crate) fn learn(
    runtime: &Runtime,
    model: &Model,
    masks: &[DropoutMask],
    encoder: &EncoderFacts,
    settings: &TuneSettings,
) -> Result<Facts, TuneError> {
    let exposed = model.exposed()?;
    let mut session = session(runtime, exposed, GRAPH, &SessionSettings::worker(Device::Cpu))?;
    let names = session.readable_outputs();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let declared = session.inputs().to_vec();
    let batch_inputs: Vec<&'static str> =
        BATCH_INPUTS.into_iter().filter(|name| declared.iter().any(|info| info.name == *name)).collect();
    let is_mask = |name: &str| masks.iter().any(|mask| mask.input == name);
    let is_parameter = |name: &str| !is_mask(name) && !BATCH_INPUTS.contains(&name);
    // Shapes do not depend on what parameters are: zeros stand for all of them.
    let parameters: Vec<(&str, Vec<usize>)> = declared
        .iter()
        .filter(|info| is_parameter(&info.name))
        .map(|info| {
            let shape = info.dims.iter().map(|dim| dim.and_then(|dim| usize::try_from(dim).ok()).unwrap_or(0));
            (info.name.as_str(), shape.collect())
        })
        .collect();
    let largest = parameters.iter().map(|(_, shape)| shape.iter().product()).max().unwrap_or(0);
    let zeros = vec![0.0_f32; largest];

    let sizes = if encoder.max_positions < SIZES[1].1 { SHORT_SIZES } else { SIZES };
    let mut observations = Vec::new();
    for (rows, seq) in sizes {
        let ids = |row: usize| (0..seq).map(|place| ((row * 7 + place) % encoder.vocab_size) as i64).collect();
        let second = || TextTokens { input_ids: ids(0), token_type_ids: Vec::new() };
        let example = |row| Example {
            input_ids: ids(row),
            second: (settings.input.texts() > 1).then(second),
            targets: Targets::any(settings, seq),
            ..Example::default()
        };
        let examples: Vec<Example> = (0..rows).map(example).collect();
        let hidden_size = encoder.hidden_size;
        let zeros_of_tokens = Zeros(seq * hidden_size);
        let split = SplitOf::Train;
        let hidden: Option<(&dyn HiddenStates, usize)> = Some((&zeros_of_tokens, hidden_size));
        let input = settings.input;
        let batches = Batches { examples: &examples, split, input, pad: 0, hidden, width: Width::EXACT };
        let batch = batches.of(&(0..rows).collect::<Vec<_>>())?;
        let shapes: Vec<Vec<usize>> = masks.iter().map(|mask| mask.size(rows, seq)).collect();
        let ones: Vec<Vec<f32>> = shapes.iter().map(|shape| vec![1.0; shape.iter().product()]).collect();
        let mut views: Vec<(&str, TensorView<'_>)> = batch.views(&batch_inputs);
        views.extend(
            parameters.iter().map(|(name, shape)| (*name, TensorView::f32(shape, &zeros[..shape.iter().product()]))),
        );
        views.extend(
            masks
                .iter()
                .zip(&shapes)
                .zip(&ones)
                .map(|((mask, shape), ones)| (mask.input.as_str(), TensorView::f32(shape, ones))),
        );
        let seen_in = |made: &[TensorView<'_>]| -> HashMap<String, Seen> {
            names.iter().zip(made).map(|(name, view)| ((*name).to_owned(), seen(view))).collect()
        };
        let mut tensors = session.run_with(&views, &names, seen_in).map_err(TuneError::run(GRAPH))?;
        // What is fed may differ in another run: its values are no facts.
        let fed = views.iter().map(|(name, view)| ((*name).to_owned(), Seen { values: None, ..seen(view) }));
        tensors.extend(fed);
        observations.push(Observation { batch: rows, seq, tensors });
    }
    Ok(Facts::learn(model, &observations)?)
}

/// So many zeros for every example.
struct Zeros(usize);

impl HiddenStates for Zeros {
    fn read(&self, _split: SplitOf, _row: usize, into: &mut Vec<f32>) -> Result<(), TuneError> {
        into.resize(into.len() + self.0, 0.0);
        Ok(())
    }
}

/// The type, shape and, of a small int64 tensor, values of a tensor in a run.
fn seen(view: &TensorView<'_>) -> Seen {
    let values = match view.data {
        ViewData::I64(values) if values.len() <= LARGEST_KNOWN_VALUE => Some(values.to_vec()),
        _ => None,
    };
    let dtype = DataType::try_from(view.dtype().onnx_number()).unwrap_or_default();
    Seen { dtype, shape: view.shape.to_vec(), values }
}
