//! One fit with all features in memory.

use std::ops::Range;

use larder_tags::TagSet;
use rayon::prelude::*;

use super::kind::TaggerKind;
use super::objective::{Loss, Objective, Sentences};
use super::parameters::Layout;
use super::rules::{Rules, count_classes};
use crate::lbfgs::{Descent, Limits, Penalised, minimise, norm};
use crate::logistic::{Convergence, Solver};
use crate::real::Real;
use crate::standardise::{Moments, Standardiser};
use crate::weight::ClassWeight;

/// Gradient norm, relative to that at zero weights, at which a tagging head counts as converged: ten times tighter
/// changes no answer (see `docs/tagging.md`), and products in float32 still resolve it.
pub const TAGGER_TOLERANCE: f64 = 1e-4;

/// Gradient norm, relative to that at zero weights, at which a candidate is good enough to be scored.
pub const TAGGING_SELECTION_TOLERANCE: f64 = 5e-3;

/// Steps of a fit that is kept.
const MAX_ITERATIONS: usize = 2_000;

/// The first step's length by the guessed curvature, which takes features for independent.
const FIRST_LENGTH: f64 = 0.1;

/// Steps of a candidate at one strength.
const SELECTION_ITERATIONS: usize = 300;

/// When the head that is kept is finished.
pub(crate) const FINAL: Limits = Limits { tolerance: TAGGER_TOLERANCE, iterations: MAX_ITERATIONS };

/// When a candidate is finished.
pub(crate) const SELECTION: Limits =
    Limits { tolerance: TAGGING_SELECTION_TOLERANCE, iterations: SELECTION_ITERATIONS };

/// The strength of one fit.
pub(crate) struct Strength(pub(crate) f64);

impl Penalised for Strength {
    fn c(&self) -> f64 {
        self.0
    }

    fn set_c(&mut self, c: f64) {
        self.0 = c;
    }
}

/// The problem for words of the gold classes `gold`, and the starting point, which predicts the classes' shares.
pub(crate) fn problem(
    kind: TaggerKind,
    tags: &TagSet,
    width: usize,
    class_weight: ClassWeight,
    gold: impl Iterator<Item = usize>,
) -> (Objective, Vec<f64>) {
    let counts = count_classes(tags.len(), gold);
    let rules = Rules::new(tags, counts.iter().map(|&count| count > 0).collect());
    let layout = Layout { classes: tags.len(), width, chain: kind == TaggerKind::Crf };
    let weights = class_weight.of_counts(&counts);
    let mut start = vec![0.0; layout.len()];
    for ((bias, &count), weight) in start[layout.bias()].iter_mut().zip(&counts).zip(&weights) {
        if count > 0 {
            *bias = (count as f64 * weight).ln();
        }
    }
    let loss = match kind {
        TaggerKind::Logistic => Loss::Words(weights),
        TaggerKind::Crf => Loss::Chain,
    };
    let objective = Objective { layout, rules, loss };
    objective.centre(&mut start);
    (objective, start)
}

impl Objective {
    /// One constant added to all biases, or to all start scores, changes no probability: of all such points, the one
    /// where both have mean 0 over the classes they are used for; 0 for the others.
    pub(crate) fn centre(&self, point: &mut [f64]) {
        let Self { layout, rules, .. } = self;
        let centre = |values: &mut [f64], used: &dyn Fn(usize) -> bool| {
            let count = (0..values.len()).filter(|&class| used(class)).count().max(1);
            let sum: f64 = (0..values.len()).filter(|&class| used(class)).map(|class| values[class]).sum();
            for (class, value) in values.iter_mut().enumerate() {
                *value = if used(class) { *value - sum / count as f64 } else { 0.0 };
            }
        };
        centre(&mut point[layout.bias()], &|class| rules.answerable[class]);
        centre(&mut point[layout.start()], &|class| rules.may_start(class));
    }

