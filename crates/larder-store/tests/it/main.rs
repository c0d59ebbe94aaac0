//! Files with a bit that is not as it was written.

mod error_texts;
mod flipped_bits;
