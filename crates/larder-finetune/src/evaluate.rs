//! Evaluating the encoder and head with their current parameters.

use larder_graphs::HeadInput;
use larder_runtime::{Bound, Session, TensorView};

use crate::batch::{BATCH_INPUTS, Batches};
use crate::graph::EVALUATION;
use crate::settings::TuneSettings;
use crate::state::State;
use crate::{Example, TuneError};

/// Examples run at a time: as many as keep two cores busy at the lengths of sentences.
const ROWS: usize = 64;

/// Tokens run at a time, padding included, where examples are long: activations then stay below those of a training step.
const TOKENS: usize = 4096;

/// The logits and loss of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Row-major `[labels, classes]`: a row for each label that counts, in the order of the examples and inside each in the
    /// order of its labels. Of texts each has one. These are the head's outputs as they are: a squared error is taken of them, and
    /// a label of several is probable by their sigmoid.
    pub logits: Vec<f32>,
    /// The mean over those labels, weighed as in training (of targets that are numbers: over all of them); 0 without any.
    pub loss: f64,
}

/// The evaluation graph, by where its parameters are.
pub(crate) enum EvalGraph {
    /// Here: it is given them with every batch.
    Host(Session),
    /// On the device that runs the graph.
    Device(Box<Bound>),
}

impl EvalGraph {
    fn session(&self) -> &Session {
        match self {
            Self::Host(session) => session,
            Self::Device(bound) => bound.session(),
        }
    }
}

/// The graph that answers examples.
pub(crate) struct Evaluator<'a> {
    graph: EvalGraph,
    batches: Batches<'a>,
    names: Vec<&'static str>,
    classes: usize,
    /// Examples that run together at most.
    rows: usize,
}

impl<'a> Evaluator<'a> {
    /// `alone` where padding would change the answers.
    pub fn new(graph: EvalGraph, batches: Batches<'a>, settings: &TuneSettings, alone: bool) -> Self {
        let inputs = graph.session().inputs();
        let names = BATCH_INPUTS.into_iter().filter(|name| inputs.iter().any(|info| info.name == *name)).collect();
        Self { graph, batches, names, classes: settings.classes, rows: if alone { 1 } else { ROWS } }
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.batches.examples.len()
    }

    /// Evaluates the examples at the indices `places`, with the state's parameters or those on the device.
    pub fn run(&mut self, places: &[usize], state: &State, settings: &TuneSettings) -> Result<Evaluated, TuneError> {
        let classes = self.classes;
        let all = self.batches.examples;
        // Where the rows of each begin.
        let (mut first_rows, mut labels) = (Vec::new(), 0);
        for &place in places {
            first_rows.push(labels);
            labels += all[place].targets.answered().len();
        }
        let mut logits = vec![0.0; labels * classes];
        let (mut sum, mut counted) = (0.0, 0.0);
        let fed = match &self.graph {
            EvalGraph::Host(_) => State::views(&state.parameters, &state.values),
            EvalGraph::Device(_) => Vec::new(),
        };
        for together in order(all, places, self.rows) {
            let rows: Vec<usize> = together.iter().map(|&number| places[number]).collect();
            let examples: Vec<&Example> = rows.iter().map(|&row| &all[row]).collect();
            let batch = self.batches.of(&rows)?;
            // Rows of logits that each example has.
            let width = if settings.input == HeadInput::Tokens { batch.shape[1] } else { 1 };
            let mut inputs: Vec<(&str, TensorView<'_>)> = batch.views(&self.names);
            inputs.extend(fed.iter().copied());
            let read = |views: &[TensorView<'_>]| {
                let [loss, found] = [0, 1].map(|place| views[place].as_f32().unwrap_or_default());
                let found = found.chunks(width * classes);
                for ((&number, example), found) in together.iter().zip(&examples).zip(found) {
                    let kept = logits[first_rows[number] * classes..].chunks_mut(classes);
                    for (place, kept) in example.targets.answered().into_iter().zip(kept) {
                        kept.copy_from_slice(&found[place * classes..][..classes]);
                    }
                }
                loss.first().copied().unwrap_or(f32::NAN)
            };
            let outputs = ["loss", "logits"];
            let loss = match &mut self.graph {
                EvalGraph::Host(session) => session.run_with(&inputs, &outputs, read),
                EvalGraph::Device(bound) => bound.run_with(&inputs, &outputs, read),
            };
            let loss = loss.map_err(TuneError::run(EVALUATION))?;
            let weight = settings.counted(&examples);
            sum += f64::from(loss) * weight;
            counted += weight;
        }
        Ok(Evaluated { logits, loss: if counted > 0.0 { sum / counted } else { 0.0 } })
    }
}

/// Groups of indices into `places` to run together: of similar length, the shortest first, and as many as `most` and
/// [`TOKENS`] allow.
fn order(examples: &[Example], places: &[usize], most: usize) -> Vec<Vec<usize>> {
    let length = |number: usize| examples[places[number]].padded_tokens();
    let mut numbers: Vec<usize> = (0..places.len()).collect();
    numbers.sort_by_key(|&number| length(number));
    let mut order: Vec<Vec<usize>> = Vec::new();
    for number in numbers {
        // The last is the longest.
        let fits = |rows: &&mut Vec<usize>| rows.len() < most && (rows.len() + 1) * length(number) <= TOKENS;
        match order.last_mut().filter(fits) {
            Some(rows) => rows.push(number),
            None => order.push(vec![number]),
        }
    }
    order
}
