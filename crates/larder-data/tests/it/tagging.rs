//! Tags of every scheme, legal and illegal, in every format that holds them.

use larder_data::{
    Content, DataError, DatasetSpec, Example, ExampleReader, LabelMap, OnBadRow, OnIllegalTags, Place, Scheme, Target,
    write_conll,
};
use proptest::prelude::*;
use tempfile::TempDir;

const CONLL: &str = "task='tagging'\nformat='conll'\n[columns]\nwords=0\ntags=1\n";
const JSONL: &str = "task='tagging'\nformat='jsonl'\n[columns]\nwords='words'\ntags='tags'\n";

/// A folder with a description and the file of its split `train`.
struct Set {
    _folder: TempDir,
    spec: DatasetSpec,
}

fn set(description: &str, data: &str) -> Set {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), data).unwrap();
    let text = format!("name='set'\n{description}\n[splits]\ntrain='data'\n");
    let spec = DatasetSpec::parse(&text, &folder.path().join("set.toml")).unwrap();
    Set { _folder: folder, spec }
}

impl Set {
    fn reader(&self, policy: OnIllegalTags) -> ExampleReader {
        ExampleReader::open(&self.spec, "train", OnBadRow::Stop).unwrap().on_illegal_tags(policy)
    }

    fn examples(&self) -> Vec<Example> {
        self.reader(OnIllegalTags::Refuse).collect::<Result<_, _>>().unwrap()
    }

    fn tags(&self) -> Vec<String> {
        self.examples().iter().map(tags_of).collect()
    }

    /// The error that reading ends with, without the folder's name.
    fn error(&self, reader: ExampleReader) -> String {
        let error = reader.filter_map(Result::err).next().expect("no error");
        let folder = self.spec.path.parent().unwrap().display().to_string();
        error.to_string().replace(&format!("{folder}/"), "")
    }
}

fn tags_of(example: &Example) -> String {
    match &example.target {
        Some(Target::Tags(tags)) => tags.join(" "),
        other => panic!("{other:?}"),
    }
}

fn in_scheme(scheme: Scheme, description: &str) -> String {
    format!("scheme='{scheme}'\n{description}")
}

/// The words `w0 w1 …` with tags, as the lines of a CoNLL sentence.
fn lines(tags: &str) -> String {
    tags.split(' ').enumerate().map(|(word, tag)| format!("w{word} {tag}\n")).collect()
}

/// The same as a JSON line.
fn json(tags: &str) -> String {
    let tags: Vec<&str> = tags.split(' ').collect();
    let words: Vec<String> = (0..tags.len()).map(|word| format!("w{word}")).collect();
    serde_json::json!({ "words": words, "tags": tags }).to_string() + "\n"
}

#[test]
fn every_scheme_becomes_iob2_in_every_format() {
    for (scheme, tags) in [
        (Scheme::Iob1, "I-x I-x B-x I-y O I-creative-work"),
        (Scheme::Iob2, "B-x I-x B-x B-y O B-creative-work"),
        (Scheme::Iobes, "B-x E-x S-x S-y O S-creative-work"),
        (Scheme::Bilou, "B-x L-x U-x U-y O U-creative-work"),
    ] {
        for set in [set(&in_scheme(scheme, CONLL), &lines(tags)), set(&in_scheme(scheme, JSONL), &json(tags))] {
            assert_eq!(set.tags(), ["B-x I-x B-x B-y O B-creative-work"], "{scheme}");
        }
    }
}

#[test]
fn an_illegal_tag_is_refused_with_its_very_line() {
    let conll = format!("-DOCSTART- O\n\n# a comment\n{}\n \t\n{}", lines("B-x I-x"), lines("O B-x I-y I-y"));
    let conll = set(CONLL, &conll);
    assert_eq!(
        conll.error(conll.reader(OnIllegalTags::Refuse)),
        "data, line 10: word 3, `w2`: the tag `I-y` after `B-x` continues no entity; in IOB2 it may only follow `B-y` or \
         `I-y`; mend the file, or let illegal tags be repaired"
    );
    let unfinished = set(&in_scheme(Scheme::Iobes, CONLL), &format!("{}\n{}", lines("S-x"), lines("O B-x I-x")));
    assert!(unfinished.error(unfinished.reader(OnIllegalTags::Refuse)).starts_with(
        "data, line 5: word 3, `w2`: the tag `I-x` after `B-x` must be followed by `I-x` or `E-x` in IOBES, not by the end"
    ));
    // A row of other formats has one line, or none.
    let jsonl = set(JSONL, &(json("O") + &json("O I-x")));
    assert!(jsonl.error(jsonl.reader(OnIllegalTags::Refuse)).starts_with("data, line 2: word 2, `w1`: the tag `I-x`"));
}

#[test]
fn an_illegal_sentence_is_skipped_or_repaired_by_choice() {
    let data = format!("{}\n{}\n{}", lines("B-x"), lines("I-x I-x I-y"), lines("O"));
    let set = set(CONLL, &data);

    let mut skipping = ExampleReader::open(&set.spec, "train", OnBadRow::Skip).unwrap();
    let ids: Vec<String> = skipping.by_ref().map(|example| example.unwrap().id).collect();
    assert_eq!((ids, skipping.repaired()), (vec!["0".to_owned(), "2".to_owned()], 0));
    assert_eq!(skipping.skipped().rows[0].place, Place::Line(3));

    let mut repairing = set.reader(OnIllegalTags::Repair);
    let tags: Vec<String> = repairing.by_ref().map(|example| tags_of(&example.unwrap())).collect();
    assert_eq!(tags, ["B-x", "B-x I-x B-y", "O"]);
    assert_eq!((repairing.repaired(), repairing.skipped().count), (1, 0));
}

