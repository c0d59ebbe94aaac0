//! Functions of several tensors, element by element, and choices among them.

use larder_onnx::attribute;
use larder_onnx::proto::tensor_proto::DataType;
use larder_runtime::{Tensor, TensorData};

use crate::differences::*;

/// Pairs of shapes that broadcast.
const BROADCASTS: [(&[usize], &[usize]); 8] = [
    (&[2, 3], &[2, 3]),
    (&[2, 3], &[3]),
    (&[3], &[2, 3]),
    (&[2, 3], &[]),
    (&[2, 1, 3], &[4, 1]),
    (&[2, 1], &[1, 3]),
    (&[1, 1], &[2, 2, 2]),
    (&[2, 3, 2], &[1, 3, 1]),
];

#[test]
fn two_tensors_broadcast() {
    for (a, b) in BROADCASTS {
        for op_type in ["Add", "Sub", "Mul"] {
            Check::of(op_type).agrees(&[float(a), float(b)]);
        }
        Check { tolerance: 1e-3, ..Check::of("Div") }.agrees(&[float(a), positive(b)]);
        for op_type in ["Sum", "Mean"] {
            Check::of(op_type).agrees(&[float(a), float(b), float(&[1])]);
        }
    }
    Check::of("Sum").agrees(&[float(&[2])]);
    Check::of("Add").opset(13).agrees(&[float(&[2, 3]), float(&[3])]);
}

#[test]
fn one_tensor_alone_gets_its_gradient() {
    for op_type in ["Add", "Sub", "Mul", "Div"] {
        Check::of(op_type).agrees(&[float(&[2, 3]), constant_floats(&[3], &[0.5, -2.0, 4.0])]);
        Check { tolerance: 1e-3, ..Check::of(op_type) }
            .agrees(&[constant_floats(&[2, 3], &[1.0, 2.0, -3.0, 0.5, 0.1, -1.0]), positive(&[3])]);
    }
}

#[test]
fn extremes_and_ties() {
    let (a, b) = ([0.5, -1.0, 2.0, 0.1, 1.0, -0.5], [1.0, 0.0, -1.0]);
    for op_type in ["Max", "Min"] {
        Check::of(op_type).agrees(&[given(&[2, 3], &a), given(&[3], &b), given(&[], &[0.7])]);
        Check::of(op_type).agrees(&[given(&[6], &a), constant_floats(&[], &[0.3])]);
        Check::of(op_type).agrees(&[given(&[6], &a)]);
        let seed = Check::of("Identity").gradient(&[given(&[1], &[0.0])]).remove(0)[0];
        let tied = Check::of(op_type).gradient(&[given(&[1], &[1.0]), given(&[1], &[1.0])]);
        assert_eq!(tied, [[seed / 2.0], [seed / 2.0]], "{op_type}");
    }
}

#[test]
fn clip_and_its_bounds() {
    let x = [-2.0, -0.5, 0.3, 0.9, 3.0];
    let bounds = || [constant_floats(&[], &[-1.0]), constant_floats(&[], &[1.0])];
    let [low, high] = bounds();
    Check::of("Clip").agrees(&[given(&[5], &x), low, high]);
    Check::of("Clip").agrees(&[given(&[5], &x), Input::Absent, constant_floats(&[], &[0.5])]);
    Check::of("Clip").agrees(&[given(&[5], &x), constant_floats(&[], &[0.5])]);
    Check::of("Clip").agrees(&[given(&[5], &x)]);
    Check::of("Clip").agrees(&[given(&[5], &x), given(&[], &[-1.0]), given(&[], &[1.0])]);
    let [low, high] = bounds();
    let at_bound = Check::of("Clip").gradient(&[given(&[2], &[-1.0, 1.0]), low, high]);
    assert!(at_bound[0].iter().all(|&value| value != 0.0), "{at_bound:?}");
}

#[test]
fn choices() {
    let condition = || {
        let data = TensorData::Bool(vec![true, false, false, true, true, false]);
        Input::Fed(Tensor { shape: vec![2, 3], data })
    };
    for (a, b) in [(&[2, 3][..], &[2, 3][..]), (&[3], &[1]), (&[2, 1], &[4, 1, 1]), (&[], &[2, 3])] {
        Check::of("Where").agrees(&[condition(), float(a), float(b)]);
    }
    Check::of("Where").agrees(&[condition(), float(&[2, 3]), constant_floats(&[], &[-3.0])]);
}

#[test]
fn a_cast_casts_back() {
    let to = |dtype: DataType| attribute::int("to", dtype as i64);
    Check::of("Cast").with(to(DataType::Float)).agrees(&[float(&[3])]);
}
