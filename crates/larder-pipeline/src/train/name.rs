//! The name of a run: a new one, or that of an older run to reuse or replace.

use larder_data::DatasetSpec;
use larder_files::{Change, Freshness, Provenance};
use larder_intake::Encoder;
use larder_run::{Larder, RunRecord};

use super::commit::remove_left_in_run;
use crate::PipelineError;

/// The name of a run.
pub(crate) enum RunName {
    /// A run with this provenance exists.
    UpToDate(String),
    /// The run is to be made; `changes` are those since the run that it replaces.
    ToMake { run: String, changes: Vec<Change> },
}

/// Finds the run called `run`, or a run with the provenance `wanted`; otherwise the first free name.
pub(crate) fn find_or_name_run(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    run: Option<&str>,
    force: bool,
    wanted: &Provenance,
) -> Result<RunName, PipelineError> {
    let found = |run: &str| RunRecord::open(larder, run).ok();
    if let Some(run) = run {
        return Ok(match wanted.freshness(found(run).as_ref().map(|r| &r.provenance)) {
            Freshness::Fresh if !force => {
                remove_left_in_run(&larder.home().run(run)?);
                RunName::UpToDate(run.to_owned())
            }
            Freshness::Stale(changes) => RunName::ToMake { run: run.to_owned(), changes },
            Freshness::Fresh | Freshness::Missing => RunName::ToMake { run: run.to_owned(), changes: Vec::new() },
        });
    }
    let base = format!("{}-{}", spec.name, encoder.name());
    if !force {
        let twin = RunRecord::names(larder).into_iter().find(|run| {
            found(run).is_some_and(|r| {
                r.encoder == encoder.name() && wanted.freshness(Some(&r.provenance)) == Freshness::Fresh
            })
        });
        if let Some(run) = twin {
            remove_left_in_run(&larder.home().run(&run)?);
            return Ok(RunName::UpToDate(run));
        }
    }
    let mut number = 1;
    loop {
        let run = format!("{base}-{number}");
        if !larder.home().run(&run)?.exists() {
            return Ok(RunName::ToMake { run, changes: Vec::new() });
        }
        number += 1;
    }
}
