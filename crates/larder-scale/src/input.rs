//! The bytes of a piece of a shard on a worker: where the plan says, or fetched from the store.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use larder_checksums::BLOCK_BYTES;
use larder_data::{ParquetGroups, SlicePlace, digest_ranges};
use larder_files::FileError;

use crate::plan::{Plan, PlannedInput, ShardPiece};
use crate::store::Store;
use crate::{ScaleError, keys};

/// Bytes fetched at once.
const PIECE_BYTES: u64 = 16 << 20;

/// The input of a piece of a shard, whose bytes are those that were planned.
#[derive(Debug)]
pub struct ShardInput {
    /// The file that holds the rows, at the places that the plan says. A fetched one holds nothing else.
    pub path: PathBuf,
}

impl ShardInput {
    /// Finds the input of each piece of a shard, or fetches what its reader needs into `scratch`, and compares its digest.
    ///
    /// # Errors
    /// [`ScaleError::NoInput`], [`ScaleError::InputChanged`]; [`ScaleError::Data`], [`ScaleError::File`]; [`ScaleError`] of the store.
    pub fn open_all(store: &Store, plan: &Plan, shard: usize, scratch: &Path) -> Result<Vec<Self>, ScaleError> {
        let none = || ScaleError::NoShard { plan: plan.dataset.name.clone(), shard, shards: plan.shards.len() };
        let pieces = &plan.shards.get(shard).ok_or_else(none)?.pieces;
        let open = |(at, piece): (usize, &ShardPiece)| {
            let input = plan.inputs.get(piece.input).ok_or_else(none)?;
            Self::open(store, (shard, at), (piece, input), scratch)
        };
        pieces.iter().enumerate().map(open).collect()
    }

    fn open(
        store: &Store,
        (shard, at): (usize, usize),
        (piece, input): (&ShardPiece, &PlannedInput),
        scratch: &Path,
    ) -> Result<Self, ScaleError> {
        let changed = |path: &Path, found: String| ScaleError::InputChanged {
            path: path.to_owned(),
            shard,
            expected: piece.digest.clone(),
            found,
        };
        if input.path.is_file() {
            match digest_here(&input.path, input, piece)? {
                found if found == piece.digest => return Ok(Self { path: input.path.clone() }),
                found if !input.copied => return Err(changed(&input.path, found)),
                _ => {}
            }
        } else if !input.copied {
            return Err(ScaleError::NoInput { path: input.path.clone(), shard });
        }
        let path = scratch.join(match input.path.extension() {
            Some(ending) => format!("input-{at}.{}", ending.to_string_lossy()),
            None => format!("input-{at}"),
        });
        fetch(store, input, piece, &path)?;
        let found = digest_here(&path, input, piece)?;
        if found != piece.digest {
            let (uri, expected) = (store.object(&keys::input(&input.digest)), piece.digest.clone());
            let way_out = "remove it, and make the plan again";
            return Err(ScaleError::Damaged { uri, expected, found, way_out });
        }
        Ok(Self { path })
    }
}

/// Puts copies of the inputs into the store, each unless it is there, and notes that they are.
///
/// # Errors
/// [`ScaleError::File`]; [`ScaleError`] of the store.
pub fn publish_inputs(store: &Store, inputs: &mut [PlannedInput]) -> Result<(), ScaleError> {
    for input in inputs {
        store.put_content(&keys::input(&input.digest), &input.path)?;
        input.copied = true;
    }
    Ok(())
}

/// Returns the digest of the piece's bytes in the file at `path`.
fn digest_here(path: &Path, input: &PlannedInput, piece: &ShardPiece) -> Result<String, ScaleError> {
    let bytes = std::fs::metadata(path).map_err(FileError::io("read", path))?.len();
    if bytes != input.bytes {
        return Ok(format!("of a file of {bytes} bytes in place of {}", input.bytes));
    }
    let groups = match piece.slice.place {
        SlicePlace::Text(_) => None,
        // A file that cannot be read as Parquet any more has other bytes.
        SlicePlace::Groups(_) => match ParquetGroups::of(path) {
            Ok(groups) => Some(groups),
            Err(error) => return Ok(format!("of a file that is no whole Parquet file: {error}")),
        },
    };
    Ok(digest_ranges(path, &piece.slice.byte_ranges(bytes, groups.as_ref()))?)
}

/// Makes a file of the input's size that holds the piece's bytes at their places and nothing else.
fn fetch(store: &Store, input: &PlannedInput, piece: &ShardPiece, path: &Path) -> Result<(), ScaleError> {
    let failed = || FileError::io("write", path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    }
    let mut file = File::create(path).map_err(failed())?;
    // Most file systems give no disk space to what is not written.
    file.set_len(input.bytes).map_err(failed())?;
    let mut get = |range: Range<u64>| -> Result<(), ScaleError> {
        // A checksum in larder's own Parquet files is of a whole block.
        let block = BLOCK_BYTES as u64;
        let range = range.start / block * block..range.end.div_ceil(block).saturating_mul(block).min(input.bytes);
        let mut start = range.start;
        while start < range.end {
            let end = (start + PIECE_BYTES).min(range.end);
            let key = keys::input(&input.digest);
            let Some(piece) = store.get_range(&key, start..end)? else {
                let way_out = "make the plan again: that puts it there";
                return Err(ScaleError::NotThere { what: "copy of the input", uri: store.object(&key), way_out });
            };
            file.seek(SeekFrom::Start(start)).map_err(failed())?;
            file.write_all(&piece).map_err(failed())?;
            start = end;
        }
        Ok(())
    };
    if let Some(tail) = input.tail_byte {
        get(tail..input.bytes)?;
        let groups = ParquetGroups::of(path)?;
        for range in piece.slice.byte_ranges(input.bytes, Some(&groups)) {
            get(range)?;
        }
    } else {
        for range in piece.slice.byte_ranges(input.bytes, None) {
            get(range)?;
        }
    }
    Ok(())
}
