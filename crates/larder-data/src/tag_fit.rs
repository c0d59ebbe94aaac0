//! The lines of a description by which the tags of a split would all be legal, for the message of those that are not.

use std::borrow::Cow;

use larder_tags::{IllegalTag, Scheme, check};

use crate::row::{Fault, RowReader};
use crate::row_problem::RowProblem;
use crate::spec::DatasetSpec;
use crate::split_rows::SplitRows;
use crate::tag_style::{MarkPlace, TagStyle};
use crate::target::Target;
use crate::target_columns::RowTarget;

/// The name that a message gives to the type of tags without one.
const SOME_TYPE: &str = "entity";

/// Spellings of `O` in files, apart from that.
const OUTSIDES: &[&str] = &["0", "o", "_", "-"];

/// A way of reading tags.
struct Candidate {
    scheme: Scheme,
    style: TagStyle,
    /// True once a word was outside of all entities.
    has_outside: bool,
}

/// Returns the problem of an illegal tag with the lines that would make all tags of the split legal, where there are such.
pub(crate) fn with_fitting_lines(problem: RowProblem, spec: &DatasetSpec, split: &str) -> RowProblem {
    match problem {
        RowProblem::IllegalTag { word, text, problem } => match mending_lines(&problem, spec, split) {
            Some(lines) => RowProblem::OtherTagStyle { word, text, problem, lines },
            None => RowProblem::IllegalTag { word, text, problem },
        },
        other => other,
    }
}

fn mending_lines(problem: &IllegalTag, spec: &DatasetSpec, split: &str) -> Option<String> {
    let is_number = spec.tag_style.names.is_empty() && problem.tag.parse::<u32>().is_ok();
    let names =
        || "`[tags]` and below it `names = [\"O\", \"B-…\", …]`, the tag that each number stands for".to_owned();
    fitting_lines(spec, split).or_else(|| is_number.then(names))
}

fn fitting_lines(spec: &DatasetSpec, split: &str) -> Option<String> {
    let mut candidates: Vec<Candidate> = candidates(&spec.tag_style).collect();
    let mut rows = SplitRows::open(spec, split).ok()?;
    while let Some(row) = rows.next_row() {
        let row = match row {
            Ok(row) => row,
            Err(Fault::Bad { .. }) => continue,
            Err(Fault::Fatal(_)) => return None,
        };
        if let Ok(Some(RowTarget::Target(Target::Tags(tags)))) = row.target {
            candidates.retain_mut(|candidate| candidate.reads(&tags));
        }
        if candidates.is_empty() {
            return None;
        }
    }
    // A column of other things, such as parts of speech, has types alone but nothing outside of them.
    let fits = |candidate: &&Candidate| candidate.style.mark != MarkPlace::None || candidate.has_outside;
    candidates.iter().find(fits).map(|candidate| candidate.lines(spec))
}

/// All ways of reading, the likeliest first.
fn candidates(own: &TagStyle) -> impl Iterator<Item = Candidate> + '_ {
    let style = |mark, separator: Option<&str>, entity_type: Option<&str>, lowercase| TagStyle {
        names: own.names.clone(),
        entity_type: entity_type.map(str::to_owned),
        mark,
        separator: separator.map(str::to_owned),
        outside: Vec::new(),
        lowercase,
    };
    let shapes = [
        style(MarkPlace::First, None, None, false),
        style(MarkPlace::First, None, None, true),
        style(MarkPlace::First, None, Some(SOME_TYPE), false),
        style(MarkPlace::First, None, Some(SOME_TYPE), true),
        style(MarkPlace::First, Some("_"), None, false),
        style(MarkPlace::First, Some("_"), None, true),
        style(MarkPlace::Last, None, None, false),
        style(MarkPlace::Last, Some("_"), None, false),
        style(MarkPlace::None, None, None, false),
    ];
    let outsides = std::iter::once(None).chain(OUTSIDES.iter().map(Some));
    let styles = shapes.into_iter().flat_map(move |shape| {
        outsides.clone().map(move |outside| TagStyle {
            outside: outside.map(|text| (*text).to_owned()).into_iter().collect(),
            ..shape.clone()
        })
    });
    styles.flat_map(|style| {
        let schemes: &[Scheme] = match style.mark {
            MarkPlace::None => &[Scheme::Iob1],
            _ => &[Scheme::Iob2, Scheme::Iob1, Scheme::Iobes, Scheme::Bilou, Scheme::Bmes],
        };
        schemes.iter().map(move |&scheme| Candidate { scheme, style: style.clone(), has_outside: false })
    })
}

impl Candidate {
    /// Returns true if the tags of a sentence are legal, read so.
    fn reads(&mut self, tags: &[String]) -> bool {
        let read: Vec<_> = tags.iter().map(|tag| self.style.read(tag)).collect();
        self.has_outside |= read.iter().any(|tag| tag == "O");
        let is_fit = |(tag, read): (&String, &Cow<'_, str>)| match &self.style {
            _ if read == "O" => true,
            style if style.mark == MarkPlace::None => !looks_marked(tag),
            // Of tags with and without a type the latter are rather mistakes.
            style if style.entity_type.is_some() => tag.chars().count() == 1,
            _ => true,
        };
        check(&read, self.scheme).is_ok() && tags.iter().zip(&read).all(is_fit)
    }

    fn lines(&self, spec: &DatasetSpec) -> String {
        let mut lines = Vec::new();
        if self.scheme != spec.scheme && self.style.mark != MarkPlace::None {
            lines.push(format!("`scheme = \"{}\"`", self.scheme));
        }
        let style = self.style.lines();
        if !style.is_empty() {
            let style: Vec<String> = style.iter().map(|line| format!("`{line}`")).collect();
            lines.push(format!("`[tags]` and below it {}", style.join(" and ")));
        }
        lines.join(" and ")
    }
}

/// Returns true if a tag has a mark somewhere, or is a number: no type alone.
fn looks_marked(tag: &str) -> bool {
    let is_mark = |text: &str| matches!(text, "B" | "I" | "M" | "E" | "S" | "L" | "U");
    let parts = ['-', '_'].into_iter().flat_map(|between| [tag.split_once(between), tag.rsplit_once(between)]);
    let has_mark = parts.flatten().any(|(first, last)| is_mark(first) || is_mark(last));
    is_mark(tag) || has_mark || tag.parse::<f64>().is_ok()
}
