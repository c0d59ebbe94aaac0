//! Tagging heads: against SciPy, against each other, streamed and not, on disk and in use.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::noise;
use larder_files::FileError;
use larder_tags::{Entity, TagSet};
use larder_train::{
    ClassWeight, ClassWeightChoice, ColumnUse, FeatureColumn, HEAD_JSON, HEAD_SAFETENSORS, HeadColumn, LogisticHead,
    Solver, TaggedSentence, TaggerKind, TaggerSolver, TaggingHead, TaggingProgress, TaggingSettings, ThresholdChoice,
    TrainError, TrainedTagger, WordSource, WordsInMemory, train_tagger,
};
use ndarray::Array2;
use serde::Deserialize;

fn tags() -> TagSet {
    TagSet::new(["x".to_owned(), "y".to_owned()])
}

/// Sentences in which an entity of type y always directly follows one of type x, with words outside between such pairs;
/// an empty sentence now and then.
fn sentences(count: usize, seed: u64) -> Vec<Vec<usize>> {
    (0..count)
        .map(|number| {
            let length = ((noise(seed, number) + 0.5) * 25.0) as usize;
            let mut classes: Vec<usize> = Vec::new();
            for word in 0..length {
                let draw = noise(seed + 1, number * 100 + word) + 0.5;
                classes.push(match classes.last().copied().unwrap_or(0) {
                    0 if draw < 0.75 => 0,
                    0 => 1,
                    1 | 2 if draw < 0.5 => 2,
                    1 | 2 => 3,
                    _ if draw < 0.4 => 4,
                    _ => 0,
                });
            }
            classes
        })
        .collect()
}

/// A column whose dimensions lean towards `looks` of the word's class.
fn column(name: &str, gold: &[Vec<usize>], looks: [usize; 5], width: usize, strength: f64, seed: u64) -> FeatureColumn {
    let gold = gold.concat();
    let values = Array2::from_shape_fn((gold.len(), width), |(word, dimension)| {
        let lean = strength * noise(77, looks[gold[word]] * width + dimension);
        ((lean + noise(seed, word * width + dimension)) * (dimension + 1) as f64) as f32
    });
    FeatureColumn::new(name, values)
}

fn source(gold: &[Vec<usize>], columns: Vec<FeatureColumn>) -> WordsInMemory {
    WordsInMemory::new(columns, gold.iter().map(Vec::len).collect(), gold.concat()).unwrap()
}

/// Words whose features say outside, begin or inside, but not of which type.
fn untyped(count: usize, seed: u64) -> (Vec<Vec<usize>>, WordsInMemory) {
    let gold = sentences(count, seed);
    let features = column("embedding", &gold, [0, 1, 2, 1, 2], 8, 3.0, seed + 5);
    let source = source(&gold, vec![features]);
    (gold, source)
}

/// Words whose features lean towards their class.
fn typed(count: usize, seed: u64, strength: f64) -> (Vec<Vec<usize>>, WordsInMemory) {
    let gold = sentences(count, seed);
    let features = column("embedding", &gold, [0, 1, 2, 3, 4], 12, strength, seed + 5);
    let source = source(&gold, vec![features]);
    (gold, source)
}

fn settings(kind: TaggerKind, c: f64) -> TaggingSettings {
    TaggingSettings { kind, grid: vec![c], outside_bias: ThresholdChoice::Half, ..TaggingSettings::default() }
}

fn run(source: &dyn WordSource, settings: &TaggingSettings) -> TrainedTagger {
    train_tagger(source, &tags(), settings, &mut |_| {}).unwrap()
}

/// Strict micro F1.
fn f1(gold: &[Vec<usize>], tagged: &[TaggedSentence]) -> f64 {
    let (mut both, mut correct) = (0, 0);
    for (gold, tagged) in gold.iter().zip(tagged) {
        let entities: HashSet<Entity> = tags().entities(gold).into_iter().collect();
        both += entities.len() + tagged.entities.len();
        correct += tagged.entities.iter().filter(|found| entities.contains(&found.entity)).count();
    }
    2.0 * correct as f64 / both as f64
}

