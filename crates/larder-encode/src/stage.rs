//! Tokens file to features file.
//!
//! One thread reads and digests the next chunk, the engine's workers run the current one, and one thread writes the last
//! one: the encoder never waits for the disk. Three chunks at most are in memory. A chunk becomes one part, and one row
//! group, of the file. Until it is written its finished batches are kept beside it, so that a killed encode loses seconds.
//!
//! A row of the tokens file is a *unit*: a text, which is one input and one row, or a sentence of words, which is read in
//! one or more windows and fills a row for each word or token. The texts of a pair may be read by themselves: two inputs, one
//! row. A text that is longer than the encoder reads may be read in windows: several inputs, whose vectors lie behind the chunk's
//! rows in memory until all are there, and are pooled into one. Units are run, reused, and found to be equal as a whole.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use larder_files::{FileError, Parts, Provenance, kill_point};
use larder_intake::Encoder;
use larder_onnx::{FeatureOutput, PAIR_PARTS, WordPool};
use larder_runtime::Runtime;
use larder_store::{
    FeatureBatch, FeatureColumnInfo, FeatureDtype, FeaturesFile, InputDigest, Level, StoreError, TokensProjection,
    TokensReader, join_parquet, read_provenance, rows_per_group, write_features_part,
};
use larder_tokens::{LONG_TEXTS, LongTexts, MAX_TOKENS, TextWindows};

use crate::chunk::{Chunk, Chunks};
use crate::engine::{Engine, EngineSettings, RowPooling};
use crate::journal::Journal;
use crate::pair::combine_pair;
use crate::plan::{Batch, PLAN_VERSION};
use crate::report::{EncodeReport, Progress};
use crate::reuse::{ReusedFiles, WrittenParts};
use crate::row_origins::RowOrigins;
use crate::sentence_stream::SentenceStream;
use crate::settings::{Context, EncodePlan, EncodeSettings, RAN_DEVICE, RAN_GRAPH, has_same_vectors};
use crate::unit::{TokenSpan, UnitInput};
use crate::{EncodeError, EncoderInput};

/// The tokens, settings and target of an encode.
#[derive(Debug, Clone, Copy)]
pub struct EncodeRequest<'a> {
    /// The encoder.
    pub encoder: &'a Encoder,
    /// The `tokens` file.
    pub tokens: &'a Path,
    /// The `features` file to make.
    pub target: &'a Path,
    /// Level, layers, poolings, precision, device.
    pub settings: &'a EncodeSettings,
    /// True if rows with unchanged input may be copied from the file that is replaced, and from files elsewhere.
    pub reuse: bool,
    /// Other `features` files, best first, whose rows of equal input are copied too where they have the same vectors: those of the
    /// same model, settings and columns, which the same graph computed on the same device. Files of other vectors are passed over.
    pub elsewhere: &'a [PathBuf],
}

