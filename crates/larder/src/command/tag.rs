//! `predict` with a tagging run: entities of texts, of words, or of a CoNLL file.

use std::io::{BufRead, IsTerminal, Write};

use larder_encode::Context as SentenceContext;
use larder_pipeline::{EntityPrediction, RunRecord, TagPredictor, TaggedText, TextOrWords};
use serde::{Deserialize, Serialize};

use super::Context;
use super::input::{LINES_AT_ONCE, each_block, open, prompt};
use crate::cli::{InputFormat, PredictArgs};
use crate::failure::{Failure, Output};
use crate::marked::marked;

pub fn predict(context: &Context, args: &PredictArgs, record: RunRecord) -> Result<(), Failure> {
    if record.settings.context == SentenceContext::Document {
        eprintln!("note     this run read neighbouring sentences along; loose texts are read each by itself");
    }
    let mut predictor = TagPredictor::open(&context.larder, record, args.device.device, args.device.threads)?;
    // Colours where somebody looks, brackets where a program or a file does.
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut answer = |texts: &[TextOrWords]| -> Result<(), Failure> {
        let tagged = predictor.predict(texts)?;
        let mut out = std::io::stdout().lock();
        for (text, tagged) in texts.iter().zip(&tagged) {
            match (context.json, args.input_format) {
                (true, _) => writeln!(out, "{}", json_line(text, tagged)?).on_stdout()?,
                (false, InputFormat::Conll) => {
                    larder_data::write_conll(&mut out, &tagged.words, &[&tagged.tags]).on_stdout()?;
                }
                (false, _) => writeln!(out, "{}", marked(tagged, colour)).on_stdout()?,
            }
        }
        out.flush().on_stdout()
    };
    if args.input_format == InputFormat::Conll {
        if !args.text.is_empty() {
            return Err(Failure::Usage(
                "--input-format conll reads a file or standard input, not arguments".to_owned(),
            ));
        }
        return each_sentence(args, &mut answer);
    }
    let parse = |lines: &[String], first: usize| -> Result<Vec<TextOrWords>, Failure> {
        let source = match &args.input {
            Some(path) if path.as_os_str() != "-" => path.display().to_string(),
            _ if args.text.is_empty() => "standard input".to_owned(),
            _ => "the arguments".to_owned(),
        };
        let parse = |(at, line): (usize, &String)| {
            parse_line(line, args.input_format)
                .map_err(|problem| bad_line(&format!("{source}, line {}", first + at), problem))
        };
        lines.iter().enumerate().map(parse).collect()
    };
    if !args.text.is_empty() {
        return answer(&parse(&args.text, 1)?);
    }
    match &args.input {
        None if std::io::stdin().is_terminal() => prompt(|lines| answer(&parse(lines, 1)?)),
        input => {
            let mut first = 1;
            each_block(input.as_deref(), &mut |lines| {
                let texts = parse(lines, first)?;
                first += lines.len();
                answer(&texts)
            })
        }
    }
}

/// An object of a JSON line: a text, or words.
#[derive(Deserialize)]
struct Line {
    text: Option<String>,
    words: Option<Vec<String>>,
}

fn parse_line(line: &str, format: InputFormat) -> Result<TextOrWords, String> {
    let words = |words: Vec<String>| TextOrWords::Words(words.into_iter().filter(|word| !word.is_empty()).collect());
    match format {
        InputFormat::Text | InputFormat::Conll => Ok(TextOrWords::Text(line.to_owned())),
        InputFormat::Words => Ok(words(line.split_whitespace().map(str::to_owned).collect())),
        InputFormat::Jsonl => match serde_json::from_str::<Line>(line) {
            Ok(Line { words: Some(found), .. }) => Ok(words(found)),
            Ok(Line { text: Some(text), .. }) => Ok(TextOrWords::Text(text)),
            Ok(_) => Err("the object has neither `text` nor `words`".to_owned()),
            Err(error) => Err(format!("expected a JSON object with `text` or `words` ({error})")),
        },
    }
}

fn bad_line(place: &str, problem: String) -> Failure {
    Failure::File { what: place.to_owned(), source: std::io::Error::new(std::io::ErrorKind::InvalidData, problem) }
}

/// Sentences of a CoNLL file, whose words are its first column; everything else is left alone.
fn each_sentence(
    args: &PredictArgs,
    answer: &mut dyn FnMut(&[TextOrWords]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (name, reader) = open(args.input.as_deref())?;
    let (mut sentences, mut words) = (Vec::new(), Vec::new());
    let end = |words: &mut Vec<String>, sentences: &mut Vec<TextOrWords>| {
        if !words.is_empty() {
            sentences.push(TextOrWords::Words(std::mem::take(words)));
        }
    };
    for (number, line) in reader.lines().enumerate() {
        let line =
            line.map_err(|source| Failure::File { what: format!("cannot read {name}, line {}", number + 1), source })?;
        match line.trim_start_matches('\u{feff}').split_whitespace().next() {
            None | Some("-DOCSTART-") => end(&mut words, &mut sentences),
            Some(word) => words.push(word.to_owned()),
        }
        if sentences.len() >= LINES_AT_ONCE {
            answer(&std::mem::take(&mut sentences))?;
        }
    }
    end(&mut words, &mut sentences);
    if sentences.is_empty() { Ok(()) } else { answer(&sentences) }
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

fn json_line(given: &TextOrWords, tagged: &TaggedText) -> Result<String, Failure> {
    let words = matches!(given, TextOrWords::Words(_));
    let answer = Answer {
        text: &tagged.text,
        words: words.then_some(tagged.words.as_slice()),
        tags: words.then_some(tagged.tags.as_slice()),
        entities: &tagged.entities,
    };
    serde_json::to_string(&answer).map_err(|e| Failure::File { what: "cannot write JSON".to_owned(), source: e.into() })
}
