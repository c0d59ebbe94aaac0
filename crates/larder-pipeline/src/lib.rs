//! The stages of the pipeline. Each brings its inputs up to date, skips work that is already done, and reports progress to an
//! [`Observer`](larder_run::Observer).
//!
//! - [`tokenize_split`], [`encode_split`], [`train`], [`evaluate`] are the stages on one dataset and encoder; [`run`] runs all
//!   of them.
//! - [`finetune`] trains the encoder itself with a head, [`run_finetune`] evaluates it too, [`sweep`] tries learning rates;
//!   [`export_graphs`] writes the graphs they run.
//! - [`dataset_of_files`] makes a data set of files that nobody described.
//! - [`suggest`] chooses rows of an unlabelled pool that are worth a label, [`replay`] measures its strategies on a labelled data set.
//! - [`run_seeds`] runs the stages with several seeds; [`run_shots`] trains heads on a few rows a class.
//! - [`compare_encoders`] takes several encoders through the stages on one dataset, [`compare_runs`] compares existing runs.
//! - [`nearest_to_text`] finds the vectors nearest to a text, [`verify_features`] encodes a features file again and compares,
//!   [`doctor`] checks the machine, and [`forecast_split`] predicts the time of an encode.
//! - [`make_plan`] cuts a split into shards for workers on many machines, [`plan_commands`] makes one of commands, [`work`] works shards, [`use_features`] takes what they made
//!   for a split's features.
//! - [`quickstart`] does all of it on data that it has inside, with what it takes fetched first.
//! - [`remove_run`] and [`remove_encoder`] remove what was made.
//! - [`prelude`] has what encoding, training and answering take, of this crate and those below.
//! - [`PipelineError`] wraps the stages' errors.
#![deny(missing_docs)]

mod compare;
mod doctor;
mod encode;
mod error;
mod evaluate;
mod few_rows;
mod finetune;
mod from_files;
mod inspect;
pub mod prelude;
mod quickstart;
mod remove;
mod run;
mod scale;
mod seeds;
mod shots;
mod suggest;
mod tokenize;
mod train;
mod unneeded;
mod verify;

pub use compare::{
    Bfloat16, ComparedEncoder, ComparedRun, Contender, EncoderComparison, EncodingCost, RefusedEncoder, RunComparison,
    compare_encoders, compare_runs,
};
pub use doctor::{
    Checkup, Disk, DoctorOptions, EncoderCheck, EncoderFacts, Machine, ProviderCheck, RuntimeCheck, Speed, doctor,
};
pub use encode::{embed_features, encode_split, forecast_split};
pub use error::PipelineError;
pub use evaluate::{EvaluateOptions, evaluate};
pub use few_rows::wants_all_layers;
pub use finetune::{
    DEV_SPLIT, FinetuneOptions, GraphsOptions, GraphsOutcome, Recipe, SweepCell, SweepOutcome, SweepRate, TuneChoices,
    export_graphs, finetune, run_finetune, sweep,
};
pub use from_files::{FilesRequest, dataset_of_files};
pub use inspect::{TextNeighbours, TextQuery, compare_features, nearest_to_text};
pub use quickstart::{QuickstartOutcome, quickstart};
pub use remove::remove_encoder;
pub use run::{RunOutcome, run};
pub use scale::{
    CommandsOutcome, CommandsRequest, NamedCommand, NamedFeatures, PlanOutcome, PlanRequest, ReadyCommand, ShardChoice,
    ShardError, ShardOutcome, ShardResult, WorkRequest, make_plan, plan_commands, use_features, work,
};
pub use seeds::{SeedSummary, SeedsOutcome, run_seeds};
pub use shots::{Scores, ShotsEntry, ShotsOutcome, ShotsRequest, run_shots};
pub use suggest::{
    ReplayOptions, ReplayOutcome, SuggestOptions, SuggestOutcome, SuggestedRow, replay, suggest, write_suggestions,
};
pub use tokenize::tokenize_split;
pub use train::{TrainOutcome, remove_run, train};
pub use unneeded::{ArtifactKind, UnneededArtifact, UnneededArtifacts, collect_unneeded};
pub use verify::{FeaturesVerification, VerifiedColumn, VerifyOptions, WrongRow, verify_features};
