//! The text of every error, as users read it.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use larder_data::{DataError, Format, IllegalTag, Names, Place, RowProblem, Scheme, SpecProblem};
use larder_errors::testing::texts;
use larder_tags::check;
use parquet::errors::ParquetError;

fn not_found() -> io::Error {
    ErrorKind::NotFound.into()
}

fn names() -> Names {
    Names::new(["positive", "negative"])
}

fn illegal(tags: &[&str]) -> Box<IllegalTag> {
    Box::new(check(tags, Scheme::Iob2).unwrap_err())
}

#[test]
fn data_sets() {
    use DataError::*;
    let (spec, path) = (PathBuf::from("cola.toml"), PathBuf::from("train.tsv"));
    let problem = || Box::new(RowProblem::Empty { column: "text".to_owned() });
    let misplaced =
        Box::new(RowProblem::IllegalTag { word: 1, text: "Ada".to_owned(), problem: illegal(&["I-person"]) });
    let examples = [
        ReadSpec { path: spec.clone(), source: not_found() },
        Spec { path: spec.clone(), line: Some(3), problem: SpecProblem::NoSplits },
        Spec { path: spec.clone(), line: None, problem: SpecProblem::NoSplits },
        UnknownSplit { spec: spec.clone(), split: "trian".to_owned(), known: Names::new(["train", "dev"]) },
        VariableNotSet {
            spec: spec.clone(),
            split: "train".to_owned(),
            template: "$DATA/train.tsv".to_owned(),
            variable: "DATA".to_owned(),
        },
        MalformedVariable { spec: spec.clone(), split: "train".to_owned(), template: "${DATA/train.tsv".to_owned() },
        NoFileMatches {
            spec: spec.clone(),
            split: "train".to_owned(),
            pattern: "data/train-*.tsv".into(),
            known: Names::new(["dev.tsv", "test.tsv"]),
        },
        NoFileMatches {
            spec: spec.clone(),
            split: "train".to_owned(),
            pattern: "data/train-*.tsv".into(),
            known: Names::new((0..10).map(|at| format!("{at}.csv"))),
        },
        Folder {
            spec: spec.clone(),
            split: "train".to_owned(),
            pattern: "data/train-*.tsv".into(),
            source: not_found(),
        },
        FileTwice { spec: spec.clone(), split: "train".to_owned(), path: path.clone() },
        OpenSplit { spec: spec.clone(), split: "train".to_owned(), path: path.clone(), source: not_found() },
        Read { path: path.clone(), source: ErrorKind::UnexpectedEof.into() },
        Empty { path: path.clone() },
        BadRow { path: path.clone(), place: Place::Line(4), problem: problem() },
        BadRow { path: path.clone(), place: Place::Line(4), problem: misplaced },
        BadRow {
            path: path.clone(),
            place: Place::Line(4),
            problem: Box::new(RowProblem::Utf8 { line: 4, offset: 97 }),
        },
        AllRowsBad { path: path.clone(), count: 9, place: Place::Row(1), problem: problem() },
        Utf16 { path: path.clone() },
        UnterminatedQuote { path: path.clone(), line: 4 },
        RowTooLong { path: path.clone(), line: 4, limit: larder_data::MAX_ROW_BYTES },
        ArrayCut { path: path.clone(), rows: 9 },
        SentenceTooLong { path: path.clone(), line: 4, limit: larder_data::MAX_SENTENCE_WORDS },
        NotSeekable { path: path.clone(), what: "compressed with gzip".to_owned(), remedy: "decompress it first" },
        MissingColumn { path: path.clone(), column: "text".to_owned(), known: Names::new(["text;label"]) },
        MissingColumn { path: path.clone(), column: "txt".to_owned(), known: Names::new(["text", "label"]) },
        AmbiguousColumn { path: path.clone(), column: "text".to_owned() },
        ColumnType { path: path.clone(), column: "text".to_owned(), expected: "text", found: "Float32".to_owned() },
        Parquet { path: path.clone(), source: ParquetError::EOF("file too short".to_owned()) },
        NoStream { path: "-".into() },
        NoLabelColumn { spec: spec.clone(), key: "label" },
        UnknownLabel { label: "postive".to_owned(), known: names() },
        LabelNames { problem: SpecProblem::DoubledLabel { name: "positive".to_owned() } },
        TooManyLabels { spec, path: path.clone(), key: "label", limit: larder_data::MAX_LABELS },
        Open { path: path.clone(), source: not_found() },
        NoColumnFormat { path: "predictions.txt".into() },
        ColumnName { path: path.clone(), column: "gold".to_owned(), reason: "columns have no names" },
        NoLabelsToScore { path: path.clone() },
        RowCounts { gold: path.clone(), gold_rows: 9, predicted: "predictions.csv".into(), predicted_rows: 8 },
        SameScoredColumn { path, column: "2".to_owned() },
    ];
    let hint = |error: &DataError| error.hint().map(|hint| format!("hint: {hint}")).into_iter().collect();
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, hint));
}

