//! Scores of a CoNLL file with gold and predicted tags, from any tool.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::{DataError, NO_PREDICTION, ScoredColumns, ScoredConll, Separator};
use larder_metrics::{Bootstrap, TaggingScores, UncoveredEntity, score_tagging};
use larder_run::RunError;
use larder_run::tasks::tagging::{ShownSentence, shown_sentences};
use larder_tags::{Scheme, strict};
use serde::Serialize;

/// Options of scoring a file.
#[derive(Debug, Clone, Copy)]
pub struct ScoreOptions {
    /// The columns of the tags.
    pub columns: ScoredColumns,
    /// The separator of columns.
    pub separator: Separator,
    /// The scheme by which `strict` reads both columns.
    pub scheme: Scheme,
}

/// A file's scores.
#[derive(Debug, Clone, Serialize)]
pub struct FileScores {
    /// The file.
    pub path: PathBuf,
    /// The scheme by which `strict` read it.
    pub scheme: Scheme,
    /// The scores, as for larder's own runs.
    pub scores: TaggingScores,
    /// The sentences of the error examples, by their index in the file.
    pub shown: BTreeMap<usize, ShownSentence>,
}

/// Scores the file at `path`. A word whose predicted column is [`NO_PREDICTION`] counts as answered `O`; gold entities without
/// any prediction are also listed as unrepresented.
///
/// # Errors
/// [`RunError::Data`] with file and line.
pub fn score_file(path: &Path, options: &ScoreOptions) -> Result<FileScores, RunError> {
    let (mut gold, mut predicted, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = Vec::new();
    for sentence in ScoredConll::open(path, options.columns, options.separator)? {
        let mut sentence = sentence?;
        let missing: Vec<bool> = sentence.predicted.iter().map(|tag| tag == NO_PREDICTION).collect();
        if missing.contains(&true) {
            for entity in strict(&sentence.gold, options.scheme) {
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
    let scores = score_tagging(&gold, &predicted, options.scheme, &Bootstrap::default(), &lost)?;
    let shown = shown_sentences(&scores, |sentence| {
        let (line, words): &(u64, Vec<String>) = &sentences[sentence];
        ShownSentence { example_id: format!("line {line}"), words: words.clone() }
    });
    Ok(FileScores { path: path.to_owned(), scheme: options.scheme, scores, shown })
}
