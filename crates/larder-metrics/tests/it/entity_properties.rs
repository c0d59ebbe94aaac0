//! Laws of every pair of tag sequences.

use std::collections::BTreeSet;

use larder_metrics::{
    Bootstrap, EXAMPLES_PER_ERROR, EntityCounts, EntityErrors, EntityRule, EntityScores, ErrorExample, Interval,
    MetricsError, TaggingScores, UncoveredEntity, paired_entity_difference, score_tagging, summarise,
};
use larder_tags::{Entity, Scheme, repair};
use proptest::prelude::*;

type Tags = Vec<Vec<String>>;

const QUICK: Bootstrap = Bootstrap { resamples: 2, level: 0.95, seed: 0 };

/// Tags that scorers meet: of every scheme, types that begin alike, and some that are no tags.
fn tag() -> impl Strategy<Value = String> {
    let entity =
        ("[BIESLU]", prop::sample::select(vec!["a", "a-b", "b"])).prop_map(|(mark, name)| format!("{mark}-{name}"));
    let malformed = prop::sample::select(vec!["", "B", "I-", "x", "-"]).prop_map_into();
    prop_oneof![4 => Just("O".to_owned()), 8 => entity, 1 => malformed]
}

/// Gold and predicted tags of the same words, at least one sentence; half of the predicted tags are gold's.
fn pairs() -> impl Strategy<Value = (Tags, Tags)> {
    let word = (tag(), tag(), any::<bool>()).prop_map(|(gold, other, right)| {
        let predicted = if right { gold.clone() } else { other };
        (gold, predicted)
    });
    let sentence = prop::collection::vec(word, 0..10).prop_map(|words| words.into_iter().unzip());
    prop::collection::vec(sentence, 1..8).prop_map(|sentences| sentences.into_iter().unzip())
}

fn scheme() -> impl Strategy<Value = Scheme> {
    prop::sample::select(Scheme::ALL)
}

fn score(gold: &Tags, predicted: &Tags, scheme: Scheme) -> TaggingScores {
    score_tagging(gold, predicted, scheme, &QUICK, &[]).unwrap()
}

fn legal(tags: &Tags, scheme: Scheme) -> Tags {
    tags.iter().map(|tags| repair(tags, scheme)).collect()
}

fn correct(scores: &EntityScores) -> u64 {
    scores.per_type.iter().map(|scores| scores.correct).sum()
}

/// Entities in pairs, missed, spurious.
fn counted(errors: &EntityErrors) -> [u64; 3] {
    let confusions = errors.wrong_type.iter().chain(&errors.wrong_type_and_boundary).map(|error| error.count);
    let paired = confusions.chain(errors.boundary.iter().map(|error| error.count)).sum();
    let [missed, spurious] =
        [&errors.missed, &errors.spurious].map(|unpaired| unpaired.iter().map(|error| error.count).sum());
    [paired, missed, spurious]
}

/// Every list of examples with its count.
fn examples(errors: &EntityErrors) -> Vec<(u64, &[ErrorExample])> {
    let confusions = errors.wrong_type.iter().chain(&errors.wrong_type_and_boundary);
    let unpaired = errors.missed.iter().chain(&errors.spurious);
    confusions
        .map(|error| (error.count, &error.examples[..]))
        .chain(errors.boundary.iter().map(|error| (error.count, &error.examples[..])))
        .chain(unpaired.map(|error| (error.count, &error.examples[..])))
        .collect()
}

