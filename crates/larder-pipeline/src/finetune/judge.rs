//! The observer of fine-tuning: scores evaluations, and forwards progress.

use std::ops::ControlFlow;

use larder_finetune::{Evaluated, HistoryRow, Note};
use larder_run::{Event, LogitsJudge, Observer};

/// Scores evaluations, and forwards progress to the pipeline's observer.
pub(super) struct Judge<'a> {
    pub observer: &'a mut dyn Observer,
    pub rule: Box<dyn LogitsJudge + 'a>,
    /// The name of the score.
    pub score_name: &'static str,
    /// The least and the largest answer, in the unit of the logits: the trained head keeps to them.
    pub range: (f32, f32),
}

impl larder_finetune::Observer for Judge<'_> {
    fn note(&mut self, note: &Note) {
        self.observer.event(Event::Note(&note.to_string()));
    }

    fn step(&mut self, row: &HistoryRow, total: usize) -> ControlFlow<()> {
        self.observer.event(Event::Tuning { row, total });
        ControlFlow::Continue(())
    }

    fn asks_to_end(&self) -> bool {
        self.observer.asks_to_end()
    }

    fn score(&mut self, step: usize, evaluated: &Evaluated) -> f64 {
        let (least, largest) = self.range;
        let answers: Vec<f32> = evaluated.logits.iter().map(|logit| logit.max(least).min(largest)).collect();
        let score = self.rule.score(&answers);
        self.observer.event(Event::Judged { step, name: self.score_name, score, loss: evaluated.loss });
        score
    }

    fn thresholds(&self) -> Vec<f64> {
        self.rule.thresholds()
    }
}
