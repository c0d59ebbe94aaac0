//! Sentences longer than the encoder reads, and what is read with a sentence.

use larder_encode::{Context, EncodeSettings, Engine, EngineSettings, Level, WordPool, WordsInput, embed_words};
use larder_runtime::Device;
use larder_tokens::windows;

use crate::support::{Bench, Line, READS, assert_close, line, rows, word_level};

#[test]
fn every_word_of_a_long_sentence_has_the_vector_of_its_window() {
    let Some(bench) = Bench::new() else { return };
    let lines = [line(1, 5), line(2, 700), line(3, 9)];
    let tokens = bench.tokens(&lines[1].words);
    assert!(tokens.len() > 8 * READS, "{} tokens", tokens.len());
    for (stride, settings) in [
        (None, word_level(WordPool::First)),
        (Some(100), EncodeSettings { stride: Some(100), ..word_level(WordPool::FirstLast) }),
    ] {
        let file = bench.features(&lines, &settings);
        assert_eq!(file.rows(), 5 + 700 + 9);
        assert_eq!(file.positions().unwrap()[5..705], (0..700).collect::<Vec<i32>>());
        assert_eq!(file.words().unwrap()[5..705], lines[1].words);
        let vectors = rows(&file, "embedding");
        let windows = windows(&tokens.word_ids, READS, stride).unwrap();
        assert!(windows.len() > 8);
        let mut tested = 0;
        for (number, window) in windows.iter().enumerate() {
            let input = window.input_ids(&tokens.input_ids);
            assert!(input.len() <= READS);
            assert_eq!((input[0], input[input.len() - 1]), (tokens.input_ids[0], *tokens.input_ids.last().unwrap()));
            assert_eq!(input[1..input.len() - 1], tokens.input_ids[window.body.clone()]);
            tested += window.assigned.len();
            if number % 5 != 1 {
                continue;
            }
            let by_hand = bench.by_hand(&input, 2);
            for taken in &window.assigned {
                let place = |token: usize| 1 + token - window.body.start;
                let mut expected = by_hand[place(taken.tokens.start)].clone();
                if settings.word_pool == WordPool::FirstLast {
                    expected.extend(&by_hand[place(taken.tokens.end - 1)]);
                }
                assert_close(&vectors[5 + taken.word as usize], &expected, &format!("word {}", taken.word));
            }
        }
        assert_eq!(tested, 700);
    }
}

#[test]
fn every_token_of_a_long_sentence_is_a_row() {
    let Some(bench) = Bench::new() else { return };
    let lines = [line(2, 700)];
    let tokens = bench.tokens(&lines[0].words);
    let file = bench.features(&lines, &EncodeSettings { level: Level::Token, ..word_level(WordPool::First) });
    assert_eq!(file.positions().unwrap(), (0..tokens.len() as i32 - 2).collect::<Vec<_>>());
    assert_eq!(file.word_indices().unwrap(), tokens.word_ids[1..tokens.len() - 1]);
    let words = rows(&bench.features(&lines, &word_level(WordPool::Last)), "embedding");
    let vectors = rows(&file, "embedding");
    for (word, expected) in words.iter().enumerate() {
        let last = tokens.word_ids.iter().rposition(|&w| w == word as i32).unwrap();
        assert_close(&vectors[last - 1], expected, &format!("word {word}"));
    }
}

#[test]
fn a_word_longer_than_the_encoder_reads_has_a_row() {
    let Some(bench) = Bench::new() else { return };
    // Letters that the small vocabulary spells one by one; WordPiece gives up on words of over 100 characters, so the
    // word is of the tokens file's own making.
    let mut tokens = bench.tokens(&["a".to_owned(), "b".to_owned(), "c".to_owned()]);
    let long = tokens.input_ids[2];
    tokens.input_ids.splice(2..3, vec![long; 300]);
    tokens.word_ids.splice(2..3, vec![1; 300]);
    tokens.offsets.splice(2..3, vec![(0, 1); 300]);
    tokens.type_ids.splice(2..3, vec![0; 300]);
    let content = larder_data::Content::Words(["a", "b", "c"].map(str::to_owned).to_vec());
    let row = crate::support::row(0, tokens.clone(), content, None, 0);
    let path = bench.write_rows("long.parquet", [row].into_iter(), true);
    let target = bench.path("long.features.parquet");
    bench.encode(&path, &target, &word_level(WordPool::Last));
    let file = larder_store::FeaturesFile::open(&target).unwrap();
    let (cls, sep) = (tokens.input_ids[0], *tokens.input_ids.last().unwrap());
    let window: Vec<i32> = [vec![cls], vec![long; READS - 2], vec![sep]].concat();
    let by_hand = bench.by_hand(&window, 2);
    assert_close(&rows(&file, "embedding")[1], &by_hand[READS - 2], "the last token that fits");
    let last = bench.by_hand(&[cls, tokens.input_ids[302], sep], 2);
    assert_close(&rows(&file, "embedding")[2], &last[1], "the word behind it");
}

