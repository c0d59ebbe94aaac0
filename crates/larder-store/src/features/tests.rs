use std::path::{Path, PathBuf};

use larder_files::{Provenance, digest_file};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::basic::Encoding;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter};

use super::*;
use crate::open::open_metadata;
use crate::schema::values_path;
use crate::targets::TextTargets;
use crate::{StoreError, join_parquet};

fn batch(from: usize, rows: usize, dtype: FeatureDtype) -> FeatureBatch {
    let values = |salt: usize, width: usize| -> Vec<f32> {
        (from * width..(from + rows) * width).map(|i| ((i * 37 + salt) % 1000) as f32 / 64.0 - 5.0).collect()
    };
    let info = |name: &str, width| FeatureColumnInfo { name: name.into(), width, dtype };
    FeatureBatch {
        example_ids: (from..from + rows).map(|i| format!("e{i}")).collect(),
        rows: FeatureRows::Sentences {
            targets: TextTargets::Label(
                (from..from + rows).map(|i| (i % 4 > 0).then(|| (i % 2).to_string())).collect(),
            ),
        },
        digests: (from..from + rows).map(|i| (i as u128 * 7919).to_le_bytes()).collect(),
        columns: vec![(info("mean", 6), values(1, 6)), (info("cls_l0", 3), values(2, 3))],
    }
}

fn written(folder: &Path, dtype: FeatureDtype) -> PathBuf {
    let parts: Vec<PathBuf> = [(0, 3000), (3000, 1500)]
        .iter()
        .enumerate()
        .map(|(i, &(from, rows))| {
            let path = folder.join(format!("parts/{i}.parquet"));
            write_features_part(&path, batch(from, rows, dtype)).unwrap();
            path
        })
        .collect();
    let target = folder.join("f.parquet");
    join_parquet(&parts, &target, &Provenance::new("encode", 1).with("pool", "mean")).unwrap();
    target
}

#[test]
fn parts_come_back_as_one_file() {
    for dtype in [FeatureDtype::F32, FeatureDtype::F16] {
        let folder = tempfile::tempdir().unwrap();
        let whole = batch(0, 4500, dtype);
        let file = FeaturesFile::open(&written(folder.path(), dtype)).unwrap();
        assert_eq!(file.rows(), 4500);
        assert_eq!(file.provenance().unwrap().parts["pool"], "mean");
        assert_eq!(
            file.columns().iter().map(|c| (c.name.as_str(), c.width, c.dtype)).collect::<Vec<_>>(),
            [("mean", 6, dtype), ("cls_l0", 3, dtype)]
        );
        assert_eq!(file.example_ids().unwrap(), whole.example_ids);
        assert_eq!(file.level(), Level::Sentence);
        assert_eq!(FeatureRows::Sentences { targets: file.targets().unwrap() }, whole.rows);
        assert_eq!(file.digests().unwrap(), whole.digests);
        // The values are multiples of 1/64 below 16: exact in half precision too.
        assert_eq!(file.column("mean").unwrap(), whole.columns[0].1);
        assert_eq!(file.column("cls_l0").unwrap(), whole.columns[1].1);
    }
}

