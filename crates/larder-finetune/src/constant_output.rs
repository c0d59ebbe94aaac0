//! The one answer of a collapsed run.

use std::fmt;

use larder_graphs::Loss;

/// The one answer that a collapsed run gives to everything. Displayed, it says what all answers are.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstantOutput {
    /// This class, from 0.
    Class(usize),
    /// These labels, from 0: those whose probability is at least a half.
    Labels(Vec<usize>),
    /// Outputs near these, `[classes]`, on the scale of the training targets.
    Numbers(Vec<f64>),
}

impl ConstantOutput {
    /// The answer to the rows of `logits`, row-major `[rows, classes]`; `None` where there is none, or rows have
    /// another.
    pub(crate) fn of(logits: &[f32], classes: usize, loss: &Loss) -> Option<Self> {
        let first = logits.get(..classes).filter(|first| !first.is_empty())?;
        let is_everywhere = |same: &dyn Fn(&[f32]) -> bool| logits.chunks(classes).all(same);
        match loss {
            Loss::CrossEntropy { .. } => {
                let class = largest(first)?;
                is_everywhere(&|row| largest(row) == Some(class)).then_some(Self::Class(class))
            }
            Loss::BinaryCrossEntropy { .. } => {
                let labels = answered_labels(first);
                is_everywhere(&|row| answered_labels(row) == labels).then_some(Self::Labels(labels))
            }
            // No two numbers are the same to the last digit: how far apart they are is the spread.
            Loss::MeanSquaredError => {
                let rows = (logits.len() / classes) as f64;
                let column = |column| logits.iter().skip(column).step_by(classes).map(|&value| f64::from(value));
                Some(Self::Numbers((0..classes).map(|place| column(place).sum::<f64>() / rows).collect()))
            }
        }
    }
}

impl fmt::Display for ConstantOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: Vec<String>| words.join(", ");
        match self {
            Self::Class(class) => write!(f, "class {class} (from 0)"),
            Self::Labels(labels) if labels.is_empty() => f.write_str("no label at all"),
            Self::Labels(labels) => {
                let noun = if labels.len() == 1 { "label" } else { "labels" };
                write!(f, "the {noun} {} (from 0)", list(labels.iter().map(usize::to_string).collect()))
            }
            Self::Numbers(numbers) => {
                write!(f, "near {}", list(numbers.iter().map(|number| format!("{number:.3}")).collect()))
            }
        }
    }
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

/// The labels of a row that are answered at a half.
fn answered_labels(row: &[f32]) -> Vec<usize> {
    (0..row.len()).filter(|&label| row[label] >= 0.0).collect()
}
