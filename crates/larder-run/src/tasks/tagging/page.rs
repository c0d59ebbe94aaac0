//! A tagger's part of the report.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use larder_errors::{count, counted};
use larder_metrics::{AverageScores, EntityErrors, ErrorExample, TaggingScores, TypeScores};
use larder_tags::{Entity, Scheme, strict};

use super::Rules;
use super::evaluate::{ShownSentence, TaggedRows, TaggingSplit};
use crate::RunRecord;
use crate::columns::ParquetColumns;
use crate::page::{Block, Cell, FindTexts, Inline, Missing, PageTable, PlaneRows, TaggedSentence, number, range};
use crate::tasks::page::{SplitPage, TaskPage, no_answers};
use crate::tasks::{AnsweredRows, Evaluation, SavedAnswers};

/// Kinds of errors shown.
const KINDS: usize = 12;
/// Sentences with errors shown.
const WRONG: usize = 20;
/// Further ones, which are a click away: a sentence takes a kilobyte of the page.
const MORE_WRONG: usize = 80;
/// Sentences without errors, but with entities, shown.
const RIGHT: usize = 5;
/// Words shown on either side of an example.
const AROUND: usize = 5;
/// Words shown on either side of a point's word.
const NEIGHBOURS: usize = 4;

/// Answers to words of a split, all `[words]`.
#[derive(Debug, Default)]
pub struct TaggedWords {
    example_ids: Vec<String>,
    positions: Vec<i64>,
    words: Vec<String>,
    gold: Vec<String>,
    answers: Vec<String>,
}

impl TaskPage for Rules {
    fn saved_answers(&self, folder: &Path, record: &RunRecord) -> Result<SavedAnswers, Missing> {
        let missing = format!("There are no answers to look at: `larder eval {}` writes them.", record.run);
        let columns = ParquetColumns::read(folder, "predictions.parquet", &missing)?;
        let (splits, example_ids) = (columns.filled("split")?, columns.filled("example_id")?);
        let (answers, words, gold) = (columns.filled("prediction")?, columns.filled("word")?, columns.filled("tag")?);
        let positions = columns.integers("position")?;
        let mut all: BTreeMap<String, TaggedWords> = BTreeMap::new();
        let rows = splits.into_iter().zip(example_ids).zip(positions).zip(words).zip(gold.into_iter().zip(answers));
        for ((((split, example_id), position), word), (gold, answer)) in rows {
            let of = all.entry(split).or_default();
            of.example_ids.push(example_id);
            of.positions.push(position);
            of.words.push(word);
            of.gold.push(gold);
            of.answers.push(answer);
        }
        Ok(SavedAnswers::Tagging(all))
    }

    fn overview_row(&self, evaluation: &Evaluation, at: usize) -> Vec<Cell> {
        let Some(TaggingSplit { scores, .. }) = split_of(evaluation, at) else { return Vec::new() };
        let strict = &scores.strict.micro;
        vec![
            number(strict.f1).into(),
            range(&scores.strict_f1_interval).into(),
            Cell::Whisker { value: strict.f1, interval: Some(scores.strict_f1_interval), least: 0.0 },
            number(strict.precision).into(),
            number(strict.recall).into(),
            number(scores.conlleval.micro.f1).into(),
            number(scores.token_accuracy).into(),
            number(scores.all_outside_accuracy).into(),
            count(scores.sentences).into(),
        ]
    }

    fn split_page(&self, page: &SplitPage<'_>) -> Vec<Block> {
        let Some(split) = split_of(page.evaluation, page.at) else { return Vec::new() };
        let mut blocks = scores(&split.scores);
        blocks.extend(types(&split.scores));
        blocks.extend(kinds(&split.scores.errors, &split.shown));
        blocks.push(Block::Heading("Sentences".to_owned()));
        match page.answers.map_err(Missing::clone).and_then(|saved| tagged(saved, &split.split)) {
            Err(why) => blocks.push(Block::Missing(why)),
            Ok(answers) => blocks.extend(shown_sentences(sentences(answers))),
        }
        blocks
    }

