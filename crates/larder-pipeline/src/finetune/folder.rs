//! Where a run lies while it is fine-tuned: checkpoints, and the encoder that comes out.

use std::path::{Path, PathBuf};

use larder_encoder::{AddRequest, CONFIG_FILE, Encoder, TOKENIZER_FILE, add};
use larder_finetune::{BEST_FILE, LAST_FILE};
use larder_onnx::{EncoderConfig, Weights};
use larder_store::{FolderLock, Home, StoreError, write_atomic};

use crate::{Event, Larder, Observer, PipelineError};

/// Ending of the hidden folder's name.
const TUNING: &str = "tuning";
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
}

impl TuningFolder {
    fn place(larder: &Larder, run: &str) -> PathBuf {
        larder.home().runs().join(format!(".{run}.{TUNING}"))
    }

    /// Takes the folder for this process alone. Unless `resume`, an interrupted run's checkpoints in it are given up.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process fine-tunes that run.
    pub fn take(larder: &Larder, run: &str, resume: bool, observer: &mut dyn Observer) -> Result<Self, PipelineError> {
        let path = Self::place(larder, run);
        let lock = FolderLock::take(&path)?;
        let folder = Self { path, lock };
        let last = folder.path.join(LAST_FILE);
        match (resume, last.exists()) {
            (true, false) => observer.event(Event::Note("there is no checkpoint to go on from: starting anew")),
            (false, true) => {
                observer.event(Event::Note(
                    "an interrupted run of this name is given up; `--resume` would have gone on from its checkpoint",
                ));
                for file in [last, folder.path.join(BEST_FILE)] {
                    remove_file(&file)?;
                }
            }
            _ => {}
        }
        for part in [SOURCE, TUNED] {
            remove(&folder.path.join(part))?;
        }
        Ok(folder)
    }

    /// Removes what a process left that was killed after its run stood.
    pub fn remove(larder: &Larder, run: &str) -> Result<(), PipelineError> {
        let path = Self::place(larder, run);
        if path.exists() && FolderLock::take(&path).is_ok() {
            remove(&path)?;
        }
        Ok(())
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
        let tokenizer = std::fs::read(from.tokenizer_path()).map_err(StoreError::io("read", &from.tokenizer_path()))?;
        write(TOKENIZER_FILE, &tokenizer)?;
        write("model.safetensors", &weights.to_bytes().map_err(larder_finetune::TuneError::from)?)?;
        let request = AddRequest { source, name: Some(run.to_owned()), replace: true, ..AddRequest::default() };
        let home = Home::new(self.path.join(TUNED));
        let added = add(&home, larder.runtime()?, &request, &mut |_| {})?;
        Ok(added.encoder.manifest().digest.clone())
    }

    /// Moves the encoder, and checkpoints that are to be kept, into the folder of the run.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn move_into(&self, run: &Path, keep_checkpoints: bool) -> Result<(), PipelineError> {
        let (from, to) = (Home::new(self.path.join(TUNED)).encoders(), Home::new(run).encoders());
        std::fs::rename(&from, &to).map_err(StoreError::io("move", &from))?;
        remove_file(&to.join(FolderLock::FILE))?;
        if keep_checkpoints {
            let kept = run.join(CHECKPOINTS);
            std::fs::create_dir_all(&kept).map_err(StoreError::io("make the folder", &kept))?;
            for file in [BEST_FILE, LAST_FILE] {
                let from = self.path.join(file);
                if from.exists() {
                    std::fs::rename(&from, kept.join(file)).map_err(StoreError::io("move", &from))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the folder: the run stands.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn finish(self) -> Result<(), PipelineError> {
        drop(self.lock);
        remove(&self.path)
    }
}

fn remove(folder: &Path) -> Result<(), PipelineError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", folder)(error).into())
        }
        _ => Ok(()),
    }
}

fn remove_file(file: &Path) -> Result<(), PipelineError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("remove", file)(error).into()),
        _ => Ok(()),
    }
}
