//! Encoders from files: what is copied, what is built, what is found out, what happens the second time.

use larder_files::digest_file;
use larder_intake::{AddRequest, Encoder, EncoderError, Outcome, OutputRole, SourceKind, verify};
use larder_onnx::EncoderConfig;
use larder_onnx::{Family, random_weights};

use crate::support::{Bench, TINY, chain, copy_folder, edited, without_names};

fn named(source: std::path::PathBuf, name: &str) -> AddRequest {
    AddRequest { source, name: Some(name.to_owned()), ..AddRequest::default() }
}

#[test]
fn nothing_depends_on_names_and_the_file_is_kept_as_it_was() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(without_names);
    let digest = digest_file(&source).expect("can be read");
    let encoder = bench.add(&named(source, "nameless")).expect("is a BERT").encoder;
    let tiny = Encoder::open(&bench.home, "tiny").expect("is there");

    let (manifest, expected) = (encoder.manifest(), tiny.manifest());
    assert_eq!(manifest.digest, digest);
    assert_eq!(digest_file(&encoder.model_path()).expect("can be read"), digest);
    assert_eq!(manifest.source.kind, SourceKind::Onnx);
    assert_eq!(manifest.family, None, "without names and configuration nobody knows");
    assert_eq!(manifest.hidden_size, expected.hidden_size);
    assert_eq!(manifest.num_hidden_layers, expected.num_hidden_layers);
    assert_eq!(manifest.vocabulary_size, expected.vocabulary_size);
    assert_eq!(manifest.max_positions, expected.max_positions);
    assert_eq!(
        manifest.probe,
        larder_intake::ProbeRecord { pooled: manifest.probe.pooled.clone(), ..expected.probe.clone() }
    );
    assert_eq!(manifest.probe.pooled[0].kind, expected.probe.pooled[0].kind);

    let roles = |encoder: &Encoder| encoder.manifest().inputs.iter().map(|input| input.role).collect::<Vec<_>>();
    assert_eq!(roles(&encoder), roles(&tiny));
    let graph = encoder.model().expect("loads").graph().clone();
    let place = |name: &str| graph.input.iter().position(|input| input.name() == name);
    // The tiny BERT declares ids, mask, types, in this order.
    let found: Vec<_> = manifest.inputs.iter().map(|input| place(&input.name)).collect();
    assert_eq!(found, [Some(0), Some(1), Some(2)]);
    assert!(manifest.inputs.iter().all(|input| input.name.starts_with("onnx::T_")), "{:?}", manifest.inputs);
    let outputs: Vec<_> = manifest.outputs.iter().map(|output| output.role).collect();
    assert_eq!(outputs, [OutputRole::Token, OutputRole::Pooled]);
}

#[test]
fn weights_become_the_graph_that_the_seed_becomes() {
    let Some(bench) = Bench::new() else { return };
    let config = EncoderConfig::from_json(TINY.as_bytes()).expect("is a BERT");
    let weights = random_weights(&config, 7).expect("the sizes go together");
    let tiny = bench.tiny("tiny");
    let weights = bench.write("my bert/model.safetensors", weights.to_bytes().expect("can be written"));
    bench.write("my bert/config.json", TINY);
    bench.write("my bert/1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#);
    std::fs::copy(tiny.tokenizer_path(), bench.path("my bert/tokenizer.json")).expect("a copy");

    let request = AddRequest { source: bench.path("my bert"), ..AddRequest::default() };
    let encoder = bench.add(&request).expect("is a BERT").encoder;
    assert_eq!(encoder.name(), "my-bert");
    let manifest = encoder.manifest();
    assert_eq!(manifest.digest, tiny.manifest().digest, "one graph for the same weights");
    assert_eq!(manifest.family, Some(Family::Bert));
    assert_eq!(manifest.source.kind, SourceKind::Safetensors);
    let files: Vec<&str> = manifest.source.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["model.safetensors", "config.json", "tokenizer.json"]);
    assert_eq!(manifest.source.files[0].digest, digest_file(&weights).expect("can be read"));
    assert_eq!(manifest.publisher.pooling.as_ref().expect("is published").to_string(), "cls");
    assert_eq!(std::fs::read_to_string(encoder.folder().join("config.json")).expect("is copied"), TINY);
    assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
}

