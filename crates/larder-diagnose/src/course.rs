//! The course of a training in steps: fine-tuned encoders and perceptrons.

use std::ops::RangeInclusive;

use crate::features::{Losses, TRAIN_MORE};
use crate::fit::AT_GUESSING;
use crate::{Diagnosis, DiagnosisKind};

/// The last score is this far below the best one where more training did harm.
const PAST_THE_BEST: f64 = 0.02;

/// The training loss at the end is this share of that of guessing by the labels' shares, or more, where hardly anything was
/// learned.
const HARDLY_LEARNED: f64 = 0.95;

/// The same, or less, where the training texts were learned.
const LEARNED: f64 = 0.5;

/// A held-out loss below the training loss by this share and more is no accident of a few hundred rows.
const BELOW_TRAINING: f64 = 0.05;

/// The loss still falls where the last quarter of the steps is below the quarter before it by this share...
const STILL_FALLING: f64 = 0.05;

/// ... and by so many standard errors of their difference.
const FALLING_ERRORS: f64 = 3.0;

/// Steps below which quarters say nothing.
const ENOUGH_STEPS: usize = 40;

/// One evaluation while training went on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The step after which it was; of a perceptron the epoch, from 1.
    pub step: usize,
    /// Its score: more is better.
    pub score: f64,
    /// The loss of the held-out rows, without dropout.
    pub loss: Option<f64>,
    /// The mean training loss around it, with dropout.
    pub training_loss: f64,
}

/// The course of a fine-tuning.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// Beginning and end.
    pub losses: Losses,
    /// The training loss of each step, before it.
    pub steps: &'a [f64],
    /// The evaluations, in order.
    pub evaluations: &'a [Evaluated],
    /// What scores are called: `mcc`.
    pub score: &'a str,
    /// The held-out split.
    pub split: Option<&'a str>,
    /// The encoder's learning rate, as spelled in the settings.
    pub learning_rate: &'a str,
    /// The largest share that is dropped in training; 0 for none.
    pub dropout: f64,
}

/// What the course of a fine-tuning shows: [`PriorEntropy`](DiagnosisKind::PriorEntropy),
/// [`UnderTrained`](DiagnosisKind::UnderTrained), [`OverFitted`](DiagnosisKind::OverFitted),
/// [`DropoutGap`](DiagnosisKind::DropoutGap).
pub fn diagnose_course(course: &Course<'_>) -> Vec<Diagnosis> {
    let Course { losses, evaluations, score, .. } = course;
    let mut found = Vec::new();
    // Of equal scores the later parameters are kept.
    let best = evaluations.iter().copied().max_by(|a, b| a.score.total_cmp(&b.score));
    let last = evaluations.last().copied();
    if losses.progress() >= HARDLY_LEARNED {
        found.push(Diagnosis::new(
            DiagnosisKind::PriorEntropy,
            "the encoder has hardly learned from the training texts: the loss sits at that of guessing",
            format!("{}; {} steps at a learning rate of {}", losses.told(), course.steps.len(), course.learning_rate),
            TRAIN_MORE,
        ));
    } else if losses.progress() > LEARNED
        && best.zip(last).is_none_or(|(best, last)| best.step == last.step)
        && let Some((before, end)) = still_falling(course.steps)
    {
        let last = last.map_or_else(String::new, |last| {
            format!(", and the last evaluation was the best ({score} {:.3} after step {})", last.score, last.step)
        });
        found.push(Diagnosis::new(
            DiagnosisKind::UnderTrained,
            "training ended while the loss was still falling",
            format!(
                "mean training loss {end:.3} in the last quarter of the steps, {before:.3} in the quarter before it{last}; {:.3} \
                 is guessing by the labels' shares",
                losses.guessing
            ),
            "train longer (`--epochs`); the rate falls to nothing only at the end, so a longer run takes larger steps on the way",
        ));
    }
    if let (Some(best), Some(last)) = (best, last)
        && best.score - last.score > PAST_THE_BEST
    {
        found.push(Diagnosis::new(
            DiagnosisKind::OverFitted,
            "more training did harm",
            format!(
                "{score} was {:.3} after step {} and {:.3} after step {}; the parameters of step {} were kept",
                best.score, best.step, last.score, last.step, best.step
            ),
            "fewer `--epochs`, a lower `--lr`, or `--patience 2`, which stops by itself",
        ));
    } else if let Some(finding) = last.and_then(|last| too_sure(&last, losses.guessing, course.split)) {
        found.push(finding);
    }
    found.extend(last.and_then(|last| diagnose_dropout_gap(&last, course.dropout, course.split)));
    found
}