#[test]
fn rows() {
    use RowProblem::*;
    let (column, text) = ("label".to_owned(), "Ada".to_owned());
    let examples = [
        ColumnCount { found: 1, expected: 2, as_in: "as in the header" },
        TooFewColumns { found: 1, key: "tags", needed: 3, hint: "; is the separator right?" },
        Utf8 { line: 4, offset: 97 },
        AfterQuote { column: 1 },
        Empty { column: "text".to_owned() },
        CarriageReturn { column: 1, value: "positive".to_owned() },
        Json { column: 7, message: "expected `:`".to_owned() },
        MissingValue { column: column.clone() },
        NoPair,
        NeitherValue { first: "text".to_owned(), second: "words".to_owned() },
        Placeholder { column: column.clone(), label: "?".to_owned() },
        NoTarget { problem: Box::new(MissingValue { column: column.clone() }) },
        Type { column, expected: "text", found: "a list" },
        NotANumber { column: "score".to_owned(), text: "good".to_owned() },
        OutOfRange { column: "score".to_owned(), number: "7".to_owned(), bound: "maximum = 5".to_owned() },
        NotYesOrNo { column: "toxic".to_owned(), text: "2".to_owned() },
        NotALabelList { column: "emotions".to_owned(), text: "joy".to_owned() },
        NotAProbability { column: "joy".to_owned(), text: "1.5".to_owned() },
        ProbabilityCount { column: "probabilities".to_owned(), found: 3, labels: names() },
        NoLabelOrder { column: "probabilities".to_owned() },
        NotASpan { column: "label[1]".to_owned() },
        SpanRange { start: 4, end: 9, characters: 5 },
        SpansOverlap { start: 4, end: 9, first: "person".to_owned(), second: "place".to_owned() },
        SpanInWord { start: 4, end: 10, text: "London".to_owned(), word: "Londoners".to_owned() },
        TagCount { words: 3, tags: 1 },
        UnknownLabel { label: "postive".to_owned(), known: names() },
        UnknownLabel { label: "neutral".to_owned(), known: names() },
        IllegalTag { word: 1, text: text.clone(), problem: illegal(&["I-person"]) },
        IllegalTag { word: 1, text: text.clone(), problem: illegal(&["B-"]) },
        OtherTagStyle {
            word: 1,
            text: text.clone(),
            problem: illegal(&["I-person"]),
            lines: "`scheme = \"IOB1\"`".to_owned(),
        },
        UnknownType { entity_type: "persn".to_owned(), word: 1, text, known: Names::new(["person"]) },
        ScoredColumnCount { found: 1, expected: 3, as_in: "as in the first line", hint: "" },
        NoScoredColumn { found: 1, what: "gold tag", needed: 2, hint: "" },
        NotATag { tag: "Ada".to_owned(), what: "gold tag", column: 0 },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/row_problem.rs"), &examples, |_| vec![]));
}

#[test]
fn descriptions() {
    use SpecProblem::*;
    let examples = [
        Toml { message: "missing field `name`".to_owned() },
        UnknownKey { table: "[columns]", key: "lable".to_owned(), known: Names::new(["text", "label"]) },
        NotATable { key: "columns", found: "a text", example: "text = 0" },
        Choice("xml".parse::<Format>().unwrap_err()),
        Missing { reason: "task sequence".to_owned(), key: "columns.text".to_owned() },
        Unused { key: "scheme", reason: "task sequence".to_owned(), remedy: "remove it" },
        TaskFormat { task: "sequence".to_owned(), format: "conll".to_owned(), known: Names::new(["csv", "tsv"]) },
        ColumnKind { key: "text", found: "position 0".to_owned(), reason: "JSON objects have names alone" },
        Separator { found: "whitespace".to_owned(), format: "csv", known: "one character, such as `;`" },
        SameColumn { first: "text", second: "label", column: "0".to_owned() },
        HeaderUnsaid,
        Name { what: "dataset", found: "a/b".to_owned() },
        NoSplits,
        EmptyValue { key: "labels.names".to_owned() },
        DoubledLabel { name: "positive".to_owned() },
        DisplayLength { names: 2, display: 1 },
        TagsForTypes,
        LabelColumns { names: 3, columns: 2 },
        Bound { key: "minimum", bound: f64::NEG_INFINITY },
        EmptyRange { minimum: 5.0, maximum: 0.0 },
        DisplayAlone,
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/spec_problem.rs"), &examples, |_| vec![]));
}
