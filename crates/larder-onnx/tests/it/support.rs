//! Running models and reading goldens.

use std::path::{Path, PathBuf};

use larder_onnx::{EncoderConfig, Interface, Model, Weights, build};
use larder_runtime::{Device, Runtime, Session, SessionSettings, Tensor, TensorView};
use safetensors::SafeTensors;

/// The largest absolute difference from PyTorch that passes: float32 sums of up to 1,536 terms of order one, added in
/// another order, differ by a few 1e-6; a wrong activation, mask or scale by 1e-2 and more.
pub const TOLERANCE: f32 = 1e-4;

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn golden(name: &str) -> Golden {
    Golden(std::fs::read(repository().join("tests/goldens/encoder").join(name)).expect("the golden is checked in"))
}

/// A safetensors file of expected values.
pub struct Golden(Vec<u8>);

impl Golden {
    /// Shape and values of a float tensor.
    pub fn integers(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let (shape, bytes) = self.tensor(name);
        (shape, bytes.as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect())
    }

    pub fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.tensor(name);
        (shape, bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect())
    }

    fn tensor(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file");
        let tensor = file.tensor(name).expect("the golden has the tensor");
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    pub fn batch(&self) -> Batch {
        let mut shape = Vec::new();
        let [input_ids, attention_mask, token_type_ids] =
            ["input_ids", "attention_mask", "token_type_ids"].map(|name| {
                let (found, bytes) = self.tensor(name);
                shape = found;
                bytes.as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect()
            });
        Batch { rows: shape[0], seq: shape[1], input_ids, attention_mask, token_type_ids }
    }
}

/// Inputs of an encoder, `[rows, seq]` each.
#[derive(Clone, Debug)]
pub struct Batch {
    pub rows: usize,
    pub seq: usize,
    pub input_ids: Vec<i64>,
    pub attention_mask: Vec<i64>,
    pub token_type_ids: Vec<i64>,
}

impl Batch {
    /// One row without its padding.
    pub fn row(&self, row: usize) -> Self {
        let mask = &self.attention_mask[row * self.seq..][..self.seq];
        let seq = mask.iter().filter(|&&kept| kept == 1).count();
        let cut = |values: &[i64]| values[row * self.seq..][..seq].to_vec();
        Self {
            rows: 1,
            seq,
            input_ids: cut(&self.input_ids),
            attention_mask: cut(&self.attention_mask),
            token_type_ids: cut(&self.token_type_ids),
        }
    }

    /// The same with `more` masked tokens, of id `filler`, at the end of each row.
    pub fn padded(&self, more: usize, filler: i64) -> Self {
        let widen = |values: &[i64], value: i64| -> Vec<i64> {
            let rows = values.chunks(self.seq);
            rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(value, more))).collect()
        };
        Self {
            rows: self.rows,
            seq: self.seq + more,
            input_ids: widen(&self.input_ids, filler),
            attention_mask: widen(&self.attention_mask, 0),
            token_type_ids: widen(&self.token_type_ids, 1),
        }
    }
}

pub fn session(model: &Model) -> Session {
    let runtime = Runtime::load(None).expect("ONNX Runtime is installed (just setup)");
    let bytes = model.to_bytes().expect("the model is small");
    Session::from_bytes(&runtime, &bytes, &SessionSettings::worker(Device::Cpu)).expect("the runtime takes the model")
}

/// Runs `model` on `batch`, its inputs recognised by meaning.
pub fn run(model: &Model, batch: &Batch, outputs: &[&str]) -> Vec<Tensor> {
    let interface = Interface::recognise(model).expect("the test's model can be recognised");
    run_session(&mut session(model), &interface, batch, outputs)
}

pub fn run_session(session: &mut Session, interface: &Interface, batch: &Batch, outputs: &[&str]) -> Vec<Tensor> {
    let shape = [batch.rows, batch.seq];
    let mut inputs = vec![(interface.input_ids.name.as_str(), TensorView::i64(&shape, &batch.input_ids))];
    if let Some(mask) = &interface.attention_mask {
        inputs.push((&mask.name, TensorView::i64(&shape, &batch.attention_mask)));
    }
    if let Some(types) = &interface.token_type_ids {
        inputs.push((&types.name, TensorView::i64(&shape, &batch.token_type_ids)));
    }
    session.run(&inputs, outputs).expect("the model runs")
}

pub fn floats(tensor: &Tensor) -> &[f32] {
    tensor.as_f32().expect("outputs are float32")
}

/// One comparison for all tests: the first bad place, both values, how many.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    assert!(expected.iter().any(|value| value.abs() > 100.0 * tolerance), "{what}: zeros would pass");
    // A NaN is close to nothing.
    let close = |place: &usize| (found[*place] - expected[*place]).abs() <= tolerance;
    let all: Vec<usize> = (0..found.len()).filter(|place| !close(place)).collect();
    if let Some(&first) = all.first() {
        panic!(
            "{what}: {} of {} differ, first at {first}: {} for {}",
            all.len(),
            found.len(),
            found[first],
            expected[first]
        );
    }
}

pub fn tiny_folder() -> PathBuf {
    repository().join("tests/goldens/encoder/tiny")
}

pub fn tiny_config() -> EncoderConfig {
    EncoderConfig::load(&tiny_folder().join("config.json")).expect("the tiny configuration is supported")
}

pub fn tiny_weights() -> Weights {
    Weights::load(&tiny_folder().join("model.safetensors")).expect("the tiny weights are well formed")
}

pub fn tiny_model() -> Model {
    build(&tiny_config(), &tiny_weights()).expect("the tiny encoder can be built")
}

/// The real encoder's folder, or `None` with a line that says so.
pub fn minilm_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LARDER_MINILM")
        .map_or_else(|| repository().join(".larder/models/all-MiniLM-L6-v2"), PathBuf::from);
    if folder.join("model.safetensors").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no model.safetensors in {} (set LARDER_MINILM, or run just setup)", folder.display());
    None
}
