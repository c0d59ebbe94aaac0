//! Plans, shards and stores.

use larder_errors::{bytes, count, counted, seconds};
use larder_pipeline::{CommandsOutcome, PlanOutcome, ShardOutcome, ShardResult, UnneededArtifact, UnneededArtifacts};
use larder_scale::{Garbage, Manifest, PlanStatus, ResultsManifest};

use super::table;

/// Says what a plan holds.
pub fn plan(outcome: &PlanOutcome) -> String {
    let plan = &outcome.plan;
    let dearest = plan.shards.first().map_or(0, |shard| shard.tokens);
    let cheapest = plan.shards.last().map_or(0, |shard| shard.tokens);
    let found = if outcome.is_new { "" } else { "; it was there" };
    format!(
        "plan     {} {}: {}, about {}, {} of {} to {}{found}",
        plan.dataset.name,
        plan.dataset.split,
        counted(plan.rows(), "row"),
        counted(plan.forecast_tokens(), "token"),
        counted(plan.shards.len() as u64, "shard"),
        count(cheapest),
        counted(dearest, "token"),
    )
}

/// Says what a plan of commands holds.
pub fn plan_of_commands(outcome: &CommandsOutcome) -> String {
    let plan = &outcome.plan;
    let found = if outcome.is_new { "" } else { "; it was there" };
    format!(
        "plan     {} with {} and {}, {} to read{found}",
        counted(plan.commands.len() as u64, "command"),
        counted(plan.encoders.len() as u64, "encoder"),
        counted(plan.runs.len() as u64, "run"),
        counted(plan.inputs.len() as u64, "file"),
    )
}

/// Says what became of a shard.
pub fn shard(outcome: &ShardOutcome) -> String {
    let shard = outcome.shard;
    match &outcome.result {
        ShardResult::AlreadyDone => format!("shard {shard}: already done"),
        ShardResult::Committed { commit } => format!(
            "shard {shard}: committed {}, {}, {} in {} on {}",
            commit.key,
            match commit.files.len() {
                0 => counted(commit.rows, "row"),
                files => counted(files as u64, "file"),
            },
            bytes(commit.bytes),
            seconds(commit.seconds),
            commit.device
        ),
        ShardResult::Lost { digest, commit } if *digest == commit.digest => {
            format!("shard {shard}: another worker's commit came first, with the same part {}", commit.key)
        }
        ShardResult::Lost { digest, commit } => format!(
            "shard {shard}: another worker's commit came first, and its part {} ({}, version {}) differs from this one's, {digest}: \
             both are right within rounding, and the first counts",
            commit.key, commit.device, commit.larder
        ),
    }
}

/// Says what a manifest holds.
pub fn manifest(manifest: &Manifest, is_new: bool) -> String {
    let found = if is_new { "" } else { "; it was collected before" };
    format!(
        "collect  {} {}: {} in {}, {}{found}",
        manifest.dataset,
        manifest.split,
        counted(manifest.rows, "row"),
        counted(manifest.parts.len() as u64, "part"),
        bytes(manifest.bytes),
    )
}

/// Says what a manifest of results holds.
pub fn results(manifest: &ResultsManifest, is_new: bool) -> String {
    let found = if is_new { "" } else { "; they were collected before" };
    let size = manifest.results.iter().map(|result| result.bytes).fold(0, u64::saturating_add);
    format!("collect  {}, {}{found}", counted(manifest.results.len() as u64, "result"), bytes(size))
}

