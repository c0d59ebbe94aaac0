//! Entities of new texts.

use larder_data::{Content, Task};
use larder_encode::{EncodeSettings, Engine, EngineSettings, WordsInput, embed_words};
use larder_runtime::{Device, RanOn};
use larder_tokens::{TokenizeSettings, Tokenizer, split_words};
use larder_train::{FeatureColumn, TaggedSentence, TaggingHead, WordsInMemory};
use ndarray::Array2;
use serde::Serialize;

use super::about_text;
use crate::head::Head;
use crate::{Larder, PipelineError, RunRecord, TrainingWords};

/// One entity of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntityPrediction {
    /// First character (Unicode scalar value, as Python's `str` counts).
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// The text between them.
    pub text: String,
    /// The type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The probability that exactly this entity stands there: these words and this type.
    pub confidence: f64,
    /// First word.
    pub first_word: usize,
    /// One past the last word.
    pub end_word: usize,
}

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaggedText {
    /// The text; of words, the words joined by blanks.
    pub text: String,
    /// Its entities, in order.
    pub entities: Vec<EntityPrediction>,
    /// Its words.
    pub words: Vec<String>,
    /// The tag of each word, IOB2.
    pub tags: Vec<String>,
}

/// A tagging run ready to answer.
#[derive(Debug)]
pub struct TagPredictor {
    record: RunRecord,
    tokenizer: Tokenizer,
    engine: Engine,
    head: TaggingHead,
    settings: EncodeSettings,
}

/// A text cut into words: `(start, end)` in characters, and the word.
struct Split {
    text: String,
    words: Vec<(usize, usize, String)>,
}

impl TagPredictor {
    /// Opens a run's head and encoder.
    ///
    /// # Errors
    /// [`PipelineError::EncoderChanged`] when the encoder's name now stands for another model,
    /// [`PipelineError::WrongTask`] for a run that is no tagger; [`PipelineError`].
    pub fn open(larder: &Larder, record: RunRecord, device: Device, threads: usize) -> Result<Self, PipelineError> {
        let encoder = record.encoder(larder)?;
        let Head::Tagging(head) = record.load_head(larder)? else {
            return Err(PipelineError::WrongTask { run: record.run, found: Task::Sequence, expected: Task::Tagging });
        };
        let engine_settings = EngineSettings { device, threads, batch_tokens: None, ..Default::default() };
        let engine = Engine::new(larder.runtime()?, &encoder, &record.outputs, engine_settings)?;
        let settings = record.encode_options(device, threads).settings;
        Ok(Self { tokenizer: encoder.tokenizer()?, record, engine, head, settings })
    }

    /// The run.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The device that runs.
    pub fn ran_on(&self) -> &RanOn {
        self.engine.ran_on()
    }

    /// What should be known about how `contents` are cut into words, if anything is out of the ordinary.
    pub fn note(&self, contents: &[Content]) -> Option<String> {
        let words = self.record.training_words?;
        let mut texts = contents.iter().filter_map(|content| match content {
            Content::Text { text, .. } => Some(text.as_str()),
            Content::Words(_) => None,
        });
        if words.are_characters() {
            return texts.next().map(|_| {
                format!(
                    "this run was trained on single characters ({} of its {} words), so texts are cut into characters",
                    words.single_character, words.words
                )
            });
        }
        let unsplit = texts.flat_map(split_words).find(|(_, word)| words.is_unsplit(word));
        unsplit.map(|(range, _)| {
            format!(
                "a text has {} characters without a blank, which is one word to this run, and its longest training word \
                 has {}: cut such texts into words and give those (`--input-format words`, or a list `words` in .jsonl)",
                range.len(),
                words.longest
            )
        })
    }

    /// Tags `contents`, in order. Texts are cut into words, and offsets count in them; words are taken as they are, and
    /// offsets count in the words joined by single blanks. A text without words has no entities.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub fn predict(&mut self, contents: &[Content]) -> Result<Vec<TaggedText>, PipelineError> {
        let characters = self.record.training_words.filter(TrainingWords::are_characters);
        let splits: Vec<Split> = contents.iter().map(|content| split(content, characters)).collect();
        let filled: Vec<&Split> = splits.iter().filter(|split| !split.words.is_empty()).collect();
        let contents: Vec<Content> = filled
            .iter()
            .map(|split| Content::Words(split.words.iter().map(|(_, _, word)| word.clone()).collect()))
            .collect();
        let tokens = self.tokenizer.encode_batch(&contents, &TokenizeSettings { max_tokens: None })?;
        // Loose texts are no document: each is read alone.
        let inputs: Vec<WordsInput<'_>> = (0..)
            .zip(filled.iter().zip(&tokens))
            .map(|(document, (split, tokens))| WordsInput {
                input_ids: &tokens.input_ids,
                type_ids: &tokens.type_ids,
                word_ids: &tokens.word_ids,
                words: split.words.len(),
                document,
            })
            .collect();
        let vectors =
            embed_words(&mut self.engine, &inputs, &self.settings).map_err(|error| about_text(error, &contents))?;
        let lengths: Vec<usize> = filled.iter().map(|split| split.words.len()).collect();
        let rows: usize = lengths.iter().sum();
        let columns = self.head.columns.iter().zip(vectors).map(|(column, values)| {
            let values =
                Array2::from_shape_vec((rows, column.width), values).expect("a column holds one vector a word");
            FeatureColumn::new(&column.name, values)
        });
        let source = WordsInMemory::new(columns.collect(), lengths, Vec::new())?;
        let mut tagged = self.head.tag(&source)?.into_iter();
        let answer = |split: &Split| {
            let sentence = if split.words.is_empty() { None } else { tagged.next() };
            self.answer(split, sentence)
        };
        Ok(splits.iter().map(answer).collect())
    }

    fn answer(&self, split: &Split, sentence: Option<TaggedSentence>) -> TaggedText {
        let (classes, entities) = sentence.map_or_else(Default::default, |s| (s.classes, s.entities));
        let entities = entities.into_iter().map(|tagged| {
            let (start, end) = (split.words[tagged.entity.start].0, split.words[tagged.entity.end - 1].1);
            EntityPrediction {
                start,
                end,
                text: split.text.chars().skip(start).take(end - start).collect(),
                entity_type: tagged.entity.entity_type,
                confidence: tagged.confidence,
                first_word: tagged.entity.start,
                end_word: tagged.entity.end,
            }
        });
        TaggedText {
            entities: entities.collect(),
            text: split.text.clone(),
            words: split.words.iter().map(|(_, _, word)| word.clone()).collect(),
            tags: classes.iter().map(|&class| self.head.tags.name(class)).collect(),
        }
    }
}

/// Cuts a text; into characters as training had them, where it had `characters`.
fn split(content: &Content, characters: Option<TrainingWords>) -> Split {
    match content {
        Content::Text { text, .. } => {
            let words = match characters {
                Some(training) => training.characters(text),
                None => {
                    let words = split_words(text).into_iter();
                    words.map(|(at, word)| (at.start, at.end, word.to_owned())).collect()
                }
            };
            Split { text: text.clone(), words }
        }
        Content::Words(words) => {
            let mut at = 0;
            let words: Vec<_> = words
                .iter()
                .map(|word| {
                    let start = at;
                    let end = start + word.chars().count();
                    at = end + 1;
                    (start, end, word.clone())
                })
                .collect();
            let text = words.iter().map(|(_, _, word)| word.as_str()).collect::<Vec<_>>().join(" ");
            Split { text, words }
        }
    }
}
