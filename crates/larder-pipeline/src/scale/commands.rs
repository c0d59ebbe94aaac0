//! Commands of larder as shards: making their plan, and working one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_evaluate::common_metric;
use larder_files::{FileError, digest_file};
use larder_intake::Encoder;
use larder_run::{Evaluation, Larder, RunRecord};
use larder_runtime::Device;
use larder_scale::{
    COMMIT_VERSION, CommandPlan, Commit, CommitScore, PLAN_VERSION, PlannedCommand, PlannedInput, PlannedRun,
    ScaleError, Store, StoreUri, StoredFolder, keys, publish_inputs,
};

use super::clock::now;
use super::encoder;
use crate::PipelineError;

/// The folder of a tuned encoder in a run's folder.
const TUNED_ENCODERS: &str = "encoders/";

/// A command to be planned, and what it names.
#[derive(Debug)]
pub struct NamedCommand {
    /// Its words, from `run`, `finetune` or `predict` on.
    pub arguments: Vec<String>,
    /// Its data set.
    pub dataset: Option<DatasetSpec>,
    /// Its encoder.
    pub encoder: Option<Encoder>,
    /// The run that it predicts with.
    pub run: Option<RunRecord>,
    /// Other files that it reads, as its words have them.
    pub files: Vec<PathBuf>,
}

/// Commands to be run on many machines.
#[derive(Debug)]
pub struct CommandsRequest<'a> {
    /// The commands.
    pub commands: Vec<NamedCommand>,
    /// The store to put the plan into, and everything that workers need.
    pub store: &'a StoreUri,
    /// True to put copies of the input files into the store.
    pub copy_inputs: bool,
    /// True to put fine-tuned encoders into the store too.
    pub keep_weights: bool,
}

/// A plan of commands that was made.
#[derive(Debug)]
pub struct CommandsOutcome {
    /// Its name in the store.
    pub uri: String,
    /// The plan.
    pub plan: CommandPlan,
    /// False if the same plan was there.
    pub is_new: bool,
}

/// Writes a plan whose shards are commands into the store, with the encoders and runs that they name and, if asked for, their files.
///
/// # Errors
/// [`PipelineError`].
pub fn plan_commands(larder: &Larder, request: CommandsRequest<'_>) -> Result<CommandsOutcome, PipelineError> {
    let store = Store::open_or_make(request.store)?;
    store.check_conditional_puts()?;
    let mut plan = CommandPlan {
        format_version: PLAN_VERSION,
        larder: env!("CARGO_PKG_VERSION").to_owned(),
        encoders: Vec::new(),
        runs: Vec::new(),
        inputs: Vec::new(),
        keeps_weights: request.keep_weights,
        commands: Vec::new(),
    };
    let mut known = BTreeMap::new();
    for command in request.commands {
        let command = planned(larder, &store, &mut plan, &mut known, command)?;
        plan.commands.push(command);
    }
    if request.copy_inputs {
        publish_inputs(&store, &mut plan.inputs)?;
    }
    let (plan_id, is_new) = plan.create(&store)?;
    Ok(CommandsOutcome { uri: larder_scale::Plan::uri(&store, &plan_id), plan, is_new })
}

/// Notes what a command names; `inputs` holds the places of the files that were noted.
fn planned(
    larder: &Larder,
    store: &Store,
    plan: &mut CommandPlan,
    inputs: &mut BTreeMap<PathBuf, usize>,
    command: NamedCommand,
) -> Result<PlannedCommand, PipelineError> {
    let NamedCommand { mut arguments, dataset, encoder, run, files } = command;
    let mut read = Vec::new();
    let mut named = files;
    if let Some(spec) = &dataset {
        named.push(spec.path.clone());
        for split in spec.split_names() {
            for file in spec.split_files(split)? {
                read.push(note_input(plan, inputs, &file)?);
            }
        }
    }
    for file in &named {
        let place = note_input(plan, inputs, file)?;
        read.push(place);
        let (typed, planned) = (file.to_string_lossy(), plan.inputs[place].path.display().to_string());
        for word in &mut arguments {
            if *word == typed {
                word.clone_from(&planned);
            } else if let Some(flag) = word.strip_suffix(&format!("={typed}")) {
                *word = format!("{flag}={planned}");
            }
        }
    }
    read.sort_unstable();
    read.dedup();
    let mut encoders = Vec::new();
    // A fine-tuned run has its own inside.
    let of_run = run.as_ref().filter(|run| run.head.tuned().is_none()).map(|run| run.encoder(larder)).transpose()?;
    for encoder in encoder.iter().chain(&of_run) {
        encoders.push(note_encoder(store, plan, encoder)?);
    }
    let run = run.map(|run| note_run(larder, store, plan, &run)).transpose()?;
    Ok(PlannedCommand { arguments, encoders, run, inputs: read })
}

