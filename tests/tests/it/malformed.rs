//! Encoder files that are cut, foreign, hostile or contradictory, given to the built binary: each is exit code 3 and a
//! message with the path and the reason; nothing panics, nothing runs out of memory, nothing is left in the home.

use std::path::{Path, PathBuf};

use larder_onnx::proto::attribute_proto::AttributeType;
use larder_onnx::proto::tensor_proto::{DataLocation, DataType};
use larder_onnx::proto::tensor_shape_proto::dimension;
use larder_onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    ValueInfoProto, type_proto,
};
use larder_onnx::{Model, attribute};
use larder_tests::{Answer, Kitchen, Random, repository, toy};
use prost::Message;
use serde_json::{Value, json};

/// A tiny BERT as an exporter wrote it: `model.onnx`, `config.json`, `tokenizer.json`.
fn export() -> PathBuf {
    repository().join("tests/exports/bert_dynamo_nameless")
}

/// Published weights: `model.safetensors`, `config.json`, `tokenizer.json`.
fn published() -> PathBuf {
    repository().join("tests/goldens/encoder/distilbert")
}

/// A copy of a folder's files in the kitchen.
fn copy(kitchen: &Kitchen, from: &Path, name: &str) -> PathBuf {
    let folder = kitchen.path(name);
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// A copy of the export with another `model.onnx`.
fn with_model(kitchen: &Kitchen, name: &str, model: &[u8]) -> PathBuf {
    let folder = copy(kitchen, &export(), name);
    std::fs::write(folder.join("model.onnx"), model).unwrap();
    folder
}

/// A copy of the export whose model is changed, whether or not it is a model afterwards.
fn with_change(kitchen: &Kitchen, name: &str, change: impl FnOnce(&mut ModelProto)) -> PathBuf {
    let mut proto = Model::load(&export().join("model.onnx")).unwrap().into_proto();
    change(&mut proto);
    with_model(kitchen, name, &proto.encode_to_vec())
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("the export has a graph")
}

fn add(kitchen: &Kitchen, source: &Path) -> Answer {
    kitchen.larder(&["encoder", "add", &source.display().to_string(), "--name", "bad"])
}

/// Adding must be refused with the path and `reasons`, and leave nothing.
#[track_caller]
fn refused(kitchen: &Kitchen, source: &Path, reasons: &[&str]) {
    let path = source.display().to_string();
    let answer = add(kitchen, source).exits(3).says(&[&path]).says(reasons).does_not_say("panicked");
    assert!(answer.stdout.is_empty(), "{}", answer.told());
    nothing_left(kitchen, &answer);
}

#[track_caller]
fn nothing_left(kitchen: &Kitchen, answer: &Answer) {
    let left: Vec<PathBuf> = if kitchen.path("home").exists() {
        kitchen.artifacts().into_keys().filter(|path| path.file_name().is_none_or(|name| name != ".lock")).collect()
    } else {
        Vec::new()
    };
    assert!(left.is_empty(), "left behind: {left:?}\n{}", answer.told());
    let folders = std::fs::read_dir(kitchen.path("home/encoders")).into_iter().flatten().count();
    assert!(folders <= 1, "more than the lock is left\n{}", answer.told());
}

fn float(dims: &[i64], name: &str) -> TensorProto {
    let dtype = Some(DataType::Float as i32);
    TensorProto { dims: dims.to_vec(), data_type: dtype, name: Some(name.to_owned()), ..Default::default() }
}

fn node(op_type: &str, domain: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto {
        op_type: Some(op_type.to_owned()),
        domain: Some(domain.to_owned()),
        name: Some("the_odd_one".to_owned()),
        input: owned(inputs),
        output: owned(outputs),
        attribute,
        ..Default::default()
    }
}

/// Puts a node between the token output and whoever made it: the node reads `before` and makes the output.
fn last(model: &mut ModelProto, make: impl FnOnce(&str) -> Vec<NodeProto>) {
    let graph = graph(model);
    let output = graph.output[0].name().to_owned();
    for name in graph.node.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output)) {
        if *name == output {
            "before".clone_into(name);
        }
    }
    let nodes = make(&output);
    graph.node.extend(nodes);
}

#[test]
fn the_fixtures_themselves_are_taken() {
    for folder in [export(), published()] {
        let kitchen = Kitchen::empty();
        add(&kitchen, &folder).exits(0);
    }
}

