//! Choices of every strategy.

use larder_suggest::{
    CANDIDATES, CANDIDATES_A_ROW, CandidateRows, Candidates, Curve, Labelled, Strategy, SuggestError, auto, choose,
    draw, entropy, margin, summarise_replay,
};

use super::oracle;

const WIDTH: usize = 37;
const CLASSES: usize = 4;

/// A number from 0 to 1 that depends on all three.
fn value(seed: u64, row: usize, place: usize) -> f32 {
    (draw(draw(seed, row), place) >> 40) as f32 / (1 << 24) as f32
}

fn shares(seed: u64, row: usize) -> Vec<f32> {
    let raw: Vec<f32> = (0..CLASSES).map(|class| value(seed, row, class).powi(3) + 0.01).collect();
    let sum: f32 = raw.iter().sum();
    raw.iter().map(|share| share / sum).collect()
}

fn vector(seed: u64, row: usize) -> Vec<f32> {
    (0..WIDTH).map(|place| value(seed, row, 100 + place) - 0.5).collect()
}

fn candidates(strategy: Strategy, rows: usize, n: usize, seed: u64) -> CandidateRows {
    let mut candidates = Candidates::new(strategy, n, WIDTH, CLASSES, seed);
    (0..rows).for_each(|row| candidates.offer(row, &shares(seed, row), &vector(seed, row)).unwrap());
    candidates.finish()
}

fn labelled(rows: usize) -> Labelled {
    Labelled::new(WIDTH, (0..rows).collect(), (0..rows).flat_map(|row| vector(99, row)).collect())
}

fn positions(strategy: Strategy, rows: &CandidateRows, labelled: &Labelled, n: usize, seed: u64) -> Vec<usize> {
    choose(strategy, rows, labelled, n, seed).iter().map(|chosen| chosen.position).collect()
}

#[test]
fn every_strategy_chooses_as_its_definition_does() {
    for seed in 0..20 {
        let (n, known) = (15, 11);
        let centers: Vec<Vec<f64>> =
            (0..known).map(|row| vector(99, row).into_iter().map(f64::from).collect()).collect();
        let known = labelled(known);
        let found = |strategy| {
            let rows = candidates(strategy, 120, n, seed);
            (positions(strategy, &rows, &known, n, seed), rows)
        };
        let (margins, rows) = found(Strategy::Margin);
        assert_eq!(margins, oracle::spread(&rows, n, true));
        let (entropies, rows) = found(Strategy::Entropy);
        assert_eq!(entropies, oracle::spread(&rows, n, false));
        let (badge, rows) = found(Strategy::Badge);
        assert_eq!(badge, oracle::badge(&rows, n, seed));
        let (coreset, rows) = found(Strategy::Coreset);
        assert_eq!(coreset, oracle::coreset(&rows, &centers, n));
        let (random, rows) = found(Strategy::Random);
        assert_eq!(random, oracle::random(&rows, n, seed));
        let all = [&margins, &entropies, &badge, &coreset, &random];
        assert!((0..5).all(|first| (0..first).all(|second| all[first] != all[second])), "{all:?}");
    }
}

#[test]
fn core_set_crosses_blocks_of_labelled_rows() {
    let rows = candidates(Strategy::Coreset, 700, 5, 3);
    let centers: Vec<Vec<f64>> = (0..1_300).map(|row| vector(99, row).into_iter().map(f64::from).collect()).collect();
    assert_eq!(positions(Strategy::Coreset, &rows, &labelled(1_300), 5, 3), oracle::coreset(&rows, &centers, 5));
}

