//! Nothing is read or written beyond an operand: each ends where memory that may not be touched begins.
#![cfg(unix)]

use std::ptr;

use larder_kernels::{
    Activation, Attention, AttentionShape, Epilogue, LayerNorm, Matrix, MatrixMut, PackedLeft, PackedRight, Plan,
    Precision, Product, QuantisedProduct, QuantisedRight,
};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use crate::operands::Numbers;

/// Whole pages, as large as any system's.
const PAGE: usize = 65_536;

/// Numbers that end with a page, behind which the next is forbidden.
struct Guarded {
    memory: *mut std::ffi::c_void,
    bytes: usize,
    count: usize,
}

impl Guarded {
    fn new(count: usize, numbers: &mut Numbers) -> Self {
        let bytes = (count * 4).next_multiple_of(PAGE) + PAGE;
        // SAFETY: new pages, of which the last is taken away; nothing refers to them yet.
        let memory = unsafe {
            let memory = mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            let memory = memory.expect("there is memory");
            mprotect(memory.byte_add(bytes - PAGE), PAGE, MprotectFlags::empty()).expect("pages can be protected");
            memory
        };
        let mut this = Self { memory, bytes, count };
        this.values_mut().iter_mut().for_each(|value| *value = numbers.value());
        this
    }

    fn pointer(&self) -> *mut f32 {
        // SAFETY: within the pages.
        unsafe { self.memory.byte_add(self.bytes - PAGE - 4 * self.count).cast() }
    }

    fn values(&self) -> &[f32] {
        // SAFETY: so many numbers lie there before the forbidden page, aligned, and are lent as this is.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.count) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.count) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the pages are this value's own.
        unsafe { munmap(self.memory, self.bytes).expect("is mapped") };
    }
}

#[test]
fn products_stay_within_their_operands() {
    let mut numbers = Numbers::new(61);
    for m in [1, 5, 12, 13, 25] {
        for n in [1, 15, 16, 17, 31, 32, 33, 50] {
            for k in [1, 2, 15, 16, 31, 32, 33, 65, 129] {
                let mut guarded = |count| Guarded::new(count, &mut numbers);
                let (left, right) = (guarded(m * k), guarded(k * n));
                let (bias, residual, mut output) = (guarded(n), guarded(m * n), guarded(m * n));
                for transposed in [false, true] {
                    let lies = |values, [rows, columns]: [usize; 2]| {
                        let shape = if transposed { [columns, rows] } else { [rows, columns] };
                        let matrix = Matrix::new(values, shape).expect("is long enough");
                        if transposed { matrix.transposed() } else { matrix }
                    };
                    let (left, right) = (lies(left.values(), [m, k]), lies(right.values(), [k, n]));
                    let epilogue = Epilogue {
                        accumulate: true,
                        bias: Some(bias.values()),
                        activation: if transposed { Activation::GeluErf } else { Activation::Identity },
                        residual: Some(Matrix::new(residual.values(), [m, n]).expect("is long enough")),
                    };
                    let (packed_left, packed_right) = (PackedLeft::new(left), PackedRight::new(right));
                    let target = MatrixMut::new(output.values_mut(), [m, n]).expect("is long enough");
                    Product::new(left, &packed_right, epilogue, target, 1).expect("shapes fit").run();
                    let target = MatrixMut::new(output.values_mut(), [m, n]).expect("is long enough");
                    Product::new(&packed_left, &packed_right, epilogue, target, 1).expect("shapes fit").run();
                    assert!(output.values().iter().all(|value| value.is_finite()));
                }
            }
        }
    }
}

#[test]
fn attention_and_normalisation_stay_within_their_operands() {
    let mut numbers = Numbers::new(62);
    for [batch, tokens, heads, head_size] in [[1, 1, 1, 1], [2, 11, 2, 17], [1, 33, 1, 32], [1, 50, 3, 5]] {
        let (rows, width) = (batch * tokens, heads * head_size);
        let mut guarded = |count| Guarded::new(count, &mut numbers);
        let operands = [(); 3].map(|()| guarded(rows * width));
        let (mask, mut output, weight) = (guarded(rows), guarded(rows * width), guarded(width));
        let operands = operands.each_ref().map(|values| Matrix::new(values.values(), [rows, width]).expect("fits"));
        let mask = Matrix::new(mask.values(), [batch, tokens]).expect("is long enough");
        for precision in Precision::ALL {
            let target = MatrixMut::new(output.values_mut(), [rows, width]).expect("is long enough");
            let shape = AttentionShape { batch, tokens, heads, head_size };
            let plan = Attention::new(shape, operands, Some(mask), 0.5, target).expect("shapes fit");
            plan.with_precision(precision).run();
        }
        let target = MatrixMut::new(output.values_mut(), [rows, width]).expect("is long enough");
        let (weight, [input, residual, _]) = (weight.values(), operands);
        LayerNorm::new(input, Some(residual), weight, Some(weight), 1e-5, target).expect("shapes fit").run();
        assert!(output.values().iter().all(|value| value.is_finite()));
    }
}

#[test]
fn quantised_products_stay_within_their_operands() {
    let mut numbers = Numbers::new(63);
    for m in [1, 12, 13] {
        for n in [1, 15, 16, 17, 31, 32, 33, 50] {
            for k in [1, 2, 15, 16, 17, 63, 64, 65, 255, 257] {
                let bytes: Vec<i8> = (0..k * n).map(|_| numbers.bits() as i8).collect();
                let right = QuantisedRight::new(&bytes, [k, n], &vec![0.5; n]).expect("fits");
                let mut guarded = |count| Guarded::new(count, &mut numbers);
                let (left, bias, residual, mut output) = (guarded(m * k), guarded(n), guarded(m * n), guarded(m * n));
                for activation in [Activation::Identity, Activation::GeluErf] {
                    let epilogue = Epilogue {
                        accumulate: true,
                        bias: Some(bias.values()),
                        activation,
                        residual: Some(Matrix::new(residual.values(), [m, n]).expect("is long enough")),
                    };
                    let left = Matrix::new(left.values(), [m, k]).expect("is long enough");
                    let target = MatrixMut::new(output.values_mut(), [m, n]).expect("is long enough");
                    QuantisedProduct::new(left, &right, epilogue, target, 1).expect("shapes fit").run();
                }
                assert!(output.values().iter().all(|value| value.is_finite()));
            }
        }
    }
}
