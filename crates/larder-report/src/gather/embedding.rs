//! Projection of a head's features on a plane.

use larder_run::page::{Missing, PlaneRows};
use larder_run::tasks::{self, SavedAnswers};
use larder_run::{Larder, RunRecord};
use larder_store::{FeaturesFile, StoreError};

use super::cache::Cache;
use crate::numbers::Projection;
use crate::page::{Embedding, Point};

/// Most points on the page: more would overlap, and enlarge the page.
const POINTS: usize = 2_000;
/// Most points of entities, for taggers: most words have none.
const ENTITY_POINTS: usize = 1_200;
/// Seed of the sample.
const SEED: u64 = 0;

/// Projects the features of `split` that the head reads.
pub(super) fn gather(
    larder: &Larder,
    record: &RunRecord,
    cache: &Cache<'_>,
    split: &str,
    answers: &Result<SavedAnswers, Missing>,
) -> Result<Embedding, Missing> {
    let answers = answers.as_ref().map_err(Missing::clone)?;
    let path = cache.features(split)?;
    let broken = |error: StoreError| no_embeddings(error);
    let file = FeaturesFile::open(&path).map_err(broken)?;
    let head = record.load_head(larder).map_err(no_embeddings)?;
    let columns = head.column_names();
    let texts = |example_ids: &[String]| cache.texts_of(split, example_ids);
    let rows = tasks::of(record.task()).plane_rows(record, split, answers, &texts)?;
    if file.example_ids().map_err(broken)? != rows.example_ids {
        return Err(format!(
            "There are no embeddings to show: the cached features of {split} are of other rows than the answers; `larder eval \
             {}` brings both together.",
            record.run
        )
        .into());
    }
    let (taken, sampling) = sample(&rows);
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let width = file.width(&names).map_err(broken)?;
    let parts = file.rows_of(&taken, &names).map_err(broken)?;
    let vectors = side_by_side(&parts, taken.len());
    let projection = Projection::of(&vectors, width).ok_or_else(|| {
        Missing::from("There are no embeddings to show: there are fewer than two rows, or they are not finite.")
    })?;
    let points = taken.iter().zip(&projection.points).map(|(&row, &[x, y])| {
        let (gold, answer) = rows.of_rows.get(row).copied().unwrap_or_default();
        Point { x, y, gold, answer, text: (rows.text)(row) }
    });
    Ok(Embedding {
        split: split.to_owned(),
        columns,
        unit: rows.unit.to_owned(),
        points: points.collect(),
        sampling,
        explained: projection.explained,
        groups: rows.groups,
    })
}

fn no_embeddings(why: impl std::fmt::Display) -> Missing {
    Missing(format!("There are no embeddings to show: {why}."))
}

/// Returns the rows shown, in order, and a sentence about the sampling.
fn sample(rows: &PlaneRows<'_>) -> (Vec<usize>, String) {
    let all: Vec<usize> = (0..rows.of_rows.len()).collect();
    if all.len() <= POINTS {
        return (all, String::new());
    }
    let of = |group: Option<usize>| rows.of_rows.iter().filter(|(gold, _)| Some(*gold) == group).count();
    let Some(outside) = rows.outside else {
        let note = format!("Shown are {POINTS} of {} {}s, chosen by chance.", all.len(), rows.unit);
        return (chosen(&all, POINTS), note);
    };
    let is_outside = |row: &(usize, usize)| *row == (outside, outside);
    let (plain, entities): (Vec<usize>, Vec<usize>) =
        all.iter().partition(|&&row| rows.of_rows.get(row).is_none_or(is_outside));
    let mut taken = chosen(&entities, ENTITY_POINTS);
    let rest = POINTS - taken.len();
    let note = format!(
        "Shown are {} of {} words with an entity in gold or answer, and {} of {} without, chosen by chance; {} words are \
         `O` in gold.",
        taken.len(),
        entities.len(),
        rest.min(plain.len()),
        plain.len(),
        of(Some(outside))
    );
    taken.extend(chosen(&plain, rest));
    taken.sort_unstable();
    (taken, note)
}

/// Samples `most` of `rows`, in order: those with the lowest hash, the same every time.
fn chosen(rows: &[usize], most: usize) -> Vec<usize> {
    let mut ordered: Vec<(u64, usize)> = rows.iter().map(|&row| (hash(row as u64), row)).collect();
    ordered.sort_unstable();
    let mut taken: Vec<usize> = ordered.into_iter().take(most).map(|(_, row)| row).collect();
    taken.sort_unstable();
    taken
}

/// Returns the `row`-th number of SplitMix64 (Steele, Lea and Flood, 2014) from [`SEED`].
fn hash(row: u64) -> u64 {
    let mut z = SEED.wrapping_add((row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Concatenates columns, each `[rows, width]`, into `[rows, total width]`.
fn side_by_side(parts: &[Vec<f32>], rows: usize) -> Vec<f32> {
    let mut joined = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for row in 0..rows {
        for part in parts {
            let width = part.len() / rows.max(1);
            joined.extend(part.get(row * width..(row + 1) * width).unwrap_or_default());
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_alike_every_time_and_spread_over_all() {
        let rows: Vec<usize> = (0..10_000).collect();
        let taken = chosen(&rows, 1_000);
        assert_eq!(taken, chosen(&rows, 1_000));
        assert!(taken.len() == 1_000 && taken.is_sorted());
        let early = taken.iter().filter(|&&row| row < 5_000).count();
        assert!((400..600).contains(&early), "{early}");
        assert_eq!(chosen(&rows[..5], 9), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn columns_are_joined_row_by_row() {
        let joined = side_by_side(&[vec![1.0, 2.0], vec![3.0, 4.0, 5.0, 6.0]], 2);
        assert_eq!(joined, [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
    }
}
