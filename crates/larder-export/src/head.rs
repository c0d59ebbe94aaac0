//! A head as nodes behind its encoder's: standardising, products, softmax, and the answer.

use larder_onnx::proto::TensorProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Value, WordPool, attribute};
use larder_train::{HeadColumn, LogisticHead, MlpHead, MlpLayer, Standardiser, TaggerKind, TaggingHead};
use ndarray::{Array2, Axis as Dimension};

/// Scores of each class (tagging: each tag).
pub(crate) const LOGITS: &str = "logits";
/// Softmax of [`LOGITS`].
pub(crate) const PROBABILITIES: &str = "probabilities";
/// The class answered, the threshold of two classes being applied.
pub(crate) const PREDICTION: &str = "prediction";
/// Of a word that is read from its first and last token: what the first one adds.
pub(crate) const FIRST_LOGITS: &str = "first_logits";
/// And the last one.
pub(crate) const LAST_LOGITS: &str = "last_logits";

/// The score of a tag that no training word had: larder never answers it, and no other score comes near.
pub const NEVER: f64 = -1e4;

/// A trained head, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum ExportHead<'a> {
    /// One label a text.
    Logistic(&'a LogisticHead),
    /// One label a text, by a perceptron.
    Mlp(&'a MlpHead),
    /// One tag a word, whose vector is made of its tokens' like that.
    Tagging(&'a TaggingHead, WordPool),
}

impl ExportHead<'_> {
    /// `logistic`, `mlp` or `crf`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Logistic(_) => TaggerKind::Logistic.as_str(),
            Self::Mlp(_) => "mlp",
            Self::Tagging(head, _) => head.kind.as_str(),
        }
    }

    /// The names of the outputs, in the file's order.
    pub fn outputs(&self) -> Vec<&'static str> {
        let mut outputs = vec![LOGITS];
        match self {
            Self::Logistic(_) | Self::Mlp(_) => outputs.extend([PROBABILITIES, PREDICTION]),
            Self::Tagging(head, pool) => {
                if head.kind == TaggerKind::Logistic {
                    outputs.push(PROBABILITIES);
                }
                if *pool == WordPool::FirstLast {
                    outputs.extend([FIRST_LOGITS, LAST_LOGITS]);
                }
            }
        }
        outputs
    }

    pub(crate) fn columns(&self) -> &[HeadColumn] {
        match self {
            Self::Logistic(head) => &head.columns,
            Self::Mlp(head) => &head.columns,
            Self::Tagging(head, _) => &head.columns,
        }
    }

    /// Adds the head's nodes and outputs to a graph that gives its columns under `names`, in the head's order: `[batch,
    /// width]`, of a tagger `[batch, seq, width]`. Gives the head's own tensors, which are still to be added to the graph.
    pub(crate) fn append(&self, b: &mut GraphBuilder, names: &[String]) -> Vec<TensorProto> {
        b.clear_outputs();
        let mut nodes = Nodes { b, tensors: Vec::new() };
        let columns: Vec<Value> = names.iter().map(|name| Value::named(name)).collect();
        let made = match self {
            Self::Logistic(head) => nodes.logistic(head, &columns),
            Self::Mlp(head) => nodes.mlp(head, &columns),
            Self::Tagging(head, pool) => nodes.tagging(head, *pool, &columns),
        };
        let tensors = nodes.tensors;
        for Made { value, name, dtype, axes } in made {
            b.output(&value, name, dtype, &axes);
        }
        tensors
    }
}

/// An output to be.
struct Made {
    value: Value,
    name: &'static str,
    dtype: DataType,
    axes: Vec<Axis>,
}

struct Nodes<'a> {
    b: &'a mut GraphBuilder,
    tensors: Vec<TensorProto>,
}

/// What a linear part of a head computes: `((x - mean) / scale) · weightsᵀ + bias`.
struct Linear {
    /// `[outputs, width]`
    weights: Array2<f64>,
    /// `[outputs]`
    bias: Vec<f64>,
    standardiser: Standardiser,
}

