//! The tokenize stage: a split of a dataset in, a `tokens` file out, in constant memory.
//!
//! Bad rows stop the stage or are skipped, counted and listed, as [`OnBadRow`] says. Texts that are longer than the
//! encoder reads are cut and counted, or kept whole and counted where they will be read in windows ([`LongTexts`]); words of a
//! tagging task are never cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use larder_data::{
    Content, DataError, DatasetSpec, ExampleReader, Format, LabelMap, OnBadRow, OnIllegalTags, RowSlice, SkippedRows,
    TaskFiles, split_has_targets,
};
use larder_files::Provenance;
use larder_store::{StoreError, TextAlone, TokenRow, TokensLayout, TokensWriter};

use crate::{LongTexts, TextWindows, TokenizeSettings, Tokenizer, TokensError};

/// Version of the tokens file's layout.
pub const FORMAT_VERSION: u32 = 2;

/// The split that labels are learnt from.
const TRAIN: &str = "train";

/// The part of a tokens file's provenance that says how many rows were left out.
pub const SKIPPED_ROWS: &str = "ran.skipped_rows";

/// The part of a tokens file's provenance that says that long texts were kept whole, to be read in windows.
pub const LONG_TEXTS: &str = "long";

/// The part of a tokens file's provenance with the tokens that a text, or a window of it, may have.
pub const MAX_TOKENS: &str = "max_tokens";

/// Rows tokenized at a time: enough for every core, little memory.
const BATCH_ROWS: usize = 2048;

/// Words that a sentence hardly ever has more of: the only sentence of a split that does is rather a file without blank lines.
const LONG_SENTENCE: usize = 60;

/// The split, tokenizer, settings and target of a tokenize stage.
#[derive(Debug, Clone, Copy)]
pub struct TokenizeRequest<'a> {
    /// The dataset.
    pub spec: &'a DatasetSpec,
    /// Its split.
    pub split: &'a str,
    /// The encoder's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Tokens a text may have, special tokens included.
    pub max_tokens: usize,
    /// The way in which longer texts are read. Pairs that are read together are cut all the same: they are one input.
    pub long: LongTexts,
    /// The policy for rows that cannot be used.
    pub on_bad_row: OnBadRow,
    /// The policy for tags that their scheme forbids.
    pub on_illegal_tags: OnIllegalTags,
    /// The `tokens` file to make.
    pub target: &'a Path,
    /// Some rows in place of the whole split.
    pub slice: Option<SliceInput<'a>>,
}

/// Some rows of a split, and what reading the whole split would tell.
#[derive(Debug, Clone, Copy)]
pub struct SliceInput<'a> {
    /// The rows: of each file that holds some, a slice. They follow each other in the split.
    pub slices: &'a [(PathBuf, RowSlice)],
    /// True if the split has targets.
    pub has_targets: bool,
    /// The labels that rows may have; `None` takes them as they are.
    pub labels: Option<&'a LabelMap>,
}

/// The report of tokenizing a split.
#[derive(Debug, Clone)]
pub struct TokenizeReport {
    /// Rows in the file.
    pub rows: u64,
    /// Real tokens, special tokens included.
    pub tokens: u64,
    /// Rows that were cut.
    pub truncated_rows: u64,
    /// Tokens cut off.
    pub truncated_tokens: u64,
    /// Rows with a text that was kept whole although it is longer than the limit: it is read in windows.
    pub long_rows: u64,
    /// Tokens that a text, or a window of it, may have.
    pub max_tokens: usize,
    /// Sentences whose tags their scheme forbids, and that were repaired.
    pub repaired_rows: u64,
    /// Words of the only sentence of CoNLL files, where it is longer than sentences are.
    pub lone_sentence_words: Option<usize>,
    /// Rows left out.
    pub skipped: SkippedRows,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// The tokenize stage failed.
#[derive(Debug, thiserror::Error)]
pub enum TokenizeStageError {
    /// The dataset.
    #[error(transparent)]
    Data(#[from] DataError),
    /// One text.
    #[error("cannot tokenize example {example_id} ({place} of split `{split}`)")]
    Text {
        /// The split.
        split: String,
        /// The example's id.
        example_id: String,
        /// Its line or row.
        place: String,
        /// The tokenizer's error.
        #[source]
        source: Box<TokensError>,
    },
    /// The tokens file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenizeRequest<'_> {
    /// Names the treatment of the template's token types, where it is more than keeping those of pairs.
    fn token_types(&self) -> Option<&'static str> {
        match self.spec.columns.text_b.is_some() {
            true => self.tokenizer.reads_types_as_zero().then_some("all 0, the encoder's only one"),
            false => self.tokenizer.gives_types().then_some("as the template gives them"),
        }
    }

