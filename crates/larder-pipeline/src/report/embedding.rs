//! What a head reads, on a plane.

use larder_report::{Embedding, Point, Projection};
use larder_store::{FeaturesFile, StoreError};

use super::Lacking;
use super::answers::{Answers, Labelled, Tagged};
use super::cache::Cache;
use super::facts::class_names;
use crate::head::Head;
use crate::{Larder, RunRecord};

/// Points on the page at most: more cover each other, and the page stays small.
const POINTS: usize = 2_000;
/// Of tagged words, points with an entity at most: words without one are most of every text.
const ENTITY_POINTS: usize = 1_200;
/// Seed of which rows are taken.
const SEED: u64 = 0;
/// Words shown on either side of a word.
const AROUND: usize = 4;

/// Gathers the vectors of `split` that the head reads.
pub(super) fn gather(
    larder: &Larder,
    record: &RunRecord,
    cache: &Cache<'_>,
    split: &str,
    answers: &Lacking<Answers>,
) -> Lacking<Embedding> {
    let answers = answers.as_ref().map_err(String::clone)?;
    let path = cache.features(split)?;
    let broken = |error: StoreError| format!("There are no embeddings to show: {error}.");
    let file = FeaturesFile::open(&path).map_err(broken)?;
    let head = record.load_head(larder).map_err(|error| format!("There are no embeddings to show: {error}."))?;
    let columns: Vec<String> = columns(&head);
    let rows = match answers {
        Answers::Labels(_) => texts(record, cache, split, answers.labelled(split)?)?,
        Answers::Tags(_) => words(record, answers.tagged(split)?),
    };
    if file.example_ids().map_err(broken)? != rows.example_ids {
        return Err(format!(
            "There are no embeddings to show: the cached features of {split} are of other rows than the answers; `larder eval \
             {}` brings both together.",
            record.run
        ));
    }
    let (taken, sampling) = rows.sample();
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let width = file.width(&names).map_err(broken)?;
    let parts = file.rows_of(&taken, &names).map_err(broken)?;
    let vectors = side_by_side(&parts, taken.len());
    let projection = Projection::of(&vectors, width).ok_or_else(|| {
        "There are no embeddings to show: there are fewer than two rows, or they are not finite.".to_owned()
    })?;
    let points = taken.iter().zip(&projection.points).map(|(&row, &[x, y])| {
        let Row { gold, answer } = rows.groups.get(row).copied().unwrap_or_default();
        Point { x, y, gold, answer, text: (rows.text)(row) }
    });
    Ok(Embedding {
        split: split.to_owned(),
        columns,
        unit: rows.unit.to_owned(),
        points: points.collect(),
        rows: rows.groups.len(),
        sampling,
        explained: projection.explained,
        groups: rows.names,
    })
}

fn columns(head: &Head) -> Vec<String> {
    let columns = match head {
        Head::Sequence(head) => &head.columns,
        Head::Mlp(head) => &head.columns,
        Head::Tagging(head) => &head.columns,
    };
    columns.iter().map(|column| column.name.clone()).collect()
}

/// The groups of one row.
#[derive(Clone, Copy, Default)]
struct Row {
    gold: usize,
    answer: usize,
}

/// The rows that could be shown.
struct Rows<'a> {
    unit: &'static str,
    example_ids: &'a [String],
    names: Vec<String>,
    groups: Vec<Row>,
    /// The group that most words are of, if there is one.
    outside: Option<usize>,
    text: Box<dyn Fn(usize) -> String + 'a>,
}

fn texts<'a>(record: &RunRecord, cache: &Cache<'_>, split: &str, answers: &'a Labelled) -> Lacking<Rows<'a>> {
    // Points without their texts are still points.
    let texts = cache.texts_of(split, &answers.example_ids).unwrap_or_default();
    let groups = answers.gold.iter().zip(&answers.answers).map(|(&gold, &answer)| Row { gold, answer }).collect();
    Ok(Rows {
        unit: "text",
        example_ids: &answers.example_ids,
        names: class_names(record),
        groups,
        outside: None,
        text: Box::new(move |row| texts.get(row).cloned().unwrap_or_default()),
    })
}

fn words<'a>(record: &RunRecord, answers: &'a Tagged) -> Rows<'a> {
    let kind = |tag: &str| tag.split_once('-').map(|(_, kind)| kind.to_owned());
    let mut names: Vec<String> = record.labels.iter().filter_map(|tag| kind(tag)).collect();
    names.sort();
    names.dedup();
    let outside = names.len();
    names.push("O".to_owned());
    let group = |tag: &str| kind(tag).and_then(|kind| names.iter().position(|name| *name == kind)).unwrap_or(outside);
    let pairs = answers.gold.iter().zip(&answers.answers);
    let groups = pairs.map(|(gold, answer)| Row { gold: group(gold), answer: group(answer) }).collect();
    Rows {
        unit: "word",
        example_ids: &answers.example_ids,
        groups,
        outside: Some(outside),
        text: Box::new(|row| among_neighbours(answers, row)),
        names,
    }
}

/// A word in brackets among those of its sentence.
fn among_neighbours(answers: &Tagged, row: usize) -> String {
    let position = answers.positions.get(row).and_then(|&position| usize::try_from(position).ok()).unwrap_or(0);
    let first = row - position.min(AROUND).min(row);
    let mut words = Vec::new();
    for at in first..=row + AROUND {
        let Some(word) = answers.words.get(at) else { break };
        // Another sentence begins.
        if at > row && answers.positions.get(at) == Some(&0) {
            break;
        }
        words.push(if at == row { format!("[{word}]") } else { word.clone() });
    }
    words.join(" ")
}

impl Rows<'_> {
    /// The rows that are shown, in order, and how they were chosen.
    fn sample(&self) -> (Vec<usize>, String) {
        let all: Vec<usize> = (0..self.groups.len()).collect();
        if all.len() <= POINTS {
            return (all, String::new());
        }
        let of = |group: Option<usize>| self.groups.iter().filter(|row| Some(row.gold) == group).count();
        let Some(outside) = self.outside else {
            let note = format!("Shown are {POINTS} of {} {}s, chosen by chance.", all.len(), self.unit);
            return (chosen(&all, POINTS), note);
        };
        let is_outside = |row: &Row| row.gold == outside && row.answer == outside;
        let (plain, entities): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|&&row| self.groups.get(row).is_none_or(is_outside));
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
}

/// `most` of `rows`, in order: those with the lowest hash, so that the same rows are chosen every time.
fn chosen(rows: &[usize], most: usize) -> Vec<usize> {
    let mut ordered: Vec<(u64, usize)> = rows.iter().map(|&row| (hash(row as u64), row)).collect();
    ordered.sort_unstable();
    let mut taken: Vec<usize> = ordered.into_iter().take(most).map(|(_, row)| row).collect();
    taken.sort_unstable();
    taken
}

/// The `row`-th number of SplitMix64 (Steele, Lea and Flood, 2014) from [`SEED`].
fn hash(row: u64) -> u64 {
    let mut z = SEED.wrapping_add((row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Columns, each `[rows, its width]`, as one `[rows, widths together]`.
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

    #[test]
    fn a_word_stands_among_those_of_its_own_sentence() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let answers = Tagged {
            positions: vec![0, 0, 1, 2, 0],
            words: texts(&["Before", "Ada", "Lovelace", "sings", "After"]),
            ..Tagged::default()
        };
        assert_eq!(among_neighbours(&answers, 2), "Ada [Lovelace] sings");
        assert_eq!(among_neighbours(&answers, 0), "[Before]");
        assert_eq!(among_neighbours(&answers, 4), "[After]");
    }
}
