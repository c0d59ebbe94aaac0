//! Examples as the graphs take them.

use larder_runtime::TensorView;

use crate::Example;

/// Examples padded to the longest of them.
pub(crate) struct Batch {
    /// Rows and tokens.
    pub shape: [usize; 2],
    input_ids: Vec<i64>,
    attention_mask: Vec<i64>,
    token_type_ids: Vec<i64>,
    labels: Vec<i64>,
    /// Tokens without padding.
    pub tokens: usize,
}

impl Batch {
    pub fn new(examples: &[&Example], pad: i64) -> Self {
        let (rows, seq) = (examples.len(), examples.iter().map(|example| example.len()).max().unwrap_or(0));
        let mut batch = Self {
            shape: [rows, seq],
            input_ids: vec![pad; rows * seq],
            attention_mask: vec![0; rows * seq],
            token_type_ids: vec![0; rows * seq],
            labels: examples.iter().map(|example| example.label).collect(),
            tokens: examples.iter().map(|example| example.len()).sum(),
        };
        for (row, example) in examples.iter().enumerate() {
            let (from, to) = (row * seq, row * seq + example.len());
            batch.input_ids[from..to].copy_from_slice(&example.input_ids);
            batch.attention_mask[from..to].fill(1);
            let types = example.token_type_ids.len();
            batch.token_type_ids[from..from + types].copy_from_slice(&example.token_type_ids);
        }
        batch
    }

    /// The inputs that are called `names`, of those that a batch has.
    pub fn views<'a>(&'a self, names: &[&'static str]) -> Vec<(&'static str, TensorView<'a>)> {
        let view = |&name: &&'static str| {
            let rank = if name == "labels" { 1 } else { 2 };
            (name, TensorView::i64(&self.shape[..rank], self.input(name)))
        };
        names.iter().map(view).collect()
    }

    /// The elements of the input that is called so, row-major.
    pub fn input(&self, name: &str) -> &[i64] {
        match name {
            "attention_mask" => &self.attention_mask,
            "token_type_ids" => &self.token_type_ids,
            "labels" => &self.labels,
            _ => &self.input_ids,
        }
    }
}

/// Everything that a batch has.
pub(crate) const BATCH_INPUTS: [&str; 4] = ["input_ids", "attention_mask", "token_type_ids", "labels"];
