//! The differences between two runs of a model that count as rounding.

use larder_onnx::Model;
use larder_onnx::proto::tensor_proto::DataType;

/// Deviations up to this share of the output's scale are rounding, in float32: each of a BERT's layers rounds at about
/// 1e-7 in sums of a few thousand terms, whose order changes with the batch; measured deviations are around 1e-6, and a
/// mask that is not obeyed changes more than 1e-3 even in an encoder with random weights.
pub const TOLERANCE: f64 = 1e-4;
/// The same for models with parameters in half precision, which rounds at 5e-4 (float16) to 4e-3 (bfloat16).
pub const HALF_TOLERANCE: f64 = 2e-2;
/// The same for products in bfloat16 of float32 tensors: each of them rounds its operands at 2e-3. Measured deviations, the largest
/// of any feature of any token, are 1e-2 to 5e-2 in all families, and a wrong operand is off by the vectors' scale. How much of it
/// a task notices, `larder compare` says.
pub const BFLOAT16_TOLERANCE: f64 = 1e-1;
/// The same for the root mean square of differences between two ways to compute the same 8-bit products. The integers are the same until a
/// last bit of float32 decides between two of them; each such step is a new rounding error like those that are there, and makes others
/// further on. So the difference grows from nothing to less than what 8 bits cost themselves: all-MiniLM-L6-v2 is off by 1e-7 behind the
/// first layer and by 2.4e-2 behind the last, where its 8-bit products are off by 7.9e-2, either way. A wrong operand is off by
/// the vectors' scale.
pub const INT8_TOLERANCE: f64 = 1e-1;

/// The largest deviation that counts as rounding for this model.
pub(crate) fn precision_tolerance(model: &Model) -> f64 {
    // Where a float's last bit decides between two of 255 levels, a whole level is what it changes.
    if model.graph().node.iter().any(|node| node.op_type() == "MatMulIntegerToFloat") {
        return HALF_TOLERANCE;
    }
    let is_half = [DataType::Float16, DataType::Bfloat16].iter().any(|half| has_parameters_of(model, *half));
    if is_half { HALF_TOLERANCE } else { TOLERANCE }
}

pub(crate) fn has_parameters_of(model: &Model, dtype: DataType) -> bool {
    model.graph().initializer.iter().any(|tensor| tensor.data_type() == dtype as i32)
}

/// Operators that choose their scale by what they are given: a row's numbers depend on the rows beside it.
const DYNAMICALLY_QUANTISED: [&str; 4] =
    ["DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat"];

/// Does the model quantise what it computes as it goes?
pub(crate) fn is_dynamically_quantised(model: &Model) -> bool {
    model.graph().node.iter().any(|node| DYNAMICALLY_QUANTISED.contains(&node.op_type()))
}