#[test]
fn candidates_are_those_of_least_margin_entropy_or_draw_in_any_order_of_rows() {
    let (n, pool) = (20, 3_000);
    let best = |key: &dyn Fn(usize) -> f64, count: usize| {
        let mut all: Vec<usize> = (0..pool).collect();
        all.sort_by(|&first, &second| key(first).total_cmp(&key(second)).then(first.cmp(&second)));
        all.truncate(count);
        all.sort_unstable();
        all
    };
    let margins = best(&|row| f64::from(margin(&shares(5, row))), n * CANDIDATES_A_ROW);
    assert_eq!(candidates(Strategy::Margin, pool, n, 5).rows, margins);
    let entropies = best(&|row| f64::from(1.0 - entropy(&shares(5, row))), n * CANDIDATES_A_ROW);
    assert_eq!(candidates(Strategy::Entropy, pool, n, 5).rows, entropies);
    let mut backwards = Candidates::new(Strategy::Margin, n, WIDTH, CLASSES, 5);
    (0..pool).rev().for_each(|row| backwards.offer(row, &shares(5, row), &vector(5, row)).unwrap());
    assert_eq!(backwards.finish(), candidates(Strategy::Margin, pool, n, 5));

    let mut drawn = Candidates::new(Strategy::Coreset, n, 1, 2, 5);
    (0..3 * CANDIDATES).for_each(|row| drawn.offer(row, &[0.5, 0.5], &[row as f32]).unwrap());
    let mut expected: Vec<usize> = (0..3 * CANDIDATES).collect();
    expected.sort_by_key(|&row| draw(5, row));
    expected.truncate(CANDIDATES);
    expected.sort_unstable();
    assert_eq!(drawn.finish().rows, expected);
}

#[test]
fn a_seed_gives_the_same_rows_and_another_seed_others() {
    for strategy in [Strategy::Badge, Strategy::Random] {
        let rows = candidates(strategy, 200, 20, 1);
        let found = |seed| positions(strategy, &rows, &labelled(3), 20, seed);
        assert_eq!(found(1), found(1));
        assert_ne!(found(1), found(2), "{strategy}");
    }
}

#[test]
fn of_equals_the_first_row_is_taken() {
    for strategy in [Strategy::Margin, Strategy::Entropy, Strategy::Coreset] {
        let mut candidates = Candidates::new(strategy, 3, 2, 2, 0);
        // Four corners of a square around the labelled row, all equally uncertain.
        for (row, corner) in [[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]].iter().enumerate() {
            candidates.offer(row, &[0.5, 0.5], corner).unwrap();
        }
        let known = Labelled::new(2, vec![0], vec![0.0, 0.0]);
        let rows = candidates.finish();
        assert_eq!(positions(strategy, &rows, &known, 1, 0), [0], "{strategy}");
        if strategy != Strategy::Coreset {
            // The opposite corner is farther than the two beside.
            assert_eq!(positions(strategy, &rows, &known, 3, 0), [0, 2, 1], "{strategy}");
        }
    }
}

#[test]
fn equal_vectors_are_chosen_once_and_a_small_pool_gives_all_it_has() {
    for strategy in [Strategy::Margin, Strategy::Entropy, Strategy::Badge, Strategy::Coreset] {
        let mut candidates = Candidates::new(strategy, 50, WIDTH, CLASSES, 0);
        (0..30).for_each(|row| candidates.offer(row, &shares(1, row % 10), &vector(1, row % 10)).unwrap());
        let mut found: Vec<usize> =
            choose(strategy, &candidates.finish(), &labelled(2), 50, 0).iter().map(|chosen| chosen.row % 10).collect();
        found.sort_unstable();
        assert_eq!(found, (0..10).collect::<Vec<_>>(), "{strategy}");
    }
    let none = Candidates::new(Strategy::Badge, 5, 2, 2, 0).finish();
    for strategy in Strategy::ALL {
        assert!(choose(*strategy, &none, &Labelled::none(2), 5, 0).is_empty());
    }
}

#[test]
fn a_certain_row_is_chosen_when_no_other_is_left() {
    let mut candidates = Candidates::new(Strategy::Margin, 3, 1, 2, 0);
    candidates.offer(0, &[1.0, 0.0], &[0.0]).unwrap();
    candidates.offer(1, &[0.5, 0.5], &[1.0]).unwrap();
    candidates.offer(2, &[1.0, 0.0], &[5.0]).unwrap();
    assert_eq!(positions(Strategy::Margin, &candidates.finish(), &Labelled::none(1), 3, 0), [1, 2, 0]);
}

