//! The goldens, as material for runs.

use std::path::{Path, PathBuf};

use larder_finetune::{
    BatchSize, Example, HeadStart, Length, Material, Order, Quiet, Schedule, TuneSettings, Tuned, finetune,
};
use larder_graphs::DropoutRatios;
use larder_onnx::{EncoderConfig, Weight, Weights};
use larder_runtime::Runtime;
use safetensors::{Dtype, SafeTensors};

/// What PyTorch did: `tests/goldens/finetune/recipe.py`.
pub struct Golden {
    bytes: Vec<u8>,
    pub config: EncoderConfig,
    pub weights: Weights,
    pub examples: Vec<Example>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

pub fn runtime() -> Runtime {
    Runtime::load(None).expect("ONNX Runtime is installed (just setup)")
}

impl Golden {
    /// `bert` or `albert`, with the encoder's folder.
    pub fn read(name: &str, encoder: &str) -> Self {
        let folder = goldens().join("encoder").join(encoder);
        let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
        let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
        let path = goldens().join(format!("finetune/{name}.safetensors"));
        let bytes = std::fs::read(path).expect("the golden is checked in");
        let mut golden = Self { bytes, config, weights, examples: Vec::new() };
        let [ids, mask, types, labels] =
            ["input_ids", "attention_mask", "token_type_ids", "labels"].map(|name| golden.integers(name));
        let width = ids.len() / labels.len();
        for (row, label) in labels.into_iter().enumerate() {
            let row = row * width..(row + 1) * width;
            let length = mask[row.clone()].iter().filter(|&&is_token| is_token == 1).count();
            golden.examples.push(Example {
                input_ids: ids[row.clone()][..length].to_vec(),
                token_type_ids: types[row][..length].to_vec(),
                label,
            });
        }
        golden
    }

    pub fn bert() -> Self {
        Self::read("bert", "tiny")
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("the golden is a safetensors file")
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        let file = self.file();
        let tensor = file.tensor(name).expect("the golden has the tensor");
        assert_eq!(tensor.dtype(), Dtype::I64);
        tensor.data().as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect()
    }

    pub fn floats(&self, name: &str) -> Weight {
        let file = self.file();
        let tensor = file.tensor(name).expect("the golden has the tensor");
        assert_eq!(tensor.dtype(), Dtype::F32);
        let values = tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
        Weight { shape: tensor.shape().to_vec(), values }
    }

    /// Names of the parameters after the last step, without the prefix.
    pub fn tuned(&self) -> Vec<String> {
        let file = self.file();
        file.names().iter().filter_map(|name| name.strip_prefix("tuned.")).map(str::to_owned).collect()
    }

    /// A parameter before the first step.
    pub fn start(&self, name: &str, shape: &[usize]) -> Vec<f32> {
        if name.starts_with("classifier.") {
            return self.floats(name).values;
        }
        let is_it = |found: &&str| *found == name || found.ends_with(&format!(".{name}"));
        let found = self.weights.names().find(is_it).expect("the golden has the parameter");
        self.weights.get(found, shape).expect("in this shape").to_vec()
    }

    /// As the recipe trains.
    pub fn settings(&self) -> TuneSettings {
        let mut head = Weights::default();
        for name in ["classifier.weight", "classifier.bias"] {
            head.insert(name, self.floats(name)).expect("as many values as the shape says");
        }
        TuneSettings {
            head: HeadStart::Given(head),
            length: Length::Steps(20),
            batch: BatchSize::Rows(5),
            order: Order::AsGiven,
            schedule: Schedule::Constant,
            warmup: 0.0,
            learning_rate: 1e-3,
            weight_decay: 0.01,
            clip: Some(1.0),
            dropout: DropoutRatios::NONE,
            threads: 1,
            ..TuneSettings::of(self.config.family, 3)
        }
    }

    pub fn material(&self) -> Material<'_> {
        Material { config: &self.config, weights: &self.weights, train: &self.examples, dev: &[], folder: None }
    }

    pub fn run(&self, settings: &TuneSettings) -> Tuned {
        finetune(&runtime(), &self.material(), settings, &mut Quiet).unwrap_or_else(|problem| panic!("{problem:?}"))
    }
}

pub fn losses(tuned: &Tuned) -> Vec<f64> {
    tuned.history.iter().map(|row| row.loss).collect()
}

pub fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// The norm of the difference beside that of the second.
pub fn apart(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference = norm(a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    difference / norm(b.iter().map(|&b| f64::from(b))).max(f64::MIN_POSITIVE)
}
