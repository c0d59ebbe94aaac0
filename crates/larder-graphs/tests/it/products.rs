//! Products of matrices.

use larder_onnx::attribute;

use crate::differences::*;

#[test]
fn mat_mul_of_all_ranks() {
    let shapes: [(&[usize], &[usize]); 12] = [
        (&[2, 3], &[3, 4]),
        (&[2, 2, 3], &[3, 4]),
        (&[2, 2, 2, 3], &[3, 4]),
        (&[2, 2, 3], &[2, 3, 4]),
        (&[2, 3], &[2, 3, 4]),
        (&[1, 2, 3], &[4, 3, 2]),
        (&[2, 1, 2, 3], &[3, 3, 2]),
        (&[3], &[3]),
        (&[3], &[3, 2]),
        (&[2, 3], &[3]),
        (&[3], &[2, 3, 2]),
        (&[2, 2, 3], &[3]),
    ];
    for (a, b) in shapes {
        Check::of("MatMul").agrees(&[float(a), float(b)]);
    }
    Check::of("MatMul").agrees(&[float(&[2, 3]), constant_floats(&[3, 1], &[0.5, 2.0, -1.0])]);
    Check::of("MatMul").agrees(&[constant_floats(&[1, 2], &[0.5, 2.0]), float(&[2, 3])]);
}

#[test]
fn gemm_in_every_orientation() {
    for (trans_a, trans_b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let a: &[usize] = if trans_a == 1 { &[3, 2] } else { &[2, 3] };
        let b: &[usize] = if trans_b == 1 { &[4, 3] } else { &[3, 4] };
        let check =
            || Check::of("Gemm").with(attribute::int("transA", trans_a)).with(attribute::int("transB", trans_b));
        check().agrees(&[float(a), float(b)]);
        for c in [&[4][..], &[2, 4], &[2, 1], &[1, 4], &[], &[1]] {
            let scaled = check().with(attribute::float("alpha", 0.5)).with(attribute::float("beta", -2.0));
            scaled.agrees(&[float(a), float(b), float(c)]);
        }
    }
}

#[test]
fn fused_mat_mul_in_every_orientation() {
    for (trans_a, trans_b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let check = || {
            let check = Check::microsoft("FusedMatMul").with(attribute::float("alpha", 0.5));
            check.with(attribute::int("transA", trans_a)).with(attribute::int("transB", trans_b))
        };
        let matrix = |rows, columns, transposed| if transposed == 1 { [columns, rows] } else { [rows, columns] };
        let (a, b) = (matrix(2, 3, trans_a), matrix(3, 4, trans_b));
        let batched = |batch: &[usize], matrix: [usize; 2]| [batch, &matrix].concat();
        check().agrees(&[float(&a), float(&b)]);
        check().agrees(&[float(&batched(&[2], a)), float(&b)]);
        check().agrees(&[float(&batched(&[2], a)), float(&batched(&[2], b))]);
        check().agrees(&[float(&batched(&[2, 2], a)), float(&batched(&[2, 2], b))]);
        check().agrees(&[float(&batched(&[2, 1], a)), float(&batched(&[1, 3], b))]);
    }
}

#[test]
fn einsum_as_exporters_write_it() {
    let equations: [(&str, &[usize], &[usize]); 6] = [
        ("ij,jk->ik", &[2, 3], &[3, 4]),
        ("bhqd,bhkd->bhqk", &[1, 2, 3, 2], &[1, 2, 2, 2]),
        ("bhqk,bhkd->bhqd", &[1, 2, 3, 2], &[1, 2, 2, 2]),
        ("bsh,oh->bso", &[2, 2, 3], &[2, 3]),
        ("i,j->ij", &[2], &[3]),
        ("bij, bij -> b", &[2, 2, 3], &[2, 2, 3]),
    ];
    for (equation, a, b) in equations {
        Check::of("Einsum").with(attribute::string("equation", equation)).agrees(&[float(a), float(b)]);
    }
    Check::of("Einsum").with(attribute::string("equation", "ij->ji")).agrees(&[float(&[2, 3])]);
}

#[test]
fn convolutions_along_one_axis() {
    let conv = |group: i64, pads: [i64; 2]| {
        Check::of("Conv").with(attribute::int("group", group)).with(attribute::ints("pads", &pads))
    };
    conv(1, [1, 1]).agrees(&[float(&[2, 3, 5]), float(&[4, 3, 3]), float(&[4])]);
    conv(1, [0, 2]).agrees(&[float(&[2, 3, 5]), float(&[2, 3, 2])]);
    conv(1, [0, 0]).agrees(&[float(&[2, 3, 4]), float(&[2, 3, 1]), float(&[2])]);
    conv(3, [1, 1]).agrees(&[float(&[2, 3, 5]), float(&[3, 1, 3]), float(&[3])]);
    conv(2, [1, 0]).agrees(&[float(&[2, 4, 5]), float(&[6, 2, 2]), float(&[6])]);
}