#[test]
fn an_exporters_folder_is_understood() {
    let Some(bench) = Bench::new() else { return };
    let tiny = bench.tiny("tiny");
    bench.write("e5/onnx/model.onnx", std::fs::read(tiny.model_path()).expect("is there"));
    bench.write(
        "e5/config.json",
        r#"{"model_type": "mystery", "num_attention_heads": 4, "max_position_embeddings": 50}"#,
    );
    bench.write("e5/tokenizer.json", std::fs::read(tiny.tokenizer_path()).expect("is there"));
    for source in ["e5", "e5/onnx/model.onnx"] {
        let added = bench.add(&AddRequest { source: bench.path(source), ..AddRequest::default() }).expect(source);
        assert_eq!(added.encoder.name(), "e5");
        let manifest = added.encoder.manifest();
        // The smaller of the table's 64 rows and what the configuration says.
        assert_eq!((manifest.num_attention_heads, manifest.max_positions), (Some(4), 50));
    }
}

#[test]
fn the_second_time_nothing_is_done_unless_something_changed() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| model);
    assert_eq!(bench.add(&named(source.clone(), "twice")).expect("is a BERT").outcome, Outcome::Added);
    let before =
        std::fs::metadata(bench.home.encoder("twice").expect("a name").join("encoder.json")).expect("is there");
    let again = bench.add(&named(source, "twice")).expect("is a BERT");
    assert_eq!(again.outcome, Outcome::Unchanged);
    let after = std::fs::metadata(again.encoder.folder().join("encoder.json")).expect("is there");
    assert_eq!(before.modified().expect("has a time"), after.modified().expect("has a time"));

    let other = bench.changed(without_names);
    let error = bench.add(&named(other.clone(), "twice")).expect_err("another model");
    assert!(matches!(error, EncoderError::Exists { differs: "its model", .. }), "{error}");
    let replaced = bench.add(&AddRequest { replace: true, ..named(other, "twice") }).expect("is a BERT");
    assert_eq!(replaced.outcome, Outcome::Replaced);
    assert_ne!(replaced.encoder.manifest().digest, again.encoder.manifest().digest);
    assert_eq!(bench.left(), [".lock", "tiny", "twice"]);
}

#[test]
fn a_damaged_encoder_is_noticed_and_can_be_replaced() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| model);
    let encoder = bench.add(&named(source.clone(), "hurt")).expect("is a BERT").encoder;
    let mut bytes = std::fs::read(encoder.model_path()).expect("is there");
    // Deep inside the weights: the file still parses.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(encoder.model_path(), bytes).expect("can be written");

    let unread = encoder.check_model_unchanged();
    assert!(unread.is_ok(), "nothing was read of it: {unread:?}");
    let error = encoder.model().expect_err("changed");
    assert!(matches!(&error, EncoderError::Changed { path, .. } if *path == encoder.model_path()), "{error}");
    let verification = verify(&encoder, &bench.runtime, &mut |_| ());
    assert!(matches!(verification.problems.as_slice(), [EncoderError::Changed { .. }]), "{verification:?}");
    assert!(bench.add(&named(source.clone(), "hurt")).is_err(), "not the same encoder any more");
    let mended = bench.add(&AddRequest { replace: true, ..named(source, "hurt") }).expect("is a BERT").encoder;
    assert!(verify(&mended, &bench.runtime, &mut |_| ()).is_sound());

    // Somebody writes into the file while it is in use.
    mended.check_model_unchanged().expect("it was read, and is what it was");
    let mut bytes = std::fs::read(mended.model_path()).expect("is there");
    bytes.truncate(middle);
    let copy = mended.folder().join("copy");
    std::fs::copy(mended.model_path(), &copy).expect("can be copied");
    std::fs::rename(&copy, mended.model_path()).expect("can take its place");
    mended.check_model_unchanged().expect("a file that takes its place leaves what was read");
    std::fs::write(mended.model_path(), bytes).expect("can be written");
    assert!(matches!(Encoder::open(&bench.home, "hurt").and_then(|e| e.model()), Err(EncoderError::Changed { .. })));

    std::fs::write(mended.tokenizer_path(), "{}").expect("can be written");
    let verification = verify(&mended, &bench.runtime, &mut |_| ());
    assert_eq!(verification.problems.len(), 1, "{verification:?}");
}

