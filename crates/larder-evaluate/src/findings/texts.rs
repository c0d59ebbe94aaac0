//! Facts from a tokens file: equal texts, lengths, and unknown words.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::Path;

use larder_data::{Content, Target};
use larder_diagnose::{KeyedRows, PointedRow, Pointer, Spelling, has_sign};
use larder_intake::Encoder;
use larder_run::{RunError, RunRecord};
use larder_store::{TokenRow, TokensProjection, TokensReader};
use larder_tokens::{NO_WORD, normalize_for_comparison};

/// Unknown words that are named.
const NAMED_UNKNOWN: usize = 5;

/// Distinct unknown words that are counted.
const COUNTED_UNKNOWN: usize = 10_000;

/// First character of scripts (Thai and later) that have no spaces between words, or are read character by character.
const UNSPACED: char = '\u{0e00}';

/// Statistics of a split's texts. The texts stay on disk: each row is a few numbers.
#[derive(Debug, Default)]
pub(super) struct SplitTexts {
    /// True if each text of a pair is read by itself.
    alone: bool,
    exact: Vec<u128>,
    normalized: Vec<u128>,
    labels: Vec<Option<u64>>,
    pub cut_rows: usize,
    pub tokens: u64,
    pub cut_tokens: u64,
    /// Tokens of the longest text, before truncation.
    pub longest: usize,
    own_tokens: u64,
    unknown: u64,
    unknown_words: HashMap<String, u64>,
    /// Unknown tokens that stand for words without a symbol.
    unknown_spelled: u64,
    words: u64,
    word_tokens: u64,
    letters: u64,
    letter_tokens: u64,
    /// Entities by type, for tagging.
    pub entities: BTreeMap<String, usize>,
}

impl SplitTexts {
    /// Reads a tokens file as a run read it.
    pub fn read(record: &RunRecord, encoder: &Encoder, path: &Path) -> Result<Self, RunError> {
        let (labels, unk_id) = (&record.labels, encoder.manifest().special_tokens.unk_id);
        let mut texts = Self { alone: record.settings.pair_features, ..Self::default() };
        for batch in TokensReader::open(path, TokensProjection::All)? {
            for row in batch?.rows(path)? {
                texts.add(&row, labels, unk_id);
            }
        }
        Ok(texts)
    }

    pub fn rows(&self) -> usize {
        self.exact.len()
    }

    /// Returns keys of the rows; `targets` is what a task's targets are called.
    pub fn keyed<'a>(&'a self, targets: &'a str) -> KeyedRows<'a> {
        KeyedRows { exact: &self.exact, normalized: &self.normalized, labels: &self.labels, targets }
    }

    pub fn spelling(&self) -> Spelling {
        let mut examples: Vec<(String, u64)> =
            self.unknown_words.iter().map(|(word, count)| (word.clone(), *count)).collect();
        examples.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        examples.truncate(NAMED_UNKNOWN);
        Spelling {
            tokens: self.own_tokens,
            unknown: self.unknown,
            unknown_words: self.unknown_spelled,
            examples,
            words: self.words,
            word_tokens: self.word_tokens,
            letters: self.letters,
            letter_tokens: self.letter_tokens,
        }
    }

    /// Returns a digest of texts and labels.
    pub fn digest(&self) -> String {
        format!("{:016x}", hash(&(&self.exact, &self.labels), 0))
    }