    /// Starts a descent at `cold`, the point that answers with shares, or at `warm` if that is better.
    pub(crate) fn start(
        &self,
        data: &Sentences<'_>,
        c: f64,
        cold: &[f64],
        warm: Option<Vec<f64>>,
    ) -> Descent<Strength> {
        let at_cold = self.evaluate(data, c, 1.0, cold);
        let reference_norm = norm(&at_cold.gradient);
        let (mut point, mut evaluation) = (cold.to_vec(), at_cold);
        if let Some(warm) = warm {
            let at_warm = self.evaluate(data, c, 1.0, &warm);
            if at_warm.cost < evaluation.cost {
                (point, evaluation) = (warm, at_warm);
            }
        }
        Descent::new(Strength(c), point, evaluation, reference_norm, self.layout.free())
            .with_curvature(self.curvature(data), FIRST_LENGTH)
    }

    /// The approximate curvature of the objective along each parameter: as if features were independent and every word were
    /// answered with the classes' shares. A class of 100 words and `O` differ by a factor of hundreds.
    fn curvature(&self, data: &Sentences<'_>) -> Vec<f64> {
        let classes = self.layout.classes;
        let mut words = vec![0.0; classes];
        let mut starts = vec![0.0; classes];
        let mut pairs = vec![0.0; classes * classes];
        for sentence in data.sentences {
            let gold = &data.gold[sentence.clone()];
            starts[gold[0]] += 1.0;
            gold.iter().for_each(|&class| words[class] += 1.0);
            gold.windows(2).for_each(|pair| pairs[pair[0] * classes + pair[1]] += 1.0);
        }
        let all: f64 = words.iter().sum();
        // The variance of a count; never less than that of one word.
        let variance = |count: f64, of: f64| (count * (1.0 - count / of)).max(1.0);
        let mut found = vec![1.0; self.layout.len()];
        for class in 0..classes {
            let of_class = variance(words[class], all);
            found[class * self.layout.width..(class + 1) * self.layout.width].fill(of_class);
            found[self.layout.bias()][class] = of_class;
        }
        if self.layout.chain {
            let into = |found: &mut [f64], counts: &[f64], of: f64| {
                found.iter_mut().zip(counts).for_each(|(found, &count)| *found = variance(count, of));
            };
            into(&mut found[self.layout.transitions()], &pairs, all);
            into(&mut found[self.layout.start()], &starts, data.sentences.len() as f64);
        }
        found
    }

    /// Goes down until `limits`.
    pub(crate) fn descend(&self, data: &Sentences<'_>, descent: &mut Descent<Strength>, limits: Limits) {
        minimise(
            |tasks: &[&Strength], points: &[&[f64]]| {
                tasks.iter().zip(points).map(|(task, point)| self.evaluate(data, task.0, 1.0, point)).collect()
            },
            <f32 as Real>::NOISE,
            &mut [descent],
            limits,
        );
    }
}

/// The report of a fit that ended with these numbers.
pub(crate) fn measured(
    solvers: Vec<Solver>,
    iterations: usize,
    objective: f64,
    gradient_norm: f64,
    reference_norm: f64,
) -> Convergence {
    let relative_gradient_norm = if reference_norm > 0.0 { gradient_norm / reference_norm } else { 0.0 };
    Convergence {
        solvers,
        iterations,
        objective,
        gradient_norm,
        relative_gradient_norm,
        converged: relative_gradient_norm <= TAGGER_TOLERANCE,
    }
}

/// Words whose moments are taken together.
const MOMENT_WORDS: usize = 1024;

