//! The publisher's settings beside the model, and those that larder does not follow.
//!
//! sentence-transformers folders say how a text becomes one vector: modules behind the transformer, a shorter length, a
//! text to put before each. A tokenizer's files say from which side long texts are cut. Whoever compares vectors with the
//! publisher's must know which of these are left out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use larder_tokens::Tokenizer;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::EncoderError;
use crate::files::{names_in, read_optional};
use crate::pooling::{Pooling, pooling_of};

/// Lists what sentence-transformers applies to a text, one after the other.
pub(crate) const MODULES_FILE: &str = "modules.json";
/// Prompts, and which one is used unless another is named.
pub(crate) const SENTENCES_FILE: &str = "config_sentence_transformers.json";
/// The name of the tokenizer.
pub(crate) const TOKENIZER_SETTINGS_FILE: &str = "tokenizer_config.json";
/// Weights that are added to a model's, as the library peft writes them.
pub(crate) const ADAPTER_FILE: &str = "adapter_config.json";
/// The usual folder of the pooling, without a list of modules.
pub(crate) const USUAL_POOLING: &str = "1_Pooling";
/// Modules of sentence-transformers are spelled with this in front; any other is code of the publisher's.
const LIBRARY: &str = "sentence_transformers.";

/// A setting of the publisher's that larder does not follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfollowed {
    /// The file that asks for it.
    pub file: String,
    /// The setting, in the publisher's spelling.
    pub setting: String,
    /// larder's own behaviour, and the way to the publisher's vectors if there is one.
    pub instead: String,
    /// True if the publisher's own vector, [`Pool::Published`](larder_onnx::Pool::Published), follows it.
    #[serde(default)]
    pub published_follows: bool,
}

impl Unfollowed {
    fn unless_published(self) -> Self {
        Self { published_follows: true, ..self }
    }
}

impl fmt::Display for Unfollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} asks for {}: {}", self.file, self.setting, self.instead)
    }
}

/// Is it the file that says how the transformer of a sentence-transformers folder reads texts? Its name has the model's
/// family in it: `sentence_bert_config.json`, `sentence_roberta_config.json`.
pub(crate) fn is_sentence_config(name: &str) -> bool {
    name.strip_prefix("sentence_").is_some_and(|rest| rest.ends_with("_config.json"))
}

/// One entry of `modules.json`.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its class, with the Python modules that it is in.
    class: String,
    /// Its folder, empty for the one that the list lies in.
    pub path: String,
    entry: Json,
    /// Its `config.json`.
    pub config: Json,
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.path.as_str(), self.is_library()) {
            ("", _) => write!(f, "the module {}", self.class),
            (path, true) => write!(f, "the module {} ({path})", self.kind()),
            (path, false) => write!(f, "the module {} ({path})", self.class),
        }
    }
}

impl Module {
    /// The entries of the list, without their own configurations.
    pub fn list(json: &Json) -> Vec<Self> {
        let text = |entry: &Json, key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let of = |entry: &Json| Self {
            class: text(entry, "type"),
            path: text(entry, "path"),
            entry: entry.clone(),
            config: Json::Null,
        };
        json.as_array().into_iter().flatten().map(of).collect()
    }

    /// The class's own name.
    pub fn kind(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }

    pub fn is(&self, kind: &str) -> bool {
        self.is_library() && self.kind() == kind
    }

    /// Is it a class of the library, and not code of the publisher's?
    pub fn is_library(&self) -> bool {
        self.class.starts_with(LIBRARY)
    }

    /// The names of what is given to it besides the features.
    pub fn arguments(&self) -> Vec<&str> {
        let arguments = self.entry.get("kwargs").and_then(Json::as_array);
        arguments.into_iter().flatten().filter_map(Json::as_str).collect()
    }
}

/// The publisher's settings, as read from its folder.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub pooling: Option<Pooling>,
    /// The folder that the modules lie in.
    pub root: Option<PathBuf>,
    pub modules: Vec<Module>,
    /// The transformer's settings and the name of their file.
    pub sentence: Option<(String, Json)>,
    pub sentences: Json,
    pub tokenizer: Json,
    adapter: Option<Json>,
}

