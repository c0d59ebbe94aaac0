//! Going through a split once, to cut it into shards: where rows start, what they will cost, and what their bytes are.

use std::path::{Path, PathBuf};

use larder_data::{
    Content, DataError, DatasetSpec, ExampleReader, FileDigests, Format, GroupPlace, OnBadRow, ParquetGroups, RowSlice,
    SlicePlace, TextPlace, TextPosition, TextScan, digest_ranges,
};
use larder_files::FileError;
use larder_tokens::Tokenizer;

use crate::ScaleError;
use crate::cut::cut;
use crate::forecast::{TokenForecast, content_bytes};
use crate::plan::{PlannedInput, Shard, ShardPiece};

/// Rows that are looked at together.
const STRETCH_ROWS: usize = 256;
/// Of them, one in so many is tokenized.
const SAMPLE_EVERY: usize = 64;
/// Row groups of a split that are sampled, each file's first at least.
const SAMPLED_GROUPS: usize = 64;
/// Rows sampled of a row group, where there are few files.
const SAMPLED_ROWS: u64 = 256;
/// Rows sampled of all files.
const SAMPLED_ROWS_IN_ALL: u64 = 65_536;
/// Blocks of a shard: the grain of cutting.
const BLOCKS: u64 = 32;

/// A split to be cut.
#[derive(Debug, Clone, Copy)]
pub struct CutRequest<'a> {
    /// The dataset.
    pub spec: &'a DatasetSpec,
    /// Its split.
    pub split: &'a str,
    /// The encoder's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Tokens at which a text is cut; `None` where texts are read whole.
    pub max_tokens: Option<usize>,
    /// True if a document of CoNLL must not be cut: its sentences are read with their neighbours.
    pub whole_documents: bool,
    /// Forecast tokens that a shard aims at.
    pub shard_tokens: u64,
}

/// A split that was cut.
#[derive(Debug, Clone, PartialEq)]
pub struct CutSplit {
    /// Its files.
    pub inputs: Vec<PlannedInput>,
    /// Its shards, the dearest first: the last to be begun is then a cheap one.
    pub shards: Vec<Shard>,
}

/// A stretch of rows that is not cut.
struct Block {
    start: BlockStart,
    rows: u64,
    tokens: u64,
}

#[derive(Clone, Copy)]
enum BlockStart {
    Text(TextPosition),
    Group { group: usize, skip: u64, rows_before: u64 },
}

/// One file, and what was found in it.
struct SurveyedFile {
    path: PathBuf,
    rows: u64,
    slices: Vec<(RowSlice, u64)>,
    groups: Option<ParquetGroups>,
}

/// Cuts a split into shards of about equal forecast cost. Each is rows of one file, or those of several small ones. Files are read twice: for their rows, and for
/// their digests. `progress` hears the rows found so far.
///
/// # Errors
/// [`ScaleError::Data`], [`ScaleError::Tokens`], [`ScaleError::File`].
pub fn cut_split(request: &CutRequest<'_>, progress: &mut dyn FnMut(u64)) -> Result<CutSplit, ScaleError> {
    let paths = request.spec.split_files(request.split)?;
    let mut forecast = TokenForecast::new(request.tokenizer, request.max_tokens, request.spec.columns.text_b.is_some());
    let (mut first_row, mut document) = (0, 0);
    let (mut inputs, mut pieces) = (Vec::new(), Vec::new());
    for path in &paths {
        let file = match request.spec.format {
            Format::Parquet => survey_groups(request, &forecast, path, paths.len(), first_row)?,
            _ => survey_text(request, &mut forecast, path, first_row, &mut document, progress)?,
        };
        first_row += file.rows;
        progress(first_row);
        let (input, of_file) = digested(file, inputs.len())?;
        inputs.push(input);
        pieces.extend(of_file);
    }
    let mut shards = gathered(pieces, request.shard_tokens);
    if shards.is_empty() {
        return Err(DataError::Empty { path: paths.into_iter().next().unwrap_or_default() }.into());
    }
    shards.sort_by_key(|shard: &Shard| (std::cmp::Reverse(shard.tokens), shard.first_row()));
    Ok(CutSplit { inputs, shards })
}

