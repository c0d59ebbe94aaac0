//! `config.json` of an exported folder: transformers' form, with larder's own fields under `larder`.

use larder_intake::{CONFIG_FILE, Encoder};
use larder_onnx::{EncoderConfig, Family};
use larder_run::tasks;
use larder_run::tasks::export::ExportedRun;
use serde_json::{Map, Value, json};

use crate::model::Batching;
use crate::precision::Precision;

/// Version of the `larder` object.
const FORMAT_VERSION: u32 = 1;

/// Properties of the exported file for `config.json`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileFacts<'a> {
    /// The feature columns that the head reads: `mean_l0`, `mean`, ...
    pub(crate) columns: &'a [String],
    /// The precision of the encoder.
    pub(crate) precision: Precision,
    /// The texts that may share a batch.
    pub(crate) batching: Batching,
    /// The file's inputs, in order.
    pub(crate) inputs: &'a [String],
    /// Token id of padding.
    pub(crate) pad_id: i32,
}

/// Returns the contents of `config.json`.
pub(crate) fn config_json(run: &ExportedRun<'_>, facts: &FileFacts<'_>) -> Value {
    let rules = tasks::of(run.record.task());
    let mut config = published(run.encoder);
    let names = run.record.labels.iter().enumerate();
    let id2label: Map<String, Value> = names.clone().map(|(id, label)| (id.to_string(), json!(label))).collect();
    let label2id: Map<String, Value> = names.map(|(id, label)| (label.clone(), json!(id))).collect();
    if let Some(family) = run.encoder.manifest().family {
        let class = format!("{}For{}", class_of(family), rules.facts().model_class);
        config.insert("architectures".to_owned(), json!([class]));
    }
    config.insert("id2label".to_owned(), id2label.into());
    config.insert("label2id".to_owned(), label2id.into());
    config.insert("pad_token_id".to_owned(), facts.pad_id.into());
    if let Some(problem_type) = rules.facts().problem_type {
        config.insert("problem_type".to_owned(), problem_type.into());
    }
    config.insert("larder".to_owned(), of_larder(run, facts).into());
    config.into()
}

/// Returns the encoder's published configuration, or one made from its graph.
fn published(encoder: &Encoder) -> Map<String, Value> {
    let manifest = encoder.manifest();
    let object = |text: &[u8]| match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    if let Ok(text) = std::fs::read(encoder.folder().join(CONFIG_FILE))
        && EncoderConfig::from_json(&text).is_ok_and(|config| config.hidden_size == manifest.hidden_size)
        && let Some(fields) = object(&text)
    {
        return fields;
    }
    if let Ok((config, _)) = encoder.weights()
        && let Some(fields) = object(config.to_json().as_bytes())
    {
        return fields;
    }
    let mut fields = Map::new();
    if let Some(family) = manifest.family {
        fields.insert("model_type".to_owned(), family.as_str().into());
    }
    fields.insert("hidden_size".to_owned(), manifest.hidden_size.into());
    fields.insert("vocab_size".to_owned(), manifest.vocabulary_size.into());
    fields.insert("max_position_embeddings".to_owned(), manifest.max_positions.into());
    if let Some(layers) = manifest.num_hidden_layers {
        fields.insert("num_hidden_layers".to_owned(), layers.into());
    }
    fields
}

/// Returns the prefix of transformers' class names for a family.
fn class_of(family: Family) -> &'static str {
    match family {
        Family::Bert => "Bert",
        Family::Albert => "Albert",
        Family::DistilBert => "DistilBert",
        Family::Roberta => "Roberta",
        Family::XlmRoberta => "XLMRoberta",
        Family::Data2VecText => "Data2VecText",
        Family::RobertaPreLayerNorm => "RobertaPreLayerNorm",
        Family::Electra => "Electra",
        Family::MpNet => "MPNet",
        Family::ModernBert => "ModernBert",
        Family::NomicBert => "NomicBert",
        Family::EuroBert => "EuroBert",
        Family::DebertaV2 => "DebertaV2",
        Family::Gte => "Gte",
        Family::New => "New",
        Family::Ernie => "Ernie",
        Family::NeoBert => "NeoBERT",
    }
}

fn of_larder(run: &ExportedRun<'_>, facts: &FileFacts<'_>) -> Map<String, Value> {
    let rules = tasks::of(run.record.task());
    let own = [
        ("format_version", json!(FORMAT_VERSION)),
        ("run", json!(run.record.run)),
        ("dataset", json!(run.record.dataset)),
        ("encoder", json!(run.record.encoder)),
        ("encoder_digest", json!(run.encoder.manifest().digest)),
        ("head", json!(run.head.kind())),
        ("columns", json!(facts.columns)),
        ("precision", json!(facts.precision)),
        ("inputs", json!(facts.inputs)),
        ("outputs", json!(run.head.outputs(run.record.settings.word_pool))),
        ("batching", json!(facts.batching)),
        ("max_tokens", json!(rules.max_tokens(run))),
    ];
    let mut fields: Map<String, Value> = own.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    rules.describe(run, &mut fields);
    fields
}
