//! Parquet files of one schema, joined without being decoded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_files::Provenance;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::writer::SerializedFileWriter;

use crate::metadata::key_values;
use crate::open::open_metadata;
use crate::schema::writer_properties;
use crate::{SealedFile, StoreError};

/// Joins parts into one file at `target` by copying their encoded columns, atomically, and gives it its provenance.
///
/// # Errors
/// [`StoreError`]; a part that is not whole is named.
///
/// # Panics
/// When there are no parts: a file without rows still has one part of zero rows.
pub fn join_parquet(parts: &[PathBuf], target: &Path, provenance: &Provenance) -> Result<(), StoreError> {
    let first = parts.first().expect("a file has at least one part");
    let (_, metadata) = open_metadata(first)?;
    let file_metadata = metadata.file_metadata();
    let mut pairs = key_values(Some(provenance));
    // Without the Arrow schema readers would see plain lists instead of fixed-size ones.
    let arrow_schema =
        file_metadata.key_value_metadata().into_iter().flatten().find(|kv| kv.key == ARROW_SCHEMA_META_KEY);
    pairs.extend(arrow_schema.cloned());
    let properties = writer_properties(None).set_key_value_metadata(Some(pairs)).build();
    let schema = file_metadata.schema_descr().root_schema_ptr();
    let failed = |e| StoreError::writing(target, e);
    // Beside the parts, which go when the file stands: a killed assembly leaves nothing behind.
    let scratch = first.parent().unwrap_or(Path::new("."));
    let mut file = SealedFile::create_in(scratch, target)?;
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).map_err(failed)?;
    for part in parts {
        let (input, metadata) = open_metadata(part)?;
        let indexes = metadata.page_index();
        for (g, group) in metadata.row_groups().iter().enumerate() {
            let mut out = writer.next_row_group().map_err(failed)?;
            for (c, column) in group.columns().iter().enumerate() {
                let closed = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                    rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: indexes.and_then(|i| i.column_index(g, c)).cloned(),
                    offset_index: indexes.and_then(|i| i.offset_index(g, c)).cloned(),
                };
                out.append_column(&input, closed).map_err(failed)?;
            }
            out.close().map_err(failed)?;
        }
    }
    writer.close().map_err(failed)?;
    file.commit()
}
