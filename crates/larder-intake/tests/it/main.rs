//! Encoders from nothing, from files, and from what is wrong with files.

mod add;
mod behaviour;
mod error_texts;
mod exported;
mod families;
mod in_bfloat16;
mod init;
mod minilm;
mod prepared;
mod quantise;
mod readings;
mod refused;
mod support;