#[test]
fn encoders_are_listed_with_the_broken_ones_and_the_missing_is_told_what_there_is() {
    let Some(bench) = Bench::new() else { return };
    assert!(Encoder::list(&bench.home).expect("an empty home is fine").is_empty());
    let none = Encoder::open(&bench.home, "tiny").expect_err("nothing there").to_string();
    assert!(none.contains("none yet") && none.contains("larder encoder add"), "{none}");

    let tiny = bench.tiny("tiny");
    let copy = |name: &str| {
        let folder = bench.home.encoder(name).expect("a name");
        copy_folder(tiny.folder(), &folder);
        folder
    };
    std::fs::remove_file(copy("a-headless").join("encoder.json")).expect("is there");
    std::fs::write(copy("b-cut").join("encoder.json"), "{\"format_version\": 1, \"na").expect("can be written");
    std::fs::write(copy("c-future").join("encoder.json"), "{\"format_version\": 99}").expect("can be written");
    std::fs::remove_file(copy("d-empty").join("model.onnx")).expect("is there");
    copy("e-copied");

    let listed = Encoder::list(&bench.home).expect("can be listed");
    let told: Vec<(String, String)> = listed
        .into_iter()
        .map(|listed| {
            (listed.name, listed.encoder.map_or_else(|problem| chain(&problem), |encoder| encoder.name().to_owned()))
        })
        .collect();
    for ((name, text), (expected, part)) in told.iter().zip([
        ("a-headless", "is missing"),
        ("b-cut", "line 1"),
        ("c-future", "format_version 99"),
        ("d-empty", "model.onnx"),
        ("e-copied", "e-copied"),
        ("tiny", "tiny"),
    ]) {
        assert!(name == expected && text.contains(part), "{name}: {text}");
    }
    let missing = Encoder::open(&bench.home, "tinny").expect_err("no such encoder").to_string();
    assert!(missing.contains("\"tiny\"") && missing.contains("--name tinny"), "{missing}");
    for name in ["../tiny", "tiny/../tiny", "", ".lock"] {
        assert!(matches!(Encoder::open(&bench.home, name), Err(EncoderError::File(_))), "{name}");
    }
}

#[test]
fn unused_weights_are_recorded() {
    let Some(bench) = Bench::new() else { return };
    let config = EncoderConfig::from_json(TINY.as_bytes()).expect("is a BERT");
    let mut weights = random_weights(&config, 7).expect("the sizes go together");
    let head = larder_onnx::Weight { shape: vec![2], values: vec![0.5, 1.5] };
    weights.insert("cls.predictions.bias", head).expect("two values");
    bench.write("b/model.safetensors", weights.to_bytes().expect("can be written"));
    bench.write("b/config.json", TINY);
    let tokenizer = bench.tiny("tiny").tokenizer_path();
    let request = AddRequest { source: bench.path("b"), tokenizer: Some(tokenizer), ..AddRequest::default() };
    let encoder = bench.add(&request).expect("is a BERT").encoder;
    assert_eq!(encoder.manifest().source.unused_weights, ["cls.predictions.bias"]);
}

#[test]
fn thirty_two_bit_inputs_are_fed_as_such() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench
        .add_changed(|model| {
            edited(model, |graph| {
                for input in &mut graph.input {
                    use larder_onnx::proto::type_proto::Value;
                    let Some(Value::TensorType(tensor)) = input.r#type.as_mut().and_then(|kind| kind.value.as_mut())
                    else {
                        panic!("inputs are tensors")
                    };
                    tensor.elem_type = Some(larder_onnx::proto::tensor_proto::DataType::Int32 as i32);
                }
            })
        })
        .expect("is a BERT")
        .encoder;
    assert!(encoder.manifest().inputs.iter().all(|input| input.dtype == "int32"));
}
