//! Layer normalisation against its definition in float64.

use larder_kernels::{Kernel, LayerNorm, Plan};

use crate::operands::{Numbers, Stored};

#[test]
fn every_width_agrees_with_the_definition() {
    let mut numbers = Numbers::new(51);
    for n in [1, 2, 15, 16, 17, 31, 33, 384, 385, 768] {
        for choice in 0..8 {
            let [has_bias, has_residual, is_transposed] = [1, 2, 4].map(|bit| choice & bit != 0);
            let rows = 7;
            let input = Stored::random([rows, n], is_transposed, 1, &mut numbers);
            let residual = Stored::random([rows, n], is_transposed, 2, &mut numbers);
            let (weight, bias) = (numbers.values(n), numbers.values(n));
            for kernel in [Kernel::available(), Kernel::portable()] {
                let mut output = Stored::new([rows, n], false, 3, |_, _| 5.0);
                let epsilon = 1e-5;
                LayerNorm::new(
                    input.matrix(),
                    has_residual.then(|| residual.matrix()),
                    &weight,
                    has_bias.then_some(bias.as_slice()),
                    epsilon,
                    output.matrix_mut(),
                )
                .expect("shapes fit")
                .with_kernel(kernel)
                .run();
                assert!(output.has_gaps_untouched());
                for row in 0..rows {
                    let x = |at| {
                        let term = if has_residual { f64::from(residual.at(row, at)) } else { 0.0 };
                        f64::from(input.at(row, at)) + term
                    };
                    let mean = (0..n).map(x).sum::<f64>() / n as f64;
                    let variance = (0..n).map(|at| (x(at) - mean).powi(2)).sum::<f64>() / n as f64;
                    let deviation = (variance + f64::from(epsilon)).sqrt();
                    for at in 0..n {
                        let term = if has_bias { f64::from(bias[at]) } else { 0.0 };
                        let exact = (x(at) - mean) / deviation * f64::from(weight[at]) + term;
                        let found = output.at(row, at);
                        // Inputs are at most 2, so x - mean is off by some 2^-22, which the deviation divides.
                        let allowed = 1e-6 / deviation.min(1.0) + 1e-6;
                        assert!(
                            (f64::from(found) - exact).abs() <= allowed,
                            "{n} wide, choice {choice}: {found}, {exact}"
                        );
                    }
                }
                assert!(n < 2 || output.elements().iter().any(|value| value.abs() > 0.3), "zeros would be found");
            }
        }
    }
}

#[test]
fn rows_and_tasks_are_independent() {
    let ([rows, n], mut numbers) = ([301, 400], Numbers::new(52));
    let input = Stored::random([rows, n], false, 0, &mut numbers);
    let weight = numbers.values(n);
    let mut whole = Stored::new([rows, n], false, 0, |_, _| 0.0);
    let plan = LayerNorm::new(input.matrix(), None, &weight, None, 1e-12, whole.matrix_mut()).expect("shapes fit");
    assert!(plan.tasks() > 2);
    (0..plan.tasks()).rev().chain([1]).for_each(|task| plan.run_task(task));
    for row in [0, 99, rows - 1] {
        let alone = Stored::new([1, n], false, 0, |_, at| input.at(row, at));
        let mut output = Stored::new([1, n], false, 0, |_, _| 0.0);
        LayerNorm::new(alone.matrix(), None, &weight, None, 1e-12, output.matrix_mut()).expect("shapes fit").run();
        assert_eq!(output.bits(), whole.bits()[row * n..][..n]);
    }
}

#[test]
fn what_is_no_number_stays_in_its_row() {
    for special in [f32::NAN, f32::INFINITY] {
        let input = Stored::new([3, 20], false, 0, |row, at| if [row, at] == [1, 17] { special } else { at as f32 });
        let mut output = Stored::new([3, 20], false, 0, |_, _| 0.0);
        LayerNorm::new(input.matrix(), None, &[1.0; 20], None, 1e-5, output.matrix_mut()).expect("shapes fit").run();
        for place in 0..60 {
            assert_eq!(output.at(place / 20, place % 20).is_nan(), place / 20 == 1);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let input = Stored::new([2, 3], false, 0, |_, _| 1.0);
    let other = Stored::new([3, 2], false, 0, |_, _| 1.0);
    let plan = |residual: &Stored, weight: &[f32], bias: &[f32], output: &mut Stored| {
        LayerNorm::new(input.matrix(), Some(residual.matrix()), weight, Some(bias), 1e-5, output.matrix_mut())
            .map(|plan| plan.tasks())
            .map_err(|error| error.to_string())
    };
    let mut fitting = Stored::new([2, 3], false, 0, |_, _| 0.0);
    let mut wrong = Stored::new([3, 2], false, 0, |_, _| 0.0);
    assert_eq!(plan(&input, &[1.0; 3], &[1.0; 3], &mut fitting), Ok(1));
    let found = [
        plan(&other, &[1.0; 3], &[1.0; 3], &mut fitting),
        plan(&input, &[1.0; 2], &[1.0; 3], &mut fitting),
        plan(&input, &[1.0; 3], &[1.0; 4], &mut fitting),
        plan(&input, &[1.0; 3], &[1.0; 3], &mut wrong),
    ]
    .map(|result| result.expect_err("does not fit"));
    assert_eq!(
        found,
        [
            "shape of the residual: [3, 2], the other operands need [2, 3]",
            "shape of the weight: [1, 2], the other operands need [1, 3]",
            "shape of the bias: [1, 4], the other operands need [1, 3]",
            "shape of the output: [3, 2], the other operands need [2, 3]",
        ]
    );
}
