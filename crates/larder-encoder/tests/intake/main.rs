//! Encoders from nothing, from files, and from what is wrong with files.

mod add;
mod behaviour;
mod init;
mod minilm;
mod refused;
mod support;
