//! Parameters of the host: the training graph is lent them with every batch, and gives their gradients.

use larder_graphs::{CLIP_EPSILON, GradientOutput, RowNumbers, TrainedParameter};
use larder_runtime::{Results, Session, TensorView};
use rayon::ThreadPool;

use crate::TuneError;
use crate::batch::Batch;
use crate::graph::{TRAINING, scalar};
use crate::settings::TuneSettings;
use crate::state::State;

/// The training graph, and where its outputs are.
pub(super) struct Host {
    session: Session,
    /// The loss, a gradient for each parameter, then row numbers.
    outputs: Vec<String>,
    numbers: Vec<Numbers>,
    /// What the graph gave for the one batch of a step: its gradients are used where they lie.
    given: Option<Results>,
}

/// A batch among those of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is no other.
    Only,
    First,
    Later,
}

impl Place {
    /// That of a number from 0 among so many.
    pub fn of(number: usize, batches: usize) -> Self {
        match (number, batches) {
            (_, 1) => Self::Only,
            (0, _) => Self::First,
            _ => Self::Later,
        }
    }
}

/// Which rows of a table a gradient is of.
enum Numbers {
    /// It is no table's.
    None,
    /// Those of this input.
    Input(String),
    /// Those of the output at that place.
    Output(usize),
}

impl Host {
    pub fn new(session: Session, parameters: &[TrainedParameter]) -> Self {
        let mut outputs = vec!["loss".to_owned()];
        outputs.extend(parameters.iter().map(|parameter| parameter.output().to_owned()));
        let mut numbers = Vec::new();
        for parameter in parameters {
            numbers.push(match &parameter.gradient {
                GradientOutput::Dense { .. } => Numbers::None,
                GradientOutput::Rows { rows: RowNumbers::Input(name), .. } => Numbers::Input(name.clone()),
                GradientOutput::Rows { rows: RowNumbers::Output(name), .. } => {
                    outputs.push(name.clone());
                    Numbers::Output(outputs.len() - 1)
                }
            });
        }
        Self { session, outputs, numbers, given: None }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs the graph on a batch, of whose inputs `fed` are those that are no parameters, and gives the loss. Of the
    /// batch that is a step by itself the gradients stay where they are until [`Host::update`]; those of others are added up.
    pub fn gradients(
        &mut self,
        state: &mut State,
        batch: &Batch,
        fed: &[(&str, TensorView<'_>)],
        place: Place,
        pool: &ThreadPool,
    ) -> Result<f64, TuneError> {
        let State { parameters, values, gradients, .. } = state;
        let mut inputs = fed.to_vec();
        inputs.extend(State::views(parameters, values));
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let given = self.session.run_kept(&inputs, &outputs).map_err(TuneError::run(TRAINING))?;
        let views = given.views().map_err(TuneError::run(TRAINING))?;
        pool.install(|| {
            for ((gradient, view), numbers) in gradients.iter_mut().zip(&views[1..]).zip(&self.numbers) {
                let numbers = match numbers {
                    Numbers::None if place == Place::Only => continue,
                    Numbers::None => &[],
                    Numbers::Input(name) => batch.input(name),
                    Numbers::Output(output) => views[*output].as_i64().unwrap_or_default(),
                };
                gradient.add(view.as_f32().unwrap_or_default(), numbers, place != Place::Later);
            }
        });
        let loss = scalar(&views);
        drop(views);
        self.given = (place == Place::Only).then_some(given);
        Ok(loss)
    }

    /// A step of the optimizer, of the gradients divided by `scale`; gives their norm. Nothing is changed where that or the
    /// `loss` is no finite number.
    pub fn update(
        &mut self,
        state: &mut State,
        settings: &TuneSettings,
        pool: &ThreadPool,
        (step, factor): (usize, f64),
        (loss, scale): (f64, f64),
    ) -> Result<f64, TuneError> {
        let given = self.given.take();
        let views =
            given.as_ref().map(Results::views).transpose().map_err(TuneError::run(TRAINING))?.unwrap_or_default();
        let fresh: Vec<&[f32]> = views.iter().skip(1).map(|view| view.as_f32().unwrap_or_default()).collect();
        let norm = state.gradient_norm(&fresh, pool) / scale;
        if loss.is_finite() && norm.is_finite() {
            let limit = settings.clip.unwrap_or(f64::INFINITY);
            let clip = (limit / (norm + CLIP_EPSILON)).min(1.0);
            state.update(&fresh, pool, settings, step, factor, clip / scale);
        }
        Ok(norm)
    }
}
