//! Calibration of probabilities.

/// Bins of a reliability curve.
pub const RELIABILITY_BINS: usize = 10;

/// The accuracy of answers by their probability: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks",
/// 2017, section 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Bins of equal width over 0 to 1, `[RELIABILITY_BINS]`. One holds its upper end and not its lower.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: the mean over rows of the distance between a bin's accuracy and its mean probability.
    pub expected_calibration_error: f64,
}

/// One bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReliabilityBin {
    /// Answers in it.
    pub rows: usize,
    /// Their mean probability; 0 where there are none.
    pub confidence: f64,
    /// The share of them that is right; 0 where there are none.
    pub accuracy: f64,
}

impl Reliability {
    /// From each answer's probability (0 to 1; others are brought there) and whether it is right.
    pub fn of(answers: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut sums = [(0_usize, 0.0_f64, 0_usize); RELIABILITY_BINS];
        let mut rows = 0_usize;
        for (probability, right) in answers {
            let probability = if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 };
            // The bin whose upper end is the first that is not below it.
            let at = ((probability * RELIABILITY_BINS as f64).ceil() as usize).clamp(1, RELIABILITY_BINS) - 1;
            let (count, sum, hits) = &mut sums[at];
            *count += 1;
            *sum += probability;
            *hits += usize::from(right);
            rows += 1;
        }
        let share = |part: f64, whole: usize| if whole == 0 { 0.0 } else { part / whole as f64 };
        let bins: Vec<ReliabilityBin> = sums
            .iter()
            .map(|&(count, sum, hits)| ReliabilityBin {
                rows: count,
                confidence: share(sum, count),
                accuracy: share(hits as f64, count),
            })
            .collect();
        let distances: f64 = bins.iter().map(|bin| bin.rows as f64 * (bin.accuracy - bin.confidence).abs()).sum();
        Self { bins, expected_calibration_error: share(distances, rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made, with the value below, by numpy:
    /// ```python
    /// p = np.array([.05, .1, .15, .31, .35, .52, .58, .61, .79, .83, .88, .95, .97, 1.])
    /// y = np.array([0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1])
    /// edges = np.linspace(0, 1, 11)
    /// at = np.clip(np.digitize(p, edges, right=True) - 1, 0, 9)
    /// sum((at == b).sum() * abs(y[at == b].mean() - p[at == b].mean()) for b in set(at)) / len(p)
    /// ```
    const ANSWERS: [(f64, bool); 14] = [
        (0.05, false),
        (0.1, false),
        (0.15, true),
        (0.31, false),
        (0.35, true),
        (0.52, true),
        (0.58, false),
        (0.61, true),
        (0.79, true),
        (0.83, true),
        (0.88, false),
        (0.95, true),
        (0.97, true),
        (1.0, true),
    ];

    #[test]
    fn the_error_is_numpys() {
        let found = Reliability::of(ANSWERS);
        assert!((found.expected_calibration_error - 0.202_142_857_142_857_15).abs() < 1e-12, "{found:?}");
        let rows: Vec<usize> = found.bins.iter().map(|bin| bin.rows).collect();
        assert_eq!(rows, [2, 1, 0, 2, 0, 2, 1, 1, 2, 3]);
        assert!((found.bins[9].confidence - 0.973_333_333_333_333_4).abs() < 1e-12 && found.bins[9].accuracy == 1.0);
    }

    #[test]
    fn probabilities_that_mean_what_they_say_have_no_error() {
        let honest = (0..100).map(|row| (0.75, row % 4 != 0));
        assert!(Reliability::of(honest).expected_calibration_error < 1e-12);
        let boasting = (0..100).map(|row| (1.0, row % 2 == 0));
        assert!((Reliability::of(boasting).expected_calibration_error - 0.5).abs() < 1e-12);
    }

    #[test]
    fn nothing_and_nonsense_give_no_nonsense() {
        assert_eq!(Reliability::of([]).expected_calibration_error, 0.0);
        let found = Reliability::of([(f64::NAN, false), (2.0, true), (-1.0, false)]);
        assert_eq!(found.expected_calibration_error, 0.0);
    }
}
