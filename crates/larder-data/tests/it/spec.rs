//! Dataset descriptions: what they mean, and what is wrong with wrong ones.

use larder_data::{ColumnRef, DataError, DatasetSpec, Format, LabelMap, Scheme, Separator, Task};
use std::path::Path;

const COLA: &str = r#"
name = "cola"
task = "sequence"
format = "tsv"
header = false
quoting = false
[columns]
text = 3
label = 1
[labels]
names = [0, "1"]
display = ["unacceptable", "acceptable"]
[splits]
train = "in_domain_train.tsv"
dev = "/data/dev.tsv"
a_later_one = "$LARDER_NO_SUCH_VARIABLE/x.tsv"
"#;

fn parse(text: &str) -> Result<DatasetSpec, DataError> {
    DatasetSpec::parse(text, Path::new("sets/cola.toml"))
}

fn message(text: &str) -> String {
    parse(text).expect_err("the description should be refused").to_string()
}

/// COLA with one piece of text replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(COLA.contains(from), "{from}");
    message(&COLA.replacen(from, to, 1))
}

#[test]
fn a_description_says_what_it_says() {
    let spec = parse(COLA).unwrap();
    assert_eq!((spec.name.as_str(), spec.task, spec.format), ("cola", Task::Sequence, Format::Tsv));
    assert!(!spec.header && !spec.quoting);
    assert_eq!(spec.columns.text, Some(ColumnRef::Position(3)));
    assert_eq!(spec.columns.label, Some(ColumnRef::Position(1)));
    assert_eq!(spec.split_names().collect::<Vec<_>>(), ["train", "dev", "a_later_one"]);
    let labels = LabelMap::resolve(&spec).unwrap();
    assert_eq!((labels.names().join(" "), labels.display()[1].as_str()), ("0 1".to_owned(), "acceptable"));
}

#[test]
fn defaults_depend_on_the_format() {
    let csv = parse("name='x'\ntask='sequence'\nformat='csv'\n[columns]\ntext='t'\n[splits]\ntrain='t.csv'").unwrap();
    assert!(csv.header && csv.quoting && !csv.has_targets());
    let conll = "name='x'\ntask='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1\n[splits]\ntrain='t.conll'";
    let conll = parse(conll).unwrap();
    assert_eq!((conll.separator, conll.scheme), (Separator::Whitespace, Scheme::Iob2));
    assert!(conll.has_targets());
}

#[test]
fn split_paths_are_relative_to_the_file_and_variables_are_looked_up_late() {
    let spec = parse(COLA).unwrap();
    assert_eq!(spec.split_files("train").unwrap(), [Path::new("sets/in_domain_train.tsv")]);
    assert_eq!(spec.split_files("dev").unwrap(), [Path::new("/data/dev.tsv")]);
    assert_eq!(
        spec.split_files("a_later_one").unwrap_err().to_string(),
        "sets/cola.toml: the path of split `a_later_one` is \"$LARDER_NO_SUCH_VARIABLE/x.tsv\", but the environment \
         variable LARDER_NO_SUCH_VARIABLE is not set; set it to the folder that holds the data"
    );
    assert_eq!(
        spec.split_files("tran").unwrap_err().to_string(),
        "sets/cola.toml has no split `tran` (known: `train`, `dev`, `a_later_one`; did you mean `train`?)"
    );
}

#[test]
fn unknown_keys_are_named_with_the_known_ones() {
    assert_eq!(
        changed("quoting = false", "qoting = false"),
        "sets/cola.toml, line 6: unknown key `qoting` in the top of the file (known: `name`, `task`, `format`, \
         `header`, `quoting`, `encoding`, `scheme`, `separator`, `split_text`, `max_tokens`, `on_bad_row`, `illegal_tags`, `columns`, `labels`, \
         `tags`, `target`, `splits`; did you mean `quoting`?)"
    );
    assert_eq!(
        changed("label = 1", "lable = 1"),
        "sets/cola.toml, line 9: unknown key `lable` in [columns] (known: `text`, `text_b`, `label`, `labels`, `label_separator`, `target`, \
         `id`, `words`, `tags`, `spans`, `sentence`; did you mean `label`?)"
    );
    assert!(changed("display =", "shown =").contains("line 12: unknown key `shown` in [labels] (known: `names`"));
    // Of several, the first in the file.
    let two = COLA.replace("display", "shown").replace("quoting", "zitat");
    assert!(message(&two).contains("line 6: unknown key `zitat`"));
}

#[test]
fn toml_and_values_are_refused_with_their_line() {
    assert!(changed("name = \"cola\"", "name = \"cola").starts_with("sets/cola.toml, line 2: "));
    assert_eq!(
        changed("\"tsv\"", "\"tvs\""),
        "sets/cola.toml, line 4: unknown format `tvs` (known: `tsv`, `csv`, `jsonl`, `parquet`, `conll`; did \
         you mean `tsv`?)"
    );
    let message = changed("text = 3", "text = -1");
    assert!(message.contains("line 8") && message.contains("a column's name or its zero-based position"), "{message}");
    let message = changed("header = false", "header = \"no\"");
    assert!(message.contains("line 5") && message.contains("boolean"), "{message}");
    assert!(changed("train = \"in_domain_train.tsv\"", "train = 3").contains("line 14"));
    assert!(changed("[columns]\ntext = 3\nlabel = 1", "columns = 3").contains("line 7"));
}

