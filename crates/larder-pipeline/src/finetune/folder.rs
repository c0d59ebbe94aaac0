//! The folder of a run during fine-tuning: checkpoints, and the tuned encoder.

use std::path::{Path, PathBuf};

use larder_files::{FileError, FolderLock, Home, Provenance, kill_point, read_json, write_atomic, write_json};
use larder_finetune::{BEST_FILE, LAST_FILE, TunableEncoder};
use larder_intake::{AddRequest, CONFIG_FILE, Encoder, MODEL_FILE, TOKENIZER_FILE, add_with};
use larder_onnx::{EncoderConfig, Hints, Weights};
use larder_run::{Event, Larder, Observer};

use crate::PipelineError;

/// Suffix of the hidden folder.
const TUNING: &str = "tuning";
/// The provenance of the run in the folder.
const PROVENANCE: &str = "provenance.json";
/// Folder of kept checkpoints in the run's folder.
const CHECKPOINTS: &str = "checkpoints";
/// Folder with the tuned encoder's files: in transformers' form, or the given graph with new parameters.
const SOURCE: &str = "source";
/// Home of the tuned encoder.
const TUNED: &str = "tuned";

/// `runs/.<run>.tuning`: an interrupted run leaves it behind, and resumes from it.
pub(super) struct TuningFolder {
    path: PathBuf,
    lock: FolderLock,
    /// True if there is a checkpoint to resume from.
    resumes: bool,
}

/// The use of an interrupted run's checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checkpoints {
    /// Resume from it if its provenance is the same.
    IfSame,
    /// Resume from it, or fail.
    Required,
    /// Discard it.
    Discarded,
}

impl TuningFolder {
    fn path_of(larder: &Larder, run: &str) -> PathBuf {
        larder.home().runs().join(format!(".{run}.{TUNING}"))
    }

    /// Returns when no process fine-tunes the run; says whether it waited. See [`FolderLock::wait`].
    pub fn wait(larder: &Larder, run: &str) -> bool {
        FolderLock::wait(&Self::path_of(larder, run))
    }

    /// Locks the folder for this process, and resumes from an interrupted run's checkpoint if `checkpoints` and the provenance
    /// `made_from` allow it.
    ///
    /// # Errors
    /// [`FileError::Locked`] while another process fine-tunes the run.
    pub fn take(
        larder: &Larder,
        run: &str,
        made_from: &Provenance,
        checkpoints: Checkpoints,
        observer: &mut dyn Observer,
    ) -> Result<Self, PipelineError> {
        let path = Self::path_of(larder, run);
        let lock = FolderLock::take(&path)?;
        let mut folder = Self { path, lock, resumes: false };
        let own = folder.path.join(PROVENANCE);
        folder.resumes = match (folder.path.join(LAST_FILE).exists(), checkpoints) {
            (false, Checkpoints::Required) => {
                observer.event(Event::Note("there is no checkpoint to go on from: starting anew"));
                false
            }
            (false, _) => false,
            (true, Checkpoints::Required) => true,
            (true, Checkpoints::Discarded) => {
                folder.discard_checkpoints("`--force` was given", observer)?;
                false
            }
            // A checkpoint of an earlier larder has no provenance; the run itself compares it.
            (true, Checkpoints::IfSame) => match read_json::<Provenance>(&own).ok().flatten() {
                Some(found) => {
                    let changes: Vec<String> =
                        made_from.changes_since(&found).iter().map(ToString::to_string).collect();
                    if !changes.is_empty() {
                        folder.discard_checkpoints(&changes.join("; "), observer)?;
                    }
                    changes.is_empty()
                }
                None => true,
            },
        };
        // With `Required`, reading the checkpoint shows whether it belongs to this run.
        if checkpoints != Checkpoints::Required || !folder.resumes {
            write_json(&own, made_from)?;
        }
        for part in [SOURCE, TUNED] {
            remove(&folder.path.join(part))?;
        }
        Ok(folder)
    }