/// Compares the features file at `request.target` with what [`encode`] would write.
///
/// A file that holds more columns than asked for is fresh. A stale one keeps its further columns when it is made again.
///
/// # Errors
/// [`EncodeError::Store`] when the tokens file is missing or cut, [`EncodeError::Layer`] for a layer that is not there,
/// [`EncodeError::Tagging`], [`EncodeError::NoWords`] and [`EncodeError::NoDocuments`] for a level or context that the file
/// does not have, [`EncodeError::PairWindows`] for pairs that are to be read together and in windows.
pub fn plan_encode(request: &EncodeRequest<'_>) -> Result<EncodePlan, EncodeError> {
    let EncodeRequest { encoder, tokens, target, settings, .. } = *request;
    let layers = encoder.interface().last_layer();
    let reader = TokensReader::open(tokens, TokensProjection::Encode)?;
    check_level(&reader, tokens, settings)?;
    let made_from = reader.provenance().cloned().unwrap_or_else(|| Provenance::new("tokens made elsewhere", 0));
    let mut outputs = settings.outputs(layers)?;
    let found = match read_provenance(target) {
        // A cut or damaged file is made again: saying what it lacks helps nobody.
        Err(error) if error.is_broken_file() => None,
        found => found?,
    };
    let asked: Vec<String> = outputs.iter().map(|o| o.column(layers)).collect();
    let had: Vec<String> = match &found {
        Some(found) => found.parts.get("columns").into_iter().flat_map(|c| c.split(',')).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    if asked.iter().all(|column| had.contains(column)) {
        let provenance = settings.provenance(encoder, &made_from, &had);
        let freshness = provenance.freshness(found.as_ref());
        let kept = had.iter().filter_map(|column| FeatureOutput::of_column(column, layers)).collect();
        let rows_reusable = found.is_some_and(|found| has_same_vectors(&found, &provenance));
        return Ok(EncodePlan { freshness, outputs: kept, provenance, rows_reusable });
    }
    let same_encoder =
        found.as_ref().is_some_and(|f| f.parts.get("encoder.digest") == Some(&encoder.manifest().digest));
    if same_encoder {
        let others = had.iter().filter(|column| !asked.contains(column));
        outputs.extend(others.filter_map(|column| FeatureOutput::of_column(column, layers)));
    }
    let columns: Vec<String> = outputs.iter().map(|o| o.column(layers)).collect();
    let provenance = settings.provenance(encoder, &made_from, &columns);
    Ok(EncodePlan { freshness: provenance.freshness(found.as_ref()), outputs, provenance, rows_reusable: false })
}

/// Makes the features file, whatever stands there; see [`plan_encode`] for whether that is needed. `progress` is told of every
/// batch, and may ask for an end there.
///
/// # Errors
/// [`EncodeError`]. Finished parts are kept, and an older file stays until the new one is whole. [`EncodeError::Stopped`] when
/// `progress` asked for it: all that was computed is kept.
pub fn encode(
    runtime: &Runtime,
    request: &EncodeRequest<'_>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<EncodeReport, EncodeError> {
    encode_with(runtime, request, &mut None, progress)
}

/// As [`encode`], for several files of one encoder and the same settings: the engine in `kept` runs if it gives the columns that are
/// asked for, and the one that ran is left there.
///
/// # Errors
/// As [`encode`].
pub fn encode_with(
    runtime: &Runtime,
    request: &EncodeRequest<'_>,
    kept: &mut Option<Engine>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<EncodeReport, EncodeError> {
    let started = Instant::now();
    let EncodeRequest { encoder, tokens, target, settings, reuse, elsewhere } = *request;
    let plan = plan_encode(request)?;
    let windows = text_windows(&TokensReader::open(tokens, projection(settings))?, encoder, settings)?;
    let layers = encoder.interface().last_layer();
    let is_usable = |engine: &Engine| {
        let asked = plan.outputs.iter().map(|output| output.column(layers));
        engine.long() == long_texts(windows) && asked.eq(engine.columns().iter().cloned())
    };
    let mut engine = match kept.take().filter(is_usable) {
        Some(engine) => engine,
        None => Engine::new(runtime, encoder, &plan.outputs, engine_settings(settings, windows))?,
    };
    let run_started = Instant::now();
    let reused = match reuse {
        true => ReusedFiles::open(target, elsewhere, &plan, &engine)?,
        false => ReusedFiles::default(),
    };
    let provenance = plan
        .provenance
        .with(RAN_DEVICE, engine.ran_on())
        .with("ran.onnxruntime", runtime.version())
        .with(RAN_GRAPH, engine.graph())
        .with("ran.batch_tokens", engine.batch_tokens())
        .with("ran.plan_version", PLAN_VERSION)
        .with("ran.encoder", encoder.name());
    // Which rows are reused decides batches and thereby last bits, so parts belong to one previous file. Files elsewhere come and go:
    // a killed encode goes on with what it has done.
    let provenance = match reuse && plan.rows_reusable {
        true => provenance.with("ran.previous", read_provenance(target)?.map_or_else(String::new, |p| p.digest())),
        false => provenance,
    };
    let parts = Parts::open(target, &provenance)?;
    let columns = columns(&engine, settings);
    let reader = TokensReader::open(tokens, projection(settings))?;
    let total_rows = total_rows(&reader, encoder, settings);
    let rows_per_chunk = rows_per_group(&columns);
    let mut running = RunningEncode {
        done: Progress { total_rows, total_tokens: reader.tokens(), ..Progress::default() },
        report: EncodeReport {
            level: settings.level,
            sentences: 0,
            encoded_inputs: 0,
            rows: 0,
            encoded_rows: 0,
            reused_rows: 0,
            duplicate_rows: 0,
            resumed_rows: 0,
            windowed_rows: 0,
            window_tokens: windows.map(|windows| windows.max_tokens()),
            encoded_tokens: 0,
            computed_tokens: 0,
            seconds: 0.0,
            run_seconds: 0.0,
            device: engine.ran_on().clone(),
            threads: engine.threads(),
            graph: engine.graph(),
            graph_note: engine.graph_note().map(str::to_owned),
            columns,
            file_bytes: 0,
        },
        written: WrittenParts::new(),
        reused,
        parts,
        tokens: tokens.to_path_buf(),
        pool: settings.word_pool,
        writing: None,
        count: 0,
        pair_features: settings.pair_features,
    };
    go_on(progress(running.done))?;
    let read = in_chunks(request, rows_per_chunk, |chunk| running.chunk(&mut engine, chunk, progress));
    if matches!(read, Err(EncodeError::Stopped)) {
        // The part under way is whole before the process ends.
        running.wait_for_writer()?;
    }
    read?;
    // What comes up on the way, as with the first long text.
    running.report.graph_note = engine.graph_note().map(str::to_owned);
    *kept = Some(engine);
    running.finish(target, &provenance, started, run_started)
}

/// Ends with an error where an end was asked for.
fn go_on(asked: ControlFlow<()>) -> Result<(), EncodeError> {
    match asked {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(EncodeError::Stopped),
    }
}

/// The windows of long texts, where the tokens file keeps texts whole for them.
///
/// # Errors
/// [`EncodeError::Tokens`] for a file of windows that have no room for a text.
pub(crate) fn text_windows(
    reader: &TokensReader,
    encoder: &Encoder,
    settings: &EncodeSettings,
) -> Result<Option<TextWindows>, EncodeError> {
    let parts = reader.provenance().map(|tokens| &tokens.parts);
    let part = |name: &str| parts.and_then(|parts| parts.get(name)).map(String::as_str);
    if settings.level != Level::Sentence || part(LONG_TEXTS) != Some(LongTexts::Windows.as_str()) {
        return Ok(None);
    }
    let max_tokens = part(MAX_TOKENS).and_then(|tokens| tokens.parse().ok()).unwrap_or(encoder.max_tokens());
    Ok(Some(TextWindows::new(max_tokens.min(encoder.longest_tokens()), &encoder.manifest().special_tokens)?))
}

/// The settings of an engine for texts that are read so.
pub(crate) fn engine_settings(settings: &EncodeSettings, windows: Option<TextWindows>) -> EngineSettings {
    EngineSettings { long: long_texts(windows), all_workers: true, ..settings.engine() }
}

fn long_texts(windows: Option<TextWindows>) -> LongTexts {
    if windows.is_some() { LongTexts::Windows } else { LongTexts::Cut }
}

/// The columns that an engine fills.
pub(crate) fn columns(engine: &Engine, settings: &EncodeSettings) -> Vec<FeatureColumnInfo> {
    let info = |(name, &width): (&String, &usize)| FeatureColumnInfo {
        name: name.clone(),
        width: settings.vector_width(width),
        dtype: settings.dtype,
    };
    engine.columns().iter().zip(engine.widths()).map(info).collect()
}

/// Hands over the tokens file in chunks of about `rows` rows, the next of which is read meanwhile.
pub(crate) fn in_chunks(
    request: &EncodeRequest<'_>,
    rows: usize,
    mut each: impl FnMut(Chunk) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let EncodeRequest { encoder, tokens, settings, .. } = *request;
    let reader = TokensReader::open(tokens, projection(settings))?;
    let texts = text_windows(&reader, encoder, settings)?;
    let chunks = Chunks {
        window_settings: settings.window_settings(encoder.max_tokens(), texts),
        rows,
        tokenizer: if settings.level == Level::Token { Some(encoder.tokenizer()?) } else { None },
        path: tokens.to_path_buf(),
    };
    let context = if settings.context == Context::Document { encoder.max_tokens() } else { 0 };
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(1);
        scope.spawn(move || chunks.send(SentenceStream::new(reader, context), &send));
        receive.into_iter().try_for_each(|chunk| each(chunk?))
    })
}

