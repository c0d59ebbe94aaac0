//! Matrix products in bfloat16.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use larder_kernels::operators::GEMM;
use larder_kernels::{Activation, Epilogue, Matrix, MatrixMut, PackedRight, Product};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, TensorValueType};

use super::tensors::{activation, matrix, misfit, optional, optional_floats, optional_matrix, output, required, run};

/// A constant right operand: where its values lie, its shape, and whether it is transposed.
type Constant = (usize, [usize; 2], bool);

/// The operator, as one session has it.
pub(super) struct Gemm {
    threads: usize,
    /// Packed constants of this session: layers that share a weight share it packed.
    packed: Mutex<HashMap<Constant, Arc<PackedRight>>>,
}

impl Gemm {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads, packed: Mutex::default() }
    }
}

impl Operator for Gemm {
    type Kernel<'attr> = GemmKernel;

    fn name(&self) -> &str {
        GEMM
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
        let [left_transposed, right_transposed] =
            ["transA", "transB"].map(|name| node.get::<i64>(name).unwrap_or(0) != 0);
        let activation = activation(node)?;
        let right = match node.constant_input::<TensorValueType<f32>>(1) {
            Ok(constant) => {
                let constant = constant.into_dyn();
                let (shape, values) = matrix(&constant, "B")?;
                let key = (values.as_ptr() as usize, shape, right_transposed);
                let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
                let there = match packed.get(&key) {
                    Some(there) => Arc::clone(there),
                    None => {
                        let matrix = oriented(values, shape, right_transposed)?;
                        Arc::clone(packed.entry(key).or_insert(Arc::new(PackedRight::new(matrix))))
                    }
                };
                Right::Constant(there)
            }
            Err(_) => Right::Changing(PackedRight::default()),
        };
        Ok(GemmKernel { threads: self.threads, left_transposed, right_transposed, activation, right })
    }
}

enum Right {
    /// Packed when the session was made.
    Constant(Arc<PackedRight>),
    /// Packed in every run, into the same memory.
    Changing(PackedRight),
}

/// One node.
pub(super) struct GemmKernel {
    threads: usize,
    left_transposed: bool,
    right_transposed: bool,
    activation: Activation,
    right: Right,
}

impl Kernel for GemmKernel {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let left = required(context, 0)?;
        let (shape, values) = matrix(&left, "A")?;
        let left = oriented(values, shape, self.left_transposed)?;
        let right = match &mut self.right {
            Right::Constant(packed) => &**packed,
            Right::Changing(packed) => {
                let right = required(context, 1)?;
                let (shape, values) = matrix(&right, "B")?;
                let packing = packed.pack(oriented(values, shape, self.right_transposed)?);
                run(context, self.threads, &packing)?;
                drop(packing);
                &*packed
            }
        };
        let shape = [left.shape()[0], right.shape()[1]];
        let (bias, residual) = (optional(context, 2)?, optional(context, 3)?);
        let (bias, residual) = (optional_floats(&bias)?, optional_matrix(&residual, "the residual")?);
        let mut output = output(context, 0, &shape)?;
        let (_, values) = output.try_extract_tensor_mut::<f32>()?;
        let epilogue = Epilogue { bias, activation: self.activation, residual, ..Epilogue::default() };
        let output = MatrixMut::new(values, shape).map_err(misfit)?;
        let product = Product::new(left, right, epilogue, output, self.threads).map_err(misfit)?;
        run(context, self.threads, &product)
    }
}

/// An operand as the product reads it.
fn oriented(values: &[f32], shape: [usize; 2], is_transposed: bool) -> ort::Result<Matrix<'_>> {
    let matrix = Matrix::new(values, shape).map_err(misfit)?;
    Ok(if is_transposed { matrix.transposed() } else { matrix })
}
