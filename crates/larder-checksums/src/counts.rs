//! Counts in a Parquet footer, before anything believes them.
//!
//! A footer is a structure of Thrift's compact protocol. Its lists say how many elements they have, and a reader that believes a
//! number of billions in a file of a few hundred bytes works for minutes, or asks for all memory. No element takes less than a
//! byte, so that a list can have no more elements than bytes are left.

/// The deepest nesting of structures: Parquet's own go to six.
const DEEPEST: usize = 32;

/// The bytes that are left to read.
struct Left<'a>(&'a [u8]);

/// The end of what can be checked.
enum Stop {
    /// Thrift's reader will say what is wrong.
    Malformed,
    /// A count that cannot be, in words.
    Wrong(String),
}

/// Checks every count in a structure.
///
/// # Errors
/// The count that cannot be.
pub(crate) fn check(structure: &[u8]) -> Result<(), String> {
    match Left(structure).structure(0) {
        Err(Stop::Wrong(what)) => Err(what),
        Ok(()) | Err(Stop::Malformed) => Ok(()),
    }
}

impl Left<'_> {
    fn skip(&mut self, bytes: usize) -> Result<(), Stop> {
        self.0 = self.0.get(bytes..).ok_or(Stop::Malformed)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.0.first().ok_or(Stop::Malformed)?;
        self.skip(1)?;
        Ok(byte)
    }

    /// A number of seven bits a byte.
    fn number(&mut self) -> Result<u64, Stop> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Stop::Malformed)
    }

    fn structure(&mut self, depth: usize) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Err(Stop::Wrong(format!("the footer is nested more than {DEEPEST} deep")));
        }
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            // The number of a field that is far from the one before.
            if header >> 4 == 0 {
                self.number()?;
            }
            // Truths are in their header.
            if kind > 2 {
                self.value(kind, depth)?;
            }
        }
    }

    /// Skips an element of a list, or what a field holds.
    fn value(&mut self, kind: u8, depth: usize) -> Result<(), Stop> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let bytes = self.number()?;
                self.skip(usize::try_from(bytes).unwrap_or(usize::MAX))
            }
            9 | 10 => {
                let header = self.byte()?;
                let count = if header >> 4 == 15 { self.number()? } else { u64::from(header >> 4) };
                if count > self.0.len() as u64 {
                    let left = self.0.len();
                    return Err(Stop::Wrong(format!(
                        "a list of the footer has {count} elements, with {left} bytes left"
                    )));
                }
                (0..count).try_for_each(|_| self.value(header & 0x0f, depth + 1))
            }
            12 => self.structure(depth + 1),
            // Parquet has no maps.
            _ => Err(Stop::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_no_more_elements_than_bytes() {
        // Field 1: a list of three numbers; field 2: a structure with a text; the end.
        let fine = [0x19, 0x35, 2, 4, 6, 0x1c, 0x18, 2, b'a', b'b', 0, 0];
        assert_eq!(check(&fine), Ok(()));
        // A list of 252,085,755 truths, found by fuzzing: Parquet's reader counts through them all.
        let found = [0x19, 0xf2, 0xfb, 0x8b, 0x9a, 0x78, 0x15, 0, 0];
        assert!(check(&found).unwrap_err().contains("252085755 elements, with 3 bytes left"), "{:?}", check(&found));
        assert!(check(&[0x1c; 1000]).unwrap_err().contains("nested"));
        // Behind the list a cut is Thrift's reader's to tell.
        for cut in 5..fine.len() {
            assert_eq!(check(&fine[..cut]), Ok(()), "{cut}");
        }
    }
}
