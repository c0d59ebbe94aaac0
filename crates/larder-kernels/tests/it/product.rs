//! Products against a plain loop in float64, in every class of shapes.

use larder_kernels::{Epilogue, Kernel, PackedLeft, PackedRight, Plan, Product};

use crate::operands::{Numbers, Stored, reference, tolerance};

/// Both sides of the sizes of vectors, tiles, panels, chunks and tasks.
const ROWS: [usize; 11] = [1, 2, 3, 7, 11, 12, 13, 24, 25, 64, 97];
const COLUMNS: [usize; 12] = [1, 2, 15, 16, 17, 31, 32, 33, 48, 65, 127, 130];
const DEPTHS: [usize; 13] = [1, 2, 3, 15, 31, 32, 33, 63, 64, 65, 127, 128, 131];

/// Computes a product with operands in memory as asked, by any kernel, and checks it.
fn check([m, n, k]: [usize; 3], transposed: [bool; 2], gap: usize, numbers: &mut Numbers) {
    let what = format!("[{m}, {k}] x [{k}, {n}], transposed {transposed:?}, gap {gap}");
    let left = Stored::random([m, k], transposed[0], gap, numbers);
    let right = Stored::random([k, n], transposed[1], gap, numbers);
    let expected = reference(&left, &right);
    let mut outputs = Vec::new();
    for kernel in [Kernel::available(), Kernel::portable()] {
        let mut packed = PackedRight::default();
        drop(packed.pack_with(kernel, right.matrix()));
        let mut output = Stored::random([m, n], false, gap, numbers);
        Product::new(left.matrix(), &packed, Epilogue::default(), output.matrix_mut(), 1)
            .expect("shapes fit")
            .with_kernel(kernel)
            .run();
        assert!(output.has_gaps_untouched(), "{what}: only the matrix is written");
        for (at, (found, [exact, sizes])) in output.elements().into_iter().zip(&expected).enumerate() {
            let error = (f64::from(found) - exact).abs();
            let (row, column) = (at / n, at % n);
            assert!(error <= tolerance(k, *sizes), "{what}: {found} at {row}, {column}, exactly {exact}");
        }
        outputs.push(output.bits());
    }
    assert_eq!(outputs[0], outputs[1], "{what}: every kernel has the same bits");
    let is_seen = expected.iter().any(|[exact, sizes]| exact.abs() > tolerance(k, *sizes));
    assert!(is_seen, "{what}: zeros would be found");
}

#[test]
fn every_tail_agrees_with_a_plain_loop() {
    let mut numbers = Numbers::new(1);
    let mut at = 0;
    for m in ROWS {
        for n in COLUMNS {
            for k in DEPTHS {
                // Seven gaps and four ways to lie: each meets each.
                check([m, n, k], [at % 2 == 1, at / 2 % 2 == 1], at % 7, &mut numbers);
                at += 1;
            }
        }
    }
}

#[test]
fn every_way_to_lie_agrees_with_a_plain_loop() {
    let mut numbers = Numbers::new(2);
    for [m, n, k] in [[1, 1, 1], [13, 33, 3], [14, 47, 65], [50, 100, 200]] {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            for gap in 0..4 {
                check([m, n, k], transposed, gap, &mut numbers);
            }
        }
    }
}

/// More than one part of the summed axis, more than one task of rows.
#[test]
fn large_products_agree_with_a_plain_loop() {
    let mut numbers = Numbers::new(3);
    for (at, [m, n, k]) in
        [[14, 35, 4096], [13, 33, 4097], [5, 3, 9000], [400, 40, 700], [150, 300, 1200]].into_iter().enumerate()
    {
        check([m, n, k], [at % 2 == 1, at % 3 == 1], at % 3, &mut numbers);
        check([m, n, k], [at % 2 == 0, at % 3 == 0], 0, &mut numbers);
    }
}

#[test]
fn axes_may_have_no_elements() {
    for [m, n, k] in [[0, 3, 4], [3, 0, 4], [3, 4, 0], [0, 0, 0]] {
        let mut numbers = Numbers::new(4);
        let (left, right) =
            (Stored::random([m, k], false, 1, &mut numbers), Stored::random([k, n], true, 0, &mut numbers));
        let packed = PackedRight::new(right.matrix());
        let (packed_left, bias) = (PackedLeft::new(left.matrix()), vec![2.0; n]);
        let mut output = Stored::random([m, n], false, 1, &mut numbers);
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        Product::new(left.matrix(), &packed, epilogue, output.matrix_mut(), 4).expect("shapes fit").run();
        assert_eq!(output.elements(), vec![2.0; m * n], "an empty sum is zero");
        Product::new(&packed_left, &packed, epilogue, output.matrix_mut(), 4).expect("shapes fit").run();
        assert_eq!(output.elements(), vec![2.0; m * n], "an empty sum is zero");
    }
}

#[test]
fn packed_memory_is_used_again() {
    let mut numbers = Numbers::new(5);
    let (mut right, mut left) = (PackedRight::default(), PackedLeft::default());
    assert_eq!((right.shape(), left.shape()), ([0, 0], [0, 0]));
    for [m, n, k] in [[30, 70, 90], [5, 33, 7], [40, 10, 301], [13, 90, 200]] {
        let (left_matrix, right_matrix) =
            (Stored::random([m, k], m == 40, 1, &mut numbers), Stored::random([k, n], m == 5, 0, &mut numbers));
        drop(right.pack(right_matrix.matrix()));
        drop(left.pack(left_matrix.matrix()));
        assert_eq!((right.shape(), left.shape()), ([k, n], [m, k]));
        let mut outputs =
            [Stored::random([m, n], false, 0, &mut numbers), Stored::random([m, n], false, 2, &mut numbers)];
        let [from_packed, fresh] = &mut outputs;
        Product::new(&left, &right, Epilogue::default(), from_packed.matrix_mut(), 1).expect("shapes fit").run();
        let right = PackedRight::new(right_matrix.matrix());
        Product::new(left_matrix.matrix(), &right, Epilogue::default(), fresh.matrix_mut(), 1)
            .expect("shapes fit")
            .run();
        assert_eq!(from_packed.bits(), fresh.bits());
    }
}
