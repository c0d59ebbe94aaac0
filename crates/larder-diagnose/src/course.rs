//! The course of a training in steps: fine-tuned encoders and perceptrons.

use crate::evidence::Evidence;
use crate::fit::{AT_GUESSING, Gap, diagnose_gap, is_no_signal};
use crate::losses::{AT_MOST, Guessing, HARDLY_LEARNED, LEARNED, Losses, Rate};
use crate::{Diagnosis, DiagnosisKind};

/// The last score is this far below the best one, at least, where more training did harm...
const PAST_THE_BEST: f64 = 0.02;

/// ... and by so many standard errors of the score on that many rows.
const HARM_ERRORS: f64 = 2.0;

/// A held-out loss below the training loss by this share and more is no accident of a few hundred rows.
const BELOW_TRAINING: f64 = 0.05;

/// The loss still falls where the last quarter of the steps is below the quarter before it by this share...
const STILL_FALLING: f64 = 0.05;

/// ... and by so many standard errors of their difference.
const FALLING_ERRORS: f64 = 3.0;

/// Steps below which quarters say nothing.
const ENOUGH_STEPS: usize = 40;

/// A score from which on nobody needs more training.
const GOOD: f64 = 0.99;

/// One evaluation while training went on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The step after which it was; of a perceptron the epoch, from 1.
    pub step: usize,
    /// Its score: more is better.
    pub score: f64,
    /// The loss of the held-out rows, without dropout.
    pub loss: Option<f64>,
    /// The mean training loss of the steps before it, with dropout.
    pub training_loss: f64,
}

/// The rows that evaluations are about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut<'a> {
    /// The name of the rows: `dev`, `held-out rows`.
    pub name: &'a str,
    /// Number of rows: texts, or sentences.
    pub rows: usize,
    /// The loss on them of the constant answer that is the best one for train, in nats.
    pub guessing: f64,
}

/// The course of a fine-tuning.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// Beginning and end.
    pub losses: Losses,
    /// The learning rate.
    pub rate: Rate<'a>,
    /// True if the rate falls to nothing at the end.
    pub decays: bool,
    /// The training loss of each step, before it.
    pub steps: &'a [f64],
    /// The evaluations, in order.
    pub evaluations: &'a [Evaluated],
    /// The name of the score: `mcc`.
    pub score: &'a str,
    /// The split that evaluations are about.
    pub held_out: Option<HeldOut<'a>>,
    /// The largest share that is dropped in training; 0 for none.
    pub dropout: f64,
}

/// Diagnoses the course of a fine-tuning: [`Diverged`](DiagnosisKind::Diverged),
/// [`PriorEntropy`](DiagnosisKind::PriorEntropy), [`UnderTrained`](DiagnosisKind::UnderTrained) or
/// [`OverFitted`](DiagnosisKind::OverFitted), which exclude each other; [`DropoutGap`](DiagnosisKind::DropoutGap).
pub fn diagnose_course(course: &Course<'_>) -> Vec<Diagnosis> {
    let last = course.evaluations.last().copied();
    let mut found: Vec<Diagnosis> =
        not_learned(course).or_else(|| under_trained(course)).or_else(|| over_fitted(course)).into_iter().collect();
    let gap = last.zip(course.held_out).and_then(|(last, held_out)| {
        diagnose_dropout_gap(&last, course.dropout, &held_out, course.losses.guessing.loss)
    });
    found.extend(gap);
    found
}

/// A run whose training loss is no lower than that of guessing at the end.
fn not_learned(course: &Course<'_>) -> Option<Diagnosis> {
    let Course { losses, rate, evaluations, score, held_out, .. } = course;
    if losses.progress() < HARDLY_LEARNED {
        return None;
    }
    let steps = Evidence::new("; ").count("steps", course.steps.len()).text(" steps at a learning rate of ");
    let evidence = losses.told().and(steps.spelled("learning rate", rate.rate, format!("{:e}", rate.rate)));
    if losses.has_risen() {
        let finding = "the training loss rose, and ended above that of guessing";
        return Some(Diagnosis::new(DiagnosisKind::Diverged, finding, evidence, rate.hurt_less()));
    }
    if let Some((best, last)) = harm(evaluations, held_out.as_ref()) {
        let evidence = evidence.text("; ").and(fall(score, &best, &last));
        let finding = "what was learned was lost again: at the end the training loss is that of guessing, or above it";
        return Some(Diagnosis::new(DiagnosisKind::Diverged, finding, evidence, rate.hurt_less()));
    }
    Some(match losses.progress() {
        progress if progress > AT_MOST => Diagnosis::new(
            DiagnosisKind::UnderTrained,
            "the encoder has not learned the labels' shares yet: the training loss is above that of guessing",
            evidence,
            rate.learn_more(),
        ),
        _ => Diagnosis::new(
            DiagnosisKind::PriorEntropy,
            "the encoder has hardly learned from the training texts: the loss sits at that of guessing",
            evidence,
            rate.learn_more(),
        ),
    })
}

