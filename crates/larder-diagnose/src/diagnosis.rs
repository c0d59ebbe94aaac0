//! One finding, and all findings of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Version of the layout of [`RunDiagnosis`].
pub const FORMAT_VERSION: u32 = 1;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisKind {
    /// (Almost) every row gets the same answer; of tagging, (almost) no entity is answered.
    OneAnswer,
    /// The scores are at or below those of the constant answer.
    MajorityBaseline,
    /// The loss is that of knowing the classes' shares and nothing else.
    PriorEntropy,
    /// The learning rate is not among those of the family's recipe.
    LearningRate,
    /// Held-out rows have a lower loss than training rows, because dropout is on in training.
    DropoutGap,
    /// Training ended before it was done.
    UnderTrained,
    /// Training rows are answered far better than held-out ones, or more training did harm.
    OverFitted,
    /// Some classes have far fewer rows than others.
    ImbalancedLabels,
    /// Texts were cut.
    TruncatedTexts,
    /// Training rows with the same text and label.
    DuplicateRows,
    /// Training rows with the same text and different labels.
    ContradictoryRows,
    /// Training rows that are in a held-out split too.
    LeakedRows,
    /// Labels that held-out answers contradict with confidence.
    LabelErrors,
    /// Scores still rise with the number of training rows.
    MoreRows,
    /// The tokenizer does not know the texts' words.
    UnknownTokens,
    /// A split is unlike the training split.
    UnlikeTrain,
    /// The best setting lies at the edge of what was tried.
    EdgeOfRange,
    /// Other layers of the encoder may know more than those that were read.
    FewLayers,
    /// Entities are found with the wrong edges.
    WrongEdges,
    /// Labels that differ only in blanks, in case or in how a number is written.
    SimilarLabels,
    /// Labels that are numbers on a scale.
    NumericLabels,
    /// Labels that are several labels written as one.
    CombinedLabels,
}

impl DiagnosisKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::OneAnswer,
        Self::MajorityBaseline,
        Self::PriorEntropy,
        Self::LearningRate,
        Self::DropoutGap,
        Self::UnderTrained,
        Self::OverFitted,
        Self::ImbalancedLabels,
        Self::TruncatedTexts,
        Self::DuplicateRows,
        Self::ContradictoryRows,
        Self::LeakedRows,
        Self::LabelErrors,
        Self::MoreRows,
        Self::UnknownTokens,
        Self::UnlikeTrain,
        Self::EdgeOfRange,
        Self::FewLayers,
        Self::WrongEdges,
        Self::SimilarLabels,
        Self::NumericLabels,
        Self::CombinedLabels,
    ];
}

/// A row that a finding points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointedRow {
    /// The split that it is in.
    pub split: String,
    /// Its id there.
    pub example_id: String,
    /// Its text.
    pub text: String,
    /// Why it is pointed to: ``labelled `book_flight`, held-out answer `cancel` (0.98)``.
    pub note: String,
}

/// One finding about a run: what is the matter, what shows it, what to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What it is about.
    pub kind: DiagnosisKind,
    /// The held-out split that it is about; `None` for the training itself and its rows.
    pub split: Option<String>,
    /// What is the matter, in one clause: `on dev the scores are at the majority baseline`.
    pub finding: String,
    /// The numbers that show it.
    pub evidence: String,
    /// What to try, with the flag that does it.
    pub remedy: String,
    /// The rows that show it, the most telling first; at most [`MOST_ROWS`](Self::MOST_ROWS).
    #[serde(default)]
    pub rows: Vec<PointedRow>,
}

impl Diagnosis {
    /// Rows that a finding keeps: enough to work through in an afternoon, and few enough for a file that a page holds.
    pub const MOST_ROWS: usize = 200;

    /// A finding about the training, without rows.
    pub fn new(
        kind: DiagnosisKind,
        finding: impl Into<String>,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (finding, evidence, remedy) = (finding.into(), evidence.into(), remedy.into());
        Self { kind, split: None, finding, evidence, remedy, rows: Vec::new() }
    }

    /// The same, about a held-out split.
    pub fn on(self, split: &str) -> Self {
        Self { split: Some(split.to_owned()), ..self }
    }

