//! What a run looks at between steps, what it keeps, and what it gives.

use larder_runtime::RanOn;

use super::Run;
use crate::TuneError;
use crate::checkpoint::{self, BEST_FILE, LAST_FILE, Progress};
use crate::collapse::{Evidence, Watch, probed};
use crate::finetune::{Ended, Score, Tuned};
use crate::observer::{Note, Observer};
use crate::preset::Preset;
use crate::settings::TuneSettings;
use crate::state::tuned;

impl Run<'_> {
    /// Looks, where it is time to, whether all texts are answered alike.
    pub(super) fn check_collapse(&mut self, watch: &Watch, step: usize) -> Result<(), TuneError> {
        if !step.is_multiple_of(watch.every) {
            return Ok(());
        }
        let Some(evaluator) = &mut self.evaluator else { return Ok(()) };
        let mut found = None;
        if watch.is_suspicious(step) {
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
    pub(super) fn evaluate(&mut self, step: usize, observer: &mut dyn Observer) -> Result<bool, TuneError> {
        let Some(evaluator) = &mut self.evaluator else { return Ok(false) };
        let all: Vec<usize> = (0..evaluator.len()).collect();
        let evaluated = evaluator.run(&all, &self.state, self.settings)?;
        let score = Score { score: observer.score(step, &evaluated), step };
        self.last = Some(score);
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

    pub(super) fn save(&mut self) -> Result<(), TuneError> {
        let Some(folder) = self.material.folder else { return Ok(()) };
        self.fetch(true)?;
        let sets = checkpoint::all_sets(&self.state.values, &self.state.m, &self.state.v);
        Ok(checkpoint::write(&folder.join(LAST_FILE), &self.state.parameters, &sets, &self.progress)?)
    }

    pub fn finish(mut self, ended: Ended, ran_on: RanOn, notes: Vec<Note>) -> Result<Tuned, TuneError> {
        self.fetch(false)?;
        let Self { material, state, engine, evaluator, progress, last, best, .. } = self;
        // What only steps need makes room for what is given back.
        drop((engine, evaluator));
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