    fn answered_rows(&self, answers: &SavedAnswers, split: &str) -> Option<(Vec<String>, AnsweredRows)> {
        let of = tagged(answers, split).ok()?;
        let sentences = rows_of_sentences(of);
        let tags = |column: &[String]| sentences.iter().map(|rows| of_rows(column, rows)).collect::<Vec<_>>();
        let ids = sentences.iter().filter_map(|rows| of.example_ids.get(*rows.first()?).cloned()).collect();
        Some((ids, AnsweredRows::Tagging(TaggedRows { gold: tags(&of.gold), predicted: tags(&of.answers) })))
    }

    fn plane_rows<'a>(
        &self,
        record: &RunRecord,
        split: &str,
        answers: &'a SavedAnswers,
        _: &FindTexts<'_>,
    ) -> Result<PlaneRows<'a>, Missing> {
        let answers = tagged(answers, split)?;
        let kind = |tag: &str| tag.split_once('-').map(|(_, kind)| kind.to_owned());
        let mut names: Vec<String> = record.labels.iter().filter_map(|tag| kind(tag)).collect();
        names.sort();
        names.dedup();
        let outside = names.len();
        names.push("O".to_owned());
        let group =
            |tag: &str| kind(tag).and_then(|kind| names.iter().position(|name| *name == kind)).unwrap_or(outside);
        let groups_of = answers.gold.iter().zip(&answers.answers).map(|(gold, answer)| (group(gold), group(answer)));
        Ok(PlaneRows {
            unit: "word",
            example_ids: &answers.example_ids,
            of_rows: groups_of.collect(),
            outside: Some(outside),
            text: Box::new(|row| among_neighbours(answers, row)),
            groups: names,
        })
    }
}

fn split_of(evaluation: &Evaluation, at: usize) -> Option<&TaggingSplit> {
    match evaluation {
        Evaluation::Tagging(evaluation) => evaluation.splits.get(at),
        _ => None,
    }
}

fn tagged<'a>(answers: &'a SavedAnswers, split: &str) -> Result<&'a TaggedWords, Missing> {
    match answers {
        SavedAnswers::Tagging(splits) => splits.get(split).ok_or_else(|| no_answers(split)),
        _ => Err(no_answers(split)),
    }
}

/// Returns the word in brackets among its neighbours in the sentence.
fn among_neighbours(answers: &TaggedWords, row: usize) -> String {
    let position = answers.positions.get(row).and_then(|&position| usize::try_from(position).ok()).unwrap_or(0);
    let first = row - position.min(NEIGHBOURS).min(row);
    let mut words = Vec::new();
    for at in first..=row + NEIGHBOURS {
        let Some(word) = answers.words.get(at) else { break };
        // Another sentence begins.
        if at > row && answers.positions.get(at) == Some(&0) {
            break;
        }
        words.push(if at == row { format!("[{word}]") } else { word.clone() });
    }
    words.join(" ")
}

/// Groups words into sentences, which start at position 0.
fn sentences(answers: &TaggedWords) -> Vec<TaggedSentence> {
    let sentence = |rows: Vec<usize>| TaggedSentence {
        example_id: of_rows(&answers.example_ids, &rows).into_iter().next().unwrap_or_default(),
        words: of_rows(&answers.words, &rows),
        gold: strict(&of_rows(&answers.gold, &rows), Scheme::Iob2),
        predicted: strict(&of_rows(&answers.answers, &rows), Scheme::Iob2),
    };
    rows_of_sentences(answers).into_iter().map(sentence).collect()
}

/// Returns the rows of each sentence, `[sentences][words]`.
fn rows_of_sentences(answers: &TaggedWords) -> Vec<Vec<usize>> {
    let rows: Vec<usize> = (0..answers.words.len()).collect();
    let starts = |row: usize| answers.positions.get(row).is_none_or(|&position| position == 0);
    rows.chunk_by(|_, &next| !starts(next)).map(<[usize]>::to_vec).collect()
}

