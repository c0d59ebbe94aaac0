//! What must hold of vectors whatever the machine, the batch and the order.

use larder_tests::{Encoded, Kitchen, Random, assert_close, sentences};

/// Threads and batch shapes decide the order in which a matrix product adds up. Float32 keeps 6e-8 of each sum; the
/// tiny encoder has two layers of six products each: measured 3e-7 of the scale, and 2e-5 leaves room for other
/// processors' kernels. A padding token that leaks into attention or into the mean moves vectors by 1e-2 and more.
const PLAN_TOLERANCE: f32 = 2e-5;

fn labelled(texts: &[String]) -> Vec<(String, &'static str)> {
    texts.iter().enumerate().map(|(row, text)| (text.clone(), if row % 2 == 0 { "even" } else { "odd" })).collect()
}

/// The vectors `[rows, 32]` of `texts`, from nothing, with more flags; all three poolings one after the other.
fn encode(texts: &[String], flags: &[&str]) -> Vec<Vec<f32>> {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("p", &[("train", &labelled(texts))]);
    let fixed = ["encode", &dataset, "-e", "tiny", "--pool", "cls,mean,pooler"];
    let args: Vec<&str> = fixed.iter().chain(flags).copied().collect();
    kitchen.ok(&args);
    ["cls", "mean", "pooler"].map(|column| kitchen.vectors("p", "train", column)).to_vec()
}

#[test]
fn vectors_do_not_depend_on_threads_or_batches() {
    let texts = sentences(3, 300, 24);
    let plain = encode(&texts, &["--threads", "1", "--batch-tokens", "4096"]);
    let plans: [&[&str]; 3] = [
        &["--threads", "2", "--batch-tokens", "4096"],
        &["--threads", "1", "--batch-tokens", "16"],
        &["--threads", "2", "--batch-tokens", "130"],
    ];
    for plan in plans {
        for (found, expected) in encode(&texts, plan).iter().zip(&plain) {
            assert_close(found, expected, PLAN_TOLERANCE, &format!("{plan:?}"));
        }
    }
    assert!(encode(&texts, &["--threads", "1", "--batch-tokens", "4096"]) == plain, "one plan gives one result");
}

#[test]
fn vectors_belong_to_their_row_whatever_the_order() {
    let texts = sentences(4, 200, 24);
    let mut shuffled: Vec<usize> = (0..texts.len()).collect();
    let mut random = Random::new(5);
    for last in (1..shuffled.len()).rev() {
        shuffled.swap(last, random.below(last + 1));
    }
    let moved: Vec<String> = shuffled.iter().map(|&row| texts[row].clone()).collect();
    for (there, here) in encode(&moved, &[]).iter().zip(&encode(&texts, &[])) {
        let expected: Vec<f32> = shuffled.iter().flat_map(|&row| here[row * 32..(row + 1) * 32].to_vec()).collect();
        assert_close(there, &expected, PLAN_TOLERANCE, "the same rows in another order");
    }
}

#[test]
fn rows_keep_their_order_ids_and_labels() {
    let kitchen = Kitchen::with_tiny();
    let texts = sentences(6, 150, 24);
    let mut content = String::new();
    for (row, text) in texts.iter().enumerate() {
        content.push_str(&format!("id-{row}\tlabel-{}\t{text}\n", row % 7));
    }
    kitchen.write("rows.tsv", content);
    kitchen.write(
        "rows.toml",
        "name = \"rows\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = false\nquoting = false\n[columns]\nid = 0\n\
         label = 1\ntext = 2\n[splits]\ntrain = \"rows.tsv\"\n",
    );
    kitchen.ok(&["encode", "rows.toml", "-e", "tiny", "--batch-tokens", "64"]);
    let file = kitchen.features("rows", "train");
    let ids: Vec<String> = (0..150).map(|row| format!("id-{row}")).collect();
    let labels: Vec<Option<String>> = (0..150).map(|row| Some(format!("label-{}", row % 7))).collect();
    assert_eq!(file.example_ids().unwrap(), ids);
    assert_eq!(file.labels().unwrap(), labels);
    let vectors = file.column("mean").unwrap();
    for row in [0, 1, 77, 149] {
        let alone = kitchen.ok(&["embed", "-e", "tiny", &texts[row]]).json_lines();
        let alone: Vec<f32> = alone[0]["mean"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        assert_close(&vectors[row * 32..(row + 1) * 32], &alone, PLAN_TOLERANCE, &format!("row {row}"));
    }
}

#[test]
fn equal_texts_are_encoded_once_and_share_their_vector() {
    let kitchen = Kitchen::with_tiny();
    let different = sentences(8, 40, 12);
    let mut random = Random::new(9);
    // Every text once, then 160 draws.
    let drawn: Vec<usize> = (0..40).chain((0..160).map(|_| random.below(40))).collect();
    let texts: Vec<String> = drawn.iter().map(|&at| different[at].clone()).collect();
    let dataset = kitchen.dataset("twins", &[("train", &labelled(&texts))]);
    let answer = kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let told = Encoded::of(&answer, "train").expect("encoded");
    assert_eq!((told.rows, told.encoded, told.copies), (200, 40, 160), "{}", answer.told());
    let vectors = kitchen.vectors("twins", "train", "mean");
    for (row, &at) in drawn.iter().enumerate() {
        assert!(vectors[row * 32..(row + 1) * 32] == vectors[at * 32..(at + 1) * 32], "row {row} is a copy of {at}");
    }
    let mut sorted: Vec<&[f32]> = vectors[..40 * 32].chunks(32).collect();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
    assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "different texts have different vectors");
}
