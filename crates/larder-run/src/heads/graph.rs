//! A head as ONNX nodes behind its encoder's: standardisation, products, softmax, and the answer.

use larder_onnx::proto::TensorProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Value, WordPool, attribute};
use larder_train::{MlpOutput, Standardiser};
use ndarray::Array2;

use super::{Head, logistic, mlp, multilabel, ridge, similarity, tagger};

/// Scores of each class (tagging: each tag).
pub(crate) const LOGITS: &str = "logits";
/// Softmax of [`LOGITS`].
pub(crate) const PROBABILITIES: &str = "probabilities";
/// The answer: a class, after the threshold of two classes, or a number.
pub(crate) const PREDICTION: &str = "prediction";

/// An output of the graph.
pub(super) struct HeadOutput {
    pub value: Value,
    pub name: &'static str,
    pub dtype: DataType,
    pub axes: Vec<Axis>,
}

impl Head {
    /// Returns the names of the graph's outputs, in order. `pool` is the pooling of a word's tokens.
    pub fn outputs(&self, pool: WordPool) -> Vec<&'static str> {
        match self {
            Self::Mlp(head) if matches!(head.output, MlpOutput::Number { .. }) => vec![LOGITS, PREDICTION],
            Self::Logistic(_) | Self::Mlp(_) | Self::Multilabel(_) | Self::Similarity(_) => {
                vec![LOGITS, PROBABILITIES, PREDICTION]
            }
            Self::Ridge(_) => vec![LOGITS, PREDICTION],
            Self::Tagger(head) => tagger::outputs(head, pool),
        }
    }

    /// Adds the head's nodes and outputs to a graph whose feature columns are called `names`, in the head's order:
    /// `[batch, width]`, for a tagger `[batch, seq, width]`. Returns the head's own tensors, to be added to the graph.
    pub fn append_to(&self, b: &mut GraphBuilder, names: &[String], pool: WordPool) -> Vec<TensorProto> {
        b.clear_outputs();
        let mut nodes = HeadNodes { b, tensors: Vec::new() };
        let columns: Vec<Value> = names.iter().map(|name| Value::named(name)).collect();
        let outputs = match self {
            Self::Logistic(head) => logistic::append(&mut nodes, head, &columns),
            Self::Mlp(head) => mlp::append(&mut nodes, head, &columns),
            Self::Multilabel(head) => multilabel::append(&mut nodes, head, &columns),
            Self::Ridge(head) => ridge::append(&mut nodes, head, &columns),
            Self::Similarity(head) => similarity::append(&mut nodes, head, &columns),
            Self::Tagger(head) => tagger::append(&mut nodes, head, pool, &columns),
        };
        let tensors = nodes.tensors;
        for HeadOutput { value, name, dtype, axes } in outputs {
            b.output(&value, name, dtype, &axes);
        }
        tensors
    }
}

pub(super) struct HeadNodes<'a> {
    b: &'a mut GraphBuilder,
    tensors: Vec<TensorProto>,
}

