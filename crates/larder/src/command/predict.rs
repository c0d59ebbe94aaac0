//! `predict`: a run's answers to texts from the command line, a file, standard input, or a prompt.

use std::io::{IsTerminal, Write};

use larder_data::{Content, Task};
use larder_pipeline::{FileOptions, Prediction, Predictor, RunRecord, predict_file};
use serde_json::json;

use super::input::{each_block, prompt};
use super::{Context, tag};
use crate::cli::{InputFormat, PredictArgs};
use crate::console::Console;
use crate::failure::{Failure, Output};
use crate::tables;

pub fn predict(context: &Context, args: &PredictArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    if let Some(options) = args.file_options() {
        return rows(context, record, &options);
    }
    if let Some(path) = args.parquet_without_output() {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} has rows, not lines: --output FILE.parquet says where they go with their answers"
        )));
    }
    if record.task() == Task::Tagging {
        return tag::predict(context, args, record);
    }
    if args.input_format != InputFormat::Text {
        return Err(Failure::Usage("--input-format is for tagging runs; this run reads a text a line".to_owned()));
    }
    let mut predictor = Predictor::open(&context.larder, record, args.device.device, args.device.threads)?;
    let pair = predictor.record().is_pair();
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

/// All rows of a file, with their answers.
fn rows(context: &Context, record: RunRecord, options: &FileOptions) -> Result<(), Failure> {
    let mut console = Console::new();
    let outcome = predict_file(&context.larder, record, options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome);
    }
    context.print(&tables::predicted(&outcome))
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
