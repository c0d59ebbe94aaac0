//! Scores of a CoNLL file with gold and predicted tags, from any tool.

use std::collections::BTreeMap;
use std::path::PathBuf;

use larder_data::{DataError, NO_PREDICTION, ScoredColumns, ScoredConll};
use larder_metrics::{Bootstrap, TaggingScores, UncoveredEntity, score_tagging};
use larder_tags::{Scheme, strict};
use serde::Serialize;

use super::evaluate::{ShownSentence, shown_sentences};
use super::scores::entity_scores;
use crate::tasks::scored_file::{FileScores, ScoredFile, json};
use crate::{RunError, TextBlock};

/// A file's scores.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TaggingFile {
    path: PathBuf,
    /// The scheme by which `strict` read it.
    scheme: Scheme,
    /// The scores, as for larder's own runs.
    scores: TaggingScores,
    /// The sentences of the error examples, by their index in the file.
    shown: BTreeMap<usize, ShownSentence>,
}

impl FileScores for TaggingFile {
    fn blocks(&self) -> Vec<TextBlock> {
        entity_scores(&self.path.display().to_string(), &self.scores, &self.shown)
    }

    fn json(&self) -> serde_json::Result<String> {
        json(self)
    }
}

/// Scores the file. A word whose predicted column is [`NO_PREDICTION`] counts as answered `O`; gold entities without any
/// prediction are also listed as unrepresented.
///
/// # Errors
/// [`RunError::TagColumns`]; [`RunError::Data`] with file and line.
pub(super) fn score_file(file: &ScoredFile) -> Result<TaggingFile, RunError> {
    let (path, scheme) = (&file.path, file.scheme);
    let (mut gold, mut predicted, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = Vec::new();
    for sentence in ScoredConll::open(path, columns(file)?, file.separator)? {
        let mut sentence = sentence?;
        let missing: Vec<bool> = sentence.predicted.iter().map(|tag| tag == NO_PREDICTION).collect();
        if missing.contains(&true) {
            for entity in strict(&sentence.gold, scheme) {
                if missing[entity.start..entity.end].iter().all(|&missing| missing) {
                    let text = sentence.words[entity.start..entity.end].join(" ");
                    lost.push(UncoveredEntity { sentence: gold.len(), entity, text });
                }
            }
            for (tag, _) in sentence.predicted.iter_mut().zip(&missing).filter(|(_, missing)| **missing) {
                "O".clone_into(tag);
            }
        }
        sentences.push((sentence.line, sentence.words));
        gold.push(sentence.gold);
        predicted.push(sentence.predicted);
    }
    if gold.is_empty() {
        return Err(DataError::Empty { path: path.to_owned() }.into());
    }
    let scores = score_tagging(&gold, &predicted, scheme, &Bootstrap::default(), &lost)?;
    let shown = shown_sentences(&scores, |sentence| {
        let (line, words): &(u64, Vec<String>) = &sentences[sentence];
        ShownSentence { example_id: format!("line {line}"), words: words.clone() }
    });
    Ok(TaggingFile { path: path.clone(), scheme, scores, shown })
}

/// Returns the columns of the tags, which have no names.
fn columns(file: &ScoredFile) -> Result<ScoredColumns, RunError> {
    let position = |columns: &[String]| match columns {
        [one] => one.parse().ok(),
        _ => None,
    };
    match (&file.gold[..], &file.predicted[..]) {
        ([], []) => Ok(ScoredColumns::LastTwo),
        (gold, predicted) => match (position(gold), position(predicted)) {
            (Some(gold), Some(predicted)) => Ok(ScoredColumns::At { gold, predicted }),
            _ => Err(RunError::TagColumns { gold: gold.to_vec(), predicted: predicted.to_vec() }),
        },
    }
}
