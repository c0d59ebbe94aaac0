//! `predict` and `embed`: texts from the command line, a file, standard input, or a prompt.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use larder_data::Content;
use larder_encode::EncoderInput;
use larder_pipeline::{Prediction, Predictor, RunRecord, embed_features};
use larder_tokens::TokenizeSettings;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde_json::json;

use super::Context;
use crate::cli::{EmbedArgs, PredictArgs};
use crate::failure::{Failure, Output};

/// Lines answered together: the encoder runs them in batches, and the first answers come soon.
const LINES_AT_ONCE: usize = 256;

pub fn predict(context: &Context, args: &PredictArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    let mut predictor = Predictor::open(&context.larder, record, args.device.device, args.device.threads)?;
    let pair = predictor.record().pair;
    let mut answer = |texts: &[String]| -> Result<(), Failure> {
        let contents = texts.iter().map(|t| content(t, pair)).collect::<Result<Vec<_>, _>>()?;
        let predictions = predictor.predict(&contents)?;
        let labels = predictor.record().labels.clone();
        let mut out = std::io::stdout().lock();
        for (text, prediction) in texts.iter().zip(&predictions) {
            let line = if context.json { json_line(text, prediction, &labels) } else { plain_line(text, prediction) };
            writeln!(out, "{line}").on_stdout()?;
        }
        out.flush().on_stdout()
    };
    if !args.text.is_empty() {
        return answer(&args.text);
    }
    match &args.input {
        None if std::io::stdin().is_terminal() => prompt(answer),
        input => each_block(input.as_deref(), &mut answer),
    }
}

pub fn embed(context: &Context, args: &EmbedArgs) -> Result<(), Failure> {
    let encoder = context.larder.encoder(&args.encoder)?;
    let tokenizer = encoder.tokenizer()?;
    let mut engine = embed_features(&context.larder, &encoder, &args.vectors.settings())?;
    let settings = TokenizeSettings { max_tokens: Some(encoder.max_tokens()) };
    let mut answer = |texts: &[String]| -> Result<(), Failure> {
        let contents = texts.iter().map(|t| content(t, false)).collect::<Result<Vec<_>, _>>()?;
        let tokens = tokenizer.encode_batch(&contents, &settings)?;
        let inputs: Vec<EncoderInput<'_>> =
            tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: None }).collect();
        let (columns, width) = (engine.columns().to_vec(), engine.width());
        let vectors = engine.embed(&inputs).map_err(Failure::from)?;
        let mut out = std::io::stdout().lock();
        for (row, text) in texts.iter().enumerate() {
            let mut line = json!({ "text": text });
            for (column, values) in columns.iter().zip(&vectors) {
                line[column] = json!(values[row * width..(row + 1) * width]);
            }
            writeln!(out, "{line}").on_stdout()?;
        }
        out.flush().on_stdout()
    };
    if !args.text.is_empty() {
        return answer(&args.text);
    }
    if args.input.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::Usage("nothing to embed: give texts, --input FILE, or pipe lines in".to_owned()));
    }
    each_block(args.input.as_deref(), &mut answer)
}

fn content(text: &str, pair: bool) -> Result<Content, Failure> {
    if !pair {
        return Ok(Content::Text { text: text.to_owned(), text_b: None });
    }
    match text.split_once('\t') {
        Some((first, second)) => Ok(Content::Text { text: first.to_owned(), text_b: Some(second.to_owned()) }),
        None => Err(Failure::Usage(format!("this run answers pairs: expected TEXT<tab>TEXT, found `{text}`"))),
    }
}

/// Lines of a file or of standard input, a block at a time, in constant memory.
fn each_block(input: Option<&Path>, answer: &mut dyn FnMut(&[String]) -> Result<(), Failure>) -> Result<(), Failure> {
    let path = input.filter(|p| *p != Path::new("-")).map(PathBuf::from);
    let name = path.as_ref().map_or_else(|| "standard input".to_owned(), |p| p.display().to_string());
    let failed = |source| Failure::File { what: format!("cannot read {name}"), source };
    let reader: Box<dyn BufRead> = match &path {
        Some(path) => Box::new(BufReader::new(File::open(path).map_err(failed)?)),
        None => Box::new(std::io::stdin().lock()),
    };
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

fn prompt(mut answer: impl FnMut(&[String]) -> Result<(), Failure>) -> Result<(), Failure> {
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

fn plain_line(text: &str, prediction: &Prediction) -> String {
    let cut = match prediction.truncated_tokens {
        0 => String::new(),
        n => format!("  (the last {n} tokens did not fit)"),
    };
    format!("{}\t{:.3}\t{text}{cut}", prediction.display, prediction.probability)
}

fn json_line(text: &str, prediction: &Prediction, labels: &[String]) -> String {
    let probabilities: serde_json::Map<_, _> =
        labels.iter().cloned().zip(prediction.probabilities.iter().map(|p| json!(p))).collect();
    json!({
        "text": text,
        "label": prediction.label,
        "display": prediction.display,
        "probability": prediction.probability,
        "probabilities": probabilities,
        "truncated_tokens": prediction.truncated_tokens,
    })
    .to_string()
}
