//! Facts about a training and its rows.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{
    Balance, Choice, Course, Curve, Diagnosis, Evaluated, Fit, Gap, Guessing, HeldOut, HeldOutLoss, Lengths, MlpCourse,
    Pointing, RunDiagnosis, Weighing, diagnose_balance, diagnose_course, diagnose_curve, diagnose_duplicates,
    diagnose_edge, diagnose_fit, diagnose_gap, diagnose_label_names, diagnose_learning_rate, diagnose_lengths,
    diagnose_mlp_course, diagnose_nothing_found, diagnose_size, diagnose_spelling, diagnose_vocabulary,
};
use larder_finetune::{HistoryRow, MlpEpoch, Schedule, TuneSettings};
use larder_intake::Encoder;
use larder_metrics::{ClassificationScores, ConstantAnswer, Metric};
use larder_train::{
    CONVERGENCE_TOLERANCE, ClassWeight, ClassWeightChoice, Convergence, LearningStep, Selection, SelectionEntry,
    Solver, TAGGER_TOLERANCE,
};
use ndarray::Array2;

use super::texts::{SplitTexts, look_up, pointed};
use crate::record::{HeadRecord, MlpRecord, SequenceRecord, TaggingRecord, TunedRecord};
use crate::{PipelineError, RunRecord};

/// What the fit of a head leaves that its record has no place for.
#[derive(Debug, Default)]
pub(crate) struct FitFacts {
    /// The loss of rows that the head had not seen.
    pub held_out: Option<HeldOutLoss>,
    /// Labels that may be wrong.
    pub label_errors: Option<Pointing>,
    /// Scores by the number of rows.
    pub curve: Vec<LearningStep>,
}

/// What is known of a fine-tuning while it ends.
pub(crate) struct TuneFacts<'a> {
    /// All steps.
    pub history: &'a [HistoryRow],
    /// How it was trained.
    pub settings: &'a TuneSettings,
    /// Rows (tagging: words) a class of train, `[classes]`.
    pub train_counts: Vec<u64>,
    /// The same of the split that judged it.
    pub dev_counts: Vec<u64>,
    /// Texts or sentences of that split.
    pub dev_rows: usize,
}

/// The loss of held-out `probabilities` (`[rows, classes]`), rows weighed as in the fit, beside that of the best constant answer;
/// `mcc` is that of the answers.
pub(crate) fn held_out_loss(
    probabilities: &Array2<f64>,
    labels: &[usize],
    class_weight: ClassWeight,
    mcc: f64,
) -> Option<HeldOutLoss> {
    let mut counts = vec![0_u64; probabilities.ncols()];
    for &label in labels {
        *counts.get_mut(label)? += 1;
    }
    let weights = class_weight.of_counts(&counts);
    let (mut loss, mut whole) = (0.0, 0.0);
    for (row, &label) in probabilities.rows().into_iter().zip(labels) {
        loss -= weights[label] * row[label].max(f64::EPSILON).ln();
        whole += weights[label];
    }
    let guessing = guessing(&counts, class_weight, 0.0);
    (whole > 0.0).then(|| HeldOutLoss { loss: loss / whole, guessing, mcc, rows: labels.len() })
}

/// The loss of the best constant answer for rows of `counts` `[classes]`.
fn guessing(counts: &[u64], class_weight: ClassWeight, smoothing: f64) -> Guessing {
    let weights = class_weight.of_counts(counts);
    let loss = ConstantAnswer::best(counts, Some(&weights), smoothing).loss_on(counts);
    Guessing { loss, weighted: class_weight == ClassWeight::Balanced, smoothed: smoothing > 0.0 }
}

