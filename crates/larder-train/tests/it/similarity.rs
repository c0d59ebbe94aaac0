//! Heads that compare vectors: against plain loops, refits without a row, and their files.

use larder_train::{
    FeatureColumn, HEAD_JSON, SimilarityHead, SimilarityKind, SimilaritySettings, TrainError, TrainedSimilarity,
    TrainingRows,
};
use ndarray::{Array2, Axis};

use crate::common::noise;

const CLASSES: usize = 3;
/// Products are summed in float32, of 6 dimensions and unit vectors; temperatures up to 100 multiply that.
const TOLERANCE: f64 = 1e-4;

/// Trains without names.
fn train_similarity(
    columns: &[&FeatureColumn],
    labels: &[usize],
    classes: &[String],
    ids: &[String],
    settings: &SimilaritySettings,
    progress: &mut dyn FnMut(larder_train::SimilarityProgress<'_>),
) -> Result<TrainedSimilarity, TrainError> {
    let rows = TrainingRows { columns, labels, classes, ids, names: &[] };
    larder_train::train_similarity(&rows, settings, progress)
}

fn classes() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).into()
}

/// Rows around a point of their class, and a column of noise.
fn data(rows: usize) -> ([FeatureColumn; 2], Vec<usize>, Vec<String>) {
    let labels: Vec<usize> = (0..rows).map(|row| (row * row + row / 5) % CLASSES).collect();
    let signal = Array2::from_shape_fn((rows, 6), |(row, dimension)| {
        let own = if dimension % CLASSES == labels[row] { 1.0 } else { 0.2 };
        (own + 1.6 * noise(1, row * 6 + dimension)) as f32
    });
    let other = Array2::from_shape_fn((rows, 4), |(row, dimension)| noise(2, row * 4 + dimension) as f32);
    let ids = (0..rows).map(|row| format!("row-{row}")).collect();
    ([FeatureColumn::new("mean_l1", signal), FeatureColumn::new("mean", other)], labels, ids)
}

fn trained(columns: &[FeatureColumn], labels: &[usize], ids: &[String], kind: SimilarityKind) -> TrainedSimilarity {
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    train_similarity(&columns, labels, &classes(), ids, &SimilaritySettings::new(kind), &mut |_| {}).unwrap()
}

fn raw(kind: SimilarityKind, neighbours: usize) -> SimilaritySettings {
    let settings = SimilaritySettings::new(kind);
    SimilaritySettings { neighbours: vec![neighbours], standardise: false, ..settings }
}

fn cosine(first: &[f64], second: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(first, second) / (dot(first, first) * dot(second, second)).sqrt()
}

fn wide(column: &FeatureColumn) -> Vec<Vec<f64>> {
    column.values.rows().into_iter().map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect()
}

/// The head's probabilities by plain loops over float64.
fn plain(head: &SimilarityHead, train: &[Vec<f64>], labels: &[usize], row: &[f64]) -> Vec<f64> {
    let references: Vec<(Vec<f64>, usize)> = match head.kind {
        SimilarityKind::Knn => train.iter().cloned().zip(labels.iter().copied()).collect(),
        SimilarityKind::Prototype | SimilarityKind::Labels => (0..CLASSES)
            .map(|class| {
                let mut sum = vec![0.0; row.len()];
                for (values, _) in train.iter().zip(labels).filter(|(_, label)| **label == class) {
                    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
                    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / length);
                }
                (sum, class)
            })
            .collect(),
    };
    let mut found: Vec<(f64, usize)> =
        references.iter().map(|(reference, class)| (cosine(row, reference), *class)).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let even = if head.kind == SimilarityKind::Knn { 1.0 / CLASSES as f64 } else { 0.0 };
    let mut votes = [even; CLASSES];
    for (similarity, class) in found.iter().take(head.neighbours) {
        votes[*class] += (head.temperature * (similarity - found[0].0)).exp();
    }
    let all: f64 = votes.iter().sum();
    votes.iter().map(|vote| vote / all).collect()
}

