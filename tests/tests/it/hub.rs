//! `larder encoder add hf:ORG/MODEL` against a hub that runs in the test.

use std::path::{Path, PathBuf};

use larder_onnx::Model;
use larder_onnx::proto::StringStringEntryProto;
use larder_onnx::proto::tensor_proto::DataLocation;
use larder_tests::{Access, Answer, FakeHub, Kitchen, repository};
use serde_json::Value;

/// Weights that larder builds a graph for.
fn weights() -> PathBuf {
    repository().join("tests/goldens/encoder/distilbert")
}

/// A graph as an exporter wrote it.
fn graph() -> PathBuf {
    repository().join("tests/exports/bert_dynamo_nameless")
}

fn copy(from: &Path, to: &Path, files: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for file in files {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// `larder ARGS` with that hub and a cache in the kitchen.
fn with_hub(kitchen: &Kitchen, endpoint: &str, args: &[&str], variables: &[(&str, &str)]) -> Answer {
    let mut command = kitchen.command(args);
    for name in ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HF_HUB_CACHE"] {
        command.env_remove(name);
    }
    // A proxy of the machine's knows nothing of this hub.
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("HF_ENDPOINT", endpoint).env("HF_HOME", kitchen.path("hf")).envs(variables.iter().copied());
    let output = command.output().expect("the binary starts");
    Answer::new(&command, output).does_not_say("panicked")
}

fn add(kitchen: &Kitchen, hub: &FakeHub, model: &str) -> Answer {
    with_hub(kitchen, hub.address(), &["encoder", "add", model], &[])
}

fn manifest(kitchen: &Kitchen, name: &str) -> Value {
    kitchen.json(&["encoder", "show", name])
}

#[track_caller]
fn nothing_added(kitchen: &Kitchen) {
    assert_eq!(kitchen.json(&["encoder", "list"]), Value::Array(Vec::new()));
}

/// Where nobody listens: a port that was free a moment ago.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_model_is_fetched_once_pinned_and_the_same_as_from_its_folder() {
    let hub = FakeHub::start();
    let commit = hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    add(&kitchen, &hub, "hf:org/tiny").exits(0).says(&["hf:org/tiny", &commit, "fetching model.safetensors"]);
    let fetched = manifest(&kitchen, "tiny");
    assert_eq!(fetched["source"]["hub"]["repo"], "org/tiny");
    assert_eq!(fetched["source"]["hub"]["revision"], "main");
    assert_eq!(fetched["source"]["hub"]["commit"], Value::String(commit.clone()));
    kitchen.ok(&["encoder", "show", "tiny"]).prints(&["org/tiny", &commit]);

    kitchen.ok(&["encoder", "add", &weights().display().to_string(), "--name", "local"]);
    let local = manifest(&kitchen, "local");
    for key in ["digest", "tokenizer_digest", "hidden_size", "family"] {
        assert_eq!(fetched[key], local[key], "{key}");
    }
    assert_eq!(local["source"].get("hub"), None);

    // Only what is wanted, and only once.
    let asked = hub.asked();
    assert!(asked.iter().any(|asked| asked.path == format!("/org/tiny/resolve/{commit}/config.json")), "{asked:?}");
    assert!(!asked.iter().any(|asked| asked.path.contains("outputs.safetensors")), "{asked:?}");
    add(&kitchen, &hub, "hf:org/tiny@v1").exits(0).says(&["already", &commit]);
    let again = hub.asked();
    assert!(again.iter().all(|asked| asked.path.starts_with("/api/")), "{again:?}");
}

#[test]
fn a_revision_is_recorded_with_the_commit_it_stood_for() {
    let hub = FakeHub::start();
    let commit = hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    add(&kitchen, &hub, "hf:org/tiny@v1").exits(0);
    let record = manifest(&kitchen, "tiny");
    assert_eq!(
        (&record["source"]["hub"]["revision"], &record["source"]["hub"]["commit"]),
        (&"v1".into(), &commit.as_str().into())
    );
    let args = ["encoder", "add", &format!("hf:org/tiny@{commit}"), "--name", "pinned"];
    with_hub(&kitchen, hub.address(), &args, &[]).exits(0);
    add(&kitchen, &hub, "hf:org/tiny@v9").exits(3).says(&["org/tiny", "v9", "revision"]);
}

