//! Where a run goes: beside others, or over an older one of its name.

use larder_data::DatasetSpec;
use larder_encoder::Encoder;
use larder_store::{Change, Freshness, Provenance};

use super::TrainOptions;
use crate::{Larder, PipelineError, RunRecord};

/// Where the run goes.
pub(super) enum Slot {
    /// A run of this provenance is there.
    Fresh(String),
    /// This name is to be written; `changes` against the run that it replaces.
    Free { run: String, changes: Vec<Change> },
}

pub(super) fn slot(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    wanted: &Provenance,
) -> Result<Slot, PipelineError> {
    let found = |run: &str| RunRecord::open(larder, run).ok();
    if let Some(run) = &options.run {
        return Ok(match wanted.freshness(found(run).as_ref().map(|r| &r.provenance)) {
            Freshness::Fresh if !options.force => Slot::Fresh(run.clone()),
            Freshness::Stale(changes) => Slot::Free { run: run.clone(), changes },
            Freshness::Fresh | Freshness::Missing => Slot::Free { run: run.clone(), changes: Vec::new() },
        });
    }
    let base = format!("{}-{}", spec.name, encoder.name());
    if !options.force {
        let twin = RunRecord::names(larder).into_iter().find(|run| {
            found(run).is_some_and(|r| {
                r.encoder == encoder.name() && wanted.freshness(Some(&r.provenance)) == Freshness::Fresh
            })
        });
        if let Some(run) = twin {
            return Ok(Slot::Fresh(run));
        }
    }
    let mut number = 1;
    loop {
        let run = format!("{base}-{number}");
        if !larder.home().run(&run)?.exists() {
            return Ok(Slot::Free { run, changes: Vec::new() });
        }
        number += 1;
    }
}
