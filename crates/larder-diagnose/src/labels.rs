//! The labels of train: their balance, and which of them may be wrong.

use crate::evidence::Evidence;
use crate::pointer::{Pointer, Pointing};
use crate::{Diagnosis, DiagnosisKind};

/// A class with less than this share of the mean class's rows is rare: of two classes one with less than a tenth of all.
const RARE: f64 = 0.2;

/// Rare classes that are named.
const NAMED: usize = 5;

/// The weight of rows of rare classes in the loss of the head as it was trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighing {
    /// The same as all others; weights may be asked for.
    Alike,
    /// The same as all others: weights were tried, and left out by the choice on held-out rows.
    TriedAndLeft,
    /// More than others.
    Balanced,
    /// As much as needed for each class to count the same: a head of class means.
    ClassesAlike,
    /// As a vote each: a head of neighbours.
    Votes,
}

impl Weighing {
    fn remedy(self, what: &str) -> String {
        match self {
            Self::Alike => format!("`--class-weight balanced` makes their {what} count more"),
            Self::TriedAndLeft => format!(
                "their {what} count as all others do: weights that balance them were tried, and not chosen on held-out rows"
            ),
            Self::Balanced => format!("their {what} count more already (`--class-weight balanced`)"),
            Self::ClassesAlike => format!("their {what} count more already: the head compares with one mean a class"),
            Self::Votes => {
                format!(
                    "their {what} have a vote each, as all others: `--head prototype` compares with one mean a class"
                )
            }
        }
    }
}

/// Rows a class in train below which a head is trained on hardly anything: folds of them hold one or two.
const FEW_A_CLASS: usize = 10;

/// Diagnoses [`FewRows`](DiagnosisKind::FewRows) if train has hardly any rows: `rows` of `classes` classes.
pub fn diagnose_size(rows: usize, classes: usize) -> Option<Diagnosis> {
    (rows < FEW_A_CLASS * classes).then(|| {
        let evidence = Evidence::default().count("rows", rows).text(" rows for ").count("classes", classes);
        let remedy = "label more: what is learned from so few depends on which they are, and so does what held-out rows say of it";
        Diagnosis::new(DiagnosisKind::FewRows, "train has few rows", evidence.text(" classes"), remedy)
    })
}

/// The number of rows of each class in train.
#[derive(Debug, Clone, Copy)]
pub struct Balance<'a> {
    /// The classes' names; of tagging the types of entity.
    pub classes: &'a [String],
    /// Rows, or entities, `[classes]`.
    pub counts: &'a [usize],
    /// The unit of the counts: `rows`, `entities`.
    pub what: &'a str,
    /// The weighing of the classes.
    pub weighing: Weighing,
}

/// Diagnoses [`ImbalancedLabels`](DiagnosisKind::ImbalancedLabels) if some class is rare.
pub fn diagnose_balance(balance: &Balance<'_>) -> Option<Diagnosis> {
    let Balance { classes, counts, what, weighing } = *balance;
    let all: usize = counts.iter().sum();
    let mean = all as f64 / counts.len().max(1) as f64;
    let mut rare: Vec<(usize, &str)> = counts
        .iter()
        .zip(classes)
        .filter(|(count, _)| (**count as f64) < RARE * mean)
        .map(|(&count, class)| (count, class.as_str()))
        .collect();
    if rare.is_empty() {
        return None;
    }
    rare.sort_unstable();
    let most = counts.iter().zip(classes).max_by_key(|(count, _)| **count)?;
    let mut evidence = Evidence::default();
    for (at, (count, class)) in rare.iter().take(NAMED).enumerate() {
        let before = if at == 0 { "" } else { ", " };
        evidence = evidence.text(format!("{before}`{class}` ")).count("rows of a rare class", *count);
    }
    if rare.len() > NAMED {
        evidence = evidence.text(" and ").count("more classes", rare.len() - NAMED).text(" more classes");
    }
    let evidence = evidence.text(", of ").count("all", all).text(format!(" {what}; `{}` has ", most.1));
    let remedy = weighing.remedy(if what == "entities" { "words" } else { what });
    Some(Diagnosis::new(
        DiagnosisKind::ImbalancedLabels,
        format!("some labels have few {what} in train"),
        evidence.count("most", *most.0),
        format!(
            "{remedy}; judge by MCC, macro F1 and the table of classes, not by accuracy; more {what} of these help most"
        ),
    ))
}

/// A head whose held-out answers have a lower MCC than this is no judge of labels: its contradictions are its own mistakes. On
/// this project's acceptability set, whose labels are right by construction, one of 0.73 suspected 6 % of the rows.
const TRUSTED_MCC: f64 = 0.8;

