//! A data set of a file or a folder of files that nobody described.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use larder_data::{DatasetSpec, OnBadRow};
use larder_describe::{Description, NamedFiles, NamedRoles, PartRequest, SplitFile, describe, split_off};
use larder_files::{FileError, digest_bytes, write_atomic};
use larder_run::{Event, Larder, Observer, TRAIN_SPLIT};

use crate::PipelineError;

/// Files to be made a data set.
#[derive(Debug, Clone, Copy)]
pub struct FilesRequest<'a> {
    /// The files.
    pub files: &'a NamedFiles,
    /// The columns that are named.
    pub roles: &'a NamedRoles,
    /// The share of rows that is parted off to judge on, where the files have none for that.
    pub dev_fraction: f64,
    /// Decides which rows.
    pub split_seed: u64,
    /// Training rows in all, drawn at random; `None` takes all.
    pub limit: Option<u64>,
    /// The policy for rows that cannot be used.
    pub on_bad_row: OnBadRow,
}

/// Looks at files, writes their description into the home and, where rows have to be parted or drawn, the rows too. Says what was seen.
///
/// # Errors
/// [`PipelineError::Describe`], [`PipelineError::Run`].
pub fn dataset_of_files(
    larder: &Larder,
    request: &FilesRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<DatasetSpec, PipelineError> {
    let mut description = describe(request.files, request.roles)?;
    description.seen().iter().for_each(|seen| observer.event(Event::Note(seen)));
    let origin = origin(request);
    description.name = free_name(larder, &description.name, &origin)?;
    let folder = larder.home().dataset(&description.name)?;
    let path = folder.join(format!("{}.toml", description.name));
    let parts = !description.has_dev() && request.dev_fraction > 0.0;
    if parts || request.limit.is_some() {
        let spec = DatasetSpec::parse(&description.toml(&folder), &path)?;
        let parted = split_off(&PartRequest {
            spec: &spec,
            fraction: if parts { request.dev_fraction } else { 0.0 },
            seed: request.split_seed,
            limit: request.limit,
            on_bad_row: request.on_bad_row,
            folder: &folder,
        })?;
        let rows: Vec<String> =
            parted.splits.iter().map(|(split, _, rows)| format!("{rows} rows for {split}")).collect();
        let how = if parts { "; equal texts are on one side, labels in the same shares" } else { "" };
        let skipped = match parted.skipped {
            0 => String::new(),
            skipped => format!("; {skipped} bad rows are left out"),
        };
        observer.event(Event::Note(&format!("{}{how}{skipped}", rows.join(", "))));
        let split = |(split, file, _): (String, _, _)| SplitFile { split, files: vec![file] };
        description = description.parted(parted.splits.into_iter().map(split).collect());
    }
    write_description(&description, &origin, &folder, &path)?;
    observer.event(Event::Note(&format!("described in {}", path.display())));
    Ok(DatasetSpec::load(&path)?)
}

/// Says in one line what was asked for: the files and everything that decides which rows and columns are read.
fn origin(request: &FilesRequest<'_>) -> String {
    let FilesRequest { files, roles, dev_fraction, split_seed, limit, on_bad_row } = request;
    let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let others: Vec<PathBuf> = files.dev.iter().chain(&files.test).map(|path| full(path)).collect();
    let asked = format!("{others:?} {roles:?} {dev_fraction} {split_seed} {limit:?} {on_bad_row}");
    let digest: String = digest_bytes(asked.as_bytes()).chars().take(16).collect();
    format!("# Written by larder, of {:?}, as asked for by flags with the digest {digest}", full(&files.input))
}

/// Returns the first of `NAME`, `NAME-2`, … that is free, or was written for the same: files of one name in two folders, or of other
/// columns, are not one data set, and runs of the first must not be judged on the second.
fn free_name(larder: &Larder, name: &str, origin: &str) -> Result<String, PipelineError> {
    let mut number = 1;
    loop {
        let tried = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let path = larder.home().dataset(&tried)?.join(format!("{tried}.toml"));
        match larder_files::read_to_string(&path) {
            Ok(text) if text.lines().next() != Some(origin) => number += 1,
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(FileError::io("read", &path)(error).into());
            }
            _ => return Ok(tried),
        }
    }
}

fn write_description(description: &Description, origin: &str, folder: &Path, path: &Path) -> Result<(), PipelineError> {
    std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    let text = format!("{origin}\n\n{}", description.toml(folder));
    debug_assert!(description.splits.first().is_some_and(|split| split.split == TRAIN_SPLIT));
    if larder_files::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    Ok(write_atomic(path, |file| file.write_all(text.as_bytes()))?)
}
