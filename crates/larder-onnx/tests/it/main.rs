//! Models against their schema, the built encoder against PyTorch, exports of others against what they mean.

mod bert;
mod error_texts;
mod families;
mod features;
mod functions;
mod interface;
mod long_attention;
mod mutation;
mod operators;
mod parted;
mod schema;
mod structure;
mod support;
