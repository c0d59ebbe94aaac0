//! Gradients of activations and normalisations against their definitions in float64.

use larder_kernels::{Activation, ActivationGradient, Kernel, LayerNormGradient, LayerNormSums, Plan};

use crate::operands::{Numbers, Stored};

/// The derivative by a quotient of differences.
fn slope(activation: Activation, x: f64) -> f64 {
    let function = |x: f64| match activation {
        Activation::Identity => x,
        Activation::GeluTanh => {
            x / 2.0 * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        }
        Activation::Silu => x / (1.0 + (-x).exp()),
        _ => unreachable!("it has a test of its own beside its formula"),
    };
    (function(x + 1e-4) - function(x - 1e-4)) / 2e-4
}

#[test]
fn gradients_of_activations_agree_with_the_definition() {
    let mut numbers = Numbers::new(61);
    for activation in [Activation::Identity, Activation::GeluTanh, Activation::Silu] {
        for (rows, n) in [(1, 1), (7, 15), (3, 16), (5, 33), (60, 1536)] {
            let gradient = Stored::random([rows, n], false, 1, &mut numbers);
            let input = Stored::random([rows, n], false, 2, &mut numbers);
            for kernel in [Kernel::available(), Kernel::portable()] {
                let mut output = Stored::new([rows, n], false, 3, |_, _| 5.0);
                let mut sums = vec![7.0; n];
                let plan = ActivationGradient::new(activation, gradient.matrix(), input.matrix(), output.matrix_mut());
                plan.expect("shapes fit").with_kernel(kernel).finish(&mut sums);
                assert!(output.has_gaps_untouched());
                for (at, &found_sum) in sums.iter().enumerate() {
                    let mut sum = 0.0;
                    for row in 0..rows {
                        let exact = f64::from(gradient.at(row, at)) * slope(activation, f64::from(input.at(row, at)));
                        let found = f64::from(output.at(row, at));
                        assert!((found - exact).abs() <= 2e-6, "{activation:?} {n} wide: {found}, {exact}");
                        sum += exact;
                    }
                    assert!((f64::from(found_sum) - sum).abs() <= 2e-6 * rows as f64, "{activation:?} {n} wide");
                }
            }
        }
    }
}

#[test]
fn gradients_of_normalisations_agree_with_the_definition() {
    let mut numbers = Numbers::new(62);
    for (rows, n) in [(1, 2), (7, 15), (3, 16), (5, 33), (200, 384), (4, 768)] {
        let gradient = Stored::random([rows, n], false, 1, &mut numbers);
        let input = Stored::random([rows, n], false, 2, &mut numbers);
        let (weight, epsilon) = (numbers.values(n), 1e-3);
        for kernel in [Kernel::available(), Kernel::portable()] {
            let mut output = Stored::new([rows, n], false, 3, |_, _| 5.0);
            let [mut to_weight, mut to_bias, mut to_input] = [const { Vec::new() }; 3].map(|_: Vec<f32>| vec![7.0; n]);
            let plan = LayerNormGradient::new(gradient.matrix(), input.matrix(), &weight, epsilon, output.matrix_mut());
            let sums = LayerNormSums { weight: &mut to_weight, bias: &mut to_bias, input: &mut to_input };
            plan.expect("shapes fit").with_kernel(kernel).finish(sums);
            assert!(output.has_gaps_untouched());
            let mut sums = vec![[0.0; 3]; n];
            for row in 0..rows {
                let x = |at: usize| f64::from(input.at(row, at));
                let mean = (0..n).map(x).sum::<f64>() / n as f64;
                let variance = (0..n).map(|at| (x(at) - mean).powi(2)).sum::<f64>() / n as f64;
                let deviation = (variance + f64::from(epsilon)).sqrt();
                let normalised = |at: usize| (x(at) - mean) / deviation;
                let weighted = |at: usize| f64::from(gradient.at(row, at)) * f64::from(weight[at]);
                let first = (0..n).map(weighted).sum::<f64>() / n as f64;
                let second = (0..n).map(|at| weighted(at) * normalised(at)).sum::<f64>() / n as f64;
                for (at, sums) in sums.iter_mut().enumerate() {
                    let exact = (weighted(at) - first - normalised(at) * second) / deviation;
                    let found = f64::from(output.at(row, at));
                    // As of the normalisation itself, and the deviation divides once more.
                    let allowed = 2e-6 / deviation.min(1.0).powi(2);
                    assert!((found - exact).abs() <= allowed, "{n} wide: {found}, {exact}");
                    let gradient = f64::from(gradient.at(row, at));
                    let terms = [gradient * normalised(at), gradient, exact];
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                }
            }
            for at in 0..n {
                for (found, exact) in [to_weight[at], to_bias[at], to_input[at]].into_iter().zip(sums[at]) {
                    assert!((f64::from(found) - exact).abs() <= 1e-4, "{n} wide: {found}, {exact}");
                }
            }
            assert!(to_weight.iter().any(|value| value.abs() > 0.1), "zeros would be found");
        }
    }
}

