//! Perceptrons on features: what they learn, from where, and when they stop.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder_metrics::{ClassificationScores, ConfusionMatrix, Metric};
use larder_runtime::Runtime;
use larder_train::{
    DEFAULT_MLP_LEARNING_RATE, FeatureColumn, FeatureRows, FeaturesInMemory, HeadColumn, MlpScores, MlpSettings,
    MlpTargets, ThresholdChoice, TrainError, TrainSettings, TrainedMlp, train_mlp,
};
use ndarray::Array2;
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

const ROWS: usize = 1500;

fn runtime() -> Runtime {
    Runtime::load(None).expect("ONNX Runtime is installed (just setup)")
}

/// Which of four corners a row lies near, and noise: class 1 where both signs are alike. No plane parts the classes. The
/// scales are far apart, and the corners lie far from zero.
fn corners(rows: usize, seed: u64) -> (Vec<FeatureColumn>, Vec<usize>) {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let (mut first, mut second, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let signs = [random.random_range(0..2), random.random_range(0..2)];
        let mut near = |sign: i32| (2 * sign - 1) as f32 + random.random_range(-0.5..0.5);
        first.extend([1000.0 + 100.0 * near(signs[0]), near(0)]);
        second.extend([0.01 * near(signs[1]), near(0), near(0)]);
        labels.push(usize::from(signs[0] == signs[1]));
    }
    let column = |name: &str, width: usize, values: Vec<f32>| {
        FeatureColumn::new(name, Array2::from_shape_vec((rows, width), values).unwrap())
    };
    (vec![column("mean", 2, first), column("mean_l1", 3, second)], labels)
}

fn settings() -> MlpSettings {
    MlpSettings { hidden: vec![16, 8], epochs: 8, learning_rate: 1e-2, dropout: 0.1, ..Default::default() }
}

fn classes() -> Vec<String> {
    ["apart", "alike"].map(str::to_owned).to_vec()
}

fn trained(settings: &MlpSettings, threads: usize) -> Result<TrainedMlp, TrainError> {
    let (columns, labels) = corners(ROWS, 1);
    let source = FeaturesInMemory::new(columns).unwrap();
    let targets = MlpTargets::Classes { labels: &labels, classes: &classes() };
    train_mlp(&runtime(), &source, &targets, settings, threads, &mut |_| {})
}

fn scores(scores: MlpScores) -> ClassificationScores {
    scores.classes().expect("rows have classes").clone()
}

fn mcc(answers: &[usize], gold: &[usize]) -> f64 {
    Metric::Mcc.of(&ConfusionMatrix::from_classes(gold, answers, 2).unwrap())
}

#[test]
fn it_learns_what_no_linear_head_can() {
    let trained = trained(&settings(), 1).unwrap();
    let (columns, gold) = corners(400, 2);
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let found = mcc(&trained.head.predict(&columns).unwrap(), &gold);
    assert!(found > 0.95, "{found}");
    let (own, held_out) = (scores(trained.train_scores), scores(trained.held_out_scores.unwrap()));
    assert!(own.mcc > 0.95 && held_out.mcc > 0.95);
    assert_eq!((trained.held_out_rows, own.rows), (ROWS / 5, (ROWS - ROWS / 5) as u64));
    let (train, labels) = corners(ROWS, 1);
    let linear_settings = TrainSettings { grid: vec![1.0], ..Default::default() };
    let train: Vec<&FeatureColumn> = train.iter().collect();
    let linear = larder_train::train(&train, &labels, &classes(), &linear_settings, &mut |_| {}).unwrap().head;
    let linear = mcc(&linear.predict(&columns).unwrap(), &gold);
    assert!(linear < 0.5, "a plane parts one corner from three at best (MCC 0.58): {linear}");
    let raw = self::trained(&MlpSettings { standardise: false, ..settings() }, 1).unwrap();
    assert!(raw.head.standardiser.mean.iter().all(|&mean| mean == 0.0));
}

#[test]
fn seeds_differ_and_threads_do_not() {
    let one = trained(&settings(), 1).unwrap();
    assert_eq!(one, trained(&settings(), 1).unwrap());
    assert_eq!(one, trained(&settings(), 2).unwrap());
    assert_eq!(one, trained(&settings(), 3).unwrap());
    let other = trained(&MlpSettings { seed: 1, ..settings() }, 1).unwrap();
    assert_ne!(one.head, other.head);
}

