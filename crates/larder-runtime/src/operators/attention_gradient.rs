//! The gradients of attention.

use larder_kernels::operators::ATTENTION_GRADIENT;
use larder_kernels::{AttentionOperands, Matrix, MatrixMut};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, ValueRef};

use super::attention::{Heads, dropout};
use super::tensors::{matrix, misfit, optional, output, required, run};

/// The operator.
pub(super) struct AttentionGradient {
    pub(super) threads: usize,
}

impl Operator for AttentionGradient {
    type Kernel<'attr> = AttentionGradientKernel;

    fn name(&self) -> &str {
        ATTENTION_GRADIENT
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = TensorElementType::Float32;
        [(); 5].map(|()| OperatorInput::required(float)).into_iter().chain([OperatorInput::optional(float)])
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 3].map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(AttentionGradientKernel { threads: self.threads, heads: Heads::of(node)? })
    }
}

/// One node.
pub(super) struct AttentionGradientKernel {
    threads: usize,
    heads: Heads,
}

impl Kernel for AttentionGradientKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (gradient, queries, mask) = (required(context, 0)?, required(context, 1)?, required(context, 2)?);
        let (keys, values, dropped) = (required(context, 3)?, required(context, 4)?, optional(context, 5)?);
        let (needed, _) = matrix(&queries, "the queries")?;
        let (shape, mask) = self.heads.shape(&mask, needed[1])?;
        let operands = AttentionOperands {
            gradient: whole_matrix(&gradient, "the gradient")?,
            inputs: [
                whole_matrix(&queries, "the queries")?,
                whole_matrix(&keys, "the keys")?,
                whole_matrix(&values, "the values")?,
            ],
            mask: Some(mask),
            dropout: dropout(&dropped)?,
        };
        let made = |place| output(context, place, &needed);
        let (mut to_queries, mut to_keys, mut to_values) = (made(0)?, made(1)?, made(2)?);
        let outputs = [
            MatrixMut::new(to_queries.try_extract_tensor_mut::<f32>()?.1, needed).map_err(misfit)?,
            MatrixMut::new(to_keys.try_extract_tensor_mut::<f32>()?.1, needed).map_err(misfit)?,
            MatrixMut::new(to_values.try_extract_tensor_mut::<f32>()?.1, needed).map_err(misfit)?,
        ];
        let plan =
            larder_kernels::AttentionGradient::new(shape, operands, self.heads.scale, outputs).map_err(misfit)?;
        let plan = plan.with_precision(self.heads.precision);
        run(context, self.threads, &plan)
    }
}

fn whole_matrix<'a>(value: &'a ValueRef<'_>, name: &str) -> ort::Result<Matrix<'a>> {
    let (shape, values) = matrix(value, name)?;
    Matrix::new(values, shape).map_err(misfit)
}