/// What stands out about the training of a head on features, whose rows are in the tokens file at `tokens`.
pub(crate) fn of_fit(
    record: &RunRecord,
    encoder: &Encoder,
    tokens: &Path,
    facts: FitFacts,
) -> Result<RunDiagnosis, PipelineError> {
    let mut diagnosis = RunDiagnosis::new(&record.run);
    let findings = match &record.head {
        HeadRecord::Sequence(sequence) => {
            let mut found = of_sequence(record, sequence, &facts);
            if let Some(selection) = &sequence.selection {
                let points: Vec<(usize, f64)> = facts.curve.iter().map(|step| (step.rows, step.score)).collect();
                let standard_error = selection.best().standard_error();
                let curve = Curve { metric: selection.metric, points: &points, standard_error };
                found.extend(diagnose_curve(&curve));
                diagnosis.learning_curve = curve.to_points();
            }
            found
        }
        HeadRecord::Mlp(mlp) => of_mlp(record, mlp),
        HeadRecord::Tagging(tagging) => of_tagging(tagging),
        HeadRecord::Tuned(_) => Vec::new(),
    };
    diagnosis.findings = findings;
    diagnosis.findings.extend(of_rows(record, encoder, tokens, facts.label_errors)?);
    Ok(diagnosis)
}

/// What stands out about a fine-tuning, whose rows are in the tokens file at `tokens`.
pub(crate) fn of_tuning(
    record: &RunRecord,
    tuned: &TunedRecord,
    encoder: &Encoder,
    tokens: &Path,
    facts: &TuneFacts<'_>,
) -> Result<RunDiagnosis, PipelineError> {
    let mut diagnosis = RunDiagnosis::new(&record.run);
    let TuneFacts { history, settings, train_counts, dev_counts, dev_rows } = facts;
    let tuning = tuned.tuning();
    diagnosis.findings.extend(diagnose_learning_rate(&tuning.rate));
    let steps: Vec<f64> = history.iter().map(|row| row.loss).collect();
    let dropout = settings.dropout;
    let held_out = tuned.dev_split.as_deref().map(|name| HeldOut {
        name,
        rows: *dev_rows,
        guessing: settings.constant_answer(train_counts).loss_on(dev_counts),
    });
    let course = Course {
        losses: tuning.losses,
        rate: tuning.rate,
        decays: settings.schedule != Schedule::Constant,
        steps: &steps,
        evaluations: &evaluations(history),
        score: &tuned.score,
        held_out,
        dropout: f64::from(dropout.hidden.max(dropout.attention).max(dropout.head)),
    };
    diagnosis.findings.extend(diagnose_course(&course));
    diagnosis.findings.extend(of_rows(record, encoder, tokens, None)?);
    Ok(diagnosis)
}

/// Steps before an evaluation that its training loss is the mean of, at most: few enough that the parameters are nearly the
/// same, enough that batches do not decide.
const STEPS_AROUND: usize = 50;

/// The evaluations among the steps, each beside the training loss of the steps before it.
fn evaluations(history: &[HistoryRow]) -> Vec<Evaluated> {
    let (mut found, mut since) = (Vec::new(), 0);
    for (at, row) in history.iter().enumerate() {
        let Some(score) = row.score else { continue };
        let first = since.max((at + 1).saturating_sub(STEPS_AROUND));
        let losses = &history[first..=at];
        let training_loss = losses.iter().map(|row| row.loss).sum::<f64>() / losses.len() as f64;
        found.push(Evaluated { step: row.step, score, loss: row.dev_loss, training_loss });
        since = at + 1;
    }
    found
}

/// The score called `metric`.
pub(super) fn score(scores: &ClassificationScores, metric: Metric) -> f64 {
    match metric {
        Metric::Mcc => scores.mcc,
        Metric::MacroF1 => scores.macro_f1,
        Metric::Accuracy => scores.accuracy,
    }
}

fn fit(convergence: &Convergence, expected: f64, standardised: bool) -> Option<Diagnosis> {
    let streamed = convergence.solvers.contains(&Solver::Adam);
    let fit = Fit {
        iterations: convergence.iterations,
        relative_gradient: convergence.relative_gradient_norm,
        expected,
        streamed,
        standardised,
    };
    if convergence.converged { None } else { diagnose_fit(&fit) }
}

/// What a linear head may turn where it knows its own rows too well.
fn stronger(grid: &[f64]) -> &'static str {
    match grid.len() {
        1 => "take stronger regularisation (a smaller `--c`), or several strengths to choose among",
        _ => "the strength is the best on held-out rows already: more rows help, or fewer columns (`--layers`)",
    }
}