#[test]
fn files_that_are_cut_short() {
    let kitchen = Kitchen::empty();
    let whole = std::fs::read(export().join("model.onnx")).unwrap();
    for (number, cut) in [0, 1, 7, 100, whole.len() / 2, whole.len() - 100, whole.len() - 1].into_iter().enumerate() {
        let folder = with_model(&kitchen, &format!("cut{number}"), &whole[..cut]);
        refused(&kitchen, &folder.join("model.onnx"), &["not an ONNX model"]);
        refused(&kitchen, &folder, &["model.onnx"]);
    }
}

#[test]
fn files_that_are_no_onnx() {
    let kitchen = Kitchen::empty();
    let mut random = Random::new(3);
    let noise: Vec<u8> = (0..5000).map(|_| random.below(256) as u8).collect();
    // Field 1 of another message: a number; then a text, then one inside another.
    let foreign: [&[u8]; 2] = [b"\x08\x96\x01", b"\x12\x07testing\x1a\x03\x08\x96\x01"];
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n";
    let page = b"<!DOCTYPE html><html><body>Not Found</body></html>";
    let contents: [&[u8]; 6] = [&noise, &[0xff; 100], foreign[0], foreign[1], pointer, page];
    for (number, content) in contents.into_iter().enumerate() {
        let folder = with_model(&kitchen, &format!("foreign{number}"), content);
        refused(&kitchen, &folder.join("model.onnx"), &["not an ONNX model"]);
    }
    let other = kitchen.write("model.h5", noise);
    refused(&kitchen, &other, &["expected an .onnx file"]);
    refused(&kitchen, &kitchen.path("nowhere.onnx"), &["does not exist"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_not_read() {
    let kitchen = Kitchen::empty();
    let folder = copy(&kitchen, &export(), "pipe");
    for file in ["model.onnx", "tokenizer.json", "config.json"] {
        let path = folder.join(file);
        let content = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        // A device where a file is looked for is as good as none; where it is named it is refused.
        let answer =
            kitchen.larder(&["encoder", "add", &folder.join("model.onnx").display().to_string(), "--name", "bad"]);
        match file {
            "config.json" => drop(answer.exits(0)),
            "tokenizer.json" => drop(answer.exits(3).says(&["tokenizer.json"])),
            _ => drop(answer.exits(3).says(&["model.onnx", "no regular file"])),
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, content).unwrap();
    }
}

#[test]
fn a_protobuf_of_more_than_two_gigabytes_is_not_read() {
    let kitchen = Kitchen::empty();
    let folder = copy(&kitchen, &export(), "huge");
    // Sparse: it takes no room on the disk.
    let file = std::fs::File::options().write(true).open(folder.join("model.onnx")).unwrap();
    if let Err(problem) = file.set_len(3 << 30) {
        eprintln!("SKIPPED: a_protobuf_of_more_than_two_gigabytes_is_not_read: no sparse files here ({problem})");
        return;
    }
    refused(&kitchen, &folder.join("model.onnx"), &["3221225472 bytes", "2147483647"]);
}

/// The first large initializer, made external with these entries.
fn external(kitchen: &Kitchen, name: &str, entries: &[(&str, &str)]) -> PathBuf {
    with_change(kitchen, name, |model| {
        let tensors = &mut graph(model).initializer;
        let tensor =
            tensors.iter_mut().max_by_key(|tensor| tensor.raw_data.as_ref().map_or(0, |raw| raw.len())).unwrap();
        tensor.raw_data = None;
        tensor.data_location = Some(DataLocation::External as i32);
        let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        };
        tensor.external_data = entries.iter().map(entry).collect();
    })
}

#[test]
fn external_data_that_is_missing_short_or_elsewhere() {
    let kitchen = Kitchen::empty();
    let secret = kitchen.write("secret.bin", vec![0; 1 << 20]).display().to_string();
    let missing = external(&kitchen, "missing", &[("location", "weights.bin")]);
    refused(&kitchen, &missing, &["weights.bin", "cannot be read", "No such file"]);
    let short = external(&kitchen, "short", &[("location", "weights.bin")]);
    std::fs::write(short.join("weights.bin"), [0; 10]).unwrap();
    refused(&kitchen, &short, &["weights.bin", "and 10 are kept for it"]);
    for (number, (offset, length)) in
        [("0", "1048577"), ("1048570", "100"), ("18446744073709551615", "100")].into_iter().enumerate()
    {
        let entries = [("location", "weights.bin"), ("offset", offset), ("length", length)];
        let beyond = external(&kitchen, &format!("beyond{number}"), &entries);
        std::fs::write(beyond.join("weights.bin"), vec![0; 1 << 20]).unwrap();
        refused(&kitchen, &beyond, &["weights.bin", "is it whole?"]);
    }
    for (number, (key, value)) in [("offset", "-1"), ("length", "many"), ("offset", "1e3")].into_iter().enumerate() {
        let wrong = external(&kitchen, &format!("number{number}"), &[("location", "weights.bin"), (key, value)]);
        std::fs::write(wrong.join("weights.bin"), vec![0; 1 << 20]).unwrap();
        refused(&kitchen, &wrong, &["no number of bytes", value]);
    }
    for (number, location) in
        ["../secret.bin", "sub/../../secret.bin", &secret, "", "..\\secret.bin", "C:secret.bin"].into_iter().enumerate()
    {
        let outside = external(&kitchen, &format!("outside{number}"), &[("location", location)]);
        refused(&kitchen, &outside, &["only files in the model's own folder are read"]);
    }
}

#[cfg(unix)]
#[test]
fn external_data_behind_links() {
    let kitchen = Kitchen::empty();
    let secret = kitchen.write("secret.bin", vec![0; 1 << 20]);
    let folder = external(&kitchen, "linked", &[("location", "weights.bin")]);
    std::os::unix::fs::symlink(&secret, folder.join("weights.bin")).unwrap();
    refused(&kitchen, &folder, &["weights.bin", "a link to", "secret.bin"]);
    let folder = external(&kitchen, "linked-folder", &[("location", "sub/secret.bin")]);
    std::os::unix::fs::symlink(secret.parent().unwrap(), folder.join("sub")).unwrap();
    refused(&kitchen, &folder, &["secret.bin", "a link to"]);
}

#[test]
fn external_data_beyond_what_one_file_holds() {
    let kitchen = Kitchen::empty();
    let folder = with_change(&kitchen, "large", |model| {
        let tensor = TensorProto {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntryProto {
                key: Some("location".to_owned()),
                value: Some("weights.bin".to_owned()),
            }],
            ..float(&[3 << 28], "large")
        };
        graph(model).initializer.push(tensor);
    });
    let file = std::fs::File::create(folder.join("weights.bin")).unwrap();
    if let Err(problem) = file.set_len(3 << 30) {
        eprintln!("SKIPPED: external_data_beyond_what_one_file_holds: no sparse files here ({problem})");
        return;
    }
    refused(&kitchen, &folder, &["bytes", "larder keeps a model in one file"]);
}

#[test]
fn operators_and_opsets_that_the_runtime_lacks_are_named() {
    let kitchen = Kitchen::empty();
    let odd = |op_type: &'static str, domain: &'static str| {
        move |model: &mut ModelProto| {
            if !domain.is_empty() {
                model.opset_import.push(OperatorSetIdProto { domain: Some(domain.to_owned()), version: Some(1) });
            }
            last(model, |output| vec![node(op_type, domain, &["before"], &[output], Vec::new())]);
        }
    };
    let unknown = with_change(&kitchen, "unknown", odd("Frobnicate", ""));
    refused(&kitchen, &unknown, &["model.onnx", "Frobnicate", "the_odd_one"]);
    let foreign = with_change(&kitchen, "foreign", odd("Frobnicate", "com.example"));
    refused(&kitchen, &foreign, &["model.onnx", "com.example", "Frobnicate", "the_odd_one"]);
    let newer = with_change(&kitchen, "newer", |model| model.opset_import[0].version = Some(99));
    refused(&kitchen, &newer, &["model.onnx", "99"]);
    let format = with_change(&kitchen, "format", |model| model.ir_version = Some(99));
    refused(&kitchen, &format, &["model.onnx", "99"]);
}

#[test]
fn graphs_that_do_not_hang_together() {
    let kitchen = Kitchen::empty();
    let cyclic = with_change(&kitchen, "cyclic", |model| {
        last(model, |output| vec![node("Add", "", &["before", output], &[output], Vec::new())]);
    });
    refused(&kitchen, &cyclic, &["cycle", "the_odd_one"]);
    let dangling = with_change(&kitchen, "dangling", |model| {
        last(model, |output| vec![node("Add", "", &["before", "nowhere"], &[output], Vec::new())]);
    });
    refused(&kitchen, &dangling, &["the_odd_one", "Add", "nowhere"]);
    let twice = with_change(&kitchen, "twice", |model| {
        let made = graph(model).node[3].output[0].clone();
        graph(model).node.push(node("Identity", "", &[made.as_str()], &[made.as_str()], Vec::new()));
    });
    refused(&kitchen, &twice, &["produced twice", "the_odd_one"]);
    let constants = with_change(&kitchen, "constants", |model| {
        let again = graph(model).initializer[0].clone();
        graph(model).initializer.push(again);
    });
    refused(&kitchen, &constants, &["produced twice"]);
    let inputs = with_change(&kitchen, "inputs", |model| {
        let again = graph(model).input[0].clone();
        graph(model).input.push(again);
    });
    refused(&kitchen, &inputs, &["produced twice"]);
    let nothing = with_change(&kitchen, "nothing", |model| graph(model).output.clear());
    refused(&kitchen, &nothing, &["no outputs"]);
    let nowhere = with_change(&kitchen, "nowhere", |model| graph(model).output[0].name = Some("nowhere".to_owned()));
    refused(&kitchen, &nowhere, &["no tensor \"nowhere\""]);
    let unread = with_change(&kitchen, "unread", |model| graph(model).input.clear());
    refused(&kitchen, &unread, &["model.onnx"]);
}

#[test]
fn shapes_that_are_declared_and_not_there_take_no_memory() {
    let kitchen = Kitchen::empty();
    for (number, dims) in
        [vec![1_i64 << 40, 1 << 40], vec![i64::MAX, 2], vec![-1, 32], vec![1 << 40]].iter().enumerate()
    {
        let folder = with_change(&kitchen, &format!("dims{number}"), |model| {
            let tensors = &mut graph(model).initializer;
            let table =
                tensors.iter_mut().max_by_key(|tensor| tensor.raw_data.as_ref().map_or(0, |raw| raw.len())).unwrap();
            table.dims.clone_from(dims);
        });
        refused(&kitchen, &folder, &["model.onnx"]);
    }
    let axes = |model: &mut ModelProto, size: i64| {
        for info in graph(model).input.iter_mut() {
            let Some(type_proto::Value::TensorType(tensor)) = info.r#type.as_mut().and_then(|t| t.value.as_mut())
            else {
                panic!("the inputs are tensors")
            };
            let shape = tensor.shape.as_mut().expect("the inputs have shapes");
            shape.dim.iter_mut().for_each(|dim| dim.value = Some(dimension::Value::DimValue(size)));
        }
    };
    let fixed = with_change(&kitchen, "fixed", |model| axes(model, 1 << 60));
    refused(&kitchen, &fixed, &["takes", "at once"]);
    // No size at all is an open one.
    let open = Kitchen::empty();
    add(&open, &with_change(&open, "negative", |model| axes(model, -7))).exits(0);

    // Of tensors inside, declared shapes are hints: a wrong one is refused or passed over, and never allocated.
    let hinted = with_change(&kitchen, "hinted", |model| {
        let graph = graph(model);
        let name = graph.node[5].output[0].clone();
        let mut info: ValueInfoProto = graph.output[0].clone();
        info.name = Some(name);
        if let Some(type_proto::Value::TensorType(tensor)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) {
            let dims = &mut tensor.shape.as_mut().expect("outputs have shapes").dim;
            dims.iter_mut().for_each(|dim| dim.value = Some(dimension::Value::DimValue(1 << 60)));
        }
        graph.value_info.push(info);
    });
    let answer = add(&kitchen, &hinted).does_not_say("panicked");
    assert!(matches!(answer.code, Some(0 | 3)), "{}", answer.told());
}

/// A graph that makes a tensor of `size` zeros and adds its sum to the output.
fn with_zeros(kitchen: &Kitchen, name: &str, size: i64) -> PathBuf {
    with_change(kitchen, name, |model| {
        graph(model).initializer.push(TensorProto::from_i64("zeros.shape", &[1], &[size]));
        last(model, |output| {
            vec![
                node("ConstantOfShape", "", &["zeros.shape"], &["zeros"], Vec::new()),
                node("ReduceSum", "", &["zeros"], &["zeros.sum"], vec![attribute::int("keepdims", 0)]),
                node("Add", "", &["before", "zeros.sum"], &[output], Vec::new()),
            ]
        });
        for (number, node) in graph(model).node.iter_mut().rev().take(3).enumerate() {
            node.name = Some(format!("zeros_{number}"));
        }
    })
}

#[test]
fn graphs_that_ask_for_more_memory_than_there_is() {
    let kitchen = Kitchen::empty();
    // So little that it is given: the graph itself is fine.
    let little = Kitchen::empty();
    add(&little, &with_zeros(&little, "little", 1 << 10)).exits(0);
    for (number, size) in [1_i64 << 40, 1 << 62].into_iter().enumerate() {
        refused(&kitchen, &with_zeros(&kitchen, &format!("zeros{number}"), size), &["model.onnx", "cannot be run"]);
    }
    // Sizes that depend on the text are found out only when it runs; the output itself is that large.
    let wide = |name: &str, times: i64| {
        with_change(&kitchen, name, |model| {
            graph(model).initializer.push(TensorProto::from_i64("repeats", &[3], &[1, 1, times]));
            last(model, |output| vec![node("Tile", "", &["before", "repeats"], &[output], Vec::new())]);
        })
    };
    refused(&kitchen, &wide("wide", 1 << 38), &["model.onnx", "cannot be run"]);
    refused(&kitchen, &wide("wider-than-any", 1 << 13), &["model.onnx", "features", "65536"]);
}

/// Under a limit of address space, in KiB: what a machine with little memory, or `ulimit -v`, allows.
#[cfg(target_os = "linux")]
fn limited(kitchen: &Kitchen, kibibytes: u64, source: &Path) -> Answer {
    let mut command = std::process::Command::new("bash");
    command.arg("-c").arg(format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"")).arg(larder_tests::binary());
    command.args(["encoder", "add", &source.display().to_string(), "--name", "bad"]);
    kitchen.prepare(&mut command);
    let output = command.output().expect("bash starts");
    Answer::new(&command, output)
}

