//! The settings of a session.

use std::num::NonZeroUsize;

use crate::device::Device;

/// Threads of one session wait for work by spinning: right for one session that has the cores to
/// itself, where it saves a wake-up per operator.
pub const DEFAULT_SPIN: bool = true;

/// CUDA multiplies float32 matrices in TF32 (10-bit mantissa): what ONNX Runtime does unless told, and
/// several times faster on the cores made for it.
pub const DEFAULT_TF32: bool = true;

/// The settings of a session. Write it as `SessionSettings { intra_threads: 1, ..Default::default() }`.
///
/// These are no settings:
/// - all graph optimisations are on: they are exact up to rounding and only loading pays for them;
/// - the memory pattern is off: it plans memory per input shape and keeps every plan, which suits a
///   model that sees one shape and leaks slowly when each batch has its own;
/// - the CPU memory arena is on, so that activations reuse warm pages; its size is bounded by the
///   largest batch, so whoever bounds the batch bounds the memory;
/// - on CUDA the arena grows by what is asked for, not to the next power of two, for the same reason;
/// - subnormal numbers are kept: ONNX Runtime's switch reaches its own threads and the thread that
///   made the process's first session, but no other, so results would depend on who runs a batch;
/// - products of bytes are exact on every processor: on x86 without VNNI, where the runtime's fastest ones overflow, it is told to take
///   others (`session.x64quantprecision`);
/// - operators run one after the other: an encoder is a chain, and the threads serve better inside one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// The device to run on.
    pub device: Device,
    /// Threads inside one operator, the calling one included; 0 means one per core. Several sessions
    /// at the same time, one per worker thread, want 1 each.
    pub intra_threads: usize,
    /// True if threads spin while they wait for work. Turn it off when several sessions share the cores. Without effect
    /// when `intra_threads` is 1.
    pub spin: bool,
    /// CUDA only: multiply float32 matrices in TF32.
    pub tf32: bool,
    /// The model's name in error messages. Files go by their path if this is `None`.
    pub name: Option<String>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { device: Device::default(), intra_threads: 0, spin: DEFAULT_SPIN, tf32: DEFAULT_TF32, name: None }
    }
}

impl SessionSettings {
    /// Settings of one of several sessions that share the cores: one thread each, none of which spins.
    pub fn worker(device: Device) -> Self {
        Self { device, intra_threads: 1, spin: false, ..Self::default() }
    }

    /// The threads that a session gets: `intra_threads`, or one per core that this process may use.
    pub fn threads(&self) -> usize {
        match self.intra_threads {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        }
    }
}
