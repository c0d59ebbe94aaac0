//! `larder export`: what a folder holds answers as its run does, alone and in padded batches; what stands in the way is said.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use larder_data::Content;
use larder_runtime::{Device, Runtime, Session, SessionSettings, TensorView, ViewData};
use larder_tests::{Kitchen, number, repository, tagged_toy, toy};
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use serde_json::Value;

/// What an export promises.
const ALLOWED: f64 = 1e-5;

fn args<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

fn json_file(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// An exported folder, read as its `config.json` says.
struct Exported {
    session: Session,
    tokenizer: Tokenizer,
    config: Value,
    labels: Vec<String>,
}

/// What the file gives for one text.
#[derive(Debug, PartialEq)]
struct Answer {
    logits: Vec<f32>,
    probabilities: Vec<f32>,
    prediction: i64,
}

impl Exported {
    fn open(folder: &Path) -> Self {
        let runtime = Runtime::load(None).expect("`just setup` installs ONNX Runtime");
        let settings = SessionSettings::worker(Device::Cpu);
        let config = json_file(&folder.join("config.json"));
        let names = config["id2label"].as_object().expect("labels by their number");
        let labels = (0..names.len()).map(|id| names[&id.to_string()].as_str().expect("a name").to_owned()).collect();
        Self {
            session: Session::from_file(&runtime, &folder.join("model.onnx"), &settings).expect("loads"),
            tokenizer: Tokenizer::load(&folder.join("tokenizer.json")).expect("loads"),
            config,
            labels,
        }
    }

    fn of_larder(&self, key: &str) -> &Value {
        &self.config["larder"][key]
    }

    /// The named float outputs of one batch that is padded to `seq` tokens, and `prediction` if that is asked for last.
    fn run(&mut self, rows: &[&Tokens], seq: usize, outputs: &[&str]) -> (Vec<Vec<f32>>, Vec<i64>) {
        let shape = [rows.len(), seq];
        let pad = i64::from(self.tokenizer.special_tokens().pad_id.unwrap_or(0));
        let (mut ids, mut mask, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for (row, tokens) in rows.iter().enumerate() {
            let end = (row + 1) * seq;
            ids.extend(tokens.input_ids.iter().map(|&id| i64::from(id)));
            ids.resize(end, pad);
            mask.resize(row * seq + tokens.len(), 1);
            mask.resize(end, 0);
            types.extend(tokens.type_ids.iter().map(|&id| i64::from(id)));
            types.resize(end, 0);
        }
        let given = [("input_ids", &ids), ("attention_mask", &mask), ("token_type_ids", &types)];
        let taken: Vec<String> = self.session.inputs().iter().map(|input| input.name.clone()).collect();
        assert_eq!(*self.of_larder("inputs"), serde_json::json!(taken));
        let feeds: Vec<(&str, TensorView<'_>)> = given
            .iter()
            .filter(|(name, _)| taken.iter().any(|taken| taken == name))
            .map(|(name, values)| (*name, TensorView::i64(&shape, values)))
            .collect();
        assert_eq!(feeds.len(), taken.len(), "{taken:?}");
        let read = |views: &[TensorView<'_>]| {
            let mut found = (Vec::new(), Vec::new());
            for view in views {
                match view.data {
                    ViewData::F32(values) => found.0.push(values.to_vec()),
                    ViewData::I64(values) => found.1.extend(values),
                    _ => panic!("outputs are float32 or int64"),
                }
            }
            found
        };
        self.session.run_with(&feeds, outputs, read).expect("runs")
    }

    fn answers(&mut self, rows: &[&Tokens], seq: usize) -> Vec<Answer> {
        let (floats, predictions) = self.run(rows, seq, &["logits", "probabilities", "prediction"]);
        let classes = self.labels.len();
        let of = |output: usize, row: usize| floats[output][row * classes..(row + 1) * classes].to_vec();
        predictions
            .iter()
            .enumerate()
            .map(|(row, &prediction)| Answer { logits: of(0, row), probabilities: of(1, row), prediction })
            .collect()
    }

    /// The scores of each word, the best legal sequence of which is the answer.
    fn tags(&mut self, words: &[String]) -> Vec<String> {
        let settings = TokenizeSettings { max_tokens: None };
        let tokens = self.tokenizer.encode(&Content::Words(words.to_vec()), &settings).expect("can be tokenized");
        let pool = self.of_larder("word_pool").as_str().expect("a tagger says it").to_owned();
        let outputs: &[&str] = if pool == "first-last" { &["first_logits", "last_logits"] } else { &["logits"] };
        let (scores, _) = self.run(&[&tokens], tokens.len(), outputs);
        let tags = self.labels.len();
        let at = |output: usize, token: usize| -> Vec<f64> {
            scores[output][token * tags..(token + 1) * tags].iter().map(|&score| f64::from(score)).collect()
        };
        let words: Vec<Vec<f64>> = (0..words.len())
            .map(|word| {
                let own = |&token: &usize| usize::try_from(tokens.word_ids[token]) == Ok(word);
                let own: Vec<usize> = (0..tokens.len()).filter(own).collect();
                let (first, last) = (own[0], own[own.len() - 1]);
                match pool.as_str() {
                    "first" => at(0, first),
                    "last" => at(0, last),
                    "mean" => mean(&own.iter().map(|&token| at(0, token)).collect::<Vec<_>>()),
                    "first-last" => at(0, first).iter().zip(at(1, last)).map(|(a, b)| a + b).collect(),
                    other => panic!("no such pooling: {other}"),
                }
            })
            .collect();
        // Of all sequences that are legal, one tag after the other: the best that ends in each tag.
        let score = |value: &Value| value.as_f64().unwrap_or(f64::NEG_INFINITY);
        let start = self.of_larder("start").as_array().expect("a score a tag");
        let transitions = self.of_larder("transitions").as_array().expect("a row a tag");
        let mut best: Vec<(f64, Vec<usize>)> = Vec::new();
        for word in &words {
            best = (0..tags)
                .map(|next| {
                    let from = best.iter().enumerate().map(|(previous, (sum, path))| {
                        (sum + score(&transitions[previous][next]), [&path[..], &[next]].concat())
                    });
                    let (sum, path) = if best.is_empty() {
                        (score(&start[next]), vec![next])
                    } else {
                        from.max_by(|one, other| one.0.total_cmp(&other.0)).expect("there are tags")
                    };
                    (sum + word[next], path)
                })
                .collect();
        }
        let (_, path) = best.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).expect("there are tags");
        path.into_iter().map(|tag| self.labels[tag].clone()).collect()
    }
}

fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    (0..rows[0].len()).map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64).collect()
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    let far = found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    assert!(far <= ALLOWED && found.len() == expected.len(), "{what}: {far}");
}

