//! The steps that `add`, `init` and `quantise` share: checks, the probe, and the folder.

use bytes::Bytes;
use std::io::Write;
use std::path::{Path, PathBuf};

use larder_errors::spelled_enum;
use larder_files::{FileError, Home, digest_bytes, kill_point, write_atomic, write_json};
use larder_onnx::{ConstantInput, Family, Hints, Interface, Model};
use larder_runtime::Runtime;
use larder_tokens::Tokenizer;

use crate::EncoderError;
use crate::declared::Declared;
use crate::encoder::{CONFIG_FILE, Encoder, MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE};
use crate::install::Workshop;
use crate::manifest::{EncoderManifest, FORMAT_VERSION, SourceRecord, Versions, input_records, output_records};
use crate::prepared::Prepared;
use crate::probe::{Candidate, ProbeResult};
use crate::publisher::{EncoderFacts, Published};
use crate::recipe::{PublisherRecord, RECIPE_WEIGHTS_FILE};
use crate::sizes::Sizes;

/// An encoder that is there now.
#[derive(Debug)]
pub struct AddedEncoder {
    /// The encoder.
    pub encoder: Encoder,
    /// The outcome.
    pub outcome: Outcome,
    /// Choices made on the way that a user may want to know about; `progress` heard those about the source too.
    pub notes: Vec<String>,
}

spelled_enum! {
    /// The outcome of adding an encoder.
    pub enum Outcome {
        /// The encoder is new.
        Added = "added",
        /// It took the place of another one of that name.
        Replaced = "replaced",
        /// The very same encoder was there already; nothing was done.
        Unchanged = "unchanged",
    }
}

/// Everything that an encoder is made of, in memory.
pub(crate) struct EncoderParts {
    pub name: String,
    pub replace: bool,
    /// The file that messages about the model name.
    pub model_path: PathBuf,
    pub model: Model,
    /// The bytes of `model.onnx`.
    pub model_bytes: Bytes,
    pub tokenizer: TokenizerSource,
    /// The text of `config.json`, and the file that messages name.
    pub config: Option<(PathBuf, Vec<u8>)>,
    pub published: PublisherSettings,
    pub hints: Hints,
    /// Inputs of the source that are constants of `model`.
    pub constant_inputs: Vec<ConstantInput>,
    pub source: SourceRecord,
    pub notes: Vec<String>,
}

/// Pooling and other settings of the publisher.
pub(crate) enum PublisherSettings {
    /// As the folder says it.
    Folder(Published),
    /// As it is known of the encoder that this one is made from, with the weights of the publisher's modules.
    Inherited(PublisherRecord, Option<Vec<u8>>),
}

/// The origin of the tokenizer.
pub(crate) enum TokenizerSource {
    /// A file, with its content.
    File(PathBuf, Vec<u8>),
    /// Made for the vocabulary.
    Made(Vec<u8>),
}

impl TokenizerSource {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::File(_, bytes) | Self::Made(bytes) => bytes,
        }
    }
}

