//! `embed`: vectors of loose texts.

use std::io::{IsTerminal, Write};

use larder_data::{Content, InputFormat, OnBadRow};
use larder_encode::{LongTexts, TextInput, TextWindows, embed_texts};
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
    let mut engine = embed_features(&context.larder, &encoder, &vectors, args.long)?;
    if let Some(note) = engine.graph_note() {
        eprintln!("note     {note}");
    }
    let windows = match args.long {
        LongTexts::Cut => None,
        LongTexts::Windows => Some(TextWindows::new(max_tokens, tokenizer.special_tokens())?),
    };
    let settings = TokenizeSettings { max_tokens: if windows.is_some() { None } else { Some(max_tokens) } };
    let prompt_characters = prompt.chars().count();
    let mut embedded = 0_usize;
    let mut answer = |_: InputFormat, rows: &[Result<Content, BadRow>]| -> Result<(), Failure> {
        let contents: Vec<Content> = rows.iter().flatten().cloned().collect();
        embedded += contents.len();
        let prompted: Vec<Content> = contents.iter().map(|content| content.behind(prompt)).collect();
        let tokens = tokenizer.encode_batch(&prompted, &settings)?;
        let inputs: Vec<TextInput<'_>> = tokens
            .iter()
            .map(|t| {
                let prompt = t.tokens_within(prompt_characters);
                TextInput { input_ids: &t.input_ids, type_ids: &t.type_ids, prompt }
            })
            .collect();
        let columns: Vec<(String, usize)> =
            engine.columns().iter().cloned().zip(engine.widths().iter().copied()).collect();
        let vectors =
            embed_texts(&mut engine, &inputs, windows.as_ref()).map_err(|error| about_text(error, &contents))?;
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
    each_block(Input::of_texts(from, &flags)?, OnBadRow::Stop, &mut answer)?;
    if let (0, Some(file)) = (embedded, &args.input) {
        eprintln!("note     {} holds no texts", file.display());
    }
    Ok(())
}
