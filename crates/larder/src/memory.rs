//! A memory limit against foreign models.
//!
//! A few bytes of graph can ask for terabytes. Linux overcommits memory and kills a process, not always the one at fault, when
//! it is used; under a limit the request itself fails, with an error that names the model.

/// Limits this process to the memory that is free now. Does nothing on systems without the figures or limits: it guards against
/// accidents, and no result depends on it.
pub fn limit_to_free() {
    #[cfg(target_os = "linux")]
    linux::limit();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::read_to_string;
    use std::path::Path;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Address space that each thread reserves and hardly uses: its stack, and its heap of the C library.
    const PER_THREAD: u64 = 160 << 20;

    pub fn limit() {
        let (Some(used), Some(free)) = (used(), free()) else { return };
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
        let bound = used.saturating_add(free).saturating_add(threads.saturating_mul(PER_THREAD));
        let limits = getrlimit(Resource::As);
        if limits.current.is_none_or(|current| current > bound) {
            // A limit that cannot be set is enforced by somebody else.
            let _ = setrlimit(Resource::As, Rlimit { current: Some(bound), maximum: limits.maximum });
        }
    }

    /// Returns the address space in use, in bytes.
    fn used() -> Option<u64> {
        kibibytes(&read_to_string("/proc/self/status").ok()?, "VmSize")
    }

    /// Returns the memory available without taking it from others: the machine's, or the control group's if less.
    fn free() -> Option<u64> {
        let memory = read_to_string("/proc/meminfo").ok()?;
        let machine = kibibytes(&memory, "MemAvailable")? + kibibytes(&memory, "SwapFree").unwrap_or(0);
        Some(group_free().map_or(machine, |group| group.min(machine)))
    }

    /// Returns the memory left to this process's control group (version 2); `None` without one, or without a limit.
    fn group_free() -> Option<u64> {
        let groups = read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let folder = Path::new("/sys/fs/cgroup").join(own);
        let number = |file: &str| read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
        let reclaimable = read_to_string(folder.join("memory.stat")).ok();
        let cached = reclaimable.and_then(|stat| {
            stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?.trim().parse::<u64>().ok()
        });
        let taken = number("memory.current")?.saturating_sub(cached.unwrap_or(0));
        Some(number("memory.max")?.saturating_sub(taken))
    }

    /// Returns the bytes in a line `name: 123 kB`.
    fn kibibytes(text: &str, name: &str) -> Option<u64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|size| size << 10)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_system_tells_its_sizes() {
            assert_eq!(kibibytes("A: 1 kB\nVmSize:\t    20 kB\n", "VmSize"), Some(20 << 10));
            assert_eq!(kibibytes("VmSizes: 20 kB\nVmSize: x kB\n", "VmSize"), None);
            assert!(used().is_some_and(|used| used > 1 << 20));
            assert!(free().is_some_and(|free| free > 1 << 20));
        }
    }
}
