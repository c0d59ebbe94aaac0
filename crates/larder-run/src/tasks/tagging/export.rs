//! Export of a tagger: `config.json`, the model card, and the check of the file's scores, decoded as `config.json` says.

use std::fmt::Write as _;

use larder_data::{Content, Target};
use larder_encode::{EncodeSettings, Engine, EngineSettings, WordsInput, embed_words};
use larder_onnx::WordPool;
use larder_runtime::Device;
use larder_tags::{Scheme, TagSet, strict};
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens, windows};
use larder_train::{FeatureColumn, TaggedSentence, TaggingHead, WordsInMemory};
use ndarray::Array2;
use serde_json::{Map, Value, json};

use super::Rules;
use super::gold::{SCORES, score_reader};
use crate::RunError;
use crate::heads::{FIRST_LOGITS, LAST_LOGITS, LOGITS, NEVER, PROBABILITIES};
use crate::page::range;
use crate::tasks::Evaluation;
use crate::tasks::export::{CheckRows, Distance, ExportCheck, ExportRow, ExportedFiles, ExportedRun, TaskExport};

/// Sentences answered at a time: their words' features are in memory.
const BLOCK_SENTENCES: usize = 1024;

impl TaskExport for Rules {
    /// Returns the encoder's maximum: long sentences are read in windows.
    fn max_tokens(&self, run: &ExportedRun<'_>) -> usize {
        run.encoder.max_tokens()
    }

    fn describe(&self, run: &ExportedRun<'_>, fields: &mut Map<String, Value>) {
        let Some(head) = run.head.as_tagger() else { return };
        let (start, transitions) = decoding(head);
        let settings = &run.record.settings;
        let own = [
            ("scheme", "IOB2".into()),
            ("word_pool", settings.word_pool.as_str().into()),
            ("stride", json!(settings.stride)),
            ("start", start),
            ("transitions", transitions),
        ];
        fields.extend(own.map(|(name, value)| (name.to_owned(), value)));
    }

