//! `config.json` of an exported folder: transformers' form, and under `larder` what else a reader needs.

use larder_intake::{CONFIG_FILE, Encoder};
use larder_onnx::{EncoderConfig, Family};
use larder_train::TaggingHead;
use serde_json::{Map, Value, json};

use crate::error::ExportError;
use crate::head::ExportHead;
use crate::model::Batching;
use crate::precision::Precision;

/// Version of the part under `larder`.
const FORMAT_VERSION: u32 = 1;

/// What a `config.json` says beside the encoder and the head.
#[derive(Debug, Clone, Copy)]
pub struct ConfigFacts<'a> {
    /// The run.
    pub run: &'a str,
    /// The dataset it was trained on.
    pub dataset: &'a str,
    /// The encoder's name; its digest is the encoder's own.
    pub encoder_name: &'a str,
    /// The classes' names, as the data spells them.
    pub labels: &'a [String],
    /// The same for people.
    pub display: &'a [String],
    /// Whether texts are pairs.
    pub pair: bool,
    /// The longest input, in tokens, special ones included.
    pub max_tokens: usize,
    /// Of words: tokens from one window of a long sentence to the next; `None` is half a window.
    pub stride: Option<usize>,
    /// What the head reads: `mean_l0`, `mean`, ...
    pub columns: &'a [String],
    /// How the encoder's numbers are kept.
    pub precision: Precision,
    /// Which texts may share a batch.
    pub batching: Batching,
    /// The file's inputs, in its order.
    pub inputs: &'a [String],
    /// What fills shorter texts of a batch.
    pub pad_id: i32,
}

/// The text of `config.json`.
///
/// # Errors
/// [`ExportError::Encoder`] when the encoder's files cannot be read.
pub fn config_json(encoder: &Encoder, head: ExportHead<'_>, facts: &ConfigFacts<'_>) -> Result<Value, ExportError> {
    let mut config = published(encoder)?;
    let names = facts.labels.iter().enumerate();
    let id2label: Map<String, Value> = names.clone().map(|(id, label)| (id.to_string(), json!(label))).collect();
    let label2id: Map<String, Value> = names.map(|(id, label)| (label.clone(), json!(id))).collect();
    let task = match head {
        ExportHead::Tagging(..) => "TokenClassification",
        ExportHead::Logistic(_) | ExportHead::Mlp(_) => "SequenceClassification",
    };
    if let Some(family) = encoder.manifest().family {
        config.insert("architectures".to_owned(), json!([format!("{}For{task}", class_of(family))]));
    }
    config.insert("id2label".to_owned(), id2label.into());
    config.insert("label2id".to_owned(), label2id.into());
    config.insert("pad_token_id".to_owned(), facts.pad_id.into());
    if task == "SequenceClassification" {
        config.insert("problem_type".to_owned(), "single_label_classification".into());
    }
    config.insert("larder".to_owned(), of_larder(encoder, head, facts));
    Ok(config.into())
}

/// The encoder's configuration as it was published; else what its graph told.
fn published(encoder: &Encoder) -> Result<Map<String, Value>, ExportError> {
    let manifest = encoder.manifest();
    let object = |text: &[u8]| match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    if let Ok(text) = std::fs::read(encoder.folder().join(CONFIG_FILE))
        && EncoderConfig::from_json(&text).is_ok_and(|config| config.hidden_size == manifest.hidden_size)
        && let Some(fields) = object(&text)
    {
        return Ok(fields);
    }
    if let Ok((config, _)) = encoder.weights()
        && let Some(fields) = object(config.to_json().as_bytes())
    {
        return Ok(fields);
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
    Ok(fields)
}

/// How transformers begins the names of a family's classes.
fn class_of(family: Family) -> &'static str {
    match family {
        Family::Bert => "Bert",
        Family::Albert => "Albert",
        Family::DistilBert => "DistilBert",
        Family::Roberta => "Roberta",
        Family::XlmRoberta => "XLMRoberta",
        Family::Electra => "Electra",
        Family::MpNet => "MPNet",
    }
}

fn of_larder(encoder: &Encoder, head: ExportHead<'_>, facts: &ConfigFacts<'_>) -> Value {
    let mut fields = json!({
        "format_version": FORMAT_VERSION,
        "run": facts.run,
        "dataset": facts.dataset,
        "encoder": facts.encoder_name,
        "encoder_digest": encoder.manifest().digest,
        "head": head.kind(),
        "columns": facts.columns,
        "precision": facts.precision,
        "inputs": facts.inputs,
        "outputs": head.outputs(),
        "batching": facts.batching,
        "max_tokens": facts.max_tokens,
    });
    match head {
        ExportHead::Logistic(logistic) => fields["threshold"] = json!(logistic.threshold),
        ExportHead::Mlp(mlp) => fields["threshold"] = json!(mlp.threshold),
        ExportHead::Tagging(tagger, pool) => {
            let (start, transitions) = decoding(tagger);
            fields["scheme"] = "IOB2".into();
            fields["word_pool"] = pool.as_str().into();
            fields["stride"] = json!(facts.stride);
            fields["start"] = start;
            fields["transitions"] = transitions;
        }
    }
    if !matches!(head, ExportHead::Tagging(..)) {
        fields["display"] = json!(facts.display);
        fields["pair"] = facts.pair.into();
    }
    fields
}

/// What decoding adds to a sentence's first tag, `[tags]`, and to each tag behind another, `[tags, tags]`, the first one
/// before; null where no answer has it.
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
