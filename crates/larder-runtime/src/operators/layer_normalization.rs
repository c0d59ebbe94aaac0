//! Normalisation with the residual before it.

use larder_kernels::operators::LAYER_NORMALIZATION;
use larder_kernels::{LayerNorm, Matrix, MatrixMut};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::tensors::{floats, matrix, misfit, optional, optional_floats, optional_matrix, output, required, run};

/// The operator.
pub(super) struct LayerNormalization {
    pub(super) threads: usize,
}

impl Operator for LayerNormalization {
    type Kernel<'attr> = LayerNormalizationKernel;

    fn name(&self) -> &str {
        LAYER_NORMALIZATION
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = TensorElementType::Float32;
        [
            OperatorInput::required(float),
            OperatorInput::required(float),
            OperatorInput::optional(float),
            OperatorInput::optional(float),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let epsilon = node.get::<f32>("epsilon").ok_or_else(|| ort::Error::new("attribute epsilon is missing"))?;
        Ok(LayerNormalizationKernel { threads: self.threads, epsilon })
    }
}

/// One node.
pub(super) struct LayerNormalizationKernel {
    threads: usize,
    epsilon: f32,
}

impl Kernel for LayerNormalizationKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (input, scale) = (required(context, 0)?, required(context, 1)?);
        let (shape, values) = matrix(&input, "X")?;
        let (_, scale) = floats(&scale)?;
        let (bias, residual) = (optional(context, 2)?, optional(context, 3)?);
        let (bias, residual) = (optional_floats(&bias)?, optional_matrix(&residual, "the residual")?);
        let input = Matrix::new(values, shape).map_err(misfit)?;
        let mut output = output(context, 0, &shape)?;
        let (_, values) = output.try_extract_tensor_mut::<f32>()?;
        let output = MatrixMut::new(values, shape).map_err(misfit)?;
        let plan = LayerNorm::new(input, residual, scale, bias, self.epsilon, output).map_err(misfit)?;
        run(context, self.threads, &plan)
    }
}
