//! A run's scores, from its `metrics.json`.

use std::path::Path;

use larder_data::Task;
use larder_files::read_json_text;
use larder_report::{ClassAnswers, ClassSplit, EntitySplit, TaggedSentence};
use larder_tags::{Scheme, strict};

use super::Lacking;
use super::answers::{Answers, Tagged};
use super::cache::Cache;
use crate::RunRecord;
use crate::evaluate::{Evaluation, METRICS_FILE, SplitEvaluation, TaggingSplitEvaluation};

/// Reads the scores of a run.
pub(super) fn read(folder: &Path, record: &RunRecord) -> Lacking<Evaluation> {
    let text = match read_json_text(&folder.join(METRICS_FILE)) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(format!("The run was not evaluated: `larder eval {}` does that.", record.run)),
        Err(error) => return Err(unreadable(&error, record)),
    };
    let unreadable = |error: serde_json::Error| unreadable(&error, record);
    // By the record's task: numbers as keys cannot be read through a tag.
    match record.task() {
        Task::Sequence => serde_json::from_slice(&text).map(Evaluation::Sequence).map_err(unreadable),
        Task::Tagging => serde_json::from_slice(&text).map(Evaluation::Tagging).map_err(unreadable),
    }
}

fn unreadable(error: &dyn std::fmt::Display, record: &RunRecord) -> String {
    format!("metrics.json cannot be read: {error}; `larder eval {}` writes it anew.", record.run)
}

impl Evaluation {
    /// The splits, in the order they were judged.
    pub(super) fn split_names(&self) -> Vec<String> {
        match self {
            Self::Sequence(evaluation) => evaluation.splits.iter().map(|split| split.split.clone()).collect(),
            Self::Tagging(evaluation) => evaluation.splits.iter().map(|split| split.split.clone()).collect(),
        }
    }
}

/// A classifier's split with its answers.
pub(super) fn class_split(
    split: SplitEvaluation,
    display: &[String],
    answers: &Lacking<Answers>,
    cache: &Cache<'_>,
) -> ClassSplit {
    let classes = split.confusion.len();
    let answers = answers.as_ref().map_err(String::clone).and_then(|answers| {
        let found = answers.labelled(&split.split)?;
        Ok(ClassAnswers {
            texts: cache.texts_of(&split.split, &found.example_ids).into(),
            example_ids: found.example_ids.clone(),
            gold: found.gold.clone(),
            answers: found.answers.clone(),
            probabilities: found.padded_probabilities(display.len(), classes),
            classes,
        })
    });
    ClassSplit {
        labels: split.class_names(display),
        split: split.split,
        scores: split.scores,
        intervals: split.intervals,
        majority: split.majority.scores,
        majority_class: split.majority.class,
        against_majority: split.against_majority,
        confusion: split.confusion,
        log_loss: split.log_loss,
        prior_entropy: split.prior_entropy,
        answers: answers.into(),
    }
}

/// A tagger's split with its sentences.
pub(super) fn entity_split(split: TaggingSplitEvaluation, answers: &Lacking<Answers>) -> EntitySplit {
    let found = answers.as_ref().map_err(String::clone).and_then(|answers| answers.tagged(&split.split));
    EntitySplit {
        scores: split.scores,
        examples: split.shown.into_iter().map(|(at, shown)| (at, (shown.example_id, shown.words))).collect(),
        sentences: found.map(sentences).into(),
        split: split.split,
    }
}

/// Words grouped into sentences: position 0 starts one.
fn sentences(answers: &Tagged) -> Vec<TaggedSentence> {
    let rows: Vec<usize> = (0..answers.words.len()).collect();
    let starts = |row: usize| answers.positions.get(row).is_none_or(|&position| position == 0);
    let of = |column: &[String], rows: &[usize]| -> Vec<String> {
        rows.iter().filter_map(|&row| column.get(row).cloned()).collect()
    };
    rows.chunk_by(|_, &next| !starts(next))
        .map(|rows| TaggedSentence {
            example_id: of(&answers.example_ids, rows).into_iter().next().unwrap_or_default(),
            words: of(&answers.words, rows),
            gold: strict(&of(&answers.gold, rows), Scheme::Iob2),
            predicted: strict(&of(&answers.answers, rows), Scheme::Iob2),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_grouped_into_sentences_with_their_entities() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let answers = Tagged {
            example_ids: texts(&["4", "4", "9"]),
            positions: vec![0, 1, 0],
            words: texts(&["Ada", "Lovelace", "sings"]),
            gold: texts(&["B-person", "I-person", "O"]),
            answers: texts(&["B-person", "O", "O"]),
        };
        let found = sentences(&answers);
        assert_eq!(found.iter().map(|one| one.example_id.as_str()).collect::<Vec<_>>(), ["4", "9"]);
        assert_eq!((found[0].gold[0].end, found[0].predicted[0].end, found[0].wrong()), (2, 1, 2));
        assert_eq!((found[1].words.len(), found[1].wrong()), (1, 0));
        assert!(sentences(&Tagged::default()).is_empty());
    }
}
