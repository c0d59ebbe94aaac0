//! Perceptrons on label sets and numbers.

use larder_metrics::{MultilabelMetric, RegressionMetric, score_regression};
use larder_runtime::Runtime;
use larder_train::{
    ClassWeightChoice, FeatureColumn, FeaturesInMemory, MlpHead, MlpOutput, MlpSettings, MlpTargets, ThresholdChoice,
    TrainError, TrainedMlp, train_mlp,
};
use ndarray::Array2;
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

const ROWS: usize = 1500;

/// Two numbers from -1 to 1 a row and one of noise, on scales that lie far apart.
struct Plane {
    columns: Vec<FeatureColumn>,
    points: Vec<[f64; 2]>,
}

impl Plane {
    fn new(rows: usize, seed: u64) -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut draw = || random.random_range(-1.0..1.0);
        let points: Vec<[f64; 2]> = (0..rows).map(|_| [draw(), draw()]).collect();
        let values = points.iter().flat_map(|[x, y]| [1000.0 + 100.0 * x, 0.01 * y, draw()]);
        let values: Vec<f32> = values.collect::<Vec<f64>>().into_iter().map(|value| value as f32).collect();
        let column = FeatureColumn::new("mean", Array2::from_shape_vec((rows, 3), values).unwrap());
        Self { columns: vec![column], points }
    }

    /// Is x · y above 0; does x² + y² reach 1; is it in the corner where both are above 0.8? No plane tells any of them, and
    /// rows have none to three.
    fn sets(&self) -> Array2<bool> {
        Array2::from_shape_fn((self.points.len(), 3), |(row, label)| {
            let [x, y] = self.points[row];
            [x * y > 0.0, x * x + y * y > 1.0, x > 0.8 && y > 0.8][label]
        })
    }

    /// A saddle: around 2,000, and -50 to 50 from there.
    fn numbers(&self) -> Vec<f64> {
        self.points.iter().map(|[x, y]| 2000.0 + 50.0 * x * y).collect()
    }

    fn columns(&self) -> Vec<&FeatureColumn> {
        self.columns.iter().collect()
    }
}

fn settings() -> MlpSettings {
    MlpSettings { hidden: vec![24, 12], epochs: 20, learning_rate: 1e-2, dropout: 0.0, ..Default::default() }
}

fn names() -> Vec<String> {
    ["alike", "far", "corner"].map(str::to_owned).to_vec()
}

fn train(plane: &Plane, targets: &MlpTargets<'_>, settings: &MlpSettings) -> Result<TrainedMlp, TrainError> {
    let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
    let source = FeaturesInMemory::new(plane.columns.clone()).unwrap();
    train_mlp(&runtime, &source, targets, settings, 1, &mut |_| {})
}

fn trained_sets(metric: MultilabelMetric, settings: &MlpSettings) -> TrainedMlp {
    let plane = Plane::new(ROWS, 1);
    let (sets, labels) = (plane.sets(), names());
    let targets = MlpTargets::LabelSets { sets: sets.view(), labels: &labels, metric };
    train(&plane, &targets, settings).unwrap()
}

fn f1(head: &MlpHead, plane: &Plane) -> Vec<f64> {
    let (answers, gold) = (head.predict_sets(&plane.columns()).unwrap(), plane.sets());
    let count = |label: usize, of: &dyn Fn(bool, bool) -> bool| {
        let pairs = answers.column(label).into_iter().zip(gold.column(label));
        pairs.filter(|(answer, gold)| of(**answer, **gold)).count() as f64
    };
    let f1 = |label| 2.0 * count(label, &|a, b| a && b) / (count(label, &|a, _| a) + count(label, &|_, b| b));
    (0..3).map(f1).collect()
}

