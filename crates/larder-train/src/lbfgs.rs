//! Limited-memory BFGS for several fits in lock-step, warm from one regularisation strength to the next.
//!
//! Nocedal and Wright, *Numerical Optimization* (2006), algorithm 7.4 (two-loop recursion), with a backtracking line
//! search, which is enough here: the objective is convex, and strongly so in the weights. Each round evaluates one
//! point of every unfinished fit together, so that a single pass over the rows can serve them all (see `objective`).
//! The objective is the caller's: anything with a penalty `|w|² / (2 C)` on its first parameters.

use std::collections::VecDeque;

/// Pairs of steps and gradient changes that are remembered. More pairs save passes over the features, which cost far
/// more than the recursion does.
const MEMORY: usize = 20;

/// Numbers that one fit may remember in its pairs (64 MB in float64): many classes remember fewer pairs.
const MEMORY_NUMBERS: usize = 8_000_000;

/// Never fewer pairs than this: with less the method is hardly better than steepest descent.
const MIN_MEMORY: usize = 5;

/// Sufficient decrease (Armijo): the customary value.
const SUFFICIENT: f64 = 1e-4;

/// Shortenings of one step before the search gives up.
const MAX_SHORTENINGS: usize = 30;

/// A fit with the penalty `|w|² / (2 C)` on its weights.
pub(crate) trait Penalised {
    /// The strength `C`.
    fn c(&self) -> f64;
    /// Changes the strength.
    fn set_c(&mut self, c: f64);
}

/// Cost and gradient at one point.
pub(crate) struct Evaluation {
    pub(crate) cost: f64,
    /// The derivative with respect to each parameter, the penalised ones first.
    pub(crate) gradient: Vec<f64>,
}

/// When a fit is finished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Gradient norm, relative to that of the start (zero weights), below which a fit has converged.
    pub(crate) tolerance: f64,
    /// Most steps.
    pub(crate) iterations: usize,
}

/// The status of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Converged,
    /// No step improves the objective any more, or the steps are used up.
    Stopped,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
}

/// One fit on its way down.
pub(crate) struct Descent<T> {
    pub(crate) task: T,
    pub(crate) point: Vec<f64>,
    pub(crate) cost: f64,
    pub(crate) gradient: Vec<f64>,
    /// The gradient norm at zero weights, which tolerances are relative to.
    pub(crate) reference_norm: f64,
    /// Steps taken so far, over all strengths.
    pub(crate) iterations: usize,
    /// A guess at the curvature of the objective without its penalty along each parameter, or empty.
    curvature: Vec<f64>,
    /// The length of a first step by that guess.
    first_length: f64,
    /// Penalised parameters, which come first; the free ones follow.
    weights: usize,
    pairs: VecDeque<Pair>,
    status: Status,
    direction: Vec<f64>,
    slope: f64,
    length: f64,
    shortenings: usize,
}

impl<T: Penalised> Descent<T> {
    /// Starts at `point`, whose last `free` parameters are not penalised; cost and gradient must be those of `point`.
    pub(crate) fn new(task: T, point: Vec<f64>, evaluation: Evaluation, reference_norm: f64, free: usize) -> Self {
        Self {
            weights: point.len() - free,
            task,
            cost: evaluation.cost,
            gradient: evaluation.gradient,
            reference_norm,
            iterations: 0,
            curvature: Vec::new(),
            first_length: 1.0,
            pairs: VecDeque::with_capacity(MEMORY),
            status: Status::Running,
            direction: Vec::new(),
            slope: 0.0,
            length: 1.0,
            shortenings: 0,
            point,
        }
    }

    /// Tells how curved the objective without its penalty is along each parameter, roughly; numbers above 0. Where
    /// parameters differ by orders of magnitude, this halves the steps. `first_length` is how much of the first step that
    /// follows from the guess is taken: correlated parameters are more curved together than each alone.
    pub(crate) fn with_curvature(self, curvature: Vec<f64>, first_length: f64) -> Self {
        Self { curvature, first_length, ..self }
    }

