//! Entities of new texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use larder_data::{Columns, Content, InputFormat, split_words, write_conll};
use larder_encode::{EncodeSettings, Engine, EngineSettings, WordsInput, embed_words};
use larder_runtime::{Device, RanOn};
use larder_tags::Entity;
use larder_tokens::{TokenizeSettings, Tokenizer};
use larder_train::{FeatureColumn, TaggedSentence, TaggingHead, WordsInMemory};
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Value, json};

use super::Rules;
use super::highlight::highlight_entities;
use crate::answers::{AnswerColumns, Predictor, RowAnswer, ShownAnswer, TaskAnswers, about_text};
use crate::tasks::Answer;
use crate::{Head, Larder, RunError, RunRecord, TrainingWords};

/// Sentences answered at once: each word has a vector.
const SENTENCES_AT_ONCE: usize = 1024;

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
    /// The probability of exactly this entity: these words and this type.
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

/// A tagger ready to answer.
#[derive(Debug)]
pub(super) struct WordPredictor {
    record: RunRecord,
    tokenizer: Arc<Tokenizer>,
    engine: Engine,
    head: TaggingHead,
    settings: EncodeSettings,
}

/// A text split into words, each with its `start` and `end` in characters.
struct SplitText {
    text: String,
    words: Vec<(usize, usize, String)>,
}

impl WordPredictor {
    /// Opens a run's head and encoder.
    pub(super) fn open(larder: &Larder, record: RunRecord, device: Device, threads: usize) -> Result<Self, RunError> {
        let encoder = record.encoder(larder)?;
        let Head::Tagger(head) = record.load_head(larder)? else {
            return Err(RunError::BrokenRun { run: record.run });
        };
        let engine_settings = EngineSettings { device, threads, batch_tokens: None, ..Default::default() };
        let engine = Engine::new(larder.runtime()?, &encoder, &record.outputs, engine_settings)?;
        let settings = record.encode_options(device, threads).settings;
        Ok(Self { tokenizer: encoder.tokenizer()?, record, engine, head, settings })
    }
}

impl Predictor for WordPredictor {
    fn record(&self) -> &RunRecord {
        &self.record
    }

    fn ran_on(&self) -> &RanOn {
        self.engine.ran_on()
    }

    fn rows_at_once(&self) -> usize {
        SENTENCES_AT_ONCE
    }

    fn note(&self, contents: &[Content]) -> Option<String> {
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

    fn predict(&mut self, contents: &[Content]) -> Result<Vec<Answer>, RunError> {
        let characters = self.record.training_words.filter(TrainingWords::are_characters);
        let splits: Vec<SplitText> = contents.iter().map(|content| split_text(content, characters)).collect();
        let filled: Vec<&SplitText> = splits.iter().filter(|split| !split.words.is_empty()).collect();
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
        let answer = |split: &SplitText| {
            let sentence = if split.words.is_empty() { None } else { tagged.next() };
            Answer::Tagging(self.answer(split, sentence))
        };
        Ok(splits.iter().map(answer).collect())
    }
}

impl WordPredictor {
    fn answer(&self, split: &SplitText, sentence: Option<TaggedSentence>) -> TaggedText {
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

/// Splits a text into words, or into characters if the training words were `characters`.
fn split_text(content: &Content, characters: Option<TrainingWords>) -> SplitText {
    match content {
        Content::Text { text, .. } => {
            let words = match characters {
                Some(training) => training.characters(text),
                None => {
                    let words = split_words(text).into_iter();
                    words.map(|(at, word)| (at.start, at.end, word.to_owned())).collect()
                }
            };
            SplitText { text: text.clone(), words }
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
            SplitText { text, words }
        }
    }
}

impl RowAnswer for TaggedText {
    fn json_values(&self, columns: &AnswerColumns) -> Vec<Value> {
        let words = columns.names.contains(&WORDS).then(|| json!(self.words));
        words.into_iter().chain([json!(self.tags), json!(self.entities)]).collect()
    }

    fn cells(&self, columns: &AnswerColumns) -> Vec<String> {
        self.json_values(columns).iter().map(Value::to_string).collect()
    }

    fn tags(&self) -> Option<&[String]> {
        Some(&self.tags)
    }

    fn shown(&self) -> ShownAnswer {
        let entity = |found: &EntityPrediction| Entity {
            start: found.first_word,
            end: found.end_word,
            entity_type: found.entity_type.clone(),
        };
        ShownAnswer::Entities { words: self.words.clone(), entities: self.entities.iter().map(entity).collect() }
    }

    fn line(&self, _: &Content, format: InputFormat, is_coloured: bool) -> String {
        if format == InputFormat::Conll {
            let mut lines = Vec::new();
            // Writing to memory does not fail.
            let _ = write_conll(&mut lines, &self.words, &[&self.tags]);
            return String::from_utf8_lossy(&lines).into_owned();
        }
        // A text of several lines becomes one line.
        highlight_entities(self, is_coloured).replace("\r\n", " ").replace(['\n', '\r'], " ") + "\n"
    }

    fn json(&self, content: &Content, _: &[String]) -> serde_json::Result<String> {
        let words = matches!(content, Content::Words(_));
        serde_json::to_string(&JsonAnswer {
            text: &self.text,
            words: words.then_some(self.words.as_slice()),
            tags: words.then_some(self.tags.as_slice()),
            entities: &self.entities,
        })
    }
}

/// A JSON document. Words and tags are present only if words were given: otherwise nobody knows their numbering.
#[derive(Serialize)]
struct JsonAnswer<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a [String]>,
    entities: &'a [EntityPrediction],
}

/// The column of the words that a text was split into.
const WORDS: &str = "words";

impl TaskAnswers for Rules {
    /// Adds words where texts are split into them; a row of JSON lines may be either.
    fn answer_columns(&self, record: &RunRecord, columns: &Columns) -> AnswerColumns {
        let has_words = columns.words.is_some() && columns.text.is_none();
        let names = if has_words { vec!["tags", "entities"] } else { vec![WORDS, "tags", "entities"] };
        AnswerColumns {
            cell_names: names.iter().map(|&name| name.to_owned()).collect(),
            names,
            texts: Vec::new(),
            lists: true,
            labels: record.labels.clone(),
        }
    }

