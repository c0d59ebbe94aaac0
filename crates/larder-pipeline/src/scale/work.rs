//! Working shards of a plan.

use std::collections::HashSet;
use std::error::Error;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use larder_data::{DatasetSpec, RowSlice};
use larder_encode::{EncodeError, EncodeRequest, Engine, encode_with, plan_encode};
use larder_errors::ErrorClass;
use larder_files::{FileError, FolderLock, Freshness, Provenance, digest_file};
use larder_intake::Encoder;
use larder_run::{Event, Larder, Observer, RunError, Stage};
use larder_runtime::{Device, RuntimeError};
use larder_scale::{
    COMMIT_VERSION, CommandPlan, Commit, CommitOutcome, ObjectUri, Plan, ScaleError, ShardInput, Store, StoredPlan,
    keys, missing_shards,
};
use larder_store::{FeaturesFile, read_provenance};
use larder_tokens::{SKIPPED_ROWS, SliceInput, TokenizeRequest, tokenize};
use serde::Serialize;

use super::clock::now;
use super::commands::{ReadyCommand, commit_of, prepare};
use super::encoder;
use crate::PipelineError;

/// The prefix of what a tokens file of a shard says of its rows.
const SLICE: &str = "slice.";
/// The prefix of parts that tell how it ran.
const RAN: &str = "ran.";

/// Shards to be worked.
#[derive(Debug, Clone, Copy)]
pub struct WorkRequest<'a> {
    /// The plan.
    pub plan: &'a ObjectUri,
    /// Which of its shards.
    pub choice: ShardChoice,
    /// The folder for work under way; `None` takes `scratch` in the home. A worker that starts there again goes on from it.
    pub scratch: Option<&'a Path>,
    /// The device to run on.
    pub device: Device,
    /// CPU threads; 0 means one per core.
    pub threads: usize,
    /// Becomes true when the process is to end: the batch under way is finished and kept.
    pub stop: &'a AtomicBool,
}

/// Which shards a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardChoice {
    /// This one.
    One(usize),
    /// Those that are missing, one after another, of every `of`th shard from `slice` on.
    NextMissing {
        /// From 0.
        slice: usize,
        /// Workers that share the plan.
        of: usize,
    },
}

/// What became of a shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardOutcome {
    /// The shard.
    pub shard: usize,
    /// What became of it.
    #[serde(flatten)]
    pub result: ShardResult,
}

/// What became of a shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ShardResult {
    /// It had a commit before anything was done.
    AlreadyDone,
    /// This worker's part counts.
    Committed {
        /// The commit.
        commit: Box<Commit>,
    },
    /// Another worker's commit came first, and its part counts.
    Lost {
        /// The digest of this worker's part.
        digest: String,
        /// The commit that counts.
        commit: Box<Commit>,
    },
}

/// An error of a shard, of whichever stage.
pub trait ShardError: From<PipelineError> {
    /// Returns what failed and why.
    fn message(&self) -> String;

    /// Returns the class.
    fn class(&self) -> ErrorClass;
}

