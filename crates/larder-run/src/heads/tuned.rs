//! A head fine-tuned with its encoder, whatever the task.

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::Task;
use larder_diagnose::{Diagnosis, Guessing, Losses, Method, Rate, RunDiagnosis, TargetSummary, Tuning, Weighing};
use larder_errors::{count, seconds};
use larder_finetune::{Preset, Score, StopReason};
use larder_metrics::{Metric, TrainLabels};
use larder_onnx::Family;
use serde::{Deserialize, Serialize};

use super::{Head, HeadDetails, HeadOutline};
use crate::findings::FitFacts;
use crate::history::History;
use crate::page::{Fact, Level, Line, Missing, Plot, Training};
use crate::{RunRecord, tasks};

pub(super) const KIND: &str = "fine-tuned";

/// The record of a head fine-tuned with its encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunedRecord {
    /// The head's task.
    pub task: Task,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// Every setting that the run depends on, spelled as its flag.
    pub settings: BTreeMap<String, String>,
    /// The digest of the tuned encoder.
    pub encoder_digest: String,
    /// The split that evaluations were made on.
    pub dev_split: Option<String>,
    /// The name of their score: `mcc`, `strict_f1`, ...
    pub score: String,
    /// The best evaluation, whose parameters the run has.
    pub best: Option<Score>,
    /// The last evaluation.
    pub last: Option<Score>,
    /// Steps done.
    pub steps: usize,
    /// Why training ended.
    pub ended: StopReason,
    /// Mean training loss of the first steps.
    pub first_loss: f64,
    /// Mean training loss of the last steps.
    pub last_loss: f64,
    /// The lowest training loss, in nats, of a constant answer: the entropy of the label shares in train, with class weights
    /// and label smoothing as in the loss.
    pub guessing_loss: f64,
    /// The encoder's family; `None` in records of earlier versions.
    #[serde(default)]
    pub family: Option<Family>,
    /// Seconds of all steps, without evaluations and checkpoints.
    pub seconds: f64,
    /// Tokens of all steps, without padding.
    pub tokens: u64,
    /// The targets of train, if they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetSummary>,
    /// The labels of train, if rows have any number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_labels: Option<TrainLabels>,
}

impl TunedRecord {
    /// Returns the training loss at both ends, and the rate with those of the family's recipe.
    pub fn tuning(&self) -> Tuning<'_> {
        let setting = |name: &str| self.settings.get(name).map_or("none", String::as_str);
        let guessing = Guessing {
            loss: self.guessing_loss,
            weighted: setting("class_weights") != "none",
            smoothed: setting("label_smoothing").parse::<f64>().is_ok_and(|smoothing| smoothing > 0.0),
        };
        // Records of earlier versions do not name the family; most have BERT's recipe.
        let family = self.family.unwrap_or(Family::Bert);
        let recipe = Preset::of(family).learning_rates;
        let rate = setting("learning_rate").parse().unwrap_or(*recipe.start());
        Tuning {
            losses: Losses { first: self.first_loss, last: self.last_loss, guessing },
            rate: Rate { rate, family: family.as_str(), recipe: (*recipe.start(), *recipe.end()) },
        }
    }

    /// Returns the best answer that ignores the text, in words.
    fn constant_answer(&self) -> &'static str {
        match self.targets {
            None => "answering with the labels' shares",
            Some(_) => "always answering the mean",
        }
    }

    fn course(&self) -> String {
        let mut text = format!(
            "{} steps in {:.0} s ({:.0} real tokens a second). Training loss was {:.3} at the beginning and {:.3} at the end; \
             {} has {:.3}.",
            self.steps,
            self.seconds,
            self.tokens as f64 / self.seconds.max(1e-9),
            self.first_loss,
            self.last_loss,
            self.constant_answer(),
            self.guessing_loss
        );
        if let (Some(split), Some(best), Some(last)) = (&self.dev_split, &self.best, &self.last) {
            text.push_str(&format!(
                " The best {} on {split} was {:.3} after step {}, the last {:.3} after step {}; the run has the best parameters.",
                self.score, best.score, best.step, last.score, last.step
            ));
        }
        text
    }

    fn plots(&self, folder: &Path) -> Result<Vec<Plot>, Missing> {
        let steps = History::read(folder)?;
        let line = |name: &str, column: &[Option<f64>], marked: bool| Line {
            name: name.to_owned(),
            points: steps.points(column),
            marked,
        };
        let plot = |title: String, lines: Vec<Line>, levels: Vec<Level>| Plot {
            title,
            x: "step".to_owned(),
            lines,
            levels,
            logarithmic_x: false,
        };
        let guessing = Level { name: self.constant_answer().to_owned(), y: self.guessing_loss };
        let mut rates = vec![line("encoder", &steps.learning_rate, false)];
        if steps.head_learning_rate != steps.learning_rate {
            rates.push(line("head", &steps.head_learning_rate, false));
        }
        let mut plots =
            vec![plot("training loss (nats)".to_owned(), vec![line("train", &steps.loss, false)], vec![guessing])];
        if let (Some(split), true) = (&self.dev_split, steps.score.iter().any(Option::is_some)) {
            let score = line(split, &steps.score, true);
            plots.push(plot(format!("{} on {split}", self.score), vec![score], Vec::new()));
        }
        plots.push(plot("learning rate".to_owned(), rates, Vec::new()));
        plots.push(plot("norm of the gradient".to_owned(), vec![line("all", &steps.grad_norm, false)], Vec::new()));
        Ok(plots)
    }
}

