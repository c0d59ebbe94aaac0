//! Whatever a model says about data beside it, with any such data.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use larder_onnx::proto::tensor_proto::DataLocation;
use larder_onnx::proto::{GraphProto, StringStringEntryProto, TensorProto, ValueInfoProto};
use larder_onnx::{Model, OnnxError};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Said {
    dims: Vec<i64>,
    data_type: u8,
    entries: Vec<(Key, Entry)>,
}

#[derive(Arbitrary, Debug)]
enum Key {
    Location,
    Offset,
    Length,
    Other(String),
}

#[derive(Arbitrary, Debug)]
enum Entry {
    /// The file that is there.
    File,
    Small(u8),
    Number(i64),
    Text(String),
}

#[derive(Arbitrary, Debug)]
struct Input {
    tensors: Vec<Said>,
    /// Each tensor takes its bytes from here.
    content: Vec<u8>,
}

/// The folder of the model; a file lies outside of it.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = larder_fuzz::folder().join("model");
        std::fs::create_dir_all(folder.join("sub")).expect("a folder can be made");
        larder_fuzz::put("outside", &[7; 64]);
        folder
    })
}

fn tensor(number: usize, said: Said) -> TensorProto {
    let entry = |(key, value): (Key, Entry)| StringStringEntryProto {
        key: Some(match key {
            Key::Location => "location".to_owned(),
            Key::Offset => "offset".to_owned(),
            Key::Length => "length".to_owned(),
            Key::Other(key) => key,
        }),
        value: Some(match value {
            Entry::File => "data".to_owned(),
            Entry::Small(number) => number.to_string(),
            Entry::Number(number) => number.to_string(),
            Entry::Text(text) => text,
        }),
    };
    TensorProto {
        name: Some(format!("t{number}")),
        dims: said.dims,
        data_type: Some(i32::from(said.data_type)),
        data_location: Some(DataLocation::External as i32),
        external_data: said.entries.into_iter().map(entry).collect(),
        ..Default::default()
    }
}

fuzz_target!(|input: Input| {
    let initializer: Vec<TensorProto> =
        input.tensors.into_iter().enumerate().map(|(n, said)| tensor(n, said)).collect();
    let Some(name) = initializer.first().map(|tensor| tensor.name().to_owned()) else { return };
    let output = vec![ValueInfoProto { name: Some(name), ..Default::default() }];
    let model =
        Model::from_graph(GraphProto { initializer, output, ..Default::default() }, 17).expect("hangs together");
    std::fs::write(folder().join("data"), &input.content).expect("a file can be written");
    match model.with_external_data(&folder().join("model.onnx")) {
        Ok((model, files)) => {
            assert!(!model.has_external_data());
            assert!(files.iter().all(|file| file.starts_with(folder())), "{files:?}");
            for tensor in &model.graph().initializer {
                let taken = tensor.raw_data.as_ref().map_or(0, |raw| raw.len());
                assert!(taken <= input.content.len(), "{taken} bytes of {}", input.content.len());
                if let Ok(values) = tensor.floats() {
                    assert_eq!(Ok(values.len()), tensor.element_count().map_err(|error: OnnxError| error.to_string()));
                }
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
