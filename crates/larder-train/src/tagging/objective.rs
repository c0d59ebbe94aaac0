//! The objective of a tagging head and its gradient.
//!
//! For weights `W`, bias `b`, transitions `T` and start scores `s`, over sentences of standardised features `z`:
//!
//! ```text
//! logistic:  f = Σ over words     vᵧ · log-loss(y | z W + b)              +  |W|² / (2 C)
//! crf:       f = Σ over sentences   -log P(y₁ … yₙ | z W + b, T, s)       + (|W|² + |T|²) / (2 C)
//! ```
//!
//! Sums, not means, in nats; `v` are class weights. Bias and start scores are free, as intercepts are.
//!
//! Products with the features are in float32, in blocks of whole sentences that a core's second-level cache holds, so
//! the features are read once for both; everything else is in float64. Blocks are dealt to stripes whose number depends
//! on the words only, and their sums are added in order: results do not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::chain::{Chain, Lattice, Pairs};
use super::parameters::Layout;
use super::product::{LANES, Panel, backward, forward, panels};
use super::rules::Rules;
use super::scaled::{ScaledChain, ScaledPairs, Workspace};
use crate::kernel;
use crate::lbfgs::Evaluation;
use crate::objective::loss_and_residuals;
use crate::standardise::Standardiser;

/// Numbers of one block: 256 rows of 384, 64 of 1,536; 0.4 MB.
const BLOCK_NUMBERS: usize = 256 * 384;

/// Fewest rows of a block: with less, the products wait for their weights.
const MIN_BLOCK_ROWS: usize = 48;

/// Most stripes: each has a gradient of its own.
const MAX_STRIPES: usize = 32;

/// A stripe has at least so many words: below, starting a thread costs more than the work.
const STRIPE_WORDS: usize = 256;

/// The loss that is summed over words.
#[derive(Debug, Clone)]
pub(crate) enum Loss {
    /// Each word's log-loss, times the weight of its class `[classes]`.
    Words(Vec<f64>),
    /// Each sentence's log-loss.
    Chain,
}

/// A problem without its data.
#[derive(Debug, Clone)]
pub(crate) struct Objective {
    pub(crate) layout: Layout,
    pub(crate) rules: Rules,
    pub(crate) loss: Loss,
}

/// Sentences whose features lie in memory.
pub(crate) struct Sentences<'a> {
    /// `[rows, stride]` in row-major order.
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    /// The ranges of a row that are features.
    pub(crate) parts: &'a [Range<usize>],
    pub(crate) standardiser: &'a Scaling,
    /// The rows of each sentence, in order; none is empty.
    pub(crate) sentences: &'a [Range<usize>],
    /// The gold class of each row `[rows]`; empty where there is none.
    pub(crate) gold: &'a [usize],
}

/// A standardiser as the products use it.
pub(crate) struct Scaling {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl Scaling {
    pub(crate) fn new(standardiser: &Standardiser) -> Self {
        Self {
            mean: standardiser.mean.iter().map(|&mean| mean as f32).collect(),
            inverse: standardiser.scale.iter().map(|&scale| (1.0 / scale) as f32).collect(),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }
}

/// Weights and bias as the products want them.
struct Packed {
    /// `[panels, width]`.
    weights: Vec<Panel>,
    /// `[panels]`.
    bias: Vec<Panel>,
}

impl Packed {
    fn new(layout: Layout, point: &[f64]) -> Self {
        let mut weights = vec![[0.0; LANES]; panels(layout.classes) * layout.width];
        let mut bias = vec![[0.0; LANES]; panels(layout.classes)];
        for class in 0..layout.classes {
            let (panel, lane) = (class / LANES, class % LANES);
            let of_class = &point[class * layout.width..(class + 1) * layout.width];
            for (target, &weight) in weights[panel * layout.width..].iter_mut().zip(of_class) {
                target[lane] = weight as f32;
            }
            bias[panel][lane] = point[layout.bias()][class] as f32;
        }
        Self { weights, bias }
    }
}

/// The partial sums of one stripe.
struct Partial {
    cost: f64,
    /// `[panels, width, LANES]`.
    products: Vec<f64>,
    /// `[classes]`.
    bias: Vec<f64>,
    start: Vec<f64>,
    pairs: Pairs,
    scaled_pairs: Option<ScaledPairs>,
    /// Gold transitions, `[classes, classes]`.
    gold_pairs: Vec<f64>,
}

/// The memory of one stripe.
struct Scratch {
    rows: Vec<f32>,
    /// `[panels, words]`.
    logits: Vec<Panel>,
    emissions: Vec<f64>,
    marginals: Vec<f64>,
    products: Vec<Panel>,
    lattice: Lattice,
    sums: Workspace,
}

impl Objective {
    /// Cost and gradient at `point`; the penalty counts `share` times.
    pub(crate) fn evaluate(&self, data: &Sentences<'_>, c: f64, share: f64, point: &[f64]) -> Evaluation {
        let mut evaluation = self.data_term(data, point);
        self.add_penalty(&mut evaluation, c, share, point);
        evaluation
    }

