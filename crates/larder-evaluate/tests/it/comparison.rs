//! Which of several is better, and whether the rows show it.

use larder_evaluate::{Difference, EvaluateError, NamedRun, SplitComparison, common_metric, compare};
use larder_metrics::{
    Bootstrap, ClassificationScores, ConfusionMatrix, Metric, compare_with_majority, majority_baseline,
};
use larder_run::tasks::sequence::{GoldAndAnswers, Scores, SequenceSplit};
use larder_run::{AnsweredRows, Evaluation, RUN_VERSION, RunRecord, SplitAnswers};
use serde_json::json;

/// A run over texts of two classes whose head was chosen by `metric`.
fn record(metric: Metric) -> RunRecord {
    let perfect = json!({
        "rows": 2, "accuracy": 1.0, "mcc": 1.0, "macro_f1": 1.0, "weighted_f1": 1.0,
        "per_class": [
            { "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1 },
            { "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1 },
        ],
    });
    let record = json!({
        "format_version": RUN_VERSION,
        "run": "mine",
        "created_unix_seconds": 0,
        "provenance": { "stage": "train", "format_version": 3, "parts": {} },
        "dataset": "toy",
        "dataset_path": "toy.toml",
        "encoder": "tiny",
        "encoder_digest": "",
        "labels": ["no", "yes"],
        "display": ["no", "yes"],
        "train_counts": [1, 1],
        "train_split": "train",
        "settings": {
            "max_tokens": 64, "on_bad_row": "stop", "on_illegal_tags": "refuse", "level": "sentence",
            "layers": { "Numbers": [-1] }, "pools": ["mean"], "word_pool": "first", "stride": null, "context": "none",
            "dtype": "f32",
        },
        "columns_tried": ["mean"],
        "outputs": [{ "layer": 2, "kind": "mean" }],
        "head": {
            "kind": "sequence",
            "settings": { "metric": metric },
            "pair": false,
            "selection": null,
            "convergence": {
                "solvers": ["lbfgs"], "iterations": 1, "objective": 0.0, "gradient_norm": 0.0,
                "relative_gradient_norm": 0.0, "converged": true,
            },
            "train_scores": perfect,
            "out_of_fold_scores": null,
        },
        "versions": {},
        "stages": [],
    });
    serde_json::from_value(record).expect("a record of this version")
}

/// What a subject answered to some splits, and its scores.
struct Answers {
    evaluation: Evaluation,
    answers: Vec<SplitAnswers>,
}

impl Answers {
    /// One split: the gold labels of its rows, and whether each is answered right.
    fn of(splits: &[(&str, &[usize], &[bool])]) -> Self {
        let answers: Vec<SplitAnswers> =
            splits.iter().map(|(split, gold, right)| answered(split, gold, right)).collect();
        let splits = answers.iter().map(scored).collect();
        let names = || vec!["no".to_owned(), "yes".to_owned()];
        let scores = Scores { run: "mine".to_owned(), labels: names(), display: names(), splits, unscored: Vec::new() };
        Self { evaluation: Evaluation::Sequence(scores), answers }
    }

    fn as_subject<'a>(&'a self, name: &'a str, record: &'a RunRecord) -> NamedRun<'a> {
        NamedRun { name, record, evaluation: &self.evaluation, answers: &self.answers }
    }
}

fn answered(split: &str, gold: &[usize], right: &[bool]) -> SplitAnswers {
    let answers = gold.iter().zip(right).map(|(&gold, &right)| if right { gold } else { 1 - gold }).collect();
    SplitAnswers {
        split: split.to_owned(),
        data_digest: "0a".to_owned(),
        example_ids: (0..gold.len()).map(|row| format!("{split}-{row}")).collect(),
        rows: AnsweredRows::Sequence(GoldAndAnswers { gold: gold.to_vec(), answers, classes: 2 }),
    }
}

fn scored(answers: &SplitAnswers) -> SequenceSplit {
    let AnsweredRows::Sequence(rows) = &answers.rows else { panic!("texts") };
    let matrix = ConfusionMatrix::from_classes(&rows.gold, &rows.answers, 2).unwrap();
    let bootstrap = Bootstrap::default();
    let interval = |&metric: &Metric| (metric, bootstrap.interval(&matrix, metric).unwrap());
    SequenceSplit {
        split: answers.split.clone(),
        scores: ClassificationScores::from(&matrix),
        intervals: Metric::ALL.iter().map(interval).collect(),
        majority: majority_baseline(0, &rows.gold, 2).unwrap(),
        against_majority: compare_with_majority(&rows.gold, &rows.answers, 0, 2, &bootstrap).unwrap(),
        confusion: Vec::new(),
        log_loss: 0.0,
        prior_entropy: 0.0,
        unseen_labels: Vec::new(),
        skipped_rows: 0,
        data_digest: answers.data_digest.clone(),
        coverage: None,
        advice: Vec::new(),
    }
}

/// Labels of `rows` rows in turn.
fn gold(rows: usize) -> Vec<usize> {
    (0..rows).map(|row| row % 2).collect()
}

/// Right but for one row of `every`, from row `first` on.
fn right(rows: usize, first: usize, every: usize) -> Vec<bool> {
    (0..rows).map(|row| !(row + every - first).is_multiple_of(every)).collect()
}

