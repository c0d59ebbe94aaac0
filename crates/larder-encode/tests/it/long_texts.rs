//! Texts of more tokens than the encoder reads, in windows.

use std::path::{Path, PathBuf};

use larder_data::{Content, Target, TargetKind};
use larder_encode::{
    EncodeError, EncodeReport, EncodeRequest, EncodeSettings, Engine, EngineSettings, LayerSelection, LongTexts,
    TextInput, TextWindows, combine_pair, embed_texts, encode, plan_encode,
};
use larder_files::{Freshness, Provenance};
use larder_onnx::Pool;
use larder_runtime::Device;
use larder_store::{FeaturesFile, TextAlone, TokensLayout, TokensWriter};
use larder_tokens::{LONG_TEXTS, MAX_TOKENS, TokenizeSettings, Tokens};

use crate::support::{Bench, HIDDEN, READS, assert_close, row, rows, words};

const POOLS: [Pool; 7] =
    [Pool::Cls, Pool::Mean, Pool::Max, Pool::MeanSqrtLen, Pool::WeightedMean, Pool::LastToken, Pool::Pooler];

fn settings(pools: &[Pool]) -> EncodeSettings {
    EncodeSettings {
        layers: LayerSelection::All,
        pools: pools.to_vec(),
        device: Device::Cpu,
        threads: 2,
        ..EncodeSettings::default()
    }
}

fn tokens(bench: &Bench, text: &str, max_tokens: Option<usize>) -> Tokens {
    let content = Content::Text { text: text.to_owned(), text_b: None };
    bench.tokenizer.encode(&content, &TokenizeSettings { max_tokens }).unwrap()
}

fn provenance(max_tokens: usize, long: LongTexts) -> Provenance {
    let made = Provenance::new("tokenize", 2).with(MAX_TOKENS, max_tokens);
    if long == LongTexts::Windows { made.with(LONG_TEXTS, long) } else { made }
}

/// A tokens file as the stage writes it.
fn write(bench: &Bench, name: &str, texts: &[String], max_tokens: usize, long: LongTexts) -> PathBuf {
    let limit = if long == LongTexts::Cut { Some(max_tokens) } else { None };
    write_tokens(bench, name, texts.iter().map(|text| tokens(bench, text, limit)), &provenance(max_tokens, long))
}