/// Works shards of a plan; `each` hears of every one. A shard that has a commit costs one look into the store. A shard that is a command is
/// run by `run`, with `larder` as its home.
///
/// # Errors
/// [`PipelineError`], whose class tells whether another try may help, and errors of `run`. What was computed is kept: features in the
/// scratch folder, runs in the home. With [`ShardChoice::NextMissing`] a command that fails by its own data or training is passed over, and
/// its error is returned when no other shard is left.
pub fn work<E: ShardError>(
    larder: &Larder,
    request: &WorkRequest<'_>,
    observer: &mut dyn Observer,
    run: &mut dyn FnMut(&ReadyCommand) -> Result<(), E>,
    each: &mut dyn FnMut(&ShardOutcome),
) -> Result<(), E> {
    let ObjectUri { store, plan_id } = request.plan;
    let store = Store::open(store).map_err(PipelineError::from)?;
    let mut worker = Worker { larder, request, store: &store, plan_id, ready: None, failed_command: None };
    match request.choice {
        ShardChoice::One(shard) => each(&worker.shard(shard, observer, run)?),
        ShardChoice::NextMissing { slice, of } => {
            let (mut failed, mut first_error) = (HashSet::new(), None);
            loop {
                // Asked again after every shard: another worker may have done the next.
                let shards = worker.ready()?.shards();
                let done = Commit::shards(&store, plan_id).map_err(PipelineError::from)?;
                let is_mine = |shard: &usize| shard % of.max(1) == slice && !failed.contains(shard);
                let Some(shard) = missing_shards(&done, shards).into_iter().find(is_mine) else { break };
                match worker.shard(shard, observer, run) {
                    Ok(outcome) => each(&outcome),
                    // What is missing for one command is missing for all, and what another try may mend is not passed over.
                    Err(error)
                        if worker.failed_command == Some(shard)
                            && matches!(
                                error.class(),
                                ErrorClass::Input | ErrorClass::Training | ErrorClass::Score
                            ) =>
                    {
                        let message = format!("shard {shard} fails and is passed over: {}", error.message());
                        observer.event(Event::Note(&message));
                        failed.insert(shard);
                        first_error.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(error) = first_error {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A process that works shards.
struct Worker<'a> {
    larder: &'a Larder,
    request: &'a WorkRequest<'a>,
    store: &'a Store,
    plan_id: &'a str,
    /// What is loaded when the first shard needs it.
    ready: Option<Ready>,
    /// The shard whose command itself failed last.
    failed_command: Option<usize>,
}

enum Ready {
    Features(Box<ReadyFeatures>),
    Commands {
        plan: Box<CommandPlan>,
        /// True once the store was found to heed conditions.
        is_checked: bool,
    },
}

impl Ready {
    fn shards(&self) -> usize {
        match self {
            Self::Features(ready) => ready.plan.shards.len(),
            Self::Commands { plan, .. } => plan.commands.len(),
        }
    }
}

struct ReadyFeatures {
    plan: Plan,
    spec: DatasetSpec,
    encoder: Option<Encoder>,
    /// The encoder's sessions, once a shard needed them.
    engine: Option<Engine>,
}

impl Worker<'_> {
    fn ready(&mut self) -> Result<&mut Ready, PipelineError> {
        if self.ready.is_none() {
            self.ready = Some(match StoredPlan::read(self.store, self.plan_id)? {
                StoredPlan::Features(plan) => {
                    let spec = DatasetSpec::parse(&plan.dataset.description, &plan.dataset.path)?;
                    Ready::Features(Box::new(ReadyFeatures { plan: *plan, spec, encoder: None, engine: None }))
                }
                StoredPlan::Commands(plan) => Ready::Commands { plan, is_checked: false },
            });
        }
        self.ready.as_mut().ok_or_else(|| unreachable!("it was set above"))
    }

    /// The folder for work under way.
    fn scratch(&self) -> PathBuf {
        self.request.scratch.map_or_else(|| self.larder.home().scratch(), Path::to_path_buf)
    }

    fn shard<E: ShardError>(
        &mut self,
        shard: usize,
        observer: &mut dyn Observer,
        run: &mut dyn FnMut(&ReadyCommand) -> Result<(), E>,
    ) -> Result<ShardOutcome, E> {
        // Before anything is loaded: most starts of a plan that is worked again end here.
        if Commit::exists(self.store, self.plan_id, shard).map_err(PipelineError::from)? {
            Scratch::clear(&self.scratch(), self.plan_id, shard).map_err(PipelineError::from)?;
            return Ok(ShardOutcome { shard, result: ShardResult::AlreadyDone });
        }
        match self.ready()? {
            Ready::Features(_) => Ok(self.features(shard, observer).map_err(of_disk)?),
            Ready::Commands { .. } => self.command(shard, run),
        }
    }

    /// Runs the command that is a shard, and commits what it made.
    fn command<E: ShardError>(
        &mut self,
        shard: usize,
        run: &mut dyn FnMut(&ReadyCommand) -> Result<(), E>,
    ) -> Result<ShardOutcome, E> {
        let (started, clock) = (now(), Instant::now());
        let (larder, request, store, plan_id) = (self.larder, self.request, self.store, self.plan_id);
        let root = self.scratch();
        let Ready::Commands { plan, is_checked } = self.ready()? else { unreachable!("it was looked at") };
        if shard >= plan.commands.len() {
            let (plan, shards) = (store.object(&keys::plan(plan_id)), plan.commands.len());
            return Err(PipelineError::from(ScaleError::NoShard { plan, shard, shards }).into());
        }
        if !*is_checked {
            store.check_conditional_puts().map_err(PipelineError::from)?;
            *is_checked = true;
        }
        let scratch = Scratch::take(&root, plan_id, shard).map_err(PipelineError::from)?;
        let of_worker = (request.device, request.threads);
        let ready = prepare(larder, store, (plan_id, plan, shard), &scratch.folder, of_worker).map_err(of_disk)?;
        if request.stop.load(Ordering::Relaxed) {
            return Err(PipelineError::from(EncodeError::Stopped).into());
        }
        run(&ready).inspect_err(|_| self.failed_command = Some(shard))?;
        let Some(Ready::Commands { plan, .. }) = &self.ready else { unreachable!("it was looked at") };
        let of_start = (started, &clock);
        let commit = commit_of(larder, store, (plan, shard), &ready, of_start).map_err(of_disk)?;
        let committed = commit.create(store, plan_id).map_err(PipelineError::from)?;
        // Files that had been there for long without a commit may have been cleared away this very moment.
        commit_of(larder, store, (plan, shard), &ready, of_start).map_err(of_disk)?;
        drop(scratch);
        Scratch::clear(&root, plan_id, shard).map_err(PipelineError::from)?;
        let result = match committed {
            CommitOutcome::Committed => ShardResult::Committed { commit: Box::new(commit) },
            CommitOutcome::Lost(first) => ShardResult::Lost { digest: commit.digest, commit: first },
        };
        Ok(ShardOutcome { shard, result })
    }

    /// Encodes the rows that are a shard, and commits their features.
    fn features(&mut self, shard: usize, observer: &mut dyn Observer) -> Result<ShardOutcome, PipelineError> {
        let outcome = |result| Ok(ShardOutcome { shard, result });
        let (started, clock) = (now(), Instant::now());
        let (larder, request, store, plan_id) = (self.larder, self.request, self.store, self.plan_id);
        let root = self.scratch();
        let Ready::Features(ready) = self.ready()? else { unreachable!("it was looked at") };
        ready.plan.shard(request.plan, shard)?;
        if ready.encoder.is_none() {
            // A plan that was copied into another store.
            store.check_conditional_puts()?;
            ready.encoder = Some(encoder::open(larder, store, &ready.plan.encoder)?);
        }
        let ReadyFeatures { plan, spec, encoder: Some(encoder), engine } = &mut **ready else {
            unreachable!("it was set above")
        };
        let scratch = Scratch::take(&root, plan_id, shard)?;
        let of_plan = (&*plan, &*spec, &*encoder, engine);
        let made = make_part(larder, of_plan, shard, request, store, &scratch.folder, observer);
        let Part { path, bytes, digest, file, ran, tokens, skipped } = made?;
        let key = keys::part(&digest);
        store.put_content(&key, &path)?;
        let commit = Commit {
            format_version: COMMIT_VERSION,
            shard,
            key: key.clone(),
            bytes,
            rows: file.rows() as u64,
            digest: digest.clone(),
            columns: file.columns().to_vec(),
            tokens,
            skipped,
            seconds: clock.elapsed().as_secs_f64(),
            device: ran.get("ran.device").cloned().unwrap_or_default(),
            larder: env!("CARGO_PKG_VERSION").to_owned(),
            ran,
            started,
            finished: now(),
            files: Vec::new(),
            scores: Vec::new(),
        };
        let committed = commit.create(store, plan_id)?;
        if store.head(&key)?.is_none() {
            // It had been there for long without a commit, and was cleared away this very moment.
            store.put_content(&key, &path)?;
        }
        drop(file);
        drop(scratch);
        Scratch::clear(&root, plan_id, shard)?;
        outcome(match committed {
            CommitOutcome::Committed => ShardResult::Committed { commit: Box::new(commit) },
            CommitOutcome::Lost(commit) => ShardResult::Lost { digest, commit },
        })
    }
}

/// A features file of a shard.
struct Part {
    path: PathBuf,
    bytes: u64,
    digest: String,
    file: FeaturesFile,
    ran: std::collections::BTreeMap<String, String>,
    tokens: u64,
    skipped: u64,
}

/// Makes the features of a shard in the scratch folder, or goes on where another process was.
fn make_part(
    larder: &Larder,
    (plan, spec, encoder, engine): (&Plan, &DatasetSpec, &Encoder, &mut Option<Engine>),
    shard: usize,
    request: &WorkRequest<'_>,
    store: &Store,
    scratch: &Path,
    observer: &mut dyn Observer,
) -> Result<Part, PipelineError> {
    let planned = plan.shard(request.plan, shard)?;
    let subject = format!("shard {shard}");
    let inputs = ShardInput::open_all(store, plan, shard, scratch)?.into_iter().map(|input| input.path);
    let slices: Vec<(PathBuf, RowSlice)> = inputs.zip(planned.pieces.iter().map(|piece| piece.slice.clone())).collect();
    let (tokens, features) = (scratch.join("tokens.parquet"), scratch.join("features.parquet"));
    let tokenizer = encoder.tokenizer()?;
    let dataset = &plan.dataset;
    let slice = SliceInput { slices: &slices, has_targets: dataset.has_targets, labels: dataset.labels.as_ref() };
    let tokenize_request = TokenizeRequest {
        spec,
        split: &dataset.split,
        tokenizer: &tokenizer,
        max_tokens: plan.settings.max_tokens,
        long: plan.settings.long,
        on_bad_row: plan.settings.on_bad_row,
        on_illegal_tags: plan.settings.on_illegal_tags,
        target: &tokens,
        slice: Some(slice),
    };
    let provenance = plan
        .tokens
        .clone()
        .with("slice.first_row", planned.first_row())
        .with("slice.rows", planned.rows())
        .with("slice.digest", planned.digest());
    if provenance.freshness(readable_provenance(&tokens)?.as_ref()) != Freshness::Fresh {
        observer.event(Event::Started { stage: Stage::Tokenize, subject: &subject, changes: &[] });
        let report = tokenize(&tokenize_request, &provenance, &mut |rows| observer.event(Event::Tokenizing { rows }))?;
        observer.event(Event::Tokenized { split: &subject, report: &report, path: &tokens });
        let found = report.rows + report.skipped.count;
        if found != planned.rows() {
            let path = slices.first().map(|(path, _)| path.clone()).unwrap_or_default();
            let expected = planned.rows();
            return Err(ScaleError::Rows { path, found, expected }.into());
        }
    }
    let stop = || if request.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    if stop().is_break() {
        return Err(EncodeError::Stopped.into());
    }
    let settings = plan.settings.on(request.device, request.threads);
    let encode_request = EncodeRequest {
        encoder,
        tokens: &tokens,
        target: &features,
        settings: &settings,
        reuse: false,
        elsewhere: &[],
    };
    if !plan_encode(&encode_request)?.is_fresh() {
        observer.event(Event::Started { stage: Stage::Encode, subject: &subject, changes: &[] });
        let encoded = larder.runtime().map_err(PipelineError::from).and_then(|runtime| {
            let mut progress = |progress| {
                observer.event(Event::Encoding(progress));
                stop()
            };
            Ok(encode_with(runtime, &encode_request, engine, &mut progress)?)
        });
        let report = encoded.map_err(|error| of_device(error, request.device))?;
        observer.event(Event::Encoded { split: &subject, report: &report, path: &features });
    }
    let digest = digest_file(&features)?;
    let bytes = std::fs::metadata(&features).map_err(FileError::io("read", &features))?.len();
    let file = FeaturesFile::open(&features)?;
    let parts = file.provenance().map(|provenance| provenance.parts).unwrap_or_default();
    debug_assert!(parts.keys().any(|part| part.starts_with(SLICE)), "a part tells which rows it has");
    let skipped = parts.get(SKIPPED_ROWS).and_then(|rows| rows.parse().ok()).unwrap_or(0);
    let ran = parts.into_iter().filter(|(part, _)| part.starts_with(RAN) && part != SKIPPED_ROWS).collect();
    let tokens = larder_store::TokensReader::open(&tokens, larder_store::TokensProjection::Encode)?.tokens();
    Ok(Part { path: features, bytes, digest, file, ran, tokens, skipped })
}

/// Returns what a file was made from; a damaged file counts as missing.
fn readable_provenance(path: &Path) -> Result<Option<Provenance>, PipelineError> {
    match read_provenance(path) {
        Err(error) if error.is_broken_file() => Ok(None),
        found => Ok(found?),
    }
}

/// A GPU that fails may work at the next try, or on the next machine.
fn of_device(error: PipelineError, device: Device) -> PipelineError {
    let runtime = match &error {
        PipelineError::Run(RunError::Runtime(error)) => Some(error),
        PipelineError::Run(RunError::Encode(error)) => match error.as_ref() {
            EncodeError::Runtime(error) => Some(error),
            _ => None,
        },
        _ => None,
    };
    let may_pass = match runtime {
        Some(RuntimeError::CudaUnavailable { .. }) => true,
        Some(RuntimeError::Run { .. }) => device != Device::Cpu,
        _ => false,
    };
    if may_pass { PipelineError::MayPass(Box::new(error)) } else { error }
}

/// A disk that is full here may have room after a while, and another machine has another disk.
fn of_disk(error: PipelineError) -> PipelineError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        let kind = found.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)) {
            return PipelineError::MayPass(Box::new(error));
        }
        cause = found.source();
    }
    error
}

/// The folder of one shard's work, held by this process.
struct Scratch {
    folder: PathBuf,
    _lock: FolderLock,
}

impl Scratch {
    /// Takes the shard's folder. One that another process holds is left to it: both work, and the first commit counts.
    fn take(root: &Path, plan_id: &str, shard: usize) -> Result<Self, FileError> {
        let mut number = 0;
        loop {
            let folder = Self::folder(root, plan_id, shard, number);
            match FolderLock::take(&folder) {
                Ok(lock) => return Ok(Self { folder, _lock: lock }),
                Err(FileError::Locked { .. }) => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The shard's folder, or one more of it.
    fn folder(root: &Path, plan_id: &str, shard: usize, number: usize) -> PathBuf {
        let name = if number == 0 { format!("{shard:06}") } else { format!("{shard:06}.{number}") };
        root.join(plan_id).join(name)
    }

    /// Removes the folders of a shard that is done, but for those that another process holds.
    fn clear(root: &Path, plan_id: &str, shard: usize) -> Result<(), FileError> {
        let Ok(entries) = std::fs::read_dir(root.join(plan_id)) else { return Ok(()) };
        let own = Self::folder(root, plan_id, shard, 0);
        for folder in entries.flatten().map(|entry| entry.path()) {
            let is_of_shard = folder == own || folder.with_extension("") == own;
            if let Some(lock) = is_of_shard.then(|| FolderLock::take_existing(&folder)).flatten() {
                lock.remove_folder()?;
            }
        }
        // Those of the plan and of all plans, if they are empty now.
        let _ = std::fs::remove_dir(root.join(plan_id)).and_then(|()| std::fs::remove_dir(root));
        Ok(())
    }
}
