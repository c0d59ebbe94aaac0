//! Scores of taggers beside seqeval's, made by `tests/goldens/entities/recipe.py`.

use larder_metrics::{
    AverageScores, Bootstrap, EntityRule, EntityScores, TaggingScores, paired_entity_difference, score_tagging,
};
use larder_tags::Scheme;
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
    bootstraps: Vec<BootstrapCase>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scheme: Scheme,
    gold: Vec<String>,
    predicted: Vec<String>,
    accuracy: f64,
    strict: Expected,
    conlleval: Expected,
}

#[derive(Deserialize)]
struct Expected {
    micro: AverageScores,
    /// seqeval has none where no type occurs: the mean of nothing.
    #[serde(rename = "macro")]
    macro_avg: Option<AverageScores>,
    weighted: AverageScores,
    per_type: Vec<ExpectedType>,
}

#[derive(Deserialize)]
struct ExpectedType {
    entity_type: String,
    #[serde(flatten)]
    scores: AverageScores,
}

#[derive(Deserialize)]
struct BootstrapCase {
    name: String,
    resamples: usize,
    gold: Vec<String>,
    first: Vec<String>,
    second: Vec<String>,
    interval: [f64; 2],
    difference: f64,
    difference_interval: [f64; 2],
}

fn goldens() -> Goldens {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/entities.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

fn sentences(texts: &[String]) -> Vec<Vec<&str>> {
    texts.iter().map(|text| text.split_whitespace().collect()).collect()
}

/// The intervals of these cases are not looked at.
const QUICK: Bootstrap = Bootstrap { resamples: 2, level: 0.95, seed: 0 };

fn score(case: &Case) -> TaggingScores {
    score_tagging(&sentences(&case.gold), &sentences(&case.predicted), case.scheme, &QUICK, &[]).unwrap()
}

const NOTHING: AverageScores = AverageScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 };

/// Equality: both sides divide the same whole numbers in the same order. Only means of more than seven types differ in
/// their last digits, for numpy then adds in eight columns: a few roundings of 1.1e-16 each.
#[track_caller]
fn same(case: &str, what: &str, found: AverageScores, expected: AverageScores, types: usize) {
    assert_eq!(found.support, expected.support, "{case}: support of {what}");
    let tolerance = if types < 8 { 0.0 } else { 1e-15 };
    for (score, found, expected) in [
        ("precision", found.precision, expected.precision),
        ("recall", found.recall, expected.recall),
        ("f1", found.f1, expected.f1),
    ] {
        let message = format!("{case}: {score} of {what} is {found}, seqeval says {expected}");
        assert!((found - expected).abs() <= tolerance * expected, "{message}");
    }
}

fn compare(case: &str, found: &EntityScores, expected: &Expected) {
    let rule = found.rule;
    let names = |entity_types: Vec<&String>| entity_types.into_iter().cloned().collect::<Vec<_>>();
    let types = names(found.per_type.iter().map(|scores| &scores.entity_type).collect());
    assert_eq!(types, names(expected.per_type.iter().map(|row| &row.entity_type).collect()), "{case}, {rule}");
    for (found, expected) in found.per_type.iter().zip(&expected.per_type) {
        let (precision, recall, f1) = (found.precision, found.recall, found.f1);
        let scores = AverageScores { precision, recall, f1, support: found.gold };
        same(case, &format!("{}, {rule}", found.entity_type), scores, expected.scores, 1);
        // The ratios again, from the counts that are printed beside them.
        assert!((precision * found.predicted as f64 - found.correct as f64).abs() < 1e-12, "{case}");
        assert!((recall * found.gold as f64 - found.correct as f64).abs() < 1e-12, "{case}");
    }
    same(case, &format!("micro, {rule}"), found.micro, expected.micro, 1);
    same(case, &format!("weighted, {rule}"), found.weighted, expected.weighted, types.len());
    assert_eq!(types.is_empty(), expected.macro_avg.is_none(), "{case}");
    same(case, &format!("macro, {rule}"), found.macro_avg, expected.macro_avg.unwrap_or(NOTHING), types.len());
}

#[test]
fn scores_agree_with_seqeval() {
    let goldens = goldens();
    assert!(goldens.cases.len() >= 50);
    // seqeval has no BMES, which is IOBES with another letter (the goldens of larder-tags).
    for scheme in Scheme::ALL.iter().filter(|scheme| **scheme != Scheme::Bmes) {
        assert!(goldens.cases.iter().any(|case| case.scheme == *scheme), "{scheme} is not covered");
    }
    for case in &goldens.cases {
        let found = score(case);
        compare(&case.name, &found.strict, &case.strict);
        compare(&case.name, &found.conlleval, &case.conlleval);
        assert_eq!(found.token_accuracy, case.accuracy, "{}", case.name);
        assert_eq!((found.strict.rule, found.conlleval.rule), (EntityRule::Strict, EntityRule::Conlleval));
    }
}

/// The cases are worth having: the rules differ in some, and a constant answer agrees with none that has entities.
#[test]
fn the_cases_tell_scorers_apart() {
    let cases = goldens().cases;
    let differ = cases.iter().filter(|case| case.strict.micro.f1 != case.conlleval.micro.f1).count();
    assert!(differ >= 10, "{differ}");
    for case in cases {
        let outside: Vec<String> = case.gold.iter().map(|tags| "O ".repeat(tags.split_whitespace().count())).collect();
        let constant = score(&Case { predicted: outside, ..case });
        for scores in [&constant.strict, &constant.conlleval] {
            let averages = [scores.micro, scores.macro_avg, scores.weighted];
            assert!(averages.iter().all(|average| average.precision + average.recall + average.f1 == 0.0));
        }
        assert_eq!(constant.token_accuracy, constant.all_outside_accuracy);
        assert_eq!((constant.strict_f1_interval.low, constant.strict_f1_interval.high), (0.0, 0.0));
    }
}

/// Sentences are drawn on the other side, counts here: the same distribution, seen through two samples.
#[test]
fn bootstrap_intervals_agree_with_drawing_sentences() {
    for case in goldens().bootstraps {
        let bootstrap = Bootstrap { resamples: case.resamples, ..Bootstrap::default() };
        let [gold, first, second] = [&case.gold, &case.first, &case.second].map(|texts| sentences(texts));
        let found = score_tagging(&gold, &first, Scheme::Iob2, &bootstrap, &[]).unwrap();
        assert_eq!(found.strict_f1_interval, found.conlleval_f1_interval, "legal tags read the same");
        let paired =
            paired_entity_difference(&gold, &first, &second, Scheme::Iob2, EntityRule::Strict, &bootstrap).unwrap();
        assert!((paired.difference - case.difference).abs() < 1e-12, "{}", case.name);
        for (what, found, expected) in [
            ("interval", found.strict_f1_interval, case.interval),
            ("interval of the difference", paired.interval, case.difference_interval),
        ] {
            // The 2.5th percentile of 4,000 normal draws has a standard error of 0.042 standard deviations, which is
            // 0.0107 widths of the 95 % interval; that of the difference of two such is 1.41 times as large. Four of
            // those are 6 % of the width.
            let tolerance = 0.06 * (expected[1] - expected[0]);
            for (found, expected) in [(found.low, expected[0]), (found.high, expected[1])] {
                let message = format!("{}: an end of the {what} is {found}, by sentences {expected}", case.name);
                assert!((found - expected).abs() <= tolerance, "{message}");
            }
        }
    }
}