    /// The same with cost and gradient evaluated anew at its point, in another arithmetic. Curvature is kept.
    pub(crate) fn evaluated_anew(self, evaluation: Evaluation) -> Self {
        Self { cost: evaluation.cost, gradient: evaluation.gradient, ..self }
    }

    /// Is the gradient below the tolerance of the last run?
    pub(crate) fn converged(&self) -> bool {
        self.status == Status::Converged
    }

    /// Changes the strength. Cost, gradient and the remembered gradient changes follow exactly, because the penalty is
    /// quadratic: nothing is evaluated, and what was learned about the curvature is kept.
    pub(crate) fn set_c(&mut self, c: f64) {
        let difference = 1.0 / c - 1.0 / self.task.c();
        self.task.set_c(c);
        self.cost += 0.5 * difference * dot(&self.point[..self.weights], &self.point[..self.weights]);
        add_scaled(&mut self.gradient[..self.weights], difference, &self.point[..self.weights]);
        for pair in &mut self.pairs {
            add_scaled(&mut pair.change[..self.weights], difference, &pair.step[..self.weights]);
        }
        self.pairs.retain(|pair| is_curved(&pair.step, &pair.change));
    }

    fn memory(&self) -> usize {
        (MEMORY_NUMBERS / (2 * self.point.len())).clamp(MIN_MEMORY, MEMORY)
    }

    /// Prepares the next step, or finishes.
    fn aim(&mut self, limits: Limits, budget: usize) {
        if norm(&self.gradient) <= limits.tolerance * self.reference_norm {
            self.status = Status::Converged;
            return;
        }
        if self.iterations >= budget {
            self.status = Status::Stopped;
            return;
        }
        self.direction = self.descend();
        self.slope = dot(&self.direction, &self.gradient);
        if self.slope >= 0.0 || !self.slope.is_finite() {
            // Rounding has spoiled the remembered curvature: steepest descent is always downhill.
            self.pairs.clear();
            self.direction = self.descend();
            self.slope = dot(&self.direction, &self.gradient);
        }
        self.length = match (self.pairs.is_empty(), self.curvature.is_empty()) {
            (true, true) => 1.0 / norm(&self.gradient).max(1.0),
            (true, false) => self.first_length,
            (false, _) => 1.0,
        };
        self.shortenings = 0;
        self.status = Status::Running;
    }

