//! `predict` with a tagging run: entities of texts, of words, or of a CoNLL file.

use std::io::{IsTerminal, Write};

use larder_data::{Content, InputFormat};
use larder_encode::Context as SentenceContext;
use larder_pipeline::{EntityPrediction, RunRecord, TagPredictor, TaggedText};
use serde::Serialize;

use super::Context;
use super::predict::{ask, no_answer};
use crate::cli::PredictArgs;
use crate::failure::{Failure, Output};
use crate::marked::marked;

pub fn predict(context: &Context, args: &PredictArgs, record: RunRecord) -> Result<(), Failure> {
    if record.settings.context == SentenceContext::Document {
        eprintln!("note     this run read neighbouring sentences along; loose texts are read each by itself");
    }
    let mut predictor = TagPredictor::open(&context.larder, record.clone(), args.device.device, args.device.threads)?;
    // Colours where somebody looks, brackets where a program or a file does.
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut noted = false;
    ask(args, &record, &mut |format, rows| {
        let is_conll = format == InputFormat::Conll;
        let contents: Vec<Content> = rows.iter().flatten().cloned().collect();
        if let Some(note) = predictor.note(&contents).filter(|_| !noted) {
            noted = true;
            eprintln!("note     {note}");
        }
        let mut tagged = predictor.predict(&contents)?.into_iter();
        let mut out = std::io::stdout().lock();
        for row in rows {
            match (row, context.json) {
                (Ok(content), is_json) => {
                    let tagged = tagged.next().expect("every text has an answer");
                    match (is_json, is_conll) {
                        (true, _) => writeln!(out, "{}", json_line(content, &tagged)?).on_stdout()?,
                        (false, true) => {
                            larder_data::write_conll(&mut out, &tagged.words, &[&tagged.tags]).on_stdout()?;
                        }
                        (false, false) => writeln!(out, "{}", one_line(&marked(&tagged, colour))).on_stdout()?,
                    }
                }
                (Err(bad), true) => writeln!(out, "{}", no_answer(bad, &["tags", "entities"])).on_stdout()?,
                // A sentence without usable words has none to write; the note behind the last row counts it.
                (Err(_), false) if is_conll => {}
                (Err(bad), false) => writeln!(out, "({}: {})", bad.place, bad.problem).on_stdout()?,
            }
        }
        out.flush().on_stdout()
    })
}

/// A text of several lines, on one.
fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r'], " ")
}

/// A JSON line; words and tags only where words were given, because their numbering is the caller's own.
#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a [String]>,
    entities: &'a [EntityPrediction],
}

fn json_line(given: &Content, tagged: &TaggedText) -> Result<String, Failure> {
    let words = matches!(given, Content::Words(_));
    let answer = Answer {
        text: &tagged.text,
        words: words.then_some(tagged.words.as_slice()),
        tags: words.then_some(tagged.tags.as_slice()),
        entities: &tagged.entities,
    };
    serde_json::to_string(&answer).map_err(|e| Failure::File { what: "cannot write JSON".to_owned(), source: e.into() })
}