    /// Adds `share` of the penalty.
    pub(crate) fn add_penalty(&self, evaluation: &mut Evaluation, c: f64, share: f64, point: &[f64]) {
        let mut squares = 0.0;
        for (slope, value) in evaluation.gradient.iter_mut().zip(&point[..self.layout.penalised()]) {
            *slope += share * value / c;
            squares += value * value;
        }
        evaluation.cost += share * squares / (2.0 * c);
    }

    /// Cost and gradient without the penalty.
    pub(crate) fn data_term(&self, data: &Sentences<'_>, point: &[f64]) -> Evaluation {
        let layout = self.layout;
        let packed = Packed::new(layout, point);
        let chain = match self.loss {
            Loss::Chain => {
                let chain = Chain::new(&self.rules, &point[layout.transitions()], &point[layout.start()]);
                Some((ScaledChain::new(&chain, &self.rules), chain))
            }
            Loss::Words(_) => None,
        };
        let partials: Vec<Partial> = data
            .stripes()
            .into_par_iter()
            .map(|stripe| self.evaluate_stripe(data, &data.sentences[stripe], &packed, chain.as_ref()))
            .collect();
        let mut gradient = vec![0.0; layout.len()];
        let mut cost = 0.0;
        for partial in &partials {
            cost += partial.cost;
            for class in 0..layout.classes {
                let products = &partial.products[class / LANES * layout.width * LANES + class % LANES..];
                let slopes = &mut gradient[class * layout.width..(class + 1) * layout.width];
                for (slope, product) in slopes.iter_mut().zip(products.iter().step_by(LANES)) {
                    *slope += product;
                }
            }
            add(&mut gradient[layout.bias()], &partial.bias);
            if let Some((scaled, chain)) = &chain {
                add(&mut gradient[layout.start()], &partial.start);
                partial.pairs.add_to(chain, &mut gradient[layout.transitions()]);
                let pairs = partial.scaled_pairs.as_ref().expect("a chain's stripes count pairs");
                pairs.add_to(scaled, &mut gradient[layout.transitions()]);
                for (slope, gold) in gradient[layout.transitions()].iter_mut().zip(&partial.gold_pairs) {
                    *slope -= gold;
                }
            }
        }
        Evaluation { cost, gradient }
    }

    /// The logits of all words of the sentences, in their order, `[words, classes]`.
    pub(crate) fn emissions(&self, data: &Sentences<'_>, point: &[f64]) -> Vec<f64> {
        let packed = Packed::new(self.layout, point);
        let parts: Vec<Vec<f64>> = data
            .stripes()
            .into_par_iter()
            .map(|stripe| {
                let mut scratch = self.scratch(data);
                let mut part = Vec::new();
                for block in data.blocks(&data.sentences[stripe]) {
                    self.fill_emissions(data, block, &packed, &mut scratch);
                    part.extend_from_slice(&scratch.emissions);
                }
                part
            })
            .collect();
        parts.concat()
    }

