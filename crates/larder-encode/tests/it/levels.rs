//! The rows that each level stores.

use larder_encode::{EncodeSettings, EncoderInput, Engine, EngineSettings, Level, WordPool, WordsInput, embed_words};
use larder_runtime::Device;
use larder_store::{
    FeatureBatch, FeatureDtype, FeatureRows, FeaturesFile, InputDigest, TextTargets, join_parquet, write_features_part,
};

use crate::support::{Bench, HIDDEN, Line, assert_close, layers, line, row, rows, word_level};

fn lines() -> Vec<Line> {
    (0..40).map(|at| line(at, 1 + (at as usize * 7) % 23)).collect()
}

/// Places of each word's tokens.
fn places(word_ids: &[i32]) -> Vec<Vec<usize>> {
    let words = word_ids.iter().max().map_or(0, |&last| last as usize + 1);
    (0..words as i32).map(|w| (0..word_ids.len()).filter(|&t| word_ids[t] == w).collect()).collect()
}

/// A word's vector from its tokens' vectors, in float64.
fn pooled(tokens: &[&Vec<f32>], pool: WordPool) -> Vec<f32> {
    let mean = |at: usize| tokens.iter().map(|t| f64::from(t[at])).sum::<f64>() / tokens.len() as f64;
    match pool {
        WordPool::First => tokens[0].clone(),
        WordPool::Last => tokens[tokens.len() - 1].clone(),
        WordPool::FirstLast => [tokens[0].as_slice(), tokens[tokens.len() - 1]].concat(),
        WordPool::Mean => (0..HIDDEN).map(|at| mean(at) as f32).collect(),
    }
}

#[test]
fn words_are_what_the_model_says_of_each_sentence_alone() {
    let Some(bench) = Bench::new() else { return };
    let lines = lines();
    for &pool in WordPool::ALL {
        let file = bench.features(&lines, &word_level(pool));
        assert_eq!((file.level(), file.columns()[0].width), (Level::Word, pool.width(HIDDEN)));
        let vectors = rows(&file, "embedding");
        let mut at = 0;
        // A few suffice for each: opening a session is what takes the time.
        for (number, line) in lines.iter().enumerate() {
            if number % 10 == 3 {
                let tokens = bench.tokens(&line.words);
                let by_hand = bench.by_hand(&tokens.input_ids, 2);
                for (word, places) in places(&tokens.word_ids).iter().enumerate() {
                    let tokens: Vec<&Vec<f32>> = places.iter().map(|&place| &by_hand[place]).collect();
                    assert_close(&vectors[at + word], &pooled(&tokens, pool), &format!("{pool} {number} {word}"));
                }
            }
            at += line.words.len();
        }
        assert_eq!(at, file.rows());
        let words: Vec<String> = lines.iter().flat_map(|line| line.words.clone()).collect();
        assert_eq!(file.words().unwrap(), words);
        let tags = words.iter().map(|word| Some(format!("B-{}", word.len()))).collect::<Vec<_>>();
        assert_eq!(file.tags().unwrap(), tags);
        let positions: Vec<i32> = lines.iter().flat_map(|line| 0..line.words.len() as i32).collect();
        assert_eq!(file.positions().unwrap(), positions);
        assert_eq!(file.example_ids().unwrap()[lines[0].words.len()], "s1");
    }
}

#[test]
fn words_are_pooled_from_the_rows_of_tokens() {
    let Some(bench) = Bench::new() else { return };
    let lines = lines();
    let tokens = bench.features(&lines, &EncodeSettings { level: Level::Token, ..word_level(WordPool::First) });
    let (vectors, owners) = (rows(&tokens, "embedding"), tokens.word_indices().unwrap());
    let (positions, ids, tags) = (tokens.positions().unwrap(), tokens.example_ids().unwrap(), tokens.tags().unwrap());
    let mut expected = Vec::new();
    let mut at = 0;
    for (number, line) in lines.iter().enumerate() {
        let all = bench.tokens(&line.words);
        let own = 1..all.len() - 1;
        assert_eq!(&owners[at..at + own.len()], &all.word_ids[own.clone()]);
        assert_eq!(&positions[at..at + own.len()], (0..own.len() as i32).collect::<Vec<_>>());
        assert!(ids[at..at + own.len()].iter().all(|id| *id == format!("s{number}")));
        for (k, token) in own.clone().enumerate() {
            assert_eq!(tokens.tokens().unwrap()[at + k], bench.tokenizer.token(all.input_ids[token]).unwrap());
            let word = &line.words[all.word_ids[token] as usize];
            assert_eq!(tags[at + k], Some(format!("B-{}", word.len())));
            if number > 2 {
                break;
            }
        }
        expected.extend(places(&all.word_ids[own.clone()]).into_iter().map(|p| p.iter().map(|k| at + k).collect()));
        at += own.len();
    }
    assert_eq!(tokens.rows(), at);
    let expected: Vec<Vec<usize>> = expected;
    assert!(expected.iter().any(|tokens| tokens.len() > 2), "some words must have several tokens");
    for &pool in WordPool::ALL {
        let words = rows(&bench.features(&lines, &word_level(pool)), "embedding");
        for (word, tokens) in words.iter().zip(&expected) {
            let tokens: Vec<&Vec<f32>> = tokens.iter().map(|&token| &vectors[token]).collect();
            assert_close(word, &pooled(&tokens, pool), pool.as_str());
        }
    }
}

