//! The sessions of an engine: one a worker thread, each with its own packed weights. They share the devices.

use larder_intake::{Encoder, SessionModel};
use larder_runtime::{Device, RanOn, Runtime, RuntimeError, Session, SessionSettings};

use crate::EncodeError;

/// The sessions, opened as batches come: a command that answers one text needs one.
#[derive(Debug)]
pub(crate) struct Workers {
    runtime: Runtime,
    encoder: Encoder,
    model: SessionModel,
    settings: SessionSettings,
    /// The devices, one after another: a session each, and from the first again.
    devices: Vec<Device>,
    ran_on: RanOn,
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
        devices: Vec<Device>,
        (count, most): (usize, usize),
    ) -> Result<Self, EncodeError> {
        let (runtime, encoder) = (runtime.clone(), encoder.clone());
        let ran_on = RanOn::Cpu;
        let mut workers = Self { runtime, encoder, model, settings, devices, ran_on, most, open: Vec::new() };
        workers.up_to(count.max(1))?;
        Ok(workers)
    }

    /// The first.
    pub fn first(&self) -> &Session {
        &self.open[0]
    }

    /// The devices of those that are open.
    pub fn ran_on(&self) -> &RanOn {
        &self.ran_on
    }

    /// The bytes of graph and weights that so many sessions hold as there may be.
    pub fn bytes(&self) -> u64 {
        self.model.bytes() * self.most as u64
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
            let Self { runtime, model, settings, devices, .. } = &*self;
            let one = |device| model.open(runtime, &SessionSettings { device, ..settings.clone() });
            let devices = devices.iter().cycle().copied().take(count).skip(self.open.len());
            let opened: Result<Vec<Session>, RuntimeError> = std::thread::scope(|scope| {
                let opening: Vec<_> = devices.map(|device| scope.spawn(move || one(device))).collect();
                opening
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            });
            self.open.extend(opened?);
            self.ran_on = RanOn::of_all(self.open.iter().map(Session::ran_on));
            // Else the sessions' weights might not be those whose digest was compared.
            self.encoder.check_model_unchanged()?;
        }
        Ok(&mut self.open[..count])
    }
}
