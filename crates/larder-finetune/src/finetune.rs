//! The run: batches, steps, evaluations, checkpoints.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use larder_graphs::{DropoutMask, GradientOutput, LOSS_SCALE, Precision, ProductForm, RowNumbers, TrainingGraphs};
use larder_onnx::{EncoderConfig, Weights};
use larder_runtime::{Device, RanOn, Runtime, Session, SessionSettings, TensorView};
use larder_store::digest_bytes;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use crate::batch::{BATCH_INPUTS, Batch, Batches};
use crate::checkpoint::{self, BEST_FILE, LAST_FILE, Progress};
use crate::collapse::{Evidence, Watch, probed};
use crate::evaluate::Evaluator;
use crate::hidden::{HiddenStates, SplitOf};
use crate::noise;
use crate::observer::{HistoryRow, Note, Observer};
use crate::plan::{Plan, Step};
use crate::preset::Preset;
use crate::scale::LossScale;
use crate::settings::{HeadStart, TuneSettings};
use crate::start::{Forms, Start, output};
use crate::state::{State, tuned};
use crate::{Example, TuneError, example, threads};

const GRAPH: &str = "training graph";

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The encoder's configuration.
    pub config: &'a EncoderConfig,
    /// The encoder's weights.
    pub weights: &'a Weights,
    /// What is trained on.
    pub train: &'a [Example],
    /// What is judged by; may be empty.
    pub dev: &'a [Example],
    /// The hidden states of [`TuneSettings::from_layer`], of the examples' tokens; `None` without.
    pub hidden: Option<&'a dyn HiddenStates>,
    /// Where checkpoints go, if anywhere.
    pub folder: Option<&'a Path>,
}

/// How good, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What the observer said: more is better.
    pub score: f64,
    /// Steps that were done then.
    pub step: usize,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// All steps are done.
    Finished,
    /// [`TuneSettings::patience`] ran out.
    Early,
    /// The observer stopped it.
    Stopped,
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The encoder's weights under their published names, frozen ones included: those with the best score where there was
    /// something to judge by, else the last.
    pub weights: Weights,
    /// `classifier.weight` `[classes, hidden]` and `classifier.bias` `[classes]`, of the same step.
    pub head: Weights,
    /// All steps, those before a resumption included.
    pub history: Vec<HistoryRow>,
    /// The best score, and the last.
    pub scores: Option<(Score, Score)>,
    /// Why it ended.
    pub ended: Ended,
    /// The device that ran.
    pub ran_on: RanOn,
    /// What was out of the ordinary.
    pub notes: Vec<Note>,
}

/// Fine-tunes an encoder with a head on its first token, mean or pooler, or on every token.
///
/// # Errors
/// [`TuneError`]; [`TuneError::Device`] and [`TuneError::Precision`] for a device that is not there or lacks kernels;
/// [`TuneError::NotFinite`] when loss or gradients are no numbers any more, [`TuneError::Collapsed`] when
/// every text is answered alike.
pub fn finetune(
    runtime: &Runtime,
    material: &Material<'_>,
    settings: &TuneSettings,
    observer: &mut dyn Observer,
) -> Result<Tuned, TuneError> {
    let Material { config, train, dev, .. } = *material;
    settings.check()?;
    if train.is_empty() {
        return Err(TuneError::NoExamples);
    }
    match (settings.from_layer, material.hidden) {
        (Some(layer), None) => return Err(TuneError::NoHiddenStates { layer }),
        (None, Some(_)) => return Err(TuneError::UnusedHiddenStates),
        _ => {}
    }
    example::check(train, config, settings.input, settings.classes)?;
    example::check(dev, config, settings.input, settings.classes)?;
    let ran_on = settings.device.resolve(runtime).map_err(|problem| TuneError::Device(Box::new(problem)))?;
    let forms = Forms::of(runtime, &ran_on, settings)?;
    tune(runtime, material, settings, &ran_on, forms, observer)
}

