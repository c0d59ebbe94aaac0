//! `submit` as typed: the missing shards of a plan for an engine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use larder_scale::{KubernetesOptions, RayOptions, SlurmOptions};

/// Gives the missing shards of a plan to an engine that is there. What it is given is a text to read and to change: `--dry-run` prints
/// it.
#[derive(Debug, Subcommand)]
pub enum SubmitCommand {
    /// An array job of Slurm: its script, by `sbatch`
    Slurm(SlurmArgs),
    /// An Indexed Job of Kubernetes: its manifest, by `kubectl`
    K8s(KubernetesArgs),
    /// Tasks of a Ray cluster: a driver, by `ray job submit`
    Ray(RayArgs),
}

/// What every engine is told.
#[derive(Debug, Args)]
pub struct WorkloadFlags {
    /// The plan's name, as `larder plan` prints it
    pub plan: String,
    /// Print what the engine would be given, and give it nothing
    #[arg(long)]
    pub dry_run: bool,
    /// CPU threads of a worker
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: u32,
    /// GPUs of a worker
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub gpus: usize,
    /// Workers at once; as many as the engine has room for unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: Option<u32>,
    /// Further tries of a shard that ended with exit code 75
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
}

#[derive(Debug, Args)]
pub struct SlurmArgs {
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// The binary on the nodes; this one unless given
    #[arg(long, value_name = "PATH")]
    pub larder: Option<String>,
    /// Memory of a worker in GiB
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub memory_gib: usize,
    /// Folder on a node's own disk for work under way; `scratch` in the home unless given
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// The site's MaxArraySize (`scontrol show config`)
    #[arg(long, value_name = "N", default_value_t = SlurmOptions::default().max_array)]
    pub max_array: usize,
    /// Options of `sbatch`, behind --
    #[arg(last = true, value_name = "OPTION")]
    pub sbatch: Vec<String>,
}

#[derive(Debug, Args)]
pub struct KubernetesArgs {
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// The image with larder and ONNX Runtime
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// The binary in the image
    #[arg(long, value_name = "PATH", default_value = "larder")]
    pub larder: String,
    /// Memory of a worker in GiB
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub memory_gib: usize,
    /// The secret with the store's credentials, a variable a key
    #[arg(long, value_name = "NAME", default_value = "larder-store")]
    pub secret: String,
}

#[derive(Debug, Args)]
pub struct RayArgs {
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// The binary on the nodes
    #[arg(long, value_name = "PATH", default_value = "larder")]
    pub larder: String,
    /// Folder on a node's own disk for work under way; `scratch` in the home unless given
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// The cluster's dashboard; that of RAY_ADDRESS unless given
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,
}

impl SubmitCommand {
    /// What every engine is told.
    pub fn workload(&self) -> &WorkloadFlags {
        match self {
            Self::Slurm(args) => &args.workload,
            Self::K8s(args) => &args.workload,
            Self::Ray(args) => &args.workload,
        }
    }
}

impl SlurmArgs {
    pub fn options(&self) -> SlurmOptions {
        SlurmOptions { max_array: self.max_array, sbatch: self.sbatch.clone() }
    }
}

impl KubernetesArgs {
    pub fn options(&self) -> KubernetesOptions {
        KubernetesOptions { image: self.image.clone(), secret: self.secret.clone() }
    }
}

impl RayArgs {
    pub fn options(&self) -> RayOptions {
        RayOptions { address: self.address.clone() }
    }
}