#[test]
fn tasks_change_no_bit() {
    let ([rows, n], mut numbers) = ([301, 400], Numbers::new(63));
    let gradient = Stored::random([rows, n], false, 0, &mut numbers);
    let input = Stored::random([rows, n], false, 0, &mut numbers);
    let weight = numbers.values(n);
    let computed = |order: &dyn Fn(usize) -> Vec<usize>| {
        let [mut first, mut second] = [0, 1].map(|_| Stored::new([rows, n], false, 0, |_, _| 0.0));
        let mut sums = vec![vec![0.0; n]; 4];
        let [a, b, c, d] = sums.as_mut_slice() else { unreachable!("there are four") };
        let plan = ActivationGradient::new(Activation::GeluErf, gradient.matrix(), input.matrix(), first.matrix_mut())
            .expect("shapes fit");
        assert!(plan.tasks() > 2);
        order(plan.tasks()).into_iter().for_each(|task| plan.run_task(task));
        plan.finish(a);
        let plan = LayerNormGradient::new(gradient.matrix(), input.matrix(), &weight, 1e-12, second.matrix_mut())
            .expect("shapes fit");
        assert!(plan.tasks() > 2);
        order(plan.tasks()).into_iter().for_each(|task| plan.run_task(task));
        plan.finish(LayerNormSums { weight: b, bias: c, input: d });
        let sums: Vec<u32> = sums.iter().flatten().map(|sum| sum.to_bits()).collect();
        (first.bits(), second.bits(), sums)
    };
    let in_order = computed(&|tasks| (0..tasks).collect());
    assert_eq!(computed(&|tasks| (0..tasks).rev().chain([1]).collect()), in_order);
    assert_eq!(computed(&|_| Vec::new()), in_order);
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let matrix = Stored::new([2, 3], false, 0, |_, _| 1.0);
    let other = Stored::new([3, 2], false, 0, |_, _| 1.0);
    let mut output = Stored::new([2, 3], false, 0, |_, _| 0.0);
    let mut of_activation = |gradient: &Stored, input: &Stored| {
        ActivationGradient::new(Activation::Silu, gradient.matrix(), input.matrix(), output.matrix_mut())
            .map(|plan| plan.tasks())
            .map_err(|error| error.to_string())
    };
    assert_eq!(of_activation(&matrix, &matrix), Ok(1));
    let problem = |name| Err(format!("shape of {name}: [3, 2], the other operands need [2, 3]"));
    assert_eq!(of_activation(&other, &matrix), problem("the gradient"));
    assert_eq!(of_activation(&matrix, &other), problem("the input"));
    let of_norm = LayerNormGradient::new(matrix.matrix(), matrix.matrix(), &[1.0; 2], 1e-5, output.matrix_mut());
    let problem = of_norm.expect_err("the weight is short").to_string();
    assert_eq!(problem, "shape of the weight: [1, 2], the other operands need [1, 3]");
}
