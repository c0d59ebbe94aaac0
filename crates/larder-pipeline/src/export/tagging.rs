//! One tag a word: the file's scores, read as `config.json` says, beside the run's answers.

use larder_data::{Content, Target};
use larder_encode::{EncodeSettings, Engine, EngineSettings, WordsInput, embed_words};
use larder_export::Row;
use larder_onnx::WordPool;
use larder_runtime::Device;
use larder_tags::{Scheme, TagSet, strict};
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens, windows};
use larder_train::{Classifier, FeatureColumn, TaggedSentence, TaggingHead, WordsInMemory};
use ndarray::Array2;

use super::Subject;
use super::batches::{Timed, run_all};
use super::check::{CheckRows, Checked, Distance};
use crate::PipelineError;
use crate::head::Head;

/// Sentences that are answered at a time: their words' features lie in memory.
const BLOCK_SENTENCES: usize = 1024;

/// The column of a head that reads scores.
const LOGITS: &str = "logits";

pub(super) fn check(
    subject: &Subject<'_>,
    rows: &CheckRows,
    tokenizer: &Tokenizer,
    files: &mut [Timed],
) -> Result<Checked, PipelineError> {
    let Head::Tagging(head) = &subject.head else {
        return Err(PipelineError::BrokenRun { run: subject.record.run.clone() });
    };
    let reading = Reading::new(subject, head);
    let settings = EngineSettings { device: Device::Cpu, threads: subject.threads, ..EngineSettings::default() };
    let mut engine = Engine::new(subject.runtime()?, &subject.encoder, &subject.record.outputs, settings)?;
    let encode = subject.record.encode_options(Device::Cpu, subject.threads).settings;
    let mut distance = Distance::default();
    let mut too_long = 0;
    let mut counts = vec![Counts::default(); files.len()];
    for (block, contents) in rows.contents.chunks(BLOCK_SENTENCES).enumerate() {
        let tokens = tokenizer.encode_batch(contents, &TokenizeSettings { max_tokens: None })?;
        // What is longer is read in windows, each of them a sentence to the file.
        let whole: Vec<usize> = (0..tokens.len()).filter(|&at| tokens[at].len() <= subject.max_tokens()).collect();
        too_long += tokens.len() - whole.len();
        let sentences: Vec<Sentence<'_>> =
            whole.iter().map(|&at| Sentence { tokens: &tokens[at], words: words_in(&contents[at]) }).collect();
        let of_run = of_run(&mut engine, head, &encode, &sentences)?;
        let of_files = reading.of_files(files, &sentences)?;
        for (place, found) in of_files.iter().enumerate() {
            for (answer, &at) in found.iter().zip(&whole) {
                if let Some(Target::Tags(gold)) = &rows.targets[block * BLOCK_SENTENCES + at] {
                    counts[place].add(&head.tags, gold, &answer.classes);
                }
            }
        }
        for ((run, file), &at) in of_run.iter().zip(&of_files[0]).zip(&whole) {
            for (word, (&of_run, &of_file)) in run.classes.iter().zip(&file.classes).enumerate() {
                let difference = run.probabilities[word] - file.probabilities[word];
                distance.add(block * BLOCK_SENTENCES + at, difference, of_run == of_file);
            }
        }
    }
    let scores = match files.len() {
        1 => Vec::new(),
        _ => counts.iter().map(Counts::scores).collect(),
    };
    Ok(Checked { distance, too_long, scores })
}

fn words_in(content: &Content) -> usize {
    match content {
        Content::Words(words) => words.len(),
        Content::Text { .. } => 0,
    }
}

/// A sentence that is read at once.
struct Sentence<'a> {
    tokens: &'a Tokens,
    words: usize,
}