    fn scratch(&self, data: &Sentences<'_>) -> Scratch {
        Scratch {
            rows: vec![0.0; data.block_rows() * self.layout.width],
            logits: Vec::new(),
            emissions: Vec::new(),
            marginals: Vec::new(),
            products: vec![[0.0; LANES]; panels(self.layout.classes) * self.layout.width],
            lattice: Lattice::default(),
            sums: Workspace::default(),
        }
    }

    /// Writes the logits of a block's words into the scratch's emissions; its rows stay there if they are few enough.
    fn fill_emissions(&self, data: &Sentences<'_>, block: &[Range<usize>], packed: &Packed, scratch: &mut Scratch) {
        let (classes, width) = (self.layout.classes, self.layout.width);
        let words: usize = block.iter().map(ExactSizeIterator::len).sum();
        scratch.logits.clear();
        for bias in &packed.bias {
            scratch.logits.resize(scratch.logits.len() + words, *bias);
        }
        let Scratch { rows, logits, emissions, .. } = scratch;
        data.for_rows(block, rows, |first, rows| {
            let count = rows.len() / width;
            for (weights, logits) in packed.weights.chunks_exact(width).zip(logits.chunks_exact_mut(words)) {
                forward(width, rows, weights, &mut logits[first..first + count]);
            }
        });
        emissions.clear();
        for word in 0..words {
            emissions.extend((0..classes).map(|class| f64::from(logits[class / LANES * words + word][class % LANES])));
        }
    }

    fn evaluate_stripe(
        &self,
        data: &Sentences<'_>,
        sentences: &[Range<usize>],
        packed: &Packed,
        chain: Option<&(ScaledChain, Chain)>,
    ) -> Partial {
        let (classes, width) = (self.layout.classes, self.layout.width);
        let mut partial = Partial {
            cost: 0.0,
            products: vec![0.0; packed.weights.len() * LANES],
            bias: vec![0.0; classes],
            start: vec![0.0; classes],
            pairs: Pairs::new(classes),
            scaled_pairs: chain.map(|(scaled, _)| scaled.pairs()),
            gold_pairs: vec![0.0; classes * classes],
        };
        let mut scratch = self.scratch(data);
        for block in data.blocks(sentences) {
            self.fill_emissions(data, block, packed, &mut scratch);
            let words = scratch.emissions.len() / classes;
            match (&self.loss, chain) {
                (Loss::Words(class_weights), _) => {
                    self.judge_words(data, block, class_weights, &mut scratch, &mut partial);
                }
                (Loss::Chain, chain) => {
                    let chain = chain.expect("a chain's loss has a chain");
                    judge_sentences(data, block, chain, &mut scratch, &mut partial);
                }
            }
            // Residuals take the place of the logits.
            let Scratch { rows, logits, marginals, products, .. } = &mut scratch;
            for (word, residuals) in marginals.chunks_exact(classes).enumerate() {
                for (class, residual) in residuals.iter().enumerate() {
                    partial.bias[class] += residual;
                    logits[class / LANES * words + word][class % LANES] = *residual as f32;
                }
                for class in classes..panels(classes) * LANES {
                    logits[class / LANES * words + word][class % LANES] = 0.0;
                }
            }
            products.fill([0.0; LANES]);
            let mut multiply = |first: usize, rows: &[f32]| {
                let count = rows.len() / width;
                for (products, residuals) in products.chunks_exact_mut(width).zip(logits.chunks_exact(words)) {
                    backward(width, rows, &residuals[first..first + count], products);
                }
            };
            if words * width <= rows.len() {
                multiply(0, &rows[..words * width]);
            } else {
                data.for_rows(block, rows, multiply);
            }
            for (sum, product) in partial.products.iter_mut().zip(products.as_flattened()) {
                *sum += f64::from(*product);
            }
        }
        partial
    }

