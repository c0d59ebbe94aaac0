//! A random order of rows that does not depend on which of them are there.

/// Returns the place of a row in the random order of `seed`: SplitMix64 (Steele, Lea and Flood 2014).
pub fn draw(seed: u64, row: usize) -> u64 {
    let step = |bits: u64| {
        let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    step(step(seed) ^ row as u64)
}
