//! Tasks on any threads, in any order: never another bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use larder_kernels::{Activation, Epilogue, PackedLeft, PackedRight, Packing, Plan, Product};

use crate::operands::{Numbers, Stored};

const SHAPE: [usize; 3] = [150, 420, 700];

/// Operands, a bias, and the output of one thread.
struct Case {
    left: Stored,
    right: Stored,
    bias: Vec<f32>,
    expected: Vec<u32>,
}

impl Case {
    fn new() -> Self {
        let ([m, n, k], mut numbers) = (SHAPE, Numbers::new(31));
        let left = Stored::random([m, k], false, 0, &mut numbers);
        let right = Stored::random([k, n], true, 0, &mut numbers);
        let mut case = Self { left, right, bias: numbers.values(n), expected: Vec::new() };
        case.expected = case.compute(1, |product| product.run());
        case
    }

    fn epilogue(&self) -> Epilogue<'_> {
        Epilogue { bias: Some(&self.bias), activation: Activation::GeluErf, ..Epilogue::default() }
    }

    fn compute(&self, threads: usize, run: impl FnOnce(Product<'_>)) -> Vec<u32> {
        let [m, n, _] = SHAPE;
        let packed = PackedRight::new(self.right.matrix());
        let mut output = Stored::new([m, n], false, 1, |_, _| f32::NAN);
        let product = Product::new(self.left.matrix(), &packed, self.epilogue(), output.matrix_mut(), threads)
            .expect("shapes fit");
        run(product);
        output.bits()
    }
}

#[test]
fn the_division_into_tasks_changes_no_bit() {
    let case = Case::new();
    let mut counts = Vec::new();
    for threads in [0, 1, 2, 3, 5, 8, 16, 100] {
        let found = case.compute(threads, |product| {
            counts.push(product.tasks());
            product.run();
        });
        assert_eq!(found, case.expected, "{threads} threads");
    }
    counts.sort_unstable();
    counts.dedup();
    assert!(counts.len() > 3, "there are several divisions: {counts:?}");
}

#[test]
fn the_order_of_tasks_changes_no_bit() {
    let case = Case::new();
    let backwards = case.compute(8, |product| (0..product.tasks()).rev().for_each(|task| product.run_task(task)));
    assert_eq!(backwards, case.expected);
    let shuffled = case.compute(8, |product| {
        let tasks = product.tasks();
        let step = (2..).find(|step| !tasks.is_multiple_of(*step)).expect("some number does not divide it");
        (0..tasks * step).step_by(step).for_each(|task| product.run_task(task % tasks));
        product.run();
    });
    assert_eq!(shuffled, case.expected);
}

#[test]
fn a_task_runs_once() {
    let ([m, n, k], case) = (SHAPE, Case::new());
    let packed = PackedRight::new(case.right.matrix());
    let mut output = Stored::new([m, n], false, 0, |_, _| 0.0);
    let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
    let product = Product::new(case.left.matrix(), &packed, epilogue, output.matrix_mut(), 8).expect("shapes fit");
    for task in 0..product.tasks() {
        product.run_task(task);
        product.run_task(task);
    }
    product.run();
    let mut once = Stored::new([m, n], false, 0, |_, _| 0.0);
    Product::new(case.left.matrix(), &packed, epilogue, once.matrix_mut(), 1).expect("shapes fit").run();
    assert_eq!(output.bits(), once.bits());
    assert!(once.elements().iter().any(|value| value.abs() > 1.0), "[{m}, {k}] x [{k}, {n}] is something");
}

#[test]
fn threads_share_the_tasks() {
    let case = Case::new();
    let found = case.compute(4, |product| {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let task = next.fetch_add(1, Ordering::Relaxed)
                        && task < product.tasks()
                    {
                        product.run_task(task);
                    }
                });
            }
        });
    });
    assert_eq!(found, case.expected);
}

#[test]
fn operands_are_packed_in_tasks() {
    let ([m, n, _], case) = (SHAPE, Case::new());
    let (mut right, mut left) = (PackedRight::default(), PackedLeft::default());
    let backwards = |packing: Packing<'_>| {
        assert!(packing.tasks() > 1);
        // The first is left to whoever drops it, one is asked for twice.
        (1..packing.tasks()).rev().chain([1]).for_each(|task| packing.run_task(task));
    };
    backwards(right.pack(case.right.matrix()));
    backwards(left.pack(case.left.matrix()));
    let mut output = Stored::new([m, n], false, 0, |_, _| f32::NAN);
    Product::new(&left, &right, case.epilogue(), output.matrix_mut(), 3).expect("shapes fit").run();
    assert_eq!(output.bits(), case.expected);
}

#[test]
fn a_row_means_the_same_in_any_batch() {
    let ([m, n, k], case) = (SHAPE, Case::new());
    let packed = PackedRight::new(case.right.matrix());
    for row in [0, 5, 11, 12, 77, m - 1] {
        let alone = Stored::new([1, k], false, 0, |_, at| case.left.at(row, at));
        let mut output = Stored::new([1, n], false, 0, |_, _| f32::NAN);
        Product::new(alone.matrix(), &packed, case.epilogue(), output.matrix_mut(), 2).expect("shapes fit").run();
        assert_eq!(output.bits(), case.expected[row * n..][..n], "row {row}");
    }
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn there_is_no_task_beyond_the_last() {
    Case::new().compute(1, |product| product.run_task(product.tasks()));
}
