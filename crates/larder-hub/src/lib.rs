//! Files of models that are published on a hub: which there are, at which commit, fetched once and checked.
//!
//! - [`HubModel`] is a model as a user names it, `hf:ORG/MODEL[@REVISION]`.
//! - [`HubSettings`] says which hub, which cache, whose token, and whether the network may be used; the environment's
//!   `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN` and `HF_HUB_OFFLINE` mean what they mean everywhere else.
//! - [`Hub::find`] resolves a revision to a [`Snapshot`]: a commit and its files, each fetched on demand by
//!   [`Snapshot::fetch`] into the cache that other programs use too. A transfer that breaks off goes on where it stopped.
//! - [`HubError`] is everything that can go wrong, with the way out.
//!
//! ```no_run
//! use larder_hub::{Hub, HubError, HubModel, HubSettings};
//!
//! # fn main() -> Result<(), HubError> {
//! let model: HubModel = "hf:sentence-transformers/all-MiniLM-L6-v2".parse()?;
//! let hub = Hub::new(HubSettings::from_env()?)?;
//! let snapshot = hub.find(&model)?;
//! println!("commit {}", snapshot.commit());
//! let config = snapshot.fetch("config.json", &mut |doing| eprintln!("{doing}"))?;
//! assert!(config.is_file());
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod error;
mod file;
mod hub;
mod model;
mod progress;
mod settings;
mod snapshot;

pub use error::HubError;
pub use file::{Digest, HubFile};
pub use hub::Hub;
pub use model::{HubModel, PREFIX};
pub use settings::{DEFAULT_ENDPOINT, HubSettings};
pub use snapshot::{ATTEMPTS, Snapshot};
