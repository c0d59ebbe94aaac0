//! The goldens, as inputs for runs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use larder_finetune::{
    BatchSize, Example, FinetuneResult, HeadStart, HistoryRow, Length, Loss, Observer, Order, Quiet, Schedule, Targets,
    TextTokens, TrainingInputs, TunableEncoder, TuneSettings, finetune,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{EncoderConfig, Pool, Weight, Weights};
use larder_runtime::Runtime;
use safetensors::{Dtype, SafeTensors};

/// What PyTorch did: `tests/goldens/finetune/recipe.py`.
pub struct Golden {
    file: SafeFile,
    pub config: EncoderConfig,
    pub weights: Weights,
    pub encoder: TunableEncoder,
    pub examples: Vec<Example>,
}

pub fn goldens() -> PathBuf {
    // cargo sets it for the run too; elsewhere it says where the repository is that a built test was taken to.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).join("../../tests/goldens")
}

/// A safetensors file.
pub struct SafeFile(Vec<u8>);

impl SafeFile {
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read(path).expect("the golden is checked in"))
    }

    fn parsed(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("the golden is a safetensors file")
    }

    pub fn integers(&self, name: &str) -> Vec<i64> {
        let file = self.parsed();
        let tensor = file.tensor(name).expect("the golden has the tensor");
        assert_eq!(tensor.dtype(), Dtype::I64);
        tensor.data().as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect()
    }

    pub fn floats(&self, name: &str) -> Weight {
        let file = self.parsed();
        let tensor = file.tensor(name).expect("the golden has the tensor");
        assert_eq!(tensor.dtype(), Dtype::F32);
        let values = tensor.data().as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
        Weight { shape: tensor.shape().to_vec(), values }
    }
}

pub fn runtime() -> Runtime {
    Runtime::load(None).expect("ONNX Runtime is installed (just setup)")
}

impl Golden {
    /// `bert`, `albert`, or one of the two with tags, with the encoder's folder.
    pub fn read(name: &str, encoder: &str) -> Self {
        Self::of_encoder(name, &goldens().join("encoder").join(encoder))
    }