#[test]
fn integers_come_back_with_their_scale_whatever_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = batch(0, 4500, FeatureDtype::I8);
    let file = FeaturesFile::open(&written(folder.path(), FeatureDtype::I8)).unwrap();
    let columns: Vec<_> = file.columns().iter().map(|c| (c.name.as_str(), c.width, c.dtype)).collect();
    assert_eq!(columns, [("mean", 6, FeatureDtype::I8), ("cls_l0", 3, FeatureDtype::I8)], "scales are no vectors");
    let found = file.column("mean").unwrap();
    for (row, (found, expected)) in found.chunks(6).zip(whole.columns[0].1.chunks(6)).enumerate() {
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            // Half a step, and what the scale was rounded by.
            assert!(
                (found - expected).abs() <= largest * (0.5 / 127.0 + 1.0 / 512.0),
                "row {row}: {found}, {expected}"
            );
        }
    }
    let rows = [0, 1, 1023, 2999, 3000, 4499];
    let here: Vec<f32> = rows.iter().flat_map(|&row| found[row * 6..(row + 1) * 6].to_vec()).collect();
    assert_eq!(file.rows_of(&rows, &["cls_l0", "mean"]).unwrap()[1], here);
    let mut range = Vec::new();
    file.read_range(2990..3010, &["mean", "cls_l0"], &mut range).unwrap();
    assert!(range.chunks(9).zip(found.chunks(6).skip(2990)).all(|(both, mean)| both[..6] == *mean));
    // Written again from what was read, nothing drifts.
    let again = folder.path().join("again.parquet");
    let columns = vec![(whole.columns[0].0.clone(), found.clone())];
    write_features_part(&again, FeatureBatch { columns, ..whole }).unwrap();
    assert_eq!(FeaturesFile::open(&again).unwrap().column("mean").unwrap(), found);
}

#[test]
fn single_rows_are_read_across_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let whole = batch(0, 4500, FeatureDtype::F32);
    let file = FeaturesFile::open(&written(folder.path(), FeatureDtype::F32)).unwrap();
    let rows = [0, 1, 2, 1023, 1024, 2999, 3000, 4499];
    let got = file.rows_of(&rows, &["cls_l0", "mean"]).unwrap();
    let expected = |c: usize, width: usize| -> Vec<f32> {
        rows.iter().flat_map(|&r| whole.columns[c].1[r * width..(r + 1) * width].to_vec()).collect()
    };
    assert_eq!(got[0], expected(1, 3));
    assert_eq!(got[1], expected(0, 6));
    assert_eq!(file.rows_of(&[], &["mean"]).unwrap(), vec![Vec::<f32>::new()]);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = |f: &Path| std::fs::read(written(f, FeatureDtype::F32)).unwrap();
    assert_eq!(bytes(a.path()), bytes(b.path()));
}

/// The bytes of files of sentences: what else changes, such files stay what they are. (They changed on 2026-11-29, when files got
/// checksums.)
#[test]
fn files_of_sentences_keep_their_bytes() {
    let golden = [
        (FeatureDtype::F32, "190b804c2e2522d02d17c63f2e3cb5d7dc312f296bb69cc55dbc6da3b0723cc1"),
        (FeatureDtype::F16, "b5ca7de5f91f6fee1160998bbdd5f0d1341512955e9198f6a5e086124a833844"),
    ];
    for (dtype, expected) in golden {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(digest_file(&written(folder.path(), dtype)).unwrap(), expected, "{dtype}");
    }
}

#[test]
fn float32_vectors_are_byte_stream_split() {
    let folder = tempfile::tempdir().unwrap();
    for (dtype, expected) in [(FeatureDtype::F32, true), (FeatureDtype::F16, false)] {
        let path = written(&folder.path().join(dtype.to_string()), dtype);
        let (_, metadata) = open_metadata(&path).unwrap();
        let column = metadata.row_group(0).columns().iter().find(|c| c.column_path() == &values_path("mean")).unwrap();
        assert_eq!(column.encodings().any(|e| e == Encoding::BYTE_STREAM_SPLIT), expected);
        assert!(!column.encodings().any(|e| matches!(e, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)));
    }
}

#[test]
fn an_unknown_column_names_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = FeaturesFile::open(&written(folder.path(), FeatureDtype::F32)).unwrap();
    let error = file.column("pooler").unwrap_err().to_string();
    assert!(error.contains("`pooler`") && error.contains("mean, cls_l0"), "{error}");
}

#[test]
fn no_rows_are_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("p/0.parquet");
    write_features_part(&part, batch(0, 0, FeatureDtype::F32)).unwrap();
    let target = folder.path().join("f.parquet");
    join_parquet(&[part], &target, &Provenance::new("encode", 1)).unwrap();
    let file = FeaturesFile::open(&target).unwrap();
    assert_eq!((file.rows(), file.column("mean").unwrap().len()), (0, 0));
}

