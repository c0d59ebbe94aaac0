//! Histogram of integers.

/// Most bins of a histogram: more are hard to distinguish.
const MOST_BARS: u32 = 30;

/// Counts of integers in bins of equal width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// The lowest value of the first bin.
    pub(crate) from: u32,
    /// Values per bin.
    pub(crate) width: u32,
    /// Values in each bin.
    pub(crate) counts: Vec<usize>,
}

impl Histogram {
    /// Returns the histogram of `values`; `None` if empty.
    pub(crate) fn of(values: &[u32]) -> Option<Self> {
        let (least, most) = (values.iter().copied().min()?, values.iter().copied().max()?);
        let width = (most - least) / MOST_BARS + 1;
        let mut counts = vec![0; ((most - least) / width) as usize + 1];
        for value in values {
            if let Some(count) = counts.get_mut(((value - least) / width) as usize) {
                *count += 1;
            }
        }
        Some(Self { from: least, width, counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once_in_few_bins() {
        let values: Vec<u32> = (0..1000).map(|row| 3 + row * row % 509).collect();
        let histogram = Histogram::of(&values).unwrap();
        assert_eq!(histogram.counts.iter().sum::<usize>(), 1000);
        assert!(histogram.counts.len() <= 30 && histogram.counts.len() > 15, "{}", histogram.counts.len());
        assert_eq!(histogram.from, 3);
        assert_eq!(Histogram::of(&[7, 7]).unwrap().counts, [2]);
        assert_eq!(Histogram::of(&[]), None);
    }
}
