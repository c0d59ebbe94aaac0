//! Data sets and encoders as they are named on the command line; and `init`.

use std::path::{Path, PathBuf};

use larder_data::{DatasetSpec, OnBadRow};
use larder_describe::{NamedFiles, describe};
use larder_files::write_atomic;
use larder_intake::Encoder;
use larder_pipeline::{PipelineError, dataset_of_files};
use serde_json::json;

use super::Context;
use crate::cli::{InitArgs, StageInputs};
use crate::console::Console;
use crate::failure::Failure;
use crate::log;

impl Context {
    pub fn open(&self, inputs: &StageInputs, on_bad_row: Option<OnBadRow>) -> Result<(DatasetSpec, Encoder), Failure> {
        // What is quickly said comes first.
        let encoder = match &inputs.encoder {
            Some(name) => self.larder.encoder(name)?,
            None => self.larder.only_encoder()?,
        };
        let spec = match inputs.files.files(&inputs.dataset)? {
            None => DatasetSpec::load(&inputs.dataset)?,
            Some(files) => dataset_of_files(
                &self.larder,
                &files.request(on_bad_row.unwrap_or(OnBadRow::Stop)),
                &mut Console::new(),
            )?,
        };
        Ok((spec, encoder))
    }
}

pub fn init(context: &Context, args: &InitArgs) -> Result<(), Failure> {
    let Some(named) = args.files.files(&args.input)? else {
        return Err(Failure::Usage(format!("{} is a description already", args.input.display())));
    };
    let NamedFiles { input, .. } = &named.files;
    let description = describe(&named.files, &named.roles).map_err(PipelineError::from)?;
    let folder = args.output.as_deref().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned);
    let mut text =
        format!("# Proposed by `larder init`, which looked at {}\n\n{}", input.display(), description.toml(&folder));
    if !description.has_dev() {
        text.push_str("# dev = \"...\"   rows to judge on; where there are none, `larder run FILE` parts some off\n");
    }
    if context.json {
        return context.print_json(&json!({ "description": text, "seen": description.seen() }));
    }
    description.seen().iter().for_each(|seen| log::note(seen));
    match &args.output {
        None => context.print(text.trim_end()),
        Some(path) => {
            write_atomic(path, |file| file.write_all(text.as_bytes())).map_err(PipelineError::from)?;
            context.print(&path.display().to_string())
        }
    }
}