#[derive(Deserialize)]
struct Golden {
    features: Vec<Vec<f32>>,
    sentences: Vec<Vec<usize>>,
    fits: Vec<Fit>,
}

#[derive(Deserialize)]
struct Fit {
    c: f64,
    objective: f64,
    marginals: Vec<Vec<Vec<f64>>>,
}

#[test]
fn a_crf_agrees_with_scipy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/train/crf.json");
    let golden: Golden = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let width = golden.features[0].len();
    let values = golden.features.concat();
    let features = Array2::from_shape_vec((golden.features.len(), width), values).unwrap();
    let source = source(&golden.sentences, vec![FeatureColumn::new("embedding", features)]);
    for fit in &golden.fits {
        let trained = run(&source, &settings(TaggerKind::Crf, fit.c));
        let convergence = &trained.convergence;
        assert!(convergence.converged, "{convergence:?}");
        // The fit stops where the gradient is 1e-4 of its first norm; at C = 30 the objective is so flat that this is
        // 3e-6 of it. (Fitted to the end it agrees to 1e-6: `tagging/fit.rs`.)
        assert!((convergence.objective / fit.objective - 1.0).abs() < 1e-5, "C = {}: {convergence:?}", fit.c);
        let tagged = trained.head.tag(&source).unwrap();
        let mut least: f64 = 1.0;
        for (tagged, marginals) in tagged.iter().zip(&fit.marginals) {
            for ((class, found), marginals) in tagged.classes.iter().zip(&tagged.probabilities).zip(marginals) {
                // To the first order in what is left of the gradient.
                assert!((found - marginals[*class]).abs() < 5e-3, "C = {}: {found} for {marginals:?}", fit.c);
                least = least.min(*found);
            }
        }
        assert!(least < 0.9, "the problem is too easy to show anything");
    }
}

#[test]
fn a_chain_knows_what_its_words_do_not_show() {
    let (_, train) = untyped(300, 1);
    let (gold, dev) = untyped(200, 100);
    let on_dev = |kind| {
        let trained = run(&train, &TaggingSettings { kind, ..TaggingSettings::default() });
        assert!(trained.convergence.converged, "{:?}", trained.convergence);
        f1(&gold, &trained.head.tag(&dev).unwrap())
    };
    let (logistic, crf) = (on_dev(TaggerKind::Logistic), on_dev(TaggerKind::Crf));
    // Both types look alike: which one a word begins can only be known from the class before it.
    assert!(crf > 0.8 && logistic < 0.65, "{crf} {logistic}");
}

#[test]
fn answers_are_legal_and_confidence_is_earned() {
    let (_, train) = typed(250, 1, 1.0);
    let (gold, dev) = typed(1000, 50, 1.0);
    for kind in TaggerKind::ALL {
        // A given strength: what is looked at is confidence, not choice.
        let trained = run(&train, &settings(*kind, 1e-1));
        let tagged = trained.head.tag(&dev).unwrap();
        let (mut sure, mut sure_right, mut unsure, mut unsure_right) = (0, 0, 0, 0);
        for (gold, tagged) in gold.iter().zip(&tagged) {
            assert_eq!(gold.len(), tagged.classes.len());
            assert_eq!(gold.len(), tagged.probabilities.len());
            let mut previous = None;
            for &class in &tagged.classes {
                assert!(tags().allowed(previous, class));
                previous = Some(class);
            }
            let entities = tags().entities(gold);
            for found in &tagged.entities {
                let words = &tagged.probabilities[found.entity.start..found.entity.end];
                let least = words.iter().copied().fold(1.0, f64::min);
                assert!(found.confidence > 0.0 && found.confidence <= least + 1e-12, "{found:?} {least}");
                let right = usize::from(entities.contains(&found.entity));
                if found.confidence > 0.8 {
                    (sure, sure_right) = (sure + 1, sure_right + right);
                } else if found.confidence < 0.5 {
                    (unsure, unsure_right) = (unsure + 1, unsure_right + right);
                }
            }
        }
        let (sure, unsure) = (sure_right as f64 / sure as f64, unsure_right as f64 / unsure as f64);
        assert!(sure > 0.9 && unsure < sure - 0.15, "{kind}: {sure} {unsure}");
        assert!(f1(&gold, &tagged) > 0.6, "{kind}: {}", f1(&gold, &tagged));
    }
}

