//! The choices a dataset description makes. Each is spelled one way in TOML, flags and messages.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::names::Names;

/// A word that is none of the known spellings of a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}` ({})", known.hint(found))]
pub struct UnknownChoice {
    /// The choice it was meant for, as a message names it.
    pub what: &'static str,
    /// The word found.
    pub found: String,
    /// The known spellings.
    pub known: Names,
}

/// Declares an enum with `ALL`, `as_str`, `Display`, `FromStr` (any case) and serde, from one list.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal {
            $($(#[$variant_meta:meta])* $variant:ident = $spelling:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_meta])* $variant),+
        }

        impl $name {
            /// Every variant, in the order a help text lists them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The spelling used everywhere.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $spelling),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(word: &str) -> Result<Self, UnknownChoice> {
                $(
                    if $spelling.eq_ignore_ascii_case(word) {
                        return Ok(Self::$variant);
                    }
                )+
                let known = Names::new(Self::ALL.iter().map(|choice| choice.as_str()));
                Err(UnknownChoice { what: $what, found: word.to_owned(), known })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

choice! {
    /// The prediction task.
    Task, "task" {
        /// One label for a text, or for a pair of texts.
        Sequence = "sequence",
        /// One tag for every word.
        Tagging = "tagging",
    }
}

choice! {
    /// The format of a dataset's files.
    Format, "format" {
        /// Columns separated by tabs.
        Tsv = "tsv",
        /// Columns separated by commas.
        Csv = "csv",
        /// One JSON object a line.
        Jsonl = "jsonl",
        /// Apache Parquet.
        Parquet = "parquet",
        /// One word a line with its columns, sentences separated by blank lines.
        Conll = "conll",
    }
}

choice! {
    /// The format of a file to be answered: one of a dataset's formats, or plain lines.
    InputFormat, "input format" {
        /// A text a line.
        Text = "text",
        /// Words separated by blanks, a sentence a line.
        Words = "words",
        /// Columns separated by commas.
        Csv = "csv",
        /// Columns separated by tabs.
        Tsv = "tsv",
        /// One JSON object a line.
        Jsonl = "jsonl",
        /// Apache Parquet.
        Parquet = "parquet",
        /// One word a line with its columns, sentences separated by blank lines.
        Conll = "conll",
    }
}

impl InputFormat {
    /// Returns the format that the ending of a file's name tells: plain text without one, `None` where it is none of
    /// the known.
    pub fn of_path(path: &Path) -> Option<Self> {
        let Some(ending) = path.extension() else { return Some(Self::Text) };
        match ending.to_str()?.to_ascii_lowercase().as_str() {
            "txt" | "text" => Some(Self::Text),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" | "pq" => Some(Self::Parquet),
            "iob" | "iob1" | "iob2" | "bio" | "bioes" | "bilou" => Some(Self::Conll),
            ending if ending.starts_with("conll") => Some(Self::Conll),
            _ => None,
        }
    }

    /// Returns the same format of a dataset; `None` for plain lines.
    pub fn rows(self) -> Option<Format> {
        match self {
            Self::Text | Self::Words => None,
            Self::Csv => Some(Format::Csv),
            Self::Tsv => Some(Format::Tsv),
            Self::Jsonl => Some(Format::Jsonl),
            Self::Parquet => Some(Format::Parquet),
            Self::Conll => Some(Format::Conll),
        }
    }
}

impl From<Format> for InputFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Tsv => Self::Tsv,
            Format::Jsonl => Self::Jsonl,
            Format::Parquet => Self::Parquet,
            Format::Conll => Self::Conll,
        }
    }
}

choice! {
    /// The separator of the columns of a CoNLL line.
    Separator, "separator" {
        /// One tab.
        Tab = "tab",
        /// One space.
        Space = "space",
        /// Any run of spaces and tabs.
        Whitespace = "whitespace",
    }
}

choice! {
    /// The policy of a reader for a row it cannot use.
    OnBadRow, "policy for bad rows" {
        /// Ends with an error that names the row.
        Stop = "stop",
        /// Leaves the row out, counts and lists it.
        Skip = "skip",
    }
}

choice! {
    /// The policy of a reader for a sentence whose tags break the grammar of their scheme. A tag that is none of the
    /// scheme's is a bad row under either policy: nothing says what it means.
    OnIllegalTags, "policy for illegal tags" {
        /// The sentence is a bad row, whose place is the line of the first illegal tag.
        Refuse = "refuse",
        /// The sentence gets the legal tags that hold the entities `conlleval` reads in it, and is counted.
        Repair = "repair",
    }
}

/// The default policy for illegal tags: which entities are meant is for people to say, and the commonest cause is a
/// description that names the wrong scheme, which repair would hide.
pub const DEFAULT_ON_ILLEGAL_TAGS: OnIllegalTags = OnIllegalTags::Refuse;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reads_its_own_spelling() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        for policy in OnIllegalTags::ALL {
            assert_eq!(policy.as_str().to_uppercase().parse(), Ok(*policy));
        }
    }

    #[test]
    fn endings_tell_formats_and_unknown_ones_tell_none() {
        let of = |name: &str| InputFormat::of_path(Path::new(name));
        for format in Format::ALL {
            let name = format!("a.{}", format.as_str().to_uppercase());
            assert_eq!(of(&name).and_then(InputFormat::rows), Some(*format), "{name}");
            assert_eq!(InputFormat::from(*format).rows(), Some(*format));
        }
        assert_eq!(of("dev.conllu"), Some(InputFormat::Conll));
        assert_eq!((of("a"), of("a.b/c"), of("a.txt")), (of("x.text"), Some(InputFormat::Text), of("")));
        for name in ["eng.testb", "a.csv.gz", "a.json", "a.xlsx", "a.docx"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_word_lists_the_known_ones() {
        let error = "jsnl".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown format `jsnl` (known: `tsv`, `csv`, `jsonl`, `parquet`, `conll`; did you mean `jsonl`?)"
        );
    }
}