#[cfg(target_os = "linux")]
#[test]
fn graphs_that_ask_for_more_memory_than_they_may_have() {
    const LIMIT: u64 = 3 << 20;
    let kitchen = Kitchen::empty();
    // 4 GiB, where 3 may be had: no machine that runs this test would refuse it otherwise.
    let zeros = with_zeros(&kitchen, "zeros", 1 << 30);
    let answer = limited(&kitchen, LIMIT, &zeros).exits(3).says(&["model.onnx", "cannot be run"]);
    nothing_left(&kitchen, &answer.does_not_say("panicked"));
    limited(&kitchen, LIMIT, &export()).exits(0);
}

#[test]
fn graphs_inside_graphs_end_somewhere() {
    let kitchen = Kitchen::empty();
    let nested = |depth: usize| {
        move |model: &mut ModelProto| {
            let value = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
            let mut inner = GraphProto {
                node: vec![node("Constant", "", &[], &["deep"], vec![attribute::float("value_float", 0.0)])],
                output: vec![value("deep")],
                ..Default::default()
            };
            for level in 0..depth {
                let (made, condition) = (format!("made{level}"), format!("condition{level}"));
                let branch = |name: &str, graph: GraphProto| AttributeProto {
                    name: Some(name.to_owned()),
                    r#type: Some(AttributeType::Graph as i32),
                    g: Some(graph),
                    ..Default::default()
                };
                let branches = vec![
                    branch("then_branch", inner),
                    branch(
                        "else_branch",
                        GraphProto {
                            node: vec![node(
                                "Constant",
                                "",
                                &[],
                                &["shallow"],
                                vec![attribute::float("value_float", 0.0)],
                            )],
                            output: vec![value("shallow")],
                            ..Default::default()
                        },
                    ),
                ];
                inner = GraphProto {
                    initializer: vec![TensorProto::from_raw(&condition, &[], DataType::Bool, vec![1])],
                    node: vec![node("If", "", &[&condition], &[&made], branches)],
                    output: vec![value(&made)],
                    ..Default::default()
                };
            }
            let GraphProto { node, initializer, output, .. } = inner;
            graph(model).initializer.extend(initializer);
            let top = output[0].name().to_owned();
            last(model, |given| {
                let sum = NodeProto { name: None, ..self::node("Add", "", &["before", &top], &[given], Vec::new()) };
                node.into_iter().chain([sum]).collect()
            });
        }
    };
    for depth in [40, 400] {
        let folder = with_change(&kitchen, &format!("depth{depth}"), nested(depth));
        refused(&kitchen, &folder, &["not an ONNX model"]);
    }
    let folder = with_change(&kitchen, "depth5", nested(5));
    let answer = add(&kitchen, &folder).does_not_say("panicked");
    assert!(matches!(answer.code, Some(0 | 3)), "{}", answer.told());
}