/// A run that ended while its loss was still falling.
fn under_trained(course: &Course<'_>) -> Option<Diagnosis> {
    let Course { losses, evaluations, score, .. } = course;
    let last = evaluations.last();
    let last_is_best = best(evaluations).zip(last).is_none_or(|(best, last)| best.step == last.step);
    let good = last.is_some_and(|last| last.score >= GOOD);
    if losses.progress() <= LEARNED || !last_is_best || good {
        return None;
    }
    let (before, end) = still_falling(course.steps)?;
    let mut evidence = Evidence::new("mean training loss ").score("last quarter", end);
    evidence = evidence.text(" in the last quarter of the steps, ").score("quarter before", before);
    evidence = evidence.text(" in the quarter before it");
    if let Some(last) = last {
        evidence = evidence.text(format!(", and the last evaluation was the best ({score} ")).score("best", last.score);
        evidence = evidence.text(" after step ").count("best step", last.step).text(")");
    }
    let longer = match course.decays {
        true => {
            "train longer (`--epochs`); the rate falls to nothing only at the end, so a longer run takes larger steps on the way"
        }
        false => "train longer (`--epochs`)",
    };
    Some(Diagnosis::new(
        DiagnosisKind::UnderTrained,
        "training ended while the loss was still falling",
        evidence.text("; ").and(losses.guessing.told()),
        longer,
    ))
}

/// A run that was better before it ended, or whose probabilities are far too sure.
fn over_fitted(course: &Course<'_>) -> Option<Diagnosis> {
    let Course { evaluations, score, held_out, losses, rate, .. } = course;
    if let Some((best, last)) = harm(evaluations, held_out.as_ref()) {
        let evidence = fall(score, &best, &last).text("; the parameters of step ").count("kept step", best.step);
        let lower = if rate.is_below() { "" } else { ", a lower `--lr`" };
        return Some(Diagnosis::new(
            DiagnosisKind::OverFitted,
            "more training did harm",
            evidence.text(" were kept"),
            format!("fewer `--epochs`{lower}, or `--patience 2`, which stops by itself"),
        ));
    }
    too_sure(evaluations.last()?, &losses.guessing, &(*held_out)?)
}

/// Returns the best evaluation; of equal scores the later one, whose parameters are kept.
fn best(evaluations: &[Evaluated]) -> Option<Evaluated> {
    evaluations.iter().copied().max_by(|a, b| a.score.total_cmp(&b.score))
}

/// The best and the last evaluation, where the last is clearly worse.
fn harm(evaluations: &[Evaluated], held_out: Option<&HeldOut<'_>>) -> Option<(Evaluated, Evaluated)> {
    let (best, last) = (best(evaluations)?, *evaluations.last()?);
    let rows = held_out.map_or(1, |held_out| held_out.rows.max(1)) as f64;
    // Of a correlation; shares scatter less.
    let error = ((1.0 - best.score.clamp(-1.0, 1.0).powi(2)) / rows).sqrt();
    (best.score - last.score > PAST_THE_BEST.max(HARM_ERRORS * error)).then_some((best, last))
}

