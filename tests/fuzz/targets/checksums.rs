//! Checksums in JSON, safetensors and Parquet files: nobody's bytes upset them, and of ours no changed byte passes.

#![no_main]

use larder_checksums::{Checked, CheckedFile};
use larder_files::{read_json, unsealed_json, verify_json, verify_safetensors, write_json};
use larder_fuzz::{choice, folder, parquet_file};
use libfuzzer_sys::fuzz_target;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, 16) else { return };
    let _ = verify_safetensors(content);
    match (verify_json(content), unsealed_json(content.to_vec())) {
        (Ok(()), Ok(text)) => assert!(text.len() <= content.len()),
        (Err(_), Err(_)) => {}
        (verified, unsealed) => panic!("{verified:?} {unsealed:?}"),
    }
    // Files are written in one of sixteen inputs: the rest is memory alone.
    if at > 0 {
        return;
    }
    if let Ok(value @ serde_json::Value::Object(_)) = serde_json::from_slice(content) {
        let path = folder().join("any.json");
        write_json(&path, &value).expect("a value is written");
        let again = read_json::<serde_json::Value>(&path).expect("and read").expect("it is there");
        // An entry `checksum` of somebody else's gives way to ours.
        if value.get("checksum").is_none() {
            assert_eq!(again, value);
        }
    }
    for sealed in [false, true] {
        let path = parquet_file("any.parquet", content, sealed);
        let Ok(file) = CheckedFile::new(File::open(&path).expect("it was written")) else { continue };
        let length = usize::try_from(file.len()).expect("it is small");
        let whole = file.get_bytes(0, length);
        if sealed && file.checked() == Checked::Yes {
            let whole = whole.expect("it was sealed");
            assert_eq!(whole[length - 8..], content[content.len() - 8..], "the end stays the end");
            // One changed bit.
            let (mut changed, place) = (whole.to_vec(), content.len() * 7 % length);
            changed[place] ^= 1 << (content.len() % 8);
            std::fs::write(&path, &changed).expect("a file can be written");
            let changed = CheckedFile::new(File::open(&path).expect("it was written"));
            let read = changed.map_err(|_| ()).and_then(|file| {
                let is_checked = file.checked() == Checked::Yes;
                file.get_bytes(0, length).map(|bytes| (is_checked, bytes)).map_err(|_| ())
            });
            if let Ok((is_checked, read)) = read {
                assert!(!is_checked || read == whole, "bit {} of byte {place} of {length}", content.len() % 8);
            }
        }
    }
});
