//! From cached features and labels to a head that compares vectors.

use larder_metrics::{ClassificationScores, ConfusionMatrix, class_counts};
use ndarray::Array2;

use super::head::{Similar, SimilarityHead, prototypes, shares};
use super::held_out::{left_out_rows, similar_to_left_out};
use super::selection::{SimilaritySelection, SimilaritySelectionEntry};
use super::settings::{SimilarityKind, SimilaritySettings, TEMPERATURES, UNCHOSEN_TEMPERATURE};
use super::unit_rows::unit_rows;
use crate::candidates::{Candidate, candidates};
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, check_labels};
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::threshold::HALF;

/// The neighbours that are taken where too few rows are there to choose their number.
const UNCHOSEN_NEIGHBOURS: usize = 5;

/// A step that training has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SimilarityProgress<'a> {
    /// A candidate's lines of the selection table are ready.
    Scored {
        /// The zero-based number of the candidate.
        candidate: usize,
        /// The total number.
        candidates: usize,
        /// Its name.
        name: &'a str,
    },
}

/// A trained head and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedSimilarity {
    /// The head.
    pub head: SimilarityHead,
    /// The selection table; `None` where no class has two rows.
    pub selection: Option<SimilaritySelection>,
    /// Why nothing was chosen, and what was taken, in words; `None` where there is a selection.
    pub unchosen: Option<String>,
    /// Scores on the rows it is made of. A row is its own nearest neighbour, so those of `knn` mean little.
    pub train_scores: ClassificationScores,
    /// Scores of answers to rows that were left out in turn.
    pub left_out_scores: Option<ClassificationScores>,
    /// The rows that were left out, ascending.
    pub left_out: Vec<usize>,
    /// Probabilities of the chosen candidate for those, `[left out rows, classes]`.
    pub left_out_probabilities: Option<Array2<f64>>,
}

/// Makes a head that compares vectors from `columns` (float32, `[rows, hidden_size]` each), `labels` (`[rows]`, indices of
/// `classes`) and the rows' `ids` (`[rows]`).
///
/// Several columns are tried one by one and side by side, with all numbers of neighbours and temperatures; the smallest log-loss of
/// rows that are left out in turn chooses. Where no class has two rows, all columns side by side, 5 neighbours and
/// [`UNCHOSEN_TEMPERATURE`] are taken. Same input and settings on one machine, same head, whatever the number of threads.
///
/// # Errors
/// [`TrainError`] names the column and row of values that are not finite, the class without rows, the row of a label out of range,
/// and settings that cannot work.
pub fn train_similarity(
    columns: &[&FeatureColumn],
    labels: &[usize],
    classes: &[String],
    ids: &[String],
    settings: &SimilaritySettings,
    progress: &mut dyn FnMut(SimilarityProgress<'_>),
) -> Result<TrainedSimilarity, TrainError> {
    let neighbours = settings.checked_neighbours()?;
    if classes.len() < 2 {
        return Err(TrainError::TooFewClasses { found: classes.len() });
    }
    check_columns(columns, labels.len())?;
    check_labels(labels, classes.len())?;
    if ids.len() != labels.len() {
        return Err(TrainError::LabelMismatch { found: labels.len(), expected: ids.len() });
    }
    let counts = class_counts(labels, classes.len())?;
    let empty: Vec<String> =
        classes.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(class, _)| class.clone()).collect();
    if !empty.is_empty() {
        return Err(TrainError::ClassWithoutRows { classes: empty });
    }

    let candidates = candidates(columns);
    let left_out = left_out_rows(labels, &counts, settings);
    let grid = match settings.kind {
        SimilarityKind::Prototype => vec![classes.len()],
        SimilarityKind::Knn => within(&neighbours, labels.len() - 1),
    };
    let search = Search { columns, labels, classes, settings, grid: &grid, left_out: &left_out };
    let scores = |labels: &[usize], answers: &[usize]| -> Result<ClassificationScores, TrainError> {
        Ok(ClassificationScores::from(&ConfusionMatrix::from_classes(labels, answers, classes.len())?))
    };

    if left_out.is_empty() {
        let all = candidates.last().expect("there is a column");
        let neighbours = match settings.kind {
            SimilarityKind::Prototype => classes.len(),
            SimilarityKind::Knn => UNCHOSEN_NEIGHBOURS.min(labels.len()),
        };
        let head = search.head(all, ids, neighbours, UNCHOSEN_TEMPERATURE);
        let why = format!(
            "no class has two training rows, and one of them must be left out to choose by: {}, temperature \
             {UNCHOSEN_TEMPERATURE}; nothing tells how the head does on rows that it has not seen",
            all.name
        );
        let train_scores = scores(labels, &head.answers(&head.probabilities(columns)?))?;
        return Ok(TrainedSimilarity {
            head,
            selection: None,
            unchosen: Some(why),
            train_scores,
            left_out_scores: None,
            left_out,
            left_out_probabilities: None,
        });
    }

    let mut entries = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let similar = search.similar(candidate);
        entries.extend(search.entries(candidate, &similar));
        progress(SimilarityProgress::Scored { candidate: number, candidates: candidates.len(), name: &candidate.name });
    }
    let selection = SimilaritySelection::new(left_out.len(), entries);
    let best = selection.best();
    let chosen = candidates
        .iter()
        .find(|candidate| candidate.name == best.candidate)
        .expect("entries are named after candidates");
    let similar = search.similar(chosen);
    let probabilities: Vec<f64> =
        similar.iter().flat_map(|similar| search.shares(similar, best.neighbours, best.temperature)).collect();
    let probabilities = Array2::from_shape_vec((left_out.len(), classes.len()), probabilities)
        .expect("a share was made for each class");
    let head = search.head(chosen, ids, best.neighbours, best.temperature);
    let gold: Vec<usize> = left_out.iter().map(|&row| labels[row]).collect();
    Ok(TrainedSimilarity {
        train_scores: scores(labels, &head.answers(&head.probabilities(columns)?))?,
        left_out_scores: Some(scores(&gold, &head.answers(&probabilities))?),
        head,
        selection: Some(selection),
        unchosen: None,
        left_out,
        left_out_probabilities: Some(probabilities),
    })
}

