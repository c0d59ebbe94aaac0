//! A tagger's scores for people: entities under both rules, and errors.

use std::collections::BTreeMap;

use larder_diagnose::{Diagnosis, JudgedTagger, TriedTagger, diagnose_tagging, diagnose_tuned_tagging};
use larder_errors::count;
use larder_metrics::{AverageScores, ErrorExample, Interval, Metric, TaggingScores, TypeScores};
use larder_tags::Entity;
use larder_train::{TaggerKind, ThresholdChoice};

use super::evaluate::{ShownSentence, TaggingEvaluation, TaggingSplit};
use crate::evaluation::{ComparedScores, SplitOutline, SplitScores, TaskScores, UnscoredSplit};
use crate::page::range;
use crate::{HeadRecord, RunRecord, TextBlock, TextTable};

/// Kinds of errors shown; the rest is in the JSON.
const SHOWN_ERRORS: usize = 6;
/// Entities without a prediction that are listed.
const SHOWN_UNREPRESENTED: usize = 12;
/// Words shown on either side of an example.
const WORDS_AROUND: usize = 4;

impl SplitScores for TaggingSplit {
    fn outline(&self) -> SplitOutline<'_> {
        SplitOutline {
            split: &self.split,
            data_digest: &self.data_digest,
            rows: self.scores.sentences,
            skipped_rows: self.skipped_rows,
            advice: &self.advice,
        }
    }

    fn advise(&mut self, advice: Vec<Diagnosis>) {
        self.advice = advice;
    }

    fn score(&self, _: Metric) -> (f64, Interval) {
        (self.scores.strict.micro.f1, self.scores.strict_f1_interval)
    }

    fn named_scores(&self) -> Vec<(&'static str, f64)> {
        let scores = &self.scores;
        vec![("strict_f1", scores.strict.micro.f1), ("conlleval_f1", scores.conlleval.micro.f1)]
    }

    fn compared(&self) -> ComparedScores {
        let scores = &self.scores;
        let strict = &scores.strict.micro;
        ComparedScores {
            scores: vec![
                ("strict F1", strict.f1, 0.0),
                ("strict P", strict.precision, 0.0),
                ("strict R", strict.recall, 0.0),
                ("conlleval F1", scores.conlleval.micro.f1, 0.0),
                ("token accuracy", scores.token_accuracy, scores.all_outside_accuracy),
            ],
            baseline: "always O",
            against: None,
        }
    }

    fn findings(&self, record: &RunRecord) -> Vec<Diagnosis> {
        let judged = JudgedTagger { split: &self.split, scores: &self.scores };
        match &record.head {
            HeadRecord::Tuned(tuned) => diagnose_tuned_tagging(&judged, &tuned.tuning()),
            HeadRecord::Tagger(tagger) => {
                let tried = TriedTagger {
                    columns: &record.columns_tried,
                    word_by_word: tagger.settings.kind == TaggerKind::Logistic,
                    tuned_outside: tagger.settings.outside_bias == ThresholdChoice::Tuned,
                    held_out_f1: tagger.selection.as_ref().map(|selection| selection.best().scores.f1),
                };
                diagnose_tagging(&judged, &tried)
            }
            _ => Vec::new(),
        }
    }
}

impl TaskScores for TaggingEvaluation {
    fn splits(&self) -> Vec<&dyn SplitScores> {
        self.splits.iter().map(|split| split as &dyn SplitScores).collect()
    }

    fn splits_mut(&mut self) -> Vec<&mut dyn SplitScores> {
        self.splits.iter_mut().map(|split| split as &mut dyn SplitScores).collect()
    }

    fn unscored(&self) -> &[UnscoredSplit] {
        &self.unscored
    }

    fn retain(&mut self, keep: &dyn Fn(&str, &str) -> bool) {
        self.splits.retain(|one| keep(&one.split, &one.data_digest));
        self.unscored.retain(|one| keep(&one.split, &one.data_digest));
    }

    fn summary(&self) -> TextTable {
        let mut table = TextTable::new(&[
            "split",
            "sentences",
            "entities",
            "strict P",
            "strict R",
            "strict F1",
            "95 % interval",
            "conlleval F1",
            "token accuracy",
            "all-O accuracy",
        ]);
        for split in &self.splits {
            let scores = &split.scores;
            let strict = &scores.strict.micro;
            table.push([
                split.split.clone(),
                count(scores.sentences),
                count(strict.support),
                format!("{:.3}", strict.precision),
                format!("{:.3}", strict.recall),
                format!("{:.3}", strict.f1),
                range(&scores.strict_f1_interval),
                format!("{:.3}", scores.conlleval.micro.f1),
                format!("{:.3}", scores.token_accuracy),
                format!("{:.3}", scores.all_outside_accuracy),
            ]);
        }
        table
    }

    fn details(&self) -> Vec<Vec<TextBlock>> {
        self.splits.iter().map(|split| entity_scores(&split.split, &split.scores, &split.shown)).collect()
    }
}

