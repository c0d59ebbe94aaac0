//! Environment variables in the paths of splits: `$NAME` and `${NAME}`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// The reason why a path cannot be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExpandProblem {
    /// The variable has no value, or an empty one, which would turn a relative path into an absolute one.
    NotSet(String),
    /// `${` without `}`, or not a variable name between them.
    Malformed,
}

impl ExpandProblem {
    /// The error of `split` in the description at `spec`.
    pub fn into_error(self, spec: &Path, split: &str, template: &str) -> DataError {
        let (spec, split, template) = (spec.to_owned(), split.to_owned(), template.to_owned());
        match self {
            Self::NotSet(variable) => DataError::VariableNotSet { spec, split, template, variable },
            Self::Malformed => DataError::MalformedVariable { spec, split, template },
        }
    }
}

/// Replaces the variables of `template` by what `lookup` says. A `$` that no name follows stays.
pub(crate) fn expand(template: &str, lookup: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, ExpandProblem> {
    let mut expanded = OsString::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push(before);
        let (name, tail) = match after.strip_prefix('{') {
            Some(braced) => {
                let (name, tail) = braced.split_once('}').ok_or(ExpandProblem::Malformed)?;
                if variable_length(name) != name.len() || name.is_empty() {
                    return Err(ExpandProblem::Malformed);
                }
                (name, tail)
            }
            None => after.split_at(variable_length(after)),
        };
        if name.is_empty() {
            expanded.push("$");
        } else {
            match lookup(name).filter(|value| !value.is_empty()) {
                Some(value) => expanded.push(value),
                None => return Err(ExpandProblem::NotSet(name.to_owned())),
            }
        }
        rest = tail;
    }
    expanded.push(rest);
    Ok(PathBuf::from(expanded))
}

/// Bytes of the variable name that `text` starts with: a letter or `_`, then letters, digits and `_`.
fn variable_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<OsString> {
        match name {
            "DATA" => Some("/mnt/data".into()),
            "SET_2" => Some("cola".into()),
            "EMPTY" => Some("".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_and_plain_dollars_kept() {
        let expanded = |template| expand(template, lookup).unwrap();
        assert_eq!(expanded("train.tsv"), Path::new("train.tsv"));
        assert_eq!(expanded("$DATA/${SET_2}/train.tsv"), Path::new("/mnt/data/cola/train.tsv"));
        assert_eq!(expanded("${SET_2}2$SET_2"), Path::new("cola2cola"));
        assert_eq!(expanded("price$/5$1/$"), Path::new("price$/5$1/$"));
    }

    #[test]
    fn unset_and_malformed_variables_are_refused() {
        let problem = |template| expand(template, lookup).unwrap_err();
        assert_eq!(problem("$NOPE/a"), ExpandProblem::NotSet("NOPE".into()));
        assert_eq!(problem("$EMPTY/a"), ExpandProblem::NotSet("EMPTY".into()));
        for template in ["${DATA/a", "${}/a", "${A-B}", "${1A}"] {
            assert_eq!(problem(template), ExpandProblem::Malformed, "{template}");
        }
    }
}
