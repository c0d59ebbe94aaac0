//! Matrix products in 8-bit integers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use larder_kernels::operators::QUANTISED_GEMM;
use larder_kernels::{Activation, Epilogue, Matrix, MatrixMut, QuantisedProduct, QuantisedRight};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, TensorValueType};

use super::tensors::{activation, matrix, misfit, optional, optional_floats, optional_matrix, output, required, run};

/// Constants: where bytes and scales lie, and the shape of the bytes.
type Constant = ([usize; 2], [usize; 2]);

/// The operator, as one session has it.
pub(super) struct QuantisedGemm {
    threads: usize,
    /// Packed constants of this session: layers that share a weight share it packed.
    packed: Mutex<HashMap<Constant, Arc<QuantisedRight>>>,
}

impl QuantisedGemm {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads, packed: Mutex::default() }
    }
}

impl Operator for QuantisedGemm {
    type Kernel<'attr> = QuantisedGemmKernel;

    fn name(&self) -> &str {
        QUANTISED_GEMM
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = TensorElementType::Float32;
        [
            OperatorInput::required(float),
            OperatorInput::required(TensorElementType::Int8),
            OperatorInput::required(float),
            OperatorInput::optional(float),
            OperatorInput::optional(float),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let bytes = node.constant_input::<TensorValueType<i8>>(1)?.into_dyn();
        let scales = node.constant_input::<TensorValueType<f32>>(2)?.into_dyn();
        let (shape, bytes) = bytes.try_extract_tensor::<i8>()?;
        let (_, scales) = scales.try_extract_tensor::<f32>()?;
        // What is there has no negative sizes.
        let shape = match **shape {
            [rows, columns] => [rows as usize, columns as usize],
            _ => return Err(ort::Error::new(format!("B has shape {shape:?}, and two axes are needed"))),
        };
        let key = ([bytes.as_ptr() as usize, scales.as_ptr() as usize], shape);
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let right = match packed.get(&key) {
            Some(there) => Arc::clone(there),
            None => {
                let right = QuantisedRight::new(bytes, shape, scales).map_err(misfit)?;
                Arc::clone(packed.entry(key).or_insert(Arc::new(right)))
            }
        };
        Ok(QuantisedGemmKernel { threads: self.threads, activation: activation(node)?, right })
    }
}

/// One node.
pub(super) struct QuantisedGemmKernel {
    threads: usize,
    activation: Activation,
    right: Arc<QuantisedRight>,
}

impl Kernel for QuantisedGemmKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let left = required(context, 0)?;
        let (shape, values) = matrix(&left, "A")?;
        let left = Matrix::new(values, shape).map_err(misfit)?;
        let shape = [shape[0], self.right.shape()[1]];
        let (bias, residual) = (optional(context, 3)?, optional(context, 4)?);
        let (bias, residual) = (optional_floats(&bias)?, optional_matrix(&residual, "the residual")?);
        let mut output = output(context, 0, &shape)?;
        let (_, values) = output.try_extract_tensor_mut::<f32>()?;
        let epilogue = Epilogue { bias, activation: self.activation, residual, ..Epilogue::default() };
        let output = MatrixMut::new(values, shape).map_err(misfit)?;
        let product = QuantisedProduct::new(left, &self.right, epilogue, output, self.threads).map_err(misfit)?;
        run(context, self.threads, &product)
    }
}
