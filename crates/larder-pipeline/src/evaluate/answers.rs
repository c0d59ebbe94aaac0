//! A split's gold and answers, row by row: what two runs are compared by.

/// The answers on one split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SplitAnswers {
    /// The split.
    pub(crate) split: String,
    /// BLAKE3 of the bytes of the file that they are of, 64 hexadecimal digits.
    pub(crate) data_digest: String,
    /// The example of each row, in the order of the file.
    pub(crate) example_ids: Vec<String>,
    /// Gold and answers.
    pub(crate) rows: AnsweredRows,
}

/// Gold and answers of a split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AnsweredRows {
    /// Classes, both `[rows]`.
    Sequence { gold: Vec<usize>, answers: Vec<usize>, classes: usize },
    /// IOB2 tags, both `[sentences][words]`.
    Tagging { gold: Vec<Vec<String>>, predicted: Vec<Vec<String>> },
}