/// The columns of the tokens file that are read.
fn projection(settings: &EncodeSettings) -> TokensProjection {
    match settings.level {
        Level::Sentence if settings.pair_features => TokensProjection::EncodeAlone,
        Level::Sentence => TokensProjection::Encode,
        Level::Word | Level::Token => TokensProjection::EncodeWords,
    }
}

/// Checks that the tokens file has the words, texts or documents that the settings ask for.
fn check_level(reader: &TokensReader, tokens: &Path, settings: &EncodeSettings) -> Result<(), EncodeError> {
    let tokens = || tokens.to_path_buf();
    match (settings.level, reader.has_words()) {
        (Level::Sentence, true) => return Err(EncodeError::Tagging { tokens: tokens() }),
        (Level::Word, false) => return Err(EncodeError::NoWords { tokens: tokens() }),
        _ => {}
    }
    if settings.level == Level::Sentence && settings.pair_features && !reader.layout().alone {
        return Err(EncodeError::NoPairs { tokens: tokens() });
    }
    let of_windows = reader.provenance().is_some_and(|tokens| tokens.parts.contains_key(LONG_TEXTS));
    if settings.level == Level::Sentence && reader.is_pair() && !settings.pair_features && of_windows {
        return Err(EncodeError::PairWindows { tokens: tokens() });
    }
    let asks = settings.level != Level::Sentence && settings.context == Context::Document;
    if asks && !reader.has_documents() {
        return Err(EncodeError::NoDocuments { tokens: tokens() });
    }
    Ok(())
}