/// The run's own answers, as `larder predict` gives them.
fn of_run(
    engine: &mut Engine,
    head: &TaggingHead,
    settings: &EncodeSettings,
    sentences: &[Sentence<'_>],
) -> Result<Vec<TaggedSentence>, PipelineError> {
    let inputs: Vec<WordsInput<'_>> = (0..)
        .zip(sentences)
        .map(|(document, Sentence { tokens, words })| WordsInput {
            input_ids: &tokens.input_ids,
            type_ids: &tokens.type_ids,
            word_ids: &tokens.word_ids,
            words: *words,
            // Loose texts are no document: each is read alone.
            document,
        })
        .collect();
    let vectors = embed_words(engine, &inputs, settings)?;
    let columns = head.columns.iter().zip(vectors).map(|(column, values)| (column.name.as_str(), column.width, values));
    tagged(head, sentences, columns)
}

/// Tags sentences whose words have these columns, each with its name and width.
fn tagged<'a>(
    head: &TaggingHead,
    sentences: &[Sentence<'_>],
    columns: impl Iterator<Item = (&'a str, usize, Vec<f32>)>,
) -> Result<Vec<TaggedSentence>, PipelineError> {
    let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.words).collect();
    let rows = lengths.iter().sum();
    if rows == 0 {
        return Ok(Vec::new());
    }
    let columns = columns.map(|(name, width, values)| {
        let values = Array2::from_shape_vec((rows, width), values).expect("a column holds one vector a word");
        FeatureColumn::new(name, values)
    });
    Ok(head.tag(&WordsInMemory::new(columns.collect(), lengths, Vec::new())?)?)
}

/// How a file's scores become tags.
struct Reading {
    pool: WordPool,
    max_tokens: usize,
    /// A head whose features are the scores: decoding is the run's.
    decoder: TaggingHead,
}

impl Reading {
    fn new(subject: &Subject<'_>, head: &TaggingHead) -> Self {
        let tags = head.tags.len();
        let identity: Vec<f32> = Array2::eye(tags).iter().copied().collect();
        let classifier = Classifier { column: LOGITS, weights: &identity, bias: &vec![0.0; tags] };
        let decoder = TaggingHead {
            kind: head.kind,
            transitions: head.transitions.clone(),
            start: head.start.clone(),
            ..classifier.into_tagger(&head.tags, head.answered.clone())
        };
        Self { pool: subject.record.settings.word_pool, max_tokens: subject.max_tokens(), decoder }
    }

    /// The answers of each file.
    fn of_files(
        &self,
        files: &mut [Timed],
        sentences: &[Sentence<'_>],
    ) -> Result<Vec<Vec<TaggedSentence>>, PipelineError> {
        let inputs: Vec<Row<'_>> = sentences
            .iter()
            .map(|sentence| Row { input_ids: &sentence.tokens.input_ids, type_ids: &sentence.tokens.type_ids })
            .collect();
        let spans = sentences.iter().map(|sentence| self.spans(sentence)).collect::<Result<Vec<_>, _>>()?;
        let starts: Vec<usize> = sentences
            .iter()
            .scan(0, |start, sentence| {
                let at = *start;
                *start += sentence.words;
                Some(at)
            })
            .collect();
        let words: usize = sentences.iter().map(|sentence| sentence.words).sum();
        let tags = self.decoder.tags.len();
        let outputs: &[&str] = match self.pool {
            WordPool::FirstLast => &["first_logits", "last_logits"],
            WordPool::First | WordPool::Last | WordPool::Mean => &["logits"],
        };
        let mut scores = vec![vec![0.0_f32; words * tags]; files.len()];
        run_all(files, &inputs, outputs, tags, |file, rows, seq, values| {
            for (at, &row) in rows.iter().enumerate() {
                for (word, span) in spans[row].iter().enumerate() {
                    let into = (starts[row] + word) * tags;
                    let into = &mut scores[file][into..into + tags];
                    let of = |output: usize, token: usize| &values[output][(at * seq + token) * tags..][..tags];
                    self.score(span, of, into);
                }
            }
        })?;
        scores
            .into_iter()
            .map(|scores| tagged(&self.decoder, sentences, std::iter::once((LOGITS, tags, scores))))
            .collect()
    }

    /// A word's scores from its tokens'; `of` gives those of an output at a token.
    fn score<'a>(&self, (first, end): &(usize, usize), of: impl Fn(usize, usize) -> &'a [f32], into: &mut [f32]) {
        let mut add = |scores: &[f32]| into.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        match self.pool {
            WordPool::First => add(of(0, *first)),
            WordPool::Last => add(of(0, end - 1)),
            WordPool::FirstLast => {
                add(of(0, *first));
                add(of(1, end - 1));
            }
            WordPool::Mean => {
                (*first..*end).for_each(|token| add(of(0, token)));
                let count = (end - first) as f32;
                into.iter_mut().for_each(|sum| *sum /= count);
            }
        }
    }

    /// The first token of each word and the one behind its last. A word without tokens has those of the nearest that has
    /// some, of two the left one; where no word has any, the sentence's first token.
    fn spans(&self, sentence: &Sentence<'_>) -> Result<Vec<(usize, usize)>, PipelineError> {
        let windows = windows(&sentence.tokens.word_ids, self.max_tokens, None)?;
        let taken = windows.iter().flat_map(|window| &window.assigned);
        let there: Vec<(usize, (usize, usize))> = taken
            .filter_map(|taken| Some((usize::try_from(taken.word).ok()?, (taken.tokens.start, taken.tokens.end))))
            .collect();
        let nearest = |word: usize| {
            let found = there.iter().min_by_key(|(other, _)| (word.abs_diff(*other), *other));
            found.map_or((0, 1), |(_, span)| *span)
        };
        Ok((0..sentence.words).map(nearest).collect())
    }
}

/// Entities counted strictly.
#[derive(Clone, Default)]
struct Counts {
    gold: usize,
    answered: usize,
    correct: usize,
    sentences: usize,
}

impl Counts {
    fn add(&mut self, tags: &TagSet, gold: &[String], answered: &[usize]) {
        // An entity of a type that the run does not know is missed.
        let gold = strict(gold, Scheme::Iob2);
        let answered = tags.entities(answered);
        self.correct += answered.iter().filter(|entity| gold.contains(entity)).count();
        self.gold += gold.len();
        self.answered += answered.len();
        self.sentences += 1;
    }

    fn scores(&self) -> Vec<(String, f64)> {
        let all = self.gold + self.answered;
        let f1 = if all == 0 { 0.0 } else { 2.0 * self.correct as f64 / all as f64 };
        if self.sentences == 0 { Vec::new() } else { vec![("strict_f1".to_owned(), f1)] }
    }
}
