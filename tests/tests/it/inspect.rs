//! `larder inspect` and `larder verify` on larder's own files.

use std::path::Path;

use larder_store::{FeatureBatch, FeatureRows, FeaturesFile, Level, join_parquet, write_features_part};
use larder_tests::{Kitchen, number, tagged_toy, toy};
use serde_json::{Value, json};

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|one| one.as_str().expect("a string")).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn column<'a>(report: &'a Value, name: &str) -> &'a Value {
    list(&report["vectors"]).iter().find(|one| one["column"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

/// Features of three columns, and the files around them.
fn kitchen() -> (Kitchen, String, Vec<(String, &'static str)>) {
    let kitchen = Kitchen::with_tiny();
    let rows = toy(1, 90);
    let dataset = kitchen.dataset("toy", &[("train", &rows), ("dev", &toy(2, 60))]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--pool", "mean,cls", "--layers", "-1,-2"]);
    let features = kitchen.features_path("toy", "train").display().to_string();
    (kitchen, features, rows)
}

#[test]
fn features_are_described() {
    let (kitchen, features, rows) = kitchen();
    let report = kitchen.json(&["inspect", &features]);
    let layout = &report["layout"];
    assert_eq!((number(layout, "/rows"), number(&report, "/rows_looked_at")), (90.0, 90.0));
    assert_eq!(
        (&layout["provenance"]["stage"], &layout["provenance"]["ran.encoder"]),
        (&json!("encode"), &json!("tiny"))
    );
    let names: Vec<&Value> = list(&layout["columns"]).iter().map(|column| &column["name"]).collect();
    let vectors = ["mean_l1", "mean", "cls_l1", "cls"];
    assert_eq!(names[..3], ["example_id", "label", "input_digest"]);
    assert_eq!(names[3..], vectors);
    for name in vectors {
        let place = list(&layout["columns"]).iter().find(|column| column["name"] == name).expect("checked above");
        assert!(strings(&place["codecs"]) == ["zstd"] && number(place, "/compressed_bytes") > 0.0, "{place}");
        assert!(strings(&place["encodings"]).contains(&"BYTE_STREAM_SPLIT"), "{place}");
    }
    let bytes = std::fs::metadata(&features).expect("was made").len();
    assert_eq!(number(layout, "/bytes"), bytes as f64);

    // Figures against the vectors themselves.
    let vectors = kitchen.vectors("toy", "train", "mean");
    let norms: Vec<f64> = vectors
        .chunks_exact(32)
        .map(|vector| vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt())
        .collect();
    let mean = column(&report, "mean");
    assert_eq!((number(mean, "/dimension"), number(mean, "/vectors")), (32.0, 90.0));
    let expected = norms.iter().sum::<f64>() / 90.0;
    assert!((number(mean, "/norms/mean") - expected).abs() < 1e-9 * expected, "{mean}");
    let rank = number(mean, "/spectrum/effective_rank");
    assert!((1.0..=32.0).contains(&rank), "{rank}");
    let different = vectors.chunks_exact(32).map(|v| v.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    let different = different.collect::<std::collections::HashSet<_>>().len();
    assert_eq!(number(mean, "/duplicates/distinct"), different as f64);
    assert_eq!(number(mean, "/duplicates/rows"), 90.0 - different as f64);
    // Where the tokens file lies, outliers have their texts.
    for outlier in list(&mean["outliers"]["rows"]) {
        let row = number(outlier, "/row") as usize;
        assert_eq!((&outlier["text"], &outlier["label"]), (&json!(rows[row].0), &json!(rows[row].1)));
    }

    let labels = &report["labels"];
    assert_eq!((&labels["column"], number(labels, "/majority_share")), (&json!("label"), 60.0 / 90.0));
    let shown = kitchen.ok(&["inspect", &features, "--column", "mean", "--rows", "50", "--k", "2"]);
    shown.does_not_print("cls_l1: ").prints(&[
        "90 rows",
        "about the first 50 rows",
        "mean: 50 vectors of dimension 32, Float32",
        "effective rank",
        "anisotropy",
        "label: 2 different in 50",
        "█",
        "ran.encoder",
    ]);
}

#[test]
fn neighbours_of_rows_and_texts_are_found() {
    let (kitchen, features, rows) = kitchen();
    // A text of the file is nearest to its own row, and its copies, in every column.
    for column in ["mean", "mean_l1", "cls"] {
        let args = ["inspect", &features, "--column", column, "--nearest-text", &rows[4].0, "--k", "90"];
        let found = kitchen.json(&args);
        assert_eq!(
            (&found["encoder"], &found["feature"], list(&found["notes"])),
            (&json!("tiny"), &json!(column), &[][..])
        );
        let neighbours = list(&found["neighbours"]);
        assert_eq!(neighbours.len(), 90);
        assert!((number(&neighbours[0], "/cosine") - 1.0).abs() < 1e-6, "{column}: {}", neighbours[0]);
        assert_eq!(neighbours[0]["text"], rows[4].0);
        let own = neighbours.iter().find(|one| one["row"] == 4).expect("all rows are there");
        assert!((number(own, "/cosine") - 1.0).abs() < 1e-6, "{column}: {own}");
        let cosines: Vec<f64> = neighbours.iter().map(|one| number(one, "/cosine")).collect();
        assert!(cosines.windows(2).all(|pair| pair[0] >= pair[1]) && cosines[89] < 1.0 - 1e-6);
    }
    let by_row = kitchen.json(&["inspect", &features, "--column", "mean", "--nearest", "4", "--k", "3"]);
    let id = by_row["of"]["example_id"].as_str().expect("a features file has ids").to_owned();
    let by_id = kitchen.json(&["inspect", &features, "--column", "mean", "--nearest", &format!("id:{id}"), "--k", "3"]);
    assert_eq!(by_id, by_row);
    assert!(list(&by_row["neighbours"]).len() == 3 && list(&by_row["neighbours"]).iter().all(|one| one["row"] != 4));
    kitchen
        .ok(&["inspect", &features, "--nearest", "4"])
        .prints(&["nearest in `mean_l1` of 89 vectors", &format!("text {}", rows[4].0)]);

    // Another encoder of the same width is told apart, and tokens made again of other texts lend no texts.
    kitchen.init("other", 7, &[]);
    let args = ["inspect", &features, "--nearest-text", "red", "--encoder", "other"];
    kitchen.ok(&args).says(&["made with another model than `other`"]);
    kitchen.rows("toy-train.tsv", &toy(3, 90));
    kitchen.ok(&["tokenize", "toy.toml", "-e", "tiny"]);
    let without = kitchen.json(&["inspect", &features, "--column", "mean", "--nearest", "4", "--k", "3"]);
    assert_eq!((&without["of"]["text"], &without["of"]["example_id"]), (&Value::Null, &json!(id)));

    for (args, code, said) in [
        (vec!["--nearest", "90"], 3, "rows are 0 to 89"),
        (vec!["--nearest", "nobody"], 3, "`nobody`"),
        (vec!["--column", "pooler"], 3, "no column `pooler`; there are example_id, label, input_digest, mean_l1, mean"),
        (vec!["--column", "label"], 3, "lists of equal length"),
        (vec!["--label", "tag"], 3, "no column `tag`"),
        (vec!["--nearest", "1", "--column", "mean,cls"], 2, "one column"),
        (vec!["--encoder", "tiny"], 2, "--nearest-text"),
        (vec!["--device", "cpu"], 2, "--nearest-text"),
        (vec!["--nearest-text", "red", "--encoder", "none"], 4, "none"),
    ] {
        kitchen.larder(&[&["inspect", &features], args.as_slice()].concat()).exits(code).says(&[said]);
    }
}

#[test]
fn files_without_vectors_are_described_too() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 60)), ("dev", &tagged_toy(2, 30))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--c", "1"]);
    let tokens = kitchen.path("home/tokens/names/tiny/train.parquet").display().to_string();
    let report = kitchen.json(&["inspect", &tokens]);
    assert_eq!((&report["vectors"], number(&report, "/layout/rows")), (&json!([]), 60.0));
    assert_eq!((&report["lengths"]["unit"], number(&report, "/lengths/count")), (&json!("tokens"), 60.0));
    let bins: f64 = list(&report["lengths"]["bins"]).iter().map(|bin| number(bin, "/count")).sum();
    assert_eq!(bins, 60.0);
    assert_eq!(report["labels"]["column"], "tags");
    kitchen.ok(&["inspect", &tokens]).prints(&["lengths in tokens (input_ids)", "█", "tags: "]);

    let words = kitchen.path("home/features/names/tiny/word-first-f32/train.parquet").display().to_string();
    let of_words = kitchen.json(&["inspect", &words]);
    assert_eq!((&of_words["lengths"]["unit"], number(&of_words, "/lengths/count")), (&json!("rows"), 60.0));
    assert_eq!(of_words["labels"]["labels"], report["labels"]["labels"], "a tag a word in both");
    kitchen.larder(&["inspect", &words, "--nearest-text", "red"]).exits(3).says(&["vectors of words", "--nearest ROW"]);
    kitchen.larder(&["inspect", &tokens, "--nearest", "0"]).exits(3).says(&["no column holds vectors", "input_ids"]);

    let whole = std::fs::read(&words).expect("was made");
    kitchen.write("cut.parquet", &whole[..whole.len() / 2]);
    kitchen.write("text.parquet", "nothing of the kind");
    for (file, said) in [
        ("cut.parquet", "cut.parquet is not a whole Parquet file"),
        ("text.parquet", "text.parquet is not a Parquet file"),
        ("none.parquet", "cannot open none.parquet"),
    ] {
        kitchen.larder(&["inspect", file]).exits(3).says(&[said]);
    }
}

/// The same features with the vectors of `row` in `column` replaced by those of another row; with the same provenance.
fn planted(kitchen: &Kitchen, features: &Path, row: usize, column: &str) {
    let file = FeaturesFile::open(features).expect("was made");
    let provenance = file.provenance().expect("larder wrote it");
    let mut columns: Vec<_> = file
        .columns()
        .iter()
        .map(|info| (info.clone(), file.column(&info.name).expect("the column is there")))
        .collect();
    let (info, values) = columns.iter_mut().find(|(info, _)| info.name == column).expect("the column is there");
    let other = if row == 0 { 1 } else { 0 };
    values.copy_within(other * info.width..(other + 1) * info.width, row * info.width);
    let rows = match file.level() {
        Level::Sentence => FeatureRows::Sentences { targets: file.targets().expect("texts have targets") },
        _ => FeatureRows::Words {
            positions: file.positions().expect("words have places"),
            words: file.words().expect("words are there"),
            tags: file.tags().expect("words have tags"),
        },
    };
    let batch = FeatureBatch {
        example_ids: file.example_ids().expect("ids are there"),
        rows,
        digests: file.digests().expect("digests are there"),
        columns,
    };
    let part = kitchen.path("part.parquet");
    write_features_part(&part, batch).expect("there is room");
    join_parquet(&[part], features, &provenance).expect("there is room");
}

#[test]
fn features_are_what_their_encoder_gives() {
    let (kitchen, features, _) = kitchen();
    let sound = kitchen.json(&["verify", &features, "--all"]);
    assert_eq!((number(&sound, "/rows_checked"), number(&sound, "/examples_checked")), (90.0, 90.0));
    assert_eq!((number(&sound, "/wrong_rows"), &sound["device"]), (0.0, &json!("cpu")));
    assert_eq!(list(&sound["columns"]).len(), 4);
    for column in list(&sound["columns"]) {
        assert!(number(column, "/largest_relative") <= number(&sound, "/tolerance"), "{column}");
    }
    let sampled = kitchen.ok(&["verify", &features, "--sample", "20"]);
    sampled.prints(&["20 of 90 rows (20 of 90 examples)", "all are what the encoder gives"]);

    planted(&kitchen, features.as_ref(), 61, "cls_l1");
    let wrong = kitchen.larder(&["verify", &features, "--all", "--json"]).exits(3);
    let wrong = wrong.says(&["1 of 90 rows", "row 61", "`cls_l1`"]).json();
    let [only] = list(&wrong["wrong"]) else { panic!("one row is wrong: {wrong:#}") };
    assert_eq!((number(only, "/row"), &only["column"]), (61.0, &json!("cls_l1")));
    assert!(number(only, "/relative") > number(&wrong, "/tolerance"));
    // Half of the rows are drawn: some seeds find it, others do not meet it.
    let found = |seed: usize| {
        let seed = seed.to_string();
        let answer = kitchen.larder(&["verify", &features, "--sample", "45", "--seed", &seed, "--json"]);
        let report = answer.json();
        assert_eq!(number(&report, "/rows_checked"), 45.0);
        assert_eq!(answer.code, Some(if report["wrong_rows"] == 0 { 0 } else { 3 }));
        report["wrong_rows"] == 1
    };
    let draws: Vec<bool> = (0..6).map(found).collect();
    assert!(draws.contains(&true) && draws.contains(&false), "{draws:?}");

    // What it was made from must be there.
    kitchen.init("tiny", 9, &["--replace"]);
    kitchen.larder(&["verify", &features]).exits(3).says(&["cannot be verified", "encoder: content changed"]);
    let tokens = kitchen.path("home/tokens/toy/tiny/train.parquet").display().to_string();
    kitchen.larder(&["verify", &tokens]).exits(3).says(&["cannot be verified", "larder did not encode it"]);
    kitchen.assert_tidy();
}

#[test]
fn words_and_tokens_are_verified_too() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 60))]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--dtype", "f16", "--word-pool", "first-last"]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--level", "token", "--layers", "0,1"]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--context", "document"]);
    let path = |kind: &str| kitchen.path("home/features/names/tiny").join(kind).join("train.parquet");
    for kind in ["word-first-last-f16", "token-f32", "word-first-document-f32"] {
        let features = path(kind).display().to_string();
        let report = kitchen.json(&["verify", &features, "--sample", "10"]);
        assert!(number(&report, "/rows_checked") > 10.0, "{kind}: {report:#}");
        let whole = kitchen.json(&["verify", &features, "--all"]);
        assert_eq!(whole["rows_checked"], whole["rows"], "{kind}");
    }
    planted(&kitchen, &path("word-first-document-f32"), 100, "embedding");
    let features = path("word-first-document-f32").display().to_string();
    kitchen.larder(&["verify", &features, "--all"]).exits(3).says(&["1 of", "row 100"]);
}

