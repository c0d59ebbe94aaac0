//! A trained tagging head: from the features of words to entities.

use std::ops::Range;

use larder_tags::{Entity, TagSet};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::chain::{Chain, Lattice};
use super::confidence::span_probability;
use super::kind::TaggerKind;
use super::objective::{Loss, Objective, Scaling, Sentences};
use super::parameters::Layout;
use super::rules::Rules;
use super::source::{Reader, WordSource};
use super::viterbi::viterbi;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::standardise::Standardiser;
use crate::weight::ClassWeight;

/// Words that are read and tagged together.
pub(crate) const BLOCK_WORDS: usize = 4096;

/// A tagging head on standardised features.
///
/// The emissions of a word are `(x - mean) / scale · weightsᵀ + bias`, where `x` is a row of all
/// [`columns`](Self::columns) side by side; [`outside_bias`](Self::outside_bias) is added to that of `O`. The score of a
/// sequence of classes is the sum of its emissions, of `start` of its first class and of `transitions` of each pair of
/// neighbours. Answered is the *legal* sequence with the highest score (Viterbi); `I-x` never follows anything but `B-x`
/// and `I-x`.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggingHead {
    /// The kind: a `logistic` head has transitions and start scores of 0.
    pub kind: TaggerKind,
    /// The classes.
    pub tags: TagSet,
    /// The columns it reads, in order.
    pub columns: Vec<HeadColumn>,
    /// `[classes, width]` in standardised space.
    pub weights: Array2<f64>,
    /// `[classes]`.
    pub bias: Vec<f64>,
    /// `[classes, classes]`, the previous class first; 0 where no legal sequence has the pair.
    pub transitions: Array2<f64>,
    /// `[classes]`; 0 where no legal sequence starts with the class.
    pub start: Vec<f64>,
    /// `[classes]`: true for classes that had training words. The others are never answered.
    pub seen_in_training: Vec<bool>,
    /// Measured on train.
    pub standardiser: Standardiser,
    /// Added to the score of `O` at every word, when decoding; chosen on held-out sentences, or 0.
    pub outside_bias: f64,
    /// The class weights in the loss.
    pub class_weight: ClassWeight,
    /// The strength it was trained with.
    pub c: f64,
}

/// The answer of a head to one sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggedSentence {
    /// The class of each word, a legal sequence, `[words]`.
    pub classes: Vec<usize>,
    /// The probability of each answered class, everything else in the sentence being summed over, `[words]`.
    pub probabilities: Vec<f64>,
    /// The entities of `classes`.
    pub entities: Vec<TaggedEntity>,
}

/// One entity that a head answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggedEntity {
    /// Its position and type.
    pub entity: Entity,
    /// The probability that exactly this entity stands there: same first and last word, same type.
    pub confidence: f64,
}

impl TaggingHead {
    /// The width of a word's features, all columns side by side.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// Tags all sentences of `source`, reading about 4,096 words at a time. Columns are found by name; those the head
    /// does not read may be there too.
    ///
    /// Probabilities are those of the model that decodes: [`outside_bias`](Self::outside_bias) is part of it, and for a
    /// `logistic` head illegal sequences are left out of the sums.
    ///
    /// # Errors
    /// [`TrainError::MissingColumn`], [`TrainError::WidthMismatch`], [`TrainError::NonFinite`], and what the source
    /// meets.
    pub fn tag(&self, source: &dyn WordSource) -> Result<Vec<TaggedSentence>, TrainError> {
        self.tag_range(source, 0..source.sentence_lengths().len())
    }