/// What [`finetune`] does where everything is in order.
fn tune(
    runtime: &Runtime,
    material: &Material<'_>,
    settings: &TuneSettings,
    ran_on: &RanOn,
    forms: Forms,
    observer: &mut dyn Observer,
) -> Result<Tuned, TuneError> {
    let Material { config, weights, .. } = *material;
    let mut notes = Vec::new();
    if settings.precision != Precision::F32 && forms.products == ProductForm::Rounded {
        notes.push(Note::Rounded { precision: settings.precision });
    }
    let recipe = Preset::of(config.family).learning_rates;
    if !recipe.contains(&settings.learning_rate) {
        notes.push(Note::RateOutsideRecipe { rate: settings.learning_rate, family: config.family, recipe });
    }
    let start = Start::new(runtime, config, weights, settings, forms, &mut notes)?;
    let mut run = Run::new(runtime, material, settings, ran_on.device(), start)?;
    if settings.resume
        && let Some(folder) = material.folder
        && let Some(found) = checkpoint::read_last(&folder.join(LAST_FILE), &run.state.parameters, &run.progress.run)?
    {
        notes.push(Note::Resumed { step: found.progress.step });
        run.progress = found.progress;
        run.state.restore(found.values, found.m, found.v);
    }
    notes.iter().for_each(|note| observer.note(note));
    let ended = run.all(observer)?;
    let (steps, loss_scale) = (run.progress.scale.skipped, run.progress.scale.value());
    if steps > 0 {
        let note = Note::Skipped { steps, loss_scale };
        observer.note(&note);
        notes.push(note);
    }
    run.finish(ended, ran_on.clone(), notes)
}

/// A run under way.
struct Run<'a> {
    material: &'a Material<'a>,
    settings: &'a TuneSettings,
    batches: Batches<'a>,
    session: Session,
    /// Answers the examples to judge by; those that are trained on, where only a collapse is looked for.
    evaluator: Option<Evaluator<'a>>,
    /// Looks for a collapse.
    watch: Option<Watch>,
    pool: ThreadPool,
    state: State,
    progress: Progress,
    last: Option<Score>,
    /// The best parameters, where no folder keeps them.
    best: Option<Vec<Vec<f32>>>,
    batch_inputs: Vec<&'static str>,
    /// The dropout masks that the graph takes, and what is fed as each.
    masks: Vec<(DropoutMask, Vec<f32>)>,
}

impl<'a> Run<'a> {
    fn new(
        runtime: &Runtime,
        material: &'a Material<'a>,
        settings: &'a TuneSettings,
        device: Device,
        start: Start,
    ) -> Result<Self, TuneError> {
        let Start { graphs, values } = start;
        let Material { config, train, dev, .. } = *material;
        let session_settings = SessionSettings {
            device,
            intra_threads: settings.threads,
            name: Some(GRAPH.to_owned()),
            ..Default::default()
        };
        let pad = config.pad_token_id.map_or(0, i64::from);
        let hidden = material.hidden.map(|states| (states, config.hidden_size));
        let batches = Batches { examples: train, split: SplitOf::Train, input: settings.input, pad, hidden };
        let judged = match dev {
            [] => batches,
            dev => Batches { examples: dev, split: SplitOf::Dev, ..batches },
        };
        let lengths: Vec<usize> = train.iter().map(Example::len).collect();
        let watch = Watch::new(train, settings, Plan::new(&lengths, settings).total());
        let is_needed = watch.is_some() || !dev.is_empty();
        let evaluator = is_needed.then(|| Evaluator::new(runtime, &graphs, judged, settings, &session_settings));
        let evaluator = evaluator.transpose()?;
        // From here on the sessions alone have the graphs, with the constants in them.
        let TrainingGraphs { training, eval, parameters, masks, .. } = graphs;
        drop(eval);
        let bytes = training.to_bytes()?;
        drop(training);
        let session = Session::from_bytes(runtime, &bytes, &session_settings).map_err(TuneError::run(GRAPH))?;
        drop(bytes);
        let pool = threads::pool(&session_settings)?;
        let takes = |name: &&str| session.inputs().iter().any(|info| info.name == **name);
        let batch_inputs = BATCH_INPUTS.into_iter().filter(takes).collect();
        let state = State::new(parameters, values, config, settings);
        let run = run_digest(material, settings, device)?;
        let progress = Progress { run, scale: LossScale::new(settings), ..Default::default() };
        let masks = masks.into_iter().map(|mask| (mask, Vec::new())).collect();
        Ok(Self {
            material,
            settings,
            batches,
            session,
            evaluator,
            watch,
            pool,
            state,
            progress,
            last: None,
            best: None,
            batch_inputs,
            masks,
        })
    }