/// The facts about the encoder that the publisher's settings are compared with.
pub(crate) struct EncoderFacts<'a> {
    pub tokenizer: &'a Tokenizer,
    /// The text of a `tokenizer.json` that is taken as it is; `None` of one that was made of other files.
    pub tokenizer_file: Option<&'a [u8]>,
    /// Tokens that are read, special tokens included.
    pub max_tokens: usize,
    /// Features of a vector.
    pub hidden_size: usize,
    /// Does it give vectors of tokens? One that gives a text's vector alone may have all modules inside.
    pub gives_tokens: bool,
}

impl Published {
    /// Reads what lies in the model's `folders`; `tokenizer` is the folder of the tokenizer's file, if it is another.
    ///
    /// # Errors
    /// [`EncoderError::Read`]; [`EncoderError::Json`] naming the file; [`EncoderError::UnknownPooling`].
    pub fn read(folders: &[PathBuf], tokenizer: Option<&Path>) -> Result<Self, EncoderError> {
        let root = match folders.iter().find(|folder| folder.join(MODULES_FILE).is_file()) {
            Some(folder) => Some(folder.clone()),
            None => folders.first().map(|folder| above(folder)).transpose()?.flatten(),
        };
        let mut modules = Vec::new();
        if let Some(root) = &root {
            modules = json(&root.join(MODULES_FILE))?.map(|list| Module::list(&list)).unwrap_or_default();
            for module in modules.iter_mut().filter(|module| !module.path.is_empty()) {
                module.config = json(&root.join(&module.path).join("config.json"))?.unwrap_or(Json::Null);
            }
        }
        let places: Vec<&Path> = folders.iter().chain(&root).map(PathBuf::as_path).collect();
        let first = |name: &str| -> Result<Option<Json>, EncoderError> {
            places.iter().map(|folder| json(&folder.join(name))).find_map(Result::transpose).transpose()
        };
        let pooling = match modules.iter().find(|module| module.is("Pooling")) {
            Some(module) => Some(module.config.clone()),
            None => first(&format!("{USUAL_POOLING}/config.json"))?,
        };
        let normalize = modules.iter().any(|module| module.kind() == "Normalize");
        let pooling = pooling.map(|config| pooling_of(&config, normalize)).transpose()?;
        let mut sentence = None;
        for folder in places.iter().filter(|folder| folder.is_dir()) {
            let mut names = names_in(folder)?.into_iter().filter(|name| is_sentence_config(name));
            if let (None, Some(name)) = (&sentence, names.next()) {
                sentence = json(&folder.join(&name))?.map(|json| (name, json));
            }
        }
        let tokenizer = match tokenizer {
            Some(folder) => json(&folder.join(TOKENIZER_SETTINGS_FILE))?,
            None => first(TOKENIZER_SETTINGS_FILE)?,
        };
        Ok(Self {
            pooling,
            root: root.clone(),
            modules,
            sentence,
            sentences: first(SENTENCES_FILE)?.unwrap_or(Json::Null),
            tokenizer: tokenizer.unwrap_or(Json::Null),
            adapter: first(ADAPTER_FILE)?,
        })
    }

    /// Everything that is asked for and not done.
    pub fn unfollowed(&self, facts: &EncoderFacts<'_>) -> Vec<Unfollowed> {
        let mut all = Vec::new();
        if facts.gives_tokens {
            all.extend(self.modules.iter().filter_map(|module| module.unfollowed(facts.hidden_size)));
        }
        all.extend(self.case(facts));
        all.extend(self.lengths(facts));
        all.extend(self.sides(facts));
        all.extend(self.prompts());
        all.extend(self.other_rules(facts));
        all.extend(self.settings());
        if let Some(adapter) = &self.adapter {
            let kind = adapter.get("peft_type").and_then(Json::as_str).unwrap_or("an adapter");
            all.push(unfollowed(ADAPTER_FILE, kind, "its weights are not added to the model's: merge them first"));
        }
        all
    }

