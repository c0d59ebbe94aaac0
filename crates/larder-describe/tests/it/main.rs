//! Files as people have them, and what is made of them.

mod error_texts;
mod files;
mod parting;