fn of_rows(column: &[String], rows: &[usize]) -> Vec<String> {
    rows.iter().filter_map(|&row| column.get(row).cloned()).collect()
}

fn scores(scores: &TaggingScores) -> Vec<Block> {
    let row = |name: &str, of: &AverageScores, interval: &larder_metrics::Interval| {
        let numbers = [of.precision, of.recall, of.f1].map(|value| Cell::from(number(value)));
        std::iter::once(Cell::from(name)).chain(numbers).chain([range(interval).into()]).collect::<Vec<Cell>>()
    };
    let rows = vec![
        row("strict", &scores.strict.micro, &scores.strict_f1_interval),
        row("conlleval", &scores.conlleval.micro, &scores.conlleval_f1_interval),
    ];
    let unrepresented = match scores.unrepresented.len() as u64 {
        0 => String::new(),
        lost => format!(" {} gold entities have no prediction at all and count as missed.", count(lost)),
    };
    vec![
        Block::Table(PageTable::new(1, &["entities read as", "precision", "recall", "F1", "95 % interval"], rows)),
        Block::Note(vec![
            format!(
                "{} sentences, {} words, {} entities. Token accuracy is {}; always answering ",
                count(scores.sentences),
                count(scores.words),
                count(scores.strict.micro.support),
                number(scores.token_accuracy)
            )
            .into(),
            Inline::Code("O".to_owned()),
            format!(" has {} and finds nothing.{unrepresented}", number(scores.all_outside_accuracy)).into(),
        ]),
    ]
}

fn types(scores: &TaggingScores) -> Vec<Block> {
    // Each rule may know types that the other does not.
    let mut types: BTreeMap<&str, (Option<&TypeScores>, Option<&TypeScores>)> = BTreeMap::new();
    for entry in &scores.strict.per_type {
        types.entry(&entry.entity_type).or_default().0 = Some(entry);
    }
    for entry in &scores.conlleval.per_type {
        types.entry(&entry.entity_type).or_default().1 = Some(entry);
    }
    let row = |(name, (strict, conlleval)): (&str, (Option<&TypeScores>, Option<&TypeScores>))| {
        let counts = strict.map_or([0; 3], |entry| [entry.gold, entry.predicted, entry.correct]);
        let values = strict.map_or([0.0; 3], |entry| [entry.precision, entry.recall, entry.f1]);
        let other = conlleval.map_or(0.0, |entry| entry.f1);
        std::iter::once(Cell::from(name))
            .chain(counts.map(|value| count(value).into()))
            .chain(values.into_iter().chain([other]).map(|value| number(value).into()))
            .collect()
    };
    let rows = types.into_iter().map(row).collect();
    let header = ["type", "gold", "predicted", "correct", "strict P", "strict R", "strict F1", "conlleval F1"];
    vec![Block::Heading("By type".to_owned()), Block::Table(PageTable::new(1, &header, rows))]
}

/// Returns the kinds of errors, the most frequent first, each with its first example.
fn kinds(errors: &EntityErrors, shown: &BTreeMap<usize, ShownSentence>) -> Vec<Block> {
    let kinds = errors.kinds();
    let mut blocks = vec![Block::Heading("What went wrong".to_owned())];
    if kinds.is_empty() {
        blocks.push(Block::Paragraph(vec!["Nothing: every entity is right.".into()]));
        return blocks;
    }
    let rows = kinds.iter().take(KINDS).map(|kind| {
        let example = kind.examples.first().and_then(|example| around(example, shown));
        vec![kind.what.as_str().into(), Cell::Sentence(example), count(kind.count).into()]
    });
    let header = ["kind of error (strict)", "for example", "times"];
    blocks.push(Block::Table(PageTable::new(2, &header, rows.collect())));
    let more = kinds.len().saturating_sub(KINDS);
    if more > 0 {
        blocks.push(Block::Note(vec![format!("and {more} kinds more in metrics.json").into()]));
    }
    blocks
}

