//! Features encoded again as their file says they were made.

use std::path::PathBuf;

use larder_encode::{EncodeSettings, LayerSelection};
use larder_onnx::Pool;
use larder_pipeline::{
    FeaturesVerification, PipelineError, VerifiedColumn, VerifyOptions, WrongRow, encode_split, verify_features,
};
use larder_run::{EncodeOptions, Silent};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Level};

use crate::support::Bench;

fn everything() -> VerifyOptions {
    VerifyOptions { encoder: None, tokens: None, examples: None, seed: 0, device: Device::Cpu, threads: 1 }
}

fn encode(bench: &Bench, settings: EncodeSettings) -> PathBuf {
    let options = EncodeOptions { settings, ..EncodeOptions::default() };
    encode_split(&bench.larder, &bench.spec, &bench.encoder, "train", &options, &mut Silent).unwrap().0
}

#[test]
fn every_kind_of_features_says_enough_of_itself_to_be_made_again() {
    let Some(bench) = Bench::new() else { return };
    let layers = |layers: &[i64]| LayerSelection::Numbers(layers.to_vec());
    let usual = EncodeSettings::default;
    for settings in [
        usual(),
        EncodeSettings { layers: layers(&[0, -1]), pools: vec![Pool::Pooler, Pool::Mean, Pool::Cls], ..usual() },
        EncodeSettings { level: Level::Token, layers: layers(&[1, 2]), ..usual() },
        EncodeSettings { dtype: FeatureDtype::F16, ..usual() },
        EncodeSettings { batch_tokens: Some(64), ..usual() },
    ] {
        let features = encode(&bench, settings.clone());
        let found = verify_features(&bench.larder, &features, &everything(), &mut Silent)
            .unwrap_or_else(|error| panic!("{settings:?}: {error}"));
        assert!(found.is_sound() && found.check().is_ok(), "{settings:?}: {found:?}");
        assert_eq!((found.examples_checked, found.examples, found.rows_checked), (40, 40, found.rows), "{settings:?}");
        assert_eq!(found.rows > 40, settings.level == Level::Token, "{settings:?}");
        assert!(!found.columns.is_empty() && found.columns.iter().all(|one| one.largest_relative <= found.tolerance));
    }
}

#[test]
fn a_draw_has_the_size_asked_for_and_its_seed_decides() {
    let Some(bench) = Bench::new() else { return };
    let features = encode(&bench, EncodeSettings::default());
    for (examples, checked) in [(0, 0), (7, 7), (40, 40), (1000, 40)] {
        let options = VerifyOptions { examples: Some(examples), ..everything() };
        let found = verify_features(&bench.larder, &features, &options, &mut Silent).unwrap();
        assert_eq!((found.examples_checked, found.rows_checked, found.is_sound()), (checked, checked, true));
        assert_eq!(found.device.is_some(), checked > 0, "where nothing is encoded nothing ran");
    }
}

#[test]
fn features_whose_sources_are_gone_or_others_are_refused_with_the_way_out() {
    let Some(bench) = Bench::new() else { return };
    bench.encoder("other", 2);
    let features = encode(&bench, EncodeSettings::default());
    let why = |options: VerifyOptions| match verify_features(&bench.larder, &features, &options, &mut Silent) {
        Err(PipelineError::Unverifiable { path, why }) if path == features => why,
        other => panic!("{other:?}"),
    };
    let other = why(VerifyOptions { encoder: Some("other".to_owned()), ..everything() });
    assert!(other.contains("no longer there") && other.contains("encoder"), "{other}");
    // The tokens of another split are not those it was made from.
    let dev = encode_split(&bench.larder, &bench.spec, &bench.encoder, "dev", &EncodeOptions::default(), &mut Silent);
    dev.unwrap();
    let tokens = bench.larder.home().tokens("toy", "tiny", "dev").unwrap();
    assert!(why(VerifyOptions { tokens: Some(tokens), ..everything() }).contains("no longer there"));
    // A copy elsewhere has no tokens beside it, and is sound where they are named.
    let copy = bench.path("copy.parquet");
    std::fs::copy(&features, &copy).unwrap();
    let alone = verify_features(&bench.larder, &copy, &everything(), &mut Silent).unwrap_err();
    assert!(alone.to_string().contains("--tokens FILE"), "{alone}");
    let tokens = bench.larder.home().tokens("toy", "tiny", "train").unwrap();
    let named = VerifyOptions { tokens: Some(tokens.clone()), ..everything() };
    assert!(verify_features(&bench.larder, &copy, &named, &mut Silent).unwrap().is_sound());
    std::fs::remove_file(tokens).unwrap();
    assert!(why(everything()).contains("--tokens FILE"));
}

#[test]
fn the_first_wrong_row_is_the_one_that_is_told() {
    let wrong = |row: usize| WrongRow {
        row,
        example_id: format!("train-{row}"),
        column: "mean".to_owned(),
        relative: 0.5 + row as f64,
    };
    let found = FeaturesVerification {
        features: "train.parquet".into(),
        tokens: "tokens.parquet".into(),
        encoder: "tiny".to_owned(),
        device: None,
        examples_checked: 40,
        examples: 40,
        rows_checked: 40,
        rows: 40,
        columns: Vec::<VerifiedColumn>::new(),
        tolerance: 1e-3,
        wrong_rows: 12,
        wrong: vec![wrong(3), wrong(9)],
        notes: Vec::new(),
    };
    assert!(!found.is_sound());
    let error = found.check().unwrap_err();
    assert!(
        matches!(error, PipelineError::WrongVectors { wrong: 12, checked: 40, row: 3, relative: 3.5, .. }),
        "{error:?}"
    );
}
