//! Texts from a file, standard input, or a prompt.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::failure::Failure;

/// Lines answered together: the encoder runs them in batches, and the first answers come soon.
pub const LINES_AT_ONCE: usize = 256;

/// What a file is called in messages, and its lines. `-` and nothing are standard input.
pub fn open(input: Option<&Path>) -> Result<(String, Box<dyn BufRead>), Failure> {
    let path = input.filter(|p| *p != Path::new("-")).map(PathBuf::from);
    let name = path.as_ref().map_or_else(|| "standard input".to_owned(), |p| p.display().to_string());
    let reader: Box<dyn BufRead> = match &path {
        Some(path) => {
            let failed = |source| Failure::File { what: format!("cannot read {name}"), source };
            Box::new(BufReader::new(File::open(path).map_err(failed)?))
        }
        None => Box::new(std::io::stdin().lock()),
    };
    Ok((name, reader))
}

/// Lines of a file or of standard input, a block at a time, in constant memory.
pub fn each_block(
    input: Option<&Path>,
    answer: &mut dyn FnMut(&[String]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (name, reader) = open(input)?;
    let mut block = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let line =
            line.map_err(|source| Failure::File { what: format!("cannot read {name}, line {}", number + 1), source })?;
        block.push(line);
        if block.len() == LINES_AT_ONCE {
            answer(&std::mem::take(&mut block))?;
        }
    }
    if block.is_empty() { Ok(()) } else { answer(&block) }
}

/// Lines typed at a prompt, one at a time.
pub fn prompt(mut answer: impl FnMut(&[String]) -> Result<(), Failure>) -> Result<(), Failure> {
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
                // A history that cannot grow is no reason to stop answering.
                let _ = editor.add_history_entry(&line);
                answer(&[line])?;
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}