    /// A golden with the encoder that lies in a folder.
    pub fn of_encoder(name: &str, folder: &Path) -> Self {
        let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
        let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
        let path = goldens().join(format!("finetune/{name}.safetensors"));
        let file = SafeFile::read(&path);
        let encoder = TunableEncoder::built(config.clone(), weights.clone());
        let mut golden = Self { file, config, weights, encoder, examples: Vec::new() };
        let [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"].map(|name| golden.integers(name));
        let rows = golden.file.parsed().tensor("input_ids").expect("the golden has them").shape()[0];
        let width = ids.len() / rows;
        let values = golden.named("targets").first().map(|_| golden.floats("targets").values);
        let labels = if values.is_none() { golden.integers("labels") } else { Vec::new() };
        let second = !golden.named("second_").is_empty();
        for row in 0..rows {
            let tokens = row * width..(row + 1) * width;
            let length = mask[tokens.clone()].iter().filter(|&&is_token| is_token == 1).count();
            let targets = match &values {
                Some(values) => Targets::Values(values.chunks(values.len() / rows).nth(row).expect("a row").to_vec()),
                None if labels.len() == rows => Targets::Classes(vec![labels[row]]),
                None => Targets::Classes(labels[tokens.clone()][..length].to_vec()),
            };
            golden.examples.push(Example {
                input_ids: ids[tokens.clone()][..length].to_vec(),
                token_type_ids: types[tokens.clone()][..length].to_vec(),
                second: second.then(|| golden.second(tokens)),
                targets,
            });
        }
        golden
    }

    pub fn bert() -> Self {
        Self::read("bert", "tiny")
    }

    /// Texts with any of three labels.
    pub fn multilabel() -> Self {
        Self::read("bert_multilabel", "tiny")
    }

    /// Texts with a number.
    pub fn regression() -> Self {
        Self::read("albert_regression", "albert")
    }

    /// Pairs of texts with a number.
    pub fn pair() -> Self {
        Self::read("bert_pair", "tiny")
    }

    /// The second text whose padded tokens are those.
    fn second(&self, tokens: std::ops::Range<usize>) -> TextTokens {
        let [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"]
            .map(|name| self.integers(&format!("second_{name}"))[tokens.clone()].to_vec());
        let length = mask.iter().filter(|&&is_token| is_token == 1).count();
        TextTokens { input_ids: ids[..length].to_vec(), token_type_ids: types[..length].to_vec() }
    }

    /// Tokens with tags.
    pub fn tagging() -> Self {
        Self::read("bert_tagging", "tiny")
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        self.file.integers(name)
    }

    pub fn floats(&self, name: &str) -> Weight {
        self.file.floats(name)
    }

    /// Names of the parameters after the last step, without the prefix.
    pub fn tuned(&self) -> Vec<String> {
        self.named("tuned.")
    }

    /// The names that begin so, without that.
    pub fn named(&self, prefix: &str) -> Vec<String> {
        let file = self.file.parsed();
        file.names().iter().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
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

    /// Float64 numbers.
    pub fn doubles(&self, name: &str) -> Vec<f64> {
        let file = self.file.parsed();
        let tensor = file.tensor(name).expect("the golden has the tensor");
        assert_eq!(tensor.dtype(), Dtype::F64);
        tensor.data().as_chunks().0.iter().map(|&word| f64::from_le_bytes(word)).collect()
    }

    /// As the recipe trains.
    pub fn settings(&self) -> TuneSettings {
        let mut head = Weights::default();
        for name in ["classifier.weight", "classifier.bias"] {
            head.insert(name, self.floats(name)).expect("as many values as the shape says");
        }
        let is_tagging = |example: &Example| matches!(&example.targets, Targets::Classes(labels) if labels.len() > 1);
        let of = if self.examples.iter().any(is_tagging) { TuneSettings::tagging } else { TuneSettings::of };
        let classes = self.floats("classifier.bias").shape[0];
        let loss = match &self.examples[0].targets {
            Targets::Classes(_) => Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 },
            Targets::Values(_) if classes == 1 => Loss::MeanSquaredError,
            Targets::Values(_) => Loss::BinaryCrossEntropy { positive_weight: 1.0 },
        };
        let settings = of(self.config.family, classes);
        let is_pair = self.examples[0].second.is_some();
        TuneSettings {
            loss,
            input: if is_pair { HeadInput::Pair(Pool::Mean) } else { settings.input },
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
            ..settings
        }
    }

    pub fn inputs(&self) -> TrainingInputs<'_> {
        TrainingInputs { encoder: &self.encoder, train: &self.examples, dev: &[], hidden: None, folder: None }
    }

    pub fn run(&self, settings: &TuneSettings) -> FinetuneResult {
        finetune(&runtime(), &self.inputs(), settings, &mut Quiet).unwrap_or_else(|problem| panic!("{problem:?}"))
    }
}

/// Is stopped after so many steps, as by a kill.
pub struct Killed(pub usize);

impl Observer for Killed {
    fn step(&mut self, row: &HistoryRow, _total: usize) -> ControlFlow<()> {
        if row.step == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub fn losses(tuned: &FinetuneResult) -> Vec<f64> {
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

/// A bias of keys, as families call it. It adds the same to all scores of a query: its gradient is nothing but rounding.
fn is_key_bias(name: &str) -> bool {
    ["key.bias", ".k_lin.bias", ".attn.k.bias", ".key_proj.bias"].iter().any(|end| name.ends_with(end))
}

/// Every parameter of the encoder and the head but the key biases, whose gradients are rounding.
pub fn parameters(golden: &Golden, tuned: &FinetuneResult) -> Vec<(String, Vec<f32>)> {
    let mut found = Vec::new();
    for parameter in golden.config.parameters(true).iter().filter(|parameter| !is_key_bias(&parameter.name)) {
        if tuned.weights.contains(&parameter.name) {
            let values = tuned.weights.get(&parameter.name, &parameter.shape).expect("is given back in its shape");
            found.push((parameter.name.clone(), values.to_vec()));
        }
    }
    for name in ["classifier.weight", "classifier.bias"] {
        let classes = golden.floats("classifier.bias").shape[0];
        let width = golden.settings().input.width(golden.config.hidden_size);
        let shape = if name == "classifier.bias" { vec![classes] } else { vec![classes, width] };
        let values = tuned.head.get(name, &shape).expect("the head is given back");
        found.push((name.to_owned(), values.to_vec()));
    }
    found
}

/// Two runs have the same losses and norms step by step, and end in the same parameters but for rounding, as against
/// PyTorch.
pub fn same_course(golden: &Golden, a: &FinetuneResult, b: &FinetuneResult) {
    same_course_within(golden, a, b, 1e-4);
}

pub fn same_course_within(golden: &Golden, a: &FinetuneResult, b: &FinetuneResult, close: f64) {
    assert_eq!(a.history.len(), b.history.len());
    for (a, b) in a.history.iter().zip(&b.history) {
        assert!((a.loss - b.loss).abs() < 1e-5, "{a:?} {b:?}");
        assert!((a.grad_norm - b.grad_norm).abs() < 1e-4 * a.grad_norm, "{a:?} {b:?}");
    }
    for ((name, a), (other, b)) in parameters(golden, a).iter().zip(&parameters(golden, b)) {
        assert_eq!(name, other);
        assert!(apart(b, a) < close, "{name}: {:e}", apart(b, a));
    }
}
