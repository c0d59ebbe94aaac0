//! Encoding again: equal sentences, files that are replaced, and runs that were killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_encode::{EncodeRequest, EncodeSettings, GraphChoice, Level, WordPool, encode, plan_encode};
use larder_runtime::bfloat16_kernel;
use larder_store::FeaturesFile;

use crate::support::{Bench, Line, TOLERANCE, layers, line, rows, word_level};

/// Every file of a folder.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), std::fs::read(entry.path()).ok()?))).collect()
}

#[test]
fn a_killed_run_of_words_goes_on_and_ends_in_the_same_bytes() {
    let Some(bench) = Bench::new() else { return };
    // Three row groups of 65,536 words; every fifth sentence is one of the first ten again.
    let lines: Vec<Line> = (0..2950).map(|at| line(if at % 5 == 4 { at % 50 / 5 } else { 100 + at }, 45)).collect();
    let words: usize = lines.iter().map(|line| line.words.len()).sum();
    assert!(words > 2 * 65_536);
    let tokens = bench.write_lines("many.parquet", &lines);
    let target = bench.path("many.features.parquet");
    let folder = bench.path("many.features.parquet.parts");
    let settings = word_level(WordPool::First);
    let request = EncodeRequest {
        encoder: &bench.encoder,
        tokens: &tokens,
        target: &target,
        settings: &settings,
        reuse: true,
        elsewhere: &[],
    };
    let mut after_two = BTreeMap::new();
    let mut last = 0;
    let report = encode(&bench.runtime, &request, &mut |progress| {
        assert!(progress.rows >= last && progress.tokens <= progress.total_tokens, "{progress:?}");
        last = progress.rows;
        // While the third part is run, the first lies there whole, and the second in most cases.
        if progress.rows > 2 * 65_536 && after_two.is_empty() {
            after_two = snapshot(&folder);
        }
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((report.rows, report.sentences, report.level), (words, 2950, Level::Word));
    // 590 sentences are drawn from 10, of which each is run once.
    assert_eq!(report.duplicate_rows, 580 * 45);
    assert_eq!(report.encoded_rows + report.duplicate_rows, words);
    let whole = std::fs::read(&target).unwrap();
    assert!(after_two.keys().any(|path| path.ends_with("000000.parquet")), "{:?}", after_two.keys());
    assert!(!folder.exists());

    // As a kill leaves it: finished parts, and of the next one nothing.
    std::fs::remove_file(&target).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    after_two.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    let report = bench.encode(&tokens, &target, &settings);
    assert!(report.resumed_rows > 60_000 && report.encoded_rows < words, "{report:?}");
    assert_eq!(report.resumed_rows + report.encoded_rows + report.duplicate_rows, words);
    assert!(std::fs::read(&target).unwrap() == whole, "the same bytes however often it was killed");

    // Equal sentences have equal rows, across parts too.
    let file = FeaturesFile::open(&target).unwrap();
    let (first, copy) = (4 * 45, 2904 * 45);
    assert_eq!(lines[4].words, lines[2904].words);
    let mut into = [Vec::new(), Vec::new()];
    file.read_range(first..first + 45, &["embedding"], &mut into[0]).unwrap();
    file.read_range(copy..copy + 45, &["embedding"], &mut into[1]).unwrap();
    assert_eq!(into[0], into[1]);
}

#[test]
fn rows_of_the_file_that_is_replaced_are_used_again() {
    let Some(bench) = Bench::new() else { return };
    let settings = word_level(WordPool::Mean);
    let target = bench.path("word.parquet");
    let mut lines: Vec<Line> = (0..20).map(|at| line(at, 3 + at as usize)).collect();
    // The same sentence twice, one after the other: its rows in the file are one run of equal digests.
    lines.push(line(3, 6));
    lines.insert(3, line(3, 6));
    bench.encode(&bench.write_lines("a.parquet", &lines), &target, &settings);
    let before = rows(&FeaturesFile::open(&target).unwrap(), "embedding");

    // One sentence gone, one new, the rest in another order; one sentence split into other words.
    let mut changed: Vec<Line> = (0..20).rev().filter(|&at| at != 7).map(|at| line(at, 3 + at as usize)).collect();
    changed.push(line(77, 4));
    let report = bench.encode(&bench.write_lines("b.parquet", &changed), &target, &settings);
    let words: usize = changed.iter().map(|line| line.words.len()).sum();
    assert_eq!((report.rows, report.encoded_rows, report.reused_rows), (words, 4, words - 4));
    let after = rows(&FeaturesFile::open(&target).unwrap(), "embedding");
    // Sentence 19 was the last before the copy, and is the first now.
    let old: usize = lines[..20].iter().map(|line| line.words.len()).sum();
    assert_eq!(lines[20].words, changed[0].words);
    assert_eq!(after[..22], before[old..old + 22]);
    let three = after.len() - 4 - (3 + 4 + 5 + 6);
    assert_eq!(changed[changed.len() - 5].words, lines[3].words);
    assert_eq!(after[three..three + 6], before[12..18]);
}

#[test]
fn what_decides_the_vectors_makes_a_file_stale() {
    let Some(bench) = Bench::new() else { return };
    let lines: Vec<Line> = (0..4).map(|at| line(at, 5)).collect();
    let tokens = bench.write_lines("t.parquet", &lines);
    let target = bench.path("t.features.parquet");
    let plan = |settings: &EncodeSettings| {
        let request = EncodeRequest {
            encoder: &bench.encoder,
            tokens: &tokens,
            target: &target,
            settings,
            reuse: true,
            elsewhere: &[],
        };
        plan_encode(&request).unwrap()
    };
    let base = layers(word_level(WordPool::First), "-1,-2");
    assert!(!plan(&base).is_fresh());
    bench.encode(&tokens, &target, &base);
    assert!(plan(&base).is_fresh());
    assert!(plan(&word_level(WordPool::First)).is_fresh(), "a layer of those that are there");
    let changed = plan(&EncodeSettings { stride: Some(9), ..base.clone() });
    assert!(format!("{:?}", changed.freshness).contains("stride") && changed.rows_reusable);
    let changed = plan(&EncodeSettings { word_pool: WordPool::Mean, ..base.clone() });
    assert!(format!("{:?}", changed.freshness).contains("word_pool") && !changed.rows_reusable);
    let changed = plan(&EncodeSettings { level: Level::Token, ..base.clone() });
    assert!(format!("{:?}", changed.freshness).contains("level") && !changed.rows_reusable);
    // A further layer keeps those there were.
    let more = layers(word_level(WordPool::First), "0");
    assert_eq!(plan(&more).outputs.len(), 3);
    bench.encode(&tokens, &target, &more);
    let file = FeaturesFile::open(&target).unwrap();
    assert_eq!(file.columns().len(), 3);
    assert_eq!(file.provenance().unwrap().parts["level"], "word");
    // No sentence is longer than a window: another stride gives the same rows, which are reused.
    let report = bench.encode(&tokens, &target, &EncodeSettings { stride: Some(9), ..base });
    assert_eq!((report.reused_rows, report.encoded_rows), (20, 0));
}

#[test]
fn rows_of_other_files_are_used_where_their_vectors_are_the_same() {
    let Some(bench) = Bench::new() else { return };
    let (first, second) = (word_level(WordPool::First), word_level(WordPool::Mean));
    let lines: Vec<Line> = (0..20).map(|at| line(at, 3 + at as usize)).collect();
    let (one, other) = (bench.path("one.parquet"), bench.path("other.parquet"));
    bench.encode(&bench.write_lines("a.parquet", &lines), &one, &layers(first.clone(), "-1,-2"));

    // Four sentences that are there and a new one, of 4 words.
    let mut fewer: Vec<Line> = [11, 5, 5, 2].map(|at| line(at, 3 + at as usize)).into();
    fewer.push(line(77, 4));
    let tokens = bench.write_lines("b.parquet", &fewer);
    let words: usize = fewer.iter().map(|line| line.words.len()).sum();
    let encode_with = |elsewhere: &[&PathBuf], settings: &EncodeSettings, reuse: bool| {
        let _ = std::fs::remove_file(&other);
        let elsewhere: Vec<PathBuf> = elsewhere.iter().map(|path| (*path).clone()).collect();
        let request = EncodeRequest {
            encoder: &bench.encoder,
            tokens: &tokens,
            target: &other,
            settings,
            reuse,
            elsewhere: &elsewhere,
        };
        let report = encode(&bench.runtime, &request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        (report.encoded_rows, report.reused_rows)
    };
    assert_eq!(encode_with(&[], &first, true), (words - 8, 0), "the second of two equal sentences is a copy");
    let alone = rows(&FeaturesFile::open(&other).unwrap(), "embedding");
    assert_eq!(encode_with(&[&one], &first, true), (4, words - 4));
    let copied = rows(&FeaturesFile::open(&other).unwrap(), "embedding");
    let there = rows(&FeaturesFile::open(&one).unwrap(), "embedding");
    let before_11: usize = (0..11).map(|at| 3 + at).sum();
    assert_eq!(copied[..14], there[before_11..before_11 + 14], "the same bits");
    for (copied, alone) in copied.iter().flatten().zip(alone.iter().flatten()) {
        assert!((copied - alone).abs() <= TOLERANCE, "{copied} and {alone}");
    }

    // Not where anything else would be copied.
    assert_eq!(encode_with(&[&one], &first, false), (words - 8, 0), "not to be reused");
    assert_eq!(encode_with(&[&one], &second, true), (words - 8, 0), "words pooled otherwise");
    assert_eq!(encode_with(&[&one], &layers(first.clone(), "0"), true), (words - 8, 0), "a layer that is not there");
    if bfloat16_kernel().is_some() {
        let rounded = EncodeSettings { graph: GraphChoice::Bfloat16, ..first.clone() };
        assert_eq!(encode_with(&[&one], &rounded, true), (words - 8, 0), "another graph");
    }

    // A file that cannot be read is passed over, and one behind it is read.
    let cut = bench.path("cut.parquet");
    let bytes = std::fs::read(&one).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let missing = bench.path("missing.parquet");
    assert_eq!(encode_with(&[&cut, &missing, &one], &first, true), (4, words - 4));
}
