//! The gradient of an activation.

use larder_kernels::operators::ACTIVATION_GRADIENT;
use larder_kernels::{Activation, Matrix, MatrixMut};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::tensors::{activation, as_rows, floats, misfit, output, required, run};

/// The operator.
pub(super) struct ActivationGradient {
    pub(super) threads: usize,
}

impl Operator for ActivationGradient {
    type Kernel<'attr> = ActivationGradientKernel;

    fn name(&self) -> &str {
        ACTIVATION_GRADIENT
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [TensorElementType::Float32; 2].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 2].map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(ActivationGradientKernel { threads: self.threads, activation: activation(node)? })
    }
}

/// One node.
pub(super) struct ActivationGradientKernel {
    threads: usize,
    activation: Activation,
}

impl Kernel for ActivationGradientKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (gradient, input) = (required(context, 0)?, required(context, 1)?);
        let ((gradient_shape, gradient), (shape, input)) = (floats(&gradient)?, floats(&input)?);
        let rows @ [_, columns] = as_rows(&shape);
        let gradient = Matrix::new(gradient, as_rows(&gradient_shape)).map_err(misfit)?;
        let input = Matrix::new(input, rows).map_err(misfit)?;
        let (mut made, mut sums) = (output(context, 0, &shape)?, output(context, 1, &[columns])?);
        let made = MatrixMut::new(made.try_extract_tensor_mut::<f32>()?.1, rows).map_err(misfit)?;
        let plan = larder_kernels::ActivationGradient::new(self.activation, gradient, input, made).map_err(misfit)?;
        run(context, self.threads, &plan)?;
        plan.finish(sums.try_extract_tensor_mut::<f32>()?.1);
        Ok(())
    }
}
