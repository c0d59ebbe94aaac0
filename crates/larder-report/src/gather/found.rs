//! A page of a run's answers to new rows, which have no gold.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use larder_data::{Content, OnBadRow, Place};
use larder_errors::{count, counted};
use larder_files::write_atomic;
use larder_predict::{Input, InputFlags, InputOrigin};
use larder_run::page::{Block, Cell, Fact, PageTable, percent, shortened};
use larder_run::{Larder, Predictor, RunError, RunRecord, ShownAnswer, tasks};
use larder_runtime::Device;
use larder_tags::Entity;

use super::without_texts::remove_from;
use crate::ReportError;
use crate::page::FoundPage;

/// Characters of a text that are shown.
const TEXT: usize = 300;
/// Most different answers that are counted.
const ANSWERS: usize = 60;
/// Entities that are listed, the most frequent.
const ENTITIES: usize = 30;
/// Sentences that are shown at once.
const SENTENCES: usize = 50;

/// The rows to answer, and how.
pub struct FoundRequest<'a> {
    /// The run.
    pub run: &'a str,
    /// The file of rows.
    pub input: &'a Path,
    /// The layout of the file, where it is not that of the run's own.
    pub flags: &'a InputFlags,
    /// Rows that are read.
    pub limit: usize,
    /// The handling of rows that cannot be answered.
    pub on_bad_row: OnBadRow,
    /// The device that runs.
    pub device: Device,
    /// CPU threads; 0 is one per core.
    pub threads: usize,
    /// True if texts are shown.
    pub texts: bool,
}

/// A row with its answer.
struct FoundRow {
    place: Place,
    content: Content,
    shown: ShownAnswer,
}

/// Answers the first rows of a file, writes a page about the answers to `target`, and returns its size in bytes.
///
/// # Errors
/// [`ReportError`] for a run or rows that cannot be read, and for disk errors.
pub fn write_found(larder: &Larder, request: &FoundRequest<'_>, target: &Path) -> Result<u64, ReportError> {
    let record = RunRecord::open(larder, request.run)?;
    let mut predictor = tasks::of(record.task()).predictor(larder, record.clone(), request.device, request.threads)?;
    let mut input = Input::for_run(&record, InputOrigin::File(request.input.to_path_buf()), request.flags)?;
    let (mut asked, mut bad) = (Vec::new(), 0_u64);
    while asked.len() < request.limit {
        let Some(row) = input.next() else { break };
        let row = row?;
        match (row.content, request.on_bad_row) {
            (Ok(content), _) => asked.push((row.place, content)),
            (Err(_), OnBadRow::Skip) => bad += 1,
            (Err(problem), OnBadRow::Stop) => return Err(input.bad_row(row.place, problem).into()),
        }
    }
    let is_all = asked.len() < request.limit || input.next().is_none();
    let rows = answered(&mut *predictor, asked)?;
    let mut blocks = blocks(&rows);
    if !request.texts {
        remove_from(&mut blocks);
    }
    let read = match is_all {
        true => counted(rows.len() as u64, "row"),
        false => format!("the first {}; `--limit` reads more", counted(rows.len() as u64, "row")),
    };
    let mut facts = vec![
        Fact::new("run", &record.run),
        Fact::new("encoder", &record.encoder),
        Fact::new("head", record.head.details().outline().kind),
        Fact::new("file", request.input.display()),
        Fact::new("read", read),
        Fact::new("device", predictor.ran_on()),
    ];
    if bad > 0 {
        facts.push(Fact::new("without an answer", counted(bad, "row")));
    }
    let title = format!("{} on {}", record.run, request.input.file_name().unwrap_or_default().to_string_lossy());
    let html = FoundPage { title, facts, blocks, version: env!("CARGO_PKG_VERSION") }.html()?;
    write_atomic(target, |file| file.write_all(html.as_bytes()))?;
    Ok(html.len() as u64)
}

fn answered(predictor: &mut dyn Predictor, asked: Vec<(Place, Content)>) -> Result<Vec<FoundRow>, RunError> {
    let at_once = predictor.rows_at_once().max(1);
    let (places, contents): (Vec<Place>, Vec<Content>) = asked.into_iter().unzip();
    let mut shown = Vec::with_capacity(contents.len());
    for contents in contents.chunks(at_once) {
        shown.extend(predictor.predict(contents)?.iter().map(|answer| answer.row().shown()));
    }
    let rows = places.into_iter().zip(contents).zip(shown);
    Ok(rows.map(|((place, content), shown)| FoundRow { place, content, shown }).collect())
}

