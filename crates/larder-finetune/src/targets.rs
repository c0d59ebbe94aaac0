//! The right answers of an example, in the form that the loss takes them.

use larder_graphs::{HeadInput, IGNORED_LABEL, Loss};

use crate::settings::TuneSettings;

/// The right answers of an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Classes, from 0, for [`Loss::CrossEntropy`]: one for a text, or for tagging one a token, with [`IGNORED_LABEL`] where
    /// none counts: special tokens, and all tokens of a word but the first.
    Classes(Vec<i64>),
    /// Numbers `[classes]`, one for each column of the logits, for the other losses. [`Loss::BinaryCrossEntropy`] takes 1 for
    /// a label that the text has and 0 for one that it lacks; [`Loss::MeanSquaredError`] takes the numbers to predict.
    ///
    /// The recipes' learning rates are for outputs of the size of logits. Standardise the numbers of a regression to the mean
    /// 0 and deviation 1 of train, and fold the two back into the trained head: `weight · deviation` and
    /// `bias · deviation + mean`.
    Values(Vec<f32>),
}

impl Default for Targets {
    /// Returns no classes at all.
    fn default() -> Self {
        Self::Classes(Vec::new())
    }
}

impl Targets {
    /// Targets that any head under `settings` can take, for an example of so many tokens.
    pub(crate) fn any(settings: &TuneSettings, tokens: usize) -> Self {
        match (&settings.loss, settings.input) {
            (Loss::CrossEntropy { .. }, HeadInput::Tokens) => Self::Classes(vec![0; tokens]),
            (Loss::CrossEntropy { .. }, _) => Self::Classes(vec![0]),
            _ => Self::Values(vec![0.0; settings.classes]),
        }
    }

    /// The places and classes of the labels that count; empty for numbers.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (usize, usize)> {
        let classes: &[i64] = match self {
            Self::Classes(classes) => classes,
            Self::Values(_) => &[],
        };
        let class = |(place, &label): (usize, &i64)| Some((place, usize::try_from(label).ok()?));
        classes.iter().enumerate().filter_map(class)
    }

    /// The places of the rows of logits that are answers: a text has one, at 0.
    pub(crate) fn answered(&self) -> Vec<usize> {
        match self {
            Self::Classes(_) => self.counted().map(|(place, _)| place).collect(),
            Self::Values(_) => vec![0],
        }
    }

    /// Do they fit the head and its loss? `tokens` are the example's.
    pub(crate) fn problem(&self, settings: &TuneSettings, tokens: usize) -> Option<String> {
        let columns = settings.classes;
        match (self, &settings.loss) {
            (Self::Classes(labels), Loss::CrossEntropy { .. }) => {
                class_problem(labels, tokens, settings.input, columns)
            }
            (Self::Values(values), Loss::BinaryCrossEntropy { .. }) => {
                value_problem(values, columns, 0.0..=1.0, "from 0 to 1")
            }
            (Self::Values(values), Loss::MeanSquaredError) => {
                value_problem(values, columns, f32::MIN..=f32::MAX, "finite")
            }
            (Self::Values(_), Loss::CrossEntropy { .. }) => {
                Some("has numbers for its targets, and cross-entropy takes classes".to_owned())
            }
            (Self::Classes(_), _) => {
                Some(format!("has classes for its targets, and the loss takes {columns} numbers, one for each output"))
            }
        }
    }
}

fn class_problem(labels: &[i64], tokens: usize, input: HeadInput, classes: usize) -> Option<String> {
    let (expected, of) = match input {
        HeadInput::Tokens => (tokens, "one a token is expected"),
        HeadInput::Pooled(_) | HeadInput::Pair(_) => (1, "a text has one"),
    };
    if labels.len() != expected {
        return Some(format!("has {} labels for {tokens} tokens: {of}", labels.len()));
    }
    let is_class = |label: &i64| usize::try_from(*label).is_ok_and(|label| label < classes);
    let is_ignored = |label: &i64| input == HeadInput::Tokens && *label == IGNORED_LABEL;
    let label = labels.iter().find(|label| !is_class(label) && !is_ignored(label))?;
    Some(format!("has the label {label}, and the classes are 0 to {}", classes.saturating_sub(1)))
}

fn value_problem(
    values: &[f32],
    columns: usize,
    allowed: std::ops::RangeInclusive<f32>,
    expected: &str,
) -> Option<String> {
    if values.len() != columns {
        return Some(format!("has {} target numbers, and the head has {columns} outputs", values.len()));
    }
    // NaN is in no range.
    let (column, value) = values.iter().enumerate().find(|(_, value)| !allowed.contains(value))?;
    Some(format!("has the target {value} for output {column} (from 0), and targets of this loss are {expected}"))
}
