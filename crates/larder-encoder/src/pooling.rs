//! How an encoder's publisher makes one vector of a text's token vectors, as sentence-transformers folders say it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::EncoderError;
use crate::files::read_optional;

/// One way to make a vector of a text, by the names that sentence-transformers gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolingMode {
    /// The first token's vector.
    Cls,
    /// The mean over the tokens.
    Mean,
    /// The largest value of each feature over the tokens.
    Max,
    /// The sum over the tokens divided by the square root of their number.
    #[serde(rename = "mean_sqrt_len_tokens")]
    MeanSqrtLen,
    /// The mean weighted by position.
    WeightedMean,
    /// The last token's vector.
    LastToken,
}

impl PoolingMode {
    /// All modes.
    pub const ALL: &[Self] =
        &[Self::Cls, Self::Mean, Self::Max, Self::MeanSqrtLen, Self::WeightedMean, Self::LastToken];

    /// The name used in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::MeanSqrtLen => "mean_sqrt_len_tokens",
            Self::WeightedMean => "weightedmean",
            Self::LastToken => "lasttoken",
        }
    }

    /// The key that switches the mode on in a `1_Pooling/config.json` of the older layout.
    fn switch(self) -> &'static str {
        match self {
            Self::Cls => "pooling_mode_cls_token",
            Self::Mean => "pooling_mode_mean_tokens",
            Self::Max => "pooling_mode_max_tokens",
            Self::MeanSqrtLen => "pooling_mode_mean_sqrt_len_tokens",
            Self::WeightedMean => "pooling_mode_weightedmean_tokens",
            Self::LastToken => "pooling_mode_lasttoken",
        }
    }
}

impl fmt::Display for PoolingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PoolingMode {
    type Err = EncoderError;

    fn from_str(word: &str) -> Result<Self, EncoderError> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == word).ok_or_else(|| EncoderError::UnknownPooling {
            found: word.to_owned(),
            known: Self::ALL.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// The publisher's own way from token vectors to a text's vector. For the record: larder pools as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pooling {
    /// Usually one; several are concatenated.
    pub modes: Vec<PoolingMode>,
    /// Is the vector scaled to length 1 afterwards?
    pub normalize: bool,
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modes: Vec<&str> = self.modes.iter().map(|mode| mode.as_str()).collect();
        f.write_str(&modes.join(" + "))?;
        if self.normalize { f.write_str(", normalised") } else { Ok(()) }
    }
}

/// What `1_Pooling/config.json` and `modules.json` in `folder` say; `None` where the former is missing.
///
/// # Errors
/// [`EncoderError::Read`], [`EncoderError::Json`] naming the file; [`EncoderError::UnknownPooling`].
pub(crate) fn published(folder: &Path) -> Result<Option<Pooling>, EncoderError> {
    let parse = |path: &Path| -> Result<Option<Json>, EncoderError> {
        let Some(bytes) = read_optional(path)? else { return Ok(None) };
        let json = serde_json::from_slice(&bytes);
        json.map(Some).map_err(|source| EncoderError::Json { path: path.to_path_buf(), source })
    };
    let Some(config) = parse(&folder.join("1_Pooling").join("config.json"))? else { return Ok(None) };
    let modes = match config.get("pooling_mode") {
        // The newer layout names the modes.
        Some(Json::String(word)) => vec![word.parse()?],
        Some(Json::Array(words)) => {
            words.iter().filter_map(Json::as_str).map(str::parse).collect::<Result<Vec<_>, _>>()?
        }
        _ => {
            let on = |mode: &PoolingMode| config.get(mode.switch()).and_then(Json::as_bool) == Some(true);
            PoolingMode::ALL.iter().copied().filter(on).collect()
        }
    };
    if modes.is_empty() {
        return Ok(None);
    }
    let modules = parse(&folder.join("modules.json"))?;
    let kinds = modules.iter().flat_map(|list| list.as_array()).flatten().filter_map(|module| module.get("type"));
    let normalize = kinds.filter_map(Json::as_str).any(|kind| kind.ends_with(".Normalize"));
    Ok(Some(Pooling { modes, normalize }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(config: &str, modules: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("1_Pooling")).expect("a folder");
        std::fs::write(folder.path().join("1_Pooling/config.json"), config).expect("a file");
        if let Some(modules) = modules {
            std::fs::write(folder.path().join("modules.json"), modules).expect("a file");
        }
        folder
    }

    #[test]
    fn both_layouts_are_read() {
        let normalize = r#"[{"idx": 2, "type": "sentence_transformers.models.Normalize"}]"#;
        let old = r#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        let found = published(folder(old, Some(normalize)).path()).expect("is read").expect("is there");
        assert_eq!(found, Pooling { modes: vec![PoolingMode::Mean], normalize: true });
        assert_eq!(found.to_string(), "mean, normalised");
        let new = r#"{"pooling_mode": ["cls", "max"]}"#;
        let found = published(folder(new, None).path()).expect("is read").expect("is there");
        assert_eq!(found.to_string(), "cls + max");
        let written = serde_json::to_string(&found).expect("can be written");
        assert_eq!(written, r#"{"modes":["cls","max"],"normalize":false}"#);
    }

    #[test]
    fn nothing_said_is_nothing_and_nonsense_is_an_error() {
        let empty = tempfile::tempdir().expect("a folder");
        assert_eq!(published(empty.path()).expect("is fine"), None);
        assert_eq!(published(folder("{}", None).path()).expect("is fine"), None);
        assert!(matches!(published(folder("{", None).path()), Err(EncoderError::Json { .. })));
        let unknown = published(folder(r#"{"pooling_mode": "min"}"#, None).path()).expect_err("unknown").to_string();
        assert!(unknown.contains("\"min\"") && unknown.contains("lasttoken"), "{unknown}");
    }

    #[test]
    fn every_mode_is_spelled_one_way() {
        for mode in PoolingMode::ALL {
            assert_eq!(mode.as_str().parse::<PoolingMode>().expect("is known"), *mode);
            assert_eq!(serde_json::to_string(mode).expect("can be written"), format!("\"{mode}\""));
        }
    }
}
