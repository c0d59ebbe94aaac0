//! The files of a data set, as somebody names them: a file, or a folder of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder_data::{Format, InputFormat};
use larder_errors::Names;

use crate::DescribeError;

/// Beginnings of file names that tell a split, and the split.
const SPLIT_NAMES: &[(&str, &str)] =
    &[("train", "train"), ("dev", "dev"), ("valid", "dev"), ("eval", "dev"), ("test", "test")];

/// Files as somebody names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedFiles {
    /// The file, or a folder of files. Files of a folder whose names begin with `train`, `dev`, `valid`, `eval` or `test` are of
    /// those splits; where none is called `train`, all are.
    pub input: PathBuf,
    /// A file of rows to judge on.
    pub dev: Option<PathBuf>,
    /// A file of rows to judge on at the end.
    pub test: Option<PathBuf>,
}

/// The files of one split, of one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitFile {
    /// The split.
    pub split: String,
    /// Its files, in the order in which they are read.
    pub files: Vec<PathBuf>,
}

impl NamedFiles {
    /// Returns the files of each split, `train` first.
    ///
    /// # Errors
    /// [`DescribeError::Read`], [`DescribeError::EmptyFolder`], [`DescribeError::Formats`].
    pub(crate) fn splits(&self) -> Result<Vec<SplitFile>, DescribeError> {
        let mut splits = match self.input.is_dir() {
            true => of_folder(&self.input)?,
            false => vec![SplitFile { split: "train".to_owned(), files: vec![self.input.clone()] }],
        };
        for (split, file) in [("dev", &self.dev), ("test", &self.test)] {
            let Some(file) = file else { continue };
            splits.retain(|found| found.split != split);
            splits.push(SplitFile { split: split.to_owned(), files: vec![file.clone()] });
        }
        Ok(splits)
    }
}

fn of_folder(folder: &Path) -> Result<Vec<SplitFile>, DescribeError> {
    let failed = |source| DescribeError::Read { path: folder.to_owned(), source };
    let mut files: Vec<(PathBuf, Format)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        // Other `.json` files of a folder are configurations.
        let format = match split_of(&path) {
            Some(_) => InputFormat::of_named(&path),
            None => InputFormat::of_input(&path),
        };
        let format = format.and_then(InputFormat::rows);
        files.extend(format.filter(|_| path.is_file() && !hidden).map(|format| (path, format)));
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    let formats: std::collections::BTreeSet<&str> = files.iter().map(|(_, format)| format.as_str()).collect();
    match formats.len() {
        0 => return Err(DescribeError::EmptyFolder { path: folder.to_owned() }),
        1 => {}
        _ => return Err(DescribeError::Formats { path: folder.to_owned(), formats: Names::new(formats) }),
    }
    let mut by_split: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for (path, _) in &files {
        if let Some(split) = split_of(path) {
            by_split.entry(split).or_default().push(path.clone());
        }
    }
    if !by_split.contains_key("train") {
        by_split = BTreeMap::from([("train", files.into_iter().map(|(path, _)| path).collect())]);
    }
    let mut splits: Vec<SplitFile> =
        by_split.into_iter().map(|(split, files)| SplitFile { split: split.to_owned(), files }).collect();
    splits.sort_by_key(|split| split.split != "train");
    Ok(splits)
}

/// Returns the split that a file's name tells.
fn split_of(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    SPLIT_NAMES.iter().find(|(start, _)| name.starts_with(start)).map(|(_, split)| *split)
}
