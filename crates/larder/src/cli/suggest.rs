//! `larder suggest`.

use std::path::PathBuf;

use clap::Args;
use larder_data::{Format, InputFormat, OnBadRow};
use larder_pipeline::{ReplayOptions, SuggestOptions};
use larder_predict::InputFlags;
use larder_suggest::{Strategy, StrategyChoice};

use super::{DeviceFlags, LayoutFlags, SeedList, refuse};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// The run
    pub run: String,
    /// The pool: CSV, TSV, JSON lines, Parquet or a text a line, read as the run's own files were; or a features file of it, or the
    /// manifest of one
    #[arg(required_unless_present = "simulate", conflicts_with = "simulate")]
    pub pool: Option<PathBuf>,
    /// Rows to choose; with --simulate, in a round
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = positive)]
    pub count: usize,
    /// The strategy: margin or entropy, uncertain rows that are apart; badge, k-means++ on gradients; coreset, far from all labelled rows;
    /// random; auto, the one that suits the run. With --simulate, auto is all of them
    #[arg(long, value_name = "margin|entropy|badge|coreset|random|auto", default_value = "auto")]
    pub by: StrategyChoice,
    /// Write the chosen rows, with an empty column for the label: .csv, .jsonl or .parquet
    #[arg(long, short, value_name = "FILE", conflicts_with = "simulate")]
    pub output: Option<PathBuf>,
    /// Replay the strategies on the run's own training split, whose labels are hidden and asked for in rounds: learning curves beside random choice
    #[arg(long)]
    pub simulate: bool,
    /// With --simulate: rounds
    #[arg(long, value_name = "N", requires = "simulate", default_value_t = 10, value_parser = positive)]
    pub rounds: usize,
    /// With --simulate: rows of each class that are labelled from the start
    #[arg(long, value_name = "N", requires = "simulate", default_value_t = 2, value_parser = positive)]
    pub shots: usize,
    /// With --simulate: seeds, a replay each; intervals are over them
    #[arg(long, value_name = "LIST", requires = "simulate", default_value = "0..4")]
    pub seeds: SeedList,
    /// With --simulate: the split that is scored [default: the first but train]
    #[arg(long, value_name = "NAME", requires = "simulate")]
    pub split: Option<String>,
    /// Seed of what is drawn
    #[arg(long, default_value_t = 0, conflicts_with = "simulate")]
    pub seed: u64,
    /// The dataset's TOML description; where it was when the run was made unless given
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    #[command(flatten)]
    pub layout: LayoutFlags,
    /// The column of the second text of a pair [default: the run's own, else text_b]
    #[arg(long, value_name = "COLUMN")]
    pub text_b_column: Option<String>,
    /// A row without a text: stop, or skip (it is left out, and counted)
    #[arg(long, value_name = "stop|skip", default_value = "stop")]
    pub on_bad_row: OnBadRow,
    #[command(flatten)]
    pub device: DeviceFlags,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number from 1 on".to_owned()),
    }
}

impl SuggestArgs {
    /// Returns the options of a choice from a pool; `None` for a replay.
    ///
    /// # Errors
    /// A usage failure for standard input, which cannot be kept, and for flags of pairs where there are none.
    pub fn options(&self, pair: bool) -> Result<Option<SuggestOptions>, Failure> {
        refuse(&[("--text-b-column", !pair && self.text_b_column.is_some())], "a run that does not read pairs")?;
        let Some(pool) = self.pool.clone() else { return Ok(None) };
        if pool.as_os_str() == "-" {
            return Err(Failure::Usage(
                "a pool is a file, whose vectors are kept; standard input cannot be read twice".to_owned(),
            ));
        }
        Ok(Some(SuggestOptions {
            pool,
            flags: InputFlags { text_b: self.text_b_column.clone(), ..self.layout.flags() },
            on_bad_row: self.on_bad_row,
            n: self.count,
            by: self.by,
            seed: self.seed,
            device: self.device.device,
            threads: self.device.threads,
        }))
    }

    /// Returns the options of a replay.
    pub fn replay(&self) -> ReplayOptions {
        ReplayOptions {
            strategies: self.by.named().map_or_else(|| Strategy::ALL.to_vec(), |strategy| vec![strategy]),
            n: self.count,
            rounds: self.rounds,
            shots: self.shots,
            seeds: self.seeds.0.clone(),
            split: self.split.clone(),
            device: self.device.device,
            threads: self.device.threads,
        }
    }

    /// Returns the output file with its format.
    ///
    /// # Errors
    /// A usage failure for a name of another ending.
    pub fn output(&self) -> Result<Option<(PathBuf, Format)>, Failure> {
        let Some(path) = self.output.clone() else { return Ok(None) };
        match InputFormat::of_input(&path).and_then(InputFormat::rows) {
            Some(format @ (Format::Csv | Format::Jsonl | Format::Parquet)) => Ok(Some((path, format))),
            _ => Err(Failure::Usage(format!(
                "{}: chosen rows are written as .csv, .jsonl or .parquet: give the file one of these endings",
                path.display()
            ))),
        }
    }
}
