//! Datasets: what a small TOML file says about them, and readers that stream their rows.
//!
//! - [`DatasetSpec`] is the parsed TOML: task, format, columns, labels, splits. It checks itself when it is loaded, so a
//!   stage that holds one need not ask again.
//! - [`SplitFiles`] are the files of a split: one, a list, or a pattern of names.
//! - [`ExampleReader`] streams one split as [`Example`]s in constant memory, whatever the [`Format`]. A bad row either
//!   stops the reader or is skipped, counted and listed ([`OnBadRow`]).
//! - [`InputReader`] gives the same rows of a file that is to be answered, laid out as a [`Layout`] says, without targets
//!   and with the [`Record`] of each, so that it can be written again.
//! - [`RowSlice`] are some rows of one file, to which a reader goes straight ([`ExampleReader::open_slices`]): [`TextScan`] and
//!   [`ParquetGroups`] say where rows start, [`FileDigests`] and [`digest_ranges`] whether the bytes are the same.
//! - [`LabelMap`] numbers the labels of a dataset.
//! - [`split_has_targets`] tells whether a split has labels or tags at all.
//! - [`DataError`] says which file and line; [`RowProblem`] what is wrong with one row, [`SpecProblem`] with the TOML.
//!
//! The tags of a tagging dataset are checked and converted from the [`Scheme`] of its files to IOB2, whatever the format:
//! examples and labels hold IOB2 tags. Sentences with illegal tags are refused or repaired ([`OnIllegalTags`]). [`TagStyle`] says how
//! tags are written that are in no scheme; [`TextUnits`] what texts with spans are split into, as [`split_words`] does it.
//!
//! - [`write_conll`] writes sentences with their tags for other scorers.
//! - [`ScoredConll`] reads files with gold and predicted tags, ours or not; [`TargetFile`] those with labels or numbers.
//!
//! ```
//! use larder_data::{Content, DatasetSpec, ExampleReader, LabelMap, OnBadRow, Target};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("train.tsv"), "a1\t1\t\tThe cat sat.\na1\t0\t*\tThe cat sitted.\n")?;
//! std::fs::write(
//!     folder.path().join("tiny.toml"),
//!     r#"
//!     name = "tiny"
//!     task = "sequence"
//!     format = "tsv"
//!     header = false
//!     quoting = false
//!     [columns]
//!     text = 3
//!     label = 1
//!     [splits]
//!     train = "train.tsv"
//!     "#,
//! )?;
//!
//! let spec = DatasetSpec::load(&folder.path().join("tiny.toml"))?;
//! let labels = LabelMap::resolve(&spec)?;
//! assert_eq!(labels.names(), ["0", "1"]);
//!
//! let reader = ExampleReader::open(&spec, "train", OnBadRow::Stop)?.with_labels(labels);
//! let examples = reader.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(examples[1].content, Content::Text { text: "The cat sitted.".into(), text_b: None });
//! assert_eq!(examples[1].target, Some(Target::Label("0".into())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod choice;
mod class_labels;
mod column_ref;
mod conll;
mod conll_line;
mod conll_write;
mod delimited;
mod encoding;
mod error;
mod example;
mod find_files;
mod fingerprint;
mod input;
mod jsonl;
mod label_source;
mod labels;
mod layout;
mod lines;
mod no_target;
mod parquet_groups;
mod placeholder;
mod reader;
mod record;
mod row;
mod row_problem;
mod scalar;
mod scan;
mod scored;
mod separator;
mod slice;
mod slice_bytes;
mod spans;
mod spec;
mod spec_check;
mod spec_file;
mod spec_load;
mod spec_problem;
mod split_files;
mod split_path;
mod split_rows;
mod split_words;
mod stream;
mod table;
mod tag_fit;
mod tag_style;
mod tags;
mod target;
mod target_columns;
mod target_file;
mod task;
mod text_format;
mod word_rows;

pub use choice::{DEFAULT_ON_ILLEGAL_TAGS, Format, InputFormat, OnBadRow, OnIllegalTags, Separator};
pub use column_ref::{ColumnRef, ColumnRefs};
pub use conll::MAX_SENTENCE_WORDS;
pub use conll_line::NO_PREDICTION;
pub use conll_write::write_conll;
pub use encoding::TextEncoding;
pub use error::DataError;
pub use example::{Content, Example};
pub use input::{InputReader, InputRow, TextLines};
pub use label_source::MAX_LABELS;
pub use labels::LabelMap;
pub use larder_errors::Names;
pub use larder_tags::{IllegalTag, Scheme};
pub use layout::Layout;
pub use lines::MAX_ROW_BYTES;
pub use no_target::split_has_targets;
pub use parquet_groups::{ParquetGroup, ParquetGroups};
pub use reader::{ExampleReader, MAX_LISTED_SKIPS, SkippedRow, SkippedRows};
pub use record::{LineContent, Record, RecordLine};
pub use row_problem::{Place, RowProblem};
pub use scan::{ScannedRow, TextScan};
pub use scored::{ScoredColumns, ScoredConll, ScoredSentence};
pub use slice::{GroupPlace, RowSlice, SlicePlace, TextFacts, TextPlace, TextPosition};
pub use slice_bytes::{FileDigests, digest_ranges};
pub use spans::TextUnits;
pub use spec::{Columns, DatasetSpec, LabelNames, TargetRange};
pub use spec_problem::SpecProblem;
pub use split_files::SplitFiles;
pub use split_words::split_words;
pub use stream::open_decompressed;
pub use tag_style::{MarkPlace, TagStyle};
pub use target::{Target, TargetKind};
pub use target_columns::TargetColumns;
pub use target_file::{KnownLabels, TargetFile};
pub use task::{Task, TaskFiles};
