//! Physical lines of a text file, with their numbers and byte offsets, in bounded memory.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::row_problem::RowProblem;
use crate::stream::{BUFFER_BYTES, Decompressed, Stream};

/// Longest row read, in bytes: no sentence is that long, while a forgotten quote or a file without line ends would
/// otherwise be read into memory whole.
pub const MAX_ROW_BYTES: usize = 16 << 20;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads lines ended by LF, by CRs and an LF, or, in a file whose start has CRs and no LF, by CR; the last may lack its
/// end. A UTF-8 byte order mark is dropped.
///
/// Of JSON a line may also be an element of one array that is the whole file: its bytes up to the comma.
///
/// CR CR LF is what Python's `csv` writes on Windows into a file that was opened without `newline=""`, and lone CRs are
/// what old Macintosh programs write. A lone CR elsewhere is content.
pub(crate) struct LineReader {
    reader: BufReader<Stream>,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Lines read.
    line: u64,
    /// Bytes read.
    offset: u64,
    /// The byte that ends a line; `None` until the first line is asked for.
    end: Option<u8>,
    /// True if a file that begins with `[` is one JSON array.
    may_be_array: bool,
    /// The place in the JSON array that the file is.
    array: Option<JsonArray>,
}

impl fmt::Debug for LineReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReader").field("path", &self.path).field("line", &self.line).finish_non_exhaustive()
    }
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// The bytes without the line's end.
    pub bytes: &'a [u8],
    /// The line's end, or nothing at the end of the file.
    pub ending: &'a [u8],
    /// One-based number.
    pub number: u64,
    /// Zero-based offset of the first byte in the file.
    pub offset: u64,
}

impl<'a> Line<'a> {
    /// The line as text.
    pub fn text(&self) -> Result<&'a str, RowProblem> {
        std::str::from_utf8(self.bytes)
            .map_err(|error| RowProblem::Utf8 { line: self.number, offset: self.offset + error.valid_up_to() as u64 })
    }
}

impl LineReader {
    /// Reads `stream`, which may be compressed, and which messages call `path`.
    pub fn new(path: PathBuf, stream: impl Read + Send + 'static) -> Self {
        Self::of_plain(path, Decompressed::new(Box::new(stream)))
    }

    /// Reads `stream` as it is.
    pub fn of_plain(path: PathBuf, stream: impl Read + Send + 'static) -> Self {
        let stream: Stream = Box::new(stream);
        // In its first bytes the line ends are looked for.
        Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, stream),
            path,
            buffer: Vec::new(),
            line: 0,
            offset: 0,
            end: None,
            may_be_array: false,
            array: None,
        }
    }

    /// Reads a file that begins with `[` as one JSON array, whose elements are its lines.
    #[must_use]
    pub fn with_json_arrays(self) -> Self {
        Self { may_be_array: true, ..self }
    }

    /// Takes the byte that ends a line as known, for a stream that does not begin where its file does.
    #[must_use]
    pub fn with_line_end(self, end: Option<u8>) -> Self {
        Self { end, ..self }
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the bytes and lines read so far.
    pub fn position(&self) -> (u64, u64) {
        (self.offset, self.line)
    }

    /// Counts on from `offset` bytes and `line` lines, which the stream left out.
    pub fn resume(&mut self, offset: u64, line: u64) {
        (self.offset, self.line) = (offset, line);
    }

    /// Returns true if lone CRs end the lines.
    pub fn ends_with_cr(&self) -> bool {
        self.end == Some(b'\r')
    }

    /// Returns true if the file is a JSON array, whose elements are counted as lines.
    pub fn is_json_array(&self) -> bool {
        self.array.is_some()
    }

    /// The next line, or `None` at the end of the file.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, DataError> {
        self.buffer.clear();
        let limit = MAX_ROW_BYTES as u64 + 1;
        let failed = |source| DataError::Read { path: self.path.clone(), source };
        let end = match self.end {
            Some(end) => end,
            None => {
                let start = self.reader.fill_buf().map_err(failed)?;
                if self.may_be_array && JsonArray::is_begun_by(start) {
                    self.array = Some(JsonArray::default());
                }
                *self.end.insert(line_end(start))
            }
        };
        if self.array.is_some() {
            return self.next_element();
        }
        let mut bytes = (&mut self.reader).take(limit).read_until(end, &mut self.buffer).map_err(failed)?;
        if bytes == 0 {
            return Ok(None);
        }
        if bytes > MAX_ROW_BYTES {
            return Err(DataError::RowTooLong { path: self.path.clone(), line: self.line + 1, limit: MAX_ROW_BYTES });
        }
        let mut start = 0;
        if self.offset == 0 {
            if self.buffer.starts_with(b"\xff\xfe") || self.buffer.starts_with(b"\xfe\xff") {
                return Err(DataError::Utf16 { path: self.path.clone() });
            }
            if self.buffer.starts_with(UTF8_BOM) {
                start = UTF8_BOM.len();
                bytes -= start;
                self.offset = start as u64;
                if bytes == 0 {
                    return Ok(None);
                }
            }
        }
        let offset = self.offset;
        self.offset += bytes as u64;
        self.line += 1;
        let content = &self.buffer[start..];
        let without_lf = content.strip_suffix(b"\n").unwrap_or(content);
        // CRs without an LF after them end the last line of a file whose CRLF was cut in two.
        let end = without_lf.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        let (bytes, ending) = content.split_at(end);
        Ok(Some(Line { bytes, ending, number: self.line, offset }))
    }
}