proptest! {
    #[test]
    fn every_entity_is_in_one_category((gold, predicted) in pairs(), scheme in scheme()) {
        let found = score(&gold, &predicted, scheme);
        let [paired, missed, spurious] = counted(&found.errors);
        let sum = |side: fn(&larder_metrics::TypeScores) -> u64| found.strict.per_type.iter().map(side).sum::<u64>();
        prop_assert_eq!(sum(|scores| scores.gold), correct(&found.strict) + paired + missed);
        prop_assert_eq!(sum(|scores| scores.predicted), correct(&found.strict) + paired + spurious);
        prop_assert_eq!(found.strict.micro.support, sum(|scores| scores.gold));
    }

    #[test]
    fn examples_are_entities_of_their_sentence((gold, predicted) in pairs(), scheme in scheme()) {
        let found = score(&gold, &predicted, scheme);
        let mut seen = BTreeSet::new();
        for (count, examples) in examples(&found.errors) {
            prop_assert_eq!(examples.len() as u64, count.min(EXAMPLES_PER_ERROR as u64));
            for ErrorExample { sentence, gold: gold_entity, predicted: predicted_entity } in examples {
                let sides = [("gold", &gold, gold_entity), ("predicted", &predicted, predicted_entity)];
                for (side, tags, entity) in sides {
                    if let Some(entity) = entity {
                        let entities = EntityRule::Strict.entities(&tags[*sentence], scheme);
                        prop_assert!(entities.contains(entity), "{entity:?} is not in {side}");
                        prop_assert!(seen.insert((side, sentence, entity)), "{entity:?} is there twice");
                    }
                }
                prop_assert_ne!(gold_entity, predicted_entity);
            }
        }
    }

    #[test]
    fn frequent_errors_come_first((gold, predicted) in pairs(), scheme in scheme()) {
        let errors = score(&gold, &predicted, scheme).errors;
        prop_assert!(errors.wrong_type.is_sorted_by_key(|error| std::cmp::Reverse(error.count)));
        prop_assert!(errors.missed.is_sorted_by_key(|error| std::cmp::Reverse(error.count)));
        prop_assert!(errors.spurious.is_sorted_by_key(|error| std::cmp::Reverse(error.count)));
    }

    #[test]
    fn both_rules_agree_on_legal_tags((gold, predicted) in pairs(), scheme in scheme()) {
        let found = score(&legal(&gold, scheme), &legal(&predicted, scheme), scheme);
        prop_assert_eq!(found.strict.micro, found.conlleval.micro);
        prop_assert_eq!(found.strict.per_type, found.conlleval.per_type);
    }

    #[test]
    fn gold_itself_is_perfect_and_nothing_else_needs_errors((gold, _) in pairs(), scheme in scheme()) {
        let found = score(&gold, &gold, scheme);
        for scores in [&found.strict, &found.conlleval] {
            let expected = if scores.micro.support == 0 { 0.0 } else { 1.0 };
            for average in [scores.micro, scores.macro_avg, scores.weighted] {
                prop_assert_eq!((average.precision, average.recall, average.f1), (expected, expected, expected));
            }
        }
        prop_assert_eq!(counted(&found.errors), [0, 0, 0]);
        prop_assert!(found.token_accuracy == 1.0 || found.words == 0);
    }

    #[test]
    fn swapping_the_sides_swaps_precision_and_recall((gold, predicted) in pairs(), scheme in scheme()) {
        let (one, other) = (score(&gold, &predicted, scheme), score(&predicted, &gold, scheme));
        for (a, b) in [(&one.strict, &other.strict), (&one.conlleval, &other.conlleval)] {
            prop_assert_eq!((a.micro.precision, a.micro.recall), (b.micro.recall, b.micro.precision));
            prop_assert_eq!(a.macro_avg.f1, b.macro_avg.f1);
        }
        prop_assert_eq!(one.token_accuracy, other.token_accuracy);
    }

    #[test]
    fn the_order_of_sentences_changes_no_score((gold, predicted) in pairs(), scheme in scheme()) {
        let turned = |tags: &Tags| -> Tags { tags.iter().rev().cloned().collect() };
        let (one, other) = (score(&gold, &predicted, scheme), score(&turned(&gold), &turned(&predicted), scheme));
        prop_assert_eq!(one.strict, other.strict);
        prop_assert_eq!(one.conlleval_f1_interval, other.conlleval_f1_interval);
        prop_assert_eq!(counted(&one.errors), counted(&other.errors));
    }

    /// Cutting off an entity at the end of a sentence and naming it lost is the same as predicting `O` for it.
    #[test]
    fn a_lost_entity_is_a_missed_one(
        (gold, predicted) in pairs(), words in 1_usize..4, name in "[ab]", listed in any::<bool>(),
    ) {
        let scheme = Scheme::Iob2;
        let [mut gold, mut predicted] = [gold, predicted].map(|tags| legal(&tags, scheme));
        let last = gold.len() - 1;
        let start = gold[last].len();
        let entity = Entity { start, end: start + words, entity_type: name.clone() };
        let lost = [UncoveredEntity { sentence: last, entity, text: "its words".to_owned() }];
        let cut = score_tagging(&gold, &predicted, scheme, &QUICK, &lost).unwrap();
        for word in 0..words {
            gold[last].push(format!("{}-{name}", if word == 0 { "B" } else { "I" }));
            predicted[last].push("O".to_owned());
        }
        let lost = if listed { &lost[..] } else { &[] };
        let whole = score_tagging(&gold, &predicted, scheme, &QUICK, lost).unwrap();
        prop_assert_eq!(&cut.strict, &whole.strict);
        prop_assert_eq!(&cut.conlleval, &whole.conlleval);
        prop_assert_eq!(cut.strict_f1_interval, whole.strict_f1_interval);
        prop_assert_eq!(cut.errors, whole.errors);
        prop_assert_eq!(&whole.unrepresented[..], lost);
    }

    #[test]
    fn intervals_are_ordered_and_wider_at_a_higher_level(
        sentences in prop::collection::vec((0_u64..4, 0_u64..4, 0_u64..4), 1..40),
    ) {
        let count = |&(correct, wrong, missed): &(u64, u64, u64)| {
            EntityCounts { correct, predicted: correct + wrong, gold: correct + missed }
        };
        let sentences: Vec<EntityCounts> = sentences.iter().map(count).collect();
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let narrow = Bootstrap { level: 0.5, ..bootstrap }.entity_f1_interval(&sentences).unwrap();
        let wide = bootstrap.entity_f1_interval(&sentences).unwrap();
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
        prop_assert!(0.0 <= wide.low && wide.high <= 1.0);
        prop_assert_eq!(wide, bootstrap.entity_f1_interval(&sentences).unwrap());
    }

    #[test]
    fn a_summary_encloses_its_mean(values in prop::collection::vec(-1.0_f64..1.0, 1..20), shift in -1.0_f64..1.0) {
        let found = summarise(&values);
        prop_assert!(found.min <= found.mean + 1e-12 && found.mean <= found.max + 1e-12);
        // No two values lie further apart than max and min, which bounds the deviation of a sample.
        prop_assert!(found.deviation <= (found.max - found.min) + 1e-12);
        let shifted = summarise(&values.iter().map(|value| value + shift).collect::<Vec<_>>());
        prop_assert!((shifted.deviation - found.deviation).abs() < 1e-12);
        prop_assert!((shifted.mean - found.mean - shift).abs() < 1e-12);
    }
}

