//! A fit whose features do not fit into memory: they are read again and again, a few thousand words at a time.
//!
//! 1. One pass measures the standardiser and keeps a random sample of sentences that fits into [`SHARE`] of the memory.
//!    The strengths are chosen on the sample, and L-BFGS on it gives the point to start from.
//! 2. Each epoch reads all blocks in a random order, several of them into a buffer, in which the sentences are shuffled
//!    and dealt to mini-batches; each is one step of Adam on the objective, the penalty counting by the batch's share of
//!    the words.
//! 3. One pass more gives the true objective and gradient at the end.
//!
//! The reading order depends on the sentences' lengths, the settings and the seed only: a source in memory and one in a file
//! give the same head, bit by bit.

use std::ops::Range;

use larder_tags::TagSet;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

use super::adam::{Adam, cosine_rate};
use super::fit::measured;
use super::head::BLOCK_WORDS;
use super::objective::{Objective, Scaling, Sentences};
use super::progress::TaggingProgress;
use super::scores::{Counts, entities};
use super::select::{chain_of, count};
use super::settings::TaggingSettings;
use super::source::Reader;
use crate::error::TrainError;
use crate::lbfgs::Evaluation;
use crate::lbfgs::norm;
use crate::logistic::{Convergence, Solver};
use crate::standardise::{Moments, Standardiser};

/// The sample, and later the buffer, takes one part in so many of the memory: both, the blocks being read and the rest
/// of a run stay well below all of it.
const SHARE: u64 = 4;

/// Most words of the buffer. Mixing 65,536 words is as good as mixing all of them.
const BUFFER_WORDS: usize = 16 * BLOCK_WORDS;

/// Words of a mini-batch, whole sentences: enough for the products to be quick, and 60 steps an epoch even for a small
/// dataset.
const BATCH_WORDS: usize = 1024;

/// The statistics that the first pass collects.
pub(crate) struct Survey {
    /// The standardiser of all words and columns.
    pub(crate) standardiser: Standardiser,
    /// The sample's features, `[rows, stride]`.
    pub(crate) values: Vec<f32>,
    /// The sample's sentences, as ranges of rows; none is empty.
    pub(crate) sentences: Vec<Range<usize>>,
    /// The gold classes of the sample's rows.
    pub(crate) gold: Vec<usize>,
}

/// Words that a share of the memory holds; at least one block.
fn share_of_memory(reader: &Reader<'_>, settings: &TaggingSettings) -> usize {
    let words = settings.memory_bytes / SHARE / (reader.width as u64 * 4);
    usize::try_from(words).unwrap_or(usize::MAX).max(BLOCK_WORDS)
}

/// The first pass.
pub(crate) fn survey(
    reader: &Reader<'_>,
    settings: &TaggingSettings,
    progress: &mut dyn FnMut(TaggingProgress<'_>),
) -> Result<Survey, TrainError> {
    let mut order: Vec<usize> =
        (0..reader.sentences()).filter(|&at| reader.starts[at + 1] > reader.starts[at]).collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(settings.seed));
    let mut taken = vec![false; reader.sentences()];
    let (most, mut words) = (share_of_memory(reader, settings), 0);
    for &sentence in &order {
        words += reader.starts[sentence + 1] - reader.starts[sentence];
        if words > most {
            words -= reader.starts[sentence + 1] - reader.starts[sentence];
            break;
        }
        taken[sentence] = true;
    }
    let mut found = Survey {
        standardiser: Standardiser::identity(reader.width),
        values: Vec::with_capacity(words * reader.width),
        sentences: Vec::new(),
        gold: Vec::with_capacity(words),
    };
    let mut moments: Option<Moments> = None;
    let mut block = Vec::new();
    for range in reader.ranges(0..reader.sentences(), BLOCK_WORDS) {
        block.clear();
        reader.read(range.clone(), &mut block)?;
        if settings.standardise {
            let part = Moments::of_rows(reader.width, block.chunks_exact(reader.width));
            moments = Moments::merge(moments.iter().chain([&part]));
        }
        let first = reader.starts[range.start];
        for sentence in range.clone().filter(|&sentence| taken[sentence]) {
            let words = reader.words_of(&(sentence..sentence + 1));
            let from = found.gold.len();
            found.sentences.push(from..from + words.len());
            found
                .values
                .extend_from_slice(&block[(words.start - first) * reader.width..(words.end - first) * reader.width]);
            found.gold.extend_from_slice(&reader.source.classes()[words]);
        }
        progress(TaggingProgress::Reading { words: reader.starts[range.end], of: reader.words() });
    }
    if let Some(moments) = moments {
        found.standardiser = moments.standardiser();
    }
    Ok(found)
}

/// A streamed fit.
pub(crate) struct Streamed<'a> {
    pub(crate) reader: &'a Reader<'a>,
    pub(crate) tags: &'a TagSet,
    pub(crate) settings: &'a TaggingSettings,
    /// The places of the chosen columns in a row.
    pub(crate) parts: &'a [Range<usize>],
    pub(crate) scaling: &'a Scaling,
    pub(crate) objective: &'a Objective,
    pub(crate) c: f64,
    pub(crate) outside_bias: f64,
}

