//! Inputs that have one value for every text: a task id, ERNIE's task types, a switch.

use serde::{Deserialize, Serialize};

use super::inputs::{MOST_TOKEN_TYPES, table_rows};
use super::{Hints, InputType, described, described_text, fixed};
use crate::builder::{Axis, GraphBuilder, Value};
use crate::graph::Producers;
use crate::proto::tensor_proto::DataType;
use crate::proto::{TensorProto, ValueInfoProto};
use crate::{Model, OnnxError, attribute};

/// Elements of an input of fixed axes beyond which no constant is made: larder feeds no batch as large.
const MOST_ELEMENTS: usize = 1 << 20;

/// An input that has one value for every text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConstantInput {
    /// The model's name for it.
    pub name: String,
    /// Its element type.
    pub dtype: InputType,
    /// The size of each axis where it is fixed; open ones are batch and sequence.
    pub axes: Vec<Option<usize>>,
    /// Its value.
    pub value: i64,
    /// True if it was told, false if it is the default, 0.
    pub told: bool,
}

impl ConstantInput {
    /// Finds the inputs of `model` with one value for every text: those that [`Hints::constants`] names; integers and truth
    /// values of one element; and those that look up a table of a few rows beside `token_type_ids`. `type_rows` is how many
    /// rows the table of token types is said to have; it tells `token_type_ids` from the others.
    ///
    /// # Errors
    /// [`OnnxError::WrongHint`], [`OnnxError::UnsupportedInput`].
    pub fn find(model: &Model, hints: &Hints, type_rows: Option<usize>) -> Result<Vec<Self>, OnnxError> {
        let inputs = model.inputs();
        let mut found = Vec::new();
        for (name, value) in &hints.constants {
            let Some(info) = inputs.iter().find(|info| info.name() == name) else {
                let candidates = inputs.iter().map(|info| described_text(info)).collect::<Vec<_>>().join(", ");
                return Err(OnnxError::WrongHint { role: "constant input", found: name.clone(), candidates });
            };
            found.push(Self { value: *value, told: true, ..Self::of(info)? });
        }
        let rest: Vec<&ValueInfoProto> =
            inputs.into_iter().filter(|info| !hints.constants.contains_key(info.name())).collect();
        // A graph of one text of one token has no such input.
        let has_texts = rest.iter().any(|info| !is_single(info));
        let (single, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|info| has_texts && is_single(info));
        for info in single.into_iter().chain(further_types(model, hints, type_rows, &rest)?) {
            found.push(Self::of(info)?);
        }
        Ok(found)
    }

    fn of(info: &ValueInfoProto) -> Result<Self, OnnxError> {
        let unsupported = || OnnxError::UnsupportedInput { input: info.name().to_owned(), found: described_text(info) };
        let (dtype, axes) = described(info).ok_or_else(unsupported)?;
        let dtype = InputType::of(dtype).ok_or_else(unsupported)?;
        let axes: Vec<Option<usize>> = axes.ok_or_else(unsupported)?.iter().map(fixed).collect();
        let elements = axes.iter().flatten().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let is_small = elements.is_some_and(|count| count <= MOST_ELEMENTS);
        match is_small && axes.iter().skip(2).all(Option::is_some) {
            true => Ok(Self { name: info.name().to_owned(), dtype, axes, value: 0, told: false }),
            false => Err(unsupported()),
        }
    }
}

