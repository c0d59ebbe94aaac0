//! Files of others that need care: data in other files, numbers that depend on the batch, files that are damaged.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use larder_intake::{AddRequest, EncoderError, LengthOrigin, SourceKind};
use larder_onnx::proto::tensor_proto::{DataLocation, DataType};
use larder_onnx::proto::{NodeProto, StringStringEntryProto, TensorProto};
use larder_onnx::{Model, OnnxError, attribute};

use crate::support::{Bench, chain, edited, without_names};

/// The folder of exports that is checked in.
fn exports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports")
}

/// The tensors' data behind one another, and the model that speaks of it as `location`.
fn outside(model: Model, location: &str) -> (Model, Vec<u8>) {
    let mut data = Vec::new();
    let model = edited(model, |graph| {
        for tensor in &mut graph.initializer {
            let Some(raw) = tensor.raw_data.take() else { continue };
            let entry =
                |key: &str, value: String| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
            tensor.external_data = vec![
                entry("location", location.to_owned()),
                entry("offset", data.len().to_string()),
                entry("length", raw.len().to_string()),
            ];
            tensor.data_location = Some(DataLocation::External as i32);
            data.extend(raw);
        }
    });
    (model, data)
}

#[test]
fn parameters_beside_the_model_are_taken_in() {
    let Some(bench) = Bench::new() else { return };
    let plain = bench.add_changed(|model| model).expect("is a BERT").encoder;
    let mut data = Vec::new();
    let source = bench.changed(|model| {
        let (model, values) = outside(model, "weights/all.bin");
        data = values;
        model
    });
    let request = AddRequest { source, name: Some("outside".to_owned()), ..AddRequest::default() };
    let missing = chain(&bench.add(&request).expect_err("not there yet"));
    assert!(missing.contains("all.bin") && missing.contains("model.onnx"), "{missing}");
    bench.write("changed/weights/all.bin", &data[..data.len() - 4]);
    let cut = chain(&bench.add(&request).expect_err("is cut"));
    assert!(cut.contains("is it whole?") && cut.contains("all.bin"), "{cut}");

    bench.write("changed/weights/all.bin", &data);
    let added = bench.add(&request).expect("is whole");
    let manifest = added.encoder.manifest();
    assert_eq!(manifest.digest, plain.manifest().digest, "one file, as if it had never been two");
    assert_eq!(manifest.source.kind, SourceKind::Onnx);
    let files: Vec<&str> = manifest.source.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["model.onnx", "all.bin", "tokenizer.json"]);
    assert!(added.notes.iter().any(|note| note.contains("all.bin")), "{:?}", added.notes);
    assert!(added.encoder.folder().read_dir().expect("a folder").count() <= 4, "nothing lies beside it");
}

#[test]
fn files_outside_the_folder_are_not_read() {
    let Some(bench) = Bench::new() else { return };
    bench.write("secret", vec![0_u8; 1 << 20]);
    for location in ["../secret".to_owned(), bench.path("secret").display().to_string()] {
        let error = bench.add_changed(|model| outside(model, &location).0).expect_err("is refused");
        let EncoderError::Model { source, .. } = &error else { panic!("{error}") };
        assert!(matches!(source, OnnxError::ExternalLocation { .. }), "{}", chain(&error));
        std::fs::remove_dir_all(bench.home.encoders().join("tiny")).expect("is there");
    }
}

#[test]
fn a_dynamically_quantised_encoder_runs_one_text_at_a_time() {
    let Some(bench) = Bench::new() else { return };
    let quantised = |model: Model| {
        // One product in 8 bits is enough: its scale comes from the whole batch.
        edited(without_names(model), |graph| {
            let last = graph.output[0].name().to_owned();
            let made = graph.node.iter().position(|node| node.output.contains(&last)).expect("is made");
            graph.node[made].output[0] = "whole".to_owned();
            for node in &mut graph.node {
                for input in node.input.iter_mut().filter(|input| **input == last) {
                    *input = "whole".to_owned();
                }
            }
            let node = |op: &str, input: &[&str], output: &[&str]| NodeProto {
                op_type: Some(op.to_owned()),
                input: input.iter().map(|&name| name.to_owned()).collect(),
                output: output.iter().map(|&name| name.to_owned()).collect(),
                ..Default::default()
            };
            graph.node.push(node("DynamicQuantizeLinear", &["whole"], &["q", "scale", "zero"]));
            graph.node.push(node("DequantizeLinear", &["q", "scale", "zero"], &[&last]));
        })
    };
    let encoder = bench.add_changed(quantised).expect("runs").encoder;
    let manifest = encoder.manifest();
    assert!(encoder.runs_alone() && manifest.probe.batch_deviation > manifest.probe.tolerance, "{:?}", manifest.probe);
    assert!(manifest.notes.iter().any(|note| note.contains("run alone")), "{:?}", manifest.notes);
}

