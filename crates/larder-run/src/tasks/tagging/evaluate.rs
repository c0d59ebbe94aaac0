//! The scores of a tagger: entities under both rules, and errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::write_conll;
use larder_diagnose::Diagnosis;
use larder_files::write_atomic;
use larder_metrics::{
    Bootstrap, EntityRule, Interval, Metric, MetricsError, TaggingScores, paired_entity_difference, score_tagging,
};
use larder_store::{FeaturesFile, WordPredictions, WordPredictionsWriter};
use larder_tags::Scheme;
use larder_train::TaggingHead;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::cached_words::CachedWords;
use crate::evaluation::{EvaluationContext, PairedAnswers, SplitAnswers, StageTimer, UnscoredSplit};
use crate::tasks::AnsweredRows;

/// Scores on one split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaggingSplit {
    /// The split.
    pub split: String,
    /// Entity precision, recall and F1 under both rules, token accuracy with the all-`O` baseline, and errors.
    pub scores: TaggingScores,
    /// The sentences of the error examples, by their index in the split.
    pub shown: BTreeMap<usize, ShownSentence>,
    /// Sentences of the split's file that could not be used; no score counts them.
    #[serde(default)]
    pub skipped_rows: u64,
    /// BLAKE3 of the split's file, 64 hexadecimal digits; empty in files of earlier versions.
    #[serde(default)]
    pub data_digest: String,
    /// Findings, with evidence and the flag to turn.
    pub advice: Vec<Diagnosis>,
    /// File with the split's words, gold and predicted tags, for other scorers.
    pub conll: PathBuf,
}

/// The sentence of an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSentence {
    /// Its id; for a file that was only scored, the line of its first word.
    pub example_id: String,
    /// Its words.
    pub words: Vec<String>,
}

/// A tagger's scores.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaggingEvaluation {
    /// The run.
    pub run: String,
    /// The kind of head.
    pub head: String,
    /// One entry a split.
    pub splits: Vec<TaggingSplit>,
    /// Splits without tags.
    #[serde(default)]
    pub unscored: Vec<UnscoredSplit>,
}

/// Gold and answers of a split, as IOB2 tags.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedRows {
    /// `[sentences][words]`
    pub gold: Vec<Vec<String>>,
    /// `[sentences][words]`
    pub predicted: Vec<Vec<String>>,
}

/// Two sets of tags for the same words.
pub(super) struct PairedTags<'a>(pub &'a TaggedRows, pub &'a TaggedRows);

impl PairedAnswers for PairedTags<'_> {
    fn difference(&self, _: Metric, bootstrap: &Bootstrap) -> Result<(f64, Interval), MetricsError> {
        let Self(TaggedRows { gold, predicted }, others) = self;
        // larder's own answers are legal, so both rules read the same entities.
        paired_entity_difference(gold, predicted, &others.predicted, Scheme::Iob2, EntityRule::Strict, bootstrap)
            .map(|found| (found.difference, found.interval))
    }
}

/// Scores the head on features files of splits and writes its answers into `folder`: all into `predictions.parquet`, and each
/// split into `predictions.<split>.conll`, without gold tags if it has none.
pub(super) fn evaluate(
    context: &EvaluationContext<'_>,
    head: &TaggingHead,
    timer: &mut StageTimer,
    mut kept: Option<&mut Vec<SplitAnswers>>,
) -> Result<TaggingEvaluation, RunError> {
    let EvaluationContext { record, features, sources, keep, folder, provenance, .. } = *context;
    let (mut splits, mut unscored) = (Vec::new(), Vec::new());
    let mut writer = WordPredictionsWriter::create(&folder.join("predictions.parquet"), keep, provenance)?;
    for ((split, features), source) in features.iter().zip(sources) {
        let (skipped_rows, data_digest) = (source.skipped_rows, source.data_digest.clone());
        timer.start();
        let file = FeaturesFile::open(features)?;
        let answers = TaggedSentences::of(head, &file)?;
        let conll = folder.join(format!("predictions.{split}.conll"));
        answers.write_conll(&conll)?;
        if !answers.has_gold {
            let (split, rows) = (split.clone(), answers.words.len() as u64);
            writer.push(&split, &answers.into_rows())?;
            timer.stop(&split, file.rows());
            unscored.push(UnscoredSplit { split, rows, skipped_rows, data_digest });
            continue;
        }
        let scores = score_tagging(&answers.gold, &answers.predicted, Scheme::Iob2, &Bootstrap::default(), &[])?;
        let shown = shown_sentences(&scores, |sentence| ShownSentence {
            example_id: answers.example_ids[sentence].clone(),
            words: answers.words[sentence].clone(),
        });
        if let Some(kept) = &mut kept {
            let (gold, predicted) = (answers.gold.clone(), answers.predicted.clone());
            kept.push(SplitAnswers {
                split: split.clone(),
                data_digest: data_digest.clone(),
                example_ids: answers.example_ids.clone(),
                rows: AnsweredRows::Tagging(TaggedRows { gold, predicted }),
            });
        }
        splits.push(TaggingSplit {
            split: split.clone(),
            scores,
            shown,
            skipped_rows,
            data_digest,
            advice: Vec::new(),
            conll,
        });
        writer.push(split, &answers.into_rows())?;
        timer.stop(split, file.rows());
    }
    writer.finish()?;
    Ok(TaggingEvaluation { run: record.run.clone(), head: head.kind.to_string(), splits, unscored })
}

