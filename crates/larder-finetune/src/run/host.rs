//! Parameters of the host: the training graph is lent them with every batch, and gives their gradients.

use larder_graphs::{CLIP_EPSILON, GradientOutput, RowNumbers, TrainedParameter};
use larder_runtime::{Results, Session, TensorView};
use rayon::ThreadPool;

use crate::TuneError;
use crate::batch::PaddedBatch;
use crate::graph::{TRAINING, scalar};
use crate::settings::TuneSettings;
use crate::state::State;

/// The training graph, and where its outputs are.
pub(super) struct Host {
    session: Session,
    /// The loss, a gradient for each parameter, then row numbers.
    output_names: Vec<String>,
    row_indices: Vec<RowIndexSource>,
    /// The outputs of a step's only batch: its gradients are borrowed from them.
    outputs: Option<Results>,
}

/// A batch among those of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccumulationPosition {
    /// There is no other.
    Only,
    First,
    Later,
}

impl AccumulationPosition {
    /// The position of batch `number`, counted from 0, among `batches`.
    pub fn of(number: usize, batches: usize) -> Self {
        match (number, batches) {
            (_, 1) => Self::Only,
            (0, _) => Self::First,
            _ => Self::Later,
        }
    }
}

/// The source of the row indices of a table's gradient.
enum RowIndexSource {
    /// The gradient is dense.
    None,
    /// The values of this input.
    Input(String),
    /// The values of the output at that index.
    Output(usize),
}

impl Host {
    pub fn new(session: Session, parameters: &[TrainedParameter]) -> Self {
        let mut output_names = vec!["loss".to_owned()];
        output_names.extend(parameters.iter().map(|parameter| parameter.output().to_owned()));
        let mut row_indices = Vec::new();
        for parameter in parameters {
            row_indices.push(match &parameter.gradient {
                GradientOutput::Dense { .. } => RowIndexSource::None,
                GradientOutput::Rows { rows: RowNumbers::Input(name), .. } => RowIndexSource::Input(name.clone()),
                GradientOutput::Rows { rows: RowNumbers::Output(name), .. } => {
                    output_names.push(name.clone());
                    RowIndexSource::Output(output_names.len() - 1)
                }
            });
        }
        Self { session, output_names, row_indices, outputs: None }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs the training graph on one batch and returns its loss. `fed` holds the inputs other than parameters. The gradients of
    /// a step's only batch stay where they are until [`Host::update`]; those of several batches are added up.
    pub fn gradients(
        &mut self,
        state: &mut State,
        batch: &PaddedBatch,
        fed: &[(&str, TensorView<'_>)],
        position: AccumulationPosition,
        pool: &ThreadPool,
    ) -> Result<f64, TuneError> {
        let State { parameters, values, m, v, gradients, .. } = state;
        for (place, source) in self.row_indices.iter().enumerate() {
            if let RowIndexSource::Input(name) = source {
                let read = Some(batch.ids(name));
                gradients[place].catch_up(read, &mut values[place], &mut m[place], &mut v[place]);
            }
        }
        let mut inputs = fed.to_vec();
        inputs.extend(State::views(parameters, values));
        let names: Vec<&str> = self.output_names.iter().map(String::as_str).collect();
        let outputs = self.session.run_kept(&inputs, &names).map_err(TuneError::run(TRAINING))?;
        let views = outputs.views().map_err(TuneError::run(TRAINING))?;
        pool.install(|| {
            for ((gradient, view), source) in gradients.iter_mut().zip(&views[1..]).zip(&self.row_indices) {
                let indices = match source {
                    RowIndexSource::None if position == AccumulationPosition::Only => continue,
                    RowIndexSource::None => &[],
                    RowIndexSource::Input(name) => batch.ids(name),
                    RowIndexSource::Output(output) => views[*output].as_i64().unwrap_or_default(),
                };
                gradient.add(view.as_f32().unwrap_or_default(), indices, position != AccumulationPosition::Later);
            }
        });
        let loss = scalar(&views);
        drop(views);
        self.outputs = (position == AccumulationPosition::Only).then_some(outputs);
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
        let outputs = self.outputs.take();
        let views =
            outputs.as_ref().map(Results::views).transpose().map_err(TuneError::run(TRAINING))?.unwrap_or_default();
        let borrowed: Vec<&[f32]> = views.iter().skip(1).map(|view| view.as_f32().unwrap_or_default()).collect();
        let norm = state.gradient_norm(&borrowed, pool) / scale;
        if loss.is_finite() && norm.is_finite() {
            let limit = settings.clip.unwrap_or(f64::INFINITY);
            let clip = (limit / (norm + CLIP_EPSILON)).min(1.0);
            state.update(&borrowed, pool, settings, step, factor, clip / scale);
        }
        Ok(norm)
    }
}