#[test]
fn row_groups_stay_within_the_bounds() {
    let info = |width| FeatureColumnInfo { name: "mean".into(), width, dtype: FeatureDtype::F32 };
    assert_eq!(rows_per_group(&[info(384)]), 65_536);
    assert_eq!(rows_per_group(&[info(32)]), 65_536);
    assert_eq!(rows_per_group(&[info(768)]), 32_768);
    assert_eq!(rows_per_group(&vec![info(1024); 75]), 1_024);
}

/// `count` sentences of 1 to 7 words.
fn words(count: usize) -> FeatureBatch {
    let rows: Vec<(usize, usize)> = (0..count).flat_map(|s| (0..1 + s % 7).map(move |w| (s, w))).collect();
    let info = |name: &str, width, dtype| FeatureColumnInfo { name: name.into(), width, dtype };
    let values = |width: usize, salt: usize| -> Vec<f32> {
        (0..rows.len() * width).map(|i| ((i * 37 + salt) % 1000) as f32 / 64.0 - 5.0).collect()
    };
    FeatureBatch {
        example_ids: rows.iter().map(|(s, _)| format!("s{s}")).collect(),
        rows: FeatureRows::Words {
            positions: rows.iter().map(|&(_, w)| w as i32).collect(),
            words: rows.iter().map(|(s, w)| format!("wörd{}", (s + w) % 11)).collect(),
            tags: rows.iter().map(|&(s, w)| (s % 5 > 0).then(|| ["O", "B-x"][w % 2].to_owned())).collect(),
        },
        digests: rows.iter().map(|&(s, _)| (s as u128 * 7919).to_le_bytes()).collect(),
        columns: vec![
            (info("embedding_l1", 5, FeatureDtype::F32), values(5, 3)),
            (info("embedding", 2, FeatureDtype::F16), values(2, 8)),
        ],
    }
}

#[test]
fn words_come_back_with_their_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.parquet");
    let whole = words(900);
    write_features_part(&path, whole.clone()).unwrap();
    let file = FeaturesFile::open(&path).unwrap();
    assert_eq!((file.level(), file.rows()), (Level::Word, whole.example_ids.len()));
    assert_eq!(file.example_ids().unwrap(), whole.example_ids);
    let (positions, tags) = (file.positions().unwrap(), file.tags().unwrap());
    assert_eq!(FeatureRows::Words { positions, words: file.words().unwrap(), tags }, whole.rows);
    assert_eq!(file.digests().unwrap(), whole.digests);
    assert_eq!(file.column("embedding_l1").unwrap(), whole.columns[0].1);
    assert_eq!(file.column("embedding").unwrap(), whole.columns[1].1);
    let mut texts = Vec::new();
    file.visit_strings("word", |word| texts.push(word.unwrap().to_owned())).unwrap();
    assert_eq!(texts, file.words().unwrap());
    for error in [file.labels().unwrap_err(), file.tokens().unwrap_err(), file.word_indices().unwrap_err()] {
        assert!(matches!(&error, StoreError::Column { .. }) && error.to_string().contains("w.parquet"), "{error}");
    }
}

#[test]
fn tokens_come_back_with_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let rows = FeatureRows::Tokens {
        positions: vec![0, 1, 2, 0],
        words: vec![0, 0, 1, 0],
        tokens: ["un", "##able", ".", "ok"].map(str::to_owned).to_vec(),
        tags: vec![Some("B-x".into()), Some("B-x".into()), None, None],
    };
    let info = FeatureColumnInfo { name: "embedding".into(), width: 2, dtype: FeatureDtype::F32 };
    let batch = FeatureBatch {
        example_ids: ["a", "a", "a", "b"].map(str::to_owned).to_vec(),
        rows: rows.clone(),
        digests: vec![[1; 16], [1; 16], [1; 16], [2; 16]],
        columns: vec![(info, (0..8u8).map(f32::from).collect())],
    };
    write_features_part(&path, batch).unwrap();
    let file = FeaturesFile::open(&path).unwrap();
    assert_eq!(file.level(), Level::Token);
    let (positions, words, tags) = (file.positions().unwrap(), file.word_indices().unwrap(), file.tags().unwrap());
    assert_eq!(FeatureRows::Tokens { positions, words, tokens: file.tokens().unwrap(), tags }, rows);
    assert!(file.words().unwrap_err().to_string().contains("`word` is Int32"));
}

