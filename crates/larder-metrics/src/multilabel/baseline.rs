//! Baselines that need no model: one label set for every row.

use std::collections::BTreeMap;

use larder_errors::spelled_enum;
use serde::{Deserialize, Serialize};

use crate::error::MetricsError;
use crate::multilabel::label_sets::indices;
use crate::multilabel::{LabelSets, MultilabelAnswers, MultilabelMetric, MultilabelScores, score_multilabel};

spelled_enum! {
    /// The rule that chooses one label set for every row.
    pub enum LabelConstant {
        /// The most frequent label set of train: it has the highest subset accuracy there among constant sets. Of several,
        /// the first by its label indices.
        MostFrequentSet = "most_frequent_set",
        /// The labels that more than half of the rows of train have: the constant set of least Hamming loss there. Often
        /// empty.
        AboveHalf = "above_half",
    }
}

/// The facts of train that constant answers rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainLabels {
    /// Share of the rows that have each label, `[labels]`, 0 to 1.
    pub shares: Vec<f64>,
    /// Indices of the labels in the most frequent set, ascending.
    pub most_frequent_set: Vec<usize>,
}

impl TrainLabels {
    /// Returns those of the label sets of train, `[rows, labels]`.
    pub fn of(train: &LabelSets) -> Self {
        let rows = train.rows() as f64;
        let shares = train.label_counts().iter().map(|&count| count as f64 / rows).collect();
        Self { shares, most_frequent_set: most_frequent_set(train) }
    }

    /// Returns the same with labels behind the others that no row of train has; `labels` is how many there are in all.
    #[must_use]
    pub fn with_unseen(mut self, labels: usize) -> Self {
        self.shares.resize(labels.max(self.shares.len()), 0.0);
        self
    }
}

/// A constant label set and its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstantLabels {
    /// Indices of the answered labels, ascending.
    pub labels: Vec<usize>,
    /// Its scores on this split. LRAP and average precision are those of `train_shares`.
    pub scores: MultilabelScores,
}

/// Scores of the constant label sets of *train*, by [`multilabel_baseline`]. Both rank the labels by their share in
/// train, which is the best ranking that ignores the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultilabelBaseline {
    /// Share of the rows of train that have each label, `[labels]`, 0 to 1.
    pub train_shares: Vec<f64>,
    /// [`LabelConstant::MostFrequentSet`].
    pub most_frequent_set: ConstantLabels,
    /// [`LabelConstant::AboveHalf`].
    pub above_half: ConstantLabels,
}

impl MultilabelBaseline {
    /// Returns the constant set that `rule` chooses.
    pub fn constant(&self, rule: LabelConstant) -> &ConstantLabels {
        match rule {
            LabelConstant::MostFrequentSet => &self.most_frequent_set,
            LabelConstant::AboveHalf => &self.above_half,
        }
    }

    /// Returns the rule whose set has the higher `metric` on this split; of equal ones, the most frequent set.
    pub fn better_by(&self, metric: MultilabelMetric) -> LabelConstant {
        let value = |constant: &ConstantLabels| metric.of(&constant.scores);
        if value(&self.above_half) > value(&self.most_frequent_set) {
            LabelConstant::AboveHalf
        } else {
            LabelConstant::MostFrequentSet
        }
    }

    /// Answers `rows` rows with the set that `rule` chooses.
    pub(crate) fn answers(&self, rule: LabelConstant, rows: usize) -> Result<MultilabelAnswers, MetricsError> {
        constant_answers(&self.constant(rule).labels, &self.train_shares, rows)
    }
}