/// The mean of the chosen candidate at the strength next to the chosen one, away from the edge of the grid.
fn next_to_chosen(selection: &Selection) -> Option<f64> {
    let best = selection.best();
    let alike =
        |entry: &&SelectionEntry| (&entry.candidate, entry.class_weight) == (&best.candidate, best.class_weight);
    let mut entries: Vec<&SelectionEntry> = selection.entries.iter().filter(alike).collect();
    entries.sort_by(|a, b| a.c.total_cmp(&b.c));
    let place = entries.iter().position(|entry| entry.c == best.c)?;
    let next = if place == 0 { entries.get(1) } else { entries.get(place - 1) };
    next.map(|entry| entry.mean)
}

fn of_sequence(record: &RunRecord, sequence: &SequenceRecord, facts: &FitFacts) -> Vec<Diagnosis> {
    let tried = record.tried();
    let mut found: Vec<Diagnosis> =
        fit(&sequence.convergence, CONVERGENCE_TOLERANCE, sequence.settings.standardise).into_iter().collect();
    let choice = sequence.selection.as_ref().map(|selection| {
        let best = selection.best();
        Choice {
            candidate: &best.candidate,
            c: best.c,
            grid: &sequence.settings.grid,
            metric: selection.metric,
            mean: best.mean,
            standard_error: best.standard_error(),
            folds: selection.folds,
            next: next_to_chosen(selection),
        }
    });
    found.extend(choice.as_ref().and_then(diagnose_edge));
    let nothing = diagnose_nothing_found(choice.as_ref(), facts.held_out.as_ref(), &tried);
    if let Some(held_out) = &sequence.out_of_fold_scores {
        let metric = sequence.settings.metric;
        found.extend(diagnose_gap(&Gap {
            score: metric.as_str(),
            own: score(&sequence.train_scores, metric),
            held_out: score(held_out, metric),
            remedy: stronger(&sequence.settings.grid),
        }));
    }
    found.extend(nothing);
    found
}

fn of_mlp(record: &RunRecord, mlp: &MlpRecord) -> Vec<Diagnosis> {
    let counts: Vec<u64> = record.train_counts.iter().map(|&count| count as u64).collect();
    // Nothing is said where nothing was held out.
    let Some(held_out) = &mlp.held_out_scores else { return Vec::new() };
    let weight = mlp.settings.class_weight.candidates(mlp.settings.metric)[0];
    let smoothing = f64::from(mlp.settings.label_smoothing);
    let held_out_counts: Vec<u64> = held_out.per_class.iter().map(|class| class.support).collect();
    let weights = weight.of_counts(&counts);
    let constant = ConstantAnswer::best(&counts, Some(&weights), smoothing);
    let evaluated = |epoch: &MlpEpoch| {
        let (step, loss, training_loss) = (epoch.epoch, epoch.held_out_loss, epoch.loss);
        Some(Evaluated { step, score: epoch.score?, loss, training_loss })
    };
    let epochs: Vec<Evaluated> = mlp.epochs.iter().filter_map(evaluated).collect();
    let metric = mlp.settings.metric;
    let mut found = diagnose_mlp_course(&MlpCourse {
        epochs: &epochs,
        best: mlp.best,
        most_epochs: mlp.settings.epochs,
        score: metric.as_str(),
        held_out: HeldOut {
            name: "held-out rows",
            rows: mlp.held_out_rows,
            guessing: constant.loss_on(&held_out_counts),
        },
        held_out_mcc: held_out.mcc,
        held_out_classes: held_out_counts.iter().filter(|count| **count > 0).count(),
        own: score(&mlp.train_scores, metric),
        guessing: guessing(&counts, weight, smoothing),
        learning_rate: mlp.settings.learning_rate,
        dropout: f64::from(mlp.settings.dropout),
    });
    found.extend(diagnose_gap(&Gap {
        score: metric.as_str(),
        own: score(&mlp.train_scores, metric),
        held_out: score(held_out, metric),
        remedy: "smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or more rows",
    }));
    found
}

