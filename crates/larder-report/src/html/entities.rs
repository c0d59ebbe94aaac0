//! A tagger on one split.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use larder_metrics::{AverageScores, EntityErrors, ErrorExample, TaggingScores, TypeScores};
use larder_tags::Entity;
use maud::{Markup, html};

use super::missing;
use super::sentence::sentence;
use super::table::{cell, count, score, table};
use crate::{EntitySplit, Part, TaggedSentence};

/// Kinds of errors that are shown.
const KINDS: usize = 12;
/// Sentences with errors that are shown.
const WRONG: usize = 20;
/// Sentences without errors, and with entities, that are shown.
const RIGHT: usize = 5;
/// Words shown on either side of an example.
const AROUND: usize = 5;

pub(super) fn split(split: &EntitySplit) -> Markup {
    html! {
        section {
            h3 { "On " (split.split) }
            (scores(&split.scores))
            (types(&split.scores))
            (kinds(&split.scores.errors, &split.examples))
            h4 { "Sentences" }
            @match &split.sentences {
                Part::Missing(why) => (missing(why)),
                Part::Given(all) => (sentences(all)),
            }
        }
    }
}

fn scores(scores: &TaggingScores) -> Markup {
    let row = |name: &str, of: &AverageScores, low: f64, high: f64| {
        let interval = format!("{} to {}", score(low), score(high));
        let numbers = [of.precision, of.recall, of.f1].map(|value| cell(score(value)));
        std::iter::once(cell(name)).chain(numbers).chain([cell(interval)]).collect::<Vec<Markup>>()
    };
    let (strict, conlleval) = (&scores.strict_f1_interval, &scores.conlleval_f1_interval);
    let rows = [
        row("strict", &scores.strict.micro, strict.low, strict.high),
        row("conlleval", &scores.conlleval.micro, conlleval.low, conlleval.high),
    ];
    html! {
        (table(1, &["entities read as", "precision", "recall", "F1", "95 % interval"], &rows))
        p.note {
            (count(scores.sentences)) " sentences, " (count(scores.words)) " words, " (count(scores.strict.micro.support))
            " entities. Token accuracy is " (score(scores.token_accuracy)) "; always answering " code { "O" } " has "
            (score(scores.all_outside_accuracy)) " and finds nothing."
            @if !scores.unrepresented.is_empty() {
                " " (count(scores.unrepresented.len() as u64)) " gold entities have no prediction at all and count as missed."
            }
        }
    }
}

fn types(scores: &TaggingScores) -> Markup {
    // One rule may know a type that the other does not.
    let mut types: BTreeMap<&str, (Option<&TypeScores>, Option<&TypeScores>)> = BTreeMap::new();
    for entry in &scores.strict.per_type {
        types.entry(&entry.entity_type).or_default().0 = Some(entry);
    }
    for entry in &scores.conlleval.per_type {
        types.entry(&entry.entity_type).or_default().1 = Some(entry);
    }
    let rows: Vec<Vec<Markup>> = types
        .into_iter()
        .map(|(name, (strict, conlleval))| {
            let counts = strict.map_or([0; 3], |entry| [entry.gold, entry.predicted, entry.correct]);
            let values = strict.map_or([0.0; 3], |entry| [entry.precision, entry.recall, entry.f1]);
            let other = conlleval.map_or(0.0, |entry| entry.f1);
            std::iter::once(cell(name))
                .chain(counts.map(|value| cell(count(value))))
                .chain(values.into_iter().chain([other]).map(|value| cell(score(value))))
                .collect()
        })
        .collect();
    let header = ["type", "gold", "predicted", "correct", "strict P", "strict R", "strict F1", "conlleval F1"];
    html! { h4 { "By type" } (table(1, &header, &rows)) }
}

/// Kinds of errors, the most frequent first, each with its first example.
fn kinds(errors: &EntityErrors, examples: &BTreeMap<usize, (String, Vec<String>)>) -> Markup {
    let kinds = errors.kinds();
    let rows: Vec<Vec<Markup>> = kinds
        .iter()
        .take(KINDS)
        .map(|kind| {
            let example = kind.examples.first().and_then(|example| around(example, examples));
            let example = html! { @if let Some(example) = example { (sentence(&example)) } };
            vec![cell(&kind.what), example, cell(count(kind.count))]
        })
        .collect();
    let more = kinds.len().saturating_sub(KINDS);
    html! {
        h4 { "What went wrong" }
        @if rows.is_empty() { p { "Nothing: every entity is right." } } @else {
            (table(2, &["kind of error (strict)", "for example", "times"], &rows))
            @if more > 0 { p.note { "and " (more) " kinds more in metrics.json" } }
        }
    }
}

/// An example among its neighbours.
fn around(example: &ErrorExample, examples: &BTreeMap<usize, (String, Vec<String>)>) -> Option<TaggedSentence> {
    let (example_id, words) = examples.get(&example.sentence)?;
    let both = || example.gold.iter().chain(&example.predicted);
    let first = both().map(|entity| entity.start).min()?.saturating_sub(AROUND);
    let last = (both().map(|entity| entity.end).max()? + AROUND).min(words.len());
    let moved = |entity: &Entity| Entity {
        start: entity.start.saturating_sub(first),
        end: entity.end.saturating_sub(first),
        entity_type: entity.entity_type.clone(),
    };
    Some(TaggedSentence {
        example_id: example_id.clone(),
        words: words.get(first..last)?.to_vec(),
        gold: example.gold.iter().map(moved).collect(),
        predicted: example.predicted.iter().map(moved).collect(),
    })
}

/// Those with most wrong entities, then some that are right.
fn sentences(all: &[TaggedSentence]) -> Markup {
    let mut wrong: Vec<(usize, &TaggedSentence)> =
        all.iter().map(|sentence| (sentence.wrong(), sentence)).filter(|(wrong, _)| *wrong > 0).collect();
    wrong.sort_by_key(|(wrong, _)| Reverse(*wrong));
    let right = all.iter().filter(|sentence| sentence.wrong() == 0 && !sentence.gold.is_empty());
    html! {
        p.note {
            (count(wrong.len() as u64)) " of " (count(all.len() as u64)) " sentences have a wrong entity; those with the most are "
            "shown first, then some that are right. ✓ is an entity that gold and answer have in common, ✗ one that the other lacks."
        }
        @for (_, one) in wrong.iter().take(WRONG) { (shown(one)) }
        @for one in right.take(RIGHT) { (shown(one)) }
    }
}

fn shown(one: &TaggedSentence) -> Markup {
    html! { div.example { p.id { (one.example_id) } (sentence(one)) } }
}