/// The MCC from which a head is trusted too, if it is reached without its suspects: noisy labels alone can make a good
/// head's MCC low. On a hard set it is not reached: there most of its mistakes are unsure ones.
const TRUSTED_WITHOUT_SUSPECTS: f64 = 0.95;

/// Suspects below this share of train are what a good head gets wrong by itself: with labels that are all right, a head whose
/// answers have a MCC of 0.99 had none to 0.5 % of the rows.
const MANY_SUSPECTS: f64 = 0.01;

/// A given label with more probability than this is doubted, but not denied...
const DENIED: f64 = 0.1;

/// ... unless all that the head gets wrong is suspected: a head that learned from noisy labels knows how noisy they are, and
/// gives a wrong one about that probability.
const DENIED_BY_A_SURE_HEAD: f64 = 0.25;

/// Held-out answers to the rows of train.
#[derive(Debug, Clone, Copy)]
pub struct HeldOutAnswers<'a> {
    /// Row-major `[rows, classes]`, each by a head that had not seen the row.
    pub probabilities: &'a [f64],
    /// The labels given, `[rows]`.
    pub labels: &'a [usize],
    /// The classes' names.
    pub classes: &'a [String],
    /// MCC of the answers.
    pub mcc: f64,
}

/// Diagnoses [`LabelErrors`](DiagnosisKind::LabelErrors): labels that held-out answers contradict with confidence.
///
/// Confident learning (Northcutt, Jiang and Chuang 2021, <https://arxiv.org/abs/1911.00068>) in its simple form: the threshold
/// of a class is the mean probability that its own rows get for it. A row is suspected whose given label has less than its
/// threshold (and less than 0.1, or 0.25 where the head is right about all other rows), while another class has its own
/// threshold or more. Suspects are ranked by the probability
/// of the given label, the least first.
pub fn diagnose_label_errors(answers: &HeldOutAnswers<'_>) -> Option<Pointing> {
    let HeldOutAnswers { probabilities, labels, classes, mcc } = *answers;
    let width = classes.len();
    if width == 0 || probabilities.len() != labels.len() * width {
        return None;
    }
    let (mut sums, mut counts) = (vec![0.0; width], vec![0_u64; width]);
    for (row, &label) in probabilities.chunks(width).zip(labels) {
        sums[label] += row[label];
        counts[label] += 1;
    }
    let thresholds: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, &count)| if count == 0 { f64::INFINITY } else { sum / count as f64 })
        .collect();
    let suspects_below = |denied: f64| {
        let mut suspects: Vec<(f64, usize, usize)> = Vec::new();
        for (at, (row, &label)) in probabilities.chunks(width).zip(labels).enumerate() {
            let other = (0..width)
                .filter(|&class| class != label && row[class] >= thresholds[class])
                .max_by(|&a, &b| row[a].total_cmp(&row[b]));
            if let Some(other) =
                other.filter(|&other| row[label] < thresholds[label].min(denied) && row[other] > row[label])
            {
                suspects.push((row[label], at, other));
            }
        }
        suspects
    };
    let (denied, mut suspects) = if mcc >= TRUSTED_MCC {
        (DENIED, suspects_below(DENIED))
    } else {
        let suspects = suspects_below(DENIED_BY_A_SURE_HEAD);
        if mcc_without(answers, &suspects) < TRUSTED_WITHOUT_SUSPECTS {
            return None;
        }
        (DENIED_BY_A_SURE_HEAD, suspects)
    };
    let rows = labels.len();
    if suspects.is_empty() || (suspects.len() as f64) < MANY_SUSPECTS * rows as f64 {
        return None;
    }
    suspects.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let evidence =
        Evidence::default().count("suspects", suspects.len()).text(" of ").count("rows", rows).text(" rows (");
    let evidence = evidence.percent("share", suspects.len() as f64 / rows as f64).text(") get less than ");
    let evidence = evidence.spelled("denied", denied, denied.to_string()).text(
        " for their label from a head that had not seen them, and another class gets as much as its own rows do on average",
    );
    let finding = Diagnosis::new(
        DiagnosisKind::LabelErrors,
        "some labels of train look wrong",
        evidence,
        "look at the rows, the most doubtful first, and correct or drop those that are wrong; a hard row may be right",
    );
    let pointers = suspects.iter().map(|&(given, row, other)| {
        let answer = probabilities[row * width + other];
        let note = format!(
            "labelled `{}` ({given:.2}), held-out answer `{}` ({answer:.2})",
            classes[labels[row]], classes[other]
        );
        Pointer::train(row, note)
    });
    Some(Pointing::new(finding, pointers.collect()))
}