#[test]
fn tokenizers_that_are_malformed() {
    let kitchen = Kitchen::empty();
    let whole = std::fs::read_to_string(export().join("tokenizer.json")).unwrap();
    let with = |name: &str, tokenizer: &[u8]| {
        let folder = copy(&kitchen, &export(), name);
        std::fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
        folder
    };
    for (name, content) in [
        ("empty", &b""[..]),
        ("cut", &whole.as_bytes()[..whole.len() / 2]),
        ("list", b"[]"),
        ("object", b"{}"),
        ("noise", &[0xff, 0xfe, 0x00]),
        ("deep", "[".repeat(100_000).as_bytes()),
    ] {
        refused(&kitchen, &with(name, content), &["tokenizer.json"]);
    }
    let json: Value = serde_json::from_str(&whole).unwrap();
    let mut changed = json.clone();
    changed["model"]["vocab"] = json!({});
    changed["added_tokens"] = json!([]);
    refused(&kitchen, &with("no-vocabulary", changed.to_string().as_bytes()), &["tokenizer.json"]);
    let mut changed = json.clone();
    changed["model"]["vocab"]["extra"] = json!(4_000_000_000_u32);
    refused(&kitchen, &with("far", changed.to_string().as_bytes()), &["tokenizer.json"]);
    let mut changed = json;
    changed["post_processor"] = Value::Null;
    refused(&kitchen, &with("bare", changed.to_string().as_bytes()), &["tokenizer.json"]);
}