#[test]
fn several_layers_in_one_pass_are_each_layer_alone() {
    let Some(bench) = Bench::new() else { return };
    let lines = lines();
    let all = bench.features(&lines, &layers(word_level(WordPool::Mean), "-1,-2,-3"));
    let columns: Vec<&str> = all.columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(columns, ["embedding_l0", "embedding_l1", "embedding"]);
    let together: Vec<Vec<f32>> = columns.iter().map(|column| all.column(column).unwrap()).collect();
    for (layer, column) in columns.iter().enumerate() {
        std::fs::remove_file(all.path()).unwrap();
        let alone = bench.features(&lines, &layers(word_level(WordPool::Mean), &layer.to_string()));
        assert_eq!((alone.columns().len(), alone.columns()[0].name.as_str()), (1, *column));
        assert_close(&alone.column(column).unwrap(), &together[layer], column);
    }
    let mut side_by_side = Vec::new();
    all.read_range(5..7, &["embedding", "embedding_l0"], &mut side_by_side).unwrap();
    assert_eq!(side_by_side[..HIDDEN], together[2][5 * HIDDEN..6 * HIDDEN]);
    assert_eq!(side_by_side[HIDDEN..2 * HIDDEN], together[0][5 * HIDDEN..6 * HIDDEN]);
}

#[test]
fn half_precision_is_the_same_rounded() {
    let Some(bench) = Bench::new() else { return };
    let full = bench.features(&lines(), &word_level(WordPool::FirstLast)).column("embedding").unwrap();
    let settings = EncodeSettings { dtype: FeatureDtype::F16, ..word_level(WordPool::FirstLast) };
    let half = bench.features(&lines(), &settings).column("embedding").unwrap();
    // Half precision keeps 11 bits.
    assert!(full.iter().zip(&half).all(|(f, h)| (f - h).abs() <= f.abs() / 1024.0 + 1e-6));
    assert_ne!(full, half);
}

#[test]
fn words_in_memory_are_those_of_the_file() {
    let Some(bench) = Bench::new() else { return };
    let mut lines = lines();
    lines.push(line(99, 300));
    let settings = layers(word_level(WordPool::Mean), "1,2");
    let file = bench.features(&lines, &settings);
    let engine = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
    let outputs = settings.outputs(2).unwrap();
    let mut engine = Engine::new(&bench.runtime, &bench.encoder, &outputs, engine).unwrap();
    let tokens: Vec<_> = lines.iter().map(|line| bench.tokens(&line.words)).collect();
    let inputs: Vec<WordsInput<'_>> = tokens
        .iter()
        .zip(&lines)
        .map(|(tokens, line)| WordsInput {
            input_ids: &tokens.input_ids,
            type_ids: &tokens.type_ids,
            word_ids: &tokens.word_ids,
            words: line.words.len(),
            document: 0,
        })
        .collect();
    let columns = embed_words(&mut engine, &inputs, &settings).unwrap();
    assert_eq!(columns.len(), 2);
    // The same inputs in the same batches give the same bits.
    assert_eq!(columns[0], file.column("embedding_l1").unwrap());
    assert_eq!(columns[1], file.column("embedding").unwrap());
    // And each alone, in no batch but its own.
    let mut at = 0;
    for (input, line) in inputs.iter().zip(&lines) {
        let alone = embed_words(&mut engine, &[*input], &settings).unwrap();
        let width = line.words.len() * HIDDEN;
        assert_close(&alone[1], &columns[1][at..at + width], "a sentence alone");
        at += width;
    }
    assert!(embed_words(&mut engine, &[], &settings).unwrap().iter().all(Vec::is_empty));
}

#[test]
fn tokens_of_texts_have_no_tags() {
    let Some(bench) = Bench::new() else { return };
    let tokens = bench.write_texts("texts.parquet", &["unbelievable nights", "a"]);
    let target = bench.path("t.parquet");
    bench.encode(&tokens, &target, &EncodeSettings { level: Level::Token, ..word_level(WordPool::First) });
    let file = FeaturesFile::open(&target).unwrap();
    let content = larder_data::Content::Text { text: "unbelievable nights".to_owned(), text_b: None };
    let first = bench.tokenizer.encode(&content, &larder_tokens::TokenizeSettings::default()).unwrap();
    assert_eq!(file.rows(), first.len() - 2 + 1);
    assert!(file.tags().unwrap().iter().all(Option::is_none));
    assert_eq!(file.word_indices().unwrap()[..first.len() - 2], first.word_ids[1..first.len() - 1]);
    let by_hand = bench.by_hand(&first.input_ids, 2);
    for (found, expected) in rows(&file, "embedding").iter().zip(&by_hand[1..first.len() - 1]) {
        assert_close(found, expected, "a token of a text");
    }
}

