//! Rows through exported files, in batches that each of them accepts.

use std::path::PathBuf;
use std::time::Instant;

use larder_encode::{DEFAULT_CPU_BATCH_TOKENS, Demands, plan};
use larder_run::tasks::export::{ExportRow, ExportedFiles, TakeBatch};
use larder_run::{Larder, RunError};

use crate::model::Batching;
use crate::session::ExportedSession;

/// A written file, with its batching and padding.
pub(crate) struct WrittenFile {
    pub(crate) path: PathBuf,
    pub(crate) batching: Batching,
    pub(crate) pad_id: i32,
    /// Adjacent texts of a batch that have one row of outputs.
    pub(crate) texts_per_row: usize,
}

/// An open file, and the time of its runs.
struct TimedFile {
    session: ExportedSession,
    batching: Batching,
    texts_per_row: usize,
    seconds: f64,
}

/// Files that run alternately, batch by batch.
pub(crate) struct TimedFiles(Vec<TimedFile>);

impl TimedFiles {
    pub(crate) fn open(larder: &Larder, files: &[WrittenFile], threads: usize) -> Result<Self, RunError> {
        let open = |file: &WrittenFile| {
            let session = ExportedSession::open(larder.runtime()?, &file.path, file.pad_id, threads)?;
            Ok(TimedFile { session, batching: file.batching, texts_per_row: file.texts_per_row, seconds: 0.0 })
        };
        files.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn seconds(&self, place: usize) -> f64 {
        self.0.get(place).map_or(0.0, |file| file.seconds)
    }
}

impl ExportedFiles for TimedFiles {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn run(
        &mut self,
        texts: &[ExportRow<'_>],
        outputs: &[&str],
        width: usize,
        take: &mut TakeBatch<'_>,
    ) -> Result<(), RunError> {
        let texts_per_row = self.0.first().map_or(1, |file| file.texts_per_row);
        let rows: Vec<&[ExportRow<'_>]> = texts.chunks(texts_per_row).collect();
        let longest = |row: &&[ExportRow<'_>]| row.iter().map(|text| text.input_ids.len()).max().unwrap_or(0);
        let lengths: Vec<usize> = rows.iter().map(longest).collect();
        let demands = Demands {
            exact: self.0.iter().any(|file| file.batching == Batching::EqualLengths),
            alone: self.0.iter().any(|file| file.batching == Batching::OneByOne),
            ..Demands::default()
        };
        for (number, batch) in plan(&lengths, DEFAULT_CPU_BATCH_TOKENS / texts_per_row, demands).iter().enumerate() {
            let of_batch: Vec<ExportRow<'_>> = batch.rows.iter().flat_map(|&row| rows[row]).copied().collect();
            for (place, file) in self.0.iter_mut().enumerate() {
                if number == 0 {
                    // The first run allocates the session's memory.
                    file.session.run(&of_batch, batch.seq, outputs, width)?;
                }
                let started = Instant::now();
                let values = file.session.run(&of_batch, batch.seq, outputs, width)?;
                file.seconds += started.elapsed().as_secs_f64();
                take(place, &batch.rows, batch.seq, &values);
            }
        }
        Ok(())
    }
}
