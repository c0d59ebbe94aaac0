//! Signals that ask the process to end: Ctrl-C, a time limit, a machine that is taken away.
//!
//! Files appear whole or not at all, and what stages have done they go on from, so the process ends at once and says what is kept. A
//! stage that would lose minutes [ends by itself](end_by_itself) instead; the second signal ends it too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use larder_run::Stage;

use crate::failure::Failure;

/// True once a signal has come to a process that ends by itself.
pub static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// The work under way, for the words at its end.
static DOING: Mutex<Doing> = Mutex::new(Doing { stage: None, ends_by_itself: false });

struct Doing {
    stage: Option<StageUnderWay>,
    ends_by_itself: bool,
}

struct StageUnderWay {
    stage: Stage,
    subject: String,
    bar: Option<ProgressBar>,
}

/// Notes that a stage is under way, with its bar on a terminal.
pub fn stage_begins(stage: Stage, subject: &str, bar: Option<ProgressBar>) {
    doing().stage = Some(StageUnderWay { stage, subject: subject.to_owned(), bar });
}

/// Notes that no stage is under way.
pub fn stage_ends() {
    doing().stage = None;
}

/// From now on, or until told otherwise, a signal only sets [`ASKED_TO_END`].
pub fn end_by_itself(ends_by_itself: bool) {
    doing().ends_by_itself = ends_by_itself;
}

fn doing() -> MutexGuard<'static, Doing> {
    DOING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for signals from now on, in a thread of its own.
///
/// # Errors
/// [`Failure::File`] where the system refuses.
#[cfg(unix)]
pub fn listen() -> Result<(), Failure> {
    unix::listen().map_err(|source| Failure::File { what: "cannot wait for signals".to_owned(), source })
}

/// Elsewhere the system ends the process.
#[cfg(not(unix))]
pub fn listen() -> Result<(), Failure> {
    Ok(())
}

/// Ends a process that Ctrl-C has ended as the shell expects it, so that the shell's loop ends too. Returns otherwise.
pub fn end_as_interrupted() {
    #[cfg(unix)]
    unix::end_as_interrupted();
}

#[cfg(unix)]
mod unix {
    use std::io::Write;
    use std::sync::Arc;

    use larder_errors::ErrorClass;
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, exit};

    use super::*;

    static INTERRUPTED: AtomicBool = AtomicBool::new(false);

    pub fn listen() -> std::io::Result<()> {
        // A limit on file sizes is an error of the write, which says what to do.
        flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGINT {
                    INTERRUPTED.store(true, Ordering::Relaxed);
                }
                let ends_now = !doing().ends_by_itself || ASKED_TO_END.swap(true, Ordering::Relaxed);
                // Not in one expression: both take the lock.
                let words = words(signal, ends_now, doing().stage.as_ref());
                tell(&words);
                if ends_now {
                    end_as_interrupted();
                    // Without the clean-up at a process's end: other threads are still computing.
                    exit(ErrorClass::TryAgain.exit_code().into());
                }
            }
        })?;
        Ok(())
    }

    pub fn end_as_interrupted() {
        if INTERRUPTED.load(Ordering::Relaxed) {
            // It does not return; where it fails there is the exit code.
            let _ = emulate_default_handler(SIGINT);
        }
    }

    /// Writes a line above the bar. Whoever reads it may be gone.
    fn tell(line: &str) {
        if let Some(bar) = doing().stage.as_ref().and_then(|under_way| under_way.bar.clone()) {
            bar.finish_and_clear();
        }
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    fn words(signal: i32, ends_now: bool, under_way: Option<&StageUnderWay>) -> String {
        let name = if signal == SIGINT { "Ctrl-C" } else { "SIGTERM" };
        if !ends_now {
            return format!("{name}: ending after this step, which is kept; a second signal ends at once");
        }
        let Some(StageUnderWay { stage, subject, .. }) = under_way else {
            return format!("{name}: ended; no file is half written, and the same command begins again");
        };
        let kept = match stage {
            Stage::Tokenize => "its tokens are not kept",
            Stage::Encode => "the batches that are done are kept, and the same command goes on from there",
            Stage::Train => "its fits are not kept, its features are",
            Stage::Finetune => "its last checkpoint is kept, and the same command goes on from there",
            Stage::Eval => "its scores are not kept, the run is",
            Stage::Predict => "the answers that are done are kept, and the same command goes on from there",
        };
        format!("{name}: ended during {stage} {subject}; {kept}")
    }
}
