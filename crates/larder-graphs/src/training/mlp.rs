//! A multi-layer perceptron on features, and the graph that trains it.

use larder_onnx::facts::{Dim, Facts};
use larder_onnx::proto::OperatorSetIdProto;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Model, Value};

use super::dropout::{self, Site};
use super::{DropoutForm, DropoutMask, GradientForm, TrainedParameter, head, trimmed, with_gradients};
use crate::emit::MICROSOFT;
use crate::{GraphsError, Loss, check_kernels};

/// The features that a perceptron reads: float32 `[batch, width]`.
pub const MLP_FEATURES: &str = "features";

/// The lowest operator set of the reductions and losses used here that has CUDA kernels throughout.
const OPSET: i64 = 17;

/// A multi-layer perceptron: `[Linear, GELU, Dropout]` for each hidden layer, then `Linear`.
#[derive(Clone, Debug, PartialEq)]
pub struct MlpSpec {
    /// Elements of a row of features.
    pub width: usize,
    /// Outputs of each hidden layer, from the features on; without any, the head is linear.
    pub hidden: Vec<usize>,
    /// Columns of the logits.
    pub classes: usize,
    /// The loss to minimise.
    pub loss: Loss,
    /// The share of each hidden layer's outputs that is dropped while training, from 0 to below 1.
    pub dropout: f32,
    /// The source of the dropout masks.
    pub dropout_form: DropoutForm,
}

impl MlpSpec {
    /// Names and shapes of the parameters: `layers.<n>.weight` `[out, in]` and `layers.<n>.bias` `[out]`, `n` from 0, the
    /// last layer's outputs being the logits.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let mut parameters = Vec::new();
        let mut width = self.width;
        for (layer, &outputs) in self.hidden.iter().chain([&self.classes]).enumerate() {
            parameters.push((format!("layers.{layer}.weight"), vec![outputs, width]));
            parameters.push((format!("layers.{layer}.bias"), vec![outputs]));
            width = outputs;
        }
        parameters
    }
}

/// A perceptron with a loss: a graph that trains it, and one that evaluates it.
///
/// Both take float32 [`MLP_FEATURES`] `[batch, width]`, `labels` ([`Loss::CrossEntropy`]: int64 `[batch]`, the others float
/// `[batch, classes]`) and every parameter under its name; both give float32 `loss` `[]`, `logits` `[batch, classes]` and
/// `counted` `[]`, as [`TrainingGraphs`](crate::TrainingGraphs) do. GELU is the one with the error function (Hendrycks and
/// Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
#[derive(Clone, Debug)]
pub struct MlpGraphs {
    /// Takes the float32 [`LOSS_SCALE`](crate::LOSS_SCALE) `[]` and [`MlpGraphs::masks`] besides, and gives the
    /// [`TrainedParameter::gradient`]s of `loss · loss_scale` besides.
    pub training: Model,
    /// Without dropout and without gradients.
    pub eval: Model,
    /// The parameters in the order of [`MlpSpec::parameters`]; every gradient has its parameter's shape.
    pub parameters: Vec<TrainedParameter>,
    /// The dropout masks that the training graph takes, with [`DropoutForm::Masks`].
    pub masks: Vec<DropoutMask>,
}

impl MlpGraphs {
    /// Makes both graphs.
    ///
    /// `learn` finds out what the tensors of a model are, by running it: it is given the training graph without gradients,
    /// with the dropout masks among its inputs, and gives facts of all tensors ([`Facts::learn`]), inputs included.
    ///
    /// # Errors
    /// Those of [`differentiate`](crate::differentiate), [`check_kernels`] and `learn`.
    pub fn build<E: From<GraphsError>>(
        spec: &MlpSpec,
        learn: impl FnOnce(&Model, &[DropoutMask]) -> Result<Facts, E>,
    ) -> Result<Self, E> {
        let (eval, _) = forward(spec, false)?;
        let (forward, masks) = forward(spec, true)?;
        let mut facts = learn(&forward, &masks)?;
        let trained: Vec<String> = spec.parameters().into_iter().map(|(name, _)| name).collect();
        let (training, parameters, _) = with_gradients(forward, OPSET, &trained, GradientForm::default(), &mut facts)?;
        let wanted: Vec<&str> =
            head::OUTPUTS.into_iter().chain(parameters.iter().map(TrainedParameter::output)).collect();
        let training = trimmed(training, &wanted)?;
        let eval = trimmed(eval, &head::OUTPUTS)?;
        check_kernels(&training)?;
        check_kernels(&eval)?;
        Ok(Self { training, eval, parameters, masks })
    }
}

/// The graph without gradients, and the masks that are to be fed.
fn forward(spec: &MlpSpec, training: bool) -> Result<(Model, Vec<DropoutMask>), GraphsError> {
    let mut b = GraphBuilder::new("mlp", OPSET);
    let (batch, classes) = (Axis::symbol("batch"), Axis::Fixed(spec.classes));
    let features = b.input(MLP_FEATURES, DataType::Float, &[batch.clone(), Axis::Fixed(spec.width)]);
    let labels = match spec.loss {
        Loss::CrossEntropy { .. } => b.input("labels", DataType::Int64, std::slice::from_ref(&batch)),
        _ => b.input("labels", DataType::Float, &[batch.clone(), classes.clone()]),
    };
    let mut inputs = Vec::new();
    for (name, shape) in spec.parameters() {
        let axes: Vec<Axis> = shape.iter().map(|&size| Axis::Fixed(size)).collect();
        inputs.push(b.input(&name, DataType::Float, &axes));
    }
    let mut sites = Vec::new();
    let mut read = features;
    for (layer, parameters) in inputs.chunks(2).enumerate() {
        let [weight, bias] = parameters else { unreachable!("a layer has a weight and a bias") };
        let scope = format!("layers.{layer}");
        let sum = b.scoped(&scope, |b| b.linear(&read, weight, bias));
        let Some(&width) = spec.hidden.get(layer) else {
            read = sum;
            break;
        };
        let active = b.scoped(&scope, |b| b.node_of(MICROSOFT, "Gelu", &[&sum], vec![]));
        read = b.rename(&active, &format!("{scope}.active"));
        if training && spec.dropout > 0.0 {
            let site = Site::new(read.name(), spec.dropout, vec![Dim::BATCH, Dim::fixed(width)]);
            read = Value::named(&site.left());
            sites.push(site);
        }
    }
    let masks = dropout::insert(&mut b, &sites, spec.dropout_form);
    let loss = b.scoped("loss", |b| spec.loss.build(b, &read, &labels, spec.classes));
    b.output(&read, "logits", DataType::Float, &[batch, classes]);
    b.output(&loss.loss, "loss", DataType::Float, &[]);
    b.output(&loss.counted, "counted", DataType::Float, &[]);

    let mut proto = Model::from_graph(b.finish(), OPSET)?.into_proto();
    if !spec.hidden.is_empty() {
        proto.opset_import.push(OperatorSetIdProto { domain: Some(MICROSOFT.to_owned()), version: Some(1) });
    }
    Ok((Model::from_proto(proto)?.sorted()?, masks))
}
