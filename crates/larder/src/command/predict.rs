//! `predict`: a run's answers to texts from the command line, a file, standard input, or a prompt.

use std::io::{IsTerminal, Write};

use larder_data::{Content, InputFormat, Task};
use larder_pipeline::{FileOptions, Input, InputOrigin, Prediction, Predictor, RunRecord, predict_file};
use serde_json::json;

use super::input::{AnswerRows, BadRow, arguments, each_block, origin, prompt};
use super::{Context, tag};
use crate::cli::PredictArgs;
use crate::console::Console;
use crate::failure::{Failure, Output};
use crate::tables;

pub fn predict(context: &Context, args: &PredictArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    args.check(record.task(), record.is_pair())?;
    if let Some(options) = args.file_options()? {
        return rows(context, record, &options);
    }
    match record.task() {
        Task::Tagging => tag::predict(context, args, record),
        Task::Sequence => label(context, args, record),
    }
}

/// Gives the rows that are asked about to `answer`: those of arguments, of a file, of standard input, or of a prompt.
///
/// # Errors
/// Of reading them, and those of `answer`.
pub(super) fn ask(args: &PredictArgs, record: &RunRecord, answer: &mut AnswerRows<'_>) -> Result<(), Failure> {
    let flags = args.flags();
    let is_prompt = args.text.is_empty() && args.input.is_none() && std::io::stdin().is_terminal();
    if is_prompt && flags.format.is_none_or(|format| format == InputFormat::Text) {
        return prompt(|line| {
            let input = Input::for_run(record, InputOrigin::Arguments(vec![line.to_owned()]), &flags)?;
            each_block(input, args.on_bad_row, answer)
        });
    }
    if let Some(text) = args.text.iter().find(|text| record.is_pair() && !text.contains('\t'))
        && flags.format.is_none_or(|format| format == InputFormat::Text)
    {
        return Err(Failure::Usage(format!("this run answers pairs: expected TEXT<tab>TEXT, found `{text}`")));
    }
    let from = if args.text.is_empty() { origin(args.input.as_deref()) } else { arguments(&args.text, &flags)? };
    each_block(Input::for_run(record, from, &flags)?, args.on_bad_row, answer)
}

fn label(context: &Context, args: &PredictArgs, record: RunRecord) -> Result<(), Failure> {
    let mut predictor = Predictor::open(&context.larder, record.clone(), args.device.device, args.device.threads)?;
    let labels = record.labels.clone();
    ask(args, &record, &mut |_, rows| {
        let contents: Vec<Content> = rows.iter().flatten().cloned().collect();
        let mut predictions = predictor.predict(&contents)?.into_iter();
        let mut out = std::io::stdout().lock();
        for row in rows {
            let line = match (row, context.json) {
                (Ok(content), is_json) => {
                    let prediction = predictions.next().expect("every text has an answer");
                    if is_json { json_line(content, &prediction, &labels) } else { plain_line(content, &prediction) }
                }
                (Err(bad), true) => no_answer(bad, &["label", "display", "probability", "probabilities"]),
                (Err(bad), false) => format!("\t\t({}: {})", bad.place, bad.problem),
            };
            writeln!(out, "{line}").on_stdout()?;
        }
        out.flush().on_stdout()
    })
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

/// The JSON of a row without an answer.
pub(super) fn no_answer(bad: &BadRow, fields: &[&str]) -> String {
    let mut line = json!({ "text": null, "row": bad.place.number(), "problem": bad.problem.to_string() });
    for field in fields {
        line[field] = serde_json::Value::Null;
    }
    line.to_string()
}

/// The text; of a pair, both with a tab between, as they are typed.
fn text_of(content: &Content) -> String {
    match content {
        Content::Text { text, text_b: None } => text.clone(),
        Content::Text { text, text_b: Some(text_b) } => format!("{text}\t{text_b}"),
        Content::Words(words) => words.join(" "),
    }
}

/// One line, whatever line ends the text holds.
fn plain_line(content: &Content, prediction: &Prediction) -> String {
    let text = text_of(content).replace("\r\n", " ").replace(['\n', '\r'], " ");
    let cut = match prediction.truncated_tokens {
        0 => String::new(),
        n => format!("  (the last {n} tokens did not fit)"),
    };
    format!("{}\t{:.3}\t{text}{cut}", prediction.display, prediction.probability)
}

fn json_line(content: &Content, prediction: &Prediction, labels: &[String]) -> String {
    let probabilities: serde_json::Map<_, _> =
        labels.iter().cloned().zip(prediction.probabilities.iter().map(|p| json!(p))).collect();
    json!({
        "text": text_of(content),
        "label": prediction.label,
        "display": prediction.display,
        "probability": prediction.probability,
        "probabilities": probabilities,
        "truncated_tokens": prediction.truncated_tokens,
    })
    .to_string()
}