#[test]
fn it_learns_sets_of_labels() {
    let trained = trained_sets(MultilabelMetric::MacroF1, &settings());
    let found = f1(&trained.head, &Plane::new(1000, 2));
    // Answering each with everything has 0.67, 0.35 and 0.02; the corner is one row in a hundred, fifteen to learn it from.
    assert!(found[0] > 0.9 && found[1] > 0.8 && found[2] > 0.4, "{found:?}");
    assert_eq!((trained.held_out_rows, trained.head.classes.clone()), (ROWS / 5, names()));
    let MlpOutput::Sigmoid { thresholds } = &trained.head.output else { panic!("{:?}", trained.head.output) };
    assert!(thresholds.iter().all(|threshold| (0.01..0.99).contains(threshold)), "{thresholds:?}");
    assert!(thresholds.iter().any(|threshold| *threshold != 0.5));
    let best = &trained.epochs[trained.best];
    assert!(trained.epochs.iter().all(|epoch| epoch.score <= best.score && epoch.threshold.is_none()));
    let held_out = trained.held_out_scores.as_ref().unwrap().label_sets().expect("rows have sets");
    assert_eq!(Some(held_out.macro_avg.f1), best.score);
    let own = trained.train_scores.label_sets().expect("rows have sets");
    assert_eq!(own.rows, (ROWS - ROWS / 5) as u64);
    assert!(own.macro_avg.f1 > 0.7 && held_out.macro_avg.f1 > 0.6 && held_out.lrap > 0.9, "{own:?} {held_out:?}");
    // Every label has its share of the held-out rows; those without any other go by the rarest of a row.
    let counts: Vec<usize> =
        (0..3).map(|label| Plane::new(ROWS, 1).sets().column(label).iter().filter(|&&has| has).count()).collect();
    assert!((held_out.per_label[2].support as f64 - counts[2] as f64 / 5.0).abs() <= 1.0, "{counts:?}");
    assert!((held_out.per_label[1].support as f64 / counts[1] as f64 - 0.2).abs() < 0.02, "{counts:?}");
}

#[test]
fn thresholds_stay_at_half_where_nothing_or_no_f1_chooses() {
    let short = MlpSettings { epochs: 2, ..settings() };
    let half = MlpOutput::Sigmoid { thresholds: vec![0.5; 3] };
    for metric in [MultilabelMetric::SubsetAccuracy, MultilabelMetric::Lrap] {
        let trained = trained_sets(metric, &short);
        assert_eq!(trained.head.output, half);
        let scores = trained.held_out_scores.as_ref().unwrap().label_sets().expect("rows have sets");
        assert_eq!(trained.epochs[trained.best].score, Some(metric.of(scores)));
    }
    let asked = MlpSettings { threshold: ThresholdChoice::Half, ..short };
    assert_eq!(trained_sets(MultilabelMetric::MacroF1, &asked).head.output, half);
}

#[test]
fn it_learns_numbers_in_their_own_unit() {
    let plane = Plane::new(ROWS, 1);
    let numbers = plane.numbers();
    let mut bests = Vec::new();
    for metric in [RegressionMetric::Pearson, RegressionMetric::Rmse] {
        let trained = train(&plane, &MlpTargets::Numbers { numbers: &numbers, metric }, &settings()).unwrap();
        let other = Plane::new(1000, 2);
        let found =
            score_regression(&other.numbers(), &trained.head.predict_numbers(&other.columns()).unwrap()).unwrap();
        // The deviation of the saddle is 17; a plane has a correlation of 0.
        assert!(found.r2 > 0.95 && found.rmse < 4.0, "{found:?}");
        let held_out = trained.held_out_scores.as_ref().unwrap().numbers().expect("rows have numbers");
        let best = &trained.epochs[trained.best];
        assert_eq!(best.score, Some(metric.of(held_out)));
        let is_best = |score: Option<f64>| metric.gain(score.unwrap()) <= metric.gain(best.score.unwrap());
        assert!(trained.epochs.iter().all(|epoch| is_best(epoch.score)), "less error is better: {:?}", trained.epochs);
        // Of standardised numbers: the squared error is a share of the variance.
        let deviation = larder_train::TargetScale::of(numbers.iter().copied()).deviation;
        let expected = (held_out.rmse / deviation).powi(2);
        assert!((best.held_out_loss.unwrap() / expected - 1.0).abs() < 0.1, "{best:?} {expected}");
        // The head rounds what is folded into it: half a digit of float32 at 2,000, beside an error of ones.
        let own = score_regression(&numbers, &trained.head.predict_numbers(&plane.columns()).unwrap()).unwrap();
        let train_scores = trained.train_scores.numbers().expect("rows have numbers");
        let whole = (0.8 * train_scores.rmse.powi(2) + 0.2 * held_out.rmse.powi(2)).sqrt();
        assert!((own.rmse - whole).abs() < 1e-3, "{} {whole}", own.rmse);
        assert!(trained.head.classes.is_empty() && trained.head.output == MlpOutput::ANY_NUMBER);
        bests.push(trained.head);
    }
    // Another unit is the same training.
    let scaled: Vec<f64> = numbers.iter().map(|number| number * 1e-3 - 7.0).collect();
    let targets = MlpTargets::Numbers { numbers: &scaled, metric: RegressionMetric::Pearson };
    let other = train(&plane, &targets, &settings()).unwrap().head;
    let pairs = other.predict_numbers(&plane.columns()).unwrap().into_iter();
    let pairs = pairs.zip(bests[0].predict_numbers(&plane.columns()).unwrap());
    // Rounding of the standardised targets, through a few hundred steps, beside a deviation of 0.017.
    assert!(pairs.map(|(found, number)| (found - (number * 1e-3 - 7.0)).abs()).fold(0.0, f64::max) < 2e-3);
}

