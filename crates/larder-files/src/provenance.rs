//! Provenance: the record of what an artifact was made from, and the check that it still holds.
//!
//! Provenance travels inside the artifact (Parquet key-value metadata under `larder.*`, or a JSON field), so a file
//! carried elsewhere still says where it comes from. It holds no times: the same inputs give the same bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefix of parts that are recorded and never compared: the device, the batch plan, the runtime's version.
/// They move the last bits of a vector, not its meaning, and moving to another machine must not cost a re-run.
const RAN: &str = "ran.";

/// The stage, its format version and every input and setting that decides the artifact's content, as text.
///
/// Content is named by hex blake3 digests under keys that end in `.digest`; how it was computed stands under `ran.`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The stage that wrote the artifact: `tokenize`, `encode`, ...
    pub stage: String,
    /// Version of the artifact's layout; a reader refuses to trust another one.
    pub format_version: u32,
    /// Inputs and settings by name.
    pub parts: BTreeMap<String, String>,
}

/// One difference between two provenances, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The part's name.
    pub part: String,
    /// Its value in the artifact, if it had one.
    pub before: Option<String>,
    /// Its value now, if it has one.
    pub after: Option<String>,
}

/// The state of an artifact: usable as it is, or not and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Made from exactly what a run now would use.
    Fresh,
    /// Made from something else: what changed.
    Stale(Vec<Change>),
    /// Not there.
    Missing,
}

impl Provenance {
    /// A provenance without parts.
    pub fn new(stage: &str, format_version: u32) -> Self {
        Self { stage: stage.to_owned(), format_version, parts: BTreeMap::new() }
    }

    /// Adds one part.
    #[must_use]
    pub fn with(mut self, part: &str, value: impl fmt::Display) -> Self {
        self.parts.insert(part.to_owned(), value.to_string());
        self
    }

    /// Adds many parts.
    #[must_use]
    pub fn with_all(mut self, parts: impl IntoIterator<Item = (String, String)>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// Returns a hexadecimal blake3 digest over stage, version and parts: one name for the artifact's content.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut field = |text: &str| {
            // Length first, so that no two lists of fields share one byte string.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        field(&self.stage);
        field(&self.format_version.to_string());
        for (part, value) in &self.parts {
            field(part);
            field(value);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Compares this provenance, the one that a run now would write, with that of an artifact, `found`.
    pub fn freshness(&self, found: Option<&Provenance>) -> Freshness {
        match found {
            None => Freshness::Missing,
            Some(found) => match self.changes_since(found) {
                changes if changes.is_empty() => Freshness::Fresh,
                changes => Freshness::Stale(changes),
            },
        }
    }

    /// Returns every part that differs from `older`, by name. Parts under `ran.` (how it was computed) do not count.
    pub fn changes_since(&self, older: &Provenance) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut add = |part: &str, before: Option<String>, after: Option<String>| {
            if before != after {
                changes.push(Change { part: part.to_owned(), before, after });
            }
        };
        add("stage", Some(older.stage.clone()), Some(self.stage.clone()));
        add("format_version", Some(older.format_version.to_string()), Some(self.format_version.to_string()));
        let names: std::collections::BTreeSet<&String> = older.parts.keys().chain(self.parts.keys()).collect();
        for name in names.into_iter().filter(|name| !name.starts_with(RAN)) {
            add(name, older.parts.get(name).cloned(), self.parts.get(name).cloned());
        }
        changes
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.part.strip_suffix(".digest");
        match (&self.before, &self.after, name) {
            (Some(_), Some(_), Some(content)) => write!(f, "{content}: content changed"),
            (Some(before), Some(after), None) => write!(f, "{}: {before} -> {after}", self.part),
            (None, Some(after), None) => write!(f, "{}: now {after}", self.part),
            (Some(before), None, None) => write!(f, "{}: no longer {before}", self.part),
            (None, _, Some(content)) => write!(f, "{content}: new"),
            (_, None, _) => write!(f, "{}: gone", name.unwrap_or(&self.part)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_reads_well() {
        let old = Provenance::new("encode", 1).with("layers", "-1").with("encoder.digest", "aa").with("gone", "x");
        let new = Provenance::new("encode", 2).with("layers", "all").with("encoder.digest", "bb").with("fresh", "y");
        let Freshness::Stale(changes) = new.freshness(Some(&old)) else { panic!() };
        let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "format_version: 1 -> 2",
                "encoder: content changed",
                "fresh: now y",
                "gone: no longer x",
                "layers: -1 -> all"
            ]
        );
        assert_eq!(new.freshness(Some(&new.clone())), Freshness::Fresh);
        assert_eq!(new.freshness(None), Freshness::Missing);
        assert_ne!(old.digest(), new.digest());
    }

    #[test]
    fn where_it_ran_is_recorded_and_changes_nothing() {
        let cpu = Provenance::new("encode", 1).with("layers", "-1").with("ran.device", "cpu");
        let cuda = Provenance::new("encode", 1).with("layers", "-1").with("ran.device", "cuda");
        assert_eq!(cuda.freshness(Some(&cpu)), Freshness::Fresh);
        assert_ne!(cpu, cuda);
    }

    #[test]
    fn the_digest_tells_field_borders_apart() {
        let a = Provenance::new("s", 1).with("ab", "c");
        let b = Provenance::new("s", 1).with("a", "bc");
        assert_ne!(a.digest(), b.digest());
    }
}
