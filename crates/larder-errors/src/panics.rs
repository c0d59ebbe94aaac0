//! Panics of libraries, as errors.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes an error with its message, and nothing is written to standard error.
///
/// For libraries that panic on input that somebody made: a file must end in an error that names it. The message is printed by
/// the process-wide hook, so a hook is put in front of it, once, that keeps silent on a thread while it is in here and passes
/// on every other panic. `work` must not hand its work to other threads, and what it was changing must not be used after it.
///
/// # Errors
/// The message of the panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.map_err(|payload| match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast_ref::<&str>().unwrap_or(&"it gave no reason")).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_one_is_not_silenced() {
        assert_eq!(catch_panic(|| -> usize { panic!("in the line search") }), Err("in the line search".to_owned()));
        assert!(!QUIET.get());
        let index = 3;
        let nested = catch_panic(|| {
            let inner = catch_panic(|| [1, 2][std::hint::black_box(index)]);
            assert!(QUIET.get());
            inner
        });
        assert!(nested.unwrap().unwrap_err().contains("index out of bounds"));
        assert_eq!(catch_panic(|| 3), Ok(3));
    }
}
