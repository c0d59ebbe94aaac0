//! Encoding of examples again, and comparison with the file.

use std::ops::ControlFlow;
use std::path::Path;

use larder_data::Content;
use larder_encode::{Context, EncodeRequest, EncodeSettings, encode};
use larder_files::Provenance;
use larder_intake::Encoder;
use larder_run::{Event, Larder, Observer};
use larder_store::{FeaturesFile, Level, TokenRow, TokensLayout, TokensReader, TokensWriter};
use larder_tokens::own_tokens;

use super::sampled::SampledExamples;
use super::{FeaturesVerification, WrongRow};
use crate::PipelineError;

/// Examples encoded and compared at once.
const SLICE: usize = 4096;
/// Rows of both files in memory at once.
const BLOCK: usize = 1024;
/// Wrong rows listed.
const NAMED: usize = 10;

pub(super) struct FeaturesComparison<'a> {
    pub larder: &'a Larder,
    pub encoder: &'a Encoder,
    pub settings: &'a EncodeSettings,
    pub file: &'a FeaturesFile,
    pub made: &'a Provenance,
    pub folder: tempfile::TempDir,
    pub layout: TokensLayout,
    pub provenance: Provenance,
    /// Examples of the current slice, and the first row and number of rows of each in the file.
    pub pending: Vec<TokenRow>,
    pub places: Vec<(usize, usize)>,
    pub found: FeaturesVerification,
    pub observer: &'a mut dyn Observer,
}

impl FeaturesComparison<'_> {
    /// Reads all examples, and compares those in `sampled`.
    pub fn all(
        &mut self,
        reader: TokensReader,
        tokens: &Path,
        sampled: Option<&SampledExamples>,
    ) -> Result<(), PipelineError> {
        let (mut at, mut row, mut document) = (0, 0, None);
        for batch in reader {
            for example in batch?.rows(tokens)? {
                let rows = rows_of(&example, self.settings.level);
                // Documents are never split: their sentences are read together.
                let ends = self.settings.context == Context::None || document != Some(example.document);
                if self.pending.len() >= SLICE && ends {
                    self.slice()?;
                }
                document = Some(example.document);
                if sampled.is_none_or(|sampled| sampled.has(at, &example)) {
                    self.places.push((row, rows));
                    self.pending.push(example);
                }
                at += 1;
                row += rows;
            }
        }
        if row != self.found.rows {
            let why = format!("it has {} rows, and its tokens file makes {row}", self.found.rows);
            return Err(PipelineError::Unverifiable { path: self.found.features.clone(), why });
        }
        self.slice()
    }

    /// Encodes the pending examples and compares them.
    fn slice(&mut self) -> Result<(), PipelineError> {
        let (examples, places) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.places));
        if examples.is_empty() {
            return Ok(());
        }
        self.found.examples_checked += examples.len();
        let (tokens, target) = (self.folder.path().join("tokens.parquet"), self.folder.path().join("features.parquet"));
        let mut writer = TokensWriter::with_layout(&tokens, self.layout, &self.provenance)?;
        examples.into_iter().try_for_each(|example| writer.push(example))?;
        writer.finish()?;
        let request = EncodeRequest {
            encoder: self.encoder,
            tokens: &tokens,
            target: &target,
            settings: self.settings,
            reuse: false,
            elsewhere: &[],
        };
        let observer = &mut *self.observer;
        let report = encode(self.larder.runtime()?, &request, &mut |progress| {
            observer.event(Event::Encoding(progress));
            ControlFlow::Continue(())
        })?;
        let device = report.device.to_string();
        if self.found.device.is_none() {
            let then = [("device", "ran.device", device.as_str()), ("graph", "ran.graph", report.graph)];
            for (what, part, now) in then {
                if let Some(then) = self.made.parts.get(part).filter(|then| *then != now) {
                    self.found.notes.push(format!("the {what} was {then} then, and is {now} now"));
                }
            }
        }
        self.found.device = Some(device);
        self.compare(&FeaturesFile::open(&target)?, &runs(&places))
    }

    /// Compares rows of the file, given as runs of (first row, rows), with those of a new file, in which they are contiguous.
    fn compare(&mut self, new: &FeaturesFile, runs: &[(usize, usize)]) -> Result<(), PipelineError> {
        let (mut old_values, mut new_values, mut next) = (Vec::new(), Vec::new(), 0);
        for &(first, rows) in runs {
            for start in (0..rows).step_by(BLOCK) {
                let count = BLOCK.min(rows - start);
                let (from, there) = (first + start, next + start);
                let mut wrong: Vec<Option<WrongRow>> = vec![None; count];
                for at in 0..self.found.columns.len() {
                    let column = self.found.columns[at].column.clone();
                    self.file.read_range(from..from + count, &[&column], &mut old_values)?;
                    new.read_range(there..there + count, &[&column], &mut new_values)?;
                    let width = self.file.width(&[&column])?.max(1);
                    let pairs = old_values.chunks_exact(width).zip(new_values.chunks_exact(width));
                    for ((row, (old, new)), wrong) in (from..).zip(pairs).zip(&mut wrong) {
                        let relative = self.found.columns[at].add(row, old, new);
                        if relative > self.found.tolerance && wrong.is_none() {
                            let column = column.clone();
                            *wrong = Some(WrongRow { row, example_id: String::new(), column, relative });
                        }
                    }
                }
                for wrong in wrong.into_iter().flatten() {
                    self.found.wrong_rows += 1;
                    if self.found.wrong.len() < NAMED {
                        self.found.wrong.push(wrong);
                    }
                }
                self.found.rows_checked += count;
            }
            next += rows;
        }
        Ok(())
    }

    /// Adds the example ids of the wrong rows.
    pub fn name_wrong(&mut self) -> Result<(), PipelineError> {
        if self.found.wrong.is_empty() {
            return Ok(());
        }
        let (mut row, wrong) = (0, &mut self.found.wrong);
        self.file.visit_strings(larder_store::EXAMPLE_ID, |id| {
            if let Some(wrong) = wrong.iter_mut().find(|wrong| wrong.row == row) {
                wrong.example_id = id.unwrap_or_default().to_owned();
            }
            row += 1;
        })?;
        Ok(())
    }
}

/// Returns the number of rows of an example in a features file of this level.
fn rows_of(example: &TokenRow, level: Level) -> usize {
    match (level, &example.content) {
        (Level::Sentence, _) => 1,
        (Level::Token, _) => own_tokens(&example.word_ids).len(),
        (Level::Word, Content::Words(words)) => words.len(),
        (Level::Word, Content::Text { .. }) => 0,
    }
}

/// Merges adjacent spans.
fn runs(places: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &(first, rows) in places {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == first => *length += rows,
            _ => runs.push((first, rows)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_at_once() {
        assert_eq!(runs(&[(0, 2), (2, 3), (7, 1), (8, 0), (8, 4)]), [(0, 5), (7, 5)]);
    }
}
