//! Rows from a file, standard input or arguments, and texts from a prompt.

use std::path::Path;

use larder_data::{Content, InputFormat, OnBadRow, Place, RowProblem};
use larder_errors::counted;
use larder_predict::{Input, InputFlags, InputOrigin};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::failure::Failure;
use crate::log;

/// Rows answered together: enough for a batch, few enough for early answers.
const ROWS_AT_ONCE: usize = 256;

/// A row without an answer.
pub struct BadRow {
    pub place: Place,
    pub problem: RowProblem,
}

/// Answers a block of rows of one format.
pub type AnswerRows<'a> = dyn FnMut(InputFormat, &[Result<Content, BadRow>]) -> Result<(), Failure> + 'a;

/// Returns the origin of rows: a file, or standard input for no file or `-`.
pub fn origin(input: Option<&Path>) -> InputOrigin {
    match input.filter(|path| *path != Path::new("-")) {
        Some(path) => InputOrigin::File(path.to_path_buf()),
        None => InputOrigin::StandardInput,
    }
}

/// Returns the rows of arguments, one each.
///
/// # Errors
/// A usage failure for a format with several lines per row, or a header.
pub fn arguments(texts: &[String], flags: &InputFlags) -> Result<InputOrigin, Failure> {
    match flags.format {
        Some(format @ (InputFormat::Csv | InputFormat::Tsv | InputFormat::Parquet | InputFormat::Conll)) => {
            Err(Failure::Usage(format!("--input-format {format} reads a file or standard input, not arguments")))
        }
        _ => Ok(InputOrigin::Arguments(texts.to_vec())),
    }
}

/// Passes the rows of `input` to `answer`, a block at a time with their format, in constant memory, and notes the number of
/// rows without an answer.
///
/// # Errors
/// The first row that cannot be answered, unless such rows are skipped; errors of `answer`.
pub fn each_block(mut input: Input, on_bad_row: OnBadRow, answer: &mut AnswerRows<'_>) -> Result<(), Failure> {
    let (mut bad, mut first_bad) = (0_u64, None);
    let mut block = Vec::new();
    let mut failed = None;
    while let Some(row) = input.next() {
        match row {
            Err(error) => failed = Some(Failure::from(error)),
            Ok(row) => match (row.content, on_bad_row) {
                (Ok(content), _) => block.push(Ok(content)),
                (Err(problem), OnBadRow::Stop) => failed = Some(input.bad_row(row.place, problem).into()),
                (Err(problem), OnBadRow::Skip) => {
                    bad += 1;
                    first_bad.get_or_insert_with(|| format!("{}: {problem}", row.place));
                    block.push(Err(BadRow { place: row.place, problem }));
                }
            },
        }
        // Rows before a bad one are still answered.
        if block.len() == ROWS_AT_ONCE || (failed.is_some() && !block.is_empty()) {
            answer(input.format(), &std::mem::take(&mut block))?;
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
    }
    if !block.is_empty() {
        answer(input.format(), &block)?;
    }
    if let Some(first) = first_bad {
        let verb = if bad == 1 { "has" } else { "have" };
        log::note(&format!("{} {verb} no answer; the first, {first}", counted(bad, "row")));
    }
    Ok(())
}

/// Passes lines typed at a prompt to `answer`, one at a time.
pub fn prompt(mut answer: impl FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let failed = |e: ReadlineError| Failure::File {
        what: "cannot read from the terminal".to_owned(),
        source: std::io::Error::other(e.to_string()),
    };
    let mut editor = DefaultEditor::new().map_err(failed)?;
    eprintln!("Type a sentence (an empty line or Ctrl-D ends)");
    loop {
        match editor.readline("> ") {
            Ok(line) if line.trim().is_empty() => return Ok(()),
            Ok(line) => {
                // A failing history is no reason to stop.
                let _ = editor.add_history_entry(&line);
                answer(&line)?;
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}
