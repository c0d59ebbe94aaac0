//! Reading a `tokens` file batch by batch.

use std::path::{Path, PathBuf};

use larder_checksums::{Batches, rows_of};
use larder_data::TargetKind;
use larder_files::Provenance;
use parquet::arrow::ProjectionMask;

use super::batch::TokensBatch;
use super::row::ALONE;
use super::writer::{BATCH_ROWS, TokensLayout};
use crate::StoreError;
use crate::metadata::provenance_of;
use crate::open::open_checked;
use crate::schema::values_path;
use crate::targets::{LABEL, LABELS, TARGET, kind_of};

/// The columns that a reader loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensProjection {
    /// The columns that encoding texts needs: `example_id`, that of the targets, `input_ids`, `type_ids`.
    Encode,
    /// The columns that encoding words or tokens needs, of those that the file has: `example_id`, `document`, `words`,
    /// `tags`, `input_ids`, `type_ids`, `word_ids`.
    EncodeWords,
    /// The columns that encoding each text of a pair by itself needs: `example_id`, that of the targets, `input_ids`, and ids
    /// and types of both texts alone.
    EncodeAlone,
    /// All columns.
    All,
}

/// Reads a `tokens` file batch by batch.
pub struct TokensReader {
    reader: Batches,
    path: PathBuf,
    rows: usize,
    tokens: u64,
    words: u64,
    has_words: bool,
    targets: TargetKind,
    pair: bool,
    types: bool,
    alone: bool,
    documents: bool,
    provenance: Option<Provenance>,
}

impl TokensReader {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`Io`](larder_files::FileError::Io), [`StoreError::Parquet`] for a cut file, [`Damaged`](larder_files::FileError::Damaged), [`StoreError::Column`] for another schema.
    pub fn open(path: &Path, projection: TokensProjection) -> Result<Self, StoreError> {
        let file = open_checked(path)?;
        let builder = rows_of(file.clone()).map_err(|e| StoreError::reading(path, e))?;
        file.expect_checksums(builder.metadata()).map_err(|e| StoreError::reading(path, e))?;
        let schema = builder.schema().clone();
        let has = |name: &str| schema.column_with_name(name).is_some();
        let (has_words, pair, types, documents) = (has("words"), has("text_b"), has("type_ids"), has("document"));
        let metadata = builder.metadata().clone();
        let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        // Neither `input_ids` nor `words` is ever empty, so the leaf's values are exactly the tokens and words.
        let values = |name: &str| -> u64 {
            let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
            let column = columns.filter(|c| c.column_path() == &values_path(name));
            column.map(|c| u64::try_from(c.num_values()).unwrap_or(0)).sum()
        };
        let tokens = match projection {
            TokensProjection::EncodeAlone => ALONE.iter().map(|[ids, ..]| values(ids)).sum(),
            _ => values("input_ids"),
        };
        let words = values("words");
        let provenance = provenance_of(metadata.file_metadata().key_value_metadata());
        let wanted: Vec<usize> = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| {
                let name = f.name().as_str();
                match projection {
                    TokensProjection::Encode => {
                        matches!(name, "example_id" | LABEL | LABELS | TARGET | "input_ids" | "type_ids")
                    }
                    TokensProjection::EncodeWords => {
                        !matches!(name, "text" | "text_b" | LABEL | LABELS | TARGET | "offsets")
                            && !ALONE.iter().flatten().any(|alone| *alone == name)
                    }
                    TokensProjection::EncodeAlone => {
                        matches!(name, "example_id" | LABEL | LABELS | TARGET | "input_ids")
                            || ALONE.iter().flatten().any(|alone| *alone == name)
                    }
                    TokensProjection::All => true,
                }
            })
            .map(|(i, _)| i)
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let reader = Batches::of(builder).map_err(|e| StoreError::reading(path, e))?;
        Ok(Self {
            reader,
            path: path.to_path_buf(),
            rows,
            tokens,
            words,
            has_words,
            targets: if has_words { TargetKind::Tags } else { kind_of(&schema) },
            pair,
            types,
            alone: ALONE.iter().flatten().all(|name| has(name)),
            documents,
            provenance,
        })
    }

    /// Rows in the file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Real tokens that the projection reads, special tokens included, from the footer.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Words in the file, from the footer; 0 where rows hold texts.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// Returns true if rows hold words and tags, false if they hold a text and a label.
    pub fn has_words(&self) -> bool {
        self.has_words
    }

    /// Returns true if the file says which document a sentence is from.
    pub fn has_documents(&self) -> bool {
        self.documents
    }

    /// Returns true if rows are sentence pairs.
    pub fn is_pair(&self) -> bool {
        self.pair
    }

    /// Returns the columns that the file has.
    pub fn layout(&self) -> TokensLayout {
        let Self { has_words, targets, pair, types, alone, .. } = *self;
        TokensLayout { has_words, targets, pair, types, alone }
    }

    /// Returns the provenance of the file.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }
}

impl Iterator for TokensReader {
    type Item = Result<TokensBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.reader.next()? {
            Ok(batch) => batch,
            Err(e) => return Some(Err(StoreError::reading(&self.path, e.into()))),
        };
        Some(TokensBatch::check(&self.path, batch))
    }
}
