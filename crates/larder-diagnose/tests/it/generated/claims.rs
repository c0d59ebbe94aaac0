//! The claims of sentences, checked: recomputed from the run's facts, by other means than the rules'.

use larder_diagnose::{Diagnosis, Weighing};
use larder_metrics::Metric;

use super::runs::{Frozen, Made, Run, Split, Tuned};

/// A share of the rows.
fn accuracy(split: &Split) -> f64 {
    let right = split.gold.iter().zip(&split.predicted).filter(|(gold, predicted)| gold == predicted).count();
    right as f64 / split.gold.len() as f64
}

fn shares(classes: &[usize], of: usize) -> f64 {
    classes.iter().filter(|&&class| class == of).count() as f64 / classes.len() as f64
}

/// Matthews' correlation, from its definition as a correlation of indicators (Gorodkin 2004, equation 8).
fn mcc(split: &Split, classes: usize) -> f64 {
    let covariance = |a: &[usize], b: &[usize]| -> f64 {
        let one = |class: usize| {
            let both = a.iter().zip(b).filter(|(a, b)| **a == class && **b == class).count() as f64 / a.len() as f64;
            both - shares(a, class) * shares(b, class)
        };
        (0..classes).map(one).sum()
    };
    let (gold, predicted) = (&split.gold, &split.predicted);
    let scale = (covariance(gold, gold) * covariance(predicted, predicted)).sqrt();
    if scale > 0.0 { covariance(gold, predicted) / scale } else { 0.0 }
}

/// The answer that is given most, and its share.
fn most_given(split: &Split, classes: usize) -> (usize, f64) {
    let share = |class| shares(&split.predicted, class);
    let most = (0..classes).max_by(|&a, &b| share(a).total_cmp(&share(b))).unwrap();
    (most, share(most))
}

fn majority(run: &Run) -> usize {
    (0..run.train.len()).max_by_key(|&class| run.train[class]).unwrap()
}

/// The least loss of a constant answer, by descent and not by formula: rows of `counts` with `weights`, smoothed.
fn least_constant_loss(counts: &[usize], is_weighted: bool, smoothing: f64) -> f64 {
    let (rows, width) = (counts.iter().sum::<usize>() as f64, counts.len() as f64);
    let weight = |class: usize| if is_weighted { rows / (width * counts[class] as f64) } else { 1.0 };
    let all: f64 = (0..counts.len()).map(|class| counts[class] as f64 * weight(class)).sum();
    let loss = |p: &[f64]| -> f64 {
        let spread: f64 =
            p.iter().enumerate().map(|(class, p)| -weight(class) * p.ln()).sum::<f64>() * smoothing / width;
        let own = |class: usize| -(1.0 - smoothing) * weight(class) * p[class].ln();
        (0..p.len()).map(|class| counts[class] as f64 * (own(class) + spread)).sum::<f64>() / all
    };
    let softmax = |logits: &[f64]| {
        let all: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.iter().map(|logit| logit.exp() / all).collect::<Vec<f64>>()
    };
    let (mut logits, mut best, mut step) = (vec![0.0; counts.len()], f64::INFINITY, 1.0);
    while step > 1e-7 {
        let mut found = None;
        for class in 0..logits.len() {
            for sign in [-1.0, 1.0] {
                let mut moved = logits.clone();
                moved[class] += sign * step;
                let value = loss(&softmax(&moved));
                if value < best {
                    (best, found) = (value, Some(moved));
                }
            }
        }
        match found {
            Some(moved) => logits = moved,
            None => step /= 2.0,
        }
    }
    best
}