/// Returns the numbers that are not above `most`, or `most` if all are.
fn within(numbers: &[usize], most: usize) -> Vec<usize> {
    let found: Vec<usize> = numbers.iter().copied().filter(|&number| number <= most).collect();
    if found.is_empty() { vec![most.max(1)] } else { found }
}

/// The inputs of a selection.
struct Search<'a> {
    columns: &'a [&'a FeatureColumn],
    labels: &'a [usize],
    classes: &'a [String],
    settings: &'a SimilaritySettings,
    /// Numbers of neighbours, ascending.
    grid: &'a [usize],
    /// Rows, ascending.
    left_out: &'a [usize],
}

impl Search<'_> {
    fn columns_of(&self, candidate: &Candidate) -> Vec<&FeatureColumn> {
        candidate.columns.iter().map(|&position| self.columns[position]).collect()
    }

    fn standardiser(&self, columns: &[&FeatureColumn]) -> Standardiser {
        match self.settings.standardise {
            true => Standardiser::fit(columns),
            false => Standardiser::identity(columns.iter().map(|column| column.width()).sum()),
        }
    }

    /// Returns the nearest references of each left-out row.
    fn similar(&self, candidate: &Candidate) -> Vec<Vec<Similar>> {
        let columns = self.columns_of(candidate);
        let rows = unit_rows(&columns, &self.standardiser(&columns));
        let most = self.grid.last().copied().unwrap_or(1);
        similar_to_left_out(&rows, self.labels, self.classes.len(), self.left_out, self.settings.kind, most)
    }

    /// Returns the class of a reference.
    fn class_of(&self, reference: usize) -> usize {
        match self.settings.kind {
            SimilarityKind::Prototype => reference,
            SimilarityKind::Knn => self.labels[reference],
        }
    }

    fn shares(&self, similar: &[Similar], neighbours: usize, temperature: f64) -> Vec<f64> {
        let voting = &similar[..neighbours.min(similar.len())];
        let even = self.settings.kind.even_votes();
        shares(voting, &|reference| self.class_of(reference), self.classes.len(), temperature, even)
    }

    /// Returns the lines of a candidate, by neighbours and then temperature.
    fn entries(&self, candidate: &Candidate, similar: &[Vec<Similar>]) -> Vec<SimilaritySelectionEntry> {
        let columns: Vec<String> = self.columns_of(candidate).iter().map(|column| column.name.clone()).collect();
        let threshold = (self.classes.len() == 2).then_some(HALF);
        let entry = |(&neighbours, &temperature): (&usize, &f64)| {
            let (mut losses, mut right) = (Vec::with_capacity(similar.len()), 0_usize);
            for (similar, &row) in similar.iter().zip(self.left_out) {
                let shares = self.shares(similar, neighbours, temperature);
                let gold = self.labels[row];
                losses.push(-shares[gold].max(f64::MIN_POSITIVE).ln());
                right += usize::from(answer(shares.into_iter(), threshold) == gold);
            }
            let (log_loss, standard_error) = mean_and_error(&losses);
            SimilaritySelectionEntry {
                candidate: candidate.name.clone(),
                columns: columns.clone(),
                neighbours,
                temperature,
                log_loss,
                standard_error,
                accuracy: right as f64 / similar.len() as f64,
            }
        };
        let settings = self.grid.iter().flat_map(|neighbours| TEMPERATURES.iter().map(move |t| (neighbours, t)));
        settings.map(entry).collect()
    }

    fn head(&self, candidate: &Candidate, ids: &[String], neighbours: usize, temperature: f64) -> SimilarityHead {
        let columns = self.columns_of(candidate);
        let standardiser = self.standardiser(&columns);
        let rows = unit_rows(&columns, &standardiser);
        let (references, reference_classes, reference_ids) = match self.settings.kind {
            SimilarityKind::Prototype => {
                let classes = self.classes.len();
                (prototypes(&rows, self.labels, classes), (0..classes).collect(), Vec::new())
            }
            SimilarityKind::Knn => (rows, self.labels.to_vec(), ids.to_vec()),
        };
        SimilarityHead {
            kind: self.settings.kind,
            classes: self.classes.to_vec(),
            columns: columns
                .iter()
                .map(|column| HeadColumn { name: column.name.clone(), width: column.width() })
                .collect(),
            standardiser,
            references,
            reference_classes,
            reference_ids,
            neighbours,
            temperature,
        }
    }
}

/// Returns the mean and its standard error; 0 of a single value.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, if values.len() > 1 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 })
}
