//! Facts about a training and its rows.

use std::collections::BTreeSet;
use std::path::Path;

use larder_diagnose::{
    Balance, Choice, Course, Curve, Diagnosis, Evaluated, Fit, Gap, HeldOutLoss, Lengths, MlpCourse, Pointing,
    RunDiagnosis, diagnose_balance, diagnose_course, diagnose_curve, diagnose_duplicates, diagnose_edge, diagnose_fit,
    diagnose_gap, diagnose_label_names, diagnose_learning_rate, diagnose_lengths, diagnose_mlp_course,
    diagnose_nothing_found, diagnose_spelling, diagnose_vocabulary,
};
use larder_encoder::Encoder;
use larder_finetune::{HistoryRow, Preset, TuneSettings};
use larder_metrics::{ClassificationScores, Metric, class_prior_entropy};
use larder_onnx::Family;
use larder_train::{
    CONVERGENCE_TOLERANCE, ClassWeight, ClassWeightChoice, Convergence, LearningStep, Solver, TAGGER_TOLERANCE,
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
    /// The encoder's family.
    pub family: Family,
}

/// The loss of held-out `probabilities` (`[rows, classes]`), rows weighed as in the fit, beside that of guessing.
pub(crate) fn held_out_loss(
    probabilities: &Array2<f64>,
    labels: &[usize],
    class_weight: ClassWeight,
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
    let shares = counts.iter().zip(&weights).map(|(&count, weight)| count as f64 * weight / whole);
    let guessing = shares.filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum();
    (whole > 0.0).then(|| HeldOutLoss { loss: loss / whole, guessing })
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
    let TuneFacts { history, settings, family } = facts;
    let recipe = Preset::of(*family).learning_rates;
    diagnosis.findings.extend(diagnose_learning_rate(settings.learning_rate, family.as_str(), &recipe));
    let steps: Vec<f64> = history.iter().map(|row| row.loss).collect();
    let dropout = settings.dropout;
    let course = Course {
        losses: tuned.losses(),
        steps: &steps,
        evaluations: &evaluations(history),
        score: &tuned.score,
        split: tuned.dev_split.as_deref(),
        learning_rate: tuned.settings.get("learning_rate").map_or("?", String::as_str),
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

fn fit(convergence: &Convergence, expected: f64) -> Option<Diagnosis> {
    let streamed = convergence.solvers.contains(&Solver::Adam);
    let fit = Fit {
        iterations: convergence.iterations,
        relative_gradient: convergence.relative_gradient_norm,
        expected,
        streamed,
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

fn of_sequence(record: &RunRecord, sequence: &SequenceRecord, facts: &FitFacts) -> Vec<Diagnosis> {
    let tried = record.tried();
    let mut found: Vec<Diagnosis> = fit(&sequence.convergence, CONVERGENCE_TOLERANCE).into_iter().collect();
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
        }
    });
    found.extend(choice.as_ref().and_then(diagnose_edge));
    let nothing = diagnose_nothing_found(choice.as_ref(), facts.held_out.as_ref(), &tried);
    if let Some(held_out) = &sequence.out_of_fold_scores {
        let metric = sequence.settings.metric;
        found.extend(diagnose_gap(&Gap {
            score: metric.name(),
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
    let guessing = match mlp.settings.class_weight.candidates(mlp.settings.metric).first() {
        // Weighed so that all classes count alike.
        Some(ClassWeight::Balanced) => (counts.iter().filter(|count| **count > 0).count() as f64).ln(),
        _ => class_prior_entropy(&counts),
    };
    let epochs: Vec<Evaluated> = mlp
        .epochs
        .iter()
        .map(|epoch| Evaluated {
            step: epoch.epoch,
            score: epoch.score,
            loss: Some(epoch.held_out_loss),
            training_loss: epoch.loss,
        })
        .collect();
    let metric = mlp.settings.metric;
    let mut found = diagnose_mlp_course(&MlpCourse {
        epochs: &epochs,
        best: mlp.best,
        most_epochs: mlp.settings.epochs,
        score: metric.name(),
        held_out_rows: mlp.held_out_rows,
        held_out_mcc: mlp.held_out_scores.mcc,
        guessing,
        learning_rate: mlp.settings.learning_rate,
        dropout: f64::from(mlp.settings.dropout),
    });
    found.extend(diagnose_gap(&Gap {
        score: metric.name(),
        own: score(&mlp.train_scores, metric),
        held_out: score(&mlp.held_out_scores, metric),
        remedy: "smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or more rows",
    }));
    found
}

fn of_tagging(tagging: &TaggingRecord) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> = fit(&tagging.convergence, TAGGER_TOLERANCE).into_iter().collect();
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
    let weighed = |choice: ClassWeightChoice| match choice {
        ClassWeightChoice::None => "`--class-weight balanced` makes their rows count more",
        _ => "their rows count more already where that helps held-out rows (`--class-weight`)",
    };
    let remedy = match &record.head {
        HeadRecord::Sequence(sequence) => weighed(sequence.settings.class_weight),
        HeadRecord::Mlp(mlp) => weighed(mlp.settings.class_weight),
        HeadRecord::Tagging(_) => "`--class-weight balanced` makes their words count more (head `logistic`)",
        HeadRecord::Tuned(tuned) => match tuned.settings.get("class_weights").map(String::as_str) {
            Some("none") | None => "`--class-weight balanced` makes them count more",
            Some(_) => "they count more already (`--class-weight balanced`)",
        },
    };
    if tagging {
        let (classes, counts): (Vec<String>, Vec<usize>) = texts.entities.clone().into_iter().unzip();
        return diagnose_balance(&Balance { classes: &classes, counts: &counts, what: "entities", remedy });
    }
    diagnose_balance(&Balance { classes: &record.display, counts: &record.train_counts, what: "rows", remedy })
}
