//! Facts about the scores of one split.

use larder_diagnose::{
    Diagnosis, Judged, JudgedTagger, Losses, Method, Tried, TriedTagger, diagnose_scores, diagnose_tagging,
    diagnose_tuned_tagging,
};
use larder_metrics::TaggingScores;
use larder_train::{TaggerKind, ThresholdChoice};

use crate::RunRecord;
use crate::evaluate::SplitEvaluation;
use crate::record::{HeadRecord, TunedRecord};

/// What a classifier's scores on one split show.
pub(super) fn classifier_findings(record: &RunRecord, split: &SplitEvaluation) -> Vec<Diagnosis> {
    let method = match &record.head {
        HeadRecord::Tuned(tuned) => Method::Tuned(tuned.losses()),
        _ => Method::Frozen(record.tried()),
    };
    let answered: Vec<u64> =
        (0..record.labels.len()).map(|class| split.confusion.iter().filter_map(|gold| gold.get(class)).sum()).collect();
    let judged = Judged {
        split: &split.split,
        classes: &record.display,
        scores: &split.scores,
        answered: &answered,
        baseline: &split.majority,
        comparison: &split.against_majority,
    };
    diagnose_scores(&judged, &method)
}

/// What a tagger's scores on one split show.
pub(super) fn tagger_findings(record: &RunRecord, split: &str, scores: &TaggingScores) -> Vec<Diagnosis> {
    let judged = JudgedTagger { split, scores };
    match &record.head {
        HeadRecord::Tuned(tuned) => diagnose_tuned_tagging(&judged, &tuned.losses()),
        HeadRecord::Tagging(tagging) => {
            let tried = TriedTagger {
                columns: &record.columns_tried,
                word_by_word: tagging.settings.kind == TaggerKind::Logistic,
                tuned_outside: tagging.settings.bias == ThresholdChoice::Tuned,
                held_out_f1: tagging.selection.as_ref().map(|selection| selection.best().scores.f1),
            };
            diagnose_tagging(&judged, &tried)
        }
        HeadRecord::Sequence(_) | HeadRecord::Mlp(_) => Vec::new(),
    }
}

impl RunRecord {
    /// What a head for one label a text was offered, and what it was chosen by.
    pub(super) fn tried(&self) -> Tried<'_> {
        let two = self.labels.len() == 2;
        let (metric, chosen) = match &self.head {
            HeadRecord::Sequence(sequence) => {
                (sequence.settings.metric, ["the strength", "the strength and threshold"])
            }
            HeadRecord::Mlp(mlp) => (mlp.settings.metric, ["the epoch", "the epoch and threshold"]),
            HeadRecord::Tagging(_) | HeadRecord::Tuned(_) => Default::default(),
        };
        Tried { columns: &self.columns_tried, metric, chosen: chosen[usize::from(two)] }
    }
}

impl TunedRecord {
    /// The training loss at both ends.
    pub(super) fn losses(&self) -> Losses {
        Losses { first: self.first_loss, last: self.last_loss, guessing: self.guessing_loss }
    }
}
