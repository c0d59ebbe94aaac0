//! Sets that hold the truth less often than was asked.

use larder_metrics::SplitCoverage;

use crate::evidence::{Evidence, SPLIT};
use crate::{Diagnosis, DiagnosisKind};

/// Says when fewer rows of a split are covered than chance explains: its rows are unlike those of train. The bound is the lower end
/// of the interval in which 95 % of measured coverages lie where rows are exchangeable.
pub fn diagnose_coverage(split: &str, coverage: &SplitCoverage) -> Option<Diagnosis> {
    if !coverage.is_short() {
        return None;
    }
    let finding = Evidence::new(format!("on {SPLIT} sets cover "))
        .score("coverage", coverage.coverage)
        .text(" of what they should hold, not the ")
        .bound("asked", coverage.asked)
        .text(" asked for");
    let evidence = Evidence::new("of ")
        .count("rows", coverage.rows)
        .text(" rows like those of train, at least ")
        .score("expected", coverage.expected.low)
        .text(" are covered in 39 of 40 cases");
    let remedy = format!("coverage holds for rows like those of train alone: add rows like those of {SPLIT} to train");
    Some(Diagnosis::new(DiagnosisKind::ShortCoverage, finding, evidence, remedy).on(split))
}

#[cfg(test)]
mod tests {
    use larder_metrics::{Calibration, CoverageRequest, PredictionSets};

    use super::*;

    #[test]
    fn a_split_that_is_covered_too_rarely_is_named() {
        let gold = vec![0.0; 199];
        let errors: Vec<f64> = (1..200).map(f64::from).collect();
        let calibration = Calibration::of_numbers(&gold, &errors);
        let sets = PredictionSets::new(&calibration, 0, CoverageRequest::new(0.9)).unwrap();
        let like = SplitCoverage::of_numbers(&sets, &gold, &errors);
        assert_eq!((like.covered, diagnose_coverage("dev", &like)), (180, None));
        let shifted: Vec<f64> = errors.iter().map(|error| error + 40.0).collect();
        let found = diagnose_coverage("dev", &SplitCoverage::of_numbers(&sets, &gold, &shifted)).unwrap();
        assert_eq!(found.split.as_deref(), Some("dev"));
        assert!(found.to_string().starts_with("On dev sets cover 0.704 of"), "{found}");
    }
}
