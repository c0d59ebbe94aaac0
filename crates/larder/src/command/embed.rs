//! `embed`: vectors of loose texts.

mod sink;

use std::io::IsTerminal;

use larder_data::{Content, InputFormat, OnBadRow};
use larder_encode::{Engine, LongTexts, TextInput, TextWindows, embed_texts};
use larder_errors::count;
use larder_pipeline::embed_features;
use larder_predict::Input;
use larder_run::about_text;
use larder_store::{FeatureColumnInfo, FeatureDtype};
use larder_tokens::TokenizeSettings;
use serde_json::json;

use self::sink::Sink;
use super::Context;
use super::input::{BadRow, arguments, each_block, origin};
use crate::cli::EmbedArgs;
use crate::failure::Failure;
use crate::log;

pub fn embed(context: &Context, args: &EmbedArgs) -> Result<(), Failure> {
    let encoder = context.larder.encoder(&args.encoder)?;
    let vectors = args.vectors.settings(encoder.publisher_pool());
    let (tokenizer, max_tokens) = encoder.tokenizer_of(&vectors.pools)?;
    let prompt = encoder.prompt(args.prompt.as_deref(), &vectors.pools)?;
    for unfollowed in encoder.unfollowed(&vectors.pools) {
        log::note(&unfollowed.to_string());
    }
    let mut engine = embed_features(&context.larder, &encoder, &vectors, args.long)?;
    if let Some(note) = engine.graph_note() {
        log::note(note);
    }
    let windows = match args.long {
        LongTexts::Cut => None,
        LongTexts::Windows => Some(TextWindows::new(max_tokens, tokenizer.special_tokens())?),
    };
    let settings = TokenizeSettings { max_tokens: if windows.is_some() { None } else { Some(max_tokens) } };
    let prompt_characters = prompt.chars().count();
    let mut sink = Sink::open(args.output.as_deref(), args.force, columns_of(&engine, vectors.dtype))?;
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
        let vectors =
            embed_texts(&mut engine, &inputs, windows.as_ref()).map_err(|error| about_text(error, &contents))?;
        let mut texts: Vec<&str> = Vec::with_capacity(contents.len());
        for content in &contents {
            let Content::Text { text, .. } = content else { unreachable!("texts are read") };
            texts.push(text);
        }
        sink.write(&texts, vectors)
    };
    if args.text.is_empty() && args.input.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::Usage("nothing to embed: give texts, --input FILE, or pipe lines in".to_owned()));
    }
    let flags = args.layout.flags();
    let from = if args.text.is_empty() { origin(args.input.as_deref()) } else { arguments(&args.text, &flags)? };
    each_block(Input::of_texts(from, &flags)?, OnBadRow::Stop, &mut answer)?;
    if let (0, Some(file)) = (embedded, &args.input) {
        log::note(&format!("{} holds no texts", file.display()));
    }
    let Some(output) = &args.output else { return Ok(()) };
    sink.finish()?;
    if context.json {
        return context.print_json(&json!({ "output": output, "rows": embedded }));
    }
    context.print(&format!("{} rows: {}", count(embedded as u64), output.display()))
}

/// Returns the columns that an engine gives.
fn columns_of(engine: &Engine, dtype: FeatureDtype) -> Vec<FeatureColumnInfo> {
    let named = engine.columns().iter().zip(engine.widths());
    named.map(|(name, &width)| FeatureColumnInfo { name: name.clone(), width, dtype }).collect()
}