#[test]
fn a_graph_with_its_data_beside_it() {
    let hub = FakeHub::start();
    let source = Kitchen::empty();
    let folder = source.path("source");
    copy(&graph(), &folder, &["config.json", "tokenizer.json"]);
    std::fs::create_dir(folder.join("onnx")).unwrap();
    std::fs::write(folder.join("pytorch_model.bin"), [0; 5000]).unwrap();
    std::fs::write(folder.join("onnx/model_quantized.onnx"), "another").unwrap();
    let mut data = Vec::new();
    let model = Model::load(&graph().join("model.onnx")).unwrap().edited(|graph| {
        for tensor in
            graph.initializer.iter_mut().filter(|tensor| tensor.raw_data.as_ref().is_some_and(|raw| raw.len() > 64))
        {
            let raw = tensor.raw_data.take().unwrap_or_default();
            let entry =
                |key: &str, value: String| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
            tensor.data_location = Some(DataLocation::External as i32);
            tensor.external_data = vec![
                entry("location", "model.onnx_data".to_owned()),
                entry("offset", data.len().to_string()),
                entry("length", raw.len().to_string()),
            ];
            data.extend(raw);
        }
        Ok(())
    });
    model.unwrap().save(&folder.join("onnx/model.onnx")).unwrap();
    std::fs::write(folder.join("onnx/model.onnx_data"), data).unwrap();
    hub.publish("org/graph", &folder);
    let kitchen = Kitchen::empty();
    add(&kitchen, &hub, "hf:org/graph").exits(0).says(&["model_quantized.onnx", "model.onnx_data"]);
    let asked = hub.asked();
    assert!(!asked.iter().any(|asked| asked.path.ends_with("pytorch_model.bin") || asked.path.contains("quantized")));
    assert_eq!(manifest(&kitchen, "graph")["source"]["hub"]["repo"], "org/graph");

    std::fs::remove_file(folder.join("onnx/model.onnx_data")).unwrap();
    hub.publish("org/less", &folder);
    add(&kitchen, &hub, "hf:org/less").exits(3).says(&["hf:org/less", "model.onnx_data"]);
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let hub = FakeHub::start();
    hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    hub.cut("model.safetensors", &[3000, 2000]);
    add(&kitchen, &hub, "hf:org/tiny").exits(0).says(&["taken up again at byte 3000", "taken up again at byte 5000"]);
    let ranges: Vec<String> = hub
        .asked()
        .into_iter()
        .filter(|asked| asked.path.starts_with("/content/"))
        .filter_map(|asked| asked.range)
        .collect();
    assert!(ranges.contains(&"bytes=3000-".to_owned()) && ranges.contains(&"bytes=5000-".to_owned()), "{ranges:?}");
}

#[test]
fn a_transfer_that_was_given_up_goes_on_in_the_next_command() {
    let hub = FakeHub::start();
    hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    hub.cut("model.safetensors", &[3000, 0, 0, 0, 0, 0, 0]);
    add(&kitchen, &hub, "hf:org/tiny").exits(4).says(&["model.safetensors", "cut off", "run the command again"]);
    nothing_added(&kitchen);
    hub.cut("model.safetensors", &[]);
    hub.asked();
    add(&kitchen, &hub, "hf:org/tiny").exits(0).says(&["taken up again at byte 3000"]);
    assert!(hub.asked().iter().any(|asked| asked.range.as_deref() == Some("bytes=3000-")));
}

#[test]
fn content_that_is_not_what_the_hub_says_is_refused_and_not_kept() {
    for file in ["model.safetensors", "config.json"] {
        let hub = FakeHub::start();
        hub.publish("org/tiny", &weights());
        hub.spoil(file);
        let kitchen = Kitchen::empty();
        add(&kitchen, &hub, "hf:org/tiny").exits(3).says(&[file, "is not what the hub says"]);
        nothing_added(&kitchen);
        let snapshots = kitchen.path("hf/hub/models--org--tiny/snapshots");
        let kept = std::fs::read_dir(snapshots).unwrap().flatten().any(|commit| commit.path().join(file).exists());
        assert!(!kept, "{file} is still in the cache");
    }
}

