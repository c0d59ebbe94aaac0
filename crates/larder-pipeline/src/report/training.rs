//! How a run's head, or its encoder too, was trained.

use std::path::Path;

use larder_report::{Candidate, Level, Line, Part, Plot, Training};
use larder_train::{Convergence, Selection, TaggingSelection, TuningGain};

use super::Lacking;
use super::history;
use crate::{HeadRecord, MlpRecord, RunRecord, SequenceRecord, TaggingRecord, TunedRecord};

/// Candidates whose scores by strength are drawn: the best ones.
const DRAWN_CANDIDATES: usize = 5;

/// Gathers it from the record, and of fine-tuned runs from the steps.
pub(super) fn gather(folder: &Path, record: &RunRecord) -> Training {
    match &record.head {
        HeadRecord::Sequence(head) => sequence(head),
        HeadRecord::Mlp(head) => mlp(head),
        HeadRecord::Tagging(head) => tagging(head),
        HeadRecord::Tuned(tuned) => {
            Training { sentences: vec![course(tuned)], plots: tuned_plots(folder, tuned).into(), ..Training::default() }
        }
    }
}

fn sequence(head: &SequenceRecord) -> Training {
    let seen = head.out_of_fold_scores.as_ref().map_or_else(String::new, |scores| {
        format!(", {:.3} on rows of train that its fits had not seen", scores.accuracy)
    });
    let sentence = format!(
        "{}; accuracy is {:.3} on its own rows{seen}.",
        convergence(&head.convergence),
        head.train_scores.accuracy
    );
    let training = Training { sentences: sentences(sentence, head.unchosen.as_deref()), ..Training::default() };
    let Some(selection) = &head.selection else { return training };
    let entries = selection.entries.iter().map(|entry| (entry.candidate.as_str(), entry.c, entry.mean));
    Training {
        plots: Part::Given(by_strength(
            entries,
            &format!("{} by strength, cross-validated on train", selection.metric),
        )),
        candidates: candidates(selection),
        rule: selection.rule.clone(),
        candidate_score: format!("{}, mean of {} folds ± standard error", selection.metric, selection.folds),
        ..training
    }
}

/// How the fit went, and why nothing was chosen where nothing was.
fn sentences(fit: String, unchosen: Option<&str>) -> Vec<String> {
    std::iter::once(fit).chain(unchosen.map(|why| format!("Nothing was chosen: {why}."))).collect()
}

/// What became of a threshold or bias that was tuned, `plain` being what it is without.
fn tuning(what: &str, gain: Option<TuningGain>, plain: f64) -> String {
    match gain {
        None => String::new(),
        Some(gain) if gain.is_taken() => {
            format!(", {what} tuned (gains {:.3} ± {:.3})", gain.gain, gain.standard_error)
        }
        Some(gain) => format!(", {what} {plain} (tuning gains {:.3} ± {:.3})", gain.gain, gain.standard_error),
    }
}

fn candidates(selection: &Selection) -> Vec<Candidate> {
    let Some(chosen) = selection.entries.get(selection.chosen) else { return Vec::new() };
    let mut entries = selection.best_by_candidate();
    entries.retain(|entry| entry.candidate != chosen.candidate);
    entries.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    entries.insert(0, chosen);
    let candidate = |(at, entry): (usize, &larder_train::SelectionEntry)| Candidate {
        name: entry.candidate.clone(),
        settings: format!(
            "C {:e}, class weight {}{}",
            entry.c,
            entry.class_weight,
            tuning("threshold", entry.threshold_gain, 0.5)
        ),
        score: entry.mean,
        standard_error: Some(entry.standard_error()),
        chosen: at == 0,
    };
    entries.into_iter().enumerate().map(candidate).collect()
}

fn tagging(head: &TaggingRecord) -> Training {
    let sentence = format!(
        "{}; {} sentences with {} words; strict F1 is {:.3} on its own sentences.",
        convergence(&head.convergence),
        head.sentences,
        head.words,
        head.train_scores.f1
    );
    let training = Training { sentences: sentences(sentence, head.unchosen.as_deref()), ..Training::default() };
    let Some(selection) = &head.selection else { return training };
    let entries = selection.entries.iter().map(|entry| (entry.candidate.as_str(), entry.c, entry.scores.f1));
    Training {
        plots: Part::Given(by_strength(entries, "strict F1 by strength, on held-out sentences of train")),
        candidates: tagging_candidates(selection),
        rule: selection.rule.clone(),
        candidate_score: format!(
            "strict F1 on {} held-out sentences of {} ± standard error",
            selection.held_out, selection.sentences
        ),
        ..training
    }
}

fn tagging_candidates(selection: &TaggingSelection) -> Vec<Candidate> {
    let Some(chosen) = selection.entries.get(selection.chosen) else { return Vec::new() };
    let mut entries = selection.best_by_candidate();
    entries.retain(|entry| entry.candidate != chosen.candidate);
    entries.sort_by(|a, b| b.scores.f1.total_cmp(&a.scores.f1));
    entries.insert(0, chosen);
    let candidate = |(at, entry): (usize, &larder_train::TaggingSelectionEntry)| Candidate {
        name: entry.candidate.clone(),
        settings: format!(
            "C {:e}, class weight {}{}",
            entry.c,
            entry.class_weight,
            tuning("outside bias", entry.bias_gain, 0.0)
        ),
        score: entry.scores.f1,
        standard_error: Some(entry.scores.f1_standard_error),
        chosen: at == 0,
    };
    entries.into_iter().enumerate().map(candidate).collect()
}