impl Streamed<'_> {
    /// The epochs: from `point` to a better one; returns the number of steps too.
    pub(crate) fn descend(
        &self,
        mut point: Vec<f64>,
        progress: &mut dyn FnMut(TaggingProgress<'_>),
    ) -> Result<(Vec<f64>, usize), TrainError> {
        let Self { reader, settings, .. } = *self;
        let mut random = Xoshiro256PlusPlus::seed_from_u64(settings.seed.wrapping_add(1));
        let mut blocks = reader.ranges(0..reader.sentences(), BLOCK_WORDS);
        let all_words = reader.words();
        let most = share_of_memory(reader, settings).min(BUFFER_WORDS);
        let mut adam = Adam::new(point.len());
        let mut steps = 0;
        let mut buffer: Vec<f32> = Vec::new();
        for epoch in 0..settings.epochs {
            blocks.shuffle(&mut random);
            let mut words_done = 0;
            let mut loss = 0.0;
            let mut rest = blocks.as_slice();
            while !rest.is_empty() {
                let (window, others) = rest.split_at(self.window(rest, most));
                rest = others;
                let (mut sentences, gold) = self.fill(window, &mut buffer)?;
                sentences.shuffle(&mut random);
                for batch in batches(&sentences) {
                    let data = self.data(&buffer, batch, &gold);
                    let words: usize = batch.iter().map(ExactSizeIterator::len).sum();
                    let share = words as f64 / all_words as f64;
                    let Evaluation { cost, mut gradient } = self.objective.evaluate(&data, self.c, share, &point);
                    gradient.iter_mut().for_each(|slope| *slope /= words as f64);
                    let done = (epoch as f64 + words_done as f64 / all_words as f64) / settings.epochs as f64;
                    adam.step(&mut point, &gradient, cosine_rate(settings.learning_rate, done));
                    steps += 1;
                    words_done += words;
                    loss += cost;
                }
            }
            progress(TaggingProgress::Epoch { epoch, epochs: settings.epochs, objective: loss });
        }
        self.objective.centre(&mut point);
        Ok((point, steps))
    }

    /// The number of blocks that fit into the buffer together, at least one.
    fn window(&self, blocks: &[Range<usize>], most: usize) -> usize {
        let mut words = 0;
        let fitting = blocks.iter().take_while(|block| {
            words += self.reader.words_of(block).len();
            words <= most
        });
        fitting.count().max(1)
    }

    /// Reads blocks into the buffer; returns the rows of each sentence that has words, and the rows' gold classes.
    fn fill(
        &self,
        blocks: &[Range<usize>],
        buffer: &mut Vec<f32>,
    ) -> Result<(Vec<Range<usize>>, Vec<usize>), TrainError> {
        let reader = self.reader;
        let words: usize = blocks.iter().map(|block| reader.words_of(block).len()).sum();
        buffer.clear();
        buffer.reserve_exact(words * reader.width);
        let mut sentences = Vec::new();
        let mut gold = Vec::with_capacity(words);
        for block in blocks {
            reader.read(block.clone(), buffer)?;
            for sentence in block.clone() {
                let words = reader.words_of(&(sentence..sentence + 1));
                if !words.is_empty() {
                    sentences.push(gold.len()..gold.len() + words.len());
                    gold.extend_from_slice(&reader.source.classes()[words]);
                }
            }
        }
        Ok((sentences, gold))
    }

    fn data<'s>(&'s self, values: &'s [f32], sentences: &'s [Range<usize>], gold: &'s [usize]) -> Sentences<'s> {
        Sentences { values, stride: self.reader.width, parts: self.parts, standardiser: self.scaling, sentences, gold }
    }

    /// The last pass: how well `point` solves the problem (`cold` is the point that tolerances are relative to), and its
    /// answers' scores.
    pub(crate) fn judge(
        &self,
        point: &[f64],
        cold: &[f64],
        steps: usize,
        progress: &mut dyn FnMut(TaggingProgress<'_>),
    ) -> Result<(Convergence, Counts), TrainError> {
        let Self { reader, objective, .. } = *self;
        let chain = chain_of(objective, self.settings.kind, point);
        let nothing = || Evaluation { cost: 0.0, gradient: vec![0.0; point.len()] };
        let (mut at_point, mut at_cold) = (nothing(), nothing());
        let mut counts = Counts::default();
        let mut buffer = Vec::new();
        for block in reader.ranges(0..reader.sentences(), BLOCK_WORDS) {
            let (sentences, gold) = self.fill(std::slice::from_ref(&block), &mut buffer)?;
            let data = self.data(&buffer, &sentences, &gold);
            for (sum, point) in [(&mut at_point, point), (&mut at_cold, cold)] {
                let part = objective.data_term(&data, point);
                sum.cost += part.cost;
                sum.gradient.iter_mut().zip(&part.gradient).for_each(|(sum, part)| *sum += part);
            }
            let emissions = objective.emissions(&data, point);
            let entities = entities(self.tags, sentences.iter().map(|rows| &gold[rows.clone()]));
            let of_block = count(self.tags, &chain, &emissions, self.outside_bias, &sentences, &entities);
            counts = counts.merge(of_block);
            progress(TaggingProgress::Reading { words: reader.starts[block.end], of: reader.words() });
        }
        objective.add_penalty(&mut at_point, self.c, 1.0, point);
        objective.add_penalty(&mut at_cold, self.c, 1.0, cold);
        let (slope, reference) = (norm(&at_point.gradient), norm(&at_cold.gradient));
        Ok((measured(vec![Solver::Lbfgs, Solver::Adam], steps, at_point.cost, slope, reference), counts))
    }
}

/// Cuts sentences into batches of about [`BATCH_WORDS`] words, one sentence at least.
fn batches(sentences: &[Range<usize>]) -> Vec<&[Range<usize>]> {
    let mut found = Vec::new();
    let (mut first, mut words) = (0, 0);
    for (at, rows) in sentences.iter().enumerate() {
        words += rows.len();
        if words >= BATCH_WORDS || at + 1 == sentences.len() {
            found.push(&sentences[first..=at]);
            (first, words) = (at + 1, 0);
        }
    }
    found
}