fn write_tokens(bench: &Bench, name: &str, all: impl Iterator<Item = Tokens>, made: &Provenance) -> PathBuf {
    let path = bench.path(name);
    let mut writer = TokensWriter::create(&path, false, false, made).unwrap();
    for (at, tokens) in all.enumerate() {
        let content = Content::Text { text: format!("text {at}"), text_b: None };
        writer.push(row(at, tokens, content, Some(Target::Label("0".to_owned())), 0)).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn encoded(bench: &Bench, tokens: &Path, name: &str, settings: &EncodeSettings) -> (FeaturesFile, EncodeReport) {
    let target = bench.path(name);
    let report = bench.encode(tokens, &target, settings);
    (FeaturesFile::open(&target).unwrap(), report)
}

/// Texts of 2 to 400 words; the encoder reads 128 tokens.
fn texts() -> Vec<String> {
    [3, 400, 12, 90, 60, 2, 61, 150, 400, 33].iter().map(|&count| words(count as u64, count).join(" ")).collect()
}

/// A text's windows of at most `max_tokens` tokens, made by hand: `[CLS]`, as many tokens as in any other or one more, `[SEP]`.
fn windows(ids: &[i32], max_tokens: usize) -> Vec<Vec<i32>> {
    if ids.len() <= max_tokens {
        return vec![ids.to_vec()];
    }
    let own = &ids[1..ids.len() - 1];
    let count = own.len().div_ceil(max_tokens - 2);
    let bounds: Vec<usize> = (0..=count).map(|at| at * own.len() / count).collect();
    let window = |pair: &[usize]| [&ids[..1], &own[pair[0]..pair[1]], &ids[ids.len() - 1..]].concat();
    bounds.windows(2).map(window).collect()
}

/// Pools windows, `(tokens, vector)` each, by the formula of the book (`crates/larder/docs/data.md`).
fn pooled(pool: Pool, windows: &[(f64, &[f32])]) -> Vec<f32> {
    let total: f64 = windows.iter().map(|(n, _)| n).sum();
    let sum = |weight: &dyn Fn(f64) -> f64, divisor: f64| -> Vec<f32> {
        let of = |at: usize| windows.iter().map(|(n, v)| weight(*n) * f64::from(v[at])).sum::<f64>() / divisor;
        (0..HIDDEN).map(|at| of(at) as f32).collect()
    };
    let places = |n: f64| n * (n + 1.0) / 2.0;
    match pool {
        Pool::Max => (0..HIDDEN).map(|at| windows.iter().map(|(_, v)| v[at]).fold(f32::MIN, f32::max)).collect(),
        Pool::LastToken => windows[windows.len() - 1].1.to_vec(),
        Pool::MeanSqrtLen => sum(&f64::sqrt, total.sqrt()),
        Pool::WeightedMean => sum(&places, windows.iter().map(|(n, _)| places(*n)).sum()),
        _ => sum(&|n| n, total),
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / norm).collect()
}

#[test]
fn a_long_text_is_pooled_from_its_windows_as_said() {
    let Some(bench) = Bench::new() else { return };
    let texts = texts();
    for max_tokens in [READS, 40] {
        let whole = write(&bench, "long.parquet", &texts, max_tokens, LongTexts::Windows);
        let ids: Vec<Vec<i32>> = texts.iter().map(|text| tokens(&bench, text, None).input_ids).collect();
        let all: Vec<Vec<Vec<i32>>> = ids.iter().map(|ids| windows(ids, max_tokens)).collect();
        assert!(all.iter().any(|windows| windows.len() == 1) && all.iter().any(|windows| windows.len() > 3));
        let apart = all.iter().flatten().map(|ids| Tokens {
            type_ids: vec![0; ids.len()],
            offsets: vec![(0, 0); ids.len()],
            word_ids: vec![-1; ids.len()],
            input_ids: ids.clone(),
            truncated_tokens: 0,
        });
        let apart = write_tokens(&bench, "apart.parquet", apart, &provenance(max_tokens, LongTexts::Cut));
        let base = settings(&POOLS);
        let (separate, _) = encoded(&bench, &apart, &format!("apart-{max_tokens}"), &base);
        let (found, report) = encoded(&bench, &whole, &format!("long-{max_tokens}"), &base);
        let normalise = EncodeSettings { normalise: true, ..base.clone() };
        let (at_unit, _) = encoded(&bench, &whole, &format!("unit-{max_tokens}"), &normalise);
        let small = EncodeSettings { batch_tokens: Some(50), ..base.clone() };
        let (in_small_batches, _) = encoded(&bench, &whole, &format!("small-{max_tokens}"), &small);
        let long = all.iter().filter(|windows| windows.len() > 1).count();
        // One of the two equal ones is not run.
        assert_eq!((report.windowed_rows, report.window_tokens), (long - 1, Some(max_tokens)));
        assert_eq!((report.duplicate_rows, report.rows), (1, texts.len()));
        for pool in POOLS {
            let layers =
                if pool == Pool::Pooler { vec![String::new()] } else { ["", "_l0", "_l1"].map(str::to_owned).to_vec() };
            for layer in layers {
                let column = format!("{pool}{layer}");
                let separate = rows(&separate, &column);
                let (found, small) = (rows(&found, &column), rows(&in_small_batches, &column));
                let at_unit = rows(&at_unit, &format!("{column}_normalised"));
                let mut first = 0;
                for (text, windows) in all.iter().enumerate() {
                    let of: Vec<(f64, &[f32])> = windows
                        .iter()
                        .zip(&separate[first..])
                        .map(|(ids, vector)| (ids.len() as f64, vector.as_slice()))
                        .collect();
                    first += windows.len();
                    let expected = pooled(pool, &of);
                    let what = format!("{column} of text {text}, windows of {max_tokens}");
                    assert_close(&found[text], &expected, &what);
                    assert_close(&small[text], &expected, &format!("{what}, small batches"));
                    assert_close(&at_unit[text], &unit(&expected), &format!("{what}, at unit length"));
                }
            }
        }
        // The mean of all tokens of all windows, each run by hand.
        let mean = rows(&found, "mean");
        for (text, windows) in all.iter().enumerate() {
            let tokens: Vec<Vec<f32>> = windows.iter().flat_map(|ids| bench.by_hand(ids, 2)).collect();
            let expected: Vec<f32> =
                (0..HIDDEN).map(|at| tokens.iter().map(|v| v[at]).sum::<f32>() / tokens.len() as f32).collect();
            assert_close(&mean[text], &expected, &format!("text {text}"));
        }
        // In memory as in the file.
        let outputs = base.outputs(2).unwrap();
        let engine = EngineSettings { device: Device::Cpu, threads: 1, long: LongTexts::Windows, ..Default::default() };
        let mut engine = Engine::new(&bench.runtime, &bench.encoder, &outputs, engine).unwrap();
        let inputs: Vec<TextInput<'_>> =
            ids.iter().map(|input_ids| TextInput { input_ids, type_ids: &[], prompt: 0 }).collect();
        let window_settings = TextWindows::new(max_tokens, bench.tokenizer.special_tokens()).unwrap();
        let names = engine.columns().to_vec();
        let vectors = embed_texts(&mut engine, &inputs, Some(&window_settings)).unwrap();
        for (name, vectors) in names.iter().zip(vectors) {
            for ((text, expected), found) in rows(&found, name).iter().enumerate().zip(vectors.chunks_exact(HIDDEN)) {
                assert_close(found, expected, &format!("{name} of text {text}, in memory"));
            }
        }
    }
}

#[test]
fn texts_that_fit_have_the_same_bits_and_others_alone_are_encoded_again() {
    let Some(bench) = Bench::new() else { return };
    let pools = settings(&POOLS);
    for settings in [pools.clone(), EncodeSettings { normalise: true, ..pools }] {
        let short: Vec<String> = (0..40).map(|at| words(at, 1 + at as usize % 20).join(" ")).collect();
        let (cut, cut_report) = {
            let tokens = write(&bench, "cut.parquet", &short, READS, LongTexts::Cut);
            encoded(&bench, &tokens, "cut.features", &settings)
        };
        let tokens = write(&bench, "windows.parquet", &short, READS, LongTexts::Windows);
        let (windows, report) = encoded(&bench, &tokens, &format!("windows-{}", settings.normalise), &settings);
        assert_eq!((report.windowed_rows, report.encoded_tokens), (0, cut_report.encoded_tokens));
        for info in cut.columns() {
            assert_eq!(rows(&cut, &info.name), rows(&windows, &info.name), "{}", info.name);
        }
        std::fs::remove_file(bench.path("cut.features")).unwrap();
    }
    let settings = self::settings(&[Pool::Mean]);
    let texts = texts();
    let tokens = write(&bench, "texts.parquet", &texts, 64, LongTexts::Cut);
    let target = bench.path("texts.features");
    let (_, report) = encoded(&bench, &tokens, "texts.features", &settings);
    assert_eq!((report.encoded_rows, report.window_tokens), (9, None));
    let tokens = write(&bench, "texts.parquet", &texts, 64, LongTexts::Windows);
    let request = EncodeRequest {
        encoder: &bench.encoder,
        tokens: &tokens,
        target: &target,
        settings: &settings,
        reuse: true,
        elsewhere: &[],
    };
    let Freshness::Stale(changes) = plan_encode(&request).unwrap().freshness else { panic!("the flag changes it") };
    assert!(changes.iter().any(|change| change.to_string().contains("long")), "{changes:?}");
    let (found, report) = encoded(&bench, &tokens, "texts.features", &settings);
    assert_eq!((report.encoded_rows, report.reused_rows, report.windowed_rows), (6, 3, 6));
    assert!(plan_encode(&request).unwrap().is_fresh());
    let (fresh, _) = encoded(&bench, &tokens, "fresh.features", &settings);
    for (found, fresh) in rows(&found, "mean").iter().zip(rows(&fresh, "mean")) {
        assert_close(found, &fresh, "reused rows and others");
    }
}

#[test]
fn each_text_of_a_pair_has_its_own_windows() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.path("pairs.parquet");
    let layout = TokensLayout { has_words: false, targets: TargetKind::Number, pair: true, types: true, alone: true };
    let mut writer = TokensWriter::with_layout(&path, layout, &provenance(READS, LongTexts::Windows)).unwrap();
    let lengths = [(300, 5), (5, 300), (250, 251), (4, 6), (300, 5)];
    let text = |count: usize| words(count as u64, count).join(" ");
    for (at, &(first, second)) in lengths.iter().enumerate() {
        let alone = [first, second].map(|count| {
            let tokens = tokens(&bench, &text(count), None);
            TextAlone { input_ids: tokens.input_ids, type_ids: tokens.type_ids, truncated_tokens: 0 }
        });
        let content = Content::Text { text: text(first), text_b: Some(text(second)) };
        let together = bench.tokenizer.encode(&content, &TokenizeSettings { max_tokens: Some(READS) }).unwrap();
        let mut row = row(at, together, content, Some(Target::Number(0.5)), 0);
        row.texts_alone = Some(alone);
        writer.push(row).unwrap();
    }
    writer.finish().unwrap();
    let together = settings(&[Pool::Mean]);
    let pairs = EncodeSettings { pair_features: true, layers: LayerSelection::default(), ..together.clone() };
    let target = bench.path("pairs.features");
    let request = EncodeRequest {
        encoder: &bench.encoder,
        tokens: &path,
        target: &target,
        settings: &together,
        reuse: true,
        elsewhere: &[],
    };
    let error = plan_encode(&request).unwrap_err();
    assert!(matches!(error, EncodeError::PairWindows { .. }), "{error}");
    let mut last = (0, 0);
    let report = encode(&bench.runtime, &EncodeRequest { settings: &pairs, ..request }, &mut |progress| {
        last = (progress.rows, progress.total_rows);
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((report.rows, report.encoded_rows, report.windowed_rows, report.duplicate_rows), (5, 4, 3, 1));
    assert_eq!(last, (5, 5));
    let file = FeaturesFile::open(&target).unwrap();
    for (&(first, second), found) in lengths.iter().zip(rows(&file, "mean")) {
        let mut expected: Vec<f32> = Vec::new();
        for count in [first, second] {
            let ids = tokens(&bench, &text(count), None).input_ids;
            let tokens: Vec<Vec<f32>> = windows(&ids, READS).iter().flat_map(|ids| bench.by_hand(ids, 2)).collect();
            expected.extend((0..HIDDEN).map(|at| tokens.iter().map(|v| v[at]).sum::<f32>() / tokens.len() as f32));
        }
        expected.resize(4 * HIDDEN, 0.0);
        combine_pair(&mut expected);
        assert_close(&found, &expected, &format!("{first} and {second} words"));
    }
}

/// A chunk holds as many windows as it may hold rows, so that a text of very many does not fill the memory with others.
#[test]
fn a_very_long_text_is_read_whole() {
    let Some(bench) = Bench::new() else { return };
    let texts = [words(1, 9).join(" "), words(2, 40_000).join(" "), words(3, 9).join(" ")];
    let whole = write(&bench, "very-long.parquet", &texts, READS, LongTexts::Windows);
    let settings = EncodeSettings { layers: LayerSelection::default(), ..settings(&[Pool::Mean]) };
    let (found, report) = encoded(&bench, &whole, "very-long.features", &settings);
    let ids = tokens(&bench, &texts[1], None).input_ids;
    assert!(ids.len() > 100_000, "{}", ids.len());
    assert_eq!((report.rows, report.encoded_inputs), (3, 2 + (ids.len() - 2).div_ceil(READS - 2)));
    let first = bench.by_hand(&windows(&ids, READS)[0], 2);
    assert_eq!(first.len(), windows(&ids, READS)[0].len());
    assert!(rows(&found, "mean")[1].iter().all(|value| value.is_finite()));
}