#[test]
fn ranges_are_read_side_by_side_across_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("p/0.parquet");
    let whole = words(900);
    let rows = whole.example_ids.len();
    write_features_part(&part, whole.clone()).unwrap();
    let target = folder.path().join("f.parquet");
    join_parquet(&[part.clone(), part.clone(), part], &target, &Provenance::new("encode", 1)).unwrap();
    let file = FeaturesFile::open(&target).unwrap();
    assert_eq!(file.rows(), 3 * rows);
    assert_eq!(file.width(&["embedding", "embedding_l1"]).unwrap(), 7);
    let mut into = vec![9.0; 3];
    let ranges = [0..1, 0..rows, rows - 1..rows + 1, 1500..1600, rows - 3..2 * rows + 3, rows..rows + 1, 7..7];
    for range in ranges.into_iter().chain([3 * rows - 1..3 * rows, 0..3 * rows, 3 * rows..3 * rows]) {
        file.read_range(range.clone(), &["embedding", "embedding_l1"], &mut into).unwrap();
        let expected: Vec<f32> = range
            .clone()
            .map(|row| row % rows)
            .flat_map(|r| [&whole.columns[1].1[r * 2..(r + 1) * 2], &whole.columns[0].1[r * 5..(r + 1) * 5]].concat())
            .collect();
        assert_eq!(into, expected, "{range:?}");
    }
    let error = file.read_range(0..3 * rows + 1, &["embedding"], &mut into).unwrap_err().to_string();
    assert!(error.contains("f.parquet") && error.contains(&(3 * rows).to_string()), "{error}");
    assert!(file.read_range(0..1, &["mean"], &mut into).unwrap_err().to_string().contains("embedding_l1, embedding"));
}

#[test]
fn choices_have_one_spelling() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(*level));
    }
    assert_eq!(
        "words".parse::<Level>().unwrap_err().to_string(),
        "unknown level `words`; known are sentence, word, token"
    );
    assert_eq!("f64".parse::<FeatureDtype>().unwrap_err().to_string(), "unknown dtype `f64`; known are f32, f16, i8");
}

#[test]
fn a_footer_that_tells_of_more_rows_than_memory_holds_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), FeatureDtype::F32);
    let (_, metadata) = open_metadata(&path).unwrap();
    let (own, rows) = (metadata.file_metadata(), 1_i64 << 50);
    // The new footer says nothing of checksums, which it would not have.
    let pairs = own.key_value_metadata().unwrap().iter().filter(|pair| pair.key == ARROW_SCHEMA_META_KEY);
    let pairs = Some(pairs.cloned().collect());
    let file = FileMetaData::new(own.version(), rows, None, pairs, own.schema_descr_ptr(), None);
    let group = metadata.row_group(0).clone().into_builder().set_num_rows(rows).build().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    ParquetMetaDataWriter::new(&mut bytes, &ParquetMetaData::new(file, vec![group])).finish().unwrap();
    std::fs::write(&path, bytes).unwrap();
    let file = FeaturesFile::open(&path).unwrap();
    assert_eq!(file.rows(), 1 << 50);
    let found = [
        file.column("mean").map(drop),
        file.example_ids().map(drop),
        file.digests().map(drop),
        file.read_range(0..file.rows(), &["mean", "cls_l0"], &mut Vec::new()),
    ];
    for result in found {
        assert!(matches!(result, Err(StoreError::Parquet { .. })), "{result:?}");
    }
}
