//! Any bytes as a `.conll` file with gold and predicted tags, and its scores; and as columns of targets.
//!
//! A file that is read is written again, and must be the same sentences with the same scores.

#![no_main]

use larder_data::{
    Format, KnownLabels, NO_PREDICTION, ScoredColumns, ScoredConll, ScoredSentence, Separator, TargetFile, write_conll,
};
use larder_fuzz::{choice, put};
use larder_metrics::{Bootstrap, score_tagging};
use larder_tags::Scheme;
use libfuzzer_sys::fuzz_target;

const SCHEMES: [Scheme; 5] = [Scheme::Iob1, Scheme::Iob2, Scheme::Iobes, Scheme::Bilou, Scheme::Bmes];

fn read(name: &str, content: &[u8], columns: ScoredColumns, separator: Separator) -> Option<Vec<ScoredSentence>> {
    let reader = ScoredConll::open(&put(name, content), columns, separator);
    let sentences: Result<Vec<_>, _> = reader.and_then(Iterator::collect);
    sentences.map_err(|error| drop(error.to_string())).ok()
}

fn scores(sentences: &[ScoredSentence], scheme: Scheme) -> String {
    let gold: Vec<_> = sentences.iter().map(|sentence| sentence.gold.clone()).collect();
    let predicted: Vec<Vec<String>> = sentences.iter().map(|sentence| sentence.predicted.clone()).collect();
    let bootstrap = Bootstrap { resamples: 5, ..Bootstrap::default() };
    let scores = score_tagging(&gold, &predicted, scheme, &bootstrap, &[]);
    let perfect = score_tagging(&gold, &gold, scheme, &bootstrap, &[]);
    if let (Ok(perfect), true) = (&perfect, predicted == gold) {
        assert_eq!(perfect.token_accuracy, 1.0);
    }
    scores.map_or_else(|error| error.to_string(), |scores| serde_json::to_string(&scores).expect("scores are written"))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, 30) else { return };
    let (scheme, kind) = (SCHEMES[at % 5], at / 5);
    let (columns, separator) = match kind {
        0 => (ScoredColumns::LastTwo, Separator::Whitespace),
        1 => (ScoredColumns::LastTwo, Separator::Tab),
        2 => (ScoredColumns::At { gold: 2, predicted: 1 }, Separator::Space),
        3 | 4 => return targets(content, kind == 3),
        _ => (ScoredColumns::At { gold: 0, predicted: 1 }, Separator::Whitespace),
    };
    let Some(sentences) = read("scored.conll", content, columns, separator) else { return };
    assert!(sentences.iter().all(|sentence| !sentence.words.is_empty()));
    let mut written = Vec::new();
    for sentence in &sentences {
        let ScoredSentence { words, gold, predicted, .. } = sentence;
        assert_eq!((words.len(), words.len()), (gold.len(), predicted.len()));
        assert!(gold.iter().all(|tag| tag != NO_PREDICTION));
        write_conll(&mut written, words, &[gold, predicted]).expect("memory takes it");
    }
    let again = read("again.conll", &written, ScoredColumns::LastTwo, Separator::Tab).expect("what is written is read");
    assert_eq!(again.len(), sentences.len());
    for (again, sentence) in again.iter().zip(&sentences) {
        assert_eq!(again.words.len(), sentence.words.len());
    }
    if again.iter().zip(&sentences).all(|(a, b)| a.gold == b.gold && a.predicted == b.predicted) {
        assert_eq!(scores(&again, scheme), scores(&sentences, scheme));
    }
    // Written twice it is the same text.
    let mut twice = Vec::new();
    for ScoredSentence { words, gold, predicted, .. } in &again {
        write_conll(&mut twice, words, &[gold, predicted]).expect("memory takes it");
    }
    assert_eq!(twice, written);
});

/// Columns of labels, of numbers and of probabilities.
fn targets(content: &[u8], is_csv: bool) {
    let path = put(if is_csv { "targets.csv" } else { "targets.jsonl" }, content);
    let format = if is_csv { Format::Csv } else { Format::Jsonl };
    let file = TargetFile::new(&path, Some(format), None, None).expect("a format is given");
    let column = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let labels = column(&["x", "y"]);
    let separator = is_csv.then_some("|");
    let _ = file.labels(&column(&["a"]), KnownLabels { names: &[], separator }).map_err(|error| error.to_string());
    let _ =
        file.labels(&column(&["a", "b"]), KnownLabels { names: &labels, separator }).map_err(|error| error.to_string());
    if let Ok(numbers) = file.numbers("n") {
        assert!(numbers.iter().all(|number| number.is_finite()));
    }
    if let Ok(found) = file.probabilities(&column(&["p"]), &labels, true) {
        assert!(found.len() % labels.len() == 0 && found.iter().all(|p| (0.0..=1.0).contains(p)), "{found:?}");
    }
    let _ = file.probabilities(&column(&["p", "q"]), &labels, false).map_err(|error| error.to_string());
}