/// The graph's answers, by the loss and scores that were worked out from them, against those of the head.
#[test]
fn the_head_answers_as_the_graph_did() {
    let settings = MlpSettings { threshold: ThresholdChoice::Half, epochs: 3, ..settings() };
    let trained = trained(&settings, 1).unwrap();
    let (columns, labels) = corners(ROWS, 1);
    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let probabilities = trained.head.probabilities(&columns).unwrap();
    // Which rows were held out is the scoring's own division.
    let held_out = larder_metrics::stratified_folds(&labels, 5, settings.seed).unwrap();
    let of = |fold: bool| (0..ROWS).filter(|&row| (held_out[row] == 0) == fold).collect::<Vec<_>>();
    let rows = of(true);
    let counts = |class: usize| of(false).iter().filter(|&&row| labels[row] == class).count() as f64;
    let weight = |class: usize| (counts(0) + counts(1)) / (2.0 * counts(class));
    let (mut sum, mut counted) = (0.0, 0.0);
    for &row in &rows {
        sum += weight(labels[row]) * -probabilities[[row, labels[row]]].ln();
        counted += weight(labels[row]);
    }
    let expected = trained.epochs[trained.best].held_out_loss.unwrap();
    // A loss of 0.1 to 0.7 in float32, through three layers.
    assert!((sum / counted - expected).abs() < 1e-5, "{} {expected}", sum / counted);
    let answers = trained.head.answers(&probabilities);
    let pick = |values: &[usize]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
    let found = mcc(&pick(&answers), &pick(&labels));
    assert_eq!(found, scores(trained.held_out_scores.unwrap()).mcc);
    assert_eq!(Some(found), trained.epochs[trained.best].score);
}

/// As a file larger than memory: reads are counted.
struct Counted {
    source: FeaturesInMemory,
    rows_read: AtomicUsize,
    fail_after: usize,
}

impl FeatureRows for Counted {
    fn columns(&self) -> &[HeadColumn] {
        self.source.columns()
    }

    fn rows(&self) -> usize {
        self.source.rows()
    }

    fn read(&self, rows: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        if self.rows_read.fetch_add(rows.len(), Ordering::Relaxed) >= self.fail_after {
            return Err(TrainError::Source { source: "the disk is gone".into() });
        }
        self.source.read(rows, into)
    }
}

#[test]
fn what_does_not_fit_into_memory_is_read_in_every_epoch_and_learned_as_well() {
    let (columns, labels) = corners(3000, 1);
    let run = |memory_bytes, fail_after| {
        let source = FeaturesInMemory::new(columns.clone()).unwrap();
        let source = Counted { source, rows_read: AtomicUsize::new(0), fail_after };
        let settings = MlpSettings { epochs: 3, patience: 3, memory_bytes, ..settings() };
        let targets = MlpTargets::Classes { labels: &labels, classes: &classes() };
        let trained = train_mlp(&runtime(), &source, &targets, &settings, 1, &mut |_| {});
        (trained, source.rows_read.into_inner())
    };
    let (whole, read) = run(1 << 30, usize::MAX);
    assert_eq!(read, 2 * 3000, "to measure, and to train");
    let (streamed, read) = run(1024 * 5 * 4, usize::MAX);
    let (whole, streamed) = (whole.unwrap(), streamed.unwrap());
    // Measured once; then each epoch's training and judging, and the last two scorings. A block that is in memory when it is
    // its turn is not read again.
    let all = 3000 * (1 + 3 * 2 + 2);
    assert!((all - 8 * 1024..=all).contains(&read), "{read}");
    assert_ne!(whole.head, streamed.head, "the order is another");
    assert_eq!(whole.head.standardiser, streamed.head.standardiser);
    let held_out = scores(streamed.held_out_scores.unwrap()).mcc;
    assert!(held_out > 0.95, "{held_out}");
    let (failed, _) = run(1024 * 5 * 4, 7000);
    let error = failed.unwrap_err();
    assert!(matches!(&error, TrainError::Source { .. }), "{error:?}");
}

