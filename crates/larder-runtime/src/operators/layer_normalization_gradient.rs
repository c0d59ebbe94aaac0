//! The gradients of a normalisation.

use larder_kernels::operators::LAYER_NORMALIZATION_GRADIENT;
use larder_kernels::{LayerNormGradient, LayerNormSums, Matrix, MatrixMut};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::tensors::{as_rows, floats, misfit, output, required, run};

/// The operator.
pub(super) struct LayerNormalizationGradient {
    pub(super) threads: usize,
}

impl Operator for LayerNormalizationGradient {
    type Kernel<'attr> = LayerNormalizationGradientKernel;

    fn name(&self) -> &str {
        LAYER_NORMALIZATION_GRADIENT
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [TensorElementType::Float32; 3].map(OperatorInput::required)
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 4].map(OperatorOutput::required)
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let epsilon = node.get::<f32>("epsilon").ok_or_else(|| ort::Error::new("attribute epsilon is missing"))?;
        Ok(LayerNormalizationGradientKernel { threads: self.threads, epsilon })
    }
}

/// One node.
pub(super) struct LayerNormalizationGradientKernel {
    threads: usize,
    epsilon: f32,
}

impl Kernel for LayerNormalizationGradientKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let (gradient, input, scale) = (required(context, 0)?, required(context, 1)?, required(context, 2)?);
        let ((gradient_shape, gradient), (shape, input)) = (floats(&gradient)?, floats(&input)?);
        let (_, scale) = floats(&scale)?;
        let rows @ [_, columns] = as_rows(&shape);
        let gradient = Matrix::new(gradient, as_rows(&gradient_shape)).map_err(misfit)?;
        let input = Matrix::new(input, rows).map_err(misfit)?;
        let mut made = output(context, 0, &shape)?;
        let sum = |place| output(context, place, &[columns]);
        let (mut to_scale, mut to_bias, mut to_input) = (sum(1)?, sum(2)?, sum(3)?);
        let made = MatrixMut::new(made.try_extract_tensor_mut::<f32>()?.1, rows).map_err(misfit)?;
        let plan = LayerNormGradient::new(gradient, input, scale, self.epsilon, made).map_err(misfit)?;
        run(context, self.threads, &plan)?;
        plan.finish(LayerNormSums {
            weight: to_scale.try_extract_tensor_mut::<f32>()?.1,
            bias: to_bias.try_extract_tensor_mut::<f32>()?.1,
            input: to_input.try_extract_tensor_mut::<f32>()?.1,
        });
        Ok(())
    }
}
