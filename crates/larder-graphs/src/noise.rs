//! Drawing dropout masks. Each has a key of its own, from which it can be drawn again.

use rayon::prelude::*;

use crate::training::DropoutMask;

/// The multiplier that spreads counters over all words: 2⁶⁴ over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Elements that one thread draws at a time.
const CHUNK: usize = 1 << 14;

/// A well-mixed word of a counter: SplitMix64 (Steele et al., 2014, <https://doi.org/10.1145/2660193.2660195>).
fn mixed(counter: u64) -> u64 {
    let mut z = counter;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of a dropout mask: a hash of the run's seed, the step, the batch within the step and the mask's index in the graph.
pub fn dropout_key(parts: [u64; 4]) -> u64 {
    parts.iter().fold(0, |key, &part| mixed(key.wrapping_add(GOLDEN) ^ mixed(part.wrapping_add(GOLDEN))))
}

impl DropoutMask {
    /// The shape of the mask in a batch of `rows` rows and `seq` tokens a row.
    pub fn size(&self, rows: usize, seq: usize) -> Vec<usize> {
        self.shape.iter().map(|dim| dim.at(rows, seq)).collect()
    }

    /// Fills `values` with the mask of that key: each element is 0 with the probability [`ratio`](Self::ratio) (to 1 in 65,536),
    /// else `1 / (1 - ratio)`. The key alone decides, not the number of threads.
    pub fn draw(&self, key: u64, values: &mut [f32]) {
        fill(values, self.ratio, key);
    }
}

fn fill(mask: &mut [f32], ratio: f32, key: u64) {
    const STEPS: f32 = 65536.0;
    let dropped = (ratio * STEPS).round().min(STEPS - 1.0);
    let (threshold, kept) = (dropped as u16, STEPS / (STEPS - dropped));
    let element = |word: u64, place: u32| if ((word >> (16 * place)) as u16) < threshold { 0.0 } else { kept };
    mask.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, mask)| {
        let counter = mixed(key ^ mixed(chunk as u64 + 1));
        let word = |number: u64| mixed(counter.wrapping_add(GOLDEN.wrapping_mul(number + 1)));
        // One word has four draws.
        let (fours, rest) = mask.as_chunks_mut::<4>();
        let whole = fours.len() as u64;
        for (number, four) in (0..).zip(fours) {
            let word = word(number);
            *four = [element(word, 0), element(word, 1), element(word, 2), element(word, 3)];
        }
        for (place, last) in (0..).zip(rest) {
            *last = element(word(whole), place);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_drop_their_share_and_come_again() {
        let draw = |key| {
            let mut mask = vec![0.0; 100_000];
            fill(&mut mask, 0.1, key);
            mask
        };
        let mask = draw(dropout_key([1, 2, 0, 3]));
        let dropped = mask.iter().filter(|&&element| element == 0.0).count() as f64 / mask.len() as f64;
        let mean = mask.iter().map(|&element| f64::from(element)).sum::<f64>() / mask.len() as f64;
        // The standard error of the share is 0.3 / 316, that of the mean a ninth more.
        assert!((dropped - 0.1).abs() < 0.004 && (mean - 1.0).abs() < 0.005, "{dropped} {mean}");
        // Neighbours are dropped together as often as chance has it.
        let pairs = mask.windows(2).filter(|pair| pair[0] == 0.0 && pair[1] == 0.0).count() as f64 / mask.len() as f64;
        assert!((pairs - 0.01).abs() < 0.002, "{pairs}");
        assert_eq!(mask, draw(dropout_key([1, 2, 0, 3])));
        assert!(
            [[0, 2, 0, 3], [1, 3, 0, 3], [1, 2, 1, 3], [1, 2, 0, 4]]
                .iter()
                .all(|&other| draw(dropout_key(other)) != mask)
        );
    }
}
