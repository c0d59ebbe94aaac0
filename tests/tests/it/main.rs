//! The built binary, from raw text to report.

mod cola;
mod compare;
mod diagnose;
mod export;
mod finetune;
mod hints;
mod hub;
mod incremental;
mod inspect;
mod interop;
mod judged;
mod kill;
mod malformed;
mod mlp;
mod pipeline;
mod predict_file;
mod predict_formats;
mod properties;
mod quickstart;
mod report;
mod score;
mod tagging;
mod tagging_input;
mod tagging_predict;
mod trust;
mod wnut17;
