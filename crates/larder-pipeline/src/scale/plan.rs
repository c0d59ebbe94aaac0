//! Making a plan.

use larder_data::{DatasetSpec, LabelMap};
use larder_encode::{Context, EncodeRequest, plan_encode};
use larder_files::{FileError, Provenance};
use larder_intake::Encoder;
use larder_run::{EncodeOptions, Event, Observer, TRAIN_SPLIT};
use larder_scale::{
    CutRequest, PLAN_VERSION, Plan, PlannedDataset, ShardSettings, Store, StoreUri, cut_split, publish_inputs,
};
use larder_store::{Level, TokensWriter};
use larder_tokens::{LongTexts, TokenizeRequest};

use super::encoder;
use crate::PipelineError;

/// A split to be encoded on many machines.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// The dataset.
    pub spec: &'a DatasetSpec,
    /// Its split.
    pub split: &'a str,
    /// The encoder.
    pub encoder: &'a Encoder,
    /// Settings of the features. Device and threads are each worker's own.
    pub options: &'a EncodeOptions,
    /// The store to put the plan into, and everything that workers need.
    pub store: &'a StoreUri,
    /// Forecast tokens that a shard aims at.
    pub shard_tokens: u64,
    /// True to put copies of the input files into the store.
    pub copy_inputs: bool,
}

/// A plan that was made.
#[derive(Debug)]
pub struct PlanOutcome {
    /// Its name in the store.
    pub uri: String,
    /// Its digest.
    pub plan_id: String,
    /// The plan.
    pub plan: Plan,
    /// False if the same plan was there.
    pub is_new: bool,
}

/// Cuts a split into shards and writes the plan into the store, with the encoder and, if asked for, the inputs. The same split,
/// encoder and settings give the same plan.
///
/// # Errors
/// [`PipelineError`].
pub fn make_plan(request: &PlanRequest<'_>, observer: &mut dyn Observer) -> Result<PlanOutcome, PipelineError> {
    let PlanRequest { spec, split, encoder, options, .. } = *request;
    let store = Store::open_or_make(request.store)?;
    store.check_conditional_puts()?;
    let description = larder_files::read_to_string(&spec.path).map_err(FileError::io("read", &spec.path))?;
    let tokenizer = encoder.tokenizer()?;
    let max_tokens = options.tokenize.max_tokens(encoder);
    let scratch = tempfile::tempdir().map_err(FileError::io("make a folder in", &std::env::temp_dir()))?;
    let target = scratch.path().join("tokens.parquet");
    let tokenize = TokenizeRequest {
        spec,
        split,
        tokenizer: &tokenizer,
        max_tokens,
        long: options.tokenize.long,
        on_bad_row: options.tokenize.on_bad_row,
        on_illegal_tags: options.tokenize.on_illegal_tags,
        target: &target,
        slice: None,
    };
    let has_targets = tokenize.has_targets()?;
    let labels = labels(spec, split, has_targets)?;
    // What an encode of the whole split would refuse is refused here, and not by every worker.
    features_provenance(request, &tokenize, &Provenance::new("tokenize", larder_tokens::FORMAT_VERSION))?;

    let layout = tokenize.layout();
    let reads_windows = layout.has_words || options.tokenize.long == LongTexts::Windows && !layout.pair;
    let settings = &options.settings;
    let cut = cut_split(
        &CutRequest {
            spec,
            split,
            tokenizer: &tokenizer,
            max_tokens: (!reads_windows).then_some(max_tokens),
            whole_documents: settings.level != Level::Sentence && settings.context == Context::Document,
            shard_tokens: request.shard_tokens,
        },
        &mut |rows| observer.event(Event::Tokenizing { rows }),
    )?;
    let mut inputs = cut.inputs;
    let digests: Vec<String> = inputs.iter().map(|input| input.digest.clone()).collect();
    let tokens = tokenize.provenance_of(spec.fingerprint_of(split, &digests)?)?;
    let features = features_provenance(request, &tokenize, &tokens)?;
    let planned_encoder = encoder::publish(&store, encoder)?;
    if request.copy_inputs {
        publish_inputs(&store, &mut inputs)?;
    }
    let TokenizeRequest { long, on_bad_row, on_illegal_tags, .. } = tokenize;
    let plan = Plan {
        format_version: PLAN_VERSION,
        larder: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: PlannedDataset {
            name: spec.name.clone(),
            path: std::path::absolute(&spec.path).unwrap_or_else(|_| spec.path.clone()),
            description,
            split: split.to_owned(),
            has_targets,
            labels,
        },
        encoder: planned_encoder,
        settings: ShardSettings { max_tokens, long, on_bad_row, on_illegal_tags, encode: settings.clone() },
        tokens,
        features,
        shard_tokens: request.shard_tokens,
        inputs,
        shards: cut.shards,
    };
    let (plan_id, is_new) = plan.create(&store)?;
    Ok(PlanOutcome { uri: Plan::uri(&store, &plan_id), plan_id, plan, is_new })
}

/// Returns the labels that a worker must know; `None` where each row's is taken as it is. Labels that the split `train` itself
/// teaches are those of its rows, whatever they are.
fn labels(spec: &DatasetSpec, split: &str, has_targets: bool) -> Result<Option<LabelMap>, PipelineError> {
    let labels_known = spec.labels.is_some() || spec.split_names().any(|name| name == TRAIN_SPLIT);
    if !has_targets || !labels_known {
        return Ok(None);
    }
    Ok(match LabelMap::declared(spec)? {
        None if split != TRAIN_SPLIT => Some(LabelMap::resolve(spec)?),
        declared => declared,
    })
}

/// Returns the provenance of a features file of the whole split, whose tokens file has the provenance `tokens`; it is asked of the
/// encode stage with a tokens file without rows.
fn features_provenance(
    request: &PlanRequest<'_>,
    tokenize: &TokenizeRequest<'_>,
    tokens: &Provenance,
) -> Result<Provenance, PipelineError> {
    TokensWriter::with_layout(tokenize.target, tokenize.layout(), tokens)?.finish()?;
    let plan = plan_encode(&EncodeRequest {
        encoder: request.encoder,
        tokens: tokenize.target,
        target: &tokenize.target.with_file_name("features.parquet"),
        settings: &request.options.settings,
        reuse: false,
        elsewhere: &[],
    })?;
    Ok(plan.provenance)
}