#[test]
fn a_damaged_cache_is_fetched_again() {
    let hub = FakeHub::start();
    let commit = hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    add(&kitchen, &hub, "hf:org/tiny").exits(0);
    let path = kitchen.path(&format!("hf/hub/models--org--tiny/snapshots/{commit}/tokenizer.json"));
    std::fs::write(&path, "{").unwrap();
    let args = ["encoder", "add", "hf:org/tiny", "--name", "again"];
    with_hub(&kitchen, hub.address(), &args, &[]).exits(0).says(&["tokenizer.json in the cache is damaged"]);
}

#[test]
fn offline_there_is_what_was_fetched_before() {
    let hub = FakeHub::start();
    let commit = hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    let offline = ["encoder", "add", "hf:org/tiny", "--name", "two", "--offline"];
    let nowhere = nowhere();
    with_hub(&kitchen, &nowhere, &offline, &[]).exits(4).says(&["hf:org/tiny", "not in the cache", "--offline"]);
    add(&kitchen, &hub, "hf:org/tiny").exits(0);
    with_hub(&kitchen, &nowhere, &offline, &[]).exits(0).says(&[&commit]);
    let plain = ["encoder", "add", "hf:org/tiny", "--name", "three"];
    with_hub(&kitchen, &nowhere, &plain, &[("HF_HUB_OFFLINE", "1")]).exits(0);
    assert_eq!(manifest(&kitchen, "three")["source"]["hub"]["commit"], Value::String(commit.clone()));
    with_hub(&kitchen, &nowhere, &plain, &[]).exits(4).says(&[&nowhere, "cannot be reached", "--offline"]);

    for (file, name) in [("tokenizer.json", "four"), ("model.safetensors", "five")] {
        std::fs::remove_file(kitchen.path(&format!("hf/hub/models--org--tiny/snapshots/{commit}/{file}"))).unwrap();
        let args = ["encoder", "add", "hf:org/tiny", "--offline", "--name", name];
        with_hub(&kitchen, &nowhere, &args, &[]).exits(4).says(&[file, "not in the cache", "once without it"]);
    }
}

#[test]
fn private_and_gated_models_ask_for_a_token() {
    let hub = FakeHub::start();
    hub.publish("org/hidden", &weights());
    hub.publish("org/gated", &weights());
    hub.restrict("org/hidden", Access::Private("hf_right".to_owned()));
    hub.restrict("org/gated", Access::Gated("hf_right".to_owned()));
    let kitchen = Kitchen::empty();
    let ask = |model: &str, variables: &[(&str, &str)]| {
        with_hub(&kitchen, hub.address(), &["encoder", "add", model], variables)
    };
    ask("hf:org/hidden", &[]).exits(4).says(&["org/hidden", "HF_TOKEN", "none is set"]);
    let wrong = ask("hf:org/hidden", &[("HF_TOKEN", "hf_wrong")]).exits(4).says(&["was sent"]);
    assert!(!wrong.stderr.contains("hf_wrong"), "a token was printed");
    ask("hf:org/gated", &[]).exits(4).says(&["gated", &format!("{}/org/gated", hub.address()), "HF_TOKEN"]);
    nothing_added(&kitchen);
    ask("hf:org/hidden", &[("HF_TOKEN", "hf_right")]).exits(0);
    std::fs::write(kitchen.path("hf/token"), "hf_right\n").unwrap();
    ask("hf:org/gated", &[]).exits(0);
    assert!(hub.asked().iter().any(|asked| asked.token.as_deref() == Some("hf_right")));
}

