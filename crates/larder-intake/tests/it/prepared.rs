//! Graphs of others, read and built anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use larder_intake::{AddRequest, Prepared};

use crate::support::Bench;

/// Every folder with a model under `folder`, by name.
fn exports(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).expect("is there").map(|entry| entry.expect("is readable").path());
    let mut found: Vec<(String, PathBuf)> = entries
        .filter(|path| path.join("model.onnx").is_file())
        .map(|path| (path.file_name().expect("has a name").to_string_lossy().into_owned(), path))
        .collect();
    found.sort();
    found
}

#[test]
fn exports_are_rebuilt_where_they_are_a_bert_in_floats() {
    let Some(bench) = Bench::new() else { return };
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports");
    let given = std::env::var_os("LARDER_EXPORTS").map(PathBuf::from);
    let folder = given.clone().unwrap_or(committed);
    let (mut rebuilt, mut reasons) = (Vec::new(), HashMap::new());
    for (name, path) in exports(&folder) {
        let request = AddRequest { source: path, name: Some(name.clone()), ..AddRequest::default() };
        let added = match bench.add(&request) {
            Ok(added) => added,
            Err(problem) => {
                eprintln!("{name}: refused: {problem}");
                continue;
            }
        };
        match &added.encoder.manifest().prepared {
            Prepared::Rebuilt(record) => {
                assert!(record.deviation <= record.tolerance, "{name}: {record:?}");
                eprintln!("{name}: {} nodes for {}, {:.1e}", record.nodes, record.nodes_given, record.deviation);
                rebuilt.push(name);
            }
            other => {
                eprintln!("{name}: {other:?}");
                if let Prepared::AsGiven { reason } = other {
                    reasons.insert(name, reason.clone());
                }
            }
        }
    }
    if given.is_none() {
        // The rotary ones are told by the family that their `config.json` names.
        let by_family = [
            "deberta_v2_dynamo_eager",
            "deberta_v2_dynamo_untrained",
            "deberta_v2_ts_session",
            "ernie_dynamo_sdpa",
            "eurobert_ts_eager",
            "gte_dynamo_opset23",
            "gte_ts_sdpa",
            "js_modernbert_fp16",
            "modernbert_dynamo_sdpa",
            "modernbert_ts_half",
            "neobert_dynamo_eager",
            "new_ts_eager",
            "nomic_bert_dynamo_sdpa",
            "roberta_prelayernorm_ts_sdpa",
        ];
        let by_structure = ["albert_ts_eager", "bert_dynamo_nameless", "bert_ts_fixed_1", "distilbert_dynamo_sdpa"];
        for name in by_structure.into_iter().chain(by_family) {
            assert!(rebuilt.iter().any(|other| other == name), "{name} is not among {rebuilt:?}");
        }
        // Weights of 8 and 4 bits, in operators and as integers with factors.
        for name in ["nbits_4bit", "js_distilbert_bnb4", "bert_dynamo_int8_weights"] {
            assert_eq!(reasons.get(name).map(String::as_str), Some("its products are quantised"), "{name}");
        }
    }
}
