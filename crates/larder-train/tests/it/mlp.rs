//! A perceptron's answers against PyTorch's (`tests/goldens/mlp/recipe.py`), and its files.

use std::path::Path;

use larder_files::FileError;
use larder_train::{
    ClassWeight, FeatureColumn, HEAD_JSON, HEAD_SAFETENSORS, HeadColumn, LogisticHead, MlpHead, MlpLayer, MlpOutput,
    Standardiser, StandardiserFit, TrainError,
};
use ndarray::{Array2, s};
use safetensors::SafeTensors;

struct Golden(Vec<u8>);

impl Golden {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/mlp");
        Self(std::fs::read(folder.join(format!("{name}.safetensors"))).expect("the golden is checked in"))
    }

    fn matrix(&self, name: &str) -> Array2<f32> {
        let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
        let tensor = file.tensor(name).expect("the golden has the tensor");
        let values: Vec<f32> = tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
        let rows = if tensor.shape().len() == 1 { 1 } else { tensor.shape()[0] };
        Array2::from_shape_vec((rows, values.len() / rows), values).expect("as many values as the shape says")
    }
}

/// The tuned head, its features in two columns of which the second comes first.
fn head_and_columns() -> (MlpHead, Vec<FeatureColumn>, Array2<f32>) {
    let output = MlpOutput::Softmax { threshold: None };
    head_of("mlp", &["a", "b", "c"], output)
}

fn head_of(name: &str, classes: &[&str], output: MlpOutput) -> (MlpHead, Vec<FeatureColumn>, Array2<f32>) {
    let golden = Golden::read(name);
    let layer = |n: usize| MlpLayer {
        weight: golden.matrix(&format!("tuned.layers.{n}.weight")),
        bias: golden.matrix(&format!("tuned.layers.{n}.bias")).into_raw_vec_and_offset().0,
    };
    // What standardises the features is undone in them, so that PyTorch's come out.
    let (mean, scale) = (-3.0, 0.25);
    let features = golden.matrix("features").mapv(|value| (f64::from(value) * scale + mean) as f32);
    let part =
        |name: &str, range: std::ops::Range<usize>| FeatureColumn::new(name, features.slice(s![.., range]).to_owned());
    let columns = vec![part("mean", 4..10), part("mean_l1", 0..4)];
    let head = MlpHead {
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        columns: vec![
            HeadColumn { name: "mean_l1".to_owned(), width: 4 },
            HeadColumn { name: "mean".to_owned(), width: 6 },
        ],
        layers: (0..3).map(layer).collect(),
        standardiser: Standardiser { mean: vec![mean; 10], scale: vec![scale; 10] },
        output,
        class_weight: ClassWeight::None,
    };
    (head, columns, golden.matrix("logits"))
}

#[test]
fn logits_are_pytorchs_and_probabilities_add_up_to_one() {
    let (head, columns, expected) = head_and_columns();
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let logits = head.logits(&columns).unwrap();
    // The features' rounding at -3 (1.2e-7, times 4 for the scale) and that of the products, through three layers.
    for (logit, expected) in logits.iter().zip(&expected) {
        assert!((logit - expected).abs() < 1e-5, "{logit} for {expected}");
    }
    assert!(expected.iter().any(|logit| logit.abs() > 0.5));
    let probabilities = head.probabilities(&columns).unwrap();
    for row in probabilities.rows() {
        assert!((row.sum() - 1.0).abs() < 1e-12 && row.iter().all(|&share| (0.0..=1.0).contains(&share)));
    }
    let answers = head.predict(&columns).unwrap();
    assert!((0..3).filter(|class| answers.contains(class)).count() > 1, "{answers:?}");
    // Alone as among the others, bit by bit.
    let alone: Vec<FeatureColumn> = columns
        .iter()
        .map(|column| FeatureColumn::new(&column.name, column.values.slice(s![7..8, ..]).to_owned()))
        .collect();
    assert_eq!(head.logits(&alone.iter().collect::<Vec<_>>()).unwrap().row(0), logits.row(7));
}