    fn purpose(&self, _: bool) -> &'static str {
        "Tags the words of a sentence with entities (IOB2)"
    }

    fn score_table(&self, evaluation: &Evaluation) -> String {
        let Evaluation::Tagging(evaluation) = evaluation else { return String::new() };
        let mut table = "| split | sentences | strict P | strict R | strict F1 | 95 % interval of F1 | conlleval F1 | token accuracy \
             | always O: accuracy |\n|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for split in &evaluation.splits {
            let scores = &split.scores;
            let strict = &scores.strict.micro;
            let _ = writeln!(
                table,
                "| {} | {} | {:.3} | {:.3} | {:.3} | {} | {:.3} | {:.3} | {:.3} |",
                split.split,
                scores.sentences,
                strict.precision,
                strict.recall,
                strict.f1,
                range(&scores.strict_f1_interval),
                scores.conlleval.micro.f1,
                scores.token_accuracy,
                scores.all_outside_accuracy
            );
        }
        table
    }

    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String {
        let tags = run.record.labels.len();
        match output {
            LOGITS => format!("float32 `[batch, seq, {tags}]`, the score of each tag at each token"),
            PROBABILITIES => format!("float32 `[batch, seq, {tags}]`, softmax of `logits`: each token by itself"),
            FIRST_LOGITS => format!(
                "float32 `[batch, seq, {tags}]`: a word's scores are those of its first token here, plus those of its last token \
                 in `last_logits`; `logits` is that sum for words of one token"
            ),
            _ => format!("float32 `[batch, seq, {tags}]`"),
        }
    }

    fn reading(&self, run: &ExportedRun<'_>) -> String {
        let mut text = format!(
            "\n{}\nA sentence is answered with its best legal sequence: the sum of its words' scores, of `start` of its first tag \
             and of `transitions` of each pair of neighbours, both in `config.json` under `larder`, where null means never.\n",
            word_scores(run.record.settings.word_pool)
        );
        if run.head.as_tagger().is_some_and(|head| !head.seen_in_training.iter().all(|seen| *seen)) {
            let _ = writeln!(text, "Tags that no training word had have the score {NEVER}.");
        }
        text
    }

    fn snippet(&self, run: &ExportedRun<'_>, unk_token: Option<&str>) -> String {
        let words = match unk_token {
            // Some words, such as a lone control character, have no token.
            Some(token) => format!("[word if encode([word], False).ids else {} for word in words]", python(token)),
            None => "words".to_owned(),
        };
        let nearest = match unk_token {
            Some(_) => "",
            // The fallback of larder if the vocabulary has no unknown token.
            None => {
                "there = sorted(word for word in tokens if word is not None)\n    \
                 tokens |= {word: tokens[min(there, key=lambda other: abs(other - word))] if there else [0]\n               \
                 for word in range(len(words)) if word not in tokens}\n    "
            }
        };
        let (names, score) = match run.record.settings.word_pool {
            WordPool::First => ("logits", "logits[tokens[word][0]]"),
            WordPool::Last => ("logits", "logits[tokens[word][-1]]"),
            WordPool::Mean => ("logits", "logits[tokens[word]].mean(0)"),
            WordPool::FirstLast => {
                ("first_logits, last_logits", "first_logits[tokens[word][0]] + last_logits[tokens[word][-1]]")
            }
        };
        let listed: Vec<String> = names.split(", ").map(python).collect();
        let outputs = if listed.len() == 1 { format!("{names},") } else { names.to_owned() };
        include_str!("answer.py")
            .replace("@WORDS@", &words)
            .replace("@OUTPUTS@", &outputs)
            .replace("@NAMES@", &format!("[{}]", listed.join(", ")))
            .replace("@NEAREST@", nearest)
            .replace("@SCORE@", score)
    }

    fn example(&self, _: bool, _: bool) -> &'static str {
        "print(answer([\"Ada\", \"Lovelace\", \"met\", \"Charles\", \"in\", \"London\"]))"
    }

    fn check(
        &self,
        run: &ExportedRun<'_>,
        rows: &CheckRows,
        tokenizer: &Tokenizer,
        files: &mut dyn ExportedFiles,
    ) -> Result<ExportCheck, RunError> {
        let head = run.head.as_tagger().ok_or_else(|| RunError::BrokenRun { run: run.record.run.clone() })?;
        let scores_of = TokenScores::new(run, head);
        // 8-bit products of larder's own operators round at other places than the file's.
        let settings = EngineSettings {
            device: Device::Cpu,
            threads: run.threads,
            stock_operators: true,
            ..EngineSettings::default()
        };
        let mut engine = Engine::new(run.larder.runtime()?, run.encoder, &run.record.outputs, settings)?;
        let encode = run.record.encode_options(Device::Cpu, run.threads).settings;
        let mut distance = Distance::default();
        let mut too_long = 0;
        let mut counts = vec![EntityCounts::default(); files.count()];
        for (block, contents) in rows.contents.chunks(BLOCK_SENTENCES).enumerate() {
            let tokens = tokenizer.encode_batch(contents, &TokenizeSettings { max_tokens: None })?;
            // Longer sentences are read in windows, each of them one input to the file.
            let whole: Vec<usize> = (0..tokens.len()).filter(|&at| tokens[at].len() <= self.max_tokens(run)).collect();
            too_long += tokens.len() - whole.len();
            let sentences: Vec<TokenizedSentence<'_>> = whole
                .iter()
                .map(|&at| TokenizedSentence { tokens: &tokens[at], words: words_in(&contents[at]) })
                .collect();
            let of_run = of_run(&mut engine, head, &encode, &sentences)?;
            let of_files = scores_of.of_files(files, &sentences)?;
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
        let scores = match files.count() {
            1 => Vec::new(),
            _ => counts.iter().map(EntityCounts::scores).collect(),
        };
        Ok(ExportCheck { distance, difference_of: "of a probability", too_long, scores })
    }
}

/// Returns the scores that decoding adds: for a sentence's first tag, `[tags]`, and for each transition, `[previous, next]`;
/// null where it is never answered.
fn decoding(head: &TaggingHead) -> (Value, Value) {
    let tags = head.tags.len();
    let score = |possible: bool, score: f64| if possible { json!(score) } else { Value::Null };
    let start =
        (0..tags).map(|next| score(head.seen_in_training[next] && head.tags.allowed(None, next), head.start[next]));
    let row = |previous: usize| -> Value {
        let allowed = |next| {
            head.seen_in_training[previous] && head.seen_in_training[next] && head.tags.allowed(Some(previous), next)
        };
        (0..tags).map(|next| score(allowed(next), head.transitions[[previous, next]])).collect()
    };
    (start.collect(), (0..tags).map(row).collect())
}

