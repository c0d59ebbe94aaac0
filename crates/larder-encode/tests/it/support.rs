//! Shared by these tests: a tiny encoder, tokens files, and the model run by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_data::{Content, Target};
use larder_encode::{EncodeReport, EncodeRequest, EncodeSettings, LayerSelection, Level, WordPool, encode};
use larder_files::{Home, Provenance};
use larder_intake::{Encoder, InitRequest, init};
use larder_runtime::{Device, Runtime, RuntimeError, Session, SessionSettings, TensorView, ViewData};
use larder_store::{FeaturesFile, TokenRow, TokensWriter};
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use tempfile::TempDir;

/// The encoder's hidden size and what it reads.
pub const HIDDEN: usize = 32;
pub const READS: usize = 128;

const TINY: &str = r#"{"model_type": "bert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 128, "initializer_range": 0.1}"#;

/// Float32 sums in another order: products of values of about 1 over 32 to 128 terms, two layers deep.
pub const TOLERANCE: f32 = 2e-5;

/// A tiny encoder in its own home.
pub struct Bench {
    pub folder: TempDir,
    pub runtime: Runtime,
    pub encoder: Encoder,
    pub tokenizer: Arc<Tokenizer>,
}

/// One sentence with its document.
pub struct Line {
    pub words: Vec<String>,
    pub document: u64,
}

impl Bench {
    /// `None`, loudly, without ONNX Runtime.
    pub fn new() -> Option<Self> {
        Self::of(TINY)
    }

