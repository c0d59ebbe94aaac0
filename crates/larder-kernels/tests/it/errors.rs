//! Operands that do not fit are refused before anything is read.

use larder_kernels::{Epilogue, Matrix, MatrixMut, PackedRight, Product, ShapeError};

fn refusal(left: [usize; 2], right: [usize; 2], bias: usize, residual: [usize; 2], output: [usize; 2]) -> String {
    let values = vec![1.0; 100];
    let matrix = |shape| Matrix::new(&values, shape).expect("is large enough");
    let packed = PackedRight::new(matrix(right));
    let mut target = vec![0.0; 100];
    let target = MatrixMut::new(&mut target, output).expect("is large enough");
    let epilogue = Epilogue { bias: Some(&values[..bias]), residual: Some(matrix(residual)), ..Epilogue::default() };
    Product::new(matrix(left), &packed, epilogue, target, 1).expect_err("does not fit").to_string()
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let messages = [
        refusal([2, 3], [4, 5], 5, [2, 5], [2, 5]),
        refusal([2, 3], [3, 5], 5, [2, 5], [5, 2]),
        refusal([2, 3], [3, 5], 4, [2, 5], [2, 5]),
        refusal([2, 3], [3, 5], 5, [5, 2], [2, 5]),
    ];
    assert_eq!(
        messages,
        [
            "shape of the right operand: [4, 5], the other operands need [3, 5]",
            "shape of the output: [5, 2], the other operands need [2, 5]",
            "shape of the bias: [1, 4], the other operands need [1, 5]",
            "shape of the residual: [5, 2], the other operands need [2, 5]",
        ]
    );
}

#[test]
fn memory_that_is_too_short_is_refused() {
    let values = [0.0; 11];
    let found = [
        Matrix::new(&values, [3, 4]).expect_err("one value is missing"),
        Matrix::with_leading(&values, [3, 4], 3).expect_err("rows overlap"),
        Matrix::new(&values, [usize::MAX, 2]).expect_err("no memory is as large"),
    ];
    assert_eq!(
        found.each_ref().map(ToString::to_string),
        [
            "a matrix holds 11 values, but its shape and leading dimension need 12",
            "a matrix has 4 columns, but only 3 values from one row to the next",
            "a matrix of 18446744073709551615 x 2 values is larger than any memory",
        ]
    );
    assert!(matches!(found[0], ShapeError::TooShort { needed: 12, found: 11, .. }));
    // The last row needs no gap behind it.
    assert!(Matrix::with_leading(&values, [3, 3], 4).is_ok());
    let mut output = [0.0; 5];
    assert!(MatrixMut::new(&mut output, [2, 3]).is_err());
}
