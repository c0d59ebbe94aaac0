//! The cached tokens and features behind a run's answers.

use std::path::{Path, PathBuf};

use larder_data::Content;
use larder_run::page::Missing;
use larder_run::{Evaluation, Larder, RunRecord, data_digest};
use larder_runtime::Device;
use larder_store::{TokensProjection, TokensReader};

/// The caches of one run.
pub(super) struct Cache<'a> {
    larder: &'a Larder,
    record: &'a RunRecord,
    /// The encoders that may have made them: a fine-tuned run has its own, and its training split has tokens of the original
    /// one.
    encoders: Vec<&'a str>,
    /// The splits that were answered, with the digests of their files.
    judged: Vec<(String, String)>,
}

/// A split's texts.
pub(super) struct Texts {
    /// `[rows]`.
    pub(super) example_ids: Vec<String>,
    /// Texts, pairs joined by a bar, or words joined by blanks, `[rows]`.
    pub(super) texts: Vec<String>,
}

/// Returns the message about an unreadable file.
pub(super) fn unreadable(error: impl std::fmt::Display) -> Missing {
    Missing(format!("{error}."))
}

impl<'a> Cache<'a> {
    pub(super) fn new(larder: &'a Larder, record: &'a RunRecord, evaluation: Option<&Evaluation>) -> Self {
        let encoders = match record.head.tuned() {
            Some(_) => vec![record.run.as_str(), record.encoder.as_str()],
            None => vec![record.encoder.as_str()],
        };
        Self { larder, record, encoders, judged: evaluation.map(Evaluation::judged).unwrap_or_default() }
    }

    /// Rejects a cached file made from other data than the answers to `split`: rows without ids are numbered, so ids alone do
    /// not tell.
    fn check(&self, path: &Path, split: &str) -> Result<(), Missing> {
        let answered = self.judged.iter().find(|(judged, digest)| judged == split && !digest.is_empty());
        let Some((_, answered)) = answered else { return Ok(()) };
        match data_digest(path, split).map_err(unreadable)? {
            Some(cached) if cached != *answered => Err(format!(
                "What the cache holds of {split} is of another file than the answers; `larder eval {}` brings both together.",
                self.record.run
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Returns the features file of `split` that was evaluated.
    pub(super) fn features(&self, split: &str) -> Result<PathBuf, Missing> {
        let kind = self.record.encode_options(Device::Cpu, 0).settings.kind();
        let encoder = self.encoders.first().copied().unwrap_or_default();
        let path = self.larder.home().features(&self.record.dataset, encoder, &kind, split);
        let path = path.map_err(unreadable)?;
        if !path.is_file() {
            return Err(format!(
                "There are no embeddings to show: the features of {split} are no longer in the cache; `larder eval {}` makes \
                 them again.",
                self.record.run
            )
            .into());
        }
        self.check(&path, split).map(|()| path)
    }

    pub(super) fn tokens(&self, split: &str) -> Result<PathBuf, Missing> {
        let places =
            self.encoders.iter().map(|encoder| self.larder.home().tokens(&self.record.dataset, encoder, split));
        let found = places.filter_map(Result::ok).find(|path| path.is_file());
        let path = found.ok_or_else(|| {
            Missing(format!(
                "The tokens of {split} are no longer in the cache; `larder eval {}` makes them again.",
                self.record.run
            ))
        })?;
        self.check(&path, split).map(|()| path)
    }

    pub(super) fn texts(&self, split: &str) -> Result<Texts, Missing> {
        let path = self.tokens(split)?;
        let mut found = Texts { example_ids: Vec::new(), texts: Vec::new() };
        for batch in TokensReader::open(&path, TokensProjection::All).map_err(unreadable)? {
            for row in batch.and_then(|batch| batch.rows(&path)).map_err(unreadable)? {
                found.example_ids.push(row.example_id);
                found.texts.push(match row.content {
                    Content::Text { text, text_b: None } => text,
                    Content::Text { text, text_b: Some(second) } => format!("{text} | {second}"),
                    Content::Words(words) => words.join(" "),
                });
            }
        }
        Ok(found)
    }

    /// Returns the texts of the rows `example_ids`, in order.
    pub(super) fn texts_of(&self, split: &str, example_ids: &[String]) -> Result<Vec<String>, Missing> {
        let found = self.texts(split)?;
        if found.example_ids != example_ids {
            return Err(format!(
                "The texts of {split} are not shown: the cached tokens are of other rows than the answers; `larder eval {}` \
                 brings both together.",
                self.record.run
            )
            .into());
        }
        Ok(found.texts)
    }
}
