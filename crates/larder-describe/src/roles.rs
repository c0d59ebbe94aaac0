//! Which column is the text, and which the target.

use std::collections::BTreeSet;
use std::path::Path;

use larder_data::{ColumnRef, ColumnRefs, Columns, Format, Task};
use larder_errors::{Names, listed};

use crate::DescribeError;
use crate::columns::{Cell, Look, LookedColumn};

/// Names that columns of texts often have, the likeliest first.
const TEXT_NAMES: &[&str] = &[
    "text",
    "sentence",
    "content",
    "body",
    "comment",
    "review",
    "message",
    "utterance",
    "tweet",
    "question",
    "document",
    "description",
    "title",
];
/// Names of the two columns of a pair.
const PAIR_NAMES: &[(&str, &str)] = &[
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text", "text_b"),
    ("text_a", "text_b"),
    ("text1", "text2"),
];
/// Names that columns of targets often have, the likeliest first.
const TARGET_NAMES: &[&str] = &[
    "label",
    "labels",
    "class",
    "category",
    "intent",
    "topic",
    "sentiment",
    "emotion",
    "emotions",
    "target",
    "score",
    "rating",
    "stars",
    "tag",
];
/// Names of columns of words, and of tags.
const WORD_NAMES: &[&str] = &["words", "tokens"];
const TAG_NAMES: &[&str] = &["tags", "ner_tags", "ner", "labels"];
/// Names of columns of a word, of its tag and of its sentence, where a row is a word.
const WORD_OF_ROW: &[&str] = &["word", "token"];
const TAG_OF_ROW: &[&str] = &["tag", "ner_tag", "ner"];
const SENTENCE_OF_ROW: &[&str] = &["sentence #", "sentence_id", "sentence_idx", "sent_id", "sentence"];
/// Different values of a column of labels at most, and the share of the rows.
const MOST_LABELS: usize = 200;
const MOST_LABELS_SHARE: f64 = 0.2;
/// Numbers that are labels: whole ones, and no more different ones than this.
const MOST_NUMBERS: usize = 20;
/// What may stand between labels.
const SEPARATORS: &[&str] = &["|", ";", ","];
/// Words that a label has at most, on average.
const LABEL_WORDS: f64 = 3.0;

/// Columns as somebody names them, by name or zero-based position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedRoles {
    /// The text, or the first of a pair.
    pub text: Option<String>,
    /// The second text of a pair.
    pub text_b: Option<String>,
    /// The label.
    pub label: Option<String>,
    /// The labels: a list, a text that holds them, or several columns of yes and no.
    pub labels: Vec<String>,
    /// What stands between labels in a text that holds them.
    pub label_separator: Option<String>,
    /// The number to predict.
    pub target: Option<String>,
    /// The words of a sentence.
    pub words: Option<String>,
    /// A tag for each word.
    pub tags: Option<String>,
}

/// Why a column was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The key of the description.
    pub key: &'static str,
    /// The column.
    pub column: ColumnRef,
    /// The reason, for people.
    pub why: String,
}

/// The task and the columns of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Roles {
    /// The task.
    pub task: Task,
    /// The columns.
    pub columns: Columns,
    /// Why those that were not named.
    pub reasons: Vec<Reason>,
}

impl NamedRoles {
    /// Returns true if none is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Roles {
    /// Takes the columns that are named, and finds the others.
    ///
    /// # Errors
    /// [`DescribeError::NoColumn`] for a name that is none; [`DescribeError::NoText`], [`DescribeError::NoTarget`] and
    /// [`DescribeError::Several`] where the values do not tell.
    pub fn of(look: &Look, named: &NamedRoles, path: &Path) -> Result<Self, DescribeError> {
        let finder = Finder { look, named, path };
        if let Some(roles) = finder.words_in_rows().or_else(|| finder.spans()) {
            return Ok(roles);
        }
        let tagging = named.words.is_some() || named.tags.is_some() || look.format == Format::Conll;
        match tagging || finder.lists_of_words().is_some() {
            true => finder.tagging(),
            false => finder.texts(),
        }
    }
}

