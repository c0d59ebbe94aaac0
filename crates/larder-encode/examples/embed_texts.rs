//! Encodes texts and prints the cosine of each two mean-pooled vectors.
//!
//! ```text
//! cargo run -p larder-encode --example embed_texts -- artifacts all-MiniLM-L6-v2 "a cat" "a kitten" "tax law"
//! ```
//!
//! The first argument is the folder of artifacts, the second an encoder in it (`larder encoder add` puts one there).

use std::error::Error;

use larder_data::Content;
use larder_encode::{EncodeSettings, EncoderInput, Engine};
use larder_files::Home;
use larder_intake::Encoder;
use larder_runtime::Runtime;
use larder_tokens::TokenizeSettings;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, name, texts @ ..] = arguments.as_slice() else {
        eprintln!("usage: embed_texts HOME ENCODER TEXT...");
        std::process::exit(2);
    };
    let encoder = Encoder::open(&Home::new(home), name)?;
    let contents: Vec<Content> = texts.iter().map(|text| Content::Text { text: text.clone(), text_b: None }).collect();
    let limit = TokenizeSettings { max_tokens: Some(encoder.max_tokens()) };
    let tokens = encoder.tokenizer()?.encode_batch(&contents, &limit)?;
    let inputs: Vec<EncoderInput<'_>> =
        tokens.iter().map(|tokens| EncoderInput { input_ids: &tokens.input_ids, type_ids: None }).collect();

    // The mean of the last layer: one column, `[texts, width]`.
    let settings = EncodeSettings::default();
    let outputs = settings.outputs(encoder.interface().last_layer())?;
    let mut engine = Engine::new(&Runtime::load(None)?, &encoder, &outputs, settings.engine())?;
    let columns = engine.embed(&inputs)?;
    let vectors: Vec<&[f32]> = columns[0].chunks_exact(engine.widths()[0]).collect();
    for (row, vector) in vectors.iter().enumerate() {
        for (other, text) in vectors[..row].iter().zip(texts) {
            println!("{:+.3}  {text:?} and {:?}", cosine(vector, other), texts[row]);
        }
    }
    Ok(())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