impl HeadNodes<'_> {
    /// Concatenates the columns on the last of `rank` axes and standardises them. The mean is subtracted before anything is
    /// rounded, so that features far from 0 lose no digits.
    pub(super) fn features(&mut self, columns: &[Value], standardiser: &Standardiser, rank: i64) -> Value {
        let side_by_side = match columns {
            [only] => only.clone(),
            several => self.scoped(|b| b.concat(&several.iter().collect::<Vec<_>>(), rank - 1)),
        };
        if *standardiser == Standardiser::identity(standardiser.width()) {
            return side_by_side;
        }
        let width = standardiser.width();
        let mean = self.constant("mean", &[width], &standardiser.mean);
        let scale = self.constant("scale", &[width], &standardiser.scale);
        self.scoped(|b| {
            let centred = b.sub(&side_by_side, &mean);
            b.div(&centred, &scale)
        })
    }

    /// Returns the outputs of a classifier: `logits` `[batch, classes]`, their probabilities, and the answer.
    pub(super) fn classifier_outputs(
        &mut self,
        logits: Value,
        classes: usize,
        threshold: Option<f64>,
    ) -> Vec<HeadOutput> {
        let probabilities = self.softmax(&logits, 1);
        let prediction = match threshold {
            Some(threshold) => {
                let threshold = self.constant("threshold", &[], &[threshold]);
                self.scoped(|b| {
                    let one = b.integer(1);
                    let of_class_1 = b.gather(&probabilities, &one, 1);
                    let below = b.node("Less", &[&of_class_1, &threshold], vec![]);
                    let reached = b.not(&below);
                    b.cast(&reached, DataType::Int64)
                })
            }
            None => self.scoped(|b| {
                b.node("ArgMax", &[&logits], vec![attribute::int("axis", 1), attribute::int("keepdims", 0)])
            }),
        };
        let scores = || vec![Axis::symbol("batch"), Axis::Fixed(classes)];
        vec![
            HeadOutput { value: logits, name: LOGITS, dtype: DataType::Float, axes: scores() },
            HeadOutput { value: probabilities, name: PROBABILITIES, dtype: DataType::Float, axes: scores() },
            HeadOutput {
                value: prediction,
                name: PREDICTION,
                dtype: DataType::Int64,
                axes: vec![Axis::symbol("batch")],
            },
        ]
    }

    /// Returns the outputs of label sets: `logits` `[batch, labels]`, their probabilities, and 1 where a label's is at least its
    /// threshold.
    pub(super) fn label_outputs(&mut self, logits: Value, thresholds: &[f64]) -> Vec<HeadOutput> {
        let probabilities = self.scoped(|b| b.node("Sigmoid", &[&logits], vec![]));
        let labels = thresholds.len();
        let thresholds = self.constant("thresholds", &[labels], thresholds);
        let prediction = self.scoped(|b| {
            let below = b.node("Less", &[&probabilities, &thresholds], vec![]);
            let reached = b.not(&below);
            b.cast(&reached, DataType::Int64)
        });
        let axes = || vec![Axis::symbol("batch"), Axis::Fixed(labels)];
        vec![
            HeadOutput { value: logits, name: LOGITS, dtype: DataType::Float, axes: axes() },
            HeadOutput { value: probabilities, name: PROBABILITIES, dtype: DataType::Float, axes: axes() },
            HeadOutput { value: prediction, name: PREDICTION, dtype: DataType::Int64, axes: axes() },
        ]
    }

    /// Returns the outputs of numbers, `[batch, 1]`: `logits` is the number before it is clipped, `prediction` behind.
    pub(super) fn number_outputs(
        &mut self,
        logits: Value,
        minimum: Option<f64>,
        maximum: Option<f64>,
    ) -> Vec<HeadOutput> {
        let mut answer = logits.clone();
        for (bound, operator) in [(minimum, "Max"), (maximum, "Min")] {
            if let Some(bound) = bound {
                let bound = self.constant("bound", &[], &[bound]);
                answer = self.scoped(|b| b.node(operator, &[&answer, &bound], vec![]));
            }
        }
        if minimum.is_none() && maximum.is_none() {
            answer = self.scoped(|b| b.node("Identity", &[&answer], vec![]));
        }
        let axes = || vec![Axis::symbol("batch"), Axis::Fixed(1)];
        vec![
            HeadOutput { value: logits, name: LOGITS, dtype: DataType::Float, axes: axes() },
            HeadOutput { value: answer, name: PREDICTION, dtype: DataType::Float, axes: axes() },
        ]
    }

    /// Computes softmax over `axis`, which must be the last: before operator set 13 others mean something else.
    pub(super) fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.scoped(|b| b.node("Softmax", &[x], vec![attribute::int("axis", axis)]))
    }

    pub(super) fn parameters(&mut self, weights: &Array2<f64>, bias: &[f64]) -> [Value; 2] {
        let values: Vec<f64> = weights.iter().copied().collect();
        [
            self.constant("weight", &[weights.nrows(), weights.ncols()], &values),
            self.constant("bias", &[bias.len()], bias),
        ]
    }

    /// Returns a float32 tensor with a name that the encoder's graph does not have.
    pub(super) fn constant(&mut self, name: &str, dims: &[usize], values: &[f64]) -> Value {
        let name = self.scoped(|b| b.fresh(name));
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        self.tensors.push(TensorProto::from_f32(&name, dims, &values));
        Value::named(&name)
    }

    pub(super) fn scoped<T>(&mut self, build: impl FnOnce(&mut GraphBuilder) -> T) -> T {
        self.b.scoped("head", build)
    }
}
