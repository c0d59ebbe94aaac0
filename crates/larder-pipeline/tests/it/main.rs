//! Stages joined: what is up to date, where a run goes, what is compared and verified.

mod compare;
mod error_texts;
mod freshness;
mod seeds;
mod support;
mod train;
mod verify;
