//! The sums of [`Chain`] in plain numbers instead of logarithms: several times faster, for sentences that allow it.
//!
//! Each word's row of sums is divided by its own total (Rabiner 1989, *A Tutorial on Hidden Markov Models*, section
//! V.A), so one exponential a class and one logarithm a word remain. What that can lose is a class whose share of a row
//! underflows and which later words would have favoured by as much. So every row is watched: if the share of any class
//! that may be answered falls below [`LEAST`], the sentence is handed back and summed as logarithms. Above it, what
//! underflows (terms below 1e-308) is less than 1e-50 of any sum it is missing from: nothing that float64 could show.

use super::chain::Chain;
use super::rules::Rules;

/// Classes of one panel; see `product`.
const LANES: usize = 16;

type Panel = [f64; LANES];

/// The least share of a row, of any class that may be answered.
const LEAST: f64 = 1e-250;

/// The least sum over a word's classes of beginnings times ends.
const LEAST_TOTAL: f64 = 1e-280;

/// A chain as these sums want it.
pub(crate) struct ScaledChain {
    classes: usize,
    panels: usize,
    /// `exp(start)`, divided by its largest; `[panels]`.
    start: Vec<Panel>,
    /// The logarithm of what `start` was divided by.
    start_shift: f64,
    /// `exp(transitions)`, divided by its largest: `[panels, classes]`, lanes being next classes.
    factors: Vec<Panel>,
    /// The same, lanes being previous classes.
    turned: Vec<Panel>,
    shift: f64,
    /// 1 where a class cannot be answered, so that it is never the least; `[panels]`.
    idle: Vec<Panel>,
}

/// The memory of one sentence's sums, used again for the next one.
#[derive(Default)]
pub(crate) struct Workspace {
    /// `exp(emissions)`, each row divided by its largest; `[words, panels]`.
    weights: Vec<Panel>,
    /// Shares of all beginnings, `[words, panels]`.
    begun: Vec<Panel>,
    /// Forward sums before a class's own emission, `[words, panels]`.
    reach: Vec<Panel>,
    /// Backward sums, the class's own emission included, up to a factor for each row; `[words, panels]`.
    ends: Vec<Panel>,
    /// Backward sums of the current word without its emission, `[panels]`.
    after: Vec<Panel>,
    /// The sum over a word's classes of `reach` times `ends`, `[words]`.
    totals: Vec<f64>,
}

/// Expected numbers of transitions over many sentences, still to be multiplied by the factors: `[classes, panels]`,
/// previous class first.
pub(crate) struct ScaledPairs(Vec<Panel>);

impl ScaledChain {
    pub(crate) fn new(chain: &Chain, rules: &Rules) -> Self {
        let classes = chain.classes();
        let panels = classes.div_ceil(LANES);
        let spread = |value: &dyn Fn(usize) -> f64, padding: f64| -> Vec<Panel> {
            let lane = |at: usize| if at < classes { value(at) } else { padding };
            (0..panels).map(|panel| std::array::from_fn(|at| lane(panel * LANES + at))).collect()
        };
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let start_shift = largest(&mut (0..classes).map(|class| chain.start(class)));
        let shift = largest(&mut (0..classes * classes).map(|at| chain.transition(at / classes, at % classes)));
        let factor = |previous: usize, next: usize| (chain.transition(previous, next) - shift).exp();
        let by_class = |factor: &dyn Fn(usize, usize) -> f64| -> Vec<Panel> {
            let rows: Vec<Vec<Panel>> = (0..classes).map(|row| spread(&|lane| factor(row, lane), 0.0)).collect();
            (0..panels).flat_map(|panel| rows.iter().map(move |row| row[panel])).collect()
        };
        Self {
            classes,
            panels,
            start: spread(&|class| (chain.start(class) - start_shift).exp(), 0.0),
            start_shift,
            factors: by_class(&factor),
            turned: by_class(&|next, previous| factor(previous, next)),
            shift,
            idle: spread(&|class| f64::from(!rules.answerable[class]), 1.0),
        }
    }