#[test]
fn what_is_not_there_is_named() {
    let hub = FakeHub::start();
    let kitchen = Kitchen::empty();
    let ask = |model: &str, variables: &[(&str, &str)]| {
        with_hub(&kitchen, hub.address(), &["encoder", "add", model], variables)
    };
    ask("hf:org/none", &[("HF_TOKEN", "hf_any")]).exits(3).says(&["no model hf:org/none"]);
    // A hub does not tell strangers whether a model is private or not there.
    ask("hf:org/none", &[]).exits(4).says(&["hf:org/none", "check the name"]);
    for name in ["hf:", "hf:a/b/c", "hf:../x", "hf:org/model@"] {
        ask(name, &[]).exits(3).says(&[name, "hf:ORG/MODEL"]);
    }
    let source = Kitchen::empty();
    for (name, files, expected) in [
        ("pickled", vec!["config.json", "pytorch_model.bin"], "save_pretrained"),
        ("split", vec!["config.json", "model.safetensors.index.json"], "max_shard_size"),
        ("readme", vec!["README.md"], "is no encoder"),
        ("bare", vec!["model.safetensors"], "config.json"),
    ] {
        let folder = source.path(name);
        std::fs::create_dir(&folder).unwrap();
        for file in files {
            std::fs::write(folder.join(file), r#"{"model_type": "bert"}"#).unwrap();
        }
        hub.publish(&format!("org/{name}"), &folder);
        ask(&format!("hf:org/{name}"), &[]).exits(3).says(&[&format!("org/{name}"), expected]);
    }
    nothing_added(&kitchen);
    hub.be_a_page();
    ask("hf:org/tiny", &[]).exits(3).says(&["is it a hub?", hub.address()]);
    let endpoint = nowhere();
    with_hub(&kitchen, &endpoint, &["encoder", "add", "hf:org/tiny"], &[])
        .exits(4)
        .says(&[&endpoint, "check the network"]);
    nothing_added(&kitchen);
}

/// Published models by the files that their folders hold, each with tiny weights of its family in their place.
///
/// What must not be fetched is there as bytes that are no model.
#[test]
fn families_are_built_from_the_files_that_are_published() {
    const EXPORTS: &[&str] =
        &["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_q4.onnx", "onnx/model_quantized.onnx"];
    let modules = r#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#;
    let pooling = |mode: &str| {
        let modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
            .map(|name| format!(r#""pooling_mode_{name}": {}"#, name == mode));
        format!(r#"{{"word_embedding_dimension": 24, {}}}"#, modes.join(", "))
    };
    // The name, the family, the publisher's pooling, and what else is published.
    let cases: [(&str, &str, Option<&str>, &[&str]); 5] = [
        ("answerdotai/ModernBERT-base", "modernbert", None, &["pytorch_model.bin"]),
        ("nomic-ai/nomic-embed-text-v1.5", "nomic_bert", Some("mean_tokens"), EXPORTS),
        ("Alibaba-NLP/gte-base-en-v1.5", "new", Some("cls_token"), EXPORTS),
        ("EuroBERT/EuroBERT-210m", "eurobert", None, &["modeling_eurobert.py", "configuration_eurobert.py"]),
        ("chandar-lab/NeoBERT", "neobert", None, &["model.py", "rotary.py"]),
    ];
    let hub = FakeHub::start();
    let kitchen = Kitchen::empty();
    for (name, family, pooled, beside) in cases {
        let (_, short) = name.split_once('/').unwrap();
        let golden = repository().join("tests/goldens/encoder").join(family);
        let folder = kitchen.path(&format!("published/{short}"));
        copy(&golden, &folder, &["config.json", "model.safetensors", "tokenizer.json"]);
        for file in beside {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "no model").unwrap();
        }
        if let Some(mode) = pooled {
            std::fs::create_dir(folder.join("1_Pooling")).unwrap();
            std::fs::write(folder.join("modules.json"), modules).unwrap();
            std::fs::write(folder.join("1_Pooling/config.json"), pooling(mode)).unwrap();
            std::fs::write(
                folder.join("sentence_bert_config.json"),
                r#"{"max_seq_length": 12, "do_lower_case": false}"#,
            )
            .unwrap();
        }
        hub.publish(name, &folder);
        add(&kitchen, &hub, &format!("hf:{name}")).exits(0).says(&["fetching model.safetensors"]);
        let added = manifest(&kitchen, short);
        assert_eq!(added["family"], family, "{name}");
        assert_eq!(added["source"]["kind"], "safetensors", "{name}");
        let asked = hub.asked();
        for file in beside {
            assert!(!asked.iter().any(|asked| asked.path.ends_with(file)), "{name}: {file} was fetched");
        }
        let texts = kitchen.path("texts.txt");
        std::fs::write(&texts, "the cat sat on the mat\na letter\n").unwrap();
        let vectors = |pool: &[&str]| {
            let texts = texts.display().to_string();
            kitchen.ok(&[&["embed", "-e", short, "--input", &texts], pool].concat()).stdout
        };
        let plain = vectors(&[]);
        assert!(!plain.is_empty());
        if pooled.is_some() {
            assert_eq!(plain, vectors(&["--pool", "published"]), "{name}: its own pooling is what embed gives");
        }
    }
}