/// Returns the entity scores of a split or file in full.
pub fn entity_scores(name: &str, scores: &TaggingScores, shown: &BTreeMap<usize, ShownSentence>) -> Vec<TextBlock> {
    let mut types = TextTable::new(&[
        "entity type",
        "gold",
        "predicted",
        "correct",
        "strict P",
        "strict R",
        "strict F1",
        "conlleval P",
        "conlleval R",
        "conlleval F1",
    ]);
    // Each rule may know types that the other does not.
    let mut names: Vec<&str> = Vec::new();
    for entry in scores.strict.per_type.iter().chain(&scores.conlleval.per_type) {
        if !names.contains(&entry.entity_type.as_str()) {
            names.push(&entry.entity_type);
        }
    }
    names.sort_unstable();
    let number = |value: f64| format!("{value:.3}");
    for name in names {
        let strict = scores.strict.per_type.iter().find(|entry| entry.entity_type == name);
        let conlleval = scores.conlleval.per_type.iter().find(|entry| entry.entity_type == name);
        let counts = strict.map_or([0, 0, 0], |entry| [entry.gold, entry.predicted, entry.correct]);
        let of = |entry: Option<&TypeScores>| entry.map_or([0.0; 3], |entry| [entry.precision, entry.recall, entry.f1]);
        let mut row = vec![name.to_owned()];
        row.extend(counts.map(count));
        row.extend(of(strict).into_iter().chain(of(conlleval)).map(number));
        types.push(row);
    }
    let averages: [(&str, &AverageScores, &AverageScores); 3] = [
        ("micro", &scores.strict.micro, &scores.conlleval.micro),
        ("macro", &scores.strict.macro_avg, &scores.conlleval.macro_avg),
        ("weighted", &scores.strict.weighted, &scores.conlleval.weighted),
    ];
    for (name, strict, conlleval) in averages {
        let mut row = vec![format!("({name})"), count(strict.support), String::new(), String::new()];
        row.extend([strict, conlleval].into_iter().flat_map(|s| [s.precision, s.recall, s.f1]).map(number));
        types.push(row);
    }
    let intervals = format!(
        "F1 (micro), 95 % intervals over sentences: strict {:.3} to {:.3}, conlleval {:.3} to {:.3}",
        scores.strict_f1_interval.low,
        scores.strict_f1_interval.high,
        scores.conlleval_f1_interval.low,
        scores.conlleval_f1_interval.high
    );
    let tokens = format!(
        "token accuracy {:.3}; always answering O has {:.3} and finds nothing",
        scores.token_accuracy, scores.all_outside_accuracy
    );
    let head = format!("{name}: {} sentences, {} words", count(scores.sentences), count(scores.words));
    let mut blocks = vec![TextBlock::Lines(head), TextBlock::Table(types)];
    blocks.push(TextBlock::Lines(format!("{intervals}\n{tokens}")));
    blocks.extend(errors(scores, shown));
    blocks.extend(unrepresented(scores).map(TextBlock::Lines));
    blocks
}

/// Returns the kinds of errors, most frequent first, each with its first example.
fn errors(scores: &TaggingScores, shown: &BTreeMap<usize, ShownSentence>) -> Vec<TextBlock> {
    let kinds = scores.errors.kinds();
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut table = TextTable::new(&["what went wrong (strict)", "times", "for example: [gold] {answered}"]);
    table.words.push(2);
    for kind in kinds.iter().take(SHOWN_ERRORS) {
        let example = kind.examples.first().map_or_else(String::new, |example| in_words(example, shown));
        table.push([kind.what.clone(), count(kind.count), example]);
    }
    let more = kinds.len().saturating_sub(SHOWN_ERRORS);
    let rest = (more > 0).then(|| TextBlock::Lines(format!("and {more} kinds more, with examples, under --json")));
    std::iter::once(TextBlock::Table(table)).chain(rest).collect()
}

/// Returns an example in its sentence: gold `[in brackets]`, predicted `{in braces}`.
fn in_words(example: &ErrorExample, shown: &BTreeMap<usize, ShownSentence>) -> String {
    let Some(sentence) = shown.get(&example.sentence) else { return String::new() };
    let both: Vec<&Entity> = example.gold.iter().chain(&example.predicted).collect();
    let first = both.iter().map(|entity| entity.start).min().unwrap_or(0).saturating_sub(WORDS_AROUND);
    let last = both.iter().map(|entity| entity.end).max().unwrap_or(0) + WORDS_AROUND;
    let mut out = Vec::new();
    for (position, word) in sentence.words.iter().enumerate().take(last).skip(first) {
        let (mut before, mut after) = (String::new(), String::new());
        for (entity, open, close) in [(&example.gold, "[", "]"), (&example.predicted, "{", "}")] {
            if let Some(entity) = entity {
                if entity.start == position {
                    before.push_str(open);
                }
                if entity.end == position + 1 {
                    after.insert_str(0, close);
                }
            }
        }
        out.push(format!("{before}{word}{after}"));
    }
    format!("{}: {}", sentence.example_id, out.join(" "))
}

fn unrepresented(scores: &TaggingScores) -> Option<String> {
    if scores.unrepresented.is_empty() {
        return None;
    }
    let listed: Vec<String> = scores
        .unrepresented
        .iter()
        .take(SHOWN_UNREPRESENTED)
        .map(|lost| format!("  sentence {}: {} ({})", lost.sentence + 1, lost.text, lost.entity.entity_type))
        .collect();
    let more = scores.unrepresented.len().saturating_sub(SHOWN_UNREPRESENTED);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more under --json") };
    Some(format!(
        "{} gold entities have no prediction at all and count as missed:\n{}{more}",
        scores.unrepresented.len(),
        listed.join("\n")
    ))
}