fn compared(subjects: &[NamedRun<'_>]) -> SplitComparison {
    compare(subjects, Metric::Accuracy).unwrap_or_else(|error| panic!("{error}")).remove(0)
}

#[test]
fn the_best_comes_first_in_each_difference_and_the_others_in_the_order_asked_for() {
    let (record, gold) = (record(Metric::Mcc), gold(400));
    let of = |right: &[bool]| Answers::of(&[("dev", &gold, right)]);
    let (poor, good, middling) = (of(&right(400, 0, 2)), of(&right(400, 0, 40)), of(&right(400, 3, 4)));
    let found = compared(&[
        poor.as_subject("poor", &record),
        good.as_subject("good", &record),
        middling.as_subject("middling", &record),
    ]);
    assert_eq!((found.split.as_str(), found.rows, found.score.as_str()), ("dev", 400, "accuracy"));
    let values: Vec<(&str, f64)> = found.scores.iter().map(|score| (score.name.as_str(), score.value)).collect();
    assert_eq!(values, [("poor", 0.5), ("good", 0.975), ("middling", 0.75)]);
    assert_eq!(found.best, "good");
    let pairs: Vec<(&str, &str)> =
        found.differences.iter().map(|one| (one.better.as_str(), one.than.as_str())).collect();
    assert_eq!(pairs, [("good", "poor"), ("good", "middling")]);
    for (one, expected) in found.differences.iter().zip([0.475, 0.225]) {
        let Difference { difference, interval, together, .. } = one;
        assert!((difference - expected).abs() < 1e-12, "{one:?}");
        assert!(interval.low < *difference && *difference < interval.high, "{one:?}");
        // What is to hold for both pairs together is less sure of each.
        let together = together.expect("there are two pairs");
        assert!(together.level > interval.level, "{one:?}");
        assert!(together.low < interval.low && interval.high < together.high, "{one:?}");
        assert!(one.told_apart && one.told_apart_together, "{one:?}");
    }
}

#[test]
fn equal_answers_are_not_told_apart_and_of_equals_the_first_is_best() {
    let (record, gold) = (record(Metric::Mcc), gold(60));
    let (first, second) = (right(60, 0, 3), right(60, 1, 3));
    let (one, other) = (Answers::of(&[("dev", &gold, &first)]), Answers::of(&[("dev", &gold, &second)]));
    for (a, b) in [(&one, &one), (&one, &other), (&other, &one)] {
        let found = compared(&[a.as_subject("a", &record), b.as_subject("b", &record)]);
        let [difference] = &found.differences[..] else { panic!("one pair") };
        assert_eq!((found.best.as_str(), difference.than.as_str(), difference.difference), ("a", "b", 0.0));
        assert!(!difference.told_apart && !difference.told_apart_together && difference.together.is_none());
    }
    // The same rows are drawn for both: equal answers never differ, other mistakes do.
    let same = compared(&[one.as_subject("a", &record), one.as_subject("b", &record)]).differences.remove(0);
    assert_eq!((same.interval.low, same.interval.high), (0.0, 0.0));
    let unlike = compared(&[one.as_subject("a", &record), other.as_subject("b", &record)]).differences.remove(0);
    assert!(unlike.interval.low < 0.0 && unlike.interval.high > 0.0, "{unlike:?}");
}

#[test]
fn one_or_none_has_nothing_to_differ_from() {
    let (record, gold) = (record(Metric::Mcc), gold(10));
    assert_eq!(compare(&[], Metric::Mcc).unwrap(), []);
    let alone = Answers::of(&[("dev", &gold, &[true; 10]), ("test", &gold, &[false; 10])]);
    let found = compare(&[alone.as_subject("alone", &record)], Metric::Accuracy).unwrap();
    let splits: Vec<(&str, f64)> = found.iter().map(|split| (split.split.as_str(), split.scores[0].value)).collect();
    assert_eq!(splits, [("dev", 1.0), ("test", 0.0)]);
    assert!(found.iter().all(|split| split.best == "alone" && split.differences.is_empty()));
}

#[test]
fn answers_to_other_splits_rows_or_labels_are_refused_with_both_names() {
    let (record, labels) = (record(Metric::Mcc), gold(10));
    let all_right = [true; 10];
    let dev = Answers::of(&[("dev", &labels, &all_right)]);
    let why = |other: &Answers| {
        let refused = compare(&[dev.as_subject("a", &record), other.as_subject("b", &record)], Metric::Mcc);
        match refused {
            Err(EvaluateError::NotComparable { first, second, why })
                if (first.as_str(), second.as_str()) == ("a", "b") =>
            {
                why
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(why(&Answers::of(&[("test", &labels, &all_right)])).contains("judged on dev, the other on test"));
    let both = Answers::of(&[("dev", &labels, &all_right), ("test", &labels, &all_right)]);
    assert!(why(&both).contains("dev, test"));
    assert!(why(&Answers::of(&[("dev", &gold(8), &[true; 8])])).contains("10 rows for one and 8"));
    // The same rows with one other label: no row is answered otherwise.
    let mut relabelled = labels.clone();
    relabelled[3] = 0;
    assert!(why(&Answers::of(&[("dev", &relabelled, &all_right)])).contains("gold labels of split `dev` differ"));
}

#[test]
fn runs_are_compared_by_what_they_were_chosen_by_and_by_mcc_where_that_differs() {
    let common = |metrics: &[Metric]| {
        let records: Vec<RunRecord> = metrics.iter().map(|&metric| record(metric)).collect();
        common_metric(records.iter())
    };
    assert_eq!(common(&[Metric::MacroF1, Metric::MacroF1]), Metric::MacroF1);
    assert_eq!(common(&[Metric::Accuracy]), Metric::Accuracy);
    assert_eq!(common(&[Metric::MacroF1, Metric::Accuracy]), Metric::Mcc);
    assert_eq!(common(&[]), Metric::Mcc);
}