/// Scores on `gold` (`[rows, labels]`) of always answering the constant sets of `train`.
///
/// # Errors
/// [`MetricsError::LabelCount`].
pub fn multilabel_baseline(train: &TrainLabels, gold: &LabelSets) -> Result<MultilabelBaseline, MetricsError> {
    let train_shares = train.shares.clone();
    let above_half = (0..train_shares.len()).filter(|&label| train_shares[label] > 0.5).collect();
    let scored = |labels: Vec<usize>| -> Result<ConstantLabels, MetricsError> {
        let scores = score_multilabel(gold, &constant_answers(&labels, &train_shares, gold.rows())?)?;
        Ok(ConstantLabels { labels, scores })
    };
    let (most_frequent_set, above_half) = (scored(train.most_frequent_set.clone())?, scored(above_half)?);
    Ok(MultilabelBaseline { train_shares, most_frequent_set, above_half })
}

fn most_frequent_set(train: &LabelSets) -> Vec<usize> {
    let mut counts: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for row in train.iter() {
        *counts.entry(indices(row).collect()).or_insert(0) += 1;
    }
    let highest = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().find(|(_, count)| *count == highest).map(|(set, _)| set).unwrap_or_default()
}

fn constant_answers(labels: &[usize], shares: &[f64], rows: usize) -> Result<MultilabelAnswers, MetricsError> {
    MultilabelAnswers::new(LabelSets::from_indices(&vec![labels; rows], shares.len())?, shares.repeat(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(rows: &[&[usize]]) -> LabelSets {
        LabelSets::from_indices(rows, 3).unwrap()
    }

    #[test]
    fn the_constant_sets_are_those_of_train() {
        let train = sets(&[&[0, 1], &[0, 2], &[0, 2], &[1], &[]]);
        let found = multilabel_baseline(&TrainLabels::of(&train), &sets(&[&[0, 2], &[1], &[0]])).unwrap();
        assert_eq!(found.most_frequent_set.labels, [0, 2]);
        assert_eq!(found.above_half.labels, [0]);
        assert_eq!(found.train_shares, [0.6, 0.4, 0.4]);
        // {0, 2} for every row: right once of three; {0}: right once as well.
        assert_eq!(found.most_frequent_set.scores.subset_accuracy, 1.0 / 3.0);
        assert_eq!(found.above_half.scores.subset_accuracy, 1.0 / 3.0);
        assert_eq!(found.above_half.scores.micro.precision, 2.0 / 3.0);
        // Ranks 1, 3, 3 in each row: (1/1 + 2/3) / 2, 1/3 and 1.
        let lrap = (5.0 / 6.0 + 1.0 / 3.0 + 1.0) / 3.0;
        for rule in LabelConstant::ALL {
            assert!((found.constant(*rule).scores.lrap - lrap).abs() < 1e-15);
        }
        assert_eq!(found.better_by(MultilabelMetric::Lrap), LabelConstant::MostFrequentSet);
        assert_eq!(found.better_by(MultilabelMetric::MacroF1), LabelConstant::MostFrequentSet);
        assert_eq!(found.better_by(MultilabelMetric::MicroF1), LabelConstant::MostFrequentSet);
        // Label 2 is nowhere: 2 · 2 / (6 + 3) with it, 2 · 2 / (3 + 3) without.
        let found = multilabel_baseline(&TrainLabels::of(&train), &sets(&[&[0], &[1], &[0]])).unwrap();
        assert_eq!(found.better_by(MultilabelMetric::MicroF1), LabelConstant::AboveHalf);
    }

    #[test]
    fn exactly_half_is_not_above_it_and_ties_go_to_the_first_set() {
        let found = multilabel_baseline(&TrainLabels::of(&sets(&[&[1], &[0, 1], &[2], &[]])), &sets(&[&[1]])).unwrap();
        assert!(found.above_half.labels.is_empty() && found.most_frequent_set.labels.is_empty());
        let error =
            multilabel_baseline(&TrainLabels::of(&sets(&[&[1]])), &LabelSets::new(vec![true], 1).unwrap()).unwrap_err();
        assert_eq!(error, MetricsError::LabelCount { gold: 1, other: "predicted", found: 3 });
    }
}
