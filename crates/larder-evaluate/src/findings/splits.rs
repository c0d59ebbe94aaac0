//! Facts about held-out splits: leaks from train, lengths, spelling, and similarity to train.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use larder_diagnose::{Diagnosis, diagnose_leaks, diagnose_lengths, diagnose_spelling};
use larder_intake::Encoder;
use larder_run::{Evaluation, Larder, RunError, RunRecord, tasks};

use super::rows::lengths;
use super::shift;
use super::texts::{SplitTexts, look_up, pointed};

/// The files of a run's splits.
pub(crate) struct SplitFiles<'a> {
    pub larder: &'a Larder,
    pub record: &'a RunRecord,
    /// The feature columns that the head reads.
    pub columns: &'a [String],
    /// The features file of each evaluated split.
    pub features: &'a [(String, PathBuf)],
}

impl SplitFiles<'_> {
    /// Returns the tokens file of the training split, made with the run's original encoder; `None` if it is gone.
    pub fn train_tokens(&self) -> Result<Option<PathBuf>, RunError> {
        let RunRecord { dataset, encoder, train_split, .. } = self.record;
        let path = self.larder.home().tokens(dataset, encoder, train_split)?;
        Ok(path.is_file().then_some(path))
    }

    /// Returns the tokens file of an evaluated split; `None` if it is gone.
    pub fn tokens(&self, encoder: &Encoder, split: &str) -> Result<Option<PathBuf>, RunError> {
        let path = self.larder.home().tokens(&self.record.dataset, encoder.name(), split)?;
        Ok(path.is_file().then_some(path))
    }
}

/// Returns the findings about the splits of `evaluation`, in order. `encoder` is the one that encoded them.
pub(crate) fn split_findings(
    files: &SplitFiles<'_>,
    encoder: &Encoder,
    evaluation: &Evaluation,
) -> Result<Vec<Diagnosis>, RunError> {
    let SplitFiles { record, features, .. } = *files;
    let unk_id = encoder.manifest().special_tokens.unk_id;
    let train = files.train_tokens()?;
    let known = train.as_deref().map(|path| SplitTexts::read(path, &record.labels, unk_id)).transpose()?;
    let mut found = Vec::new();
    for (split, _) in features {
        let scores = evaluation.scores();
        let judged = scores.splits().into_iter().find(|one| one.outline().split == split);
        let scored = judged.map_or_else(Vec::new, |one| one.findings(record));
        let Some(tokens) = files.tokens(encoder, split)? else {
            found.extend(scored);
            continue;
        };
        // The training rows were examined when the run was trained.
        if *split == record.train_split {
            found.extend(scored);
            continue;
        }
        let texts = SplitTexts::read(&tokens, &record.labels, unk_id)?;
        let before = found.len();
        found.extend(scored);
        found.extend(diagnose_lengths(Some(split), &lengths(record, encoder, &texts)));
        found.extend(diagnose_spelling(Some(split), &texts.spelling()));
        if let Some(known) = &known {
            found.extend(leaks(record, known, split, &texts, &tokens)?);
        }
        if let Some(train) = &train {
            found.extend(shift::shift_finding(files, evaluation, split, train, &tokens)?);
        }
        // Findings with equal facts about equal rows are merged.
        let rows = texts.digest();
        let of_split = found.split_off(before);
        found.extend(of_split.into_iter().map(|finding| finding.of_rows(&rows)));
    }
    Ok(found)
}

fn leaks(
    record: &RunRecord,
    train: &SplitTexts,
    split: &str,
    texts: &SplitTexts,
    tokens: &Path,
) -> Result<Option<Diagnosis>, RunError> {
    let names: &[String] = if tasks::of(record.task()).facts().targets_are_labels { &record.display } else { &[] };
    let Some(leak) = diagnose_leaks(&train.keyed(), split, &texts.keyed(), names) else { return Ok(None) };
    let rows: BTreeSet<usize> = leak.rows.iter().map(|pointer| pointer.row).collect();
    let shown = look_up(tokens, &rows)?;
    Ok(Some(leak.with_texts(|pointer| pointed(pointer, split, &shown))))
}
