//! What happens to a product before it is written.

use crate::activation::Activation;
use crate::error::ShapeError;
use crate::matrix::Matrix;
use crate::panels::COLUMNS;

/// What happens to a product of shape `[m, n]` while it is still in the nearest cache, in float32:
/// `output = activation(product (+ output) + bias) + residual`.
///
/// The default does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Start from what the output holds, `[m, n]`, instead of zeros. Denormal numbers in it count as zeros.
    pub accumulate: bool,
    /// Added to every row: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Applied to every element after the bias.
    pub activation: Activation,
    /// Added after the activation: `[m, n]`.
    pub residual: Option<Matrix<'a>>,
}

impl Epilogue<'_> {
    /// Does it fit an output `[m, n]`?
    pub(crate) fn check(&self, shape: [usize; 2]) -> Result<(), ShapeError> {
        if let Some(bias) = self.bias.filter(|bias| bias.len() != shape[1]) {
            let (needed, found) = ([1, shape[1]], [1, bias.len()]);
            return Err(ShapeError::Mismatch { name: "the bias", needed, found });
        }
        match self.residual.map(|residual| residual.shape()).filter(|found| *found != shape) {
            Some(found) => Err(ShapeError::Mismatch { name: "the residual", needed: shape, found }),
            None => Ok(()),
        }
    }

    /// Is there anything to do after the sums?
    pub(crate) fn is_empty(&self) -> bool {
        self.bias.is_none() && self.activation == Activation::Identity && self.residual.is_none()
    }

    /// Finishes sums of the output's row from a column on, at most [`COLUMNS`] of them.
    #[inline(always)]
    pub(crate) fn apply<const FUSED: bool>(&self, row: usize, column: usize, sums: &mut [f32]) {
        let count = sums.len();
        if let Ok(sums) = sums.try_into() {
            self.apply_panel::<FUSED>(row, column, COLUMNS, sums);
        } else {
            let mut panel = [0.0; COLUMNS];
            panel[..count].copy_from_slice(sums);
            self.apply_panel::<FUSED>(row, column, count, &mut panel);
            sums.copy_from_slice(&panel[..count]);
        }
    }

    #[inline(always)]
    fn apply_panel<const FUSED: bool>(&self, row: usize, column: usize, count: usize, sums: &mut [f32; COLUMNS]) {
        if let Some(bias) = self.bias {
            add(&bias[column..column + count], sums);
        }
        self.activation.apply::<FUSED, COLUMNS>(sums);
        match self.residual {
            Some(residual) if residual.is_transposed => {
                sums[..count].iter_mut().enumerate().for_each(|(at, sum)| *sum += residual.at(row, column + at));
            }
            Some(residual) => {
                let start = row * residual.leading + column;
                add(&residual.values[start..start + count], sums);
            }
            None => {}
        }
    }
}

#[inline(always)]
fn add(terms: &[f32], sums: &mut [f32; COLUMNS]) {
    // With a constant count it is two additions.
    if let Ok(terms) = <&[f32; COLUMNS]>::try_from(terms) {
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    } else {
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
}