/// Three labels, by the first word; rows of the test data have two.
fn three(seed: u64, rows: usize) -> Vec<(String, &'static str)> {
    let label = |text: &str, label| if text.starts_with(['b', 'f']) { "early" } else { label };
    toy(seed, rows).into_iter().map(|(text, old)| (text.clone(), label(&text, old))).collect()
}

/// Exports a run and holds what the folder answers beside what `larder predict` does. Gives how many answers there are of
/// each label.
fn check_texts(kitchen: &Kitchen, run: &str, texts: &[&str]) -> BTreeSet<i64> {
    let folder = kitchen.path(run);
    let report = kitchen.json(&["export", run, "-o", run]);
    assert_eq!((&report["run"], &report["precision"]), (&run.into(), &"f32".into()));
    assert!(number(&report, "/check/largest_difference") <= ALLOWED && number(&report, "/check/rows") > 10.0);
    assert_eq!(number(&report, "/check/differing_answers"), 0.0);
    assert_eq!(json_file(&folder.join("export.json"))["check"], report["check"]);
    let mut exported = Exported::open(&folder);
    let limit = exported.of_larder("max_tokens").as_u64().expect("a number");
    let settings = TokenizeSettings { max_tokens: Some(limit as usize) };
    let tokens: Vec<Tokens> = texts
        .iter()
        .map(|&text| Content::Text { text: text.to_owned(), text_b: None })
        .map(|content| exported.tokenizer.encode(&content, &settings).expect("can be tokenized"))
        .collect();
    let rows: Vec<&Tokens> = tokens.iter().collect();
    let longest = rows.iter().map(|row| row.len()).max().expect("there are texts");
    assert!(rows.iter().any(|row| row.len() < longest), "some are padded");
    let together = exported.answers(&rows, longest);
    let wider = exported.answers(&rows, longest + 7);

    let expected = kitchen.ok(&args(&[&["predict", run, "--json"], texts])).json_lines();
    for (row, (answer, expected)) in together.iter().zip(&expected).enumerate() {
        let text = texts[row];
        let of_run: Vec<f32> = exported
            .labels
            .iter()
            .map(|label| number(&expected["probabilities"], &format!("/{label}")) as f32)
            .collect();
        close(&answer.probabilities, &of_run, text);
        assert_eq!(exported.labels[usize::try_from(answer.prediction).unwrap()], expected["label"], "{text}");
        let sum: f32 = answer.logits.iter().map(|logit| logit.exp()).sum();
        let softmax: Vec<f32> = answer.logits.iter().map(|logit| logit.exp() / sum).collect();
        close(&answer.probabilities, &softmax, text);
        close(&wider[row].probabilities, &answer.probabilities, "padding changes nothing");
        let alone = exported.answers(&rows[row..=row], rows[row].len());
        close(&alone[0].probabilities, &answer.probabilities, "a batch is as its rows");
    }
    together.iter().map(|answer| answer.prediction).collect()
}

