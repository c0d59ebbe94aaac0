//! What makes a stage work again, and what does not.

use larder_encode::{EncodeSettings, LayerSelection};
use larder_onnx::Pool;
use larder_pipeline::{EvaluateOptions, encode_split, evaluate, forecast_split, train};
use larder_run::{EncodeOptions, Evaluation};
use larder_runtime::Device;

use crate::support::{Bench, Told, options, silently};

fn encode(bench: &Bench, options: &EncodeOptions) -> Vec<String> {
    let mut told = Told::default();
    encode_split(&bench.larder, &bench.spec, &bench.encoder, "train", options, &mut told).unwrap();
    told.0
}

#[test]
fn a_stage_works_again_for_other_data_or_settings_and_says_which() {
    let Some(bench) = Bench::new() else { return };
    let usual = EncodeOptions::default();
    assert_eq!(encode(&bench, &usual), ["Tokenize train:", "Encode train:"]);
    assert_eq!(encode(&bench, &usual), ["Tokenize train: fresh", "Encode train: fresh"]);
    assert_eq!(encode(&bench, &EncodeOptions { force: true, ..usual.clone() })[1], "Encode train:");
    // Another split is another file.
    bench.write_split("dev", 13);
    assert_eq!(encode(&bench, &usual), ["Tokenize train: fresh", "Encode train: fresh"]);
    bench.write_split("train", 41);
    let told = encode(&bench, &usual);
    assert!(told[0].starts_with("Tokenize train: ") && told[0].contains("digest"), "{told:?}");
    assert!(told[1].starts_with("Encode train: ") && told[1].contains("digest"), "{told:?}");
    let mut shorter = usual.clone();
    shorter.tokenize.max_tokens = Some(8);
    let told = encode(&bench, &shorter);
    assert!(told[0].contains("max_tokens") && told[1].contains("tokens"), "{told:?}");
}

#[test]
fn fewer_columns_than_there_are_need_nothing_and_more_are_made() {
    let Some(bench) = Bench::new() else { return };
    let of = |layers: Vec<i64>, pools: Vec<Pool>| EncodeOptions {
        settings: EncodeSettings { layers: LayerSelection::Numbers(layers), pools, ..EncodeSettings::default() },
        ..EncodeOptions::default()
    };
    encode(&bench, &of(vec![1, 2], vec![Pool::Cls, Pool::Mean]));
    assert_eq!(encode(&bench, &of(vec![2], vec![Pool::Mean]))[1], "Encode train: fresh");
    let told = encode(&bench, &of(vec![0], vec![Pool::Mean]));
    assert_eq!(told[1], "Encode train: columns");
}

#[test]
fn a_forecast_writes_no_features() {
    let Some(bench) = Bench::new() else { return };
    let options = EncodeOptions::default();
    silently(|observer| forecast_split(&bench.larder, &bench.spec, &bench.encoder, "train", &options, observer));
    assert_eq!(encode(&bench, &options), ["Tokenize train: fresh", "Encode train:"]);
}

#[test]
fn scores_of_a_split_are_kept_while_its_file_is_the_same() {
    let Some(bench) = Bench::new() else { return };
    let spec = bench.dataset("toy", &["train", "dev"]);
    bench.write_split("test", 10);
    let more = bench.dataset("toy", &["train", "dev", "test"]);
    let trained = silently(|observer| train(&bench.larder, &spec, &bench.encoder, &options(None, 1.0), observer));
    let judge = |spec, split: &str| {
        let splits = [split.to_owned()];
        let judged = EvaluateOptions { splits: &splits, device: Device::Cpu, threads: 1, coverage: None };
        silently(|observer| evaluate(&bench.larder, &trained.record, spec, &judged, observer));
        Evaluation::load(&trained.folder, &trained.record).expect("was evaluated").split_names()
    };
    assert_eq!(judge(&spec, "dev"), ["dev"]);
    assert_eq!(judge(&more, "test"), ["dev", "test"], "in the order of the dataset");
    bench.write_split("dev", 13);
    assert_eq!(judge(&more, "test"), ["test"], "scores of a file that has changed are no scores of this dataset");
}
