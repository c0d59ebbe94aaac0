//! The gradients of attention, planned in tasks that run on threads of the caller's.

use std::cell::Cell;

use crate::AttentionShape;
use crate::attention::{QUERIES, aligned, drop_out, mask_row};
use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::panels::{LANES, PanelBuffer};
use crate::plan::Tasks;
use crate::precision::Precision;
use crate::shared::{Claims, SharedOutput};
use crate::small_products::SmallProducts;

/// The gradients of queries, keys and values from that of what [`Attention`](crate::Attention) gave of them, with the same mask, dropout
/// and scale. All are float32 `[batch · tokens, heads · head_size]`.
///
/// The weights are computed again: nothing of the size `tokens²` is kept between the two. Operands of products are rounded to bfloat16
/// as there, unless with [`Precision::Float32`], and sums are float32; so are the softmax and its gradient. Results depend neither on other rows of the batch nor
/// on tasks.
#[derive(Debug)]
pub struct AttentionGradient<'a> {
    products: SmallProducts,
    shape: AttentionShape,
    operands: AttentionOperands<'a>,
    scale: f32,
    /// Gradients of queries, keys and values.
    outputs: [SharedOutput<'a>; 3],
    heads_a_task: usize,
    claims: Claims,
}

/// The inputs of the gradients of attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionOperands<'a> {
    /// The gradient of what attention gave, `[batch · tokens, heads · head_size]`.
    pub gradient: Matrix<'a>,
    /// Queries, keys and values, each likewise.
    pub inputs: [Matrix<'a>; 3],
    /// Added to the scores of each key, `[batch, tokens]`.
    pub mask: Option<Matrix<'a>>,
    /// Multiplied with the weights, `[batch · heads · tokens, tokens]`.
    pub dropout: Option<Matrix<'a>>,
}

/// The buffers in which a thread computes a head.
#[derive(Default)]
struct Scratch {
    left: PanelBuffer,
    keys: PanelBuffer,
    keys_transposed: PanelBuffer,
    values_transposed: PanelBuffer,
    right: PanelBuffer,
    mask: Vec<f32>,
    weights: Vec<f32>,
    gradients: Vec<f32>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl<'a> AttentionGradient<'a> {
    /// Plans the gradients of queries, keys and values, in this order.
    ///
    /// # Errors
    ///
    /// When the shapes do not fit together, or a dropout mask is transposed.
    pub fn new(
        shape: AttentionShape,
        operands: AttentionOperands<'a>,
        scale: f32,
        outputs: [MatrixMut<'a>; 3],
    ) -> Result<Self, ShapeError> {
        let needed = shape.matrix();
        let [queries, keys, values] = operands.inputs;
        let mut matrices = vec![
            ("the gradient", needed, operands.gradient.shape()),
            ("the queries", needed, queries.shape()),
            ("the keys", needed, keys.shape()),
            ("the values", needed, values.shape()),
        ];
        matrices.extend(outputs.iter().map(|output| ("an output", needed, output.shape)));
        matrices.extend(operands.mask.map(|mask| ("the mask", [shape.batch, shape.tokens], mask.shape())));
        for (name, needed, found) in matrices {
            if found != needed {
                return Err(ShapeError::Mismatch { name, needed, found });
            }
        }
        if let Some(dropout) = operands.dropout {
            dropout.check_rows("the dropout mask", shape.weights())?;
        }
        // Scores again, and two products for each of the two of the way forward.
        let heads_a_task = shape.heads_a_task(5);
        let claims = Claims::new(shape.all_heads().div_ceil(heads_a_task));
        let outputs = outputs.map(SharedOutput::new);
        let products = SmallProducts { kernel: Kernel::available(), precision: Precision::default() };
        Ok(Self { products, shape, operands, scale, outputs, heads_a_task, claims })
    }

    /// The same with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { products: SmallProducts { kernel, ..self.products }, ..self }
    }

    /// The same with products of this precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { products: SmallProducts { precision, ..self.products }, ..self }
    }

    /// Computes a head of a row of the batch. With `P` the weights, `D` the dropout mask and `dO` the gradient of the output:
    /// `dV = (P D)ᵀ dO`, `dP = (dO Vᵀ) D`, `dS` from `dP` by the softmax's gradient, `dQ = dS K` and `dK = dSᵀ Q`.
    fn differentiate(&self, row: usize, head: usize, scratch: &mut Scratch) {
        let (Self { products, shape, operands, scale, .. }, tokens) = (self, self.shape.tokens);
        let start = [row * tokens, head * shape.head_size];
        let part = |matrix: &Matrix<'a>| matrix.part(start, [tokens, shape.head_size]);
        let [queries, keys, values] = operands.inputs.each_ref().map(part);
        let gradient = part(&operands.gradient);
        let keys_transposed = products.pack_right(keys.transposed(), &mut scratch.keys_transposed);
        let values_transposed = products.pack_right(values.transposed(), &mut scratch.values_transposed);
        let keys = products.pack_right(keys, &mut scratch.keys);
        let mask = mask_row(operands.mask.as_ref(), row, tokens, &mut scratch.mask);
        let filled = mask.len();
        for first in (0..tokens).step_by(QUERIES) {
            let count = QUERIES.min(tokens - first);
            let rows = |matrix: &Matrix<'a>| matrix.part([first, 0], [count, shape.head_size]);
            let (queries, gradient) = (rows(&queries), rows(&gradient));
            let weights = aligned(&mut scratch.weights, count * filled);
            let gradients = aligned(&mut scratch.gradients, count * filled);
            let left = &mut scratch.left;
            products.multiply_into(queries, keys_transposed, weights, [count, filled], left);
            products.kernel.softmax(weights.as_chunks_mut().0, tokens, *scale, mask.as_chunks().0);
            products.multiply_into(gradient, values_transposed, gradients, [count, filled], left);
            let dropout =
                operands.dropout.as_ref().map(|dropout| (dropout, (row * shape.heads + head) * tokens + first));
            if let Some((dropout, place)) = dropout {
                drop_out(gradients, filled, dropout, place);
            }
            products.kernel.softmax_gradient(
                gradients.as_chunks_mut().0,
                weights.as_chunks().0,
                filled / LANES,
                *scale,
            );
            if let Some((dropout, place)) = dropout {
                drop_out(weights, filled, dropout, place);
            }
            let matrix =
                |values| Matrix { values, rows: count, columns: tokens, leading: filled, is_transposed: false };
            let (weights, gradients) = (matrix(&*weights), matrix(&*gradients));
            // SAFETY: heads of different tasks are disjoint, each task is run once, and no two of these blocks are alive at once.
            let block = |output: usize, row: usize, rows: usize| unsafe {
                self.outputs[output].block([start[0] + row, start[1]], [rows, shape.head_size])
            };
            products.multiply(gradients, keys, block(0, first, count), false, left);
            let queries = products.pack_right(queries, &mut scratch.right);
            products.multiply(gradients.transposed(), queries, block(1, 0, tokens), first > 0, left);
            let gradient = products.pack_right(gradient, &mut scratch.right);
            products.multiply(weights.transposed(), gradient, block(2, 0, tokens), first > 0, left);
        }
    }
}

impl Tasks for AttentionGradient<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let mut scratch = SCRATCH.take();
        let start = task * self.heads_a_task;
        for head in start..self.shape.all_heads().min(start + self.heads_a_task) {
            self.differentiate(head / self.shape.heads, head % self.shape.heads, &mut scratch);
        }
        SCRATCH.set(scratch);
    }
}
