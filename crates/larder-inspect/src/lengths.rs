//! The lengths of texts or sentences.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use serde::Serialize;

use crate::InspectError;
use crate::file::{ParquetFile, as_text, spans};

/// Bins of a histogram, at most.
const BINS: u64 = 20;

/// Lengths of a file's texts, from the best that the file has: tokens of `input_ids`, words or tokens by `position`, words of
/// `words`, characters of `text`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lengths {
    /// The column that they are from.
    pub column: String,
    /// The unit of the lengths: `tokens`, `rows`, `words`, `characters`.
    pub unit: &'static str,
    /// Texts or sentences.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// Half are no longer than this.
    pub median: u64,
    /// 95 % are no longer than this.
    pub p95: u64,
    /// The longest.
    pub max: u64,
    /// The histogram, shortest first, all bins equally wide and none left out.
    pub bins: Vec<Bin>,
}

/// Texts of some lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// The smallest length.
    pub from: u64,
    /// The largest.
    pub to: u64,
    /// Texts.
    pub count: u64,
}

impl Lengths {
    /// `None` where the file tells no lengths.
    pub(crate) fn of(file: &ParquetFile, limit: Option<u64>) -> Result<Option<Self>, InspectError> {
        let sources: [(&str, &'static str, Measure); 4] = [
            ("input_ids", "tokens", of_lists),
            ("position", "rows", of_positions),
            ("words", "words", of_lists),
            ("text", "characters", of_texts),
        ];
        for (column, unit, measure) in sources.into_iter().filter(|(column, ..)| file.has(column)) {
            let mut counts = BTreeMap::new();
            measure(file, column, limit, &mut counts)?;
            if let Some(lengths) = Self::from_counts(column, unit, &counts) {
                return Ok(Some(lengths));
            }
        }
        Ok(None)
    }

    fn from_counts(column: &str, unit: &'static str, counts: &BTreeMap<u64, u64>) -> Option<Self> {
        let (&min, &max) = (counts.keys().next()?, counts.keys().next_back()?);
        let count: u64 = counts.values().sum();
        let sum: f64 = counts.iter().map(|(&length, &n)| length as f64 * n as f64).sum();
        let at_share = |share: f64| {
            let mut left = (share * count as f64).ceil() as u64;
            let reached = counts.iter().find(|&(_, &n)| {
                left = left.saturating_sub(n);
                left == 0
            });
            reached.map_or(max, |(&length, _)| length)
        };
        let width = (max - min + 1).div_ceil(BINS);
        let mut bins: Vec<Bin> = (0..(max - min + 1).div_ceil(width))
            .map(|bin| Bin { from: min + bin * width, to: min + (bin + 1) * width - 1, count: 0 })
            .collect();
        for (length, n) in counts {
            if let Some(bin) = usize::try_from((length - min) / width).ok().and_then(|at| bins.get_mut(at)) {
                bin.count += n;
            }
        }
        Some(Self {
            column: column.to_owned(),
            unit,
            count,
            min,
            mean: sum / count as f64,
            median: at_share(0.5),
            p95: at_share(0.95),
            max,
            bins,
        })
    }
}

type Counts = BTreeMap<u64, u64>;
type Measure = fn(&ParquetFile, &str, Option<u64>, &mut Counts) -> Result<(), InspectError>;

fn of_lists(file: &ParquetFile, column: &str, limit: Option<u64>, counts: &mut Counts) -> Result<(), InspectError> {
    file.each_batch(column, limit, |array| {
        for span in spans(array).into_iter().flat_map(|(_, spans)| spans).flatten() {
            *counts.entry(span.len() as u64).or_insert(0) += 1;
        }
        Ok(())
    })
}

/// Rows from one start of a sentence to the next: where a position is not above the one before it.
fn of_positions(file: &ParquetFile, column: &str, limit: Option<u64>, counts: &mut Counts) -> Result<(), InspectError> {
    let (mut before, mut length) = (None, 0u64);
    file.each_batch(column, limit, |array| {
        let Some(positions) = array.as_primitive_opt::<Int32Type>() else { return Ok(()) };
        for position in positions.iter() {
            if length > 0 && position <= before {
                *counts.entry(length).or_insert(0) += 1;
                length = 0;
            }
            before = position;
            length += 1;
        }
        Ok(())
    })?;
    if length > 0 {
        *counts.entry(length).or_insert(0) += 1;
    }
    Ok(())
}

fn of_texts(file: &ParquetFile, column: &str, limit: Option<u64>, counts: &mut Counts) -> Result<(), InspectError> {
    file.each_batch(column, limit, |array| {
        let Some(texts) = as_text(array) else { return Ok(()) };
        for text in texts.as_string::<i32>().iter().flatten() {
            *counts.entry(text.chars().count() as u64).or_insert(0) += 1;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_equally_wide_and_hold_everything() {
        let counts: BTreeMap<u64, u64> = (3..=51).map(|length| (length, if length == 51 { 10 } else { 1 })).collect();
        let lengths = Lengths::from_counts("input_ids", "tokens", &counts).unwrap();
        assert_eq!((lengths.count, lengths.min, lengths.max, lengths.p95), (58, 3, 51, 51));
        assert_eq!(lengths.median, 31, "the 29th of 58");
        assert_eq!(lengths.bins.iter().map(|bin| bin.count).sum::<u64>(), 58);
        assert!(lengths.bins.len() as u64 <= BINS && lengths.bins[0] == Bin { from: 3, to: 5, count: 3 });
        assert!(lengths.bins.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
        let one = Lengths::from_counts("text", "characters", &BTreeMap::from([(7, 2)])).unwrap();
        assert_eq!(one.bins, [Bin { from: 7, to: 7, count: 2 }]);
        assert_eq!(Lengths::from_counts("text", "characters", &BTreeMap::new()), None);
    }
}
