//! After a change only what changed is encoded, and the file is what a new one would be.

use larder_tests::{Answer, Encoded, Kitchen, assert_close, real, sentences};

/// A row encoded in other company: see `properties.rs`.
const PLAN_TOLERANCE: f32 = 2e-5;

fn labelled(texts: &[String]) -> Vec<(String, &'static str)> {
    texts.iter().enumerate().map(|(row, text)| (text.clone(), if row % 2 == 0 { "even" } else { "odd" })).collect()
}

/// Encodes `texts` as they now are in `kitchen`, and compares with a kitchen that never saw anything else.
fn encode(kitchen: &Kitchen, texts: &[String]) -> (Answer, Encoded) {
    let dataset = kitchen.dataset("grow", &[("train", &labelled(texts))]);
    let answer = kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let told = Encoded::of(&answer, "train").unwrap_or_else(|| panic!("nothing encoded\n{}", answer.told()));
    let fresh = Kitchen::with_tiny();
    let dataset = fresh.dataset("grow", &[("train", &labelled(texts))]);
    fresh.ok(&["encode", &dataset, "-e", "tiny"]);
    let (here, there) = (kitchen.features("grow", "train"), fresh.features("grow", "train"));
    assert_eq!(here.example_ids().unwrap(), there.example_ids().unwrap());
    assert_eq!(here.labels().unwrap(), there.labels().unwrap());
    assert_eq!(here.digests().unwrap(), there.digests().unwrap());
    let (here, there) = (here.column("mean").unwrap(), there.column("mean").unwrap());
    assert_close(&here, &there, PLAN_TOLERANCE, "grown and from scratch");
    kitchen.assert_tidy();
    (answer, told)
}

#[test]
fn only_new_and_changed_rows_are_encoded() {
    let kitchen = Kitchen::with_tiny();
    let all = sentences(11, 360, 20);
    let mut texts = all[..300].to_vec();
    let (_, told) = encode(&kitchen, &texts);
    assert_eq!((told.rows, told.encoded, told.reused), (300, 300, 0));

    texts.extend_from_slice(&all[300..350]);
    let (answer, told) = encode(&kitchen, &texts);
    assert_eq!((told.rows, told.encoded, told.reused), (350, 50, 300), "rows added at the end");
    answer.says(&["out of date (data.train: content changed)", "(50 encoded, 300 reused from earlier files)"]);

    texts[17] = all[350].clone();
    let (_, told) = encode(&kitchen, &texts);
    assert_eq!((told.encoded, told.reused), (1, 349), "one row changed");

    texts.drain(100..200);
    let (_, told) = encode(&kitchen, &texts);
    assert_eq!((told.rows, told.encoded, told.reused), (250, 0, 250), "rows deleted");

    texts.insert(0, all[351].clone());
    texts.insert(125, all[352].clone());
    texts.reverse();
    let (_, told) = encode(&kitchen, &texts);
    assert_eq!((told.rows, told.encoded, told.reused), (252, 2, 250), "rows moved and inserted");
}

#[test]
fn a_changed_label_encodes_nothing_and_is_seen() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(12, 60, 12);
    encode(&kitchen, &texts);
    let before = kitchen.vectors("grow", "train", "mean");
    let mut rows = labelled(&texts);
    rows[5].1 = "even";
    let dataset = kitchen.dataset("grow", &[("train", &rows)]);
    let answer = kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let told = Encoded::of(&answer, "train").expect("the file is made again");
    assert_eq!((told.encoded, told.reused), (0, 60));
    let file = kitchen.features("grow", "train");
    assert_eq!(file.labels().unwrap()[5].as_deref(), Some("even"));
    assert!(file.column("mean").unwrap() == before, "the vectors are the old ones to the bit");
}

#[test]
fn another_encoder_of_the_same_name_encodes_all_rows() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(13, 60, 12);
    encode(&kitchen, &texts);
    let before = kitchen.vectors("grow", "train", "mean");
    kitchen.init("tiny", 2, &["--replace"]);
    let answer = kitchen.ok(&["encode", "grow.toml", "-e", "tiny"]).says(&["encoder: content changed"]);
    let told = Encoded::of(&answer, "train").expect("encoded again");
    assert_eq!((told.encoded, told.reused), (60, 0), "{}", answer.told());
    assert!(kitchen.vectors("grow", "train", "mean") != before);
}

