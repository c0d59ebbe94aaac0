//! Runs that never were: their facts follow from what is made to be wrong with them.

use larder_diagnose::{
    Balance, Choice, Course, Diagnosis, Evaluated, Gap, Guessing, HeldOut, HeldOutLoss, Judged, Losses, Method, Rate,
    RunDiagnosis, Tried, Tuning, Weighing, diagnose_balance, diagnose_course, diagnose_edge, diagnose_gap,
    diagnose_learning_rate, diagnose_nothing_found, diagnose_scores, diagnose_size,
};
use larder_metrics::{
    BaselineComparison, Bootstrap, ClassificationScores, ConfusionMatrix, ConstantAnswer, MajorityBaseline, Metric,
    compare_with_majority, majority_baseline,
};

use super::random::Random;

/// The fault of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The labels have nothing to do with the texts.
    NoSignal,
    /// One answer to every row.
    OneAnswer,
    /// The split's labels are exchanged.
    Exchanged,
    /// The split has a few rows.
    FewRows,
    /// The split has one class.
    OneClass,
    /// A class of train is rare.
    RareClass,
    /// Train has a few rows.
    SmallTrain,
    /// Own rows are known by heart.
    ByHeart,
    /// The best strength lies at the edge.
    Edge,
    /// Fine-tuning: the loss rises.
    Rises,
    /// Fine-tuning: the loss stays where guessing is.
    Stuck,
    /// Fine-tuning: the rate is far too low.
    Slow,
    /// Fine-tuning: it ends while the loss falls.
    Short,
    /// Fine-tuning: what was learned is lost at the end.
    Forgets,
    /// Fine-tuning: the scores of dev fall after a while.
    TooLong,
    /// Fine-tuning: the answers stay right and become far too sure.
    TooSure,
    /// Fine-tuning: dropout lifts the training loss.
    Dropout,
}

impl Fault {
    pub const FROZEN: &[Self] = &[
        Self::None,
        Self::NoSignal,
        Self::OneAnswer,
        Self::Exchanged,
        Self::FewRows,
        Self::OneClass,
        Self::RareClass,
        Self::SmallTrain,
        Self::ByHeart,
        Self::Edge,
    ];
    pub const TUNED: &[Self] = &[
        Self::None,
        Self::Rises,
        Self::Stuck,
        Self::Slow,
        Self::Short,
        Self::Forgets,
        Self::TooLong,
        Self::TooSure,
        Self::Dropout,
        Self::OneClass,
        Self::FewRows,
    ];
}

/// A split, judged.
pub struct Split {
    pub name: &'static str,
    pub gold: Vec<usize>,
    pub predicted: Vec<usize>,
    pub scores: ClassificationScores,
    pub answered: Vec<u64>,
    pub baseline: MajorityBaseline,
    pub comparison: BaselineComparison,
    /// The rows, in a word.
    pub rows: &'static str,
}

impl Split {
    fn new(name: &'static str, gold: Vec<usize>, predicted: Vec<usize>, majority: usize, classes: usize) -> Self {
        let matrix = ConfusionMatrix::from_classes(&gold, &predicted, classes).unwrap();
        Self {
            name,
            scores: ClassificationScores::from(&matrix),
            answered: matrix.predicted_counts(),
            baseline: majority_baseline(majority, &gold, classes).unwrap(),
            comparison: compare_with_majority(&gold, &predicted, majority, classes, &Bootstrap::default()).unwrap(),
            gold,
            predicted,
            rows: name,
        }
    }
}

/// A run of a head on frozen features.
pub struct Frozen {
    pub columns: Vec<String>,
    pub metric: Metric,
    pub weighing: Weighing,
    pub held_out: HeldOutLoss,
    pub own: f64,
    pub grid: Vec<f64>,
    pub c: f64,
    pub mean: f64,
    pub standard_error: f64,
    pub next: f64,
}

/// A fine-tuned run.
pub struct Tuned {
    pub rate: Rate<'static>,
    pub steps: Vec<f64>,
    pub losses: Losses,
    pub evaluations: Vec<Evaluated>,
    pub held_out_guessing: f64,
    pub dropout: f64,
}

