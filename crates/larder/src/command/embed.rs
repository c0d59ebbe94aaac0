//! `embed`: vectors of loose texts.

use std::io::{IsTerminal, Write};

use larder_data::{Content, InputFormat, OnBadRow};
use larder_encode::EncoderInput;
use larder_pipeline::embed_features;
use larder_predict::Input;
use larder_run::about_text;
use larder_tokens::TokenizeSettings;
use serde_json::json;

use super::Context;
use super::input::{BadRow, arguments, each_block, origin};
use crate::cli::EmbedArgs;
use crate::failure::{Failure, Output};

pub fn embed(context: &Context, args: &EmbedArgs) -> Result<(), Failure> {
    let encoder = context.larder.encoder(&args.encoder)?;
    let vectors = args.vectors.settings(encoder.publisher_pool());
    let (tokenizer, max_tokens) = encoder.tokenizer_of(&vectors.pools)?;
    let prompt = encoder.prompt(args.prompt.as_deref(), &vectors.pools)?;
    for unfollowed in encoder.unfollowed(&vectors.pools) {
        eprintln!("note     {unfollowed}");
    }
    let mut engine = embed_features(&context.larder, &encoder, &vectors)?;
    if let Some(note) = engine.graph_note() {
        eprintln!("note     {note}");
    }
    let settings = TokenizeSettings { max_tokens: Some(max_tokens) };
    let mut answer = |_: InputFormat, rows: &[Result<Content, BadRow>]| -> Result<(), Failure> {
        let contents: Vec<Content> = rows.iter().flatten().cloned().collect();
        let prompted: Vec<Content> = contents.iter().map(|content| content.behind(prompt)).collect();
        let tokens = tokenizer.encode_batch(&prompted, &settings)?;
        let inputs: Vec<EncoderInput<'_>> =
            tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: Some(&t.type_ids) }).collect();
        let columns: Vec<(String, usize)> =
            engine.columns().iter().cloned().zip(engine.widths().iter().copied()).collect();
        let vectors = engine.embed(&inputs).map_err(|error| about_text(error, &contents))?;
        let mut out = std::io::stdout().lock();
        for (row, content) in contents.iter().enumerate() {
            let Content::Text { text, .. } = content else { unreachable!("texts are read") };
            let mut line = json!({ "text": text });
            for ((column, width), values) in columns.iter().zip(&vectors) {
                line[column] = json!(values[row * width..(row + 1) * width]);
            }
            writeln!(out, "{line}").on_stdout()?;
        }
        out.flush().on_stdout()
    };
    if args.text.is_empty() && args.input.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::Usage("nothing to embed: give texts, --input FILE, or pipe lines in".to_owned()));
    }
    let flags = args.layout.flags();
    let from = if args.text.is_empty() { origin(args.input.as_deref()) } else { arguments(&args.text, &flags)? };
    each_block(Input::of_texts(from, &flags)?, OnBadRow::Stop, &mut answer)
}
