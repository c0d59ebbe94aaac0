//! From a file of texts to a data set: what its columns hold, the description that says so, and a split to judge on.
//!
//! - [`Look`] are the first rows of a file, by columns, whatever its format.
//! - [`Roles`] say which column is the text and which the target: as they were named ([`NamedRoles`]), and where they were not, as the
//!   values suggest, each with a [`Reason`].
//! - [`describe`] makes a [`Description`] of files: the TOML of a data set, and what was seen, in sentences.
//! - [`split_off`] parts rows for judging from those for training, where the files have none: stratified, and equal texts on one side.
//! - [`DescribeError`] says what is not clear, and the flag that says it.
#![deny(missing_docs)]

mod columns;
mod describe;
mod error;
mod field_names;
mod files;
mod look;
mod roles;
mod split_off;
mod toml_text;

pub use columns::{Cell, Look, LookedColumn};
pub use describe::{Description, describe};
pub use error::DescribeError;
pub use files::{NamedFiles, SplitFile};
pub use roles::{NamedRoles, Reason, Roles};
pub use split_off::{PartRequest, Parted, split_off};
