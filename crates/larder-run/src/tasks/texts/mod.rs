//! Parts that tasks with one answer a text share: encoding new texts, scoring splits, and the tables of their scores.

mod evaluate;
mod export;
mod predict;
mod scores;

use std::collections::HashSet;

use larder_data::{Content, LabelMap, Task};
use larder_store::{Level, TokensProjection};

use super::TaskFacts;
use crate::RunError;

pub(super) use evaluate::{AnsweredSplit, TextSplit, evaluate_texts};
pub(super) use export::{TEXT_EXAMPLES, file_outputs, text_snippet};
pub(super) use predict::{EncodedTexts, TextHead, TextPredictor, by_label, probability_lists};
pub use scores::TextScores;
pub(super) use scores::TextSplitScores;

/// The facts that all tasks on texts have in common. Each states the others itself.
pub(super) const TEXT_FACTS: TaskFacts = TaskFacts {
    task: Task::Sequence,
    level: Level::Sentence,
    rows: "rows",
    units: "texts",
    counted: "rows",
    targets: "labels",
    targets_are_labels: false,
    in_words: "",
    heads: &[],
    projection: TokensProjection::Encode,
    overview_header: &[],
    model_class: "SequenceClassification",
    problem_type: None,
    pipeline_tag: "text-classification",
    longer_texts: "; longer texts lose their end",
};

/// Most labels named in a remark.
const NAMED: usize = 5;

/// Returns the remark that `rows` of the `all` rows of a split have labels that training never saw.
pub(super) fn unseen_remark(split: &str, unseen: &[String], rows: u64, all: u64) -> Option<String> {
    if unseen.is_empty() {
        return None;
    }
    let named: Vec<String> = unseen.iter().take(NAMED).map(|label| format!("`{label}`")).collect();
    let more = match unseen.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{split}: {rows} of {all} rows have a label that training never saw ({}{more}): no answer to them is right",
        named.join(", ")
    ))
}

/// Splits labels into those `found` in rows, and the names of the others.
pub(super) fn learnable(labels: LabelMap, found: &HashSet<String>) -> Result<(LabelMap, Vec<String>), RunError> {
    let (names, display) = (labels.names().iter().cloned(), labels.display().iter().cloned());
    let (kept, unseen): (Vec<_>, Vec<_>) = names.zip(display).partition(|(name, _)| found.contains(name));
    if unseen.is_empty() || kept.is_empty() {
        return Ok((labels, Vec::new()));
    }
    let (names, display) = kept.into_iter().unzip();
    Ok((LabelMap::new(names, display)?, unseen.into_iter().map(|(name, _)| name).collect()))
}

/// Returns the text; for a pair, both separated by a tab, as in the input.
pub(super) fn text_of(content: &Content) -> String {
    match content {
        Content::Text { text, text_b: None } => text.clone(),
        Content::Text { text, text_b: Some(text_b) } => format!("{text}\t{text_b}"),
        Content::Words(words) => words.join(" "),
    }
}

/// Returns the line for people of an answer to a text, whatever line ends the text holds.
pub(super) fn answer_line(answer: &str, content: &Content, truncated_tokens: u32) -> String {
    let text = text_of(content).replace("\r\n", " ").replace(['\n', '\r'], " ");
    let cut = match truncated_tokens {
        0 => String::new(),
        n => format!("  (the last {n} tokens did not fit)"),
    };
    format!("{answer}\t{text}{cut}\n")
}
