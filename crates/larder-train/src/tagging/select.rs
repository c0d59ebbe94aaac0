//! Selection on held-out training sentences alone: columns, strength, class weight and outside bias.
//!
//! Every candidate is fitted to the other sentences, standardised on them, along the strengths from strong to weak
//! regularisation; each fit starts where the one before ended. Entities are those of Viterbi's answers. What is added to the
//! score of `O` is tuned on the same sentences (`outside_bias.rs`).

use std::ops::Range;

use larder_metrics::stratified_folds;
use larder_tags::{Entity, TagSet};
use rayon::prelude::*;

use super::chain::Chain;
use super::fit::{SELECTION, Strength, moments, problem};
use super::kind::TaggerKind;
use super::objective::{Objective, Scaling, Sentences};
use super::outside_bias::tune_outside_bias;
use super::scores::{Counts, SentenceCounts, entities};
use super::selection::{TaggingSelection, TaggingSelectionEntry, choose};
use super::settings::{ColumnUse, TaggingSettings};
use super::viterbi::viterbi;
use crate::candidates::Candidate;
use crate::error::TrainError;
use crate::head::HeadColumn;
use crate::lbfgs::Descent;
use crate::settings::ThresholdChoice;
use crate::standardise::{Moments, Standardiser};
use crate::weight::ClassWeight;

/// Parts of the sentences when one of them is held out once.
pub(crate) const PARTS_OF_ONE: usize = 5;

/// Sentences with their features in memory, to choose on.
pub(crate) struct Search<'a> {
    pub(crate) tags: &'a TagSet,
    pub(crate) settings: &'a TaggingSettings,
    /// 1, or parts that are held out in turn; no more than there are sentences.
    pub(crate) folds: usize,
    /// Ascending.
    pub(crate) grid: &'a [f64],
    pub(crate) columns: &'a [HeadColumn],
    /// `[rows, stride]`.
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    /// The rows of each sentence; none is empty.
    pub(crate) sentences: &'a [Range<usize>],
    /// `[rows]`.
    pub(crate) gold: &'a [usize],
}

/// The chosen settings.
pub(crate) struct Choice {
    pub(crate) candidate: Candidate,
    pub(crate) class_weight: ClassWeight,
    pub(crate) c: f64,
    pub(crate) outside_bias: f64,
    /// The final parameters of the first fold's fit, and the standardisation they belong to.
    pub(crate) warm: Option<(Vec<f64>, Standardiser)>,
}

/// The candidates: all columns side by side, and if asked for, each alone first.
pub(crate) fn candidates(columns: &[HeadColumn], usage: ColumnUse) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    if usage == ColumnUse::Choose || columns.len() == 1 {
        let alone = columns.iter().enumerate();
        found.extend(alone.map(|(at, column)| Candidate { name: column.name.clone(), columns: vec![at] }));
    }
    if columns.len() > 1 {
        let name = format!("all {} columns", columns.len());
        found.push(Candidate { name, columns: (0..columns.len()).collect() });
    }
    found
}

/// The places of a candidate's columns in a row of all columns.
pub(crate) fn parts_of(columns: &[HeadColumn], candidate: &Candidate) -> Vec<Range<usize>> {
    let start = |column: usize| columns[..column].iter().map(|column| column.width).sum::<usize>();
    candidate.columns.iter().map(|&at| start(at)..start(at) + columns[at].width).collect()
}

/// One fold: what is fitted, and what is held out.
struct Fold {
    train: Vec<Range<usize>>,
    held_out: Vec<Range<usize>>,
    entities: Vec<Vec<Entity>>,
    standardiser: Standardiser,
}

/// One fold's fit of one candidate, on its way along the strengths.
struct Path<'a> {
    fold: &'a Fold,
    standardiser: Standardiser,
    scaling: Scaling,
    objective: Objective,
    descent: Descent<Strength>,
}

/// The predictions of one fold's fit for its held-out sentences.
struct Judgement<'a> {
    fold: &'a Fold,
    chain: Chain,
    /// `[held-out words, classes]`.
    emissions: Vec<f64>,
}

