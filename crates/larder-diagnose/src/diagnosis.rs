//! One finding, and all findings of a run.

use std::fmt;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, Number, SPLIT};

/// Version of the layout of [`RunDiagnosis`].
pub const FORMAT_VERSION: u32 = 1;

spelled_enum! {
    /// The subject of a finding.
    pub enum DiagnosisKind {
        /// (Almost) every row gets the same answer; of tagging, (almost) no entity is answered.
        OneAnswer = "one_answer",
        /// The scores cannot be told from those of the constant answer, or are below them.
        MajorityBaseline = "majority_baseline",
        /// A split has rows of one class only; of tagging, no entity.
        OneClass = "one_class",
        /// There are too few rows to train on, or to tell scores from those of the constant answer.
        FewRows = "few_rows",
        /// The loss is that of knowing the classes' shares and nothing else.
        PriorEntropy = "prior_entropy",
        /// Training did harm from its beginning or lost what it had learned: the loss is above where it began, or back at
        /// that of the classes' shares.
        Diverged = "diverged",
        /// The learning rate is not among those of the family's recipe.
        LearningRate = "learning_rate",
        /// Held-out rows have a lower loss than training rows, because dropout is on in training.
        DropoutGap = "dropout_gap",
        /// Training ended before it was done.
        UnderTrained = "under_trained",
        /// Training rows are answered far better than held-out ones, or more training did harm.
        OverFitted = "over_fitted",
        /// Some classes have far fewer rows than others.
        ImbalancedLabels = "imbalanced_labels",
        /// Texts were cut.
        TruncatedTexts = "truncated_texts",
        /// Training rows with the same text and label.
        DuplicateRows = "duplicate_rows",
        /// Training rows with the same text and different labels.
        ContradictoryRows = "contradictory_rows",
        /// Training rows that are in a held-out split too.
        LeakedRows = "leaked_rows",
        /// Labels that held-out answers contradict with confidence.
        LabelErrors = "label_errors",
        /// Scores still rise with the number of training rows.
        MoreRows = "more_rows",
        /// The tokenizer does not know the texts' words.
        UnknownTokens = "unknown_tokens",
        /// A split is unlike the training split.
        UnlikeTrain = "unlike_train",
        /// The best setting lies at the edge of what was tried.
        EdgeOfRange = "edge_of_range",
        /// Other layers of the encoder may know more than those that were read.
        FewLayers = "few_layers",
        /// Entities are found with the wrong edges.
        WrongEdges = "wrong_edges",
        /// Labels that differ only in blanks, in case or in how a number is written.
        SimilarLabels = "similar_labels",
        /// Labels that are numbers on a scale.
        NumericLabels = "numeric_labels",
        /// Labels that are several labels written as one.
        CombinedLabels = "combined_labels",
        /// Labels that rows have are never answered.
        NeverAnswered = "never_answered",
        /// Labels are always on the same rows.
        AlwaysTogether = "always_together",
        /// A few targets lie far from the others.
        HeavyTails = "heavy_tails",
        /// Targets of a split lie outside those of train.
        OutsideTrain = "outside_train",
        /// Pairs of texts are better read in the other way, or that was not tried.
        Pairing = "pairing",
        /// Answers hardly leave the mean of the targets.
        ShrunkAnswers = "shrunk_answers",
        /// Sets hold the truth less often than was asked.
        ShortCoverage = "short_coverage",
    }
}

impl DiagnosisKind {
    /// Returns how much a finding weighs beside others of a run: 3 where the scores say nothing or too much, 2 where rows or
    /// training are to be mended, 1 where something may be gained.
    pub fn weight(self) -> u8 {
        match self {
            Self::OneAnswer
            | Self::MajorityBaseline
            | Self::OneClass
            | Self::PriorEntropy
            | Self::Diverged
            | Self::LeakedRows => 3,
            Self::FewRows
            | Self::LearningRate
            | Self::UnderTrained
            | Self::OverFitted
            | Self::ImbalancedLabels
            | Self::TruncatedTexts
            | Self::ContradictoryRows
            | Self::LabelErrors
            | Self::UnknownTokens
            | Self::UnlikeTrain
            | Self::WrongEdges
            | Self::SimilarLabels
            | Self::NumericLabels
            | Self::CombinedLabels
            | Self::NeverAnswered
            | Self::AlwaysTogether
            | Self::HeavyTails
            | Self::OutsideTrain
            | Self::ShrunkAnswers
            | Self::ShortCoverage => 2,
            Self::DropoutGap
            | Self::DuplicateRows
            | Self::MoreRows
            | Self::EdgeOfRange
            | Self::FewLayers
            | Self::Pairing => 1,
        }
    }
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
    /// The reason why it is pointed to: ``labelled `book_flight`, held-out answer `cancel` (0.98)``.
    pub note: String,
}