pub enum Made {
    Frozen(Frozen),
    Tuned(Tuned),
}

pub struct Run {
    pub fault: Fault,
    pub classes: Vec<String>,
    pub train: Vec<usize>,
    pub splits: Vec<Split>,
    pub made: Made,
}

const NAMES: [&str; 6] = ["apple", "bread", "cheese", "dates", "eggs", "flour"];

impl Run {
    pub fn new(seed: u64, fault: Fault, is_tuned: bool) -> Self {
        let mut random = Random::new(seed);
        let width = if fault == Fault::Exchanged { 2 } else { random.whole(2, 6) };
        let classes = NAMES[..width].iter().map(|name| (*name).to_owned()).collect();
        // The most frequent class has up to twice the rows of the least frequent one.
        let mut shares: Vec<f64> = (0..width).map(|_| random.between(1.0, 2.0)).collect();
        if fault == Fault::RareClass {
            shares[width - 1] = 0.06;
        }
        let all: f64 = shares.iter().sum();
        let rows = if fault == Fault::SmallTrain { width * random.whole(2, 8) } else { random.whole(400, 4000) };
        let train: Vec<usize> = shares.iter().map(|share| ((rows as f64 * share / all) as usize).max(1)).collect();
        let majority = (0..width).max_by_key(|&class| train[class]).unwrap();
        let signal = match fault {
            Fault::NoSignal => 0.0,
            Fault::ByHeart => 0.55,
            Fault::Short | Fault::TooLong | Fault::Forgets => 0.6,
            _ => random.between(0.85, 0.97),
        };
        let one_answer = match fault {
            Fault::OneAnswer | Fault::Rises | Fault::Stuck | Fault::Slow => Some(majority),
            _ => None,
        };
        let dev_rows = if fault == Fault::FewRows { random.whole(6, 15) } else { random.whole(300, 900) };
        let mut splits = Vec::new();
        for name in ["dev", "test"] {
            let gold: Vec<usize> = (0..dev_rows)
                .map(|_| if fault == Fault::OneClass { majority } else { random.class(&shares) })
                .collect();
            let answer = |random: &mut Random, gold: usize| match one_answer {
                Some(class) => class,
                None if fault == Fault::Exchanged => usize::from(random.happens(0.15) == (gold == 1)),
                None if random.happens(signal) => gold,
                None => random.class(&shares),
            };
            let predicted = gold.iter().map(|&gold| answer(&mut random, gold)).collect();
            splits.push(Split::new(name, gold, predicted, majority, width));
        }
        // In every third run the two splits have the same rows.
        if seed.is_multiple_of(3) {
            let (gold, predicted) = (splits[0].gold.clone(), splits[0].predicted.clone());
            splits[1] = Split { rows: "dev", ..Split::new("test", gold, predicted, majority, width) };
        }
        let made = match is_tuned {
            true => Made::Tuned(tuned(&mut random, fault, &train, &splits[0])),
            false => Made::Frozen(frozen(&mut random, fault, &train, signal)),
        };
        Self { fault, classes, train, splits, made }
    }