/// Files of sentences are what they were before there were levels: composed here as the stage always has.
#[test]
fn sentences_are_stored_as_ever() {
    let Some(bench) = Bench::new() else { return };
    let texts = ["the cat", "a longer text than the first one", "the cat", "words words words", "x"];
    let tokens = bench.write_texts("texts.parquet", &texts);
    let target = bench.path("s.parquet");
    let settings = EncodeSettings { device: Device::Cpu, threads: 1, ..EncodeSettings::default() };
    let report = bench.encode(&tokens, &target, &settings);
    assert_eq!((report.rows, report.sentences, report.encoded_rows, report.duplicate_rows), (5, 5, 4, 1));
    let file = FeaturesFile::open(&target).unwrap();
    let provenance = file.provenance().unwrap();
    let parts = ["level", "dtype", "columns"].map(|part| provenance.parts[part].as_str());
    assert_eq!(parts, ["sentence", "f32", "mean"]);
    assert!(["word_pool", "stride", "context"].iter().all(|part| !provenance.parts.contains_key(*part)));

    let engine = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
    let mut engine = Engine::new(&bench.runtime, &bench.encoder, &settings.outputs(2).unwrap(), engine).unwrap();
    let contents: Vec<_> = texts
        .iter()
        .map(|text| {
            let content = larder_data::Content::Text { text: (*text).to_owned(), text_b: None };
            bench.tokenizer.encode(&content, &larder_tokens::TokenizeSettings::default()).unwrap()
        })
        .collect();
    let inputs: Vec<EncoderInput<'_>> =
        contents.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: None }).collect();
    let different = [inputs[0], inputs[1], inputs[3], inputs[4]];
    let vectors = engine.embed(&different).unwrap().remove(0);
    let of = |row: usize| vectors[row * HIDDEN..(row + 1) * HIDDEN].to_vec();
    let batch = FeatureBatch {
        example_ids: (0..5).map(|at| format!("s{at}")).collect(),
        rows: FeatureRows::Sentences {
            targets: TextTargets::Label((0..5).map(|at| Some((at % 2).to_string())).collect()),
        },
        digests: inputs.iter().map(EncoderInput::digest).collect::<Vec<InputDigest>>(),
        columns: vec![(report.columns[0].clone(), [0, 1, 0, 2, 3].into_iter().flat_map(of).collect())],
    };
    let (part, whole) = (bench.path("part.parquet"), bench.path("whole.parquet"));
    write_features_part(&part, batch).unwrap();
    join_parquet(&[part], &whole, &provenance).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), std::fs::read(&whole).unwrap());
}

#[test]
fn words_that_the_tokenizer_drops_have_rows() {
    let Some(bench) = Bench::new() else { return };
    let words: Vec<String> = ["the", "\u{7}", "cat", "\u{200b}"].map(str::to_owned).to_vec();
    let dropped = Line { words: words.clone(), document: 0 };
    let file = bench.features(&[dropped], &word_level(WordPool::First));
    assert_eq!(file.words().unwrap(), words);
    let tokens = bench.tokens(&words);
    let unknown = bench.tokenizer.special_tokens().unk_id.unwrap();
    let by_hand = bench.by_hand(&tokens.input_ids, 2);
    let at = |word: i32| tokens.word_ids.iter().position(|&w| w == word).unwrap();
    assert_eq!((tokens.input_ids[at(1)], tokens.input_ids[at(3)]), (unknown, unknown));
    for (word, found) in rows(&file, "embedding").iter().enumerate() {
        assert_close(found, &by_hand[at(word as i32)], &format!("word {word}"));
    }
    // A file made by another tokenizer, which has nothing for the unknown: the neighbour stands in.
    let mut bare = tokens.clone();
    for dropped in [at(3), at(1)] {
        bare.input_ids.remove(dropped);
        bare.type_ids.remove(dropped);
        bare.offsets.remove(dropped);
        bare.word_ids.remove(dropped);
    }
    let by_hand = bench.by_hand(&bare.input_ids, 2);
    let content = larder_data::Content::Words(words);
    let path = bench.write_rows("bare.parquet", [row(0, bare.clone(), content, None, 0)].into_iter(), true);
    let target = bench.path("bare.features.parquet");
    bench.encode(&path, &target, &word_level(WordPool::First));
    let file = FeaturesFile::open(&target).unwrap();
    let at = |word: i32| bare.word_ids.iter().position(|&w| w == word).unwrap();
    for (found, stand_in) in rows(&file, "embedding").iter().zip([0, 0, 2, 2]) {
        assert_close(found, &by_hand[at(stand_in)], "the nearest word");
    }
    assert_eq!(file.tags().unwrap(), [None, None, None, None]);
}
