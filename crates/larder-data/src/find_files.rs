//! Finding the files of a split: variables, patterns of names, and no file twice.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use larder_errors::Names;
use wildmatch::WildMatch;

use crate::choice::InputFormat;
use crate::error::DataError;
use crate::spec::DatasetSpec;
use crate::split_path::expand;

impl DatasetSpec {
    /// Returns the files of a split, at least one, in the order in which they are read: those of a list as listed, those of
    /// a pattern or a folder by their names. Environment variables are expanded. A file that neither found need not exist.
    ///
    /// # Errors
    /// [`DataError::UnknownSplit`], [`DataError::VariableNotSet`], [`DataError::MalformedVariable`];
    /// [`DataError::NoFileMatches`], [`DataError::Folder`], [`DataError::FileTwice`].
    pub fn split_files(&self, split: &str) -> Result<Vec<PathBuf>, DataError> {
        let files = self.splits.iter().find(|(name, _)| name == split).map(|(_, files)| files);
        let files = files.ok_or_else(|| DataError::UnknownSplit {
            spec: self.path.clone(),
            split: split.to_owned(),
            known: Names::new(self.split_names()),
        })?;
        let mut found = Vec::new();
        for template in files.templates() {
            let expanded = expand(template, |variable| std::env::var_os(variable))
                .map_err(|problem| problem.into_error(&self.path, split, template))?;
            // `join` lets an absolute path stand as it is.
            let path = self.path.parent().unwrap_or(Path::new("")).join(expanded);
            if path.is_dir() {
                found.extend(self.in_folder(split, &path)?);
                continue;
            }
            match pattern(&path) {
                Some(pattern) => found.extend(self.matching(split, &path, &pattern)?),
                None => found.push(path),
            }
        }
        let mut known = HashSet::new();
        let twice = found.iter().find(|path| !known.insert(path.canonicalize().unwrap_or_else(|_| path.to_path_buf())));
        match twice {
            Some(path) => {
                Err(DataError::FileTwice { spec: self.path.clone(), split: split.to_owned(), path: path.clone() })
            }
            None => Ok(found),
        }
    }

    /// Returns the files of a folder, sorted: those whose names end as the format's do, or all of them where none does. Files
    /// that begin with a dot or `_` are other programs' marks.
    fn in_folder(&self, split: &str, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
        let files = self.matching(split, &folder.join("*"), "*")?;
        let name =
            |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let files: Vec<PathBuf> = files.into_iter().filter(|path| !name(path).starts_with('_')).collect();
        let of_format = |path: &&PathBuf| InputFormat::of_input(path).and_then(InputFormat::rows) == Some(self.format);
        if files.is_empty() {
            let (spec, split, pattern) = (self.path.clone(), split.to_owned(), folder.join("*"));
            return Err(DataError::NoFileMatches { spec, split, pattern, known: Names::new([""; 0]) });
        }
        let named: Vec<PathBuf> = files.iter().filter(of_format).cloned().collect();
        Ok(if named.is_empty() { files } else { named })
    }

    /// Returns the files beside `path` whose names match `pattern`, sorted.
    fn matching(&self, split: &str, path: &Path, pattern: &str) -> Result<Vec<PathBuf>, DataError> {
        let (spec, split, pattern_path) = (self.path.clone(), split.to_owned(), path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = match entries {
            Ok(entries) => entries,
            Err(source) => return Err(DataError::Folder { spec, split, pattern: pattern_path, source }),
        };
        let mut names: Vec<_> =
            entries.into_iter().filter(|entry| !entry.path().is_dir()).map(|entry| entry.file_name()).collect();
        names.sort();
        let (found, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| matches(pattern, &name.to_string_lossy()));
        if found.is_empty() {
            let known = Names::new(others.iter().map(|name| name.to_string_lossy()));
            return Err(DataError::NoFileMatches { spec, split, pattern: pattern_path, known });
        }
        Ok(found.into_iter().map(|name| path.with_file_name(name)).collect())
    }
}

/// Returns the name of `path` if that, or its folder, is a pattern and not what a file is called.
fn pattern(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    (path.to_string_lossy().contains(['*', '?']) && !path.exists()).then(|| name.into_owned())
}

/// Returns true if `name` is one that `pattern` stands for. Hidden files are those of patterns that begin with a dot.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    WildMatch::new(pattern).matches(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_whole_names() {
        for (pattern, name) in [
            ("train-*.parquet", "train-00000-of-00002.parquet"),
            ("train-*.parquet", "train-.parquet"),
            ("*", "a"),
            ("*a*b", "xaabab"),
            ("part-??", "part-é1"),
            (".*", ".hidden"),
            ("a**", "a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("train-*.parquet", "train-1.parquet.tmp"),
            ("train-*.parquet", "my-train-1.parquet"),
            ("part-?", "part-12"),
            ("part-?", "part-"),
            ("*", ".hidden"),
            ("*ab", "bc"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