    /// The same, pointing to rows; those beyond [`MOST_ROWS`](Self::MOST_ROWS) are left out.
    pub fn with_rows(self, rows: impl IntoIterator<Item = PointedRow>) -> Self {
        Self { rows: rows.into_iter().take(Self::MOST_ROWS).collect(), ..self }
    }
}

impl fmt::Display for Diagnosis {
    /// `Finding: evidence. Remedy.`, without the rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}.", capitalised(&self.finding), self.evidence, capitalised(&self.remedy))
    }
}

/// With a capital at its beginning, unless a name stands there: `mcc` becomes `MCC`, and `out_of_domain_dev` stays.
pub fn capitalised(text: &str) -> String {
    let first = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default();
    if first == "mcc" {
        return format!("MCC{}", &text[first.len()..]);
    }
    if first.contains('_') {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The score of a head that was fitted on some of the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningPoint {
    /// Rows that it was fitted on.
    pub rows: usize,
    /// Its score on held-out rows of train, the mean over the folds.
    pub score: f64,
    /// What the score is: `mcc`, `macro_f1`, `accuracy`.
    pub metric: String,
}

/// Everything that was found about a run: the content of `diagnosis.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDiagnosis {
    /// Version of this layout.
    pub format_version: u32,
    /// The run.
    pub run: String,
    /// Those about the training first, then split by split.
    pub findings: Vec<Diagnosis>,
    /// Scores by the number of training rows, few rows first; empty where it was not measured.
    pub learning_curve: Vec<LearningPoint>,
}

impl RunDiagnosis {
    /// Of a run that nothing has been found about.
    pub fn new(run: &str) -> Self {
        Self { format_version: FORMAT_VERSION, run: run.to_owned(), findings: Vec::new(), learning_curve: Vec::new() }
    }

    /// The findings about the training itself and its rows.
    pub fn of_training(&self) -> impl Iterator<Item = &Diagnosis> {
        self.findings.iter().filter(|finding| finding.split.is_none())
    }

    /// Puts `findings` in the place of what was known of `splits`.
    pub fn replace(&mut self, splits: &[String], findings: Vec<Diagnosis>) {
        self.findings.retain(|finding| finding.split.as_ref().is_none_or(|split| !splits.contains(split)));
        self.findings.extend(findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital_and_names_stay() {
        let begun = ["more rows help", "mcc 0.5", "mcc", "out_of_domain_dev is", "mccx", "", "ö"].map(capitalised);
        assert_eq!(begun, ["More rows help", "MCC 0.5", "MCC", "out_of_domain_dev is", "Mccx", "", "Ö"]);
    }

    #[test]
    fn findings_of_a_split_are_replaced_and_others_kept() {
        let finding = |what: &str| Diagnosis::new(DiagnosisKind::OneAnswer, what, "so it is", "try");
        let mut run = RunDiagnosis::new("mine");
        run.findings = vec![finding("training"), finding("old").on("dev"), finding("other").on("test")];
        run.replace(&["dev".to_owned()], vec![finding("new").on("dev")]);
        let found: Vec<&str> = run.findings.iter().map(|finding| finding.finding.as_str()).collect();
        assert_eq!(found, ["training", "other", "new"]);
        assert_eq!(run.of_training().count(), 1);
        run.replace(&["dev".to_owned(), "test".to_owned()], Vec::new());
        assert_eq!(run.findings.len(), 1);
    }

    #[test]
    fn the_file_reads_back_and_kinds_are_spelled_in_snake_case() {
        let row = PointedRow { split: "train".into(), example_id: "7".into(), text: "a".into(), note: "b".into() };
        let mut run = RunDiagnosis::new("mine");
        run.findings = vec![Diagnosis::new(DiagnosisKind::LabelErrors, "a", "b", "c").with_rows(vec![row; 300])];
        run.learning_curve = vec![LearningPoint { rows: 10, score: 0.5, metric: "mcc".into() }];
        let text = serde_json::to_string(&run).unwrap();
        assert!(text.contains(r#""kind":"label_errors""#) && text.contains(r#""format_version":1"#));
        assert_eq!(serde_json::from_str::<RunDiagnosis>(&text).unwrap(), run);
        assert_eq!(run.findings[0].rows.len(), Diagnosis::MOST_ROWS);
        assert_eq!(run.findings[0].to_string(), "A: b. C.");
    }
}
