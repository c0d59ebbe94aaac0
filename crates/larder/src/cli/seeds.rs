//! Seeds as typed: numbers and ranges.

use std::str::FromStr;

/// Seeds: numbers and ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedList(pub Vec<u64>);

/// The most seeds that make sense.
const MOST_SEEDS: usize = 1_000;

impl FromStr for SeedList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            text.trim()
                .parse::<u64>()
                .map_err(|_| format!("`{text}` is no seed: expected numbers, as in 0,1,2 or 0..9"))
        };
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once("..") {
                Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
                None => (number(part)?, number(part)?),
            };
            let room = MOST_SEEDS - seeds.len();
            seeds.extend((first..=last).take(room + 1).filter(|seed| !seeds.contains(seed)).collect::<Vec<_>>());
            if seeds.len() > MOST_SEEDS {
                return Err(format!("more than {MOST_SEEDS} seeds"));
            }
        }
        match seeds.is_empty() {
            true => Err(format!("`{text}` holds no seed")),
            false => Ok(Self(seeds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_seeds_each_once() {
        let read = |text: &str| text.parse::<SeedList>().map(|seeds| seeds.0);
        assert_eq!(read("3"), Ok(vec![3]));
        assert_eq!(read("0..2,7,1"), Ok(vec![0, 1, 2, 7]));
        assert_eq!(read("5..=6"), Ok(vec![5, 6]));
        for (text, said) in [
            ("", "is no seed"),
            ("1..x", "`x` is no seed"),
            ("-1", "`-1`"),
            ("3..1", "holds no seed"),
            ("0..9999999999", "more than"),
        ] {
            assert!(read(text).is_err_and(|error| error.contains(said)), "{text}");
        }
    }
}