impl LineReader {
    /// The next element of the JSON array, or `None` behind the last. What stands behind the array is an element too, which is none.
    fn next_element(&mut self) -> Result<Option<Line<'_>>, DataError> {
        let Some(array) = &mut self.array else { return Ok(None) };
        let offset = self.offset;
        let is_ended = loop {
            let bytes = self.reader.fill_buf().map_err(|source| DataError::Read { path: self.path.clone(), source })?;
            if bytes.is_empty() {
                break true;
            }
            let end = bytes.iter().position(|&byte| array.ends_element(byte));
            let read = end.map_or(bytes.len(), |end| end + 1);
            self.buffer.extend_from_slice(&bytes[..read]);
            self.reader.consume(read);
            self.offset += read as u64;
            if self.buffer.len() > MAX_ROW_BYTES {
                let (path, line) = (self.path.clone(), self.line + 1);
                return Err(DataError::RowTooLong { path, line, limit: MAX_ROW_BYTES });
            }
            if end.is_some() {
                break false;
            }
        };
        if is_ended && !array.is_closed {
            return Err(DataError::ArrayCut { path: self.path.clone(), rows: self.line });
        }
        if is_ended && self.buffer.trim_ascii().is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let start =
            if self.line == 1 { self.buffer.iter().position(|&byte| byte == b'[').map_or(0, |at| at + 1) } else { 0 };
        let end = self.buffer.len() - usize::from(!is_ended);
        let (bytes, ending) = self.buffer.split_at(end.max(start));
        Ok(Some(Line { bytes: &bytes[start..], ending, number: self.line, offset: offset + start as u64 }))
    }
}

/// A place in a JSON array that is the whole file.
#[derive(Default)]
pub(crate) struct JsonArray {
    /// Lists and objects that are open: 1 between two elements.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    is_closed: bool,
}

impl JsonArray {
    /// Returns true if a file that starts with `start` is an array of objects.
    pub fn is_begun_by(start: &[u8]) -> bool {
        let start = start.strip_prefix(UTF8_BOM).unwrap_or(start).trim_ascii_start();
        let first = start.strip_prefix(b"[").map(|elements| elements.trim_ascii_start().first());
        first.is_some_and(|first| matches!(first, None | Some(b'{')))
    }

    /// Goes on by one byte; returns true for the comma or bracket that ends an element of the array.
    fn ends_element(&mut self, byte: u8) -> bool {
        if self.in_string {
            let is_escaped = self.is_escaped;
            self.is_escaped = !is_escaped && byte == b'\\';
            self.in_string = byte != b'"' || is_escaped;
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                let closes = self.depth == 0 && !self.is_closed;
                self.is_closed |= closes;
                return closes;
            }
            b',' => return self.depth == 1 && !self.is_closed,
            _ => {}
        }
        false
    }
}