#[test]
fn the_best_epoch_is_kept_and_patience_ends_the_run() {
    let mut told = Vec::new();
    // Labels that nothing tells of: no epoch is better for long.
    let (columns, _) = corners(ROWS, 1);
    let labels: Vec<usize> = (0..ROWS).map(|row| (row * 7919 % 1009) % 2).collect();
    let source = FeaturesInMemory::new(columns).unwrap();
    let settings = MlpSettings { epochs: 60, patience: 2, ..settings() };
    let names = classes();
    let targets = MlpTargets::Classes { labels: &labels, classes: &names };
    let trained = train_mlp(&runtime(), &source, &targets, &settings, 1, &mut |epoch| told.push(epoch.clone()));
    let trained = trained.unwrap();
    assert_eq!(trained.epochs, told);
    assert!(told.len() < 60 && told.len() == trained.best + 3, "{} {}", told.len(), trained.best);
    let best = &told[trained.best];
    assert!(told.iter().all(|epoch| epoch.score <= best.score));
    assert_eq!(
        trained.held_out_scores.map(|found| scores(found).mcc),
        best.score,
        "the scores are those of the parameters that were kept"
    );
    assert_eq!(trained.head.threshold(), best.threshold);
}

#[test]
fn of_one_row_a_class_nothing_is_held_out_and_all_epochs_are_run() {
    // As wide as a small encoder's vectors, and any three of these differ.
    let values = Array2::from_shape_fn((3, 384), |(row, at)| ((row * 384 + at) as f32 * 12.989_8).sin());
    let columns = vec![FeatureColumn::new("mean", values)];
    let names = ["a", "b", "c"].map(str::to_owned);
    let train = |settings: &MlpSettings| {
        let source = FeaturesInMemory::new(columns.clone()).unwrap();
        let targets = MlpTargets::Classes { labels: &[0, 1, 2], classes: &names };
        train_mlp(&runtime(), &source, &targets, settings, 1, &mut |_| {}).unwrap()
    };
    let trained = train(&MlpSettings::default());
    assert_eq!((trained.held_out_rows, trained.epochs.len(), trained.best), (0, 40, 39));
    assert_eq!(trained.held_out_scores, None);
    assert!(trained.epochs.iter().all(|epoch| epoch.score.is_none() && epoch.held_out_loss.is_none()));
    let why = trained.unchosen.unwrap();
    assert!(why.contains("1 training row(s)") && why.contains("all 40 epochs, class weight balanced;"), "{why}");
    assert_eq!(scores(trained.train_scores).accuracy, 1.0, "the usual settings learn three rows");
    assert_eq!(train(&MlpSettings { epochs: 7, patience: 1, ..MlpSettings::default() }).epochs.len(), 7);
    // A record that has them reads back.
    let epochs = serde_json::to_string(&trained.epochs).unwrap();
    assert_eq!(serde_json::from_str::<Vec<larder_train::MlpEpoch>>(&epochs).unwrap(), trained.epochs);
}

#[test]
fn a_threshold_that_gains_nothing_on_other_held_out_rows_is_left_at_half() {
    let trained = trained(&settings(), 1).unwrap();
    for epoch in &trained.epochs {
        let gain = epoch.threshold_gain.expect("it was tuned");
        assert_eq!(epoch.threshold != Some(0.5), gain.gain > gain.standard_error, "{epoch:?}");
    }
    assert_eq!(trained.head.threshold(), Some(0.5), "classes are told apart at 0.5 already");
}

#[test]
fn what_cannot_be_trained_is_said_with_the_knob_to_turn() {
    let error = trained(&MlpSettings { learning_rate: 1e30, warmup: 0.0, clip: None, ..settings() }, 1).unwrap_err();
    assert!(matches!(error, TrainError::MlpNotFinite { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("step 2") && text.contains("lower the learning rate (now 9.9"), "{text}");
    let (columns, mut labels) = corners(20, 1);
    let source = FeaturesInMemory::new(columns).unwrap();
    let run = |labels: &[usize], classes: &[String]| {
        let targets = MlpTargets::Classes { labels, classes };
        train_mlp(&runtime(), &source, &targets, &settings(), 1, &mut |_| {}).unwrap_err().to_string()
    };
    let three = ["apart", "alike", "never"].map(str::to_owned);
    assert!(run(&labels, &three).contains("`never`"));
    assert!(run(&labels[..19], &classes()).contains("19 label(s) for 20 row(s)"));
    labels[4] = 2;
    assert!(run(&labels, &classes()).contains("row 4"));
    let default = MlpSettings::default();
    assert_eq!(default.learning_rate, DEFAULT_MLP_LEARNING_RATE);
}
