//! A data set of a file or a folder of files that nobody described.

use larder_data::{DatasetSpec, OnBadRow};
use larder_describe::{Description, NamedFiles, NamedRoles, PartRequest, SplitFile, describe, split_off};
use larder_files::{FileError, write_atomic};
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
    write_description(&description, request, &folder, &path)?;
    observer.event(Event::Note(&format!("described in {}", path.display())));
    Ok(DatasetSpec::load(&path)?)
}

fn write_description(
    description: &Description,
    request: &FilesRequest<'_>,
    folder: &std::path::Path,
    path: &std::path::Path,
) -> Result<(), PipelineError> {
    std::fs::create_dir_all(folder).map_err(FileError::io("make the folder", folder))?;
    let from = std::path::absolute(&request.files.input).unwrap_or_else(|_| request.files.input.clone());
    let text = format!("# Written by larder, of {}\n\n{}", from.display(), description.toml(folder));
    debug_assert!(description.splits.first().is_some_and(|split| split.split == TRAIN_SPLIT));
    Ok(write_atomic(path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}
