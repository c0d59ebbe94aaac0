//! Functions of one tensor, element by element.

use larder_onnx::attribute;

use crate::differences::*;

#[test]
fn smooth_functions() {
    for op_type in ["Erf", "Tanh", "Sigmoid", "Softplus", "Exp", "Neg", "Identity"] {
        for opset in [13, 17, 21] {
            Check::of(op_type).opset(opset).agrees(&[float(&[2, 3])]);
        }
    }
    for op_type in ["Log", "Sqrt", "Reciprocal"] {
        // The fifth derivative of 1 / x at 0.5 is 7,680: 2e-4 of differences that are wrong themselves, beside 4.
        Check { tolerance: 1e-3, ..Check::of(op_type) }.agrees(&[positive(&[2, 3])]);
    }
}

#[test]
fn kinks_get_one_side() {
    for op_type in ["Relu", "Abs"] {
        Check::of(op_type).agrees(&[float(&[7])]);
        assert_eq!(Check::of(op_type).gradient(&[given(&[1], &[0.0])]), [[0.0]], "{op_type}");
    }
}

#[test]
fn gelu_in_every_spelling() {
    let x = || given(&[2, 4], &[-3.0, -1.0, -0.3, 0.0, 0.4, 1.2, 2.5, 6.0]);
    Check::of("Gelu").opset(20).agrees(&[x()]);
    Check::of("Gelu").opset(20).with(attribute::string("approximate", "tanh")).agrees(&[x()]);
    Check::microsoft("Gelu").agrees(&[x()]);
    Check::microsoft("QuickGelu").agrees(&[x()]);
    Check::microsoft("QuickGelu").with(attribute::float("alpha", 1.0)).agrees(&[x()]);
    Check::microsoft("BiasGelu").agrees(&[x(), float(&[4])]);
    Check::microsoft("FastGelu").agrees(&[x(), float(&[4])]);
    Check::microsoft("FastGelu").agrees(&[x()]);
}

#[test]
fn gelu_far_out_is_finite() {
    let x = [-90.0, -20.0, 20.0, 90.0];
    let constant = |op: Check| op.gradient(&[given(&[4], &x)]).remove(0);
    let exact = constant(Check::microsoft("Gelu"));
    let fast = constant(Check::microsoft("FastGelu"));
    let seed = constant(Check::of("Identity"));
    for found in [exact, fast] {
        for (place, slope) in [0.0, 0.0, 1.0, 1.0].iter().enumerate() {
            assert!((found[place] - slope * seed[place]).abs() < 1e-6, "{found:?}");
        }
    }
}

#[test]
fn powers() {
    for exponent in [1.0, 2.0, 3.0, -1.0, 0.5, 2.5] {
        let check = Check { tolerance: 1e-3, ..Check::of("Pow") };
        check.agrees(&[positive(&[2, 3]), constant_floats(&[], &[exponent])]);
    }
    for exponent in [2.0, 3.0] {
        Check::of("Pow").agrees(&[float(&[2, 3]), constant_floats(&[1], &[exponent])]);
    }
    Check::of("Pow").agrees(&[float(&[2, 3]), constant_integers(&[3])]);
    Check::of("Pow").agrees(&[positive(&[2, 3]), float(&[3])]);
    Check::of("Pow").agrees(&[positive(&[3]), float(&[2, 1])]);
    Check::of("Pow").agrees(&[float(&[2, 3]), fed_integers(&[1], &[3])]);
    let at_zero = Check::of("Pow").gradient(&[given(&[1], &[0.0]), given(&[1], &[2.0])]);
    assert_eq!(at_zero, [[0.0], [0.0]]);
}

#[test]
fn softmax_along_any_axis() {
    for axis in [-1, 0, 1, 2] {
        for op_type in ["Softmax", "LogSoftmax"] {
            Check::of(op_type).with(attribute::int("axis", axis)).agrees(&[float(&[2, 3, 4])]);
        }
    }
    Check::of("Softmax").opset(13).agrees(&[float(&[2, 5])]);
}