#[test]
fn classifiers_answer_as_their_runs() {
    let kitchen = Kitchen::with_tiny();
    let two = kitchen.dataset("two", &[("train", &toy(1, 120)), ("dev", &toy(2, 30))]);
    let three_way = kitchen.dataset("three", &[("train", &three(1, 120)), ("dev", &three(2, 30))]);
    let quick = ["--c", "1", "--class-weight", "none"];
    kitchen.ok(&args(&[&["run", &two, "-e", "tiny", "--layers", "all", "--run", "binary"], &quick]));
    kitchen.ok(&args(&[&["run", &three_way, "-e", "tiny", "--pool", "cls", "--run", "several"], &quick]));
    let mlp = ["--head", "mlp", "--hidden", "16,8", "--epochs", "3", "--layers", "0,-1", "--run", "mlp"];
    kitchen.ok(&args(&[&["run", &three_way, "-e", "tiny"], &mlp]));
    let steps = ["--lr", "5e-3", "--epochs", "6", "--batch-rows", "16", "--max-tokens", "6"];
    kitchen.ok(&args(&[&["finetune", &two, "-e", "tiny", "--run", "tuned"], &steps]));

    let long = "red green blue black white pink brown grey red green";
    let texts =
        ["red", "runs walks jumps", "blue black", "flies", "falls swims eats sits", "pink white grey brown", long];
    assert_eq!(check_texts(&kitchen, "binary", &texts), BTreeSet::from([0, 1]));
    assert_eq!(check_texts(&kitchen, "several", &texts), BTreeSet::from([0, 1, 2]));
    assert!(check_texts(&kitchen, "mlp", &texts).len() > 1, "a constant answer shows nothing");
    assert_eq!(check_texts(&kitchen, "tuned", &texts), BTreeSet::from([0, 1]));

    // What others read of it.
    let config = json_file(&kitchen.path("binary/config.json"));
    assert_eq!(config["architectures"], serde_json::json!(["BertForSequenceClassification"]));
    assert_eq!((&config["model_type"], number(&config, "/hidden_size")), (&"bert".into(), 32.0));
    assert_eq!(config["id2label"], serde_json::json!({"0": "colour", "1": "move"}));
    assert_eq!(config["label2id"], serde_json::json!({"colour": 0, "move": 1}));
    let head: Value = serde_json::from_slice(&kitchen.run_file("binary", "head.json")).expect("JSON");
    let columns: Vec<&Value> =
        head["columns"].as_array().expect("a list").iter().map(|column| &column["name"]).collect();
    assert_eq!(config["larder"]["columns"], serde_json::json!(columns));
    assert_eq!(config["larder"]["threshold"], head["threshold"]);
    let tokenizer = json_file(&kitchen.path("tuned/tokenizer.json"));
    assert_eq!(number(&tokenizer, "/truncation/max_length"), 6.0);
    assert_eq!(tokenizer["padding"]["strategy"], "BatchLongest");
    assert_eq!(number(&json_file(&kitchen.path("tuned/tokenizer_config.json")), "/model_max_length"), 6.0);
    let metrics: Value = serde_json::from_slice(&kitchen.run_file("several", "metrics.json")).expect("JSON");
    let card = std::fs::read_to_string(kitchen.path("several/README.md")).expect("there is a card");
    for part in [
        "pipeline_tag: text-classification".to_owned(),
        format!("| {:.3} |", number(&metrics, "/splits/0/scores/mcc")),
        format!("| {:.3} |", number(&metrics, "/splits/0/majority/scores/accuracy")),
        "```python".to_owned(),
        "answered 30 texts of the split dev".to_owned(),
    ] {
        assert!(card.contains(&part), "the card lacks {part}:\n{card}");
    }
    let listed: BTreeSet<String> =
        json_file(&kitchen.path("tuned/export.json"))["files"].as_object().unwrap().keys().cloned().collect();
    let there = std::fs::read_dir(kitchen.path("tuned")).unwrap();
    let there: BTreeSet<String> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, listed.into_iter().chain(["export.json".to_owned()]).collect(), "nothing else is left there");
}

