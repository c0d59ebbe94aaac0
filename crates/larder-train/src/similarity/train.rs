//! From cached features and labels to a head that compares vectors.

use larder_metrics::{ClassificationScores, ConfusionMatrix, class_counts};
use ndarray::Array2;

use super::head::{Similar, SimilarityHead, class_sums, shares, unit_sums};
use super::held_out::{left_out_rows, similar_classes, similar_rows};
use super::selection::{SimilaritySelection, SimilaritySelectionEntry};
use super::settings::{
    NAME_ROWS, SimilarityKind, SimilaritySettings, TEMPERATURES, UNCHOSEN_NAME_ROWS, UNCHOSEN_TEMPERATURE,
};
use super::unit_rows::unit_rows;
use crate::candidates::{Candidate, candidates};
use crate::column::{FeatureColumn, check_columns};
use crate::error::TrainError;
use crate::head::{HeadColumn, arrange, check_labels};
use crate::select::answer;
use crate::standardise::Standardiser;
use crate::threshold::HALF;
use crate::training_rows::TrainingRows;

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

/// Makes a head that compares vectors.
///
/// Several columns are tried one by one and side by side, with all temperatures, numbers of neighbours and weights of the names; the
/// smallest log-loss of rows that are left out in turn chooses. Where no class has two rows, nothing is chosen: all columns side by
/// side, 5 neighbours and [`UNCHOSEN_TEMPERATURE`] are taken. Same input and settings on one machine, same head, whatever the number of threads.
///
/// # Errors
/// [`TrainError`] names the column and row of values that are not finite, the class without rows, the row of a label out of range,
/// and settings that cannot work.
pub fn train_similarity(
    rows: &TrainingRows<'_>,
    settings: &SimilaritySettings,
    progress: &mut dyn FnMut(SimilarityProgress<'_>),
) -> Result<TrainedSimilarity, TrainError> {
    let TrainingRows { columns, labels, classes, ids, names } = *rows;
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
    let names = match settings.kind {
        SimilarityKind::Labels => names_of(columns, names, classes.len())?,
        SimilarityKind::Prototype | SimilarityKind::Knn => Vec::new(),
    };

    let candidates = candidates(columns);
    let left_out = left_out_rows(labels, &counts, settings);
    let grid = match settings.kind {
        SimilarityKind::Prototype | SimilarityKind::Labels => vec![classes.len()],
        SimilarityKind::Knn => within(&neighbours, labels.len() - 1),
    };
    let search = Search { columns, labels, classes, names: &names, settings, grid: &grid, left_out: &left_out };
    let scores = |labels: &[usize], answers: &[usize]| -> Result<ClassificationScores, TrainError> {
        Ok(ClassificationScores::from(&ConfusionMatrix::from_classes(labels, answers, classes.len())?))
    };

    if left_out.is_empty() {
        let all = candidates.last().expect("there is a column");
        let neighbours = match settings.kind {
            SimilarityKind::Prototype | SimilarityKind::Labels => classes.len(),
            SimilarityKind::Knn => UNCHOSEN_NEIGHBOURS.min(labels.len()),
        };
        let head = search.head(all, ids, neighbours, Some(UNCHOSEN_NAME_ROWS), UNCHOSEN_TEMPERATURE);
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
        for &name_rows in search.name_rows() {
            entries.extend(search.entries(candidate, name_rows, &search.similar(candidate, name_rows)));
        }
        progress(SimilarityProgress::Scored { candidate: number, candidates: candidates.len(), name: &candidate.name });
    }
    let selection = SimilaritySelection::new(left_out.len(), entries);
    let best = selection.best();
    let chosen = candidates
        .iter()
        .find(|candidate| candidate.name == best.candidate)
        .expect("entries are named after candidates");
    let similar = search.similar(chosen, best.name_rows);
    let probabilities: Vec<f64> =
        similar.iter().flat_map(|similar| search.shares(similar, best.neighbours, best.temperature)).collect();
    let probabilities = Array2::from_shape_vec((left_out.len(), classes.len()), probabilities)
        .expect("a share was made for each class");
    let head = search.head(chosen, ids, best.neighbours, best.name_rows, best.temperature);
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

/// Returns the vectors of the names in the order of the columns, checked.
fn names_of<'a>(
    columns: &[&FeatureColumn],
    names: &'a [FeatureColumn],
    classes: usize,
) -> Result<Vec<&'a FeatureColumn>, TrainError> {
    let wanted: Vec<HeadColumn> = head_columns(columns);
    let borrowed: Vec<&FeatureColumn> = names.iter().collect();
    let found = arrange(&wanted, &borrowed)?;
    check_columns(&found, classes)?;
    Ok(found)
}