fn note_input(
    plan: &mut CommandPlan,
    known: &mut BTreeMap<PathBuf, usize>,
    file: &Path,
) -> Result<usize, PipelineError> {
    let path = std::path::absolute(file).map_err(FileError::io("find", file))?;
    if let Some(&place) = known.get(&path) {
        return Ok(place);
    }
    let bytes = std::fs::metadata(&path).map_err(FileError::io("read", &path))?.len();
    let digest = digest_file(&path)?;
    plan.inputs.push(PlannedInput { path: path.clone(), digest, bytes, rows: 0, tail_byte: None, copied: false });
    known.insert(path, plan.inputs.len() - 1);
    Ok(plan.inputs.len() - 1)
}

fn note_encoder(store: &Store, plan: &mut CommandPlan, encoder: &Encoder) -> Result<usize, PipelineError> {
    if let Some(place) = plan.encoders.iter().position(|known| known.name == encoder.name()) {
        return Ok(place);
    }
    plan.encoders.push(encoder::publish(store, encoder)?);
    Ok(plan.encoders.len() - 1)
}

fn note_run(larder: &Larder, store: &Store, plan: &mut CommandPlan, run: &RunRecord) -> Result<usize, PipelineError> {
    if let Some(place) = plan.runs.iter().position(|known| known.name == run.run) {
        return Ok(place);
    }
    let folder = StoredFolder::publish_result(store, &larder.home().run(&run.run)?, &|_| false)?;
    plan.runs.push(PlannedRun { name: run.run.clone(), folder });
    Ok(plan.runs.len() - 1)
}

/// A command of a plan, ready to run on this machine.
#[derive(Debug)]
pub struct ReadyCommand {
    /// Its words. Inputs are where they are here.
    pub arguments: Vec<String>,
    /// The name of the run that it makes.
    pub run: String,
    /// The folder for files that it writes, made already.
    pub output: PathBuf,
    /// The device to run on.
    pub device: Device,
    /// CPU threads; 0 means one per core.
    pub threads: usize,
}

/// Brings what a worker needs for a command: its encoders, its run and its inputs.
pub(super) fn prepare(
    larder: &Larder,
    store: &Store,
    (plan_id, plan, shard): (&str, &CommandPlan, usize),
    scratch: &Path,
    (device, threads): (Device, usize),
) -> Result<ReadyCommand, PipelineError> {
    let none = || ScaleError::NoShard { plan: store.object(&keys::plan(plan_id)), shard, shards: plan.commands.len() };
    let command = plan.commands.get(shard).ok_or_else(none)?;
    for &place in &command.encoders {
        encoder::open(larder, store, plan.encoders.get(place).ok_or_else(none)?)?;
    }
    if let Some(place) = command.run {
        fetch_run(larder, store, plan.runs.get(place).ok_or_else(none)?)?;
    }
    let mut arguments = command.arguments.clone();
    let inputs = command.inputs.iter().map(|&place| plan.inputs.get(place).ok_or_else(none));
    let inputs = inputs.collect::<Result<Vec<&PlannedInput>, _>>()?;
    if let Some(root) = inputs_root(store, &inputs, shard, scratch)? {
        for word in &mut arguments {
            for input in &inputs {
                let planned = input.path.display().to_string();
                if word.ends_with(&planned) {
                    let copy = place_in(&root, &input.path).display().to_string();
                    *word = format!("{}{copy}", &word[..word.len() - planned.len()]);
                    break;
                }
            }
        }
    }
    let output = scratch.join("output");
    std::fs::create_dir_all(&output).map_err(FileError::io("make the folder", &output))?;
    let run = CommandPlan::result_name(plan_id, shard);
    Ok(ReadyCommand { arguments, run, output, device, threads })
}