/// The byte that ends a line of a file that starts with `start`: CR where there are CRs and no LF.
fn line_end(start: &[u8]) -> u8 {
    // The LF of a CR that is last may be yet to come.
    let before_last = &start[..start.len().saturating_sub(1)];
    if before_last.contains(&b'\r') && !start.contains(&b'\n') { b'\r' } else { b'\n' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn reader(bytes: &[u8]) -> LineReader {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        LineReader::new("data.txt".into(), file)
    }

    fn lines(bytes: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
        let mut reader = reader(bytes);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            lines.push((line.bytes.to_vec(), line.number, line.offset));
        }
        lines
    }

    #[test]
    fn ends_marks_and_offsets() {
        assert_eq!(
            lines(b"\xef\xbb\xbfa\r\n\nbc\rd\nlast"),
            [(b"a".to_vec(), 1, 3), (b"".to_vec(), 2, 6), (b"bc\rd".to_vec(), 3, 7), (b"last".to_vec(), 4, 12),]
        );
        assert_eq!(lines(b"a\r\r\n\r\r\nb\r\r\n"), [(b"a".to_vec(), 1, 0), (vec![], 2, 4), (b"b".to_vec(), 3, 7)]);
        assert!(lines(b"").is_empty());
        assert!(lines(b"\xef\xbb\xbf").is_empty());
    }

    #[test]
    fn lone_crs_end_lines_where_nothing_else_does() {
        assert_eq!(
            lines(b"a\rb\r\rc"),
            [(b"a".to_vec(), 1, 0), (b"b".to_vec(), 2, 2), (vec![], 3, 4), (b"c".to_vec(), 4, 5)]
        );
        assert_eq!(lines(b"\xef\xbb\xbfa\rb\r"), [(b"a".to_vec(), 1, 3), (b"b".to_vec(), 2, 5)]);
        // One line whose CRLF was cut in two, and a file in which LF comes late.
        assert_eq!(lines(b"ab\r"), [(b"ab".to_vec(), 1, 0)]);
        let late = [&b"x".repeat(1 << 17), &b"\ny\rz\n"[..]].concat();
        assert_eq!(lines(&late)[1].0, b"y\rz");
    }

    #[test]
    fn elements_of_an_array_are_lines() {
        let elements = |bytes: &[u8]| {
            let mut reader = reader(bytes).with_json_arrays();
            let mut lines = Vec::new();
            while let Some(line) = reader.next_line()? {
                lines.push((String::from_utf8(line.bytes.trim_ascii().to_vec()).unwrap(), line.number, line.offset));
            }
            Ok::<_, DataError>(lines)
        };
        let of = |bytes: &[u8]| elements(bytes).unwrap().into_iter().map(|(text, ..)| text).collect::<Vec<_>>();
        let pretty = b"\xef\xbb\xbf [\n  {\"a\": [1, 2],\n   \"b\": \"x,]}\\\"[\\\\\"},\n  {\"a\": {}}\n]\n";
        assert_eq!(
            elements(pretty).unwrap(),
            [("{\"a\": [1, 2],\n   \"b\": \"x,]}\\\"[\\\\\"}".to_owned(), 1, 5), ("{\"a\": {}}".to_owned(), 2, 43)]
        );
        assert_eq!(of(b"[{},2]"), ["{}", "2"]);
        assert_eq!(of(b"[]"), ["[]"], "a line that is a list");
        assert_eq!(of(b"[{}]\n[2]"), ["{}", "[2]"], "what is behind the array is no element of it");
        assert_eq!(of(b"[1]\n[2]"), ["[1]", "[2]"], "lines that are lists");
        assert_eq!(of(b"{\"a\": 1}\n[2]"), ["{\"a\": 1}", "[2]"]);
        for cut in [&b"["[..], b"[{\"a\": 1}", b"[{},", b"[{\"]}"] {
            assert!(matches!(elements(cut), Err(DataError::ArrayCut { .. })), "{cut:?}");
        }
        let long = [b"[{\"", &vec![b'x'; MAX_ROW_BYTES][..], b"\"}]"].concat();
        assert!(matches!(elements(&long), Err(DataError::RowTooLong { line: 1, .. })));
    }

    #[test]
    fn utf16_and_endless_lines_are_refused() {
        assert!(matches!(reader(b"\xff\xfea\0").next_line(), Err(DataError::Utf16 { .. })));
        let mut endless = reader(&vec![b'x'; MAX_ROW_BYTES + 1]);
        assert!(matches!(endless.next_line(), Err(DataError::RowTooLong { line: 1, .. })));
    }
}
