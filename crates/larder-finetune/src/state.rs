//! Parameters under training, with the optimizer's moments.

use larder_graphs::{AdamWStep, Gradient, HEAD_BIAS, HEAD_WEIGHT, HeadInput, TrainedParameter};
use larder_onnx::{OnnxError, Weight, Weights};
use larder_runtime::TensorView;
use rayon::ThreadPool;

use crate::TunableEncoder;
use crate::encoder::Source;
use crate::inputs::TrainingInputs;
use crate::part::ModelPart;
use crate::settings::TuneSettings;
use crate::start::rescale;

/// Parameters under training, all in one order.
pub(crate) struct State {
    pub parameters: Vec<TrainedParameter>,
    pub values: Vec<Vec<f32>>,
    /// First moments.
    pub m: Vec<Vec<f32>>,
    /// Second moments.
    pub v: Vec<Vec<f32>>,
    /// Empty where they stay on a device.
    pub gradients: Vec<Gradient>,
    pub groups: Vec<UpdateRates>,
}

/// The learning rate and weight decay of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UpdateRates {
    /// Before the schedule's factor.
    pub learning_rate: f64,
    pub weight_decay: f64,
}

impl State {
    pub fn new(
        parameters: Vec<TrainedParameter>,
        values: Vec<Vec<f32>>,
        encoder: &TunableEncoder,
        settings: &TuneSettings,
    ) -> Self {
        let zeros = || values.iter().map(|values| vec![0.0; values.len()]).collect::<Vec<_>>();
        let (m, v) = (zeros(), zeros());
        let gradients = parameters.iter().map(Gradient::new).collect();
        let group = |parameter: &TrainedParameter| {
            let part = encoder.part(&parameter.name);
            let base = match part {
                ModelPart::Head => settings.head_learning_rate.unwrap_or(settings.learning_rate),
                _ => settings.learning_rate,
            };
            // Biases and normalisations are vectors, and nothing else is.
            let decays = parameter.shape.len() > 1;
            UpdateRates {
                learning_rate: base * part.rate(encoder.layers(), settings.layer_decay),
                weight_decay: if decays { settings.weight_decay } else { 0.0 },
            }
        };
        let groups = parameters.iter().map(group).collect();
        Self { parameters, values, m, v, gradients, groups }
    }

    /// Parameters as a graph takes them.
    pub fn views<'a>(parameters: &'a [TrainedParameter], values: &'a [Vec<f32>]) -> Vec<(&'a str, TensorView<'a>)> {
        let view = |(parameter, values): (&'a TrainedParameter, &'a Vec<f32>)| {
            (parameter.name.as_str(), TensorView::f32(&parameter.shape, values))
        };
        parameters.iter().zip(values).map(view).collect()
    }

    /// The norm of all gradients together. `borrowed` are the gradients of all parameters as the graph gave them, or empty.
    pub fn gradient_norm(&self, borrowed: &[&[f32]], pool: &ThreadPool) -> f64 {
        let square_sum = |(place, gradient): (usize, &Gradient)| gradient.square_sum(borrowed.get(place).copied());
        pool.install(|| self.gradients.iter().enumerate().map(square_sum).sum::<f64>().sqrt())
    }

    /// One step of the optimizer; `step` counts from 1, and `borrowed` is as for [`State::gradient_norm`].
    pub fn update(
        &mut self,
        borrowed: &[&[f32]],
        pool: &ThreadPool,
        settings: &TuneSettings,
        step: usize,
        factor: f64,
        clip: f64,
    ) {
        let Self { values, m, v, gradients, groups, .. } = self;
        pool.install(|| {
            let parameters = values.iter_mut().zip(m).zip(v).zip(gradients).zip(groups).enumerate();
            for (place, ((((values, m), v), gradient), group)) in parameters {
                let update =
                    AdamWStep::new(&settings.adam, step, group.learning_rate * factor, group.weight_decay, clip);
                gradient.apply(update, values, m, v, borrowed.get(place).copied());
            }
        });
    }

    /// Takes the steps that rows of tables have put off: before anything but the next batch reads them.
    pub fn catch_up(&mut self, pool: &ThreadPool) {
        let Self { values, m, v, gradients, .. } = self;
        pool.install(|| {
            for (((values, m), v), gradient) in values.iter_mut().zip(m).zip(v).zip(gradients) {
                gradient.catch_up(None, values, m, v);
            }
        });
    }

    /// The parameters alone.
    pub fn into_values(self) -> (Vec<TrainedParameter>, Vec<Vec<f32>>) {
        (self.parameters, self.values)
    }

    /// Restores the values and moments of a checkpoint.
    pub fn restore(&mut self, values: Vec<Vec<f32>>, m: Vec<Vec<f32>>, v: Vec<Vec<f32>>) {
        (self.values, self.m, self.v) = (values, m, v);
        for ((gradient, m), v) in self.gradients.iter_mut().zip(&self.m).zip(&self.v) {
            gradient.restore(m, v);
        }
    }
}

/// The encoder's weights after the run, those that were not trained included, and the head.
///
/// # Errors
/// As [`Weights::get`] and [`Weights::insert`].
pub(crate) fn tuned(
    inputs: &TrainingInputs<'_>,
    input: HeadInput,
    parameters: Vec<TrainedParameter>,
    values: Vec<Vec<f32>>,
) -> Result<(Weights, Weights), OnnxError> {
    let (mut weights, mut head) = (Weights::default(), Weights::default());
    for (parameter, mut values) in parameters.into_iter().zip(values) {
        let is_head = [HEAD_WEIGHT, HEAD_BIAS].contains(&parameter.name.as_str());
        if parameter.name == HEAD_WEIGHT {
            rescale(&mut values, inputs.encoder.facts().hidden_size, input, |weight, factor| weight * factor);
        }
        let weight = Weight { shape: parameter.shape, values };
        if is_head { &mut head } else { &mut weights }.insert(&parameter.name, weight)?;
    }
    match inputs.encoder.source() {
        Source::Built { config, weights: start } => {
            let prefix = start.prefix(config.family);
            for parameter in config.parameters(true) {
                let given = format!("{prefix}{}", parameter.name);
                if !weights.contains(&parameter.name) && start.contains(&given) {
                    let values = start.get(&given, &parameter.shape)?.to_vec();
                    weights.insert(&parameter.name, Weight { shape: parameter.shape, values })?;
                }
            }
        }
        Source::Given(graph) => {
            for parameter in &graph.parameters {
                if !weights.contains(&parameter.name) {
                    let values = graph.model.initializer_floats(&parameter.name)?.into_owned();
                    weights.insert(&parameter.name, Weight { shape: parameter.shape.clone(), values })?;
                }
            }
        }
    }
    Ok((weights, head))
}
