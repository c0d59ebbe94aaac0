//! Requests that the stage refuses, and its messages.

use larder_data::Content;
use larder_encode::{
    Context, EncodeError, EncodeRequest, EncodeSettings, Engine, EngineSettings, Level, WordPool, WordsInput,
    embed_words, encode,
};
use larder_runtime::Device;

use crate::support::{Bench, line, row, word_level};

#[test]
fn a_level_that_the_tokens_do_not_have_is_refused_with_one_they_have() {
    let Some(bench) = Bench::new() else { return };
    let texts = bench.write_texts("texts.parquet", &["the cat"]);
    let words = bench.write_lines("words.parquet", &[line(1, 5)]);
    let target = bench.path("f.parquet");
    let refused = |tokens, settings: &EncodeSettings| {
        let request =
            EncodeRequest { encoder: &bench.encoder, tokens, target: &target, settings, reuse: true, elsewhere: &[] };
        let error = encode(&bench.runtime, &request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
        assert!(!target.exists());
        error
    };
    let error = refused(&texts, &word_level(WordPool::First));
    assert!(matches!(error, EncodeError::NoWords { .. }));
    let text = error.to_string();
    assert!(text.contains("texts.parquet") && text.contains("--level sentence, or token"), "{text}");
    let text = refused(&words, &EncodeSettings::default()).to_string();
    assert!(text.contains("words.parquet") && text.contains("--level word"), "{text}");
    let tokens = EncodeSettings { level: Level::Token, context: Context::Document, ..word_level(WordPool::First) };
    let text = refused(&texts, &tokens).to_string();
    assert!(text.contains("--context none"), "{text}");
    for stride in [0, 127] {
        let text = refused(&words, &EncodeSettings { stride: Some(stride), ..word_level(WordPool::First) }).to_string();
        assert!(text.contains(&format!("stride of {stride}")) && text.contains("1 to 126"), "{text}");
    }
}

#[test]
fn rows_that_cannot_be_read_are_named() {
    let Some(bench) = Bench::new() else { return };
    let target = bench.path("f.parquet");
    let words: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
    let tokens = bench.tokens(&words);
    let (mut foreign, mut torn) = (tokens.clone(), tokens.clone());
    foreign.input_ids[1] = 5000;
    torn.word_ids.pop();
    for (bad, problem) in [(foreign, "token id 5000"), (torn, "has 3 word_ids for 4 input_ids")] {
        let rows = [tokens.clone(), tokens.clone(), bad].map(|t| row(0, t, Content::Words(words.clone()), None, 0));
        let path = bench.write_rows("rows.parquet", rows.into_iter(), true);
        let settings = word_level(WordPool::First);
        let request = EncodeRequest {
            encoder: &bench.encoder,
            tokens: &path,
            target: &target,
            settings: &settings,
            reuse: true,
            elsewhere: &[],
        };
        let error =
            encode(&bench.runtime, &request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains("rows.parquet: row 2 (example s0)") && error.contains(problem), "{error}");
    }
    let settings = word_level(WordPool::First);
    let engine = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
    let outputs = settings.outputs(2).unwrap();
    let mut engine = Engine::new(&bench.runtime, &bench.encoder, &outputs, engine).unwrap();
    let good =
        WordsInput { input_ids: &tokens.input_ids, type_ids: &[], word_ids: &tokens.word_ids, words: 2, document: 0 };
    for bad in [WordsInput { word_ids: &[0], ..good }, WordsInput { input_ids: &[2, 9999, 1, 3], ..good }] {
        let error = embed_words(&mut engine, &[good, bad], &settings).unwrap_err();
        assert!(matches!(error, EncodeError::Unreadable { sentence: 1, .. }), "{error}");
    }
}
