//! A run under way: its steps.

mod digest;
mod host;
mod judge;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use larder_errors::count;
use larder_graphs::{DropoutMask, LOSS_SCALE, Precision, TrainingGraphs, dropout_key};
use larder_runtime::{Device, Runtime, SessionSettings, TensorView, require_memory};
use rayon::ThreadPool;

use crate::batch::{BATCH_INPUTS, Batches, DEVICE_WIDTH, PaddedBatch, Width};
use crate::checkpoint::{self, Checkpoint, LAST_FILE, Progress};
use crate::collapse::Watch;
use crate::evaluate::{EvalGraph, Evaluator};
use crate::graph::{EVALUATION, TRAINING, session};
use crate::inputs::TrainingInputs;
use crate::note::Note;
use crate::observer::{HistoryRow, Observer};
use crate::plan::{Plan, Step};
use crate::preset::Preset;
use crate::resident::Resident;
use crate::result::{Score, StopReason};
use crate::scale::LossScale;
use crate::settings::TuneSettings;
use crate::split::SplitOf;
use crate::start::{Forms, Start};
use crate::state::State;
use crate::{Example, TuneError, threads};

use digest::run_digest;
use host::{AccumulationPosition, Host};

/// The time between two checkpoints where no number of steps is given: a killed run loses that much at most.
const SAVE_AFTER: Duration = Duration::from_secs(600);

/// Bytes of memory for each parameter beside itself: its gradient, and the two moments of the optimizer.
const STATE_BYTES: u64 = 12;

/// The place of the parameters.
enum Engine {
    /// In the process: the graph reads parameters and returns gradients.
    Host(Box<Host>),
    /// On the device that runs the graph.
    Device(Box<Resident>),
}

/// A run under way.
pub(crate) struct Run<'a> {
    inputs: &'a TrainingInputs<'a>,
    settings: &'a TuneSettings,
    batches: Batches<'a>,
    engine: Engine,
    /// Answers the examples to judge by; those that are trained on, where only a collapse is looked for.
    evaluator: Option<Evaluator<'a>>,
    /// Looks for a collapse.
    watch: Option<Watch>,
    pool: ThreadPool,
    state: State,
    progress: Progress,
    /// The time of the last checkpoint.
    saved: Instant,
    last: Option<Score>,
    /// The best parameters, where no folder keeps them.
    best: Option<Vec<Vec<f32>>>,
    batch_inputs: Vec<&'static str>,
    /// The dropout masks that the graph takes, and what is fed as each.
    masks: Vec<(DropoutMask, Vec<f32>)>,
}

impl<'a> Run<'a> {
    pub fn new(
        runtime: &Runtime,
        inputs: &'a TrainingInputs<'a>,
        settings: &'a TuneSettings,
        (device, forms): (Device, Forms),
        start: Start,
    ) -> Result<Self, TuneError> {
        let Start { graphs, values } = start;
        let TrainingInputs { encoder, train, dev, .. } = *inputs;
        let facts = encoder.facts();
        let session_settings = SessionSettings { device, intra_threads: settings.threads, ..Default::default() };
        let pad = facts.pad_token_id;
        let hidden = inputs.hidden.map(|states| (states, facts.hidden_size));
        let width = match forms.resident {
            Some(_) => Width { multiple: DEVICE_WIDTH, most: facts.max_positions },
            None => Width::EXACT,
        };
        let batches = Batches { examples: train, split: SplitOf::Train, input: settings.input, pad, hidden, width };
        let judged = match dev {
            [] => batches,
            dev => Batches { examples: dev, split: SplitOf::Dev, ..batches },
        };
        let lengths: Vec<usize> = train.iter().map(Example::padded_tokens).collect();
        let watch = Watch::new(train, settings, Plan::new(&lengths, settings).total());
        let evaluates = watch.is_some() || !dev.is_empty();
        let TrainingGraphs { training, eval, parameters, masks, .. } = graphs;
        let parameters_in_all: usize = values.iter().map(Vec::len).sum();
        let fewer = "train less of the encoder (`--freeze`, `--from-layer`), or take a smaller one";
        require_memory(
            || format!("fine-tuning {} parameters", count(parameters_in_all as u64)),
            STATE_BYTES * parameters_in_all as u64,
            fewer,
        )
        .map_err(|error| TuneError::Memory(Box::new(error)))?;
        let mut state = State::new(parameters, values, encoder, settings);
        // Each graph is gone once a session has it, with the constants in it.
        let (engine, eval) = match forms.resident {
            None => {
                let training = session(runtime, training, TRAINING, &session_settings)?;
                let eval = evaluates.then(|| session(runtime, eval, EVALUATION, &session_settings));
                let host = Host::new(training, &state.parameters);
                (Engine::Host(Box::new(host)), eval.transpose()?.map(EvalGraph::Host))
            }
            Some(_) => {
                state.gradients = Vec::new();
                let adds = settings.accumulation > 1;
                let resident = Resident::new(runtime, training, &state, &settings.adam, adds, &session_settings)?;
                let eval = evaluates.then(|| resident.evaluation(runtime, eval, &state.parameters, &session_settings));
                (Engine::Device(Box::new(resident)), eval.transpose()?.map(|graph| EvalGraph::Device(Box::new(graph))))
            }
        };
        let evaluator = eval.map(|graph| Evaluator::new(graph, judged, settings, facts.reads_padding));
        let pool = threads::pool(&session_settings)?;
        let takes = |name: &&str| match &engine {
            Engine::Host(host) => host.session().inputs().iter().any(|info| info.name == **name),
            Engine::Device(resident) => resident.takes(name),
        };
        let batch_inputs = BATCH_INPUTS.into_iter().filter(takes).collect();
        let run = run_digest(inputs, settings, device)?;
        let progress = Progress { run, scale: LossScale::new(settings), ..Default::default() };
        let masks = masks.into_iter().map(|mask| (mask, Vec::new())).collect();
        Ok(Self {
            inputs,
            settings,
            batches,
            engine,
            evaluator,
            watch,
            pool,
            state,
            progress,
            saved: Instant::now(),
            last: None,
            best: None,
            batch_inputs,
            masks,
        })
    }