    /// Returns the provenance of the tokens file that would be made now.
    ///
    /// # Errors
    /// [`DataError`] when the split cannot be read.
    pub fn provenance(&self) -> Result<Provenance, DataError> {
        self.provenance_of(self.spec.fingerprint_parts(self.split)?)
    }

    /// Returns the same for a split whose [fingerprint](DatasetSpec::fingerprint_parts) is known.
    ///
    /// # Errors
    /// As [`TokenizeRequest::provenance`].
    pub fn provenance_of(&self, fingerprint: BTreeMap<String, String>) -> Result<Provenance, DataError> {
        let policy = match self.on_bad_row {
            // Before, rows with a label that train does not have were left out.
            OnBadRow::Skip if self.split != TRAIN => format!("{}, labels unseen in train kept", self.on_bad_row),
            policy => policy.to_string(),
        };
        let provenance = Provenance::new("tokenize", FORMAT_VERSION)
            .with_all(fingerprint)
            .with("tokenizer.digest", self.tokenizer.digest())
            .with(MAX_TOKENS, self.max_tokens)
            .with("on_bad_row", policy);
        let provenance = match self.long {
            LongTexts::Cut => provenance,
            LongTexts::Windows => provenance.with(LONG_TEXTS, self.long),
        };
        let provenance = if self.has_targets()? { provenance } else { provenance.with("targets", "none") };
        // Files of versions that read pairs together alone are stale.
        let provenance = match self.spec.columns.text_b.is_some() {
            true => provenance.with("pairs", "together, and each text alone"),
            false => provenance,
        };
        // Files of versions that dropped the types, or kept types that the encoder does not have, are stale.
        let provenance = match self.token_types() {
            Some(types) => provenance.with("token_types", types),
            None => provenance,
        };
        Ok(match self.spec.task.files().has_tags {
            false => provenance,
            true => provenance.with("on_illegal_tags", self.on_illegal_tags),
        })
    }
}

impl TokenizeRequest<'_> {
    /// Returns the settings that will make windows of its texts.
    fn windows(&self, split: &str) -> Result<TextWindows, TokenizeStageError> {
        let windows = TextWindows::new(self.max_tokens, self.tokenizer.special_tokens());
        windows.map_err(|source| TokenizeStageError::Text {
            split: split.to_owned(),
            example_id: "0".to_owned(),
            place: "the first row".to_owned(),
            source: Box::new(source),
        })
    }

    /// Returns true if the split has the targets to predict. Train must have them, if the description knows a column
    /// for them.
    ///
    /// # Errors
    /// [`DataError`] when the split cannot be read.
    pub fn has_targets(&self) -> Result<bool, DataError> {
        match self.slice {
            Some(input) => Ok(input.has_targets),
            None if self.split == TRAIN => Ok(self.spec.has_targets()),
            None => split_has_targets(self.spec, self.split),
        }
    }

    /// Returns the labels that rows of the split may have; `None` where there are no targets or nobody to learn labels from.
    ///
    /// # Errors
    /// [`DataError`] when the labels cannot be read.
    pub fn labels(&self) -> Result<Option<LabelMap>, DataError> {
        // Without a training split there is nobody to learn the labels from, and nothing to disagree with.
        let labels_known = self.spec.labels.is_some() || self.spec.split_names().any(|name| name == TRAIN);
        if self.has_targets()? && labels_known { LabelMap::resolve(self.spec).map(Some) } else { Ok(None) }
    }

    /// Returns the optional columns of the tokens file.
    pub fn layout(&self) -> TokensLayout {
        let TaskFiles { has_words, kind: targets, .. } = *self.spec.task.files();
        let pair = self.spec.columns.text_b.is_some();
        TokensLayout { has_words, targets, pair, types: pair || self.tokenizer.gives_types(), alone: pair }
    }

    /// Opens the rows, with the labels that they may have.
    fn open(&self, has_targets: bool) -> Result<ExampleReader, DataError> {
        let Self { spec, split, on_bad_row, on_illegal_tags, .. } = *self;
        let (reader, labels) = match (self.slice, has_targets) {
            (None, true) => (ExampleReader::open(spec, split, on_bad_row)?, self.labels()?),
            (None, false) => return ExampleReader::open_without_targets(spec, split, on_bad_row),
            (Some(SliceInput { slices, labels, .. }), true) => {
                (ExampleReader::open_slices(spec, split, slices, on_bad_row)?, labels.cloned())
            }
            (Some(SliceInput { slices, .. }), false) => {
                return ExampleReader::open_slices_without_targets(spec, split, slices, on_bad_row);
            }
        };
        let reader = reader.on_illegal_tags(on_illegal_tags);
        Ok(match labels {
            None => reader,
            Some(labels) if split == TRAIN => reader.with_labels(labels),
            // A label that training never saw is answered wrongly, and that counts.
            Some(labels) => reader.with_seen_labels(labels),
        })
    }
}

