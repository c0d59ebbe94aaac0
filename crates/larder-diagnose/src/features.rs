//! What can be tried next: what a remedy depends on.

use larder_metrics::Metric;

/// What a head on frozen features was offered.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// What the head was chosen by.
    pub metric: Metric,
    /// What besides the columns was chosen by that: `the strength and the threshold`.
    pub chosen: &'a str,
}

impl Tried<'_> {
    /// Whether a layer other than the last was among the columns.
    fn hidden_layers(&self) -> bool {
        self.columns.iter().any(|column| {
            column.rsplit_once("_l").is_some_and(|(pooling, layer)| !pooling.is_empty() && layer.parse::<i64>().is_ok())
        })
    }

    /// What to try next for features that tell the classes apart better.
    pub(crate) fn better_features(&self) -> String {
        if self.hidden_layers() {
            "several layers were tried: another encoder may know more (`--encoder`)".to_owned()
        } else {
            format!(
                "only {} was tried, from the last layer, and what a task needs may be clearer in earlier ones: try \
                 `--layers all`, which reads them in the same pass over the encoder",
                list(self.columns)
            )
        }
    }

    /// What to try next when the features tell nothing about the classes.
    pub(crate) fn any_features(&self) -> String {
        if self.hidden_layers() {
            format!("{}, or the labels may not belong to the texts", self.better_features())
        } else {
            self.better_features()
        }
    }
}

/// How the training loss of a fine-tuned run went.
#[derive(Debug, Clone, Copy)]
pub struct Losses {
    /// Mean of the first steps.
    pub first: f64,
    /// Mean of the last steps.
    pub last: f64,
    /// Of answering every text with the labels' shares in train, their entropy.
    pub guessing: f64,
}

/// The training loss at the end is this share of that of guessing by the labels' shares, or less, where the training texts
/// were learned.
const LEARNED: f64 = 0.5;

/// What helps a run that has not learned enough.
pub(crate) const TRAIN_MORE: &str = "train longer (`--epochs`), at a higher rate within the family's range (`--lr`), or try several \
                                     rates and seeds (`--sweep 2e-5,5e-5 --seeds 0,1`)";

impl Losses {
    /// The training loss at the end beside that of guessing by the labels' shares.
    pub(crate) fn progress(&self) -> f64 {
        self.last / self.guessing.max(f64::MIN_POSITIVE)
    }

    pub(crate) fn told(&self) -> String {
        format!(
            "training loss {:.3} at the beginning, {:.3} at the end, {:.3} for guessing by the labels' shares",
            self.first, self.last, self.guessing
        )
    }

    /// What to try next for better answers.
    pub(crate) fn better_training(&self) -> &'static str {
        match self.progress() {
            progress if progress <= LEARNED => {
                "the training texts were learned, so more labelled texts or a stronger encoder would help"
            }
            _ => TRAIN_MORE,
        }
    }
}

/// How the answers that are judged came about.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// By a head on frozen features.
    Frozen(Tried<'a>),
    /// By an encoder that was trained with its head.
    Tuned(Losses),
}

pub(crate) fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
