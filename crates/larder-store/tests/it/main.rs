//! Files with a bit that is not as it was written.

mod flipped_bits;