/// One finding about a run: what is the matter, what shows it, what to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kind of finding.
    pub kind: DiagnosisKind,
    /// The held-out split that it is about; `None` for the training itself and its rows.
    pub split: Option<String>,
    /// Other splits with the same rows, for which it holds too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_on: Vec<String>,
    /// The finding in one clause: `on dev the scores are at the majority baseline`.
    pub finding: String,
    /// The numbers that show it.
    pub evidence: String,
    /// The remedy to try, with its flag.
    pub remedy: String,
    /// The numbers of `finding` and `evidence`, in the order in which they are stated there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Number>,
    /// The rows that show it, the most telling first; at most [`MOST_ROWS`](Self::MOST_ROWS).
    #[serde(default)]
    pub rows: Vec<PointedRow>,
    /// Digest of the split's rows, where findings of splits with the same rows are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    /// The three sentences with [`SPLIT`] for the split's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wording: Option<[String; 3]>,
}

impl Diagnosis {
    /// Rows that a finding keeps: enough to work through in an afternoon, and few enough for a file that a page holds.
    pub const MOST_ROWS: usize = 200;

    /// Makes a finding about the training, without rows.
    pub fn new(
        kind: DiagnosisKind,
        finding: impl Into<Evidence>,
        evidence: impl Into<Evidence>,
        remedy: impl Into<String>,
    ) -> Self {
        let (finding, evidence) = (finding.into(), evidence.into());
        let numbers = finding.numbers.into_iter().chain(evidence.numbers).collect();
        let [finding, evidence, remedy] = [finding.text, evidence.text, remedy.into()];
        let open = [&finding, &evidence, &remedy].iter().any(|text| text.contains(SPLIT));
        let wording = open.then(|| [finding.clone(), evidence.clone(), remedy.clone()]);
        let (split, also_on, rows, data) = (None, Vec::new(), Vec::new(), None);
        let mut made = Self { kind, split, also_on, finding, evidence, remedy, numbers, rows, data, wording };
        made.word();
        made
    }

    /// Moves the finding to a held-out split.
    pub fn on(mut self, split: &str) -> Self {
        self.split = Some(split.to_owned());
        self.word();
        self
    }

    /// Adds rows to point to; those beyond [`MOST_ROWS`](Self::MOST_ROWS) are left out.
    pub fn with_rows(self, rows: impl IntoIterator<Item = PointedRow>) -> Self {
        Self { rows: rows.into_iter().take(Self::MOST_ROWS).collect(), ..self }
    }

    /// Records the digest of the rows that the finding is about.
    pub fn of_rows(self, digest: &str) -> Self {
        Self { data: Some(digest.to_owned()), ..self }
    }

    /// Returns true if it holds for the held-out split `split`.
    pub fn is_about(&self, split: &str) -> bool {
        self.split.as_deref() == Some(split) || self.also_on.iter().any(|other| other == split)
    }

    /// Puts the splits' names into the sentences.
    fn word(&mut self) {
        let Some([finding, evidence, remedy]) = &self.wording else { return };
        let here = self.split.as_deref().unwrap_or("train");
        let all = match self.also_on.as_slice() {
            [] => here.to_owned(),
            [one] => format!("{here} (and {one}, which has the same rows)"),
            several => format!("{here} (and {}, which have the same rows)", several.join(", ")),
        };
        self.finding = finding.replace(SPLIT, &all);
        self.evidence = evidence.replace(SPLIT, here);
        self.remedy = remedy.replace(SPLIT, here);
    }

    /// Returns true if it states the same fact about the same rows.
    fn is_same(&self, other: &Self) -> bool {
        self.data.is_some()
            && (self.kind, &self.data, &self.numbers) == (other.kind, &other.data, &other.numbers)
            && match (&self.wording, &other.wording) {
                (None, None) => (&self.finding, &self.evidence) == (&other.finding, &other.evidence),
                (ours, theirs) => ours == theirs,
            }
    }

