//! `predict`: a run's answers to texts from the command line, a file, standard input, or a prompt.

use std::io::{IsTerminal, Write};

use larder_data::{Content, InputFormat};
use larder_encode::Context as SentenceContext;
use larder_predict::{FileOptions, Input, InputOrigin, predict_file};
use larder_run::tasks::Answer;
use larder_run::{RunRecord, RunSets, tasks};
use serde_json::json;

use super::Context;
use super::input::{AnswerRows, BadRow, arguments, each_block, origin, prompt};
use crate::cli::PredictArgs;
use crate::console::Console;
use crate::failure::{Failure, Output};
use crate::{color, log, tables};

pub fn predict(context: &Context, args: &PredictArgs) -> Result<(), Failure> {
    let record = RunRecord::open(&context.larder, &args.run)?;
    args.check(record.task(), record.is_pair())?;
    match args.file_options()? {
        Some(options) => rows(context, record, &options),
        None => loose(context, args, &record),
    }
}

/// Answers rows on standard output.
fn loose(context: &Context, args: &PredictArgs, record: &RunRecord) -> Result<(), Failure> {
    if record.settings.context == SentenceContext::Document {
        log::note("this run read neighbouring sentences along; loose texts are read each by itself");
    }
    let rules = tasks::of(record.task());
    let request = args.coverage.request();
    let sets = request.map(|request| RunSets::open(&record.folder(&context.larder)?, record, request)).transpose()?;
    if let Some(remark) = sets.as_ref().and_then(RunSets::remark) {
        eprintln!("note     {remark}");
    }
    let fields: Vec<&str> =
        rules.json_fields().iter().chain(sets.as_ref().map_or(&[][..], RunSets::column_names)).copied().collect();
    let mut predictor = rules.predictor(&context.larder, record.clone(), args.device.device, args.device.threads)?;
    // Colours on a terminal, brackets in a pipe or file.
    let is_coloured = color::on_stdout();
    let mut noted = false;
    ask(args, record, &mut |format, rows| {
        let contents: Vec<Content> = rows.iter().flatten().cloned().collect();
        if let Some(note) = predictor.note(&contents).filter(|_| !noted) {
            noted = true;
            log::note(&note);
        }
        let mut answers = predictor.predict(&contents)?.into_iter();
        let mut out = std::io::stdout().lock();
        for row in rows {
            match row {
                Ok(content) => {
                    let answer = answers.next().expect("every text has an answer");
                    let row = answer.row();
                    let set = sets.as_ref().map(|sets| (sets, &answer));
                    match context.json {
                        true => {
                            let line = row.json(content, &record.labels).map_err(no_json)?;
                            writeln!(out, "{}", with_set(line, set))
                        }
                        false => {
                            let set = set.map_or_else(String::new, |(sets, answer)| sets.in_words(answer) + "\t");
                            write!(out, "{set}{}", row.line(content, format, is_coloured))
                        }
                    }
                }
                Err(bad) if context.json => writeln!(out, "{}", no_answer(bad, &fields)),
                // Rows without a line are counted by the note after the last row.
                Err(bad) => match rules.unanswered_line(&format!("{}: {}", bad.place, bad.problem), format) {
                    Some(line) => writeln!(out, "{line}"),
                    None => Ok(()),
                },
            }
            .on_stdout()?;
        }
        out.flush().on_stdout()
    })
}

/// Returns an answer's JSON object with the fields of its set, if there is one, behind the others.
fn with_set(line: String, set: Option<(&RunSets, &Answer)>) -> String {
    let (Some((sets, answer)), Some(fields)) = (set, line.strip_suffix('}')) else { return line };
    let mut text = fields.to_owned();
    for (name, value) in sets.column_names().iter().zip(sets.json_values(answer)) {
        text.push_str(&format!(",{}:{value}", json!(name)));
    }
    text + "}"
}

fn no_json(error: serde_json::Error) -> Failure {
    Failure::File { what: "cannot write JSON".to_owned(), source: error.into() }
}

/// Passes the rows to answer to `answer`: from arguments, a file, standard input, or a prompt.
///
/// # Errors
/// Errors of reading them, and those of `answer`.
fn ask(args: &PredictArgs, record: &RunRecord, answer: &mut AnswerRows<'_>) -> Result<(), Failure> {
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

/// Answers all rows of a file.
fn rows(context: &Context, record: RunRecord, options: &FileOptions) -> Result<(), Failure> {
    let mut console = Console::new();
    let outcome = predict_file(&context.larder, record, options, &mut console)?;
    drop(console);
    if context.json {
        return context.print_json(&outcome);
    }
    context.print(&tables::predicted(&outcome))
}

/// Returns the JSON of a row without an answer.
fn no_answer(bad: &BadRow, fields: &[&str]) -> String {
    let mut line = json!({ "text": null, "row": bad.place.number(), "problem": bad.problem.to_string() });
    for field in fields {
        line[field] = serde_json::Value::Null;
    }
    line.to_string()
}