    /// Adds each word's loss; residuals take the place of the marginals.
    fn judge_words(
        &self,
        data: &Sentences<'_>,
        block: &[Range<usize>],
        class_weights: &[f64],
        scratch: &mut Scratch,
        partial: &mut Partial,
    ) {
        let classes = self.layout.classes;
        let answered = &self.rules.answerable;
        let count = answered.iter().filter(|answered| **answered).count();
        scratch.marginals.clear();
        scratch.marginals.resize(scratch.emissions.len(), 0.0);
        let mut logits = vec![0.0; count];
        let rows = block.iter().flat_map(Clone::clone);
        for ((row, emissions), residuals) in
            rows.zip(scratch.emissions.chunks_exact(classes)).zip(scratch.marginals.chunks_exact_mut(classes))
        {
            let gold = data.gold[row];
            let mut label = 0;
            for (place, class) in (0..classes).filter(|&class| answered[class]).enumerate() {
                if class == gold {
                    label = place;
                }
                logits[place] = emissions[class];
            }
            if count > 1 {
                partial.cost += class_weights[gold] * loss_and_residuals(&mut logits, label);
            } else {
                logits.fill(0.0);
            }
            let mut places = logits.iter();
            for class in (0..classes).filter(|&class| answered[class]) {
                residuals[class] = class_weights[gold] * places.next().expect("one logit an answered class");
            }
        }
    }
}

/// Adds each sentence's loss; residuals take the place of the marginals.
fn judge_sentences(
    data: &Sentences<'_>,
    block: &[Range<usize>],
    (scaled, chain): &(ScaledChain, Chain),
    scratch: &mut Scratch,
    partial: &mut Partial,
) {
    let classes = chain.classes();
    let Scratch { emissions, marginals, lattice, sums, .. } = scratch;
    let scaled_pairs = partial.scaled_pairs.as_mut().expect("a chain's stripes count pairs");
    marginals.resize(emissions.len(), 0.0);
    let mut from = 0;
    for sentence in block {
        let gold = &data.gold[sentence.clone()];
        let to = from + gold.len() * classes;
        let (emissions, marginals) = (&emissions[from..to], &mut marginals[from..to]);
        let log_sum = scaled.sums(emissions, sums, marginals, scaled_pairs).unwrap_or_else(|| {
            let log_sum = chain.forward(emissions, lattice);
            chain.backward(emissions, lattice, marginals, Some(&mut partial.pairs));
            log_sum
        });
        partial.cost += log_sum - chain.score(emissions, gold);
        for (residuals, &class) in marginals.chunks_exact_mut(classes).zip(gold) {
            residuals[class] -= 1.0;
        }
        add(&mut partial.start, &marginals[..classes]);
        for pair in gold.windows(2) {
            partial.gold_pairs[pair[0] * classes + pair[1]] += 1.0;
        }
        from = to;
    }
}

impl Sentences<'_> {
    /// Rows of one block.
    fn block_rows(&self) -> usize {
        (BLOCK_NUMBERS / self.standardiser.width()).clamp(MIN_BLOCK_ROWS, BLOCK_NUMBERS)
    }

    /// The stripes, as ranges of sentences: their number and their ends depend on the sentences only.
    fn stripes(&self) -> Vec<Range<usize>> {
        let words: usize = self.sentences.iter().map(ExactSizeIterator::len).sum();
        let stripes = (words / STRIPE_WORDS).clamp(1, MAX_STRIPES);
        let mut found = Vec::with_capacity(stripes);
        let (mut first, mut before) = (0, 0);
        for (sentence, rows) in self.sentences.iter().enumerate() {
            before += rows.len();
            if before * stripes >= words * (found.len() + 1) {
                found.push(first..sentence + 1);
                first = sentence + 1;
            }
        }
        if first < self.sentences.len() {
            found.push(first..self.sentences.len());
        }
        found
    }