struct Finder<'a> {
    look: &'a Look,
    named: &'a NamedRoles,
    path: &'a Path,
}

impl<'a> Finder<'a> {
    fn named(&self, flag: &'static str, given: &Option<String>) -> Result<Option<&'a LookedColumn>, DescribeError> {
        let Some(given) = given else { return Ok(None) };
        let no_column = || DescribeError::NoColumn {
            path: self.path.to_owned(),
            flag,
            found: given.clone(),
            known: Names::new(self.look.columns.iter().map(|column| column.column.to_string())),
        };
        let by_name = self.look.columns.iter().find(|column| column.column.to_string() == *given);
        let position = || ColumnRef::of_flag(given, self.look.format, self.look.header).ok();
        let by_position = || match position()? {
            ColumnRef::Position(at) => self.look.columns.get(at),
            ColumnRef::Name(_) => None,
        };
        by_name.or_else(by_position).map(Some).ok_or_else(no_column)
    }

    fn called(&self, name: &str) -> Option<&'a LookedColumn> {
        let is_it = |column: &&LookedColumn| match &column.column {
            ColumnRef::Name(own) => own.trim().eq_ignore_ascii_case(name),
            ColumnRef::Position(_) => false,
        };
        self.look.columns.iter().find(is_it)
    }

    /// A table with a word a row, and the sentence that it is of.
    fn words_in_rows(&self) -> Option<Roles> {
        if !self.named.is_empty() || !matches!(self.look.format, Format::Csv | Format::Tsv) {
            return None;
        }
        let called = |names: &[&str]| names.iter().find_map(|name| self.called(name));
        let (words, tags) = (called(WORD_OF_ROW)?, called(TAG_OF_ROW)?);
        let sentence = called(SENTENCE_OF_ROW)?;
        let found = [("words", words), ("tags", tags), ("sentence", sentence)];
        let reason = |(key, column): (&'static str, &LookedColumn)| Reason {
            key,
            column: column.column.clone(),
            why: "by its name: a word a row".to_owned(),
        };
        let columns = Columns {
            words: Some(words.column.clone()),
            tags: Some(tags.column.clone()),
            sentence: Some(sentence.column.clone()),
            ..Columns::default()
        };
        Some(Roles { task: task_of("tags"), columns, reasons: found.map(reason).to_vec() })
    }

    /// A text, and spans of its characters.
    fn spans(&self) -> Option<Roles> {
        let NamedRoles { label, labels, target, words, tags, .. } = self.named;
        if label.is_some() || !labels.is_empty() || target.is_some() || words.is_some() || tags.is_some() {
            return None;
        }
        let is_spans = |column: &&LookedColumn| {
            column.cells.contains(&Cell::Spans)
                && column.share(|cell| matches!(cell, Cell::Spans) || *cell == Cell::List(Vec::new())) == 1.0
        };
        let spans = self.look.columns.iter().find(is_spans)?;
        let named = self.named("text", &self.named.text).ok()?;
        let (text, why) = match named {
            Some(text) => (text, "as named".to_owned()),
            None => self.text(|column| column.column == spans.column).ok()?,
        };
        let reasons = [("text", text, why), ("spans", spans, "spans of characters".to_owned())];
        let reason = |(key, column, why): (&'static str, &LookedColumn, String)| Reason {
            key,
            column: column.column.clone(),
            why,
        };
        let columns =
            Columns { text: Some(text.column.clone()), spans: Some(spans.column.clone()), ..Columns::default() };
        Some(Roles { task: task_of("tags"), columns, reasons: reasons.map(reason).to_vec() })
    }

