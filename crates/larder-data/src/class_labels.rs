//! Class names that Hugging Face's `datasets` writes into the schema of a Parquet file, where a column of integers is a
//! `ClassLabel`: <https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.ClassLabel>.

use arrow::datatypes::Schema;
use serde_json::Value;

/// The key of the schema's metadata.
const METADATA: &str = "huggingface";

/// Returns the names of the classes of a column, in the order of their numbers; `None` for any other column.
pub(crate) fn class_names(schema: &Schema, column: &str) -> Option<Vec<String>> {
    let metadata: Value = serde_json::from_str(schema.metadata().get(METADATA)?).ok()?;
    names(metadata.get("info")?.get("features")?.get(column)?)
}

/// Returns the names of a feature, or of the elements of a list.
fn names(feature: &Value) -> Option<Vec<String>> {
    if feature.get("_type").and_then(Value::as_str) == Some("ClassLabel") {
        let names = feature.get("names")?.as_array()?;
        return names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    }
    names(feature.get("feature").or_else(|| feature.get(0))?)
}

/// Returns the name that an integer stands for; any other text as it is.
pub(crate) fn named(text: String, names: &[String]) -> String {
    text.parse::<usize>().ok().and_then(|number| names.get(number)).cloned().unwrap_or(text)
}
