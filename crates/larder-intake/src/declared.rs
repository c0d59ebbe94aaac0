//! Facts that an encoder's `config.json`, or larder's metadata inside a model, declares.

use std::path::PathBuf;

use larder_onnx::families::metadata;
use larder_onnx::{EncoderConfig, Family, Model};
use serde_json::Value as Json;

use crate::EncoderError;

/// The declared facts; `None` where nothing declares them.
pub(crate) struct Declared {
    pub family: Option<Family>,
    /// The whole configuration, of a family that larder builds.
    pub config: Option<EncoderConfig>,
    pub num_attention_heads: Option<usize>,
    /// The longest text, in tokens.
    pub max_positions: Option<usize>,
    /// The first token's position, of a family that is known.
    pub first_position: Option<usize>,
    /// Rows of the table of token types.
    pub type_rows: Option<usize>,
    /// The number of scores of the model's head, if it was trained for a task.
    pub labels: Option<usize>,
}

/// The classes of `transformers` whose heads give a score for each label end in one of these.
const LABELLING: [&str; 3] = ["ForSequenceClassification", "ForTokenClassification", "ForMultipleChoice"];

/// Labels of a `config.json` that names none.
const DEFAULT_LABELS: usize = 2;

impl Declared {
    /// Reads the text of a `config.json`, if there is one; its path is for messages.
    ///
    /// # Errors
    /// [`EncoderError::Json`].
    pub fn new(config: Option<&(PathBuf, Vec<u8>)>, model: &Model) -> Result<Self, EncoderError> {
        let json: Json = match config {
            Some((path, text)) => {
                serde_json::from_slice(text).map_err(|source| EncoderError::Json { path: path.clone(), source })?
            }
            None => Json::Null,
        };
        // Of a family that larder builds, it is known which rows of the position table no token takes.
        let settings = config.and_then(|(_, text)| EncoderConfig::from_json(text).ok());
        let size = |key: &str| json.get(key).and_then(Json::as_u64).and_then(|size| usize::try_from(size).ok());
        let family = model.metadata(metadata::FAMILY).or_else(|| json.get("model_type").and_then(Json::as_str));
        let built = |key: &str| model.metadata(key).and_then(|number| number.parse().ok());
        let longest = settings.as_ref().map(EncoderConfig::max_positions).or_else(|| size("max_position_embeddings"));
        Ok(Self {
            family: family.and_then(|family| family.parse().ok()),
            num_attention_heads: built(metadata::HEADS).or_else(|| size("num_attention_heads")),
            max_positions: built(metadata::MAX_POSITIONS).into_iter().chain(longest).min(),
            first_position: settings.as_ref().map(|config| config.max_position_embeddings - config.max_positions()),
            type_rows: size("type_vocab_size").filter(|rows| *rows > 0),
            config: settings,
            labels: labels(&json),
        })
    }
}

fn labels(json: &Json) -> Option<usize> {
    let classes = json.get("architectures").and_then(Json::as_array)?;
    let labelling = |class: &str| LABELLING.iter().any(|end| class.ends_with(end));
    if !classes.iter().filter_map(Json::as_str).any(labelling) {
        return None;
    }
    let named = json.get("id2label").and_then(Json::as_object).map(serde_json::Map::len);
    let counted = || json.get("num_labels").and_then(Json::as_u64).and_then(|count| usize::try_from(count).ok());
    Some(named.or_else(counted).unwrap_or(DEFAULT_LABELS))
}

#[cfg(test)]
mod tests {
    use larder_onnx::GraphBuilder;
    use larder_onnx::proto::tensor_proto::DataType;

    use super::*;

    fn of(json: &str) -> Declared {
        let mut b = GraphBuilder::new("anything", 17);
        let x = b.input("x", DataType::Float, &[]);
        let y = b.tanh(&x);
        b.output(&y, "y", DataType::Float, &[]);
        let model = Model::from_graph(b.finish(), 17);
        Declared::new(Some(&(PathBuf::from("config.json"), json.as_bytes().to_vec())), &model.expect("is a model"))
            .expect("is JSON")
    }

    #[test]
    fn positions_are_counted_as_the_family_counts_them() {
        let roberta = of(r#"{"model_type": "roberta", "max_position_embeddings": 514}"#);
        assert_eq!((roberta.max_positions, roberta.first_position), (Some(512), Some(2)));
        let bert = of(r#"{"model_type": "bert", "max_position_embeddings": 512}"#);
        assert_eq!((bert.max_positions, bert.first_position), (Some(512), Some(0)));
        let other = of(r#"{"model_type": "deberta", "max_position_embeddings": 8192}"#);
        assert_eq!((other.max_positions, other.first_position, other.family), (Some(8192), None, None));
    }

    #[test]
    fn labels_are_those_of_a_head() {
        assert_eq!(of(r#"{"architectures": ["BertModel"], "id2label": {"0": "a"}}"#).labels, None);
        assert_eq!(of(r#"{"architectures": ["BertForTokenClassification"]}"#).labels, Some(2));
        let named =
            r#"{"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}}"#;
        assert_eq!(of(named).labels, Some(3));
    }
}
