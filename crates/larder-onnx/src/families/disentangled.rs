//! Disentangled attention (He et al., 2020, section 3.1, <https://arxiv.org/abs/2006.03654>): besides the query with the key, a score
//! has the query with the vector of the two tokens' distance, and the key with another vector of it.
//!
//! Distances far apart may share vectors, in buckets that grow with the logarithm (the authors' code and `transformers`,
//! `make_log_bucket_position`).

use serde::Serialize;
use serde_json::Value as Json;

use super::keys::Keys;
use crate::OnnxError;

/// How attention reads the distance of two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disentangled {
    /// False for attention without distances, whose scale still counts the two terms below.
    pub relative_attention: bool,
    /// Scores have the query with the vector of the distance (`c2p` of `pos_att_type`).
    pub content_to_position: bool,
    /// Scores have the key with the vector of the distance (`p2c`).
    pub position_to_content: bool,
    /// The layer's own key and query products make those vectors of the table; otherwise two more products do.
    pub share_att_key: bool,
    /// Distances beyond half of that many share vectors, up to that many on each side. `None` for one vector a distance.
    pub position_buckets: Option<usize>,
    /// The distance where the buckets end; without buckets, where distances are cut.
    pub max_relative_positions: usize,
    /// The table is normalised before it is read.
    pub normalised: bool,
    /// The embeddings have a table of positions besides.
    pub position_biased_input: bool,
}

/// The names of the two terms in `pos_att_type`.
const TERMS: [&str; 2] = ["c2p", "p2c"];

impl Disentangled {
    /// The settings of a `config.json`.
    ///
    /// # Errors
    /// [`OnnxError::ConfigValue`].
    pub(super) fn read(keys: &Keys, head_size: Option<usize>, max_positions: usize) -> Result<Self, OnnxError> {
        let terms =
            keys.read("pos_att_type", [false; 2], &|| "c2p and p2c, as a list or joined by |".to_owned(), terms)?;
        let normalised = keys.read("norm_rel_ebd", false, &|| "\"none\", \"layer_norm\"".to_owned(), |found| {
            match found.as_str()?.to_lowercase().as_str() {
                "none" => Some(false),
                "layer_norm" => Some(true),
                _ => None,
            }
        })?;
        let size = |key| {
            let whole = |found: &Json| match found.as_i64()? {
                ..1 => Some(None),
                size => usize::try_from(size).ok().map(Some),
            };
            keys.read(key, None, &|| "a whole number".to_owned(), whole)
        };
        // The product behind attention has as many columns as the layers have features.
        let wanted = || head_size.map_or("hidden_size / num_attention_heads".to_owned(), |size| size.to_string());
        let same = |found: &Json| (found.as_u64() == head_size.map(|size| size as u64)).then_some(());
        keys.read("attention_head_size", (), &wanted, same)?;
        Ok(Self {
            relative_attention: keys.flag("relative_attention", false)?,
            content_to_position: terms[0],
            position_to_content: terms[1],
            share_att_key: keys.flag("share_att_key", false)?,
            position_buckets: size("position_buckets")?,
            max_relative_positions: size("max_relative_positions")?.unwrap_or(max_positions),
            normalised,
            position_biased_input: keys.flag("position_biased_input", true)?,
        })
    }

