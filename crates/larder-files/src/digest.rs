//! Names of content: blake3 digests in hexadecimal.

use std::io::Read;
use std::path::Path;

use crate::FileError;

/// Returns the blake3 digest of `bytes` in hexadecimal.
pub fn digest_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Returns the blake3 digest of a file's content in hexadecimal. The file is read in pieces.
///
/// # Errors
/// [`FileError::Io`].
pub fn digest_file(path: &Path) -> Result<String, FileError> {
    let mut file = crate::open(path).map_err(FileError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(FileError::io("read", path))?;
        if n == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&buffer[..n]);
    }
}
