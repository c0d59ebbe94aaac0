//! The publisher's pooling, as sentence-transformers folders describe it.

use std::fmt;

use larder_errors::UnknownSpelling;
use larder_onnx::Pool;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::EncoderError;

/// Begins the keys that switch modes on, in the older layout.
const SWITCH: &str = "pooling_mode_";

/// The poolings of sentence-transformers, in the order in which those that are switched on stand one behind the other.
const MODES: [Pool; 6] = [Pool::Cls, Pool::Max, Pool::Mean, Pool::MeanSqrtLen, Pool::WeightedMean, Pool::LastToken];

/// Their names.
const NAMES: [&str; 6] = [
    Pool::Cls.as_str(),
    Pool::Max.as_str(),
    Pool::Mean.as_str(),
    Pool::MeanSqrtLen.as_str(),
    Pool::WeightedMean.as_str(),
    Pool::LastToken.as_str(),
];

/// The key that switches a mode on in a `1_Pooling/config.json` of the older layout.
fn switch(mode: Pool) -> String {
    match mode {
        Pool::LastToken | Pool::MeanSqrtLen => format!("{SWITCH}{mode}"),
        Pool::Cls => format!("{SWITCH}cls_token"),
        mode => format!("{SWITCH}{mode}_tokens"),
    }
}

fn mode_of(word: &str) -> Result<Pool, EncoderError> {
    MODES.into_iter().find(|mode| mode.as_str() == word).ok_or_else(|| {
        let message = "unknown pooling mode {found:?}; known: {known}";
        EncoderError::UnknownPooling(UnknownSpelling { message, found: word.to_owned(), known: &NAMES })
    })
}

/// The publisher's own way from token vectors to a text's vector. For the record: larder pools as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pooling {
    /// Usually one; several are concatenated.
    pub modes: Vec<Pool>,
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

/// Reads the `config.json` of a pooling module; where it names no mode, the mean is meant.
///
/// # Errors
/// [`EncoderError::UnknownPooling`].
pub(crate) fn pooling_of(config: &Json, normalize: bool) -> Result<Pooling, EncoderError> {
    let mut modes: Vec<Pool> = match config.get("pooling_mode") {
        // The newer layout names the modes.
        Some(Json::String(word)) => vec![mode_of(word)?],
        Some(Json::Array(words)) => words.iter().filter_map(Json::as_str).map(mode_of).collect::<Result<_, _>>()?,
        _ => {
            let is_on = |key: &str| config.get(key).and_then(Json::as_bool) == Some(true);
            let known = |key: &str| MODES.iter().any(|mode| switch(*mode) == key);
            let switches = config.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
            if let Some(other) = switches.clone().find(|key| key.starts_with(SWITCH) && is_on(key) && !known(key)) {
                mode_of(other)?;
            }
            MODES.into_iter().filter(|mode| is_on(&switch(*mode))).collect()
        }
    };
    if modes.is_empty() {
        modes.push(Pool::Mean);
    }
    Ok(Pooling { modes, normalize })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str) -> Result<Pooling, EncoderError> {
        pooling_of(&serde_json::from_str(config).expect("is JSON"), false)
    }

    #[test]
    fn both_layouts_are_read() {
        let old = r#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#;
        let found = pooling_of(&serde_json::from_str(old).expect("is JSON"), true).expect("is read");
        assert_eq!(found, Pooling { modes: vec![Pool::Mean], normalize: true });
        assert_eq!(found.to_string(), "mean, normalised");
        let found = of(r#"{"pooling_mode": ["cls", "max"]}"#).expect("is read");
        assert_eq!(found.to_string(), "cls + max");
        let written = serde_json::to_string(&found).expect("can be written");
        assert_eq!(written, r#"{"modes":["cls","max"],"normalize":false}"#);
    }

    #[test]
    fn nothing_said_is_the_mean_and_nonsense_is_an_error() {
        assert_eq!(of("{}").expect("is fine").modes, [Pool::Mean]);
        let unknown = of(r#"{"pooling_mode": "min"}"#).expect_err("unknown").to_string();
        assert!(unknown.contains("\"min\"") && unknown.contains("lasttoken"), "{unknown}");
        let unknown = of(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_first_last_avg": true}"#);
        assert!(unknown.expect_err("unknown").to_string().contains("pooling_mode_first_last_avg"));
        let off = of(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_first_last_avg": false}"#);
        assert_eq!(off.expect("is off").modes, [Pool::Mean]);
    }

    /// The order of the older layout is that of the library, whatever the file's.
    #[test]
    fn switches_are_those_of_the_library() {
        let config = r#"{"pooling_mode_lasttoken": true, "pooling_mode_mean_sqrt_len_tokens": true,
            "pooling_mode_weightedmean_tokens": true, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true,
            "pooling_mode_cls_token": true}"#;
        let found = of(config).expect("is read");
        assert_eq!(found.to_string(), "cls + max + mean + mean_sqrt_len_tokens + weightedmean + lasttoken");
    }
}
