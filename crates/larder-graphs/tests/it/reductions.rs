//! Sums, means, norms, extremes.

use larder_onnx::attribute;

use crate::differences::*;

/// Reductions over the axes, given as the operator set asks for them.
fn reduce(op_type: &'static str, opset: i64, axes: Option<&[i64]>, keep: i64, x: Input) {
    let mut check = Check { tolerance: 1e-3, ..Check::of(op_type) }.opset(opset).with(attribute::int("keepdims", keep));
    let mut inputs = vec![x];
    if let Some(axes) = axes {
        if opset >= 18 || op_type == "ReduceSum" {
            inputs.push(constant_integers(axes));
        } else {
            check = check.with(attribute::ints("axes", axes));
        }
    }
    check.agrees(&inputs);
}

const OPERATORS: [&str; 8] =
    ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp"];

#[test]
fn along_any_axes() {
    // Apart by more than two steps: the extremes do not change places.
    let values: Vec<f32> =
        [5, 11, 2, 8, 0, 10, 3, 7, 1, 9, 4, 6].iter().map(|place| *place as f32 * 0.2 - 1.1).collect();
    for op_type in OPERATORS {
        for opset in [17, 18] {
            for axes in [Some(&[-1][..]), Some(&[0]), Some(&[1, 2]), Some(&[2, 0]), None] {
                for keep in [0, 1] {
                    reduce(op_type, opset, axes, keep, given(&[2, 3, 2], &values));
                }
            }
        }
    }
}

#[test]
fn over_all_places_of_a_channel() {
    Check::of("GlobalAveragePool").agrees(&[float(&[2, 3, 4])]);
    Check::of("GlobalAveragePool").agrees(&[float(&[1, 2, 2, 3])]);
}

#[test]
fn ties_share_and_zero_norms_are_zero() {
    let seed = Check::of("Identity").gradient(&[given(&[1], &[0.0])]).remove(0)[0];
    let axes = || attribute::ints("axes", &[0]);
    let tied = Check::of("ReduceMax").with(axes()).gradient(&[given(&[4], &[1.0, 3.0, 3.0, 0.0])]);
    assert_eq!(tied, [[0.0, seed / 2.0, seed / 2.0, 0.0]]);
    for op_type in ["ReduceL1", "ReduceL2"] {
        assert_eq!(Check::of(op_type).with(axes()).gradient(&[given(&[2], &[0.0, 0.0])]), [[0.0, 0.0]]);
    }
}
