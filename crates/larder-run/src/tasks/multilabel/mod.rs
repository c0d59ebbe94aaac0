//! Tasks with any number of labels per text, or pair of texts.

mod evaluate;
mod export;
mod gold;
mod page;
mod predict;
mod score_file;
mod scores;

use std::collections::HashSet;
use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_graphs::Loss;
use larder_metrics::{Metric, MetricsError};
use larder_runtime::Device;
use larder_store::{FeaturesFile, TextTargets};
use larder_train::{Classifier, MultilabelHead, MultilabelSettings};

use super::texts::{TEXT_FACTS, TextSplit, evaluate_texts, learnable};
use super::{AnsweredRows, Evaluation, FileScores, ScoredFile, TaskFacts, TaskRules};
use crate::answers::Predictor;
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::{Head, HeadSettings, Larder, RunError, RunRecord};

pub use evaluate::{LabelSetRows as GoldAndAnswers, MultilabelEvaluation as Scores, MultilabelSplit};
pub use page::LabelSetTexts as Saved;
pub use predict::LabelsAnswer as RowAnswer;

/// The rules of the task.
#[derive(Debug)]
pub struct Rules;

impl TaskRules for Rules {
    fn facts(&self) -> &'static TaskFacts {
        &TaskFacts {
            task: Task::Multilabel,
            targets: "labels",
            targets_are_labels: false,
            in_words: "multi-label classification",
            heads: &["logistic", "mlp"],
            overview_header: &[
                "macro F1",
                "95 % interval",
                "-0.2 to 1",
                "against the baseline",
                "micro F1",
                "LRAP",
                "all labels right",
                "macro F1 of the baseline",
                "rows",
            ],
            problem_type: Some("multi_label_classification"),
            ..TEXT_FACTS
        }
    }

    fn default_head(&self) -> HeadSettings {
        HeadSettings::Multilabel(MultilabelSettings::default())
    }

    fn foreign_flags(&self, head: Option<&str>) -> &'static [&'static str] {
        match head {
            Some("mlp") => &["--alpha", "--metric", "--use", "--solver", "--stride", "--class-weight"],
            _ => &[
                "--alpha",
                "--metric",
                "--use",
                "--solver",
                "--stride",
                "--epochs",
                "--learning-rate",
                "--separator",
                "--scheme",
            ],
        }
    }

    fn learnable_labels(&self, features: &FeaturesFile, labels: LabelMap) -> Result<(LabelMap, Vec<String>), RunError> {
        let TextTargets::Labels(targets) = features.targets()? else { return Ok((labels, Vec::new())) };
        let found: HashSet<String> = targets.into_iter().flatten().flatten().collect();
        learnable(labels, &found)
    }

    fn score_name(&self, _: Metric) -> &'static str {
        "macro_f1"
    }

    fn score_in_words(&self, _: Metric) -> &'static str {
        "macro F1"
    }

    fn loss(&self, _: Option<Vec<f32>>, _: f32) -> Loss {
        Loss::BinaryCrossEntropy { positive_weight: 1.0 }
    }

    fn gold(&self) -> Box<dyn GoldRows> {
        Box::new(gold::GoldLabels::default())
    }

    fn tuned_head(&self, classifier: Classifier<'_>, labels: &LabelMap, _: Vec<bool>) -> Head {
        Head::Multilabel(classifier.into_multilabel(labels.names()))
    }

    fn load_tuned_head(&self, folder: &Path) -> Result<Head, RunError> {
        Ok(Head::Multilabel(MultilabelHead::load(folder)?))
    }

    fn predictor(
        &self,
        larder: &Larder,
        record: RunRecord,
        device: Device,
        threads: usize,
    ) -> Result<Box<dyn Predictor>, RunError> {
        Ok(Box::new(predict::open(larder, record, device, threads)?))
    }

    fn evaluate(
        &self,
        context: &EvaluationContext<'_>,
        head: &Head,
        timer: &mut StageTimer,
        kept: Option<&mut Vec<SplitAnswers>>,
    ) -> Result<Evaluation, RunError> {
        let answers = head.as_label_sets().ok_or_else(|| RunError::BrokenRun { run: context.record.run.clone() })?;
        let score = |split: &TextSplit<'_>| evaluate::score_split(context.record, answers, split);
        evaluate_texts(context, head.columns(), timer, kept, &score).map(Evaluation::Multilabel)
    }

    fn score_file(&self, file: &ScoredFile) -> Result<Box<dyn FileScores>, RunError> {
        Ok(Box::new(score_file::score_file(file)?))
    }

    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError> {
        let (AnsweredRows::Multilabel(first), AnsweredRows::Multilabel(second)) = (first, second) else {
            return Ok(None);
        };
        Ok((first.gold == second.gold).then(|| Box::new((first, second)) as Box<dyn PairedAnswers>))
    }
}