/// The mean losses of the last two quarters, where the last is clearly below the one before.
fn still_falling(steps: &[f64]) -> Option<(f64, f64)> {
    if steps.len() < ENOUGH_STEPS {
        return None;
    }
    let quarter = steps.len() / 4;
    let (rest, end) = steps.split_at(steps.len() - quarter);
    let ((before, before_error), (end, end_error)) =
        (mean_and_error(&rest[rest.len() - quarter..]), mean_and_error(end));
    let error = before_error.hypot(end_error);
    (before - end > STILL_FALLING * before && before - end > FALLING_ERRORS * error).then_some((before, end))
}

/// The mean and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let summary = larder_metrics::summarise(values);
    (summary.mean, summary.deviation / (values.len().max(1) as f64).sqrt())
}

/// Training texts are known by heart, and held-out ones are answered with such confidence that guessing would be better.
fn too_sure(last: &Evaluated, guessing: f64, split: Option<&str>) -> Option<Diagnosis> {
    let loss = last.loss.filter(|loss| *loss > guessing && last.training_loss < LEARNED * guessing)?;
    let split = split.unwrap_or("the held-out rows");
    Some(Diagnosis::new(
        DiagnosisKind::OverFitted,
        format!("training texts are learned by heart, and on {split} the probabilities are worse than guessing"),
        format!(
            "loss {:.3} on training texts, {loss:.3} on {split}, {guessing:.3} for guessing by the labels' shares",
            last.training_loss
        ),
        "fewer `--epochs`, or more `--dropout`; the answers may still be right, but do not read their probabilities as chances",
    ))
}

/// [`DropoutGap`](DiagnosisKind::DropoutGap) where held-out rows have the lower loss.
pub fn diagnose_dropout_gap(last: &Evaluated, dropout: f64, split: Option<&str>) -> Option<Diagnosis> {
    let loss = last.loss.filter(|loss| dropout > 0.0 && *loss < (1.0 - BELOW_TRAINING) * last.training_loss)?;
    let split = split.unwrap_or("held-out rows");
    Some(Diagnosis::new(
        DiagnosisKind::DropoutGap,
        format!("the loss on {split} is below the training loss, which is no sign of a leak"),
        format!(
            "loss {loss:.3} on {split} after step {}, {:.3} in training: training drops up to {:.0} % of the numbers on the way, \
             evaluations drop nothing",
            last.step,
            last.training_loss,
            100.0 * dropout
        ),
        "nothing needs to be turned; `--dropout 0` makes the two comparable",
    ))
}

/// [`LearningRate`](DiagnosisKind::LearningRate) where `rate` is not among those of the recipe of `family`.
pub fn diagnose_learning_rate(rate: f64, family: &str, recipe: &RangeInclusive<f64>) -> Option<Diagnosis> {
    if recipe.contains(&rate) {
        return None;
    }
    let (least, most) = (recipe.start(), recipe.end());
    let (side, what) = match rate > *most {
        true => ("above", "too large steps drive an encoder to one answer for all texts, or undo what it knows"),
        false => ("below", "too small steps leave it as it was"),
    };
    Some(Diagnosis::new(
        DiagnosisKind::LearningRate,
        format!("the learning rate is {side} those that {family} is fine-tuned at"),
        format!("{rate:e}, where the family's publication uses {least:e} to {most:e}; {what}"),
        format!("`--lr` {least:e} to {most:e}, or several with `--sweep`"),
    ))
}