#[test]
fn taggers_answer_as_their_runs() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("tags", &[("train", &tagged_toy(1, 80)), ("dev", &tagged_toy(2, 25))]);
    let run = ["run", &dataset, "-e", "tiny", "--c", "1"];
    kitchen.ok(&args(&[&run, &["--run", "first"]]));
    kitchen.ok(&args(&[&run, &["--head", "crf", "--layers", "0,-1", "--word-pool", "mean", "--run", "chain"]]));
    kitchen.ok(&args(&[&run, &["--layers", "0,-1", "--word-pool", "first-last", "--run", "both"]]));
    kitchen.ok(&["finetune", &dataset, "-e", "tiny", "--lr", "2e-3", "--epochs", "2", "--run", "tuned"]);
    let sentences = tagged_toy(3, 12);
    let texts: Vec<String> = sentences.iter().map(|sentence| sentence.text()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for name in ["first", "chain", "both", "tuned"] {
        let report = kitchen.json(&["export", name, "-o", name]);
        assert!(number(&report, "/check/largest_difference") <= ALLOWED, "{report:#}");
        assert_eq!((number(&report, "/check/rows"), number(&report, "/check/differing_answers")), (25.0, 0.0));
        let mut exported = Exported::open(&kitchen.path(name));
        assert_eq!(exported.labels, ["O", "B-person", "I-person", "B-place", "I-place"]);
        let expected =
            kitchen.ok(&args(&[&["predict", name, "--json", "--input-format", "words"], &texts])).json_lines();
        let mut entities = 0;
        for (sentence, expected) in sentences.iter().zip(&expected) {
            let tags = exported.tags(&sentence.words);
            assert_eq!(serde_json::json!(tags), expected["tags"], "{name}: {:?}", sentence.words);
            entities += tags.iter().filter(|tag| tag.starts_with("B-")).count();
        }
        assert!(entities > 0, "{name}: sentences without entities show nothing");
        // No place has two words: nothing after `O` is `I-person`, and `I-place` is never answered.
        let transitions = exported.of_larder("transitions");
        assert!(transitions[0][2].is_null() && transitions[1][2].is_number() && transitions[3][4].is_null());
    }
    let config = json_file(&kitchen.path("chain/config.json"));
    assert_eq!(config["architectures"], serde_json::json!(["BertForTokenClassification"]));
    assert_eq!(config["larder"]["outputs"], serde_json::json!(["logits"]), "a chain's probabilities are not a token's");
}

#[test]
fn encoders_that_others_made_are_exported_with_the_usual_inputs() {
    let kitchen = Kitchen::empty();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 24)), ("dev", &toy(2, 12))]);
    for name in ["keras_bert", "ort_roberta_half_keep_io", "nbits_4bit", "bert_dynamo_only_mean_normalized"] {
        let source = repository().join("tests/exports").join(name).display().to_string();
        kitchen.ok(&["encoder", "add", &source, "--name", name]);
        kitchen.ok(&["run", &dataset, "-e", name, "--c", "1", "--class-weight", "none", "--run", name]);
        let report = kitchen.json(&["export", name, "-o", name]);
        assert!(number(&report, "/check/largest_difference") <= ALLOWED, "{name}: {report:#}");
        let exported = Exported::open(&kitchen.path(name));
        let inputs: Vec<&str> = exported.session.inputs().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(inputs[0], "input_ids", "{name}: {inputs:?}");
        assert!(
            inputs[1..].iter().all(|name| ["attention_mask", "token_type_ids"].contains(name)),
            "{name}: {inputs:?}"
        );
    }
    // What runs as it was given has no products that are known.
    kitchen.larder(&["export", "nbits_4bit", "-o", "out", "--precision", "int8"]).exits(3).says(&["nbits_4bit", "f16"]);
    assert!(!kitchen.path("out").exists());
}

