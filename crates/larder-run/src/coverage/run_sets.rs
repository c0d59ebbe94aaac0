//! The sets of a run: of labels, or intervals.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, StringBuilder};
use larder_metrics::{Calibration, CoverageRequest, PredictionSets, SplitCoverage};
use serde_json::{Value, json};

use super::file;
use crate::tasks::Answer;
use crate::{RunError, RunRecord};

/// What sets are made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnswerBasis<'a> {
    /// The probability of each label, `[labels]`.
    Probabilities(&'a [f64]),
    /// A number.
    Number(f64),
    /// Answers without sets.
    Nothing,
}

/// The set of one answer.
enum AnswerSet {
    Labels { labels: Vec<usize>, abstained: bool },
    Interval { low: f64, high: f64 },
}

/// Makes the sets of a run's answers.
#[derive(Debug, Clone)]
pub struct RunSets {
    sets: PredictionSets,
    /// Labels as in the data; none where answers are numbers.
    labels: Vec<String>,
    display: Vec<String>,
    /// The least and the greatest number that is answered.
    range: (f64, f64),
}

impl RunSets {
    /// Reads a run's calibration and takes the thresholds from it.
    ///
    /// # Errors
    /// [`RunError::NoCalibration`] and its kin; [`RunError::Coverage`] for coverage that these rows cannot give.
    pub fn open(folder: &Path, record: &RunRecord, request: CoverageRequest) -> Result<Self, RunError> {
        let calibration = file::load(folder, record)?;
        let details = record.head.details();
        let labels = if details.targets().is_some() { Vec::new() } else { record.labels.clone() };
        if labels.is_empty() && request.max_set.is_some() {
            return Err(RunError::NoSetsOfLabels { run: record.run.clone() });
        }
        let sets = PredictionSets::new(&calibration, labels.len(), request)
            .map_err(|source| RunError::Coverage { run: record.run.clone(), source })?;
        let (low, high) = details.range();
        let range = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
        Ok(Self { sets, labels, display: record.display.clone(), range })
    }

    /// Writes a run's calibration into `folder`.
    ///
    /// # Errors
    /// [`RunError::Store`] when the disk refuses.
    pub fn save(calibration: &Calibration, folder: &Path, record: &RunRecord) -> Result<(), RunError> {
        file::save(calibration, folder, record)
    }

    /// Returns what was asked.
    pub fn request(&self) -> CoverageRequest {
        self.sets.request
    }

    /// Returns a remark about labels that are in every set.
    pub fn remark(&self) -> Option<String> {
        let always: Vec<&str> = self.sets.always().iter().map(|&label| self.display[label].as_str()).collect();
        let least = self.sets.request.least_rows();
        let shown = always.iter().take(10).copied().collect::<Vec<_>>().join(", ");
        let more = match always.len() {
            0 => return None,
            many if many > 10 => format!(" and {} more", many - 10),
            _ => String::new(),
        };
        Some(format!("every set has {shown}{more}: fewer than {least} calibration rows have these labels"))
    }

    /// Returns the names of the columns, or fields, that sets add to answers.
    pub fn column_names(&self) -> &'static [&'static str] {
        if self.has_lists() { &["set", "set_size", "abstained"] } else { &["low", "high"] }
    }

    /// Returns true if sets are lists of labels.
    pub fn has_lists(&self) -> bool {
        !self.labels.is_empty()
    }

    fn of(&self, answer: &Answer) -> Option<AnswerSet> {
        match answer.row().basis() {
            AnswerBasis::Probabilities(probabilities) => {
                let labels = self.sets.labels(probabilities);
                let abstained = self.sets.abstains(labels.len());
                Some(AnswerSet::Labels { labels, abstained })
            }
            AnswerBasis::Number(number) => {
                let (low, high) = self.sets.interval(number);
                let (least, most) = self.range;
                Some(AnswerSet::Interval { low: low.clamp(least, most), high: high.clamp(least, most) })
            }
            AnswerBasis::Nothing => None,
        }
    }

    fn named<'a>(&self, labels: &[usize], names: &'a [String]) -> Vec<&'a str> {
        labels.iter().filter_map(|&label| names.get(label)).map(String::as_str).collect()
    }

    /// Returns the set of an answer as JSON values, one for each of [`column_names`](Self::column_names).
    pub fn json_values(&self, answer: &Answer) -> Vec<Value> {
        match self.of(answer) {
            Some(AnswerSet::Labels { labels, abstained }) => {
                vec![json!(self.named(&labels, &self.labels)), json!(labels.len()), json!(abstained)]
            }
            Some(AnswerSet::Interval { low, high }) => vec![json!(low), json!(high)],
            None => vec![Value::Null; self.column_names().len()],
        }
    }

    /// Returns the same as cells of text.
    pub fn cells(&self, answer: &Answer) -> Vec<String> {
        self.json_values(answer).iter().map(ToString::to_string).collect()
    }

    /// Returns the set for people: `{yes, no}`, `[0.5, 1.5]`.
    pub fn in_words(&self, answer: &Answer) -> String {
        match self.of(answer) {
            Some(AnswerSet::Labels { labels, abstained }) => {
                let set = format!("{{{}}}", self.named(&labels, &self.display).join(", "));
                if abstained { format!("{set} abstains") } else { set }
            }
            Some(AnswerSet::Interval { low, high }) => format!("[{low:.3}, {high:.3}]"),
            None => String::new(),
        }
    }

    /// Returns sets as Arrow arrays `[rows]`, one for each of [`column_names`](Self::column_names).
    pub fn arrays(&self, answers: &[Option<Answer>]) -> Vec<ArrayRef> {
        let sets: Vec<Option<AnswerSet>> =
            answers.iter().map(|answer| answer.as_ref().and_then(|answer| self.of(answer))).collect();
        if !self.has_lists() {
            let ends = |end: fn(f64, f64) -> f64| -> ArrayRef {
                let of = |set: &Option<AnswerSet>| match set {
                    Some(AnswerSet::Interval { low, high }) => Some(end(*low, *high)),
                    _ => None,
                };
                Arc::new(sets.iter().map(of).collect::<Float64Array>())
            };
            return vec![ends(|low, _| low), ends(|_, high| high)];
        }
        let (mut lists, mut sizes, mut abstentions) = (ListBuilder::new(StringBuilder::new()), Vec::new(), Vec::new());
        for set in &sets {
            match set {
                Some(AnswerSet::Labels { labels, abstained }) => {
                    self.named(labels, &self.labels).iter().for_each(|label| lists.values().append_value(label));
                    lists.append(true);
                    sizes.push(i64::try_from(labels.len()).ok());
                    abstentions.push(Some(*abstained));
                }
                _ => {
                    lists.append(false);
                    sizes.push(None);
                    abstentions.push(None);
                }
            }
        }
        vec![Arc::new(lists.finish()), Arc::new(Int64Array::from(sizes)), Arc::new(BooleanArray::from(abstentions))]
    }

    /// Measures sets of labels on rows with known truth.
    pub(crate) fn measure_labels<'a>(
        &self,
        probabilities: impl IntoIterator<Item = &'a [f64]>,
        gold: impl IntoIterator<Item = Vec<usize>>,
    ) -> SplitCoverage {
        SplitCoverage::of_labels(&self.sets, probabilities, gold)
    }

    /// Measures intervals on rows with known truth.
    pub(crate) fn measure_numbers(&self, gold: &[f64], answers: &[f64]) -> SplitCoverage {
        SplitCoverage::of_numbers(&self.sets, gold, answers)
    }
}
