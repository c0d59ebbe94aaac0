//! Operands that lie in memory as they might: transposed, with gaps, at any offset.

use larder_kernels::{Matrix, MatrixMut};

/// Reproducible numbers.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) as u32
    }

    /// Between -1 and 1.
    pub fn value(&mut self) -> f32 {
        self.bits() as f32 / 2_147_483_648.0 - 1.0
    }

    pub fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }
}

/// A matrix in memory of its own. Gaps between rows, and what lies before the first, are NaN: whoever reads them shows it.
pub struct Stored {
    memory: Vec<f32>,
    offset: usize,
    shape: [usize; 2],
    leading: usize,
    is_transposed: bool,
}

impl Stored {
    /// Stores a matrix of this shape; in transposed memory if asked.
    pub fn new(shape: [usize; 2], is_transposed: bool, gap: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let stored = if is_transposed { [shape[1], shape[0]] } else { shape };
        let (leading, offset) = (stored[1] + gap, gap);
        let mut memory = vec![f32::NAN; offset + (stored[0].max(1) - 1) * leading + stored[1]];
        for row in 0..shape[0] {
            for column in 0..shape[1] {
                let [row_at, column_at] = if is_transposed { [column, row] } else { [row, column] };
                memory[offset + row_at * leading + column_at] = value(row, column);
            }
        }
        Self { memory, offset, shape, leading, is_transposed }
    }

    pub fn random(shape: [usize; 2], is_transposed: bool, gap: usize, numbers: &mut Numbers) -> Self {
        let values = numbers.values(shape[0] * shape[1]);
        Self::new(shape, is_transposed, gap, |row, column| values[row * shape[1] + column])
    }

    pub fn matrix(&self) -> Matrix<'_> {
        let values = &self.memory[self.offset..];
        if self.is_transposed {
            let stored = [self.shape[1], self.shape[0]];
            Matrix::with_leading(values, stored, self.leading).expect("is as long as it says").transposed()
        } else {
            Matrix::with_leading(values, self.shape, self.leading).expect("is as long as it says")
        }
    }

    /// To be written; only of one that is not transposed.
    pub fn matrix_mut(&mut self) -> MatrixMut<'_> {
        assert!(!self.is_transposed);
        MatrixMut::with_leading(&mut self.memory[self.offset..], self.shape, self.leading).expect("is long enough")
    }

    pub fn at(&self, row: usize, column: usize) -> f32 {
        let [row, column] = if self.is_transposed { [column, row] } else { [row, column] };
        self.memory[self.offset + row * self.leading + column]
    }

    /// Are the gaps as they were?
    pub fn has_gaps_untouched(&self) -> bool {
        let [rows, columns] = if self.is_transposed { [self.shape[1], self.shape[0]] } else { self.shape };
        let is_element = |at: usize| {
            at.checked_sub(self.offset).is_some_and(|at| at / self.leading.max(1) < rows && at % self.leading < columns)
        };
        self.memory.iter().enumerate().all(|(at, value)| is_element(at) || value.is_nan())
    }

    /// All elements, row by row.
    pub fn elements(&self) -> Vec<f32> {
        let [rows, columns] = self.shape;
        (0..rows * columns).map(|at| self.at(at / columns, at % columns)).collect()
    }

    pub fn bits(&self) -> Vec<u32> {
        self.elements().into_iter().map(f32::to_bits).collect()
    }
}

/// A float32 rounded to bfloat16 to nearest even, by comparing both neighbours: another way than the kernels'.
pub fn rounded(value: f32) -> f64 {
    let below = f32::from_bits(value.to_bits() & 0xffff_0000);
    let above = f32::from_bits((value.to_bits() & 0xffff_0000) + 0x1_0000);
    let (value, below, above) = (f64::from(value), f64::from(below), f64::from(above));
    match ((value - below).abs(), (above - value).abs()) {
        (to_below, to_above) if to_below < to_above => below,
        (to_below, to_above) if to_below > to_above => above,
        _ if (below as f32).to_bits() & 0x1_0000 == 0 => below,
        _ => above,
    }
}

/// The product of rounded operands in float64, and the sum of its terms' sizes, which bounds float32's error.
pub fn reference(left: &Stored, right: &Stored) -> Vec<[f64; 2]> {
    let ([rows, depth], columns) = (left.shape, right.shape[1]);
    let round = |stored: &Stored| -> Vec<f64> { stored.elements().into_iter().map(rounded).collect() };
    let (left, right) = (round(left), round(right));
    let mut sums = vec![[0.0; 2]; rows * columns];
    for row in 0..rows {
        for k in 0..depth {
            let value = left[row * depth + k];
            let rights = &right[k * columns..][..columns];
            for (sum, right) in sums[row * columns..][..columns].iter_mut().zip(rights) {
                let term = value * right;
                *sum = [sum[0] + term, sum[1] + term.abs()];
            }
        }
    }
    sums
}

/// How far float32 may be from an exact sum of so many exact terms: each addition rounds once, by half a unit in the last
/// place of a partial sum, which no sum of sizes is smaller than (Higham 2002, section 4.2).
pub fn tolerance(terms: usize, sizes: f64) -> f64 {
    terms as f64 * f64::from(f32::EPSILON) / 2.0 * sizes * 1.01
}