#[test]
fn another_tokenizer_makes_other_inputs_and_encodes_them_all() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(14, 60, 12);
    encode(&kitchen, &texts);
    let before = kitchen.vectors("grow", "train", "mean");
    let path = kitchen.path("home/encoders/tiny/tokenizer.json");
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // The same pieces under other numbers: every letter trades its id with the next.
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().expect("a WordPiece vocabulary");
    for (a, b) in
        [("a", "b"), ("##a", "##b"), ("r", "s"), ("##e", "##f"), ("##r", "##s"), ("##i", "##j"), ("##n", "##o")]
    {
        let (id_a, id_b) = (vocabulary[a].clone(), vocabulary[b].clone());
        vocabulary.insert(a.to_owned(), id_b);
        vocabulary.insert(b.to_owned(), id_a);
    }
    let other = kitchen.write("tokenizer.json", tokenizer.to_string());
    kitchen.init("tiny", 1, &["--replace", "--tokenizer", &other.display().to_string()]);
    let answer = kitchen
        .ok(&["encode", "grow.toml", "-e", "tiny"])
        .says(&["tokenize train: out of date (tokenizer: content changed)"]);
    let told = Encoded::of(&answer, "train").expect("encoded again");
    let ids_changed =
        kitchen.vectors("grow", "train", "mean").chunks(32).zip(before.chunks(32)).filter(|(a, b)| a != b).count();
    assert!(
        told.encoded >= 55 && ids_changed >= 55,
        "most texts have other ids: {ids_changed} changed\n{}",
        answer.told()
    );
}

#[test]
fn a_hundred_rows_more_in_cola_encode_a_hundred_rows() {
    let Some(train) = real::data("a_hundred_rows_more_in_cola", "cola/in_domain_train.tsv") else { return };
    let kitchen = Kitchen::with_tiny();
    let mut content = std::fs::read(train).unwrap();
    kitchen.write("train.tsv", &content);
    kitchen.write(
        "cola.toml",
        "name = \"cola\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = false\nquoting = false\n[columns]\ntext = 3\n\
         label = 1\n[splits]\ntrain = \"train.tsv\"\n",
    );
    let answer = kitchen.ok(&["encode", "cola.toml", "-e", "tiny"]);
    let first = Encoded::of(&answer, "train").expect("encoded");
    assert_eq!(first.rows, 8551);
    for text in sentences(15, 100, 9) {
        content.extend_from_slice(format!("made\t1\t\t{text}\n").as_bytes());
    }
    kitchen.write("train.tsv", &content);
    let answer = kitchen.ok(&["encode", "cola.toml", "-e", "tiny"]);
    let second = Encoded::of(&answer, "train").expect("encoded");
    assert_eq!((second.rows, second.encoded), (8651, 100), "{}", answer.told());
    answer.says(&["8,651 rows (100 encoded, "]);
}

#[test]
fn a_text_is_encoded_once_whatever_data_set_and_split_it_is_in() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(21, 80, 12);
    let (old, new) = (labelled(&texts[..60]), labelled(&texts[40..]));
    let first = kitchen.dataset("first", &[("train", &old), ("dev", &old[50..])]);
    let answer = kitchen.ok(&["encode", &first, "-e", "tiny"]);
    let of = |answer: &Answer, split: &str| {
        let told = Encoded::of(answer, split).unwrap_or_else(|| panic!("nothing encoded\n{}", answer.told()));
        (told.encoded, told.reused)
    };
    assert_eq!([of(&answer, "train"), of(&answer, "dev")], [(60, 0), (0, 10)], "a split of rows that train has");
    let (train, dev) = (kitchen.vectors("first", "train", "mean"), kitchen.vectors("first", "dev", "mean"));
    assert!(train[50 * 32..] == dev, "the same bits");

    let second = kitchen.dataset("second", &[("train", &new)]);
    let dry = kitchen.ok(&["encode", &second, "-e", "tiny", "--dry-run"]);
    dry.prints(&["20"]);
    let answer = kitchen.ok(&["encode", &second, "-e", "tiny"]).says(&["(20 encoded, 20 reused from earlier files)"]);
    assert_eq!(of(&answer, "train"), (20, 20));
    assert!(kitchen.vectors("second", "train", "mean")[..20 * 32] == train[40 * 32..]);
    let answer = kitchen.ok(&["encode", &second, "-e", "tiny", "--force"]);
    assert_eq!(of(&answer, "train"), (40, 0), "--force encodes all");
    let f16 = kitchen.ok(&["encode", &second, "-e", "tiny", "--dtype", "f16"]);
    assert_eq!(of(&f16, "train"), (0, 40), "half precision is made of float32, not the other way round");
    std::fs::remove_dir_all(kitchen.path("home/features/second/tiny/sentence-f32")).expect("was encoded");
    std::fs::remove_dir_all(kitchen.path("home/features/first")).expect("was encoded");
    let f32 = kitchen.ok(&["encode", &second, "-e", "tiny"]);
    assert_eq!(of(&f32, "train"), (40, 0), "no float32 is made of half precision");
    kitchen.assert_tidy();
}
