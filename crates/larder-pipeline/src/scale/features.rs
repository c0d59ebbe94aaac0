//! Feature sets of plans, brought into the home and taken for a split's features.

use std::path::{Path, PathBuf};

use larder_data::DatasetSpec;
use larder_encode::plan_encode;
use larder_files::{FileError, Freshness};
use larder_intake::Encoder;
use larder_run::{EncodeOptions, Event, Larder, Observer};
use larder_scale::{FeatureSet, Manifest, ObjectUri, ScaleError, keys};
use larder_store::read_provenance;

use crate::PipelineError;
use crate::encode::{request, target};
use crate::tokenize::tokenize_split;

/// The part of a features file that names the plan of its shards.
const RAN_PLAN: &str = "ran.plan";

/// A features file that was named, by its path or by a manifest.
#[derive(Debug)]
pub struct NamedFeatures {
    /// The features file.
    pub path: PathBuf,
    /// Of a manifest, the tokens file of its split, if the home has one.
    pub tokens: Option<PathBuf>,
}

impl NamedFeatures {
    /// Takes a file as it is. The parts that a manifest names are brought into the home first.
    ///
    /// # Errors
    /// [`PipelineError::Scale`].
    pub fn open(larder: &Larder, name: &Path, observer: &mut dyn Observer) -> Result<Self, PipelineError> {
        let text = name.to_string_lossy();
        let uri = match ObjectUri::manifest(&text) {
            Ok(uri) => uri,
            Err(error) if text.contains("://") => return Err(error.into()),
            Err(_) => return Ok(Self { path: name.to_path_buf(), tokens: None }),
        };
        let (path, manifest) = bring(larder, &uri, observer)?;
        let Manifest { dataset, encoder, split, .. } = &manifest;
        let tokens = larder.home().tokens(dataset, encoder, split).ok().filter(|path| path.is_file());
        Ok(Self { path, tokens })
    }
}

/// Brings the parts that a manifest names into the home, joined into one features file. A manifest never changes, so what was brought
/// once is taken as it is.
fn bring(larder: &Larder, uri: &ObjectUri, observer: &mut dyn Observer) -> Result<(PathBuf, Manifest), PipelineError> {
    let set = FeatureSet::open(uri)?;
    let path = larder.home().collected(&uri.plan_id)?;
    if plan_of(&path)?.as_ref() != Some(&uri.plan_id) {
        let (name, parts) = (set.uri(), set.manifest().parts.len());
        set.join(&path, &mut |brought| observer.event(Event::Collecting { name: &name, brought, parts }))?;
    }
    Ok((path, set.into_manifest()))
}

/// Takes feature sets for the features of the splits that they were planned for, in place of an encode here.
///
/// # Errors
/// [`PipelineError::OtherFeatures`] for a set that was made from other texts, with another encoder or with other settings than
/// `options`; [`PipelineError`].
pub fn use_features(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &EncodeOptions,
    sets: &[ObjectUri],
    observer: &mut dyn Observer,
) -> Result<(), PipelineError> {
    for uri in sets {
        let (collected, Manifest { split, .. }) = bring(larder, uri, observer)?;
        let split = split.as_str();
        let (tokens, _) = tokenize_split(larder, spec, encoder, split, &options.tokenize, observer)?;
        let target = target(larder, spec, encoder, split, options)?;
        if let Freshness::Stale(changes) = plan_encode(&request(encoder, &tokens, &collected, options))?.freshness {
            let manifest = uri.store.object(&keys::manifest(&uri.plan_id));
            return Err(PipelineError::OtherFeatures { manifest, split: split.to_owned(), changes });
        }
        if plan_of(&target)?.as_ref() != Some(&uri.plan_id) {
            link(&collected, &target)?;
        }
    }
    Ok(())
}

/// Returns the plan that a features file was made by; `None` for another one's, a damaged one and for none.
fn plan_of(path: &Path) -> Result<Option<String>, PipelineError> {
    let found = match read_provenance(path) {
        Err(error) if error.is_broken_file() => None,
        found => found.map_err(ScaleError::from)?,
    };
    Ok(found.and_then(|mut found| found.parts.remove(RAN_PLAN)))
}

/// Puts the file at a second place, which replaces what is there. Features files are never written into, so both may be one.
fn link(file: &Path, target: &Path) -> Result<(), PipelineError> {
    let parent = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FileError::io("make the folder", parent))?;
    let folder = tempfile::Builder::new().prefix(".collected-").tempdir_in(parent);
    let folder = folder.map_err(FileError::io("make a folder in", parent))?;
    let second = folder.path().join("features.parquet");
    if std::fs::hard_link(file, &second).is_err() {
        std::fs::copy(file, &second).map_err(FileError::io("copy into", folder.path()))?;
    }
    Ok(std::fs::rename(&second, target).map_err(FileError::io("rename into place", target))?)
}
