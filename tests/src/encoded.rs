//! What the encode stage told about one split, read from its line on standard error.

use crate::Answer;

/// Rows by where their vectors came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// Rows of the split.
    pub rows: usize,
    /// Through the encoder.
    pub encoded: usize,
    /// From the file that stood there before.
    pub reused: usize,
    /// From the finished parts of an interrupted run.
    pub kept: usize,
    /// From an equal row.
    pub copies: usize,
}

impl Encoded {
    /// What `answer` tells of `split`; `None` when the stage did not run on it.
    ///
    /// # Panics
    /// When the line is not of the form that the stage writes, with the whole invocation.
    #[track_caller]
    pub fn of(answer: &Answer, split: &str) -> Option<Self> {
        let start = format!("encode   {split}: ");
        let line =
            answer.stderr.lines().filter_map(|line| line.strip_prefix(&start)).find(|line| line.contains(" row"));
        let line = line.filter(|line| !line.starts_with("out of date"))?;
        let number = |text: &str, words: &str| -> Option<usize> {
            let (before, _) = text.split_once(words)?;
            before.rsplit([' ', '(']).next()?.replace(',', "").parse().ok()
        };
        let rows = number(line, " row").unwrap_or_else(|| panic!("no rows in {line:?}\n{}", answer.told()));
        let of = |words| number(line, words).unwrap_or(0);
        let told = Self {
            rows,
            // Without a bracket every row went through the encoder.
            encoded: number(line, " encoded").unwrap_or(rows),
            reused: of(" reused from earlier files"),
            kept: of(" kept from an interrupted run"),
            copies: of(" copies of another row"),
        };
        let sum = told.encoded + told.reused + told.kept + told.copies;
        assert_eq!(sum, rows, "the numbers in {line:?} do not add up to its rows\n{}", answer.told());
        Some(told)
    }
}