    /// The checkpoint of this run, if there is one.
    pub fn checkpoint(&self, folder: &Path) -> Result<Option<Checkpoint>, TuneError> {
        checkpoint::read_last(&folder.join(LAST_FILE), &self.state.parameters, &self.progress.run)
    }

    /// Continues from a checkpoint.
    pub fn resume(&mut self, found: Checkpoint) -> Result<(), TuneError> {
        self.progress = found.progress;
        self.state.restore(found.values, found.m, found.v);
        match &mut self.engine {
            Engine::Host(_) => Ok(()),
            Engine::Device(resident) => resident.upload(&self.state),
        }
    }

    /// A note on steps that were skipped because of overflow, if there are any.
    pub fn skipped(&self) -> Option<Note> {
        let steps = self.progress.scale.skipped;
        (steps > 0).then(|| Note::Skipped { steps, loss_scale: self.progress.scale.value() })
    }

    /// Runs all remaining steps.
    pub fn all(&mut self, observer: &mut dyn Observer) -> Result<StopReason, TuneError> {
        let lengths: Vec<usize> = self.inputs.train.iter().map(Example::padded_tokens).collect();
        let plan = Plan::new(&lengths, self.settings);
        let total = plan.total();
        let mut watch = self.watch.take();
        let mut step = 0;
        for epoch in 0.. {
            let steps = plan.epoch(epoch);
            let last_of_epoch = steps.len() - 1;
            for (place, batches) in steps.iter().enumerate() {
                if step == total {
                    return Ok(StopReason::Finished);
                }
                step += 1;
                let counted = batches.iter().map(|rows| self.counted(rows)).sum();
                // Done before the run was taken up again.
                if step <= self.progress.step {
                    let loss = self.progress.history.get(step - 1).map_or(0.0, |row| row.loss);
                    watch.iter_mut().for_each(|watch| watch.saw(loss, counted));
                    continue;
                }
                let row = self.step(step, epoch, batches, total)?;
                self.progress.step = step;
                self.progress.history.push(row.clone());
                if observer.step(&row, total) == ControlFlow::Break(()) {
                    return Ok(StopReason::Stopped);
                }
                if let Some(watch) = &mut watch {
                    watch.saw(row.loss, counted);
                    self.check_collapse(watch, step)?;
                }
                let is_time = match self.settings.evaluate_every {
                    Some(steps) => step.is_multiple_of(steps),
                    None => place == last_of_epoch,
                };
                let evaluates = !self.inputs.dev.is_empty() && (is_time || step == total);
                let is_over = evaluates && self.evaluate(step, observer)?;
                let ends = step < total && !is_over && observer.asks_to_end();
                let saves = match self.settings.save_every {
                    Some(steps) => step.is_multiple_of(steps),
                    None => self.saved.elapsed() >= SAVE_AFTER,
                };
                if evaluates || saves || ends || step == total {
                    self.save()?;
                    self.saved = Instant::now();
                }
                if is_over {
                    return Ok(StopReason::Early);
                }
                if ends {
                    return Err(TuneError::Ended { step, total });
                }
            }
        }
        Ok(StopReason::Finished)
    }

