//! Would more rows help?

use larder_metrics::Metric;

use crate::evidence::Evidence;
use crate::{Diagnosis, DiagnosisKind, LearningPoint};

/// The least gain of the last doubling of the rows for which more rows are recommended.
const WORTH_IT: f64 = 0.03;

/// ... and so many standard errors of the score.
const CLEAR: f64 = 1.0;

/// A score from which on more rows bring little that anybody would notice.
const GOOD: f64 = 0.95;

/// Scores of heads that were fitted on more and more of the training rows.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// The metric of the scores.
    pub metric: Metric,
    /// Few rows first, the last with all that a fold leaves; each about twice the one before.
    pub points: &'a [(usize, f64)],
    /// Standard error of the last score.
    pub standard_error: f64,
}

impl Curve<'_> {
    /// Returns the points as `diagnosis.json` keeps them.
    pub fn to_points(&self) -> Vec<LearningPoint> {
        let metric = self.metric.to_string();
        self.points.iter().map(|&(rows, score)| LearningPoint { rows, score, metric: metric.clone() }).collect()
    }

    fn last_doubling(&self) -> Option<f64> {
        let [.., (_, before), (_, last)] = self.points else { return None };
        Some(last - before)
    }

    /// Returns true if the last score is clearly above all others, and not as good as can be.
    fn is_rising(&self) -> bool {
        let Some(((_, last), others)) = self.points.split_last() else { return false };
        let gain = WORTH_IT.max(CLEAR * self.standard_error);
        *last < GOOD && !others.is_empty() && others.iter().all(|(_, score)| last - score >= gain)
    }
}

/// Diagnoses [`MoreRows`](DiagnosisKind::MoreRows) if the score still rises with the rows.
pub fn diagnose_curve(curve: &Curve<'_>) -> Option<Diagnosis> {
    let (rows, _) = *curve.points.last()?;
    let gain = curve.last_doubling().filter(|_| curve.is_rising())?;
    let mut evidence = Evidence::new(format!("{} on held-out rows of train by the rows fitted on: ", curve.metric));
    for (at, (rows, score)) in curve.points.iter().enumerate() {
        let before = if at == 0 { "" } else { ", " };
        evidence = evidence.text(before).score("score", *score).text(" (").count("rows", *rows).text(")");
    }
    let evidence = evidence.text("; the last doubling brought ").score("gain", gain).text(" (standard error ");
    Some(Diagnosis::new(
        DiagnosisKind::MoreRows,
        "more labelled rows would help",
        evidence.score("standard error", curve.standard_error).text(")"),
        format!("label more: twice as many as these {rows} would bring most, as far as the curve goes on"),
    ))
}

/// Writes the curve in words: `mcc on held-out rows of train by the rows fitted on: 0.812 (150), 0.861 (300)`.
pub fn scores(points: &[LearningPoint]) -> String {
    let metric = points.first().map_or("score", |point| point.metric.as_str());
    let list: Vec<String> = points.iter().map(|point| format!("{:.3} ({})", point.score, point.rows)).collect();
    format!("{metric} on held-out rows of train by the rows fitted on: {}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_curve_asks_for_rows_and_a_flat_one_does_not() {
        let rising = [(100, 0.3), (200, 0.4), (400, 0.5), (800, 0.58)];
        let curve = Curve { metric: Metric::Mcc, points: &rising, standard_error: 0.01 };
        let found = diagnose_curve(&curve).unwrap();
        assert!(found.evidence.contains("0.580 (800)") && found.evidence.contains("brought 0.080"), "{found}");
        assert_eq!(diagnose_curve(&Curve { standard_error: 0.1, ..curve }), None);
        let flat = [(100, 0.3), (200, 0.55), (400, 0.58), (800, 0.59)];
        assert_eq!(diagnose_curve(&Curve { points: &flat, ..curve }), None);
        assert_eq!(diagnose_curve(&Curve { points: &[], ..curve }), None);
        let good = [(100, 0.8), (200, 0.85), (400, 0.9), (800, 0.96)];
        assert_eq!(diagnose_curve(&Curve { points: &good, ..curve }), None);
        let noise = [(100, 0.01), (200, -0.04), (400, -0.07), (800, 0.0)];
        assert_eq!(diagnose_curve(&Curve { points: &noise, ..curve }), None);
    }
}