impl Search<'_> {
    /// Scores every candidate, calling `on_entry` after each entry with (candidate's number, of how many, entry).
    pub(crate) fn run(
        &self,
        candidates: &[Candidate],
        on_entry: &mut dyn FnMut(usize, usize, &TaggingSelectionEntry),
    ) -> Result<(TaggingSelection, Choice), TrainError> {
        let folds = self.folds()?;
        let mut entries: Vec<TaggingSelectionEntry> = Vec::new();
        let mut warm = None;
        let class_weights = self.settings.class_weights();
        let rounds = candidates.len() + class_weights.len() - 1;
        let mut try_candidate = |number: usize, candidate: &Candidate, class_weight: ClassWeight| {
            self.try_candidate(candidate, class_weight, &folds, &mut |entry, path| {
                on_entry(number, rounds, &entry);
                entries.push(entry);
                if choose(&entries) + 1 == entries.len() {
                    warm = Some((path.descent.point.clone(), path.standardiser.clone()));
                }
            })?;
            Ok::<_, TrainError>(choose(&entries))
        };
        let mut chosen = 0;
        for (number, candidate) in candidates.iter().enumerate() {
            chosen = try_candidate(number, candidate, class_weights[0])?;
        }
        // The candidates, with one entry a strength each, are compared under the first class weight; the other is tried
        // on the one that won.
        let winner = chosen / self.grid.len();
        for &class_weight in &class_weights[1..] {
            chosen = try_candidate(candidates.len(), &candidates[winner], class_weight)?;
        }
        let held_out = folds.iter().map(|fold| fold.held_out.len()).sum();
        let selection = TaggingSelection::new(self.folds, self.sentences.len(), held_out, entries, chosen);
        let chosen = selection.best();
        let choice = Choice {
            candidate: candidates[winner].clone(),
            class_weight: chosen.class_weight,
            c: chosen.c,
            outside_bias: chosen.outside_bias,
            warm,
        };
        Ok((selection, choice))
    }

    fn folds(&self) -> Result<Vec<Fold>, TrainError> {
        let parts = if self.folds == 1 { PARTS_OF_ONE } else { self.folds };
        // Sentences with entities are dealt out evenly.
        let kinds: Vec<usize> =
            self.sentences.iter().map(|rows| usize::from(self.gold[rows.clone()].iter().any(|&c| c > 0))).collect();
        let part_of = stratified_folds(&kinds, parts, self.settings.seed)?;
        let of_part = |keep: &dyn Fn(usize) -> bool| -> Vec<Range<usize>> {
            let sentences = self.sentences.iter().zip(&part_of);
            sentences.filter(|(_, part)| keep(**part)).map(|(rows, _)| rows.clone()).collect()
        };
        let moments: Vec<Moments> =
            (0..parts).map(|part| moments(self.values, self.stride, &of_part(&|other| other == part))).collect();
        let tested = if self.folds == 1 { 0..1 } else { 0..parts };
        Ok(tested
            .map(|fold| {
                let held_out = of_part(&|part| part == fold);
                let others = moments.iter().enumerate().filter(|(part, _)| *part != fold).map(|(_, moments)| moments);
                let standardiser = match self.settings.standardise {
                    true => Moments::merge(others).expect("there are two parts or more").standardiser(),
                    false => Standardiser::identity(self.stride),
                };
                Fold {
                    train: of_part(&|part| part != fold),
                    entities: entities(self.tags, held_out.iter().map(|rows| &self.gold[rows.clone()])),
                    held_out,
                    standardiser,
                }
            })
            .collect())
    }

    fn data<'s>(
        &'s self,
        sentences: &'s [Range<usize>],
        parts: &'s [Range<usize>],
        scaling: &'s Scaling,
    ) -> Sentences<'s> {
        let Self { values, stride, gold, .. } = *self;
        Sentences { values, stride, parts, standardiser: scaling, sentences, gold }
    }

    /// One candidate along the strengths.
    fn try_candidate(
        &self,
        candidate: &Candidate,
        class_weight: ClassWeight,
        folds: &[Fold],
        on_entry: &mut dyn FnMut(TaggingSelectionEntry, &Path<'_>),
    ) -> Result<(), TrainError> {
        let parts = parts_of(self.columns, candidate);
        let mut paths: Vec<Path<'_>> = folds
            .iter()
            .map(|fold| {
                let standardiser = fold.standardiser.select(&parts);
                let scaling = Scaling::new(&standardiser);
                let gold = fold.train.iter().flat_map(Clone::clone).map(|row| self.gold[row]);
                let (objective, cold) = problem(self.settings.kind, self.tags, scaling.width(), class_weight, gold);
                let data = self.data(&fold.train, &parts, &scaling);
                let descent = objective.start(&data, self.grid[0], &cold, None);
                Path { fold, standardiser, scaling, objective, descent }
            })
            .collect();
        for &c in self.grid {
            let mut judgements = Vec::with_capacity(folds.len());
            for path in &mut paths {
                path.descent.set_c(c);
                let data = self.data(&path.fold.train, &parts, &path.scaling);
                path.objective.descend(&data, &mut path.descent, SELECTION);
                let held_out = self.data(&path.fold.held_out, &parts, &path.scaling);
                judgements.push(Judgement {
                    fold: path.fold,
                    chain: chain_of(&path.objective, self.settings.kind, &path.descent.point),
                    emissions: path.objective.emissions(&held_out, &path.descent.point),
                });
            }
            let count = |bias: f64| judged(self.tags, &judgements, bias);
            let plain = count(0.0);
            let unbiased_scores = plain.iter().sum::<Counts>().scores();
            let tuned = match self.settings.outside_bias {
                ThresholdChoice::Half => None,
                ThresholdChoice::Tuned => tune_outside_bias(plain, count, self.settings.seed)?,
            };
            let taken = tuned.as_ref().filter(|tuned| tuned.gain.is_taken());
            let entry = TaggingSelectionEntry {
                candidate: candidate.name.clone(),
                columns: candidate.columns.iter().map(|&at| self.columns[at].name.clone()).collect(),
                class_weight,
                c,
                scores: taken.map_or(unbiased_scores, |tuned| tuned.counts.iter().sum::<Counts>().scores()),
                outside_bias: taken.map_or(0.0, |tuned| tuned.bias),
                bias_gain: tuned.as_ref().map(|tuned| tuned.gain),
                unbiased_scores,
                converged: paths.iter().all(|path| path.descent.converged()),
            };
            on_entry(entry, &paths[0]);
        }
        Ok(())
    }
}

