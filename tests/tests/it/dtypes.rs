//! Vectors stored more coarsely than float32.

use larder_store::FeaturesFile;
use larder_tests::{Encoded, Kitchen, number, tagged_toy, toy};

/// Vectors in half precision and in integers are made of those in float32, without the encoder, and heads learn from them as well.
#[test]
fn coarser_vectors_are_made_of_those_in_float32_and_heads_learn_from_them() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 300)), ("dev", &toy(2, 100))]);
    let run = |dtype: &str| {
        let run = ["run", &dataset, "-e", "tiny", "--c", "1", "--dtype", dtype, "--run", dtype];
        kitchen.ok(&run)
    };
    run("f32");
    let features = |dtype: &str| kitchen.path(&format!("home/features/toy/tiny/sentence-{dtype}/train.parquet"));
    let size = |dtype: &str| std::fs::metadata(features(dtype)).expect("was encoded").len();
    let mcc = |dtype: &str| number(&kitchen.json(&["eval", dtype]), "/splits/0/scores/mcc");
    for dtype in ["f16", "i8"] {
        let answer = run(dtype);
        let told = Encoded::of(&answer, "train").expect("a file of its own");
        assert_eq!((told.encoded, told.reused), (0, 300), "{dtype}: {}", answer.told());
        assert!((mcc(dtype) - mcc("f32")).abs() < 0.1, "{dtype}: {} and {}", mcc(dtype), mcc("f32"));
        // Answers to texts are those to the cached vectors but for their rounding.
        kitchen.ok(&["predict", dtype, "a red fox"]);
    }
    let id_columns = 300 * 16;
    assert!(size("i8") - id_columns < (size("f32") - id_columns) / 2, "{} and {}", size("i8"), size("f32"));
    // Integers that are there are copied as they are.
    let column = || FeaturesFile::open(&features("i8")).and_then(|file| file.column("mean")).expect("is read");
    let before = column();
    let mut grown = toy(1, 300);
    grown.push(("a new text".to_owned(), "move"));
    let grown = kitchen.dataset("toy", &[("train", &grown), ("dev", &toy(2, 100))]);
    kitchen
        .ok(&["encode", &grown, "-e", "tiny", "--dtype", "i8", "--split", "train"])
        .says(&["(1 encoded, 300 reused"]);
    assert_eq!(column()[..300 * 32], before, "the same bits");

    let path = features("i8").display().to_string();
    kitchen.ok(&["verify", &path]);
    kitchen.ok(&["inspect", &path]).prints(&["mean_scale", "integers"]);
    let nearest = kitchen.json(&["inspect", &path, "--nearest", "0", "--k", "1"]);
    assert!(number(&nearest, "/neighbours/0/cosine") > 0.9, "{nearest:#}");
    kitchen
        .larder(&["embed", "-e", "tiny", "a", "-o", "v.npy", "--dtype", "i8"])
        .exits(2)
        .says(&["no room for the scales", ".parquet"]);
    kitchen.ok(&["embed", "-e", "tiny", "a", "b", "-o", "v.parquet", "--dtype", "i8"]);

    // Words too, whose taggers read several layers.
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 80)), ("dev", &tagged_toy(2, 40))]);
    let tagger = ["run", &tags, "-e", "tiny", "--c", "1", "--layers", "-1,-2", "--dtype"];
    for dtype in ["f32", "i8"] {
        kitchen.ok(&[&tagger[..], &[dtype, "--run", &format!("tags-{dtype}")]].concat());
    }
    let f1 = |run: &str| number(&kitchen.json(&["eval", run]), "/splits/0/scores/strict/micro/f1");
    assert!((f1("tags-i8") - f1("tags-f32")).abs() < 0.05, "{} and {}", f1("tags-i8"), f1("tags-f32"));
    kitchen.assert_tidy();
}
