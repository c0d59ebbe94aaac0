//! Data made for the tests, the same on every machine.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seeded, and good enough to draw words.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }

    /// A number in 0 to 1, 1 excluded.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub(crate) const COLOURS: [&str; 8] = ["red", "green", "blue", "black", "white", "pink", "brown", "grey"];
pub(crate) const MOVES: [&str; 8] = ["runs", "walks", "jumps", "sits", "eats", "flies", "swims", "falls"];

/// `rows` of (text, label): two of three are about colours (label `colour`), one about moves (label `move`), so that
/// `colour` is the majority and its share is known: the first row is a move.
pub fn toy(seed: u64, rows: usize) -> Vec<(String, &'static str)> {
    let mut random = Random::new(seed);
    (0..rows)
        .map(|row| {
            let (words, label) = if row % 3 == 0 { (&MOVES, "move") } else { (&COLOURS, "colour") };
            let count = 2 + random.below(4);
            let words: Vec<&str> = (0..count).map(|_| words[random.below(words.len())]).collect();
            (words.join(" "), label)
        })
        .collect()
}

/// `rows` different sentences of up to `longest` words, in no order of length.
pub fn sentences(seed: u64, rows: usize, longest: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let all: Vec<&str> = COLOURS.iter().chain(&MOVES).copied().collect();
    let mut seen = std::collections::HashSet::new();
    let mut made = Vec::with_capacity(rows);
    while made.len() < rows {
        let count = 1 + random.below(longest);
        let words: Vec<&str> = (0..count).map(|_| all[random.below(all.len())]).collect();
        // A number in base 16 over the words would repeat at short lengths: a few letters tell rows apart.
        let tail: String = (0..4).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        let text = format!("{} {tail}", words.join(" "));
        if seen.insert(text.clone()) {
            made.push(text);
        }
    }
    made
}
