//! Training graphs: from an encoder to a graph that gives the loss and the gradients of its parameters.

mod activation;
mod cut;
mod dropout;
mod flat;
mod head;
mod mlp;
mod save;

use std::collections::{HashMap, HashSet};

use larder_onnx::facts::{Dim, Facts, TensorFact};
use larder_onnx::families::metadata;
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::tensor_shape_proto::dimension;
use larder_onnx::proto::{GraphProto, ModelProto, ValueInfoProto, type_proto};
use larder_onnx::{Axis, GraphBuilder, Model, TensorProto, Value, value_info};
use serde::Serialize;

pub use cut::{HIDDEN_STATES, cut};
pub use dropout::{DropoutForm, DropoutMask, DropoutRatios};
pub use flat::{flatten, flatten_parameters};
pub use head::{HEAD_BIAS, HEAD_WEIGHT, HeadInput};
pub use mlp::{MLP_FEATURES, MlpGraphs, MlpSpec};
pub use save::{CHECKPOINT_FILE, EVAL_FILE, MANIFEST_FILE, OPTIMIZER_FILE, TRAINING_FILE};

use self::head::Features;
use crate::kernels::{check_added_kernels, check_kernels_besides_own};
use crate::operators::with_operators;
use crate::precision::{halve, merge_casts};
use crate::rules::gather::SMALL_TABLE;
use crate::{GraphsError, Loss, Precision, ProductForm, Request, Scatter, differentiate};

/// The scalar input that gradients are multiplied by: 1, a share of a larger batch, or a scale that keeps float16 in range.
pub const LOSS_SCALE: &str = "loss_scale";

/// The parameters to train, the head and the loss.
#[derive(Clone, Debug)]
pub struct TrainingSpec {
    /// The encoder's parameters that are trained, by name. The others are constants of the graphs.
    pub trained: Vec<String>,
    /// The head's input.
    pub input: HeadInput,
    /// Columns of the logits.
    pub classes: usize,
    /// The loss to minimise.
    pub loss: Loss,
    /// The dropout ratios while training.
    pub dropout: DropoutRatios,
    /// The source of the dropout masks.
    pub dropout_form: DropoutForm,
    /// The precision of the products of the training graph, those of its gradients included; the evaluation graph's are
    /// float32.
    pub precision: Precision,
    /// The form of products in half precision.
    pub product_form: ProductForm,
    /// The form of the gradients of embedding tables.
    pub table_form: TableForm,
}

impl TrainingSpec {
    /// Returns true if larder's own operators compute attention and the gradients that they have.
    fn has_own_gradients(&self) -> bool {
        self.product_form == ProductForm::Operators
    }

    /// Returns true if they compute products too.
    fn has_own_products(&self) -> bool {
        self.has_own_gradients() && self.precision == Precision::Bf16
    }

    /// The precision of attention's products by larder's own operator.
    fn attention(&self) -> larder_kernels::Precision {
        match self.has_own_products() {
            true => larder_kernels::Precision::Bfloat16,
            false => larder_kernels::Precision::Float32,
        }
    }

    fn gradient_form(&self) -> GradientForm {
        GradientForm { precision: self.precision, tables: self.table_form, own_operators: self.has_own_gradients() }
    }
}

/// The form in which the gradient of an embedding table (an input of `Gather`) is returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableForm {
    /// [`GradientOutput::Rows`]: for who adds up rows natively.
    #[default]
    Rows,
    /// [`GradientOutput::Dense`], added up in the graph, with zeros for the rows that were not read.
    Dense(Scatter),
}

/// A parameter that is trained: a float32 input of both graphs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrainedParameter {
    /// The published name; `classifier.weight` and `classifier.bias` are the head's.
    pub name: String,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// The output of the training graph that holds its gradient.
    pub gradient: GradientOutput,
}

impl TrainedParameter {
    /// Returns the output of the training graph that holds its gradient, or the gradients of a table's rows.
    pub fn output(&self) -> &str {
        match &self.gradient {
            GradientOutput::Dense { output } | GradientOutput::Rows { output, .. } => output,
        }
    }
}

