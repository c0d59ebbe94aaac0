//! The training loss of a run beside that of the best answer that ignores the text, and what to try next.

use crate::evidence::Evidence;

/// The training loss at the end is this share of that of guessing, or less, where the training texts were learned.
pub(crate) const LEARNED: f64 = 0.5;

/// The share of the loss of guessing from which on hardly anything was learned...
pub(crate) const HARDLY_LEARNED: f64 = 0.95;

/// ... and up to this share the loss sits there; beyond, it is above. Means over twenty batches of 32 scatter by 3 % around it.
pub(crate) const AT_MOST: f64 = 1.05;

/// The loss of the best answer that ignores the text, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guessing {
    /// Its loss, as the training loss is computed: with its class weights and label smoothing.
    pub loss: f64,
    /// True if classes have weights.
    pub weighted: bool,
    /// True if labels are smoothed.
    pub smoothed: bool,
}

impl Guessing {
    /// The loss of guessing with neither weights nor smoothing: `loss` is then the entropy of the labels' shares.
    pub fn plain(loss: f64) -> Self {
        Self { loss, weighted: false, smoothed: false }
    }

    /// `0.362 for guessing by the labels' shares (their entropy)`, or what it is where the loss is another.
    pub(crate) fn told(&self) -> Evidence {
        let what = match (self.weighted, self.smoothed) {
            (false, false) => " for guessing by the labels' shares (their entropy)",
            (true, false) => " for the best constant answer, with the loss's class weights",
            (false, true) => " for the best constant answer, with the loss's label smoothing",
            (true, true) => " for the best constant answer, with the loss's class weights and label smoothing",
        };
        Evidence::default().score("guessing", self.loss).text(what)
    }
}

/// The training loss of a fine-tuned run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Mean of the first steps.
    pub first: f64,
    /// Mean of the last steps.
    pub last: f64,
    /// The loss of the best answer that ignores the text.
    pub guessing: Guessing,
}

impl Losses {
    /// The training loss at the end beside that of guessing.
    pub(crate) fn progress(&self) -> f64 {
        self.last / self.guessing.loss.max(f64::MIN_POSITIVE)
    }

    /// Returns true if the loss ended above where it began, and above that of guessing.
    pub(crate) fn has_risen(&self) -> bool {
        self.progress() > AT_MOST && self.last > AT_MOST * self.first
    }

    pub(crate) fn told(&self) -> Evidence {
        let ends = Evidence::new("training loss ").score("first loss", self.first).text(" at the beginning, ");
        ends.score("last loss", self.last).text(" at the end, ").and(self.guessing.told())
    }
}

/// The learning rate beside those that the encoder's family is fine-tuned at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate<'a> {
    /// The encoder's learning rate.
    pub rate: f64,
    /// The family: `bert`.
    pub family: &'a str,
    /// The lowest and the highest rate of its recipe.
    pub recipe: (f64, f64),
}

impl Rate<'_> {
    pub(crate) fn is_above(&self) -> bool {
        self.rate > self.recipe.1
    }

    pub(crate) fn is_below(&self) -> bool {
        self.rate < self.recipe.0
    }

    /// Returns the remedy for a run that has not learned enough: nobody whose rate is too high is told to raise it.
    pub(crate) fn learn_more(&self) -> String {
        let (least, most) = self.recipe;
        let sweep = format!("several rates and seeds (`--sweep {least:e},{most:e} --seeds 0,1`)");
        if self.is_above() {
            format!("take a lower rate (`--lr` {least:e} to {most:e}), or try {sweep}")
        } else if self.is_below() {
            format!("take a higher rate (`--lr` {least:e} to {most:e}), train longer (`--epochs`), or try {sweep}")
        } else {
            format!("train longer (`--epochs`), or try another rate within the family's range (`--lr`), or {sweep}")
        }
    }

    /// Returns the remedy for a run whose loss rises.
    pub(crate) fn hurt_less(&self) -> String {
        let (least, most) = self.recipe;
        let gentle = "lengthen the warm-up (`--warmup`), or clip gradients further (`--clip`)";
        if self.is_above() {
            format!("take a lower rate (`--lr` {least:e} to {most:e}); {gentle}")
        } else if self.is_below() {
            gentle.to_owned()
        } else {
            format!("take a lower rate (`--lr`, now {:e}); {gentle}", self.rate)
        }
    }
}

/// The training of an encoder with its head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning<'a> {
    /// The losses.
    pub losses: Losses,
    /// The learning rate.
    pub rate: Rate<'a>,
}

impl Tuning<'_> {
    /// Returns the next thing to try for better answers.
    pub(crate) fn better_training(&self) -> String {
        if self.losses.progress() <= LEARNED {
            return "the training texts were learned, so more labelled texts or a stronger encoder would help"
                .to_owned();
        }
        if self.losses.has_risen() { self.rate.hurt_less() } else { self.rate.learn_more() }
    }
}
