//! The memory that stages may take: what the user allows, or what is free.

use std::sync::OnceLock;

use sysinfo::System;

use crate::RuntimeError;

/// The user's limit, in bytes.
static LIMIT: OnceLock<u64> = OnceLock::new();

/// Sets the memory that stages of this process may take, in bytes. The first call counts.
pub fn limit_memory(bytes: u64) {
    let _ = LIMIT.set(bytes);
}

/// Returns the limit in bytes, if one was set.
pub fn memory_limit() -> Option<u64> {
    LIMIT.get().copied()
}

/// Returns the memory of the machine and what of it is free, in bytes; those of the control group if it has less.
pub fn machine_memory() -> (u64, u64) {
    let mut system = System::new();
    system.refresh_memory();
    match system.cgroup_limits().filter(|group| group.total_memory > 0) {
        Some(group) if group.total_memory < system.total_memory() => (group.total_memory, group.free_memory),
        _ => (system.total_memory(), system.available_memory()),
    }
}

/// Returns the memory that a stage may take now, in bytes: the limit, or what is free.
pub fn memory_left() -> u64 {
    memory_limit().unwrap_or_else(|| machine_memory().1)
}

/// Checks that there is memory for something before it is begun. `least` is what it needs whatever happens, so that nothing
/// is refused that would have fit; `what` and `way_out` complete the message.
///
/// # Errors
/// [`RuntimeError::Memory`].
pub fn require_memory(what: impl FnOnce() -> String, least: u64, way_out: &'static str) -> Result<(), RuntimeError> {
    let left = memory_left();
    if least <= left {
        return Ok(());
    }
    let is_limit = memory_limit().is_some();
    Err(RuntimeError::Memory { what: what(), least, left, is_limit, way_out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_allowed_and_what_does_not_is_told_with_both_sizes() {
        let (total, free) = machine_memory();
        assert!(total >= free && free > 0);
        require_memory(|| "a byte".to_owned(), 1, "").unwrap();
        let error = require_memory(|| "everything".to_owned(), u64::MAX, "take less").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("everything") && text.contains("free") && text.contains("take less"), "{text}");
    }
}
