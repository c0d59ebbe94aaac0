//! Heads on a few rows a class, drawn again and again: what so few labels are worth.

use std::time::Instant;

use larder_data::{DatasetSpec, LabelMap};
use larder_intake::Encoder;
use larder_metrics::{ClassificationScores, ConfusionMatrix, Summary, summarise};
use larder_run::{
    Event, HeadSettings, Larder, Observer, RunError, TRAIN_SPLIT, TrainOptions, gold, gold_and_unseen, label_vectors,
    load_columns,
};
use larder_store::FeaturesFile;
use larder_train::{FeatureColumn, SequenceHead, TrainingRows};
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::PipelineError;
use crate::encode::encode_split;
use crate::train::check_trainable;

/// The draws, and the heads that are trained on each.
#[derive(Debug, Clone, Copy)]
pub struct ShotsRequest<'a> {
    /// Rows a class.
    pub shots: &'a [usize],
    /// Each seed draws other rows; those of fewer shots are among those of more.
    pub seeds: &'a [u64],
    /// The heads.
    pub heads: &'a [HeadSettings],
}

/// The scores of all draws.
#[derive(Debug, Serialize)]
pub struct ShotsOutcome {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// One entry a split, number of shots and head.
    pub entries: Vec<ShotsEntry>,
    /// Deviations from what was asked, in sentences.
    pub notes: Vec<String>,
}

/// A head's scores on a split, over all seeds.
#[derive(Debug, Clone, Serialize)]
pub struct ShotsEntry {
    /// The split that was answered.
    pub split: String,
    /// Rows a class.
    pub shots: usize,
    /// Rows that the head was trained on, with the last seed.
    pub rows: usize,
    /// The head.
    pub head: String,
    /// The share of rows answered rightly.
    pub accuracy: Scores,
    /// Matthews' correlation coefficient.
    pub mcc: Scores,
    /// The mean of the classes' F1.
    pub macro_f1: Scores,
    /// Seconds of a fit, with the choice of its settings.
    pub fit_seconds: f64,
}

/// A score over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Its values, in the order of the seeds.
    pub values: Vec<f64>,
    /// Mean, standard deviation (of a sample), lowest and highest value.
    #[serde(flatten)]
    pub summary: Summary,
}

impl Scores {
    fn new(values: Vec<f64>) -> Self {
        Self { summary: summarise(&values), values }
    }
}

/// A split's features in memory.
struct Split {
    name: String,
    columns: Vec<FeatureColumn>,
    gold: Vec<usize>,
    /// Those of train, and those that are only here.
    classes: usize,
}

impl Split {
    fn score(&self, head: &dyn SequenceHead) -> Result<ClassificationScores, PipelineError> {
        let columns: Vec<&FeatureColumn> = self.columns.iter().collect();
        let answers = head.answers(&head.probabilities(&columns)?);
        Ok(ClassificationScores::from(&ConfusionMatrix::from_classes(&self.gold, &answers, self.classes)?))
    }
}

