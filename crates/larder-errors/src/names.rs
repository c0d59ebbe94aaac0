//! Names inside messages: lists of known ones, the nearest to a misspelt one, and clipped values.

use std::fmt;
use std::sync::Arc;

/// Names a message lists; longer lists end with how many more there are.
const LISTED: usize = 20;

/// Characters of a value that a message repeats: enough to find it, not enough to fill the screen.
const CLIPPED_CHARS: usize = 60;

/// A list of known names, shown as `` `a`, `b`, `c` `` and cut after twenty. Clones share the list: a thousand skipped
/// rows may each name thousands of known labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Arc<[String]>);

impl Names {
    /// Collects names in the order given.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The names.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Returns the name nearest to `word`, if it is near enough to be a slip of the finger: one edit in three
    /// characters.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        let word = word.to_lowercase();
        self.0
            .iter()
            .map(|name| (strsim::osa_distance(&word, &name.to_lowercase()), name))
            .filter(|(distance, name)| *distance <= name.chars().count() / 3)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name.as_str())
    }

    /// The end of a message about an unknown `word`: the known names, and the nearest one as a question.
    pub fn hint(&self, word: &str) -> String {
        match self.nearest(word) {
            Some(nearest) => format!("known: {self}; did you mean `{}`?", clip(nearest)),
            None => format!("known: {self}"),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "(none)");
        }
        for (position, name) in self.0.iter().take(LISTED).enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}`{}`", clip(name))?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A list for a message: quoted, comma separated, cut after a dozen.
pub fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = names.into_iter().map(|name| format!("{:?}", name.as_ref())).collect();
    match names.len() {
        0 => "none".to_owned(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

/// A value as a message repeats it: control characters escaped, cut after sixty characters.
pub fn clip(value: &str) -> String {
    let mut clipped: String = value.chars().take(CLIPPED_CHARS).flat_map(shown).collect();
    if value.chars().nth(CLIPPED_CHARS).is_some() {
        clipped.push('…');
    }
    clipped
}

fn shown(character: char) -> Vec<char> {
    match character {
        c if c.is_control() => c.escape_default().collect(),
        c => vec![c],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_near_or_nothing() {
        let names = Names::new(["columns", "labels", "splits", "name"]);
        assert_eq!(names.nearest("colums"), Some("columns"));
        assert_eq!(names.nearest("LABELS"), Some("labels"));
        assert_eq!(names.nearest("batch_size"), None);
        assert_eq!(Names::new(["0", "1"]).nearest("2"), None);
    }

    #[test]
    fn long_lists_and_long_values_are_cut() {
        let names = Names::new((0..25).map(|n| n.to_string()));
        assert!(names.to_string().ends_with("`19` and 5 more"));
        assert_eq!(clip(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(clip("a\tb"), "a\\tb");
    }
}