    /// Without `splits`; `None` where it is about none but these.
    fn without(mut self, splits: &[String]) -> Option<Self> {
        self.also_on.retain(|split| !splits.contains(split));
        if let Some(split) = self.split.take_if(|split| splits.contains(split)) {
            if self.also_on.is_empty() {
                return None;
            }
            let next = self.also_on.remove(0);
            self.rows.iter_mut().filter(|row| row.split == split).for_each(|row| row.split.clone_from(&next));
            self.split = Some(next);
        }
        self.word();
        Some(self)
    }
}

impl fmt::Display for Diagnosis {
    /// `Finding: evidence. Remedy.`, without the rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}.", capitalised(&self.finding), self.evidence, capitalised(&self.remedy))
    }
}

/// Returns the text with a capital at its beginning, unless a name stands there: `mcc` becomes `MCC`, and
/// `out_of_domain_dev` stays.
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
    /// The name of the metric: `mcc`, `macro_f1`, `accuracy`.
    pub metric: String,
}

/// All findings about a run: the content of `diagnosis.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDiagnosis {
    /// Version of this layout.
    pub format_version: u32,
    /// The run.
    pub run: String,
    /// The findings: those about the training first, then split by split.
    pub findings: Vec<Diagnosis>,
    /// Scores by the number of training rows, few rows first; empty where it was not measured.
    pub learning_curve: Vec<LearningPoint>,
}

impl RunDiagnosis {
    /// Creates the diagnosis of a run without findings.
    pub fn new(run: &str) -> Self {
        Self { format_version: FORMAT_VERSION, run: run.to_owned(), findings: Vec::new(), learning_curve: Vec::new() }
    }

    /// The findings about the training itself and its rows.
    pub fn of_training(&self) -> impl Iterator<Item = &Diagnosis> {
        self.findings.iter().filter(|finding| finding.split.is_none())
    }

    /// Puts `findings` in the place of what was known of `splits`. The same fact about splits with the same rows is one
    /// finding.
    pub fn replace(&mut self, splits: &[String], findings: Vec<Diagnosis>) {
        let known = std::mem::take(&mut self.findings);
        self.findings = known.into_iter().filter_map(|finding| finding.without(splits)).collect();
        for finding in findings {
            match (self.findings.iter_mut().find(|known| known.is_same(&finding)), &finding.split) {
                (Some(known), Some(split)) => {
                    known.also_on.push(split.clone());
                    known.word();
                }
                _ => self.findings.push(finding),
            }
        }
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
    fn one_fact_about_splits_with_the_same_rows_is_one_finding() {
        let finding = |split: &str, rows: usize, digest: &str| {
            let evidence = Evidence::new("").count("rows", rows).text(format!(" rows of {SPLIT}"));
            let made = Diagnosis::new(DiagnosisKind::OneAnswer, format!("on {SPLIT} it is so"), evidence, "try");
            made.on(split).of_rows(digest)
        };
        let mut run = RunDiagnosis::new("mine");
        let splits = ["dev", "test", "other"].map(str::to_owned);
        run.replace(&splits, vec![finding("dev", 7, "a"), finding("test", 7, "a"), finding("other", 7, "b")]);
        let said: Vec<String> = run.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "On dev (and test, which has the same rows) it is so: 7 rows of dev. Try.",
                "On other it is so: 7 rows of other. Try."
            ]
        );
        assert!(
            run.findings[0].is_about("dev") && run.findings[0].is_about("test") && !run.findings[0].is_about("other")
        );

        // Read back, and dev has other rows now: what is left is about test.
        let mut run: RunDiagnosis = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        run.replace(&splits[..1], vec![finding("dev", 8, "c")]);
        let said: Vec<&str> = run.findings.iter().map(|one| one.finding.as_str()).collect();
        assert_eq!(said, ["on test it is so", "on other it is so", "on dev it is so"]);
        assert_eq!(run.findings[0].evidence, "7 rows of test");
        run.replace(&splits[1..2], vec![finding("test", 8, "c")]);
        assert_eq!(run.findings[1].finding, "on dev (and test, which has the same rows) it is so");
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
        // As earlier versions wrote it.
        let old = r#"{"kind":"one_answer","split":"dev","finding":"a","evidence":"b","remedy":"c"}"#;
        assert_eq!(serde_json::from_str::<Diagnosis>(old).unwrap().to_string(), "A: b. C.");
    }
}