    fn case(&self, facts: &EncoderFacts<'_>) -> Option<Unfollowed> {
        let (file, json) = self.sentence.as_ref()?;
        let lowers = json.get("do_lower_case").and_then(Json::as_bool) == Some(true);
        (lowers && facts.tokenizer.keeps_case()).then(|| {
            let instead = "texts keep their case, and the tokenizer tells it: lower-case them before larder reads them";
            unfollowed(file, "do_lower_case", instead).unless_published()
        })
    }

    /// Lengths that are shorter than what larder reads. The transformer's own setting comes before the tokenizer's.
    fn lengths(&self, facts: &EncoderFacts<'_>) -> Vec<Unfollowed> {
        let number = |json: &Json, pointer: &str| {
            json.pointer(pointer).and_then(Json::as_u64).and_then(|length| usize::try_from(length).ok())
        };
        let own = self
            .sentence
            .as_ref()
            .and_then(|(file, json)| Some((file.as_str(), "max_seq_length", number(json, "/max_seq_length")?)));
        let file = facts.file();
        let cut = number(&file, "/truncation/max_length").map(|length| (TOKENIZER, "truncation.max_length", length));
        let most = number(&self.tokenizer, "/model_max_length");
        let most = most.map(|length| (TOKENIZER_SETTINGS_FILE, "model_max_length", length));
        let lengths = if own.is_some() { [own, None, None] } else { [None, cut, most] };
        let shorter = lengths.into_iter().flatten().filter(|(.., length)| *length < facts.max_tokens);
        let told = |(file, key, length): (&str, &str, usize)| {
            let instead = format!(
                "texts are read up to {} tokens; of a dataset, `--max-tokens {length}` reads as many",
                facts.max_tokens
            );
            let told = unfollowed(file, &format!("{key} = {length}"), &instead);
            // The library takes the lengths of these two.
            if file == TOKENIZER { told } else { told.unless_published() }
        };
        shorter.map(told).collect()
    }

