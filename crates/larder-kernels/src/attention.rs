//! Attention of short rows, planned in tasks that run on threads of the caller's.

use std::cell::Cell;

use crate::error::ShapeError;
use crate::kernel::Kernel;
use crate::matrix::{Matrix, MatrixMut};
use crate::panels::{LANES, PanelBuffer, ROWS};
use crate::plan::Tasks;
use crate::precision::Precision;
use crate::shared::{Claims, SharedOutput};
use crate::small_products::SmallProducts;

/// Most queries whose scores are computed at a time: with 512 keys they are 96 KiB.
pub(crate) const QUERIES: usize = 4 * ROWS;

/// Most tokens of which the next head's operands are asked for while one is computed: more would not stay in cache.
const PREFETCHED: usize = 128;

/// Least floating-point operations of a task, some microseconds.
const LEAST_WORK: usize = 1 << 20;

/// The axes of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Rows of the batch: each attends to itself.
    pub batch: usize,
    /// Tokens of every row, padding included.
    pub tokens: usize,
    /// Heads: each attends by itself.
    pub heads: usize,
    /// Dimensions of one head.
    pub head_size: usize,
}

impl AttentionShape {
    /// The shape of queries, keys, values and output: `[batch · tokens, heads · head_size]`.
    pub(crate) fn matrix(self) -> [usize; 2] {
        [self.batch * self.tokens, self.heads * self.head_size]
    }

    /// The shape of all weights: `[batch · heads · tokens, tokens]`.
    pub(crate) fn weights(self) -> [usize; 2] {
        [self.batch * self.heads * self.tokens, self.tokens]
    }

    /// Heads of all rows; none where there is nothing to compute.
    pub(crate) fn all_heads(self) -> usize {
        if self.tokens * self.head_size == 0 { 0 } else { self.batch * self.heads }
    }

    /// Heads that a task computes, with so many products each.
    pub(crate) fn heads_a_task(self, products: usize) -> usize {
        let work = self.tokens.saturating_mul(self.tokens).saturating_mul(2 * products * self.head_size.max(1));
        (LEAST_WORK / work.max(1)).max(1)
    }
}

/// `output = softmax(scale · queries · keysᵀ + mask) · values` for every row of a batch and every head.
///
/// Queries, keys, values and output are float32 `[batch · tokens, heads · head_size]`, as products give them: no head is moved.
/// They may be parts of one matrix with a larger leading dimension, such as the output `[batch · tokens, 3 · heads · head_size]`
/// of one product for all three. The mask is `[batch, tokens]`, added to the scores of each key: zero, or what makes a key
/// count for nothing, minus infinity or a large negative number. A row without any key that counts is NaN with minus
/// infinity, and attends to all with equal large negative numbers.
///
/// While training, weights may be dropped: [`Attention::with_dropout`].
///
/// Operands are rounded to bfloat16 as those of `Product` are, and so are the weights after the softmax, which is float32;
/// with [`Precision::Float32`] neither is rounded. Nothing of the size `tokens²` is kept. Results do not depend on other rows of the
/// batch, nor on tasks.
#[derive(Debug)]
pub struct Attention<'a> {
    products: SmallProducts,
    shape: AttentionShape,
    queries: Matrix<'a>,
    keys: Matrix<'a>,
    values: Matrix<'a>,
    mask: Option<Matrix<'a>>,
    dropout: Option<Matrix<'a>>,
    scale: f32,
    output: SharedOutput<'a>,
    /// Heads, of all rows, that a task computes.
    heads_a_task: usize,
    claims: Claims,
}

/// The buffers in which a thread computes a head.
#[derive(Default)]
struct Scratch {
    left: PanelBuffer,
    keys: PanelBuffer,
    values: PanelBuffer,
    mask: Vec<f32>,
    scores: Vec<f32>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl<'a> Attention<'a> {
    /// Plans an attention of queries, keys and values, in this order.
    ///
    /// # Errors
    ///
    /// When the shapes do not fit together.
    pub fn new(
        shape: AttentionShape,
        [queries, keys, values]: [Matrix<'a>; 3],
        mask: Option<Matrix<'a>>,
        scale: f32,
        output: MatrixMut<'a>,
    ) -> Result<Self, ShapeError> {
        let needed = shape.matrix();
        let operands = [
            ("the queries", needed, queries.shape()),
            ("the keys", needed, keys.shape()),
            ("the values", needed, values.shape()),
            ("the output", needed, output.shape),
        ];
        let mask_shape = [shape.batch, shape.tokens];
        let mask_operand = mask.map(|mask| ("the mask", mask_shape, mask.shape()));
        for (name, needed, found) in operands.into_iter().chain(mask_operand) {
            if found != needed {
                return Err(ShapeError::Mismatch { name, needed, found });
            }
        }
        let heads_a_task = shape.heads_a_task(2);
        let (claims, output) = (Claims::new(shape.all_heads().div_ceil(heads_a_task)), SharedOutput::new(output));
        let kernel = Kernel::available();
        let (products, dropout) = (SmallProducts { kernel, precision: Precision::default() }, None);
        Ok(Self { products, shape, queries, keys, values, mask, dropout, scale, output, heads_a_task, claims })
    }

    /// The same with weights multiplied by `dropout [batch · heads · tokens, tokens]` after the softmax: zero, or what makes up for
    /// those that are dropped.
    ///
    /// # Errors
    ///
    /// When it has another shape, or is transposed.
    pub fn with_dropout(self, dropout: Matrix<'a>) -> Result<Self, ShapeError> {
        dropout.check_rows("the dropout mask", self.shape.weights())?;
        Ok(Self { dropout: Some(dropout), ..self })
    }

    /// The same with products of this precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { products: SmallProducts { precision, ..self.products }, ..self }
    }

    /// The same with instructions of the caller's choice.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { products: SmallProducts { kernel, ..self.products }, ..self }
    }

