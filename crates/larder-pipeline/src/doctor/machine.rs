//! Processor, memory and disk of the machine.

use std::path::{Path, PathBuf};

use larder_runtime::machine_memory;
use serde::Serialize;
use sysinfo::{Disks, System};

/// The machine's resources.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The operating system's name.
    pub system: Option<String>,
    /// `x86_64`, `aarch64`, ...
    pub architecture: &'static str,
    /// The processor's name.
    pub processor: Option<String>,
    /// Threads that can run at once.
    pub cores: usize,
    /// Bytes of memory; the control group's limit if that is lower.
    pub memory_bytes: u64,
    /// Bytes of free memory.
    pub free_memory_bytes: u64,
    /// The home of artifacts.
    pub home: PathBuf,
    /// Its disk, if known.
    pub disk: Option<Disk>,
}

/// A file system.
#[derive(Debug, Serialize)]
pub struct Disk {
    /// Bytes in all.
    pub bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
}

impl Machine {
    /// Asks the system. `home` need not exist yet.
    pub(super) fn look(home: &Path) -> Self {
        let mut system = System::new();
        system.refresh_cpu_all();
        let (memory_bytes, free_memory_bytes) = machine_memory();
        Self {
            system: System::long_os_version(),
            architecture: std::env::consts::ARCH,
            processor: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|name| !name.is_empty()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes,
            free_memory_bytes,
            home: home.to_path_buf(),
            disk: disk(home),
        }
    }
}

/// Returns the file system of `path`, or of its nearest existing ancestor.
fn disk(path: &Path) -> Option<Disk> {
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    let disks = Disks::new_with_refreshed_list();
    let below = disks.iter().filter(|disk| there.starts_with(disk.mount_point()));
    let nearest = below.max_by_key(|disk| disk.mount_point().components().count())?;
    Some(Disk { bytes: nearest.total_space(), free_bytes: nearest.available_space() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_processor_with_memory_and_a_disk_for_a_home_that_is_not_there_yet() {
        let machine = Machine::look(&std::env::temp_dir().join("no/such/home"));
        assert!(machine.cores >= 1);
        assert!(machine.memory_bytes >= machine.free_memory_bytes && machine.free_memory_bytes > 0);
        if let Some(disk) = machine.disk {
            assert!(disk.bytes >= disk.free_bytes && disk.bytes > 0);
        }
    }
}