    fn answer_arrays(&self, answers: &[Option<Answer>], columns: &AnswerColumns) -> Vec<ArrayRef> {
        let tagged: Vec<Option<&TaggedText>> = answers
            .iter()
            .map(|answer| match answer {
                Some(Answer::Tagging(tagged)) => Some(tagged),
                _ => None,
            })
            .collect();
        let there = || tagged.iter().flatten();
        let lists = |values: ArrayRef, length: fn(&TaggedText) -> usize| -> ArrayRef {
            let offsets = OffsetBuffer::from_lengths(tagged.iter().map(|tagged| tagged.map_or(0, length)));
            let nulls = NullBuffer::from_iter(tagged.iter().map(Option::is_some));
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Arc::new(ListArray::new(item, offsets, values, Some(nulls)))
        };
        let words = StringArray::from_iter_values(there().flat_map(|tagged| &tagged.words));
        let tags = StringArray::from_iter_values(there().flat_map(|tagged| &tagged.tags));
        let entities: Vec<&EntityPrediction> = there().flat_map(|tagged| &tagged.entities).collect();
        let number = |of: fn(&EntityPrediction) -> usize| -> ArrayRef {
            let number = |entity: &&EntityPrediction| i32::try_from(of(entity)).unwrap_or(i32::MAX);
            Arc::new(Int32Array::from_iter_values(entities.iter().map(number)))
        };
        let text = |of: fn(&EntityPrediction) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(entities.iter().map(|entity| of(entity))))
        };
        let confidence = Float32Array::from_iter_values(entities.iter().map(|entity| entity.confidence as f32));
        let parts: [(&str, ArrayRef); 5] = [
            ("start", number(|entity| entity.start)),
            ("end", number(|entity| entity.end)),
            ("text", text(|entity| &entity.text)),
            ("type", text(|entity| &entity.entity_type)),
            ("confidence", Arc::new(confidence)),
        ];
        let fields = parts.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let entities = StructArray::new(fields, parts.map(|(_, array)| array).into(), None);
        let words = columns.names.contains(&WORDS).then(|| lists(Arc::new(words), |tagged| tagged.words.len()));
        let others = [
            lists(Arc::new(tags), |tagged| tagged.tags.len()),
            lists(Arc::new(entities), |tagged| tagged.entities.len()),
        ];
        words.into_iter().chain(others).collect()
    }

    fn json_fields(&self) -> &'static [&'static str] {
        &["tags", "entities"]
    }

    /// Returns a sentence without usable words has no CoNLL lines.
    fn unanswered_line(&self, problem: &str, format: InputFormat) -> Option<String> {
        (format != InputFormat::Conll).then(|| format!("({problem})"))
    }
}
