//! Lengths of a run's texts, and the cost of padding.

use larder_encode::{DEFAULT_CPU_BATCH_TOKENS, Demands, LongTexts, plan};
use larder_run::RunRecord;
use larder_run::page::Missing;
use larder_store::{TokensProjection, TokensReader};

use super::cache::{Cache, unreadable};
use crate::page::Lengths;

/// Returns the lengths of the training split and the evaluated splits.
pub(super) fn gather(record: &RunRecord, cache: &Cache<'_>, judged: &[String]) -> Result<Vec<Lengths>, Missing> {
    let mut splits = vec![record.train_split.as_str()];
    splits.extend(judged.iter().map(String::as_str).filter(|split| *split != record.train_split));
    let mut found = Vec::new();
    let mut missing = None;
    for split in splits {
        match of_split(record, cache, split) {
            Ok(lengths) => found.push(lengths),
            Err(why) => missing = missing.or(Some(why)),
        }
    }
    match missing {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

fn of_split(record: &RunRecord, cache: &Cache<'_>, split: &str) -> Result<Lengths, Missing> {
    let path = cache.tokens(split)?;
    let mut tokens: Vec<u32> = Vec::new();
    let mut truncated = 0;
    let mut in_windows = 0;
    for batch in TokensReader::open(&path, TokensProjection::All).map_err(unreadable)? {
        for row in batch.and_then(|batch| batch.rows(&path)).map_err(unreadable)? {
            tokens.push(u32::try_from(row.input_ids.len()).unwrap_or(u32::MAX));
            truncated += usize::from(row.truncated_tokens > 0);
            let alone = row.texts_alone.iter().flatten().map(|text| text.input_ids.len());
            let longest = alone.chain([row.input_ids.len()]).max().unwrap_or(0);
            in_windows +=
                usize::from(record.settings.long == LongTexts::Windows && longest > record.settings.max_tokens);
        }
    }
    let lengths: Vec<usize> = tokens.iter().map(|&tokens| tokens as usize).collect();
    let real: usize = lengths.iter().sum();
    let share = |computed: usize| if computed == 0 { 0.0 } else { 1.0 - real as f64 / computed as f64 };
    let batches = plan(&lengths, DEFAULT_CPU_BATCH_TOKENS, Demands::default());
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let most = record.settings.max_tokens.max(longest);
    Ok(Lengths {
        split: split.to_owned(),
        truncated,
        in_windows,
        padding_in_batches: share(batches.iter().map(larder_encode::Batch::padded_tokens).sum()),
        padding_to_longest: share(longest * lengths.len()),
        padding_to_most: share(most * lengths.len()),
        most,
        tokens,
    })
}
