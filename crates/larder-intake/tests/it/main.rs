//! Encoders from nothing, from files, and from what is wrong with files.

mod add;
mod behaviour;
mod error_texts;
mod exported;
mod families;
mod init;
mod minilm;
mod operators;
mod prepared;
mod quantise;
mod readings;
mod refused;
mod support;
