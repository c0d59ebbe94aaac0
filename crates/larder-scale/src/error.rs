//! The errors of plans, stores and shards.

use std::path::PathBuf;

use larder_data::DataError;
use larder_errors::{ErrorClass, counted};
use larder_files::FileError;
use larder_store::StoreError;
use larder_tokens::TokensError;

/// A plan, a store or a shard failed. [`ScaleError::class`] tells whether the same command may succeed later
/// ([`ErrorClass::TryAgain`]) or never will. No message holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// A text that names no store or no object of one.
    #[error("`{uri}` is no {expected}: {problem}")]
    Uri {
        /// The text, without a credential in it.
        uri: String,
        /// What it should be.
        expected: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The store did not answer, or answered that it cannot now.
    #[error("{uri}: cannot {action}: {reason}; another try may help")]
    Unavailable {
        /// The object or the store.
        uri: String,
        /// What was tried.
        action: &'static str,
        /// The store's reason.
        reason: String,
    },
    /// The store refuses the caller.
    #[error("{uri}: may not {action}: {reason}; check the permissions, and for s3:// the credentials and the bucket")]
    Denied {
        /// The object or the store.
        uri: String,
        /// What was tried.
        action: &'static str,
        /// The store's reason.
        reason: String,
    },
    /// There is no such object or store.
    #[error("there is no {what} at {uri}; {way_out}")]
    NotThere {
        /// What was looked for.
        what: &'static str,
        /// The place.
        uri: String,
        /// What mends it.
        way_out: &'static str,
    },
    /// The store lets two writers create one object.
    #[error(
        "{uri}: the store took a second object under a key that was to be created once, so two workers could commit one shard: use a store \
         that heeds `If-None-Match: *` (AWS S3, MinIO, Cloudflare R2), or a shared folder with hard links"
    )]
    NoConditionalPuts {
        /// The store.
        uri: String,
    },
    /// The content is not what its name says.
    #[error("{uri} is damaged: its content has digest {found}, expected {expected}; {way_out}")]
    Damaged {
        /// The object.
        uri: String,
        /// The digest that its name says.
        expected: String,
        /// The digest of its content.
        found: String,
        /// What mends it.
        way_out: &'static str,
    },
    /// The content cannot be read as what it should be.
    #[error("{uri} is not the JSON of {what}: {problem}; remove it, and what writes it can write it again")]
    Json {
        /// The object.
        uri: String,
        /// What it should hold.
        what: &'static str,
        /// The parser's reason.
        problem: String,
    },
    /// The object was written by another version of larder.
    #[error("{uri} has layout {found}, and this larder reads layout {expected}: use the same larder on all machines")]
    Version {
        /// The object.
        uri: String,
        /// Its version.
        found: u64,
        /// The version that is read here.
        expected: u32,
    },
    /// A shard that the plan does not have.
    #[error("there is no shard {shard}: {plan} has {}, numbered from 0", counted(*shards as u64, "shard"))]
    NoShard {
        /// The plan.
        plan: String,
        /// The shard asked for.
        shard: usize,
        /// The plan's shards.
        shards: usize,
    },
    /// Rows of a tokens file and of a plan that do not fit.
    #[error("{}: {} read where the plan has {expected}", path.display(), counted(*found, "row"))]
    Rows {
        /// The input.
        path: PathBuf,
        /// Rows read.
        found: u64,
        /// Rows of the plan.
        expected: u64,
    },
    /// An input is not what it was when the plan was made.
    #[error(
        "{}: the rows of shard {shard} are not those that were planned (digest {found}, expected {expected}); restore the file, or make a new plan",
        path.display()
    )]
    InputChanged {
        /// The input.
        path: PathBuf,
        /// The shard.
        shard: usize,
        /// The digest in the plan.
        expected: String,
        /// The digest found.
        found: String,
    },
    /// An input is not there for this worker.
    #[error(
        "{} is not there, which shard {shard} reads: give all workers the path, or plan with --copy-inputs, which puts inputs into the store",
        path.display()
    )]
    NoInput {
        /// The input.
        path: PathBuf,
        /// The shard.
        shard: usize,
    },
    /// The encoder of that name is another one.
    #[error(
        "the encoder `{name}` in {} is not the one that was planned (its model has digest {found}, expected {expected}): give the worker another \
         folder with --home, into which it fetches the planned one",
        home.display()
    )]
    OtherEncoder {
        /// Its name.
        name: String,
        /// The folder of encoders.
        home: PathBuf,
        /// The digest in the plan.
        expected: String,
        /// The digest found.
        found: String,
    },
    /// The run of that name is another one.
    #[error(
        "the run `{run}` in {} is not the one that was planned: with another --home the worker fetches the planned one there",
        home.display()
    )]
    OtherRun {
        /// Its name.
        run: String,
        /// The folder of runs.
        home: PathBuf,
    },
    /// Shards are missing.
    #[error("{plan} is not done: {missing} of {} missing: {indexes}; collect it when none is", counted(*shards as u64, "shard"))]
    Incomplete {
        /// The plan.
        plan: String,
        /// Missing shards.
        missing: usize,
        /// The plan's shards.
        shards: usize,
        /// The missing ones, in the form of an array of jobs.
        indexes: String,
    },
    /// Parts that cannot be one feature set.
    #[error(
        "{plan}: shard {shard} has the columns {found}, and shard {first} has {expected}: the shards were made with different encoders or larders"
    )]
    OtherColumns {
        /// The plan.
        plan: String,
        /// The shard.
        shard: usize,
        /// Its columns.
        found: String,
        /// The shard that it is compared with.
        first: usize,
        /// That one's columns.
        expected: String,
    },
    /// More shards than an engine takes.
    #[error("{plan} has {}, and {engine} takes {most}: plan with more tokens a shard", counted(*shards as u64, "shard"))]
    TooManyShards {
        /// The plan.
        plan: String,
        /// Its shards.
        shards: usize,
        /// What the engine takes.
        most: usize,
        /// The engine.
        engine: &'static str,
    },
    /// The engine's program is not there, or refuses.
    #[error("`{program}` took nothing: {problem}; with --dry-run its text is printed, to be given to it by hand")]
    Engine {
        /// The program.
        program: String,
        /// What went wrong.
        problem: String,
    },
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The tokenizer.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A local file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A local Parquet file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ScaleError {
    /// Returns the class of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. } | Self::Incomplete { .. } => ErrorClass::TryAgain,
            Self::NotThere { .. } | Self::NoInput { .. } | Self::Engine { .. } => ErrorClass::Missing,
            Self::Uri { .. } | Self::NoShard { .. } => ErrorClass::Usage,
            _ => ErrorClass::Input,
        }
    }
}
