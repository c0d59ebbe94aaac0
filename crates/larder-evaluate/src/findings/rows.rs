//! Facts about the rows of a training split.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{
    Balance, Diagnosis, Lengths, Pointing, diagnose_balance, diagnose_duplicates, diagnose_label_names,
    diagnose_lengths, diagnose_size, diagnose_spelling, diagnose_vocabulary,
};
use larder_intake::Encoder;
use larder_run::{RunError, RunRecord, TargetClasses, tasks};

use super::texts::{SplitTexts, look_up, pointed};

/// Returns the findings about the rows of train. `label_errors` are those found by the fit.
pub(super) fn row_findings(
    record: &RunRecord,
    encoder: &Encoder,
    tokens: &Path,
    label_errors: Option<Pointing>,
) -> Result<Vec<Diagnosis>, RunError> {
    let texts = SplitTexts::read(record, encoder, tokens)?;
    let TargetClasses { names, display, counts, what, are_labels } =
        tasks::of(record.task()).target_classes(record, &texts.entities);
    let mut found = diagnose_label_names(&names);
    if are_labels {
        found.extend(diagnose_size(texts.rows(), record.labels.len()));
    }
    let weighing = record.head.details().weighing();
    found.extend(diagnose_balance(&Balance { classes: &display, counts: &counts, what, weighing }));
    found.extend(diagnose_lengths(None, &lengths(record, encoder, &texts)));
    found.extend(diagnose_spelling(None, &texts.spelling()));
    found.extend(diagnose_vocabulary(encoder.manifest().vocabulary_size, encoder.tokenizer()?.vocabulary_size()));
    let targets = tasks::of(record.task()).facts().targets;
    let names: &[String] = if are_labels { &record.display } else { &[] };
    let pointing: Vec<Pointing> =
        diagnose_duplicates(&texts.keyed(targets), names).into_iter().chain(label_errors).collect();
    let rows: BTreeSet<usize> = pointing.iter().flat_map(|one| &one.rows).map(|pointer| pointer.row).collect();
    let shown = look_up(tokens, &rows)?;
    let with_texts = |one: Pointing| one.with_texts(|pointer| pointed(pointer, &record.train_split, &shown));
    found.extend(pointing.into_iter().map(with_texts));
    Ok(found)
}

pub(super) fn lengths(record: &RunRecord, encoder: &Encoder, texts: &SplitTexts) -> Lengths {
    Lengths {
        rows: texts.rows(),
        cut_rows: texts.cut_rows,
        tokens: texts.tokens,
        cut_tokens: texts.cut_tokens,
        longest: texts.longest,
        max_tokens: record.settings.max_tokens,
        encoder_tokens: encoder.max_tokens(),
        could_be_windows: record.head.tuned().is_none() && record.is_pair() == record.settings.pair_features,
    }
}
