//! The publisher's recipe of a text's vector: the modules of a sentence-transformers folder, as larder follows them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use larder_files::digest_bytes;
use larder_onnx::{DenseActivation, DensePublished, PublishedStep, PublishedSteps, Weight, Weights};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::EncoderError;
use crate::files::read_optional;
use crate::pooling::Pooling;
use crate::publisher::{EncoderFacts, Module, Published, Unfollowed};

/// The weights of the publisher's modules, in an encoder's folder.
pub const RECIPE_WEIGHTS_FILE: &str = "published.safetensors";

/// The weights of a module, in its own folder.
pub(crate) const MODULE_WEIGHTS_FILE: &str = "model.safetensors";

/// From a text to the publisher's vector of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// From token vectors to the text's.
    pub vector: PublishedSteps,
    /// Hex blake3 digest of [`RECIPE_WEIGHTS_FILE`], where a step has weights.
    pub weights_digest: Option<String>,
    /// The longest text that is read, in tokens with special tokens.
    pub max_tokens: usize,
    /// Are capital letters made small before the tokenizer reads them?
    pub lowercase: bool,
    /// Do accents stay then, where the tokenizer's own rules would take them away with the capitals?
    pub keeps_accents: bool,
    /// Do long texts lose their first tokens, not their last?
    pub truncates_left: bool,
    /// Texts that are put before others, by name.
    pub prompts: BTreeMap<String, String>,
    /// The prompt that is used unless another is named.
    pub default_prompt: Option<String>,
}

impl Recipe {
    /// Returns the hex blake3 digest of everything that a vector depends on.
    pub fn digest(&self) -> String {
        let vector = (&self.vector, &self.weights_digest);
        // Names, numbers and lists of them: JSON can hold it.
        digest_bytes(&serde_json::to_vec(&vector).expect("a recipe can be written as JSON"))
    }

    /// Returns the text to put before others: the prompt of that name, or the usual one.
    ///
    /// # Errors
    /// The names that there are, for another.
    pub fn prompt(&self, name: Option<&str>) -> Result<&str, Vec<&str>> {
        let Some(name) = name.or(self.default_prompt.as_deref()) else { return Ok("") };
        let known = || self.prompts.keys().map(String::as_str).collect();
        self.prompts.get(name).map(String::as_str).ok_or_else(known)
    }
}

impl Recipe {
    /// Names the changes that the publisher makes to a text before its vector is made, and that the texts of a data set, read as they
    /// stand up to `max_tokens`, do not get; `None` if there are none.
    pub fn unread(&self, max_tokens: usize) -> Option<String> {
        let prompt = self.default_prompt.as_ref().and_then(|name| self.prompts.get(name));
        let done = [
            (self.max_tokens < max_tokens).then(|| format!("cut to {} tokens", self.max_tokens)),
            self.truncates_left.then(|| "cut in front".to_owned()),
            self.lowercase.then(|| "in small letters".to_owned()),
            prompt.map(|prompt| format!("behind {prompt:?}")),
        ];
        let done: Vec<String> = done.into_iter().flatten().collect();
        (!done.is_empty()).then(|| {
            format!(
                "the publisher's vectors are those of texts {}: the texts of a data set are read as they stand, up to {max_tokens} \
                 tokens",
                done.join(", ")
            )
        })
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools: Vec<&str> = self.vector.pools.iter().map(|pool| pool.as_str()).collect();
        f.write_str(&pools.join(" + "))?;
        for step in &self.vector.steps {
            match step {
                PublishedStep::Dense(dense) => write!(f, ", {} features ({})", dense.outputs, dense.activation)?,
                PublishedStep::Normalize => f.write_str(", normalised")?,
                PublishedStep::Truncate(features) => write!(f, ", the first {features} features")?,
            }
        }
        write!(f, "; of texts up to {} tokens", self.max_tokens)?;
        let said = [(self.truncates_left, ", of longer ones the last"), (self.lowercase, ", in small letters")];
        said.into_iter().filter(|(is, _)| *is).try_for_each(|(_, words)| f.write_str(words))?;
        match &self.default_prompt {
            Some(name) => {
                write!(f, ", behind {:?} (the prompt {name})", self.prompts.get(name).map_or("", String::as_str))
            }
            None => Ok(()),
        }
    }
}