fn of_tagging(tagging: &TaggingRecord) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> =
        fit(&tagging.convergence, TAGGER_TOLERANCE, tagging.settings.standardise).into_iter().collect();
    if let Some(selection) = &tagging.selection {
        found.extend(diagnose_gap(&Gap {
            score: "strict F1",
            own: tagging.train_scores.f1,
            held_out: selection.best().scores.f1,
            remedy: stronger(&tagging.settings.grid),
        }));
    }
    found
}

/// What stands out about the rows of train.
fn of_rows(
    record: &RunRecord,
    encoder: &Encoder,
    tokens: &Path,
    label_errors: Option<Pointing>,
) -> Result<Vec<Diagnosis>, PipelineError> {
    let texts = SplitTexts::read(tokens, &record.labels, encoder.manifest().special_tokens.unk_id)?;
    let tagging = record.task() == larder_data::Task::Tagging;
    let types: Vec<String> = texts.entities.keys().cloned().collect();
    let mut found = diagnose_label_names(if tagging { &types } else { &record.labels });
    if !tagging {
        found.extend(diagnose_size(texts.rows(), record.labels.len()));
    }
    found.extend(balance(record, &texts, tagging));
    found.extend(diagnose_lengths(None, &lengths(record, encoder, &texts)));
    found.extend(diagnose_spelling(None, &texts.spelling()));
    found.extend(diagnose_vocabulary(encoder.manifest().vocabulary_size, encoder.tokenizer()?.vocabulary_size()));
    let names: &[String] = if tagging { &[] } else { &record.display };
    let pointing: Vec<Pointing> = diagnose_duplicates(&texts.keyed(), names).into_iter().chain(label_errors).collect();
    let rows: BTreeSet<usize> = pointing.iter().flat_map(|one| &one.rows).map(|pointer| pointer.row).collect();
    let shown = look_up(tokens, &rows)?;
    let with_texts = |one: Pointing| one.with_texts(|pointer| pointed(pointer, &record.train_split, &shown));
    found.extend(pointing.into_iter().map(with_texts));
    Ok(found)
}

pub(super) fn lengths(record: &RunRecord, encoder: &Encoder, texts: &SplitTexts) -> Lengths {
    Lengths {
        rows: texts.rows(),
        cut_rows: texts.cut_rows,
        tokens: texts.tokens,
        cut_tokens: texts.cut_tokens,
        longest: texts.longest,
        max_tokens: record.settings.max_tokens,
        encoder_tokens: encoder.max_tokens(),
    }
}

fn balance(record: &RunRecord, texts: &SplitTexts, tagging: bool) -> Option<Diagnosis> {
    let weighing = weighing(&record.head);
    if tagging {
        let (classes, counts): (Vec<String>, Vec<usize>) = texts.entities.clone().into_iter().unzip();
        return diagnose_balance(&Balance { classes: &classes, counts: &counts, what: "entities", weighing });
    }
    diagnose_balance(&Balance { classes: &record.display, counts: &record.train_counts, what: "rows", weighing })
}

/// How the rows of rare classes counted in the loss.
fn weighing(head: &HeadRecord) -> Weighing {
    let by = |weight| if weight == ClassWeight::Balanced { Weighing::Balanced } else { Weighing::Alike };
    match head {
        HeadRecord::Sequence(sequence) => {
            let tried = sequence.settings.class_weight.candidates(sequence.settings.metric);
            match &sequence.selection {
                Some(selection) => match by(selection.best().class_weight) {
                    Weighing::Alike if tried.contains(&ClassWeight::Balanced) => Weighing::TriedAndLeft,
                    taken => taken,
                },
                None => by(tried[0]),
            }
        }
        HeadRecord::Mlp(mlp) => by(mlp.settings.class_weight.candidates(mlp.settings.metric)[0]),
        HeadRecord::Tagging(tagging) => match &tagging.selection {
            Some(selection) => by(selection.best().class_weight),
            None if tagging.settings.class_weight == ClassWeightChoice::Balanced => Weighing::Balanced,
            None => Weighing::Alike,
        },
        HeadRecord::Tuned(tuned) => match tuned.settings.get("class_weights").map(String::as_str) {
            Some("none") | None => Weighing::Alike,
            Some(_) => Weighing::Balanced,
        },
    }
}
