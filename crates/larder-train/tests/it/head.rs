//! A head on disk and in use.

use std::fs;

use crate::common::{column, labels, names};
use larder_train::{FeatureColumn, HEAD_JSON, HEAD_SAFETENSORS, LogisticHead, TrainError, TrainSettings, train};

fn trained(classes: usize) -> (LogisticHead, Vec<FeatureColumn>, Vec<usize>) {
    let gold = labels(200, classes, 1);
    let columns = vec![column("cls", &gold, 3, 0.6, 2), column("mean", &gold, 4, 0.6, 3)];
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let settings = TrainSettings { grid: vec![0.1, 1.0], ..TrainSettings::default() };
    let head = train(&views, &gold, &names(classes), &settings, &mut |_| {}).unwrap().head;
    (head, columns, gold)
}

#[test]
fn a_round_trip_keeps_every_bit() {
    for classes in [2, 4] {
        let (head, columns, _) = trained(classes);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("head");
        head.save(&path).unwrap();
        let loaded = LogisticHead::load(&path).unwrap();
        assert_eq!(loaded, head);
        let mut files: Vec<_> =
            fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, [HEAD_JSON, HEAD_SAFETENSORS]);
        // Columns are found by name, in any order, with others between.
        let views: Vec<&FeatureColumn> = columns.iter().rev().collect();
        assert_eq!(loaded.probabilities(&views).unwrap(), head.probabilities(&views).unwrap());
    }
}

#[test]
fn no_flipped_bit_makes_another_head() {
    let (head, ..) = trained(3);
    let dir = tempfile::tempdir().unwrap();
    head.save(dir.path()).unwrap();
    for name in [HEAD_JSON, HEAD_SAFETENSORS] {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        let mut named = 0;
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, flipped).unwrap();
            match LogisticHead::load(dir.path()) {
                Err(_) => named += 1,
                Ok(found) => assert_eq!(found, head, "{name}, bit {bit}"),
            }
        }
        // In JSON, a change of the checksum's own name leaves a file without one, and all values as they were.
        assert!(named * 100 >= whole.len() * 8 * 90, "{name}: {named} of {} changes were named", whole.len() * 8);
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(LogisticHead::load(dir.path()).unwrap(), head);
}

#[test]
fn answers_follow_the_threshold_and_else_the_largest_probability() {
    let (mut head, columns, gold) = trained(2);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = head.probabilities(&views).unwrap();
    for threshold in [0.0, 0.3, 0.8, 1.1] {
        head.threshold = Some(threshold);
        let expected: Vec<usize> = probabilities.column(1).iter().map(|&p| usize::from(p >= threshold)).collect();
        assert_eq!(head.predict(&views).unwrap(), expected);
    }
    let (head, columns, gold_of_four) = trained(4);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = head.probabilities(&views).unwrap();
    let answers = head.predict(&views).unwrap();
    for (row, &class) in probabilities.rows().into_iter().zip(&answers) {
        assert!(row.iter().all(|&other| other <= row[class]));
    }
    let right = |answers: &[usize], gold: &[usize]| answers.iter().zip(gold).filter(|(a, g)| a == g).count();
    assert!(right(&answers, &gold_of_four) > 120);
    assert_eq!(gold.len(), 200);
}

#[test]
fn rows_alone_score_as_they_do_together() {
    let (head, columns, _) = trained(4);
    let views: Vec<&FeatureColumn> = columns.iter().collect();
    let together = head.probabilities(&views).unwrap();
    for row in [0, 63, 64, 199] {
        let alone: Vec<FeatureColumn> = columns
            .iter()
            .map(|column| {
                let values = column.values.slice(ndarray::s![row..=row, ..]).to_owned();
                FeatureColumn::new(column.name.clone(), values)
            })
            .collect();
        let alone = head.probabilities(&alone.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(alone.row(0), together.row(row));
    }
    let none: Vec<FeatureColumn> = columns
        .iter()
        .map(|column| FeatureColumn::new(column.name.clone(), ndarray::Array2::zeros((0, column.width()))))
        .collect();
    assert_eq!(head.predict(&none.iter().collect::<Vec<_>>()).unwrap(), Vec::<usize>::new());
}

#[test]
fn other_features_are_refused_by_name() {
    let (head, columns, _) = trained(4);
    let name = head.columns[0].name.clone();
    let other = FeatureColumn::new("mean_l3", columns[0].values.clone());
    let error = head.predict(&[&other]).unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("`mean_l3`"), "{error}");
    let wide = FeatureColumn::new(name, ndarray::Array2::zeros((2, 9)));
    let error = head.predict(&[&wide]).unwrap_err().to_string();
    assert!(error.contains("9 wide"), "{error}");
}

#[test]
fn damaged_files_are_named() {
    let (head, ..) = trained(4);
    let dir = tempfile::tempdir().unwrap();
    let load = || LogisticHead::load(dir.path()).unwrap_err();
    assert!(matches!(load(), TrainError::Io { action: "read", .. }));
    head.save(dir.path()).unwrap();
    let json = dir.path().join(HEAD_JSON);
    let numbers = dir.path().join(HEAD_SAFETENSORS);
    // Without the checksum, which any change would fall to.
    let text = String::from_utf8(larder_files::unsealed_json(fs::read(&json).unwrap()).unwrap()).unwrap();

    fs::write(&json, &text[..text.len() / 2]).unwrap();
    assert!(matches!(load(), TrainError::Json { .. }));
    fs::write(&json, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
    assert!(matches!(load(), TrainError::Version { found: 2, .. }));
    fs::write(&json, text.replace("\"logistic\"", "\"crf\"")).unwrap();
    assert!(matches!(load(), TrainError::Inconsistent { .. }));
    let wide = format!("\"columns\": [{{\"name\": \"wide\", \"width\": {}}},", usize::MAX);
    fs::write(&json, text.replacen("\"columns\": [", &wide, 1)).unwrap();
    assert!(load().to_string().contains("wider than any head"));
    fs::write(&json, text.replace("\"c3\"", "\"c3\", \"c4\"")).unwrap();
    let error = load().to_string();
    assert!(error.contains("`weights`") && error.contains("expected F64 [5,"), "{error}");
    fs::write(&json, &text).unwrap();

    let bytes = fs::read(&numbers).unwrap();
    fs::write(&numbers, &bytes[..bytes.len() - 3]).unwrap();
    assert!(load().to_string().contains("is damaged"), "{}", load());
    let mut broken = bytes.clone();
    let last = broken.len();
    broken[last - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    // As somebody else's program would write it, with a checksum of its own.
    larder_files::seal_safetensors(&mut broken);
    fs::write(&numbers, broken).unwrap();
    assert!(load().to_string().contains("NaN"), "{}", load());
    fs::write(&numbers, bytes).unwrap();
    assert_eq!(LogisticHead::load(dir.path()).unwrap(), head);
}