    /// Columns of words and of tags that are lists of one length.
    fn lists_of_words(&self) -> Option<(&'a LookedColumn, &'a LookedColumn)> {
        let words = WORD_NAMES.iter().find_map(|name| self.called(name))?;
        let tags = TAG_NAMES.iter().find_map(|name| self.called(name))?;
        let fit = |(words, tags): (&Cell, &Cell)| match (words, tags) {
            (Cell::List(words), Cell::List(tags)) => words.len() == tags.len(),
            _ => false,
        };
        let rows = words.cells.iter().zip(&tags.cells);
        (!words.cells.is_empty() && rows.clone().filter(|row| fit(*row)).count() * 10 >= 9 * rows.count())
            .then_some((words, tags))
    }

    fn tagging(&self) -> Result<Roles, DescribeError> {
        let NamedRoles { words, tags, .. } = self.named;
        let (words, tags) = (self.named("words", words)?, self.named("tags", tags)?);
        let columns = &self.look.columns;
        let found = match self.look.format {
            Format::Conll => columns.first().zip(columns.last().filter(|_| columns.len() > 1)),
            _ => self.lists_of_words(),
        };
        let why = match self.look.format {
            Format::Conll => ("the first column", "the last column"),
            _ => ("lists of words", "a list of as many tags"),
        };
        let mut reasons = Vec::new();
        let mut take = |key, named: Option<&LookedColumn>, found: Option<&LookedColumn>, why: &str| {
            let column = named.or(found).map(|column| column.column.clone())?;
            if named.is_none() {
                reasons.push(Reason { key, column: column.clone(), why: why.to_owned() });
            }
            Some(column)
        };
        let words = take("words", words, found.map(|(words, _)| words), why.0);
        let tags = take("tags", tags, found.map(|(_, tags)| tags), why.1);
        let Some(words) = words else {
            return Err(DescribeError::NoText { path: self.path.to_owned(), columns: self.seen(), flag: "words" });
        };
        if tags.is_none() {
            return Err(DescribeError::NoTarget { path: self.path.to_owned(), columns: self.seen() });
        }
        Ok(Roles {
            task: task_of("tags"),
            columns: Columns { words: Some(words), tags, ..Columns::default() },
            reasons,
        })
    }

    fn texts(&self) -> Result<Roles, DescribeError> {
        let mut reasons = Vec::new();
        let NamedRoles { text, text_b, label, labels, label_separator, target, .. } = self.named;
        let (label, target) = (self.named("label", label)?, self.named("target", target)?);
        let labels: Vec<&LookedColumn> = labels
            .iter()
            .filter_map(|given| self.named("labels", &Some(given.clone())).transpose())
            .collect::<Result<_, _>>()?;
        let targets: Vec<&ColumnRef> =
            label.iter().chain(&target).chain(&labels).map(|column| &column.column).collect();

        let (mut first, mut second) = (self.named("text", text)?, self.named("text-b", text_b)?);
        if first.is_none() && second.is_none() {
            let pair = PAIR_NAMES.iter().find_map(|(a, b)| Some((self.called(a)?, self.called(b)?)));
            let alike = || self.texts_alike(&targets).map(|pair| (pair, "one of two columns of texts that are alike"));
            if let Some(((a, b), why)) = pair.map(|pair| (pair, "a pair by their names")).or_else(alike) {
                (first, second) = (Some(a), Some(b));
                for (key, column) in [("text", a), ("text_b", b)] {
                    reasons.push(Reason { key, column: column.column.clone(), why: why.to_owned() });
                }
            }
        }
        let first = match first {
            Some(first) => first,
            None => {
                let taken = |column: &LookedColumn| {
                    targets.contains(&&column.column) || second.is_some_and(|second| second.column == column.column)
                };
                let (found, why) = self.text(taken)?;
                reasons.push(Reason { key: "text", column: found.column.clone(), why });
                found
            }
        };
        let mut columns = Columns {
            text: Some(first.column.clone()),
            text_b: second.map(|second| second.column.clone()),
            ..Columns::default()
        };
        let taken = [Some(first), second];
        let key = match (label, target) {
            (Some(label), _) => take(&mut columns, "label", label),
            (None, Some(target)) => take(&mut columns, "target", target),
            (None, None) if labels.is_empty() => {
                let (found, key, why) = self.target(&taken)?;
                columns.label_separator = (key == "labels").then(|| separator_of(found)).flatten().map(str::to_owned);
                reasons.push(Reason { key, column: found.column.clone(), why });
                take(&mut columns, key, found)
            }
            (None, None) => {
                columns.label_separator = label_separator.clone();
                let is_text = |column: &&LookedColumn| column.share(|cell| matches!(cell, Cell::List(_))) == 0.0;
                match &labels[..] {
                    [one] => {
                        if is_text(one) && columns.label_separator.is_none() {
                            columns.label_separator = Some(",".to_owned());
                        }
                        columns.labels = Some(ColumnRefs::One(one.column.clone()));
                    }
                    several => {
                        let several = several.iter().map(|column| column.column.clone());
                        columns.labels = Some(ColumnRefs::Several(several.collect()));
                    }
                }
                "labels"
            }
        };
        Ok(Roles { task: task_of(key), columns, reasons })
    }