    pub(crate) fn pairs(&self) -> ScaledPairs {
        ScaledPairs(vec![[0.0; LANES]; self.classes * self.panels])
    }

    /// Both passes: the logarithm of the sum over all sequences, the probability of each class at each word in
    /// `marginals` `[words, classes]`, and the expected numbers of transitions added to `pairs`. `None`, and nothing
    /// changed but `marginals`, for a sentence that must be summed as logarithms.
    pub(crate) fn sums(
        &self,
        emissions: &[f64],
        rows: &mut Workspace,
        marginals: &mut [f64],
        pairs: &mut ScaledPairs,
    ) -> Option<f64> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been found to have AVX2.
            return unsafe { self.sums_avx2(emissions, rows, marginals, pairs) };
        }
        self.sums_any(emissions, rows, marginals, pairs)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn sums_avx2(
        &self,
        emissions: &[f64],
        rows: &mut Workspace,
        marginals: &mut [f64],
        pairs: &mut ScaledPairs,
    ) -> Option<f64> {
        self.sums_any(emissions, rows, marginals, pairs)
    }

    #[inline(always)]
    fn sums_any(
        &self,
        emissions: &[f64],
        rows: &mut Workspace,
        marginals: &mut [f64],
        pairs: &mut ScaledPairs,
    ) -> Option<f64> {
        let log_sum = self.forward(emissions, rows)?;
        self.backward(rows, marginals)?;
        self.count(rows, pairs);
        Some(log_sum)
    }

    #[inline(always)]
    fn forward(&self, emissions: &[f64], rows: &mut Workspace) -> Option<f64> {
        let (classes, panels) = (self.classes, self.panels);
        let words = emissions.len() / classes;
        for row in [&mut rows.weights, &mut rows.begun, &mut rows.reach, &mut rows.ends] {
            row.resize(words * panels, [0.0; LANES]);
        }
        rows.totals.resize(words, 0.0);
        let mut log_sum = self.start_shift + self.shift * (words - 1) as f64;
        for (word, emissions) in emissions.chunks_exact(classes).enumerate() {
            let from = word * panels;
            let largest = emissions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights = &mut rows.weights[from..from + panels];
            for (class, emission) in emissions.iter().enumerate() {
                weights[class / LANES][class % LANES] = (emission - largest).exp();
            }
            let reach = &mut rows.reach[from..from + panels];
            let (before, begun) = rows.begun[..from + panels].split_at_mut(from);
            match from.checked_sub(panels) {
                None => reach.copy_from_slice(&self.start),
                Some(previous) => multiply(&before[previous..], &self.factors, classes, reach),
            }
            let mut total = 0.0;
            for ((begun, reach), weights) in begun.iter_mut().zip(&*reach).zip(&*weights) {
                for lane in 0..LANES {
                    begun[lane] = reach[lane] * weights[lane];
                }
                total += sum(begun);
            }
            scale(begun, 1.0 / total);
            // At the first word an `I-` is impossible, not improbable.
            if word > 0 && !above(self.least(begun), LEAST) {
                return None;
            }
            log_sum += largest + total.ln();
        }
        log_sum.is_finite().then_some(log_sum)
    }

    #[inline(always)]
    fn backward(&self, rows: &mut Workspace, marginals: &mut [f64]) -> Option<()> {
        let (classes, panels) = (self.classes, self.panels);
        rows.after.clear();
        rows.after.resize(panels, [1.0; LANES]);
        for (word, marginals) in marginals.chunks_exact_mut(classes).enumerate().rev() {
            let place = word * panels..(word + 1) * panels;
            let ends = &mut rows.ends[place.clone()];
            let (weights, reach) = (&rows.weights[place.clone()], &rows.reach[place]);
            let mut total = 0.0;
            for (((ends, after), weights), reach) in ends.iter_mut().zip(&rows.after).zip(weights).zip(reach) {
                let mut products = [0.0; LANES];
                for lane in 0..LANES {
                    ends[lane] = after[lane] * weights[lane];
                    products[lane] = ends[lane] * reach[lane];
                }
                total += sum(&products);
            }
            if !above(total, LEAST_TOTAL) || !above(self.least(ends), LEAST) {
                return None;
            }
            rows.totals[word] = total;
            for (class, marginal) in marginals.iter_mut().enumerate() {
                let (panel, lane) = (class / LANES, class % LANES);
                *marginal = ends[panel][lane] * reach[panel][lane] / total;
            }
            if word > 0 {
                multiply(ends, &self.turned, classes, &mut rows.after);
                let total: f64 = rows.after.iter().map(sum).sum();
                scale(&mut rows.after, 1.0 / total);
            }
        }
        Some(())
    }

    /// Adds the expected numbers of transitions, when both passes are known to be safe.
    #[inline(always)]
    fn count(&self, rows: &Workspace, pairs: &mut ScaledPairs) {
        let (classes, panels) = (self.classes, self.panels);
        for word in 1..rows.totals.len() {
            let begun = &rows.begun[(word - 1) * panels..word * panels];
            let ends = &rows.ends[word * panels..(word + 1) * panels];
            for class in 0..classes {
                let share = begun[class / LANES][class % LANES] / rows.totals[word];
                for (pairs, ends) in pairs.0[class * panels..(class + 1) * panels].iter_mut().zip(ends) {
                    for lane in 0..LANES {
                        pairs[lane] += share * ends[lane];
                    }
                }
            }
        }
    }

    /// The least number of a row among the classes that may be answered.
    #[inline(always)]
    fn least(&self, row: &[Panel]) -> f64 {
        let mut least = [f64::INFINITY; LANES];
        for (row, idle) in row.iter().zip(&self.idle) {
            for lane in 0..LANES {
                let value = row[lane] + idle[lane];
                least[lane] = if value < least[lane] { value } else { least[lane] };
            }
        }
        least.into_iter().fold(f64::INFINITY, f64::min)
    }
}