#[test]
fn configurations_and_weights_that_are_malformed() {
    let kitchen = Kitchen::empty();
    let config = std::fs::read_to_string(published().join("config.json")).unwrap();
    let weights = std::fs::read(published().join("model.safetensors")).unwrap();
    let with = |name: &str, file: &str, content: &[u8]| {
        let folder = copy(&kitchen, &published(), name);
        std::fs::write(folder.join(file), content).unwrap();
        folder
    };
    let json: Value = serde_json::from_str(&config).unwrap();
    for (name, content) in [
        ("empty", String::new()),
        ("cut", config[..config.len() / 2].to_owned()),
        ("list", "[]".to_owned()),
        ("number", "7".to_owned()),
        ("deep", "[".repeat(100_000)),
    ] {
        refused(&kitchen, &with(&format!("config-{name}"), "config.json", content.as_bytes()), &["config.json"]);
    }
    for (number, (key, value)) in [
        ("dim", json!(0)),
        ("dim", json!(-32)),
        ("dim", json!("wide")),
        ("dim", json!(u64::MAX)),
        ("n_heads", json!(0)),
        ("n_heads", json!(7)),
        ("n_layers", json!(1_u64 << 40)),
        ("vocab_size", json!(1_u64 << 40)),
        ("max_position_embeddings", json!(u64::MAX)),
        ("hidden_dim", json!(1.5)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut changed = json.clone();
        changed[key] = value;
        refused(
            &kitchen,
            &with(&format!("value{number}"), "config.json", changed.to_string().as_bytes()),
            &["cannot be used"],
        );
    }

    let header = u64::from_le_bytes(weights[..8].try_into().unwrap());
    let mut damaged: Vec<(String, Vec<u8>)> = [0, 4, 8, 100, weights.len() / 2, weights.len() - 1]
        .map(|cut| (format!("weights-cut{cut}"), weights[..cut].to_vec()))
        .into();
    for (number, length) in [0, 1, header - 1, header + 1, u64::MAX, 1 << 40].into_iter().enumerate() {
        let bytes = [&length.to_le_bytes()[..], &weights[8..]].concat();
        damaged.push((format!("weights-header{number}"), bytes));
    }
    let claims = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &[0; 64]].concat();
    for (number, text) in [
        r#"{"a": {"dtype": "F32", "shape": [1099511627776, 1099511627776], "data_offsets": [0, 64]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [16], "data_offsets": [0, 18446744073709551615]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [16], "data_offsets": [64, 0]}}"#,
        r#"{"a": {"dtype": "F99", "shape": [16], "data_offsets": [0, 64]}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        damaged.push((format!("weights-claim{number}"), claims(text)));
    }
    for (name, bytes) in damaged {
        refused(&kitchen, &with(&name, "model.safetensors", &bytes), &["model.safetensors", "not a safetensors file"]);
    }
    let folder = with("pooling", "config.json", config.as_bytes());
    std::fs::create_dir(folder.join("1_Pooling")).unwrap();
    std::fs::write(folder.join("1_Pooling/config.json"), "{").unwrap();
    refused(&kitchen, &folder, &["1_Pooling", "malformed"]);
}

