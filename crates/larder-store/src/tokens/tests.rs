use larder_data::{Content, Target};

use super::writer::BATCH_ROWS;
use super::*;
use larder_files::Provenance;

fn row(id: usize, content: Content, target: Option<Target>) -> TokenRow {
    let n = 2 + id % 5;
    TokenRow {
        example_id: id.to_string(),
        document: matches!(content, Content::Words(_)).then_some(id as u64 / 2).unwrap_or(0),
        content,
        target,
        input_ids: (0..n as i32).map(|t| t + id as i32).collect(),
        type_ids: (0..n as i32).map(|t| t % 2).collect(),
        offsets: (0..n as i32).map(|t| (t, t + 1)).collect(),
        word_ids: (0..n as i32).map(|t| t - 1).collect(),
        truncated_tokens: id as u32 % 3,
        texts_alone: None,
    }
}

fn round_trip(rows: &[TokenRow], has_words: bool, pair: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let provenance = Provenance::new("tokenize", 1).with("max_tokens", 512);
    let mut writer = TokensWriter::create(&path, has_words, pair, &provenance).unwrap();
    for row in rows {
        writer.push(row.clone()).unwrap();
    }
    assert!(!path.exists(), "the file appears only when it is whole");
    writer.finish().unwrap();
    let reader = TokensReader::open(&path, TokensProjection::All).unwrap();
    assert_eq!((reader.rows(), reader.has_words(), reader.is_pair()), (rows.len(), has_words, pair));
    assert_eq!(reader.tokens(), rows.iter().map(|r| r.input_ids.len() as u64).sum::<u64>());
    assert_eq!(reader.provenance(), Some(&provenance));
    let back: Vec<TokenRow> = reader.flat_map(|b| b.unwrap().rows(&path).unwrap()).collect();
    assert_eq!(back, rows);
    let narrow = TokensReader::open(&path, TokensProjection::Encode).unwrap();
    let ids: Vec<Vec<i32>> = narrow
        .flat_map(|b| {
            let b = b.unwrap();
            (0..b.len()).map(|r| b.input_ids(r).to_vec()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(ids, rows.iter().map(|r| r.input_ids.clone()).collect::<Vec<_>>());
    let mut left = rows.iter();
    for batch in TokensReader::open(&path, TokensProjection::EncodeWords).unwrap() {
        let batch = batch.unwrap();
        for (row, expected) in (0..batch.len()).zip(&mut left) {
            assert_eq!(batch.input_ids(row), expected.input_ids);
            assert_eq!(batch.word_ids(row), expected.word_ids);
            let words = batch.words(row).map(str::to_owned).collect();
            let tags = batch.tags(row).map(|tags| Target::Tags(tags.map(str::to_owned).collect()));
            if has_words {
                assert_eq!((Content::Words(words), tags), (expected.content.clone(), expected.target.clone()));
                assert_eq!(batch.document(row), Some(expected.document));
            } else {
                assert_eq!((words.len(), tags, batch.document(row)), (0, None, None));
            }
        }
    }
    assert_eq!(left.len(), 0);
}

#[test]
fn texts_come_back_across_batches() {
    let rows: Vec<_> = (0..BATCH_ROWS + 7)
        .map(|i| {
            let text = format!("text \"{i}\"\t\u{1f600}");
            let mut row =
                row(i, Content::Text { text, text_b: None }, (i % 3 > 0).then(|| Target::Label((i % 2).to_string())));
            row.type_ids = vec![0; row.input_ids.len()];
            row
        })
        .collect();
    round_trip(&rows, false, false);
}

#[test]
fn pairs_and_words_come_back() {
    let pairs: Vec<_> =
        (0..5).map(|i| row(i, Content::Text { text: "a".into(), text_b: (i > 0).then(|| "b".into()) }, None)).collect();
    round_trip(&pairs, false, true);
    let words: Vec<_> = (0..5)
        .map(|i| {
            let words: Vec<String> = (0..i + 1).map(|w| format!("w{w}")).collect();
            let mut row = row(i, Content::Words(words.clone()), (i != 3).then_some(Target::Tags(words)));
            row.type_ids = vec![0; row.input_ids.len()];
            row
        })
        .collect();
    round_trip(&words, true, false);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut writer = TokensWriter::create(&path, true, false, &Provenance::new("tokenize", 1)).unwrap();
    words.iter().for_each(|row| writer.push(row.clone()).unwrap());
    writer.finish().unwrap();
    assert_eq!(TokensReader::open(&path, TokensProjection::All).unwrap().words(), 15);
}

#[test]
fn a_cut_file_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut writer = TokensWriter::create(&path, false, false, &Provenance::new("tokenize", 1)).unwrap();
    writer.push(row(1, Content::Text { text: "a".into(), text_b: None }, None)).unwrap();
    writer.finish().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for keep in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        let Err(error) = TokensReader::open(&path, TokensProjection::All) else { panic!("{keep} bytes opened") };
        assert!(error.to_string().contains("t.parquet") && error.to_string().contains("run its stage"), "{error}");
    }
}
