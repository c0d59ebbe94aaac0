//! Attention of whole texts.

use larder_kernels::operators::ATTENTION;
use larder_kernels::{AttentionShape, Matrix, MatrixMut, Precision};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, ValueRef};

use super::tensors::{as_rows, floats, matrix, misfit, optional, optional_matrix, output, precision, required, run};

/// The operator.
pub(super) struct Attention {
    pub(super) threads: usize,
}

impl Operator for Attention {
    type Kernel<'attr> = AttentionKernel;

    fn name(&self) -> &str {
        ATTENTION
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = TensorElementType::Float32;
        let optional = [(); 3].map(|()| OperatorInput::optional(float));
        [OperatorInput::required(float), OperatorInput::required(float)].into_iter().chain(optional)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(AttentionKernel { threads: self.threads, heads: Heads::of(node)? })
    }
}

/// The attributes of attention, and of its gradient.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    count: usize,
    /// What scores are multiplied by.
    pub scale: f32,
    /// That of the products.
    pub precision: Precision,
}

impl Heads {
    pub fn of(node: &KernelContext<'_>) -> ort::Result<Self> {
        let missing = |name: &str| ort::Error::new(format!("attribute {name} is missing"));
        let count = node.get::<i64>("num_heads").and_then(|heads| usize::try_from(heads).ok());
        Ok(Self {
            count: count.filter(|count| *count > 0).ok_or_else(|| missing("num_heads"))?,
            scale: node.get::<f32>("scale").ok_or_else(|| missing("scale"))?,
            precision: precision(node)?,
        })
    }

    /// The axes of an attention with that mask, and the mask `[batch, seq]`.
    pub fn shape<'a>(self, mask: &'a ValueRef<'_>, hidden: usize) -> ort::Result<(AttentionShape, Matrix<'a>)> {
        let (shape, values) = floats(mask)?;
        let [batch, 1, 1, tokens] = shape[..] else {
            return Err(ort::Error::new(format!("the mask has shape {shape:?}, and [batch, 1, 1, seq] is needed")));
        };
        let mask = Matrix::new(values, [batch, tokens]).map_err(misfit)?;
        Ok((AttentionShape { batch, tokens, heads: self.count, head_size: hidden / self.count }, mask))
    }
}

/// A dropout mask `[batch, heads, seq, seq]`, as `[batch · heads · seq, seq]`.
pub(super) fn dropout<'a>(value: &'a Option<ValueRef<'_>>) -> ort::Result<Option<Matrix<'a>>> {
    let rows = |value: &'a ValueRef<'_>| {
        let (shape, values) = floats(value)?;
        Matrix::new(values, as_rows(&shape)).map_err(misfit)
    };
    value.as_ref().map(rows).transpose()
}

/// One node.
pub(super) struct AttentionKernel {
    threads: usize,
    heads: Heads,
}

impl Kernel for AttentionKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (queries, mask) = (required(context, 0)?, required(context, 1)?);
        let [keys, values, dropped] = [optional(context, 2)?, optional(context, 3)?, optional(context, 4)?];
        let dropped = dropout(&dropped)?;
        let ([rows, columns], joined) = matrix(&queries, "the queries, keys and values")?;
        let (parts, hidden) = match (optional_matrix(&keys, "the keys")?, optional_matrix(&values, "the values")?) {
            (Some(keys), Some(values)) => {
                ([Matrix::new(joined, [rows, columns]).map_err(misfit)?, keys, values], columns)
            }
            _ => {
                let hidden = columns / 3;
                // Parts of one matrix, each as wide as the hidden state.
                let part = |place: usize| {
                    let values = joined.get(place * hidden..).unwrap_or_default();
                    Matrix::with_leading(values, [rows, hidden], columns).map_err(misfit)
                };
                ([part(0)?, part(1)?, part(2)?], hidden)
            }
        };
        let (shape, mask) = self.heads.shape(&mask, hidden)?;
        let mut output = output(context, 0, &[rows, hidden])?;
        let (_, values) = output.try_extract_tensor_mut::<f32>()?;
        let output = MatrixMut::new(values, [rows, hidden]).map_err(misfit)?;
        let scale = self.heads.scale;
        let mut attention = larder_kernels::Attention::new(shape, parts, Some(mask), scale, output).map_err(misfit)?;
        attention = attention.with_precision(self.heads.precision);
        if let Some(dropped) = dropped {
            attention = attention.with_dropout(dropped).map_err(misfit)?;
        }
        run(context, self.threads, &attention)
    }
}
