//! The sizes of an encoder that its `config.json` names, under each family's own keys, to compare a graph with.

use serde_json::Value as Json;

/// Keys for the number of layers. An encoder beside a decoder has keys of its own, which come first.
const LAYERS: [&str; 6] =
    ["encoder_layers", "num_encoder_layers", "num_hidden_layers", "n_layers", "n_layer", "num_layers"];
/// Keys for the features of a token.
const HIDDEN: [&str; 5] = ["hidden_size", "d_model", "dim", "emb_dim", "n_embd"];
/// Keys of the text part's configuration, in models of several parts.
const PARTS: [&str; 4] = ["text_config", "text_encoder", "encoder", "language_config"];

/// A size, and the key that it stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub key: String,
    pub size: usize,
}

/// The sizes that a configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub layers: Option<Size>,
    pub hidden: Option<Size>,
}

impl Sizes {
    /// Reads the text of a `config.json`; nothing is said by one that is no JSON.
    pub fn of(config: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(config).unwrap_or_default();
        Self { layers: find(&json, &LAYERS), hidden: find(&json, &HIDDEN) }
    }
}

fn find(json: &Json, keys: &[&str]) -> Option<Size> {
    let parts = PARTS.iter().filter_map(|part| Some((format!("{part}."), json.get(*part)?)));
    std::iter::once((String::new(), json)).chain(parts).find_map(|(part, json)| {
        keys.iter().find_map(|key| {
            let size = usize::try_from(json.get(*key)?.as_u64()?).ok()?;
            Some(Size { key: format!("{part}{key}"), size })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_each_family_are_read() {
        let said = |json: &str| {
            let Sizes { layers, hidden } = Sizes::of(json.as_bytes());
            [layers, hidden].map(|size| size.map(|Size { key, size }| format!("{key} {size}")))
        };
        let of = |layers: &str, hidden: &str| [Some(layers.to_owned()), Some(hidden.to_owned())];
        assert_eq!(
            said(r#"{"num_hidden_layers": 12, "hidden_size": 768}"#),
            of("num_hidden_layers 12", "hidden_size 768")
        );
        assert_eq!(said(r#"{"n_layers": 6, "dim": 768, "hidden_dim": 3072}"#), of("n_layers 6", "dim 768"));
        assert_eq!(said(r#"{"n_layer": 12, "d_model": 768}"#), of("n_layer 12", "d_model 768"));
        assert_eq!(
            said(r#"{"num_layers": 8, "num_decoder_layers": 8, "d_model": 512}"#),
            of("num_layers 8", "d_model 512")
        );
        assert_eq!(
            said(r#"{"encoder_layers": 6, "num_hidden_layers": 12, "d_model": 1024}"#),
            of("encoder_layers 6", "d_model 1024")
        );
        assert_eq!(
            said(r#"{"text_config": {"num_hidden_layers": 12, "hidden_size": 512}, "projection_dim": 512}"#),
            of("text_config.num_hidden_layers 12", "text_config.hidden_size 512")
        );
        assert_eq!(said(r#"{"num_hidden_layers": null, "hidden_size": "wide"}"#), [None, None]);
        assert_eq!(said("no JSON"), [None, None]);
    }
}