    /// One step: gradients of all its batches, then the optimizer.
    fn step(&mut self, step: usize, epoch: usize, batches: &Step, total: usize) -> Result<HistoryRow, TuneError> {
        let started = Instant::now();
        let settings = self.settings;
        let counted: Vec<f64> = batches.iter().map(|rows| self.counted(rows)).collect();
        let whole: f64 = counted.iter().sum();
        let scale = self.progress.scale.value();
        let (mut loss, mut tokens) = (0.0, 0);
        for (number, (rows, counted)) in batches.iter().zip(&counted).enumerate() {
            let batch = self.batches.of(rows)?;
            // Where nothing is counted there is no loss, and no gradient.
            let share = if batches.len() == 1 || whole == 0.0 { 1.0 } else { counted / whole };
            tokens += batch.tokens;
            loss += self.gradients(&batch, step, (number, batches.len()), share * scale)? * share;
        }
        let factor = settings.schedule.factor(step - 1, total, settings.warmup);
        let learning_rate = settings.learning_rate * factor;
        let mut grad_norm = self.update(step, factor, loss)?;
        let wrong = [("loss", loss), ("norm of the gradients", grad_norm)];
        match wrong.into_iter().find(|(_, value)| !value.is_finite()) {
            None => self.progress.scale.passed(),
            Some(_) if settings.precision == Precision::F16 && self.progress.scale.overflowed() => {
                grad_norm = f64::INFINITY;
            }
            Some((what, value)) => return Err(self.not_finite(step, what, value, learning_rate)),
        }
        Ok(HistoryRow {
            step,
            epoch,
            loss,
            grad_norm,
            learning_rate,
            head_learning_rate: settings.head_learning_rate.unwrap_or(settings.learning_rate) * factor,
            seconds: started.elapsed().as_secs_f64(),
            tokens,
            score: None,
            dev_loss: None,
        })
    }

    fn not_finite(&self, step: usize, what: &'static str, value: f64, rate: f64) -> TuneError {
        let family = self.inputs.encoder.facts().family;
        let recipe = Preset::of(family).learning_rates;
        let (least, most) = (*recipe.start(), *recipe.end());
        TuneError::NotFinite { step, what, value, rate, family, least, most }
    }

    /// A step of the optimizer, and the norm of the gradients. Nothing is changed where that or the loss is no finite number.
    fn update(&mut self, step: usize, factor: f64, loss: f64) -> Result<f64, TuneError> {
        let scale = self.progress.scale.value();
        // Skipped steps are none of the optimizer's.
        let step = step - self.progress.scale.skipped;
        match &mut self.engine {
            Engine::Host(host) => {
                host.update(&mut self.state, self.settings, &self.pool, (step, factor), (loss, scale))
            }
            Engine::Device(resident) => {
                let limit = self.settings.clip.unwrap_or(f64::INFINITY);
                let scale = if loss.is_finite() { 1.0 / scale } else { f64::NAN };
                resident.update(step, factor, limit, scale)
            }
        }
    }

    /// Brings what is trained up to date in the host; moments too, if asked for.
    fn fetch(&mut self, moments: bool) -> Result<(), TuneError> {
        match &mut self.engine {
            Engine::Host(_) => {
                self.state.catch_up(&self.pool);
                Ok(())
            }
            Engine::Device(resident) => resident.download(&mut self.state, moments),
        }
    }

    /// The divisor of the loss of a batch of those examples.
    fn counted(&self, rows: &[usize]) -> f64 {
        let examples: Vec<&Example> = rows.iter().map(|&row| &self.inputs.train[row]).collect();
        self.settings.counted(&examples)
    }

    /// Adds the gradients of `scale` times the batch's loss, and returns the loss. `number` (from 0) is the batch's index among
    /// the `of` batches of the step.
    fn gradients(
        &mut self,
        batch: &PaddedBatch,
        step: usize,
        (number, of): (usize, usize),
        scale: f64,
    ) -> Result<f64, TuneError> {
        let (rows, seq) = (batch.examples, batch.shape[1]);
        let shapes: Vec<Vec<usize>> = self.masks.iter().map(|(mask, _)| mask.size(rows, seq)).collect();
        for (place, (mask, values)) in self.masks.iter_mut().enumerate() {
            values.resize(shapes[place].iter().product(), 0.0);
            let key = dropout_key([self.settings.seed, step as u64, number as u64, place as u64]);
            self.pool.install(|| mask.draw(key, values));
        }
        let scale = [scale as f32];
        let mut fed: Vec<(&str, TensorView<'_>)> = batch.views(&self.batch_inputs);
        fed.push((LOSS_SCALE, TensorView::f32(&[], &scale)));
        let masks = self.masks.iter().zip(&shapes);
        fed.extend(masks.map(|((mask, values), shape)| (mask.input.as_str(), TensorView::f32(shape, values))));
        match &mut self.engine {
            Engine::Host(host) => {
                host.gradients(&mut self.state, batch, &fed, AccumulationPosition::of(number, of), &self.pool)
            }
            Engine::Device(resident) => resident.gradients(&fed, number == 0),
        }
    }
}