    /// Two columns of texts without names, of much the same length: a pair.
    fn texts_alike(&self, targets: &[&ColumnRef]) -> Option<(&'a LookedColumn, &'a LookedColumn)> {
        let is_text = |column: &&LookedColumn| {
            matches!(column.column, ColumnRef::Position(_))
                && !targets.contains(&&column.column)
                && column.share(|cell| matches!(cell, Cell::Text(_))) > 0.5
                && column.mean_words() > LABEL_WORDS
        };
        let texts: Vec<&LookedColumn> = self.look.columns.iter().filter(is_text).collect();
        let &[a, b] = &texts[..] else { return None };
        (0.5..=2.0).contains(&(a.mean_chars() / b.mean_chars())).then_some((a, b))
    }

    /// The column of texts: one that is called so, or the one with most words.
    fn text(&self, taken: impl Fn(&LookedColumn) -> bool) -> Result<(&'a LookedColumn, String), DescribeError> {
        let is_text =
            |column: &LookedColumn| !taken(column) && column.share(|cell| matches!(cell, Cell::Text(_))) > 0.5;
        if let Some(called) = TEXT_NAMES.iter().find_map(|name| self.called(name).filter(|column| is_text(column))) {
            return Ok((called, "by its name".to_owned()));
        }
        let longest = self
            .look
            .columns
            .iter()
            .filter(|column| is_text(column))
            .max_by(|a, b| a.mean_chars().total_cmp(&b.mean_chars()));
        match longest {
            Some(column) => Ok((column, format!("the longest texts: {:.1} words on average", column.mean_words()))),
            None => Err(DescribeError::NoText { path: self.path.to_owned(), columns: self.seen(), flag: "text" }),
        }
    }