/// Keeps every table that ids are looked up in as 8-bit integers with a scale for each column. The floats come back before the
/// lookup (`Gather(Cast(table) * scale)`), or behind it (`Cast(Gather(table)) * scale`).
fn with_tables_in_8_bits(model: Model, is_before: bool) -> Model {
    edited(without_names(model), |graph| {
        let floats: HashMap<String, TensorProto> = graph
            .initializer
            .iter()
            .filter(|tensor| tensor.data_type() == DataType::Float as i32 && tensor.dims.len() == 2)
            .map(|tensor| (tensor.name().to_owned(), tensor.clone()))
            .collect();
        let mut nodes = Vec::new();
        let mut tables = 0;
        for mut node in std::mem::take(&mut graph.node) {
            let table =
                node.input.first().and_then(|name| floats.get(name)).filter(|_| node.op_type() == "Gather").cloned();
            let Some(table) = table else {
                nodes.push(node);
                continue;
            };
            tables += 1;
            let name = |what: &str| format!("{}.{what}", table.name());
            let values = table.floats().expect("floats");
            let columns = table.dims[1] as usize;
            let scales: Vec<f32> = (0..columns)
                .map(|column| {
                    values.iter().skip(column).step_by(columns).fold(1e-6_f32, |most, x| most.max(x.abs())) / 127.0
                })
                .collect();
            let bytes: Vec<u8> =
                values.iter().zip(scales.iter().cycle()).map(|(x, scale)| (x / scale).round() as i8 as u8).collect();
            graph.initializer.push(TensorProto {
                name: Some(name("int8")),
                data_type: Some(DataType::Int8 as i32),
                dims: table.dims.clone(),
                raw_data: Some(bytes.into()),
                ..TensorProto::default()
            });
            graph.initializer.push(TensorProto::from_f32(&name("scale"), &[columns], &scales));
            let made = |op: &str, input: &[&str], output: &str, attribute| NodeProto {
                op_type: Some(op.to_owned()),
                input: input.iter().map(|&name| name.to_owned()).collect(),
                output: vec![output.to_owned()],
                attribute,
                ..NodeProto::default()
            };
            let to_float = || vec![attribute::int("to", i64::from(DataType::Float as i32))];
            let (output, ids) = (node.output[0].clone(), node.input[1].clone());
            if is_before {
                nodes.push(made("Cast", &[&name("int8")], &name("cast"), to_float()));
                nodes.push(made("Mul", &[&name("cast"), &name("scale")], &name("floats"), Vec::new()));
                node.input[0] = name("floats");
                nodes.push(node);
            } else {
                nodes.push(made("Gather", &[&name("int8"), &ids], &name("rows"), Vec::new()));
                nodes.push(made("Cast", &[&name("rows")], &name("cast"), to_float()));
                nodes.push(made("Mul", &[&name("cast"), &name("scale")], &output, Vec::new()));
            }
        }
        assert_eq!(tables, 2, "tokens and types; positions are a slice");
        graph.initializer.retain(|tensor| nodes.iter().any(|node| node.input.iter().any(|name| name == tensor.name())));
        graph.node = nodes;
    })
}

#[test]
fn tables_in_8_bits_are_read_as_those_of_floats() {
    let Some(bench) = Bench::new() else { return };
    let plain = bench.add_changed(|model| model).expect("is a BERT").encoder;
    for is_before in [true, false] {
        std::fs::remove_dir_all(bench.home.encoders().join("changed")).expect("is there");
        let added = bench.add_changed(|model| with_tables_in_8_bits(model, is_before)).expect("is a BERT");
        let (manifest, plain) = (added.encoder.manifest(), plain.manifest());
        assert_eq!(manifest.vocabulary_size, plain.vocabulary_size);
        assert_eq!(
            (manifest.max_positions, manifest.max_positions_from),
            (plain.max_positions, LengthOrigin::Declared)
        );
        assert_eq!((manifest.hidden_size, manifest.num_hidden_layers), (plain.hidden_size, plain.num_hidden_layers));
        assert_eq!(manifest.inputs.len(), plain.inputs.len());
        assert!(manifest.mask_honoured && manifest.batch_independent, "{:?}", manifest.probe);
    }
}

#[test]
fn an_operator_that_the_runtime_lacks_is_named() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            edited(model, |graph| {
                let node = graph.node.iter_mut().find(|node| node.op_type() == "Softmax").expect("attends");
                node.op_type = Some("SofterMax".to_owned());
                node.name = Some("the_culprit".to_owned());
            })
        })
        .expect_err("no such operator");
    let message = chain(&error);
    assert!(message.contains("SofterMax") && message.contains("model.onnx"), "{message}");
    let error = bench
        .add_changed(|model| {
            let mut proto = model.into_proto();
            proto.opset_import[0].version = Some(9999);
            Model::from_proto(proto).expect("hangs together")
        })
        .expect_err("no such operator set");
    assert!(chain(&error).contains("9999"), "{}", chain(&error));
}

#[test]
fn a_file_cut_anywhere_is_an_error_with_its_path() {
    let Some(bench) = Bench::new() else { return };
    let folder = exports().join("bert_ts_fixed_1");
    let whole = std::fs::read(folder.join("model.onnx")).expect("is checked in");
    bench.write("cut/tokenizer.json", std::fs::read(folder.join("tokenizer.json")).expect("is checked in"));
    for place in 1..24 {
        // Places that are no multiples of anything.
        let length = whole.len() * place / 24 - place % 7;
        let source = bench.write("cut/model.onnx", &whole[..length]);
        let request = AddRequest { source, name: Some("cut".to_owned()), ..AddRequest::default() };
        let error = chain(&bench.add(&request).expect_err("is cut"));
        assert!(error.contains("model.onnx"), "{length}: {error}");
    }
    assert_eq!(bench.left(), [".lock"]);
}