    /// The same with the encoder that this `config.json` describes.
    pub fn of(config_json: &str) -> Option<Self> {
        let runtime = match Runtime::load(None) {
            Ok(runtime) => runtime,
            Err(problem @ RuntimeError::NoLibrary { .. }) => {
                eprintln!("SKIPPED: {problem}");
                return None;
            }
            Err(problem) => panic!("{problem}"),
        };
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.json");
        std::fs::write(&config, config_json).unwrap();
        let request = InitRequest { config, seed: 7, name: Some("tiny".to_owned()), ..InitRequest::default() };
        let home = Home::new(folder.path().join("home"));
        let encoder = init(&home, &runtime, &request, &mut |_| ()).unwrap().encoder;
        let tokenizer = encoder.tokenizer().unwrap();
        Some(Self { folder, runtime, encoder, tokenizer })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn tokens(&self, words: &[String]) -> Tokens {
        self.tokenizer.encode(&Content::Words(words.to_vec()), &TokenizeSettings::default()).unwrap()
    }

    /// A tokens file of sentences; the tag of a word is `B-` and the word's length.
    pub fn write_lines(&self, name: &str, lines: &[Line]) -> PathBuf {
        let rows = lines.iter().enumerate().map(|(at, line)| {
            let tags = line.words.iter().map(|word| format!("B-{}", word.len())).collect();
            let content = Content::Words(line.words.clone());
            row(at, self.tokens(&line.words), content, Some(Target::Tags(tags)), line.document)
        });
        self.write_rows(name, rows, true)
    }

    pub fn write_texts(&self, name: &str, texts: &[&str]) -> PathBuf {
        let rows = texts.iter().enumerate().map(|(at, text)| {
            let content = Content::Text { text: (*text).to_owned(), text_b: None };
            let tokens = self.tokenizer.encode(&content, &TokenizeSettings::default()).unwrap();
            row(at, tokens, content, Some(Target::Label((at % 2).to_string())), 0)
        });
        self.write_rows(name, rows, false)
    }

    pub fn write_rows(&self, name: &str, rows: impl Iterator<Item = TokenRow>, tagging: bool) -> PathBuf {
        let path = self.path(name);
        let mut writer = TokensWriter::create(&path, tagging, false, &Provenance::new("tokenize", 2)).unwrap();
        rows.for_each(|row| writer.push(row).unwrap());
        writer.finish().unwrap();
        path
    }

    pub fn encode(&self, tokens: &Path, target: &Path, settings: &EncodeSettings) -> EncodeReport {
        let request = EncodeRequest { encoder: &self.encoder, tokens, target, settings, reuse: true, elsewhere: &[] };
        encode(&self.runtime, &request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap()
    }

    /// Encodes `lines` and opens the file.
    pub fn features(&self, lines: &[Line], settings: &EncodeSettings) -> FeaturesFile {
        let tokens = self.write_lines("lines.parquet", lines);
        let target = self.path(&format!("{}.parquet", settings.kind()));
        self.encode(&tokens, &target, settings);
        FeaturesFile::open(&target).unwrap()
    }

    /// Every token's vector of one input in the layer, `[seq][hidden]`: the model as it was added, run alone.
    pub fn by_hand(&self, input_ids: &[i32], layer: usize) -> Vec<Vec<f32>> {
        let interface = self.encoder.interface();
        let settings = SessionSettings { device: Device::Cpu, intra_threads: 1, ..SessionSettings::default() };
        let bytes = self.encoder.model_bytes().unwrap();
        let mut session = Session::from_bytes(&self.runtime, &bytes, &settings).unwrap();
        let shape = [1, input_ids.len()];
        let (ids, ones, zeros): (Vec<i64>, Vec<i64>, Vec<i64>) =
            input_ids.iter().map(|&id| (i64::from(id), 1, 0)).collect();
        let port = |data| TensorView { shape: &shape, data };
        let mut feeds = vec![(interface.input_ids.name.as_str(), port(ViewData::I64(&ids)))];
        feeds.extend(interface.attention_mask.as_ref().map(|i| (i.name.as_str(), port(ViewData::I64(&ones)))));
        feeds.extend(interface.token_type_ids.as_ref().map(|i| (i.name.as_str(), port(ViewData::I64(&zeros)))));
        let output = interface.hidden_states[layer].as_str();
        let out = session.run(&feeds, &[output]).unwrap();
        assert_eq!(out[0].shape, [1, input_ids.len(), HIDDEN]);
        out[0].as_f32().unwrap().chunks_exact(HIDDEN).map(<[f32]>::to_vec).collect()
    }
}

pub fn row(at: usize, tokens: Tokens, content: Content, target: Option<Target>, document: u64) -> TokenRow {
    TokenRow {
        example_id: format!("s{at}"),
        content,
        document,
        target,
        input_ids: tokens.input_ids,
        type_ids: tokens.type_ids,
        offsets: tokens.offsets,
        word_ids: tokens.word_ids,
        truncated_tokens: 0,
        texts_alone: None,
    }
}

/// Words of 1 to 8 letters from a small alphabet, so that many have several tokens. The same for a seed.
pub fn words(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    let mut next = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    (0..count).map(|_| (0..1 + next(8)).map(|_| char::from(b'a' + next(26) as u8)).collect::<String>()).collect()
}

pub fn line(seed: u64, count: usize) -> Line {
    Line { words: words(seed, count), document: 0 }
}

pub fn word_level(word_pool: WordPool) -> EncodeSettings {
    EncodeSettings { level: Level::Word, word_pool, device: Device::Cpu, threads: 1, ..EncodeSettings::default() }
}

pub fn layers(settings: EncodeSettings, layers: &str) -> EncodeSettings {
    EncodeSettings { layers: layers.parse::<LayerSelection>().unwrap(), ..settings }
}

/// One vector a row.
pub fn rows(file: &FeaturesFile, column: &str) -> Vec<Vec<f32>> {
    let width = file.width(&[column]).unwrap();
    file.column(column).unwrap().chunks_exact(width).map(<[f32]>::to_vec).collect()
}

#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(expected.iter().any(|v| v.abs() > 0.1), "{what}: nothing is tested by zeros");
    let difference = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    assert!(difference <= TOLERANCE, "{what}: differs by {difference:e}");
}
