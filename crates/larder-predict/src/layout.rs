//! The layout of an input file: from flags, else from the run's own files, else the usual one.

use std::path::Path;

use larder_data::{ColumnRef, Columns, Format, InputFormat, Layout, Separator};
use larder_run::RunRecord;

use crate::error::InputError;

/// Command-line flags about an input file, all optional.
#[derive(Debug, Clone, Default)]
pub struct InputFlags {
    /// Its format, overriding its name.
    pub format: Option<InputFormat>,
    /// The column of the text: a name, or a zero-based position.
    pub text: Option<String>,
    /// The column of the second text of a pair.
    pub text_b: Option<String>,
    /// Tagging: the column of the words.
    pub words: Option<String>,
    /// csv, tsv: true if the first row names the columns.
    pub header: Option<bool>,
    /// csv, tsv: true if `"` encloses fields.
    pub quoting: Option<bool>,
    /// conll: the separator of columns.
    pub separator: Option<Separator>,
}

/// Layout rules for an input file without flags.
#[derive(Debug, Clone)]
pub(crate) struct LayoutRules {
    /// True if a run answers the rows; otherwise they are loose texts.
    pub is_of_run: bool,
    /// True if the run reads words; otherwise it reads texts.
    pub has_words: bool,
    pub pair: bool,
    /// The layout of the file it was trained on.
    pub own: Option<Layout>,
    /// The ending of that file's name.
    pub own_ending: Option<String>,
}

impl LayoutRules {
    pub fn of_run(record: &RunRecord) -> Self {
        Self {
            is_of_run: true,
            has_words: record.task().files().has_words,
            pair: record.is_pair(),
            own: record.layout(),
            own_ending: record.train_ending(),
        }
    }

    pub fn of_texts() -> Self {
        Self { is_of_run: false, has_words: false, pair: false, own: None, own_ending: None }
    }

    /// Returns the format of the file at `path`.
    ///
    /// # Errors
    /// [`InputError::UnknownFormat`], [`InputError::Ambiguous`], [`InputError::Words`].
    pub fn format(&self, path: &Path, flags: &InputFlags) -> Result<InputFormat, InputError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let own = self.own.as_ref().filter(|_| ending == self.own_ending).map(|layout| layout.format);
        let format = match (flags.format, InputFormat::of_named(path), own) {
            (Some(format), ..) => format,
            // Either sentences for a tagger trained on `train.txt`, or more files like it: a wrong guess would go unnoticed.
            (None, Some(InputFormat::Text), Some(format)) if !is_no_file(path) => {
                return Err(InputError::Ambiguous { path: path.to_path_buf(), format });
            }
            (None, Some(format), _) => format,
            (None, None, Some(format)) => format.into(),
            (None, None, None) => {
                return Err(InputError::UnknownFormat { path: path.to_path_buf(), of_words: self.has_words });
            }
        };
        match (self.has_words, format) {
            (false, InputFormat::Words | InputFormat::Conll) => {
                Err(InputError::Words { path: path.to_path_buf(), format })
            }
            _ => Ok(format),
        }
    }

    /// Returns the layout of a file of rows.
    ///
    /// # Errors
    /// [`InputError::UselessFlag`], [`InputError::NoColumn`], [`InputError::ColumnKind`].
    pub fn layout(&self, path: &Path, format: Format, flags: &InputFlags) -> Result<Layout, InputError> {
        check_flags(path, format.into(), flags)?;
        let own = self.own.as_ref().filter(|own| own.format == format);
        let mut layout = own.cloned().unwrap_or_else(|| Layout {
            scheme: self.own.as_ref().map_or(Layout::of_format(format).scheme, |own| own.scheme),
            tag_style: self.own.as_ref().map(|own| own.tag_style.clone()).unwrap_or_default(),
            ..Layout::of_format(format)
        });
        layout.header = flags.header.unwrap_or(layout.header);
        layout.quoting = flags.quoting.unwrap_or(layout.quoting);
        layout.separator = flags.separator.unwrap_or(layout.separator);

        let has_names = matches!(format, Format::Jsonl | Format::Parquet) || layout.header;
        let columns = self.own.as_ref().map(|own| own.columns.clone()).unwrap_or_default();
        // Names are valid in every format with names, positions only in files like the run's own.
        let carries = |column: &ColumnRef| match column {
            ColumnRef::Name(_) => has_names,
            ColumnRef::Position(_) => own.is_some(),
        };
        let column = |given: &Option<String>, flag, recorded: Option<ColumnRef>, usual: &str| match given {
            Some(given) => column_of(path, &layout, given, flag).map(Some),
            None => {
                let usual = has_names.then(|| ColumnRef::Name(usual.to_owned()));
                Ok(recorded.filter(carries).or(usual))
            }
        };
        let missing = |holds, flag| InputError::NoColumn { path: path.to_path_buf(), format, holds, flag };
        let text = column(&flags.text, "--text-column", columns.text.clone(), "text")?;
        let words = column(&flags.words, "--words-column", columns.words.clone(), "words")?;
        let mut found = Columns { tags: columns.tags.filter(|_| own.is_some()), ..Columns::default() };
        match (self.has_words, format) {
            (false, _) => {
                found.text = Some(text.ok_or_else(|| missing("texts", "--text-column"))?);
                if self.pair {
                    let text_b = column(&flags.text_b, "--text-b-column", columns.text_b, "text_b")?;
                    found.text_b = Some(text_b.ok_or_else(|| missing("second texts", "--text-b-column"))?);
                }
            }
            (true, Format::Conll) => {
                found.words = Some(words.ok_or_else(|| missing("words", "--words-column"))?);
            }
            (true, Format::Csv | Format::Tsv) => {
                found.text = Some(text.ok_or_else(|| missing("texts", "--text-column"))?);
            }
            // Rows have words or texts, unless a flag says which.
            (true, Format::Jsonl | Format::Parquet) => {
                found.words = words.filter(|_| flags.text.is_none());
                found.text = text.filter(|_| flags.words.is_none());
            }
        }
        layout.columns = found;
        Ok(layout)
    }
}