/// Makes the tokens file, whatever stands there. `provenance` is [`TokenizeRequest::provenance`], which reads the whole
/// split and is therefore asked for once; `progress` hears the rows done so far.
///
/// # Errors
/// [`TokenizeStageError`]; the target is then what it was before.
pub fn tokenize(
    request: &TokenizeRequest<'_>,
    provenance: &Provenance,
    progress: &mut dyn FnMut(u64),
) -> Result<TokenizeReport, TokenizeStageError> {
    let started = Instant::now();
    let TokenizeRequest { split, target, .. } = *request;
    let mut reader = request.open(request.has_targets()?)?;
    let layout = request.layout();
    let TokensLayout { has_words: words, pair, .. } = layout;
    let mut writer = TokensWriter::with_layout(target, layout, provenance)?;
    let max_tokens = (!words).then_some(request.max_tokens);
    let settings = TokenizeSettings { max_tokens };
    let windows = match (request.long, words) {
        (LongTexts::Windows, false) => Some(request.windows(split)?),
        _ => None,
    };
    // A text that is read by itself.
    let by_itself = TokenizeSettings { max_tokens: if windows.is_some() { None } else { max_tokens } };
    let is_long = |tokens: usize| windows.is_some_and(|windows| tokens > windows.max_tokens());
    let mut report = TokenizeReport {
        rows: 0,
        tokens: 0,
        truncated_rows: 0,
        truncated_tokens: 0,
        long_rows: 0,
        max_tokens: request.max_tokens,
        repaired_rows: 0,
        lone_sentence_words: None,
        skipped: SkippedRows::default(),
        seconds: 0.0,
    };
    loop {
        let batch = reader.by_ref().take(BATCH_ROWS).collect::<Result<Vec<_>, _>>()?;
        if batch.is_empty() {
            break;
        }
        let (origins, contents): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|e| ((e.id, (e.line, e.file), e.document, e.target), e.content)).unzip();
        let in_row = |source| {
            let entry = if let TokensError::InBatch { entry, .. } = &source { *entry } else { 0 };
            let (example_id, (line, file), ..): &(String, (u64, Option<Arc<Path>>), _, _) = &origins[entry];
            let of = file.as_ref().map_or_else(String::new, |file| format!(" of {}, a file", file.display()));
            TokenizeStageError::Text {
                split: split.to_owned(),
                example_id: example_id.clone(),
                place: format!("line {line}{of}"),
                source: Box::new(source),
            }
        };
        let tokens =
            request.tokenizer.encode_batch(&contents, if pair { &settings } else { &by_itself }).map_err(in_row)?;
        let alone = match pair {
            true => request.tokenizer.encode_alone(&contents, &by_itself).map_err(in_row)?,
            false => vec![None; contents.len()],
        };
        let rows = origins.into_iter().zip(contents).zip(tokens).zip(alone);
        for ((((example_id, _, document, target), content), tokens), texts_alone) in rows {
            report.rows += 1;
            report.lone_sentence_words = match &content {
                Content::Words(words) if report.rows == 1 && request.spec.format == Format::Conll => {
                    Some(words.len()).filter(|&words| words > LONG_SENTENCE)
                }
                _ => None,
            };
            report.tokens += tokens.input_ids.len() as u64;
            report.truncated_rows += u64::from(tokens.truncated_tokens > 0);
            report.truncated_tokens += u64::from(tokens.truncated_tokens);
            let alone = texts_alone.iter().flatten().map(|text: &TextAlone| text.input_ids.len());
            let is_long = alone.chain([tokens.input_ids.len()]).any(is_long);
            report.long_rows += u64::from(is_long);
            writer.push(TokenRow {
                example_id,
                document,
                content,
                target,
                input_ids: tokens.input_ids,
                type_ids: tokens.type_ids,
                offsets: tokens.offsets,
                word_ids: tokens.word_ids,
                truncated_tokens: tokens.truncated_tokens,
                texts_alone,
            })?;
        }
        progress(report.rows);
    }
    report.repaired_rows = reader.repaired();
    report.skipped = reader.skipped().clone();
    writer.note(SKIPPED_ROWS, report.skipped.count);
    writer.finish()?;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}
