//! The keys of a `config.json`, as a family spells them.

use serde_json::{Map, Value as Json};

use super::layout::Layout;
use super::{Activation, Rotary};
use crate::OnnxError;

impl Layout {
    /// The JSON of the one value that the family can be built with, of keys that have one.
    pub fn fixed(&self, key: &str) -> Option<&'static str> {
        self.fixed.iter().find(|(fixed, _)| *fixed == key).map(|(_, value)| *value)
    }

    /// Returns the family's spelling of one of BERT's keys.
    pub fn key(&self, key: &'static str) -> &'static str {
        self.renamed_keys.iter().find(|(bert, _)| *bert == key).map_or(key, |(_, own)| own)
    }
}

/// A configuration's keys and how this family spells them.
pub(super) struct Keys {
    pub keys: Map<String, Json>,
    pub layout: &'static Layout,
}

impl Keys {
    /// The family's own spelling first; `transformers` takes BERT's too.
    pub fn get(&self, key: &'static str) -> (&'static str, Option<&Json>) {
        let own = self.layout.key(key);
        let value = |key: &str| self.keys.get(key).filter(|value| !value.is_null());
        let older = self.layout.older.keys.iter().find(|(bert, _)| *bert == key).map(|(_, older)| *older);
        let spelled = [Some(key), older].into_iter().flatten().find(|key| value(key).is_some());
        match (value(own), spelled) {
            (None, Some(key)) => (key, value(key)),
            (found, _) => (own, found),
        }
    }

    pub(super) fn read<T>(
        &self,
        key: &'static str,
        default: T,
        supported: &dyn Fn() -> String,
        read: impl FnOnce(&Json) -> Option<T>,
    ) -> Result<T, OnnxError> {
        match self.get(key) {
            (_, None) => Ok(default),
            (key, Some(found)) => read(found).ok_or_else(|| OnnxError::ConfigValue {
                key,
                found: found.to_string(),
                supported: supported(),
            }),
        }
    }

    pub fn size(&self, key: &'static str, default: usize) -> Result<usize, OnnxError> {
        self.read(key, default, &|| "a whole number".to_owned(), |found| usize::try_from(found.as_u64()?).ok())
    }

    pub fn number(&self, key: &'static str, default: f64) -> Result<f64, OnnxError> {
        self.read(key, default, &|| "a number".to_owned(), Json::as_f64)
    }

    /// Here `null` says that there is no such token, and leaving the key out that it is the default one.
    pub fn token(&self, key: &'static str, default: Option<u32>) -> Result<Option<u32>, OnnxError> {
        match self.keys.get(key) {
            Some(Json::Null) => Ok(None),
            _ => self.read(key, default, &|| "a token's id".to_owned(), |found| {
                u32::try_from(found.as_u64()?).ok().map(Some)
            }),
        }
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> Result<bool, OnnxError> {
        self.read(key, default, &|| "true or false".to_owned(), Json::as_bool)
    }

    /// Rotary positions: the older keys, and those that name each layer's kind.
    pub fn rotary(&self, default: Rotary, layers: usize) -> Result<Rotary, OnnxError> {
        const KINDS: [&str; 2] = ["full_attention", "sliding_attention"];
        let wrong = |key, found: &Json, supported: &str| OnnxError::ConfigValue {
            key,
            found: found.to_string(),
            supported: supported.to_owned(),
        };
        let get = |key: &str| self.keys.get(key).filter(|value| !value.is_null());
        let mut rotary = Rotary {
            global_theta: self.number("global_rope_theta", default.global_theta)?,
            local_theta: self.number("local_rope_theta", default.local_theta)?,
            global_attn_every_n_layers: self.size("global_attn_every_n_layers", default.global_attn_every_n_layers)?,
            local_attention: self.size("local_attention", default.local_attention)?,
            ntk_factor: None,
        };
        if let Some(found) = get("rope_scaling") {
            // The factor, if nothing but that and the kind is said.
            let known = |(key, value): (&String, &Json)| match key.as_str() {
                "type" | "rope_type" => value == "ntk",
                other => other == "factor" || value.is_null(),
            };
            let is_ntk = |keys: &&Map<String, Json>| {
                self.layout.ntk
                    && keys.iter().all(known)
                    && ["type", "rope_type"].iter().any(|&key| keys.contains_key(key))
            };
            let ntk = found.as_object().filter(is_ntk);
            let factor = ntk.and_then(|keys| keys.get("factor")?.as_f64()).filter(|&factor| factor >= 1.0);
            let supported = if self.layout.ntk { r#"null or {"type": "ntk", "factor": 1 or more}"# } else { "null" };
            rotary.ntk_factor = Some(factor.ok_or_else(|| wrong("rope_scaling", found, supported))?);
        }
        if let Some(parameters) = get("rope_parameters") {
            let base = |of: &Json| match of.get("rope_theta") {
                None | Some(Json::Null) => Ok(None),
                Some(theta) => match theta.as_f64() {
                    Some(theta) => Ok(Some(theta)),
                    None => Err(wrong("rope_parameters", parameters, "a number as \"rope_theta\"")),
                },
            };
            for (kind, theta) in KINDS.into_iter().zip([&mut rotary.global_theta, &mut rotary.local_theta]) {
                let Some(of_kind) = parameters.get(kind).filter(|value| !value.is_null()) else { continue };
                let usual = |name: &Json| name == "default";
                if !of_kind.get("rope_type").is_none_or(usual) {
                    return Err(wrong("rope_parameters", parameters, "\"rope_type\": \"default\""));
                }
                *theta = base(of_kind)?.unwrap_or(*theta);
            }
            // Of families whose layers are alike, they are said once.
            if let Some(theta) = base(parameters)? {
                (rotary.global_theta, rotary.local_theta) = (theta, theta);
            }
            if parameters.get("rope_type").is_some_and(|kind| kind != "default") {
                return Err(wrong("rope_parameters", parameters, "\"rope_type\": \"default\""));
            }
        }
        if let Some(types) = get("layer_types") {
            let is_of = |every: usize| {
                let kinds = (0..layers).map(|layer| KINDS[usize::from(!layer.is_multiple_of(every))]);
                types.as_array().is_some_and(|types| types.iter().map(Json::as_str).eq(kinds.map(Some)))
            };
            match (1..=layers).find(|&every| is_of(every)) {
                Some(every) => rotary.global_attn_every_n_layers = every,
                None => {
                    return Err(wrong(
                        "layer_types",
                        types,
                        "one a layer, with full_attention for every n-th from the first",
                    ));
                }
            }
        }
        if rotary.global_attn_every_n_layers == 0 {
            return Err(wrong("global_attn_every_n_layers", &Json::from(0), "1 or more"));
        }
        if rotary.global_attn_every_n_layers == 1 {
            rotary.local_theta = rotary.global_theta;
        }
        Ok(rotary)
    }

    pub fn activation(&self, default: Activation) -> Result<Activation, OnnxError> {
        let known = || Activation::ALL.iter().map(|activation| activation.as_str()).collect::<Vec<_>>().join(", ");
        self.read("hidden_act", default, &known, |found| found.as_str()?.parse().ok())
    }
}
