//! Streaming the examples of one split: one policy for bad rows, one set of checks, whatever the format.
//!
//! A bad row is one that can be told apart from its neighbours and left out: [`OnBadRow`] decides. What makes the rest
//! of a file unreadable (a disk error, a quote never closed, a damaged Parquet page) ends the reader under either policy.

use larder_errors::Names;
use larder_tags::{IllegalTag, Scheme, Tag};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::choice::{DEFAULT_ON_ILLEGAL_TAGS, Format, OnBadRow, OnIllegalTags};
use crate::error::DataError;
use crate::example::{Content, Example};
use crate::labels::LabelMap;
use crate::placeholder::is_placeholder;
use crate::row::{Fault, Row, RowReader, check_content, place};
use crate::row_problem::{Place, RowProblem};
use crate::slice::RowSlice;
use crate::spec::DatasetSpec;
use crate::split_rows::SplitRows;
use crate::tag_fit::with_fitting_lines;
use crate::tag_style::TagStyle;
use crate::tags::to_iob2;
use crate::target::Target;
use crate::target_columns::RowTarget;

/// Skipped rows listed one by one; beyond, they are only counted. More than anybody reads, little memory.
pub const MAX_LISTED_SKIPS: usize = 1000;

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRow {
    /// Its file, where the split has several.
    pub file: Option<Arc<Path>>,
    /// Its line or row.
    pub place: Place,
    /// The problem with it.
    pub reason: RowProblem,
}

impl SkippedRow {
    /// One-based line (Parquet: row).
    pub fn line(&self) -> u64 {
        self.place.number()
    }
}

/// The rows that were left out so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SkippedRows {
    /// Number of rows.
    pub count: u64,
    /// The first [`MAX_LISTED_SKIPS`] of them.
    pub rows: Vec<SkippedRow>,
}

/// Reads one split, an [`Example`] at a time, in constant memory.
///
/// After an error it ends. A file without any row is an error, and so is one whose rows are all bad.
pub struct ExampleReader {
    rows: SplitRows,
    format: Format,
    scheme: Scheme,
    tag_style: TagStyle,
    /// The description and the split, of which a message says how its tags would be legal.
    split: Option<Box<(DatasetSpec, String)>>,
    on_bad_row: OnBadRow,
    on_illegal_tags: OnIllegalTags,
    labels: Option<Known>,
    /// True if labels and types other than `labels` are given as they are.
    unseen: bool,
    ignore_targets: bool,
    limit: u64,
    /// Rows seen, bad ones too: the number of the next row.
    seen: u64,
    /// The number of the first row in the split.
    first: u64,
    /// True if there may be no row to give: others read the rest of the split.
    is_slice: bool,
    given: u64,
    repaired: u64,
    skipped: SkippedRows,
    done: bool,
}

/// Labels a row may have, and the entity types among them.
struct Known {
    labels: LabelMap,
    types: Names,
}

impl ExampleReader {
    /// Opens a split of `spec`.
    ///
    /// # Errors
    /// [`DataError::UnknownSplit`], [`DataError::VariableNotSet`], [`DataError::OpenSplit`], [`DataError::Empty`];
    /// [`DataError::MissingColumn`], [`DataError::AmbiguousColumn`] and, for Parquet, [`DataError::ColumnType`] where the
    /// file itself names its columns.
    pub fn open(spec: &DatasetSpec, split: &str, on_bad_row: OnBadRow) -> Result<Self, DataError> {
        let split_of = Box::new((spec.clone(), split.to_owned()));
        Ok(Self { split: Some(split_of), ..Self::of_rows(SplitRows::open(spec, split)?, spec, on_bad_row) })
    }

