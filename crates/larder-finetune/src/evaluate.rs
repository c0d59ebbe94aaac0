//! What the encoder and head answer as they are.

use larder_graphs::{HeadInput, TrainedParameter, TrainingGraphs};
use larder_runtime::{Runtime, Session, SessionSettings, TensorView};

use crate::batch::{BATCH_INPUTS, Batches};
use crate::settings::TuneSettings;
use crate::state::State;
use crate::{Example, TuneError};

/// Examples run at a time: as many as keep two cores busy at the lengths of sentences.
const ROWS: usize = 64;

/// Tokens run at a time, padding included, where examples are long: activations then stay below those of a training step.
const TOKENS: usize = 4096;

const GRAPH: &str = "evaluation graph";

/// What the encoder and head answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Row-major `[labels, classes]`: a row for each label that counts, in the order of the examples and inside each in the
    /// order of its labels. Of texts each has one.
    pub logits: Vec<f32>,
    /// The mean over those labels, weighed as in training; 0 without any.
    pub loss: f64,
}

/// Examples to judge by, and the graph that answers them.
pub(crate) struct Evaluator<'a> {
    session: Session,
    batches: Batches<'a>,
    /// For each example the row of its first label.
    first_rows: Vec<usize>,
    /// Labels that count.
    labels: usize,
    /// Places of the examples that are run together, the shortest first.
    order: Vec<Vec<usize>>,
    names: Vec<&'static str>,
    classes: usize,
}

impl<'a> Evaluator<'a> {
    pub fn new(
        runtime: &Runtime,
        graphs: &TrainingGraphs,
        batches: Batches<'a>,
        settings: &TuneSettings,
        session_settings: &SessionSettings,
    ) -> Result<Self, TuneError> {
        let session_settings = SessionSettings { name: Some(GRAPH.to_owned()), ..session_settings.clone() };
        let session =
            Session::from_bytes(runtime, &graphs.eval.to_bytes()?, &session_settings).map_err(TuneError::run(GRAPH))?;
        let names = BATCH_INPUTS.into_iter().filter(|name| session.inputs().iter().any(|info| info.name == *name));
        let names = names.collect();
        let (mut first_rows, mut labels) = (Vec::new(), 0);
        for example in batches.examples {
            first_rows.push(labels);
            labels += example.counted().count();
        }
        let order = order(batches.examples);
        Ok(Self { session, batches, first_rows, labels, order, names, classes: settings.classes })
    }

    pub fn run(
        &mut self,
        parameters: &[TrainedParameter],
        values: &[Vec<f32>],
        settings: &TuneSettings,
    ) -> Result<Evaluated, TuneError> {
        let classes = self.classes;
        let mut logits = vec![0.0; self.labels * classes];
        let (mut sum, mut counted) = (0.0, 0.0);
        let fed = State::views(parameters, values);
        for rows in &self.order {
            let examples: Vec<&Example> = rows.iter().map(|&row| &self.batches.examples[row]).collect();
            let batch = self.batches.of(rows)?;
            // Rows of logits that each example has.
            let width = if settings.input == HeadInput::Tokens { batch.shape[1] } else { 1 };
            let mut inputs: Vec<(&str, TensorView<'_>)> = batch.views(&self.names);
            inputs.extend(fed.iter().copied());
            let read = |views: &[TensorView<'_>]| {
                let [loss, found] = [0, 1].map(|place| views[place].as_f32().unwrap_or_default());
                for ((&row, example), found) in rows.iter().zip(&examples).zip(found.chunks(width * classes)) {
                    let kept = logits[self.first_rows[row] * classes..].chunks_mut(classes);
                    for ((place, _), kept) in example.counted().zip(kept) {
                        kept.copy_from_slice(&found[place * classes..][..classes]);
                    }
                }
                loss.first().copied().unwrap_or(f32::NAN)
            };
            let loss = self.session.run_with(&inputs, &["loss", "logits"], read).map_err(TuneError::run(GRAPH))?;
            let weight = settings.counted(&examples);
            sum += f64::from(loss) * weight;
            counted += weight;
        }
        Ok(Evaluated { logits, loss: if counted > 0.0 { sum / counted } else { 0.0 } })
    }
}

/// Which examples are run together: of like length, and as many as [`ROWS`] and [`TOKENS`] allow.
fn order(examples: &[Example]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..examples.len()).collect();
    places.sort_by_key(|&row| examples[row].len());
    let mut order: Vec<Vec<usize>> = Vec::new();
    for row in places {
        // The last is the longest.
        let fits = |rows: &&mut Vec<usize>| rows.len() < ROWS && (rows.len() + 1) * examples[row].len() <= TOKENS;
        match order.last_mut().filter(fits) {
            Some(rows) => rows.push(row),
            None => order.push(vec![row]),
        }
    }
    order
}