    /// From which side texts are cut and filled.
    fn sides(&self, facts: &EncoderFacts<'_>) -> Vec<Unfollowed> {
        let file = facts.file();
        let side = |key: &'static str, pointer: &'static str, name: &'static str| {
            let own = self.tokenizer.get(key).and_then(Json::as_str);
            let own = own.map(|side| (TOKENIZER_SETTINGS_FILE, key, side));
            let other = file.pointer(pointer).and_then(Json::as_str).map(|side| (TOKENIZER, name, side));
            let (from, name, _) = own.or(other).filter(|(.., side)| side.eq_ignore_ascii_case("left"))?;
            Some((from, format!("{name} = left")))
        };
        let cut = side("truncation_side", "/truncation/direction", "truncation.direction").map(|(from, setting)| {
            let instead =
                format!("texts of more than {} tokens lose their last ones, not their first", facts.max_tokens);
            let told = unfollowed(from, &setting, &instead);
            if from == TOKENIZER { told } else { told.unless_published() }
        });
        let filled = side("padding_side", "/padding/direction", "padding.direction")
            .map(|(from, setting)| unfollowed(from, &setting, "shorter texts of a batch are filled up on the right"));
        let strategy = file.pointer("/truncation/strategy").and_then(Json::as_str);
        let strategy = strategy.filter(|strategy| *strategy != "LongestFirst").map(|strategy| {
            let instead = "pairs that are too long lose tokens of the longer text first";
            unfollowed(TOKENIZER, &format!("truncation.strategy = {strategy}"), instead)
        });
        [cut, filled, strategy].into_iter().flatten().collect()
    }

    /// Texts that the publisher puts before others.
    fn prompts(&self) -> Vec<Unfollowed> {
        let prompts = self.filled_prompts();
        let usual = self.default_prompt();
        let mut all = Vec::new();
        if let Some(name) = &usual {
            let instead = format!("{:?} is not put before texts: `larder embed --prompt {name}` does", prompts[name]);
            let told = unfollowed(SENTENCES_FILE, &format!("default_prompt_name = {name}"), &instead);
            all.push(told.unless_published());
        }
        let others: Vec<String> = prompts
            .iter()
            .filter(|(name, _)| usual.as_ref() != Some(name))
            .map(|(name, text)| format!("{name} {text:?}"))
            .collect();
        if !others.is_empty() {
            let setting = format!("prompts for some texts ({})", others.join(", "));
            let instead = "none is put before a text: `larder embed --prompt NAME` does";
            all.push(unfollowed(SENTENCES_FILE, &setting, instead));
        }
        let excluded = |module: &&Module| {
            module.is("Pooling") && module.config.get("include_prompt").and_then(Json::as_bool) == Some(false)
        };
        if let (false, Some(module)) = (prompts.is_empty(), self.modules.iter().find(excluded)) {
            let instead = "the tokens of a prompt that you put there are pooled with the text's";
            all.push(unfollowed(&format!("{}/config.json", module.path), "include_prompt = false", instead));
        }
        all
    }

    /// The prompts that are no empty texts, by name.
    pub fn filled_prompts(&self) -> BTreeMap<String, String> {
        let prompts = self.sentences.get("prompts").and_then(Json::as_object);
        let filled = |(name, text): (&String, &Json)| {
            text.as_str().filter(|text| !text.is_empty()).map(|text| (name.clone(), text.to_owned()))
        };
        prompts.into_iter().flatten().filter_map(filled).collect()
    }

    /// The name of the prompt that is used unless another is named.
    pub fn default_prompt(&self) -> Option<String> {
        let name = self.sentences.get("default_prompt_name").and_then(Json::as_str)?;
        self.filled_prompts().contains_key(name).then(|| name.to_owned())
    }

    /// Settings of the transformer and of the whole that mean something unless they are empty.
    fn settings(&self) -> Vec<Unfollowed> {
        let files = [
            (self.sentence.as_ref().map(|(file, json)| (file.as_str(), json)), SENTENCE_SETTINGS.as_slice()),
            (Some((SENTENCES_FILE, &self.sentences)), WHOLE_SETTINGS.as_slice()),
        ];
        let given = |json: &Json| match json {
            Json::Null | Json::Bool(false) => false,
            Json::String(text) => !text.is_empty(),
            Json::Array(list) => !list.is_empty(),
            Json::Object(object) => !object.is_empty(),
            Json::Bool(true) | Json::Number(_) => true,
        };
        let mut all = Vec::new();
        for ((file, json), settings) in files.into_iter().filter_map(|(file, settings)| Some((file?, settings))) {
            for (key, usual) in settings {
                let Some(value) = json.get(key).filter(|value| given(value) && value.as_str() != *usual) else {
                    continue;
                };
                // Long lists, as of words to skip, are told by their beginning.
                let value: String = value.to_string().chars().take(SHOWN).collect();
                all.push(unfollowed(file, &format!("{key} = {value}"), "it is not followed"));
            }
        }
        all
    }

    /// Rules of `tokenizer_config.json` that are others than those of the `tokenizer.json` beside it, which is read as it is.
    fn other_rules(&self, facts: &EncoderFacts<'_>) -> Vec<Unfollowed> {
        let file = facts.file();
        let said = |key: &str| self.tokenizer.get(key).and_then(Json::as_bool);
        let normalizer = step(&file, "normalizer", "normalizers", "BertNormalizer");
        let byte_level = step(&file, "pre_tokenizer", "pretokenizers", "ByteLevel");
        let flag = |step: Option<&Json>, key: &str| step?.get(key)?.as_bool();
        let lowercase = flag(normalizer, "lowercase");
        let rules = [
            ("do_lower_case", lowercase),
            // Unless it says otherwise, accents go where case goes.
            ("strip_accents", flag(normalizer, "strip_accents").or(lowercase)),
            ("tokenize_chinese_chars", flag(normalizer, "handle_chinese_chars")),
            ("add_prefix_space", flag(byte_level, "add_prefix_space")),
        ];
        let differs = |(key, does): (&str, Option<bool>)| {
            let (asked, does) = (said(key)?, does?);
            let instead = format!("{TOKENIZER} is read as it is, which says {does}");
            (asked != does).then(|| unfollowed(TOKENIZER_SETTINGS_FILE, &format!("{key} = {asked}"), &instead))
        };
        rules.into_iter().filter_map(differs).collect()
    }
}