/// The best score of each candidate at each strength; of many candidates the best ones. Nothing where one strength was tried.
fn by_strength<'a>(entries: impl Iterator<Item = (&'a str, f64, f64)>, title: &str) -> Vec<Plot> {
    let mut lines: Vec<Line> = Vec::new();
    for (candidate, c, score) in entries {
        let line = match lines.iter_mut().position(|line| line.name == candidate) {
            Some(at) => lines.get_mut(at),
            None => {
                lines.push(Line { name: candidate.to_owned(), points: Vec::new(), marked: true });
                lines.last_mut()
            }
        };
        let Some(line) = line else { continue };
        match line.points.iter_mut().find(|point| point.0 == c) {
            Some(point) => point.1 = point.1.max(score),
            None => line.points.push((c, score)),
        }
    }
    let best = |line: &Line| line.points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    lines.sort_by(|a, b| best(b).total_cmp(&best(a)));
    lines.truncate(DRAWN_CANDIDATES);
    lines.iter_mut().for_each(|line| line.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    if lines.iter().all(|line| line.points.len() < 2) {
        return Vec::new();
    }
    vec![Plot {
        title: title.to_owned(),
        x: "C (small is strong regularisation)".to_owned(),
        lines,
        levels: Vec::new(),
        logarithmic_x: true,
    }]
}

fn convergence(fit: &Convergence) -> String {
    format!(
        "The final fit {} (gradient {:.0e} of that at zero weights)",
        if fit.converged { "converged" } else { "did not come to rest" },
        fit.relative_gradient_norm
    )
}

fn mlp(head: &MlpRecord) -> Training {
    let kept = head.epochs.get(head.best).map(|best| {
        let (epoch, all, own) = (best.epoch, head.epochs.len(), head.train_scores.accuracy);
        let kept = format!("Epoch {epoch} of {all} is kept");
        match (best.score, &head.held_out_scores) {
            (Some(score), Some(held_out)) => format!(
                "{kept}: {} {score:.3} on {} held-out rows of train{}. Accuracy is {own:.3} on the rows it was fitted on, {:.3} on \
                 the held-out ones.",
                head.settings.metric,
                head.held_out_rows,
                tuning("threshold", best.threshold_gain, 0.5),
                held_out.accuracy
            ),
            _ => format!("{kept}; accuracy is {own:.3} on its own rows."),
        }
    });
    let line = |name: &str, of: fn(&larder_train::MlpEpoch) -> Option<f64>| Line {
        name: name.to_owned(),
        points: head.epochs.iter().filter_map(|epoch| Some((epoch.epoch as f64, of(epoch)?))).collect(),
        marked: head.epochs.len() <= 40,
    };
    let plot = |title: String, lines: Vec<Line>| Plot { title, x: "epoch".to_owned(), lines, ..Plot::default() };
    let mut losses = vec![line("train, with dropout", |epoch| Some(epoch.loss))];
    let mut plots = Vec::new();
    if head.held_out_scores.is_some() {
        losses.push(line("held-out rows", |epoch| epoch.held_out_loss));
        let title = format!("{} on held-out rows of train", head.settings.metric);
        plots.push(plot(title, vec![line("held-out rows", |epoch| epoch.score)]));
    }
    plots.insert(0, plot("loss (nats)".to_owned(), losses));
    Training {
        sentences: kept.map_or_else(Vec::new, |kept| sentences(kept, head.unchosen.as_deref())),
        plots: Part::Given(plots),
        ..Training::default()
    }
}

fn course(tuned: &TunedRecord) -> String {
    let mut text = format!(
        "{} steps in {:.0} s ({:.0} real tokens a second). Training loss was {:.3} at the beginning and {:.3} at the end; answering \
         with the labels' shares has {:.3}.",
        tuned.steps,
        tuned.seconds,
        tuned.tokens as f64 / tuned.seconds.max(1e-9),
        tuned.first_loss,
        tuned.last_loss,
        tuned.guessing_loss
    );
    if let (Some(split), Some(best), Some(last)) = (&tuned.dev_split, tuned.best, tuned.last) {
        text.push_str(&format!(
            " The best {} on {split} was {:.3} after step {}, the last {:.3} after step {}; the run has the best parameters.",
            tuned.score, best.score, best.step, last.score, last.step
        ));
    }
    text
}

fn tuned_plots(folder: &Path, tuned: &TunedRecord) -> Lacking<Vec<Plot>> {
    let steps = history::read(folder)?;
    let line = |name: &str, column: &[Option<f64>], marked: bool| Line {
        name: name.to_owned(),
        points: steps.points(column),
        marked,
    };
    let plot = |title: String, lines: Vec<Line>, levels: Vec<Level>| Plot {
        title,
        x: "step".to_owned(),
        lines,
        levels,
        logarithmic_x: false,
    };
    let guessing = Level { name: "answering with the labels' shares".to_owned(), y: tuned.guessing_loss };
    let mut rates = vec![line("encoder", &steps.learning_rate, false)];
    if steps.head_learning_rate != steps.learning_rate {
        rates.push(line("head", &steps.head_learning_rate, false));
    }
    let mut plots =
        vec![plot("training loss (nats)".to_owned(), vec![line("train", &steps.loss, false)], vec![guessing])];
    if let (Some(split), true) = (&tuned.dev_split, steps.score.iter().any(Option::is_some)) {
        let score = line(split, &steps.score, true);
        plots.push(plot(format!("{} on {split}", tuned.score), vec![score], Vec::new()));
    }
    plots.push(plot("learning rate".to_owned(), rates, Vec::new()));
    plots.push(plot("norm of the gradient".to_owned(), vec![line("all", &steps.grad_norm, false)], Vec::new()));
    Ok(plots)
}