/// Halves of one distribution show no difference; other texts differ in vectors, lengths and words, and words of sentences in names.
#[test]
fn files_of_one_distribution_are_told_from_those_of_two() {
    let kitchen = Kitchen::with_tiny();
    let other: Vec<(String, &'static str)> =
        toy(3, 300).into_iter().map(|(text, label)| (format!("the quick zebra {text} and so on"), label)).collect();
    let same = kitchen.dataset("same", &[("train", &toy(1, 300)), ("dev", &toy(2, 300))]);
    let shifted = kitchen.dataset("shifted", &[("train", &other)]);
    for dataset in [&same, &shifted] {
        kitchen.ok(&["encode", dataset, "-e", "tiny"]);
    }
    let file = |dataset: &str, split: &str| format!("home/features/{dataset}/tiny/sentence-f32/{split}.parquet");
    let (train, dev, far) = (file("same", "train"), file("same", "dev"), file("shifted", "train"));
    let against = |one: &str, other: &str| kitchen.json(&["inspect", one, "--against", other]);

    let found = against(&train, &dev);
    assert_eq!(found["rows"], json!([300, 300]));
    for p in ["/vectors/p_value", "/lengths/p_value"] {
        assert!(number(&found, p) > 0.01, "{p}: {found:#}");
    }
    assert_eq!((&found["words"]["different"], &found["notes"]), (&json!(0), &json!([])), "{found:#}");
    assert_eq!(found, against(&train, &dev), "the same rows are drawn");
    kitchen
        .ok(&["inspect", &train, "--against", &dev])
        .prints(&["`mean` show no difference", "the words show no difference"]);

    let found = against(&train, &far);
    assert_eq!(number(&found, "/vectors/p_value"), 0.002, "the least that 499 divisions can give");
    assert!(number(&found, "/vectors/nearest_in_own") > 0.9, "{found:#}");
    assert!(
        number(&found, "/lengths/p_value") < 1e-6
            && number(&found, "/lengths/means/1") > number(&found, "/lengths/means/0")
    );
    let words: Vec<&str> = list(&found["words"]["words"]).iter().map(|word| word["word"].as_str().unwrap()).collect();
    assert!(words.contains(&"zebra") && words.contains(&"quick"), "{words:?}");
    kitchen.ok(&["inspect", &train, "--against", &far]).prints(&["`mean` differ (p = 0.002)", "zebra", "100.0 %"]);

    // Words of one sentence are alike: one of each is drawn.
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 120)), ("dev", &tagged_toy(2, 120))]);
    kitchen.ok(&["encode", &tags, "-e", "tiny"]);
    let words = |split: &str| format!("home/features/names/tiny/word-first-f32/{split}.parquet");
    let found = against(&words("train"), &words("dev"));
    assert_eq!(found["vectors"]["drawn"], json!([120, 120]));
    assert!(number(&found, "/vectors/p_value") > 0.01, "{found:#}");

    // A file elsewhere has no tokens beside it; another encoder's numbers mean something else.
    std::fs::copy(kitchen.path(&dev), kitchen.path("alone.parquet")).expect("can be copied");
    let alone = against(&train, "alone.parquet");
    assert!(alone["lengths"].is_null() && alone["notes"][0].as_str().unwrap().contains("alone.parquet"), "{alone:#}");
    kitchen.init("second", 7, &[]);
    kitchen.ok(&["encode", &shifted, "-e", "second"]);
    let second = "home/features/shifted/second/sentence-f32/train.parquet";
    kitchen.larder(&["inspect", &train, "--against", second]).exits(3).says(&["two encoders made them"]);
    let few = kitchen.dataset("few", &[("train", &toy(1, 9))]);
    kitchen.ok(&["encode", &few, "-e", "tiny"]);
    let few = file("few", "train");
    kitchen.larder(&["inspect", &train, "--against", &few]).exits(3).says(&["9 vectors in `mean`, and 10 are needed"]);
    kitchen.larder(&["inspect", &train, "--against", &words("dev")]).exits(3).says(&["no column `mean`"]);
    kitchen.larder(&["inspect", &train, "--seed", "1"]).exits(2).says(&["--against"]);
}