    /// Asks for the operands of a head: they lie in short pieces far apart, which no processor foresees.
    fn prefetch(&self, head: usize) {
        let AttentionShape { tokens, heads, head_size, .. } = self.shape;
        let start = [head / heads * tokens, head % heads * head_size];
        for operand in [&self.queries, &self.keys, &self.values] {
            self.products.kernel.prefetch(&operand.part(start, [tokens, head_size]), head_size);
        }
    }

    /// Computes a head of a row of the batch.
    fn attend(&self, row: usize, head: usize, scratch: &mut Scratch) {
        let AttentionShape { tokens, head_size, .. } = self.shape;
        let start = [row * tokens, head * head_size];
        let part = |matrix: &Matrix<'a>| matrix.part(start, [tokens, head_size]);
        let keys = self.products.pack_right(part(&self.keys).transposed(), &mut scratch.keys);
        let values = self.products.pack_right(part(&self.values), &mut scratch.values);

        // Rows of scores are filled up to whole vectors: what is written whole is read whole without waiting.
        let filled = tokens.next_multiple_of(LANES);
        let mask = mask_row(self.mask.as_ref(), row, tokens, &mut scratch.mask);
        for first in (0..tokens).step_by(QUERIES) {
            let count = QUERIES.min(tokens - first);
            let scores = aligned(&mut scratch.scores, count * filled);
            let queries = part(&self.queries).part([first, 0], [count, head_size]);
            let shape = [count, filled];
            self.products.multiply_into(queries, keys, scores, shape, &mut scratch.left);
            self.products.kernel.softmax(scores.as_chunks_mut().0, tokens, self.scale, mask.as_chunks().0);
            if let Some(dropout) = &self.dropout {
                let weights = (row * self.shape.heads + head) * tokens + first;
                drop_out(scores, filled, dropout, weights);
            }
            let (shape, leading) = ([count, tokens], filled);
            let weights = Matrix { values: scores, rows: shape[0], columns: shape[1], leading, is_transposed: false };
            // SAFETY: heads of different tasks, and rows of different turns, are disjoint, and each task is run once.
            let target = unsafe { self.output.block([start[0] + first, start[1]], [count, head_size]) };
            self.products.multiply(weights, values, target, false, &mut scratch.left);
        }
    }
}

impl Tasks for Attention<'_> {
    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn compute(&self, task: usize) {
        let mut scratch = SCRATCH.take();
        let heads = self.shape.all_heads();
        let start = task * self.heads_a_task;
        for head in start..heads.min(start + self.heads_a_task) {
            if head + 1 < heads && self.shape.tokens <= PREFETCHED {
                self.prefetch(head + 1);
            }
            self.attend(head / self.shape.heads, head % self.shape.heads, &mut scratch);
        }
        SCRATCH.set(scratch);
    }
}

/// A row of the mask `[batch, tokens]`, filled up to whole vectors.
pub(crate) fn mask_row<'a>(
    mask: Option<&Matrix<'_>>,
    row: usize,
    tokens: usize,
    buffer: &'a mut Vec<f32>,
) -> &'a [f32] {
    let filled = aligned(buffer, tokens.next_multiple_of(LANES));
    match mask {
        Some(mask) => mask.copy_row(row, &mut filled[..tokens]),
        None => filled.fill(0.0),
    }
    filled
}

/// Multiplies rows of `filled` values each by those of the dropout mask from `first` on.
pub(crate) fn drop_out(rows: &mut [f32], filled: usize, dropout: &Matrix<'_>, first: usize) {
    for (at, row) in rows.chunks_exact_mut(filled).enumerate() {
        row.iter_mut().zip(dropout.row(first + at)).for_each(|(value, factor)| *value *= factor);
    }
}

/// So many values that begin with a cache line, with anything in them: vectors across two lines are read late.
pub(crate) fn aligned(values: &mut Vec<f32>, count: usize) -> &mut [f32] {
    values.resize(values.len().max(count + LANES), 0.0);
    let offset = values.as_ptr().align_offset(LANES * size_of::<f32>()).min(LANES);
    &mut values[offset..offset + count]
}
