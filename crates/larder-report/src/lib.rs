//! One HTML page from runs: scores beside their baselines, what stands out, curves, mistakes.
//!
//! - [`write_report`] gathers what the folders and caches of runs hold, and writes the page: one text that needs no network,
//!   with its charts as SVG. Equal runs give equal texts. What a run lacks is said in its place.
//! - What a task shows of its scores and answers are the blocks of [`larder_run::page`].
//! - [`ReportError`] is everything that can go wrong.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use larder_report::write_report;
//! use larder_run::Larder;
//!
//! let larder = Larder::new("artifacts", None);
//! write_report(&larder, &["first".to_owned()], Path::new("report.html"))?;
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
pub use gather::write_report;