fn word_scores(pool: WordPool) -> &'static str {
    match pool {
        WordPool::First => "A word's scores are those of its first token.",
        WordPool::Last => "A word's scores are those of its last token.",
        WordPool::Mean => "A word's scores are the mean of its tokens'.",
        WordPool::FirstLast => {
            "A word's scores are its first token's `first_logits` plus its last token's `last_logits`."
        }
    }
}

/// Returns a Python string literal; JSON strings are valid Python.
fn python(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn words_in(content: &Content) -> usize {
    match content {
        Content::Words(words) => words.len(),
        Content::Text { .. } => 0,
    }
}

/// A sentence to read.
struct TokenizedSentence<'a> {
    tokens: &'a Tokens,
    words: usize,
}

/// Returns the run's own answers, as `larder predict` gives them.
fn of_run(
    engine: &mut Engine,
    head: &TaggingHead,
    settings: &EncodeSettings,
    sentences: &[TokenizedSentence<'_>],
) -> Result<Vec<TaggedSentence>, RunError> {
    let inputs: Vec<WordsInput<'_>> = (0..)
        .zip(sentences)
        .map(|(document, TokenizedSentence { tokens, words })| WordsInput {
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
    sentences: &[TokenizedSentence<'_>],
    columns: impl Iterator<Item = (&'a str, usize, Vec<f32>)>,
) -> Result<Vec<TaggedSentence>, RunError> {
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

/// Decodes a file's scores into tags.
struct TokenScores {
    pool: WordPool,
    max_tokens: usize,
    /// A head whose features are the scores, with the run's decoding.
    decoder: TaggingHead,
}

impl TokenScores {
    fn new(run: &ExportedRun<'_>, head: &TaggingHead) -> Self {
        let decoder = TaggingHead {
            kind: head.kind,
            transitions: head.transitions.clone(),
            start: head.start.clone(),
            ..score_reader(&head.tags, head.seen_in_training.clone())
        };
        Self { pool: run.record.settings.word_pool, max_tokens: Rules.max_tokens(run), decoder }
    }

    /// Returns the answers of each file.
    fn of_files(
        &self,
        files: &mut dyn ExportedFiles,
        sentences: &[TokenizedSentence<'_>],
    ) -> Result<Vec<Vec<TaggedSentence>>, RunError> {
        let inputs: Vec<ExportRow<'_>> = sentences
            .iter()
            .map(|sentence| ExportRow { input_ids: &sentence.tokens.input_ids, type_ids: &sentence.tokens.type_ids })
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
            WordPool::FirstLast => &[FIRST_LOGITS, LAST_LOGITS],
            WordPool::First | WordPool::Last | WordPool::Mean => &[LOGITS],
        };
        let mut scores = vec![vec![0.0_f32; words * tags]; files.count()];
        files.run(&inputs, outputs, tags, &mut |file, rows, seq, values| {
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
            .map(|scores| tagged(&self.decoder, sentences, std::iter::once((SCORES, tags, scores))))
            .collect()
    }

    /// Computes a word's scores from its tokens'; `of` returns those of an output at a token.
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

    /// Returns the token span of each word. A word without tokens has the span of the nearest word with tokens (the left one of
    /// two), or the first token if no word has any.
    fn spans(&self, sentence: &TokenizedSentence<'_>) -> Result<Vec<(usize, usize)>, RunError> {
        let windows = windows(&sentence.tokens.word_ids, self.max_tokens, None)?;
        let assigned = windows.iter().flat_map(|window| &window.assigned);
        let there: Vec<(usize, (usize, usize))> = assigned
            .filter_map(|assigned| {
                Some((usize::try_from(assigned.word).ok()?, (assigned.tokens.start, assigned.tokens.end)))
            })
            .collect();
        let nearest = |word: usize| {
            let found = there.iter().min_by_key(|(other, _)| (word.abs_diff(*other), *other));
            found.map_or((0, 1), |(_, span)| *span)
        };
        Ok((0..sentence.words).map(nearest).collect())
    }
}

/// Counts of entities under the strict rule.
#[derive(Clone, Default)]
struct EntityCounts {
    gold: usize,
    answered: usize,
    correct: usize,
    sentences: usize,
}

impl EntityCounts {
    fn add(&mut self, tags: &TagSet, gold: &[String], answered: &[usize]) {
        // An entity of a type unknown to the run counts as missed.
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