    /// Minus the inverse Hessian's approximation times the gradient.
    fn descend(&self) -> Vec<f64> {
        let mut direction: Vec<f64> = self.gradient.iter().map(|value| -value).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &direction) / dot(&pair.step, &pair.change);
            add_scaled(&mut direction, -share, &pair.change);
            shares.push(share);
        }
        if self.curvature.is_empty() {
            if let Some(pair) = self.pairs.back() {
                let scale = dot(&pair.step, &pair.change) / dot(&pair.change, &pair.change);
                direction.iter_mut().for_each(|value| *value *= scale);
            }
        } else {
            self.divide_by_curvature(&mut direction);
        }
        for (pair, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let other = dot(&pair.change, &direction) / dot(&pair.step, &pair.change);
            add_scaled(&mut direction, share - other, &pair.step);
        }
        direction
    }

    /// The recursion's middle step: the inverse of the guessed curvature, scaled to agree with the last pair.
    fn divide_by_curvature(&self, direction: &mut [f64]) {
        let penalty = 1.0 / self.task.c();
        let inverse = |(at, curvature): (usize, &f64)| match at < self.weights {
            true => 1.0 / (curvature + penalty),
            false => 1.0 / curvature,
        };
        let inverses: Vec<f64> = self.curvature.iter().enumerate().map(inverse).collect();
        let scale = self.pairs.back().map_or(1.0, |pair| {
            let divided: Vec<f64> =
                pair.change.iter().zip(&inverses).map(|(change, inverse)| change * inverse).collect();
            dot(&pair.step, &pair.change) / dot(&pair.change, &divided)
        });
        direction.iter_mut().zip(&inverses).for_each(|(value, inverse)| *value *= scale * inverse);
    }

    fn trial(&self) -> Vec<f64> {
        let mut trial = self.point.clone();
        add_scaled(&mut trial, self.length, &self.direction);
        trial
    }

    /// Takes the trial point, or shortens the step.
    fn judge(&mut self, trial: Vec<f64>, cost: f64, gradient: Vec<f64>, noise: f64, limits: Limits, budget: usize) {
        let allowed = self.cost + SUFFICIENT * self.length * self.slope + noise * self.cost.abs();
        if cost.is_finite() && cost <= allowed {
            let step: Vec<f64> = trial.iter().zip(&self.point).map(|(new, old)| new - old).collect();
            let change: Vec<f64> = gradient.iter().zip(&self.gradient).map(|(new, old)| new - old).collect();
            if is_curved(&step, &change) {
                if self.pairs.len() >= self.memory() {
                    self.pairs.pop_front();
                }
                self.pairs.push_back(Pair { step, change });
            }
            (self.point, self.cost, self.gradient) = (trial, cost, gradient);
            self.iterations += 1;
            self.aim(limits, budget);
        } else if self.shortenings < MAX_SHORTENINGS {
            self.shortenings += 1;
            // The minimum of the parabola through both costs and the slope, kept within a tenth and a half.
            let curvature = cost - self.cost - self.length * self.slope;
            let parabola = -self.slope * self.length / (2.0 * curvature);
            self.length *= if parabola.is_finite() { parabola.clamp(0.1, 0.5) } else { 0.1 };
        } else if self.pairs.is_empty() {
            self.status = Status::Stopped;
        } else {
            self.pairs.clear();
            self.aim(limits, budget);
        }
    }
}

/// Runs the descents until each has converged or stopped. `evaluate` gives cost and gradient of each task at its point;
/// `noise` is the relative rounding noise of the costs: differences below it mean nothing.
pub(crate) fn minimise<T: Penalised>(
    mut evaluate: impl FnMut(&[&T], &[&[f64]]) -> Vec<Evaluation>,
    noise: f64,
    descents: &mut [&mut Descent<T>],
    limits: Limits,
) {
    let budgets: Vec<usize> = descents.iter().map(|descent| descent.iterations + limits.iterations).collect();
    for (descent, &budget) in descents.iter_mut().zip(&budgets) {
        descent.aim(limits, budget);
    }
    loop {
        let mut trials = Vec::new();
        let mut tasks = Vec::new();
        for descent in descents.iter().filter(|descent| descent.status == Status::Running) {
            trials.push(descent.trial());
            tasks.push(&descent.task);
        }
        if trials.is_empty() {
            return;
        }
        let points: Vec<&[f64]> = trials.iter().map(Vec::as_slice).collect();
        let evaluations = evaluate(&tasks, &points);
        let mut results = trials.into_iter().zip(evaluations);
        for (descent, &budget) in descents.iter_mut().zip(&budgets) {
            if descent.status == Status::Running {
                let (trial, evaluation) = results.next().expect("one result for each running descent");
                descent.judge(trial, evaluation.cost, evaluation.gradient, noise, limits, budget);
            }
        }
    }
}

fn is_curved(step: &[f64], change: &[f64]) -> bool {
    let product = dot(step, change);
    product.is_finite() && product > 1e-10 * norm(step) * norm(change)
}

pub(crate) fn dot(first: &[f64], second: &[f64]) -> f64 {
    // Four sums in a fixed order: vectorisable, and the same on every run.
    let mut sums = [0.0f64; 4];
    let (mut left, mut right) = (first.chunks_exact(4), second.chunks_exact(4));
    for (left, right) in (&mut left).zip(&mut right) {
        for lane in 0..4 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f64>() + rest
}

pub(crate) fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

fn add_scaled(target: &mut [f64], scale: f64, source: &[f64]) {
    target.iter_mut().zip(source).for_each(|(target, source)| *target += scale * source);
}
