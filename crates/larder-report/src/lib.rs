//! Report of runs as one HTML page: scores with their baselines, findings, curves, mistakes.
//!
//! - [`write_report`] collects data from the folders and caches of runs, and writes the page: one file that needs no network,
//!   with charts as SVG. Equal runs give equal files. Missing parts are noted in their place.
//! - The blocks of [`larder_run::page`] are a task's scores and answers.
//! - [`ReportError`] is every error of a report.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use larder_report::write_report;
//! use larder_run::Larder;
//!
//! let larder = Larder::new("artifacts", None);
//! let texts = true;
//! write_report(&larder, &["first".to_owned()], Path::new("report.html"), texts)?;
//! # Ok::<(), larder_report::ReportError>(())
//! ```
#![deny(missing_docs)]

mod charts;
mod error;
mod gather;
mod html;
mod numbers;
mod page;

pub use error::ReportError;
pub use gather::{FoundRequest, write_found, write_report};