/// The name of standard input in messages.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// The name of arguments in messages.
pub(crate) const ARGUMENTS: &str = "the arguments";

fn is_no_file(path: &Path) -> bool {
    [STANDARD_INPUT, ARGUMENTS].iter().any(|name| path == Path::new(name))
}

/// Rejects flags that do not apply to `format`.
pub(crate) fn check_flags(path: &Path, format: InputFormat, flags: &InputFlags) -> Result<(), InputError> {
    let is_table = matches!(format, InputFormat::Csv | InputFormat::Tsv);
    let (is_conll, is_lines) = (format == InputFormat::Conll, format.rows().is_none());
    let useless = [
        ("--header", flags.header.is_some() && !is_table),
        ("--quoting", flags.quoting.is_some() && !is_table),
        ("--separator", flags.separator.is_some() && !is_conll),
        ("--text-column", flags.text.is_some() && (is_lines || is_conll)),
        ("--text-b-column", flags.text_b.is_some() && (is_lines || is_conll)),
        ("--words-column", flags.words.is_some() && (is_lines || is_table)),
    ];
    match useless.into_iter().find(|(_, useless)| *useless) {
        Some((flag, _)) => Err(InputError::UselessFlag { path: path.to_path_buf(), flag, format }),
        None => Ok(()),
    }
}

