//! The encode stage on a tiny BERT with random weights, beside the same model run by hand.

mod again;
mod bfloat16;
mod blocks;
mod error_texts;
mod exports;
mod int8;
mod levels;
mod long_texts;
mod pairs;
mod refused;
mod support;
mod windows;
