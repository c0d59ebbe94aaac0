//! Real encoders, where they are installed.

use std::path::{Path, PathBuf};

use larder_intake::{AddRequest, InputRole, PooledKind, SourceKind, verify};
use larder_onnx::Family;

use crate::support::Bench;

/// What `just setup` installs.
fn installed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.larder/models").join(file)
}

/// The folder named by `LARDER_MINILM`, else the installed one.
fn minilm() -> Option<PathBuf> {
    let folder = std::env::var_os("LARDER_MINILM").map_or(installed("all-MiniLM-L6-v2"), PathBuf::from);
    if folder.join("model.safetensors").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no all-MiniLM-L6-v2 in {}: run `just setup`, or set LARDER_MINILM", folder.display());
    None
}

/// A third-party export (opset 17, a trace without type ids) whose outputs are called `output`, `463`,
/// `onnx::Shape_422` and `461`; its vocabulary is that of MiniLM.
#[test]
fn a_third_party_export_is_understood() {
    let (Some(bench), Some(minilm)) = (Bench::new(), minilm()) else { return };
    let source = installed("paraphrase-MiniLM-L3-v2/model.onnx");
    if !source.is_file() {
        eprintln!("SKIPPED: no {}: run `just setup`", source.display());
        return;
    }
    let tokenizer = Some(minilm.join("tokenizer.json"));
    let encoder = bench.add(&AddRequest { source, tokenizer, ..AddRequest::default() }).expect("is a BERT").encoder;
    assert_eq!(encoder.name(), "paraphrase-MiniLM-L3-v2");
    let manifest = encoder.manifest();
    assert_eq!((manifest.hidden_size, manifest.num_hidden_layers), (384, Some(3)));
    assert_eq!((manifest.vocabulary_size, encoder.max_tokens()), (30522, 512));
    let roles: Vec<_> = manifest.inputs.iter().map(|input| input.role).collect();
    assert_eq!(roles, [InputRole::InputIds, InputRole::AttentionMask]);
    let outputs: Vec<&str> = manifest.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["onnx::Shape_422", "461"]);
    assert_eq!(manifest.probe.pooled[0].kind, PooledKind::Mean);
    assert!(manifest.mask_honoured);
}

#[test]
fn minilm_is_what_its_publisher_says() {
    let (Some(bench), Some(source)) = (Bench::new(), minilm()) else { return };
    let request = AddRequest { source, ..AddRequest::default() };
    let encoder = bench.add(&request).expect("is a BERT").encoder;
    assert_eq!(encoder.name(), "all-MiniLM-L6-v2");
    let manifest = encoder.manifest();
    assert_eq!((manifest.family, manifest.source.kind), (Some(Family::Bert), SourceKind::Safetensors));
    assert_eq!(
        (manifest.hidden_size, manifest.num_hidden_layers, manifest.num_attention_heads),
        (384, Some(6), Some(12))
    );
    assert_eq!((manifest.vocabulary_size, encoder.max_tokens()), (30522, 512));
    let special = &manifest.special_tokens;
    let ids = [special.cls_id, special.sep_id, special.pad_id, special.unk_id, special.mask_id];
    assert_eq!(ids, [101, 102, 0, 100, 103].map(Some));
    assert_eq!(manifest.publisher.pooling.as_ref().expect("is published").to_string(), "mean, normalised");

    let probe = &manifest.probe;
    assert!(manifest.mask_honoured);
    // Rounding alone, ten times below what is tolerated: the tolerance leaves room for deeper encoders.
    let padding = probe.padding_deviation.expect("is finite");
    assert!(probe.batch_deviation < probe.tolerance / 10.0 && padding < probe.tolerance / 10.0, "{probe:?}");
    assert_eq!((probe.unknown_tokens, probe.longest_read), (0, 512));
    assert_eq!(probe.pooled[0].kind, PooledKind::Tanh);
    let verification = verify(&encoder, &bench.runtime, &mut |_| ());
    assert!(verification.is_sound(), "{verification:?}");
}
