//! A checksum inside the text that it is of: in a JSON object, or in the header of a safetensors file.
//!
//! It is the blake3 digest of the whole file with zeros in the digest's own place.

/// The key that it stands under.
const KEY: &str = "checksum";
/// The prefix of a checksum.
const PREFIX: &str = "larder-blake3:";
/// Digits of a digest.
const DIGITS: usize = 64;

/// Puts a checksum behind the last entry of a JSON object as `serde_json` prints it. Other JSON stays as it is.
pub(crate) fn seal_json(text: &mut Vec<u8>) {
    let trimmed = text.trim_ascii_end().len();
    let Some(inside) = text[..trimmed].strip_suffix(b"}").map(<[u8]>::trim_ascii_end) else { return };
    if !text.starts_with(b"{") {
        return;
    }
    let (separator, at) = (if inside.ends_with(b"{") { "" } else { "," }, inside.len());
    let entry = format!("{separator}\n  \"{KEY}\": \"{}\"\n}}", placeholder());
    let behind = text.split_off(trimmed);
    text.truncate(at);
    text.extend(entry.into_bytes());
    text.extend(behind);
    fill(text);
}

/// Checks that a JSON file is as it was written; one without a checksum passes.
///
/// # Errors
/// The problem with the file, for a message that names it.
pub fn verify_json(text: &[u8]) -> Result<(), String> {
    verify(text, find(text))
}

/// Removes the checksum that [`write_json`](crate::write_json) put into a JSON object, for readers that refuse entries
/// they do not know.
///
/// # Errors
/// As [`verify_json`].
pub fn unsealed_json(mut text: Vec<u8>) -> Result<Vec<u8>, String> {
    verify_json(&text)?;
    let key = format!("\"{KEY}\"");
    let entry = find(&text).and_then(|digits| {
        let start = text[..digits].windows(key.len()).rposition(|part| part == key.as_bytes())?;
        let before = text[..start].trim_ascii_end();
        let start = before.strip_suffix(b",").unwrap_or(before).len();
        Some(start..digits + DIGITS + 1)
    });
    if let Some(entry) = entry {
        text.drain(entry);
    }
    Ok(text)
}

/// The entry of a safetensors file's metadata that [`seal_safetensors`] fills.
pub fn metadata_entry() -> (String, String) {
    (KEY.to_owned(), placeholder())
}

/// Fills the checksum of a safetensors file whose metadata has [`metadata_entry`].
pub fn seal_safetensors(file: &mut [u8]) {
    fill(file);
}

/// Checks that a safetensors file is as it was written; one without a checksum passes.
///
/// # Errors
/// The problem with the file, for a message that names it.
pub fn verify_safetensors(file: &[u8]) -> Result<(), String> {
    let header = file.first_chunk().map_or(0, |&length| u64::from_le_bytes(length));
    let end = usize::try_from(header).ok().and_then(|length| length.checked_add(8)).unwrap_or(usize::MAX);
    verify(file, file.get(..end).and_then(find))
}

/// The beginning of a file that has its checksum in it, where the rest is too large to be held twice.
#[derive(Debug)]
pub struct SealedHeader {
    bytes: Vec<u8>,
    hasher: blake3::Hasher,
}

impl SealedHeader {
    /// Starts from a header with [`metadata_entry`] in it.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        Self { bytes, hasher }
    }

    /// The header with the checksum of all bytes.
    pub fn finish(mut self) -> Vec<u8> {
        if let Some(at) = find(&self.bytes) {
            self.bytes[at..at + DIGITS].copy_from_slice(self.hasher.finalize().to_hex().as_bytes());
        }
        self.bytes
    }
}

/// Takes the bytes behind the header, in order, and keeps none of them.
impl std::io::Write for SealedHeader {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn placeholder() -> String {
    format!("{PREFIX}{}", "0".repeat(DIGITS))
}

fn fill(file: &mut [u8]) {
    if let Some(at) = find(file) {
        let digest = digest(file, at);
        file[at..at + DIGITS].copy_from_slice(digest.as_bytes());
    }
}

/// Returns the position of the digest's first digit.
fn find(text: &[u8]) -> Option<usize> {
    // The last one: it stands behind what others wrote.
    let at = text.windows(PREFIX.len()).rposition(|part| part == PREFIX.as_bytes())? + PREFIX.len();
    let is_whole = text.get(at + DIGITS) == Some(&b'"');
    is_whole.then_some(at)
}

fn digest(file: &[u8], at: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..at]).update(&[b'0'; DIGITS]).update(&file[at + DIGITS..]);
    hasher.finalize().to_hex().to_string()
}

fn verify(file: &[u8], at: Option<usize>) -> Result<(), String> {
    match at {
        Some(at) if file[at..at + DIGITS] != *digest(file, at).as_bytes() => Err(format!(
            "its content differs from its checksum: it is damaged, or was changed by something else than larder (to keep such \
             a change, remove the entry `{KEY}`)"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_sealed_object_is_found_or_leaves_its_values() {
        let value = serde_json::json!({ "a": 1.25, "b": ["x", { "c": null }], "text": "larder-blake3:" });
        let mut text = serde_json::to_vec_pretty(&value).unwrap();
        text.push(b'\n');
        let plain = text.clone();
        seal_json(&mut text);
        verify_json(&text).unwrap();
        verify_json(&plain).unwrap();
        let read = |text: &[u8]| {
            let mut found: serde_json::Value = serde_json::from_slice(text).ok()?;
            found.as_object_mut()?.remove(KEY);
            Some(found)
        };
        assert_eq!(read(&text), Some(value.clone()), "one entry more");
        let mut found = 0;
        for bit in 0..8 * text.len() {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if verify_json(&flipped).is_err() {
                found += 1;
            } else if let Some(serde_json::Value::Object(mut read)) = read(&flipped) {
                // In the key or the beginning of the value: the file then looks like one without a checksum.
                read.retain(|key, _| value.get(key).is_some());
                assert_eq!(serde_json::Value::Object(read), value, "bit {bit}");
            }
        }
        assert!(found > 8 * plain.len(), "{found} of {} bits", 8 * text.len());
    }

    #[test]
    fn what_is_no_object_stays_as_it_is_and_an_empty_one_gets_its_checksum() {
        for plain in ["[1]\n", "3", "null\n"] {
            let mut text = plain.as_bytes().to_vec();
            seal_json(&mut text);
            assert_eq!(text, plain.as_bytes());
        }
        let mut text = b"{}\n".to_vec();
        seal_json(&mut text);
        verify_json(&text).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(read.as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_header_written_first_is_the_one_that_is_filled_at_the_end() {
        let text = format!("{{\"__metadata__\":{{\"{KEY}\":\"{}\"}}}}", placeholder());
        let mut header = (text.len() as u64).to_le_bytes().to_vec();
        header.extend(text.into_bytes());
        let data = vec![7; 100_000];
        let mut whole = [header.clone(), data.clone()].concat();
        seal_safetensors(&mut whole);
        let mut sealed = SealedHeader::new(header);
        data.chunks(999).for_each(|part| std::io::Write::write_all(&mut sealed, part).unwrap());
        assert_eq!([sealed.finish(), data].concat(), whole);
        verify_safetensors(&whole).unwrap();
        whole[50_000] ^= 4;
        assert!(verify_safetensors(&whole).is_err());
    }
}
