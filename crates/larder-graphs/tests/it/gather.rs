//! Rows and elements picked by their place.

use larder_onnx::{TensorProto, attribute};

use crate::differences::*;

fn index(value: i64) -> Input {
    Input::Constant(Box::new(TensorProto::from_i64("", &[], &[value])))
}

#[test]
fn rows_of_a_small_table() {
    Check::of("Gather").agrees(&[float(&[4, 3]), fed_integers(&[2, 3], &[1, 0, 3, 1, 1, -1])]);
    Check::of("Gather").opset(13).agrees(&[float(&[4, 3]), fed_integers(&[3], &[1, 0, 1])]);
    Check::of("Gather").agrees(&[float(&[4]), fed_integers(&[3], &[1, 0, 1])]);
    Check::of("Gather").agrees(&[float(&[4, 2, 2]), constant_integers(&[2, 2])]);
}

#[test]
fn rows_of_a_large_table() {
    for opset in [16, 17, 18, 21] {
        let ids = fed_integers(&[2, 3], &[70, 0, 3, 70, 70, -1]);
        Check::of("Gather").opset(opset).agrees(&[float(&[72, 2]), ids]);
    }
}

#[test]
fn rows_along_other_axes() {
    for axis in [1, 2, -1] {
        let gather = || Check::of("Gather").with(attribute::int("axis", axis));
        gather().agrees(&[float(&[2, 3, 4]), fed_integers(&[2], &[1, 1])]);
        gather().agrees(&[float(&[2, 3, 4]), fed_integers(&[2, 2], &[1, 0, 2, -1])]);
    }
}

#[test]
fn one_row() {
    for axis in [0, 1, 2] {
        let gather = || Check::of("Gather").with(attribute::int("axis", axis));
        for place in [0, 1, -1, -2] {
            gather().agrees(&[float(&[2, 3, 4]), index(place)]);
            gather().agrees(&[float(&[2, 3, 4]), fed_integers(&[], &[place])]);
        }
        gather().agrees(&[float(&[70, 2, 3]), index(0)]);
    }
}

#[test]
fn elements() {
    let places = || fed_integers(&[2, 2], &[0, 2, -1, 1]);
    Check::of("GatherElements").with(attribute::int("axis", 1)).agrees(&[float(&[2, 3]), places()]);
    Check::of("GatherElements")
        .with(attribute::int("axis", 0))
        .opset(18)
        .agrees(&[float(&[3, 2]), fed_integers(&[2, 2], &[2, 2, 2, 0])]);
    Check::of("GatherND").agrees(&[float(&[2, 3]), fed_integers(&[3, 2], &[0, 1, 1, 2, 0, 1])]);
    Check::of("GatherND").agrees(&[float(&[3, 2]), fed_integers(&[2, 1], &[2, 2])]);
}