/// Compares the inputs with the plan. Returns `None` where they are at their paths, or the folder that they were all fetched into, at
/// their full paths in it: the files of a data set then lie to each other as they did.
fn inputs_root(
    store: &Store,
    inputs: &[&PlannedInput],
    shard: usize,
    scratch: &Path,
) -> Result<Option<PathBuf>, PipelineError> {
    let mut are_here = true;
    for input in inputs {
        let found = if input.path.is_file() { Some(digest_file(&input.path)?) } else { None };
        let (path, expected) = (input.path.clone(), input.digest.clone());
        match found {
            Some(found) if found == input.digest => {}
            _ if input.copied => are_here = false,
            Some(found) => return Err(ScaleError::InputChanged { path, shard, expected, found }.into()),
            None => return Err(ScaleError::NoInput { path, shard }.into()),
        }
    }
    if are_here {
        return Ok(None);
    }
    let root = scratch.join("inputs");
    for input in inputs {
        let (key, target) = (keys::input(&input.digest), place_in(&root, &input.path));
        let parent = target.parent().unwrap_or(&root);
        std::fs::create_dir_all(parent).map_err(FileError::io("make the folder", parent))?;
        if !store.fetch(&key, &target)? {
            let way_out = "make the plan again: that puts it there";
            return Err(ScaleError::NotThere { what: "copy of the input", uri: store.object(&key), way_out }.into());
        }
        let found = digest_file(&target)?;
        if found != input.digest {
            let (uri, expected) = (store.object(&key), input.digest.clone());
            let way_out = "remove it, and make the plan again";
            return Err(ScaleError::Damaged { uri, expected, found, way_out }.into());
        }
    }
    Ok(Some(root))
}

/// Returns the place of a full path below a folder.
fn place_in(root: &Path, path: &Path) -> PathBuf {
    let parts = path.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    root.join(parts.collect::<PathBuf>())
}

/// Fetches a run into the home, or compares the one that is there.
fn fetch_run(larder: &Larder, store: &Store, run: &PlannedRun) -> Result<(), PipelineError> {
    let folder = larder.home().run(&run.name)?;
    run.folder.fetch_result(store, &folder)?;
    for file in &run.folder.files {
        let path = folder.join(&file.name);
        if !path.is_file() || digest_file(&path)? != file.digest {
            return Err(ScaleError::OtherRun { run: run.name.clone(), home: larder.home().runs() }.into());
        }
    }
    Ok(())
}

/// Puts the result of a command into the store. Returns the commit that names it.
pub(super) fn commit_of(
    larder: &Larder,
    store: &Store,
    (plan, shard): (&CommandPlan, usize),
    ready: &ReadyCommand,
    (started, clock): (f64, &Instant),
) -> Result<Commit, PipelineError> {
    let run = larder.home().run(&ready.run)?;
    let (folder, scores, device) = match RunRecord::open(larder, &ready.run) {
        Ok(record) => {
            let scores = Evaluation::load(&run, &record).map(|found| scores(&record, &found));
            let device = record.stages.iter().rev().find_map(|stage| stage.device.clone());
            (run.as_path(), scores, device)
        }
        Err(_) => (ready.output.as_path(), None, None),
    };
    let is_left_out = |name: &str| !plan.keeps_weights && name.starts_with(TUNED_ENCODERS);
    let StoredFolder { digest, files } = StoredFolder::publish_result(store, folder, &is_left_out)?;
    let sizes = files.iter().map(|file| std::fs::metadata(folder.join(&file.name)).map_or(0, |file| file.len()));
    Ok(Commit {
        format_version: COMMIT_VERSION,
        shard,
        key: keys::result(&digest),
        bytes: sizes.sum(),
        rows: 0,
        digest,
        columns: Vec::new(),
        tokens: 0,
        skipped: 0,
        seconds: clock.elapsed().as_secs_f64(),
        device: device.unwrap_or_else(|| ready.device.to_string()),
        larder: env!("CARGO_PKG_VERSION").to_owned(),
        ran: BTreeMap::new(),
        started,
        finished: now(),
        files,
        scores: scores.unwrap_or_default(),
    })
}

/// The scores of a run, of each split first the one that runs are compared by.
fn scores(record: &RunRecord, evaluation: &Evaluation) -> Vec<CommitScore> {
    let metric = common_metric(std::iter::once(record));
    let mut all = Vec::new();
    for split in evaluation.scores().splits() {
        let compared_by = split.score(metric).0;
        let mut named = split.named_scores();
        // Where two are equal the metric's own name counts, or else the first.
        named.sort_by_key(|(name, value)| (*value != compared_by, *name != metric.to_string()));
        let split = split.outline().split.to_owned();
        // What is no number has no JSON.
        let finite = named.into_iter().filter(|(_, value)| value.is_finite());
        all.extend(finite.map(|(score, value)| CommitScore { split: split.clone(), score: score.to_owned(), value }));
    }
    all
}
