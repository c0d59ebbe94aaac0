//! Everything that can go wrong with an encoder, and the way out.

use std::path::PathBuf;

use larder_errors::{ErrorClass, UnknownSpelling, listed};
use larder_files::FileError;
use larder_hub::HubError;
use larder_onnx::{NotFinite, OnnxError};
use larder_runtime::RuntimeError;
use larder_tokens::TokensError;

use crate::vocabulary::BrokenVocabulary;

/// An error of this crate: what failed, which file, what was expected, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A file or folder of the encoder could not be written, locked or named.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file that is larger than its format can be.
    #[error("{} has {bytes} bytes, and a file of its format has {limit} at most: is it what its name says? (a model \
        beyond that keeps its parameters in files beside it)", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest that there can be.
        limit: u64,
    },
    /// A folder that could not be moved, made or removed.
    #[error("cannot {action} {}", path.display())]
    Folder {
        /// The action that failed.
        action: &'static str,
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file of the publisher that is no JSON, or not of the layout its name stands for.
    #[error("{} is malformed", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// A model, its weights or its configuration that cannot be used.
    #[error("{} cannot be used as an encoder", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The problem, in words.
        #[source]
        source: OnnxError,
    },
    /// ONNX Runtime cannot load or run the model.
    #[error("{} cannot be run", path.display())]
    Run {
        /// The model's file.
        path: PathBuf,
        /// ONNX Runtime's error.
        #[source]
        source: Box<RuntimeError>,
    },
    /// A model in a type that ONNX Runtime has few operators for.
    #[error("{} cannot be run: its parameters are bfloat16, which few of ONNX Runtime's operators take on a CPU: \
        export the model in float32 or float16", path.display())]
    Bfloat16 {
        /// The model's file.
        path: PathBuf,
        /// ONNX Runtime's error.
        #[source]
        source: Box<RuntimeError>,
    },
    /// A node whose operator ONNX Runtime does not have.
    #[error("{}: node {node:?} is the operator {operator}, which ONNX Runtime {version} does not have: export the model \
        again without it (of a newer operator set: with an older `opset_version`)", path.display())]
    UnknownOperator {
        /// The model's file.
        path: PathBuf,
        /// The node's name, or its place in the list.
        node: String,
        /// Domain and name, without the domain if it is ONNX itself.
        operator: String,
        /// The ONNX Runtime that refused it.
        version: String,
        /// The tokenizer's error.
        #[source]
        source: Box<RuntimeError>,
    },
    /// A tokenizer that cannot be used, or does not belong to its encoder.
    #[error(transparent)]
    Tokenizer(#[from] TokensError),
    /// No encoder of that name.
    #[error("no encoder {name:?} in {}; {}; add one with `larder encoder add SOURCE --name {name}`",
        home.display(), there_are(known))]
    NotFound {
        /// The name asked for.
        name: String,
        /// The folder of all encoders.
        home: PathBuf,
        /// The encoders there are.
        known: Vec<String>,
    },
    /// An encoder's folder without its manifest, or with one that cannot be read.
    #[error("the encoder {name:?} is broken: {} {problem}; add it again with --replace", path.display())]
    Broken {
        /// Its name.
        name: String,
        /// The manifest.
        path: PathBuf,
        /// The problem, in words.
        #[source]
        problem: BrokenManifest,
    },
    /// Padding matters now and did not when the encoder was added, or the other way round.
    #[error("the encoder {name:?} {}, and did not when it was added with ONNX Runtime {version}: add it again with \
        --replace, and its batches are made as it needs them now", mask_text(*found))]
    MaskDiffers {
        /// Its name.
        name: String,
        /// Does it honour its mask now?
        found: bool,
        /// Did it, when it was added?
        recorded: bool,
        /// The ONNX Runtime that ran it then.
        version: String,
    },
    /// The encoder no longer reads texts as long as when it was added.
    #[error(
        "the encoder {name:?} reads {found} tokens, and read {recorded} when it was added with ONNX Runtime {version}: \
        add it again with --replace"
    )]
    LengthDiffers {
        /// Its name.
        name: String,
        /// The longest text that it reads now, in tokens.
        found: usize,
        /// The longest when it was added.
        recorded: usize,
        /// The ONNX Runtime that ran it then.
        version: String,
    },
    /// A file of the encoder that is not what was added.
    #[error("{} changed since the encoder was added (digest {found}, expected {expected}): bring the file back, or {way_out}",
        path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Tells the user what restores the encoder.
        way_out: &'static str,
        /// Its digest when it was added.
        expected: String,
        /// Its digest now.
        found: String,
    },
    /// Another encoder has this name.
    #[error(
        "there is another encoder {name:?} already ({differs} differs): choose another name with --name, \
        or say --replace"
    )]
    Exists {
        /// The name.
        name: String,
        /// The part that differs.
        differs: &'static str,
    },
    /// An encoder whose weights could not be read out of its graph.
    #[error("the weights of encoder {encoder:?} cannot be read: {reason}")]
    Unread {
        /// The encoder.
        encoder: String,
        /// The reason.
        reason: String,
    },
    /// An encoder that cannot be turned into 8-bit products.
    #[error("encoder {encoder:?} cannot be quantised: {reason}")]
    NotQuantised {
        /// The encoder.
        encoder: String,
        /// The reason.
        reason: String,
    },
    /// A model on a hub that cannot be found or fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A model on a hub whose weights can run code when they are read.
    #[error(
        "{model} has its weights in {file} alone, a Python pickle, which can run code when it is read, so it is not: \
        convert it once with `from transformers import AutoModel, AutoTokenizer`, \
        `AutoModel.from_pretrained({repo:?}).save_pretrained({folder:?}, safe_serialization=True)` and \
        `AutoTokenizer.from_pretrained({repo:?}).save_pretrained({folder:?})`, then add the folder {folder}"
    )]
    HubPickled {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Owner and name.
        repo: String,
        /// The folder of the converted files.
        folder: String,
    },
    /// A model on a hub whose weights are cut into several files.
    #[error(
        "{model} has its weights in several files, which are not read: join them once with \
        `from transformers import AutoModel, AutoTokenizer`, \
        `AutoModel.from_pretrained({repo:?}).save_pretrained({folder:?}, max_shard_size=\"100GB\")` and \
        `AutoTokenizer.from_pretrained({repo:?}).save_pretrained({folder:?})`, then add the folder {folder}"
    )]
    HubSplit {
        /// The model.
        model: String,
        /// Owner and name.
        repo: String,
        /// The folder of the joined files.
        folder: String,
    },
    /// A model on a hub without a model in it.
    #[error(
        "{model} is no encoder: expected config.json with model.safetensors, or {usual} at its top or in `onnx`; it \
        has {found}"
    )]
    HubNoModel {
        /// The model.
        model: String,
        /// Its files.
        found: String,
        /// The graph's usual name.
        usual: &'static str,
    },
    /// A source that does not exist.
    #[error("{} does not exist; a source is an .onnx file, or a folder with one, or a folder with config.json, \
        model.safetensors and tokenizer.json", path.display())]
    NoSource {
        /// The path given.
        path: PathBuf,
    },
    /// A source without a model in it.
    #[error("{} is no encoder: expected an .onnx file, or a folder with one or with config.json and \
        model.safetensors; it holds {found} (weights in another format: save them with safetensors first)",
        path.display())]
    NoModel {
        /// The path given.
        path: PathBuf,
        /// The files found.
        found: String,
    },
    /// Weights in a format that can run code when it is read.
    #[error("{} is a Python pickle, which can run code when it is read, so it is not: convert it once with \
        `from transformers import AutoModel` and \
        `AutoModel.from_pretrained({folder:?}).save_pretrained({folder:?}, safe_serialization=True)`", path.display())]
    PickledWeights {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// Weights cut into several files.
    #[error("{} tells of weights in several files, which are not read: join them once with \
        `from transformers import AutoModel` and \
        `AutoModel.from_pretrained({folder:?}).save_pretrained({folder:?}, max_shard_size=\"100GB\")`",
        path.display())]
    SplitWeights {
        /// The list of the files.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// Several models, none of which is the usual one.
    #[error("{} holds several models, {found}: give the path of the one to add", path.display())]
    ManyModels {
        /// The folder.
        path: PathBuf,
        /// Their names.
        found: String,
    },
    /// Weights without the configuration that says what they are.
    #[error("{} is missing: weights alone do not say how many layers and heads there are; put the model's config.json there", path.display())]
    NoConfig {
        /// The missing file.
        path: PathBuf,
    },
    /// A vocabulary that cannot be made into a tokenizer.
    #[error("{} cannot be made into tokenizer.json: {problem}; make it with `from transformers import AutoTokenizer` and \
        `AutoTokenizer.from_pretrained({folder:?}).save_pretrained({folder:?})`", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// The problem, in words.
        #[source]
        problem: BrokenVocabulary,
    },
    /// A vocabulary for a tokenizer whose rules are not known.
    #[error("{} is for {class} ({said_by}), whose rules larder does not have, and another's would give other tokens: where \
        transformers has a fast tokenizer of that class, make its tokenizer.json, which is read as it is, with \
        `from transformers import AutoTokenizer` and \
        `AutoTokenizer.from_pretrained({folder:?}).save_pretrained({folder:?})`; where it writes none, the encoder cannot be \
        used without a tokenizer.json made by other means (--tokenizer FILE)", path.display())]
    TokenizerClass {
        /// The vocabulary's file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// The class, or the code that is it.
        class: String,
        /// The file and the key that name the class.
        said_by: String,
    },
    /// No tokenizer beside the model.
    #[error(
        "no tokenizer.json in {searched}, nor vocab.txt, vocab.json with merges.txt, spiece.model or \
        sentencepiece.bpe.model to make it of: name it with --tokenizer FILE (of other files transformers' AutoTokenizer \
        makes tokenizer.json with save_pretrained)"
    )]
    NoTokenizer {
        /// The folders looked at.
        searched: String,
    },
    /// No name can be made of the path.
    #[error("no name for the encoder can be made of {}: give one with --name", path.display())]
    NoName {
        /// The path given.
        path: PathBuf,
    },
    /// A tokenizer that does not close texts.
    #[error("the tokenizer {} puts no token after a text: encoders are made for one; save the tokenizer again with the \
        encoder's own tokenizer class", path.display())]
    NoClosingToken {
        /// The tokenizer's file.
        path: PathBuf,
    },
    /// Fixed axes that no text goes into, or no machine holds.
    #[error("{}: the model takes {} texts of {} tokens at once and nothing else: it cannot be run; \
        export it with dynamic axes for batch and sequence", path.display(), sizes[0], sizes[1])]
    FixedSizes {
        /// The model's file.
        path: PathBuf,
        /// Batch and sequence, 1 where it is open.
        sizes: [usize; 2],
    },
    /// A model of one sequence length that does not see past padding.
    #[error("{}: the model takes only {size} tokens, and what fills a shorter text changes its vectors by \
        {deviation:e} of their scale: it ignores its mask, so texts of other lengths cannot be read; \
        export it with a dynamic sequence axis", path.display())]
    FixedAxis {
        /// The model's file.
        path: PathBuf,
        /// Its only sequence length, in tokens.
        size: usize,
        /// The change that another padding token causes, relative to the output's scale.
        deviation: f64,
    },
    /// The model gives a tensor of another shape than it was taken for.
    #[error("{}: output {output:?} has shape {found:?} for {batch} texts of {seq} tokens, expected {expected}",
        path.display())]
    OutputShape {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// Texts given.
        batch: usize,
        /// Tokens of each.
        seq: usize,
        /// The shape that came.
        found: Vec<usize>,
        /// The shape that the output's meaning asks for.
        expected: String,
    },
    /// No output holds a vector for each token.
    #[error("{}: no output holds a vector for each token, [batch, seq, hidden], or one for the whole text, \
        [batch, {smallest} or more], for texts given as [batch, seq]; outputs: {outputs}; if they are a task head's, export \
        the encoder below it, with its last hidden state: `optimum-cli export onnx --model FOLDER --task \
        feature-extraction OUT`", path.display(), smallest = crate::probe::SMALLEST_EMBEDDING)]
    NoTokenOutput {
        /// The model's file.
        path: PathBuf,
        /// Its float outputs, with the shapes they had when run.
        outputs: String,
    },
    /// The model gives something else than floats.
    #[error("{}: output {output:?} is {found}, expected float32, float16 or float64", path.display())]
    OutputType {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// Its element type.
        found: String,
    },
    /// The model gives vectors of a size that no encoder has.
    #[error("{}: output {output:?} has vectors of {width} features, and an encoder's have {most} at most: is it one?",
        path.display())]
    TooWide {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// Features of a vector.
        width: usize,
        /// The most that are read.
        most: usize,
    },
    /// The model gives more than there is memory for.
    #[error("{}: output {output:?} has shape {shape:?}, for which there is no memory", path.display())]
    OutputTooLarge {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// The shape that came.
        shape: Vec<usize>,
    },
    /// NaN or infinity among the parameters.
    #[error("{}: the weights are damaged: {found}; get the file again from where it comes from, or save the model again",
        path.display())]
    DamagedWeights {
        /// The model's file, or that of its weights.
        path: PathBuf,
        /// The parameter.
        found: NotFinite,
    },
    /// NaN or infinity among the outputs of the probe.
    #[error("{}: output {output:?} is not finite for {text}: {cause}", path.display())]
    NotFinite {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// The probe text, quoted, or its length.
        text: String,
        /// The probable cause, judged by the model's constants.
        cause: String,
    },
    /// Different texts give the same output.
    #[error("{}: output {output:?} is the same for every probe text (largest difference {spread:e} of its scale): \
        this encoder has collapsed, or its weights were not loaded", path.display())]
    Constant {
        /// The model's file.
        path: PathBuf,
        /// The output.
        output: String,
        /// The largest difference between texts, relative to the output's scale.
        spread: f64,
    },
    /// A text's output depends on the texts beside it.
    #[error("{}: a text's vectors differ by {deviation:e} of their scale when other texts are in its batch, and \
        {tolerance:e} is rounding: features would depend on the order of the data", path.display())]
    BatchDependent {
        /// The model's file.
        path: PathBuf,
        /// The largest difference relative to the output's scale.
        deviation: f64,
        /// The largest deviation that counts as rounding.
        tolerance: f64,
    },
    /// Too few tokens for a tokenizer of our own.
    #[error(
        "vocab_size is {vocab_size}, and the tokenizer that is made for it needs at least {smallest}: raise it, \
        or give a tokenizer with --tokenizer FILE"
    )]
    VocabularyTooSmall {
        /// Rows of the embedding table.
        vocab_size: usize,
        /// The least that spells English.
        smallest: usize,
    },
    /// The publisher's vector is asked for where it is not known how to make it.
    #[error("encoder {name:?} has no published vector: {problem}; choose another pooling, such as `--pool mean`")]
    NoRecipe {
        /// The encoder.
        name: String,
        /// The reason.
        problem: String,
    },
    /// A prompt that the publisher does not have.
    #[error("the publisher of encoder {encoder:?} has no prompt {prompt:?}; it has: {known}")]
    UnknownPrompt {
        /// The encoder.
        encoder: String,
        /// The name given.
        prompt: String,
        /// The names that there are.
        known: String,
    },
    /// A word that is no known way of pooling.
    #[error(transparent)]
    UnknownPooling(#[from] UnknownSpelling),
}