/// The course of a perceptron's training.
#[derive(Debug, Clone, Copy)]
pub struct MlpCourse<'a> {
    /// Epochs that were run.
    pub epochs: &'a [Evaluated],
    /// The place of the one whose parameters were kept.
    pub best: usize,
    /// Epochs that there might have been.
    pub most_epochs: usize,
    /// What scores are called: `mcc`.
    pub score: &'a str,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// MCC on them.
    pub held_out_mcc: f64,
    /// The entropy of the labels' shares in train, rows weighed as in the loss.
    pub guessing: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// The share that is dropped in training.
    pub dropout: f64,
}

/// What the course of a perceptron's training shows: as [`diagnose_course`], and
/// [`MajorityBaseline`](DiagnosisKind::MajorityBaseline).
pub fn diagnose_mlp_course(course: &MlpCourse<'_>) -> Vec<Diagnosis> {
    let MlpCourse { epochs, best, score, guessing, learning_rate, .. } = *course;
    let Some(chosen) = epochs.get(best) else { return Vec::new() };
    let evidence =
        format!("{score} {:.3} on {} held-out rows after epoch {}", chosen.score, course.held_out_rows, chosen.step);
    let mut found = Vec::new();
    if best + 1 == course.most_epochs && course.held_out_mcc > 0.0 {
        found.push(Diagnosis::new(
            DiagnosisKind::UnderTrained,
            "the last epoch was the best",
            evidence.clone(),
            "try more with `--epochs`",
        ));
    } else if course.held_out_mcc <= 0.0
        && let Some(loss) = chosen.loss.filter(|loss| *loss >= AT_GUESSING * guessing)
    {
        found.push(Diagnosis::new(
            DiagnosisKind::PriorEntropy,
            "held-out rows are answered no better than by the labels' shares",
            format!(
                "their loss is {loss:.3}, {guessing:.3} for guessing by the labels' shares (its entropy); {evidence}"
            ),
            format!("try `--layers all`, another `--learning-rate` (now {learning_rate:e}), or the head `logistic`"),
        ));
    } else if course.held_out_mcc <= 0.0 {
        found.push(Diagnosis::new(
            DiagnosisKind::MajorityBaseline,
            "held-out rows are answered no better than by a constant",
            evidence.clone(),
            "try `--layers all`, a lower `--learning-rate`, or the head `logistic`",
        ));
    } else if best == 0 && epochs.len() > 1 {
        found.push(Diagnosis::new(
            DiagnosisKind::OverFitted,
            "the first epoch was the best",
            evidence.clone(),
            format!(
                "take smaller steps (`--learning-rate`, now {learning_rate:e}), smaller layers (`--hidden`) or more `--dropout`"
            ),
        ));
    }
    found.extend(too_sure(chosen, guessing, None));
    found.extend(diagnose_dropout_gap(chosen, course.dropout, None));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(step: usize, score: f64, loss: f64, training_loss: f64) -> Evaluated {
        Evaluated { step, score, loss: Some(loss), training_loss }
    }

    /// Falls from 0.7 to `last` in the first half, and lies there with a little noise, or goes on falling.
    fn losses(last: f64, falling: bool) -> Vec<f64> {
        (0..200)
            .map(|step| {
                let end = if falling { 200.0 } else { 80.0 };
                let way = (f64::from(step) / end).min(1.0);
                0.7 + (last - 0.7) * way + 0.01 * f64::from(step % 3 - 1)
            })
            .collect()
    }

    fn kinds(steps: &[f64], evaluations: &[Evaluated], dropout: f64) -> Vec<DiagnosisKind> {
        let last = steps[steps.len() - 20..].iter().sum::<f64>() / 20.0;
        let course = Course {
            losses: Losses { first: 0.7, last, guessing: 0.6 },
            steps,
            evaluations,
            score: "mcc",
            split: Some("dev"),
            learning_rate: "5e-5",
            dropout,
        };
        diagnose_course(&course).iter().map(|found| found.kind).collect()
    }

    #[test]
    fn a_healthy_course_is_met_with_silence() {
        let learned = [evaluated(100, 0.5, 0.45, 0.4), evaluated(200, 0.6, 0.4, 0.2)];
        assert_eq!(kinds(&losses(0.2, false), &learned, 0.1), []);
        // Falling still, but the texts are learned.
        assert_eq!(kinds(&losses(0.1, true), &learned, 0.1), []);
        assert_eq!(kinds(&losses(0.4, false), &learned, 0.1), []);
        assert_eq!(kinds(&losses(0.4, false), &[], 0.1), []);
    }

    #[test]
    fn what_losses_and_scores_show_is_said() {
        let rising = [evaluated(100, 0.2, 0.5, 0.5), evaluated(200, 0.3, 0.45, 0.4)];
        assert_eq!(kinds(&losses(0.6, false), &rising, 0.1), [DiagnosisKind::PriorEntropy]);
        assert_eq!(kinds(&losses(0.4, true), &rising, 0.1), [DiagnosisKind::UnderTrained]);
        let harmed = [evaluated(100, 0.5, 0.5, 0.4), evaluated(200, 0.4, 0.5, 0.1)];
        assert_eq!(kinds(&losses(0.1, false), &harmed, 0.1), [DiagnosisKind::OverFitted]);
        let sure = [evaluated(100, 0.4, 0.5, 0.4), evaluated(200, 0.5, 1.2, 0.05)];
        assert_eq!(kinds(&losses(0.05, false), &sure, 0.1), [DiagnosisKind::OverFitted]);
    }

    #[test]
    fn a_lower_held_out_loss_is_put_down_to_dropout_only_where_there_is_some() {
        let below = [evaluated(200, 0.6, 0.2, 0.3)];
        assert_eq!(kinds(&losses(0.3, false), &below, 0.1), [DiagnosisKind::DropoutGap]);
        assert_eq!(kinds(&losses(0.3, false), &below, 0.0), []);
        let found = diagnose_dropout_gap(&below[0], 0.5, Some("dev")).unwrap();
        assert!(found.finding.contains("no sign of a leak") && found.remedy.contains("--dropout 0"), "{found}");
    }

    #[test]
    fn rates_outside_the_recipe_are_named_with_it() {
        let recipe = 2e-5..=5e-5;
        let found = diagnose_learning_rate(1e-3, "bert", &recipe).unwrap();
        assert!(found.finding.contains("above") && found.evidence.contains("2e-5 to 5e-5"), "{found}");
        assert!(diagnose_learning_rate(1e-6, "bert", &recipe).unwrap().finding.contains("below"));
        assert!(diagnose_learning_rate(5e-5, "bert", &recipe).is_none());
    }

    #[test]
    fn a_perceptron_is_told_what_its_epochs_show() {
        let epochs = |scores: [f64; 3]| -> Vec<Evaluated> {
            let losses = [0.6, 0.5, 0.4];
            let epoch = |at: usize| evaluated(at + 1, scores[at], losses[at], losses[at]);
            (0..3).map(epoch).collect()
        };
        let kinds = |scores: [f64; 3], best: usize, most_epochs: usize, held_out_mcc: f64, guessing: f64| {
            let course = MlpCourse {
                epochs: &epochs(scores),
                best,
                most_epochs,
                score: "mcc",
                held_out_rows: 100,
                held_out_mcc,
                guessing,
                learning_rate: 1e-4,
                dropout: 0.5,
            };
            diagnose_mlp_course(&course).iter().map(|found| found.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds([0.1, 0.3, 0.2], 1, 3, 0.3, 0.69), []);
        assert_eq!(kinds([0.1, 0.2, 0.3], 2, 3, 0.3, 0.69), [DiagnosisKind::UnderTrained]);
        assert_eq!(kinds([0.3, 0.2, 0.1], 0, 3, 0.3, 0.69), [DiagnosisKind::OverFitted]);
        assert_eq!(kinds([0.0, 0.0, 0.0], 1, 3, 0.0, 0.69), [DiagnosisKind::MajorityBaseline]);
        assert_eq!(kinds([0.0, 0.0, 0.0], 1, 3, 0.0, 0.5), [DiagnosisKind::PriorEntropy]);
    }
}
