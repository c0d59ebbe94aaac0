//! Rows through exported files, in the batches that each of them takes.

use std::time::Instant;

use larder_encode::{DEFAULT_CPU_BATCH_TOKENS, Demands, plan};
use larder_export::{Batching, ExportError, ExportedSession, Row};

use super::{Subject, Written};
use crate::PipelineError;

/// A file at work, and how long it has worked.
pub(super) struct Timed {
    session: ExportedSession,
    batching: Batching,
    /// Seconds of its runs.
    pub seconds: f64,
}

impl Timed {
    pub fn open(subject: &Subject<'_>, written: &Written) -> Result<Self, PipelineError> {
        let session = ExportedSession::open(subject.runtime()?, &written.path, written.pad_id, subject.threads)?;
        Ok(Self { session, batching: written.batching, seconds: 0.0 })
    }
}

/// Runs all rows through each file, the files taking turns batch by batch, and hands each batch to `take`: the file's place,
/// the rows' places, the padded length and the outputs as [`ExportedSession::run`] gives them.
pub(super) fn run_all(
    files: &mut [Timed],
    rows: &[Row<'_>],
    outputs: &[&str],
    width: usize,
    mut take: impl FnMut(usize, &[usize], usize, &[Vec<f32>]),
) -> Result<(), ExportError> {
    let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
    let demands = Demands {
        exact: files.iter().any(|file| file.batching == Batching::EqualLengths),
        alone: files.iter().any(|file| file.batching == Batching::OneByOne),
        ..Demands::default()
    };
    for (number, batch) in plan(&lengths, DEFAULT_CPU_BATCH_TOKENS, demands).iter().enumerate() {
        let of_batch: Vec<Row<'_>> = batch.rows.iter().map(|&row| rows[row]).collect();
        for (place, file) in files.iter_mut().enumerate() {
            if number == 0 {
                // The first run of a session takes its memory.
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
