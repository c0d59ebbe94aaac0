//! What a stage tells while it works. The library never prints.

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

/// How long one stage took on one split.
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
    /// Whether the artifact was up to date.
    pub fresh: bool,
    /// The device that ran, for the stages that choose one.
    pub device: Option<String>,
}

impl StageTime {
    /// The device that ran, or that nothing had to be done.
    pub fn note(&self) -> String {
        match (&self.device, self.fresh) {
            (_, true) => "up to date".to_owned(),
            (Some(device), false) => device.clone(),
            (None, false) => String::new(),
        }
    }
}

/// What happens, as it happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// The stages that follow are those of one encoder of several.
    Encoder {
        /// Its name.
        name: &'a str,
        /// Its place among them, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A stage has nothing to do.
    Fresh {
        /// The stage.
        stage: Stage,
        /// The split or run.
        subject: &'a str,
        /// The artifact.
        path: &'a Path,
    },
    /// A stage begins; `changes` says why the artifact there is out of date, and is empty when there is none.
    Started {
        /// The stage.
        stage: Stage,
        /// The split or run.
        subject: &'a str,
        /// What changed since the artifact was made.
        changes: &'a [Change],
    },
    /// Rows tokenized so far.
    Tokenizing {
        /// Rows.
        rows: u64,
    },
    /// Rows encoded so far.
    Encoding(Progress),
    /// Fits done so far in model selection.
    Training {
        /// Fits done.
        done: usize,
        /// Fits in all, as far as is known.
        total: usize,
        /// What is being fitted.
        what: &'a str,
    },
    /// Rows of a file answered so far.
    Predicting {
        /// Rows, those of an earlier process included.
        rows: u64,
        /// Rows in all, where the file says so.
        total: Option<u64>,
    },
    /// A tokens file stands.
    Tokenized {
        /// The split.
        split: &'a str,
        /// What was done.
        report: &'a TokenizeReport,
        /// The file.
        path: &'a Path,
    },
    /// A features file stands.
    Encoded {
        /// The split.
        split: &'a str,
        /// What was done.
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
    /// Encoder and head were judged while they are trained.
    Judged {
        /// Steps done.
        step: usize,
        /// What the score is called.
        name: &'static str,
        /// The score: more is better.
        score: f64,
        /// Mean loss of the judged rows.
        loss: f64,
    },
    /// A head stands.
    Trained {
        /// What trained it.
        stage: Stage,
        /// The run.
        run: &'a str,
        /// Wall-clock seconds.
        seconds: f64,
    },
    /// Something the user should know.
    Note(&'a str),
}

/// Hears what stages do.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: Event<'_>);
}

/// Hears and says nothing.
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
