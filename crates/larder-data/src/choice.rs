//! The choices a dataset description makes. Each is spelled one way in TOML, flags and messages.

use std::path::Path;

use larder_errors::spelled_enum;

spelled_enum! {
    /// The format of a dataset's files.
    pub enum Format {
        /// Columns separated by tabs.
        Tsv = "tsv",
        /// Columns separated by commas.
        Csv = "csv",
        /// One JSON object a line, or one array of objects.
        Jsonl = "jsonl",
        /// Apache Parquet.
        Parquet = "parquet",
        /// One word a line with its columns, sentences separated by blank lines.
        Conll = "conll",
    } any case else "unknown format `{found}` ({hint})"
}

spelled_enum! {
    /// The format of a file to be answered: one of a dataset's formats, or plain lines.
    pub enum InputFormat {
        /// A text a line.
        Text = "text",
        /// Words separated by blanks, a sentence a line.
        Words = "words",
        /// Columns separated by commas.
        Csv = "csv",
        /// Columns separated by tabs.
        Tsv = "tsv",
        /// One JSON object a line, or one array of objects.
        Jsonl = "jsonl",
        /// Apache Parquet.
        Parquet = "parquet",
        /// One word a line with its columns, sentences separated by blank lines.
        Conll = "conll",
    } any case else "unknown input format `{found}` ({hint})"
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

    /// Returns the format of a file to be read, which may be compressed: what [`of_path`](Self::of_path) gives of its name
    /// without `.gz` or `.zst`.
    pub fn of_input(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_compressed = ["gz", "zst"].iter().any(|known| ending.eq_ignore_ascii_case(known));
        if is_compressed { Self::of_path(&path.with_extension("")) } else { Self::of_path(path) }
    }

    /// Returns the format of a file that somebody named: as [`of_input`](Self::of_input), and of `.json`, whose rows are an array or lines.
    /// In a folder such a file may be a configuration.
    pub fn of_named(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let is_json = [".json", ".json.gz", ".json.zst"].iter().any(|ending| name.ends_with(ending));
        if is_json { Some(Self::Jsonl) } else { Self::of_input(path) }
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

spelled_enum! {
    /// The separator of the columns of a CoNLL line.
    pub enum Separator {
        /// One tab.
        Tab = "tab",
        /// One space.
        Space = "space",
        /// Any run of spaces and tabs.
        Whitespace = "whitespace",
    } any case else "unknown separator `{found}` ({hint})"
}

spelled_enum! {
    /// The policy of a reader for a row it cannot use.
    pub enum OnBadRow {
        /// Ends with an error that names the row.
        Stop = "stop",
        /// Leaves the row out, counts and lists it.
        Skip = "skip",
    } any case else "unknown policy for bad rows `{found}` ({hint})"
}

spelled_enum! {
    /// The policy of a reader for a sentence whose tags break the grammar of their scheme. A tag that is none of the
    /// scheme's is a bad row under either policy: nothing says what it means.
    pub enum OnIllegalTags {
        /// The sentence is a bad row, whose place is the line of the first illegal tag.
        Refuse = "refuse",
        /// The sentence gets the legal tags that hold the entities `conlleval` reads in it, and is counted.
        Repair = "repair",
    } any case else "unknown policy for illegal tags `{found}` ({hint})"
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
        let of_input = |name: &str| InputFormat::of_input(Path::new(name));
        assert_eq!((of_input("a.csv.gz"), of_input("a.jsonl.ZST")), (of("a.csv"), of("a.jsonl")));
        let of_named = |name: &str| InputFormat::of_named(Path::new(name));
        assert_eq!(
            (of_named("b/a.JSON"), of_named("a.json.gz"), of_named("a.csv.gz")),
            (of("a.jsonl"), of("a.jsonl"), of("a.csv"))
        );
        assert_eq!((of_input("a.conllu"), of_input("a.json.gz")), (of("a.conllu"), None));
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
