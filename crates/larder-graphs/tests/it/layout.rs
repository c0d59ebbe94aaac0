//! The same elements elsewhere: shapes, orders, pieces.

use larder_onnx::attribute;

use crate::differences::*;

#[test]
fn shapes() {
    for opset in [13, 17, 21] {
        Check::of("Reshape").opset(opset).agrees(&[float(&[2, 3, 2]), constant_integers(&[-1, 4])]);
        Check::of("Flatten").opset(opset).agrees(&[float(&[2, 3, 2])]);
        Check::of("Squeeze").opset(opset).agrees(&[float(&[1, 3, 1]), constant_integers(&[0])]);
        Check::of("Unsqueeze").opset(opset).agrees(&[float(&[3, 2]), constant_integers(&[0, -1])]);
    }
    Check::of("Squeeze").agrees(&[float(&[1, 3, 1])]);
    Check::of("Flatten").with(attribute::int("axis", 0)).agrees(&[float(&[2, 3])]);
}

#[test]
fn orders() {
    Check::of("Transpose").with(attribute::ints("perm", &[0, 2, 1, 3])).agrees(&[float(&[2, 3, 2, 1])]);
    Check::of("Transpose").with(attribute::ints("perm", &[2, 0, 1])).agrees(&[float(&[2, 3, 4])]);
    Check::of("Transpose").agrees(&[float(&[2, 3, 1])]);
}

#[test]
fn repetition() {
    Check::of("Expand").agrees(&[float(&[3, 1]), constant_integers(&[2, 3, 4])]);
    Check::of("Expand").agrees(&[float(&[2, 3]), constant_integers(&[1])]);
    Check::of("Expand").agrees(&[float(&[]), constant_integers(&[2, 2])]);
    Check::of("Tile").agrees(&[float(&[3, 2]), constant_integers(&[2, 1])]);
    Check::of("Tile").agrees(&[float(&[1, 3, 2]), constant_integers(&[2, 1, 3])]);
    Check::of("Tile").agrees(&[float(&[2]), constant_integers(&[1])]);
}

#[test]
fn joints() {
    for axis in [0, 1, -1] {
        let other: [usize; 3] = if axis == 0 {
            [1, 3, 2]
        } else if axis == 1 {
            [2, 2, 2]
        } else {
            [2, 3, 1]
        };
        let concat = || Check::of("Concat").with(attribute::int("axis", axis));
        concat().agrees(&[float(&[2, 3, 2]), float(&other), float(&[2, 3, 2])]);
    }
    let concat = Check::of("Concat").with(attribute::int("axis", 0));
    concat.agrees(&[float(&[2]), constant_floats(&[1], &[4.0]), float(&[3])]);
    Check::of("Concat").with(attribute::int("axis", 0)).agrees(&[float(&[2])]);

    for opset in [13, 17] {
        let split = || Check::of("Split").opset(opset).with(attribute::int("axis", 1));
        split().outputs(2, &[0, 1]).agrees(&[float(&[2, 4])]);
        split().outputs(3, &[0, 1, 2]).agrees(&[float(&[2, 6]), constant_integers(&[1, 3, 2])]);
        split().outputs(3, &[1]).agrees(&[float(&[2, 6]), constant_integers(&[1, 3, 2])]);
    }
    let split = Check::of("Split").opset(18).with(attribute::int("num_outputs", 2));
    split.outputs(2, &[1, 0]).agrees(&[float(&[5])]);
}

#[test]
fn pieces() {
    let ints = constant_integers;
    Check::of("Slice").agrees(&[float(&[5, 3]), ints(&[1]), ints(&[3])]);
    Check::of("Slice").agrees(&[float(&[5, 3]), ints(&[1, 0]), ints(&[i64::MAX, 2]), ints(&[0, -1])]);
    Check::of("Slice").agrees(&[float(&[5, 3]), ints(&[-2]), ints(&[-1]), ints(&[0]), ints(&[1])]);
    Check::of("Slice").agrees(&[float(&[5, 3]), ints(&[-9]), ints(&[9]), ints(&[1])]);
    Check::of("Slice").agrees(&[float(&[5, 3]), fed_integers(&[1], &[2]), fed_integers(&[1], &[4]), ints(&[0])]);
    Check::of("Slice").agrees(&[float(&[2, 5]), fed_integers(&[1], &[-3]), fed_integers(&[1], &[99]), ints(&[1])]);
    // In steps, over the end and exactly to it.
    Check::of("Slice").agrees(&[float(&[7, 3]), ints(&[1]), ints(&[i64::MAX]), ints(&[0]), ints(&[2])]);
    Check::of("Slice").agrees(&[float(&[8, 2]), ints(&[1]), ints(&[8]), ints(&[0]), ints(&[3])]);
    Check::of("Slice").agrees(&[float(&[5, 6]), ints(&[-4, 0]), ints(&[5, 5]), ints(&[0, 1]), ints(&[2, 3])]);
    Check::of("Slice").agrees(&[
        float(&[7]),
        fed_integers(&[1], &[2]),
        fed_integers(&[1], &[6]),
        ints(&[0]),
        ints(&[3]),
    ]);
    Check::of("Pad").agrees(&[float(&[2, 3]), ints(&[1, 0, 2, 1])]);
    Check::of("Pad").agrees(&[float(&[2, 3]), ints(&[0, 2, 0, 0]), constant_floats(&[], &[7.0])]);
}
