//! The classes that may be answered, and the legal transitions between them.

use larder_tags::TagSet;

/// The lattice's shape: legal IOB2 sequences of the classes that training words have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// `[classes]`: whether the class can be answered at all.
    pub(crate) answerable: Vec<bool>,
    /// `[classes]`: whether a sentence may start with it.
    starts: Vec<bool>,
    /// `[classes, classes]`, previous class first.
    follows: Vec<bool>,
}

impl Rules {
    /// The rules of a tag set in which only the `answered` classes can be answered.
    pub(crate) fn new(tags: &TagSet, answerable: Vec<bool>) -> Self {
        let classes = tags.len();
        let starts = (0..classes).map(|next| answerable[next] && tags.allowed(None, next)).collect();
        let follows = (0..classes * classes)
            .map(|at| {
                let (previous, next) = (at / classes, at % classes);
                answerable[previous] && answerable[next] && tags.allowed(Some(previous), next)
            })
            .collect();
        Self { answerable, starts, follows }
    }

    pub(crate) fn classes(&self) -> usize {
        self.answerable.len()
    }

    pub(crate) fn may_start(&self, class: usize) -> bool {
        self.starts[class]
    }

    pub(crate) fn may_follow(&self, previous: usize, next: usize) -> bool {
        self.follows[previous * self.answerable.len() + next]
    }
}

/// Words of each class `[classes]`.
pub(crate) fn count_classes(classes: usize, gold: impl Iterator<Item = usize>) -> Vec<u64> {
    let mut counts = vec![0; classes];
    gold.for_each(|class| counts[class] += 1);
    counts
}
