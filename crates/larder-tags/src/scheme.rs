//! The tag schemes, each spelled one way in TOML, flags and messages.

use larder_errors::spelled_enum;

use crate::mark::Mark;

spelled_enum! {
    /// The scheme by which tags mark the extent of an entity. The crate's page tells when a sequence is legal in each.
    pub enum Scheme {
        /// `I-` marks the words of an entity, `B-` starts one only where it follows another of its type.
        Iob1 = "IOB1",
        /// `B-` starts every entity, `I-` continues it; also called BIO.
        Iob2 = "IOB2" | "BIO",
        /// `B-`, `I-`, `E-` for the last word, `S-` for an entity of one word; also called BIOES.
        Iobes = "IOBES" | "BIOES",
        /// `B-`, `I-`, `L-` for the last word, `U-` for an entity of one word.
        Bilou = "BILOU",
        /// IOBES with `M-` for `I-`, as Chinese corpora have it; also called BMEO and BMEOS.
        Bmes = "BMES" | "BMEO" | "BMEOS" | "BMESO",
    } any case else "unknown scheme `{found}` (known: `IOB1`, `IOB2` or `BIO`, `IOBES` or `BIOES`, `BILOU`, `BMES` or `BMEO`)"
}

impl Scheme {
    /// The letter that writes `mark`; `None` if the scheme lacks the mark.
    pub fn letter(self, mark: Mark) -> Option<char> {
        let letter = match (mark, self) {
            (Mark::Outside, _) => 'O',
            (Mark::Begin, _) => 'B',
            (Mark::Inside, Self::Bmes) => 'M',
            (Mark::Inside, _) => 'I',
            (Mark::End, Self::Iobes | Self::Bmes) => 'E',
            (Mark::Single, Self::Iobes | Self::Bmes) => 'S',
            (Mark::End, Self::Bilou) => 'L',
            (Mark::Single, Self::Bilou) => 'U',
            (Mark::End | Mark::Single, Self::Iob1 | Self::Iob2) => return None,
        };
        Some(letter)
    }

    /// The mark that `letter` writes; `None` if the scheme has no such letter.
    pub fn mark(self, letter: char) -> Option<Mark> {
        Mark::ALL.iter().copied().find(|mark| self.letter(*mark) == Some(letter))
    }

    /// Its tags, as a message lists them.
    pub(crate) fn known_tags(self) -> &'static str {
        match self {
            Self::Iob1 | Self::Iob2 => "`O`, `B-…`, `I-…`",
            Self::Iobes => "`O`, `B-…`, `I-…`, `E-…`, `S-…`",
            Self::Bilou => "`O`, `B-…`, `I-…`, `L-…`, `U-…`",
            Self::Bmes => "`O`, `B-…`, `M-…`, `E-…`, `S-…`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_reads_its_own_spelling() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.as_str().to_lowercase().parse(), Ok(*scheme));
            let json = serde_json::to_string(scheme).unwrap();
            assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap(), *scheme);
        }
        assert_eq!("bioes".parse(), Ok(Scheme::Iobes));
        assert_eq!("Bio".parse(), Ok(Scheme::Iob2));
        assert_eq!("bmeo".parse(), Ok(Scheme::Bmes));
    }

    #[test]
    fn an_unknown_word_lists_the_known_ones() {
        let error = "IOE2".parse::<Scheme>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown scheme `IOE2` (known: `IOB1`, `IOB2` or `BIO`, `IOBES` or `BIOES`, `BILOU`, `BMES` or `BMEO`)"
        );
    }

    #[test]
    fn letters_and_marks_are_inverse() {
        for scheme in Scheme::ALL {
            let marks: Vec<Mark> = Mark::ALL.iter().copied().filter(|mark| scheme.letter(*mark).is_some()).collect();
            assert_eq!(marks.len(), if *scheme < Scheme::Iobes { 3 } else { 5 });
            assert!(marks.iter().all(|mark| scheme.mark(scheme.letter(*mark).unwrap()) == Some(*mark)));
        }
        assert_eq!(Scheme::Bilou.mark('E'), None);
        assert_eq!(Scheme::Iob2.mark('S'), None);
    }
}
