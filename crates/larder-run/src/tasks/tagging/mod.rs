//! Tasks with one tag per word: entities.

mod evaluate;
mod export;
mod gold;
mod highlight;
mod page;
mod predict;
mod score_file;
mod scores;

use std::collections::BTreeMap;
use std::path::Path;

use larder_data::{LabelMap, Task};
use larder_finetune::Preset;
use larder_graphs::HeadInput;
use larder_metrics::{Metric, MetricsError};
use larder_onnx::Pool;
use larder_runtime::Device;
use larder_store::{Level, TokensProjection};
use larder_train::{Classifier, TaggingHead, TaggingSettings};

use super::{AnsweredRows, Evaluation, FileScores, ScoredFile, TaskFacts, TaskRules};
use crate::answers::Predictor;
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer};
use crate::examples::GoldRows;
use crate::{Head, HeadSettings, Larder, RunError, RunRecord, TargetClasses, TrainingWords};

pub use evaluate::{ShownSentence, TaggedRows as GoldAndAnswers, TaggingEvaluation as Scores, TaggingSplit};
pub use page::TaggedWords as Saved;
pub use predict::TaggedText as RowAnswer;
pub use predict::{EntityPrediction, TaggedText};

/// The rules of the task.
#[derive(Debug)]
pub struct Rules;

impl TaskRules for Rules {
    fn facts(&self) -> &'static TaskFacts {
        &TaskFacts {
            task: Task::Tagging,
            level: Level::Word,
            rows: "sentences",
            units: "words",
            counted: "words",
            targets: "tags",
            targets_are_labels: false,
            in_words: "tagging",
            heads: &["logistic", "crf"],
            projection: TokensProjection::EncodeWords,
            overview_header: &[
                "strict F1",
                "95 % interval",
                "0 to 1",
                "strict P",
                "strict R",
                "conlleval F1",
                "token accuracy",
                "all-O accuracy",
                "sentences",
            ],
            model_class: "TokenClassification",
            problem_type: None,
            pipeline_tag: "token-classification",
            longer_texts: " at once",
        }
    }

    fn default_head(&self) -> HeadSettings {
        HeadSettings::Tagger(TaggingSettings::default())
    }

    fn foreign_flags(&self, _: Option<&str>) -> &'static [&'static str] {
        &[
            "--metric",
            "--pool",
            "--alpha",
            "--predictions",
            "--input-format",
            "--header",
            "--quoting",
            "--labels",
            "--label-separator",
            "--probabilities",
        ]
    }

    fn training_words(&self, tokens: &Path) -> Result<Option<TrainingWords>, RunError> {
        TrainingWords::of(tokens).map(Some)
    }

    fn score_name(&self, _: Metric) -> &'static str {
        "strict_f1"
    }

    fn score_in_words(&self, _: Metric) -> &'static str {
        "strict F1"
    }

    fn target_classes(&self, _: &RunRecord, entities: &BTreeMap<String, usize>) -> TargetClasses {
        let (types, counts): (Vec<String>, Vec<usize>) = entities.clone().into_iter().unzip();
        TargetClasses {
            names: types.clone(),
            display: types,
            counts,
            what: "entities",
            are_labels: self.facts().targets_are_labels,
        }
    }

    fn head_input(&self, _: Option<Pool>, _: HeadInput) -> HeadInput {
        HeadInput::Tokens
    }

    fn preset(&self, preset: Preset) -> Preset {
        preset.tagging()
    }

    fn gold(&self) -> Box<dyn GoldRows> {
        Box::new(gold::GoldTags::default())
    }

    fn tuned_head(&self, classifier: Classifier<'_>, labels: &LabelMap, seen: Vec<bool>) -> Head {
        let tags = labels.tag_set().expect("the labels of a tagging dataset are those of a tag set");
        Head::Tagger(classifier.into_tagger(&tags, seen))
    }

    fn load_tuned_head(&self, folder: &Path) -> Result<Head, RunError> {
        Ok(Head::Tagger(TaggingHead::load(folder)?))
    }

    fn predictor(
        &self,
        larder: &Larder,
        record: RunRecord,
        device: Device,
        threads: usize,
    ) -> Result<Box<dyn Predictor>, RunError> {
        Ok(Box::new(predict::WordPredictor::open(larder, record, device, threads)?))
    }

    fn evaluate(
        &self,
        context: &EvaluationContext<'_>,
        head: &Head,
        timer: &mut StageTimer,
        kept: Option<&mut Vec<SplitAnswers>>,
    ) -> Result<Evaluation, RunError> {
        let head = head.as_tagger().ok_or_else(|| RunError::BrokenRun { run: context.record.run.clone() })?;
        evaluate::evaluate(context, head, timer, kept).map(Evaluation::Tagging)
    }

    fn score_file(&self, file: &ScoredFile) -> Result<Box<dyn FileScores>, RunError> {
        Ok(Box::new(score_file::score_file(file)?))
    }

    fn pair<'a>(
        &self,
        first: &'a AnsweredRows,
        second: &'a AnsweredRows,
    ) -> Result<Option<Box<dyn PairedAnswers + 'a>>, MetricsError> {
        let (AnsweredRows::Tagging(first), AnsweredRows::Tagging(second)) = (first, second) else { return Ok(None) };
        Ok((first.gold == second.gold).then(|| Box::new(evaluate::PairedTags(first, second)) as Box<dyn PairedAnswers>))
    }
}
