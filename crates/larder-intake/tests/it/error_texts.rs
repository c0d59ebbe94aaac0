//! The text of every error, as users read it.

use std::io::ErrorKind;
use std::path::PathBuf;

use larder_errors::testing::texts;
use larder_files::FileError;
use larder_hub::HubError;
use larder_intake::{BrokenManifest, BrokenVocabulary, EncoderError};
use larder_onnx::{NotFinite as Damage, OnnxError, Pool};
use larder_runtime::RuntimeError;
use larder_tokens::TokensError;
use prost::Message;

fn json() -> serde_json::Error {
    serde_json::from_str::<u8>("{").unwrap_err()
}

#[test]
fn encoders() {
    use EncoderError::*;
    let (path, folder) = (PathBuf::from("bert/model.onnx"), PathBuf::from("bert"));
    let (name, output) = ("bert".to_owned(), "logits".to_owned());
    let (model, repo) = ("hf:org/bert".to_owned(), "org/bert".to_owned());
    let run = || RuntimeError::Run { model: "bert/model.onnx".to_owned(), source: "index out of bounds".into() };
    let load = || RuntimeError::Load { model: "bert/model.onnx".to_owned(), source: "no such operator".into() };
    let candidates = "\"scores\", \"pooled\"".to_owned();
    let examples = [
        File(FileError::Locked { path: "encoders".into() }),
        Read { path: path.clone(), source: ErrorKind::PermissionDenied.into() },
        FileTooLarge { path: path.clone(), bytes: 3_000_000_000, limit: 2_147_483_648 },
        Folder { action: "make", path: "encoders/.bert.staged".into(), source: ErrorKind::StorageFull.into() },
        Json { path: "bert/modules.json".into(), source: json() },
        Model { path: path.clone(), source: OnnxError::NoOutputs },
        Model { path: path.clone(), source: OnnxError::Ambiguous { role: "pooler_output", candidates } },
        Run { path: path.clone(), source: Box::new(run()) },
        Run { path: path.clone(), source: Box::new(load()) },
        Bfloat16 { path: path.clone(), source: Box::new(load()) },
        UnknownOperator {
            path: path.clone(),
            node: "/layer.0/Gelu".to_owned(),
            operator: "com.example.Gelu".to_owned(),
            version: "1.23.0".to_owned(),
            source: Box::new(load()),
        },
        Tokenizer(TokensError::NoSpecialTokens { path: "bert/tokenizer.json".into(), found: "absent" }),
        NotFound { name: name.clone(), home: "encoders".into(), known: vec![] },
        NotFound { name: name.clone(), home: "encoders".into(), known: vec!["minilm".to_owned(), "tiny".to_owned()] },
        Broken { name: name.clone(), path: "encoders/bert/encoder.json".into(), problem: BrokenManifest::Missing },
        MaskDiffers { name: name.clone(), found: true, recorded: false, version: "1.22.0".to_owned() },
        LengthDiffers { name: name.clone(), found: 128, recorded: 512, version: "1.22.0".to_owned() },
        Changed {
            path: path.clone(),
            way_out: "add it again with --replace",
            expected: "aa11".to_owned(),
            found: "bb22".to_owned(),
        },
        Exists { name: name.clone(), differs: "its model" },
        Unread { encoder: name.clone(), reason: "it has no layers".to_owned() },
        NotQuantised { encoder: name, reason: "it has no layers".to_owned() },
        Hub(HubError::NoModel { endpoint: "https://hub.example".to_owned(), model: "org/bert".to_owned() }),
        HubPickled {
            model: model.clone(),
            file: "pytorch_model.bin".to_owned(),
            repo: repo.clone(),
            folder: "bert".to_owned(),
        },
        HubSplit { model: model.clone(), repo, folder: "bert".to_owned() },
        HubNoModel { model, found: "README.md".to_owned(), usual: "model.onnx" },
        NoSource { path: folder.clone() },
        NoModel { path: folder.clone(), found: "README.md".to_owned() },
        PickledWeights { path: "bert/pytorch_model.bin".into(), folder: folder.clone() },
        SplitWeights { path: "bert/model.safetensors.index.json".into(), folder: folder.clone() },
        ManyModels { path: folder.clone(), found: "a.onnx, b.onnx".to_owned() },
        NoConfig { path: "bert/config.json".into() },
        Vocabulary { path: "bert/vocab.txt".into(), folder: folder.clone(), problem: BrokenVocabulary::Empty },
        TokenizerClass {
            path: "bert/vocab.txt".into(),
            folder,
            class: "BertJapaneseTokenizer".to_owned(),
            said_by: "`tokenizer_class` in tokenizer_config.json".to_owned(),
        },
        NoTokenizer { searched: "bert".to_owned() },
        NoName { path: "/".into() },
        NoClosingToken { path: "bert/tokenizer.json".into() },
        FixedSizes { path: path.clone(), sizes: [8, 1] },
        FixedAxis { path: path.clone(), size: 128, deviation: 0.25 },
        OutputShape {
            path: path.clone(),
            output: output.clone(),
            batch: 2,
            seq: 16,
            found: vec![16, 2, 384],
            expected: "[2, 16, hidden]".to_owned(),
        },
        NoTokenOutput { path: path.clone(), outputs: "\"logits\" [2, 2]".to_owned() },
        OutputType { path: path.clone(), output: output.clone(), found: "int64".to_owned() },
        TooWide { path: path.clone(), output: output.clone(), width: 100_000, most: 65_536 },
        OutputTooLarge { path: path.clone(), output: output.clone(), shape: vec![1 << 40, 16, 384] },
        DamagedWeights {
            path: path.clone(),
            found: Damage { tensor: "embeddings".to_owned(), place: vec![7, 0], value: f64::NAN, count: 384 },
        },
        NotFinite {
            path: path.clone(),
            output: output.clone(),
            text: "\"Hello\"".to_owned(),
            cause: "its weights are finite, so it overflows".to_owned(),
        },
        Constant { path: path.clone(), output, spread: 1e-9 },
        BatchDependent { path, deviation: 0.25, tolerance: 1e-3 },
        VocabularyTooSmall { vocab_size: 30, smallest: larder_intake::SMALLEST_VOCABULARY },
        NoRecipe {
            name: "minilm".to_owned(),
            problem: "the module Dense (2_Dense) has no model.safetensors".to_owned(),
        },
        UnknownPrompt {
            encoder: "minilm".to_owned(),
            prompt: "question".to_owned(),
            known: "\"passage\", \"query\"".to_owned(),
        },
        UnknownPooling("median".parse::<Pool>().unwrap_err()),
    ];
    let notes = |error: &EncoderError| {
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        [format!("class: {:?}", error.class())].into_iter().chain(hint).collect()
    };
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, notes));
}

#[test]
fn manifests() {
    use BrokenManifest::*;
    let examples = [
        Missing,
        Damaged("its content differs from its checksum".to_owned()),
        Malformed(json()),
        Version { found: 9, expected: 1 },
        MissingFile("tokenizer.json"),
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}

#[test]
fn vocabularies() {
    use BrokenVocabulary::*;
    let no_text = vec![0xff];
    let examples = [
        Empty,
        NoToken { role: "unk", token: "[UNK]".to_owned() },
        Merge { line: 4, found: "a b c".to_owned() },
        Malformed(json()),
        NotText(std::str::from_utf8(&no_text).unwrap_err()),
        NotSentencePiece(larder_onnx::proto::ModelProto::decode(&no_text[..]).unwrap_err()),
        NotUnigram { found: 2 },
        Score { piece: "▁the".to_owned() },
        Setting { key: "do_basic_tokenize".to_owned(), value: "false".to_owned() },
        BlanksBehind,
        OtherStyle { files: "vocab.json with merges.txt", style: "WordPiece" },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/vocabulary/error.rs"), &examples, |_| vec![]));
}
