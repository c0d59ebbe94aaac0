//! The text of a file that is compressed, or in another encoding than UTF-8, as a stream.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;

use crate::encoding::TextEncoding;

/// Bytes to read: a file, standard input, or something in memory.
pub(crate) type Stream = Box<dyn Read + Send>;

/// Bytes read at once.
pub(crate) const BUFFER_BYTES: usize = 1 << 16;

/// The compressions that are read, as their first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// Returns the compression of a file that starts with `start`.
    pub fn of(start: &[u8]) -> Option<Self> {
        if start.starts_with(b"\x1f\x8b") {
            Some(Self::Gzip)
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// Returns its name, as a message says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Opens a file, which is decompressed if its first bytes are those of gzip or zstd.
///
/// # Errors
/// The operating system's reason.
pub fn open_decompressed(path: &std::path::Path) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(Decompressed::new(Box::new(std::fs::File::open(path)?))))
}

/// A stream that is decompressed if its first bytes say so. Nothing is read before it is asked for.
pub(crate) struct Decompressed(State);

enum State {
    Unknown(BufReader<Stream>),
    Known(Stream),
    Failed,
}

impl Decompressed {
    /// Reads `stream`.
    pub fn new(stream: Stream) -> Self {
        Self(State::Unknown(BufReader::with_capacity(BUFFER_BYTES, stream)))
    }
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, State::Failed) {
                State::Unknown(mut reader) => {
                    let stream: Stream = match Compression::of(reader.fill_buf()?) {
                        None => Box::new(reader),
                        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(reader)),
                        Some(Compression::Zstd) => Box::new(zstd::stream::read::Decoder::with_buffer(reader)?),
                    };
                    self.0 = State::Known(stream);
                }
                State::Known(mut stream) => {
                    let read = stream.read(buffer);
                    self.0 = State::Known(stream);
                    return read;
                }
                State::Failed => return Ok(0),
            }
        }
    }
}

/// Returns a stream of UTF-8 from one in `encoding`, which a byte order mark overrides.
pub(crate) fn decoded(stream: Stream, encoding: Option<TextEncoding>) -> Stream {
    match encoding {
        None => stream,
        Some(encoding) => Box::new(
            DecodeReaderBytesBuilder::new()
                .encoding(Some(encoding.encoding()))
                .bom_override(true)
                .build(Decompressed::new(stream)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn read(bytes: Vec<u8>, encoding: Option<&str>) -> Vec<u8> {
        let encoding = encoding.map(|name| TextEncoding::of_name(name).unwrap());
        let mut stream = Decompressed::new(decoded(Box::new(Cursor::new(bytes)), encoding));
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        read
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn compressed_bytes_are_told_by_their_start() {
        let text = "né\n".repeat(100_000).into_bytes();
        assert_eq!(read(text.clone(), None), text);
        assert_eq!(read(gzip(&text), None), text);
        assert_eq!(read([gzip(b"a\n"), gzip(b"b\n")].concat(), None), b"a\nb\n", "members follow each other");
        assert_eq!(read(zstd::encode_all(&text[..], 1).unwrap(), None), text);
        assert_eq!(read(Vec::new(), None), b"");
    }

    #[test]
    fn encodings_are_decoded_inside_and_outside_of_compression() {
        let latin1 = b"n\xe9 \x80\n".to_vec();
        assert_eq!(read(latin1.clone(), Some("latin1")), "né €\n".as_bytes());
        assert_eq!(read(gzip(&latin1), Some("windows-1252")), "né €\n".as_bytes());
        let utf16: Vec<u8> = "\u{feff}né\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(read(utf16, Some("utf-16")).ends_with("né\n".as_bytes()), "the mark says which");
    }
}
