//! From an encoder's weights to graphs that train it, and the head as it starts.

use std::collections::HashMap;
use std::path::Path;

use larder_graphs::{
    DropoutForm, DropoutRatios, HEAD_BIAS, HEAD_WEIGHT, HeadInput, Precision, ProductForm, Scatter, TableForm,
    TrainingGraphs, TrainingSpec, cut,
};
use larder_onnx::families::Initial;
use larder_onnx::{
    EncoderConfig, Model, OnnxError, Pool, TensorProto, TrainableGraph, Weight, Weights, build_to_train,
};
use larder_runtime::{RanOn, Runtime};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::encoder::Source;
use crate::learn::learn;
use crate::note::Note;
use crate::part::ModelPart;
use crate::precision;
use crate::settings::{HeadStart, TuneSettings};
use crate::{TunableEncoder, TuneError};

/// The stream of random numbers that new parameters are drawn from; those of epochs count from 1.
const NEW_PARAMETERS: u64 = 0;

/// The form of the graphs that a device needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forms {
    pub dropout: DropoutForm,
    /// The precision of products: float32 where the device has nothing for the one that was asked for.
    pub precision: Precision,
    pub products: ProductForm,
    /// Do parameters stay where the graphs run? Then tables get whole gradients, added up so.
    pub resident: Option<Scatter>,
}

impl Forms {
    /// # Errors
    /// [`TuneError::Precision`].
    pub fn of(runtime: &Runtime, ran_on: &RanOn, settings: &TuneSettings) -> Result<Self, TuneError> {
        let (precision, products) = precision::form(runtime, ran_on, settings.precision)?;
        Ok(match ran_on {
            RanOn::Cpu => Self { dropout: DropoutForm::Masks, precision, products, resident: None },
            // Masks would be drawn here and copied there, and so would parameters and gradients: nothing else is as large.
            // CUDA's atomic additions lose none.
            RanOn::Cuda { .. } => {
                Self { dropout: Self::operator(settings), precision, products, resident: Some(Scatter::Atomic) }
            }
        })
    }

    /// Dropout by the operator. Any seed does: the runtime's generator takes all of them.
    pub fn operator(settings: &TuneSettings) -> DropoutForm {
        DropoutForm::Operator { seed: settings.seed as i64 }
    }
}

/// Everything that a run starts from.
pub(crate) struct Start {
    pub graphs: TrainingGraphs,
    /// In the order of the graphs' parameters.
    pub values: Vec<Vec<f32>>,
}

impl Start {
    pub fn new(
        runtime: &Runtime,
        encoder: &TunableEncoder,
        settings: &TuneSettings,
        forms: Forms,
        notes: &mut Vec<Note>,
    ) -> Result<Self, TuneError> {
        let facts = encoder.facts();
        settings.freeze.check(encoder)?;
        settings.from_layer.map_or(Ok(()), |layer| settings.freeze.check_cut(encoder, layer))?;
        let mut random = Random::new(facts.initializer_range, settings.seed);
        let mut model = match encoder.source() {
            Source::Built { config, weights } => {
                with_pooler(encoder.model()?, config, weights, settings, &mut random, notes)?
            }
            Source::Given(graph) => as_given(graph, settings)?,
        };
        if let Some(layer) = settings.from_layer {
            model = cut(model, layer)?;
        }
        let is_above = |part: ModelPart| match (part, settings.from_layer) {
            (ModelPart::Head, _) | (_, None) => true,
            (ModelPart::Layers { last, .. }, Some(from)) => last >= from,
            (ModelPart::Embeddings, Some(_)) => false,
        };
        let is_trained = |part: ModelPart| is_above(part) && !settings.freeze.has(part);
        let has_pooler = settings.input.pool() == Some(Pool::Pooler);
        let parameters = encoder.parameters(has_pooler).into_iter();
        let trained: Vec<String> = parameters.filter(|(_, part)| is_trained(*part)).map(|(name, _)| name).collect();
        let spec = TrainingSpec {
            trained,
            input: settings.input,
            classes: settings.classes,
            loss: settings.loss.clone(),
            dropout: settings.dropout,
            dropout_form: forms.dropout,
            precision: forms.precision,
            product_form: forms.products,
            table_form: forms.resident.map_or(TableForm::Rows, TableForm::Dense),
        };
        let mut graphs = TrainingGraphs::build::<TuneError>(model, &spec, |model, masks| {
            learn(runtime, model, masks, facts, settings)
        })?;
        let mut initial = std::mem::take(&mut graphs.initial);
        initial.extend(head(facts.hidden_size, settings, &mut random)?);
        let values = graphs.parameters.iter().map(|parameter| initial.remove(&parameter.name).unwrap_or_default());
        let values = values.collect();
        Ok(Self { graphs, values })
    }
}

/// The graph of an encoder that is trained as it was given.
///
/// # Errors
/// [`TuneError::Setting`], [`TuneError::Cut`] and [`TuneError::NoPooler`] for what only larder's own graphs can do.
fn as_given(graph: &TrainableGraph, settings: &TuneSettings) -> Result<Model, TuneError> {
    if let Some(layer) = settings.from_layer {
        let problem =
            "the graph is trained as it was given, and larder cuts its own graphs alone: leave it out".to_owned();
        return Err(TuneError::Cut { layer, problem });
    }
    let DropoutRatios { hidden, attention, .. } = settings.dropout;
    if let Some(found) = [hidden, attention].into_iter().find(|&ratio| ratio > 0.0) {
        let expected = "0 inside the encoder, whose graph is trained as it was given: nothing in it says where to drop";
        return Err(TuneError::Setting { setting: "dropout", found: found.to_string(), expected });
    }
    let has_pooler = graph.model.outputs().iter().any(|output| output.name() == "pooler_output");
    match settings.input.pool() == Some(Pool::Pooler) && !has_pooler {
        true => Err(TuneError::NoPooler),
        false => Ok(graph.model.clone()),
    }
}

