//! The messages against the standard: `tests/data/recipe.py` made the table and the file.

use larder_onnx::proto::ModelProto;
use prost::Message;
use serde::Deserialize;

use crate::support::data;

#[derive(Deserialize)]
struct Table {
    fields: Vec<(String, u32, String, String, bool, bool, String)>,
    enums: Vec<(String, String, i32)>,
}

fn table() -> Table {
    let text = std::fs::read(data("onnx_fields.json")).expect("the table is checked in");
    serde_json::from_slice(&text).expect("the table is JSON")
}

/// Everything that `proto.rs` declares, as lines `message field: attribute`.
fn declared() -> Vec<(String, String, String)> {
    let source = include_str!("../../src/proto.rs");
    let (mut modules, mut kind, mut attribute) = (Vec::new(), String::new(), String::new());
    let mut found = Vec::new();
    for line in source.lines().map(str::trim) {
        let word = |line: &str| line.split([' ', '(', ':', ',', '{']).next().unwrap_or_default().to_owned();
        if let Some(name) = line.strip_prefix("pub mod ") {
            modules.push(word(name));
            kind.clear();
        } else if let Some(name) = line.strip_prefix("pub struct ").or(line.strip_prefix("pub enum ")) {
            kind = modules.iter().chain([&word(name)]).cloned().collect::<Vec<_>>().join(".");
        } else if line == "}" && kind.is_empty() {
            modules.pop();
        } else if line == "}" {
            kind.clear();
        } else if let Some(text) = line.strip_prefix("#[prost(") {
            attribute = text.trim_end_matches(")]").to_owned();
        } else if !kind.is_empty() && line.ends_with(',') && !line.starts_with('#') {
            let field = line.strip_prefix("pub ").unwrap_or(line);
            let name = field.trim_start_matches("r#");
            let value = name.split(" = ").nth(1).map(|value| value.trim_end_matches(',').to_owned());
            found.push((kind.clone(), word(name), value.unwrap_or_else(|| std::mem::take(&mut attribute))));
        }
    }
    found
}

/// `TypeProto.SparseTensor` as `type_proto.sparsetensor`, however it is cased: module names are in snake case.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

#[test]
fn every_field_has_the_standards_number_and_type() {
    let declared = declared();
    for (message, number, name, kind, repeated, packed, oneof) in table().fields {
        let owner = if oneof.is_empty() { plain(&message) } else { plain(&format!("{message}.{oneof}")) };
        let (_, _, attribute) = declared
            .iter()
            .find(|(of, field, _)| plain(of) == owner && plain(field) == plain(&name))
            .unwrap_or_else(|| panic!("{message}.{name} is missing"));
        let parts: Vec<&str> = attribute.split(", ").collect();
        assert!(attribute.contains(&format!("tag = \"{number}\"")), "{message}.{name}: {attribute}");
        assert_eq!(parts.contains(&"repeated"), repeated, "{message}.{name}: {attribute}");
        let scalar = ["float", "double", "int32", "int64", "uint64", "string", "bytes"].contains(&kind.as_str());
        if scalar {
            assert!(parts[0].starts_with(&kind), "{message}.{name}: {attribute}");
        } else {
            assert!(parts[0] == "message" || parts[0].starts_with("enumeration"), "{message}.{name}: {attribute}");
        }
        if repeated && scalar && kind != "string" && kind != "bytes" {
            assert!(parts.contains(&format!("packed = \"{packed}\"").as_str()), "{message}.{name}: {attribute}");
        }
    }
}

#[test]
fn every_enumeration_value_has_the_standards_number() {
    let declared = declared();
    for (enumeration, name, number) in table().enums {
        let value = declared
            .iter()
            .find(|(of, value, _)| plain(of) == plain(&enumeration) && plain(value) == plain(&name))
            .map(|(_, _, value)| value.as_str());
        assert_eq!(value, Some(number.to_string().as_str()), "{enumeration}.{name}");
    }
}

#[test]
fn nothing_is_lost_between_reading_and_writing() {
    for file in ["every_field.onnx", "torchscript.onnx", "oddly_named.onnx"] {
        let bytes = std::fs::read(data(file)).expect("the file is checked in");
        let model = ModelProto::decode(bytes.as_slice()).expect("it is a model");
        let again = model.encode_to_vec();
        assert_eq!(again.len(), bytes.len(), "{file}");
        let reread = ModelProto::decode(again.as_slice()).expect("what is written can be read");
        assert!(reread == model && reread.encode_to_vec() == again, "{file} differs");
        // Fields are written by number, as the standard's own encoder does. Only the choices of a `oneof` are not: they
        // stand together. So this file has the same bytes in another order.
        if file == "every_field.onnx" {
            let sorted = |mut bytes: Vec<u8>| {
                bytes.sort_unstable();
                bytes
            };
            assert!(sorted(again) == sorted(bytes), "{file} differs");
        } else {
            assert!(again == bytes, "{file} differs");
        }
    }
}
