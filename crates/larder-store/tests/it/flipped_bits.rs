//! One bit of a file changes: reading it whole is an error, or gives what was written.

use std::path::Path;

use larder_data::{Content, Target, TargetKind};
use larder_files::Provenance;
use larder_store::{
    FeatureBatch, FeatureColumnInfo, FeatureDtype, FeatureRows, FeaturesFile, SplitPredictions, StepRecord, StoreError,
    TextAnswers, TextTargets, TokenRow, TokensProjection, TokensReader, TokensWriter, join_parquet, open_checked,
    write_features_part, write_history, write_predictions,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const ROWS: usize = 40;

/// Flips one bit of every byte, another one from byte to byte, and reads the file with `read`.
fn flip_each(path: &Path, read: impl Fn() -> Result<String, String>) {
    let whole = std::fs::read(path).unwrap();
    let expected = read().expect("the file is whole");
    let mut named = 0;
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at * 5 % 8);
        std::fs::write(path, flipped).unwrap();
        match read() {
            Err(_) => named += 1,
            Ok(found) => assert_eq!(found, expected, "byte {at} of {}: read as something else", whole.len()),
        }
    }
    eprintln!("{}: {named} of {} changes named, the others without effect", path.display(), whole.len());
    // All of such a file is one block. Without the 8 bytes by which checksums are found it is read as a file that has none.
    assert!(named + 8 >= whole.len(), "{named} of {} changes were named", whole.len());
    std::fs::write(path, whole).unwrap();
    assert_eq!(read().unwrap(), expected);
}

fn message(error: StoreError) -> String {
    let message = error.to_string();
    assert!(message.contains(".parquet"), "names its file: {message}");
    message
}

/// Everything in a Parquet file of larder's that has no reader of its own.
fn records(path: &Path) -> Result<String, String> {
    let file = open_checked(path).map_err(message)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let metadata = format!("{:?}", reader.metadata().file_metadata().key_value_metadata());
    let batches: Vec<_> =
        reader.build().map_err(|e| e.to_string())?.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    Ok(format!("{metadata} {batches:?}"))
}

#[test]
fn of_features() {
    let folder = tempfile::tempdir().unwrap();
    let (part, path) = (folder.path().join("part.parquet"), folder.path().join("f.parquet"));
    let info = |name: &str, width| FeatureColumnInfo { name: name.into(), width, dtype: FeatureDtype::F32 };
    let values = |width: usize| (0..ROWS * width).map(|at| (at * 37 % 1000) as f32 / 64.0 - 5.0).collect();
    let batch = FeatureBatch {
        example_ids: (0..ROWS).map(|row| format!("e{row}")).collect(),
        rows: FeatureRows::Sentences {
            targets: TextTargets::Label((0..ROWS).map(|row| (row % 4 > 0).then(|| row.to_string())).collect()),
        },
        digests: (0..ROWS).map(|row| (row as u128 * 7919).to_le_bytes()).collect(),
        columns: vec![(info("mean", 6), values(6)), (info("cls_l0", 3), values(3))],
    };
    write_features_part(&part, batch).unwrap();
    join_parquet(&[part], &path, &Provenance::new("encode", 1).with("pool", "mean")).unwrap();
    flip_each(&path, || {
        let read = || -> Result<String, StoreError> {
            let file = FeaturesFile::open(&path)?;
            let bits =
                |name: &str| file.column(name).map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>());
            Ok(format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                file.provenance(),
                file.example_ids()?,
                file.targets()?,
                file.digests()?,
                bits("mean")?,
                bits("cls_l0")?
            ))
        };
        read().map_err(message)
    });
}

#[test]
fn of_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let provenance = Provenance::new("tokenize", 1).with("max_tokens", 512);
    let mut writer = TokensWriter::create(&path, false, true, &provenance).unwrap();
    for row in 0..ROWS {
        let tokens = || 0..2 + row as i32 % 5;
        let pushed = TokenRow {
            example_id: row.to_string(),
            document: 0,
            content: Content::Text { text: format!("text {row}"), text_b: Some(format!("beside {row}")) },
            target: (row % 3 > 0).then(|| Target::Label(format!("label {}", row % 2))),
            input_ids: tokens().map(|token| token * 7 + row as i32).collect(),
            type_ids: tokens().map(|token| token % 2).collect(),
            offsets: tokens().map(|token| (token, token + 1)).collect(),
            word_ids: tokens().map(|token| token - 1).collect(),
            truncated_tokens: row as u32 % 3,
            texts_alone: None,
        };
        writer.push(pushed).unwrap();
    }
    writer.finish().unwrap();
    flip_each(&path, || {
        let read = || -> Result<String, StoreError> {
            let reader = TokensReader::open(&path, TokensProjection::All)?;
            let provenance = format!("{:?}", reader.provenance());
            let mut rows = Vec::new();
            for batch in reader {
                rows.extend(batch?.rows(&path)?);
            }
            Ok(format!("{provenance} {rows:?}"))
        };
        read().map_err(message)
    });
}

#[test]
fn of_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.parquet");
    let split = SplitPredictions {
        split: "dev".into(),
        example_ids: (0..ROWS).map(|row| row.to_string()).collect(),
        targets: TextTargets::Label((0..ROWS).map(|row| (row % 5 > 0).then(|| "yes".to_owned())).collect()),
        answers: TextAnswers::Label {
            answers: (0..ROWS).map(|row| row % 2).collect(),
            probabilities: (0..ROWS).flat_map(|row| [row as f32 / 64.0, 1.0 - row as f32 / 64.0]).collect(),
        },
    };
    let labels = ["no".to_owned(), "yes".to_owned()];
    write_predictions(&path, &labels, TargetKind::Label, &[split], &[], &Provenance::new("eval", 1)).unwrap();
    flip_each(&path, || records(&path));
}

#[test]
fn of_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    let step = |at: usize| StepRecord {
        step: at as i64 + 1,
        loss: 1.0 / (at + 1) as f64,
        grad_norm: at as f64 * 0.3,
        learning_rate: 2e-5,
        score: (at % 8 == 7).then_some(0.5),
        ..StepRecord::default()
    };
    write_history(&path, &(0..ROWS).map(step).collect::<Vec<_>>(), &Provenance::new("finetune", 1)).unwrap();
    flip_each(&path, || records(&path));
}