impl EncoderParts {
    /// Checks the encoder, runs the probe, and puts the folder in its place. `workshop` is held from before anything
    /// was read, so that two processes cannot make one encoder.
    ///
    /// # Errors
    /// [`EncoderError::Exists`], and the errors of the checks.
    pub fn install(
        self,
        home: &Home,
        workshop: &Workshop,
        runtime: &Runtime,
        progress: &mut dyn FnMut(&str),
    ) -> Result<AddedEncoder, EncoderError> {
        let digest = digest_bytes(&self.model_bytes);
        let tokenizer_digest = digest_bytes(self.tokenizer.bytes());
        let outcome = match self.existing(home, &digest, &tokenizer_digest)? {
            ExistingEncoder::Identical(encoder) => {
                progress(&format!("encoder {} is there already, nothing to do", self.name));
                let encoder = self.with_publisher_record(home, *encoder)?;
                return Ok(AddedEncoder { encoder, outcome: Outcome::Unchanged, notes: self.notes });
            }
            ExistingEncoder::Replaceable => Outcome::Replaced,
            ExistingEncoder::Absent => Outcome::Added,
        };

        let staged = workshop.stage(&self.name)?;
        let write = |file: &str, bytes: &[u8]| write_file(staged.folder(), file, bytes);
        write(TOKENIZER_FILE, self.tokenizer.bytes())?;
        let tokenizer_path = match &self.tokenizer {
            TokenizerSource::File(path, _) => path.clone(),
            TokenizerSource::Made(_) => staged.folder().join(TOKENIZER_FILE),
        };
        progress("checking the tokenizer");
        let declared = Declared::new(self.config.as_ref(), &self.model)?;
        let sizes = self.config.as_ref().map(|(_, text)| Sizes::of(text)).unwrap_or_default();
        let mut interface = self.interface()?;
        interface.type_rows = interface.token_type_ids.as_ref().and(interface.type_rows.or(declared.type_rows));
        let tokenizer = Tokenizer::load(&tokenizer_path)?
            .with_type_rows(interface.type_rows)
            .with_embedding_rows(interface.vocabulary_size);
        interface.first_position = declared.first_position.filter(|_| interface.position_ids.is_some()).unwrap_or(0);
        check_tokenizer(&tokenizer, &tokenizer_path, &interface, declared.family)?;
        progress("running the probe texts");
        let probed = Candidate {
            runtime,
            path: &self.model_path,
            model: &self.model,
            declared_length: declared.max_positions,
            labels: declared.labels,
            config: declared.config.clone(),
            sizes: sizes.clone(),
            hints: self.hints.clone(),
            interface,
            tokenizer: &tokenizer,
        }
        .probe()?;

        progress("writing the folder");
        write(MODEL_FILE, &self.model_bytes)?;
        if let Some((_, text)) = &self.config {
            write(CONFIG_FILE, text)?;
        }
        let (found, gives_tokens) = (&probed.interface, probed.interface.token_output.is_some());
        let (publisher, weights) =
            self.publisher_record(&tokenizer, probed.max_positions, found.hidden_size, gives_tokens)?;
        if let Some(weights) = &weights {
            write(RECIPE_WEIGHTS_FILE, weights)?;
        }
        let manifest =
            self.manifest(digest, tokenizer_digest, declared, &sizes, &tokenizer, publisher, probed, runtime);
        kill_point("encoder-files-written");
        write_json(&staged.folder().join(MANIFEST_FILE), &manifest)?;
        staged.publish()?;
        let notes = self.notes.into_iter().chain(manifest.notes).collect();
        Ok(AddedEncoder { encoder: Encoder::open(home, &self.name)?, outcome, notes })
    }

    /// The encoder of this name that is there already.
    fn existing(&self, home: &Home, digest: &str, tokenizer_digest: &str) -> Result<ExistingEncoder, EncoderError> {
        let differs = match Encoder::open(home, &self.name) {
            Err(EncoderError::NotFound { .. }) => return Ok(ExistingEncoder::Absent),
            Err(_) if self.replace => return Ok(ExistingEncoder::Replaceable),
            Err(broken) => return Err(broken),
            Ok(there) if there.manifest().digest != digest => "its model",
            Ok(there) if there.manifest().tokenizer_digest != tokenizer_digest => "its tokenizer",
            Ok(there) if !there.interface().agrees_with(&self.hints) => "the reading of its inputs and outputs",
            // What runs and how was found out by another version, or by another ONNX Runtime: it is found out again.
            Ok(_) if self.replace => return Ok(ExistingEncoder::Replaceable),
            // A folder that was damaged since is not the same encoder.
            Ok(there) => match there.model_bytes().and_then(|_| there.tokenizer()) {
                Ok(_) => return Ok(ExistingEncoder::Identical(Box::new(there))),
                Err(damaged) => return Err(damaged),
            },
        };
        if self.replace {
            Ok(ExistingEncoder::Replaceable)
        } else {
            Err(EncoderError::Exists { name: self.name.clone(), differs })
        }
    }

    /// Reads the publisher's way from texts to vectors, as far as its files tell it.
    ///
    /// # Errors
    /// [`EncoderError::Read`], [`EncoderError::Model`] for weights of its modules.
    fn publisher_record(
        &self,
        tokenizer: &Tokenizer,
        max_tokens: usize,
        hidden_size: usize,
        gives_tokens: bool,
    ) -> Result<(PublisherRecord, Option<Vec<u8>>), EncoderError> {
        match &self.published {
            PublisherSettings::Inherited(record, weights) => Ok((record.clone(), weights.clone())),
            PublisherSettings::Folder(published) => {
                let facts = EncoderFacts {
                    tokenizer,
                    tokenizer_file: match &self.tokenizer {
                        TokenizerSource::File(_, bytes) => Some(bytes),
                        TokenizerSource::Made(_) => None,
                    },
                    max_tokens,
                    hidden_size,
                    gives_tokens,
                };
                published.record(&facts)
            }
        }
    }

