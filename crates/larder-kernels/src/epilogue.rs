//! What happens to a product before it is written.

use crate::activation::Activation;
use crate::error::ShapeError;
use crate::matrix::Matrix;

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

    /// Finishes sums that belong from `row` and `column` of the output on, by plain loops.
    pub(crate) fn apply(&self, row: usize, column: usize, sums: &mut [f32]) {
        if let Some(bias) = self.bias {
            sums.iter_mut().zip(&bias[column..]).for_each(|(sum, term)| *sum += term);
        }
        self.activation.apply::<false>(sums);
        if let Some(residual) = self.residual {
            sums.iter_mut().zip(column..).for_each(|(sum, column)| *sum += residual.at(row, column));
        }
    }
}