/// Damage at random, the same each time, to one file of a folder: the answer is an encoder or exit code 3.
#[track_caller]
fn survives(from: &Path, file: &str, times: usize, within: std::ops::Range<usize>, seed: u64) {
    let whole = std::fs::read(from.join(file)).unwrap();
    let mut random = Random::new(seed);
    let mut refused = 0;
    let within = within.start..within.end.min(whole.len());
    let kitchen = Kitchen::empty();
    let folder = copy(&kitchen, from, "damaged");
    for number in 0..times {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(3) {
            let place = within.start + random.below(within.len());
            match random.below(4) {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes[place] = random.below(256) as u8,
                2 => bytes[place..(place + 9).min(whole.len())].fill(0xff),
                _ => bytes[place..(place + 1 + random.below(8)).min(whole.len())].fill(b'0'),
            }
        }
        std::fs::write(folder.join(file), &bytes).unwrap();
        let source = folder.display().to_string();
        let answer = kitchen.larder(&["encoder", "add", &source, "--name", "bad", "--replace"]);
        assert!(matches!(answer.code, Some(0 | 3)), "damage {number} of {file}, seed {seed}\n{}", answer.told());
        assert!(!answer.stderr.contains("panicked"), "damage {number} of {file}, seed {seed}\n{}", answer.told());
        refused += usize::from(answer.code == Some(3));
        // What is refused early leaves no home at all.
        let _ = std::fs::remove_dir_all(kitchen.path("home"));
    }
    // If nothing were refused, the damage would miss what it is for.
    assert!(refused > times / 10, "{refused} of {times}");
}

