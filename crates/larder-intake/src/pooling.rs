//! The publisher's pooling, as sentence-transformers folders describe it.

use std::fmt;
use std::str::FromStr;

use larder_onnx::Pool;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::EncoderError;

/// Begins the keys that switch modes on, in the older layout.
const SWITCH: &str = "pooling_mode_";

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

larder_files::spelled!(PoolingMode, as_str, {
    Cls = "cls", Mean = "mean", Max = "max", MeanSqrtLen = "mean_sqrt_len_tokens", WeightedMean = "weightedmean",
    LastToken = "lasttoken",
});

impl PoolingMode {
    fn unknown(word: &str) -> EncoderError {
        let known = Self::ALL.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ");
        EncoderError::UnknownPooling { found: word.to_owned(), known }
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

impl FromStr for PoolingMode {
    type Err = EncoderError;

    fn from_str(word: &str) -> Result<Self, EncoderError> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == word).ok_or_else(|| Self::unknown(word))
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

impl Pooling {
    /// Does taking these vectors of a text do what the publisher does, but for a length of 1?
    pub fn is(&self, pools: &[Pool]) -> bool {
        let published = |mode: &PoolingMode| match mode {
            PoolingMode::Cls => Some(Pool::Cls),
            PoolingMode::Mean => Some(Pool::Mean),
            PoolingMode::Max | PoolingMode::MeanSqrtLen | PoolingMode::WeightedMean | PoolingMode::LastToken => None,
        };
        let modes: Option<Vec<Pool>> = self.modes.iter().map(published).collect();
        modes.is_some_and(|modes| modes == pools)
    }
}

/// Reads the `config.json` of a pooling module; `None` where it names no mode.
///
/// # Errors
/// [`EncoderError::UnknownPooling`].
pub(crate) fn pooling_of(config: &Json, normalize: bool) -> Result<Option<Pooling>, EncoderError> {
    let modes = match config.get("pooling_mode") {
        // The newer layout names the modes.
        Some(Json::String(word)) => vec![word.parse()?],
        Some(Json::Array(words)) => {
            words.iter().filter_map(Json::as_str).map(str::parse).collect::<Result<Vec<_>, _>>()?
        }
        _ => {
            let is_on = |mode: &PoolingMode| config.get(mode.switch()).and_then(Json::as_bool) == Some(true);
            let on: Vec<PoolingMode> = PoolingMode::ALL.iter().copied().filter(is_on).collect();
            let known = |key: &str| PoolingMode::ALL.iter().any(|mode| mode.switch() == key);
            let switches = config.as_object().into_iter().flatten();
            let mut others = switches.filter(|(key, on)| key.starts_with(SWITCH) && **on == true && !known(key));
            if let Some((other, _)) = others.next() {
                return Err(PoolingMode::unknown(other));
            }
            on
        }
    };
    Ok((!modes.is_empty()).then_some(Pooling { modes, normalize }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str) -> Result<Option<Pooling>, EncoderError> {
        pooling_of(&serde_json::from_str(config).expect("is JSON"), false)
    }

    #[test]
    fn both_layouts_are_read() {
        let old = r#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        let found = pooling_of(&serde_json::from_str(old).expect("is JSON"), true).expect("is read").expect("is there");
        assert_eq!(found, Pooling { modes: vec![PoolingMode::Mean], normalize: true });
        assert_eq!(found.to_string(), "mean, normalised");
        let found = of(r#"{"pooling_mode": ["cls", "max"]}"#).expect("is read").expect("is there");
        assert_eq!(found.to_string(), "cls + max");
        let written = serde_json::to_string(&found).expect("can be written");
        assert_eq!(written, r#"{"modes":["cls","max"],"normalize":false}"#);
    }

    #[test]
    fn nothing_said_is_nothing_and_nonsense_is_an_error() {
        assert_eq!(of("{}").expect("is fine"), None);
        let unknown = of(r#"{"pooling_mode": "min"}"#).expect_err("unknown").to_string();
        assert!(unknown.contains("\"min\"") && unknown.contains("lasttoken"), "{unknown}");
        let unknown = of(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_first_last_avg": true}"#);
        assert!(unknown.expect_err("unknown").to_string().contains("pooling_mode_first_last_avg"));
        let off = of(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_first_last_avg": false}"#);
        assert!(off.expect("is off").is_some());
    }

    #[test]
    fn the_publisher_s_way_is_told_from_others() {
        let of = |modes: &[PoolingMode]| Pooling { modes: modes.to_vec(), normalize: false };
        assert!(of(&[PoolingMode::Cls]).is(&[Pool::Cls]) && of(&[PoolingMode::Mean]).is(&[Pool::Mean]));
        assert!(!of(&[PoolingMode::Cls]).is(&[Pool::Mean]) && !of(&[PoolingMode::LastToken]).is(&[Pool::Mean]));
        let both = of(&[PoolingMode::Cls, PoolingMode::Mean]);
        assert!(both.is(&[Pool::Cls, Pool::Mean]) && !both.is(&[Pool::Cls]));
    }

    #[test]
    fn every_mode_is_spelled_one_way() {
        for mode in PoolingMode::ALL {
            assert_eq!(mode.as_str().parse::<PoolingMode>().expect("is known"), *mode);
            assert_eq!(serde_json::to_string(mode).expect("can be written"), format!("\"{mode}\""));
        }
    }
}