/// A problem with an encoder's manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenManifest {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It differs from its checksum.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It is not what larder writes.
    #[error("is not what larder writes there ({0})")]
    Malformed(#[source] serde_json::Error),
    /// Another version of larder wrote it.
    #[error("has format_version {found}, and this larder reads {expected}")]
    Version {
        /// The version written there.
        found: u64,
        /// The version that can be read.
        expected: u32,
    },
    /// A file that the manifest speaks of is not there.
    #[error("speaks of {0}, which is missing")]
    MissingFile(&'static str),
}

fn mask_text(honoured: bool) -> &'static str {
    if honoured { "reads past padding" } else { "mixes padding into its vectors" }
}

fn there_are(known: &[String]) -> String {
    if known.is_empty() { "there are none yet".to_owned() } else { format!("there are {}", listed(known)) }
}

impl EncoderError {
    /// The class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::File(error) => error.class(),
            Self::NotFound { .. } => ErrorClass::Missing,
            Self::Hub(problem) => problem.class(),
            // The probe of a foreign model: what fails there is the model's fault.
            Self::Run { source, .. } if matches!(**source, RuntimeError::Run { .. }) => ErrorClass::Input,
            Self::Run { source, .. } => source.class(),
            _ => ErrorClass::Input,
        }
    }

    /// The way out where the message alone does not show it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model { source, .. } => hint_of_model(source),
            _ => None,
        }
    }
}

/// The flag of `encoder add` that decides what a tensor of a model is.
pub fn hint_of_model(error: &OnnxError) -> Option<String> {
    let role = match error {
        OnnxError::Ambiguous { role, .. } | OnnxError::WrongHint { role, .. } => *role,
        OnnxError::UnsupportedInput { input, .. } | OnnxError::UnknownInput { input, .. } => {
            return Some(format!(
                "if it has one value for every text, `larder encoder add SOURCE --constant-input {input}=VALUE` gives it"
            ));
        }
        _ => return None,
    };
    let flag = match role {
        "input_ids" => "--ids-input",
        "attention_mask" => "--mask-input",
        "token_type_ids" => "--types-input",
        "position_ids" => "--positions-input",
        "last_hidden_state" => "--token-output",
        "pooler_output" => "--pooled-output",
        _ => return None,
    };
    Some(format!("`larder encoder add SOURCE {flag} NAME` decides"))
}
