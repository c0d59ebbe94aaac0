//! The encoder's sessions: token ids in, pooled vectors out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use larder_errors::bytes;
use larder_intake::{Encoder, SessionModel};
use larder_onnx::{FeatureKind, FeatureOutput, Pool, WordPool};
use larder_runtime::{
    Device, ElementType, PaddedTexts, RanOn, Runtime, Session, SessionSettings, Tensor, TensorData, TensorView,
    memory_left, require_memory,
};
use larder_store::ROW_GROUP_BYTES;
use larder_tokens::LongTexts;

use crate::graph::{GraphChoice, GraphSource, SelectedGraph};
use crate::long_text_graph::LongTextGraph;
use crate::over_windows::OverWindows;
use crate::plan::{Batch, DEFAULT_CPU_BATCH_TOKENS, DEFAULT_CUDA_BATCH_TOKENS, Demands, plan};
use crate::unit::{TokenSpan, pool};
use crate::workers::Workers;
use crate::{EncodeError, EncoderInput};

/// CPU sessions at most. Each runs whole batches on its own thread, which scales better than threads inside the small
/// operators of a short batch, and each holds its own copy of the weights; further cores go inside the operators.
pub const DEFAULT_MAX_WORKERS: usize = 8;

/// Chunks of an encode in memory: the one that is read, the one that runs, and the one that is written.
pub(crate) const CHUNKS_IN_MEMORY: u64 = 3;

/// The device, threads and graph of an [`Engine`].
#[derive(Debug, Clone, Copy, Default)]
pub struct EngineSettings {
    /// The devices to run on: each GPU has a session, and they take batches from one queue.
    pub device: Device,
    /// CPU threads; 0 means one per core.
    pub threads: usize,
    /// Tokens a batch, padding included; `None` takes the device's default.
    pub batch_tokens: Option<usize>,
    /// The graph to run.
    pub graph: GraphChoice,
    /// Run no operators of larder's own where `graph` leaves the choice: what an exported file computes.
    pub stock_operators: bool,
    /// The way in which texts longer than the limit are read: for windows the engine gives what their pooling needs.
    pub long: LongTexts,
    /// True to open the sessions of all workers at once, for work that is known to have many batches; else each is opened when there
    /// is a batch for it.
    pub all_workers: bool,
}

/// An encoder ready to run, with pooling inside its graph and nothing in it that was not asked for.
#[derive(Debug)]
pub struct Engine {
    workers: Workers,
    feeds: Feeds,
    /// The graph's outputs: the columns, then those that windows alone are pooled from.
    columns: Vec<String>,
    widths: Vec<usize>,
    /// Of each column that was asked for, the pooling over windows.
    over_windows: Vec<OverWindows>,
    batch_tokens: usize,
    demands: Demands,
    threads: usize,
    graph: &'static str,
    note: Option<String>,
    /// How texts longer than the limit are read.
    long_texts: LongTexts,
    /// What runs long texts.
    long: LongTextGraph,
    max_tokens: usize,
    longest_tokens: usize,
    vocabulary_size: usize,
}

/// The model's inputs by role.
#[derive(Debug, Clone)]
struct Feeds {
    input_ids: Feed,
    attention_mask: Option<Feed>,
    token_type_ids: Option<Feed>,
    position_ids: Option<Feed>,
    /// Inputs that nothing reads.
    unread: Vec<Feed>,
    pad_id: i64,
    first_position: i64,
}

#[derive(Debug, Clone)]
struct Feed {
    name: String,
    dtype: ElementType,
}

/// Vectors of one batch, as a worker hands them over: per column `[rows, width]`.
type BatchVectors = Vec<Vec<f32>>;