/// The values that a number of that name may have.
fn values(run: &Run, finding: &Diagnosis, name: &str) -> Vec<f64> {
    let split = finding.split.as_deref().map(|name| run.splits.iter().find(|split| split.name == name).unwrap());
    let classes = run.classes.len();
    if let Some(split) = split {
        let interval = &split.comparison.mcc;
        let others =
            split.gold.len() as f64 * (1.0 - (0..classes).map(|class| shares(&split.gold, class)).fold(0.0, f64::max));
        match name {
            "accuracy" => return vec![accuracy(split)],
            "majority accuracy" => return vec![shares(&split.gold, majority(run))],
            "mcc" => return vec![mcc(split, classes)],
            "constant mcc" => return vec![0.0],
            "level" => return vec![0.95],
            "mcc low" => return vec![interval.low],
            "mcc high" => return vec![interval.high],
            "rows" => return vec![split.gold.len() as f64],
            "other rows" => return vec![others.round()],
            "share" => return vec![most_given(split, classes).1],
            _ => {}
        }
    }
    let train: usize = run.train.iter().sum();
    match name {
        "rows" | "all" => return vec![train as f64],
        "classes" => return vec![classes as f64],
        "most" => return vec![run.train[majority(run)] as f64],
        "rows of a rare class" => return run.train.iter().map(|&count| count as f64).collect(),
        _ => {}
    }
    match &run.made {
        Made::Frozen(frozen) => of_frozen(run, frozen, name),
        Made::Tuned(tuned) => of_tuned(run, tuned, name),
    }
}

fn of_frozen(run: &Run, frozen: &Frozen, name: &str) -> Vec<f64> {
    match name {
        "guessing" => vec![least_constant_loss(&run.train, frozen.weighing == Weighing::Balanced, 0.0)],
        "held-out loss" => vec![frozen.held_out.loss],
        "mcc" => vec![frozen.held_out.mcc],
        "mean" | "held-out" => vec![frozen.mean],
        "next mean" => vec![frozen.next],
        "standard error" => vec![frozen.standard_error],
        "folds" => vec![5.0],
        "c" => vec![frozen.c],
        "own" => vec![frozen.own],
        _ => panic!("`{name}`: nobody knows its value"),
    }
}

fn of_tuned(run: &Run, tuned: &Tuned, name: &str) -> Vec<f64> {
    let guessing = tuned.losses.guessing;
    let last = tuned.evaluations.last().unwrap();
    let best = tuned.evaluations.iter().map(|evaluated| evaluated.score).fold(f64::NEG_INFINITY, f64::max);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (steps, quarter) = (tuned.steps.len(), tuned.steps.len() / 4);
    match name {
        "guessing" => {
            let smoothing = if guessing.smoothed { 0.1 } else { 0.0 };
            vec![least_constant_loss(&run.train, guessing.weighted, smoothing)]
        }
        "first loss" => vec![mean(&tuned.steps[..20])],
        "last loss" => vec![mean(&tuned.steps[steps - 20..])],
        "steps" => vec![steps as f64],
        "learning rate" => vec![tuned.rate.rate],
        "least" => vec![tuned.rate.recipe.0],
        // The highest rate of the recipe.
        "most rate" => vec![tuned.rate.recipe.1],
        "best" => vec![best],
        "last" => vec![last.score],
        "best step" | "kept step" => {
            let steps = tuned.evaluations.iter().filter(|evaluated| evaluated.score == best);
            steps.map(|evaluated| evaluated.step as f64).collect()
        }
        "last step" | "step" => vec![last.step as f64],
        "training loss" => vec![last.training_loss],
        "held-out loss" => vec![last.loss.unwrap()],
        "held-out guessing" => vec![tuned.held_out_guessing],
        "dropout" => vec![tuned.dropout],
        "last quarter" => vec![mean(&tuned.steps[steps - quarter..])],
        "quarter before" => vec![mean(&tuned.steps[steps - 2 * quarter..steps - quarter])],
        _ => panic!("`{name}`: nobody knows its value"),
    }
}