/// Returns an example with its neighbouring words.
fn around(example: &ErrorExample, shown: &BTreeMap<usize, ShownSentence>) -> Option<TaggedSentence> {
    let ShownSentence { example_id, words } = shown.get(&example.sentence)?;
    let both = || example.gold.iter().chain(&example.predicted);
    let first = both().map(|entity| entity.start).min()?.saturating_sub(AROUND);
    let last = (both().map(|entity| entity.end).max()? + AROUND).min(words.len());
    let moved = |entity: &Entity| Entity {
        start: entity.start.saturating_sub(first),
        end: entity.end.saturating_sub(first),
        entity_type: entity.entity_type.clone(),
    };
    Some(TaggedSentence {
        example_id: example_id.clone(),
        words: words.get(first..last)?.to_vec(),
        gold: example.gold.iter().map(moved).collect(),
        predicted: example.predicted.iter().map(moved).collect(),
    })
}

/// Returns sentences with the most wrong entities, then some that are right.
fn shown_sentences(all: Vec<TaggedSentence>) -> Vec<Block> {
    let mut wrong: Vec<(usize, &TaggedSentence)> =
        all.iter().map(|sentence| (sentence.wrong(), sentence)).filter(|(wrong, _)| *wrong > 0).collect();
    wrong.sort_by_key(|(wrong, _)| Reverse(*wrong));
    let right = all.iter().filter(|sentence| sentence.wrong() == 0 && !sentence.gold.is_empty());
    let note = format!(
        "{} of {} sentences have a wrong entity; those with the most are shown first, then some that are right. ✓ is an entity \
         that gold and answer have in common, ✗ one that the other lacks.",
        count(wrong.len() as u64),
        count(all.len() as u64)
    );
    let block = |sentence: &TaggedSentence| Block::Sentence(sentence.clone());
    let of_wrong =
        |wrong: &[(usize, &TaggedSentence)]| wrong.iter().map(|(_, sentence)| block(sentence)).collect::<Vec<_>>();
    let (first, others) = wrong.split_at(WRONG.min(wrong.len()));
    let others = &others[..MORE_WRONG.min(others.len())];
    let more = (!others.is_empty()).then(|| Block::Details {
        summary: format!("{} more with a wrong entity", counted(others.len() as u64, "sentence")),
        blocks: of_wrong(others),
    });
    let right = right.take(RIGHT).map(block);
    std::iter::once(Block::Note(vec![note.into()])).chain(of_wrong(first)).chain(more).chain(right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_grouped_into_sentences_with_their_entities() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let answers = TaggedWords {
            example_ids: texts(&["4", "4", "9"]),
            positions: vec![0, 1, 0],
            words: texts(&["Ada", "Lovelace", "sings"]),
            gold: texts(&["B-person", "I-person", "O"]),
            answers: texts(&["B-person", "O", "O"]),
        };
        let found = sentences(&answers);
        assert_eq!(found.iter().map(|one| one.example_id.as_str()).collect::<Vec<_>>(), ["4", "9"]);
        assert_eq!((found[0].gold[0].end, found[0].predicted[0].end, found[0].wrong()), (2, 1, 2));
        assert_eq!((found[1].words.len(), found[1].wrong()), (1, 0));
        assert!(sentences(&TaggedWords::default()).is_empty());
    }

    #[test]
    fn a_word_stands_among_those_of_its_own_sentence() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let answers = TaggedWords {
            positions: vec![0, 0, 1, 2, 0],
            words: texts(&["Before", "Ada", "Lovelace", "sings", "After"]),
            ..TaggedWords::default()
        };
        assert_eq!(among_neighbours(&answers, 2), "Ada [Lovelace] sings");
        assert_eq!(among_neighbours(&answers, 0), "[Before]");
        assert_eq!(among_neighbours(&answers, 4), "[After]");
    }
}
