//! Sources that are no encoders: each is refused with its path, and leaves nothing behind.

use larder_data::Content;
use larder_intake::{AddRequest, EncoderError, verify};
use larder_onnx::EncoderConfig;
use larder_onnx::random_weights;
use larder_tokens::TokenizeSettings;
use serde_json::{Value, json};

use crate::support::{Bench, TINY, chain};

impl Bench {
    /// The message for a source called `bad`, which must name the path.
    fn refused(&self, source: &str) -> String {
        let request = AddRequest { source: self.path(source), name: Some("bad".to_owned()), ..AddRequest::default() };
        let message = chain(&self.add(&request).expect_err("is no encoder"));
        assert!(message.contains(source.split('/').next().expect("a name")), "{message}");
        assert!(self.left().iter().all(|name| name == ".lock" || name == "tiny"), "{:?}", self.left());
        message
    }

    fn weights(&self) -> Vec<u8> {
        let config = EncoderConfig::from_json(TINY.as_bytes()).expect("is a BERT");
        random_weights(&config, 7).and_then(|weights| weights.to_bytes()).expect("can be written")
    }
}

#[test]
fn files_that_are_no_onnx() {
    let Some(bench) = Bench::new() else { return };
    let tokenizer = std::fs::read(bench.tiny("tiny").tokenizer_path()).expect("is there");
    for (name, content) in [("empty", &b""[..]), ("garbage", &[0xff; 100]), ("text", b"this is not a model")] {
        bench.write(&format!("{name}/m.onnx"), content);
        bench.write(&format!("{name}/tokenizer.json"), &tokenizer);
        let message = bench.refused(&format!("{name}/m.onnx"));
        assert!(message.contains("not an ONNX model") && message.contains("m.onnx"), "{message}");
    }
    bench.write("other/weights.h5", "");
    assert!(bench.refused("other/weights.h5").contains("expected an .onnx file"));
    bench.write("other/weights.bin", "");
    assert!(bench.refused("other/weights.bin").contains("is a Python pickle"));
}

#[test]
fn folders_without_a_whole_encoder() {
    let Some(bench) = Bench::new() else { return };
    std::fs::create_dir_all(bench.path("nothing")).expect("a folder");
    let message = bench.refused("nothing");
    assert!(message.contains("expected an .onnx file") && message.contains("holds none"), "{message}");
    assert!(bench.refused("missing").contains("does not exist"));

    bench.write("half/model.safetensors", bench.weights());
    bench.write("half/tokenizer.json", "");
    assert!(bench.refused("half").contains("config.json is missing"));
    bench.write("half/config.json", TINY);
    let message = bench.refused("half");
    assert!(message.contains("tokenizer.json"), "{message}");
    std::fs::remove_file(bench.path("half/tokenizer.json")).expect("is there");
    assert!(bench.refused("half").contains("--tokenizer"));
}

#[test]
fn weights_and_configurations_that_do_not_go_together() {
    let Some(bench) = Bench::new() else { return };
    let weights = bench.weights();
    bench.write("b/tokenizer.json", std::fs::read(bench.tiny("tiny").tokenizer_path()).expect("is there"));
    let with = |config: &str, weights: &[u8]| {
        bench.write("b/config.json", config);
        bench.write("b/model.safetensors", weights);
        bench.refused("b")
    };
    let message = with(TINY, &weights[..weights.len() - 100]);
    assert!(message.contains("model.safetensors") && message.contains("cut short"), "{message}");
    assert!(with(TINY, &weights[..3]).contains("cut short"));

    let message = with(&TINY.replace("\"model_type\": \"bert\", ", ""), &weights);
    assert!(message.contains("config.json") && message.contains("\"model_type\" is missing"), "{message}");
    assert!(with("{\"model_type\": \"bert\"", &weights).contains("malformed"));
    let message = with(&TINY.replace("300", "301"), &weights);
    assert!(message.contains("word_embeddings") && message.contains("300") && message.contains("301"), "{message}");
    let message = with(&TINY.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), &weights);
    assert!(message.contains("encoder.layer.2"), "{message}");
    let message = with(&TINY.replace("bert", "t5"), &weights);
    assert!(message.contains("t5") && message.contains("supported: bert"), "{message}");
}

#[test]
fn a_tokenizer_of_another_encoder() {
    let Some(bench) = Bench::new() else { return };
    let larger = bench.init("tiny", 1, &TINY.replace("300", "400")).expect("a tiny BERT").encoder;
    let tokenizer = std::fs::read(larger.tokenizer_path()).expect("is there");
    bench.write("b/tokenizer.json", tokenizer);
    bench.write("b/config.json", TINY);
    bench.write("b/model.safetensors", bench.weights());
    let request = AddRequest { source: bench.path("b"), ..AddRequest::default() };
    let message = chain(&bench.add(&request).expect_err("400 tokens, 300 rows"));
    assert!(message.contains("does not belong to the encoder"), "{message}");
    assert!(message.contains("399") && message.contains("300"), "{message}");
}

/// Added tokens beyond the table are for other parts of a model, such as images.
#[test]
fn an_added_token_beyond_the_table_is_a_matter_of_texts() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| model);
    let path = source.with_file_name("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).expect("is there")).expect("is JSON");
    tokenizer["added_tokens"].as_array_mut().expect("a list").push(json!({
        "id": 300, "content": "<image>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
    }));
    std::fs::write(&path, tokenizer.to_string()).expect("a file");
    let request = AddRequest { source, name: Some("more".to_owned()), ..AddRequest::default() };
    let added = bench.add(&request).expect("is taken");
    let note = "its table of 300 tokens has no vector for 1 of its tokenizer (<image>)";
    assert!(added.notes.iter().any(|found| found.starts_with(note)), "{:?}", added.notes);
    assert!(verify(&added.encoder, &bench.runtime, &mut |_| ()).is_sound());
    let tokenizer = added.encoder.tokenizer().expect("is whole");
    let encode = |text: &str| {
        tokenizer.encode(&Content::Text { text: text.to_owned(), text_b: None }, &TokenizeSettings::default())
    };
    encode("a cat").expect("has a vector for each token");
    let error = encode("a cat <image>").expect_err("has none for one");
    assert!(error.to_string().contains("\"<image>\" (id 300)"), "{error}");
}

#[test]
fn names_that_would_leave_the_folder() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| model);
    for name in ["../escaped", "a/b", "", ".hidden", "con\u{0}", "sp ace"] {
        let request = AddRequest { source: source.clone(), name: Some(name.to_owned()), ..AddRequest::default() };
        let error = bench.add(&request).expect_err("is no name");
        assert!(matches!(error, EncoderError::File(_)), "{error}");
    }
    assert_eq!(bench.left(), [".lock", "tiny"]);
}