fn tags(texts: &[&str]) -> Vec<Vec<String>> {
    texts.iter().map(|text| text.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn one_sentence_has_no_width_and_two_unlike_ones_have() {
    let (gold, predicted) = (tags(&["B-a O B-b"]), tags(&["B-a O O"]));
    let bootstrap = Bootstrap::default();
    let found = score_tagging(&gold, &predicted, Scheme::Iob2, &bootstrap, &[]).unwrap();
    let f1 = found.strict.micro.f1;
    assert_eq!(found.strict_f1_interval, Interval { low: f1, high: f1, level: 0.95 });
    // Half of the draws of two sentences are mixed, a quarter each is all right and all wrong.
    let (gold, predicted) = (tags(&["B-a", "B-a"]), tags(&["B-a", "O"]));
    let found = score_tagging(&gold, &predicted, Scheme::Iob2, &bootstrap, &[]).unwrap();
    assert_eq!(found.strict_f1_interval, Interval { low: 0.0, high: 1.0, level: 0.95 });
}

#[test]
fn a_better_tagger_is_told_from_a_worse_one_and_from_itself() {
    let gold = tags(&["B-a O B-b I-b", "O B-a", "B-b", "B-a O", "B-b O B-a"].repeat(20));
    let (good, bad) = (gold.clone(), tags(&["B-a O O O", "O O", "O", "B-a O", "B-a O B-a"].repeat(20)));
    let compare = |first, second| {
        paired_entity_difference(&gold, first, second, Scheme::Iob2, EntityRule::Strict, &Bootstrap::default()).unwrap()
    };
    let found = compare(&good, &bad);
    // 7 gold entities, 4 predicted, 3 of them right: F1 is 6/11.
    assert!((found.difference - 5.0 / 11.0).abs() < 1e-12);
    assert!(found.interval.low > 0.2 && found.interval.contains(found.difference));
    assert_eq!((found.metric, found.share_at_or_below_zero), (EntityRule::Strict, 0.0));
    let turned = compare(&bad, &good);
    assert_eq!((turned.difference, turned.interval.low), (-found.difference, -found.interval.high));
    let none = compare(&bad, &bad);
    assert_eq!((none.difference, none.interval.low, none.interval.high), (0.0, 0.0, 0.0));
    assert_eq!(none.share_at_or_below_zero, 1.0);
}

#[test]
fn errors_are_counted_and_shown() {
    let gold = tags(&["B-a I-a O B-b O", "B-a O O B-b", "B-a O B-a", "B-a B-a", "B-a"]);
    let predicted = tags(&["B-a I-a I-a B-a O", "B-b I-b O O", "B-b O O", "B-b B-b", "B-b"]);
    let errors = score_tagging(&gold, &predicted, Scheme::Iob2, &QUICK, &[]).unwrap().errors;
    let entity = |start, end, name: &str| Some(Entity { start, end, entity_type: name.to_owned() });
    let confusions: Vec<_> =
        errors.wrong_type.iter().map(|error| (error.gold.as_str(), error.predicted.as_str(), error.count)).collect();
    assert_eq!(confusions, [("a", "b", 4), ("b", "a", 1)]);
    assert_eq!(errors.wrong_type[0].examples.len(), EXAMPLES_PER_ERROR);
    let first = ErrorExample { sentence: 2, gold: entity(0, 1, "a"), predicted: entity(0, 1, "b") };
    assert_eq!(errors.wrong_type[0].examples[0], first);
    assert_eq!((errors.boundary.len(), errors.boundary[0].count), (1, 1));
    assert_eq!(errors.boundary[0].kind.to_string(), "too_long");
    let both = &errors.wrong_type_and_boundary[0];
    assert_eq!((both.gold.as_str(), both.predicted.as_str(), both.count), ("a", "b", 1));
    let missed: Vec<_> = errors.missed.iter().map(|error| (error.entity_type.as_str(), error.count)).collect();
    assert_eq!(missed, [("a", 1), ("b", 1)]);
    assert_eq!(errors.missed[1].examples, [ErrorExample { sentence: 1, gold: entity(3, 4, "b"), predicted: None }]);
    assert!(errors.spurious.is_empty());
}

#[test]
fn field_names_are_those_of_reports() {
    let (gold, predicted) = (tags(&["B-a O"]), tags(&["B-a B-b"]));
    let lost = UncoveredEntity {
        sentence: 0,
        entity: Entity { start: 2, end: 3, entity_type: "a".to_owned() },
        text: "word".to_owned(),
    };
    let found = score_tagging(&gold, &predicted, Scheme::Iob2, &QUICK, &[lost]).unwrap();
    let json: serde_json::Value = serde_json::to_value(&found).unwrap();
    let interval = serde_json::json!({"low": 0.5, "high": 0.5, "level": 0.95});
    let rules = |rule| {
        serde_json::json!({
            "rule": rule,
            "micro": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
            "macro": {"precision": 0.5, "recall": 0.25, "f1": 1.0 / 3.0, "support": 2},
            "weighted": {"precision": 1.0, "recall": 0.5, "f1": 2.0 / 3.0, "support": 2},
            "per_type": [
                {
                    "entity_type": "a", "precision": 1.0, "recall": 0.5, "f1": 2.0 / 3.0,
                    "gold": 2, "predicted": 1, "correct": 1,
                },
                {
                    "entity_type": "b", "precision": 0.0, "recall": 0.0, "f1": 0.0,
                    "gold": 0, "predicted": 1, "correct": 0,
                },
            ],
        })
    };
    let entity = |start, name| serde_json::json!({"start": start, "end": start + 1, "entity_type": name});
    let expected = serde_json::json!({
        "sentences": 1,
        "words": 2,
        "strict": rules("strict"),
        "conlleval": rules("conlleval"),
        "strict_f1_interval": interval,
        "conlleval_f1_interval": interval,
        "token_accuracy": 0.5,
        "all_outside_accuracy": 0.5,
        "errors": {
            "wrong_type": [],
            "boundary": [],
            "wrong_type_and_boundary": [],
            "missed": [{
                "entity_type": "a",
                "count": 1,
                "examples": [{"sentence": 0, "gold": entity(2, "a"), "predicted": null}],
            }],
            "spurious": [{
                "entity_type": "b",
                "count": 1,
                "examples": [{"sentence": 0, "gold": null, "predicted": entity(1, "b")}],
            }],
        },
        "unrepresented": [{"sentence": 0, "entity": entity(2, "a"), "text": "word"}],
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<TaggingScores>(json).unwrap(), found);
}

#[test]
fn what_does_not_fit_together_is_refused_by_sentence() {
    let score = |gold: &[&str], predicted: &[&str]| {
        score_tagging(&tags(gold), &tags(predicted), Scheme::Iob2, &QUICK, &[]).unwrap_err()
    };
    assert_eq!(score(&[], &[]), MetricsError::NoSentences);
    let error = score(&["O"], &["O", "O"]);
    assert_eq!(error, MetricsError::SentenceCount { gold: 1, other: "predicted", found: 2 });
    let error = score(&["O", "O O"], &["O", "O"]).to_string();
    assert!(error.starts_with("sentence 1 (the first is 0): gold has 2 tags but predicted has 1:"), "{error}");
    let one = tags(&["O"]);
    let error =
        paired_entity_difference(&one, &one, &tags(&["O O"]), Scheme::Iob2, EntityRule::Strict, &QUICK).unwrap_err();
    assert_eq!(error, MetricsError::SentenceLength { sentence: 0, gold: 1, other: "second", found: 2 });
    let none = Bootstrap { resamples: 0, ..QUICK };
    assert_eq!(score_tagging(&one, &one, Scheme::Iob2, &none, &[]).unwrap_err(), MetricsError::NoResamples);
}

#[test]
fn half_a_lost_entity_is_refused() {
    let gold = tags(&["O O B-a"]);
    let lose = |sentence, start, end| {
        let entity = Entity { start, end, entity_type: "a".to_owned() };
        let lost = [UncoveredEntity { sentence, entity, text: String::new() }];
        score_tagging(&gold, &gold, Scheme::Iob2, &QUICK, &lost)
    };
    for (sentence, start, end) in [(0, 2, 4), (0, 0, 1), (0, 3, 3), (1, 0, 1)] {
        let error = lose(sentence, start, end).unwrap_err();
        assert!(matches!(error, MetricsError::MisplacedUncoveredEntity { .. }), "{error}");
    }
    assert!(lose(0, 3, 4).is_ok() && lose(0, 2, 3).is_ok());
}