fn head_columns(columns: &[&FeatureColumn]) -> Vec<HeadColumn> {
    columns.iter().map(|column| HeadColumn { name: column.name.clone(), width: column.width() }).collect()
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
    /// Of each column, `[classes, width]`; none where names are not compared with.
    names: &'a [&'a FeatureColumn],
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

    /// Returns the weights of names that are tried.
    fn name_rows(&self) -> &'static [Option<f64>] {
        const TRIED: [Option<f64>; NAME_ROWS.len()] = {
            let mut tried = [None; NAME_ROWS.len()];
            let mut at = 0;
            while at < NAME_ROWS.len() {
                tried[at] = Some(NAME_ROWS[at]);
                at += 1;
            }
            tried
        };
        if self.names.is_empty() { &[None] } else { &TRIED }
    }

    /// Returns what the prototypes of the classes have the direction of, `[classes, width]`.
    fn sums(
        &self,
        candidate: &Candidate,
        standardiser: &Standardiser,
        rows: &Array2<f32>,
        name_rows: Option<f64>,
    ) -> Array2<f64> {
        let mut sums = class_sums(rows, self.labels, self.classes.len());
        if let (Some(name_rows), false) = (name_rows, self.names.is_empty()) {
            let names: Vec<&FeatureColumn> = candidate.columns.iter().map(|&position| self.names[position]).collect();
            sums.zip_mut_with(&unit_rows(&names, standardiser), |sum, &name| *sum += name_rows * f64::from(name));
        }
        sums
    }

    /// Returns the nearest references of each left-out row.
    fn similar(&self, candidate: &Candidate, name_rows: Option<f64>) -> Vec<Vec<Similar>> {
        let columns = self.columns_of(candidate);
        let standardiser = self.standardiser(&columns);
        let rows = unit_rows(&columns, &standardiser);
        match self.settings.kind {
            SimilarityKind::Knn => similar_rows(&rows, self.left_out, self.grid.last().copied().unwrap_or(1)),
            SimilarityKind::Prototype | SimilarityKind::Labels => {
                let sums = self.sums(candidate, &standardiser, &rows, name_rows);
                similar_classes(&rows, self.labels, &sums, self.left_out)
            }
        }
    }

    /// Returns the class of a reference.
    fn class_of(&self, reference: usize) -> usize {
        match self.settings.kind {
            SimilarityKind::Prototype | SimilarityKind::Labels => reference,
            SimilarityKind::Knn => self.labels[reference],
        }
    }

    fn shares(&self, similar: &[Similar], neighbours: usize, temperature: f64) -> Vec<f64> {
        let voting = &similar[..neighbours.min(similar.len())];
        let even = self.settings.kind.even_votes();
        shares(voting, &|reference| self.class_of(reference), self.classes.len(), temperature, even)
    }

    /// Returns the lines of a candidate, by neighbours and then temperature.
    fn entries(
        &self,
        candidate: &Candidate,
        name_rows: Option<f64>,
        similar: &[Vec<Similar>],
    ) -> Vec<SimilaritySelectionEntry> {
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
                name_rows,
                temperature,
                log_loss,
                standard_error,
                accuracy: right as f64 / similar.len() as f64,
            }
        };
        let settings = self.grid.iter().flat_map(|neighbours| TEMPERATURES.iter().map(move |t| (neighbours, t)));
        settings.map(entry).collect()
    }

    fn head(
        &self,
        candidate: &Candidate,
        ids: &[String],
        neighbours: usize,
        name_rows: Option<f64>,
        temperature: f64,
    ) -> SimilarityHead {
        let columns = self.columns_of(candidate);
        let standardiser = self.standardiser(&columns);
        let rows = unit_rows(&columns, &standardiser);
        let (references, reference_classes, reference_ids) = match self.settings.kind {
            SimilarityKind::Prototype | SimilarityKind::Labels => {
                let sums = self.sums(candidate, &standardiser, &rows, name_rows);
                (unit_sums(&sums), (0..self.classes.len()).collect(), Vec::new())
            }
            SimilarityKind::Knn => (rows, self.labels.to_vec(), ids.to_vec()),
        };
        SimilarityHead {
            kind: self.settings.kind,
            classes: self.classes.to_vec(),
            columns: head_columns(&columns),
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