    /// The keys of a `config.json` that say the same.
    pub(super) fn keys(&self) -> [(&'static str, Json); 7] {
        let terms = [self.content_to_position, self.position_to_content];
        let terms: Vec<&str> =
            TERMS.into_iter().zip(terms).filter(|(_, is_there)| *is_there).map(|(term, _)| term).collect();
        [
            ("relative_attention", self.relative_attention.into()),
            ("pos_att_type", terms.into()),
            ("share_att_key", self.share_att_key.into()),
            ("position_buckets", self.position_buckets.map_or(Json::from(-1), Json::from)),
            ("max_relative_positions", self.max_relative_positions.into()),
            ("norm_rel_ebd", if self.normalised { "layer_norm" } else { "none" }.into()),
            ("position_biased_input", self.position_biased_input.into()),
        ]
    }

    /// The setting that cannot be, as key, value and what can be: of texts of up to `rows` tokens.
    pub(super) fn problem(&self, rows: usize) -> Option<(&'static str, usize, String)> {
        const LARGEST: usize = 1 << 30;
        if !(1..LARGEST).contains(&self.max_relative_positions) {
            return Some(("max_relative_positions", self.max_relative_positions, format!("1 to {}", LARGEST - 1)));
        }
        let buckets = self.position_buckets?;
        if !(2..LARGEST).contains(&buckets) {
            return Some(("position_buckets", buckets, format!("-1, or 2 to {}", LARGEST - 1)));
        }
        let exact = buckets / 2;
        // The logarithm of the last distance beside that of the last exact one is what the buckets are measured with.
        let is_measured = self.max_relative_positions > exact + 1 || rows <= exact + 1;
        let supported =
            || format!("more than {}, which follows the exact half of position_buckets {buckets}", exact + 1);
        (!is_measured).then(|| ("max_relative_positions", self.max_relative_positions, supported()))
    }

    /// True if scores have a term of the distance.
    pub(crate) fn reads_distances(&self) -> bool {
        self.relative_attention && (self.content_to_position || self.position_to_content)
    }

    /// Rows of the table on each side of distance 0.
    fn span(&self) -> usize {
        self.position_buckets.unwrap_or(self.max_relative_positions)
    }

    /// Rows of the table.
    pub(crate) fn rows(&self) -> usize {
        2 * self.span()
    }

    /// What scores are divided by: `√(d · (1 + terms))`. The terms count whether or not distances are read.
    pub(super) fn scale(&self, head_size: usize) -> f32 {
        let terms = [self.content_to_position, self.position_to_content].map(usize::from).iter().sum::<usize>();
        ((head_size * (1 + terms)) as f32).sqrt()
    }

    /// The row of the table for a query `distance` tokens behind the key (before it, if negative).
    pub(super) fn row(&self, distance: i64) -> i64 {
        let bucket = self
            .position_buckets
            .map_or(distance, |buckets| bucket(distance, buckets as i64, self.max_relative_positions as i64));
        let span = self.span() as i64;
        (bucket + span).clamp(0, 2 * span - 1)
    }
}

fn terms(found: &Json) -> Option<[bool; 2]> {
    let names: Vec<String> = match found {
        Json::String(text) => text.to_lowercase().split('|').map(|name| name.trim().to_owned()).collect(),
        Json::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        _ => return None,
    };
    let is_known = |name: &String| TERMS.contains(&name.as_str());
    names.iter().all(is_known).then(|| TERMS.map(|term| names.iter().any(|name| name == term)))
}

/// The bucket of a distance: itself up to half of the buckets, then logarithmic up to distance `last - 1`, and on. In float32, as
/// PyTorch computes it: at the edges of buckets rounding decides.
fn bucket(distance: i64, buckets: i64, last: i64) -> i64 {
    let exact = buckets / 2;
    let apart = distance.abs();
    if apart <= exact {
        return distance;
    }
    let logarithm = |x: f32| f64::from(x).ln() as f32;
    let scale = logarithm(((last - 1) as f64 / exact as f64) as f32);
    let share = logarithm(apart as f32 / exact as f32) / scale;
    let bucket = (share * (exact - 1) as f32).ceil() as i64 + exact;
    distance.signum() * bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_pytorch() {
        // make_log_bucket_position of transformers 5.23.0 with 256 buckets and 512 positions.
        let of = |distance| bucket(distance, 256, 512);
        assert_eq!([0, 1, -1, 127, 128, -128].map(of), [0, 1, -1, 127, 128, -128]);
        assert_eq!(PINNED.map(|(distance, _)| of(distance)), PINNED.map(|(_, bucket)| bucket));
        assert!((-3000..3000).all(|distance| of(-distance) == -of(distance)));
        let begins: Vec<i64> = (1..1200).filter(|&d| bucket(d, 8, 200) != bucket(d - 1, 8, 200)).collect();
        assert_eq!(begins, [1, 2, 3, 4, 5, 15, 55, 200, 732]);
    }

    const PINNED: [(i64, i64); 9] =
        [(129, 129), (131, 131), (150, 143), (256, 192), (300, 207), (384, 229), (511, 255), (512, 256), (1000, 317)];
}
