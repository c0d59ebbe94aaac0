//! Memory sizes with units.

use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    /// Returns a whole number of bytes, or a number with `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size; expected one like 512MiB or 4GB");
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let bytes: f64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        Ok(Self((number * bytes) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let size = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(size("1024"), Ok(1024));
        assert_eq!(size("1.5GiB"), Ok(3 << 29));
        assert_eq!(size("512 mb"), Ok(512_000_000));
        for wrong in ["", "GiB", "-1", "1.2.3", "5 bananas"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
