//! What a fine-tuned run's numbers say, in plain sentences, and what would help.

use larder_metrics::{BaselineVerdict, TaggingScores};
use larder_train::Advice;

use crate::evaluate::SplitEvaluation;
use crate::record::TunedRecord;

/// The last score is this far below the best one where more training did harm.
const PAST_THE_BEST: f64 = 0.02;

/// The training loss at the end is this share of that of guessing by the labels' shares, or more, where hardly anything was
/// learned.
const HARDLY_LEARNED: f64 = 0.95;

/// The same, or less, where the training texts were learned.
const LEARNED: f64 = 0.5;

/// A tagger that finds less than this share of the entities finds almost none.
const LOW_RECALL: f64 = 0.05;

/// What helps a run that has not learned enough.
const TRAIN_MORE: &str = "train longer (`--epochs`), at a higher rate within the family's range (`--lr`), or try several rates and \
                          seeds (`--sweep 2e-5,5e-5 --seeds 0,1`)";

impl TunedRecord {
    /// The training loss at the end beside that of guessing by the labels' shares.
    fn progress(&self) -> f64 {
        self.last_loss / self.guessing_loss.max(f64::MIN_POSITIVE)
    }

    fn losses(&self) -> String {
        format!(
            "training loss {:.3} at the beginning, {:.3} at the end, {:.3} for guessing by the labels' shares",
            self.first_loss, self.last_loss, self.guessing_loss
        )
    }
}

/// What stands out about the training itself.
pub(crate) fn tuning_advice(record: &TunedRecord) -> Vec<Advice> {
    let mut advice = Vec::new();
    if record.progress() >= HARDLY_LEARNED {
        advice.push(Advice {
            finding: "the encoder has hardly learned from the training texts".to_owned(),
            evidence: format!(
                "{}; {} steps at a learning rate of {}",
                record.losses(),
                record.steps,
                record.settings.get("learning_rate").map_or("?", String::as_str)
            ),
            remedy: TRAIN_MORE.to_owned(),
        });
    }
    if let (Some(best), Some(last)) = (record.best, record.last)
        && best.score - last.score > PAST_THE_BEST
    {
        advice.push(Advice {
            finding: "more training did harm".to_owned(),
            evidence: format!(
                "{} was {:.3} after step {} and {:.3} after step {}; the parameters of step {} were kept",
                record.score, best.score, best.step, last.score, last.step, best.step
            ),
            remedy: "fewer `--epochs`, a lower `--lr`, or `--patience 2`, which stops by itself".to_owned(),
        });
    }
    advice
}

/// What stands out about a classifier's scores.
pub(crate) fn classifier_advice(record: &TunedRecord, split: &SplitEvaluation, display: &[String]) -> Vec<Advice> {
    let answered = (0..display.len()).filter(|&class| split.confusion.iter().any(|gold| gold[class] > 0)).count();
    let finding = match (&split.against_majority.verdict, answered) {
        (_, 1) => format!("on {} every text gets the same answer", split.split),
        (BaselineVerdict::Above, _) => return Vec::new(),
        _ => format!("on {} the answers are not better than always the most frequent one", split.split),
    };
    vec![Advice {
        finding,
        evidence: format!(
            "accuracy {:.3} beside {:.3}, mcc {:.3}; {}",
            split.scores.accuracy,
            split.majority.scores.accuracy,
            split.scores.mcc,
            record.losses()
        ),
        remedy: match record.progress() {
            progress if progress <= LEARNED => {
                "the training texts were learned, so more labelled texts or a stronger encoder would help".to_owned()
            }
            _ => TRAIN_MORE.to_owned(),
        },
    }]
}

/// What stands out about a tagger's scores.
pub(crate) fn tagger_advice(record: &TunedRecord, split: &str, scores: &TaggingScores) -> Vec<Advice> {
    let strict = &scores.strict.micro;
    if strict.support == 0 || strict.recall >= LOW_RECALL {
        return Vec::new();
    }
    vec![Advice {
        finding: format!("on {split} almost no entity is found"),
        evidence: format!("a share of {:.3} of {}; {}", strict.recall, strict.support, record.losses()),
        remedy: format!("{TRAIN_MORE}: taggers answer O alone at first"),
    }]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use larder_data::Task;
    use larder_finetune::{Ended, Score};

    use super::*;

    fn record(last_loss: f64, best: f64, last: f64) -> TunedRecord {
        TunedRecord {
            task: Task::Sequence,
            pair: false,
            settings: BTreeMap::new(),
            encoder_digest: String::new(),
            dev_split: Some("dev".to_owned()),
            score: "mcc".to_owned(),
            best: Some(Score { score: best, step: 100 }),
            last: Some(Score { score: last, step: 300 }),
            steps: 300,
            ended: Ended::Finished,
            first_loss: 0.69,
            last_loss,
            guessing_loss: 0.6,
            seconds: 1.0,
            tokens: 1,
        }
    }

    #[test]
    fn what_the_losses_and_scores_show_is_said_and_nothing_else() {
        let said = |record: &TunedRecord| {
            tuning_advice(record).iter().map(|advice| advice.finding.clone()).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(said(&record(0.2, 0.5, 0.49)), "");
        assert!(said(&record(0.6, 0.0, 0.0)).contains("hardly learned"));
        assert!(said(&record(0.1, 0.5, 0.4)).contains("did harm"));
    }
}
