//! Where a run lies while it is fine-tuned: checkpoints, and the encoder that comes out.

use std::path::{Path, PathBuf};

use larder_files::{FileError, FolderLock, Home, Provenance, kill_point, read_json, write_atomic, write_json};
use larder_finetune::{BEST_FILE, LAST_FILE};
use larder_intake::{AddRequest, CONFIG_FILE, Encoder, TOKENIZER_FILE, add};
use larder_onnx::{EncoderConfig, Weights};
use larder_run::{Event, Larder, Observer};

use crate::PipelineError;

/// Ending of the hidden folder's name.
const TUNING: &str = "tuning";
/// What the run in the folder is made from.
const PROVENANCE: &str = "provenance.json";
/// Checkpoints that are kept, in the run's folder.
const CHECKPOINTS: &str = "checkpoints";
/// What the new encoder is made of, in transformers' form.
const SOURCE: &str = "source";
/// The new encoder's home.
const TUNED: &str = "tuned";

/// `runs/.<run>.tuning`: a run that is interrupted leaves it, and goes on from it.
pub(super) struct TuningFolder {
    path: PathBuf,
    lock: FolderLock,
    /// Whether there is a checkpoint to go on from.
    resumes: bool,
}

/// What becomes of an interrupted run's checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checkpoints {
    /// The run goes on from it if it is made from the same.
    OfTheSame,
    /// The run goes on from it, or fails.
    Required,
    /// It is given up.
    Unwanted,
}

impl TuningFolder {
    fn place(larder: &Larder, run: &str) -> PathBuf {
        larder.home().runs().join(format!(".{run}.{TUNING}"))
    }

    /// Takes the folder for this process alone, and decides by what the run is `made_from` whether it goes on from an
    /// interrupted one's checkpoint.
    ///
    /// # Errors
    /// [`FileError::Locked`] while another process fine-tunes that run.
    pub fn take(
        larder: &Larder,
        run: &str,
        made_from: &Provenance,
        checkpoints: Checkpoints,
        observer: &mut dyn Observer,
    ) -> Result<Self, PipelineError> {
        let path = Self::place(larder, run);
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
            (true, Checkpoints::Unwanted) => {
                folder.give_up("`--force` was given", observer)?;
                false
            }
            // A checkpoint of an earlier larder does not say what it is of; the run itself compares.
            (true, Checkpoints::OfTheSame) => match read_json::<Provenance>(&own).ok().flatten() {
                Some(found) => {
                    let changes: Vec<String> =
                        made_from.changes_since(&found).iter().map(ToString::to_string).collect();
                    if !changes.is_empty() {
                        folder.give_up(&changes.join("; "), observer)?;
                    }
                    changes.is_empty()
                }
                None => true,
            },
        };
        // Whether a checkpoint that must be gone on from is of the same run shows only when it is read.
        if checkpoints != Checkpoints::Required || !folder.resumes {
            write_json(&own, made_from)?;
        }
        for part in [SOURCE, TUNED] {
            remove(&folder.path.join(part))?;
        }
        Ok(folder)
    }

    /// Whether there is a checkpoint that the run goes on from.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Removes the checkpoints of the interrupted run, and says why.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn give_up(&mut self, why: &str, observer: &mut dyn Observer) -> Result<(), PipelineError> {
        let said =
            format!("the checkpoint of an interrupted run of this name is given up, and the run starts anew: {why}");
        observer.event(Event::Note(&said));
        self.resumes = false;
        [LAST_FILE, BEST_FILE].iter().try_for_each(|file| remove_file(&self.path.join(file)))
    }

    /// Removes what a process left that was killed after its run stood.
    pub fn remove(larder: &Larder, run: &str) -> Result<(), PipelineError> {
        match FolderLock::take_existing(&Self::place(larder, run)) {
            Some(lock) => Ok(lock.remove_folder()?),
            None => Ok(()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the tuned weights in as an encoder called `run`, with the tokenizer and configuration of the one it was made
    /// from, and gives its digest.
    ///
    /// # Errors
    /// [`PipelineError::Encoder`] when the result is no encoder, which a run that went wrong may be.
    pub fn add_encoder(
        &self,
        larder: &Larder,
        run: &str,
        from: &Encoder,
        config: &EncoderConfig,
        weights: &Weights,
    ) -> Result<String, PipelineError> {
        let source = self.path.join(SOURCE);
        let write =
            |name: &str, bytes: &[u8]| write_atomic(&source.join(name), |file| std::io::Write::write_all(file, bytes));
        // The published text says more than the graph needs: dropout, for one.
        let published = from.folder().join(CONFIG_FILE);
        let text = match std::fs::read(&published) {
            Ok(text) if EncoderConfig::from_json(&text).is_ok_and(|found| found == *config) => text,
            _ => config.to_json().into_bytes(),
        };
        write(CONFIG_FILE, &text)?;
        let tokenizer = std::fs::read(from.tokenizer_path()).map_err(FileError::io("read", &from.tokenizer_path()))?;
        write(TOKENIZER_FILE, &tokenizer)?;
        write("model.safetensors", &weights.to_bytes().map_err(larder_finetune::TuneError::from)?)?;
        let request = AddRequest { source, name: Some(run.to_owned()), replace: true, ..AddRequest::default() };
        let home = Home::new(self.path.join(TUNED));
        let added = add(&home, larder.runtime()?, &request, &mut |_| {})?;
        Ok(added.encoder.manifest().digest.clone())
    }

    /// Moves the encoder, and copies checkpoints that are to be kept, into the folder of the run: until that stands, the run
    /// can go on from them here.
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
                    // Two names of one file cost nothing, where the file system has them.
                    std::fs::hard_link(&from, &to)
                        .or_else(|_| std::fs::copy(&from, &to).map(drop))
                        .map_err(FileError::io("copy", &from))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the folder: the run stands.
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
