//! Numbers as names of classes.

/// Returns the integer that a number's text stands for, `1` and `-1.0` do; `None` for fractions, and for what is not finite.
pub(crate) fn integer_of(number: &str) -> Option<String> {
    let integer = number.strip_suffix(".0").unwrap_or(number);
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_integer.then(|| if digits == "0" { "0".to_owned() } else { integer.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        let of = |text: &str| integer_of(text);
        for (text, integer) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-1.0", "-1"),
            ("-0.0", "0"),
            ("0", "0"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(of(text).as_deref(), Some(integer), "{text}");
        }
        for text in ["0.5", "1.00", "NaN", "inf", "1e20", "", "-", ".0"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