impl ScaledPairs {
    /// Adds the expected numbers to `target` `[classes, classes]`.
    pub(crate) fn add_to(&self, chain: &ScaledChain, target: &mut [f64]) {
        let ScaledChain { classes, panels, factors, .. } = chain;
        for (at, target) in target.iter_mut().enumerate() {
            let (previous, next) = (at / classes, at % classes);
            let factor = factors[next / LANES * classes + previous][next % LANES];
            // A pair that is forbidden gathered a number that means nothing.
            if factor > 0.0 {
                *target += self.0[previous * panels + next / LANES][next % LANES] * factor;
            }
        }
    }
}

/// `row [classes] · matrix [classes, classes]`, the matrix being `[panels, classes]`.
#[inline(always)]
fn multiply(row: &[Panel], matrix: &[Panel], classes: usize, product: &mut [Panel]) {
    for (product, matrix) in product.iter_mut().zip(matrix.chunks_exact(classes)) {
        let mut sums = [0.0; LANES];
        for (class, factors) in matrix.iter().enumerate() {
            let value = row[class / LANES][class % LANES];
            for lane in 0..LANES {
                sums[lane] += value * factors[lane];
            }
        }
        *product = sums;
    }
}

#[inline(always)]
fn scale(row: &mut [Panel], factor: f64) {
    row.iter_mut().flatten().for_each(|value| *value *= factor);
}

/// Is a number above a limit? NaN is not.
#[inline(always)]
fn above(value: f64, limit: f64) -> bool {
    value > limit
}

/// Four sums in a fixed order.
#[inline(always)]
fn sum(panel: &Panel) -> f64 {
    let mut sums = [0.0; 4];
    for part in panel.chunks_exact(4) {
        for lane in 0..4 {
            sums[lane] += part[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
