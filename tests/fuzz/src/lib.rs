//! Parts that fuzz targets share: files in memory, and a limit on what one allocation may ask for.
//!
//! Each target takes the bytes of a file that anybody may have made, hands them to the reader that larder opens such a file
//! with, and asserts what must hold of everything that the reader accepts. `just fuzz` runs them all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The most bytes of one allocation. An input has 128 KiB at most: whoever asks for more believes a number in it.
const LARGEST_ALLOCATION: usize = 1 << 30;

/// The system's allocator, which has no memory for whoever asks for too much at once: the process ends, unless that was expected.
///
/// libFuzzer's own `-malloc_limit_mb` needs the address sanitizer; this holds without one, too.
struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

// SAFETY: every call is handed on to `System` as it came, or has no memory.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST_ALLOCATION {
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST_ALLOCATION {
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > LARGEST_ALLOCATION {
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The folder of this process: in `TMPDIR`, else in memory where the system has such a place. Each input writes its files anew.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let is_told = std::env::var_os("TMPDIR").is_some();
        let root = if memory.is_dir() && !is_told { memory.to_owned() } else { std::env::temp_dir() };
        let folder = root.join(format!("larder-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    })
}

/// Writes a file of the folder.
pub fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a file can be written");
    path
}

/// The first byte as a choice among `count`, and the rest.
pub fn choice(bytes: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((usize::from(*first) % count, rest))
}

/// The parts of an input before and behind its first zero byte.
pub fn two_parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// Writes a Parquet file of the folder; with checksums of its own content if `sealed`, and if it ends as Parquet does.
pub fn parquet_file(name: &str, content: &[u8], sealed: bool) -> PathBuf {
    let path = put(name, content);
    if sealed {
        let mut written = larder_checksums::BlockHasher::default();
        written.update(content);
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path);
        let _ = larder_checksums::seal(&mut file.expect("it was written"), &written);
    }
    path
}