/// Reads a text file row by row.
fn survey_text(
    request: &CutRequest<'_>,
    forecast: &mut TokenForecast<'_>,
    path: &Path,
    first_row: u64,
    document: &mut u64,
    progress: &mut dyn FnMut(u64),
) -> Result<SurveyedFile, ScaleError> {
    let mut scan = TextScan::open(request.spec, request.split, path, *document)?;
    let block_tokens = (request.shard_tokens / BLOCKS).max(1);
    let mut blocks: Vec<Block> = Vec::new();
    let mut rows = 0;
    loop {
        // Where rows start, their document and bytes; and the sample.
        let mut stretch: Vec<(TextPosition, u64, u64)> = Vec::with_capacity(STRETCH_ROWS);
        let mut sample: Vec<Content> = Vec::new();
        while stretch.len() < STRETCH_ROWS {
            let Some(row) = scan.next_row()? else { break };
            stretch.push((row.start, row.document, row.content.as_ref().map_or(0, content_bytes)));
            if stretch.len() % SAMPLE_EVERY == 1 {
                sample.extend(row.content);
            }
        }
        if stretch.is_empty() {
            break;
        }
        forecast.learn(&sample)?;
        for &(start, of_document, bytes) in &stretch {
            let begins_document = of_document != *document;
            let may_start = !request.whole_documents || begins_document || rows == 0;
            match blocks.last_mut() {
                Some(block) if block.tokens < block_tokens || !may_start => {
                    block.rows += 1;
                    block.tokens += forecast.of_bytes(bytes);
                }
                _ => {
                    let start = BlockStart::Text(start);
                    blocks.push(Block { start, rows: 1, tokens: forecast.of_bytes(bytes) });
                }
            }
            *document = of_document;
            rows += 1;
        }
        progress(first_row + rows);
    }
    let bytes = std::fs::metadata(path).map_err(FileError::io("read", path))?.len();
    let facts = scan.facts();
    let ranges = cut(&costs(&blocks), request.shard_tokens);
    let slice = |range: &std::ops::Range<usize>, first_row: u64| {
        let position = |at: usize| match blocks.get(at).map(|block| block.start) {
            Some(BlockStart::Text(position)) => Some(position),
            _ => None,
        };
        let start = position(range.start).unwrap_or_default();
        let end_byte = position(range.end).map_or(bytes, |next| next.byte);
        let place = SlicePlace::Text(TextPlace { start, end_byte, file: facts });
        RowSlice { first_row, rows: blocks[range.clone()].iter().map(|block| block.rows).sum(), place }
    };
    let slices = slices(&blocks, &ranges, first_row, slice);
    Ok(SurveyedFile { path: path.to_owned(), rows, slices, groups: None })
}

/// Reads the footer of a Parquet file, and some of its rows.
fn survey_groups(
    request: &CutRequest<'_>,
    forecast: &TokenForecast<'_>,
    path: &Path,
    files: usize,
    first_row: u64,
) -> Result<SurveyedFile, ScaleError> {
    let file = ParquetGroups::of(path)?;
    let block_tokens = (request.shard_tokens / BLOCKS).max(1);
    let sampled = (SAMPLED_GROUPS / files).clamp(1, file.groups.len().max(1));
    let every = file.groups.len().div_ceil(sampled).max(1);
    let sampled_rows = (SAMPLED_ROWS_IN_ALL / (files * sampled) as u64).clamp(16, SAMPLED_ROWS);
    let mut blocks = Vec::new();
    let (mut rows_before, mut tokens_per_row) = (0, 1.0);
    for (group, of_group) in file.groups.iter().enumerate() {
        if group % every == 0 {
            let place = GroupPlace { first_group: group, groups: 1, skip: 0, rows_before };
            let rows = sampled_rows.min(of_group.rows);
            let slices = [(path.to_owned(), RowSlice { first_row, rows, place: SlicePlace::Groups(place) })];
            let examples =
                ExampleReader::open_slices_without_targets(request.spec, request.split, &slices, OnBadRow::Skip)?;
            let sample = examples.map(|example| Ok(example?.content)).collect::<Result<Vec<_>, DataError>>()?;
            if !sample.is_empty() {
                tokens_per_row = forecast.count(&sample)? as f64 / sample.len() as f64;
            }
        }
        let tokens = of_group.rows as f64 * tokens_per_row;
        let count = ((tokens / block_tokens as f64).ceil() as u64).clamp(1, of_group.rows.max(1));
        let border =
            |at: u64| u64::try_from(u128::from(of_group.rows) * u128::from(at) / u128::from(count)).unwrap_or(0);
        for at in (0..count).filter(|&at| border(at) < border(at + 1)) {
            let (skip, rows) = (border(at), border(at + 1) - border(at));
            let tokens = (rows as f64 * tokens_per_row).round().max(1.0) as u64;
            blocks.push(Block { start: BlockStart::Group { group, skip, rows_before }, rows, tokens });
        }
        rows_before += of_group.rows;
    }
    let ranges = cut(&costs(&blocks), request.shard_tokens);
    let slice = |range: &std::ops::Range<usize>, first_row: u64| {
        let place = |block: Option<&Block>| match block.map(|block| block.start) {
            Some(BlockStart::Group { group, skip, rows_before }) => (group, skip, rows_before),
            _ => (0, 0, 0),
        };
        let of_range = &blocks[range.clone()];
        let (first_group, skip, rows_before) = place(of_range.first());
        let groups = place(of_range.last()).0 - first_group + 1;
        let place = SlicePlace::Groups(GroupPlace { first_group, groups, skip, rows_before });
        RowSlice { first_row, rows: of_range.iter().map(|block| block.rows).sum(), place }
    };
    let slices = slices(&blocks, &ranges, first_row, slice);
    Ok(SurveyedFile { path: path.to_owned(), rows: rows_before, slices, groups: Some(file) })
}

