//! Facts about the scores of one split.

use larder_diagnose::{
    Diagnosis, Guessing, Judged, JudgedTagger, Losses, Method, Rate, Tried, TriedTagger, Tuning, diagnose_scores,
    diagnose_tagging, diagnose_tuned_tagging,
};
use larder_finetune::Preset;
use larder_metrics::TaggingScores;
use larder_onnx::Family;
use larder_train::{TaggerKind, ThresholdChoice};

use crate::RunRecord;
use crate::evaluate::SplitEvaluation;
use crate::record::{HeadRecord, TunedRecord};

/// What a classifier's scores on one split show.
pub(super) fn classifier_findings(record: &RunRecord, split: &SplitEvaluation) -> Vec<Diagnosis> {
    let method = match &record.head {
        HeadRecord::Tuned(tuned) => Method::Tuned(tuned.tuning()),
        _ => Method::Frozen(record.tried()),
    };
    let classes = split.class_names(&record.display);
    let answered: Vec<u64> =
        (0..classes.len()).map(|class| split.confusion.iter().filter_map(|gold| gold.get(class)).sum()).collect();
    let judged = Judged {
        split: &split.split,
        classes: &classes,
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
        HeadRecord::Tuned(tuned) => diagnose_tuned_tagging(&judged, &tuned.tuning()),
        HeadRecord::Tagging(tagging) => {
            let tried = TriedTagger {
                columns: &record.columns_tried,
                word_by_word: tagging.settings.kind == TaggerKind::Logistic,
                tuned_outside: tagging.settings.outside_bias == ThresholdChoice::Tuned,
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
        const STRENGTH: [&str; 2] = ["the strength", "the threshold"];
        const EPOCH: [&str; 2] = ["the epoch", "the threshold"];
        let (metric, words, first, threshold) = match &self.head {
            HeadRecord::Sequence(sequence) => {
                let selection = sequence.selection.as_ref();
                let threshold = selection.is_some_and(|selection| selection.best().has_tuned_threshold());
                let strength = selection.is_some() && sequence.settings.grid.len() > 1;
                (sequence.settings.metric, &STRENGTH, strength, threshold)
            }
            HeadRecord::Mlp(mlp) => {
                let gain = mlp.epochs.get(mlp.best).and_then(|epoch| epoch.threshold_gain);
                let threshold = gain.is_some_and(|gain| gain.is_taken());
                (mlp.settings.metric, &EPOCH, mlp.held_out_scores.is_some(), threshold)
            }
            HeadRecord::Tagging(_) | HeadRecord::Tuned(_) => (Default::default(), &STRENGTH, false, false),
        };
        let chosen = &words[usize::from(!first)..1 + usize::from(threshold)];
        Tried { columns: &self.columns_tried, metric, chosen }
    }
}

impl TunedRecord {
    /// The training loss at both ends, and the rate beside those of the family's recipe.
    pub(super) fn tuning(&self) -> Tuning<'_> {
        let setting = |name: &str| self.settings.get(name).map_or("none", String::as_str);
        let guessing = Guessing {
            loss: self.guessing_loss,
            weighted: setting("class_weights") != "none",
            smoothed: setting("label_smoothing").parse::<f64>().is_ok_and(|smoothing| smoothing > 0.0),
        };
        // Records of earlier versions do not name the family; most have BERT's recipe.
        let family = self.family.unwrap_or(Family::Bert);
        let recipe = Preset::of(family).learning_rates;
        let rate = setting("learning_rate").parse().unwrap_or(*recipe.start());
        Tuning {
            losses: Losses { first: self.first_loss, last: self.last_loss, guessing },
            rate: Rate { rate, family: family.as_str(), recipe: (*recipe.start(), *recipe.end()) },
        }
    }
}
