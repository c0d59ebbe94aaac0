//! Encoders of every family as published, with `tokenizer.json` or only the files of its vocabulary.

use std::path::{Path, PathBuf};

use larder_intake::{AddRequest, InitRequest, LengthOrigin, init, verify};
use larder_onnx::{EncoderConfig, Family};

use crate::support::{Bench, copy_folder};

const GOLDENS: &[Family] = &[
    Family::Albert,
    Family::DebertaV2,
    Family::DistilBert,
    Family::Electra,
    Family::MpNet,
    Family::Roberta,
    Family::XlmRoberta,
    Family::Data2VecText,
    Family::RobertaPreLayerNorm,
    Family::Gte,
    Family::New,
    Family::NeoBert,
    Family::Ernie,
];

fn golden(family: Family) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/encoder").join(family.as_str())
}

#[test]
fn every_family_is_added_with_and_without_its_tokenizer_json() {
    let Some(bench) = Bench::new() else { return };
    for &family in GOLDENS {
        let name = family.as_str();
        let source = bench.path(&format!("published-{family}"));
        copy_folder(&golden(family), &source);
        let request = AddRequest { source: source.clone(), name: Some(format!("{family}-a")), ..AddRequest::default() };
        let whole = bench.add(&request).expect(name).encoder;
        std::fs::remove_file(source.join("tokenizer.json")).expect("is there");
        let added = bench.add(&AddRequest { name: Some(format!("{family}-b")), ..request }).expect(name);
        let note = added.notes.iter().any(|note| note.starts_with("made tokenizer.json from"));
        assert!(note, "{:?}", added.notes);

        let (manifest, config) = (added.encoder.manifest(), EncoderConfig::load(&source.join("config.json")));
        let config = config.expect("is supported");
        assert_eq!(manifest.family, Some(family));
        assert_eq!(manifest.num_hidden_layers, Some(config.num_hidden_layers));
        assert_eq!(manifest.num_attention_heads, Some(config.num_attention_heads));
        assert_eq!(manifest.hidden_states.len(), config.num_hidden_layers + 1);
        assert_eq!(manifest.max_positions_from, LengthOrigin::Declared, "{family}");
        assert_eq!(manifest.max_positions, config.max_positions(), "{family}");
        assert!(manifest.mask_honoured, "{family}");
        assert_eq!(manifest.digest, whole.manifest().digest);
        assert_eq!(manifest.special_tokens, whole.manifest().special_tokens);
        let files: Vec<&str> = manifest.source.files.iter().map(|file| file.name.as_str()).collect();
        assert!(files.iter().any(|name| name.starts_with("vocab.") || name.ends_with(".model")), "{files:?}");
        assert!(verify(&added.encoder, &bench.runtime, &mut |_| ()).is_sound(), "{family}");
    }
}

#[test]
fn every_family_starts_from_a_seed() {
    let Some(bench) = Bench::new() else { return };
    for &family in Family::ALL {
        let name = family.as_str();
        let json = format!(
            r#"{{"model_type": "{family}", "vocab_size": 200, "embedding_size": 10, "hidden_size": 24,
                "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 28,
                "max_position_embeddings": 50}}"#
        );
        let config = bench.write(&format!("{family}/config.json"), &json);
        let request = InitRequest { config, seed: 5, ..InitRequest::default() };
        let encoder = init(&bench.home, &bench.runtime, &request, &mut |_| ()).expect(name).encoder;
        assert_eq!(encoder.name(), format!("{family}-random"));
        let expected = EncoderConfig::from_json(json.as_bytes()).expect("is supported").max_positions();
        assert_eq!((encoder.manifest().family, encoder.max_tokens()), (Some(family), expected));
    }
}