    /// Tags some of the sentences of `source`, as [`tag`](Self::tag) does: answers do not depend on the range.
    ///
    /// # Errors
    /// As [`tag`](Self::tag).
    ///
    /// # Panics
    /// If the range is not one of the source's sentences.
    pub fn tag_range(
        &self,
        source: &dyn WordSource,
        sentences: Range<usize>,
    ) -> Result<Vec<TaggedSentence>, TrainError> {
        let reader = Reader::new(source)?;
        let parts = self.arrange(source.columns())?;
        let scaling = Scaling::new(&self.standardiser);
        let objective = self.objective();
        let point = self.point();
        let chain = self.chain();
        let classes = self.tags.len();
        let mut tagged = Vec::with_capacity(sentences.len());
        let mut values = Vec::new();
        for range in reader.ranges(sentences, BLOCK_WORDS) {
            values.clear();
            reader.read(range.clone(), &mut values)?;
            let first = reader.starts[range.start];
            let rows: Vec<Range<usize>> =
                range.map(|sentence| reader.starts[sentence] - first..reader.starts[sentence + 1] - first).collect();
            let filled: Vec<Range<usize>> = rows.iter().filter(|rows| !rows.is_empty()).cloned().collect();
            let data = Sentences {
                values: &values,
                stride: reader.width,
                parts: &parts,
                standardiser: &scaling,
                sentences: &filled,
                gold: &[],
            };
            let mut emissions = objective.emissions(&data, &point);
            emissions.chunks_exact_mut(classes).for_each(|word| word[0] += self.outside_bias);
            // Sentences without words have no rows, so the emissions' rows are those of `rows`.
            tagged.par_extend(
                rows.into_par_iter()
                    .map(|rows| self.tag_sentence(&chain, &emissions[rows.start * classes..rows.end * classes])),
            );
        }
        Ok(tagged)
    }

    fn tag_sentence(&self, chain: &Chain, emissions: &[f64]) -> TaggedSentence {
        if emissions.is_empty() {
            return TaggedSentence { classes: Vec::new(), probabilities: Vec::new(), entities: Vec::new() };
        }
        let classes = viterbi(chain, emissions, 0.0);
        let mut lattice = Lattice::default();
        let mut marginals = vec![0.0; emissions.len()];
        chain.forward(emissions, &mut lattice);
        chain.backward(emissions, &mut lattice, &mut marginals, None);
        let words = marginals.chunks_exact(self.tags.len());
        let probabilities = words.zip(&classes).map(|(word, &class)| word[class]).collect();
        let entities = self.tags.entities(&classes).into_iter().map(|entity| TaggedEntity {
            confidence: span_probability(chain, &self.tags, emissions, &lattice, &marginals, &entity),
            entity,
        });
        TaggedSentence { entities: entities.collect(), classes, probabilities }
    }

    /// The places of the head's columns in a row of the columns given.
    fn arrange(&self, columns: &[HeadColumn]) -> Result<Vec<Range<usize>>, TrainError> {
        self.columns
            .iter()
            .map(|wanted| {
                let at = columns.iter().position(|column| column.name == wanted.name).ok_or_else(|| {
                    TrainError::MissingColumn {
                        column: wanted.name.clone(),
                        found: columns.iter().map(|column| column.name.clone()).collect(),
                    }
                })?;
                if columns[at].width != wanted.width {
                    return Err(TrainError::WidthMismatch {
                        column: wanted.name.clone(),
                        found: columns[at].width,
                        expected: wanted.width,
                    });
                }
                let start: usize = columns[..at].iter().map(|column| column.width).sum();
                Ok(start..start + wanted.width)
            })
            .collect()
    }

    fn chain(&self) -> Chain {
        let rules = Rules::new(&self.tags, self.seen_in_training.clone());
        let transitions: Vec<f64> = self.transitions.iter().copied().collect();
        Chain::new(&rules, &transitions, &self.start)
    }

    /// The part of the head that gives emissions `[words, classes]`.
    fn objective(&self) -> Objective {
        Objective {
            layout: Layout { classes: self.tags.len(), width: self.width(), chain: false },
            rules: Rules::new(&self.tags, self.seen_in_training.clone()),
            loss: Loss::Words(Vec::new()),
        }
    }

    /// Weights and bias, in the order of [`Layout`] without a chain.
    fn point(&self) -> Vec<f64> {
        self.weights.iter().chain(&self.bias).copied().collect()
    }
}