fn costs(blocks: &[Block]) -> Vec<u64> {
    blocks.iter().map(|block| block.tokens).collect()
}

/// Returns the slice of each range of blocks, with its tokens.
fn slices(
    blocks: &[Block],
    ranges: &[std::ops::Range<usize>],
    mut first_row: u64,
    slice: impl Fn(&std::ops::Range<usize>, u64) -> RowSlice,
) -> Vec<(RowSlice, u64)> {
    let mut slices = Vec::with_capacity(ranges.len());
    for range in ranges {
        let slice = slice(range, first_row);
        first_row += slice.rows;
        slices.push((slice, blocks[range.clone()].iter().map(|block| block.tokens).sum()));
    }
    slices
}

/// Puts pieces that follow each other into one shard for as long as it stays small: thousands of small files would be as many shards.
fn gathered(pieces: Vec<(ShardPiece, u64)>, shard_tokens: u64) -> Vec<Shard> {
    let mut shards: Vec<Shard> = Vec::new();
    for (piece, tokens) in pieces {
        match shards.last_mut().filter(|shard| shard.tokens.saturating_add(tokens) <= shard_tokens) {
            // Slices of one file were cut on purpose.
            Some(shard) if shard.pieces.last().is_some_and(|last| last.input != piece.input) => {
                shard.pieces.push(piece);
                shard.tokens += tokens;
            }
            _ => shards.push(Shard { pieces: vec![piece], tokens }),
        }
    }
    shards
}

/// Reads the file once more, for its digest and those of its slices. Returns each slice with its tokens.
fn digested(file: SurveyedFile, input: usize) -> Result<(PlannedInput, Vec<(ShardPiece, u64)>), ScaleError> {
    let SurveyedFile { path, rows, slices, groups } = file;
    let starts = slices.iter().flat_map(|(slice, _)| slice.piece_starts(groups.as_ref())).collect();
    let digests = FileDigests::read(&path, starts)?;
    let mut pieces = Vec::with_capacity(slices.len());
    for (slice, tokens) in slices {
        let ranges = slice.byte_ranges(digests.bytes, groups.as_ref());
        let digest = match digests.of_ranges(&ranges) {
            Some(digest) => digest,
            // Row groups that lie in one another.
            None => digest_ranges(&path, &ranges)?,
        };
        pieces.push((ShardPiece { input, slice, digest }, tokens));
    }
    let path = std::path::absolute(&path).unwrap_or(path);
    let tail_byte = groups.map(|groups| groups.tail_byte);
    let FileDigests { digest, bytes, .. } = digests;
    Ok((PlannedInput { path, digest, bytes, rows, tail_byte, copied: false }, pieces))
}
