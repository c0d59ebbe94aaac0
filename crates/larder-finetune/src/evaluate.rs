//! What the encoder and head answer as they are.

use larder_graphs::{TrainedParameter, TrainingGraphs};
use larder_runtime::{Runtime, Session, SessionSettings, TensorView};

use crate::batch::{BATCH_INPUTS, Batch};
use crate::settings::TuneSettings;
use crate::state::State;
use crate::{Example, TuneError};

/// Examples run at a time: as many as keep two cores busy at the lengths of sentences.
const ROWS: usize = 64;

const GRAPH: &str = "evaluation graph";

/// What the encoder and head answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Row-major `[examples, classes]`, in the order of the examples.
    pub logits: Vec<f32>,
    /// The mean over the examples, weighed as in training.
    pub loss: f64,
}

/// Examples to judge by, and the graph that answers them.
pub(crate) struct Evaluator<'a> {
    session: Session,
    examples: &'a [Example],
    /// Places of the examples, shortest first.
    order: Vec<usize>,
    names: Vec<&'static str>,
    classes: usize,
    pad: i64,
}

impl<'a> Evaluator<'a> {
    pub fn new(
        runtime: &Runtime,
        graphs: &TrainingGraphs,
        examples: &'a [Example],
        settings: &TuneSettings,
        session_settings: &SessionSettings,
        pad: i64,
    ) -> Result<Self, TuneError> {
        let session_settings = SessionSettings { name: Some(GRAPH.to_owned()), ..session_settings.clone() };
        let session =
            Session::from_bytes(runtime, &graphs.eval.to_bytes()?, &session_settings).map_err(TuneError::run(GRAPH))?;
        let names = BATCH_INPUTS.into_iter().filter(|name| session.inputs().iter().any(|info| info.name == *name));
        let names = names.collect();
        let mut order: Vec<usize> = (0..examples.len()).collect();
        order.sort_by_key(|&row| examples[row].len());
        Ok(Self { session, examples, order, names, classes: settings.classes, pad })
    }

    pub fn run(
        &mut self,
        parameters: &[TrainedParameter],
        values: &[Vec<f32>],
        settings: &TuneSettings,
    ) -> Result<Evaluated, TuneError> {
        let mut logits = vec![0.0; self.examples.len() * self.classes];
        let (mut sum, mut counted) = (0.0, 0.0);
        let fed = State::views(parameters, values);
        for rows in self.order.chunks(ROWS) {
            let examples: Vec<&Example> = rows.iter().map(|&row| &self.examples[row]).collect();
            let batch = Batch::new(&examples, self.pad);
            let mut inputs: Vec<(&str, TensorView<'_>)> = batch.views(&self.names);
            inputs.extend(fed.iter().copied());
            let classes = self.classes;
            let read = |views: &[TensorView<'_>]| {
                let [loss, found] = [0, 1].map(|place| views[place].as_f32().unwrap_or_default());
                for (&row, found) in rows.iter().zip(found.chunks(classes)) {
                    logits[row * classes..][..classes].copy_from_slice(found);
                }
                loss.first().copied().unwrap_or(f32::NAN)
            };
            let loss = self.session.run_with(&inputs, &["loss", "logits"], read).map_err(TuneError::run(GRAPH))?;
            let weight = settings.counted(&examples);
            sum += f64::from(loss) * weight;
            counted += weight;
        }
        Ok(Evaluated { logits, loss: sum / counted })
    }
}
