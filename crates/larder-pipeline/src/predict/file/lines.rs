//! JSON lines: each object is written again, with the answer's fields.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use larder_data::OnBadRow;
use larder_store::write_atomic;
use serde_json::{Map, Value, json};

use super::answers::{Added, AddedKind, Answers};
use super::error::InputError;
use super::{Asked, Block, Blocks, Question, ROWS_PER_PART, Rows, Wanted, problem_of_text};
use crate::PipelineError;

/// One row.
type Object = Map<String, Value>;

/// A JSON lines file that is read in parts. Blank lines are no rows.
pub(super) struct Lines {
    path: PathBuf,
    lines: std::io::Lines<BufReader<File>>,
    /// Lines read.
    line: u64,
    wanted: Wanted,
    added: Vec<String>,
}

impl Lines {
    pub(super) fn open(path: &Path, wanted: Wanted, added: Vec<String>) -> Result<Self, PipelineError> {
        let unreadable =
            |error: std::io::Error| InputError::Unreadable { path: path.to_path_buf(), problem: error.to_string() };
        let lines = BufReader::new(File::open(path).map_err(unreadable)?).lines();
        Ok(Self { path: path.to_path_buf(), lines, line: 0, wanted, added })
    }

    /// The next object; `None` at the end.
    fn object(&mut self) -> Result<Option<Object>, InputError> {
        loop {
            let Some(line) = self.lines.next() else { return Ok(None) };
            self.line += 1;
            let wrong = |problem: String| InputError::Line { path: self.path.clone(), line: self.line, problem };
            let line = line.map_err(|error| wrong(error.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            return match serde_json::from_str(&line) {
                Ok(Value::Object(object)) => match self.added.iter().find(|name| object.contains_key(*name)) {
                    Some(name) => Err(InputError::Taken { path: self.path.clone(), column: name.clone() }),
                    None => Ok(Some(object)),
                },
                Ok(other) => Err(wrong(format!("expected an object, found {}", kind(&other)))),
                // The parser's own line is always the first.
                Err(error) => {
                    let (text, column) = (error.to_string(), error.column());
                    let what = text.split(" at line ").next().unwrap_or_default();
                    Err(wrong(format!("no JSON: {what} (column {column}); the file may be cut short")))
                }
            };
        }
    }

    fn question(&self, object: &Object) -> Result<Question, String> {
        let text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Err(problem_of_text(name, None).unwrap_or_default()),
            Some(Value::String(text)) => match problem_of_text(name, Some(text)) {
                None => Ok(text.clone()),
                Some(problem) => Err(problem),
            },
            Some(other) => Err(format!("`{name}` is {}: expected a string", kind(other))),
        };
        if let Some(name) = &self.wanted.words {
            let list = object.get(name).and_then(Value::as_array);
            let words = list.and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect());
            return words.map(Question::Words).ok_or_else(|| format!("`{name}` is no list of strings"));
        }
        let text_b = self.wanted.text_b.as_deref().map(text).transpose()?;
        Ok(Question::Text { text: text(&self.wanted.text)?, text_b })
    }
}

impl Blocks for Lines {
    fn next_block(&mut self) -> Result<Option<Block>, PipelineError> {
        let (mut rows, mut asked): (Vec<Object>, Vec<Asked>) = (Vec::new(), Vec::new());
        while rows.len() < ROWS_PER_PART
            && let Some(object) = self.object()?
        {
            asked.push(match (self.question(&object), self.wanted.on_bad_row) {
                (Ok(question), _) => Some(question),
                (Err(_), OnBadRow::Skip) => None,
                (Err(problem), OnBadRow::Stop) => {
                    let place = format!("line {}", self.line);
                    return Err(InputError::Row { path: self.path.clone(), place, problem }.into());
                }
            });
            rows.push(object);
        }
        Ok((!rows.is_empty()).then_some(Block { rows: Rows::Lines(rows), asked }))
    }

    fn total(&self) -> Option<u64> {
        None
    }
}

/// What a value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Writes a part: each object with its answer's fields, null where there is no answer.
pub(super) fn write(
    rows: Vec<Object>,
    answers: &[Option<Answers>],
    added: &Added,
    path: &Path,
) -> Result<(), PipelineError> {
    let mut text = Vec::new();
    for (mut row, answer) in rows.into_iter().zip(answers) {
        let values = match answer {
            None => added.names().iter().map(|_| Value::Null).collect(),
            Some(Answers::Label(answer)) => {
                let probabilities = answer.probabilities.iter().map(|&probability| json!(probability));
                let probabilities: Object = added.labels.iter().cloned().zip(probabilities).collect();
                vec![json!(answer.label), json!(answer.probability), Value::Object(probabilities)]
            }
            Some(Answers::Tags(tagged)) => {
                let words = (added.kind == AddedKind::WordsAndTags).then(|| json!(tagged.words));
                words.into_iter().chain([json!(tagged.tags), json!(tagged.entities)]).collect()
            }
        };
        row.extend(added.names().into_iter().zip(values));
        // Writing to memory does not fail, and neither do maps with text keys.
        let _ = serde_json::to_writer(&mut text, &row);
        text.push(b'\n');
    }
    Ok(write_atomic(path, |file| file.write_all(&text))?)
}
