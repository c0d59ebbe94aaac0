//! The tokenize stage: texts to token ids.

use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_files::{Freshness, remove_left_beside};
use larder_intake::Encoder;
use larder_run::{Event, Larder, Observer, Stage, StageTime, TokenizeOptions};
use larder_store::{TokensProjection, TokensReader, read_provenance};
use larder_tokens::{TokenizeRequest, tokenize};

use crate::PipelineError;

/// Brings one split's tokens file up to date.
///
/// # Errors
/// [`PipelineError`]: the split, a bad row, the tokenizer, the disk.
pub fn tokenize_split(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    split: &str,
    options: &TokenizeOptions,
    observer: &mut dyn Observer,
) -> Result<(PathBuf, StageTime), PipelineError> {
    let started = Instant::now();
    let target = larder.home().tokens(&spec.name, encoder.name(), split)?;
    let tokenizer = encoder.tokenizer()?;
    let request = TokenizeRequest {
        spec,
        split,
        tokenizer: &tokenizer,
        max_tokens: options.max_tokens(encoder),
        long: options.long,
        on_bad_row: options.on_bad_row,
        on_illegal_tags: options.on_illegal_tags,
        target: &target,
        slice: None,
    };
    let wanted = request.provenance()?;
    let time = |seconds, rows, fresh| StageTime {
        stage: Stage::Tokenize,
        split: split.to_owned(),
        seconds,
        rows,
        fresh,
        device: None,
    };
    let found = match read_provenance(&target) {
        // A truncated or damaged file counts as missing: it is made again.
        Err(error) if error.is_broken_file() => None,
        found => found?,
    };
    let changes = match wanted.freshness(found.as_ref()) {
        Freshness::Fresh if !options.force => {
            observer.event(Event::Fresh { stage: Stage::Tokenize, subject: split, path: &target });
            remove_left_beside(&target, &wanted);
            let rows = TokensReader::open(&target, TokensProjection::Encode)?.rows() as u64;
            return Ok((target, time(started.elapsed().as_secs_f64(), rows, true)));
        }
        Freshness::Stale(changes) => changes,
        Freshness::Fresh | Freshness::Missing => Vec::new(),
    };
    observer.event(Event::Started { stage: Stage::Tokenize, subject: split, changes: &changes });
    let report = tokenize(&request, &wanted, &mut |rows| observer.event(Event::Tokenizing { rows }))?;
    observer.event(Event::Tokenized { split, report: &report, path: &target });
    let rows = report.rows;
    Ok((target, time(started.elapsed().as_secs_f64(), rows, false)))
}

/// `<root>/tokens/<dataset>/<encoder>/<split>.parquet` of `<root>/features/<dataset>/<encoder>/<kind>/<split>.parquet`.
pub(crate) fn tokens_beside(features: &Path) -> Option<PathBuf> {
    let features = features.canonicalize().ok()?;
    let encoder = features.parent()?.parent()?;
    let dataset = encoder.parent()?;
    let root = dataset.parent().filter(|folder| folder.ends_with("features"))?.parent()?;
    let tokens = root.join("tokens").join(dataset.file_name()?).join(encoder.file_name()?).join(features.file_name()?);
    tokens.is_file().then_some(tokens)
}
