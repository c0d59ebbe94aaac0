//! The sessions of an engine: one a worker thread, each with its own packed weights.

use larder_intake::{Encoder, SessionModel};
use larder_runtime::{Runtime, RuntimeError, Session, SessionSettings};

use crate::EncodeError;

/// The sessions, opened as batches come: a command that answers one text needs one.
#[derive(Debug)]
pub(crate) struct Workers {
    runtime: Runtime,
    encoder: Encoder,
    model: SessionModel,
    settings: SessionSettings,
    /// Sessions at most.
    most: usize,
    /// At least one.
    open: Vec<Session>,
}

impl Workers {
    /// Opens the first `count` sessions of at most `most`.
    ///
    /// # Errors
    /// [`EncodeError::Runtime`]; [`EncodeError::Encoder`] if the encoder's file was written into meanwhile.
    pub fn open(
        (runtime, encoder): (&Runtime, &Encoder),
        model: SessionModel,
        settings: SessionSettings,
        count: usize,
        most: usize,
    ) -> Result<Self, EncodeError> {
        let (runtime, encoder) = (runtime.clone(), encoder.clone());
        let mut workers = Self { runtime, encoder, model, settings, most, open: Vec::new() };
        workers.up_to(count.max(1))?;
        Ok(workers)
    }

    /// The first.
    pub fn first(&self) -> &Session {
        &self.open[0]
    }

    /// The first, to run it.
    pub fn first_mut(&mut self) -> &mut Session {
        &mut self.open[0]
    }

    /// Returns a session for each of so many batches, but no more than there may be.
    ///
    /// # Errors
    /// As [`Workers::open`].
    pub fn up_to(&mut self, batches: usize) -> Result<&mut [Session], EncodeError> {
        let count = batches.clamp(1, self.most);
        if count > self.open.len() {
            let Self { runtime, model, settings, .. } = &*self;
            let opened: Result<Vec<Session>, RuntimeError> = std::thread::scope(|scope| {
                let opening: Vec<_> =
                    (self.open.len()..count).map(|_| scope.spawn(|| model.open(runtime, settings))).collect();
                opening
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            });
            self.open.extend(opened?);
            // Else the sessions' weights might not be those whose digest was compared.
            self.encoder.check_model_unchanged()?;
        }
        Ok(&mut self.open[..count])
    }
}