    fn add(&mut self, row: &TokenRow, labels: &[String], unk_id: Option<i32>) {
        let text = shown(&row.content);
        self.exact.push(key(&text));
        self.normalized.push(key(&normalize_for_comparison(&text)));
        self.labels.push(match &row.target {
            None => None,
            // A label that train does not have gets a number of its own.
            Some(Target::Label(label)) => Some(match labels.iter().position(|known| known == label) {
                Some(class) => class as u64,
                None => hash(label, 0).max(labels.len() as u64),
            }),
            Some(Target::Labels(labels)) => {
                let mut labels: Vec<&String> = labels.iter().collect();
                labels.sort();
                Some(hash(&labels, 0))
            }
            Some(Target::Number(number)) => Some(number.to_bits()),
            Some(Target::Tags(tags)) => {
                for tag in tags {
                    if let Some(kind) = tag.strip_prefix("B-") {
                        *self.entities.entry(kind.to_owned()).or_default() += 1;
                    }
                }
                Some(hash(tags, 0))
            }
        });
        let read: Vec<(usize, u32)> = match &row.texts_alone {
            Some(texts) if self.alone => {
                texts.iter().map(|text| (text.input_ids.len(), text.truncated_tokens)).collect()
            }
            _ => vec![(row.input_ids.len(), row.truncated_tokens)],
        };
        self.cut_rows += usize::from(read.iter().any(|(_, cut)| *cut > 0));
        for (tokens, cut) in read {
            self.tokens += tokens as u64;
            self.cut_tokens += u64::from(cut);
            self.longest = self.longest.max(tokens + cut as usize);
        }
        match &row.content {
            Content::Words(words) => self.add_words(row, words, unk_id),
            Content::Text { text, text_b } => {
                let second_from = match text_b {
                    Some(_) => second_text(row),
                    None => row.input_ids.len(),
                };
                self.add_text(row, text, 0..second_from, unk_id);
                if let Some(second) = text_b {
                    self.add_text(row, second, second_from..row.input_ids.len(), unk_id);
                }
            }
        }
    }

    /// Counts the tokens of a sentence's words.
    fn add_words(&mut self, row: &TokenRow, words: &[String], unk_id: Option<i32>) {
        for word in words {
            self.words += u64::from(is_spelled(word));
            self.letters += word.chars().filter(|&letter| is_unspaced(letter)).count() as u64;
        }
        for (&id, &word) in row.input_ids.iter().zip(&row.word_ids) {
            let Some(word) = usize::try_from(word).ok().and_then(|word| words.get(word)) else { continue };
            self.own_tokens += 1;
            self.word_tokens += u64::from(is_spelled(word));
            self.letter_tokens += u64::from(!word.is_empty() && word.chars().all(is_unspaced));
            if Some(id) == unk_id {
                self.add_unknown(word);
            }
        }
    }

    /// Counts the tokens of a text, a range of the row's.
    fn add_text(&mut self, row: &TokenRow, text: &str, tokens: Range<usize>, unk_id: Option<i32>) {
        let letters: Vec<char> = text.chars().collect();
        let mut read = 0;
        for at in tokens {
            if is_special(row, at) {
                continue;
            }
            let Some(span) = row.offsets.get(at).and_then(|span| slice(&letters, *span)) else { continue };
            read = read.max(row.offsets[at].1.max(0) as usize);
            self.own_tokens += 1;
            self.word_tokens += u64::from(span.iter().any(|&letter| is_letter(letter)));
            self.letter_tokens += u64::from(span.iter().any(|&letter| is_unspaced(letter)));
            if row.input_ids.get(at).copied() == unk_id && unk_id.is_some() {
                self.add_unknown(span.iter().collect::<String>().trim());
            }
        }
        let read = letters.get(..read).unwrap_or(&letters);
        self.letters += read.iter().filter(|&&letter| is_unspaced(letter)).count() as u64;
        self.words += read.split(|&letter| !is_letter(letter)).filter(|word| !word.is_empty()).count() as u64;
    }

    fn add_unknown(&mut self, word: &str) {
        self.unknown += 1;
        self.unknown_spelled += u64::from(!has_sign(word));
        if self.unknown_words.len() < COUNTED_UNKNOWN || self.unknown_words.contains_key(word) {
            *self.unknown_words.entry(word.to_owned()).or_default() += 1;
        }
    }
}

fn is_special(row: &TokenRow, token: usize) -> bool {
    row.word_ids.get(token).is_none_or(|&word| word == NO_WORD)
}

/// Returns the index of the second text of a pair: the first special token after the first text. Type ids do not tell, since some
/// families give both texts the same.
fn second_text(row: &TokenRow) -> usize {
    let tokens = row.input_ids.len();
    let first = (0..tokens).find(|&at| !is_special(row, at)).unwrap_or(tokens);
    (first..tokens).find(|&at| is_special(row, at)).unwrap_or(tokens)
}

