//! Layer normalisation, and dropout.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{TensorProto, attribute};

use crate::differences::*;

#[test]
fn layer_normalization_over_the_last_axes() {
    // The statistics of few elements bend sharply: fifth derivatives of some hundreds.
    let check = || Check { tolerance: 5e-4, ..Check::of("LayerNormalization") };
    for opset in [17, 21] {
        check().opset(opset).agrees(&[float(&[2, 3, 5]), positive(&[5]), float(&[5])]);
    }
    check().agrees(&[float(&[2, 3, 5]), positive(&[5])]);
    check().with(attribute::int("axis", -1)).with(attribute::float("epsilon", 0.3)).agrees(&[
        float(&[3, 4]),
        positive(&[4]),
        float(&[4]),
    ]);
    check().with(attribute::int("axis", 1)).agrees(&[float(&[2, 2, 3]), positive(&[2, 3]), float(&[2, 3])]);
    check().with(attribute::int("axis", -2)).agrees(&[float(&[2, 2, 3]), positive(&[3]), float(&[3])]);
    check().with(attribute::int("axis", 0)).agrees(&[float(&[2, 3]), positive(&[2, 3]), float(&[2, 3])]);
}

#[test]
fn layer_normalization_of_what_is_wanted_alone() {
    let x = [0.3, -1.0, 0.7, 1.2, -0.4, 0.9];
    let check = || Check { tolerance: 5e-4, ..Check::of("LayerNormalization") };
    check().agrees(&[constant_floats(&[2, 3], &x), positive(&[3]), float(&[3])]);
    check().agrees(&[given(&[2, 3], &x), constant_floats(&[3], &[1.0, 2.0, 0.5]), constant_floats(&[3], &[0.0; 3])]);
    check().agrees(&[constant_floats(&[2, 3], &x), constant_floats(&[3], &[1.0; 3]), float(&[3])]);
}

#[test]
fn skip_layer_normalization_with_and_without_bias() {
    let check = || {
        let check = Check { tolerance: 5e-4, ..Check::microsoft("SkipLayerNormalization") };
        check.with(attribute::float("epsilon", 1e-5))
    };
    let operands = || [float(&[2, 2, 4]), given(&[2, 2, 4], &[0.4; 16]), positive(&[4]), float(&[4])];
    check().agrees(&operands());
    let [input, skip, scale, shift] = operands();
    check().agrees(&[input, skip, scale, shift, given(&[4], &[0.1, -0.3, 0.5, 0.2])]);
}

/// `true` or `false`, as a constant.
fn truth(value: bool) -> Input {
    Input::Constant(Box::new(TensorProto::from_raw("", &[], DataType::Bool, vec![u8::from(value)])))
}

#[test]
fn dropout_outside_training_passes_on() {
    let ratio = || constant_floats(&[], &[0.3]);
    Check::of("Dropout").agrees(&[float(&[2, 3])]);
    Check::of("Dropout").agrees(&[float(&[2, 3]), ratio()]);
    Check::of("Dropout").agrees(&[float(&[2, 3]), ratio(), truth(false)]);
}