/// Characters shown of a setting's value.
const SHOWN: usize = 60;

/// Settings of a transformer in a sentence-transformers folder, each with the value that changes nothing, if one does.
const SENTENCE_SETTINGS: [(&str, Option<&str>); 7] = [
    ("transformer_task", Some("feature-extraction")),
    ("processing_kwargs", None),
    ("processor_kwargs", None),
    ("tokenizer_args", None),
    ("query_length", None),
    ("document_length", None),
    ("query_expansion", None),
];

/// The same of a whole folder; the middle ones are those of models that compare texts token by token.
const WHOLE_SETTINGS: [(&str, Option<&str>); 7] = [
    ("model_type", Some("SentenceTransformer")),
    ("truncate_dim", None),
    ("query_prefix", None),
    ("document_prefix", None),
    ("query_length", None),
    ("document_length", None),
    ("skiplist_words", None),
];

/// The tokenizer's file, as messages name it.
const TOKENIZER: &str = "tokenizer.json";

impl EncoderFacts<'_> {
    fn file(&self) -> Json {
        self.tokenizer_file.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or(Json::Null)
    }
}

impl Module {
    fn unfollowed(&self, hidden_size: usize) -> Option<Unfollowed> {
        let module = self.to_string();
        if !self.is_library() {
            return Some(unfollowed(MODULES_FILE, &module, "it is code of the publisher's, which is not run"));
        }
        let arguments = self.arguments();
        if !arguments.is_empty() {
            let setting = format!("{module} with {}", arguments.join(", "));
            return Some(unfollowed(MODULES_FILE, &setting, "these are not given to it"));
        }
        match self.kind() {
            // A dropout does nothing but in training; pooling is chosen where vectors are asked for.
            "Transformer" | "Pooling" | "Dropout" => None,
            "Normalize" => {
                Some(unfollowed(MODULES_FILE, &module, "vectors are not scaled to length 1").unless_published())
            }
            "Dense" => {
                let width = self.config.get("out_features").and_then(Json::as_u64);
                let width = width.map_or_else(String::new, |width| format!(", and the publisher's {width}"));
                let instead = format!("its layer is not applied: vectors have {hidden_size} features{width}");
                Some(unfollowed(MODULES_FILE, &module, &instead).unless_published())
            }
            _ => Some(unfollowed(MODULES_FILE, &module, "it is not applied")),
        }
    }
}

fn unfollowed(file: &str, setting: &str, instead: &str) -> Unfollowed {
    Unfollowed {
        file: file.to_owned(),
        setting: setting.to_owned(),
        instead: instead.to_owned(),
        published_follows: false,
    }
}

/// The step of that type of a tokenizer's file, alone or in a sequence of steps.
fn step<'a>(file: &'a Json, part: &str, list: &str, kind: &str) -> Option<&'a Json> {
    let part = file.get(part)?;
    let steps = part.get(list).and_then(Json::as_array).into_iter().flatten();
    std::iter::once(part).chain(steps).find(|step| step.get("type").and_then(Json::as_str) == Some(kind))
}

/// The folder above, if a list of modules lies there that names this one: older folders keep the transformer apart.
fn above(folder: &Path) -> Result<Option<PathBuf>, EncoderError> {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let (Some(above), Some(name)) = (full.parent(), full.file_name().and_then(|name| name.to_str())) else {
        return Ok(None);
    };
    let list = json(&above.join(MODULES_FILE))?.unwrap_or(Json::Null);
    let named = Module::list(&list).iter().any(|module| module.path == name);
    Ok(named.then(|| above.to_path_buf()))
}

fn json(path: &Path) -> Result<Option<Json>, EncoderError> {
    let Some(bytes) = read_optional(path)? else { return Ok(None) };
    let json = serde_json::from_slice(&bytes);
    json.map(Some).map_err(|source| EncoderError::Json { path: path.to_path_buf(), source })
}