#[test]
fn damaged_models_are_taken_or_refused() {
    // The structure of this export fills its first half; behind it and between lie the parameters.
    survives(&export(), "model.onnx", 150, 0..usize::MAX, 11);
}

#[test]
fn damaged_tokenizers_are_taken_or_refused() {
    survives(&export(), "tokenizer.json", 75, 0..usize::MAX, 12);
}

#[test]
fn damaged_weights_and_configurations_are_taken_or_refused() {
    survives(&published(), "model.safetensors", 50, 0..3000, 13);
    survives(&published(), "config.json", 50, 0..usize::MAX, 14);
}

/// An added token beyond the encoder's table is refused where a text has it, by its row.
#[test]
fn a_text_with_a_token_that_the_encoder_lacks_is_named() {
    let kitchen = Kitchen::with_tiny();
    let tokenizer = std::fs::read(kitchen.path("home/encoders/tiny/tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_slice(&tokenizer).unwrap();
    tokenizer["added_tokens"].as_array_mut().unwrap().push(json!({
        "id": 600, "content": "<image>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
    }));
    let path = kitchen.write("more.json", tokenizer.to_string()).display().to_string();
    kitchen.init("more", 1, &["--tokenizer", &path]).says(&["has no vector for 1 of its tokenizer (<image>)"]);
    let (train, mut dev) = (toy(1, 60), toy(2, 12));
    dev[4].0 = "red <image> and blue".to_owned();
    let dataset = kitchen.dataset("toy", &[("train", &train), ("dev", &dev)]);
    let lacks = "the text has the token \"<image>\" (id 600), for which the encoder has no vector";
    kitchen.ok(&["train", &dataset, "-e", "more", "--run", "mine"]);
    for command in [&["encode", &dataset, "-e", "more"][..], &["run", &dataset, "-e", "more", "--run", "other"]] {
        kitchen.larder(command).exits(3).says(&["line 6 of split `dev`", lacks]);
    }
    for command in [&["embed", "-e", "more", "a cat", "a <image>"][..], &["predict", "mine", "a cat", "a <image>"]] {
        kitchen.larder(command).exits(3).says(&["\"a <image>\"", lacks]);
    }
}