#[test]
fn probabilities_are_those_of_plain_loops() {
    let ([signal, _], labels, ids) = data(60);
    let (fitted, new) = (signal.values.slice(ndarray::s![..40, ..]), signal.values.slice(ndarray::s![40.., ..]));
    let (fitted, new) = (FeatureColumn::new("mean", fitted.to_owned()), FeatureColumn::new("mean", new.to_owned()));
    for (kind, neighbours) in [(SimilarityKind::Prototype, 5), (SimilarityKind::Knn, 1), (SimilarityKind::Knn, 7)] {
        let settings = raw(kind, neighbours);
        let head = train_similarity(&[&fitted], &labels[..40], &classes(), &ids[..40], &settings, &mut |_| {});
        let head = head.unwrap().head;
        let found = head.probabilities(&[&new]).unwrap();
        for (row, found) in wide(&new).iter().zip(found.rows()) {
            let expected = plain(&head, &wide(&fitted), &labels[..40], row);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < TOLERANCE, "{kind}: {found} for {expected}");
            }
        }
        let right = found.rows().into_iter().zip(&labels[40..]).filter(|(row, label)| {
            row.iter().enumerate().all(|(class, share)| class == **label || *share < row[**label])
        });
        assert!(right.count() > 12, "a constant answer is right for 7 of 20");
    }
}