/// The encoder with a pooler, if the head reads one.
fn with_pooler(
    encoder: Model,
    config: &EncoderConfig,
    weights: &Weights,
    settings: &TuneSettings,
    random: &mut Random,
    notes: &mut Vec<Note>,
) -> Result<Model, TuneError> {
    if settings.input.pool() != Some(Pool::Pooler) {
        return Ok(encoder);
    }
    let pooler: Vec<_> =
        config.parameters(true).into_iter().filter(|parameter| parameter.name.starts_with("pooler.")).collect();
    if pooler.is_empty() {
        return Err(TuneError::NoPooler);
    }
    let given = match &settings.head {
        HeadStart::Given(given) => Some(given).filter(|given| given.contains(&pooler[0].name)),
        HeadStart::Random => None,
    };
    let has_one = pooler.iter().all(|parameter| encoder.initializer(&parameter.name).is_some());
    if has_one && given.is_none() {
        return Ok(encoder);
    }
    let mut values = Vec::new();
    for parameter in &pooler {
        values.push(match given {
            Some(given) => given.get(&parameter.name, &parameter.shape)?.to_vec(),
            None => random.parameter(&parameter.shape, parameter.initial),
        });
    }
    if given.is_none() {
        notes.push(Note::FreshPooler);
    }
    if has_one {
        return Ok(encoder.edited(|graph| {
            for (parameter, values) in pooler.iter().zip(&values) {
                let kept = graph.initializer.iter_mut().filter(|tensor| tensor.name() == parameter.name);
                kept.for_each(|tensor| *tensor = TensorProto::from_f32(&parameter.name, &parameter.shape, values));
            }
            Ok::<(), OnnxError>(())
        })?);
    }
    // A pooler's place in the graph depends on its weights: built again with them, under the names that the weights have.
    let prefix = weights.prefix(config.family);
    let mut weights = weights.clone();
    for (parameter, values) in pooler.iter().zip(values) {
        weights.insert(&format!("{prefix}{}", parameter.name), Weight { shape: parameter.shape.clone(), values })?;
    }
    Ok(build_to_train(config, &weights)?)
}

/// The head as it starts.
fn head(
    hidden_size: usize,
    settings: &TuneSettings,
    random: &mut Random,
) -> Result<HashMap<String, Vec<f32>>, TuneError> {
    let features = settings.input.width(hidden_size);
    let shapes = [(HEAD_WEIGHT, vec![settings.classes, features]), (HEAD_BIAS, vec![settings.classes])];
    let mut values = HashMap::new();
    for (name, shape) in shapes {
        let start = match &settings.head {
            HeadStart::Given(given) => given.get(name, &shape)?.to_vec(),
            HeadStart::Random => {
                let initial = if name == HEAD_WEIGHT { Initial::Normal } else { Initial::Zeros };
                random.parameter(&shape, initial)
            }
        };
        values.insert(name.to_owned(), start);
    }
    if let (HeadStart::Given(_), Some(weight)) = (&settings.head, values.get_mut(HEAD_WEIGHT)) {
        rescale(weight, hidden_size, settings.input, |weight, factor| weight / factor);
    }
    Ok(values)
}

/// Brings the head's weights from the features' own scale to that of the graphs, or back.
pub(crate) fn rescale(weight: &mut [f32], hidden_size: usize, input: HeadInput, by: fn(f32, f32) -> f32) {
    let Some(factors) = input.scale(hidden_size) else { return };
    for row in weight.chunks_mut(factors.len()) {
        row.iter_mut().zip(&factors).for_each(|(weight, &factor)| *weight = by(*weight, factor));
    }
}

/// New parameters.
struct Random {
    rng: ChaCha12Rng,
    deviation: f64,
}

impl Random {
    fn new(deviation: f64, seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(NEW_PARAMETERS);
        Self { rng, deviation }
    }

    fn parameter(&mut self, shape: &[usize], initial: Initial) -> Vec<f32> {
        let count = shape.iter().product();
        match initial {
            Initial::Zeros => vec![0.0; count],
            Initial::Ones => vec![1.0; count],
            Initial::Normal => {
                let mut draw = || Distribution::<f64>::sample(&StandardNormal, &mut self.rng) * self.deviation;
                (0..count).map(|_| draw() as f32).collect()
            }
        }
    }
}

/// Writes the graphs that train an encoder under `settings` into a folder, with the parameters as they start: what
/// [`TrainingGraphs::save`] writes. What is dropped they draw themselves, by the settings' seed. Products in half precision are
/// those of the settings' device: the CPU's are float32 products of rounded numbers. Gives the graphs.
///
/// # Errors
/// [`TuneError`].
pub fn export(
    runtime: &Runtime,
    encoder: &TunableEncoder,
    settings: &TuneSettings,
    folder: &Path,
) -> Result<TrainingGraphs, TuneError> {
    settings.check()?;
    let ran_on = settings.device.resolve(runtime).map_err(|problem| TuneError::Device(Box::new(problem)))?;
    let mut forms =
        Forms { dropout: Forms::operator(settings), resident: None, ..Forms::of(runtime, &ran_on, settings)? };
    if ran_on == RanOn::Cpu {
        // What is written runs without larder.
        (forms.precision, forms.products) = (settings.precision, ProductForm::Rounded);
    }
    let start = Start::new(runtime, encoder, settings, forms, &mut Vec::new())?;
    let values: Vec<&[f32]> = start.values.iter().map(Vec::as_slice).collect();
    start.graphs.save(folder, &values, &settings.adam)?;
    Ok(start.graphs)
}