/// The outputs that hold a gradient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GradientOutput {
    /// An output in the parameter's shape.
    Dense {
        /// `grad.<parameter>`.
        output: String,
    },
    /// The gradients of those rows of a table that were read, to be added up by row. ONNX has no operator that adds up
    /// rows both safely and fast on the CPU (`docs/embedding-gradients.md` beside this crate's sources).
    Rows {
        /// `grad_rows.<parameter>`, float `[.., features]`.
        output: String,
        /// The number of each row in the table, int64 `[..]`.
        rows: RowNumbers,
    },
}

/// The tensor that holds the numbers of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowNumbers {
    /// They are this input, as `input_ids`.
    Input(String),
    /// They are worked out in the graph, and this output.
    Output(String),
}

/// An encoder with a head and a loss: a graph that trains it, and one that evaluates it.
///
/// Both take int64 `input_ids` and `attention_mask` `[batch, seq]`, `token_type_ids` likewise where the encoder has types,
/// `labels` ([`Loss::CrossEntropy`]: int64 `[batch]`, the others float `[batch, classes]`), and every trained parameter,
/// float32, under its name. Both give float32 `loss` `[]`, `logits` `[batch, classes]` and `counted` `[]`, what the sum of
/// the rows' losses was divided by. With [`HeadInput::Tokens`] every token is a row: `labels` are `[batch, seq]`, with
/// [`IGNORED_LABEL`](crate::IGNORED_LABEL) where none counts, and `logits` `[batch, seq, classes]`. Of an encoder that was
/// [`cut`], both take float32 [`HIDDEN_STATES`] `[batch, seq, hidden]` in the place of `input_ids` and `token_type_ids`.
#[derive(Clone, Debug)]
pub struct TrainingGraphs {
    /// Takes the float32 [`LOSS_SCALE`] `[]` and [`TrainingGraphs::masks`] besides, and gives the
    /// [`TrainedParameter::gradient`]s of `loss · loss_scale` besides.
    pub training: Model,
    /// Without dropout and without gradients.
    pub eval: Model,
    /// The trained parameters: the encoder's in the order of [`TrainingSpec::trained`], then the head's.
    pub parameters: Vec<TrainedParameter>,
    /// The encoder's trained parameters as they were, row-major, by name.
    pub initial: HashMap<String, Vec<f32>>,
    /// The dropout masks that the training graph takes, with [`DropoutForm::Masks`].
    pub masks: Vec<DropoutMask>,
    /// Parameters asked for that the loss does not depend on, as a pooler's where the head reads the first token. They are
    /// left as they are.
    pub unreached: Vec<String>,
    /// The encoder's parameters that are constants of both graphs.
    pub frozen: Vec<String>,
    /// The operator set of the graphs, for messages and manifests.
    opset: i64,
}