#[test]
fn small_and_large_logistic_fits_are_the_same() {
    // Beyond the library's limit, 4 million, this crate's float32 products take over.
    let solve = |count: usize, width: usize| {
        let gold = sentences(count, 3);
        let features = column("embedding", &gold, [0, 1, 2, 3, 4], width, 0.6, 8);
        let head = run(&source(&gold, vec![features]), &settings(TaggerKind::Logistic, 0.1));
        assert!(head.convergence.converged);
        head
    };
    let small = solve(250, 40);
    assert_eq!(small.convergence.solvers[0], Solver::Linfa);
    // The same words with dimensions that are always 0: they change nothing but the size.
    let gold = sentences(250, 3);
    let words: usize = gold.iter().map(Vec::len).sum();
    let features = column("embedding", &gold, [0, 1, 2, 3, 4], 40, 0.6, 8);
    let padding = FeatureColumn::new("nothing", Array2::zeros((words, 4_000_000 / 5 / words)));
    let large = run(&source(&gold, vec![features, padding]), &settings(TaggerKind::Logistic, 0.1));
    assert_eq!(large.convergence.solvers, [Solver::Lbfgs]);
    // Both are within 1e-4 of the first gradient; objectives agree to its square.
    let ratio = large.convergence.objective / small.convergence.objective;
    assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
    for (one, other) in small.head.weights.rows().into_iter().zip(large.head.weights.rows()) {
        for (one, other) in one.iter().zip(&other.to_vec()[..40]) {
            assert!((one - other).abs() < 2e-3, "{one} {other}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (_, train) = typed(300, 4, 0.8);
    for settings in [
        TaggingSettings { kind: TaggerKind::Crf, ..TaggingSettings::default() },
        TaggingSettings { kind: TaggerKind::Logistic, solver: TaggerSolver::Adam, ..TaggingSettings::default() },
    ] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let trained = run(&train, &settings);
                let tagged = trained.head.tag(&train).unwrap();
                (trained, tagged)
            })
        };
        assert_eq!(on(1), on(3));
    }
}

#[test]
fn tagging_in_parts_is_tagging_at_once() {
    let (_, train) = typed(120, 4, 1.0);
    let head = run(&train, &settings(TaggerKind::Crf, 0.1)).head;
    let whole = head.tag(&train).unwrap();
    assert!(whole.iter().any(|sentence| sentence.classes.is_empty()), "an empty sentence is among them");
    let mut parts = head.tag_range(&train, 0..17).unwrap();
    parts.extend(head.tag_range(&train, 17..17).unwrap());
    parts.extend(head.tag_range(&train, 17..120).unwrap());
    assert_eq!(whole, parts);
}

#[test]
fn the_column_that_knows_is_chosen_when_asked() {
    let gold = sentences(200, 6);
    let knows = column("embedding_l5", &gold, [0, 1, 2, 3, 4], 6, 2.0, 7);
    let noise = column("embedding", &gold, [0; 5], 30, 0.0, 8);
    let train = source(&gold, vec![noise.clone(), knows.clone()]);
    let choose = TaggingSettings { kind: TaggerKind::Crf, columns: ColumnUse::Choose, ..TaggingSettings::default() };
    let mut lines = Vec::new();
    let trained = train_tagger(&train, &tags(), &choose, &mut |progress| {
        if let TaggingProgress::Scored { candidate, candidates, entry } = progress {
            assert!(candidate < candidates);
            lines.push(entry.clone());
        }
    })
    .unwrap();
    let selection = trained.selection.unwrap();
    assert_eq!(selection.entries, lines);
    let table = selection.best_by_candidate();
    let names: Vec<&str> = table.iter().map(|entry| entry.candidate.as_str()).collect();
    assert_eq!(names, ["embedding", "embedding_l5", "all 2 columns"]);
    assert!(table[0].scores.f1 < 0.3 && table[1].scores.f1 > 0.7, "{table:?}");
    assert_eq!(trained.head.columns, [HeadColumn { name: "embedding_l5".to_owned(), width: 6 }]);
    assert_eq!(trained.head.columns[0].name, selection.best().columns[0]);
    // It finds its column whatever lies beside it.
    let expected = trained.head.tag(&train).unwrap();
    assert_eq!(expected, trained.head.tag(&source(&gold, vec![knows, noise.clone()])).unwrap());
    let error = trained.head.tag(&source(&gold, vec![noise])).unwrap_err().to_string();
    assert!(error.contains("`embedding_l5`") && error.contains("`embedding`"), "{error}");

    let all = run(&train, &TaggingSettings { columns: ColumnUse::Concatenate, ..choose });
    assert_eq!(all.head.width(), 36);
}