#[test]
fn of_few_rows_none_are_held_out_and_all_epochs_are_run() {
    let plane = Plane::new(8, 3);
    let numbers = plane.numbers();
    let sets = Array2::from_shape_fn((8, 2), |(row, label)| (row >> label) % 2 == 0);
    let labels = [names()[0].clone(), names()[1].clone()];
    let settings = MlpSettings { epochs: 60, patience: 1, ..settings() };
    let targets = MlpTargets::Numbers { numbers: &numbers, metric: RegressionMetric::Pearson };
    let trained = train(&plane, &targets, &settings).unwrap();
    assert_eq!((trained.held_out_rows, trained.epochs.len(), trained.best), (0, 60, 59));
    let why = trained.unchosen.unwrap();
    assert!(why.starts_with("there are 8 training row(s)") && why.contains("all 60 epochs; nothing tells"), "{why}");
    assert!(trained.train_scores.numbers().expect("rows have numbers").r2 > 0.9, "eight rows are learned by heart");
    let metric = MultilabelMetric::MacroF1;
    let trained =
        train(&plane, &MlpTargets::LabelSets { sets: sets.view(), labels: &labels, metric }, &settings).unwrap();
    assert!(trained.unchosen.unwrap().contains("all 60 epochs, thresholds 0.5; nothing"));
    assert_eq!(trained.head.output, MlpOutput::Sigmoid { thresholds: vec![0.5; 2] });
    assert_eq!(trained.held_out_scores, None);
}

#[test]
fn targets_and_settings_that_do_not_fit_are_said() {
    let plane = Plane::new(20, 1);
    let numbers = plane.numbers();
    let metric = RegressionMetric::Pearson;
    let of_numbers = |numbers: &[f64], settings: &MlpSettings| {
        train(&plane, &MlpTargets::Numbers { numbers, metric }, settings).unwrap_err().to_string()
    };
    let mut wrong = numbers.clone();
    wrong[3] = f64::INFINITY;
    assert_eq!(
        of_numbers(&wrong, &settings()),
        "row 3: the target is inf, expected a finite number: correct the row, or leave it out"
    );
    assert!(of_numbers(&numbers[..19], &settings()).starts_with("19 label(s) for 20 row(s)"));
    assert!(of_numbers(&[2.5; 20], &settings()).starts_with("20 training row(s), and each has the target 2.5"));
    let balanced = MlpSettings { class_weight: ClassWeightChoice::Balanced, ..settings() };
    assert!(of_numbers(&numbers, &balanced).starts_with("class_weight is balanced: auto or none"));
    let smoothed = MlpSettings { label_smoothing: 0.1, ..settings() };
    assert!(of_numbers(&numbers, &smoothed).starts_with("label_smoothing is 0.1: 0 where"));

    let labels = names();
    let of_sets = |sets: Array2<bool>| {
        let targets = MlpTargets::LabelSets { sets: sets.view(), labels: &labels, metric: MultilabelMetric::MacroF1 };
        train(&plane, &targets, &settings()).unwrap_err().to_string()
    };
    let sets = |rows, labels| Array2::from_elem((rows, labels), true);
    assert!(of_sets(sets(20, 2)).starts_with("the targets have 2 column(s), expected one for each of the 3 label(s)"));
    assert!(of_sets(sets(19, 3)).starts_with("19 label(s) for 20 row(s)"));
    let mut never = sets(20, 3);
    never.column_mut(2).fill(false);
    assert!(of_sets(never).starts_with("no training row has the label `corner`"));
}
