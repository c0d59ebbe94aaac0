//! An encoder that was added: its folder and its manifest.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use larder_errors::listed;
use larder_files::verify_json;
use larder_files::{Home, MappedFile, check_name, digest_bytes};
use larder_onnx::{EncoderConfig, FeatureKind, Interface, Model, Pool, Weights};
use larder_tokens::Tokenizer;

use crate::EncoderError;
use crate::error::BrokenManifest;
use crate::files::{names_in, read, read_optional};
use crate::install::{Workshop, recover};
use crate::manifest::{EncoderManifest, FORMAT_VERSION, SourceKind, SourceRecord};
use crate::recipe::{RECIPE_WEIGHTS_FILE, Recipe};
use crate::sizes::Sizes;

/// The graph and its parameters.
pub const MODEL_FILE: &str = "model.onnx";
/// The tokenizer, as published.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The model's configuration, as published, where there was one.
pub const CONFIG_FILE: &str = "config.json";
/// The manifest.
pub const MANIFEST_FILE: &str = "encoder.json";

/// An encoder in its home. Opening it reads the manifest alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    name: String,
    folder: PathBuf,
    manifest: EncoderManifest,
    /// Tells the user what restores the encoder after one of its files changed.
    way_out: &'static str,
    read: FilesRead,
}

/// The encoder's files from when they are first read; their digests are the manifest's. They say nothing about which encoder
/// this is.
#[derive(Clone, Debug, Default)]
struct FilesRead {
    model: Arc<OnceLock<MappedFile>>,
    tokenizer: Arc<OnceLock<Arc<Tokenizer>>>,
}

impl PartialEq for FilesRead {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A folder among the encoders.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The encoder, or why it is broken.
    pub encoder: Result<Encoder, EncoderError>,
}

impl Encoder {
    /// Opens the encoder of that name.
    ///
    /// # Errors
    /// [`EncoderError::NotFound`] lists the encoders there are; [`EncoderError::Broken`]; [`EncoderError::File`] for a
    /// name that cannot be a folder's.
    pub fn open(home: &Home, name: &str) -> Result<Self, EncoderError> {
        check_name("encoder", name)?;
        Self::expect(home, name)?;
        let folder = home.encoder(name)?;
        let path = folder.join(MANIFEST_FILE);
        let broken =
            |problem: BrokenManifest| EncoderError::Broken { name: name.to_owned(), path: path.clone(), problem };
        let bytes = read_optional(&path)?.ok_or_else(|| broken(BrokenManifest::Missing))?;
        verify_json(&bytes).map_err(|what| broken(BrokenManifest::Damaged(what)))?;
        let manifest = parse(&bytes).map_err(broken)?;
        match [MODEL_FILE, TOKENIZER_FILE].into_iter().find(|file| !folder.join(file).is_file()) {
            Some(missing) => Err(broken(BrokenManifest::MissingFile(missing))),
            None => {
                let (name, way_out) = (name.to_owned(), "add the encoder again with --replace");
                Ok(Self { name, folder, manifest, way_out, read: FilesRead::default() })
            }
        }
    }

    /// Removes the encoder of that name, broken or not.
    ///
    /// # Errors
    /// [`EncoderError::NotFound`]; [`EncoderError::File`] for a name that cannot be a folder's, and when another process holds the
    /// encoders; [`EncoderError::Folder`].
    pub fn remove(home: &Home, name: &str) -> Result<(), EncoderError> {
        check_name("encoder", name)?;
        Self::expect(home, name)?;
        Workshop::wait_and_open(home)?.remove(name)
    }

    fn expect(home: &Home, name: &str) -> Result<(), EncoderError> {
        if recover(home, name)? {
            return Ok(());
        }
        Err(EncoderError::NotFound { name: name.to_owned(), home: home.encoders(), known: folders(home)? })
    }

    /// Returns true if this encoder was quantised from `other`, as that is now.
    pub fn is_quantised_from(&self, other: &Self) -> bool {
        let SourceRecord { kind, files, .. } = &self.manifest.source;
        *kind == SourceKind::Quantised && files.first().is_some_and(|file| file.digest == other.manifest.digest)
    }

    /// This encoder as one that a run was fine-tuned to: nobody added it.
    #[must_use]
    pub fn of_run(self) -> Self {
        Self { way_out: "fine-tune the run again with --force", ..self }
    }

