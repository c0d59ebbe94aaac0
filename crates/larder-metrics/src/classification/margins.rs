//! The part of a confusion matrix that the scores need: its two margins and its diagonal; and the same counts of labels.

/// Per class: rows of it, answers of it, and right answers of it; each `[classes]`.
///
/// Accuracy, MCC and every F1 depend on these alone, so one resample costs `classes` and not `classes²`. Of label sets,
/// where a row may be of several classes or none, only the ratios of one class and `weighted_f1` mean anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Margins {
    pub(crate) gold: Vec<u64>,
    pub(crate) predicted: Vec<u64>,
    pub(crate) correct: Vec<u64>,
}

impl Margins {
    pub(crate) fn new(classes: usize) -> Self {
        Self { gold: vec![0; classes], predicted: vec![0; classes], correct: vec![0; classes] }
    }

    pub(crate) fn clear(&mut self) {
        for counts in [&mut self.gold, &mut self.predicted, &mut self.correct] {
            counts.fill(0);
        }
    }

    pub(crate) fn add(&mut self, gold: usize, predicted: usize, count: u64) {
        self.gold[gold] += count;
        self.predicted[predicted] += count;
        if gold == predicted {
            self.correct[gold] += count;
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.gold.iter().sum()
    }

    pub(crate) fn accuracy(&self) -> f64 {
        ratio(self.correct.iter().sum(), self.rows())
    }

    /// R_K of Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation coefficient",
    /// equation 8 written in counts, which for two classes is Matthews' coefficient:
    /// `(c·s − Σ pₖtₖ) / sqrt((s² − Σ pₖ²)(s² − Σ tₖ²))` with `s` rows, `c` right answers, `tₖ` rows of class k
    /// and `pₖ` answers of class k. 0 where the denominator is 0 (one class only on either side).
    pub(crate) fn mcc(&self) -> f64 {
        // Whole numbers: a denominator of exactly 0 must not become a tiny one.
        let rows = i128::from(self.rows());
        let correct = i128::from(self.correct.iter().sum::<u64>());
        let covariance = correct * rows - dot(&self.gold, &self.predicted);
        let gold_variance = rows * rows - dot(&self.gold, &self.gold);
        let predicted_variance = rows * rows - dot(&self.predicted, &self.predicted);
        if gold_variance == 0 || predicted_variance == 0 {
            return 0.0;
        }
        // One root of the product: perfect answers then give exactly 1. Beyond 128 bits the roots go separately.
        let deviation = match gold_variance.checked_mul(predicted_variance) {
            Some(product) => (product as f64).sqrt(),
            None => (gold_variance as f64).sqrt() * (predicted_variance as f64).sqrt(),
        };
        covariance as f64 / deviation
    }

    pub(crate) fn precision(&self, class: usize) -> f64 {
        ratio(self.correct[class], self.predicted[class])
    }

    pub(crate) fn recall(&self, class: usize) -> f64 {
        ratio(self.correct[class], self.gold[class])
    }

    pub(crate) fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.correct[class], self.gold[class] + self.predicted[class])
    }

    /// Mean F1 over the classes that occur, as gold or as answer.
    pub(crate) fn macro_f1(&self) -> f64 {
        let (mut sum, mut classes) = (0.0, 0_u32);
        for class in 0..self.gold.len() {
            if self.gold[class] + self.predicted[class] > 0 {
                sum += self.f1(class);
                classes += 1;
            }
        }
        if classes == 0 { 0.0 } else { sum / f64::from(classes) }
    }

    /// Mean F1 over the rows, each counting the F1 of its gold class.
    pub(crate) fn weighted_f1(&self) -> f64 {
        let sum: f64 = (0..self.gold.len()).map(|class| self.gold[class] as f64 * self.f1(class)).sum();
        let rows = self.rows();
        if rows == 0 { 0.0 } else { sum / rows as f64 }
    }
}

fn dot(a: &[u64], b: &[u64]) -> i128 {
    a.iter().zip(b).map(|(&a, &b)| i128::from(a) * i128::from(b)).sum()
}

/// 0 where there is nothing below the line.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
