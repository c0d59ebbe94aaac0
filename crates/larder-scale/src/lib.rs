//! Encoding a corpus, and running many commands, on many machines: plans, shards and stores of objects.
//!
//! An engine that is there already (Slurm, Kubernetes, Ray, a loop in a shell) decides who works; the store decides what is done.
//!
//! - [`Store`] is a folder or a bucket (S3, Google, Azure) named by a [`StoreUri`]; [`Store::create`] creates an object once, whoever tries.
//!   [`keys`] lists what lies in it.
//! - [`Plan`] is what is to be done: a split cut into [`Shard`]s of equal forecast cost by [`cut_split`], with all
//!   [`ShardSettings`] that a worker must know.
//! - [`CommandPlan`] is the other kind: each shard is a command of larder, and its result a folder ([`StoredFolder`]). A
//!   [`StoredPlan`] is either, and a [`ResultSet`] all results.
//! - [`ShardInput`] brings the bytes of a shard's rows to a worker and compares their digest; [`publish_encoder`] and
//!   [`fetch_encoder_files`] carry the encoder.
//! - [`Commit`] says which part is a shard's, once; [`Manifest`] names all parts: a feature set exists exactly when its manifest does.
//!   [`collect`] makes the manifest, [`FeatureSet`] brings the parts to a machine, and joins them.
//! - [`plan_status`] says how far a plan is, [`collect_garbage`] removes what nothing names, [`index_ranges`] writes lists of shards.
//! - [`Workload`] is what is left of a plan for an engine, and a [`Submission`] the script, manifest or driver that it is given.
//! - [`ScaleError`] tells whether another try may help.
//!
//! ```
//! use larder_scale::{Created, Store, StoreUri};
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(&StoreUri::parse(&folder.path().display().to_string())?)?;
//! assert_eq!(store.create("commits/ab/000000.json", b"mine")?, Created::Created);
//! assert_eq!(store.create("commits/ab/000000.json", b"yours")?, Created::AlreadyThere(b"mine".as_slice().into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

#[cfg(feature = "buckets")]
mod bucket;
mod collect;
mod command_plan;
mod commit;
mod cut;
mod error;
mod feature_set;
mod forecast;
mod gc;
mod indexes;
mod input;
pub mod keys;
mod manifest;
mod plan;
mod results;
mod settings;
mod status;
mod store;
mod store_failure;
mod stored_folder;
mod stored_plan;
mod submit;
mod survey;
mod uri;

pub use collect::{Collected, collect, plan_status};
pub use command_plan::{CommandPlan, PlannedCommand, PlannedRun};
pub use commit::{COMMIT_VERSION, Commit, CommitOutcome, CommitScore, missing_shards};
pub use cut::{DEFAULT_SHARD_TOKENS, cut};
pub use error::ScaleError;
pub use feature_set::FeatureSet;
pub use gc::{Garbage, collect_garbage};
pub use indexes::index_ranges;
pub use input::{ShardInput, publish_inputs};
pub use manifest::{MANIFEST_VERSION, Manifest, ManifestPart};
pub use plan::{PLAN_VERSION, Plan, PlannedDataset, PlannedEncoder, PlannedFile, PlannedInput, Shard, ShardPiece};
pub use results::{CommandResult, GroupScore, ResultGroup, ResultSet, ResultsManifest};
pub use settings::ShardSettings;
pub use status::{PlanStatus, SlowShard};
pub use store::{Created, Listed, Store};
pub use stored_folder::{StoredFolder, fetch_encoder_files, publish_encoder};
pub use stored_plan::StoredPlan;
pub use submit::{KubernetesOptions, RayOptions, SlurmOptions, Submission, Takes, Workload};
pub use survey::{CutRequest, CutSplit, cut_split};
pub use uri::{ObjectUri, StoreUri};