impl TrainingGraphs {
    /// Makes both graphs of an encoder that [`larder_onnx::build`] made, whole or [`cut`], or without dropout inside it of a
    /// [`TrainableGraph`](larder_onnx::TrainableGraph).
    ///
    /// `learn` finds out what the tensors of a model are, by running it: it is given the training graph without gradients and
    /// in float32, with the dropout masks among its inputs, and gives facts of all tensors ([`Facts::learn`]), inputs included.
    ///
    /// # Errors
    /// [`GraphsError::NoParameter`], [`GraphsError::NoFeatures`], [`GraphsError::TokenLoss`], [`GraphsError::NotBuilt`], what [`differentiate`] and
    /// [`check_kernels`](crate::check_kernels) say, and what `learn` says.
    pub fn build<E: From<GraphsError>>(
        encoder: Model,
        spec: &TrainingSpec,
        learn: impl FnOnce(&Model, &[DropoutMask]) -> Result<Facts, E>,
    ) -> Result<Self, E> {
        let opset = encoder.opset("").map_err(GraphsError::from)?;
        let sites = dropout::sites(&encoder, &spec.dropout)?;
        let features = Features::of(&encoder, spec.input)?;
        let made =
            |model: &Model| model.graph().node.iter().flat_map(|node| node.output.clone()).collect::<HashSet<_>>();
        let given = encoder.metadata(metadata::FAMILY).is_none().then(|| made(&encoder));
        let (encoder, initial) = opened(encoder, &spec.trained)?;
        let is_parameter = |tensor: &&TensorProto| {
            tensor.data_type() == DataType::Float as i32
                && !tensor.name().starts_with("constant.")
                && tensor.element_count().is_ok_and(|count| count > 1)
        };
        let constants = encoder.graph().initializer.iter().filter(is_parameter);
        let frozen: Vec<String> = constants.map(|tensor| tensor.name().to_owned()).collect();

        let (eval, _) = head::with_head(encoder.clone(), opset, spec, &features, None)?;
        let encoder = activation::fuse(encoder).map_err(GraphsError::from)?;
        let (forward, masks) = head::with_head(encoder, opset, spec, &features, Some(&sites))?;
        let forward = match spec.has_own_gradients() {
            true => forward.with_own_attention("attention_mask", spec.attention()).map_err(GraphsError::from)?,
            false => forward,
        };
        let mut facts = learn(&forward, &masks)?;
        let forward = halve(forward, opset, spec.precision, spec.product_form, &mut facts)?;
        let mut trained = spec.trained.clone();
        trained.extend([HEAD_WEIGHT.to_owned(), HEAD_BIAS.to_owned()]);
        let (training, parameters, unreached) =
            with_gradients(forward, opset, &trained, spec.gradient_form(), &mut facts)?;
        let mut graphs = Self { training, eval, parameters, initial, masks, unreached, frozen, opset };
        let wanted = graphs.outputs();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        graphs.training = trimmed(closed(graphs.training, &graphs.unreached, &graphs.initial)?, &wanted)?;
        graphs.eval = trimmed(closed(graphs.eval, &graphs.unreached, &graphs.initial)?, &head::OUTPUTS)?;
        graphs.initial.retain(|name, _| graphs.parameters.iter().any(|parameter| parameter.name == *name));
        for model in [&graphs.training, &graphs.eval] {
            match &given {
                None => check_kernels_besides_own(model)?,
                Some(given) => check_added_kernels(model, given)?,
            }
        }
        if spec.has_own_products() {
            graphs.training = with_operators(graphs.training, &facts)?;
        }
        Ok(graphs)
    }

    /// Returns the names of the training graph's outputs: `loss`, `logits`, `counted`, the gradients in the order of
    /// [`TrainingGraphs::parameters`], then row numbers.
    pub fn outputs(&self) -> Vec<String> {
        let mut names: Vec<String> = head::OUTPUTS.iter().map(|&name| name.to_owned()).collect();
        names.extend(self.parameters.iter().map(|parameter| parameter.output().to_owned()));
        names.extend(self.parameters.iter().filter_map(|parameter| match &parameter.gradient {
            GradientOutput::Rows { rows: RowNumbers::Output(name), .. } => Some(name.clone()),
            _ => None,
        }));
        names
    }
}

/// The model with the trained parameters as inputs, and their values. No parameter is there twice at any time.
fn opened(encoder: Model, trained: &[String]) -> Result<(Model, HashMap<String, Vec<f32>>), GraphsError> {
    if let Some(missing) = trained.iter().find(|name| encoder.initializer(name).is_none()) {
        return Err(GraphsError::NoParameter { parameter: missing.clone() });
    }
    let trained: HashSet<&str> = trained.iter().map(String::as_str).collect();
    let mut initial = HashMap::new();
    let model = encoder.edited(|graph| {
        for tensor in std::mem::take(&mut graph.initializer) {
            if !trained.contains(tensor.name()) {
                graph.initializer.push(tensor);
                continue;
            }
            // An axis that was read from the file and holds values is no negative one.
            let axes: Vec<Axis> = tensor.dims.iter().map(|&dim| Axis::Fixed(dim.unsigned_abs() as usize)).collect();
            graph.input.push(value_info(tensor.name(), DataType::Float, &axes));
            initial.insert(tensor.name().to_owned(), tensor.floats()?.into_owned());
        }
        Ok(())
    })?;
    Ok((model, initial))
}

