//! A tagger's scores: both readings of entities side by side, and what went wrong.

use std::collections::BTreeMap;

use larder_metrics::{AverageScores, ErrorExample, TaggingScores};
use larder_pipeline::{ShownSentence, TaggingEvaluation, TaggingRecord};
use larder_tags::Entity;
use larder_train::{Solver, TaggingSelection};

use super::{SHOWN_CANDIDATES, gain, rule, table};
use crate::format::count;

/// Kinds of confusion shown; the rest is in the JSON.
const SHOWN_ERRORS: usize = 6;
/// Words shown on either side of an example.
const AROUND: usize = 4;

/// All splits, a line each.
pub fn summary(evaluation: &TaggingEvaluation) -> String {
    let mut table = table(&[
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
    for split in &evaluation.splits {
        let scores = &split.scores;
        let strict = &scores.strict.micro;
        table.add_row(vec![
            split.split.clone(),
            count(scores.sentences),
            count(strict.support),
            format!("{:.3}", strict.precision),
            format!("{:.3}", strict.recall),
            format!("{:.3}", strict.f1),
            format!("{:.3} to {:.3}", scores.strict_f1_interval.low, scores.strict_f1_interval.high),
            format!("{:.3}", scores.conlleval.micro.f1),
            format!("{:.3}", scores.token_accuracy),
            format!("{:.3}", scores.all_outside_accuracy),
        ]);
    }
    table.to_string()
}

/// One split or file in full.
pub fn split(name: &str, scores: &TaggingScores, shown: &BTreeMap<usize, ShownSentence>) -> String {
    let mut types = table(&[
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
    // Each type under both readings; one may know a type that the other does not.
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
        let of = |entry: Option<&larder_metrics::TypeScores>| {
            entry.map_or([0.0; 3], |entry| [entry.precision, entry.recall, entry.f1])
        };
        let mut row = vec![name.to_owned()];
        row.extend(counts.map(count));
        row.extend(of(strict).into_iter().chain(of(conlleval)).map(number));
        types.add_row(row);
    }
    let averages: [(&str, &AverageScores, &AverageScores); 3] = [
        ("micro", &scores.strict.micro, &scores.conlleval.micro),
        ("macro", &scores.strict.macro_avg, &scores.conlleval.macro_avg),
        ("weighted", &scores.strict.weighted, &scores.conlleval.weighted),
    ];
    for (name, strict, conlleval) in averages {
        let mut row = vec![format!("({name})"), count(strict.support), String::new(), String::new()];
        row.extend([strict, conlleval].into_iter().flat_map(|s| [s.precision, s.recall, s.f1]).map(number));
        types.add_row(row);
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
    format!("{head}\n{types}\n{intervals}\n{tokens}{}{}", errors(scores, shown), unrepresented(scores))
}

/// Confusions and boundary errors, most frequent first, each with its first example.
fn errors(scores: &TaggingScores, shown: &BTreeMap<usize, ShownSentence>) -> String {
    let kinds = scores.errors.kinds();
    if kinds.is_empty() {
        return String::new();
    }
    let mut table = table(&["what went wrong (strict)", "times", "for example: [gold] {answered}"]);
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    for kind in kinds.iter().take(SHOWN_ERRORS) {
        let example = kind.examples.first().map_or_else(String::new, |example| in_words(example, shown));
        table.add_row(vec![kind.what.clone(), count(kind.count), example]);
    }
    let more = kinds.len().saturating_sub(SHOWN_ERRORS);
    let rest = if more == 0 { String::new() } else { format!("\nand {more} kinds more, with examples, under --json") };
    format!("\n{table}{rest}")
}

/// The example in its sentence: gold `[in brackets]`, predicted `{in braces}`.
fn in_words(example: &ErrorExample, shown: &BTreeMap<usize, ShownSentence>) -> String {
    let Some(sentence) = shown.get(&example.sentence) else { return String::new() };
    let both: Vec<&Entity> = example.gold.iter().chain(&example.predicted).collect();
    let first = both.iter().map(|entity| entity.start).min().unwrap_or(0).saturating_sub(AROUND);
    let last = both.iter().map(|entity| entity.end).max().unwrap_or(0) + AROUND;
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

fn unrepresented(scores: &TaggingScores) -> String {
    if scores.unrepresented.is_empty() {
        return String::new();
    }
    let listed: Vec<String> = scores
        .unrepresented
        .iter()
        .take(SHOWN_CANDIDATES)
        .map(|lost| format!("  sentence {}: {} ({})", lost.sentence + 1, lost.text, lost.entity.entity_type))
        .collect();
    let more = scores.unrepresented.len().saturating_sub(SHOWN_CANDIDATES);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more under --json") };
    format!(
        "\n{} gold entities have no prediction at all and count as missed:\n{}{more}",
        scores.unrepresented.len(),
        listed.join("\n")
    )
}

/// What held-out sentences of train said: the best line of each candidate, the chosen one first.
pub fn selection(selection: &TaggingSelection) -> String {
    let chosen = selection.best();
    let mut table = table(&[
        "features",
        "C",
        "class weight",
        "strict F1",
        "P",
        "R",
        "outside bias",
        "F1 without it",
        "tuning gains",
    ]);
    let mut entries: Vec<_> = selection.entries.iter().collect();
    entries.sort_by(|a, b| b.scores.f1.total_cmp(&a.scores.f1));
    entries.retain(|entry| !std::ptr::eq(*entry, chosen));
    entries.insert(0, chosen);
    for entry in entries.iter().take(SHOWN_CANDIDATES) {
        let mark = if std::ptr::eq(*entry, chosen) { " (chosen)" } else { "" };
        table.add_row(vec![
            format!("{}{mark}", entry.candidate),
            format!("{:e}", entry.c),
            entry.class_weight.to_string(),
            format!("{:.3}", entry.scores.f1),
            format!("{:.3}", entry.scores.precision),
            format!("{:.3}", entry.scores.recall),
            format!("{:.2}", entry.outside_bias),
            format!("{:.3}", entry.unbiased_scores.f1),
            gain(entry.bias_gain),
        ]);
    }
    format!(
        "{table}\non {} held-out sentences of {} of train{}",
        selection.held_out,
        selection.sentences,
        rule(&selection.rule)
    )
}

/// How well the final fit solves its problem.
pub fn convergence(head: &TaggingRecord) -> String {
    let fit = &head.convergence;
    let solvers: Vec<String> = fit.solvers.iter().map(ToString::to_string).collect();
    // Mini-batches circle the optimum and do not come to rest: how near they are is what the gradient says.
    let state = match (fit.converged, fit.solvers.contains(&Solver::Adam)) {
        (true, _) => "converged",
        (false, true) => "streamed to its last epoch",
        (false, false) => "NOT converged",
    };
    format!(
        "final fit: {} head on {} words by {}: {state} (objective {:.3}, gradient {:.0e} of that at zero weights); \
         strict F1 {:.3} on its own sentences",
        head.settings.kind,
        count(head.words as u64),
        solvers.join(", "),
        fit.objective,
        fit.relative_gradient_norm,
        head.train_scores.f1
    )
}
