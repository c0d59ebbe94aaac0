//! What is asked of the encode stage, and how a file on disk stands against it.

use std::fmt;
use std::str::FromStr;

use larder_encoder::Encoder;
use larder_onnx::{FeatureKind, FeatureOutput, Pool};
use larder_runtime::Device;
use larder_store::{FeatureDtype, Freshness, Provenance};
use serde::{Deserialize, Serialize};

use crate::EncodeError;

/// Version of the features file's layout.
pub const FORMAT_VERSION: u32 = 1;

/// Which hidden layers: `all`, or numbers. 0 is the embeddings' output, 1 the first layer, -1 the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerSelection {
    /// Every layer, embeddings included.
    All,
    /// These layers, in this order.
    Numbers(Vec<i64>),
}

/// What to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeSettings {
    /// Hidden layers.
    pub layers: LayerSelection,
    /// Poolings of each layer; the pooler exists for the last layer only and is taken once.
    pub pools: Vec<Pool>,
    /// Stored element type.
    pub dtype: FeatureDtype,
    /// Where to run.
    pub device: Device,
    /// CPU threads; 0 means one per core.
    pub threads: usize,
    /// Tokens a batch, padding included; `None` takes the device's default.
    pub batch_tokens: Option<usize>,
}

/// A features file on disk against what a run would write now.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// Whether the file can be used as it is.
    pub freshness: Freshness,
    /// The columns that a run would write: those asked for and, when the file is made again, those it had.
    pub outputs: Vec<FeatureOutput>,
    /// What a run would record, but for how it ran.
    pub provenance: Provenance,
    /// Whether rows with unchanged input can be copied from the file.
    pub rows_reusable: bool,
}

impl Default for LayerSelection {
    fn default() -> Self {
        Self::Numbers(vec![-1])
    }
}

impl Default for EncodeSettings {
    fn default() -> Self {
        Self {
            layers: LayerSelection::default(),
            pools: vec![Pool::Mean],
            dtype: FeatureDtype::F32,
            device: Device::Auto,
            threads: 0,
            batch_tokens: None,
        }
    }
}

impl LayerSelection {
    /// Absolute layer numbers of an encoder with `count` hidden states (layers and embeddings), ascending, each once.
    ///
    /// # Errors
    /// [`EncodeError::Layer`] names the layers there are.
    pub fn resolve(&self, count: usize) -> Result<Vec<usize>, EncodeError> {
        let numbers = match self {
            Self::All => return Ok((0..count).collect()),
            Self::Numbers(numbers) => numbers,
        };
        let mut layers = numbers
            .iter()
            .map(|&asked| {
                let from_end = |n: u64| count.checked_sub(usize::try_from(n).ok()?);
                let layer = if asked < 0 { from_end(asked.unsigned_abs()) } else { usize::try_from(asked).ok() };
                layer.filter(|&l| l < count).ok_or(EncodeError::Layer { asked, last: count.saturating_sub(1), count })
            })
            .collect::<Result<Vec<_>, _>>()?;
        layers.sort_unstable();
        layers.dedup();
        Ok(layers)
    }
}

impl FromStr for LayerSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self::All);
        }
        text.split(',')
            .map(|part| part.trim().parse::<i64>())
            .collect::<Result<Vec<_>, _>>()
            .map(Self::Numbers)
            .map_err(|_| format!("`{text}` is neither `all` nor a list of layer numbers such as -1,-2,3"))
    }
}

impl fmt::Display for LayerSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Numbers(numbers) => {
                let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

impl EncodeSettings {
    /// The columns to make from an encoder with `layers` layers above the embeddings: pooling by pooling, layer by layer.
    ///
    /// # Errors
    /// [`EncodeError::Layer`].
    pub fn outputs(&self, layers: usize) -> Result<Vec<FeatureOutput>, EncodeError> {
        let wanted = self.layers.resolve(layers + 1)?;
        let mut outputs = Vec::new();
        for pool in &self.pools {
            match pool {
                Pool::Pooler => outputs.push(FeatureOutput { layer: layers, kind: FeatureKind::Pooler }),
                Pool::Cls | Pool::Mean => {
                    let kind = if *pool == Pool::Cls { FeatureKind::Cls } else { FeatureKind::Mean };
                    outputs.extend(wanted.iter().map(|&layer| FeatureOutput { layer, kind }));
                }
            }
        }
        outputs.dedup();
        Ok(outputs)
    }

    /// What a features file made now from tokens of this provenance would record.
    pub(crate) fn provenance(&self, encoder: &Encoder, tokens: &Provenance, columns: &[String]) -> Provenance {
        Provenance::new("encode", FORMAT_VERSION)
            .with_all(tokens.parts.clone())
            .with("tokens.format_version", tokens.format_version)
            .with("encoder.digest", &encoder.manifest().digest)
            .with("level", "sentence")
            .with("dtype", self.dtype)
            .with("columns", columns.join(","))
    }
}

impl Outlook {
    /// Whether nothing needs doing.
    pub fn is_fresh(&self) -> bool {
        self.freshness == Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_count_from_both_ends() {
        let of = |text: &str| text.parse::<LayerSelection>().unwrap().resolve(7);
        assert_eq!(of("-1").unwrap(), [6]);
        assert_eq!(of("all").unwrap(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(of("3, -7,6,-1").unwrap(), [0, 3, 6]);
        let error = of("7").unwrap_err().to_string();
        assert!(error.contains("layer 7") && error.contains("to 6") && error.contains("-7"), "{error}");
        assert!(of("-8").is_err() && "last".parse::<LayerSelection>().is_err());
    }

    #[test]
    fn the_pooler_is_taken_once() {
        let settings = EncodeSettings {
            layers: LayerSelection::Numbers(vec![-1, 2]),
            pools: vec![Pool::Mean, Pool::Pooler],
            ..EncodeSettings::default()
        };
        let outputs: Vec<_> = settings.outputs(6).unwrap().iter().map(|o| (o.layer, o.kind)).collect();
        assert_eq!(outputs, [(2, FeatureKind::Mean), (6, FeatureKind::Mean), (6, FeatureKind::Pooler)]);
    }
}