/// Returns the sentences of the examples in `scores`.
pub fn shown_sentences(
    scores: &TaggingScores,
    sentence: impl Fn(usize) -> ShownSentence,
) -> BTreeMap<usize, ShownSentence> {
    let errors = &scores.errors;
    let examples = errors
        .wrong_type
        .iter()
        .chain(&errors.wrong_type_and_boundary)
        .map(|entry| &entry.examples)
        .chain(errors.boundary.iter().map(|entry| &entry.examples))
        .chain(errors.missed.iter().chain(&errors.spurious).map(|entry| &entry.examples));
    examples.flatten().map(|example| (example.sentence, sentence(example.sentence))).collect()
}

/// A split's words, gold and predicted tags, by sentence.
struct TaggedSentences {
    example_ids: Vec<String>,
    words: Vec<Vec<String>>,
    has_gold: bool,
    /// Empty tags if `has_gold` is false.
    gold: Vec<Vec<String>>,
    predicted: Vec<Vec<String>>,
    probabilities: Vec<Vec<f32>>,
}

impl TaggedSentences {
    fn of(head: &TaggingHead, file: &FeaturesFile) -> Result<Self, RunError> {
        let columns: Vec<String> = head.columns.iter().map(|column| column.name.clone()).collect();
        let source = CachedWords::new(file, &columns)?;
        let missing = |row| RunError::NoLabel { features: file.path().to_path_buf(), row };
        let tags = file.tags()?;
        let has_gold = tags.iter().any(Option::is_some);
        let gold = tags.into_iter().enumerate().map(|(row, tag)| match has_gold {
            true => tag.ok_or_else(|| missing(row)),
            false => Ok(String::new()),
        });
        let gold = source.by_sentence(gold.collect::<Result<Vec<_>, _>>()?);
        let words = source.by_sentence(file.words()?);
        let ids = source.by_sentence(file.example_ids()?);
        let (mut predicted, mut probabilities) = (Vec::new(), Vec::new());
        for sentence in head.tag(&source)? {
            predicted.push(sentence.classes.iter().map(|&class| head.tags.name(class)).collect());
            probabilities.push(sentence.probabilities.iter().map(|&p| p as f32).collect());
        }
        let example_ids = ids.into_iter().map(|ids| ids.into_iter().next().unwrap_or_default()).collect();
        Ok(Self { example_ids, words, has_gold, gold, predicted, probabilities })
    }

    fn write_conll(&self, path: &Path) -> Result<(), RunError> {
        Ok(write_atomic(path, |file| {
            for ((words, gold), predicted) in self.words.iter().zip(&self.gold).zip(&self.predicted) {
                match self.has_gold {
                    true => write_conll(file, words, &[gold, predicted])?,
                    false => write_conll(file, words, &[predicted])?,
                }
            }
            Ok(())
        })?)
    }

    fn into_rows(self) -> WordPredictions {
        let lengths: Vec<usize> = self.words.iter().map(Vec::len).collect();
        let ids = self.example_ids.into_iter().zip(&lengths);
        WordPredictions {
            example_ids: ids.flat_map(|(id, &length)| std::iter::repeat_n(id, length)).collect(),
            positions: lengths.iter().flat_map(|&length| (0..).take(length)).collect(),
            words: self.words.into_iter().flatten().collect(),
            tags: self.gold.into_iter().flatten().map(|tag| self.has_gold.then_some(tag)).collect(),
            answers: self.predicted.into_iter().flatten().collect(),
            probabilities: self.probabilities.into_iter().flatten().collect(),
        }
    }
}
