//! `inspect`: what a Parquet file holds, or the rows near another one.

use larder_inspect::{ParquetFile, inspect as inspect_file, nearest};
use larder_pipeline::{NamedFeatures, PipelineError, TextQuery, compare_features, nearest_to_text};

use super::Context;
use crate::cli::{InspectArgs, RowChoice};
use crate::console::Console;
use crate::failure::Failure;
use crate::{log, tables};

pub fn inspect(context: &Context, args: &InspectArgs) -> Result<(), Failure> {
    let named = NamedFeatures::open(&context.larder, &args.file, &mut Console::new())?;
    if let Some(other) = &args.against {
        let other = NamedFeatures::open(&context.larder, other, &mut Console::new())?;
        let found = compare_features(&named, &other, args.one_column()?, args.seed)?;
        return match context.json {
            true => context.print_json(&found),
            false => context.print(&tables::files_compared(&found, [&named.path, &other.path])),
        };
    }
    let file = ParquetFile::open(&named.path).map_err(PipelineError::from)?;
    if let Some(RowChoice(query)) = &args.nearest {
        let column = file.vector_column(args.one_column()?).map_err(PipelineError::from)?;
        let found = nearest(&file, &column, query, args.rows, args.k).map_err(PipelineError::from)?;
        return match context.json {
            true => context.print_json(&found),
            false => context.print(&tables::neighbours(&found)),
        };
    }
    if let Some(text) = &args.nearest_text {
        let column = file.vector_column(args.one_column()?).map_err(PipelineError::from)?;
        let encoder = args.encoder.as_deref();
        let query = TextQuery { text, encoder, device: args.device.device, threads: args.device.threads };
        let found = nearest_to_text(&context.larder, &file, &column, &query, args.rows, args.k)?;
        for note in &found.notes {
            log::note(note);
        }
        return match context.json {
            true => context.print_json(&found),
            false => context.print(&tables::neighbours(&found.nearest)),
        };
    }
    let found = inspect_file(&file, &args.options()).map_err(PipelineError::from)?;
    match context.json {
        true => context.print_json(&found),
        false => context.print(&tables::inspection(&found)),
    }
}
