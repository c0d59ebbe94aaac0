//! Shapes, orders, repetition: the same elements otherwise arranged, and tensors that a shape alone decides.

use larder_onnx::attribute;
use larder_onnx::facts::Dim;
use larder_onnx::proto::tensor_proto::DataType;

use super::{Emitter, Operand};
use crate::rules::gather::SMALL_TABLE;
use crate::shape::{as_i64, product, reshape_target};

impl Emitter<'_> {
    /// New axes of size 1 at these places of the result, none of them negative.
    pub fn unsqueeze(&mut self, x: &Operand, axes: &[i64]) -> Operand {
        let mut old = x.shape.iter();
        let rank = x.rank() + axes.len();
        let dim = |axis| if axes.contains(&as_i64(axis)) { None } else { old.next().copied() };
        let shape: Vec<Dim> = (0..rank).map(dim).map(|dim| dim.unwrap_or(Dim::fixed(1))).collect();
        let axes = self.integers(axes);
        self.node("Unsqueeze", &[x, &axes], vec![], x.dtype, &shape)
    }

    pub fn transpose(&mut self, x: &Operand, order: &[usize]) -> Operand {
        let shape: Vec<Dim> = order.iter().map(|&axis| x.shape[axis]).collect();
        let order: Vec<i64> = order.iter().map(|&axis| as_i64(axis)).collect();
        self.node("Transpose", &[x], vec![attribute::ints("perm", &order)], x.dtype, &shape)
    }

    /// int64 `[rank]`: the sizes of a tensor's axes; a constant where they are fixed.
    pub fn shape_of(&mut self, x: &Operand) -> Operand {
        let fixed: Option<Vec<i64>> = x.shape.iter().map(|dim| dim.as_fixed().map(as_i64)).collect();
        match fixed {
            Some(sizes) => self.integers(&sizes),
            None => self.node("Shape", &[x], vec![], DataType::Int64, &[Dim::fixed(x.rank())]),
        }
    }

    /// The elements of `x` in the shape of `like`.
    pub fn reshape_like(&mut self, x: &Operand, like: &Operand) -> Operand {
        if x.shape == like.shape {
            return x.clone();
        }
        let target = match reshape_target(&x.shape, &like.shape) {
            Some(target) => self.integers(&target),
            None => self.shape_of(like),
        };
        self.node("Reshape", &[x, &target], vec![], x.dtype, &like.shape)
    }

    /// The elements of `x` in that shape, if at most one of its axes is open and not where it was.
    pub fn reshape_to(&mut self, x: &Operand, shape: &[Dim]) -> Option<Operand> {
        if *x.shape == *shape {
            return Some(x.clone());
        }
        let target = reshape_target(&x.shape, shape)?;
        let target = self.integers(&target);
        Some(self.node("Reshape", &[x, &target], vec![], x.dtype, shape))
    }

    /// `[rows, features]`: all axes but the last, whose size is fixed, as one, if its size can be told.
    pub fn rows(&mut self, x: &Operand) -> Option<Operand> {
        self.flat_rows(x, x.rank() - 1)
    }

    /// `[rows, width]`: the first `leading` axes as one, and the others as one, if their sizes can be told.
    pub fn flat_rows(&mut self, x: &Operand, leading: usize) -> Option<Operand> {
        let (rows, width) = (product(&x.shape[..leading])?, product(&x.shape[leading..])?);
        if let Some(flat) = self.reshape_to(x, &[rows, width]) {
            return Some(flat);
        }
        // Both are open: the runtime is told how many rows there are.
        let mut count = self.integer(1);
        for axis in 0..leading {
            let size = self.size_along(x, axis);
            count = self.mul(&count, &size);
        }
        let (count, rest) = (self.unsqueeze(&count, &[0]), self.integers(&[-1]));
        let along = vec![attribute::int("axis", 0)];
        let target = self.node("Concat", &[&count, &rest], along, DataType::Int64, &[Dim::fixed(2)]);
        Some(self.node("Reshape", &[x, &target], vec![], x.dtype, &[rows, width]))
    }

    /// `[count, 1]`: all elements below each other, if their number can be told.
    pub fn column(&mut self, x: &Operand) -> Option<Operand> {
        let shape = [product(x.shape.iter())?, Dim::fixed(1)];
        let target = self.integers(&[-1, 1]);
        Some(self.node("Reshape", &[x, &target], vec![], x.dtype, &shape))
    }

    /// int64 `[size]`: the places of an axis.
    pub fn places(&mut self, x: &Operand, axis: usize) -> Operand {
        if let Some(size) = x.shape[axis].as_fixed().filter(|&size| size <= SMALL_TABLE) {
            return self.integers(&(0..as_i64(size)).collect::<Vec<_>>());
        }
        let (zero, size, one) = (self.integer(0), self.size_along(x, axis), self.integer(1));
        self.node("Range", &[&zero, &size, &one], vec![], DataType::Int64, &[x.shape[axis]])
    }

    /// `x` repeated to the shape of `like`, which it broadcasts to.
    pub fn expand_like(&mut self, x: &Operand, like: &Operand) -> Operand {
        if x.shape == like.shape {
            return x.clone();
        }
        let target = self.shape_of(like);
        self.node("Expand", &[x, &target], vec![], x.dtype, &like.shape)
    }

    /// int64 `[]`: the size of one axis.
    pub fn size_along(&mut self, x: &Operand, axis: usize) -> Operand {
        if let Some(size) = x.shape[axis].as_fixed() {
            return self.integer(as_i64(size));
        }
        let (sizes, place) = (self.shape_of(x), self.integer(as_i64(axis)));
        self.node("Gather", &[&sizes, &place], vec![attribute::int("axis", 0)], DataType::Int64, &[])
    }

    /// `[1, rows]`: a one for each row of `x`.
    pub fn row_of_ones(&mut self, x: &Operand) -> Operand {
        let rows = x.shape[0];
        if let Some((_, ones)) = self.ones.iter().find(|(count, _)| *count == rows) {
            return ones.clone();
        }
        let (size, one) = (self.size_along(x, 0), self.scalar(x, 1.0));
        let (size, first) = (self.unsqueeze(&size, &[0]), self.integers(&[1]));
        let along = vec![attribute::int("axis", 0)];
        let target = self.node("Concat", &[&first, &size], along, DataType::Int64, &[Dim::fixed(2)]);
        let ones = self.node("Expand", &[&one, &target], vec![], x.dtype, &[Dim::fixed(1), rows]);
        self.ones.push((rows, ones.clone()));
        ones
    }

    /// Zeros in the type of `like`. Not by `ConstantOfShape`: its newer operator sets have no kernel in the CUDA build.
    pub fn zeros(&mut self, like: &Operand, target: &Operand, shape: &[Dim]) -> Operand {
        let zero = self.scalar(like, 0.0);
        self.node("Expand", &[&zero, target], vec![], like.dtype, shape)
    }

    /// Zeros in the shape and type of `like`.
    pub fn zeros_like(&mut self, like: &Operand) -> Operand {
        let target = self.shape_of(like);
        self.zeros(like, &target, &like.shape)
    }
}