#[test]
fn what_is_saved_is_read_back_bit_by_bit() {
    let (mut head, columns, _) = head_and_columns();
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    assert_eq!(MlpHead::load(folder.path()).unwrap(), head);
    // Two classes have a threshold, and a head without hidden layers is one too.
    head.classes.pop();
    head.output = MlpOutput::Softmax { threshold: Some(0.25) };
    head.layers = vec![MlpLayer { weight: Array2::from_elem((2, 10), 0.5), bias: vec![0.0, 1.0] }];
    head.save(folder.path()).unwrap();
    let read = MlpHead::load(folder.path()).unwrap();
    assert_eq!(read, head);
    // The probability of class 1 is 0.73 everywhere.
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    assert!(read.predict(&columns).unwrap().iter().all(|&class| class == 1));
    assert!(
        MlpHead { output: MlpOutput::Softmax { threshold: Some(0.75) }, ..read }
            .predict(&columns)
            .unwrap()
            .iter()
            .all(|&class| class == 0)
    );
}

#[test]
fn other_heads_and_files_that_do_not_fit_are_refused() {
    let (head, columns, _) = head_and_columns();
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    let error = LogisticHead::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("\"mlp\"") && error.contains("\"logistic\""), "{error}");
    let json = folder.path().join(HEAD_JSON);
    // Without the checksum, which any change would fall to.
    let text = String::from_utf8(larder_files::unsealed_json(std::fs::read(&json).unwrap()).unwrap()).unwrap();
    for (from, to, expected) in [
        ("12", "0", "hidden layer"),
        ("12", "13", "layers.0.weight"),
        ("\"version\": 1", "\"version\": 9", "version 9"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{text}");
        std::fs::write(&json, changed).unwrap();
        let error = MlpHead::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::write(&json, &text).unwrap();
    let numbers = folder.path().join(HEAD_SAFETENSORS);
    let bytes = std::fs::read(&numbers).unwrap();
    std::fs::write(&numbers, &bytes[..bytes.len() - 9]).unwrap();
    let error = MlpHead::load(folder.path()).unwrap_err();
    assert!(matches!(error, TrainError::File(FileError::Damaged { .. })), "{error}");
    // A number that is none in float32, in a file without a checksum.
    let mut large = head.clone();
    large.layers[0].bias[0] = 1234.5;
    large.save(folder.path()).unwrap();
    let mut bytes = std::fs::read(&numbers).unwrap();
    let changes: [(&[u8], &[u8]); 2] =
        [(b"larder-blake3:", b"another-name3:"), (&1234.5_f64.to_le_bytes(), &1e300_f64.to_le_bytes())];
    for (from, to) in changes {
        let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to);
    }
    std::fs::write(&numbers, &bytes).unwrap();
    let error = MlpHead::load(folder.path()).unwrap_err();
    assert!(matches!(error, TrainError::Inconsistent { .. }) && error.to_string().contains("float32"), "{error}");
    let error = head.logits(&[&columns[0]]).unwrap_err().to_string();
    assert!(error.contains("mean_l1"), "{error}");
}

#[test]
fn label_sets_are_answered_by_the_threshold_of_each_label() {
    let thresholds = vec![0.54, 0.44, 0.4];
    let (head, columns, logits) =
        head_of("multilabel", &["a", "b", "c"], MlpOutput::Sigmoid { thresholds: thresholds.clone() });
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = head.probabilities(&columns).unwrap();
    let sets = head.predict_sets(&columns).unwrap();
    let mut answered = [0; 3];
    for ((place, &probability), &logit) in probabilities.indexed_iter().zip(&logits) {
        // As of the logits in the first test; the logistic function makes differences no larger.
        let expected = 1.0 / (1.0 + (-f64::from(logit)).exp());
        assert!((probability - expected).abs() < 1e-5, "{probability} for {expected}");
        assert_eq!(sets[place], probability >= thresholds[place.1]);
        answered[place.1] += usize::from(sets[place]);
    }
    assert!(answered.iter().all(|count| (1..20).contains(count)), "{answered:?}");
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    assert_eq!(MlpHead::load(folder.path()).unwrap(), head);
    let error = head.predict_numbers(&columns).unwrap_err().to_string();
    assert!(error.contains("answers a set of labels a row, and was asked for a number a row"), "{error}");
}