#[test]
fn the_bias_of_outside_is_tuned_and_class_weights_are_tried() {
    let (gold, train) = typed(400, 9, 0.55);
    let with = |class_weight, outside_bias| {
        run(&train, &TaggingSettings { class_weight, outside_bias, folds: 3, ..settings(TaggerKind::Logistic, 0.01) })
    };
    let half = with(ClassWeightChoice::None, ThresholdChoice::Half);
    let tuned = with(ClassWeightChoice::None, ThresholdChoice::Tuned);
    assert!(half.selection.is_none() && half.head.outside_bias == 0.0);
    let selection = tuned.selection.unwrap();
    assert_eq!((selection.folds, selection.held_out), (3, selection.sentences));
    assert_eq!(selection.sentences, gold.iter().filter(|sentence| !sentence.is_empty()).count());
    let best = selection.best();
    assert!(tuned.head.outside_bias < 0.0, "a weak head answers `O` too often: {}", tuned.head.outside_bias);
    assert!(best.scores.f1 > best.unbiased_scores.f1 + 0.02, "{best:?}");
    let both = with(ClassWeightChoice::Auto, ThresholdChoice::Tuned).selection.unwrap();
    let weights: Vec<ClassWeight> = both.entries.iter().map(|entry| entry.class_weight).collect();
    assert_eq!(weights, [ClassWeight::None, ClassWeight::Balanced]);
    // A class that counts more is answered more often, so `O` needs no push away.
    assert!(both.entries[1].outside_bias > both.entries[0].outside_bias, "{both:?}");
    let error = train_tagger(
        &train,
        &tags(),
        &TaggingSettings { class_weight: ClassWeightChoice::Balanced, ..settings(TaggerKind::Crf, 0.1) },
        &mut |_| {},
    );
    assert!(matches!(error.unwrap_err(), TrainError::ClassWeightOfCrf));
}

/// A source that counts what is asked of it, and where the features lie in a file.
struct Counting<'a> {
    inner: &'a WordsInMemory,
    file: Option<Mutex<File>>,
    /// Most words asked for at once, and most numbers held by a buffer.
    words: AtomicUsize,
    held: AtomicUsize,
    reads: AtomicUsize,
}

impl<'a> Counting<'a> {
    fn new(inner: &'a WordsInMemory, file: Option<File>) -> Self {
        let zero = || AtomicUsize::new(0);
        Self { inner, file: file.map(Mutex::new), words: zero(), held: zero(), reads: zero() }
    }
}