/// Returns a column from a flag.
fn column_of(path: &Path, layout: &Layout, given: &str, flag: &'static str) -> Result<ColumnRef, InputError> {
    ColumnRef::of_flag(given, layout.format, layout.header).map_err(|reason| InputError::ColumnKind {
        path: path.to_path_buf(),
        flag,
        given: given.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Option<ColumnRef> {
        Some(ColumnRef::Name(name.to_owned()))
    }

    fn of_sequence(own: Layout, ending: &str) -> LayoutRules {
        LayoutRules {
            is_of_run: true,
            has_words: false,
            pair: false,
            own: Some(own),
            own_ending: Some(ending.to_owned()),
        }
    }

    fn cola() -> Layout {
        let columns = Columns { text: Some(ColumnRef::Position(3)), ..Columns::default() };
        Layout { header: false, columns, ..Layout::of_format(Format::Tsv) }
    }

    #[test]
    fn names_carry_over_and_positions_do_not() {
        let flags = InputFlags::default();
        let reader = of_sequence(cola(), "tsv");
        let path = Path::new("x");
        assert_eq!(reader.layout(path, Format::Tsv, &flags).unwrap().columns.text, Some(ColumnRef::Position(3)));
        assert_eq!(reader.layout(path, Format::Jsonl, &flags).unwrap().columns.text, name("text"));
        assert_eq!(reader.layout(path, Format::Csv, &flags).unwrap().columns.text, name("text"));
        let no_header = InputFlags { header: Some(false), ..InputFlags::default() };
        assert!(matches!(reader.layout(path, Format::Csv, &no_header), Err(InputError::NoColumn { .. })));
        let said = InputFlags { text: Some("1".to_owned()), ..no_header };
        assert_eq!(reader.layout(path, Format::Csv, &said).unwrap().columns.text, Some(ColumnRef::Position(1)));

        let columns = Columns { text: name("sentence"), ..Columns::default() };
        let reader = of_sequence(Layout { columns, ..Layout::of_format(Format::Parquet) }, "parquet");
        for format in [Format::Csv, Format::Tsv, Format::Jsonl, Format::Parquet] {
            assert_eq!(reader.layout(path, format, &flags).unwrap().columns.text, name("sentence"), "{format}");
        }
        assert!(matches!(reader.layout(path, Format::Parquet, &said), Err(InputError::UselessFlag { .. })));
    }

    #[test]
    fn a_tagger_reads_words_or_texts() {
        let columns =
            Columns { words: Some(ColumnRef::Position(1)), tags: Some(ColumnRef::Position(3)), ..Columns::default() };
        let own = Layout { columns, ..Layout::of_format(Format::Conll) };
        let reader = LayoutRules { has_words: true, own: Some(own.clone()), ..of_sequence(own.clone(), "conll") };
        let path = Path::new("x");
        let flags = InputFlags::default();
        assert_eq!(reader.layout(path, Format::Conll, &flags).unwrap(), own);
        let jsonl = reader.layout(path, Format::Jsonl, &flags).unwrap().columns;
        assert_eq!((jsonl.words, jsonl.text, jsonl.tags), (name("words"), name("text"), None));
        let said = InputFlags { text: Some("body".to_owned()), ..InputFlags::default() };
        let jsonl = reader.layout(path, Format::Jsonl, &said).unwrap().columns;
        assert_eq!((jsonl.words, jsonl.text), (None, name("body")));
        let unknown = LayoutRules { own: None, ..reader };
        assert!(matches!(unknown.layout(path, Format::Conll, &flags), Err(InputError::NoColumn { .. })));
        let named = InputFlags { words: Some("word".to_owned()), ..InputFlags::default() };
        assert!(matches!(unknown.layout(path, Format::Conll, &named), Err(InputError::ColumnKind { .. })));
    }

    #[test]
    fn a_name_that_may_mean_two_things_is_refused() {
        let flags = InputFlags::default();
        let format = |reader: &LayoutRules, path: &str| reader.format(Path::new(path), &flags);
        let reader = of_sequence(cola(), "txt");
        assert!(matches!(format(&reader, "new.txt"), Err(InputError::Ambiguous { .. })));
        assert!(matches!(format(&reader, "x.csv.xz"), Err(InputError::UnknownFormat { .. })));
        assert_eq!(format(&reader, "x.csv.gz").unwrap(), InputFormat::Csv);
        assert_eq!(format(&reader, "new.csv").unwrap(), InputFormat::Csv);
        assert_eq!(format(&reader, "new").unwrap(), InputFormat::Text);
        assert_eq!(format(&of_sequence(cola(), "raw"), "dev.raw").unwrap(), InputFormat::Tsv);
        assert!(matches!(format(&reader, "dev.conllu"), Err(InputError::Words { .. })));
        let said = InputFlags { format: Some(InputFormat::Tsv), ..InputFlags::default() };
        assert_eq!(reader.format(Path::new("new.txt"), &said).unwrap(), InputFormat::Tsv);
    }
}