    /// Opens consecutive rows of a split: those of each slice, of the file at its path. Rows have the numbers that they have in the
    /// split, and all of them may be bad.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_slices(
        spec: &DatasetSpec,
        split: &str,
        slices: &[(PathBuf, RowSlice)],
        on_bad_row: OnBadRow,
    ) -> Result<Self, DataError> {
        let rows = SplitRows::open_slices(spec, split, slices)?;
        let first = slices.first().map_or(0, |(_, slice)| slice.first_row);
        Ok(Self { first, is_slice: true, ..Self::of_rows(rows, spec, on_bad_row) })
    }

    fn of_rows(rows: SplitRows, spec: &DatasetSpec, on_bad_row: OnBadRow) -> Self {
        Self {
            rows,
            format: spec.format,
            scheme: spec.scheme,
            tag_style: spec.tag_style.clone(),
            split: None,
            on_bad_row,
            on_illegal_tags: DEFAULT_ON_ILLEGAL_TAGS,
            labels: None,
            unseen: false,
            ignore_targets: false,
            limit: u64::MAX,
            seen: 0,
            first: 0,
            is_slice: false,
            given: 0,
            repaired: 0,
            skipped: SkippedRows::default(),
            done: false,
        }
    }

    /// Makes a row with a label, or with a tag of an entity type, that `labels` does not know a bad row.
    #[must_use]
    pub fn with_labels(mut self, labels: LabelMap) -> Self {
        let types = Names::new(labels.tag_set().map(|set| set.types().to_vec()).unwrap_or_default());
        self.labels = Some(Known { labels, types });
        self
    }

    /// Gives rows with labels and tags that `labels` does not know as they are: a predictor that never saw them answers them
    /// wrongly. A placeholder for no label is a bad row, unless `labels` has it.
    #[must_use]
    pub fn with_seen_labels(self, labels: LabelMap) -> Self {
        Self { unseen: true, ..self.with_labels(labels) }
    }

    /// Gives rows without targets, and does not ask what is in their column.
    #[must_use]
    pub fn ignoring_targets(self) -> Self {
        Self { ignore_targets: true, ..self }
    }

    /// Returns the names of the targets' classes, where the file lists them; else nothing.
    pub(crate) fn class_names(&self) -> &[String] {
        self.rows.class_names()
    }

    /// The rows as the format gives them.
    pub(crate) fn into_rows(self) -> SplitRows {
        self.rows
    }

    /// Says what to do with a sentence whose tags are illegal in their scheme; [`DEFAULT_ON_ILLEGAL_TAGS`] if not called.
    #[must_use]
    pub fn on_illegal_tags(mut self, policy: OnIllegalTags) -> Self {
        self.on_illegal_tags = policy;
        self
    }

    /// Ends after `limit` examples.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// The file being read.
    pub fn path(&self) -> &Path {
        self.rows.path()
    }

    /// The rows left out so far; complete once the iterator has ended.
    pub fn skipped(&self) -> &SkippedRows {
        &self.skipped
    }

    /// Rows seen so far, given or skipped.
    pub fn rows_seen(&self) -> u64 {
        self.seen
    }

    /// Examples given so far whose tags were illegal and are repaired ([`OnIllegalTags::Repair`]).
    pub fn repaired(&self) -> u64 {
        self.repaired
    }

    /// The place of a row that starts at `line`.
    fn place(&self, line: u64) -> Place {
        place(self.format, line)
    }

    /// The place of a word of a sentence that starts at `line`. In CoNLL files each word of a sentence has a line.
    /// `no_words` are those lines among them that have no word.
    fn word_place(&self, line: u64, word: usize, no_words: &[u64]) -> Place {
        if self.format != Format::Conll {
            return self.place(line);
        }
        self.place(no_words.iter().fold(line + word as u64, |place, &skipped| place + u64::from(skipped <= place)))
    }

    /// Makes the row an example, with tags in IOB2.
    fn example(&mut self, row: Row, number: u64) -> Result<Example, (Place, RowProblem)> {
        let Row { line, document, id, content, target, inexact, no_words } = row;
        self.check(&content, id.as_deref()).map_err(|problem| (self.place(line), problem))?;
        let mut target = match target {
            _ if self.ignore_targets => None,
            Err((place, problem)) if self.unseen && problem.is_absence() => {
                return Err((place, RowProblem::NoTarget { problem: Box::new(problem) }));
            }
            target => target?.and_then(RowTarget::into_target),
        };
        if let Some(target) = &target {
            self.check_target(target, &content).map_err(|problem| (self.place(line), problem))?;
        }
        let mut repaired = inexact.is_some() && target.is_some();
        if let (Some(problem), true, OnIllegalTags::Refuse) = (inexact, repaired, self.on_illegal_tags) {
            return Err((self.place(line), problem));
        }
        if let (Some(Target::Tags(tags)), Content::Words(words)) = (&mut target, &content) {
            let bad = |illegal: IllegalTag| {
                let (word, text) = (illegal.word, words[illegal.word].clone());
                let problem = RowProblem::IllegalTag { word: word + 1, text, problem: Box::new(illegal) };
                (self.word_place(line, word, &no_words), problem)
            };
            if !self.tag_style.is_plain() {
                *tags = tags.iter().map(|tag| self.tag_style.read(tag).into_owned()).collect();
            }
            let iob2 = to_iob2(tags, self.scheme, self.on_illegal_tags).map_err(bad)?;
            if let Some((word, problem)) = self.unknown_type(words, &iob2.tags) {
                return Err((self.word_place(line, word, &no_words), problem));
            }
            *tags = iob2.tags;
            repaired |= iob2.repaired;
        }
        self.repaired += u64::from(repaired);
        Ok(Example {
            id: id.unwrap_or_else(|| number.to_string()),
            line,
            file: self.rows.shard(),
            document,
            content,
            target,
        })
    }

    fn check(&self, content: &Content, id: Option<&str>) -> Result<(), RowProblem> {
        let empty = |key| RowProblem::Empty { column: self.rows.column(key) };
        check_content(&self.rows, content)?;
        if id.is_some_and(str::is_empty) {
            return Err(empty("id"));
        }
        Ok(())
    }

    fn check_target(&self, target: &Target, content: &Content) -> Result<(), RowProblem> {
        let empty = |key| RowProblem::Empty { column: self.rows.column(key) };
        let absent = |problem| if self.unseen { RowProblem::NoTarget { problem: Box::new(problem) } } else { problem };
        match (target, content) {
            (Target::Label(label), _) => {
                if label.trim().is_empty() {
                    return Err(absent(empty("label")));
                }
                self.check_label("label", label)
            }
            (Target::Labels(labels), _) => labels.iter().try_for_each(|label| self.check_label("labels", label)),
            (Target::Tags(tags), _) if self.unseen && target.is_placeholder() => {
                let label = tags.first().cloned().unwrap_or_default();
                Err(absent(RowProblem::Placeholder { column: self.rows.column("tags"), label }))
            }
            (Target::Tags(tags), Content::Words(words)) => {
                if tags.len() != words.len() {
                    return Err(RowProblem::TagCount { words: words.len(), tags: tags.len() });
                }
                if tags.iter().any(String::is_empty) {
                    return Err(empty("tags"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_label(&self, key: &'static str, label: &str) -> Result<(), RowProblem> {
        match &self.labels {
            Some(Known { labels, .. }) if labels.position(label).is_none() => match self.unseen {
                false => Err(RowProblem::UnknownLabel { label: label.to_owned(), known: labels.known() }),
                true if is_placeholder(label) => {
                    let column = self.rows.column(key);
                    let problem = RowProblem::Placeholder { column, label: label.to_owned() };
                    Err(RowProblem::NoTarget { problem: Box::new(problem) })
                }
                true => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The first word whose IOB2 tag is of a type that is none of the known ones, and what to say about it.
    fn unknown_type(&self, words: &[String], tags: &[String]) -> Option<(usize, RowProblem)> {
        let Known { labels, types } = self.labels.as_ref().filter(|_| !self.unseen)?;
        let word = tags.iter().position(|tag| labels.position(tag).is_none())?;
        let entity_type = Tag::parse(&tags[word], Scheme::Iob2).map_or("", |tag| tag.entity_type).to_owned();
        let text = words[word].clone();
        Some((word, RowProblem::UnknownType { entity_type, word: word + 1, text, known: types.clone() }))
    }

    /// Returns the error that is due at the end of the file, if there is one.
    fn verdict(&self) -> Option<DataError> {
        if self.is_slice {
            return None;
        }
        if self.seen == 0 {
            return Some(DataError::Empty { path: self.path().to_owned() });
        }
        match self.skipped.rows.first() {
            Some(first) if self.given == 0 => Some(DataError::AllRowsBad {
                path: first.file.as_deref().unwrap_or(self.path()).to_owned(),
                count: self.skipped.count,
                place: first.place,
                problem: Box::new(self.explained(first.reason.clone())),
            }),
            _ => None,
        }
    }

    /// Returns the problem with what would mend it, where the whole split must be read to know.
    fn explained(&self, problem: RowProblem) -> RowProblem {
        match &self.split {
            Some(split) => with_fitting_lines(problem, &split.0, &split.1),
            None => problem,
        }
    }
}

impl Iterator for ExampleReader {
    type Item = Result<Example, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done && self.given < self.limit {
            let row = match self.rows.next_row() {
                None => {
                    self.done = true;
                    return self.verdict().map(Err);
                }
                Some(Err(Fault::Fatal(error))) => {
                    self.done = true;
                    return Some(Err(error));
                }
                Some(row) => row,
            };
            let number = self.first + self.seen;
            self.seen += 1;
            let (place, problem) = match row {
                Ok(row) => match self.example(row, number) {
                    Ok(example) => {
                        self.given += 1;
                        return Some(Ok(example));
                    }
                    Err(bad) => bad,
                },
                Err(Fault::Bad { place, problem }) => (place, problem),
                Err(Fault::Fatal(_)) => unreachable!("returned above"),
            };
            match self.on_bad_row {
                OnBadRow::Stop => {
                    self.done = true;
                    return Some(Err(DataError::BadRow {
                        path: self.path().to_owned(),
                        place,
                        problem: Box::new(self.explained(problem)),
                    }));
                }
                OnBadRow::Skip => {
                    self.skipped.count += 1;
                    if self.skipped.rows.len() < MAX_LISTED_SKIPS {
                        let file = self.rows.shard();
                        self.skipped.rows.push(SkippedRow { file, place, reason: problem });
                    }
                }
            }
        }
        None
    }
}

impl std::fmt::Debug for ExampleReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExampleReader")
            .field("path", &self.path())
            .field("on_bad_row", &self.on_bad_row)
            .field("seen", &self.seen)
            .field("skipped", &self.skipped.count)
            .finish_non_exhaustive()
    }
}