impl WordSource for Counting<'_> {
    fn columns(&self) -> &[HeadColumn] {
        self.inner.columns()
    }

    fn sentence_lengths(&self) -> &[usize] {
        self.inner.sentence_lengths()
    }

    fn classes(&self) -> &[usize] {
        self.inner.classes()
    }

    fn read(&self, sentences: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
        let lengths = self.inner.sentence_lengths();
        let words: usize = lengths[sentences.clone()].iter().sum();
        self.words.fetch_max(words, Ordering::Relaxed);
        self.reads.fetch_add(words, Ordering::Relaxed);
        match &self.file {
            None => self.inner.read(sentences, into)?,
            Some(file) => {
                let width: usize = self.columns().iter().map(|column| column.width).sum();
                let first: usize = lengths[..sentences.start].iter().sum();
                let mut bytes = vec![0; words * width * 4];
                let mut file = file.lock().unwrap();
                let place = SeekFrom::Start((first * width * 4) as u64);
                let outcome = file.seek(place).and_then(|_| file.read_exact(&mut bytes));
                outcome.map_err(|source| TrainError::Source { source: Box::new(source) })?;
                into.extend(bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())));
            }
        }
        self.held.fetch_max(into.capacity(), Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_stream_is_read_in_parts_and_is_the_same_from_memory_and_from_a_file() {
    let (_, train) = typed(3000, 2, 0.8);
    let words = train.classes().len();
    let mut values = Vec::new();
    train.read(0..3000, &mut values).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();

    // A fifth of the features: a quarter of it are 1,800 words, so sample and buffer are one block of 4,096.
    let memory_bytes = values.len() as u64 * 4 / 5;
    let settings =
        TaggingSettings { kind: TaggerKind::Crf, memory_bytes, grid: vec![0.01, 0.1], ..TaggingSettings::default() };
    let in_memory = Counting::new(&train, None);
    let in_file = Counting::new(&train, Some(file));
    let (one, other) = (run(&in_memory, &settings), run(&in_file, &settings));
    assert_eq!(one, other);
    assert!(one.streamed && one.convergence.solvers == [Solver::Lbfgs, Solver::Adam]);
    assert!(one.notes[0].contains("sample of"), "{:?}", one.notes);
    assert_eq!(one.head.tag(&in_memory).unwrap(), other.head.tag(&in_file).unwrap());

    assert!(words > 30_000 && in_memory.words.load(Ordering::Relaxed) <= 4096);
    // Whatever the source's size: what is held at once are a sample and a buffer, each a block or so.
    assert!(in_memory.held.load(Ordering::Relaxed) <= 4096 * 12, "{:?}", in_memory.held);
    // Two passes, the epochs, and tagging.
    assert_eq!(in_memory.reads.load(Ordering::Relaxed), words * (2 + settings.epochs + 1));

    let other_seed = run(&in_memory, &TaggingSettings { seed: 9, ..settings });
    assert_ne!(other_seed.head, one.head);
}

#[test]
fn a_stream_comes_close_to_the_solution() {
    let (gold, train) = typed(3000, 2, 0.8);
    let (dev_gold, dev) = typed(500, 60, 0.8);
    for kind in TaggerKind::ALL {
        // Few words: more epochs than by default, so that there are as many steps as a large source has.
        let settings = TaggingSettings { epochs: 25, ..settings(*kind, 0.03) };
        let exact = run(&train, &settings);
        let memory_bytes = gold.iter().map(Vec::len).sum::<usize>() as u64 * 12 * 4 / 10;
        let streamed = run(&train, &TaggingSettings { memory_bytes, ..settings });
        let ratio = streamed.convergence.objective / exact.convergence.objective;
        assert!((1.0 - 1e-6..1.01).contains(&ratio), "{kind}: {ratio}");
        assert!(streamed.convergence.relative_gradient_norm < 2e-2, "{kind}: {:?}", streamed.convergence);
        assert!(!streamed.convergence.converged, "{kind}: mini-batches do not reach 1e-4");
        let (one, other) = (exact.head.tag(&dev).unwrap(), streamed.head.tag(&dev).unwrap());
        let words = one.iter().zip(&other).flat_map(|(one, other)| one.classes.iter().zip(&other.classes));
        let (equal, all) =
            words.fold((0, 0), |(equal, all), (one, other)| (equal + usize::from(one == other), all + 1));
        assert!(equal as f64 > 0.99 * all as f64, "{kind}: {equal} of {all}");
        let (one, other) = (f1(&dev_gold, &one), f1(&dev_gold, &other));
        assert!(one > 0.3 && (one - other).abs() < 0.02, "{kind}: {one} {other}");
    }
}

#[test]
fn a_sentence_of_a_hundred_thousand_words_is_a_sentence() {
    let mut gold = vec![Vec::new(), sentences(9000, 3).concat()];
    // Joined sentences start with `O` or `B-`, so the whole is legal.
    assert!(gold[1].len() > 100_000);
    gold.push(vec![1, 2, 0]);
    let features = column("embedding", &gold, [0, 1, 2, 3, 4], 4, 1.5, 8);
    let train = source(&gold, vec![features]);
    for solver in [TaggerSolver::Lbfgs, TaggerSolver::Adam] {
        let trained = run(&train, &TaggingSettings { solver, epochs: 1, ..settings(TaggerKind::Crf, 0.001) });
        let tagged = trained.head.tag(&train).unwrap();
        assert_eq!(tagged[1].classes.len(), gold[1].len());
        assert!(tagged[1].probabilities.iter().all(|probability| (0.0..=1.0 + 1e-12).contains(probability)));
        assert!(f1(&gold, &tagged) > 0.3);
    }
}

#[test]
fn a_class_without_words_is_never_answered_and_said() {
    // Type y has no `I-`; type z has no words at all.
    let gold: Vec<Vec<usize>> = sentences(200, 6)
        .into_iter()
        .map(|sentence| sentence.into_iter().map(|class| if class == 4 { 0 } else { class }).collect())
        .collect();
    let features = column("embedding", &gold, [0, 1, 2, 3, 4], 6, 1.0, 7);
    let train = source(&gold, vec![features.clone()]);
    let tags = TagSet::new(["x".to_owned(), "y".to_owned(), "z".to_owned()]);
    for kind in TaggerKind::ALL {
        let trained = train_tagger(&train, &tags, &settings(*kind, 0.1), &mut |_| {}).unwrap();
        assert_eq!(trained.notes, ["no training word is tagged I-y, B-z, I-z: never answered"]);
        assert_eq!(trained.head.seen_in_training, [true, true, true, true, false, false, false]);
        // Words that look like anything: far away in every direction.
        let wild = FeatureColumn::new("embedding", features.values.mapv(|value| value * -50.0));
        let tagged = trained.head.tag(&source(&gold, vec![wild])).unwrap();
        let answered: Vec<usize> = tagged.into_iter().flat_map(|sentence| sentence.classes).collect();
        assert!(answered.iter().all(|&class| class < 4));
        assert!((0..4).all(|class| answered.contains(&class)), "{kind}: all others are");
    }
}

#[test]
fn a_round_trip_keeps_every_bit_and_damage_is_named() {
    let (_, train) = typed(100, 4, 1.0);
    for kind in TaggerKind::ALL {
        let trained = run(&train, &TaggingSettings { kind: *kind, ..TaggingSettings::default() });
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("head");
        trained.head.save(&path).unwrap();
        let loaded = TaggingHead::load(&path).unwrap();
        assert_eq!(loaded, trained.head);
        assert_eq!(loaded.tag(&train).unwrap(), trained.head.tag(&train).unwrap());
        // One kind of head is not taken for the other.
        let error = LogisticHead::load(&path).unwrap_err().to_string();
        assert!(error.contains("\"tagger\"") && error.contains("\"logistic\""), "{error}");

        let json = path.join(HEAD_JSON);
        // Without the checksum, which any change would fall to.
        let text = String::from_utf8(larder_files::unsealed_json(fs::read(&json).unwrap()).unwrap()).unwrap();
        let load = || TaggingHead::load(&path).unwrap_err();
        fs::write(&json, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
        assert!(matches!(load(), TrainError::Version { found: 2, .. }));
        fs::write(&json, text.replace("\"x\"", "\"x\", \"w\"")).unwrap();
        let error = load().to_string();
        assert!(error.contains("expected F64 [7,"), "{error}");
        fs::write(&json, text.replace("\"never_answered\": []", "\"never_answered\": [\"B-q\"]")).unwrap();
        assert!(load().to_string().contains("`B-q`"));
        let none = "\"never_answered\": [\"O\", \"B-x\", \"B-y\"]";
        fs::write(&json, text.replace("\"never_answered\": []", none)).unwrap();
        assert!(matches!(load(), TrainError::Inconsistent { .. }));
        fs::write(&json, &text[..text.len() / 2]).unwrap();
        assert!(matches!(load(), TrainError::Json { .. }));
        fs::write(&json, &text).unwrap();
        let numbers = path.join(HEAD_SAFETENSORS);
        let bytes = fs::read(&numbers).unwrap();
        fs::write(&numbers, &bytes[..bytes.len() - 3]).unwrap();
        assert!(matches!(load(), TrainError::File(FileError::Damaged { .. })));
        fs::remove_file(&numbers).unwrap();
        assert!(matches!(load(), TrainError::Io { .. }));
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let (gold, train) = typed(40, 4, 1.0);
    let width = 12;
    let error = |source: &dyn WordSource, settings: &TaggingSettings| {
        train_tagger(source, &tags(), settings, &mut |_| {}).unwrap_err()
    };
    let crf = settings(TaggerKind::Crf, 0.1);
    let remade = |change: &dyn Fn(&mut Vec<usize>)| {
        let mut classes = gold.concat();
        change(&mut classes);
        let features = column("embedding", &gold, [0; 5], width, 0.0, 1);
        WordsInMemory::new(vec![features], gold.iter().map(Vec::len).collect(), classes)
    };
    assert!(matches!(error(&remade(&|classes| classes.clear()).unwrap(), &crf), TrainError::NoTags));
    assert!(matches!(remade(&|classes| classes.truncate(5)).unwrap_err(), TrainError::WordMismatch { found: 5, .. }));
    assert!(matches!(error(&remade(&|classes| classes.fill(0)).unwrap(), &crf), TrainError::NoEntities { .. }));
    let out = error(&remade(&|classes| classes[3] = 9).unwrap(), &crf);
    assert!(matches!(out, TrainError::LabelOutOfRange { row: 3, label: 9, classes: 5 }), "{out}");
    let first = gold.iter().position(|sentence| sentence.len() > 2).unwrap();
    let at: usize = gold[..first].iter().map(Vec::len).sum();
    let illegal = |classes: &mut Vec<usize>| (classes[at], classes[at + 1]) = (0, 2);
    let message = error(&remade(&illegal).unwrap(), &crf).to_string();
    assert!(message.contains(&format!("sentence {first}, word 1: I-x may not stand after O")), "{message}");
    let message = error(&remade(&|classes| classes[at] = 4).unwrap(), &crf).to_string();
    assert!(message.contains("word 0: I-y may not stand at the start"), "{message}");

    let of = |settings: TaggingSettings| error(&train, &settings).to_string();
    assert!(of(TaggingSettings { folds: 0, ..crf.clone() }).contains("0 folds"));
    assert!(of(TaggingSettings { grid: vec![], ..crf.clone() }).contains("empty"));
    assert!(of(TaggingSettings { epochs: 0, ..crf.clone() }).contains("0 epoch(s)"));
    assert!(of(TaggingSettings { learning_rate: f64::NAN, ..crf.clone() }).contains("NaN"));

    // A source that gives NaN, too little, or an error.
    struct Broken<'a>(&'a WordsInMemory, u8);
    impl WordSource for Broken<'_> {
        fn columns(&self) -> &[HeadColumn] {
            self.0.columns()
        }
        fn sentence_lengths(&self) -> &[usize] {
            self.0.sentence_lengths()
        }
        fn classes(&self) -> &[usize] {
            self.0.classes()
        }
        fn read(&self, sentences: Range<usize>, into: &mut Vec<f32>) -> Result<(), TrainError> {
            self.0.read(sentences, into)?;
            match self.1 {
                0 => into[12 * 7 + 5] = f32::NAN,
                1 => into.truncate(into.len() - 12),
                _ => return Err(TrainError::Source { source: "the disk is gone".into() }),
            }
            Ok(())
        }
    }
    let message = error(&Broken(&train, 0), &crf).to_string();
    assert!(message.contains("`embedding`, row 7, dimension 5") && message.contains("NaN"), "{message}");
    assert!(matches!(error(&Broken(&train, 1), &crf), TrainError::WordMismatch { .. }));
    let failed = error(&Broken(&train, 2), &crf);
    assert_eq!(std::error::Error::source(&failed).unwrap().to_string(), "the disk is gone");
}

#[test]
fn few_sentences_mean_fewer_folds_and_then_none() {
    let (_, train) = typed(8, 4, 1.0);
    let sentences = train.sentence_lengths().iter().filter(|&&length| length > 0).count();
    let asked = TaggingSettings { folds: 50, ..TaggingSettings::default() };
    let trained = run(&train, &asked);
    assert_eq!(trained.selection.unwrap().folds, sentences);
    assert!(trained.notes.iter().any(|note| note.starts_with(&format!("{sentences} folds instead of 50"))));

    let gold = vec![vec![0, 1, 2, 0, 3, 4, 0, 1]];
    let columns =
        || ["embedding", "embedding_l1"].map(|name| column(name, &gold, [0, 1, 2, 3, 4], 12, 1.0, 3)).to_vec();
    for kind in TaggerKind::ALL {
        for settings in [
            TaggingSettings { kind: *kind, ..TaggingSettings::default() },
            TaggingSettings { kind: *kind, columns: ColumnUse::Choose, folds: 5, ..TaggingSettings::default() },
        ] {
            let trained = run(&source(&gold, columns()), &settings);
            assert!(trained.selection.is_none() && trained.train_scores.f1 == 1.0, "{:?}", trained.train_scores);
            assert_eq!((trained.head.c, trained.head.outside_bias, trained.head.columns.len()), (0.1, 0.0, 2));
            let why = trained.unchosen.unwrap();
            assert!(why.contains("1 training sentence(s)") && why.contains("all 2 columns, C = 0.1"), "{why}");
        }
        // One strength, and nothing to tune: nothing is missing.
        assert_eq!(run(&source(&gold, columns()), &settings(*kind, 1.0)).unchosen, None);
    }
}

#[test]
fn a_bias_that_gains_nothing_is_left_out() {
    let mut taken = 0;
    for seed in 0..8 {
        let (_, train) = typed(120, 300 + seed, 1.6);
        let selection =
            run(&train, &TaggingSettings { grid: vec![0.1], ..TaggingSettings::default() }).selection.unwrap();
        let best = selection.best();
        let gain = best.bias_gain.expect("it was tuned");
        assert_eq!(best.outside_bias != 0.0, gain.gain > gain.standard_error, "{best:?}");
        assert!(best.outside_bias != 0.0 || best.scores == best.unbiased_scores);
        assert!(selection.rule.contains("outside bias 0") && selection.rule.contains("one standard error"));
        taken += usize::from(best.outside_bias != 0.0);
    }
    assert!(taken < 8, "words are told apart as they should be: there is nothing to gain");
}

#[test]
fn every_spelling_reads_back_and_an_unknown_one_lists_them() {
    for kind in TaggerKind::ALL {
        assert_eq!(kind.to_string().parse::<TaggerKind>().unwrap(), *kind);
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
    }
    for solver in TaggerSolver::ALL {
        assert_eq!(solver.to_string().parse::<TaggerSolver>().unwrap(), *solver);
        assert_eq!(serde_json::to_string(solver).unwrap(), format!("\"{solver}\""));
    }
    for columns in ColumnUse::ALL {
        assert_eq!(columns.to_string().parse::<ColumnUse>().unwrap(), *columns);
        assert_eq!(serde_json::to_string(columns).unwrap(), format!("\"{columns}\""));
    }
    let error = "hmm".parse::<TaggerKind>().unwrap_err().to_string();
    assert_eq!(error, "unknown tagging head `hmm`: expected one of logistic, crf");
    let settings = TaggingSettings::default();
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<TaggingSettings>(&text).unwrap(), settings);
}