    /// All that is said of it.
    pub fn diagnosed(&self) -> RunDiagnosis {
        let mut found: Vec<Diagnosis> = Vec::new();
        let width = self.classes.len();
        found.extend(diagnose_size(self.train.iter().sum(), width));
        let weighing = match &self.made {
            Made::Frozen(frozen) => frozen.weighing,
            Made::Tuned(tuned) if tuned.losses.guessing.weighted => Weighing::Balanced,
            Made::Tuned(_) => Weighing::Alike,
        };
        let balance = Balance { classes: &self.classes, counts: &self.train, what: "rows", weighing };
        found.extend(diagnose_balance(&balance));
        match &self.made {
            Made::Frozen(frozen) => {
                let choice = frozen.choice();
                found.extend(diagnose_nothing_found(Some(&choice), Some(&frozen.held_out), &frozen.tried()));
                found.extend(diagnose_edge(&choice));
                let remedy = "take stronger regularisation (a smaller `--c`)";
                found.extend(diagnose_gap(&Gap { score: "mcc", own: frozen.own, held_out: frozen.mean, remedy }));
            }
            Made::Tuned(tuned) => {
                found.extend(diagnose_learning_rate(&tuned.rate));
                found.extend(diagnose_course(&tuned.course(self.splits[0].gold.len())));
            }
        }
        let mut of_run = RunDiagnosis::new("run");
        of_run.replace(&[], found);
        for split in &self.splits {
            let method = match &self.made {
                Made::Frozen(frozen) => Method::Frozen(frozen.tried()),
                Made::Tuned(tuned) => Method::Tuned(Tuning { losses: tuned.losses, rate: tuned.rate }),
            };
            let judged = Judged {
                split: split.name,
                classes: &self.classes,
                scores: &split.scores,
                answered: &split.answered,
                baseline: &split.baseline,
                comparison: &split.comparison,
            };
            let found = diagnose_scores(&judged, &method).into_iter().map(|finding| finding.of_rows(split.rows));
            of_run.replace(&[split.name.to_owned()], found.collect());
        }
        of_run
    }
}

impl Frozen {
    pub fn choice(&self) -> Choice<'_> {
        Choice {
            candidate: "mean",
            c: self.c,
            grid: &self.grid,
            metric: Metric::Mcc,
            mean: self.mean,
            standard_error: self.standard_error,
            folds: 5,
            next: Some(self.next),
        }
    }

    pub fn tried(&self) -> Tried<'_> {
        Tried { columns: &self.columns, metric: self.metric.as_str(), chosen: &["the strength"] }
    }
}

fn frozen(random: &mut Random, fault: Fault, train: &[usize], signal: f64) -> Frozen {
    let counts: Vec<u64> = train.iter().map(|&count| count as u64).collect();
    let rows: usize = train.iter().sum();
    let weighing = random.one_of(&[Weighing::Alike, Weighing::TriedAndLeft, Weighing::Balanced]);
    // The mean weight of a row is 1.
    let balanced: Vec<f64> = train.iter().map(|&count| rows as f64 / (train.len() * count) as f64).collect();
    let weights = (weighing == Weighing::Balanced).then_some(balanced.as_slice());
    let guessing = Guessing {
        loss: ConstantAnswer::best(&counts, weights, 0.0).loss_on(&counts),
        weighted: weights.is_some(),
        smoothed: false,
    };
    let noise = 1.0 / (rows as f64).sqrt();
    let mcc = if signal == 0.0 { random.between(-0.5, 1.5) * noise } else { signal - 0.05 };
    let loss = match fault {
        // With and without overconfidence.
        Fault::NoSignal => guessing.loss * random.one_of(&[1.0, 1.01, 1.5]),
        _ => guessing.loss * (1.0 - 0.9 * signal),
    };
    let grid = vec![0.01, 0.1, 1.0, 10.0];
    let standard_error = 0.01 + noise / 5.0;
    let (c, next) = match fault {
        Fault::Edge => (random.one_of(&[0.01, 10.0]), mcc - random.between(1.5, 4.0) * standard_error),
        // At the edge of a plateau, or inside.
        _ => (random.one_of(&grid), mcc - random.between(-0.5, 0.9) * standard_error),
    };
    Frozen {
        columns: random.one_of(&[&["mean"][..], &["mean", "mean_l4"]]).iter().map(|name| (*name).to_owned()).collect(),
        metric: random.one_of(&[Metric::Mcc, Metric::Accuracy]),
        weighing,
        held_out: HeldOutLoss { loss, guessing, mcc, rows },
        own: if fault == Fault::ByHeart { random.between(mcc + 0.31, 1.0) } else { (mcc + 0.1).min(1.0) },
        grid,
        c,
        mean: mcc,
        standard_error,
        next,
    }
}