impl Model {
    /// Returns the model with `constants` inside it instead of among its inputs. Open axes are those of the first other
    /// input `[batch, seq]`.
    ///
    /// # Errors
    /// [`OnnxError::NoInput`] when no such input is left, and those of [`Model::edited`].
    pub fn with_constant_inputs(self, constants: &[ConstantInput]) -> Result<Self, OnnxError> {
        let is_constant = |name: &str| constants.iter().any(|constant| constant.name == name);
        let rest: Vec<&ValueInfoProto> = self.inputs().into_iter().filter(|info| !is_constant(info.name())).collect();
        let of_two_axes =
            |info: &&&ValueInfoProto| described(info).and_then(|(_, axes)| axes).is_some_and(|axes| axes.len() == 2);
        let shaped = match rest.iter().find(of_two_axes) {
            Some(info) => Value::named(info.name()),
            None => {
                let candidates = rest.iter().map(|info| described_text(info)).collect::<Vec<_>>().join(", ");
                return Err(OnnxError::NoInput { role: "input_ids", candidates });
            }
        };
        let opset = self.opset("")?;
        self.edited(|graph| {
            graph.input.retain(|info| !is_constant(info.name()));
            let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
            for constant in constants {
                constant.add_to(&mut b, &shaped);
            }
            *graph = b.finish();
            Ok(())
        })
        .and_then(Model::sorted)
    }
}

impl ConstantInput {
    /// Adds it as a tensor of its name. `shaped` has the batch and the sequence as its two axes.
    fn add_to(&self, b: &mut GraphBuilder, shaped: &Value) {
        let value = TensorProto::from_i64("", &[1], &[self.value]);
        let filled = match self.axes.as_slice() {
            [] => b.integer(self.value),
            axes => {
                let sizes: Vec<Value> =
                    axes.iter().enumerate().map(|(axis, size)| b.size(shaped, axis, *size)).collect();
                let shape = b.concat(&sizes.iter().collect::<Vec<_>>(), 0);
                b.node("ConstantOfShape", &[&shape], vec![attribute::tensor("value", value)])
            }
        };
        let cast = b.cast(&filled, DataType::from(self.dtype));
        b.rename(&cast, &self.name);
    }
}

impl GraphBuilder {
    /// The size of an axis, `[1]`: as given, else that of `shaped`.
    fn size(&mut self, shaped: &Value, axis: usize, size: Option<usize>) -> Value {
        let whole = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        match size {
            Some(size) => self.integers(&[whole(size)]),
            None => {
                let shape = self.node("Shape", &[shaped], Vec::new());
                let axis = self.integers(&[whole(axis)]);
                self.gather(&shape, &axis, 0)
            }
        }
    }
}

/// Returns true for integers and truth values of one element.
fn is_single(info: &ValueInfoProto) -> bool {
    let Some((dtype, Some(axes))) = described(info) else { return false };
    let whole = matches!(InputType::of(dtype), Some(InputType::Int64 | InputType::Int32 | InputType::Bool));
    whole && axes.len() <= 2 && axes.iter().all(|axis| *axis == Axis::Fixed(1))
}

/// Those of `inputs` that look up tables of a few rows and are not `token_type_ids`; none where that cannot be told.
fn further_types<'a>(
    model: &Model,
    hints: &Hints,
    type_rows: Option<usize>,
    inputs: &[&'a ValueInfoProto],
) -> Result<Vec<&'a ValueInfoProto>, OnnxError> {
    let producers = Producers::of(model.graph())?;
    let tables = table_rows(model, &producers);
    let rows = |info: &ValueInfoProto| tables.get(info.name()).copied();
    let most = inputs.iter().filter_map(|info| rows(info)).max();
    let named = [&hints.input_ids, &hints.attention_mask, &hints.position_ids];
    let is_named = |info: &ValueInfoProto| named.into_iter().flatten().any(|name| name == info.name());
    let is_short = |info: &ValueInfoProto| rows(info).is_some_and(|rows| rows <= MOST_TOKEN_TYPES && Some(rows) < most);
    let short: Vec<&ValueInfoProto> = inputs.iter().copied().filter(|info| is_short(info) && !is_named(info)).collect();
    let is_types = |info: &ValueInfoProto| match &hints.token_type_ids {
        Some(name) => info.name() == name,
        None => short.len() == 1 || rows(info) == type_rows,
    };
    match short.iter().filter(|info| is_types(info)).count() {
        1 => Ok(short.iter().copied().filter(|info| !is_types(info)).collect()),
        _ => Ok(Vec::new()),
    }
}