#[test]
fn missing_files_and_keys() {
    let error = DatasetSpec::load(Path::new("no/such.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the dataset description no/such.toml");
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(changed("name = \"cola\"", ""), "sets/cola.toml: a dataset needs `name`");
    assert_eq!(changed("task = \"sequence\"", ""), "sets/cola.toml: a dataset needs `task`");
    assert_eq!(changed("text = 3", ""), "sets/cola.toml: the task sequence needs `columns.text`");
    assert!(message(&COLA[..COLA.find("train").unwrap()]).contains("[splits] is empty"));
}

#[test]
fn keys_must_go_together() {
    assert!(changed("text = 3", "text = \"sentence\"").contains("without a header columns have no names"));
    assert!(changed("header = false", "").contains("`header` is missing"));
    assert!(changed("text = 3", "text = 1").contains("`columns.text` and `columns.label` are the same column, 1"));
    assert!(changed("text = 3", "text = 3\nwords = 0").contains("`words` means nothing for the task sequence"));
    assert!(changed("quoting = false", "scheme = \"IOB2\"").contains("`scheme` means nothing for the task sequence"));
    assert!(changed("quoting = false", "separator = \"tab\"").contains("`separator` means nothing for the format tsv"));
    assert!(changed("\"tsv\"", "\"conll\"").contains("the task sequence cannot be read from conll; use one of `tsv`"));
    assert!(changed("\"sequence\"", "\"tagging\"").contains("the task tagging cannot be read from tsv"));
    assert!(changed("[\"unacceptable\", ", "[").contains("`labels.display` has 1 names and `labels.names` has 2"));
    assert!(changed("[0, \"1\"]", "[1, \"1\"]").contains("holds `1` twice"));
    assert!(changed("names = [0, \"1\"]", "").contains("`labels.display` needs `labels.names`"));
    assert!(changed("\"cola\"", "\"../cola\"").contains("the dataset name `../cola` cannot be a file name"));
    assert!(changed("dev =", "\"a b\" =").contains("the split name `a b` cannot be a file name"));

    let conll = "name='x'\ntask='tagging'\nformat='conll'\n[columns]\nwords=0\n[splits]\ntrain='t'";
    assert!(!parse(conll).unwrap().has_targets(), "tags are needed to train only");
    assert!(message(&conll.replace("words=0", "tags=0")).contains("the task tagging needs `columns.words`"));
    assert!(message(&conll.replace("[columns]", "scheme='IOE2'\n[columns]")).contains(
        "unknown scheme `IOE2` (known: `IOB1`, `IOB2` or `BIO`, `IOBES` or `BIOES`, `BILOU`, `BMES` or `BMEO`)"
    ));
    let tags = conll.replace("[splits]", "[labels]\nnames=['O', 'B-x', 'I-x']\n[splits]");
    assert!(message(&tags).contains("for tagging it lists the entity types alone, such as `person`"));
    let named = conll.replace("words=0", "words='w'\ntags=1");
    assert!(message(&named).contains("CoNLL columns have no names"));
    let jsonl = "name='x'\ntask='sequence'\nformat='jsonl'\n[columns]\ntext=0\n[splits]\ntrain='t'";
    assert!(message(jsonl).contains("JSON fields have no order"));
}

#[test]
fn fingerprint_parts_change_with_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("in_domain_train.tsv");
    std::fs::write(&data, "a\t1\t\tx\n").unwrap();
    let path = folder.path().join("cola.toml");
    let parts = |text: &str| DatasetSpec::parse(text, &path).unwrap().fingerprint_parts("train").unwrap();

    let first = parts(COLA);
    assert_eq!(first["data.train.digest"], blake3_of(b"a\t1\t\tx\n"));
    assert_eq!(first["data.columns.text"], "position 3");
    assert_eq!(first, parts(&COLA.replace("acceptable", "fine")), "display names change nothing that is read");
    assert_ne!(first, parts(&COLA.replace("text = 3", "text = 2")));
    assert_ne!(first, parts(&COLA.replace("quoting = false", "quoting = true")));
    assert_ne!(first, parts(&COLA.replace("header = false", "header = true")));
    std::fs::write(&data, "a\t0\t\tx\n").unwrap();
    assert_ne!(first["data.train.digest"], parts(COLA)["data.train.digest"]);
}

fn blake3_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_value_in_the_place_of_a_table_is_answered_with_the_table() {
    let spec = "name='x'\ntask='sequence'\nformat='csv'\ncolumns={text='t', label='l'}\nsplits={train='t.csv'}\n";
    assert!(parse(spec).is_ok());
    let given = |line: &str| message(&format!("{line}\n{spec}"));
    assert_eq!(
        given("labels = \"0,1\""),
        "sets/cola.toml, line 1: `labels` is a text, expected a table: a line `[labels]` and below it, for instance, \
         `names = [\"0\", \"1\"]`"
    );
    assert!(given("labels = [0, 1]").contains("`labels` is a list, expected a table"));
    let lines = spec.replace("columns={text='t', label='l'}", "columns = 'text'");
    assert!(message(&lines).contains("line 4: `columns` is a text, expected a table"));
    assert!(message(&spec.replace("splits={train='t.csv'}", "splits = 3")).contains("`splits` is a number"));
    // Types have TOML's names, and what the file says is left as it is.
    let names = format!("{spec}[labels]\nnames = \"sequence\"\n");
    assert!(message(&names).ends_with("found string \"sequence\", expected a list"), "{}", message(&names));
    assert!(message(&spec.replace("name='x'", "name=['x']")).ends_with("found a list, expected a string"));
    assert!(message(&spec.replace("name='x'", "name={a=1}")).ends_with("found a table, expected a string"));
}