#[test]
fn neighbours_of_the_same_document_are_read_too() {
    let Some(bench) = Bench::new() else { return };
    let of = |seed, count, document| Line { words: crate::support::words(seed, count), document };
    let lines =
        [of(1, 30, 1), of(2, 6, 1), of(3, 5, 1), of(4, 30, 1), of(5, 4, 2), of(6, 3, 2), of(7, 200, 3), of(8, 2, 3)];
    let settings = EncodeSettings { context: Context::Document, ..word_level(WordPool::First) };
    assert_eq!(settings.kind(), "word-first-document-f32");
    let file = bench.features(&lines, &settings);
    let vectors = rows(&file, "embedding");
    let tokens: Vec<_> = lines.iter().map(|line| bench.tokens(&line.words)).collect();
    let own = |at: usize| tokens[at].input_ids[1..tokens[at].len() - 1].to_vec();
    let (cls, sep) = (tokens[0].input_ids[0], *tokens[0].input_ids.last().unwrap());
    let first_row = |at: usize| lines[..at].iter().map(|line| line.words.len()).sum::<usize>();
    let check = |at: usize, before: Vec<i32>, after: Vec<i32>| {
        let input = [vec![cls], before.clone(), own(at), after, vec![sep]].concat();
        let by_hand = bench.by_hand(&input, 2);
        for word in 0..lines[at].words.len() {
            let token = tokens[at].word_ids.iter().position(|&w| w == word as i32).unwrap();
            let what = format!("sentence {at}, word {word}");
            assert_close(&vectors[first_row(at) + word], &by_hand[before.len() + token], &what);
        }
        input.len()
    };
    // In the middle of its document: half of the room on each side, nearest first.
    let (left, right) = ([own(0), own(1)].concat(), own(3));
    let room = READS - 2 - own(2).len();
    assert!(left.len() > room / 2 && right.len() > room - room / 2, "both sides must be cut");
    let read = check(2, left[left.len() - room / 2..].to_vec(), right[..room - room / 2].to_vec());
    assert_eq!(read, READS);
    // At a document's edge the other side takes all.
    let right = [own(1), own(2), own(3)].concat();
    let room = READS - 2 - own(0).len();
    check(0, Vec::new(), right[..room.min(right.len())].to_vec());
    // A short document is read whole, and nothing of its neighbours.
    check(4, Vec::new(), own(5));
    check(5, own(4), Vec::new());
    // A sentence in windows is context to others and has none itself but its own.
    let room = READS - 2 - own(7).len();
    check(7, own(6)[own(6).len() - room..].to_vec(), Vec::new());
    let alone = rows(&bench.features(&lines[6..7], &word_level(WordPool::First)), "embedding");
    for (found, expected) in vectors[first_row(6)..first_row(7)].iter().zip(&alone) {
        assert_close(found, expected, "a sentence in windows");
    }

    let engine = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
    let outputs = settings.outputs(2).unwrap();
    let mut engine = Engine::new(&bench.runtime, &bench.encoder, &outputs, engine).unwrap();
    let inputs: Vec<WordsInput<'_>> = tokens
        .iter()
        .zip(&lines)
        .map(|(tokens, line)| WordsInput {
            input_ids: &tokens.input_ids,
            type_ids: &tokens.type_ids,
            word_ids: &tokens.word_ids,
            words: line.words.len(),
            document: line.document,
        })
        .collect();
    let columns = embed_words(&mut engine, &inputs, &settings).unwrap();
    assert_eq!(columns[0], vectors.concat(), "in memory as in the file");
}
