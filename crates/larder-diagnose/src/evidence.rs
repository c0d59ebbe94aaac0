//! Sentences that are made from numbers, and keep them.

use serde::{Deserialize, Serialize};

/// Stands for the split's name in a rule's sentences until it is known which splits a finding holds for. A character for
/// private use, which no text has a meaning for.
pub(crate) const SPLIT: char = '\u{f8f0}';

/// A number that a finding states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// The name of the number: `accuracy`, `rows`.
    pub name: String,
    /// The number as it was computed, not as it is rounded in the sentence. Shares are from 0 to 1.
    pub value: f64,
}

/// A clause together with the numbers that it states, in the order in which it states them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    pub(crate) text: String,
    pub(crate) numbers: Vec<Number>,
}

impl Evidence {
    /// Begins with `text`, which states no number.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), numbers: Vec::new() }
    }

    /// Goes on with `text`, which states no number.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// States a score, a loss or a difference, with three decimals.
    pub fn score(self, name: &str, value: f64) -> Self {
        self.spelled(name, value, format!("{value:.3}"))
    }

    /// States a share or a bound with two decimals.
    pub fn bound(self, name: &str, value: f64) -> Self {
        self.spelled(name, value, format!("{value:.2}"))
    }

    /// States a whole number.
    pub fn count(self, name: &str, value: impl TryInto<u64>) -> Self {
        let value = value.try_into().unwrap_or(u64::MAX);
        self.spelled(name, value as f64, value.to_string())
    }

    /// States a share in percent, with one decimal.
    pub fn percent(self, name: &str, share: f64) -> Self {
        self.spelled(name, share, format!("{:.1} %", 100.0 * share))
    }

    /// States a share in whole percent.
    pub fn whole_percent(self, name: &str, share: f64) -> Self {
        self.spelled(name, share, format!("{:.0} %", 100.0 * share))
    }

    /// States a number as it is spelled elsewhere: a setting, a power of ten.
    pub fn spelled(mut self, name: &str, value: f64, spelled: impl AsRef<str>) -> Self {
        let spelled = spelled.as_ref();
        // Rounded to nothing, it has no sign.
        let is_zero = spelled.starts_with('-') && !spelled.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        self.text.push_str(if is_zero { &spelled[1..] } else { spelled });
        self.numbers.push(Number { name: name.to_owned(), value });
        self
    }

    /// Goes on with another clause.
    pub fn and(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.numbers.extend(other.numbers);
        self
    }
}

impl From<&str> for Evidence {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_keeps_its_numbers_in_order_and_zero_has_no_sign() {
        let said = Evidence::new("mcc ").score("mcc", -0.0001).text(" of ").count("rows", 7_usize).text(", ");
        let said = said.percent("share", 0.125).and(Evidence::new(" or ").bound("bound", -0.25));
        assert_eq!(said.text, "mcc 0.000 of 7, 12.5 % or -0.25");
        let numbers: Vec<(&str, f64)> = said.numbers.iter().map(|one| (one.name.as_str(), one.value)).collect();
        assert_eq!(numbers, [("mcc", -0.0001), ("rows", 7.0), ("share", 0.125), ("bound", -0.25)]);
    }
}