/// The publisher's way from texts to vectors, as far as its files told it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PublisherRecord {
    /// The poolings.
    pub pooling: Option<Pooling>,
    /// All of it, where larder can follow it.
    #[serde(default)]
    pub recipe: Option<Recipe>,
    /// The reason why larder cannot.
    #[serde(default)]
    pub recipe_problem: Option<String>,
    /// Settings of the publisher's folder that larder does not follow unless it is asked to, or at all. Poolings are not
    /// among them: whoever asks for vectors chooses.
    #[serde(default)]
    pub unfollowed: Vec<Unfollowed>,
}

/// A recipe and the weights of its modules; or the reason why larder cannot follow it.
pub(crate) type ReadRecipe = Result<(Recipe, Weights), String>;

impl Published {
    /// Returns the record, and the bytes of [`RECIPE_WEIGHTS_FILE`](crate::RECIPE_WEIGHTS_FILE) where there are any.
    ///
    /// # Errors
    /// [`EncoderError::Read`], [`EncoderError::Model`] for weights of the modules.
    pub fn record(&self, facts: &EncoderFacts<'_>) -> Result<(PublisherRecord, Option<Vec<u8>>), EncoderError> {
        let unfollowed = self.unfollowed(facts);
        let mut record = PublisherRecord { pooling: self.pooling.clone(), unfollowed, ..PublisherRecord::default() };
        let mut bytes = None;
        match self.recipe(facts)? {
            Some(Ok((recipe, weights))) => {
                if weights.names().next().is_some() {
                    let path = || PathBuf::from(RECIPE_WEIGHTS_FILE);
                    let made = weights.to_bytes().map_err(|source| EncoderError::Model { path: path(), source })?;
                    bytes = Some(made);
                }
                let weights_digest = bytes.as_deref().map(digest_bytes);
                record.recipe = Some(Recipe { weights_digest, ..recipe });
            }
            Some(Err(problem)) => record.recipe_problem = Some(problem),
            None => {}
        }
        Ok((record, bytes))
    }

    /// Reads the recipe; `None` where the folder says nothing of how texts are pooled, or the graph gives texts' vectors
    /// alone, with all of it inside.
    ///
    /// # Errors
    /// [`EncoderError::Read`], [`EncoderError::Model`] for weights that are there and cannot be read.
    pub(crate) fn recipe(&self, facts: &EncoderFacts<'_>) -> Result<Option<ReadRecipe>, EncoderError> {
        let EncoderFacts { hidden_size: hidden, max_tokens, .. } = *facts;
        let Some(pooling) = self.pooling.as_ref().filter(|_| facts.gives_tokens) else { return Ok(None) };
        let mut vector = PublishedSteps { pools: pooling.modes.clone(), steps: Vec::new() };
        let mut weights = Weights::default();
        // In front of the pooling stands the transformer.
        let behind = self.modules.iter().position(|module| module.is("Pooling")).map_or(0, |place| place + 1);
        for (place, module) in self.modules.iter().enumerate() {
            let step = match (module.problem(), place.cmp(&behind)) {
                (Some(problem), _) => Err(problem),
                (None, std::cmp::Ordering::Less) if module.is("Transformer") || module.is("Pooling") => Ok(None),
                (None, std::cmp::Ordering::Less) => Err(format!("{module} stands before the pooling")),
                (None, _) => self.step(module, vector.width(hidden), &mut weights)?,
            };
            match step {
                Ok(step) => vector.steps.extend(step),
                Err(problem) => return Ok(Some(Err(problem))),
            }
        }
        if let Some(features) = number(&self.sentences, "truncate_dim") {
            vector.steps.push(PublishedStep::Truncate(features));
        }
        let sentence = self.sentence.as_ref().map_or(&Json::Null, |(_, json)| json);
        let longest = number(sentence, "max_seq_length").or_else(|| number(&self.tokenizer, "model_max_length"));
        let side = self.tokenizer.get("truncation_side").and_then(Json::as_str);
        let recipe = Recipe {
            vector,
            weights_digest: None,
            max_tokens: longest.unwrap_or(max_tokens).min(max_tokens),
            lowercase: sentence.get("do_lower_case").and_then(Json::as_bool) == Some(true),
            keeps_accents: self.tokenizer.get("do_lower_case").and_then(Json::as_bool) == Some(false),
            truncates_left: side == Some("left"),
            prompts: self.filled_prompts(),
            default_prompt: self.default_prompt(),
        };
        let includes = |module: &Module| module.config.get("include_prompt").and_then(Json::as_bool) != Some(false);
        if !recipe.prompts.is_empty() && !self.modules.iter().filter(|module| module.is("Pooling")).all(includes) {
            let problem = "its prompts are read and not pooled (include_prompt = false)".to_owned();
            return Ok(Some(Err(problem)));
        }
        Ok(Some(Ok((recipe, weights))))
    }

