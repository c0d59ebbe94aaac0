//! The layout that the footer tells: schema, sizes, encodings, row groups, provenance.

use std::collections::BTreeMap;

use parquet::basic::Compression;
use serde::Serialize;

use crate::{InspectError, ParquetFile};

/// The prefix of what larder writes into the metadata.
const PREFIX: &str = "larder.";

/// The layout of a file. Nothing but its footer was read for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layout {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The program that wrote it, as that calls itself.
    pub created_by: Option<String>,
    /// `larder.*` of the metadata, without the prefix: what the file was made from. Empty where larder did not write it.
    pub provenance: BTreeMap<String, String>,
    /// Further keys of the metadata, with the bytes of their values.
    pub other_metadata: BTreeMap<String, u64>,
    /// Columns in file order.
    pub columns: Vec<ColumnLayout>,
    /// Row groups.
    pub row_groups: RowGroups,
}

/// A column of the schema, with all that is nested in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnLayout {
    /// Its name.
    pub name: String,
    /// Its Arrow type.
    pub data_type: String,
    /// True if it may be null.
    pub nullable: bool,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes of its encoded pages before they were compressed.
    pub uncompressed_bytes: u64,
    /// Codecs used, sorted.
    pub codecs: Vec<String>,
    /// Encodings used, of levels and dictionaries too, sorted.
    pub encodings: Vec<String>,
}

/// The sizes of the row groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowGroups {
    /// Row groups.
    pub count: usize,
    /// Rows of the smallest.
    pub fewest_rows: u64,
    /// Rows of the largest.
    pub most_rows: u64,
    /// Compressed bytes of the largest.
    pub most_bytes: u64,
}

impl Layout {
    /// Reads the layout from a file's footer.
    ///
    /// # Errors
    /// [`InspectError::Open`] when its size cannot be had.
    pub fn of(file: &ParquetFile) -> Result<Self, InspectError> {
        let failed = |source| InspectError::Open { path: file.path().to_path_buf(), source };
        let bytes = std::fs::metadata(file.path()).map_err(failed)?.len();
        let metadata = file.metadata().file_metadata();
        let (mut provenance, mut other_metadata) = (BTreeMap::new(), BTreeMap::new());
        for pair in metadata.key_value_metadata().into_iter().flatten() {
            let value = pair.value.as_deref().unwrap_or_default();
            match pair.key.strip_prefix(PREFIX) {
                Some(key) => provenance.insert(key.to_owned(), value.to_owned()).map(drop),
                None => other_metadata.insert(pair.key.clone(), value.len() as u64).map(drop),
            };
        }
        Ok(Self {
            path: file.path().display().to_string(),
            bytes,
            rows: file.rows(),
            created_by: metadata.created_by().map(str::to_owned),
            provenance,
            other_metadata,
            columns: columns(file),
            row_groups: row_groups(file),
        })
    }
}

fn columns(file: &ParquetFile) -> Vec<ColumnLayout> {
    let of = |field: &arrow::datatypes::FieldRef| {
        let mut column = ColumnLayout {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            codecs: Vec::new(),
            encodings: Vec::new(),
        };
        let leaves = file.metadata().row_groups().iter().flat_map(|group| group.columns());
        for leaf in leaves.filter(|leaf| leaf.column_path().parts().first() == Some(field.name())) {
            column.compressed_bytes += size(leaf.compressed_size());
            column.uncompressed_bytes += size(leaf.uncompressed_size());
            column.codecs.push(codec(leaf.compression()).to_owned());
            column.encodings.extend(leaf.encodings().map(|encoding| encoding.to_string()));
            // Row groups repeat each other: a list of one entry each stays short.
            for names in [&mut column.codecs, &mut column.encodings] {
                names.sort_unstable();
                names.dedup();
            }
        }
        column
    };
    file.fields().iter().map(of).collect()
}

fn row_groups(file: &ParquetFile) -> RowGroups {
    let groups = file.metadata().row_groups();
    let rows = || groups.iter().map(|group| size(group.num_rows()));
    RowGroups {
        count: groups.len(),
        fewest_rows: rows().min().unwrap_or(0),
        most_rows: rows().max().unwrap_or(0),
        most_bytes: groups.iter().map(|group| size(group.compressed_size())).max().unwrap_or(0),
    }
}

/// A size as the footer has it. Negative ones are nonsense of a damaged file.
fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

fn codec(compression: Compression) -> &'static str {
    match compression {
        Compression::UNCOMPRESSED => "none",
        Compression::SNAPPY => "snappy",
        Compression::GZIP(_) => "gzip",
        Compression::LZO => "lzo",
        Compression::BROTLI(_) => "brotli",
        Compression::LZ4 => "lz4",
        Compression::ZSTD(_) => "zstd",
        Compression::LZ4_RAW => "lz4_raw",
    }
}