    /// An encoder that is there already, with what the publisher is now known to ask for: an earlier version, or a folder
    /// with fewer files, may have told less.
    fn with_publisher_record(&self, home: &Home, encoder: Encoder) -> Result<Encoder, EncoderError> {
        let manifest = encoder.manifest();
        let (publisher, weights) = self.publisher_record(
            &*encoder.tokenizer()?,
            manifest.max_positions,
            manifest.hidden_size,
            encoder.gives_tokens(),
        )?;
        if publisher == manifest.publisher || publisher.pooling.is_none() && publisher.unfollowed.is_empty() {
            return Ok(encoder);
        }
        let manifest = EncoderManifest { publisher, ..manifest.clone() };
        if let Some(weights) = &weights {
            write_file(encoder.folder(), RECIPE_WEIGHTS_FILE, weights)?;
        }
        write_json(&encoder.folder().join(MANIFEST_FILE), &manifest)?;
        Encoder::open(home, &self.name)
    }

    fn interface(&self) -> Result<Interface, EncoderError> {
        self.model
            .check_self_contained()
            .and_then(|()| Interface::recognise_with(&self.model, &self.hints))
            .map_err(|source| EncoderError::Model { path: self.model_path.clone(), source })
    }

    #[allow(clippy::too_many_arguments, reason = "what was found out on the way")]
    fn manifest(
        &self,
        digest: String,
        tokenizer_digest: String,
        declared: Declared,
        sizes: &Sizes,
        tokenizer: &Tokenizer,
        publisher: PublisherRecord,
        probed: ProbeResult,
        runtime: &Runtime,
    ) -> EncoderManifest {
        let gives_tokens = probed.interface.token_output.is_some();
        let mut notes = notes(&probed, &declared, sizes);
        notes.extend(opening_note(tokenizer).filter(|_| gives_tokens));
        notes.extend(closing_note(tokenizer).filter(|_| gives_tokens));
        notes.extend(type_note(tokenizer));
        notes.extend(beyond_note(tokenizer, probed.interface.vocabulary_size));
        notes.extend(self.constant_inputs.iter().filter_map(constant_note));
        let ProbeResult {
            record,
            prepared,
            interface,
            mask_honoured,
            batch_independent,
            max_positions,
            max_positions_from,
        } = probed;
        EncoderManifest {
            format_version: FORMAT_VERSION,
            name: self.name.clone(),
            digest,
            tokenizer_digest,
            family: declared.family,
            hidden_size: interface.hidden_size,
            num_hidden_layers: interface.layers,
            num_attention_heads: declared.num_attention_heads,
            vocabulary_size: interface.vocabulary_size,
            max_positions,
            max_positions_from,
            inputs: input_records(&interface),
            constant_inputs: self.constant_inputs.clone(),
            outputs: output_records(&interface),
            fixed_batch: interface.fixed_batch(),
            fixed_seq: interface.fixed_seq(),
            hidden_states: interface.hidden_states.clone(),
            mask_honoured,
            batch_independent,
            prepared,
            notes,
            special_tokens: *tokenizer.special_tokens(),
            publisher,
            source: self.source.clone(),
            probe: record,
            versions: Versions {
                larder: env!("CARGO_PKG_VERSION").to_owned(),
                onnxruntime: runtime.version().to_owned(),
            },
            interface,
        }
    }
}

fn write_file(folder: &Path, file: &str, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic(&folder.join(file), |writer: &mut dyn Write| writer.write_all(bytes))
}

/// A note on texts that no token opens.
fn opening_note(tokenizer: &Tokenizer) -> Option<String> {
    (tokenizer.special_tokens().leading_tokens == 0).then(|| {
        "its tokenizer puts no token before a text: there is no feature `cls`, which is the vector of such a token"
            .to_owned()
    })
}

/// A note on texts that no token closes.
fn closing_note(tokenizer: &Tokenizer) -> Option<String> {
    tokenizer.special_tokens().sep_id.is_none().then(|| {
        "its tokenizer puts no token after a text, as those of decoders: the last token's vector (`lasttoken`) is that of the text's \
         own last token"
            .to_owned()
    })
}

/// A note on token types that the tokenizer gives and the encoder does not have.
fn type_note(tokenizer: &Tokenizer) -> Option<String> {
    if tokenizer.reads_types_as_zero() {
        return Some(
            "its table of token types has one row: every token is read with type 0, whatever type its tokenizer gives"
                .to_owned(),
        );
    }
    tokenizer.check_pair_types().err().map(|problem| format!("pairs of texts are refused: {problem}"))
}

