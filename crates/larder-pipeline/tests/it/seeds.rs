//! One set-up run with several seeds.

use larder_pipeline::{SeedsOutcome, run, run_seeds};
use larder_run::{HeadSettings, TrainOptions};
use larder_train::{TrainSettings, UNCHOSEN_C};

use crate::support::{Bench, Told, options, silently};

/// With folds, so that the seed has something to decide.
fn chosen(run: Option<&str>) -> TrainOptions {
    let settings = TrainSettings { folds: 2, grid: vec![1e-3, UNCHOSEN_C], ..TrainSettings::default() };
    TrainOptions { head: HeadSettings::Logistic(settings), ..options(run, 1.0) }
}

fn names(outcome: &SeedsOutcome) -> Vec<&str> {
    outcome.runs.iter().map(|run| run.trained.record.run.as_str()).collect()
}

#[test]
fn each_seed_has_its_run_and_each_score_its_summary() {
    let Some(bench) = Bench::new() else { return };
    let seeds = [7, 3, 5];
    let outcome = silently(|observer| {
        run_seeds(&bench.larder, &bench.spec, &bench.encoder, &chosen(Some("mine")), &seeds, observer)
    });
    assert_eq!((names(&outcome), &outcome.seeds[..]), (vec!["mine-seed7", "mine-seed3", "mine-seed5"], &seeds[..]));
    let kinds: Vec<(&str, &str)> = outcome.summary.iter().map(|entry| (entry.split.as_str(), entry.score)).collect();
    assert_eq!(kinds, [("dev", "accuracy"), ("dev", "mcc"), ("dev", "macro_f1")]);
    for entry in &outcome.summary {
        let of_run = |at: usize| {
            let scores = outcome.runs[at].evaluation.scores();
            let named = scores.splits()[0].named_scores();
            named.into_iter().find(|(name, _)| *name == entry.score).expect("has the score").1
        };
        assert_eq!(entry.values, [of_run(0), of_run(1), of_run(2)], "{}", entry.score);
        let mean = entry.values.iter().sum::<f64>() / 3.0;
        assert!((entry.summary.mean - mean).abs() < 1e-12, "{entry:?}");
    }
    // A seed's run is the one that is made with this seed alone.
    let mut alone = chosen(Some("mine-seed3"));
    alone.head = alone.head.with_seed(3);
    let mut told = Told::default();
    run(&bench.larder, &bench.spec, &bench.encoder, &alone, &mut told).unwrap();
    assert!(told.0.contains(&"Train mine-seed3: fresh".to_owned()), "{:?}", told.0);
}

#[test]
fn tokens_and_vectors_are_made_once_and_runs_that_are_there_are_not_made_again() {
    let Some(bench) = Bench::new() else { return };
    let told = || {
        let mut told = Told::default();
        let outcome = run_seeds(&bench.larder, &bench.spec, &bench.encoder, &chosen(None), &[0, 1], &mut told).unwrap();
        assert_eq!(names(&outcome), ["toy-tiny-1", "toy-tiny-2"]);
        told.0
    };
    let first = told();
    let began = |stage: &str| first.iter().filter(|line| line.starts_with(stage) && !line.contains("fresh")).count();
    assert_eq!((began("Tokenize"), began("Encode"), began("Train")), (2, 2, 2), "two splits, two runs: {first:#?}");
    assert!(told().iter().all(|line| line.contains("fresh") || line.starts_with("note")));
    let none = silently(|observer| run_seeds(&bench.larder, &bench.spec, &bench.encoder, &chosen(None), &[], observer));
    assert!(none.runs.is_empty() && none.summary.is_empty());
}
