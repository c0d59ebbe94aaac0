//! Files as people have them: each of the kinds on the page `docs/formats.md`.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use larder_data::{
    Content, DatasetSpec, Example, ExampleReader, InputReader, LabelMap, OnBadRow, OnIllegalTags, RowSlice, SlicePlace,
    Target, TextPlace, TextScan, split_has_targets,
};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// A folder with a description and files.
struct Set {
    folder: TempDir,
    spec: DatasetSpec,
}

impl Set {
    fn new(description: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let splits = if description.contains("[splits]") { "" } else { "\n[splits]\ntrain = 'data'\n" };
        let spec = parse(&format!("{description}{splits}"), &folder).unwrap_or_else(|error| panic!("{error}"));
        Self { folder, spec }
    }

    fn of(description: &str, data: impl AsRef<[u8]>) -> Self {
        Self::new(description, &[("data", data.as_ref())])
    }

    fn examples(&self) -> Vec<Example> {
        let reader = ExampleReader::open(&self.spec, "train", OnBadRow::Stop).unwrap();
        reader.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Each row as its words (or text), with the tag or label behind a slash.
    fn rows(&self) -> Vec<String> {
        self.examples().iter().map(shown).collect()
    }

    fn error(&self) -> String {
        let error = match ExampleReader::open(&self.spec, "train", OnBadRow::Stop) {
            Ok(mut reader) => reader.find_map(Result::err).expect("no error"),
            Err(error) => error,
        };
        let hint = error.hint().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{error}{hint}").replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// Reads the rows of a file from the second on, going straight to them.
fn from_the_second(set: &Set) -> Vec<String> {
    let path = set.folder.path().join("data");
    let mut scan = TextScan::open(&set.spec, "train", &path, 0).unwrap();
    let (mut start, mut rows) = (None, 0);
    while let Some(row) = scan.next_row().unwrap() {
        rows += 1;
        if rows == 2 {
            start = Some(row.start);
        }
    }
    let end_byte = std::fs::metadata(&path).unwrap().len();
    let place = TextPlace { start: start.unwrap(), end_byte, file: scan.facts() };
    let slice = RowSlice { first_row: 1, rows: rows - 1, place: SlicePlace::Text(place) };
    let reader =
        ExampleReader::open_slices(&set.spec, "train", &[(path.clone(), slice.clone())], OnBadRow::Stop).unwrap();
    reader.map(|row| shown(&row.unwrap())).collect()
}

fn parse(text: &str, folder: &TempDir) -> Result<DatasetSpec, larder_data::DataError> {
    DatasetSpec::parse(&format!("name = 'set'\n{text}"), &folder.path().join("set.toml"))
}

fn shown(example: &Example) -> String {
    match (&example.content, &example.target) {
        (Content::Words(words), Some(Target::Tags(tags))) => {
            words.iter().zip(tags).map(|(word, tag)| format!("{word}/{tag}")).collect::<Vec<_>>().join(" ")
        }
        (Content::Words(words), _) => words.join(" "),
        (Content::Text { text, .. }, Some(Target::Label(label))) => format!("{text}/{label}"),
        (Content::Text { text, .. }, _) => text.clone(),
    }
}

fn refused(description: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    parse(&format!("{description}\n[splits]\ntrain = 'data'\n"), &folder).unwrap_err().to_string()
}

const CSV: &str = "task = 'sequence'\nformat = 'csv'\n[columns]\ntext = 'text'\nlabel = 'label'\n";
const CONLL: &str = "task = 'tagging'\nformat = 'conll'\n[columns]\nwords = 0\ntags = 1\n";
const SPANS: &str = "task = 'tagging'\nformat = 'jsonl'\n[columns]\ntext = 'text'\nspans = 'label'\n";

/// The description with lines in front of its tables.
fn with(line: &str, description: &str) -> String {
    format!("{line}\n{description}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

// Names of integers.

/// A file with a column of lists of integers (or of integers), and the metadata of Hugging Face's `datasets` for it.
fn parquet(name: &str, column: ArrayRef, feature: Option<&str>) -> Vec<u8> {
    let words = [["Ada", "ran"], ["in", "Rome"]].map(|words| Some(words.map(Some)));
    let texts = StringArray::from(vec!["Ada ran", "in Rome"]);
    let lists = {
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        words.into_iter().for_each(|words| builder.append_option(words));
        builder.finish()
    };
    let fields = vec![
        Field::new("tokens", lists.data_type().clone(), true),
        Field::new("text", DataType::Utf8, true),
        Field::new(name, column.data_type().clone(), true),
    ];
    let metadata = feature.map(|feature| format!("{{\"info\": {{\"features\": {{\"{name}\": {feature}}}}}}}"));
    let metadata: std::collections::HashMap<_, _> =
        metadata.map(|text| ("huggingface".to_owned(), text)).into_iter().collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(lists), Arc::new(texts), column]).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn tag_numbers() -> ArrayRef {
    let numbers = [[Some(1), Some(0)], [Some(0), Some(2)]].map(Some);
    Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(numbers))
}

const TOKENS: &str = "task = 'tagging'\nformat = 'parquet'\n[columns]\nwords = 'tokens'\ntags = 'ner_tags'\n";
const CLASS: &str = r#"{"names": ["O", "B-PER", "B-LOC"], "_type": "ClassLabel"}"#;

#[test]
fn integers_of_tags_have_the_names_of_the_schema_or_of_the_description() {
    let expected = ["Ada/B-PER ran/O", "in/O Rome/B-LOC"];
    for list in ["Sequence", "List", "LargeList"] {
        let feature = format!("{{\"feature\": {CLASS}, \"_type\": \"{list}\"}}");
        let set = Set::of(TOKENS, parquet("ner_tags", tag_numbers(), Some(&feature)));
        assert_eq!(set.rows(), expected, "{list}");
        assert_eq!(LabelMap::resolve(&set.spec).unwrap().tag_set().unwrap().types(), ["LOC", "PER"]);
    }
    let named = format!("{TOKENS}[tags]\nnames = ['O', 'B-PER', 'B-LOC']\n");
    assert_eq!(Set::of(&named, parquet("ner_tags", tag_numbers(), None)).rows(), expected);
    // Of both, the description's.
    let other = format!("{TOKENS}[tags]\nnames = ['O', 'B-LOC', 'B-PER']\n");
    let feature = format!("{{\"feature\": {CLASS}, \"_type\": \"Sequence\"}}");
    let set = Set::of(&other, parquet("ner_tags", tag_numbers(), Some(&feature)));
    assert_eq!(set.rows(), ["Ada/B-LOC ran/O", "in/O Rome/B-PER"]);
    let json = TOKENS.replace("parquet", "jsonl");
    let line = "{\"tokens\": [\"Ada\", \"ran\"], \"ner_tags\": [1, 0]}\n";
    assert_eq!(Set::of(&format!("{json}[tags]\nnames = ['O', 'B-PER']\n"), line).rows(), ["Ada/B-PER ran/O"]);
    assert_eq!(
        Set::of(&format!("{CONLL}[tags]\nnames = ['O', 'B-PER']\n"), "Ada 1\nran 0\n").rows(),
        ["Ada/B-PER ran/O"]
    );
    // Without names, the message has the line.
    let error = Set::of(&json, line).error();
    assert!(error.contains("`1` is no tag of IOB2") && error.contains("`names = [\"O\", \"B-…\", …]`"), "{error}");
}

#[test]
fn integers_of_labels_have_the_names_of_the_schema_or_of_the_description() {
    let expected = ["Ada ran/neg", "in Rome/pos"];
    let description = "task = 'sequence'\nformat = 'parquet'\n[columns]\ntext = 'text'\nlabel = 'label'\n";
    let numbers = || Arc::new(Int64Array::from(vec![0, 1])) as ArrayRef;
    let class = "{\"names\": [\"neg\", \"pos\"], \"_type\": \"ClassLabel\"}";
    assert_eq!(Set::of(description, parquet("label", numbers(), Some(class))).rows(), expected);
    let named = |names: &str| format!("{description}[labels]\nnames = {names}\n");
    assert_eq!(Set::of(&named("['neg', 'pos']"), parquet("label", numbers(), None)).rows(), expected);
    // The schema says what the numbers are, the description how classes are numbered.
    let turned = Set::of(&named("['pos', 'neg']"), parquet("label", numbers(), Some(class)));
    assert_eq!(turned.rows(), expected);
    assert_eq!(LabelMap::resolve(&turned.spec).unwrap().names(), ["pos", "neg"]);
    // Names that are integers stand for themselves.
    assert_eq!(Set::of(&named("[1, 0]"), parquet("label", numbers(), None)).rows(), ["Ada ran/0", "in Rome/1"]);
    let csv = Set::of(&format!("{CSV}[labels]\nnames = ['neg', 'pos']\n"), "text,label\na,0\nb,pos\nc,-1\n");
    assert_eq!(csv.rows(), ["a/neg", "b/pos", "c/-1"]);
}

// Several files.

#[test]
fn a_folder_gives_its_files_by_name() {
    let description = CSV.replace("[columns]", "header = true\n[columns]") + "[splits]\ntrain = 'part'\n";
    let files: &[(&str, &[u8])] = &[
        ("part/b.csv", b"text,label\nsecond,x\n"),
        ("part/a.csv", b"text,label\nfirst,y\n"),
        ("part/c.csv.gz", &gzip(b"text,label\nthird,x\n")),
        ("part/_SUCCESS", b""),
        ("part/.crc", b"no"),
        ("part/README.md", b"no"),
    ];
    let set = Set::new(&description, files);
    assert_eq!(set.rows(), ["first/y", "second/x", "third/x"]);
    // None ends as the format does: all of them.
    let conll = CONLL.to_owned() + "[splits]\ntrain = 'part/'\n";
    let set = Set::new(&conll, &[("part/eng.train", b"Ada B-PER\n"), ("part/eng.other", b"ran O\n")]);
    assert_eq!(set.rows(), ["ran/O", "Ada/B-PER"]);
    let empty = Set::new(&conll, &[("part/_SUCCESS", b"")]);
    assert!(empty.error().contains("the folder holds no files"), "{}", empty.error());
}

// Comments and headers.

#[test]
fn comments_of_every_kind_are_no_words() {
    let germeval = "task = 'tagging'\nformat = 'conll'\nseparator = 'tab'\n[columns]\nwords = 1\ntags = 2\n";
    let text = "#\thttp://de.wikipedia.org/wiki/X\t[2009-10-17]\n1\tAda\tB-PER\tO\n2\tran\tO\tO\n\n#\thttp://x\t[2009-10-18]\n1\tRome\tB-LOC\tO\n";
    assert_eq!(Set::of(germeval, text).rows(), ["Ada/B-PER ran/O", "Rome/B-LOC"]);
    let hash = "# O\nAda B-PER\n\n#\tO\nAda B-PER\n";
    assert_eq!(Set::of(CONLL, hash).rows(), ["#/O Ada/B-PER", "#/O Ada/B-PER"], "a word");
    let conllu = "task = 'tagging'\nformat = 'conll'\n[columns]\nwords = 1\ntags = 2\n";
    let text = "# sent_id = 1\n# text = vámonos al mar\n1-2\tvámonos\t_\n1\tvamos\tO\n2\tnos\tO\n3-4\tal\t_\n3\ta\tO\n4\tel\tO\n4.1\tx\t_\n5\tmar\tB-LOC\n";
    assert_eq!(Set::of(conllu, text).rows(), ["vamos/O nos/O a/O el/O mar/B-LOC"]);
    let parts = "#begin document (bc/cctv); part 000\nAda B-PER\n\n#end document\n#begin document (x)\nran O\n";
    let documents: Vec<u64> = Set::of(CONLL, parts).examples().iter().map(|example| example.document).collect();
    assert_eq!(documents, [1, 3]);
}

#[test]
fn a_header_names_the_columns_of_a_conll_file() {
    let description = "task = 'tagging'\nformat = 'conll'\nheader = true\nseparator = 'tab'\n\
                       [columns]\nwords = 'TOKEN'\ntags = 'NE-COARSE-LIT'\n";
    let text = "# language = fr\nTOKEN\tNE-COARSE-LIT\tMISC\n# segment_iiif_link = https://x\nJean\tB-pers\t_\n\
                # segment_iiif_link = https://y\nDupont\tI-pers\t_\n\nParis\tI-loc\t_\n";
    let set = Set::of(description, text);
    assert!(set.error().starts_with("data, line 8: word 1, `Paris`"), "{}", set.error());
    let set = Set::of(description, text.replace("I-loc", "B-loc"));
    assert_eq!(set.rows(), ["Jean/B-pers Dupont/I-pers", "Paris/B-loc"]);
    // HIPE's files have no blank lines between the sentences of a document.
    let ends = Set::of(
        description,
        text.replace("I-loc\t_", "B-loc\tNoSpaceAfter")
            .replace("I-pers\t_\n\n", "I-pers\tNoSpaceAfter|EndOfSentence\n"),
    );
    assert_eq!(ends.rows(), ["Jean/B-pers Dupont/I-pers", "Paris/B-loc"]);
    assert_eq!(from_the_second(&ends), ["Paris/B-loc"]);
    let missing = Set::of(&description.replace("'TOKEN'", "'TOKENS'"), text);
    assert!(
        missing.error().contains("no column `TOKENS` (known: `TOKEN`, `NE-COARSE-LIT`, `MISC`"),
        "{}",
        missing.error()
    );
    let plus = "# global.columns = ID FORM NE\n# text = Ada\n1\tAda\tB-PER\n\n1\tran\tO\n";
    let description = description.replace("TOKEN", "FORM").replace("NE-COARSE-LIT", "NE");
    assert_eq!(Set::of(&description, plus).rows(), ["Ada/B-PER", "ran/O"]);
    // Without `header = true` columns have no names.
    assert!(refused(&description.replace("header = true\n", "")).contains("unless `header = true`"));
    // Rows are found again from the middle.
    assert_eq!(from_the_second(&Set::of(&description, plus)), ["ran/O"]);
}

// Tags.

#[track_caller]
fn tags(keys: &str, data: &str, expected: &str) {
    let (top, table) = keys.split_once('|').unwrap_or((keys, ""));
    let table = if table.is_empty() { String::new() } else { format!("[tags]\n{table}\n") };
    let set = Set::of(&format!("{top}\n{CONLL}{table}"), data.replace(' ', "\n").replace('/', " "));
    assert_eq!(set.rows(), [expected], "{keys}");
}

#[test]
fn tags_of_every_way_of_writing_become_iob2() {
    tags("scheme = 'BMES'", "林/B-N 大/M-N 明/E-N 用/O 笔/S-O", "林/B-N 大/I-N 明/I-N 用/O 笔/B-O");
    tags("scheme = 'BMEO'", "林/B-N 明/E-N 用/O", "林/B-N 明/I-N 用/O");
    tags("|mark = 'none'", "Ada/PER Li/PER in/O Rome/LOC", "Ada/B-PER Li/I-PER in/O Rome/B-LOC");
    tags("|mark = 'none'\noutside = '0'", "Ada/PER in/0", "Ada/B-PER in/O");
    tags("|type = 'disease'", "flu/B virus/I is/O", "flu/B-disease virus/I-disease is/O");
    tags("scheme = 'IOBES'|type = 'x'", "flu/B virus/E is/S", "flu/B-x virus/I-x is/B-x");
    tags("|separator = '_'", "Ada/B_PER Li/I_PER in/O", "Ada/B-PER Li/I-PER in/O");
    tags("|mark = 'last'", "Ada/PER-B Li/PER-I in/O", "Ada/B-PER Li/I-PER in/O");
    tags("|mark = 'last'\nseparator = '_'\noutside = ['_', 'o']", "Ada/PER_B in/_ a/o b/O", "Ada/B-PER in/O a/O b/O");
    tags("|lowercase = true", "Ada/b-Per Li/i-Per in/o", "Ada/B-Per Li/I-Per in/O");
}

#[test]
fn tags_that_another_description_reads_are_told_which() {
    let says = |data: &str, lines: &str| {
        let set = Set::of(CONLL, data.replace(' ', "\n").replace('/', " "));
        let error = set.error();
        let expected = format!("; all tags of the split are legal if the description says {lines}");
        assert!(error.contains(&expected), "{data}: {error}");
        assert!(!error.contains("repair"), "{error}");
    };
    says("Ada/I-PER Li/I-PER in/O", "`scheme = \"IOB1\"`");
    says("Ada/B-PER Li/E-PER in/O Rome/S-LOC", "`scheme = \"IOBES\"`");
    says("Ada/B-PER Li/L-PER in/O Rome/U-LOC", "`scheme = \"BILOU\"`");
    says("林/B-N 大/M-N 明/E-N", "`scheme = \"BMES\"`");
    says("Ada/PER Li/PER in/O", "`[tags]` and below it `mark = \"none\"`");
    says("Ada/PER in/0", "`[tags]` and below it `mark = \"none\"` and `outside = \"0\"`");
    says("flu/B virus/I is/O", "`[tags]` and below it `type = \"entity\"`");
    says("Ada/B_PER Li/I_PER in/O", "`[tags]` and below it `separator = \"_\"`");
    says("Ada/PER-B Li/PER-I in/O", "`[tags]` and below it `mark = \"last\"`");
    says("Ada/S_PER in/O a/B_X b/E_X", "`scheme = \"IOBES\"` and `[tags]` and below it `separator = \"_\"`");
    says("Ada/B-PER in/0", "`[tags]` and below it `outside = \"0\"`");
    says("Ada/b-PER in/o", "`[tags]` and below it `lowercase = true`");
    // The message is that of the whole split: what its first sentence alone would fit is not said.
    let mixed = Set::of(CONLL, "Ada I-PER\n\nLi B-PER\nin O\n\nx X-PER\n");
    assert!(!mixed.error().contains("the description says"), "{}", mixed.error());
    // Parts of speech are no entity types.
    let speech = Set::of(CONLL, "Ada NNP\nran VBD\n");
    assert!(!speech.error().contains("the description says"), "{}", speech.error());
}

#[test]
fn keys_of_tags_must_go_together() {
    let table = |line: &str| refused(&format!("{CONLL}[tags]\n{line}\n"));
    assert!(table("mark = 'middle'").contains("unknown place of the mark `middle`"));
    assert!(table("mark = 'none'\ntype = 'x'").contains("`tags.type` means nothing for `tags.mark = \"none\"`"));
    assert!(table("marks = 'none'").contains("unknown key `marks` in [tags]"));
    assert!(table("separator = ''").contains("`tags.separator` is empty"));
    let scheme = refused(&format!("scheme = 'BMES'\n{CONLL}[tags]\nmark = 'none'\n"));
    assert!(scheme.contains("`scheme` means nothing for `tags.mark = \"none\"`"), "{scheme}");
    assert!(refused(&format!("{CSV}[tags]\nmark = 'none'\n")).contains("`tags` means nothing for the task sequence"));
}

// Spans.

#[test]
fn spans_are_words_and_tags() {
    let text = "{\"id\": 1, \"text\": \"Ada Lovelace met Charles in London.\", \"label\": [[0, 12, \"PER\"], [17, 24, \"PER\"], [28, 34, \"LOC\"]]}\n\
                {\"id\": 2, \"text\": \"\\ud83d\\ude00 Paris is nice.\", \"label\": [[2, 7, \"LOC\"]]}\n";
    let set = Set::of(SPANS, text);
    assert_eq!(
        set.rows(),
        ["Ada/B-PER Lovelace/I-PER met/O Charles/B-PER in/O London/B-LOC ./O", "😀/O Paris/B-LOC is/O nice/O ./O"]
    );
    assert_eq!(LabelMap::resolve(&set.spec).unwrap().tag_set().unwrap().types(), ["LOC", "PER"]);
    assert!(split_has_targets(&set.spec, "train").unwrap());
    // The same without spans has words alone, and a scan sees the same words.
    let untagged = Set::of(&SPANS.replace("spans = 'label'\n", ""), text);
    assert_eq!(untagged.rows()[1], "😀 Paris is nice .");
    let mut scan = TextScan::open(&set.spec, "train", &set.folder.path().join("data"), 0).unwrap();
    assert_eq!(scan.next_row().unwrap().unwrap().content, Some(set.examples()[0].content.clone()));
    // What is to be answered stays a text.
    let mut rows = InputReader::open(&set.spec.layout(), &set.folder.path().join("data")).unwrap();
    assert!(matches!(rows.next().unwrap().unwrap().content, Ok(Content::Text { .. })));
    let characters = with("split_text = 'characters'", SPANS);
    let chinese = Set::of(&characters, "{\"text\": \"林大明来了\", \"label\": [[0, 3, \"PER\"]]}\n");
    assert_eq!(chinese.rows(), ["林/B-PER 大/I-PER 明/I-PER 来/O 了/O"]);
}

#[test]
fn a_span_inside_of_a_word_is_refused_or_repaired() {
    let set = Set::of(
        SPANS,
        "{\"text\": \"the Londoners\", \"label\": [[4, 10, \"LOC\"]]}\n{\"text\": \"a\", \"label\": []}\n",
    );
    let error = set.error();
    assert!(
        error.starts_with("data, line 1: the span 4 to 10, `London`, begins or ends inside of the word `Londoners`"),
        "{error}"
    );
    assert!(error.contains("`split_text = \"characters\"`"), "{error}");
    let reader = ExampleReader::open(&set.spec, "train", OnBadRow::Stop).unwrap();
    let mut reader = reader.on_illegal_tags(OnIllegalTags::Repair);
    let rows: Vec<String> = reader.by_ref().map(|row| shown(&row.unwrap())).collect();
    assert_eq!((rows, reader.repaired()), (vec!["the/O Londoners/B-LOC".to_owned(), "a/O".to_owned()], 1));
    let mut skipping = ExampleReader::open(&set.spec, "train", OnBadRow::Skip).unwrap();
    assert_eq!((skipping.by_ref().count(), skipping.skipped().count), (1, 1));
}

#[test]
fn a_text_in_the_place_of_words_is_told_of_spans() {
    let wrong = SPANS.replace("text = ", "words = ").replace("spans = ", "tags = ");
    let error = Set::of(&wrong, "{\"text\": \"Ada\", \"label\": [[0, 3, \"PER\"]]}\n").error();
    assert!(
        error.contains("`text` is a string, expected a list of strings") && error.contains("`spans = …`"),
        "{error}"
    );
    assert!(refused(&SPANS.replace("jsonl", "parquet")).contains("only jsonl has texts with spans"));
    assert!(refused(&SPANS.replace("text = 'text'\n", "")).contains("`columns.spans` needs `columns.text`"));
    assert!(refused(&with("scheme = 'IOB2'", SPANS)).contains("`scheme` means nothing for `columns.spans`"));
    assert!(refused(&with("split_text = 'words'", CONLL)).contains("`split_text` means nothing"));
}

// A word a row.

const KAGGLE: &str = "task = 'tagging'\nformat = 'csv'\nencoding = 'latin1'\n\
                      [columns]\nwords = 'Word'\ntags = 'Tag'\nsentence = 'Sentence #'\n";

#[test]
fn rows_of_words_become_sentences() {
    let text = b"Sentence #,Word,POS,Tag\nSentence: 1,Jos\xe9,NNP,B-per\n,ran,VBD,O\n,\",\",\",\",O\nSentence: 2,Rome,NNP,B-geo\n";
    let expected = ["José/B-per ran/O ,/O", "Rome/B-geo"];
    let set = Set::of(KAGGLE, text);
    assert_eq!(set.rows(), expected);
    assert_eq!(set.examples().iter().map(|example| example.line).collect::<Vec<_>>(), [2, 5]);
    let every = String::from_utf8_lossy(text).replace('\u{fffd}', "é").replace("\n,", "\nSentence: 1,");
    let plain = KAGGLE.replace("encoding = 'latin1'\n", "");
    let set = Set::of(&plain, &every);
    assert_eq!(set.rows(), expected);
    assert_eq!(from_the_second(&set), ["Rome/B-geo"]);
    // A broken row spoils its sentence alone.
    let broken = Set::of(&plain, every.replace(",ran,VBD,O", ",ran,VBD"));
    let mut skipping = ExampleReader::open(&broken.spec, "train", OnBadRow::Skip).unwrap();
    assert_eq!(skipping.by_ref().map(|row| shown(&row.unwrap())).collect::<Vec<_>>(), ["Rome/B-geo"]);
    assert_eq!(skipping.skipped().rows[0].line(), 3);
    // Without a column of sentences a table has no words.
    assert!(
        refused(&plain.replace("sentence = 'Sentence #'\n", "")).contains("the task tagging cannot be read from csv")
    );
    assert!(refused(&CONLL.replace("tags = 1", "tags = 1\nsentence = 2")).contains("only csv and tsv"));
}

// Bytes.

#[test]
fn separators_and_encodings_are_said() {
    let rows = ["né; nà/x", "b/y"];
    let semicolons = with("separator = ';'", CSV);
    assert_eq!(Set::of(&semicolons, "text;label\n\"né; nà\";x\nb;y\n").rows(), rows);
    let latin1 = with("encoding = 'latin1'", &semicolons);
    assert_eq!(Set::of(&latin1, b"text;label\n\"n\xe9; n\xe0\";x\nb;y\n").rows(), rows);
    assert_eq!(Set::of(&latin1, gzip(b"text;label\n\"n\xe9; n\xe0\";x\nb;y\n")).rows(), rows);
    let utf16: Vec<u8> =
        "\u{feff}text;label\r\n\"né; nà\";x\r\nb;y\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Set::of(&with("encoding = 'utf-16'", &semicolons), &utf16).rows(), rows);
    assert!(Set::of(&semicolons, &utf16).error().contains("`encoding = \"utf-16\"`"));
    let error = Set::of(CSV, "text;label\na;x\n").error();
    assert!(error.contains("no column `text`") && error.contains("`separator = \";\"`"), "{error}");
    let error = Set::of(CSV, b"text,label\nn\xe9,x\n").error();
    assert!(error.contains("invalid UTF-8 at byte 12") && error.contains("`encoding = \"windows-1252\"`"), "{error}");
    assert!(error.contains("iconv -f WINDOWS-1252 -t UTF-8"), "{error}");
    assert!(refused(&with("encoding = 'latin-one'", CSV)).contains("unknown encoding `latin-one`"));
    assert!(refused(&with("separator = '||'", CSV)).contains("unknown separator `||`"));
    assert!(
        refused(&with("separator = ';'", CONLL)).contains("`separator` is `;`, which conll cannot have; use `tab`")
    );
    // What changes what is read changes the fingerprint.
    let plain = Set::of(CSV, "text,label\na,x\n").spec.fingerprint_parts("train").unwrap();
    let said = Set::of(&latin1, "text,label\na,x\n").spec.fingerprint_parts("train").unwrap();
    assert_eq!((plain.get("data.delimiter"), plain.get("data.encoding")), (None, None));
    assert_eq!((&*said["data.delimiter"], &*said["data.encoding"]), (";", "windows-1252"));
}

#[test]
fn compressed_files_are_read_and_cannot_be_cut() {
    for bytes in [gzip(b"text,label\na,x\nb,y\n"), zstd::encode_all(&b"text,label\na,x\nb,y\n"[..], 1).unwrap()] {
        let set = Set::of(CSV, &bytes);
        assert_eq!(set.rows(), ["a/x", "b/y"]);
        let error = TextScan::open(&set.spec, "train", &set.folder.path().join("data"), 0).unwrap_err().to_string();
        assert!(error.contains("decompress it first"), "{error}");
        let mut rows = InputReader::open(&set.spec.layout(), &set.folder.path().join("data")).unwrap();
        assert!(rows.all(|row| row.unwrap().content.is_ok()));
    }
    let cut = Set::of(CSV, &gzip(b"text,label\na,x\nb,y\n")[..20]);
    assert!(cut.error().contains("cannot read data"), "{}", cut.error());
}

#[test]
fn odd_json_lines_are_bad_rows_and_no_more() {
    let description = "task = 'sequence'\nformat = 'jsonl'\n[columns]\ntext = 'text'\nlabel = 'label'\nid = 'id'\n";
    let lines = "\u{feff}{\"id\": 18446744073709551615, \"text\": \"a\", \"label\": \"x\"}\n\
                 {\"id\": 1, \"text\": \"hi \\ud83d\", \"label\": \"x\"}\n\
                 {\"id\": 2, \"text\": NaN, \"label\": \"x\"}\n\
                 {\"id\": -9223372036854775808, \"text\": \"b\", \"label\": \"y\"}\r\r\n";
    let set = Set::of(description, lines);
    let mut reader = ExampleReader::open(&set.spec, "train", OnBadRow::Skip).unwrap();
    let ids: Vec<String> = reader.by_ref().map(|row| row.unwrap().id).collect();
    assert_eq!(ids, ["18446744073709551615", "-9223372036854775808"]);
    assert_eq!(reader.skipped().rows.iter().map(larder_data::SkippedRow::line).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn labels_of_fractions_are_those_of_integers_where_all_are() {
    let description = "task = 'sequence'\nformat = 'parquet'\n[columns]\ntext = 'text'\nlabel = 'label'\n";
    let floats = |numbers: Vec<f64>| Arc::new(Float64Array::from(numbers)) as ArrayRef;
    let set = Set::of(description, parquet("label", floats(vec![0.0, 1.0]), None));
    assert_eq!(set.rows(), ["Ada ran/0", "in Rome/1"]);
    let set = Set::of(description, parquet("label", floats(vec![0.0, 0.5]), None));
    assert!(set.error().contains("row 2: `label` is a fraction"), "{}", set.error());
}

// The page.

/// The part of a description with the lines that it lacks.
fn whole(part: &str) -> String {
    let has = |key: &str| part.lines().any(|line| line.starts_with(key));
    let is_tagging = has("words") || has("spans") || has("[tags]");
    let (task, format) = if is_tagging { ("tagging", "conll") } else { ("sequence", "parquet") };
    let top = [("task =", task), ("format =", format)];
    let top = top.iter().filter(|(key, _)| !has(key)).map(|(key, value)| format!("{key} '{value}'\n"));
    let columns = if has("[columns]") { "" } else { "[columns]\ntext = 'text'\nlabel = 'label'\n" };
    let splits = if has("[splits]") { "" } else { "[splits]\ntrain = 'data'\n" };
    format!("{}{part}\n{columns}{splits}", top.collect::<String>())
}

#[test]
fn the_descriptions_of_the_page_are_descriptions() {
    let page = include_str!("../../docs/formats.md");
    let folder = tempfile::tempdir().unwrap();
    let mut parts = 0;
    for part in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let description = whole(part);
        parse(&description, &folder).unwrap_or_else(|error| panic!("{description}\n{error}"));
        parts += 1;
    }
    assert!(parts >= 8, "{parts} were found");
    // The rows of the table of tags.
    let mut ways = 0;
    for row in page.lines().filter(|line| line.starts_with("| `") && line.contains("` | `")) {
        let Some(code) = row.split('`').skip(1).step_by(2).find(|code| code.contains(" = ")) else { continue };
        let is_scheme = code.starts_with("scheme");
        let (top, table) = if is_scheme { (code, "") } else { ("", code) };
        let table = table.replace(", …", "");
        let description = format!("{top}\n{CONLL}[tags]\n{table}\n[splits]\ntrain = 'data'\n");
        parse(&description, &folder).unwrap_or_else(|error| panic!("{description}\n{error}"));
        ways += 1;
    }
    assert_eq!(ways, 12);
}