fn fall(score: &str, best: &Evaluated, last: &Evaluated) -> Evidence {
    let evidence = Evidence::new(format!("{score} was ")).score("best", best.score).text(" after step ");
    let evidence = evidence.count("best step", best.step).text(" and ").score("last", last.score);
    evidence.text(" after step ").count("last step", last.step)
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
fn too_sure(last: &Evaluated, guessing: &Guessing, held_out: &HeldOut<'_>) -> Option<Diagnosis> {
    let loss = last.loss.filter(|loss| *loss > held_out.guessing && last.training_loss < LEARNED * guessing.loss)?;
    let name = held_out.name;
    let evidence = Evidence::new("loss ").score("training loss", last.training_loss).text(" on training texts, ");
    let evidence = evidence.score("held-out loss", loss).text(format!(" on {name}, "));
    let evidence = evidence.score("held-out guessing", held_out.guessing);
    Some(Diagnosis::new(
        DiagnosisKind::OverFitted,
        format!("training texts are learned by heart, and on {name} the probabilities are worse than guessing"),
        evidence.text(" there for the constant answer that is best for train"),
        "fewer `--epochs`, or more `--dropout`; the answers may still be right, but do not read their probabilities as chances",
    ))
}

/// Diagnoses [`DropoutGap`](DiagnosisKind::DropoutGap) if held-out rows have the lower loss, also beside that of
/// guessing, which may differ between the two. `guessing` is that in training.
pub fn diagnose_dropout_gap(
    last: &Evaluated,
    dropout: f64,
    held_out: &HeldOut<'_>,
    guessing: f64,
) -> Option<Diagnosis> {
    let is_below = |loss: f64| {
        let beside_guessing = last.training_loss * held_out.guessing / guessing.max(f64::MIN_POSITIVE);
        loss < (1.0 - BELOW_TRAINING) * last.training_loss.min(beside_guessing)
    };
    let loss = last.loss.filter(|loss| dropout > 0.0 && is_below(*loss))?;
    let name = held_out.name;
    let evidence = Evidence::new("loss ").score("held-out loss", loss).text(format!(" on {name} after step "));
    let evidence = evidence.count("step", last.step).text(", ").score("training loss", last.training_loss);
    let evidence =
        evidence.text(" in the training steps before: training drops up to ").whole_percent("dropout", dropout);
    Some(Diagnosis::new(
        DiagnosisKind::DropoutGap,
        format!("the loss on {name} is below the training loss, which by itself is no sign of a leak"),
        evidence.text(" of the numbers on the way, evaluations drop nothing"),
        "nothing needs to be turned; `--dropout 0` makes the two comparable",
    ))
}

/// Diagnoses [`LearningRate`](DiagnosisKind::LearningRate) if the rate is not among those of its family's recipe.
pub fn diagnose_learning_rate(rate: &Rate<'_>) -> Option<Diagnosis> {
    let (side, what) = match (rate.is_above(), rate.is_below()) {
        (true, _) => {
            ("above", "too large steps may drive an encoder to one answer for all texts, or undo what it knows")
        }
        (_, true) => ("below", "too small steps may leave it as it was"),
        _ => return None,
    };
    let Rate { rate, family, recipe: (least, most) } = *rate;
    let evidence = Evidence::default().spelled("learning rate", rate, format!("{rate:e}"));
    let evidence =
        evidence.text(", where the family's publication uses ").spelled("least", least, format!("{least:e}"));
    let evidence = evidence.text(" to ").spelled("most", most, format!("{most:e}")).text(format!("; {what}"));
    Some(Diagnosis::new(
        DiagnosisKind::LearningRate,
        format!("the learning rate is {side} those that {family} is fine-tuned at"),
        evidence,
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
    /// The name of the score: `mcc`.
    pub score: &'a str,
    /// Rows of train that were held out.
    pub held_out: HeldOut<'a>,
    /// MCC on them.
    pub held_out_mcc: f64,
    /// Classes among them: with one, MCC says nothing.
    pub held_out_classes: usize,
    /// The score on the rows that it was fitted on.
    pub own: f64,
    /// The loss of the best constant answer, by the weights and smoothing of the loss.
    pub guessing: Guessing,
    /// The learning rate.
    pub learning_rate: f64,
    /// The share that is dropped in training.
    pub dropout: f64,
}

/// Diagnoses the course of a perceptron's training: one of [`PriorEntropy`](DiagnosisKind::PriorEntropy),
/// [`MajorityBaseline`](DiagnosisKind::MajorityBaseline), [`UnderTrained`](DiagnosisKind::UnderTrained) and
/// [`OverFitted`](DiagnosisKind::OverFitted); [`DropoutGap`](DiagnosisKind::DropoutGap).
pub fn diagnose_mlp_course(course: &MlpCourse<'_>) -> Vec<Diagnosis> {
    let Some(chosen) = course.epochs.get(course.best) else { return Vec::new() };
    let mut found: Vec<Diagnosis> = at_the_shares(course, chosen)
        .or_else(|| last_epoch_best(course, chosen))
        .or_else(|| at_a_constant(course, chosen))
        .or_else(|| known_by_heart(course, chosen))
        .or_else(|| too_sure(chosen, &course.guessing, &course.held_out))
        .or_else(|| first_epoch_best(course, chosen))
        .into_iter()
        .collect();
    found.extend(diagnose_dropout_gap(chosen, course.dropout, &course.held_out, course.guessing.loss));
    found
}

/// The kept epoch's score in words.
fn epoch_score(course: &MlpCourse<'_>, chosen: &Evaluated) -> Evidence {
    let evidence = Evidence::new(format!("{} ", course.score)).score("score", chosen.score).text(" on ");
    let evidence = evidence.count("held-out rows", course.held_out.rows).text(" held-out rows after epoch ");
    evidence.count("epoch", chosen.step)
}

/// Returns true if the answers to held-out rows cannot be told from a constant one.
fn is_unsure(course: &MlpCourse<'_>) -> bool {
    course.held_out_classes > 1 && is_no_signal(course.held_out_mcc, course.held_out.rows)
}

fn nothing_remedy(course: &MlpCourse<'_>) -> String {
    format!("try `--layers all`, another `--learning-rate` (now {:e}), or the head `logistic`", course.learning_rate)
}

fn at_the_shares(course: &MlpCourse<'_>, chosen: &Evaluated) -> Option<Diagnosis> {
    let at_guessing = AT_GUESSING * course.held_out.guessing..=AT_MOST * course.held_out.guessing;
    let loss = chosen.loss.filter(|loss| is_unsure(course) && at_guessing.contains(loss))?;
    let evidence = Evidence::new("their loss is ").score("held-out loss", loss).text(", ");
    let evidence = evidence.score("held-out guessing", course.held_out.guessing);
    let evidence =
        evidence.text(" for the constant answer that is best for train; MCC ").score("mcc", course.held_out_mcc);
    Some(Diagnosis::new(
        DiagnosisKind::PriorEntropy,
        "held-out rows are answered no better than by the labels' shares",
        evidence.text("; ").and(epoch_score(course, chosen)),
        nothing_remedy(course),
    ))
}

fn at_a_constant(course: &MlpCourse<'_>, chosen: &Evaluated) -> Option<Diagnosis> {
    is_unsure(course).then(|| {
        let evidence = Evidence::new("MCC ").score("mcc", course.held_out_mcc).text("; ");
        Diagnosis::new(
            DiagnosisKind::MajorityBaseline,
            "answers to held-out rows cannot be told from a constant answer",
            evidence.and(epoch_score(course, chosen)),
            nothing_remedy(course),
        )
    })
}

fn last_epoch_best(course: &MlpCourse<'_>, chosen: &Evaluated) -> Option<Diagnosis> {
    let MlpCourse { epochs, best, most_epochs, held_out_mcc, .. } = *course;
    let before = &epochs[..best];
    let is_best = before.iter().all(|epoch| epoch.score < chosen.score);
    let still_falls = before.iter().all(|epoch| epoch.loss.zip(chosen.loss).is_none_or(|(before, loss)| loss < before));
    if best + 1 != most_epochs || held_out_mcc <= 0.0 || chosen.score >= GOOD || !is_best || !still_falls {
        return None;
    }
    Some(Diagnosis::new(
        DiagnosisKind::UnderTrained,
        "the last epoch was the best, and the loss on held-out rows was still falling",
        epoch_score(course, chosen),
        "try more with `--epochs`",
    ))
}

fn known_by_heart(course: &MlpCourse<'_>, chosen: &Evaluated) -> Option<Diagnosis> {
    let remedy = format!(
        "take smaller steps (`--learning-rate`, now {:e}), smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or \
         more rows",
        course.learning_rate
    );
    let gap = Gap { score: course.score, own: course.own, held_out: chosen.score, remedy: &remedy };
    diagnose_gap(&gap)
}

fn first_epoch_best(course: &MlpCourse<'_>, chosen: &Evaluated) -> Option<Diagnosis> {
    let (_, last) = harm(course.epochs, Some(&course.held_out)).filter(|_| course.best == 0)?;
    let evidence = epoch_score(course, chosen).text(", ").score("last", last.score).text(" after epoch ");
    Some(Diagnosis::new(
        DiagnosisKind::OverFitted,
        "the first epoch was the best",
        evidence.count("last epoch", last.step),
        format!(
            "take smaller steps (`--learning-rate`, now {:e}), smaller layers (`--hidden`) or more `--dropout`",
            course.learning_rate
        ),
    ))
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

    const RATE: Rate<'static> = Rate { rate: 5e-5, family: "bert", recipe: (2e-5, 5e-5) };

    const DEV: HeldOut<'static> = HeldOut { name: "dev", rows: 1000, guessing: 0.6 };

    fn diagnosed(losses: Losses, steps: &[f64], evaluations: &[Evaluated], dropout: f64) -> Vec<Diagnosis> {
        diagnose_course(&Course {
            losses,
            rate: RATE,
            decays: true,
            steps,
            evaluations,
            score: "mcc",
            held_out: Some(DEV),
            dropout,
        })
    }

    fn kinds(steps: &[f64], evaluations: &[Evaluated], dropout: f64) -> Vec<DiagnosisKind> {
        let last = steps[steps.len() - 20..].iter().sum::<f64>() / 20.0;
        let losses = Losses { first: 0.7, last, guessing: Guessing::plain(0.6) };
        diagnosed(losses, steps, evaluations, dropout).iter().map(|found| found.kind).collect()
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
        let found = diagnose_dropout_gap(&below[0], 0.5, &DEV, 0.6).unwrap();
        assert!(found.finding.contains("no sign of a leak") && found.remedy.contains("--dropout 0"), "{found}");
    }

    #[test]
    fn rates_outside_the_recipe_are_named_with_it() {
        let found = diagnose_learning_rate(&Rate { rate: 1e-3, ..RATE }).unwrap();
        assert!(found.finding.contains("above") && found.evidence.contains("2e-5 to 5e-5"), "{found}");
        assert!(diagnose_learning_rate(&Rate { rate: 1e-6, ..RATE }).unwrap().finding.contains("below"));
        assert!(diagnose_learning_rate(&RATE).is_none());
    }

    #[test]
    fn a_loss_at_the_end_is_told_by_where_it_came_from() {
        let steps = [0.6; 50];
        let told = |first, last, evaluations: &[Evaluated]| {
            let found = diagnosed(Losses { first, last, guessing: Guessing::plain(0.3) }, &steps, evaluations, 0.1);
            found[0].clone()
        };
        // Twice that of guessing is not at it.
        let above = told(0.69, 0.6, &[]);
        assert!(
            above.kind == DiagnosisKind::UnderTrained && above.finding.contains("above that of guessing"),
            "{above}"
        );
        let risen = told(0.4, 0.6, &[]);
        assert_eq!(risen.kind, DiagnosisKind::Diverged);
        assert!(risen.remedy.contains("lower rate"), "{risen}");
        assert_eq!(told(0.69, 0.3, &[]).kind, DiagnosisKind::PriorEntropy);
        let lost = [evaluated(20, 0.7, 0.2, 0.2), evaluated(50, 0.0, 0.3, 0.3)];
        assert_eq!(told(0.69, 0.3, &lost).kind, DiagnosisKind::Diverged);
    }

    #[test]
    fn a_fall_within_the_scatter_of_few_rows_is_no_harm() {
        let few = HeldOut { rows: 30, ..DEV };
        let fell = [evaluated(100, 0.5, 0.5, 0.4), evaluated(200, 0.4, 0.5, 0.1)];
        assert!(harm(&fell, Some(&few)).is_none() && harm(&fell, Some(&DEV)).is_some());
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
                held_out: HeldOut { name: "held-out rows", rows: 100, guessing },
                held_out_mcc,
                held_out_classes: 2,
                own: 0.4,
                guessing: Guessing::plain(guessing),
                learning_rate: 1e-4,
                dropout: 0.5,
            };
            diagnose_mlp_course(&course).iter().map(|found| found.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds([0.1, 0.3, 0.2], 1, 3, 0.3, 0.69), []);
        assert_eq!(kinds([0.1, 0.2, 0.3], 2, 3, 0.3, 0.69), [DiagnosisKind::UnderTrained]);
        assert_eq!(kinds([0.3, 0.2, 0.1], 0, 3, 0.3, 0.69), [DiagnosisKind::OverFitted]);
        assert_eq!(kinds([0.0, 0.0, 0.0], 1, 3, 0.0, 0.69), [DiagnosisKind::MajorityBaseline]);
        assert_eq!(kinds([0.0, 0.0, 0.0], 1, 3, 0.15, 0.69), [DiagnosisKind::MajorityBaseline]);
        assert_eq!(kinds([0.0, 0.0, 0.0], 1, 3, 0.0, 0.5), [DiagnosisKind::PriorEntropy]);
    }
}
