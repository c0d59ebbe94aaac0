//! The balance of the labels.

use std::collections::HashMap;

use serde::Serialize;

use crate::InspectError;
use crate::file::ParquetFile;

/// Columns taken for labels unless one is named, the first that is there.
pub(crate) const USUAL: [&str; 4] = ["label", "labels", "tag", "tags"];
/// Different values counted at most. A column with more holds no labels.
const MOST: usize = 10_000;

/// The labels of a column, or the elements of its lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelBalance {
    /// The column.
    pub column: String,
    /// Values counted, missing ones aside.
    pub count: u64,
    /// Missing ones.
    pub missing: u64,
    /// Values that were met after 10,000 different ones, and are in none of `labels`.
    pub others: u64,
    /// Each with its count, the most frequent first.
    pub labels: Vec<LabelCount>,
    /// The accuracy of always answering the most frequent one; `None` where there is none.
    pub majority_share: Option<f64>,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelCount {
    /// The label.
    pub label: String,
    /// Number of rows or words with it.
    pub count: u64,
    /// Its share of `LabelBalance::count`.
    pub share: f64,
}

impl LabelBalance {
    pub(crate) fn of(file: &ParquetFile, column: &str, limit: Option<u64>) -> Result<Self, InspectError> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        let (mut count, mut missing, mut others) = (0u64, 0, 0);
        file.each_text(column, limit, |label| {
            let Some(label) = label else {
                missing += 1;
                return;
            };
            count += 1;
            if let Some(known) = counts.get_mut(label) {
                *known += 1;
            } else if counts.len() < MOST {
                counts.insert(label.to_owned(), 1);
            } else {
                others += 1;
            }
        })?;
        let share = |n: u64| n as f64 / count as f64;
        let mut labels: Vec<LabelCount> =
            counts.into_iter().map(|(label, n)| LabelCount { label, count: n, share: share(n) }).collect();
        labels.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
        let majority_share = labels.first().map(|label| label.share);
        Ok(Self { column: column.to_owned(), count, missing, others, labels, majority_share })
    }
}