fn slice(letters: &[char], (start, end): (i32, i32)) -> Option<&[char]> {
    letters.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn is_letter(letter: char) -> bool {
    letter.is_alphabetic() && letter < UNSPACED
}

/// Returns a letter of a script without spaces between words.
fn is_unspaced(letter: char) -> bool {
    letter.is_alphabetic() && letter >= UNSPACED
}

fn is_spelled(word: &str) -> bool {
    !word.is_empty() && word.chars().all(is_letter)
}

/// Returns the text, pair or sentence as it is compared and shown.
fn shown(content: &Content) -> String {
    match content {
        Content::Text { text, text_b: None } => text.clone(),
        Content::Text { text, text_b: Some(second) } => format!("{text}\n{second}"),
        Content::Words(words) => words.join(" "),
    }
}

/// Returns a 128-bit hash of a text: among a billion texts, two collide with a probability of 10^-20.
fn key(text: &str) -> u128 {
    u128::from(hash(text, 1)) << 64 | u128::from(hash(text, 2))
}

fn hash<T: Hash + ?Sized>(value: &T, seed: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns the ids and texts of some rows of a tokens file.
pub(super) fn look_up(path: &Path, rows: &BTreeSet<usize>) -> Result<HashMap<usize, (String, String)>, RunError> {
    let mut found = HashMap::new();
    if rows.is_empty() {
        return Ok(found);
    }
    let mut first = 0;
    for batch in TokensReader::open(path, TokensProjection::All)? {
        let batch = batch?;
        let here = first..first + batch.len();
        if rows.range(here.clone()).next().is_some() {
            for (row, content) in here.clone().zip(batch.rows(path)?) {
                if rows.contains(&row) {
                    found.insert(row, (content.example_id, shown(&content.content)));
                }
            }
        }
        first = here.end;
    }
    Ok(found)
}

/// Adds the text to a pointer.
pub(super) fn pointed(pointer: Pointer, split: &str, texts: &HashMap<usize, (String, String)>) -> Option<PointedRow> {
    let (example_id, text) = texts.get(&pointer.row)?.clone();
    Some(PointedRow { split: split.to_owned(), example_id, text, note: pointer.note })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(content: Content, ids: &[i32], words: &[i32], offsets: &[(i32, i32)]) -> TokenRow {
        TokenRow {
            example_id: "0".to_owned(),
            content,
            document: 0,
            target: None,
            input_ids: ids.to_vec(),
            type_ids: vec![0; ids.len()],
            offsets: offsets.to_vec(),
            word_ids: words.to_vec(),
            truncated_tokens: 2,
            texts_alone: None,
        }
    }

    #[test]
    fn unknown_words_and_pieces_are_counted_in_texts_and_in_words() {
        let mut texts = SplitTexts::default();
        let text = Content::Text { text: "Приве́т abc de".to_owned(), text_b: None };
        // [CLS] [UNK] ab c [SEP]; what is left of the text was cut.
        let spans = [(0, 0), (0, 7), (8, 10), (10, 11), (0, 0)];
        texts.add(&row(text, &[2, 1, 7, 8, 3], &[-1, 0, 1, 1, -1], &spans), &[], Some(1));
        let words = Content::Words(vec!["abc".to_owned(), "☂".to_owned()]);
        texts.add(&row(words, &[2, 7, 8, 1, 3], &[-1, 0, 0, 1, -1], &[(0, 0); 5]), &[], Some(1));
        let spelling = texts.spelling();
        assert_eq!((spelling.tokens, spelling.unknown), (6, 2));
        assert_eq!(spelling.examples, [("Приве́т".to_owned(), 1), ("☂".to_owned(), 1)]);
        // A combining accent parts a word in two; `de` was cut; `☂` is no word.
        assert_eq!((spelling.words, spelling.word_tokens), (4, 5));
        assert_eq!((texts.rows(), texts.cut_rows, texts.longest, texts.cut_tokens), (2, 2, 7, 4));
    }

    #[test]
    fn keys_are_those_of_texts() {
        assert_eq!(key("a b"), key("a b"));
        assert_ne!(key("a b"), key("a  b"));
        assert_eq!(key(&normalize_for_comparison("A  b")), key(&normalize_for_comparison("a b")));
    }
}
