//! Texts of thousands of tokens, whose attention runs in blocks.

use larder_data::Content;
use larder_encode::{EncodeSettings, EncoderInput, Engine, EngineSettings, Level, WordPool, WordsInput, embed_words};
use larder_runtime::Device;
use larder_tokens::TokenizeSettings;

use crate::support::{Bench, HIDDEN, assert_close, words};

/// Two layers of three attend to near tokens alone.
const LONG: &str = r#"{"model_type": "modernbert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 4096, "local_attention": 128,
    "global_attn_every_n_layers": 3, "initializer_range": 0.1}"#;

fn engine(bench: &Bench, settings: &EncodeSettings, batch_tokens: Option<usize>) -> Engine {
    let engine = EngineSettings { device: Device::Cpu, threads: 2, batch_tokens, ..Default::default() };
    Engine::new(&bench.runtime, &bench.encoder, &settings.outputs(3).unwrap(), engine).unwrap()
}

#[test]
fn long_texts_have_the_vectors_of_the_plain_graph() {
    let Some(bench) = Bench::of(LONG) else { return };
    let ids = |seed: u64, count: usize| {
        let content = Content::Text { text: words(seed, count).join(" "), text_b: None };
        bench.tokenizer.encode(&content, &TokenizeSettings { max_tokens: Some(4096) }).unwrap().input_ids
    };
    let all: Vec<Vec<i32>> = [(1, 200), (2, 700), (3, 1), (4, 300), (2, 700)].map(|(seed, n)| ids(seed, n)).to_vec();
    let lengths: Vec<usize> = all.iter().map(Vec::len).collect();
    assert!(lengths.iter().any(|n| *n > 2000) && lengths.iter().any(|n| *n < 1024), "{lengths:?}");
    let inputs: Vec<EncoderInput<'_>> = all.iter().map(|ids| EncoderInput { input_ids: ids, type_ids: None }).collect();
    // By themselves; and long ones in one batch, padded where they have not the same length.
    for batch_tokens in [None, Some(20_000)] {
        let mut engine = engine(&bench, &EncodeSettings::default(), batch_tokens);
        for _ in 0..2 {
            let vectors = engine.embed(&inputs).unwrap().remove(0);
            for (ids, vector) in all.iter().zip(vectors.chunks_exact(HIDDEN)) {
                let tokens = bench.by_hand(ids, 3);
                let mean: Vec<f32> =
                    (0..HIDDEN).map(|at| tokens.iter().map(|v| v[at]).sum::<f32>() / tokens.len() as f32).collect();
                assert_close(vector, &mean, &format!("{} tokens, batches of {batch_tokens:?}", ids.len()));
            }
        }
        assert_eq!(engine.graph_note(), None);
    }
}

#[test]
fn words_of_long_sentences_too() {
    let Some(bench) = Bench::of(LONG) else { return };
    let words = words(5, 500);
    let tokens = bench.tokens(&words);
    assert!(tokens.len() > 1500, "{}", tokens.len());
    let settings = EncodeSettings { level: Level::Word, word_pool: WordPool::Mean, ..EncodeSettings::default() };
    let mut engine = engine(&bench, &settings, None);
    let (input_ids, word_ids) = (tokens.input_ids.as_slice(), tokens.word_ids.as_slice());
    let sentence = WordsInput { input_ids, type_ids: &[], word_ids, words: words.len(), document: 0 };
    let found = embed_words(&mut engine, &[sentence], &settings).unwrap().remove(0);
    let expected = bench.by_hand(input_ids, 3);
    for (word, found) in found.chunks_exact(HIDDEN).enumerate() {
        let of: Vec<&Vec<f32>> =
            expected.iter().zip(word_ids).filter(|(_, id)| **id == word as i32).map(|(vector, _)| vector).collect();
        let mean: Vec<f32> = (0..HIDDEN).map(|at| of.iter().map(|v| v[at]).sum::<f32>() / of.len() as f32).collect();
        assert_close(found, &mean, &format!("word {word}"));
    }
}
