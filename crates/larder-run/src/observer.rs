//! Progress of stages, reported to an observer: the library never prints.

use std::fmt;
use std::path::Path;

use larder_encode::{EncodeReport, Progress};
use larder_files::Change;
use larder_finetune::HistoryRow;
use larder_tokens::TokenizeReport;
use serde::{Deserialize, Serialize};

/// A stage of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Texts to token ids.
    Tokenize,
    /// Token ids to vectors.
    Encode,
    /// Vectors to a head.
    Train,
    /// Encoder and head, trained together.
    Finetune,
    /// A head's scores.
    Eval,
    /// A run's answers to the rows of a file.
    Predict,
}

/// The time of one stage on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// The split.
    pub split: String,
    /// Wall-clock seconds of this invocation; of a stage that was up to date, the seconds of the check.
    pub seconds: f64,
    /// Rows.
    pub rows: u64,
    /// True if the artifact was up to date.
    pub fresh: bool,
    /// The device used, for stages that choose one.
    pub device: Option<String>,
}

impl StageTime {
    /// Returns the device used, or `up to date`.
    pub fn note(&self) -> String {
        match (&self.device, self.fresh) {
            (_, true) => "up to date".to_owned(),
            (Some(device), false) => device.clone(),
            (None, false) => String::new(),
        }
    }
}

/// A step in the progress of stages.
#[derive(Debug)]
pub enum Event<'a> {
    /// The following stages are those of one of several encoders.
    Encoder {
        /// Its name.
        name: &'a str,
        /// Its number, from 1.
        number: usize,
        /// Number of encoders.
        of: usize,
    },
    /// An artifact is up to date.
    Fresh {
        /// The stage.
        stage: Stage,
        /// The split or run.
        subject: &'a str,
        /// The artifact.
        path: &'a Path,
    },
    /// A stage begins; `changes` says why the existing artifact is stale, and is empty if there is none.
    Started {
        /// The stage.
        stage: Stage,
        /// The split or run.
        subject: &'a str,
        /// The changes since the artifact was made.
        changes: &'a [Change],
    },
    /// Rows tokenized so far.
    Tokenizing {
        /// Rows.
        rows: u64,
    },
    /// Rows encoded so far.
    Encoding(Progress),
    /// Parts of a feature set brought from its store so far.
    Collecting {
        /// The manifest.
        name: &'a str,
        /// Parts brought.
        brought: usize,
        /// Parts in all.
        parts: usize,
    },
    /// Fits of a model selection.
    Training {
        /// Fits done.
        done: usize,
        /// Fits in all, as far as known.
        total: usize,
        /// The candidate being fitted.
        what: &'a str,
    },
    /// Rows of a file answered so far.
    Predicting {
        /// Rows, those of an earlier process included.
        rows: u64,
        /// Rows in all, where the file says so.
        total: Option<u64>,
    },
    /// A tokens file is complete.
    Tokenized {
        /// The split.
        split: &'a str,
        /// The stage's report.
        report: &'a TokenizeReport,
        /// The file.
        path: &'a Path,
    },
    /// A features file is complete.
    Encoded {
        /// The split.
        split: &'a str,
        /// The stage's report.
        report: &'a EncodeReport,
        /// The file.
        path: &'a Path,
    },
    /// A step of fine-tuning is done.
    Tuning {
        /// The step.
        row: &'a HistoryRow,
        /// Steps of the whole run.
        total: usize,
    },
    /// Encoder and head were evaluated during training.
    Judged {
        /// Steps done.
        step: usize,
        /// The name of the score.
        name: &'static str,
        /// The score; higher is better.
        score: f64,
        /// Mean loss of the evaluated rows.
        loss: f64,
    },
    /// A head is complete.
    Trained {
        /// The stage that trained it.
        stage: Stage,
        /// The run.
        run: &'a str,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// Something the user should know.
    Note(&'a str),
}

/// Receives the progress of stages.
pub trait Observer {
    /// Receives an event.
    fn event(&mut self, event: Event<'_>);

    /// Returns true to end a stage that would lose much otherwise: it keeps what it has first. Asked after each step of fine-tuning.
    fn asks_to_end(&self) -> bool {
        false
    }
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event<'_>) {}
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tokenize => "tokenize",
            Self::Encode => "encode",
            Self::Train => "train",
            Self::Finetune => "finetune",
            Self::Eval => "eval",
            Self::Predict => "predict",
        })
    }
}
