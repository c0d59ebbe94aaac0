//! Signals that ask the process to end: a time limit, a machine that is taken away, Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;

/// Exit code of a process that is asked twice and ends at once: another try may help.
const TRY_AGAIN: i32 = 75;

/// Returns a flag that becomes true at the first such signal; the second ends the process.
///
/// # Errors
/// [`Failure::File`] where the system refuses.
pub fn asked_to_end() -> Result<Arc<AtomicBool>, Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the second sees what the first did at an earlier signal.
        flag::register_conditional_shutdown(signal, TRY_AGAIN, asked.clone())
            .and_then(|_| flag::register(signal, asked.clone()))
            .map_err(|source| Failure::File { what: "cannot wait for signals".to_owned(), source })?;
    }
    Ok(asked)
}