    /// All steps that are left.
    fn all(&mut self, observer: &mut dyn Observer) -> Result<Ended, TuneError> {
        let lengths: Vec<usize> = self.material.train.iter().map(Example::len).collect();
        let plan = Plan::new(&lengths, self.settings);
        let total = plan.total();
        let mut watch = self.watch.take();
        let mut step = 0;
        for epoch in 0.. {
            let steps = plan.epoch(epoch);
            let last_of_epoch = steps.len() - 1;
            for (place, batches) in steps.iter().enumerate() {
                if step == total {
                    return Ok(Ended::Finished);
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
                    return Ok(Ended::Stopped);
                }
                if let Some(watch) = &mut watch {
                    watch.saw(row.loss, counted);
                    self.check_collapse(watch, step)?;
                }
                let is_time = match self.settings.evaluate_every {
                    Some(steps) => step.is_multiple_of(steps),
                    None => place == last_of_epoch,
                };
                let evaluates = !self.material.dev.is_empty() && (is_time || step == total);
                let is_over = evaluates && self.evaluate(step, observer)?;
                let saves = self.settings.save_every.is_some_and(|steps| step.is_multiple_of(steps));
                if evaluates || saves || step == total {
                    self.save()?;
                }
                if is_over {
                    return Ok(Ended::Early);
                }
            }
        }
        Ok(Ended::Finished)
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
            loss += self.gradients(&batch, step, number, share * scale)? * share;
        }
        let mut grad_norm = self.state.gradient_norm(&self.pool) / scale;
        let factor = settings.schedule.factor(step - 1, total, settings.warmup);
        let learning_rate = settings.learning_rate * factor;
        let not_finite = |what, value| {
            let family = self.material.config.family;
            let recipe = Preset::of(family).learning_rates;
            let (least, most) = (*recipe.start(), *recipe.end());
            Err(TuneError::NotFinite { step, what, value, rate: learning_rate, family, least, most })
        };
        let wrong = [("loss", loss), ("norm of the gradients", grad_norm)];
        match wrong.into_iter().find(|(_, value)| !value.is_finite()) {
            None => {
                let limit = settings.clip.unwrap_or(f64::INFINITY);
                let clip = (limit / (grad_norm + larder_graphs::CLIP_EPSILON)).min(1.0);
                // Skipped steps are none of the optimizer's.
                let taken = step - self.progress.scale.skipped;
                self.state.update(&self.pool, settings, taken, factor, clip / scale);
                self.progress.scale.passed();
            }
            Some(_) if settings.precision == Precision::F16 && self.progress.scale.overflowed() => {
                grad_norm = f64::INFINITY;
            }
            Some((what, value)) => return not_finite(what, value),
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
        })
    }

    /// What the loss of a batch of those examples is divided by.
    fn counted(&self, rows: &[usize]) -> f64 {
        let examples: Vec<&Example> = rows.iter().map(|&row| &self.material.train[row]).collect();
        self.settings.counted(&examples)
    }

    /// Adds the gradients of `scale` times the batch's loss, and gives the loss.
    fn gradients(&mut self, batch: &Batch, step: usize, number: usize, scale: f64) -> Result<f64, TuneError> {
        let shapes: Vec<Vec<usize>> = self
            .masks
            .iter()
            .map(|(mask, _)| mask.shape.iter().map(|dim| dim.at(batch.shape[0], batch.shape[1])).collect())
            .collect();
        for (place, (mask, values)) in self.masks.iter_mut().enumerate() {
            values.resize(shapes[place].iter().product(), 0.0);
            let key = noise::key([self.settings.seed, step as u64, number as u64, place as u64]);
            self.pool.install(|| noise::fill(values, mask.ratio, key));
        }
        let scale = [scale as f32];
        let State { parameters, values, gradients, .. } = &mut self.state;
        let mut inputs: Vec<(&str, TensorView<'_>)> = batch.views(&self.batch_inputs);
        inputs.extend(State::views(parameters, values));
        inputs.push((LOSS_SCALE, TensorView::f32(&[], &scale)));
        let masks = self.masks.iter().zip(&shapes);
        inputs.extend(masks.map(|((mask, values), shape)| (mask.input.as_str(), TensorView::f32(shape, values))));

        let mut outputs = vec!["loss"];
        outputs.extend(parameters.iter().map(output));
        // Which rows of a table were read: an input, or an output behind the gradients.
        let mut numbers: Vec<Numbers<'_>> = Vec::new();
        for parameter in parameters.iter() {
            numbers.push(match &parameter.gradient {
                GradientOutput::Dense { .. } => Numbers::None,
                GradientOutput::Rows { rows: RowNumbers::Input(name), .. } => Numbers::Input(batch.input(name)),
                GradientOutput::Rows { rows: RowNumbers::Output(name), .. } => {
                    outputs.push(name);
                    Numbers::Output(outputs.len() - 1)
                }
            });
        }
        let pool = &self.pool;
        let read = |views: &[TensorView<'_>]| {
            pool.install(|| {
                for (place, gradient) in gradients.iter_mut().enumerate() {
                    let found = views[place + 1].as_f32().unwrap_or_default();
                    let rows = match numbers[place] {
                        Numbers::None => &[],
                        Numbers::Input(rows) => rows,
                        Numbers::Output(output) => views[output].as_i64().unwrap_or_default(),
                    };
                    gradient.add(found, rows, number == 0);
                }
            });
            f64::from(views[0].as_f32().and_then(|loss| loss.first().copied()).unwrap_or(f32::NAN))
        };
        self.session.run_with(&inputs, &outputs, read).map_err(TuneError::run(GRAPH))
    }

    /// Looks, where it is time to, whether all texts are answered alike.
    fn check_collapse(&mut self, watch: &Watch, step: usize) -> Result<(), TuneError> {
        let Some(evaluator) = &mut self.evaluator else { return Ok(()) };
        if !step.is_multiple_of(watch.every) {
            return Ok(());
        }
        let mut found = None;
        if watch.is_suspicious(step) {
            let rows = probed(evaluator.len());
            let answers = evaluator.run(&rows, &self.state.parameters, &self.state.values, self.settings)?;
            found = watch.judge(&answers.logits, self.settings.classes);
        }
        let Some(evidence) = found else {
            self.progress.collapsed = 0;
            return Ok(());
        };
        self.progress.collapsed += 1;
        if !Watch::is_sure(self.progress.collapsed) {
            return Ok(());
        }
        let Evidence { class, rows, spread, loss, constant_loss } = evidence;
        let TuneSettings { learning_rate: rate, warmup, clip, .. } = *self.settings;
        let family = self.material.config.family;
        let recipe = Preset::of(family).learning_rates;
        let (least, most) = (*recipe.start(), *recipe.end());
        let steps = watch.every;
        Err(TuneError::Collapsed {
            step,
            class,
            rows,
            spread,
            steps,
            loss,
            constant_loss,
            rate,
            warmup,
            clip,
            family,
            least,
            most,
        })
    }

    /// Judges the parameters as they are. Is it time to end?
    fn evaluate(&mut self, step: usize, observer: &mut dyn Observer) -> Result<bool, TuneError> {
        let Some(evaluator) = &mut self.evaluator else { return Ok(false) };
        let all: Vec<usize> = (0..evaluator.len()).collect();
        let evaluated = evaluator.run(&all, &self.state.parameters, &self.state.values, self.settings)?;
        let score = Score { score: observer.score(step, &evaluated), step };
        self.last = Some(score);
        if let Some(row) = self.progress.history.last_mut() {
            row.score = Some(score.score);
        }
        // A score that is no number is better than none, and than no other. Of equal scores the later one is kept, which has
        // been trained more; waiting for a better one it does not end.
        let best = self.progress.best.first().map(|best| best.score);
        let is_better = best.is_none_or(|best| score.score > best);
        self.progress.stale = if is_better { 0 } else { self.progress.stale + 1 };
        let is_over = self.settings.patience.is_some_and(|patience| self.progress.stale >= patience);
        if !is_better && best != Some(score.score) {
            return Ok(is_over);
        }
        self.progress.best = vec![score];
        match self.material.folder {
            Some(folder) => {
                let progress = Progress { history: Vec::new(), ..self.progress.clone() };
                let sets = [("", self.state.values.as_slice())];
                checkpoint::write(&folder.join(BEST_FILE), &self.state.parameters, &sets, &progress)?;
            }
            None => self.best = Some(self.state.values.clone()),
        }
        Ok(is_over)
    }

    fn save(&self) -> Result<(), TuneError> {
        let Some(folder) = self.material.folder else { return Ok(()) };
        let sets = checkpoint::all_sets(&self.state.values, &self.state.m, &self.state.v);
        Ok(checkpoint::write(&folder.join(LAST_FILE), &self.state.parameters, &sets, &self.progress)?)
    }

    fn finish(self, ended: Ended, ran_on: RanOn, notes: Vec<Note>) -> Result<Tuned, TuneError> {
        let Self { material, state, session, evaluator, progress, last, best, .. } = self;
        // What only steps need makes room for what is given back.
        drop((session, evaluator));
        let (parameters, values) = state.into_values();
        let best_values = match (progress.best.first(), material.folder) {
            (Some(_), Some(folder)) => checkpoint::read_best(&folder.join(BEST_FILE), &parameters, &progress.run)?,
            _ => best,
        };
        let (weights, head) = tuned(material, parameters, best_values.unwrap_or(values))?;
        let best = progress.best.first().copied();
        let scores = best.map(|best| (best, last.unwrap_or(best)));
        Ok(Tuned { weights, head, history: progress.history, scores, ended, ran_on, notes })
    }
}

