//! Splits of a `predictions` file that stay while others are answered anew.

use std::path::Path;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use larder_checksums::{Batches, rows_of};

use crate::StoreError;
use crate::open::open_checked;

/// Gives the rows of the splits `keep` of the file at `path` to `write`, a batch at a time. Nothing is kept of a file with
/// other columns, which an earlier version wrote or a run with other labels.
///
/// # Errors
/// [`StoreError`] for a file that cannot be read, and what `write` says.
pub(crate) fn each_kept(
    path: &Path,
    keep: &[String],
    schema: &Schema,
    write: &mut dyn FnMut(&RecordBatch) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if keep.is_empty() || !path.exists() {
        return Ok(());
    }
    let failed = |error| StoreError::reading(path, error);
    let file = open_checked(path)?;
    let builder = rows_of(file.clone()).map_err(failed)?;
    file.expect_checksums(builder.metadata()).map_err(failed)?;
    if builder.schema().fields() != schema.fields() {
        return Ok(());
    }
    for batch in Batches::of(builder).map_err(failed)? {
        let batch = batch.map_err(|error| failed(error.into()))?;
        let is_kept = |split: Option<&str>| split.map(|split| keep.iter().any(|kept| kept == split));
        let mask: BooleanArray = batch["split"].as_string::<i32>().iter().map(is_kept).collect();
        let kept = filter_record_batch(&batch, &mask).map_err(|error| failed(error.into()))?;
        if kept.num_rows() > 0 {
            write(&kept)?;
        }
    }
    Ok(())
}
