//! Memory that tasks on several threads write disjoint parts of.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::matrix::MatrixMut;

/// The tasks that have been begun: each is given out once.
#[derive(Debug)]
pub(crate) struct Claims(Vec<AtomicBool>);

impl Claims {
    pub(crate) fn new(tasks: usize) -> Self {
        Self((0..tasks).map(|_| AtomicBool::new(false)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// True for the first call with this task, false for every later one.
    pub(crate) fn claim(&self, task: usize) -> bool {
        // Only the flag itself is agreed on; whoever waits for the tasks orders their writes before the reads.
        !self.0[task].swap(true, Ordering::Relaxed)
    }
}

/// A slice of which several threads write disjoint parts.
#[derive(Debug)]
pub(crate) struct SharedSlice<'a, T> {
    pointer: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it hands out no memory but by `part`, whose caller promises that parts are disjoint.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}
// SAFETY: it stands for a `&mut [T]`, which may be sent where `T` may.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub(crate) fn new(values: &'a mut [T]) -> Self {
        Self { pointer: values.as_mut_ptr(), len: values.len(), borrow: PhantomData }
    }

    /// A part of the slice.
    ///
    /// # Safety
    ///
    /// No other part that overlaps this one is alive.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start.checked_add(len).is_some_and(|end| end <= self.len), "a part lies within its slice");
        // SAFETY: the part lies within a slice that is mutably borrowed for 'a, and the caller promises that nothing
        // else refers to it.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(start), len) }
    }
}

/// An output of which several threads write disjoint blocks.
#[derive(Debug)]
pub(crate) struct SharedOutput<'a> {
    values: SharedSlice<'a, f32>,
    shape: [usize; 2],
    leading: usize,
}

impl<'a> SharedOutput<'a> {
    pub(crate) fn new(matrix: MatrixMut<'a>) -> Self {
        Self { values: SharedSlice::new(matrix.values), shape: matrix.shape, leading: matrix.leading }
    }

    pub(crate) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The block of `shape` whose first element is at `start`.
    ///
    /// # Safety
    ///
    /// No other block that overlaps this one is alive.
    pub(crate) unsafe fn block(&self, start: [usize; 2], shape: [usize; 2]) -> OutputBlock<'_> {
        for axis in 0..2 {
            assert!(start[axis] + shape[axis] <= self.shape[axis], "a block lies within its output");
        }
        OutputBlock { output: self, start, shape }
    }
}

/// A block of an output that nothing else reads or writes.
#[derive(Debug)]
pub(crate) struct OutputBlock<'a> {
    output: &'a SharedOutput<'a>,
    /// Row and column of the output.
    pub(crate) start: [usize; 2],
    /// Rows and columns.
    pub(crate) shape: [usize; 2],
}

impl OutputBlock<'_> {
    /// Values from one row to the next.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn leading(&self) -> usize {
        self.output.leading
    }

    /// Part of one row, both counted from the block's start.
    #[inline(always)]
    pub(crate) fn row(&mut self, row: usize, column: usize, count: usize) -> &mut [f32] {
        assert!(row < self.shape[0] && column + count <= self.shape[1], "a row lies within its block");
        let start = (self.start[0] + row) * self.output.leading + self.start[1] + column;
        // SAFETY: it lies within the block, of which this is the only reference.
        unsafe { self.output.values.part(start, count) }
    }

    /// Where an element of the block lies; the rest of the block may be reached from it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn pointer(&mut self, row: usize, column: usize) -> *mut f32 {
        assert!(row < self.shape[0] && column < self.shape[1], "an element lies within its block");
        let start = (self.start[0] + row) * self.output.leading + self.start[1] + column;
        assert!(start < self.output.values.len, "a matrix is as long as its shape says");
        // SAFETY: within the slice.
        unsafe { self.output.values.pointer.add(start) }
    }
}