#[test]
fn a_tag_that_is_none_is_refused_even_where_illegal_ones_are_repaired() {
    for (tag, message) in [
        ("B-", "the tag `B-` has no entity type; write the type after a hyphen, as in `B-person`"),
        ("I", "the tag `I` has no entity type; write the type after a hyphen, as in `I-person`"),
        ("S-x", "`S-x` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
        ("NN", "`NN` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
    ] {
        let set = set(CONLL, &format!("{}\n{}", lines("O"), lines(&format!("I-x O {tag}"))));
        assert_eq!(set.error(set.reader(OnIllegalTags::Repair)), format!("data, line 5: word 3, `w2`: {message}"));
    }
    let typeless = set(CONLL, &lines("O B"));
    assert!(
        typeless.error(typeless.reader(OnIllegalTags::Refuse)).starts_with("data, line 2: word 2, `w1`: the tag `B`")
    );
}

#[test]
fn labels_are_the_tags_of_the_types_in_train() {
    let scheme = in_scheme(Scheme::Iobes, CONLL);
    // The second sentence is illegal, its type is known all the same.
    let train = set(&scheme, &format!("{}\n{}", lines("S-y O"), lines("I-b-c O")));
    let labels = LabelMap::resolve(&train.spec).unwrap();
    assert_eq!(labels.names(), ["O", "B-b-c", "I-b-c", "B-y", "I-y"]);
    assert_eq!(labels.tag_set().unwrap().types(), ["b-c", "y"]);

    let listed = format!("{scheme}[labels]\nnames=['y', 'a']\ndisplay=['why', 'ay']\n");
    let labels = LabelMap::resolve(&set(&listed, "").spec).unwrap();
    assert_eq!(labels.names(), ["O", "B-y", "I-y", "B-a", "I-a"]);
    assert_eq!(labels.display(), ["O", "B-why", "I-why", "B-ay", "I-ay"]);

    let nothing = set(&scheme, &lines("O O"));
    assert_eq!(LabelMap::resolve(&nothing.spec).unwrap().names(), ["O"]);
    let untagged = set(&CONLL.replace("tags=1", ""), "a\n");
    let error = LabelMap::resolve(&untagged.spec).unwrap_err();
    assert!(matches!(error, DataError::NoLabelColumn { key: "tags", .. }), "{error}");
}

#[test]
fn a_tag_of_another_type_names_its_line_and_the_known_types() {
    let labels = LabelMap::of_types(vec!["person".into(), "place".into()], vec!["person".into(), "place".into()]);
    let dev = set(&in_scheme(Scheme::Bilou, CONLL), &format!("{}\n{}", lines("U-place"), lines("O U-prson")));
    assert_eq!(
        dev.error(dev.reader(OnIllegalTags::Refuse).with_labels(labels.unwrap())),
        "data, line 4: word 2, `w1`: unknown entity type `prson` (known: `person`, `place`; did you mean `person`?); if \
         the type is meant, list all types in `labels.names` of the description"
    );
}

#[test]
fn documents_are_numbered() {
    let documents = |data: &str| -> Vec<(u64, u64)> {
        set(CONLL, data).examples().iter().map(|example| (example.line, example.document)).collect()
    };
    assert_eq!(documents("a O\n\nb O\n"), [(1, 0), (3, 0)]);
    assert_eq!(
        documents(
            "-DOCSTART- -X- O O\r\n\r\na O\r\n-DOCSTART-\r\nb O\r\n\r\nc O\r\n\r\n-DOCSTART- O\r\n-DOCSTART- O\r\nd O"
        ),
        [(3, 1), (5, 2), (7, 2), (11, 4)]
    );
    assert_eq!(set(JSONL, &json("O")).examples()[0].document, 0);
}

#[test]
fn words_without_tags_have_no_target() {
    let words = |set: Set| -> Vec<(Content, Option<Target>)> {
        set.examples().into_iter().map(|example| (example.content, example.target)).collect()
    };
    let expected = [(Content::Words(vec!["Jo".to_owned(), "ran".to_owned()]), None)];
    assert_eq!(words(set(&CONLL.replace("tags=1", ""), "\u{feff}# id = 1\r\nJo\r\nran\tO\r\n \t\r\n")), expected);
    assert_eq!(words(set(&JSONL.replace("tags='tags'", ""), r#"{"words": ["Jo", "ran"]}"#)), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        sentences in prop::collection::vec(prop::collection::vec(("\\PC{1,6}", "O|B-[a-zé_-]{1,4}"), 1..6), 1..6),
    ) {
        let mut file = Vec::new();
        for sentence in &sentences {
            let (words, tags): (Vec<&str>, Vec<&str>) = sentence.iter().map(|(w, t)| (w.as_str(), t.as_str())).unzip();
            write_conll(&mut file, &words, &[&tags[..]]).unwrap();
        }
        let set = set(CONLL, std::str::from_utf8(&file).unwrap());
        let examples = set.examples();
        prop_assert_eq!(examples.len(), sentences.len());
        for (example, sentence) in examples.iter().zip(&sentences) {
            let Content::Words(words) = &example.content else { panic!("no words") };
            prop_assert_eq!(words.len(), sentence.len());
            for (word, (written, _)) in words.iter().zip(sentence) {
                prop_assert_eq!(word, &written.replace(|c: char| c.is_whitespace() || c == '\u{feff}', "_"));
            }
            let tags: Vec<&str> = sentence.iter().map(|(_, tag)| tag.as_str()).collect();
            prop_assert_eq!(tags_of(example), tags.join(" "));
        }
    }
}
