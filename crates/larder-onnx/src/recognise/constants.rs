//! Constants of a graph, through the operators that exporters leave between a stored tensor and its use.

use crate::graph::{Producers, TensorSource};
use crate::proto::TensorProto;

/// A float constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
}

/// The most nodes that may lie between a constant and its use.
const LONGEST_CHAIN: usize = 8;

impl Constant {
    pub fn vector(values: Vec<f32>) -> Self {
        Self { dims: vec![values.len()], values }
    }

    pub fn zeros(dims: &[usize]) -> Self {
        Self { dims: dims.to_vec(), values: vec![0.0; dims.iter().product()] }
    }

    pub fn rows(&self) -> usize {
        self.dims.first().copied().unwrap_or(0)
    }

    pub fn columns(&self) -> usize {
        self.dims.last().copied().unwrap_or(0)
    }

    /// `[a, b]` as `[b, a]`; anything else as it is.
    pub fn transposed(&self) -> Self {
        let [rows, columns] = *self.dims.as_slice() else { return self.clone() };
        let values = (0..columns).flat_map(|column| (0..rows).map(move |row| self.values[row * columns + column]));
        Self { dims: vec![columns, rows], values: values.collect() }
    }

    /// The same values as `[rows, columns]`, if leading axes of size 1 are all that is more.
    pub fn into_table(mut self) -> Option<Self> {
        while self.dims.len() > 2 && self.dims[0] == 1 {
            self.dims.remove(0);
        }
        (self.dims.len() == 2).then_some(self)
    }

    /// Rows `from..to` of a matrix.
    pub fn slice_rows(&self, from: usize, to: usize) -> Self {
        let columns = if self.dims.len() > 1 { self.columns() } else { 1 };
        let mut dims = self.dims.clone();
        dims[0] = to - from;
        Self { dims, values: self.values[from * columns..to * columns].to_vec() }
    }
}

/// The float constant behind a name: an initializer or a `Constant` node, also through `Identity`, a change of float type,
/// and `Transpose` of a matrix, which exporters leave where they do not fold constants.
pub(super) fn constant(producers: &Producers<'_>, tensor: &str) -> Option<Constant> {
    let mut name = tensor;
    let mut transposed = false;
    for _ in 0..LONGEST_CHAIN {
        let stored = match producers.source(name)? {
            TensorSource::Initializer(tensor) => Some(tensor),
            TensorSource::Node(_) => {
                let node = producers.node(name)?;
                match node.op_type() {
                    "Constant" => Some(node.find_attribute("value")?.t.as_ref()?),
                    "Identity" | "Cast" => None,
                    "Transpose" => {
                        transposed = !transposed;
                        None
                    }
                    _ => return None,
                }
            }
            TensorSource::Input | TensorSource::SparseInitializer => return None,
        };
        match stored {
            Some(tensor) => {
                let read = read(tensor)?;
                return Some(if transposed { read.transposed() } else { read });
            }
            None => name = producers.node(name)?.input.first()?,
        }
    }
    None
}

/// Returns the number of axes and of elements of a float constant, without reading it.
pub(super) fn constant_size(producers: &Producers<'_>, tensor: &str) -> Option<(usize, usize)> {
    let stored = producers.constant(tensor)?;
    crate::interface::is_float(stored.data_type()).then_some((stored.dims.len(), stored.element_count().ok()?))
}

fn read(tensor: &TensorProto) -> Option<Constant> {
    let values = tensor.floats().ok()?.into_owned();
    let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>()?;
    Some(Constant { dims, values })
}
