//! What a fine-tuned run's numbers say, in plain sentences, and what would help.

use larder_metrics::{BaselineVerdict, TaggingScores};
use larder_train::Advice;

use crate::evaluate::SplitEvaluation;
use crate::record::TunedRecord;

/// The last score is this far below the best one where more training did harm.
const PAST_THE_BEST: f64 = 0.02;

/// The loss at the end is this share of that at the beginning, or more, where training has hardly begun.
const HARDLY_LEARNED: f64 = 0.9;

/// What stands out about the training itself.
pub(crate) fn tuning_advice(record: &TunedRecord) -> Vec<Advice> {
    let mut advice = Vec::new();
    let TunedRecord { first_loss, last_loss, .. } = record;
    if *last_loss >= HARDLY_LEARNED * first_loss {
        advice.push(Advice {
            finding: "the encoder has hardly learned from the training texts".to_owned(),
            evidence: format!(
                "the loss went from {first_loss:.3} to {last_loss:.3} in {} steps at a learning rate of {}",
                record.steps, record.settings["learning_rate"]
            ),
            remedy: "train longer (`--epochs`), or at a higher rate within the family's range (`--lr`)".to_owned(),
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
            "accuracy {:.3} beside {:.3}, mcc {:.3}; training loss {:.3} at the beginning, {:.3} at the end",
            split.scores.accuracy,
            split.majority.scores.accuracy,
            split.scores.mcc,
            record.first_loss,
            record.last_loss
        ),
        remedy: if record.last_loss < HARDLY_LEARNED * record.first_loss {
            "the training texts were learned, so more labelled texts or a stronger encoder would help".to_owned()
        } else {
            "train longer (`--epochs`), try several rates and seeds (`--sweep 2e-5,5e-5 --seeds 0,1`), or the \
             `--recipe stable`"
                .to_owned()
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
        evidence: format!(
            "a share of {:.3} of {}; training loss {:.3} at the beginning, {:.3} at the end",
            strict.recall, strict.support, record.first_loss, record.last_loss
        ),
        remedy: "train longer (`--epochs`), or at a higher rate within the family's range (`--lr`): taggers answer O \
                 alone at first"
            .to_owned(),
    }]
}

/// A tagger that finds less than this share of the entities finds almost none.
const LOW_RECALL: f64 = 0.05;