    /// The column of targets: one that is called so, or the only one whose values could be.
    fn target(
        &self,
        taken: &[Option<&LookedColumn>],
    ) -> Result<(&'a LookedColumn, &'static str, String), DescribeError> {
        let free: Vec<(&LookedColumn, &'static str)> = self
            .look
            .columns
            .iter()
            .filter(|column| !taken.iter().flatten().any(|taken| taken.column == column.column))
            .filter_map(|column| Some((column, key_of(column)?)))
            .collect();
        let called = TARGET_NAMES.iter().find_map(|name| {
            let column = self.called(name)?;
            free.iter().find(|(free, _)| free.column == column.column)
        });
        if let Some(&(column, key)) = called {
            return Ok((column, key, format!("by its name; {}", values_of(column))));
        }
        match &free[..] {
            [(column, key)] => Ok((column, key, values_of(column))),
            [] => Err(DescribeError::NoTarget { path: self.path.to_owned(), columns: self.seen() }),
            several => Err(DescribeError::Several {
                path: self.path.to_owned(),
                columns: Names::new(several.iter().map(|(column, _)| column.column.to_string())),
            }),
        }
    }

    /// The columns with what they hold.
    fn seen(&self) -> Vec<String> {
        let seen = |column: &LookedColumn| format!("`{}` ({})", column.column, values_of(column));
        self.look.columns.iter().map(seen).collect()
    }
}

/// Takes a column for a target.
fn take(columns: &mut Columns, key: &'static str, column: &LookedColumn) -> &'static str {
    let column = column.column.clone();
    match key {
        "labels" => columns.labels = Some(ColumnRefs::One(column)),
        "target" => columns.target = Some(column),
        _ => columns.label = Some(column),
    }
    key
}

/// The task whose targets have that key in a description.
fn task_of(key: &str) -> Task {
    *Task::ALL.iter().find(|task| task.files().target == key).expect("each key of a target is a task's")
}

/// The key of the target that the column could be.
fn key_of(column: &LookedColumn) -> Option<&'static str> {
    if column.present() == 0 {
        return None;
    }
    let mostly = |is: fn(&Cell) -> bool| column.share(is) > 0.9;
    if mostly(|cell| matches!(cell, Cell::List(_))) {
        return Some("labels");
    }
    if separator_of(column).is_some() {
        return Some("labels");
    }
    let distinct = column.distinct().len();
    if mostly(|cell| matches!(cell, Cell::Number(_))) {
        let whole = column.share(|cell| matches!(cell, Cell::Number(number) if number.fract() == 0.0)) == 1.0;
        return match whole {
            true if distinct <= MOST_NUMBERS && distinct > 1 && distinct * 2 <= column.present() => Some("label"),
            // Whole numbers that are almost all different are ids.
            true if distinct * 10 > column.present() * 9 => None,
            _ => Some("target"),
        };
    }
    let is_label = column.share(|cell| matches!(cell, Cell::Text(_) | Cell::Flag(_) | Cell::Number(_))) > 0.9;
    let few = distinct > 1
        && distinct <= MOST_LABELS
        && (distinct <= 2 || distinct as f64 <= (column.present() as f64 * MOST_LABELS_SHARE).max(3.0));
    (is_label && few && column.mean_words() <= LABEL_WORDS).then_some("label")
}

/// What stands between the labels of a text that holds several: where it does, the parts are fewer than the texts.
fn separator_of(column: &LookedColumn) -> Option<&'static str> {
    let distinct = column.distinct();
    SEPARATORS.iter().copied().find(|separator| {
        let of_several = distinct.iter().filter(|text| text.contains(separator)).count();
        let parts: BTreeSet<&str> = distinct.iter().flat_map(|text| text.split(separator)).map(str::trim).collect();
        let words = parts.iter().map(|part| part.split_whitespace().count()).max().unwrap_or(0);
        let rows = column.texts().filter(|text| text.contains(separator)).count();
        of_several > 1
            && rows * 50 >= column.present()
            && parts.len() < distinct.len()
            && words as f64 <= LABEL_WORDS
            && !parts.contains("")
    })
}

/// What a column holds, for people.
fn values_of(column: &LookedColumn) -> String {
    let present = column.present();
    let share = |is: fn(&Cell) -> bool| column.share(is) > 0.5;
    if present == 0 {
        return "nothing".to_owned();
    }
    if share(|cell| matches!(cell, Cell::List(_))) {
        return "lists".to_owned();
    }
    if share(|cell| matches!(cell, Cell::Spans)) {
        return "spans of characters".to_owned();
    }
    if share(|cell| matches!(cell, Cell::Other)) {
        return "neither texts nor numbers".to_owned();
    }
    let distinct = column.distinct();
    if let Some(separator) = separator_of(column) {
        return format!("texts of labels with `{separator}` between them");
    }
    if share(|cell| matches!(cell, Cell::Number(_))) && distinct.len() > MOST_NUMBERS {
        return format!("numbers, {} different ones", distinct.len());
    }
    match distinct.len() {
        few @ 1..=6 => format!("{few} different: {}", listed(distinct.iter().map(String::as_str))),
        many => format!("{many} different in {present} rows"),
    }
}