#[test]
fn a_number_is_answered_as_it_is() {
    let (head, columns, expected) = head_of("regression", &[], MlpOutput::ANY_NUMBER);
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let numbers = head.predict_numbers(&columns).unwrap();
    assert!(numbers.len() == 20 && numbers.iter().any(|number| number.abs() > 0.5));
    assert!(numbers.iter().zip(&expected).all(|(found, &expected)| (found - f64::from(expected)).abs() < 1e-5));
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path()).unwrap();
    assert_eq!(MlpHead::load(folder.path()).unwrap(), head);
    for error in [head.probabilities(&columns).map(|_| ()), head.predict_sets(&columns).map(|_| ())] {
        assert!(matches!(error, Err(TrainError::OtherOutput { .. })), "{error:?}");
    }
}

#[test]
fn files_name_their_output_unless_it_is_one_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join(HEAD_JSON);
    // Without the checksum, which any change would fall to.
    let text = |head: &MlpHead| {
        head.save(folder.path()).unwrap();
        String::from_utf8(larder_files::unsealed_json(std::fs::read(&json).unwrap()).unwrap()).unwrap()
    };
    let classes = text(&head_and_columns().0);
    assert!(!classes.contains("output") && !classes.contains("thresholds"), "as every version has read it: {classes}");
    let refused = |head: &MlpHead, from: &str, to: &str| {
        let text = text(head);
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{text}");
        std::fs::write(&json, changed).unwrap();
        // With the cause of what is no JSON of a head.
        format!("{:?}", MlpHead::load(folder.path()).unwrap_err())
    };
    let (labels, ..) = head_of("multilabel", &["a", "b", "c"], MlpOutput::Sigmoid { thresholds: vec![0.625; 3] });
    let (number, ..) = head_of("regression", &[], MlpOutput::ANY_NUMBER);
    for (head, from, to, expected) in [
        (&labels, "0.625", "1.5", "a threshold of 1.5"),
        (&labels, "\"sigmoid\"", "\"softmax\"", "only a head of labels"),
        (&labels, "\"sigmoid\"", "\"number\"", "neither labels nor thresholds"),
        (&labels, "\"sigmoid\"", "\"tanh\"", "unknown variant `tanh`"),
        (&labels, "\"threshold\": null", "\"threshold\": 0.5", "only a head of two classes"),
        (&labels, "\"a\",", "", "3 threshold(s) for 2 label(s)"),
        (&number, "\"number\"", "\"sigmoid\"", "this has none"),
        (&number, "\"number\"", "\"softmax\"", "0 class(es)"),
    ] {
        let error = refused(head, from, to);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_standardiser_measured_in_parts_is_the_whole_ones() {
    let values = Array2::from_shape_fn((37, 3), |(row, dimension)| ((row * 31 + dimension * 7) % 17) as f32 - 300.0);
    let mut fit = StandardiserFit::new(3);
    for part in [0..5, 5..5, 5..37] {
        let part = values.slice(s![part, ..]).to_owned();
        fit.add(part.as_slice().unwrap().chunks_exact(3));
    }
    let (found, whole) = (fit.finish(), Standardiser::fit(&[&FeatureColumn::new("mean", values)]));
    for dimension in 0..3 {
        // Float64 sums of 37 numbers in another order.
        assert!((found.mean[dimension] - whole.mean[dimension]).abs() < 1e-11);
        assert!((found.scale[dimension] - whole.scale[dimension]).abs() < 1e-11);
    }
    assert_eq!(StandardiserFit::new(2).finish(), Standardiser::identity(2));
}