#[test]
fn a_left_out_row_is_answered_as_by_a_head_without_it() {
    let ([signal, _], labels, ids) = data(30);
    for kind in [SimilarityKind::Prototype, SimilarityKind::Knn] {
        let settings = raw(kind, 3);
        let whole = train_similarity(&[&signal], &labels, &classes(), &ids, &settings, &mut |_| {}).unwrap();
        assert_eq!(whole.left_out, (0..30).collect::<Vec<_>>());
        let probabilities = whole.left_out_probabilities.unwrap();
        for row in [0, 7, 29] {
            let others: Vec<usize> = (0..30).filter(|other| *other != row).collect();
            let pick = |rows: &[usize]| FeatureColumn::new("mean_l1", signal.values.select(Axis(0), rows));
            let kept: Vec<usize> = others.iter().map(|&other| labels[other]).collect();
            let kept_ids: Vec<String> = others.iter().map(|&other| ids[other].clone()).collect();
            let fitted = pick(&others);
            let without = train_similarity(&[&fitted], &kept, &classes(), &kept_ids, &settings, &mut |_| {}).unwrap();
            // The temperature is chosen on all rows, and need not be that of the others alone.
            let head = SimilarityHead { temperature: whole.head.temperature, ..without.head };
            let expected = head.probabilities(&[&pick(&[row])]).unwrap();
            for (found, expected) in probabilities.row(row).iter().zip(expected.row(0)) {
                assert!((found - expected).abs() < TOLERANCE, "{kind}, row {row}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn the_column_with_a_signal_is_chosen_and_the_order_of_rows_changes_nothing() {
    let (columns, labels, ids) = data(80);
    let backwards: Vec<usize> = (0..80).rev().collect();
    let turned: Vec<FeatureColumn> = columns
        .iter()
        .map(|column| FeatureColumn::new(&column.name, column.values.select(Axis(0), &backwards)))
        .collect();
    let turned_labels: Vec<usize> = backwards.iter().map(|&row| labels[row]).collect();
    let turned_ids: Vec<String> = backwards.iter().map(|&row| ids[row].clone()).collect();
    for kind in [SimilarityKind::Prototype, SimilarityKind::Knn] {
        let first = trained(&columns, &labels, &ids, kind);
        let selection = first.selection.as_ref().unwrap();
        assert_eq!(selection.best().candidate, "mean_l1", "{kind}: {:?}", selection.best_by_candidate());
        let scores = first.left_out_scores.as_ref().unwrap();
        assert!(scores.mcc > 0.6 && scores.mcc < 1.0, "{kind}: {}", scores.mcc);
        assert!((scores.accuracy - selection.best().accuracy).abs() < 1e-12);
        let second = trained(&turned, &turned_labels, &turned_ids, kind);
        let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
        let (one, two) = (first.head.probabilities(&borrowed).unwrap(), second.head.probabilities(&borrowed).unwrap());
        assert!(one.iter().zip(&two).all(|(one, two)| (one - two).abs() < TOLERANCE), "{kind}");
        // Single rows are answered as all together.
        let alone: Vec<FeatureColumn> = columns
            .iter()
            .map(|column| FeatureColumn::new(&column.name, column.values.select(Axis(0), &[5])))
            .collect();
        let alone = first.head.probabilities(&alone.iter().collect::<Vec<_>>()).unwrap();
        assert!(alone.row(0).iter().zip(one.row(5)).all(|(one, two)| (one - two).abs() < TOLERANCE), "{kind}");
    }
}

#[test]
fn evidence_names_the_nearest_rows() {
    let (columns, labels, ids) = data(40);
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let head = trained(&columns, &labels, &ids, SimilarityKind::Knn).head;
    let evidence = head.evidence(&borrowed, 2).unwrap();
    for (row, of_row) in evidence.iter().enumerate() {
        let [own, next] = of_row.as_slice() else { panic!("{of_row:?}") };
        assert_eq!((own.id.as_str(), own.class), (ids[row].as_str(), labels[row]));
        assert!((own.similarity - 1.0).abs() < 1e-6 && next.similarity <= own.similarity);
    }
    let prototypes = trained(&columns, &labels, &ids, SimilarityKind::Prototype).head;
    assert!(prototypes.evidence(&borrowed, 2).unwrap().iter().all(Vec::is_empty));
}

#[test]
fn a_row_a_class_is_enough_and_nothing_is_chosen_then() {
    let ([signal, other], _, ids) = data(3);
    for kind in [SimilarityKind::Prototype, SimilarityKind::Knn] {
        let settings = SimilaritySettings::new(kind);
        let trained =
            train_similarity(&[&signal, &other], &[2, 0, 1], &classes(), &ids, &settings, &mut |_| {}).unwrap();
        assert!(trained.selection.is_none() && trained.left_out_scores.is_none());
        assert!(trained.unchosen.unwrap().contains("all 2 columns") || trained.head.columns.len() == 2);
        assert_eq!(trained.train_scores.accuracy, 1.0, "{kind}");
    }
}

#[test]
fn a_vector_of_zeros_is_as_far_from_everything() {
    let ([mut signal, _], labels, ids) = data(12);
    signal.values.row_mut(4).fill(0.0);
    for kind in [SimilarityKind::Prototype, SimilarityKind::Knn] {
        let settings = raw(kind, 12);
        let trained = train_similarity(&[&signal], &labels, &classes(), &ids, &settings, &mut |_| {}).unwrap();
        let zero = FeatureColumn::new("mean_l1", Array2::zeros((1, 6)));
        let found = trained.head.probabilities(&[&zero]).unwrap();
        assert!(found.iter().all(|share| share.is_finite()) && (found.sum() - 1.0).abs() < 1e-12, "{found}");
        if kind == SimilarityKind::Prototype {
            assert!(found.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-12), "{found}");
        }
    }
}

#[test]
fn the_files_give_the_same_head_again_and_damage_is_told() {
    let (columns, labels, ids) = data(30);
    for kind in [SimilarityKind::Prototype, SimilarityKind::Knn] {
        let head = trained(&columns, &labels, &ids, kind).head;
        let folder = tempfile::tempdir().unwrap();
        head.save(folder.path()).unwrap();
        assert_eq!(SimilarityHead::load(folder.path()).unwrap(), head);
        let json = folder.path().join(HEAD_JSON);
        // Without the checksum, which any change would fall to.
        let text = String::from_utf8(larder_files::unsealed_json(std::fs::read(&json).unwrap()).unwrap()).unwrap();
        let damaged = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            std::fs::write(&json, text.replacen(from, to, 1)).unwrap();
            SimilarityHead::load(folder.path()).unwrap_err().to_string()
        };
        let neighbours = format!("\"neighbours\": {}", head.neighbours);
        assert!(damaged(&neighbours, "\"neighbours\": 0").contains("0 of"), "{kind}");
        assert!(damaged(&neighbours, "\"neighbours\": 31").contains("31 of"), "{kind}");
        let references = format!("\"references\": {}", head.references.nrows());
        assert!(!damaged(&references, "\"references\": 4000000000").is_empty(), "{kind}");
        assert!(damaged("\"version\": 1", "\"version\": 9").contains("format version 9"), "{kind}");
        assert!(damaged("\"kind\": \"similarity\"", "\"kind\": \"ridge\"").contains("ridge"), "{kind}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let ([signal, _], labels, ids) = data(12);
    let settings = SimilaritySettings::new(SimilarityKind::Knn);
    let train = |columns: &[&FeatureColumn], labels: &[usize], settings: &SimilaritySettings| {
        train_similarity(columns, labels, &classes(), &ids, settings, &mut |_| {}).unwrap_err()
    };
    let none = SimilaritySettings { neighbours: vec![3, 0], ..settings.clone() };
    assert!(matches!(train(&[&signal], &labels, &none), TrainError::Setting { .. }));
    let empty = SimilaritySettings { neighbours: Vec::new(), ..settings.clone() };
    assert!(matches!(train(&[&signal], &labels, &empty), TrainError::Setting { .. }));
    assert!(matches!(train(&[&signal], &[0; 12], &settings), TrainError::ClassWithoutRows { .. }));
    assert!(matches!(train(&[], &labels, &settings), TrainError::NoColumns));
    let mut bad = signal.clone();
    bad.values[[3, 2]] = f32::NAN;
    assert!(matches!(train(&[&bad], &labels, &settings), TrainError::NonFinite { row: 3, .. }));
}

#[test]
fn names_help_where_rows_are_few_and_wrong_ones_count_for_little() {
    let (columns, labels, ids) = data(9);
    let [signal, other] = &columns;
    // What the rows of a class lean to, without noise.
    let known =
        Array2::from_shape_fn((CLASSES, 6), |(class, dimension)| if dimension % CLASSES == class { 1.0 } else { 0.2 });
    let known = FeatureColumn::new("mean_l1", known);
    // Another class's.
    let wrong = FeatureColumn::new("mean_l1", known.values.select(Axis(0), &[1, 2, 0]));
    let test = data(90);
    let classes = classes();
    let fit = |name: &FeatureColumn| {
        let names = [name.clone(), FeatureColumn::new("mean", Array2::zeros((CLASSES, 4)))];
        let borrowed = [signal, other];
        let rows = TrainingRows { columns: &borrowed, labels: &labels, classes: &classes, ids: &ids, names: &names };
        let settings = SimilaritySettings::new(SimilarityKind::Labels);
        larder_train::train_similarity(&rows, &settings, &mut |_| {}).unwrap()
    };
    let right = |head: &SimilarityHead| {
        let answers = head.answers(&head.probabilities(&[&test.0[0], &test.0[1]]).unwrap());
        answers.iter().zip(&test.1).filter(|(answer, label)| answer == label).count()
    };
    let (helped, misled) = (fit(&known), fit(&wrong));
    let loss = |trained: &TrainedSimilarity| trained.selection.as_ref().unwrap().best().log_loss;
    assert!(loss(&helped) < loss(&misled), "{} and {}", loss(&helped), loss(&misled));
    // Names of other classes count for as little as they may.
    assert_eq!(misled.selection.as_ref().unwrap().best().name_rows, Some(1.0));
    let without = right(&trained(&columns, &labels, &ids, SimilarityKind::Prototype).head);
    assert!(right(&helped.head) > without, "{} and {without} of 90", right(&helped.head));
    // A row of each class is enough to choose by: the names are left.
    assert_eq!(helped.left_out.len(), 9);

    let folder = tempfile::tempdir().unwrap();
    helped.head.save(folder.path()).unwrap();
    assert_eq!(SimilarityHead::load(folder.path()).unwrap(), helped.head);
    let missing = TrainingRows { columns: &[signal], labels: &labels, classes: &classes, ids: &ids, names: &[] };
    let settings = SimilaritySettings::new(SimilarityKind::Labels);
    assert!(matches!(
        larder_train::train_similarity(&missing, &settings, &mut |_| {}),
        Err(TrainError::MissingColumn { .. })
    ));
}
