//! Encoders: taking them in, the hub they come from, the runtime that runs them, and what they give.

use std::path::PathBuf;

use larder_onnx::families::OPSET;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use larder_onnx::{Axis, GraphBuilder, Model, Value, attribute};
use larder_runtime::bfloat16_kernel;
use larder_store::{FeatureBatch, FeatureRows, FeaturesFile, join_parquet, write_features_part};
use larder_tests::{Answer, FakeHub, Kitchen, binary, repository, toy};
use serde_json::{Value as Json, json};

use super::{hint, names};

/// Of a fit that takes no time.
const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// A graph as an exporter wrote it, of which larder builds its own.
fn export(name: &str) -> String {
    repository().join("tests/exports").join(name).display().to_string()
}

/// Published weights.
fn weights() -> PathBuf {
    repository().join("tests/goldens/encoder/distilbert")
}

/// A folder with files of [`weights`].
fn folder(kitchen: &Kitchen, name: &str, files: &[&str]) {
    std::fs::create_dir_all(kitchen.path(name)).unwrap();
    for file in files {
        std::fs::copy(weights().join(file), kitchen.path(name).join(file)).unwrap();
    }
}

/// Changes what is recorded of an encoder, and takes the seal away, as there was none in earlier versions.
fn record(kitchen: &Kitchen, name: &str, change: impl FnOnce(&mut Json)) {
    let path = kitchen.path(&format!("home/encoders/{name}/encoder.json"));
    let mut manifest: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest.as_object_mut().unwrap().remove("checksum");
    change(&mut manifest);
    std::fs::write(path, manifest.to_string()).unwrap();
}

/// Writes `name.onnx`, which is the encoder `tiny` with another graph, and gives the path of its tokenizer.
fn changed(kitchen: &Kitchen, name: &str, change: impl FnOnce(&mut GraphProto)) -> String {
    let mut model = Model::load(&kitchen.path("home/encoders/tiny/model.onnx")).unwrap();
    model.set_metadata("larder.hidden_states", None);
    model.set_metadata("larder.pooler_output", None);
    let model = model.edited(|graph| {
        change(graph);
        Ok(())
    });
    kitchen.write(&format!("{name}.onnx"), model.unwrap().to_bytes().unwrap());
    kitchen.path("home/encoders/tiny/tokenizer.json").display().to_string()
}

