//! Models against their schema, the built encoder against PyTorch, exports of others against what they mean.

mod bert;
mod features;
mod interface;
mod schema;
mod structure;
mod support;