/// MCC of the most probable classes of all rows but the suspects; 0 where nothing is left.
fn mcc_without(answers: &HeldOutAnswers<'_>, suspects: &[(f64, usize, usize)]) -> f64 {
    let width = answers.classes.len();
    let mut left = vec![true; answers.labels.len()];
    suspects.iter().for_each(|&(_, row, _)| left[row] = false);
    let best = |row: &[f64]| (0..width).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    let pairs = answers.probabilities.chunks(width).zip(answers.labels).zip(&left).filter(|(_, left)| **left);
    let (predicted, gold): (Vec<usize>, Vec<usize>) = pairs.map(|((row, &label), _)| (best(row), label)).unzip();
    let matrix = larder_metrics::ConfusionMatrix::from_classes(&gold, &predicted, width);
    matrix.map_or(0.0, |matrix| larder_metrics::ClassificationScores::from(&matrix).mcc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("c{class}")).collect()
    }

    #[test]
    fn few_rows_are_told_and_what_is_said_of_weights_is_so() {
        assert!(diagnose_size(12, 2).unwrap().evidence.contains("12 rows for 2 classes"));
        assert_eq!(diagnose_size(20, 2), None);
        assert!(
            Weighing::Alike.remedy("rows").contains("balanced` makes")
                && Weighing::Balanced.remedy("rows").contains("already")
        );
        assert!(Weighing::TriedAndLeft.remedy("rows").contains("not chosen"));
    }

    #[test]
    fn rare_classes_are_named_rarest_first() {
        let names = names(3);
        let found = |counts: &[usize]| {
            diagnose_balance(&Balance { classes: &names, counts, what: "rows", weighing: Weighing::Alike })
        };
        assert_eq!(found(&[100, 90, 40]), None);
        let finding = found(&[500, 20, 9]).unwrap();
        assert!(finding.evidence.starts_with("`c2` 9, `c1` 20, of 529 rows; `c0` has 500"), "{finding}");
        assert_eq!(
            diagnose_balance(&Balance {
                classes: &names[..2],
                counts: &[70, 30],
                what: "rows",
                weighing: Weighing::Alike
            }),
            None
        );
        assert!(
            diagnose_balance(&Balance {
                classes: &names[..2],
                counts: &[95, 5],
                what: "rows",
                weighing: Weighing::Alike
            })
            .is_some()
        );
    }

    /// Rows of two classes in turn that get `sure` for their class; every tenth is labelled otherwise.
    fn flipped(rows: usize, sure: f64) -> (Vec<f64>, Vec<usize>) {
        let probabilities =
            (0..rows).flat_map(|row| if row % 2 == 0 { [sure, 1.0 - sure] } else { [1.0 - sure, sure] });
        let labels = (0..rows).map(|row| if row % 10 == 3 { 0 } else { row % 2 });
        (probabilities.collect(), labels.collect())
    }

    #[test]
    fn flipped_labels_are_found_and_no_others() {
        let names = names(2);
        let (mut probabilities, labels) = flipped(100, 0.97);
        probabilities[2 * 13] = 0.01;
        probabilities[2 * 13 + 1] = 0.99;
        let answers = HeldOutAnswers { probabilities: &probabilities, labels: &labels, classes: &names, mcc: 0.8 };
        let found = diagnose_label_errors(&answers).unwrap();
        assert_eq!(found.rows.len(), 10);
        assert!(found.rows.iter().all(|row| row.row % 10 == 3 && row.in_train));
        assert_eq!(found.rows[0].row, 13, "the least probable label first");
        assert_eq!(found.rows[0].note, "labelled `c0` (0.01), held-out answer `c1` (0.99)");
        // Its MCC is low because of the labels: all else is right.
        assert!(diagnose_label_errors(&HeldOutAnswers { mcc: 0.7, ..answers }).is_some());
        // Here it is unsure of others, and gets them wrong: no judge of labels.
        for row in [0, 4, 8, 16, 24] {
            (probabilities[2 * row], probabilities[2 * row + 1]) = (0.45, 0.55);
        }
        let answers = HeldOutAnswers { probabilities: &probabilities, labels: &labels, classes: &names, mcc: 0.7 };
        assert_eq!(diagnose_label_errors(&answers), None, "no judge of labels");
    }

    #[test]
    fn unsure_answers_accuse_nobody() {
        let names = names(2);
        let (probabilities, labels) = flipped(100, 0.8);
        let answers = HeldOutAnswers { probabilities: &probabilities, labels: &labels, classes: &names, mcc: 0.8 };
        assert_eq!(diagnose_label_errors(&answers), None);
        let right: Vec<usize> = (0..100).map(|row| row % 2).collect();
        let (sure, _) = flipped(100, 0.99);
        let healthy = HeldOutAnswers { probabilities: &sure, labels: &right, classes: &names, mcc: 1.0 };
        assert_eq!(diagnose_label_errors(&healthy), None);
    }
}