/// Tokens beyond the table that a note names.
const NAMED_TOKENS: usize = 3;

/// A note on tokens that the encoder has no vector for.
fn beyond_note(tokenizer: &Tokenizer, rows: usize) -> Option<String> {
    let beyond = tokenizer.tokens_beyond(rows);
    let named: Vec<&str> = beyond.iter().take(NAMED_TOKENS).map(|(token, _)| token.as_str()).collect();
    let more = if beyond.len() > named.len() { ", ..." } else { "" };
    (!beyond.is_empty()).then(|| {
        format!(
            "its table of {rows} tokens has no vector for {} of its tokenizer ({}{more}): texts that have one are refused",
            beyond.len(),
            named.join(", ")
        )
    })
}

/// A note on an input whose value nobody told.
fn constant_note(input: &ConstantInput) -> Option<String> {
    let ConstantInput { name, value, told, .. } = input;
    (!told).then(|| {
        format!(
            "its input {name:?} is {value} for every text, which nobody said: if its publisher says another value, add it \
             with `--constant-input {name}=VALUE`"
        )
    })
}

/// Notes on what is unusual about an encoder.
fn notes(probed: &ProbeResult, declared: &Declared, sizes: &Sizes) -> Vec<String> {
    let interface = &probed.interface;
    let mut notes = Vec::new();
    // Without a table it matters only how far apart two positions are.
    let looks_up_positions = interface.position_ids.is_some() && interface.position_rows.is_some();
    if looks_up_positions && declared.first_position.is_none() {
        notes.push(
            "it takes its positions as an input, and no config.json of a known family says where they begin: they are \
             counted from 0 (RoBERTa's begin at 2)"
                .to_owned(),
        );
    }
    if interface.token_output.is_none() {
        notes.push(
            "it gives a sentence embedding only, which is used as given (feature `pooler`): no words or tokens can be \
             encoded, so tagging needs an export with its last hidden state"
                .to_owned(),
        );
    }
    if let (Some(token), Some(hidden)) = (&interface.token_output, &sizes.hidden)
        && hidden.size != interface.hidden_size
    {
        notes.push(format!(
            "its token vectors ({}) have {} features, and config.json says {} {}: they are not the last layer's but made \
             of them, and used as given",
            token.name, interface.hidden_size, hidden.key, hidden.size
        ));
    }
    if let (Some(_), Some(problem)) = (&interface.token_output, &interface.hidden_states_problem) {
        notes.push(format!("only its last layer can be read: {problem}"));
    }
    // What the given graph asks for binds larder's own no more.
    let rebuilt = matches!(probed.prepared, Prepared::Rebuilt(_));
    match interface.fixed_seq() {
        Some(size) if rebuilt => {
            notes.push(format!("the given graph takes {size} tokens: longer texts are cut to that"))
        }
        Some(size) => {
            notes.push(format!(
                "it takes {size} tokens and no fewer: shorter texts are padded to that, longer ones cut"
            ));
        }
        None => {}
    }
    if rebuilt {
        return notes;
    }
    if let Some(size) = interface.fixed_batch().filter(|size| *size > 1) {
        notes.push(format!("it takes {size} texts at once and no fewer: the last batches are filled up"));
    }
    if !probed.batch_independent {
        notes.push(format!(
            "dynamic quantisation makes a text's vectors depend on the texts beside it (by {:.1e} of their scale): each \
             text is run alone, which is slow; a float model needs no such care",
            probed.record.batch_deviation
        ));
    }
    if !probed.mask_honoured && probed.batch_independent {
        notes.push("padding changes its vectors: only texts of one length share a batch".to_owned());
    }
    notes
}

/// The encoder that is already there under the name of a new one.
enum ExistingEncoder {
    Absent,
    /// Another one, which may be replaced.
    Replaceable,
    Identical(Box<Encoder>),
}

/// Does the tokenizer belong to the encoder, and mark where texts end?
///
/// # Errors
/// [`EncoderError::Tokenizer`], [`EncoderError::NoClosingToken`].
pub(crate) fn check_tokenizer(
    tokenizer: &Tokenizer,
    path: &Path,
    interface: &Interface,
    family: Option<Family>,
) -> Result<(), EncoderError> {
    tokenizer.check_fits(interface.vocabulary_size)?;
    tokenizer.check_single_types()?;
    // Decoders' tokenizers open a text at most; a family that larder knows was trained on texts that are closed.
    match (tokenizer.special_tokens().sep_id, family) {
        (None, Some(_)) => Err(EncoderError::NoClosingToken { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}
