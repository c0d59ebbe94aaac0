//! Gradients computed by PyTorch: `tests/goldens/graphs/recipe.py`.

use std::path::{Path, PathBuf};

use larder_runtime::Tensor;
use safetensors::SafeTensors;

use crate::support::*;

pub fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(name: &str) -> Self {
        let path = goldens().join(format!("graphs/{name}.safetensors"));
        Self(std::fs::read(path).expect("the golden is checked in"))
    }

    pub fn tensor(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
        let tensor = file.tensor(name).expect("the golden has the tensor");
        match tensor.dtype() {
            safetensors::Dtype::I64 => {
                let values: Vec<i64> =
                    tensor.data().as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect();
                i64s(tensor.shape(), &values)
            }
            _ => {
                let values: Vec<f32> =
                    tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
                f32s(tensor.shape(), &values)
            }
        }
    }

    /// Names of the parameters whose gradients are there.
    pub fn parameters(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
        let mut names: Vec<String> =
            file.names().iter().filter_map(|name| name.strip_prefix("grad.")).map(str::to_owned).collect();
        names.sort_unstable();
        names
    }
}