/// Puts other outputs in the place of a graph's.
fn with_outputs(graph: &mut GraphProto, make: impl FnOnce(&mut GraphBuilder) -> Vec<(&'static str, Value, Vec<Axis>)>) {
    let mut builder = GraphBuilder::from_graph(std::mem::take(graph), OPSET);
    let outputs = make(&mut builder);
    builder.clear_outputs();
    for (name, value, axes) in outputs {
        builder.output(&value, name, DataType::Float, &axes);
    }
    *graph = builder.finish();
}

#[test]
fn an_encoder_that_is_not_there_is_added() {
    let kitchen = Kitchen::empty();
    names(
        kitchen.larder(&["encoder", "list"]),
        0,
        hint(
            "no encoders yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other",
        ),
    );
    names(
        kitchen.larder(&["doctor"]),
        0,
        hint(
            "none yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other",
        ),
    );
    let missing = kitchen.larder(&["embed", "-e", "mine", "a cat"]);
    names(missing, 4, hint("add one with `larder encoder add SOURCE --name ")).says(&["--name mine`"]);
    kitchen.ok(&["encoder", "add", &export("bert_dynamo_nameless"), "--name", "mine"]);
    kitchen.ok(&["embed", "-e", "mine", "a cat"]);
    kitchen.ok(&["encoder", "list"]).does_not_say("no encoders").prints(&["mine"]);
    kitchen.ok(&["doctor"]).does_not_print("none yet").prints(&["mine"]);
}

#[test]
fn a_broken_encoder_is_added_again_with_replace() {
    let kitchen = Kitchen::empty();
    let source = export("bert_dynamo_nameless");
    let add = ["encoder", "add", &source, "--name", "mine"];
    kitchen.ok(&add);
    let manifest = kitchen.path("home/encoders/mine/encoder.json");
    let whole = std::fs::read(&manifest).unwrap();
    let damages: [&dyn Fn(); 5] = [
        &|| std::fs::remove_file(&manifest).unwrap(),
        &|| std::fs::write(&manifest, &whole[..whole.len() / 2]).unwrap(),
        &|| std::fs::write(&manifest, String::from_utf8_lossy(&whole).replace("bert", "berg")).unwrap(),
        &|| record(&kitchen, "mine", |manifest| manifest["format_version"] = json!(99)),
        &|| std::fs::remove_file(kitchen.path("home/encoders/mine/tokenizer.json")).unwrap(),
    ];
    for damage in damages {
        damage();
        for args in [&["embed", "-e", "mine", "a cat"][..], &add] {
            let broken = names(kitchen.larder(args), 3, hint(" is broken: "));
            broken.says(&["; add it again with --replace"]);
        }
        kitchen.ok(&[&add[..], &["--replace"]].concat());
        kitchen.ok(&["embed", "-e", "mine", "a cat"]);
    }
}

#[test]
fn what_was_found_out_about_an_encoder_is_found_out_anew_with_replace() {
    let kitchen = Kitchen::empty();
    let source = export("bert_dynamo_nameless");
    let add = ["encoder", "add", &source, "--name", "mine"];
    let again = || drop(kitchen.ok(&[&add[..], &["--replace"]].concat()).prints(&["mine replaced"]));
    let verify = || kitchen.larder(&["encoder", "verify", "mine"]);
    let embed = || kitchen.larder(&["embed", "-e", "mine", "a cat"]);
    let quantise = || kitchen.larder(&["encoder", "quantise", "mine", "--name", "small", "--replace"]);
    kitchen.ok(&add);
    embed().exits(0).does_not_say("note");

    record(&kitchen, "mine", |manifest| manifest["prepared"]["digest"] = json!("of another version"));
    let given = hint(
        "whose graph was compared and this one's was not: the given graph runs; `larder encoder add` with --replace",
    );
    names(embed(), 0, given);
    names(quantise(), 3, hint("the graph built of it is not the one that was compared; add it again with --replace"));
    again();
    embed().exits(0).does_not_say("note");
    quantise().exits(0);

    record(&kitchen, "mine", |manifest| drop(manifest.as_object_mut().unwrap().remove("prepared")));
    names(quantise(), 3, hint("by an earlier version; add it again with --replace to have its graph read"));
    again();
    quantise().exits(0);

    record(&kitchen, "mine", |manifest| manifest["mask_honoured"] = json!(false));
    names(verify(), 3, hint("add it again with --replace, and its batches are made as it needs them now"));
    again();
    verify().exits(0);

    record(&kitchen, "mine", |manifest| manifest["max_positions"] = json!(64));
    names(verify(), 3, hint(" tokens, and "))
        .says(&["reads 24 tokens, and read 64 when", ": add it again with --replace"]);
    again();
    verify().exits(0);
}

#[test]
fn a_file_that_changed_since_is_brought_back_or_the_encoder_replaced() {
    let kitchen = Kitchen::empty();
    let source = export("bert_dynamo_nameless");
    kitchen.ok(&["encoder", "add", &source, "--name", "mine"]);
    for file in ["tokenizer.json", "model.onnx"] {
        let path = kitchen.path("home/encoders/mine").join(file);
        let whole = std::fs::read(&path).unwrap();
        let change = || std::fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
        let embed = || kitchen.larder(&["embed", "-e", "mine", "a cat"]);
        change();
        names(embed(), 3, hint("add the encoder again with --replace")).says(&["bring the file back, or "]);
        std::fs::write(&path, &whole).unwrap();
        embed().exits(0);
        change();
        kitchen.ok(&["encoder", "add", &source, "--name", "mine", "--replace"]);
        embed().exits(0);
    }
}

#[test]
fn another_encoder_of_a_name_gets_another_or_takes_it() {
    let kitchen = Kitchen::with_tiny();
    let taken = hint("choose another name with --name, or say --replace");
    let source = export("bert_dynamo_nameless");
    names(kitchen.larder(&["encoder", "add", &source, "--name", "tiny"]), 3, taken);
    kitchen.ok(&["encoder", "add", &source, "--name", "other"]);
    kitchen.ok(&["encoder", "add", &source, "--name", "tiny", "--replace"]);

    kitchen.ok(&["encoder", "quantise", "other"]);
    let config = repository().join("tests/fixtures/tiny/config.json").display().to_string();
    let init = ["encoder", "init", "--config", &config, "--name"];
    names(kitchen.larder(&[&init[..], &["other"]].concat()), 3, taken);
    kitchen.ok(&[&init[..], &["third"]].concat());
    kitchen.ok(&[&init[..], &["other", "--replace"]].concat());
    names(kitchen.larder(&["encoder", "quantise", "other"]), 3, taken);
    kitchen.ok(&["encoder", "quantise", "other", "--name", "small"]);
    kitchen.ok(&["encoder", "quantise", "other", "--replace"]);
}

#[test]
fn a_tokenizer_is_named_where_none_can_be_made() {
    let kitchen = Kitchen::empty();
    let tokenizer = weights().join("tokenizer.json").display().to_string();
    folder(&kitchen, "bare", &["config.json", "model.safetensors"]);
    names(kitchen.larder(&["encoder", "add", "bare"]), 3, hint("to make it of: name it with --tokenizer FILE"));
    kitchen.ok(&["encoder", "add", "bare", "--tokenizer", &tokenizer]);

    folder(&kitchen, "foreign", &["config.json", "model.safetensors", "vocab.txt"]);
    kitchen.write("foreign/tokenizer_config.json", r#"{"tokenizer_class": "BertweetTokenizer"}"#);
    let refused = kitchen.larder(&["encoder", "add", "foreign"]);
    let refused = names(refused, 3, hint("used without a tokenizer.json made by other means (--tokenizer FILE)"));
    refused.says(&["BertweetTokenizer"]);
    kitchen.ok(&["encoder", "add", "foreign", "--tokenizer", &tokenizer]);
    // What transformers writes where it has a fast tokenizer of that class.
    folder(&kitchen, "foreign", &["tokenizer.json"]);
    kitchen.ok(&["encoder", "add", "foreign", "--name", "again"]);
}

#[test]
fn a_vocabulary_too_small_for_a_tokenizer_is_raised_or_has_its_own() {
    let kitchen = Kitchen::with_tiny();
    let config = std::fs::read_to_string(repository().join("tests/fixtures/tiny/config.json")).unwrap();
    let init = |name: &str, vocabulary: usize, more: &[&str]| {
        let config = config.replace("\"vocab_size\": 600", &format!("\"vocab_size\": {vocabulary}"));
        let config = kitchen.write("config.json", config).display().to_string();
        kitchen.larder(&[&["encoder", "init", "--config", &config, "--name", name], more].concat())
    };
    names(init("small", 40, &[]), 3, hint("raise it, or give a tokenizer with --tokenizer FILE"));
    init("raised", 100, &[]).exits(0);
    let tokenizer = std::fs::read(kitchen.path("home/encoders/tiny/tokenizer.json")).unwrap();
    let mut tokenizer: Json = serde_json::from_slice(&tokenizer).unwrap();
    tokenizer["model"]["vocab"].as_object_mut().unwrap().retain(|_, id| id.as_u64().unwrap() < 40);
    let own = kitchen.write("own.json", tokenizer.to_string()).display().to_string();
    init("small", 40, &["--tokenizer", &own]).exits(0);
}

#[test]
fn of_a_task_head_the_encoder_below_it_is_taken() {
    let kitchen = Kitchen::empty();
    let refused = kitchen.larder(&["encoder", "add", &export("head_distilbert_text_classification")]);
    names(
        refused,
        3,
        hint("with its last hidden state: `optimum-cli export onnx --model FOLDER --task feature-extraction"),
    );
    // What such an export of that family is; the exporter itself is not run here.
    kitchen.ok(&["encoder", "add", &export("distilbert_dynamo_sdpa")]);
}

#[test]
fn what_a_publisher_asks_for_is_asked_for_with_flags() {
    let kitchen = Kitchen::empty();
    folder(&kitchen, "published", &["config.json", "model.safetensors", "tokenizer.json"]);
    std::fs::create_dir(kitchen.path("published/1_Pooling")).unwrap();
    kitchen.write(
        "published/1_Pooling/config.json",
        r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
    );
    kitchen.write("published/sentence_bert_config.json", r#"{"max_seq_length": 8}"#);
    let added = kitchen.ok(&["encoder", "add", "published"]);
    names(added, 0, hint("; `embed` gives them, and heads learn from `--pool "))
        .prints(&["the publisher's: cls; of texts up to 8 tokens", "heads learn from `--pool mean` unless told"]);
    let mean = kitchen.ok(&["embed", "-e", "published", "a cat", "--pool", "mean"]);
    names(mean.clone(), 0, hint("`--pool published` gives the publisher's vectors"));
    names(mean, 0, hint(" tokens; of a dataset, `--max-tokens ")).says(&["`--max-tokens 8` reads as many"]);
    kitchen.ok(&["embed", "-e", "published", "a cat", "--pool", "published"]).does_not_say("publisher");
    kitchen.ok(&["embed", "-e", "published", "a cat"]).does_not_say("publisher");
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    kitchen
        .ok(&["encode", &dataset, "-e", "published", "--pool", "cls", "--max-tokens", "8"])
        .says(&["60 rows, 461 tokens"]);
}

#[test]
fn a_publisher_s_prompts_are_named_and_put_before_texts() {
    let kitchen = Kitchen::empty();
    folder(&kitchen, "prompted", &["config.json", "model.safetensors", "tokenizer.json"]);
    std::fs::create_dir(kitchen.path("prompted/1_Pooling")).unwrap();
    kitchen.write("prompted/1_Pooling/config.json", r#"{"pooling_mode": "mean"}"#);
    let prompts = r#"{"prompts": {"query": "find ", "passage": "read "}, "default_prompt_name": "query"}"#;
    kitchen.write("prompted/config_sentence_transformers.json", prompts);
    let added = kitchen.ok(&["encoder", "add", "prompted"]);
    names(added, 0, hint("none is put before a text: `larder embed --prompt NAME` does"))
        .prints(&["passage \"read \""]);
    let mean = kitchen.ok(&["embed", "-e", "prompted", "a cat", "--pool", "mean"]);
    names(mean, 0, hint(" is not put before texts: `larder embed --prompt "))
        .says(&["`larder embed --prompt query` does"]);
    let vector = |args: &[&str]| kitchen.ok(&[&["embed", "-e", "prompted"], args].concat()).json_lines()[0].clone();
    let usual = vector(&["a cat"]);
    let named = vector(&["a cat", "--pool", "mean", "--prompt", "query"]);
    let written = vector(&["find a cat", "--pool", "mean"]);
    assert_eq!((&named["mean"], &usual["published"]), (&written["mean"], &written["mean"]));
    assert_ne!(vector(&["a cat", "--prompt", "passage"])["published"], usual["published"]);

    let tiny = Kitchen::with_tiny();
    let refused = tiny.larder(&["embed", "-e", "tiny", "a cat", "--pool", "published"]);
    names(refused, 3, hint(" has no published vector: ")).says(&["`--pool mean`"]);
    tiny.ok(&["embed", "-e", "tiny", "a cat", "--pool", "mean"]);
}

#[test]
fn what_8_bits_cost_is_compared() {
    let kitchen = Kitchen::with_tiny();
    let quantised = kitchen.ok(&["encoder", "quantise", "tiny"]);
    names(quantised, 0, hint("to see what that costs on your data, `larder compare DATASET --encoders "));
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    kitchen.ok(&["compare", &dataset, "--encoders", "tiny,tiny-int8"]).prints(&["tiny-int8"]);
}

#[test]
fn the_doctor_measures_every_precision() {
    let kitchen = Kitchen::with_tiny();
    kitchen.ok(&["encoder", "quantise", "tiny"]);
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let doctor = || kitchen.larder(&["doctor", "--encoder", "tiny"]);
    doctor().exits(0).prints(&["in 8-bit integers (`-e tiny-int8`)"]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny-int8"]);
    let run = |name: &str, graph: &str| {
        kitchen.ok(&["encode", &dataset, "-e", "tiny", "--force", "--graph", graph]);
        kitchen.ok(&[&["train", &dataset, "-e", "tiny", "--run", name][..], &QUICK].concat());
    };
    if bfloat16_kernel().is_none() {
        doctor().exits(0).does_not_print("bfloat16");
        eprintln!("SKIPPED: this processor has no instructions for bfloat16");
    } else {
        names(doctor(), 0, hint("in bfloat16 (`larder encode --graph bfloat16 -e {}`)").replace("{}", "tiny").as_str());
    }
    names(doctor(), 0, hint("what rounding costs on your data: train a run on each, and `larder compare RUN OTHER`"));
    kitchen.init("other", 2, &[]);
    let compared = kitchen.ok(&["compare", &dataset, "--encoders", "tiny,other", "--force"]);
    if bfloat16_kernel().is_none() {
        compared.does_not_print("bfloat16");
    } else {
        compared.prints(&[&hint("`larder encode --graph bfloat16 -e {0}`").replace("{0}", "other")]);
    }
    run("plain", "auto");
    run("rounded", "bfloat16");
    kitchen.ok(&["compare", "plain", "rounded"]).prints(&["plain", "rounded"]);
}

#[test]
fn of_two_readings_a_name_decides() {
    let kitchen = Kitchen::with_tiny();
    let decides = hint("`larder encoder add SOURCE {flag} NAME` decides");
    let asked = |answer: Answer, flag: &str| {
        assert!(decides.contains("{flag}"));
        answer.exits(3).says(&[&decides.replace("{flag}", flag)])
    };
    let tokenizer = changed(&kitchen, "two", |graph| {
        with_outputs(graph, |b| {
            let tokens = Value::named("last_hidden_state");
            let axes = || vec![Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(32)];
            vec![("tanh", b.tanh(&tokens), axes()), ("doubled", b.add(&tokens, &tokens), axes())]
        });
    });
    let add = ["encoder", "add", "two.onnx", "--tokenizer", &tokenizer];
    asked(kitchen.larder(&add), "--token-output").says(&["tanh", "doubled"]);
    asked(kitchen.larder(&[&add[..], &["--token-output", "none"]].concat()), "--token-output");
    kitchen.ok(&[&add[..], &["--token-output", "doubled"]].concat());

    let tokenizer = changed(&kitchen, "pooled", |graph| {
        with_outputs(graph, |b| {
            let pooled = Value::named("pooler_output");
            let axes = || vec![Axis::symbol("batch"), Axis::Fixed(32)];
            let tokens = vec![Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(32)];
            let (tanh, doubled) = (b.tanh(&pooled), b.add(&pooled, &pooled));
            let states = ("last_hidden_state", Value::named("last_hidden_state"), tokens);
            vec![states, ("tanh", tanh, axes()), ("doubled", doubled, axes())]
        });
    });
    let add = ["encoder", "add", "pooled.onnx", "--tokenizer", &tokenizer];
    kitchen.ok(&add);
    asked(kitchen.larder(&["embed", "-e", "pooled", "a cat", "--pool", "pooler"]), "--pooled-output");
    kitchen.ok(&[&add[..], &["--pooled-output", "doubled", "--replace"]].concat());
    kitchen.ok(&["embed", "-e", "pooled", "a cat", "--pool", "pooler"]);
}

#[test]
fn a_sentence_vector_of_another_width_is_named() {
    let kitchen = Kitchen::with_tiny();
    let tokenizer = changed(&kitchen, "narrow", |graph| {
        with_outputs(graph, |b| {
            let tokens = Value::named("last_hidden_state");
            let weight = b.initializer(TensorProto::from_f32("projection", &[32, 20], &[0.1; 640]));
            let projected = b.mat_mul(&Value::named("pooler_output"), &weight);
            let [batch, seq] = ["batch", "seq"].map(Axis::symbol);
            let vector = vec![batch.clone(), Axis::Fixed(20)];
            vec![("tokens", tokens, vec![batch, seq, Axis::Fixed(32)]), ("sentence", projected, vector)]
        });
    });
    let add = ["encoder", "add", "narrow.onnx", "--tokenizer", &tokenizer];
    kitchen.ok(&add);
    let embed = || kitchen.larder(&["embed", "-e", "narrow", "a cat", "--pool", "pooler"]);
    names(embed(), 3, hint("is a text's vector, `larder encoder add SOURCE --pooled-output NAME` takes it"))
        .says(&["if one of sentence is"]);
    kitchen.ok(&[&add[..], &["--pooled-output", "sentence", "--replace"]].concat());
    embed().exits(0);
}

#[test]
fn an_input_with_one_value_for_every_text_is_told_which() {
    let kitchen = Kitchen::with_tiny();
    let with_input = |name: &str, axes: &[Axis]| {
        changed(&kitchen, name, |graph| {
            with_outputs(graph, |b| {
                let input = b.input(name, DataType::Int64, axes);
                let number = b.cast(&input, DataType::Float);
                let number = b.reduce_mean(&number, &[], false);
                let sum = b.add(&Value::named("last_hidden_state"), &number);
                vec![("sum", sum, vec![Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(32)])]
            });
        })
    };
    let tokenizer = with_input("task_id", &[]);
    let add = ["encoder", "add", "task_id.onnx", "--tokenizer", &tokenizer];
    let note = hint("which nobody said: if its publisher says another value, add it with `--constant-input ");
    names(kitchen.ok(&add), 0, note).says(&["`--constant-input task_id=VALUE`"]);
    let told = [&add[..], &["--constant-input", "task_id=2", "--replace"]].concat();
    kitchen.ok(&told).does_not_say(note).prints(&["constant = `task_id` int64 []: 2 for every text"]);
    kitchen.larder(&[&add[..], &["--constant-input", "task_id=two"]].concat()).exits(2).says(&["no whole number"]);

    let tokenizer = with_input("lengths", &[Axis::symbol("batch")]);
    let add = ["encoder", "add", "lengths.onnx", "--tokenizer", &tokenizer];
    let refused = hint("if it has one value for every text, `larder encoder add SOURCE --constant-input ");
    names(kitchen.larder(&add), 3, refused).says(&["--constant-input lengths=VALUE` gives it"]);
    kitchen.ok(&[&add[..], &["--constant-input", "lengths=1"]].concat());
}

#[test]
fn without_a_token_that_opens_texts_there_is_another_pooling() {
    let kitchen = Kitchen::with_tiny();
    let tokenizer = std::fs::read(kitchen.path("home/encoders/tiny/tokenizer.json")).unwrap();
    let mut tokenizer: Json = serde_json::from_slice(&tokenizer).unwrap();
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let sep = json!({"SpecialToken": {"id": "[SEP]", "type_id": 0}});
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing", "single": [text("A"), sep], "pair": [text("A"), sep, text("B"), sep],
        "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
    });
    let closing = kitchen.write("closing.json", tokenizer.to_string()).display().to_string();
    kitchen.init("closing", 1, &["--tokenizer", &closing]);
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let none = hint("its tokenizer opens none; choose another pooling, such as `--pool mean`");
    for command in [&["embed", "-e", "closing", "a cat"][..], &["encode", &dataset, "-e", "closing"]] {
        names(kitchen.larder(&[command, &["--pool", "cls"]].concat()), 3, none);
        kitchen.ok(&[command, &["--pool", "mean"]].concat());
    }
}

/// `larder encoder add hf:org/tiny` with a cache in the kitchen.
fn fetch(kitchen: &Kitchen, endpoint: &str, more: &[&str]) -> Answer {
    let mut command = kitchen.command(&[&["encoder", "add", "hf:org/tiny"], more].concat());
    let of_the_caller = ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "http_proxy", "HTTP_PROXY"];
    for name in of_the_caller {
        command.env_remove(name);
    }
    command.env("HF_ENDPOINT", endpoint).env("HF_HOME", kitchen.path("hf"));
    let output = command.output().expect("the binary starts");
    Answer::new(&command, output)
}

#[test]
fn what_is_not_in_the_hubs_cache_is_fetched_once() {
    let hub = FakeHub::start();
    let commit = hub.publish("org/tiny", &weights());
    let kitchen = Kitchen::empty();
    let nowhere = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let unreachable = hint("(HF_ENDPOINT names another hub); what was fetched before is there with --offline");
    names(fetch(&kitchen, &nowhere, &[]), 4, unreachable);
    let nothing = fetch(&kitchen, &nowhere, &["--offline"]);
    names(nothing, 4, hint("run the command once without it, and the model is fetched"));
    fetch(&kitchen, hub.address(), &[]).exits(0);
    names(fetch(&kitchen, &nowhere, &["--name", "second"]), 4, unreachable);
    fetch(&kitchen, &nowhere, &["--name", "second", "--offline"]).exits(0);

    std::fs::remove_file(kitchen.path(&format!("hf/hub/models--org--tiny/snapshots/{commit}/tokenizer.json"))).unwrap();
    let file = fetch(&kitchen, &nowhere, &["--name", "third", "--offline"]);
    names(file, 4, hint("run the command once without it, and the file is fetched"));
    fetch(&kitchen, hub.address(), &["--name", "third"]).exits(0);
    fetch(&kitchen, &nowhere, &["--name", "fourth", "--offline"]).exits(0);
}

#[test]
fn a_runtime_that_is_not_there_is_named_or_left_to_be_found() {
    let kitchen = Kitchen::with_tiny();
    let library = kitchen.json(&["doctor"])["runtime"]["path"].as_str().expect("a path").to_owned();
    let embed = ["embed", "-e", "tiny", "a cat"];
    let named = |path: &str| kitchen.larder(&[&embed[..], &["--onnxruntime", path]].concat());
    names(named("/nowhere"), 4, hint("give the path of an ONNX Runtime library, or leave --onnxruntime out"));
    named(&library).exits(0);
    kitchen.ok(&embed);

    // Outside of the repository, so that nothing but the variable, the flag and the kitchen's own folder tell.
    let own = kitchen.path("larder");
    std::fs::copy(binary(), &own).unwrap();
    let started = |variable: Option<&str>, more: &[&str]| {
        let mut command = std::process::Command::new(&own);
        kitchen.prepare(command.args(embed).args(more).env_remove("ORT_DYLIB_PATH"));
        command.envs(variable.map(|path| ("ORT_DYLIB_PATH", path)));
        let output = command.output().expect("the binary starts");
        Answer::new(&command, output)
    };
    let of_the_variable = started(Some("/nowhere"), &[]);
    names(
        of_the_variable,
        4,
        hint("set ORT_DYLIB_PATH to an ONNX Runtime library, or unset it and run `larder setup`"),
    );
    started(Some(&library), &[]).exits(0);
    let none = started(None, &[]);
    if none.code == Some(0) {
        eprintln!("SKIPPED: this system has an ONNX Runtime of its own, which is found");
        return;
    }
    names(none, 4, hint("run `larder setup`, which installs it, or give its path with --onnxruntime PATH"));
    started(None, &["--onnxruntime", &library]).exits(0);
    let version = || {
        let mut command = std::process::Command::new(&own);
        kitchen.prepare(command.arg("--version").env_remove("ORT_DYLIB_PATH"));
        let output = command.output().expect("the binary starts");
        Answer::new(&command, output)
    };
    names(version(), 0, hint(" or later is needed: `larder setup` installs it"));
    // As set-up leaves it in the repository that the binary lies in.
    let installed = kitchen.path(".larder/onnxruntime");
    std::fs::create_dir_all(&installed).unwrap();
    std::fs::copy(&library, installed.join(PathBuf::from(&library).file_name().unwrap())).unwrap();
    started(None, &[]).exits(0);
    version().exits(0).prints(&["ONNX Runtime 1."]).does_not_print("larder setup");
}

#[test]
fn without_cuda_the_cpu_is_asked_for() {
    if std::env::var_os("LARDER_TEST_CUDA").is_some() {
        eprintln!(
            "SKIPPED: without_cuda_the_cpu_is_asked_for needs a machine without CUDA, and LARDER_TEST_CUDA is set"
        );
        return;
    }
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let run = [&["run", &dataset, "-e", "tiny", "--run", "mine"], &QUICK[..]].concat();
    let commands: [&[&str]; 5] = [
        &["embed", "-e", "tiny", "a cat"],
        &["encode", &dataset, "-e", "tiny"],
        &run,
        &["predict", "mine", "red"],
        &["finetune", &dataset, "-e", "tiny", "--lr", "1e-4", "--epochs", "1"],
    ];
    for command in commands {
        let on = |device: &str| kitchen.larder(&[command, &["--device", device]].concat());
        // What is cached is not encoded again, and asks for no device.
        let _ = std::fs::remove_dir_all(kitchen.path("home/features"));
        names(on("cuda"), 4, hint(", or use --device cpu"));
        on("cpu").exits(0);
    }
}

#[test]
fn numbers_that_overflow_are_gone_in_float32_or_with_whole_weights() {
    let kitchen = Kitchen::with_tiny();
    let token = {
        let tokenizer = std::fs::read(kitchen.path("home/encoders/tiny/tokenizer.json")).unwrap();
        let tokenizer: Json = serde_json::from_slice(&tokenizer).unwrap();
        tokenizer["model"]["vocab"]["%"].as_u64().expect("a token that no probe text has") as usize
    };
    // Both compute with what the table gives: one in half precision, one at another scale. Large values are too large for that.
    let model = |name: &str, value: f32, behind: &dyn Fn(&str, &str) -> [NodeProto; 2]| {
        changed(&kitchen, name, |graph| {
            // The only table of that size.
            let table = graph.initializer.iter_mut().find(|tensor| tensor.dims == [600, 32]).expect("a table");
            let mut values = table.floats().unwrap().to_vec();
            values[token * 32] = value;
            *table = TensorProto::from_f32(table.name(), &[600, 32], &values);
            let (table, scales) = (table.name().to_owned(), [("up", 1e30), ("down", 1e-30)]);
            graph.initializer.extend(scales.map(|(name, scale)| TensorProto::from_f32(name, &[1], &[scale])));
            let at = graph.node.iter().position(|node| node.input.first() == Some(&table)).expect("a lookup");
            let output = std::mem::replace(&mut graph.node[at].output[0], "looked_up".to_owned());
            graph.node.splice(at + 1..at + 1, behind("looked_up", &output));
        })
    };
    let node = |operator: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>| NodeProto {
        op_type: Some(operator.to_owned()),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..Default::default()
    };
    let cast =
        |from: &str, to: &str, dtype: DataType| node("Cast", &[from], to, vec![attribute::int("to", dtype as i64)]);
    let through = |dtype: DataType| {
        move |from: &str, to: &str| [cast(from, "within", dtype), cast("within", to, DataType::Float)]
    };
    let scaled = |from: &str, to: &str| {
        [node("Mul", &[from, "up"], "within", Vec::new()), node("Mul", &["within", "down"], to, Vec::new())]
    };
    let tokenizer = model("float16", 1e5, &through(DataType::Float16));
    model("float32", 1e5, &through(DataType::Float));
    model("damaged", 1e10, &scaled);
    model("whole", 0.1, &scaled);
    let overflow = hint(
        "numbers on the way overflow. With a model in float16, or with `--graph half`, take float32; else its weights \
                         for these tokens are damaged: get the model's file again and add it with --replace",
    );
    let add = |model: &str| {
        kitchen.ok(&["encoder", "add", model, "--name", "mine", "--tokenizer", &tokenizer, "--replace"]);
    };
    let embed = || kitchen.larder(&["embed", "-e", "mine", "5 % of it"]);
    for (model, instead) in [("float16.onnx", "float32.onnx"), ("damaged.onnx", "whole.onnx")] {
        add(model);
        // No text of the probe comes across the token.
        kitchen.ok(&["encoder", "verify", "mine"]);
        names(embed(), 3, overflow);
        add(instead);
        embed().exits(0);
    }
}

#[test]
fn features_that_are_no_numbers_are_made_again_with_force() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let run = [&["run", &dataset, "-e", "tiny", "--layers", "-1"], &QUICK[..]].concat();
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let path = kitchen.features_path("toy", "train");
    let file = FeaturesFile::open(&path).unwrap();
    let mut columns: Vec<_> =
        file.columns().iter().map(|info| (info.clone(), file.column(&info.name).unwrap())).collect();
    columns[0].1[0] = f32::NAN;
    let rows = FeatureRows::Sentences { targets: file.targets().unwrap() };
    let (example_ids, digests) = (file.example_ids().unwrap(), file.digests().unwrap());
    let part = kitchen.path("part.parquet");
    write_features_part(&part, FeatureBatch { example_ids, rows, digests, columns }).unwrap();
    join_parquet(&[part], &path, &file.provenance().unwrap()).unwrap();

    names(
        kitchen.larder(&run),
        3,
        hint("and larder writes no other: make the features again with `larder encode --force`"),
    );
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--force"]);
    kitchen.ok(&run);
}

#[test]
fn texts_of_another_language_get_an_encoder_of_theirs() {
    let kitchen = Kitchen::with_tiny();
    let words = ["красное", "бурое", "синее", "белое", "бежит", "сидит", "ест", "летит"];
    let rows = |seed: usize, count: usize| -> Vec<(String, &'static str)> {
        let word = |at: usize| words[(seed + at) % 4 + if at.is_multiple_of(3) { 4 } else { 0 }];
        (0..count)
            .map(|at| {
                (format!("{} {} {at}", word(at), word(at + 3)), if at.is_multiple_of(3) { "move" } else { "colour" })
            })
            .collect()
    };
    let dataset = kitchen.dataset("toy", &[("train", &rows(1, 90)), ("dev", &rows(2, 30))]);
    let run =
        |encoder: &str| kitchen.ok(&[&["run", &dataset, "--encoder", encoder, "--run", encoder], &QUICK[..]].concat());
    let unknown = hint("and check that `tokenizer.json` is the one that it was trained with (`larder encoder show`)");
    names(run("tiny"), 0, unknown);
    let shown = kitchen.ok(&["encoder", "show", "tiny"]);
    let digest = kitchen.json(&["encoder", "show", "tiny"])["tokenizer_digest"].as_str().unwrap().to_owned();
    shown.prints(&[&format!("tokenizer  {digest}"), "made from  config.json"]);

    let tokenizer = std::fs::read(kitchen.path("home/encoders/tiny/tokenizer.json")).unwrap();
    let mut tokenizer: Json = serde_json::from_slice(&tokenizer).unwrap();
    let known = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    known.retain(|_, id| id.as_u64().unwrap() < 100);
    let few = kitchen.write("few.json", tokenizer.to_string()).display().to_string();
    let known = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    known.extend(words.iter().zip(100..).map(|(word, id)| ((*word).to_owned(), json!(id))));
    known.extend((100 + words.len()..600).map(|id| (format!("слово{id}"), json!(id))));
    let russian = kitchen.write("russian.json", tokenizer.to_string()).display().to_string();
    kitchen.init("russian", 1, &["--tokenizer", &russian]);
    run("russian").does_not_print(unknown).does_not_say(unknown);

    // Vectors for 600 tokens, and a tokenizer that knows 100.
    kitchen.init("mixed", 1, &["--tokenizer", &few]);
    let other = hint("the encoder with its own `tokenizer.json` (`larder encoder add MODEL --tokenizer FILE`)");
    names(run("mixed"), 0, other);
    let model = kitchen.path("home/encoders/mixed/model.onnx").display().to_string();
    std::fs::copy(&model, kitchen.path("whole.onnx")).unwrap();
    kitchen.ok(&["encoder", "add", "whole.onnx", "--tokenizer", &russian]);
    run("whole").does_not_print(other).does_not_say(other);
}
