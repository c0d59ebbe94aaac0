//! Attention of whole texts.

use larder_kernels::operators::ATTENTION;
use larder_kernels::{AttentionShape, Matrix, MatrixMut};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::tensors::{floats, matrix, misfit, output, required, run_tasks};

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
        [OperatorInput::required(TensorElementType::Float32), OperatorInput::required(TensorElementType::Float32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let missing = |name: &str| ort::Error::new(format!("attribute {name} is missing"));
        let heads = node.get::<i64>("num_heads").and_then(|heads| usize::try_from(heads).ok());
        Ok(AttentionKernel {
            threads: self.threads,
            heads: heads.filter(|heads| *heads > 0).ok_or_else(|| missing("num_heads"))?,
            scale: node.get::<f32>("scale").ok_or_else(|| missing("scale"))?,
        })
    }
}

/// One node.
pub(super) struct AttentionKernel {
    threads: usize,
    heads: usize,
    scale: f32,
}

impl Kernel for AttentionKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (joined, mask) = (required(context, 0)?, required(context, 1)?);
        let ([rows, columns], values) = matrix(&joined, "the queries, keys and values")?;
        let (mask_shape, mask) = floats(&mask)?;
        let [batch, 1, 1, tokens] = mask_shape[..] else {
            return Err(ort::Error::new(format!(
                "the mask has shape {mask_shape:?}, and [batch, 1, 1, seq] is needed"
            )));
        };
        let hidden = columns / 3;
        let shape = AttentionShape { batch, tokens, heads: self.heads, head_size: hidden / self.heads };
        // Parts of one matrix, each as wide as the hidden state.
        let part = |place: usize| {
            let values = values.get(place * hidden..).unwrap_or_default();
            Matrix::with_leading(values, [rows, hidden], columns).map_err(misfit)
        };
        let parts = [part(0)?, part(1)?, part(2)?];
        let mask = Matrix::new(mask, [batch, tokens]).map_err(misfit)?;
        let mut output = output(context, 0, &[rows, hidden])?;
        let (_, values) = output.try_extract_tensor_mut::<f32>()?;
        let output = MatrixMut::new(values, [rows, hidden]).map_err(misfit)?;
        let attention = larder_kernels::Attention::new(shape, parts, Some(mask), self.scale, output).map_err(misfit)?;
        run_tasks(context, self.threads, attention.tasks(), |task| attention.run_task(task))
    }
}
