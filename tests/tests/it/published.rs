//! The publisher's own vectors: what sentence-transformers gives for a folder.

use std::path::Path;

use larder_tests::{Kitchen, repository};
use serde_json::Value as Json;

const MIXES: [&str; 8] = [
    "cls_normalize",
    "lasttoken",
    "weightedmean",
    "every_pooling_dense",
    "max_mean_dense_truncated",
    "short_lower_left",
    "lower_without_accents",
    "prompts",
];

fn goldens() -> std::path::PathBuf {
    repository().join("tests/goldens/published")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Puts a mix's folder together.
fn folder(kitchen: &Kitchen, mix: &str) {
    let folder = kitchen.path(mix);
    copy(&goldens().join("base"), &folder);
    copy(&goldens().join(mix), &folder);
}

pub fn added(mix: &str) -> Kitchen {
    let kitchen = Kitchen::empty();
    folder(&kitchen, mix);
    kitchen.ok(&["encoder", "add", mix, "--name", "mix"]);
    kitchen
}

fn expected(mix: &str) -> (Vec<String>, Json) {
    let text = std::fs::read(goldens().join(mix).join("expected.json")).unwrap();
    let golden: Json = serde_json::from_slice(&text).unwrap();
    (serde_json::from_value(golden["texts"].clone()).unwrap(), golden["vectors"].clone())
}

fn rows(json: &Json) -> Vec<Vec<f64>> {
    serde_json::from_value(json.clone()).unwrap()
}

/// Vectors of `embed`, in its column `column`.
pub fn embedded(kitchen: &Kitchen, texts: &[String], column: &str, more: &[&str]) -> Vec<Vec<f64>> {
    let args = [&["embed", "-e", "mix"], more].concat();
    let lines = kitchen.larder_reads(&args, &(texts.join("\n") + "\n")).json_lines();
    lines.iter().map(|line| serde_json::from_value(line[column].clone()).unwrap()).collect()
}

fn norm(a: &[f64]) -> f64 {
    a.iter().map(|a| a * a).sum::<f64>().sqrt()
}

/// The same but for float32's rounding, of which a vector of a few features and its norm carry some 1e-6.
fn assert_same(found: &[Vec<f64>], expected: &[Vec<f64>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (row, (a, b)) in found.iter().zip(expected).enumerate() {
        assert_eq!(a.len(), b.len(), "{what}, row {row}");
        let apart = norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()) / norm(b);
        assert!(apart < 1e-5, "{what}, row {row}: {apart:e} {a:?} {b:?}");
    }
    let spread = norm(&expected[0].iter().zip(&expected[1]).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(spread > 0.05 * norm(&expected[0]), "{what}: the texts have vectors of their own");
}

#[test]
fn embed_gives_the_publisher_s_vectors() {
    for mix in MIXES {
        let kitchen = added(mix);
        let (texts, vectors) = expected(mix);
        for (prompt, expected) in vectors.as_object().unwrap() {
            let more = if prompt.is_empty() { vec![] } else { vec!["--prompt", prompt.as_str()] };
            assert_same(&embedded(&kitchen, &texts, "published", &more), &rows(expected), &format!("{mix} {prompt}"));
        }
        kitchen.ok(&["encoder", "add", mix, "--name", "mix"]).says(&["nothing to do"]);
        kitchen.ok(&["encoder", "verify", "mix"]);
        kitchen.assert_tidy();
    }
}

/// What a sentence-transformers module does behind the pooling is in the cached features, the head's answers and the exported
/// graph; 8-bit encoders keep it.
#[test]
fn a_head_is_trained_and_exported_on_the_publisher_s_vectors() {
    let kitchen = added("every_pooling_dense");
    let (texts, vectors) = expected("every_pooling_dense");
    let lines: String =
        texts.iter().cycle().take(60).enumerate().map(|(at, text)| format!("{text}\t{}\n", at % 5 / 2)).collect();
    kitchen.write("rows.tsv", format!("text\tlabel\n{lines}"));
    kitchen.write(
        "rows.toml",
        "name = \"rows\"\ntask = \"sequence\"\nformat = \"tsv\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n\
         train = \"rows.tsv\"\ndev = \"rows.tsv\"\n",
    );
    kitchen.ok(&["run", "rows.toml", "-e", "mix", "--pool", "published", "--run", "mine"]);
    let file = "home/features/rows/mix/sentence-f32/train.parquet";
    let cached = larder_store::FeaturesFile::open(&kitchen.path(file)).unwrap();
    let mut values = Vec::new();
    cached.read_range(0..texts.len(), &["published"], &mut values).unwrap();
    let found: Vec<Vec<f64>> =
        values.chunks(12).map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect();
    assert_same(&found, &rows(&vectors[""]), "cached");
    kitchen.ok(&["verify", file, "--all"]);
    kitchen.ok(&["predict", "mine", &texts[1]]);
    kitchen.ok(&["export", "mine", "--output", "exported"]);
    kitchen.ok(&["encoder", "quantise", "mix", "--name", "small"]);
    kitchen.ok(&["embed", "-e", "small", "a"]).prints(&["\"published\""]);
    // Features of other weights are not those.
    std::fs::copy(goldens().join("max_mean_dense_truncated/3_Dense/model.safetensors"), kitchen.path("other")).unwrap();
    let weights = kitchen.path("home/encoders/mix/published.safetensors");
    std::fs::copy(kitchen.path("other"), weights).unwrap();
    kitchen.larder(&["embed", "-e", "mix", "a"]).exits(3).says(&["published.safetensors"]);
}

/// A data set's texts are read as they stand, which is said.
#[test]
fn what_the_publisher_does_to_texts_is_said_where_it_is_not_done() {
    let rows = |kitchen: &Kitchen| {
        kitchen.write("rows.tsv", "text\tlabel\na cat\tx\nthe dog\ty\n");
        kitchen.write(
            "rows.toml",
            "name = \"rows\"\ntask = \"sequence\"\nformat = \"tsv\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n[splits]\n\
             train = \"rows.tsv\"\n",
        );
    };
    let encode = ["encode", "rows.toml", "-e", "mix", "--pool", "published"];
    for (mix, said) in [
        ("short_lower_left", &["cut to 9 tokens", "cut in front", "in small letters", "as they stand"][..]),
        ("prompts", &["behind \"find \""]),
    ] {
        let kitchen = added(mix);
        rows(&kitchen);
        kitchen.ok(&encode).says(said);
    }
    let kitchen = added("weightedmean");
    rows(&kitchen);
    kitchen.ok(&encode).does_not_say("publisher");
    let tiny = Kitchen::with_tiny();
    rows(&tiny);
    tiny.larder(&["encode", "rows.toml", "-e", "tiny", "--pool", "published"]).exits(3).says(&["no published vector"]);
}

#[test]
fn any_pooling_is_brought_to_unit_length() {
    let kitchen = added("lasttoken");
    let (texts, vectors) = expected("lasttoken");
    let unit = |rows: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        rows.into_iter().map(|row| row.iter().map(|value| value / norm(&row)).collect()).collect()
    };
    let expected = unit(rows(&vectors[""]));
    for pool in ["published", "lasttoken"] {
        let more = ["--pool", pool, "--normalise"];
        assert_same(&embedded(&kitchen, &texts, &format!("{pool}_normalised"), &more), &expected, pool);
    }
    let mean = unit(embedded(&kitchen, &texts, "mean", &["--pool", "mean"]));
    assert_same(&embedded(&kitchen, &texts, "mean_normalised", &["--pool", "mean", "--normalise"]), &mean, "mean");
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_reason() {
    let kitchen = Kitchen::with_tiny();
    let refused = kitchen.larder(&["embed", "-e", "tiny", "a", "--pool", "published"]);
    refused.exits(3).says(&["has no published vector", "--pool mean"]);
    let problem = |change: &dyn Fn(&Path), words: &[&str]| {
        let kitchen = Kitchen::empty();
        folder(&kitchen, "every_pooling_dense");
        change(&kitchen.path("every_pooling_dense"));
        kitchen.ok(&["encoder", "add", "every_pooling_dense", "--name", "mix"]).prints(words);
        kitchen.larder(&["embed", "-e", "mix", "a", "--pool", "published"]).exits(3).says(words);
        // Without it, the mean is taken, and what is left out is said.
        kitchen.ok(&["embed", "-e", "mix", "a"]).prints(&["\"mean\""]).says(&["the publisher's pooling is cls + max"]);
    };
    let edit = |path: &Path, from: &str, to: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    };
    problem(
        &|at| std::fs::remove_file(at.join("2_Dense/model.safetensors")).unwrap(),
        &["Dense (2_Dense) has no model.safetensors"],
    );
    let softmax = |at: &Path| edit(&at.join("3_Dense/config.json"), "activation.GELU", "activation.Softmax");
    problem(&softmax, &["Dense (3_Dense)", "Softmax"]);
    let narrower = |at: &Path| edit(&at.join("3_Dense/config.json"), "\"in_features\": 20", "\"in_features\": 19");
    problem(&narrower, &["reads 19 features, and there are 20"]);
    let own = |at: &Path| edit(&at.join("modules.json"), "sentence_transformers.models.Normalize", "custom.Normalize");
    problem(&own, &["custom.Normalize", "code of the publisher's"]);

    let kitchen = added("prompts");
    kitchen.larder(&["embed", "-e", "mix", "a", "--prompt", "document"]).exits(3).says(&["passage", "query"]);
}

/// Decoders' tokenizers open a text and do not close it; of a BERT that would be another text.
#[test]
fn texts_that_are_not_closed_are_taken_for_models_of_no_known_family() {
    let kitchen = Kitchen::empty();
    let export = repository().join("tests/exports/distilbert_dynamo_sdpa");
    let tokenizer = std::fs::read(export.join("tokenizer.json")).unwrap();
    let mut tokenizer: Json = serde_json::from_slice(&tokenizer).unwrap();
    let text = |id: &str| serde_json::json!({"Sequence": {"id": id, "type_id": 0}});
    let cls = serde_json::json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}});
    let id = tokenizer["model"]["vocab"]["[CLS]"].clone();
    tokenizer["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing", "single": [cls, text("A")], "pair": [cls, text("A"), text("B")],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [id], "tokens": ["[CLS]"]}},
    });
    let open = kitchen.write("open.json", tokenizer.to_string()).display().to_string();
    std::fs::create_dir(kitchen.path("alone")).unwrap();
    std::fs::copy(export.join("model.onnx"), kitchen.path("alone/model.onnx")).unwrap();
    let add = ["encoder", "add", "alone/model.onnx", "--tokenizer", &open, "--name", "mix"];
    std::fs::copy(export.join("config.json"), kitchen.path("alone/config.json")).unwrap();
    kitchen.larder(&add).exits(3).says(&["puts no token after a text"]);
    std::fs::remove_file(kitchen.path("alone/config.json")).unwrap();
    kitchen.ok(&add).says(&["puts no token after a text"]);
    let texts = ["a cat".to_owned(), "the dog sat".to_owned()];
    let last = embedded(&kitchen, &texts, "lasttoken", &["--pool", "lasttoken"]);
    assert_ne!(last[0], embedded(&kitchen, &texts, "mean", &["--pool", "mean"])[0]);
    let alone = embedded(&kitchen, &texts[..1], "lasttoken", &["--pool", "lasttoken"]);
    let apart = alone[0].iter().zip(&last[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 1e-5, "a text has the vector that it has beside a longer one: {apart}");
}
