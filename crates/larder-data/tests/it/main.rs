//! Data sets as users have them, read from real files.

mod data_sets;
mod error_texts;
mod formats;
mod no_target;
mod parquet;
mod reader;
mod round_trip;
mod scored;
mod scripts;
mod shards;
mod slices;
mod spec;
mod tagging;
mod targets;