/// Rows that the features file will have, from the tokens file's footer.
fn total_rows(reader: &TokensReader, encoder: &Encoder, settings: &EncodeSettings) -> usize {
    match settings.level {
        Level::Sentence => reader.rows(),
        Level::Word => usize::try_from(reader.words()).unwrap_or(usize::MAX),
        Level::Token if settings.special_tokens => usize::try_from(reader.tokens()).unwrap_or(usize::MAX),
        Level::Token => {
            let special = &encoder.manifest().special_tokens;
            let special = if reader.is_pair() { special.pair_tokens } else { special.single_tokens };
            usize::try_from(reader.tokens()).unwrap_or(usize::MAX).saturating_sub(reader.rows() * special)
        }
    }
}

/// An encode under way.
struct RunningEncode {
    done: Progress,
    report: EncodeReport,
    written: WrittenParts,
    reused: ReusedFiles,
    parts: Parts,
    tokens: PathBuf,
    pool: WordPool,
    writing: Option<JoinHandle<Result<(), StoreError>>>,
    count: usize,
    pair_features: bool,
}

impl RunningEncode {
    fn chunk(
        &mut self,
        engine: &mut Engine,
        chunk: Chunk,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), EncodeError> {
        let index = self.count;
        self.count += 1;
        let (rows, tokens_before) = (chunk.rows(), self.done.tokens);
        let units: Vec<(InputDigest, usize)> = chunk.units.iter().map(|u| (u.digest, u.first_row)).collect();
        let (sentences, tokens) = (chunk.units.len(), chunk.tokens);
        let part = self.parts.path(index);
        if part.exists() && FeaturesFile::open(&part).is_ok_and(|file| file.rows() == rows) {
            self.report.resumed_rows += rows;
            Journal::remove(&part);
        } else {
            let columns = self.vectors(engine, &chunk, &part, progress)?;
            self.write(index, chunk, columns)?;
        }
        self.written.remember(index, units.into_iter());
        self.report.sentences += sentences;
        self.report.rows += rows;
        self.done.rows = self.report.rows;
        self.done.tokens = tokens_before + tokens;
        go_on(progress(self.done))
    }