/// Which rows of a table a gradient is of.
enum Numbers<'a> {
    /// It is no table's.
    None,
    Input(&'a [i64]),
    /// The output at that place.
    Output(usize),
}

/// Tells runs apart by what decides their numbers: settings, the head given, examples, the configuration and the device; not threads, nor how
/// often the run is saved or how patient it is.
fn run_digest(material: &Material<'_>, settings: &TuneSettings, device: Device) -> Result<String, TuneError> {
    let plain = TuneSettings {
        head: HeadStart::Random,
        resume: false,
        device,
        threads: 0,
        save_every: None,
        stop_on_collapse: false,
        patience: None,
        ..settings.clone()
    };
    let mut bytes = format!("{plain:?} {:?}", material.config).into_bytes();
    if let HeadStart::Given(head) = &settings.head {
        bytes.extend(head.to_bytes()?);
    }
    for example in material.train.iter().chain(material.dev) {
        for ids in [&example.input_ids, &example.token_type_ids, &example.labels] {
            bytes.extend(ids.len().to_le_bytes());
            bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
        }
    }
    Ok(digest_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use larder_graphs::DropoutRatios;

    use super::*;
    use crate::{Length, Quiet};

    /// What CUDA is given, dropout by the operator and products of half operands, is run here by the CPU, which computes such
    /// products in float32.
    #[test]
    fn the_graphs_of_a_device_train_on_the_cpu_too() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/encoder/tiny");
        let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
        let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
        let train: Vec<Example> =
            (0..12).map(|row| Example::new(vec![5 + row % 2, 8, 9 + row % 3, 12 + row % 5], row % 2)).collect();
        let material =
            Material { config: &config, weights: &weights, train: &train, dev: &[], hidden: None, folder: None };
        let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
        let run = |dropout: f32, precision| {
            let settings = TuneSettings {
                length: Length::Steps(30),
                learning_rate: 3e-3,
                dropout: DropoutRatios { hidden: dropout, attention: dropout, head: dropout },
                precision,
                threads: 1,
                ..TuneSettings::of(config.family, 2)
            };
            let forms = Forms { dropout: Forms::operator(&settings), products: ProductForm::Kernels };
            let tuned = tune(&runtime, &material, &settings, &RanOn::Cpu, forms, &mut Quiet);
            let tuned = tuned.unwrap_or_else(|problem| panic!("{problem:?}"));
            tuned.history.iter().map(|row| row.loss).collect::<Vec<_>>()
        };
        let (plain, half) = (run(0.0, Precision::F32), run(0.0, Precision::F16));
        // Scaled by a power of two and back: nothing is lost but what would be subnormal.
        assert!(plain.iter().zip(&half).all(|(plain, half)| (plain - half).abs() < 1e-5), "{plain:?} {half:?}");
        let dropped = run(0.1, Precision::F16);
        assert_eq!(dropped, run(0.1, Precision::F16));
        assert_ne!(dropped, half);
        assert!(dropped[27..].iter().sum::<f64>() / 3.0 < 0.4, "{dropped:?}");
    }
}