#[test]
fn what_is_no_number_is_refused_with_its_row() {
    let mut candidates = Candidates::new(Strategy::Margin, 3, 2, 2, 0);
    let error = candidates.offer(4, &[0.5, 0.5], &[0.0, f32::NAN]).unwrap_err();
    assert_eq!(error, SuggestError::NonFinite { row: 4, what: "dimension", position: 1 });
    let error = candidates.offer(5, &[f32::INFINITY, 0.5], &[0.0, 1.0]).unwrap_err();
    assert_eq!(error, SuggestError::NonFinite { row: 5, what: "probability", position: 0 });
    assert!(candidates.finish().is_empty());
}

#[test]
fn reasons_are_those_of_the_row() {
    let rows = candidates(Strategy::Margin, 100, 4, 2);
    let chosen = choose(Strategy::Margin, &rows, &labelled(6), 4, 2);
    assert_eq!(chosen[0].nearest_chosen, None);
    for (place, row) in chosen.iter().enumerate() {
        assert_eq!(row.probabilities, shares(2, row.row));
        assert_eq!(row.margin, margin(&row.probabilities));
        let apart =
            |other: &[f32]| vector(2, row.row).iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        let near = row.nearest_labelled.unwrap();
        let nearest = (0..6).map(|other| apart(&vector(99, other))).fold(f32::INFINITY, f32::min);
        assert!((near.distance - nearest).abs() < 1e-3 && (apart(&vector(99, near.row)) - nearest).abs() < 1e-5);
        if let Some(near) = row.nearest_chosen {
            let before = chosen[..place].iter().map(|other| apart(&vector(2, other.row))).fold(f32::INFINITY, f32::min);
            assert!((near.distance - before).abs() < 1e-5);
        }
    }
}

#[test]
fn margins_and_entropies() {
    assert_eq!(margin(&[0.2, 0.5, 0.3]), 0.5 - 0.3);
    assert_eq!(margin(&[0.5, 0.5]), 0.0);
    assert_eq!(margin(&[1.0, 0.0]), 1.0);
    assert!((entropy(&[0.25; 4]) - 1.0).abs() < 1e-6);
    assert_eq!(entropy(&[0.0, 1.0]), 0.0);
}

#[test]
fn auto_names_its_reason() {
    assert_ne!(auto(8, 4).1, auto(800, 4).1);
}

#[test]
fn a_replay_tells_the_labels_saved() {
    let curve = |strategy, scores: &[&[f64]]| Curve {
        strategy,
        labels: vec![10, 20, 30, 40],
        scores: scores.iter().map(|seed| seed.to_vec()).collect(),
    };
    // Random reaches 0.8 with 40 labels on the mean; margin passes it halfway between 20 and 30.
    let random = curve(Strategy::Random, &[&[0.5, 0.6, 0.7, 0.9], &[0.5, 0.6, 0.7, 0.7]]);
    let margin = curve(Strategy::Margin, &[&[0.5, 0.7, 0.9, 1.0], &[0.5, 0.7, 0.9, 0.9]]);
    let worse = curve(Strategy::Coreset, &[&[0.5, 0.5, 0.6, 0.7], &[0.5, 0.5, 0.6, 0.7]]);
    let found = summarise_replay(&[margin, worse, random.clone()]);
    assert!((found[0].labels_saved.mean - 15.0).abs() < 1e-9 && found[0].reached, "{:?}", found[0].labels_saved);
    assert!((found[0].final_gain.mean - 0.15).abs() < 1e-9, "{:?}", found[0].final_gain);
    assert!((found[0].mean_gain.mean - 0.15).abs() < 1e-9, "{:?}", found[0].mean_gain);
    // Two seeds, differences 0.1 and 0.2: 12.706 standard errors of 0.05.
    assert!((found[0].final_gain.high - (0.15 + 12.706 * 0.05)).abs() < 1e-6);
    assert!(!found[1].reached && found[1].labels_saved.mean == 0.0);
    assert!(found[1].final_gain.mean < 0.0);
    assert_eq!((found[2].labels_saved.mean, found[2].final_gain.mean), (0.0, 0.0));
    assert!(summarise_replay(&[]).is_empty());
}
