//! Pairs whose texts are read by themselves.

use larder_data::{Content, Target};
use larder_encode::{EncodeError, EncodeRequest, EncodeSettings, LayerSelection, encode, plan_encode};
use larder_files::{Freshness, Provenance};
use larder_runtime::Device;
use larder_store::{FeaturesFile, TextAlone, TokensLayout, TokensWriter};
use larder_tokens::TokenizeSettings;

use crate::support::{Bench, HIDDEN, TOLERANCE, row, words};

/// The only layer that the model shows as it was added.
const LAST_LAYER: usize = 2;

fn settings() -> EncodeSettings {
    EncodeSettings {
        pair_features: true,
        layers: LayerSelection::All,
        device: Device::Cpu,
        threads: 2,
        ..EncodeSettings::default()
    }
}

/// Pairs of texts of 1 to 12 words; every sixth is one of the first two again.
fn pairs(count: usize) -> Vec<[String; 2]> {
    let text = |seed: usize| words(seed as u64, 1 + seed % 12).join(" ");
    (0..count).map(|at| if at % 6 == 5 { at / 6 % 2 } else { 10 + at }).map(|at| [text(at), text(900 + at)]).collect()
}

fn write(bench: &Bench, name: &str, pairs: &[[String; 2]]) -> std::path::PathBuf {
    let path = bench.path(name);
    let layout = TokensLayout {
        has_words: false,
        targets: larder_data::TargetKind::Number,
        pair: true,
        types: true,
        alone: true,
    };
    let mut writer = TokensWriter::with_layout(&path, layout, &Provenance::new("tokenize", 2)).unwrap();
    for (at, [first, second]) in pairs.iter().enumerate() {
        let content = Content::Text { text: first.clone(), text_b: Some(second.clone()) };
        let of = |content: &Content| bench.tokenizer.encode(content, &TokenizeSettings::default()).unwrap();
        let alone = |text: &String| {
            let tokens = of(&Content::Text { text: text.clone(), text_b: None });
            TextAlone { input_ids: tokens.input_ids, type_ids: tokens.type_ids, truncated_tokens: 0 }
        };
        let tokens = of(&content);
        let mut row = row(at, tokens, content, Some(Target::Number(at as f64)), 0);
        row.texts_alone = Some([alone(first), alone(second)]);
        writer.push(row).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// The mean vector of a text alone, of the last layer, at unit length.
fn by_hand(bench: &Bench, text: &str) -> Vec<f32> {
    let content = Content::Text { text: text.to_owned(), text_b: None };
    let tokens = bench.tokenizer.encode(&content, &TokenizeSettings::default()).unwrap();
    let vectors = bench.by_hand(&tokens.input_ids, LAST_LAYER);
    let mean: Vec<f32> =
        (0..HIDDEN).map(|at| vectors.iter().map(|v| v[at]).sum::<f32>() / vectors.len() as f32).collect();
    let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
    mean.into_iter().map(|value| value / norm).collect()
}

#[test]
fn each_text_is_read_as_if_it_were_alone() {
    let Some(bench) = Bench::new() else { return };
    let pairs = pairs(40);
    let tokens = write(&bench, "pairs.parquet", &pairs);
    let target = bench.path("pairs.features.parquet");
    let settings = settings();
    let request = EncodeRequest {
        encoder: &bench.encoder,
        tokens: &tokens,
        target: &target,
        settings: &settings,
        reuse: true,
        elsewhere: &[],
    };
    let mut last = (0, 0);
    let report = encode(&bench.runtime, &request, &mut |progress| {
        assert!(progress.rows <= progress.total_rows && progress.tokens <= progress.total_tokens, "{progress:?}");
        last = (progress.rows, progress.tokens);
        assert_eq!(progress.total_rows, 40);
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((report.rows, report.encoded_rows, report.duplicate_rows, last.0), (40, 36, 4, 40));
    assert_eq!(report.encoded_inputs, 72);
    let file = FeaturesFile::open(&target).unwrap();
    assert_eq!(file.width(&["mean_l0"]).unwrap(), 4 * HIDDEN);
    let all: Vec<usize> = (0..pairs.len()).collect();
    let vectors = file.rows_of(&all, &["mean"]).unwrap().remove(0);
    for (pair, found) in pairs.iter().zip(vectors.chunks_exact(4 * HIDDEN)) {
        let [u, v] = [&pair[0], &pair[1]].map(|text| by_hand(&bench, text));
        let differences = u.iter().zip(&v).map(|(u, v)| (u - v).abs());
        let products = u.iter().zip(&v).map(|(u, v)| u * v);
        let expected: Vec<f32> = u.iter().chain(&v).copied().chain(differences).chain(products).collect();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < TOLERANCE, "{pair:?}: {found} and {expected}");
        }
    }
    assert!(matches!(plan_encode(&request).unwrap().freshness, Freshness::Fresh));
}

#[test]
fn rows_are_taken_from_the_file_that_is_replaced_whole() {
    let Some(bench) = Bench::new() else { return };
    let first = pairs(30);
    let mut second = pairs(40);
    // The same texts in the other order are another pair.
    second[0].reverse();
    let (tokens, target, settings) = (write(&bench, "one.parquet", &first), bench.path("features.parquet"), settings());
    bench.encode(&tokens, &target, &settings);
    let tokens = write(&bench, "two.parquet", &second);
    let report = bench.encode(&tokens, &target, &settings);
    assert!(report.reused_rows >= 24 && report.encoded_rows > 0, "{report:?}");
    let fresh = bench.path("fresh.parquet");
    bench.encode(&tokens, &fresh, &settings);
    let rows = |path: &std::path::Path| {
        let all: Vec<usize> = (0..40).collect();
        FeaturesFile::open(path).unwrap().rows_of(&all, &["mean"]).unwrap().remove(0)
    };
    for (reused, fresh) in rows(&target).iter().zip(rows(&fresh)) {
        assert!((reused - fresh).abs() < TOLERANCE, "{reused} {fresh}");
    }
}

#[test]
fn texts_without_a_second_one_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let tokens = bench.write_texts("texts.parquet", &["one text", "another"]);
    let (target, settings) = (bench.path("none.parquet"), settings());
    let request = EncodeRequest {
        encoder: &bench.encoder,
        tokens: &tokens,
        target: &target,
        settings: &settings,
        reuse: true,
        elsewhere: &[],
    };
    assert!(matches!(plan_encode(&request), Err(EncodeError::NoPairs { .. })));
    assert_ne!(settings.kind(), EncodeSettings { pair_features: false, ..settings.clone() }.kind());
}
