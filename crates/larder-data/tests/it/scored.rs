//! Files with gold and predicted tags, and what is said about those that cannot be scored.

use larder_data::{DataError, MAX_SENTENCE_WORDS, ScoredColumns, ScoredConll, ScoredSentence, Separator, write_conll};

fn read_as(data: &[u8], columns: ScoredColumns, separator: Separator) -> Result<Vec<ScoredSentence>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scored.conll");
    std::fs::write(&path, data).unwrap();
    let shown = |error: DataError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
    ScoredConll::open(&path, columns, separator).map_err(shown)?.collect::<Result<_, _>>().map_err(shown)
}

fn read(data: &[u8]) -> Result<Vec<ScoredSentence>, String> {
    read_as(data, ScoredColumns::LastTwo, Separator::Whitespace)
}

fn at(gold: usize, predicted: usize) -> ScoredColumns {
    ScoredColumns::At { gold, predicted }
}

fn sentence(line: u64, words: &str, gold: &str, predicted: &str) -> ScoredSentence {
    let split = |text: &str| text.split(' ').map(str::to_owned).collect();
    ScoredSentence { line, words: split(words), gold: split(gold), predicted: split(predicted) }
}

#[test]
fn the_last_two_columns_are_gold_and_predicted() {
    let expected = [sentence(1, "New York", "B-x I-x", "B-x O"), sentence(4, "ran", "O", "I-y-z")];
    assert_eq!(read(b"New NNP B-x B-x\nYork NNP I-x O\n\nran VBD O I-y-z\n").unwrap(), expected);
    // Windows line ends, a mark, stray blanks, no line end at the end.
    let data = "\u{feff}New\tNNP\tB-x  B-x\r\nYork\tNNP\tI-x\tO\r\n \t\r\nran\tVBD\tO\tI-y-z".as_bytes();
    assert_eq!(read(data).unwrap(), expected);
    // Typeless tags of chunkers, marks of every scheme.
    assert_eq!(read(b"a B S-x\nb I U-x\n").unwrap(), [sentence(1, "a b", "B I", "S-x U-x")]);
}

#[test]
fn columns_go_by_position_too() {
    let expected = [sentence(1, "a b", "O B-x", "B-y O")];
    assert_eq!(read_as(b"a B-y O z\nb O B-x\n", at(2, 1), Separator::Whitespace).unwrap(), expected);
    let spaced = b"a b\tO\tO\n";
    let found = read_as(spaced, at(1, 2), Separator::Tab).unwrap();
    assert_eq!(found[0].words, ["a b"]);
    assert_eq!(read_as(b"O B-x\n", at(0, 1), Separator::Whitespace).unwrap(), [sentence(1, "O", "O", "B-x")]);
    assert_eq!(
        read_as(b"a O O\n", at(1, 1), Separator::Whitespace).unwrap_err(),
        "scored.conll: column 1 cannot hold both gold and predictions; they are compared"
    );
    assert_eq!(
        read_as(b"a O O\na O\n", at(1, 2), Separator::Whitespace).unwrap_err(),
        "scored.conll, line 2: the line has 2 columns, none at 2 (counted from zero), where the predicted tag is to be"
    );
}

#[test]
fn documents_and_comments_are_no_words() {
    let data =
        b"# model = crf\n# prose that ends in words\n-DOCSTART- -X- O O\n\n# O O\n# O B-x\n-DOCSTART- O O\nb O O\n";
    assert_eq!(read(data).unwrap(), [sentence(5, "# #", "O O", "O B-x"), sentence(8, "b", "O", "O")]);
}

#[test]
fn lines_of_another_width_are_refused() {
    assert_eq!(
        read(b"a N O O\n\nb N O\n").unwrap_err(),
        "scored.conll, line 3: the line has 3 columns, expected 4 as in the first"
    );
    assert_eq!(
        read(b"New York O O\nb O O\n").unwrap_err(),
        "scored.conll, line 2: the line has 3 columns, expected 4 as in the first"
    );
    assert_eq!(
        read(b"a O\n").unwrap_err(),
        "scored.conll, line 1: the line has 2 columns, expected 3 at least: a word, its gold tag and its predicted tag (or \
         name the columns of the tags)"
    );
    assert_eq!(
        read_as(b"a O O\n", ScoredColumns::LastTwo, Separator::Tab).unwrap_err().rsplit("; ").next(),
        Some("there are spaces, is `separator = \"space\"` meant?")
    );
}

#[test]
fn a_column_without_tags_is_not_scored() {
    assert_eq!(
        read(b"a O O\nb NN O\n").unwrap_err(),
        "scored.conll, line 2: `NN` in column 1 (counted from zero) is no tag; the gold tag is `O` or a mark and a type, as \
         in `B-person`; is this the right column?"
    );
    assert!(read(b"a O 0.93\n").unwrap_err().contains("the predicted tag is `O` or a mark"));
    let empty = read_as(b"a\tO\t\n", ScoredColumns::LastTwo, Separator::Tab).unwrap_err();
    assert_eq!(empty, "scored.conll, line 1: `predicted tag (column 2)` is empty");
}

#[test]
fn files_that_are_no_text_or_hold_no_word() {
    for data in ["", "\n\t\n", "-DOCSTART- O O\n", "# only = this\n"] {
        assert_eq!(read(data.as_bytes()).unwrap_err(), "scored.conll is empty: it has no row", "{data:?}");
    }
    assert_eq!(
        read(b"a O O\n\xff O O\n").unwrap_err(),
        "scored.conll, line 2: invalid UTF-8 at byte 6 of the file (on line 2)"
    );
    assert!(read(b"\xff\xfea\0").unwrap_err().contains("UTF-16"));
    let folder = tempfile::tempdir().unwrap();
    let error = ScoredConll::open(&folder.path().join("gone"), ScoredColumns::LastTwo, Separator::Tab).unwrap_err();
    assert!(error.to_string().starts_with("cannot open ") && std::error::Error::source(&error).is_some());
}

#[test]
fn a_sentence_has_its_limit() {
    let line = "w O O\n";
    let whole = read(line.repeat(MAX_SENTENCE_WORDS).as_bytes()).unwrap();
    assert_eq!((whole.len(), whole[0].words.len()), (1, MAX_SENTENCE_WORDS));
    let error = read(("w O O\n\n".to_owned() + &line.repeat(MAX_SENTENCE_WORDS + 1)).as_bytes()).unwrap_err();
    assert!(error.contains("the sentence that starts on line 3 has more than 100000 words"), "{error}");
}

#[test]
fn an_error_ends_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scored.conll");
    std::fs::write(&path, "a O O\n\nb O\n\nc O O\n").unwrap();
    let reader = ScoredConll::open(&path, ScoredColumns::LastTwo, Separator::Whitespace).unwrap();
    let results: Vec<bool> = reader.map(|sentence| sentence.is_ok()).collect();
    assert_eq!(results, [true, false]);
}

#[test]
fn what_is_written_is_scored() {
    let mut file = Vec::new();
    let columns: &[&[&str]] = &[&["B-x", "O"], &["O", "B-x"]];
    write_conll(&mut file, &["a b", "#"], columns).unwrap();
    write_conll(&mut file, &["#"], &[&["O"], &["O"]]).unwrap();
    assert_eq!(read(&file).unwrap(), [sentence(1, "a_b #", "B-x O", "O B-x"), sentence(4, "#", "O", "O")]);
}
