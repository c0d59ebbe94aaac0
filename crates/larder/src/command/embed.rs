//! `embed`: vectors of loose texts.

use std::io::{IsTerminal, Write};

use larder_data::Content;
use larder_encode::EncoderInput;
use larder_pipeline::embed_features;
use larder_tokens::TokenizeSettings;
use serde_json::json;

use super::Context;
use super::input::each_block;
use crate::cli::EmbedArgs;
use crate::failure::{Failure, Output};

pub fn embed(context: &Context, args: &EmbedArgs) -> Result<(), Failure> {
    let encoder = context.larder.encoder(&args.encoder)?;
    let tokenizer = encoder.tokenizer()?;
    let mut engine = embed_features(&context.larder, &encoder, &args.vectors.settings(encoder.default_pool()))?;
    if let Some(note) = engine.graph_note() {
        eprintln!("note     {note}");
    }
    let settings = TokenizeSettings { max_tokens: Some(encoder.max_tokens()) };
    let mut answer = |texts: &[String]| -> Result<(), Failure> {
        let contents: Vec<Content> =
            texts.iter().map(|text| Content::Text { text: text.clone(), text_b: None }).collect();
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
