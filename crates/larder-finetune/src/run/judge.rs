//! Evaluation, collapse checks, checkpoints and the result of a run.

use larder_runtime::{RanOn, Runtime};

use super::Run;
use crate::TuneError;
use crate::checkpoint::{self, BEST_FILE, LAST_FILE, Progress};
use crate::collapse::{Evidence, Watch, probed};
use crate::knobs::Knobs;
use crate::note::Note;
use crate::observer::Observer;
use crate::result::{FinetuneResult, Score, StopReason};
use crate::state::tuned;
use crate::tells_apart::Spread;

impl Run<'_> {
    /// Checks for a collapse, in steps where one is due.
    pub(super) fn check_collapse(&mut self, watch: &Watch, step: usize) -> Result<(), TuneError> {
        if !step.is_multiple_of(watch.every) {
            return Ok(());
        }
        let Some(evaluator) = &mut self.evaluator else { return Ok(()) };
        let mut found = None;
        if watch.is_suspicious(step) {
            self.state.catch_up(&self.pool);
            let rows = probed(evaluator.len());
            let answers = evaluator.run(&rows, &self.state, self.settings)?;
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
        let Evidence { answer, rows, spread, loss, constant_loss } = evidence;
        let (answer, steps, knobs) = (Box::new(answer), watch.every, self.knobs());
        Err(TuneError::Collapsed { step, answer, rows, spread, steps, loss, constant_loss, knobs })
    }

    fn knobs(&self) -> Knobs {
        self.settings.knobs(self.inputs.encoder.facts().family)
    }

    /// Evaluates the current parameters. Is it time to stop?
    pub(super) fn evaluate(&mut self, step: usize, observer: &mut dyn Observer) -> Result<bool, TuneError> {
        let Some(evaluator) = &mut self.evaluator else { return Ok(false) };
        let all: Vec<usize> = (0..evaluator.len()).collect();
        self.state.catch_up(&self.pool);
        let evaluated = evaluator.run(&all, &self.state, self.settings)?;
        if !evaluated.loss.is_finite() {
            return Err(self.not_finite(step, "loss of the evaluation", evaluated.loss, self.settings.learning_rate));
        }
        let score = observer.score(step, &evaluated);
        let score = Score { score, step, thresholds: observer.thresholds() };
        self.last = Some(score.clone());
        if let Some(row) = self.progress.history.last_mut() {
            row.score = Some(score.score);
            row.dev_loss = Some(evaluated.loss);
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
        self.fetch(false)?;
        match self.inputs.folder {
            Some(folder) => {
                let progress = Progress { history: Vec::new(), ..self.progress.clone() };
                let sets = [("", self.state.values.as_slice())];
                checkpoint::write(&folder.join(BEST_FILE), &self.state.parameters, &sets, &progress)?;
            }
            None => self.best = Some(self.state.values.clone()),
        }
        Ok(is_over)
    }

    pub(super) fn save(&mut self) -> Result<(), TuneError> {
        let Some(folder) = self.inputs.folder else { return Ok(()) };
        self.fetch(true)?;
        let sets = checkpoint::all_sets(&self.state.values, &self.state.m, &self.state.v);
        Ok(checkpoint::write(&folder.join(LAST_FILE), &self.state.parameters, &sets, &self.progress)?)
    }

    /// The result, if the run has led to one.
    ///
    /// # Errors
    /// [`TuneError::CollapsedAtEnd`] and [`TuneError::NotFinite`] for a run that was not stopped by its observer; and the errors of running graphs.
    pub fn finish(
        mut self,
        runtime: &Runtime,
        stop_reason: StopReason,
        ran_on: RanOn,
        notes: Vec<Note>,
    ) -> Result<FinetuneResult, TuneError> {
        self.fetch(false)?;
        let (step, knobs, settings) = (self.progress.step, self.knobs(), self.settings);
        let not_finite = self.not_finite(step, "output of the encoder", f64::NAN, settings.learning_rate);
        let Self { inputs, state, engine, evaluator, progress, last, best, .. } = self;
        // What only steps need makes room for what is given back.
        drop((engine, evaluator));
        let (parameters, values) = state.into_values();
        let best_values = match (progress.best.first(), inputs.folder) {
            (Some(_), Some(folder)) => checkpoint::read_best(&folder.join(BEST_FILE), &parameters, &progress.run)?,
            _ => best,
        };
        let (mut weights, mut head) = tuned(inputs, settings.input, parameters.clone(), values)?;
        // A run that was stopped is judged when it goes on.
        if stop_reason != StopReason::Stopped && settings.stop_on_collapse {
            match Spread::measure(runtime, (inputs.encoder, &weights), settings.input, inputs.train, settings.threads)?
            {
                Some(Spread { spread, .. }) if spread.is_nan() => return Err(not_finite),
                Some(found) if found.is_collapsed() => {
                    let Spread { texts, spread } = found;
                    return Err(TuneError::CollapsedAtEnd { step, texts, spread, knobs });
                }
                _ => {}
            }
        }
        if let Some(values) = best_values {
            (weights, head) = tuned(inputs, settings.input, parameters, values)?;
        }
        let best = progress.best.first().cloned();
        let scores = best.map(|best| (best.clone(), last.unwrap_or(best)));
        Ok(FinetuneResult { weights, head, history: progress.history, scores, stop_reason, ran_on, notes })
    }
}
