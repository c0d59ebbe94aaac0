//! Where the caches of tokens and features lie that a run's answers came from.

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
    /// Under whose name they may lie: a fine-tuned run has an encoder of its own, and its training split that of the other.
    encoders: Vec<&'a str>,
    /// The splits that were answered, with the digests of their files.
    judged: Vec<(String, String)>,
}

/// A split's texts.
pub(super) struct Texts {
    /// `[rows]`.
    pub(super) example_ids: Vec<String>,
    /// Texts, pairs with a bar between them, or words with blanks, `[rows]`.
    pub(super) texts: Vec<String>,
}

/// What a file that cannot be read says of itself.
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

    /// Refuses a cached file of other rows than those of `split` that were answered: rows without ids of their own are
    /// numbered, and those of another file have the same ids.
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

    /// The features file of `split` that the head was judged on.
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

    /// The tokens file of `split`.
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

    /// The texts of `split`.
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

    /// The texts of the very rows that `example_ids` names, in their order.
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
