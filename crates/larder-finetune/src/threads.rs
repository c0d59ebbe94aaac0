//! The threads beside ONNX Runtime's: masks, sums of gradients and the optimizer.

use larder_runtime::SessionSettings;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::TuneError;

/// As many as sessions of these settings have.
///
/// # Errors
/// [`TuneError::Setting`] when the system gives no more.
pub(crate) fn pool(settings: &SessionSettings) -> Result<ThreadPool, TuneError> {
    let threads = settings.threads();
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(|problem| TuneError::Setting {
        setting: "threads",
        found: format!("{threads} ({problem})"),
        expected: "as many as the system gives",
    })
}