/// Steps that the first and the last loss are means of, as a run has them.
const LOSS_STEPS: usize = 20;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn tuned(random: &mut Random, fault: Fault, train: &[usize], dev: &Split) -> Tuned {
    let counts: Vec<u64> = train.iter().map(|&count| count as u64).collect();
    let rows: usize = train.iter().sum();
    let balanced: Vec<f64> = train.iter().map(|&count| rows as f64 / (train.len() * count) as f64).collect();
    let weights = random.happens(0.3).then_some(balanced.as_slice());
    let smoothing = if fault != Fault::TooSure && random.happens(0.3) { 0.1 } else { 0.0 };
    let constant = ConstantAnswer::best(&counts, weights, smoothing);
    let guessing = Guessing { loss: constant.loss_on(&counts), weighted: weights.is_some(), smoothed: smoothing > 0.0 };
    let mut of_dev = vec![0_u64; train.len()];
    dev.gold.iter().for_each(|&class| of_dev[class] += 1);
    let held_out_guessing = constant.loss_on(&of_dev);
    let recipe = (2e-5, 5e-5);
    let rate = match fault {
        Fault::Rises => random.one_of(&[3e-5, 1e-3, 1e-2]),
        Fault::Stuck => random.one_of(&[1e-7, 3e-5, 1e-3]),
        Fault::Slow => random.one_of(&[1e-7, 1e-6]),
        Fault::Forgets => random.one_of(&[5e-5, 5e-4]),
        _ => random.between(2e-5, 5e-5),
    };
    let steps = random.whole(80, 600);
    let g = guessing.loss;
    let end = random.between(1.4, 3.0);
    // The loss at a share `at` of the way, and what it scatters by from batch to batch.
    let curve = |at: f64| match fault {
        Fault::Rises => g * (1.0 + (end - 1.0) * at),
        Fault::Stuck => g,
        Fault::Slow => g * (1.6 - 0.35 * at),
        Fault::Short => g * (1.05 - 0.4 * at),
        Fault::Forgets if at > 0.7 => g,
        Fault::Forgets => g * (1.0 - 0.8 * at),
        Fault::Dropout => g * (0.3 + 0.75 * (-8.0 * at).exp()),
        _ => g * (0.1 + 0.95 * (-10.0 * at).exp()),
    };
    let scatter = if fault == Fault::Stuck { 0.02 } else { 0.05 };
    let losses: Vec<f64> =
        (0..steps).map(|step| curve(step as f64 / steps as f64) * (1.0 + scatter * random.normal())).collect();
    let mcc = dev.scores.mcc;
    let many = 8;
    let evaluations = (1..=many)
        .map(|at| {
            let (from, to) = ((at - 1) * steps / many, at * steps / many);
            let share = at as f64 / many as f64;
            let score = match fault {
                Fault::Rises | Fault::Stuck | Fault::Slow => 0.0,
                Fault::Forgets => {
                    if share > 0.7 {
                        0.0
                    } else {
                        0.8 * share
                    }
                }
                Fault::TooLong => {
                    if share > 0.5 {
                        mcc - 0.3 * (share - 0.5)
                    } else {
                        mcc
                    }
                }
                _ => mcc - 0.3 * (1.0 - share),
            };
            let training_loss = mean(&losses[from..to]);
            let beside = held_out_guessing / g;
            let loss = match fault {
                Fault::TooSure => held_out_guessing * 1.3,
                Fault::Dropout => 0.8 * training_loss * beside.min(1.0),
                _ => 1.1 * training_loss * beside.max(1.0),
            };
            Evaluated { step: to, score, loss: Some(loss), training_loss }
        })
        .collect();
    Tuned {
        rate: Rate { rate, family: "bert", recipe },
        losses: Losses { first: mean(&losses[..LOSS_STEPS]), last: mean(&losses[steps - LOSS_STEPS..]), guessing },
        steps: losses,
        evaluations,
        held_out_guessing,
        dropout: if fault == Fault::Dropout || random.happens(0.5) { 0.1 } else { 0.0 },
    }
}

impl Tuned {
    pub fn course(&self, rows: usize) -> Course<'_> {
        Course {
            losses: self.losses,
            rate: self.rate,
            decays: true,
            steps: &self.steps,
            evaluations: &self.evaluations,
            score: "mcc",
            held_out: Some(HeldOut { name: "dev", rows, guessing: self.held_out_guessing }),
            dropout: self.dropout,
        }
    }
}