    /// Cuts sentences into blocks of at most [`block_rows`](Self::block_rows) rows, or of one longer sentence.
    fn blocks<'s>(&self, sentences: &'s [Range<usize>]) -> impl Iterator<Item = &'s [Range<usize>]> {
        let most = self.block_rows();
        let mut rest = sentences;
        std::iter::from_fn(move || {
            let mut rows = rest.first()?.len();
            let mut count = 1;
            while let Some(next) = rest.get(count)
                && rows + next.len() <= most
            {
                rows += next.len();
                count += 1;
            }
            let (block, others) = rest.split_at(count);
            rest = others;
            Some(block)
        })
    }

    /// Calls `use_rows` with the standardised rows of a block, as many at once as `buffer` holds, and the place of the
    /// first of them within the block.
    fn for_rows(&self, block: &[Range<usize>], buffer: &mut [f32], mut use_rows: impl FnMut(usize, &[f32])) {
        let width = self.standardiser.width();
        let most = buffer.len() / width;
        let (mut done, mut filled) = (0, 0);
        for row in block.iter().flat_map(Clone::clone) {
            self.standardise(row, &mut buffer[filled * width..(filled + 1) * width]);
            filled += 1;
            if filled == most {
                use_rows(done, &buffer[..filled * width]);
                (done, filled) = (done + filled, 0);
            }
        }
        if filled > 0 {
            use_rows(done, &buffer[..filled * width]);
        }
    }

    fn standardise(&self, row: usize, target: &mut [f32]) {
        let values = &self.values[row * self.stride..(row + 1) * self.stride];
        let Scaling { mean, inverse } = self.standardiser;
        let mut from = 0;
        for part in self.parts {
            let to = from + part.len();
            kernel::standardise(&mut target[from..to], &values[part.clone()], &mean[from..to], &inverse[from..to]);
            from = to;
        }
    }
}

fn add(target: &mut [f64], source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(target, source)| *target += source);
}

#[cfg(test)]
mod tests {
    use larder_tags::TagSet;

    use super::super::enumeration::noise;
    use super::super::fit::problem;
    use super::super::kind::TaggerKind;
    use super::*;
    use crate::weight::ClassWeight;

    const LENGTHS: [usize; 7] = [1, 2, 7, 300, 1, 40, 3];

    /// Legal gold classes of two types, and features of two columns that lean towards them, with a gap between.
    fn features(stride: usize) -> (Vec<f32>, Vec<usize>, Vec<Range<usize>>) {
        let mut gold = Vec::new();
        let mut sentences = Vec::new();
        for length in LENGTHS {
            let first = gold.len();
            for word in 0..length {
                let draw = noise(7, gold.len());
                let previous = if word == 0 { 0 } else { *gold.last().unwrap() };
                gold.push(match previous {
                    1 | 2 if draw < -0.1 => 2,
                    _ if draw < 0.1 => 0,
                    _ if draw < 0.3 => 1,
                    _ => 3,
                });
            }
            sentences.push(first..gold.len());
        }
        let values = (0..gold.len() * stride)
            .map(|at| (noise(1, at) + 0.8 * noise(2, gold[at / stride] * stride + at % stride)) as f32 + 3.0)
            .collect();
        (values, gold, sentences)
    }