    /// All encoders by name, broken ones included. A home without any is fine.
    ///
    /// # Errors
    /// [`EncoderError::Read`] when the folder of encoders cannot be listed.
    pub fn list(home: &Home) -> Result<Vec<Listed>, EncoderError> {
        let listed = |name: String| Listed { encoder: Self::open(home, &name), name };
        Ok(folders(home)?.into_iter().map(listed).collect())
    }

    /// The name, that of the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The manifest.
    pub fn manifest(&self) -> &EncoderManifest {
        &self.manifest
    }

    /// The roles of its inputs and outputs.
    pub fn interface(&self) -> &Interface {
        &self.manifest.interface
    }

    /// The file with the model.
    pub fn model_path(&self) -> PathBuf {
        self.folder.join(MODEL_FILE)
    }

    /// The file with the tokenizer.
    pub fn tokenizer_path(&self) -> PathBuf {
        self.folder.join(TOKENIZER_FILE)
    }

    /// The longest text that the encoder reads, in tokens, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.manifest.max_positions
    }

    /// The longest text that may be asked for, in tokens: where no table of positions ends the texts, more than
    /// [`Encoder::max_tokens`] were read.
    pub fn longest_tokens(&self) -> usize {
        self.manifest.max_positions.max(self.manifest.probe.longest_read)
    }

    /// Warns of texts of up to `asked` tokens, if that is more than the encoder is made for.
    pub fn length_note(&self, asked: usize) -> Option<String> {
        let (made_for, longest) = (self.max_tokens(), self.longest_tokens());
        if asked > longest {
            return Some(format!(
                "{asked} tokens were asked for, and the encoder reads {longest}: longer texts are cut to that, or \
                 into windows of that"
            ));
        }
        (asked > made_for).then(|| {
            format!(
                "{asked} tokens were asked for, and {made_for} are declared: the encoder has no table of positions that ends \
                 there, and reads up to {longest}; whether longer texts have good vectors depends on its training"
            )
        })
    }

    /// Does padding change the vectors of real tokens? Then only texts of one length may share a batch.
    pub fn needs_exact_lengths(&self) -> bool {
        !self.manifest.mask_honoured
    }

    /// Must every text be run by itself? Its vectors would depend on the texts beside it.
    pub fn runs_alone(&self) -> bool {
        !self.manifest.batch_independent
    }

    /// Does it give a vector for each token? If not, it gives a sentence's vector alone, the feature `pooler`.
    pub fn gives_tokens(&self) -> bool {
        self.interface().token_output.is_some()
    }

    /// The default pooling of a text: the mean over the tokens, or the model's own output where it gives no tokens.
    pub fn default_pool(&self) -> Pool {
        if self.gives_tokens() { Pool::Mean } else { Pool::Pooler }
    }

    /// The pooling that gives the publisher's vectors where it is known, else the [default](Self::default_pool).
    pub fn publisher_pool(&self) -> Pool {
        if self.manifest.publisher.recipe.is_some() { Pool::Published } else { self.default_pool() }
    }

    /// The publisher's recipe of a text's vector.
    ///
    /// # Errors
    /// [`EncoderError::NoRecipe`].
    pub fn recipe(&self) -> Result<&Recipe, EncoderError> {
        let publisher = &self.manifest.publisher;
        publisher.recipe.as_ref().ok_or_else(|| EncoderError::NoRecipe {
            name: self.name.clone(),
            problem: match &publisher.recipe_problem {
                Some(problem) => problem.clone(),
                None if !self.gives_tokens() => "its graph gives texts' vectors alone, which are `pooler`".to_owned(),
                None => "no folder of sentence-transformers came with it".to_owned(),
            },
        })
    }

    /// Adds the publisher's vector to a model that gives the encoder's hidden states, whose inputs and outputs are `interface`.
    ///
    /// # Errors
    /// [`EncoderError::NoRecipe`]; [`EncoderError::Changed`] when its weights are not those that were added;
    /// [`EncoderError::Read`], [`EncoderError::Model`].
    pub fn with_published(&self, model: &Model, interface: &Interface) -> Result<Model, EncoderError> {
        let recipe = self.recipe()?;
        let path = self.folder.join(RECIPE_WEIGHTS_FILE);
        let wrong = |source| EncoderError::Model { path: path.clone(), source };
        let weights = match self.recipe_weights()? {
            Some(bytes) => Weights::from_bytes(&bytes).map_err(wrong)?,
            None => Weights::default(),
        };
        recipe.vector.add_to(model, interface, &weights).map_err(wrong)
    }

    /// The bytes of the weights of the publisher's modules, where they have any.
    pub(crate) fn recipe_weights(&self) -> Result<Option<Vec<u8>>, EncoderError> {
        let digest = self.manifest.publisher.recipe.as_ref().and_then(|recipe| recipe.weights_digest.as_deref());
        digest.map(|digest| self.checked(&self.folder.join(RECIPE_WEIGHTS_FILE), digest)).transpose()
    }

    /// The elements of a vector of that kind.
    pub fn width(&self, kind: FeatureKind) -> usize {
        match (&self.manifest.publisher.recipe, kind) {
            (Some(recipe), FeatureKind::Pooled(Pool::Published)) => recipe.vector.width(self.manifest.hidden_size),
            _ => self.interface().width(kind),
        }
    }

    /// The publisher's settings that larder does not follow when it pools texts with `pools`, in words.
    pub fn unfollowed(&self, pools: &[Pool]) -> Vec<String> {
        let publisher = &self.manifest.publisher;
        let is_published = pools == [Pool::Published];
        let pooling = publisher.pooling.as_ref().filter(|_| self.gives_tokens() && !is_published);
        let pooling = pooling.filter(|pooling| pooling.modes != pools).map(|pooling| {
            let join = |pools: &[Pool]| pools.iter().map(|pool| pool.as_str()).collect::<Vec<_>>().join(" + ");
            format!("the publisher's pooling is {}, and this is {}", join(&pooling.modes), join(pools))
        });
        let others = publisher.unfollowed.iter().filter(|setting| !(is_published && setting.published_follows));
        let mut all: Vec<String> = pooling.into_iter().chain(others.map(ToString::to_string)).collect();
        if !all.is_empty() && !is_published && publisher.recipe.is_some() {
            all.push("`--pool published` gives the publisher's vectors".to_owned());
        }
        all
    }

    /// Reads its `config.json`, where it came with one.
    ///
    /// # Errors
    /// [`EncoderError::Read`].
    pub fn config_text(&self) -> Result<Option<Vec<u8>>, EncoderError> {
        read_optional(&self.folder.join(CONFIG_FILE))
    }

    /// Its configuration, of a family that larder builds.
    pub(crate) fn config(&self) -> Option<EncoderConfig> {
        EncoderConfig::from_json(&self.config_text().ok()??).ok()
    }

    /// Rows of the table of token types. Manifests of earlier versions lack them, and the configuration may tell.
    pub fn type_rows(&self) -> Option<usize> {
        let interface = self.interface();
        interface.token_type_ids.as_ref()?;
        let declared = || {
            let config = self.config_text().ok()??;
            let config: serde_json::Value = serde_json::from_slice(&config).ok()?;
            let rows = usize::try_from(config.get("type_vocab_size")?.as_u64()?).ok()?;
            (rows > 0).then_some(rows)
        };
        interface.type_rows.or_else(declared)
    }

    /// Loads the model, functions of its own put in the place of their calls.
    ///
    /// # Errors
    /// [`EncoderError::Changed`] when it is not the file that was added; [`EncoderError::Read`];
    /// [`EncoderError::Model`].
    pub fn model(&self) -> Result<Model, EncoderError> {
        let wrong = |source| EncoderError::Model { path: self.model_path(), source };
        Model::from_bytes(self.model_bytes()?).and_then(Model::inlined).map_err(wrong)
    }

    /// The sizes that its `config.json` names.
    pub(crate) fn sizes(&self) -> Result<Sizes, EncoderError> {
        let config = self.config_text()?;
        Ok(config.map(|text| Sizes::of(&text)).unwrap_or_default())
    }

    /// The bytes of the model's file, mapped. See [`Encoder::check_model_unchanged`].
    ///
    /// # Errors
    /// [`EncoderError::Changed`] when it is not the file that was added; [`EncoderError::Read`].
    pub fn model_bytes(&self) -> Result<Bytes, EncoderError> {
        if let Some(file) = self.read.model.get().filter(|file| file.check_unchanged().is_ok()) {
            return Ok(file.bytes().clone());
        }
        let path = self.model_path();
        let file = MappedFile::open(&path).map_err(|source| EncoderError::Read { path: path.clone(), source })?;
        self.check_digest(&path, file.bytes(), &self.manifest.digest)?;
        let bytes = file.bytes().clone();
        // One that was there and changed stays: sessions were opened of it.
        let _ = self.read.model.set(file);
        Ok(bytes)
    }

    /// Checks that nobody has written into the model's file since it was read: what was made of its bytes is what was added.
    ///
    /// # Errors
    /// [`EncoderError::Read`] if somebody has.
    pub fn check_model_unchanged(&self) -> Result<(), EncoderError> {
        let wrong = |source| EncoderError::Read { path: self.model_path(), source };
        self.read.model.get().map_or(Ok(()), |file| file.check_unchanged().map_err(wrong))
    }

    /// Loads the tokenizer as vectors of those poolings are read: the publisher's reads as the publisher does. With it the
    /// longest text that is read, in tokens.
    ///
    /// # Errors
    /// As [`Encoder::tokenizer`]; [`EncoderError::NoRecipe`].
    pub fn tokenizer_of(&self, pools: &[Pool]) -> Result<(Arc<Tokenizer>, usize), EncoderError> {
        if !pools.contains(&Pool::Published) {
            return Ok((self.tokenizer()?, self.max_tokens()));
        }
        let recipe = self.recipe()?;
        let tokenizer = self.load_tokenizer()?;
        let tokenizer = if recipe.lowercase { tokenizer.lowercased(recipe.keeps_accents)? } else { tokenizer };
        Ok((Arc::new(tokenizer.cutting_first(recipe.truncates_left)), recipe.max_tokens))
    }

    /// The text that stands before each: the publisher's of that name, or its usual one before the publisher's own vector.
    ///
    /// # Errors
    /// [`EncoderError::NoRecipe`], [`EncoderError::UnknownPrompt`].
    pub fn prompt(&self, name: Option<&str>, pools: &[Pool]) -> Result<&str, EncoderError> {
        if name.is_none() && !pools.contains(&Pool::Published) {
            return Ok("");
        }
        self.recipe()?.prompt(name).map_err(|known| EncoderError::UnknownPrompt {
            encoder: self.name.clone(),
            prompt: name.unwrap_or_default().to_owned(),
            known: listed(known),
        })
    }

    /// Returns the tokenizer, which is loaded once: a multilingual one is large.
    ///
    /// # Errors
    /// [`EncoderError::Changed`] when it is not the file that was added; [`EncoderError::Tokenizer`].
    pub fn tokenizer(&self) -> Result<Arc<Tokenizer>, EncoderError> {
        if let Some(tokenizer) = self.read.tokenizer.get() {
            return Ok(Arc::clone(tokenizer));
        }
        let tokenizer = Arc::new(self.load_tokenizer()?);
        Ok(Arc::clone(self.read.tokenizer.get_or_init(|| tokenizer)))
    }

    /// Reads the tokenizer's file, whatever was read of it before.
    pub(crate) fn load_tokenizer(&self) -> Result<Tokenizer, EncoderError> {
        let path = self.tokenizer_path();
        let tokenizer =
            Tokenizer::load(&path)?.with_type_rows(self.type_rows()).with_embedding_rows(self.manifest.vocabulary_size);
        let found = tokenizer.digest();
        let expected = &self.manifest.tokenizer_digest;
        if found != expected {
            return Err(EncoderError::Changed {
                path,
                way_out: self.way_out,
                expected: expected.clone(),
                found: found.to_owned(),
            });
        }
        Ok(tokenizer)
    }

    fn checked(&self, path: &Path, expected: &str) -> Result<Vec<u8>, EncoderError> {
        let bytes = read(path)?;
        self.check_digest(path, &bytes, expected)?;
        Ok(bytes)
    }

    fn check_digest(&self, path: &Path, bytes: &[u8], expected: &str) -> Result<(), EncoderError> {
        let found = digest_bytes(bytes);
        if found == expected {
            return Ok(());
        }
        let (path, expected) = (path.to_path_buf(), expected.to_owned());
        Err(EncoderError::Changed { path, way_out: self.way_out, expected, found })
    }
}

/// The names of all encoders' folders, sorted.
fn folders(home: &Home) -> Result<Vec<String>, EncoderError> {
    let encoders = home.encoders();
    if !encoders.exists() {
        return Ok(Vec::new());
    }
    let mut names = names_in(&encoders)?;
    names.retain(|name| !name.starts_with('.') && encoders.join(name).is_dir());
    Ok(names)
}

fn parse(bytes: &[u8]) -> Result<EncoderManifest, BrokenManifest> {
    // The version first: another layout may differ in anything else.
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u64,
    }
    let Version { format_version: found } = serde_json::from_slice(bytes).map_err(BrokenManifest::Malformed)?;
    if found != u64::from(FORMAT_VERSION) {
        return Err(BrokenManifest::Version { found, expected: FORMAT_VERSION });
    }
    serde_json::from_slice(bytes).map_err(BrokenManifest::Malformed)
}
