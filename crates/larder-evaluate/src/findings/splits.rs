//! Facts about held-out splits: leaks from train, lengths, spelling, and similarity to train.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{Diagnosis, diagnose_coverage, diagnose_leaks, diagnose_lengths, diagnose_spelling};
use larder_intake::Encoder;
use larder_run::{Evaluation, RunError, RunRecord, tasks};

use super::rows::lengths;
use super::split_files::SplitFiles;
use super::texts::{SplitTexts, look_up, pointed};
use super::{pairs, shift};

/// Returns the findings about the splits of `evaluation`, in order. `encoder` is the one that encoded them.
pub(crate) fn split_findings(
    files: &SplitFiles<'_>,
    encoder: &Encoder,
    evaluation: &Evaluation,
) -> Result<Vec<Diagnosis>, RunError> {
    let SplitFiles { record, features, .. } = *files;
    let train = files.train_tokens()?;
    let known = train.as_deref().map(|path| SplitTexts::read(record, encoder, path)).transpose()?;
    let mut found = Vec::new();
    for (split, _) in features {
        let scores = evaluation.scores();
        let judged = scores.splits().into_iter().find(|one| one.outline().split == split);
        let mut scored = judged.map_or_else(Vec::new, |one| one.findings(record));
        let coverage = judged.and_then(|one| one.coverage());
        scored.extend(coverage.and_then(|coverage| diagnose_coverage(split, coverage)));
        let Some(tokens) = files.tokens(encoder, split)? else {
            found.extend(scored);
            continue;
        };
        // The training rows were examined when the run was trained.
        if *split == record.train_split {
            found.extend(scored);
            continue;
        }
        scored.extend(judged.and_then(|one| pairs::pairing(files, one)));
        let texts = SplitTexts::read(record, encoder, &tokens)?;
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
    let facts = tasks::of(record.task()).facts();
    let names: &[String] = if facts.targets_are_labels { &record.display } else { &[] };
    let (train, texts) = (train.keyed(facts.targets), texts.keyed(facts.targets));
    let Some(leak) = diagnose_leaks(&train, split, &texts, names) else { return Ok(None) };
    let rows: BTreeSet<usize> = leak.rows.iter().map(|pointer| pointer.row).collect();
    let shown = look_up(tokens, &rows)?;
    Ok(Some(leak.with_texts(|pointer| pointed(pointer, split, &shown))))
}