#[test]
fn smaller_files_say_what_they_cost() {
    let kitchen = Kitchen::with_wide();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 90)), ("dev", &toy(2, 30))]);
    kitchen.ok(&["run", &dataset, "-e", "wide", "--c", "1", "--class-weight", "none", "--run", "toy"]);
    for (precision, most) in [("f16", 0.6), ("int8", 0.8)] {
        let report = kitchen.json(&["export", "toy", "-o", precision, "--precision", precision]);
        let bytes = |which: &str| number(&report, &format!("/check/cost/{which}/bytes"));
        assert_eq!(bytes("this"), number(&report, "/files/model.onnx/bytes"));
        assert!(bytes("this") < most * bytes("float32"), "{precision}: {report:#}");
        let difference = number(&report, "/check/largest_difference");
        assert!(difference > 1e-7 && difference < 0.1, "{precision}: {difference}");
        for which in ["this", "float32"] {
            assert_eq!(report["check"]["cost"][which]["scores"][0][0], "mcc");
            assert!(number(&report, &format!("/check/cost/{which}/scores/0/1")) > 0.5, "{precision}: {report:#}");
            assert!(number(&report, &format!("/check/cost/{which}/seconds")) > 0.0);
        }
        assert!(!kitchen.path(precision).join("float32.onnx").exists());
        let mut exported = Exported::open(&kitchen.path(precision));
        let content = Content::Text { text: "red green".to_owned(), text_b: None };
        let tokens = exported.tokenizer.encode(&content, &TokenizeSettings::default()).expect("can be tokenized");
        let alone = exported.answers(&[&tokens], tokens.len());
        let padded = exported.answers(&[&tokens, &tokens], tokens.len() + 3);
        close(&alone[0].probabilities, &padded[1].probabilities, "padding changes nothing");
    }
    kitchen.ok(&["export", "toy", "-o", "shown", "--precision", "f16"]).prints(&["model.onnx", "mcc", "f32", "f16"]);
}

#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_left() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 12))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--c", "1", "--class-weight", "none", "--run", "toy"]);
    kitchen.larder(&["export", "nothing", "-o", "out"]).exits(4).says(&["no run `nothing`", "toy"]);
    kitchen.larder(&["export", "toy", "-o", "out", "--precision", "f8"]).exits(2).says(&["f32, f16, int8"]);
    kitchen.larder(&["export", "toy", "-o", "out", "--check-split", "tset"]).exits(3).says(&["tset", "dev"]);

    // A folder in the way.
    std::fs::create_dir(kitchen.path("full")).unwrap();
    kitchen.write("full/thesis", "years");
    kitchen.larder(&["export", "toy", "-o", "full"]).exits(3).says(&["no export", "name another folder"]);
    kitchen.larder(&["export", "toy", "-o", "full", "--force"]).exits(3).says(&["no export"]);
    assert_eq!(std::fs::read(kitchen.path("full/thesis")).unwrap(), b"years");
    std::fs::create_dir(kitchen.path("empty")).unwrap();
    kitchen.ok(&["export", "toy", "-o", "empty", "--check-rows", "3"]).prints(&["3 rows of dev"]);
    kitchen.larder(&["export", "toy", "-o", "empty"]).exits(3).says(&["not empty"]);
    kitchen.ok(&["export", "toy", "-o", "empty", "--force"]).prints(&["12 rows of dev"]);

    // Killed at any time, a folder is whole or not there.
    for delay in [5, 20, 40, 60, 90, 130] {
        let mut child = kitchen.start(&["export", "toy", "-o", "killed", "--force"]);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().expect("the child can be killed");
        child.wait().expect("the child ends");
        if kitchen.path("killed").exists() {
            let record = json_file(&kitchen.path("killed/export.json"));
            let size = std::fs::metadata(kitchen.path("killed/model.onnx")).expect("is there").len();
            assert_eq!(number(&record, "/files/model.onnx/bytes"), size as f64);
        }
    }
    kitchen.ok(&["export", "toy", "-o", "killed", "--force"]);
    let names = std::fs::read_dir(kitchen.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(hidden.is_empty(), "left behind: {hidden:?}");

    // A run or an encoder that is cut.
    let head = kitchen.path("home/runs/toy/head.safetensors");
    let whole = std::fs::read(&head).unwrap();
    std::fs::write(&head, &whole[..whole.len() / 2]).unwrap();
    kitchen.larder(&["export", "toy", "-o", "out"]).exits(3).says(&["head.safetensors"]);
    std::fs::write(&head, &whole).unwrap();
    let model = kitchen.path("home/encoders/tiny/model.onnx");
    let whole = std::fs::read(&model).unwrap();
    std::fs::write(&model, &whole[..whole.len() / 2]).unwrap();
    kitchen.larder(&["export", "toy", "-o", "out"]).exits(3).says(&["model.onnx"]);
    std::fs::remove_dir_all(kitchen.path("home/encoders/tiny")).unwrap();
    kitchen.larder(&["export", "toy", "-o", "out"]).exits(4).says(&["tiny"]);
    assert!(!kitchen.path("out").exists(), "nothing that failed is there");
}