/// The chain that decodes what a point says.
pub(crate) fn chain_of(objective: &Objective, kind: TaggerKind, point: &[f64]) -> Chain {
    let Objective { layout, rules, .. } = objective;
    match kind {
        TaggerKind::Crf => Chain::new(rules, &point[layout.transitions()], &point[layout.start()]),
        TaggerKind::Logistic => Chain::of_rules(rules),
    }
}

/// The counts of every held-out sentence, fold after fold.
fn judged(tags: &TagSet, judgements: &[Judgement<'_>], outside_bias: f64) -> Vec<SentenceCounts> {
    let counts = judgements.iter().flat_map(|judgement| {
        let Judgement { fold, chain, emissions } = judgement;
        count_each(tags, chain, emissions, outside_bias, &fold.held_out, &fold.entities)
    });
    counts.collect()
}

/// Decodes sentences, whose emissions lie one after the other, and counts their entities.
pub(crate) fn count(
    tags: &TagSet,
    chain: &Chain,
    emissions: &[f64],
    outside_bias: f64,
    sentences: &[Range<usize>],
    gold: &[Vec<Entity>],
) -> Counts {
    count_each(tags, chain, emissions, outside_bias, sentences, gold).iter().sum()
}

/// The same sentence by sentence.
fn count_each(
    tags: &TagSet,
    chain: &Chain,
    emissions: &[f64],
    outside_bias: f64,
    sentences: &[Range<usize>],
    gold: &[Vec<Entity>],
) -> Vec<SentenceCounts> {
    let mut places = Vec::with_capacity(sentences.len());
    let mut from = 0;
    for rows in sentences {
        let to = from + rows.len() * chain.classes();
        places.push(from..to);
        from = to;
    }
    places
        .into_par_iter()
        .zip(gold)
        .with_min_len(64)
        .map(|(place, gold)| SentenceCounts::of(gold, &tags.entities(&viterbi(chain, &emissions[place], outside_bias))))
        .collect()
}