/// Draws rows of each class from train, trains every head on them, and scores it on all other splits. Tokens and features are made
/// once; no run is kept.
///
/// # Errors
/// [`RunError::OtherHead`] for a head that is not fitted in memory, or of another task; [`PipelineError::NothingToJudge`];
/// [`PipelineError`] of the first stage that fails.
pub fn run_shots(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    request: &ShotsRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<ShotsOutcome, PipelineError> {
    check_trainable(spec, options.encode.settings.level)?;
    for settings in request.heads {
        let kind = settings.kind();
        if !settings.is_for(spec.task) || !HeadSettings::IN_MEMORY.contains(&kind) {
            let (head, known) = (kind.to_owned(), HeadSettings::IN_MEMORY.to_vec());
            return Err(RunError::OtherHead { spec: spec.path.clone(), task: spec.task, head, known }.into());
        }
    }
    let (features, _) = encode_split(larder, spec, encoder, TRAIN_SPLIT, &options.encode, observer)?;
    let train = FeaturesFile::open(&features)?;
    let (labels, _) = larder_run::tasks::of(spec.task).learnable_labels(&train, LabelMap::resolve(spec)?)?;
    let layers = encoder.interface().last_layer();
    let outputs = options.encode.settings.outputs(layers)?;
    let names: Vec<String> = outputs.iter().map(|output| output.column(layers)).collect();
    let splits = other_splits(larder, spec, encoder, options, &labels, &names, observer)?;

    let gold = gold(&train, labels.names())?;
    let (drawn, notes) = draw(&gold, labels.display(), request);
    let mut needed: Vec<usize> = drawn.iter().flatten().flatten().copied().collect();
    needed.sort_unstable();
    needed.dedup();
    let all_ids = train.example_ids()?;
    let ids: Vec<String> = needed.iter().map(|&row| all_ids[row].clone()).collect();
    let columns = rows_of(&train, &needed, &names)?;
    let label_names = match request.heads.iter().any(HeadSettings::reads_names) {
        true => label_vectors(larder, spec, encoder, &options.encode.settings, labels.display())?,
        false => Vec::new(),
    };

    let total = request.shots.len() * request.heads.len() * request.seeds.len();
    let mut entries = Vec::new();
    for (&shots, of_shots) in request.shots.iter().zip(&drawn) {
        for settings in request.heads {
            let (mut scores, mut seconds, mut rows) = (vec![Vec::new(); splits.len()], 0.0, 0);
            for (&seed, of_seed) in request.seeds.iter().zip(of_shots) {
                let done = entries.len() / splits.len() * request.seeds.len() + scores[0].len();
                let what = format!("{} on {shots} rows a class", settings.kind());
                observer.event(Event::Training { done, total, what: &what });
                let places: Vec<usize> =
                    of_seed.iter().map(|row| needed.partition_point(|other| other < row)).collect();
                let picked: Vec<FeatureColumn> = columns
                    .iter()
                    .map(|column| FeatureColumn::new(&column.name, column.values.select(Axis(0), &places)))
                    .collect();
                let started = Instant::now();
                let head = settings.clone().with_seed(seed).fit_in_memory(&TrainingRows {
                    columns: &picked.iter().collect::<Vec<_>>(),
                    labels: &of_seed.iter().map(|&row| gold[row]).collect::<Vec<_>>(),
                    ids: &places.iter().map(|&place| ids[place].clone()).collect::<Vec<_>>(),
                    classes: labels.names(),
                    names: &label_names,
                })?;
                let Some(head) = head else { continue };
                seconds += started.elapsed().as_secs_f64();
                rows = of_seed.len();
                for (split, scores) in splits.iter().zip(&mut scores) {
                    scores.push(split.score(head.as_ref())?);
                }
            }
            for (split, scores) in splits.iter().zip(&scores) {
                let of = |score: fn(&ClassificationScores) -> f64| Scores::new(scores.iter().map(score).collect());
                entries.push(ShotsEntry {
                    split: split.name.clone(),
                    shots,
                    rows,
                    head: settings.kind().to_owned(),
                    accuracy: of(|scores| scores.accuracy),
                    mcc: of(|scores| scores.mcc),
                    macro_f1: of(|scores| scores.macro_f1),
                    fit_seconds: seconds / request.seeds.len() as f64,
                });
            }
        }
    }
    let place = |entry: &ShotsEntry| splits.iter().position(|split| split.name == entry.split);
    entries.sort_by_key(place);
    Ok(ShotsOutcome { seeds: request.seeds.to_vec(), entries, notes })
}

/// Reads every split but train.
fn other_splits(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    labels: &LabelMap,
    names: &[String],
    observer: &mut dyn Observer,
) -> Result<Vec<Split>, PipelineError> {
    let mut splits = Vec::new();
    for name in spec.split_names().filter(|name| *name != TRAIN_SPLIT) {
        let (features, _) = encode_split(larder, spec, encoder, name, &options.encode, observer)?;
        let file = FeaturesFile::open(&features)?;
        let given = file.labels()?;
        if given.iter().all(Option::is_none) {
            continue;
        }
        let (gold, unseen) = gold_and_unseen(file.path(), &given, labels.names())?;
        let classes = labels.len() + unseen.len();
        splits.push(Split { name: name.to_owned(), columns: load_columns(&file, names)?, gold, classes });
    }
    match splits.is_empty() {
        true => Err(PipelineError::NothingToJudge { spec: spec.path.clone() }),
        false => Ok(splits),
    }
}

/// Returns the rows drawn, ascending, `[shots][seeds]`, and what is to be said of classes with fewer.
fn draw(gold: &[usize], names: &[String], request: &ShotsRequest<'_>) -> (Vec<Vec<Vec<usize>>>, Vec<String>) {
    let of_class = |class: usize| -> Vec<usize> { (0..gold.len()).filter(|&row| gold[row] == class).collect() };
    let classes: Vec<Vec<usize>> = (0..names.len()).map(of_class).collect();
    let shuffled: Vec<Vec<Vec<usize>>> = request
        .seeds
        .iter()
        .map(|&seed| {
            let mut random = StdRng::seed_from_u64(seed);
            let mut classes = classes.clone();
            classes.iter_mut().for_each(|rows| rows.shuffle(&mut random));
            classes
        })
        .collect();
    let drawn = |shots: usize| -> Vec<Vec<usize>> {
        let of_seed = |classes: &Vec<Vec<usize>>| {
            let mut rows: Vec<usize> = classes.iter().flat_map(|rows| rows.iter().take(shots)).copied().collect();
            rows.sort_unstable();
            rows
        };
        shuffled.iter().map(of_seed).collect()
    };
    let most = request.shots.iter().copied().max().unwrap_or(0);
    let few = classes.iter().zip(names).filter(|(rows, _)| rows.len() < most);
    let notes =
        few.map(|(rows, name)| format!("`{name}` has {} training rows: more shots take all of them", rows.len()));
    (request.shots.iter().map(|&shots| drawn(shots)).collect(), notes.collect())
}

/// Reads some rows, ascending, of vector columns.
fn rows_of(file: &FeaturesFile, rows: &[usize], names: &[String]) -> Result<Vec<FeatureColumn>, PipelineError> {
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let values = file.rows_of(rows, &borrowed)?;
    let column = |(name, values): (&String, Vec<f32>)| {
        let width = file.width(&[name])?;
        let values = Array2::from_shape_vec((rows.len(), width), values).expect("rows * width values were read");
        Ok(FeatureColumn::new(name, values))
    };
    names.iter().zip(values).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(shots: &'a [usize], seeds: &'a [u64]) -> ShotsRequest<'a> {
        ShotsRequest { shots, seeds, heads: &[] }
    }

    #[test]
    fn draws_are_balanced_nested_and_differ_by_seed() {
        let gold: Vec<usize> = (0..60).map(|row| row % 3).collect();
        let names = ["a", "b", "c"].map(str::to_owned);
        let (drawn, notes) = draw(&gold, &names, &request(&[2, 8], &[0, 1]));
        assert!(notes.is_empty());
        for (rows, shots) in drawn.iter().zip([2, 8]) {
            for of_seed in rows {
                assert!(of_seed.is_sorted() && of_seed.len() == 3 * shots);
                for class in 0..3 {
                    assert_eq!(of_seed.iter().filter(|&&row| gold[row] == class).count(), shots);
                }
            }
            assert_ne!(rows[0], rows[1]);
        }
        assert!(drawn[0][0].iter().all(|row| drawn[1][0].contains(row)));
        assert_eq!(drawn, draw(&gold, &names, &request(&[2, 8], &[0, 1])).0);
    }

    #[test]
    fn a_class_with_fewer_rows_gives_all_it_has_and_is_named() {
        let (drawn, notes) = draw(&[0, 0, 0, 1], &["many", "one"].map(str::to_owned), &request(&[3], &[7]));
        assert_eq!(drawn, [[[0, 1, 2, 3]]]);
        assert!(notes.len() == 1 && notes[0].contains("`one` has 1"), "{notes:?}");
    }
}
