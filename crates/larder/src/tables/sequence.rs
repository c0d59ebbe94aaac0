//! A classifier's scores.

use larder_metrics::{Interval, Metric};
use larder_pipeline::{SequenceEvaluation, SequenceRecord, SplitEvaluation};
use larder_train::Selection;

use super::{SHOWN_CANDIDATES, gain, rule, table};
use crate::format::count;

/// All splits beside the majority baseline, a line each.
pub fn summary(evaluation: &SequenceEvaluation) -> String {
    let mut table = table(&[
        "split",
        "rows",
        "accuracy",
        "MCC",
        "95 % interval",
        "macro F1",
        "majority accuracy",
        "against the majority",
    ]);
    for split in &evaluation.splits {
        let mcc = interval(split, Metric::Mcc).map_or_else(String::new, |i| format!("{:.3} to {:.3}", i.low, i.high));
        table.add_row(vec![
            split.split.clone(),
            count(split.scores.rows),
            format!("{:.3}", split.scores.accuracy),
            format!("{:.3}", split.scores.mcc),
            mcc,
            format!("{:.3}", split.scores.macro_f1),
            format!("{:.3}", split.majority.scores.accuracy),
            split.against_majority.in_words(),
        ]);
    }
    table.to_string()
}

/// One split in full: scores with intervals, classes, confusion matrix.
pub fn split(evaluation: &SequenceEvaluation, split: &SplitEvaluation) -> String {
    let names = &split.class_names(&evaluation.display);
    let mut scores = table(&["score", "value", "95 % interval", "majority baseline"]);
    let metrics = [
        (Metric::Accuracy, "accuracy", split.scores.accuracy, split.majority.scores.accuracy),
        (Metric::Mcc, "MCC", split.scores.mcc, split.majority.scores.mcc),
        (Metric::MacroF1, "macro F1", split.scores.macro_f1, split.majority.scores.macro_f1),
    ];
    for (metric, name, value, baseline) in metrics {
        let range = interval(split, metric).map_or_else(String::new, |i| format!("{:.3} to {:.3}", i.low, i.high));
        scores.add_row(vec![name.to_owned(), format!("{value:.3}"), range, format!("{baseline:.3}")]);
    }
    scores.add_row(vec!["log loss (nats)".to_owned(), format!("{:.3}", split.log_loss), String::new(), String::new()]);
    let shares = vec!["(entropy of these labels, nats)".to_owned(), format!("{:.3}", split.prior_entropy)];
    scores.add_row(shares.into_iter().chain([String::new(), String::new()]).collect::<Vec<_>>());
    let mut classes = table(&["class", "precision", "recall", "F1", "rows"]);
    for (name, class) in names.iter().zip(&split.scores.per_class) {
        classes.add_row(vec![
            name.clone(),
            format!("{:.3}", class.precision),
            format!("{:.3}", class.recall),
            format!("{:.3}", class.f1),
            count(class.support),
        ]);
    }
    let header: Vec<&str> = std::iter::once("gold \\ answer").chain(names.iter().map(String::as_str)).collect();
    let mut confusion = table(&header);
    for (name, row) in names.iter().zip(&split.confusion) {
        confusion.add_row(std::iter::once(name.clone()).chain(row.iter().map(|&n| count(n))).collect::<Vec<_>>());
    }
    format!(
        "{}: {} rows, {}\n{scores}\n{classes}\n{confusion}",
        split.split,
        count(split.scores.rows),
        split.against_majority
    )
}

/// What cross-validation saw: the best line of each candidate, the chosen one first, then by mean.
pub fn selection(selection: &Selection) -> String {
    let chosen = selection.best();
    let mut entries = selection.best_by_candidate();
    entries.retain(|entry| entry.candidate != chosen.candidate);
    entries.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    entries.insert(0, chosen);
    let metric = format!("{}, mean of {} folds", selection.metric, selection.folds);
    let tunes = selection.entries.iter().any(|entry| entry.threshold_gain.is_some());
    let mut header = vec!["features", "C", "class weight", &metric, "sd", "AUC", "folds"];
    if tunes {
        header.extend(["threshold", "tuning gains"]);
    }
    let mut table = table(&header);
    for entry in entries.iter().take(SHOWN_CANDIDATES) {
        let folds: Vec<String> = entry.fold_scores.iter().map(|s| format!("{s:.3}")).collect();
        let mark = if std::ptr::eq(*entry, chosen) { " (chosen)" } else { "" };
        let mut row = vec![
            format!("{}{mark}", entry.candidate),
            format!("{:e}", entry.c),
            entry.class_weight.to_string(),
            format!("{:.3}", entry.mean),
            format!("{:.3}", entry.standard_deviation),
            format!("{:.3}", entry.auc),
            folds.join(" "),
        ];
        if tunes {
            row.push(if entry.has_tuned_threshold() { "tuned" } else { "0.5" }.to_owned());
            row.push(gain(entry.threshold_gain));
        }
        table.add_row(row);
    }
    let mut text = table.to_string();
    if entries.len() > SHOWN_CANDIDATES {
        text.push_str(&format!("\nand {} more in run.json", entries.len() - SHOWN_CANDIDATES));
    }
    text.push_str(&rule(&selection.rule));
    text
}

/// How well the final fit solves its problem, in a line.
pub fn convergence(head: &SequenceRecord) -> String {
    let fit = &head.convergence;
    let state = if fit.converged { "converged" } else { "NOT converged" };
    format!(
        "final fit: {state} (objective {:.3}, gradient {:.0e} of that at zero weights); accuracy {:.3} on its own rows{}",
        fit.objective,
        fit.relative_gradient_norm,
        head.train_scores.accuracy,
        head.out_of_fold_scores
            .as_ref()
            .map_or_else(String::new, |scores| format!(", {:.3} on rows it had not seen", scores.accuracy))
    )
}

fn interval(split: &SplitEvaluation, metric: Metric) -> Option<Interval> {
    split.intervals.iter().find(|(m, _)| *m == metric).map(|(_, interval)| *interval)
}