    /// Returns true if the run resumes from a checkpoint.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Discards the interrupted run's checkpoints, and reports why.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn discard_checkpoints(&mut self, why: &str, observer: &mut dyn Observer) -> Result<(), PipelineError> {
        let said =
            format!("the checkpoint of an interrupted run of this name is given up, and the run starts anew: {why}");
        observer.event(Event::Note(&said));
        self.resumes = false;
        [LAST_FILE, BEST_FILE].iter().try_for_each(|file| remove_file(&self.path.join(file)))
    }

    /// Removes what a process left that was killed after its run was complete.
    pub fn remove(larder: &Larder, run: &str) -> Result<(), PipelineError> {
        match FolderLock::take_existing(&Self::path_of(larder, run)) {
            Some(lock) => Ok(lock.remove_folder()?),
            None => Ok(()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the tuned weights as an encoder called `run`, with the tokenizer and configuration of `from`, and returns its
    /// digest.
    ///
    /// # Errors
    /// [`PipelineError::Encoder`] if the result is no usable encoder, as after a failed run.
    pub fn add_encoder(
        &self,
        larder: &Larder,
        run: &str,
        from: &Encoder,
        tunable: &TunableEncoder,
        weights: &Weights,
    ) -> Result<String, PipelineError> {
        let source = self.path.join(SOURCE);
        let write =
            |name: &str, bytes: &[u8]| write_atomic(&source.join(name), |file| std::io::Write::write_all(file, bytes));
        // The published text says more than the graph needs, such as dropout.
        let published = from.folder().join(CONFIG_FILE);
        let text = std::fs::read(&published).ok();
        let text = match tunable.config() {
            None => text,
            Some(config) => {
                let is_it = |text: &Vec<u8>| EncoderConfig::from_json(text).is_ok_and(|found| found == *config);
                Some(text.filter(is_it).unwrap_or_else(|| config.to_json().into_bytes()))
            }
        };
        text.map_or(Ok(()), |text| write(CONFIG_FILE, &text))?;
        let tokenizer = std::fs::read(from.tokenizer_path()).map_err(FileError::io("read", &from.tokenizer_path()))?;
        write(TOKENIZER_FILE, &tokenizer)?;
        let wrong = larder_finetune::TuneError::from;
        let hints = match tunable.config() {
            Some(_) => {
                write("model.safetensors", &weights.to_bytes().map_err(wrong)?)?;
                Hints::default()
            }
            None => {
                let model = from.model()?.with_trained(weights).and_then(|model| model.to_bytes());
                write(MODEL_FILE, &model.map_err(wrong)?)?;
                from.interface().as_hints()
            }
        };
        let request = AddRequest { source, name: Some(run.to_owned()), replace: true, ..AddRequest::default() };
        let home = Home::new(self.path.join(TUNED));
        let added = add_with(&home, larder.runtime()?, &request, &hints, &mut |_| {})?;
        Ok(added.encoder.manifest().digest.clone())
    }

    /// Moves the encoder, and copies checkpoints to keep, into the folder of the run: until that is complete, the run can
    /// resume from them here.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn move_into(&self, run: &Path, keep_checkpoints: bool) -> Result<(), PipelineError> {
        let (from, to) = (Home::new(self.path.join(TUNED)).encoders(), Home::new(run).encoders());
        std::fs::rename(&from, &to).map_err(FileError::io("move", &from))?;
        kill_point("tuned-encoder-moved");
        remove_file(&to.join(FolderLock::FILE))?;
        if keep_checkpoints {
            let kept = run.join(CHECKPOINTS);
            std::fs::create_dir_all(&kept).map_err(FileError::io("make the folder", &kept))?;
            for file in [BEST_FILE, LAST_FILE] {
                let from = self.path.join(file);
                if from.exists() {
                    let to = kept.join(file);
                    // A hard link costs nothing, where the file system has them.
                    std::fs::hard_link(&from, &to)
                        .or_else(|_| std::fs::copy(&from, &to).map(drop))
                        .map_err(FileError::io("copy", &from))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the folder of a completed run.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn finish(self) -> Result<(), PipelineError> {
        Ok(self.lock.remove_folder()?)
    }
}

fn remove(folder: &Path) -> Result<(), PipelineError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::io("remove", folder)(error).into())
        }
        _ => Ok(()),
    }
}

fn remove_file(file: &Path) -> Result<(), PipelineError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::io("remove", file)(error).into()),
        _ => Ok(()),
    }
}
