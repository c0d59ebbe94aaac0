//! Sessions of exported files in larder's own runtime.

use std::path::Path;

use larder_run::RunError;
use larder_run::tasks::export::ExportRow;
use larder_runtime::{Device, PaddedTexts, Runtime, Session, SessionSettings, TensorView};

use crate::inputs::{ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS};

/// An exported file, loaded on the CPU.
#[derive(Debug)]
pub(crate) struct ExportedSession {
    session: Session,
    pad_id: i64,
}

impl ExportedSession {
    /// Loads the file. `threads` are those inside operators, 0 for one per core; shorter texts of a batch are padded with
    /// `pad_id`.
    ///
    /// # Errors
    /// [`RunError::Runtime`].
    pub(crate) fn open(runtime: &Runtime, path: &Path, pad_id: i32, threads: usize) -> Result<Self, RunError> {
        let settings = SessionSettings { device: Device::Cpu, intra_threads: threads, ..SessionSettings::default() };
        Ok(Self { session: Session::from_file(runtime, path, &settings)?, pad_id: i64::from(pad_id) })
    }

    /// Runs one batch, padded on the right to `seq` tokens, and returns the named outputs, float32 `[batch, width]` each,
    /// `[batch, seq, width]` for a tagger, `[batch / 2, width]` for pairs read text by text.
    ///
    /// # Errors
    /// [`RunError::Runtime`]; [`RunError::ExportedOutput`] for an output of another shape.
    pub(crate) fn run(
        &mut self,
        rows: &[ExportRow<'_>],
        seq: usize,
        outputs: &[&str],
        width: usize,
    ) -> Result<Vec<Vec<f32>>, RunError> {
        let texts = PaddedTexts::new(rows.iter().map(|row| (row.input_ids, row.type_ids)), seq, self.pad_id);
        let shape = texts.shape;
        let feeds = [
            (INPUT_IDS, &texts.input_ids),
            (ATTENTION_MASK, &texts.attention_mask),
            (TOKEN_TYPE_IDS, &texts.token_type_ids),
        ];
        let known: Vec<&str> = self.session.inputs().iter().map(|input| input.name.as_str()).collect();
        let feeds: Vec<(&str, TensorView<'_>)> = feeds
            .into_iter()
            .filter(|(name, _)| known.contains(name))
            .map(|(name, values)| (name, TensorView::i64(&shape, values)))
            .collect();
        self.session.run_with(&feeds, outputs, |views| {
            outputs.iter().zip(views).map(|(name, view)| floats(name, view, &shape, width)).collect()
        })?
    }
}

fn floats(name: &str, view: &TensorView<'_>, shape: &[usize; 2], width: usize) -> Result<Vec<f32>, RunError> {
    let [batch, seq] = *shape;
    let possible = [vec![batch, width], vec![batch, seq, width], vec![batch / 2, width]];
    match view.as_f32() {
        Some(values) if possible.iter().any(|shape| shape == view.shape) => Ok(values.to_vec()),
        _ => Err(RunError::ExportedOutput {
            output: name.to_owned(),
            found: format!("{} {:?}", view.dtype(), view.shape),
            expected: possible[0].clone(),
        }),
    }
}