fn blocks(rows: &[FoundRow]) -> Vec<Block> {
    if rows.iter().any(|row| matches!(row.shown, ShownAnswer::Entities { .. })) { entities(rows) } else { values(rows) }
}

/// Returns the answers, counted and in a table.
fn values(rows: &[FoundRow]) -> Vec<Block> {
    let values = |row: &FoundRow| match &row.shown {
        ShownAnswer::Values(values) => values.clone(),
        ShownAnswer::Entities { .. } => Vec::new(),
    };
    let answers = counts(rows.iter().filter_map(|row| Some(values(row).first()?.1.clone())));
    let mut blocks = Vec::new();
    if answers.len() <= ANSWERS {
        let row = |(answer, times): &(String, u64)| -> Vec<Cell> {
            let share = percent(*times as f64 / rows.len().max(1) as f64);
            vec![answer.as_str().into(), count(*times).into(), share.into()]
        };
        let table = PageTable::new(1, &["answer", "rows", "share"], answers.iter().map(row).collect());
        blocks.push(Block::Table(table));
    }
    let names = rows.first().map(|row| values(row).into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    let header = [&["text"], names.unwrap_or_default().as_slice(), &["place"]].concat();
    let row = |row: &FoundRow| -> Vec<Cell> {
        let text = Cell::Running(shortened(&text_of(&row.content), TEXT));
        let values = values(row).into_iter().map(|(_, value)| Cell::from(value));
        std::iter::once(text).chain(values).chain([row.place.to_string().into()]).collect()
    };
    blocks.push(Block::Heading("Rows".to_owned()));
    let table = PageTable::new(2, &header, rows.iter().map(row).collect());
    blocks.push(Block::Browsed { name: "answers".to_owned(), table });
    blocks
}

/// Returns the entities, counted and in their sentences.
fn entities(rows: &[FoundRow]) -> Vec<Block> {
    let found: Vec<(&FoundRow, &[String], &[Entity])> = rows
        .iter()
        .filter_map(|row| match &row.shown {
            ShownAnswer::Entities { words, entities } if !entities.is_empty() => {
                Some((row, words.as_slice(), entities.as_slice()))
            }
            _ => None,
        })
        .collect();
    let text = |words: &[String], entity: &Entity| words.get(entity.start..entity.end).unwrap_or_default().join(" ");
    let each = || found.iter().flat_map(|(_, words, entities)| entities.iter().map(|entity| (*words, entity)));
    let types = counts(each().map(|(_, entity)| entity.entity_type.clone()));
    let named = counts(each().map(|(words, entity)| (text(words, entity), entity.entity_type.clone())));
    let types = types.into_iter().map(|(name, times)| vec![name.into(), count(times).into()]).collect();
    let listed = named.into_iter().take(ENTITIES);
    let listed =
        listed.map(|((text, name), times)| vec![Cell::Running(text), name.into(), count(times).into()]).collect();
    let block = |(row, words, entities): &(&FoundRow, &[String], &[Entity])| Block::Found {
        place: row.place.to_string(),
        words: words.to_vec(),
        entities: entities.to_vec(),
    };
    let (first, others) = found.split_at(SENTENCES.min(found.len()));
    let without = format!(
        "{} of {} have no entity.",
        count((rows.len() - found.len()) as u64),
        counted(rows.len() as u64, "sentence")
    );
    let mut blocks = vec![
        Block::Columns(vec![
            vec![Block::Table(PageTable::new(1, &["type", "entities"], types))],
            vec![Block::Table(PageTable::new(2, &["the most frequent", "type", "times"], listed))],
        ]),
        Block::Heading("Sentences".to_owned()),
        Block::Note(vec![without.into()]),
    ];
    blocks.extend(first.iter().map(block));
    if !others.is_empty() {
        let summary = counted(others.len() as u64, "more sentence");
        blocks.push(Block::Details { summary, blocks: others.iter().map(block).collect() });
    }
    blocks
}

/// Returns how often each is there, the most frequent first.
fn counts<T: std::hash::Hash + Eq + Ord + Clone>(all: impl Iterator<Item = T>) -> Vec<(T, u64)> {
    let mut times: HashMap<T, u64> = HashMap::new();
    all.for_each(|one| *times.entry(one).or_default() += 1);
    let mut counted: Vec<(T, u64)> = times.into_iter().collect();
    counted.sort_by(|(a, of_a), (b, of_b)| Reverse(of_a).cmp(&Reverse(of_b)).then(a.cmp(b)));
    counted
}

fn text_of(content: &Content) -> String {
    match content {
        Content::Text { text, text_b: None } => text.clone(),
        Content::Text { text, text_b: Some(second) } => format!("{text} | {second}"),
        Content::Words(words) => words.join(" "),
    }
}