/// The model with those of its inputs as constants again: what the loss does not depend on may be read all the same.
fn closed(model: Model, names: &[String], values: &HashMap<String, Vec<f32>>) -> Result<Model, GraphsError> {
    Ok(model.edited(|graph| {
        let (mut fed, mut stored) = (Vec::new(), Vec::new());
        for input in std::mem::take(&mut graph.input) {
            match values.get(input.name()).filter(|_| names.iter().any(|name| name == input.name())) {
                Some(values) => stored.push(TensorProto::from_f32(input.name(), &fixed_shape(&input), values)),
                None => fed.push(input),
            }
        }
        graph.input = fed;
        graph.initializer.extend(stored);
        Ok(())
    })?)
}

/// The size of each axis of an input whose axes are all fixed.
fn fixed_shape(input: &ValueInfoProto) -> Vec<usize> {
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|of| of.value.as_ref()) else {
        return Vec::new();
    };
    let size = |dim: &dimension::Value| match dim {
        dimension::Value::DimValue(size) => usize::try_from(*size).ok(),
        dimension::Value::DimParam(_) => None,
    };
    tensor.shape.iter().flat_map(|shape| &shape.dim).filter_map(|dim| size(dim.value.as_ref()?)).collect()
}

/// The table that a `Gather` reads, and nothing else: its rows' gradients can be told apart.
struct Table {
    parameter: String,
    rows: String,
    numbers: String,
}

fn tables(graph: &GraphProto, trained: &[String], facts: &Facts) -> Vec<Table> {
    let is_large = |name: &str| {
        let rows = facts.get(name).and_then(|fact| fact.shape.first()?.as_fixed());
        rows.is_some_and(|rows| rows > SMALL_TABLE)
    };
    let table = |parameter: &String| {
        let mut nodes = graph.node.iter().filter(|node| node.input.contains(parameter));
        let (Some(node), None) = (nodes.next(), nodes.next()) else { return None };
        let is_row = node.is_op("Gather") && node.int_attribute("axis", 0) == 0 && node.input[0] == *parameter;
        (is_row && is_large(parameter)).then(|| Table {
            parameter: parameter.clone(),
            rows: node.output[0].clone(),
            numbers: node.input[1].clone(),
        })
    };
    trained.iter().filter_map(table).collect()
}

/// The form of the gradients of a training graph: float32, by the runtime's operators, unless said otherwise.
#[derive(Clone, Copy, Default)]
struct GradientForm {
    precision: Precision,
    tables: TableForm,
    own_operators: bool,
}