/// The rule that makes rows from the model's outputs.
///
/// Words are pooled here and not inside the graph as texts are: which tokens make a word differs from row to row, so the
/// graph would need ragged inputs (a gather of the first tokens is simple, a mean over words is not). The runtime's output
/// is read where it lies and only what is stored is copied out of it; on a GPU the tokens' vectors do cross to the host,
/// 4 bytes where the encoder spent some 24 * layers * hidden_size floating-point operations.
#[derive(Clone, Copy)]
pub(crate) enum RowPooling<'a> {
    /// One row an input, pooled inside the graph: outputs are `[batch, hidden]`.
    Pooled,
    /// The rows that each input's spans ask for: outputs are `[batch, seq, hidden]`.
    Spans { spans: &'a [&'a [TokenSpan]], pool: WordPool },
}

impl Engine {
    /// Builds the graph that computes exactly `outputs` and opens it.
    ///
    /// # Errors
    /// [`EncodeError::NoOpeningToken`]; [`EncodeError::Onnx`] for a layer that the model does not show;
    /// [`EncodeError::Runtime`] when the device is missing or the model does not load.
    pub fn new(
        runtime: &Runtime,
        encoder: &Encoder,
        outputs: &[FeatureOutput],
        settings: EngineSettings,
    ) -> Result<Self, EncodeError> {
        let layers = encoder.interface().last_layer();
        let (outputs, over_windows) = with_own_lengths(encoder, outputs, settings.long);
        let outputs = outputs.as_slice();
        let opens_texts = encoder.manifest().special_tokens.leading_tokens > 0;
        if let (false, Some(cls)) =
            (opens_texts, outputs.iter().find(|output| output.kind == FeatureKind::Pooled(Pool::Cls)))
        {
            let (encoder, column) = (encoder.name().to_owned(), cls.column(layers));
            return Err(EncodeError::NoOpeningToken { encoder, column });
        }
        let threads = SessionSettings { intra_threads: settings.threads, ..SessionSettings::default() }.threads();
        let devices = settings.device.resolve_all(runtime)?;
        let device = devices.first().copied().unwrap_or(Device::Cpu);
        let cpu = device == Device::Cpu;
        let source = GraphSource {
            runtime: runtime.clone(),
            encoder: encoder.clone(),
            outputs: outputs.to_vec(),
            stock_operators: settings.stock_operators,
        };
        let SelectedGraph { model, interface, rebuilt, name: graph, note } = source.select(settings.graph, device)?;
        let model = SessionModel::of(&model, device)?;
        // A GPU runs one batch at a time; a second session on it would only hold the weights twice.
        let (workers, intra_threads) =
            if cpu { split_threads(threads) } else { (devices.len(), (threads / devices.len()).max(1)) };
        let (workers, intra_threads, note) = if cpu {
            let fitting = sessions_that_fit(encoder, model.bytes(), workers, settings.all_workers)?;
            let fewer = (fitting < workers).then(|| fewer_sessions(fitting, workers, model.bytes()));
            let note = [note, fewer].into_iter().flatten().reduce(|first, second| format!("{first}; {second}"));
            (fitting, intra_threads * workers / fitting, note)
        } else {
            (workers, intra_threads, note)
        };
        let session = SessionSettings {
            device,
            intra_threads,
            spin: workers == 1,
            name: Some(format!("encoder {}", encoder.name())),
            ..SessionSettings::default()
        };
        let at_once = if settings.all_workers { workers } else { 1 };
        let workers = Workers::open((runtime, encoder), model, session, devices, (at_once, workers))?;
        let feed = |name: &str| {
            let inputs = workers.first().inputs();
            inputs.iter().find(|i| i.name == name).map(|i| Feed { name: i.name.clone(), dtype: i.dtype })
        };
        let feeds = Feeds {
            // A graph that lost its ids when it was cut down cannot depend on the text; the runtime names the input.
            input_ids: feed(&interface.input_ids.name)
                .unwrap_or(Feed { name: interface.input_ids.name.clone(), dtype: ElementType::Int64 }),
            attention_mask: interface.attention_mask.as_ref().and_then(|port| feed(&port.name)),
            token_type_ids: interface.token_type_ids.as_ref().and_then(|port| feed(&port.name)),
            position_ids: interface.position_ids.as_ref().and_then(|port| feed(&port.name)),
            unread: interface.unread.iter().filter_map(|port| feed(&port.name)).collect(),
            pad_id: encoder.manifest().special_tokens.pad_id.map_or(0, i64::from),
            // A token's id, plus one.
            first_position: interface.first_position as i64,
        };
        let default = if cpu { DEFAULT_CPU_BATCH_TOKENS } else { DEFAULT_CUDA_BATCH_TOKENS };
        Ok(Self {
            workers,
            feeds,
            columns: outputs.iter().map(|o| o.column(layers)).collect(),
            widths: outputs.iter().map(|output| encoder.width(output.kind)).collect(),
            over_windows,
            batch_tokens: settings.batch_tokens.unwrap_or(default).max(1),
            demands: Demands {
                // A rebuilt graph was compared in a padded batch.
                exact: encoder.needs_exact_lengths() && !rebuilt,
                alone: encoder.runs_alone() && !rebuilt,
                fixed_batch: interface.fixed_batch(),
                fixed_seq: interface.fixed_seq(),
            },
            threads,
            graph,
            note,
            long_texts: settings.long,
            long: LongTextGraph::new(source, settings.graph, cpu.then_some(threads)),
            max_tokens: encoder.max_tokens(),
            longest_tokens: encoder.longest_tokens(),
            vocabulary_size: encoder.manifest().vocabulary_size,
        })
    }

