//! Tasks with one number per text, or pair of texts.

mod evaluate;
mod export;
mod gold;
mod page;
mod predict;
mod score_file;
mod scores;

use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_graphs::Loss;
use larder_metrics::{Metric, MetricsError};
use larder_runtime::Device;
use larder_train::{Classifier, RidgeHead, RidgeSettings};

use super::texts::{TEXT_FACTS, TextSplit, evaluate_texts};
use super::{AnsweredRows, Evaluation, FileScores, ScoredFile, TaskFacts, TaskRules};
use crate::answers::Predictor;
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::{Head, HeadSettings, Larder, RunError, RunRecord};

pub use evaluate::{NumberRows as GoldAndAnswers, RegressionEvaluation as Scores, RegressionSplit};
pub use page::NumberedTexts as Saved;
pub use predict::NumberAnswer as RowAnswer;

/// The rules of the task.
#[derive(Debug)]
pub struct Rules;

impl TaskRules for Rules {
    fn facts(&self) -> &'static TaskFacts {
        &TaskFacts {
            task: Task::Regression,
            targets: "targets",
            targets_are_labels: false,
            in_words: "regression",
            heads: &["ridge", "mlp"],
            overview_header: &[
                "Pearson",
                "95 % interval",
                "-0.2 to 1",
                "against the mean",
                "Spearman",
                "R²",
                "MAE",
                "RMSE",
                "RMSE of the mean",
                "rows",
            ],
            problem_type: Some("regression"),
            ..TEXT_FACTS
        }
    }

    fn default_head(&self) -> HeadSettings {
        HeadSettings::Ridge(RidgeSettings::default())
    }

    fn foreign_flags(&self, head: Option<&str>) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "--metric",
            "--use",
            "--solver",
            "--stride",
            "--folds",
            "--class-weight",
            "--threshold",
            "--c",
            "--epochs",
            "--learning-rate",
            "--separator",
            "--scheme",
            "--labels",
            "--label-separator",
            "--probabilities",
        ];
        const MLP: &[&str] = &["--alpha", "--metric", "--use", "--solver", "--stride", "--class-weight", "--threshold"];
        if head == Some("mlp") { MLP } else { ALL }
    }

    fn score_name(&self, _: Metric) -> &'static str {
        "pearson"
    }

    fn score_in_words(&self, _: Metric) -> &'static str {
        "Pearson's correlation"
    }

    fn loss(&self, _: Option<Vec<f32>>, _: f32) -> Loss {
        Loss::MeanSquaredError
    }

    fn gold(&self) -> Box<dyn GoldRows> {
        Box::new(gold::GoldNumbers::default())
    }

    fn tuned_head(&self, classifier: Classifier<'_>, _: &LabelMap, _: Vec<bool>) -> Head {
        Head::Ridge(classifier.into_ridge())
    }

    fn load_tuned_head(&self, folder: &Path) -> Result<Head, RunError> {
        Ok(Head::Ridge(RidgeHead::load(folder)?))
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
        let numbers = head.as_number().ok_or_else(|| RunError::BrokenRun { run: context.record.run.clone() })?;
        let score = |split: &TextSplit<'_>| evaluate::score_split(context.record, numbers, split);
        evaluate_texts(context, head.columns(), timer, kept, &score).map(Evaluation::Regression)
    }

    fn score_file(&self, file: &ScoredFile) -> Result<Box<dyn FileScores>, RunError> {
        Ok(Box::new(score_file::score_file(file)?))
    }

    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError> {
        let (AnsweredRows::Regression(first), AnsweredRows::Regression(second)) = (first, second) else {
            return Ok(None);
        };
        Ok((first.gold == second.gold).then(|| Box::new((first, second)) as Box<dyn PairedAnswers>))
    }
}