/// Adds the backward nodes and names the gradients of the `trained` inputs.
fn with_gradients(
    forward: Model,
    opset: i64,
    trained: &[String],
    form: GradientForm,
    facts: &mut Facts,
) -> Result<(Model, Vec<TrainedParameter>, Vec<String>), GraphsError> {
    let (tables, scatter) = match form.tables {
        TableForm::Rows => (tables(forward.graph(), trained, facts), Scatter::default()),
        TableForm::Dense(scatter) => (Vec::new(), scatter),
    };
    let fed: HashSet<String> = forward.graph().input.iter().map(|input| input.name().to_owned()).collect();
    let shape_of = |name: &str| -> Result<Vec<usize>, GraphsError> {
        let fact = facts.get(name).ok_or_else(|| GraphsError::NoFact { tensor: name.to_owned() })?;
        Ok(fact.shape.iter().filter_map(|dim| dim.as_fixed()).collect())
    };
    let shapes = trained.iter().map(|name| shape_of(name)).collect::<Result<Vec<_>, _>>()?;

    let table_of = |name: &str| tables.iter().find(|table| table.parameter == name);
    // What stands for each parameter: its own gradient, or that of the rows read from it.
    let stands: Vec<String> =
        trained.iter().map(|name| table_of(name).map_or(name.clone(), |table| table.rows.clone())).collect();
    let wanted: Vec<&str> = stands.iter().map(String::as_str).collect();
    let forward = with_loss_scale(forward)?;
    facts.insert(LOSS_SCALE, TensorFact::float(&[]));
    let request = Request {
        outputs: &[("loss", LOSS_SCALE)],
        wanted: &wanted,
        scatter,
        own_operators: form.own_operators,
        ..Default::default()
    };
    let done = differentiate(forward, facts, &request)?;

    let mut proto = done.model.into_proto();
    let mut graph = proto.graph.take().unwrap_or_default();
    merge_casts(&mut graph, form.precision);
    let mut b = GraphBuilder::from_graph(graph, opset);
    let mut named: HashSet<String> = fed.iter().cloned().chain([LOSS_SCALE.to_owned()]).collect();
    named.extend(head::OUTPUTS.iter().map(|&name| name.to_owned()));
    let (mut parameters, mut unreached) = (Vec::new(), Vec::new());
    let mut renamed: HashMap<String, String> = HashMap::new();
    for ((name, stand), shape) in trained.iter().zip(&stands).zip(shapes) {
        let Some(gradient) = done.gradients.get(stand) else {
            unreached.push(name.clone());
            continue;
        };
        let table = table_of(name);
        let output = format!("{}.{name}", if table.is_some() { "grad_rows" } else { "grad" });
        let mut axes: Vec<Axis> = shape.iter().map(|&size| Axis::Fixed(size)).collect();
        if let Some(table) = table {
            let fact = facts.get(&table.rows).ok_or_else(|| GraphsError::NoFact { tensor: table.rows.clone() })?;
            axes = fact.shape.iter().map(axis).collect();
        }
        let value = Value::named(renamed.get(gradient.name()).map_or(gradient.name(), String::as_str));
        // Two parameters may share one gradient, and a gradient may be the one that was fed: they need a node of their
        // own. The others take the name as they are.
        let value = if named.contains(value.name()) { b.identity(&value) } else { value };
        renamed.insert(value.name().to_owned(), output.clone());
        b.output(&value, &output, DataType::Float, &axes);
        named.insert(output.clone());
        // A gradient is like what it is the gradient of.
        if let Some(fact) = facts.get(stand).cloned() {
            facts.insert(&output, fact);
        }
        let gradient = match table {
            None => GradientOutput::Dense { output },
            Some(table) if fed.contains(&table.numbers) => {
                GradientOutput::Rows { output, rows: RowNumbers::Input(table.numbers.clone()) }
            }
            Some(table) => {
                let numbers = b.identity(&Value::named(&table.numbers));
                let numbers_output = format!("rows.{name}");
                let fact = facts.get(&table.numbers);
                let axes: Vec<Axis> = fact.map(|fact| fact.shape.iter().map(axis).collect()).unwrap_or_default();
                b.output(&numbers, &numbers_output, DataType::Int64, &axes);
                GradientOutput::Rows { output, rows: RowNumbers::Output(numbers_output) }
            }
        };
        parameters.push(TrainedParameter { name: name.clone(), shape, gradient });
    }
    proto.graph = Some(b.finish());
    Ok((Model::from_proto(proto)?, parameters, unreached))
}

/// The model with the input that gradients start from.
fn with_loss_scale(model: Model) -> Result<Model, GraphsError> {
    Ok(model.edited(|graph| {
        graph.input.push(value_info(LOSS_SCALE, DataType::Float, &[]));
        Ok(())
    })?)
}

/// An axis as graphs declare it.
fn axis(dim: &Dim) -> Axis {
    match *dim {
        Dim::BATCH => Axis::symbol("batch"),
        Dim::SEQ => Axis::symbol("seq"),
        dim => dim.as_fixed().map_or_else(|| Axis::Symbol(dim.to_string()), Axis::Fixed),
    }
}

/// Reduces a model to these outputs, without inputs and nodes that none of them needs.
fn trimmed(model: Model, outputs: &[&str]) -> Result<Model, GraphsError> {
    let model = model.pruned(outputs)?.sorted()?;
    let mut proto: ModelProto = model.into_proto();
    let graph = proto.graph.get_or_insert_default();
    let read: HashSet<String> = graph.node.iter().flat_map(|node| node.input.iter().cloned()).collect();
    graph.input.retain(|input| read.contains(input.name()));
    Ok(Model::from_proto(proto)?)
}
