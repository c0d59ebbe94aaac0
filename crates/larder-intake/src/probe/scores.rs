//! Recognising outputs that are scores of a task's head and not vectors.

use larder_onnx::families::metadata;
use larder_onnx::{Interface, Model};

/// An output narrower than this holds no vectors but the scores of a classifier.
pub const SMALLEST_EMBEDDING: usize = 16;

/// The facts by which scores are told from vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scores {
    /// Rows of the token table.
    pub vocabulary: usize,
    /// Labels of the task, by `config.json`.
    pub labels: Option<usize>,
    /// The only sequence length that the model takes, in tokens.
    pub fixed_seq: Option<usize>,
    /// Columns of the token table: an encoder that is as narrow as that gives vectors as narrow.
    pub columns: usize,
    /// Did larder build the graph? It has no head then.
    pub ours: bool,
}

impl Scores {
    pub fn of(interface: &Interface, model: &Model, labels: Option<usize>) -> Self {
        Self {
            vocabulary: interface.vocabulary_size,
            labels,
            fixed_seq: interface.fixed_seq(),
            columns: interface.hidden_size,
            ours: model.metadata(metadata::HIDDEN_STATES).is_some(),
        }
    }

    /// Why the last axis of a token output, `[batch, seq, width]`, holds no features; `None` where it may.
    pub fn of_tokens(&self, width: usize) -> Option<String> {
        if self.ours {
            return None;
        }
        if width == self.vocabulary {
            return Some("a score for each token of the vocabulary".to_owned());
        }
        let narrow = || (width < SMALLEST_EMBEDDING).then(|| "too narrow for vectors".to_owned());
        self.of_labels(width).or_else(narrow)
    }

    /// The same of a pooled output, `[batch, width]`.
    pub fn of_text(&self, width: usize) -> Option<String> {
        if width < SMALLEST_EMBEDDING {
            return Some("too narrow for a vector".to_owned());
        }
        if self.fixed_seq == Some(width) && width != self.columns {
            return Some("a score for each place in the text".to_owned());
        }
        self.of_labels(width)
    }

    fn of_labels(&self, width: usize) -> Option<String> {
        (self.labels == Some(width)).then(|| format!("the scores of the {width} labels that config.json names"))
    }
}