    /// Reads the step of a module behind the pooling, which gets vectors of `width` features.
    fn step(
        &self,
        module: &Module,
        width: usize,
        weights: &mut Weights,
    ) -> Result<Result<Option<PublishedStep>, String>, EncoderError> {
        Ok(match module.kind() {
            "Dropout" => Ok(None),
            "Normalize" => Ok(Some(PublishedStep::Normalize)),
            "Dense" => match module.dense(width) {
                Ok(dense) => self.dense_weights(module, &dense, weights)?.map(|()| Some(PublishedStep::Dense(dense))),
                Err(problem) => Err(problem),
            },
            _ => Err(format!("{module} is not known")),
        })
    }

    fn dense_weights(
        &self,
        module: &Module,
        dense: &DensePublished,
        weights: &mut Weights,
    ) -> Result<Result<(), String>, EncoderError> {
        let folder = self.root.clone().unwrap_or_default().join(&module.path);
        let path = folder.join(MODULE_WEIGHTS_FILE);
        let Some(bytes) = read_optional(&path)? else {
            return Ok(Err(format!("{module} has no {MODULE_WEIGHTS_FILE}: other files of weights are not read")));
        };
        let wrong = |source| EncoderError::Model { path: path.clone(), source };
        let own = Weights::from_bytes(&bytes).map_err(wrong)?;
        let mut take = |part: &str, shape: Vec<usize>| {
            let values = own.get(&format!("linear.{part}"), &shape).map_err(wrong)?.to_vec();
            weights.insert(&format!("{}.{part}", dense.name), Weight { shape, values }).map_err(wrong)
        };
        take("weight", vec![dense.outputs, dense.inputs])?;
        if dense.bias {
            take("bias", vec![dense.outputs])?;
        }
        Ok(Ok(()))
    }
}

impl Module {
    /// Why it cannot be followed, whatever it is.
    fn problem(&self) -> Option<String> {
        if !self.is_library() {
            return Some(format!("{self} is code of the publisher's"));
        }
        let arguments = self.arguments();
        (!arguments.is_empty()).then(|| format!("{self} is given {}", arguments.join(", ")))
    }

    /// A dense layer for vectors of so many features.
    fn dense(&self, width: usize) -> Result<DensePublished, String> {
        let config = &self.config;
        let size = |key: &str| number(config, key).ok_or_else(|| format!("{self} does not say its {key}"));
        let flag = |key: &str, usual: bool| config.get(key).and_then(Json::as_bool).unwrap_or(usual);
        let (inputs, outputs) = (size("in_features")?, size("out_features")?);
        if inputs != width {
            return Err(format!("{self} reads {inputs} features, and there are {width}"));
        }
        for key in ["module_input_name", "module_output_name"] {
            let name = config.get(key).and_then(Json::as_str).unwrap_or(SENTENCE_VECTOR);
            if name != SENTENCE_VECTOR {
                return Err(format!("{self} has {key} = {name}"));
            }
        }
        let residual = flag("use_residual", false);
        if residual && inputs != outputs {
            return Err(format!("{self} adds what it reads to what it makes, of another width"));
        }
        // PyTorch's class, with the modules that it is in; the usual one is that of the library.
        let activation = config.get("activation_function").and_then(Json::as_str).unwrap_or("Tanh");
        let activation: DenseActivation = activation
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|problem| format!("{self}: {problem}"))?;
        Ok(DensePublished { name: self.path.clone(), inputs, outputs, bias: flag("bias", true), activation, residual })
    }
}

/// What the library calls a text's vector.
const SENTENCE_VECTOR: &str = "sentence_embedding";

fn number(json: &Json, key: &str) -> Option<usize> {
    json.get(key).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok())
}