/// The moments of the rows of some sentences, `[stride]` each, in parts that depend on the sentences only.
pub(crate) fn moments(values: &[f32], stride: usize, sentences: &[Range<usize>]) -> Moments {
    let mut parts: Vec<&[Range<usize>]> = Vec::new();
    let (mut first, mut words) = (0, 0);
    for (sentence, rows) in sentences.iter().enumerate() {
        words += rows.len();
        if words >= MOMENT_WORDS || sentence + 1 == sentences.len() {
            parts.push(&sentences[first..=sentence]);
            (first, words) = (sentence + 1, 0);
        }
    }
    let parts: Vec<Moments> = parts
        .par_iter()
        .map(|sentences| {
            let rows = sentences.iter().flat_map(Clone::clone).map(|row| &values[row * stride..(row + 1) * stride]);
            Moments::of_rows(stride, rows)
        })
        .collect();
    Moments::merge(parts.iter()).unwrap_or_else(|| Moments::of_rows(stride, std::iter::empty()))
}

/// The point that answers under `new` standardisation as `point` does under `old`.
pub(crate) fn restandardise(layout: Layout, point: &[f64], old: &Standardiser, new: &Standardiser) -> Vec<f64> {
    let mut found = point.to_vec();
    for class in 0..layout.classes {
        let weights = &mut found[class * layout.width..(class + 1) * layout.width];
        let mut shift = 0.0;
        for (dimension, weight) in weights.iter_mut().enumerate() {
            let slope = *weight / old.scale[dimension];
            shift += slope * (new.mean[dimension] - old.mean[dimension]);
            *weight = slope * new.scale[dimension];
        }
        found[layout.bias()][class] += shift;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::objective::Scaling;
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        features: Vec<Vec<f32>>,
        sentences: Vec<Vec<usize>>,
        fits: Vec<Fit>,
    }

    #[derive(serde::Deserialize)]
    struct Fit {
        c: f64,
        objective: f64,
    }

    #[test]
    fn a_crf_fitted_to_the_end_has_scipys_objective() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/train/crf.json");
        let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let (values, gold) = (golden.features.concat(), golden.sentences.concat());
        let width = golden.features[0].len();
        let mut sentences = Vec::new();
        for classes in &golden.sentences {
            let first = sentences.last().map_or(0, |last: &Range<usize>| last.end);
            sentences.push(first..first + classes.len());
        }
        let whole = 0..width;
        let parts = std::slice::from_ref(&whole);
        let scaling = Scaling::new(&moments(&values, width, &sentences).standardiser());
        let (stride, gold, standardiser) = (width, gold.as_slice(), &scaling);
        let data = Sentences { values: &values, stride, parts, standardiser, sentences: &sentences, gold };
        let tags = TagSet::new(["x".to_owned(), "y".to_owned()]);
        let (objective, cold) = problem(TaggerKind::Crf, &tags, width, ClassWeight::None, gold.iter().copied());
        assert_eq!(golden.fits.len(), 3);
        for fit in golden.fits {
            let mut descent = objective.start(&data, fit.c, &cold, None);
            objective.descend(&data, &mut descent, Limits { tolerance: 1e-6, iterations: 2_000 });
            // Standardised features are float32, good to 1e-7.
            assert!((descent.cost / fit.objective - 1.0).abs() < 1e-6, "C = {}: {}", fit.c, descent.cost);
        }
    }

    #[test]
    fn another_standardisation_changes_no_answer() {
        let layout = Layout { classes: 3, width: 2, chain: true };
        let point: Vec<f64> = (0..layout.len()).map(|at| at as f64 - 7.0).collect();
        let old = Standardiser { mean: vec![1.0, -2.0], scale: vec![2.0, 0.5] };
        let new = Standardiser { mean: vec![4.0, 3.0], scale: vec![1.5, 8.0] };
        let logit = |point: &[f64], standardiser: &Standardiser, class: usize| {
            let z = |at: usize| ([0.3, 0.9][at] - standardiser.mean[at]) / standardiser.scale[at];
            point[class * 2] * z(0) + point[class * 2 + 1] * z(1) + point[layout.bias()][class]
        };
        let moved = restandardise(layout, &point, &old, &new);
        assert_ne!(moved, point);
        for class in 0..3 {
            assert!((logit(&moved, &new, class) - logit(&point, &old, class)).abs() < 1e-12);
        }
    }
}
