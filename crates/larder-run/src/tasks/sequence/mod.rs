//! Tasks with one label per text, or pair of texts.

mod evaluate;
mod export;
mod gold;
mod page;
mod predict;
mod scores;

use std::collections::HashSet;
use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_metrics::{Metric, MetricsError};
use larder_runtime::Device;
use larder_store::FeaturesFile;
use larder_train::{Classifier, LogisticHead, TrainSettings};

use super::texts::{TEXT_FACTS, TextSplit, evaluate_texts, learnable};
use super::{AnsweredRows, Evaluation, TaskFacts, TaskRules};
use crate::answers::Predictor;
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::{Head, HeadSettings, Larder, RunError, RunRecord};

pub use evaluate::{LabelledRows as GoldAndAnswers, SequenceEvaluation as Scores, SequenceSplit};
pub use page::LabelledTexts as Saved;
pub use predict::Prediction;
pub use predict::Prediction as RowAnswer;

/// The rules of the task.
#[derive(Debug)]
pub struct Rules;

impl TaskRules for Rules {
    fn facts(&self) -> &'static TaskFacts {
        &TaskFacts {
            task: Task::Sequence,
            targets: "labels",
            targets_are_labels: true,
            in_words: "classification",
            heads: &["logistic", "mlp", "prototype", "labels", "knn"],
            overview_header: &[
                "MCC",
                "95 % interval",
                "-0.2 to 1",
                "against the majority",
                "accuracy",
                "majority accuracy",
                "macro F1",
                "rows",
            ],
            problem_type: Some("single_label_classification"),
            ..TEXT_FACTS
        }
    }

    fn default_head(&self) -> HeadSettings {
        HeadSettings::Logistic(TrainSettings::default())
    }

    fn foreign_flags(&self, head: Option<&str>) -> &'static [&'static str] {
        match head {
            Some("mlp") => &["--alpha", "--use", "--solver", "--stride"],
            Some("prototype" | "labels" | "knn") => &[
                "--alpha",
                "--use",
                "--solver",
                "--stride",
                "--epochs",
                "--learning-rate",
                "--metric",
                "--c",
                "--folds",
                "--class-weight",
                "--threshold",
            ],
            _ => &["--alpha", "--use", "--solver", "--stride", "--epochs", "--learning-rate"],
        }
    }

    fn learnable_labels(&self, features: &FeaturesFile, labels: LabelMap) -> Result<(LabelMap, Vec<String>), RunError> {
        let found: HashSet<String> = features.labels()?.into_iter().flatten().collect();
        learnable(labels, &found)
    }

    fn score_name(&self, metric: Metric) -> &'static str {
        metric.as_str()
    }

    fn gold(&self) -> Box<dyn GoldRows> {
        Box::new(gold::GoldClasses::default())
    }

    fn tuned_head(&self, classifier: Classifier<'_>, labels: &LabelMap, _: Vec<bool>) -> Head {
        Head::Logistic(classifier.into_head(labels.names()))
    }

    fn load_tuned_head(&self, folder: &Path) -> Result<Head, RunError> {
        Ok(Head::Logistic(LogisticHead::load(folder)?))
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
        let head = head.as_classifier().ok_or_else(|| RunError::BrokenRun { run: context.record.run.clone() })?;
        let score = |split: &TextSplit<'_>| evaluate::score_split(context.record, head, split);
        evaluate_texts(context, head.columns(), timer, kept, &score).map(Evaluation::Sequence)
    }

    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError> {
        let (AnsweredRows::Sequence(first), AnsweredRows::Sequence(second)) = (first, second) else { return Ok(None) };
        Ok(first.paired(second)?.map(|pair| Box::new(pair) as Box<dyn PairedAnswers>))
    }
}