    /// The chunk's vectors, `[rows, width]` a column. Batches of it that are finished are kept beside `part`.
    fn vectors(
        &mut self,
        engine: &mut Engine,
        chunk: &Chunk,
        part: &Path,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<(FeatureColumnInfo, Vec<f32>)>, EncodeError> {
        let origins = RowOrigins::of(chunk, &self.reused, &self.written);
        self.report.encoded_rows += origins.to_run.iter().map(|&unit| chunk.units[unit].rows).sum::<usize>();
        let (reused, duplicates) = origins.copied();
        self.report.reused_rows += reused;
        self.report.duplicate_rows += duplicates;

        // Inputs to run, and the first row of each one's unit.
        let mut run: Vec<(&UnitInput, usize)> = Vec::new();
        // The unit of each.
        let mut units: Vec<usize> = Vec::new();
        for &at in &origins.to_run {
            let unit = &chunk.units[at];
            for input in chunk.inputs_of(unit) {
                if let Some(problem) = engine.refusal(&input.input()) {
                    let (tokens, example_id) = (self.tokens.clone(), unit.example_id.clone());
                    return Err(EncodeError::Row { tokens, row: self.report.sentences + at, example_id, problem });
                }
                run.push((input, unit.first_row));
                units.push(at);
            }
        }
        let inputs: Vec<EncoderInput<'_>> = run.iter().map(|(input, _)| input.input()).collect();
        let spans: Vec<&[TokenSpan]> = run.iter().map(|(input, _)| input.spans.as_slice()).collect();
        self.report.encoded_inputs += inputs.len();
        let infos = self.report.columns.clone();
        // Behind the rows of the chunk, the windows of texts that are pooled.
        let mut window_rows: std::ops::RangeFrom<usize> = chunk.rows()..;
        let slots: Vec<Option<usize>> =
            run.iter().map(|(input, _)| if input.windows > 1 { window_rows.next() } else { None }).collect();
        let mut columns: Vec<(FeatureColumnInfo, Vec<f32>)> =
            infos.into_iter().map(|c| (c.clone(), vec![0.0; window_rows.start * c.width])).collect();
        let over_windows = engine.over_windows().to_vec();
        self.reused.copy(origins.reused, &mut columns)?;
        if !origins.written.is_empty() {
            self.wait_for_writer()?;
            let folder = self.parts.folder().to_path_buf();
            WrittenParts::copy(origins.written, |part| Parts::path_in(&folder, part), &mut columns)?;
        }
        let pooling = match self.report.level {
            Level::Sentence => RowPooling::Pooled,
            Level::Word | Level::Token => RowPooling::Spans { spans: &spans, pool: self.pool },
        };
        let parts = if self.pair_features { PAIR_PARTS } else { 1 };
        // The places that a batch fills, in the order of its vectors: as many as spans.
        let places_of = |batch: &Batch| -> Vec<Place> {
            let of_input = |&at: &usize| spans[at].iter().map(move |span| (at, span.row as usize));
            let place = |(input, row): (usize, usize)| {
                let (of, first_row): (&UnitInput, usize) = run[input];
                Place { row: slots[input].unwrap_or(first_row + row), part: of.text, parts, input }
            };
            batch.rows.iter().flat_map(of_input).map(place).collect()
        };
        let new_tokens = |batch: &Batch| batch.rows.iter().map(|&at| run[at].0.new_tokens as u64).sum::<u64>();
        let (tokens, first_row) = (self.tokens.clone(), self.report.sentences);
        let in_row = |at: usize, problem: EncodeError| EncodeError::RowVectors {
            tokens: tokens.clone(),
            row: first_row + units[at],
            example_id: chunk.units[units[at]].example_id.clone(),
            problem: Box::new(problem),
        };
        let (done, report) = (&mut self.done, &mut self.report);
        let batches = engine.plan_of(&inputs);
        let mut is_finished = vec![false; batches.len()];
        let numbers_a_place: usize = columns.iter().map(|(info, _)| info.width / parts).sum();
        let count = |batch: &Batch| places_of(batch).len() * numbers_a_place;
        // A text's first window counts for its row.
        let is_first = |input: usize| {
            input == 0 || slots[input - 1].is_none() || {
                let [before, this] = [input - 1, input].map(|at| (units[at], run[at].0.text));
                before != this
            }
        };
        let counts = |place: &&Place| place.part == 0 && (slots[place.input].is_none() || is_first(place.input));
        let rows_of = |places: &[Place]| places.iter().filter(counts).count();
        let digest = digest_of(&inputs);
        let mut journal = Journal::open(part, digest, &batches, count, |index, numbers| {
            let batch = &batches[index];
            let places = places_of(batch);
            scatter(numbers, &places, &mut columns);
            is_finished[index] = true;
            let rows = rows_of(&places);
            report.resumed_rows += rows;
            report.encoded_rows -= rows;
            report.encoded_inputs -= batch.rows.len();
            done.rows += rows;
            done.tokens += new_tokens(batch);
        })?;
        go_on(progress(*done))?;
        let left: Vec<usize> = (0..batches.len()).filter(|&index| !is_finished[index]).collect();
        engine.run_batches(&inputs, pooling, &batches, &left, |index, vectors| {
            let batch = &batches[index];
            let places = places_of(batch);
            for (number, (info, column)) in columns.iter_mut().enumerate() {
                let width = info.width / parts;
                for (at_place, place) in places.iter().enumerate() {
                    let at = place.input;
                    let output = if slots[at].is_some() { over_windows[number].output } else { number };
                    let vector = &vectors[output][at_place * width..(at_place + 1) * width];
                    check_values(info, vector, at, inputs[at].input_ids).map_err(|problem| in_row(at, problem))?;
                    column[place.range(info)].copy_from_slice(vector);
                }
            }
            let real: usize = batch.rows.iter().map(|&at| inputs[at].input_ids.len()).sum();
            report.encoded_tokens += real as u64;
            report.computed_tokens += batch.padded_tokens() as u64;
            done.rows += rows_of(&places);
            done.tokens += new_tokens(batch);
            done.run_tokens += real as u64;
            let numbers_of = |index: usize, into: &mut Vec<f32>| gather(&columns, &places_of(&batches[index]), into);
            journal.finished(index, &batches, numbers_of)?;
            let asked = progress(*done);
            if asked.is_break() {
                journal.save_all(&batches, numbers_of)?;
            }
            go_on(asked)
        })?;
        let mut windowed = HashSet::new();
        for first in (0..run.len()).filter(|&input| slots[input].is_some() && is_first(input)) {
            let (input, row) = run[first];
            let place = |row| Place { row, part: input.text, parts, input: first };
            let windows = first..first + input.windows;
            for ((info, column), over) in columns.iter_mut().zip(&over_windows) {
                let mut pooled = vec![0.0; info.width / parts];
                let vectors = windows
                    .clone()
                    .filter_map(|at| Some((&column[place(slots[at]?).range(info)], inputs[at].input_ids.len())));
                over.pool(vectors, &mut pooled);
                column[place(row).range(info)].copy_from_slice(&pooled);
            }
            windowed.insert(units[first]);
        }
        for (info, column) in &mut columns {
            column.truncate(chunk.rows() * info.width);
        }
        report.windowed_rows += windowed.len();
        if self.pair_features {
            for (at, (_, first_row)) in run
                .iter()
                .enumerate()
                .filter(|(at, (input, _))| input.text == 0 && (slots[*at].is_none() || is_first(*at)))
            {
                for (info, column) in &mut columns {
                    let features = &mut column[first_row * info.width..(first_row + 1) * info.width];
                    combine_pair(features);
                    check_values(info, features, at, inputs[at].input_ids).map_err(|problem| in_row(at, problem))?;
                }
            }
        }
        for (info, column) in &mut columns {
            for &(from, to) in &origins.duplicates {
                column.copy_within(from * info.width..(from + 1) * info.width, to * info.width);
            }
        }
        Ok(columns)
    }

    fn write(
        &mut self,
        index: usize,
        chunk: Chunk,
        columns: Vec<(FeatureColumnInfo, Vec<f32>)>,
    ) -> Result<(), EncodeError> {
        self.wait_for_writer()?;
        let path = self.parts.path(index);
        let (example_ids, rows, digests) = chunk.into_identity();
        let batch = FeatureBatch { example_ids, rows, digests, columns };
        self.writing = Some(std::thread::spawn(move || {
            write_features_part(&path, batch)?;
            kill_point("part-written");
            // The part has what its batches had.
            Journal::remove(&path);
            Ok(())
        }));
        Ok(())
    }

    fn wait_for_writer(&mut self) -> Result<(), EncodeError> {
        match self.writing.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => Ok(written?),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }

    fn finish(
        mut self,
        target: &Path,
        provenance: &Provenance,
        started: Instant,
        run_started: Instant,
    ) -> Result<EncodeReport, EncodeError> {
        self.wait_for_writer()?;
        self.parts.join(self.count, |parts, target| join_parquet(parts, target, provenance))?;
        let mut report = self.report;
        report.rows = FeaturesFile::open(target)?.rows();
        report.file_bytes = std::fs::metadata(target)
            .map_err(|source| FileError::Io { action: "read", path: target.to_path_buf(), source })?
            .len();
        report.run_seconds = run_started.elapsed().as_secs_f64();
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// The place of one vector of a batch.
struct Place {
    row: usize,
    /// The number of the row's part, from 0: the second text of a pair is part 1.
    part: usize,
    /// Parts of a row.
    parts: usize,
    /// The input that it is of.
    input: usize,
}

impl Place {
    /// Returns its elements in a column `[rows, info.width]`.
    fn range(&self, info: &FeatureColumnInfo) -> Range<usize> {
        let width = info.width / self.parts;
        let from = self.row * info.width + self.part * width;
        from..from + width
    }
}

/// Puts a batch's vectors, column after column, into the places that it fills.
fn scatter(numbers: &[f32], places: &[Place], columns: &mut [(FeatureColumnInfo, Vec<f32>)]) {
    let mut left = numbers;
    for (info, column) in columns {
        for place in places {
            let range = place.range(info);
            let (vector, others) = left.split_at(range.len());
            column[range].copy_from_slice(vector);
            left = others;
        }
    }
}

/// A batch's vectors out of the places that it filled, as [`scatter`] takes them.
fn gather(columns: &[(FeatureColumnInfo, Vec<f32>)], places: &[Place], into: &mut Vec<f32>) {
    for (info, column) in columns {
        for place in places {
            into.extend_from_slice(&column[place.range(info)]);
        }
    }
}

/// Returns a digest of inputs in their order.
fn digest_of(inputs: &[EncoderInput<'_>]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    inputs.iter().for_each(|input| {
        hasher.update(&input.digest());
    });
    *hasher.finalize().as_bytes()
}

fn check_values(info: &FeatureColumnInfo, vector: &[f32], input: usize, input_ids: &[i32]) -> Result<(), EncodeError> {
    let limit = match info.dtype {
        FeatureDtype::F32 | FeatureDtype::I8 => f32::MAX,
        FeatureDtype::F16 => half::f16::MAX.to_f32(),
    };
    match vector.iter().copied().find(|v| v.is_nan() || v.abs() > limit) {
        None => Ok(()),
        Some(value) if value.is_finite() => Err(EncodeError::HalfOverflow { column: info.name.clone(), value }),
        Some(_) => Err(EncodeError::NotFinite {
            column: info.name.clone(),
            input,
            start: input_ids.iter().copied().take(8).collect(),
        }),
    }
}