impl HeadDetails for TunedRecord {
    fn outline(&self) -> HeadOutline<'_> {
        let rules = tasks::of(self.task);
        HeadOutline {
            task: self.task,
            kind: KIND.to_owned(),
            is_pair: self.pair,
            is_sound: true,
            metric: Metric::ALL.iter().copied().find(|metric| rules.score_name(*metric) == self.score),
            compares_features: false,
            unchosen: None,
        }
    }

    fn targets(&self) -> Option<&TargetSummary> {
        self.targets.as_ref()
    }

    fn train_labels(&self) -> Option<&TrainLabels> {
        self.train_labels.as_ref()
    }

    fn uncalibrated(&self) -> Option<String> {
        Some(
            "its encoder was fine-tuned on all rows of train; train a head on the frozen or the tuned encoder"
                .to_owned(),
        )
    }

    fn weighing(&self) -> Weighing {
        match self.settings.get("class_weights").map(String::as_str) {
            Some("none") | None => Weighing::Alike,
            Some(_) => Weighing::Balanced,
        }
    }

    /// Returns the score on the dev split, which chose the parameters.
    fn held_out(&self, split: &str, _: Metric) -> Option<(f64, String)> {
        let dev = self.dev_split.as_deref().filter(|dev| *dev != split)?;
        Some((self.best.as_ref()?.score, dev.to_owned()))
    }

    fn method<'a>(&'a self, _: &'a [String]) -> Method<'a> {
        Method::Tuned(self.tuning())
    }

    /// Empty: its findings are made during training.
    fn findings(&self, _: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        Vec::new()
    }

    fn facts(&self, _: &RunRecord, _: Option<&Head>) -> Vec<Fact> {
        let given = self.settings.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| Fact::new(name, value)).collect()
    }

    fn training(&self, folder: &Path) -> Training {
        Training { sentences: vec![self.course()], plots: self.plots(folder), ..Training::default() }
    }

    fn summary(&self) -> String {
        let speed = self.tokens as f64 / self.seconds.max(1e-9);
        let mut text = format!(
            "fine-tuned in {} steps, {} a step, {speed:.0} real tokens/s; training loss {:.4} at the beginning, {:.4} at the end",
            count(self.steps as u64),
            seconds(self.seconds / self.steps.max(1) as f64),
            self.first_loss,
            self.last_loss
        );
        if let (Some(split), Some(best), Some(last)) = (&self.dev_split, &self.best, &self.last) {
            let Self { score, .. } = self;
            text.push_str(&format!(
                "\nbest {score} on {split} {:.3} after step {}, last {:.3} after step {}; the run has the best parameters",
                best.score, best.step, last.score, last.step
            ));
        }
        text
    }
}