impl Nodes<'_> {
    fn logistic(&mut self, head: &LogisticHead, columns: &[Value]) -> Vec<Made> {
        let (weights, bias) = match head.weights.nrows() {
            // The log-odds of class 1, half of it for and half against: softmax of the two is the logistic function of it.
            1 => {
                let half = head.weights.row(0).mapv(|weight| weight / 2.0);
                let rows = ndarray::stack(Dimension(0), &[half.mapv(|weight| -weight).view(), half.view()]);
                let intercept = head.intercept.first().map_or(0.0, |intercept| intercept / 2.0);
                (rows.expect("two rows of one length"), vec![-intercept, intercept])
            }
            _ => (head.weights.clone(), head.intercept.clone()),
        };
        let features = self.features(columns, &head.standardiser, 2);
        let [weights, bias] = self.parameters(&weights, &bias);
        let logits = self.scoped(|b| b.linear(&features, &weights, &bias));
        self.answered(logits, head.classes.len(), head.threshold)
    }

    fn mlp(&mut self, head: &MlpHead, columns: &[Value]) -> Vec<Made> {
        let mut values = self.features(columns, &head.standardiser, 2);
        for (place, MlpLayer { weight, bias }) in head.layers.iter().enumerate() {
            let bias: Vec<f64> = bias.iter().map(|&bias| f64::from(bias)).collect();
            let [weight, bias] = self.parameters(&weight.mapv(f64::from), &bias);
            values = self.scoped(|b| b.linear(&values, &weight, &bias));
            if place + 1 < head.layers.len() {
                values = self.gelu(&values);
            }
        }
        self.answered(values, head.classes.len(), head.threshold)
    }

    /// `x · Φ(x)`, the one with the error function (Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>).
    fn gelu(&mut self, x: &Value) -> Value {
        let [root, one, half] = [2_f64.sqrt(), 1.0, 0.5].map(|value| self.constant("constant", &[], &[value]));
        self.scoped(|b| {
            let erf = b.div(x, &root);
            let erf = b.erf(&erf);
            let erf = b.add(&erf, &one);
            let product = b.mul(x, &erf);
            b.mul(&product, &half)
        })
    }

    fn tagging(&mut self, head: &TaggingHead, pool: WordPool, columns: &[Value]) -> Vec<Made> {
        let mut bias = head.bias.clone();
        if let Some(outside) = bias.first_mut() {
            *outside += head.outside_bias;
        }
        bias.iter_mut().zip(&head.answered).filter(|(_, answered)| !**answered).for_each(|(bias, _)| *bias = NEVER);
        let tags = head.tags.len();
        let axes = vec![Axis::symbol("batch"), Axis::symbol("seq"), Axis::Fixed(tags)];
        let made =
            |value: &Value, name| Made { value: value.clone(), name, dtype: DataType::Float, axes: axes.clone() };
        let mut outputs = Vec::new();
        let logits = if pool == WordPool::FirstLast {
            let first = self.tokens(columns, &part_of(head, 0, bias));
            let last = self.tokens(columns, &part_of(head, 1, vec![0.0; tags]));
            outputs.extend([made(&first, FIRST_LOGITS), made(&last, LAST_LOGITS)]);
            self.scoped(|b| b.add(&first, &last))
        } else {
            let linear = Linear { weights: head.weights.clone(), bias, standardiser: head.standardiser.clone() };
            self.tokens(columns, &linear)
        };
        outputs.insert(0, made(&logits, LOGITS));
        if head.kind == TaggerKind::Logistic {
            let probabilities = self.softmax(&logits, 2);
            outputs.insert(1, made(&probabilities, PROBABILITIES));
        }
        outputs
    }

    /// A linear part at every token: `[batch, seq, outputs]`.
    fn tokens(&mut self, columns: &[Value], linear: &Linear) -> Value {
        let features = self.features(columns, &linear.standardiser, 3);
        let [weights, bias] = self.parameters(&linear.weights.t().to_owned(), &linear.bias);
        self.scoped(|b| {
            let product = b.mat_mul(&features, &weights);
            b.add(&product, &bias)
        })
    }

    /// The columns side by side on the last of `rank` axes, standardised. The mean is taken off before anything is rounded,
    /// so that features far from 0 lose no digits.
    fn features(&mut self, columns: &[Value], standardiser: &Standardiser, rank: i64) -> Value {
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

    /// Logits `[batch, classes]` with their probabilities and the answer.
    fn answered(&mut self, logits: Value, classes: usize, threshold: Option<f64>) -> Vec<Made> {
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
            Made { value: logits, name: LOGITS, dtype: DataType::Float, axes: scores() },
            Made { value: probabilities, name: PROBABILITIES, dtype: DataType::Float, axes: scores() },
            Made { value: prediction, name: PREDICTION, dtype: DataType::Int64, axes: vec![Axis::symbol("batch")] },
        ]
    }

    /// Over the last axis, which is `axis`: before operator set 13 no other way of saying it means the same.
    fn softmax(&mut self, x: &Value, axis: i64) -> Value {
        self.scoped(|b| b.node("Softmax", &[x], vec![attribute::int("axis", axis)]))
    }

    fn parameters(&mut self, weights: &Array2<f64>, bias: &[f64]) -> [Value; 2] {
        let values: Vec<f64> = weights.iter().copied().collect();
        [
            self.constant("weight", &[weights.nrows(), weights.ncols()], &values),
            self.constant("bias", &[bias.len()], bias),
        ]
    }

    /// A float32 tensor under a name of its own, whatever the encoder's graph has.
    fn constant(&mut self, name: &str, dims: &[usize], values: &[f64]) -> Value {
        let name = self.scoped(|b| b.fresh(name));
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        self.tensors.push(TensorProto::from_f32(&name, dims, &values));
        Value::named(&name)
    }

    fn scoped<T>(&mut self, build: impl FnOnce(&mut GraphBuilder) -> T) -> T {
        self.b.scoped("head", build)
    }
}

/// The part of a head that reads a word's first token (0) or its last (1): a column has one behind the other.
fn part_of(head: &TaggingHead, part: usize, bias: Vec<f64>) -> Linear {
    let mut places = Vec::new();
    let mut start = 0;
    for column in &head.columns {
        let half = column.width / 2;
        places.extend(start + part * half..start + (part + 1) * half);
        start += column.width;
    }
    let pick = |values: &[f64]| places.iter().map(|&place| values[place]).collect();
    Linear {
        weights: head.weights.select(Dimension(1), &places),
        bias,
        standardiser: Standardiser { mean: pick(&head.standardiser.mean), scale: pick(&head.standardiser.scale) },
    }
}
