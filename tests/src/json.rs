//! Reading what the binary prints as JSON.

use serde_json::Value;

/// The number at `path`, as in `/splits/0/scores`.
///
/// # Panics
/// With the document when there is none.
#[track_caller]
pub fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {path} in {value:#}"))
}