    /// The columns, in the order asked for.
    pub fn columns(&self) -> &[String] {
        &self.columns[..self.over_windows.len()]
    }

    /// Of each column, the pooling over windows.
    pub(crate) fn over_windows(&self) -> &[OverWindows] {
        &self.over_windows
    }

    /// How texts longer than the limit are read.
    pub(crate) fn long(&self) -> LongTexts {
        self.long_texts
    }

    /// The longest input that the encoder is made for, in tokens, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Elements of the model's vectors of each column.
    pub fn widths(&self) -> &[usize] {
        &self.widths[..self.over_windows.len()]
    }

    /// The devices of the sessions that are open.
    pub fn ran_on(&self) -> &RanOn {
        self.workers.ran_on()
    }

    /// The bytes of graph and weights that all sessions hold together on the host, those included that are yet to be opened.
    pub(crate) fn session_bytes(&self) -> u64 {
        self.workers.bytes()
    }

    /// CPU threads in all.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Returns the name of the graph that runs: `given`, as it was added; `rebuilt`, larder's own in its place; `int8`, that
    /// with larder's own 8-bit products; `bfloat16`, with products in bfloat16; `half` and `half-packed`, in fused operators and float16.
    pub fn graph(&self) -> &'static str {
        self.graph
    }

    /// Returns the reason if another graph runs than the one asked for.
    pub fn graph_note(&self) -> Option<&str> {
        self.note.as_deref().or(self.long.note())
    }

    /// Tokens a batch.
    pub fn batch_tokens(&self) -> usize {
        self.batch_tokens
    }

    /// Returns the batches for inputs of these lengths (tokens, `[inputs]`).
    pub fn plan(&self, lengths: &[usize]) -> Vec<Batch> {
        plan(lengths, self.batch_tokens, self.demands)
    }

    /// Returns the reason why this input cannot be read; `None` if it can.
    pub fn refusal(&self, input: &EncoderInput<'_>) -> Option<String> {
        let length = input.input_ids.len();
        if length == 0 {
            return Some("has no tokens".to_owned());
        }
        if length > self.longest_tokens {
            return Some(format!("has {length} tokens; the encoder reads {}", self.longest_tokens));
        }
        let fits = |id: i32| usize::try_from(id).is_ok_and(|id| id < self.vocabulary_size);
        let id = input.input_ids.iter().find(|&&id| !fits(id))?;
        Some(format!("has token id {id}; the encoder's vocabulary has {} ids", self.vocabulary_size))
    }

    /// Encodes `inputs` and hands each finished batch to `sink`: its plan and, per column, `[batch, width]` values whose
    /// rows stand in the order of `batch.rows`. Batches finish in any order; which rows share one does not vary.
    ///
    /// Every input must have passed [`Engine::refusal`].
    ///
    /// # Errors
    /// The first [`EncodeError`] of a worker or of `sink`; no further batch is started then.
    pub fn run(
        &mut self,
        inputs: &[EncoderInput<'_>],
        mut sink: impl FnMut(&Batch, BatchVectors) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let batches = self.plan_of(inputs);
        let all: Vec<usize> = (0..batches.len()).collect();
        self.run_batches(inputs, RowPooling::Pooled, &batches, &all, |index, vectors| sink(&batches[index], vectors))
    }

    /// The batches that these inputs run in.
    pub(crate) fn plan_of(&self, inputs: &[EncoderInput<'_>]) -> Vec<Batch> {
        let lengths: Vec<usize> = inputs.iter().map(|i| i.input_ids.len()).collect();
        self.plan(&lengths)
    }

    /// Runs the batches of [`Engine::plan_of`] with the numbers in `wanted`, and hands each batch's number and vectors
    /// to `sink`. `pooling` makes rows of the outputs, in the order of `batch.rows` and of each one's assigned tokens.
    pub(crate) fn run_batches(
        &mut self,
        inputs: &[EncoderInput<'_>],
        pooling: RowPooling<'_>,
        batches: &[Batch],
        wanted: &[usize],
        mut sink: impl FnMut(usize, BatchVectors) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        // The longest come first, one after another: each has all threads, and the memory to itself.
        let lengths: Vec<usize> = inputs.iter().map(|input| input.input_ids.len()).collect();
        let (long, wanted): (Vec<usize>, Vec<usize>) =
            wanted.iter().partition(|&&index| self.long.is_for(&batches[index], &lengths));
        let left = self.run_long(inputs, pooling, batches, &long, &mut sink)?;
        let wanted = [left, wanted].concat();
        let wanted = wanted.as_slice();
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let (feeds, columns, widths) = (&self.feeds, &self.columns, &self.widths);
        let workers = self.workers.up_to(wanted.len())?;
        let (send, receive) = mpsc::sync_channel::<Result<(usize, BatchVectors), EncodeError>>(2 * workers.len());
        std::thread::scope(|scope| {
            for session in workers {
                let (send, next, stop) = (send.clone(), &next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let Some(&index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) else {
                            break;
                        };
                        let batch = &batches[index];
                        let vectors = run_batch(session, feeds, (columns, widths), batch, inputs, pooling);
                        if send.send(vectors.map(|v| (index, v))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            let mut result = Ok(());
            for done in receive {
                // After an error the queue is drained, so that no worker waits for ever on a full channel.
                if result.is_ok() {
                    result = done.and_then(|(index, vectors)| sink(index, vectors));
                    stop.store(result.is_err(), Ordering::Relaxed);
                }
            }
            result
        })
    }

    /// Runs batches of long texts in the graph for them, and returns those that it cannot run.
    fn run_long(
        &mut self,
        inputs: &[EncoderInput<'_>],
        pooling: RowPooling<'_>,
        batches: &[Batch],
        wanted: &[usize],
        sink: &mut impl FnMut(usize, BatchVectors) -> Result<(), EncodeError>,
    ) -> Result<Vec<usize>, EncodeError> {
        let Some(&first) = wanted.first() else { return Ok(Vec::new()) };
        let (feeds, columns, widths) = (&self.feeds, &self.columns, &self.widths);
        let run = |session: &mut Session, batch: &Batch, inputs: &[EncoderInput<'_>], pooling: RowPooling<'_>| {
            run_batch(session, feeds, (columns, widths), batch, inputs, pooling)
        };
        let plain = self.workers.first_mut();
        let compared = |session: &mut Session| {
            // The beginning of a long text, in both graphs.
            let text = inputs[batches[first].rows[0]];
            let seq = COMPARED_TOKENS.min(text.input_ids.len());
            let type_ids = text.type_ids.map(|types| &types[..seq.min(types.len())]);
            let beginning = [EncoderInput { input_ids: &text.input_ids[..seq], type_ids }];
            let spans: Vec<TokenSpan> =
                (0..seq as u32).map(|at| TokenSpan { row: at, start: at, end: at + 1 }).collect();
            let spans = [spans.as_slice()];
            let pooling = match pooling {
                RowPooling::Pooled => RowPooling::Pooled,
                RowPooling::Spans { .. } => RowPooling::Spans { spans: &spans, pool: WordPool::First },
            };
            let batch = Batch { rows: vec![0], batch: batches[first].batch, seq };
            Ok((run(session, &batch, &beginning, pooling)?, run(plain, &batch, &beginning, pooling)?))
        };
        let Some(session) = self.long.session(compared)? else { return Ok(wanted.to_vec()) };
        for &index in wanted {
            sink(index, run(session, &batches[index], inputs, pooling)?)?;
        }
        Ok(Vec::new())
    }

    /// Encodes `inputs` and returns each column as `[inputs, width]`.
    ///
    /// # Errors
    /// As [`Engine::run`]; [`EncodeError::NotFinite`].
    pub fn embed(&mut self, inputs: &[EncoderInput<'_>]) -> Result<Vec<Vec<f32>>, EncodeError> {
        let (names, widths) = (self.columns().to_vec(), self.widths().to_vec());
        let mut columns: Vec<Vec<f32>> = widths.iter().map(|width| vec![0.0; inputs.len() * width]).collect();
        self.run(inputs, |batch, vectors| {
            for (((column, name), &width), vectors) in columns.iter_mut().zip(&names).zip(&widths).zip(vectors) {
                for (&row, vector) in batch.rows.iter().zip(vectors.chunks_exact(width)) {
                    check_finite(name, vector, row, inputs[row].input_ids)?;
                    column[row * width..(row + 1) * width].copy_from_slice(vector);
                }
            }
            Ok(())
        })?;
        Ok(columns)
    }
}

/// Tokens of a text that both graphs are compared on: several blocks of local attention.
const COMPARED_TOKENS: usize = 400;

/// Returns the outputs with those that windows are pooled from behind them, and the pooling of each of the first.
///
/// A column at unit length is made of windows at their own length: the length says how much each has to say.
fn with_own_lengths(
    encoder: &Encoder,
    outputs: &[FeatureOutput],
    long: LongTexts,
) -> (Vec<FeatureOutput>, Vec<OverWindows>) {
    let recipe = encoder.manifest().publisher.recipe.as_ref();
    let mut all = outputs.to_vec();
    let mut over_windows = Vec::with_capacity(outputs.len());
    for (at, output) in outputs.iter().enumerate() {
        let own = output.normalised_if(false);
        let place = match all.iter().position(|other| *other == own) {
            Some(place) => place,
            None if long == LongTexts::Windows => {
                all.push(own);
                all.len() - 1
            }
            None => at,
        };
        over_windows.push(OverWindows::of(output, place, recipe));
    }
    (all, over_windows)
}

/// Checks that a vector of the column `name` is finite.
///
/// # Errors
/// [`EncodeError::NotFinite`] with the place of its input.
pub(crate) fn check_finite(name: &str, vector: &[f32], input: usize, input_ids: &[i32]) -> Result<(), EncodeError> {
    if vector.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let start = input_ids.iter().copied().take(8).collect();
    Err(EncodeError::NotFinite { column: name.to_owned(), input, start })
}

/// (sessions, threads inside each) for this many threads.
fn split_threads(threads: usize) -> (usize, usize) {
    let workers = threads.clamp(1, DEFAULT_MAX_WORKERS);
    (workers, (threads / workers).max(1))
}

/// Returns how many sessions of `bytes` each fit into memory, at least one and at most `workers`. Beside them an encode holds three chunks.
fn sessions_that_fit(encoder: &Encoder, bytes: u64, workers: usize, encodes: bool) -> Result<usize, EncodeError> {
    let smaller = "take a smaller encoder, or its 8-bit copy (`larder encoder quantise`)";
    require_memory(|| format!("a session of the encoder `{}`", encoder.name()), bytes, smaller)?;
    let chunks = if encodes { CHUNKS_IN_MEMORY * ROW_GROUP_BYTES as u64 } else { 0 };
    let fitting = memory_left().saturating_sub(chunks) / bytes.max(1);
    Ok(usize::try_from(fitting).unwrap_or(workers).clamp(1, workers))
}

fn fewer_sessions(fitting: usize, workers: usize, session_bytes: u64) -> String {
    format!(
        "{fitting} of {workers} sessions, each of which holds {} of weights: more do not fit into memory",
        bytes(session_bytes)
    )
}

fn run_batch(
    session: &mut Session,
    feeds: &Feeds,
    (columns, widths): (&[String], &[usize]),
    batch: &Batch,
    inputs: &[EncoderInput<'_>],
    pooling: RowPooling<'_>,
) -> Result<BatchVectors, EncodeError> {
    let shape = [batch.batch, batch.seq];
    // Places that are left over hold the first row again: a row of padding alone would give NaN.
    let rows = batch.rows.iter().chain(std::iter::repeat(&batch.rows[0])).take(batch.batch);
    let texts = rows.map(|&row| (inputs[row].input_ids, inputs[row].type_ids.unwrap_or_default()));
    let texts = PaddedTexts::new(texts, batch.seq, feeds.pad_id);
    let positions = texts.position_ids(feeds.first_position);
    let ports = [
        (Some(&feeds.input_ids), texts.input_ids),
        (feeds.attention_mask.as_ref(), texts.attention_mask),
        (feeds.token_type_ids.as_ref(), texts.token_type_ids),
        (feeds.position_ids.as_ref(), positions),
    ];
    let unread = feeds.unread.iter().map(|feed| (Some(feed), vec![0; batch.padded_tokens()]));
    let tensors: Vec<(&str, Tensor)> = ports
        .into_iter()
        .chain(unread)
        .filter_map(|(feed, values)| {
            let Feed { name, dtype } = feed?;
            let data = TensorData::from_integers(values, *dtype);
            Some((name.as_str(), Tensor { shape: shape.to_vec(), data }))
        })
        .collect();
    let views: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor.view())).collect();
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    session.run_with(&views, &names, |outputs| {
        let columns = columns.iter().zip(widths).zip(outputs);
        columns.map(|((column, width), output)| take(column, output, batch, *width, pooling)).collect()
    })?
}

fn take(
    column: &str,
    output: &TensorView<'_>,
    batch: &Batch,
    width: usize,
    pooling: RowPooling<'_>,
) -> Result<Vec<f32>, EncodeError> {
    let expected = match pooling {
        RowPooling::Pooled => vec![batch.batch, width],
        RowPooling::Spans { .. } => vec![batch.batch, batch.seq, width],
    };
    let values = output.as_f32().filter(|_| output.shape == expected).ok_or_else(|| EncodeError::OutputShape {
        column: column.to_owned(),
        found: output.shape.to_vec(),
        expected,
    })?;
    match pooling {
        RowPooling::Pooled => Ok(values[..batch.rows.len() * width].to_vec()),
        RowPooling::Spans { spans, pool: how } => {
            let rows: usize = batch.rows.iter().map(|&input| spans[input].len()).sum();
            let mut vectors = Vec::with_capacity(rows * how.width(width));
            for (&input, tokens) in batch.rows.iter().zip(values.chunks_exact(batch.seq * width)) {
                pool(tokens, width, spans[input], how, &mut vectors);
            }
            Ok(vectors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_become_sessions_first() {
        assert_eq!(split_threads(1), (1, 1));
        assert_eq!(split_threads(2), (2, 1));
        assert_eq!(split_threads(8), (8, 1));
        assert_eq!(split_threads(64), (8, 8));
    }
}