/// Formats the scores of results, the best first; `None` where nothing was scored.
pub fn result_scores(manifest: &ResultsManifest) -> Option<String> {
    let (best, score) = manifest.best()?;
    let mut table = table(&["command", "split", "score", "runs", "mean", "sd", "lowest", "highest"]);
    for group in manifest.groups() {
        for (at, score) in group.scores.iter().enumerate() {
            let command = if at == 0 { group.command.clone() } else { String::new() };
            let summary = &score.summary;
            let mut row = vec![command, score.split.clone(), score.score.clone(), count(summary.n as u64)];
            let numbers = [summary.mean, summary.deviation, summary.min, summary.max];
            row.extend(numbers.map(|value| format!("{value:.3}")));
            table.add_row(row);
        }
    }
    let seconds = seconds(best.seconds);
    Some(format!(
        "{table}\nbest: {}, {} {:.3} on {}, {} in {seconds}",
        best.name,
        score.score,
        score.value,
        score.split,
        bytes(best.bytes),
    ))
}

/// Says how far a plan is.
pub fn plan_status(status: &PlanStatus) -> String {
    let done = format!("{} of {} done", count(status.done as u64), counted(status.shards as u64, "shard"));
    let has_rows = status.rows > 0;
    let mut lines = vec![match has_rows {
        false => done,
        true => format!(
            "{done}, {} of {}, {:.1} % of the forecast tokens",
            count(status.rows_done),
            counted(status.rows, "row"),
            100.0 * status.share
        ),
    }];
    if !status.missing.is_empty() {
        lines.push(format!("missing: {}", status.missing));
    }
    if let (Some(all), Some(one), true) = (status.rows_per_second, status.rows_per_worker_second, has_rows) {
        lines.push(format!("{all:.0} rows/s over all workers, {one:.0} rows/s of one"));
    }
    if let Some(left) = status.seconds_left.filter(|_| !status.missing.is_empty()) {
        lines.push(format!("about {} left, if it goes on so", seconds(left)));
    }
    for slow in &status.slowest {
        lines.push(format!(
            "shard {}: {} on {}, {:.1} times a mean shard of its size",
            slow.shard,
            seconds(slow.seconds),
            slow.device,
            slow.slowness
        ));
    }
    if status.skipped > 0 {
        let verb = if status.skipped == 1 { "was" } else { "were" };
        lines.push(format!("{} {verb} left out", counted(status.skipped, "row")));
    }
    lines.push(match (status.missing.is_empty(), status.collected) {
        (_, true) => "collected".to_owned(),
        (true, false) => "all shards are done: `larder collect` makes what they made exist".to_owned(),
        (false, false) => "not collected".to_owned(),
    });
    lines.join("\n")
}

/// Formats the artifacts that no run needs.
pub fn unneeded(found: &UnneededArtifacts, removed: bool) -> String {
    let line = |artifact: &UnneededArtifact| {
        let UnneededArtifact { kind, path, bytes: size } = artifact;
        format!("{:<9} {:>10}  {}", kind.as_str(), bytes(*size), path.display())
    };
    let mut lines: Vec<String> = found.artifacts.iter().map(line).collect();
    let kept = match found.kept {
        0 => String::new(),
        kept => format!("; {} younger, or being made, and kept", counted(kept as u64, "other")),
    };
    let what = match (found.artifacts.len() as u64, removed) {
        (0, _) => "nothing that no run needs".to_owned(),
        (all, true) => format!("{}, {}, removed", counted(all, "artifact"), bytes(found.bytes)),
        (all, false) => {
            format!(
                "{} that no run needs, {}: `larder gc --remove` removes them",
                counted(all, "artifact"),
                bytes(found.bytes)
            )
        }
    };
    lines.push(what + &kept);
    lines.join("\n")
}

/// Says what was, or would be, removed.
pub fn garbage(garbage: &Garbage, dry_run: bool) -> String {
    let mut lines: Vec<String> = garbage.keys.clone();
    let verb = if dry_run { "would be removed" } else { "removed" };
    let young = match garbage.young {
        0 => String::new(),
        young => format!("; {} that nothing names are younger and stay", count(young as u64)),
    };
    let (objects, size) = (counted(garbage.keys.len() as u64, "object"), bytes(garbage.bytes));
    lines.push(format!("{objects}, {size}, {verb}{young}"));
    lines.join("\n")
}