/// The numerals of a sentence, with the value of one unit in their last place; a percent is a share.
fn numerals(text: &str) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let begins_word = at == 0 || !(letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
        if !begins_word || !letters[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let from = if at > 0 && letters[at - 1] == '-' { at - 1 } else { at };
        while at < letters.len() && (letters[at].is_ascii_digit() || "e.-".contains(letters[at])) {
            at += 1;
        }
        let spelled: String = letters[from..at].iter().collect();
        let spelled = spelled.trim_end_matches(['.', '-']);
        let percent = letters[at..].starts_with(&[' ', '%']);
        let (digits, power) = spelled.split_once('e').unwrap_or((spelled, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        let unit = 10_f64.powi(power.parse::<i32>().unwrap() - decimals) / if percent { 100.0 } else { 1.0 };
        let value = spelled.parse::<f64>().unwrap() / if percent { 100.0 } else { 1.0 };
        found.push((value, unit));
    }
    found
}

/// Every number that is stated is one of the finding's, and every one of these is what the run has.
pub fn check_numbers(run: &Run, finding: &Diagnosis) {
    let stated = numerals(&format!("{}; {}", finding.finding, finding.evidence));
    assert_eq!(stated.len(), finding.numbers.len(), "{finding}: {stated:?}, {:?}", finding.numbers);
    for ((value, unit), number) in stated.iter().zip(&finding.numbers) {
        assert!((value - number.value).abs() <= 0.5001 * unit, "{finding}: {value} for {number:?}");
        let is_rate = number.name == "most" && finding.evidence.contains("publication");
        let name = if is_rate { "most rate" } else { &number.name };
        let known = values(run, finding, name);
        let is_known = known.iter().any(|known| (known - number.value).abs() <= 1e-6 * known.abs().max(1.0));
        assert!(is_known, "{finding}: {number:?}, found {known:?}");
    }
}

/// A sentence, and what must be so where it stands.
type Claim<'a> = (&'a str, &'a dyn Fn() -> bool);

/// Holds the claims of a finding; one at least must be known.
pub fn check_claims(run: &Run, finding: &Diagnosis) {
    let mut known = false;
    let mut hold = |claims: &[Claim<'_>], what: &str| {
        for (sentence, is_so) in claims {
            if what.contains(sentence) {
                known = true;
                assert!(is_so(), "{:?}: “{sentence}” is not so: {finding}", run.fault);
            }
        }
    };
    let train: usize = run.train.iter().sum();
    let width = run.classes.len();
    let weighing = match &run.made {
        Made::Frozen(frozen) => frozen.weighing,
        Made::Tuned(tuned) if tuned.losses.guessing.weighted => Weighing::Balanced,
        Made::Tuned(_) => Weighing::Alike,
    };
    let rare = || run.train.iter().any(|&count| (count * width) as f64 * 5.0 < train as f64);
    hold(&[("train has few rows", &|| train < 10 * width), ("some labels have few rows", &rare)], &finding.finding);
    hold(
        &[
            ("count more already", &|| weighing == Weighing::Balanced),
            ("makes their rows count more", &|| weighing == Weighing::Alike),
            ("were tried, and not chosen", &|| weighing == Weighing::TriedAndLeft),
        ],
        &finding.remedy,
    );
    if let Some(name) = &finding.split {
        let split = run.splits.iter().find(|split| split.name == name).unwrap();
        let difference = &split.comparison.accuracy_difference.interval;
        let (own, constant) = (accuracy(split), shares(&split.gold, majority(run)));
        let (mcc, interval) = (mcc(split, width), &split.comparison.mcc);
        let unsure = || interval.low <= 0.0 && interval.high >= 0.0;
        hold(
            &[
                ("is the answer to every row", &|| most_given(split, width).1 == 1.0),
                ("of the rows", &|| {
                    let (class, share) = most_given(split, width);
                    share >= 0.97 && share > shares(&split.gold, class)
                }),
                ("are of one class only", &|| shares(&split.gold, split.gold[0]) == 1.0),
                ("contradict the labels", &|| mcc < 0.0 && interval.high < 0.0),
                ("too few to tell MCC", &|| mcc > 0.0 && unsure()),
                ("accuracy is below", &|| own < constant && difference.high < 0.0),
                ("accuracy is above", &|| own > constant && difference.low > 0.0),
                ("accuracy is at", &|| difference.low <= 0.0 && difference.high >= 0.0),
                ("MCC cannot be told from", &unsure),
                ("the classes are told apart", &|| interval.low > 0.0),
                ("are no better than", &|| own <= constant && mcc <= 0.0),
                ("these scores cannot be told from", &|| unsure() && difference.low <= 0.0),
                ("are few, and every one", &|| split.gold.len() < 20),
            ],
            &finding.finding,
        );
    }
    match &run.made {
        Made::Frozen(frozen) => {
            let share = frozen.held_out.loss / least_constant_loss(&run.train, weighing == Weighing::Balanced, 0.0);
            let no_signal = || frozen.held_out.mcc * (frozen.held_out.rows as f64).sqrt() <= 2.0;
            hold(
                &[
                    ("no better than by the labels' shares", &|| (share - 1.0).abs() <= 0.05 && no_signal()),
                    ("held-out rows of train cannot be told", &no_signal),
                    ("knows its own rows far better", &|| frozen.own - frozen.mean > 0.25),
                    ("is the smallest that was tried", &|| frozen.c == 0.01),
                    ("is the largest that was tried", &|| frozen.c == 10.0),
                    ("the score still rises towards it", &|| frozen.mean - frozen.next > frozen.standard_error),
                ],
                &finding.finding,
            );
            hold(
                &[
                    ("try `--layers all`", &|| frozen.columns.len() == 1),
                    ("several layers were tried", &|| frozen.columns.len() > 1),
                    ("`--metric accuracy`", &|| frozen.metric != Metric::Accuracy),
                ],
                &finding.remedy,
            );
        }
        Made::Tuned(tuned) => tuned_claims(tuned, finding, &mut hold),
    }
    assert!(known, "{:?}: nobody knows what it claims: {finding}", run.fault);
}

fn tuned_claims(tuned: &Tuned, finding: &Diagnosis, hold: &mut dyn FnMut(&[Claim<'_>], &str)) {
    let Tuned { losses, rate, evaluations, .. } = tuned;
    let (first, last, guessing) = (losses.first, losses.last, losses.guessing.loss);
    let end = evaluations.last().unwrap();
    let best = evaluations.iter().map(|evaluated| evaluated.score).fold(f64::NEG_INFINITY, f64::max);
    let half = tuned.steps.len() / 2;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    hold(
        &[
            ("loss rose, and ended above that of guessing", &|| last > first && last > guessing),
            ("what was learned was lost again", &|| {
                let least = tuned.steps.windows(20).map(mean).fold(f64::INFINITY, f64::min);
                least < 0.9 * guessing && last > 0.9 * guessing && best > end.score
            }),
            ("training loss is above that of guessing", &|| last > guessing),
            ("sits at that of guessing", &|| (last / guessing - 1.0).abs() <= 0.05),
            ("while the loss was still falling", &|| {
                mean(&tuned.steps[half + half / 2..]) < mean(&tuned.steps[half..half + half / 2])
            }),
            ("more training did harm", &|| best - end.score > 0.02),
            ("the probabilities are worse than guessing", &|| {
                end.loss.unwrap() > tuned.held_out_guessing && end.training_loss < guessing
            }),
            ("is below the training loss", &|| end.loss.unwrap() < end.training_loss && tuned.dropout > 0.0),
            ("the learning rate is above", &|| rate.rate > rate.recipe.1),
            ("the learning rate is below", &|| rate.rate < rate.recipe.0),
        ],
        &finding.finding,
    );
    hold(
        &[
            ("take a higher rate", &|| rate.rate < rate.recipe.0),
            ("take a lower rate", &|| rate.rate > rate.recipe.1 || last > first || best > end.score),
            ("training texts were learned", &|| last < 0.6 * guessing),
        ],
        &finding.remedy,
    );
}