    fn check(kind: TaggerKind, class_weight: ClassWeight, spread: f64) {
        let tags = TagSet::new(["x".to_owned(), "y".to_owned()]);
        let (values, gold, sentences) = features(9);
        let parts = [0..3, 5..9];
        let scaling = Scaling::new(&Standardiser { mean: vec![3.0; 7], scale: vec![0.5; 7] });
        let data = Sentences {
            values: &values,
            stride: 9,
            parts: &parts,
            standardiser: &scaling,
            sentences: &sentences,
            gold: &gold,
        };
        let (objective, _) = problem(kind, &tags, 7, class_weight, gold.iter().copied());
        assert_eq!(objective.rules.answerable, [true, true, true, true, false]);
        let point: Vec<f64> = (0..objective.layout.len()).map(|at| spread * noise(11, at)).collect();
        let at = |point: &[f64]| objective.evaluate(&data, 0.7, 1.0, point);
        let Evaluation { cost, gradient } = at(&point);
        assert!(cost.is_finite() && cost > 1.0);
        // Steps of 2⁻⁵, so that weights that are float32 in the products stay what they are; the third derivative then
        // leaves about 1e-3 of the slope's size.
        let step = 1.0 / 32.0;
        let typical = (gradient.iter().map(|slope| slope * slope).sum::<f64>() / gradient.len() as f64).sqrt();
        for (place, slope) in gradient.iter().enumerate() {
            let beside = |times: f64| {
                let mut moved = point.clone();
                moved[place] += times * step;
                at(&moved).cost
            };
            // Five points: the error is of the fourth order in the step.
            let found = (8.0 * (beside(1.0) - beside(-1.0)) - (beside(2.0) - beside(-2.0))) / (12.0 * step);
            assert!((found - slope).abs() < 2e-4 * (slope.abs() + typical), "{kind}, {place}: {found} for {slope}");
        }
        // A class without words, and pairs that may not be, have no slope but their penalty's.
        let layout = objective.layout;
        for dimension in 0..7 {
            let at = 4 * 7 + dimension;
            assert!((gradient[at] - point[at] / 0.7).abs() < 1e-12);
        }
        if layout.chain {
            let at = layout.transitions().start + 2;
            assert!((gradient[at] - point[at] / 0.7).abs() < 1e-12, "I-x after O");
            assert_eq!(gradient[layout.start()][2], 0.0);
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_objective() {
        check(TaggerKind::Logistic, ClassWeight::None, 1.0);
        check(TaggerKind::Logistic, ClassWeight::Balanced, 1.0);
        check(TaggerKind::Crf, ClassWeight::None, 1.0);
    }

    #[test]
    fn slopes_are_right_where_sentences_are_summed_as_logarithms() {
        // Scores of hundreds: the scaled sums hand their sentences back.
        let tags = TagSet::new(["x".to_owned(), "y".to_owned()]);
        let (values, gold, sentences) = features(7);
        let parts = std::array::from_ref(&(0..7));
        let scaling = Scaling::new(&Standardiser { mean: vec![3.0; 7], scale: vec![0.5; 7] });
        let data =
            Sentences { values: &values, stride: 7, parts, standardiser: &scaling, sentences: &sentences, gold: &gold };
        let (objective, _) = problem(TaggerKind::Crf, &tags, 7, ClassWeight::None, gold.iter().copied());
        let mut point: Vec<f64> = (0..objective.layout.len()).map(|at| noise(11, at)).collect();
        let plain = objective.evaluate(&data, 0.7, 1.0, &point);
        let start = objective.layout.start().start;
        // No sentence begins as `O` or `B-y` any more; in all else the chain is as before.
        let of_first = |word: usize| gold[sentences[word].start];
        assert!((0..LENGTHS.len()).any(|sentence| of_first(sentence) == 1));
        point[start] -= 900.0;
        point[start + 3] -= 900.0;
        let far = objective.evaluate(&data, 0.7, 1.0, &point);
        assert!(far.cost.is_finite() && far.cost > plain.cost + 800.0);
        let expected = (0..LENGTHS.len()).filter(|&sentence| of_first(sentence) != 1).count() as f64;
        let slope = far.gradient[objective.layout.start()].to_vec();
        assert!((slope[1] - expected).abs() < 1e-9, "{slope:?}");
    }

    #[test]
    fn blocks_and_stripes_hold_every_sentence_once() {
        let (values, gold, sentences) = features(384);
        let parts = std::array::from_ref(&(0..384));
        let scaling = Scaling::new(&Standardiser::identity(384));
        let data = Sentences {
            values: &values,
            stride: 384,
            parts,
            standardiser: &scaling,
            sentences: &sentences,
            gold: &gold,
        };
        let mut found = Vec::new();
        for stripe in data.stripes() {
            for block in data.blocks(&data.sentences[stripe]) {
                let rows: usize = block.iter().map(ExactSizeIterator::len).sum();
                assert!(rows <= data.block_rows() || block.len() == 1);
                found.extend_from_slice(block);
            }
        }
        assert_eq!(found, sentences);
    }
}
