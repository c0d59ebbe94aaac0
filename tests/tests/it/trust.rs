//! One test a thing that goes wrong: the exit code, and a message that names the file, the row and the remedy.

use std::process::Command;

use larder_tests::{Answer, Encoded, Kitchen, Random, binary, predictions, sentences, toy};

fn toy_kitchen() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 12))]);
    (kitchen, dataset)
}

fn encode(dataset: &str) -> [&str; 4] {
    ["encode", dataset, "-e", "tiny"]
}

fn is_talk(answer: &Answer) {
    assert!(answer.stdout.is_empty(), "an error printed on standard output\n{}", answer.told());
    assert!(!answer.stderr.contains("panicked"), "a panic\n{}", answer.told());
}

#[test]
fn a_missing_description_or_data_file_is_named() {
    let (kitchen, dataset) = toy_kitchen();
    is_talk(&kitchen.larder(&encode("nowhere.toml")).exits(3).says(&["nowhere.toml", "No such file"]));
    std::fs::remove_file(kitchen.path("toy-dev.tsv")).unwrap();
    is_talk(&kitchen.larder(&encode(&dataset)).exits(3).says(&["toy-dev.tsv", "split `dev`", "toy.toml"]));
    is_talk(
        &kitchen
            .larder(&["encode", &dataset, "-e", "tiny", "--split", "test"])
            .exits(3)
            .says(&["no split `test`", "`train`, `dev`"]),
    );
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let (kitchen, dataset) = toy_kitchen();
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    kitchen.write(&dataset, spec.replace("toy-train.tsv", "$LARDER_TEST_UNSET/train.tsv"));
    is_talk(&kitchen.larder(&encode(&dataset)).exits(3).says(&["LARDER_TEST_UNSET", "not set", "split `train`"]));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_known_ones() {
    let (kitchen, dataset) = toy_kitchen();
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    kitchen.write(&dataset, spec.replace("text = \"text\"", "txt = \"text\""));
    is_talk(&kitchen.larder(&encode(&dataset)).exits(3).says(&["toy.toml, line 7", "unknown key `txt`", "text"]));
}

#[test]
fn a_description_without_train_or_labels_cannot_be_trained() {
    let (kitchen, dataset) = toy_kitchen();
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    kitchen.write("notrain.toml", spec.replace("train = \"toy-train.tsv\"\n", ""));
    is_talk(&kitchen.larder(&["run", "notrain.toml", "-e", "tiny"]).exits(3).says(&["no split `train`", "dev"]));
    kitchen.write("nolabel.toml", spec.replace("label = \"label\"\n", ""));
    is_talk(&kitchen.larder(&["run", "nolabel.toml", "-e", "tiny"]).exits(3).says(&["no label column", "[columns]"]));
    kitchen.ok(&["encode", "nolabel.toml", "-e", "tiny"]);
}

#[test]
fn a_row_without_its_column_stops_or_is_skipped_counted_and_listed() {
    let (kitchen, dataset) = toy_kitchen();
    let mut rows: Vec<String> = toy(1, 60).iter().map(|(text, label)| format!("{text}\t{label}")).collect();
    // One-based lines with the header: 12 and 41.
    rows[10] = "a text without its label".to_owned();
    rows[39] = "another".to_owned();
    kitchen.write("toy-train.tsv", format!("text\tlabel\n{}\n", rows.join("\n")));
    is_talk(&kitchen.larder(&["run", &dataset, "-e", "tiny"]).exits(3).says(&["toy-train.tsv", "12"]));
    assert!(!kitchen.home().tokens("toy", "tiny", "train").unwrap().exists(), "no tokens of half a file");
    let answer = kitchen.ok(&["run", &dataset, "-e", "tiny", "--on-bad-row", "skip", "--json"]).says(&[
        "58 rows",
        "2 rows skipped",
        "12",
        "41",
    ]);
    assert_eq!(answer.json()["stages"][0]["rows"], 58);
    assert_eq!(kitchen.features("toy", "train").rows(), 58);
}

#[test]
fn an_empty_file_is_named() {
    let (kitchen, dataset) = toy_kitchen();
    for content in ["", "text\tlabel\n"] {
        kitchen.write("toy-dev.tsv", content);
        is_talk(&kitchen.larder(&encode(&dataset)).exits(3).says(&["toy-dev.tsv"]));
        assert!(!kitchen.features_path("toy", "dev").exists());
    }
}

#[test]
fn invalid_utf8_is_named_with_its_row() {
    let (kitchen, dataset) = toy_kitchen();
    let mut content = std::fs::read(kitchen.path("toy-train.tsv")).unwrap();
    let third_line = content.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
    content[third_line] = 0xff;
    kitchen.write("toy-train.tsv", content);
    is_talk(&kitchen.larder(&encode(&dataset)).exits(3).says(&["toy-train.tsv", "UTF-8", "3"]));
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--on-bad-row", "skip"]).says(&["1 row skipped"]);
}

#[test]
fn a_label_in_dev_that_train_does_not_have_is_named_and_counts() {
    let (kitchen, dataset) = toy_kitchen();
    let mut rows = toy(2, 12);
    rows[4].1 = "smell";
    kitchen.rows("toy-dev.tsv", &rows);
    kitchen.ok(&["run", &dataset, "-e", "tiny"]).prints(&["dev: 1 of 12 rows", "training never saw (`smell`)"]);
}

#[test]
fn a_tokenizer_that_does_not_belong_to_the_encoder_is_refused() {
    let kitchen = Kitchen::with_tiny();
    let folder = kitchen.path("mixed");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["model.onnx", "config.json"] {
        std::fs::copy(kitchen.path(&format!("home/encoders/tiny/{file}")), folder.join(file)).unwrap();
    }
    let path = kitchen.path("home/encoders/tiny/tokenizer.json");
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    for extra in 0..50 {
        vocabulary.insert(format!("word{extra}"), (600 + extra).into());
    }
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let source = folder.display().to_string();
    is_talk(&kitchen.larder(&["encoder", "add", &source, "--name", "mixed"]).exits(3).says(&[
        "tokenizer.json",
        "does not belong",
        "649",
        "600",
    ]));
    assert_eq!(kitchen.json(&["encoder", "list"]).as_array().map(Vec::len), Some(1), "nothing was taken in");
}

#[test]
fn cut_tokens_and_features_are_made_again_by_their_own_stage() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny"]);
    let whole = kitchen.artifacts();
    let tokens = kitchen.home().tokens("toy", "tiny", "train").unwrap();
    for path in [tokens, kitchen.features_path("toy", "train")] {
        let content = std::fs::read(&path).unwrap();
        let length = content.len();
        for cut in [0, 3, 4, 100, length / 2, length - 9, length - 1] {
            std::fs::write(&path, &content[..cut]).unwrap();
            let answer = kitchen.larder(&["run", &dataset, "-e", "tiny"]);
            let told = answer.told();
            is_some_code(&answer, 0, &format!("{} cut to {cut} of {length} bytes", path.display()));
            assert!(!answer.stderr.contains("panicked"), "{told}");
            assert!(std::fs::read(&path).unwrap() == content, "made again to the byte, cut to {cut}\n{told}");
        }
    }
    assert!(kitchen.artifacts() == whole, "all is as before");
}

fn is_some_code(answer: &Answer, code: i32, what: &str) {
    assert!(answer.code == Some(code), "{what}: expected exit code {code}\n{}", answer.told());
}

#[test]
fn damage_inside_a_features_file_is_an_error_and_no_panic() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    let path = kitchen.features_path("toy", "dev");
    let content = std::fs::read(&path).unwrap();
    let mut random = Random::new(21);
    for _ in 0..12 {
        let mut damaged = content.clone();
        let at = 4 + random.below(content.len() - 12);
        damaged[at..at + 4].copy_from_slice(&[0xa5; 4]);
        std::fs::write(&path, damaged).unwrap();
        let answer = kitchen.larder(&["eval", "mine"]);
        // Vectors carry no checksum of their own: what can be answered is answered, what cannot is an error.
        assert!(matches!(answer.code, Some(0 | 3)), "damage at byte {at}\n{}", answer.told());
        assert!(!answer.stderr.contains("panicked"), "damage at byte {at}\n{}", answer.told());
    }
}

#[test]
fn a_cut_run_is_an_error_that_names_its_file() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    for file in ["run.json", "head.json", "head.safetensors"] {
        let path = kitchen.path(&format!("home/runs/mine/{file}"));
        let content = std::fs::read(&path).unwrap();
        for cut in [0, 7, content.len() / 2, content.len() - 2] {
            std::fs::write(&path, &content[..cut]).unwrap();
            for args in [&["predict", "mine", "red green"][..], &["eval", "mine"]] {
                is_talk(&kitchen.larder(args).exits(3).says(&[file]));
            }
        }
        std::fs::remove_file(&path).unwrap();
        let missing = kitchen.larder(&["predict", "mine", "red green"]);
        assert!(matches!(missing.code, Some(3 | 4)), "{}", missing.told());
        is_talk(&missing);
        std::fs::write(&path, content).unwrap();
    }
    kitchen.ok(&["predict", "mine", "red green"]);
}

#[test]
fn unknown_names_are_exit_code_4_and_the_known_ones_are_listed() {
    let (kitchen, dataset) = toy_kitchen();
    is_talk(&kitchen.larder(&["encode", &dataset, "-e", "large"]).exits(4).says(&["large", "tiny", "encoder add"]));
    is_talk(&kitchen.larder(&["predict", "mine", "red"]).exits(4).says(&["`mine`", "none yet", "larder train"]));
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "first"]);
    is_talk(&kitchen.larder(&["predict", "mine", "red"]).exits(4).says(&["`mine`", "there are first"]));
    is_talk(&kitchen.larder(&["eval", "mine"]).exits(4).says(&["first"]));
    is_talk(&kitchen.larder(&["eval", "first", "--split", "test"]).exits(3).says(&["test", "dev"]));
    is_talk(&kitchen.larder(&["train", &dataset, "-e", "tiny", "--run", "../out"]).exits(3).says(&["../out"]));
}

#[test]
fn an_encoder_that_was_replaced_does_not_answer_for_an_old_run() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    kitchen.init("tiny", 2, &["--replace"]);
    for args in [&["predict", "mine", "red green"][..], &["eval", "mine"]] {
        is_talk(&kitchen.larder(args).exits(4).says(&["mine", "tiny", "train again"]));
    }
}

#[test]
fn a_runtime_that_is_not_there_is_exit_code_4_and_all_that_was_tried() {
    let (kitchen, dataset) = toy_kitchen();
    is_talk(
        &kitchen.larder(&["encode", &dataset, "-e", "tiny", "--onnxruntime", "/nonexistent/ort.so"]).exits(4).says(&[
            "ONNX Runtime",
            "tried",
            "/nonexistent/ort.so",
            "not found",
            "--onnxruntime",
        ]),
    );
    let text = kitchen.write("libtext.so", "not a library");
    let text = text.display().to_string();
    is_talk(
        &kitchen.larder(&["encode", &dataset, "-e", "tiny", "--onnxruntime", &text]).exits(4).says(&["libtext.so"]),
    );
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    // What is up to date needs no runtime.
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--onnxruntime", "/nonexistent/ort.so"]).says(&["up to date"]);
}

#[test]
fn cuda_that_is_not_there_is_exit_code_4_and_no_silent_fall_back() {
    if std::env::var_os("LARDER_TEST_CUDA").is_some() {
        eprintln!("SKIPPED: cuda_that_is_not_there needs a machine without CUDA, and LARDER_TEST_CUDA is set");
        return;
    }
    let (kitchen, dataset) = toy_kitchen();
    is_talk(
        &kitchen
            .larder(&["encode", &dataset, "-e", "tiny", "--device", "cuda"])
            .exits(4)
            .says(&["CUDA", "--device cpu"]),
    );
    assert!(!kitchen.features_path("toy", "train").exists(), "nothing was encoded elsewhere");
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--device", "auto"]).says(&["on cpu"]);
}

/// The binary under a limit on the size of files: writes beyond fail with EFBIG, as they fail with ENOSPC on a full disk.
#[cfg(target_os = "linux")]
fn limited(kitchen: &Kitchen, kibibytes: usize, args: &[&str]) -> Answer {
    let mut command = Command::new("bash");
    let script = format!("ulimit -f {kibibytes}; exec \"$0\" \"$@\"");
    command.arg("-c").arg(script).arg(binary()).args(args);
    kitchen.prepare(&mut command);
    let output = command.output().expect("bash starts");
    Answer::new(&command, output)
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_files_and_asks_for_space() {
    let labelled = |rows: usize| -> Vec<(String, &'static str)> {
        let label = |n: usize| if n.is_multiple_of(3) { "move" } else { "colour" };
        sentences(31, rows, 8).into_iter().enumerate().map(|(n, text)| (text, label(n))).collect()
    };
    let (few, many) = (labelled(90), labelled(1500));
    let args = |run| ["run", "grow.toml", "-e", "tiny", "--layers", "all", "--c", "0.1", "--run", run];
    let roomy = Kitchen::with_tiny();
    roomy.dataset("grow", &[("train", &many), ("dev", &few)]);
    roomy.ok(&args("new"));
    let size = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().len() as usize / 1024;
    let tokens = size(roomy.home().tokens("grow", "tiny", "train").unwrap());
    let features = size(roomy.features_path("grow", "train"));
    assert!(features > 2 * tokens, "so that a limit fits between: {tokens} and {features} KiB");

    let kitchen = Kitchen::with_tiny();
    kitchen.dataset("grow", &[("train", &few), ("dev", &few)]);
    kitchen.ok(&args("old"));
    let before = kitchen.artifacts();
    kitchen.dataset("grow", &[("train", &many), ("dev", &few)]);
    let limits = [(1, "tokens"), (tokens / 2, "tokens"), (2 * tokens, "features"), (features - 1, "features")];
    for (kibibytes, stage) in limits {
        let answer = limited(&kitchen, kibibytes, &args("new")).exits(3).says(&["free some space", stage]);
        is_talk(&answer);
        let now = kitchen.artifacts();
        for (path, content) in &before {
            // Tokens that could be written are new; all else is what it was.
            let expected = now.get(path) == Some(content) || (stage == "features" && path.starts_with("tokens"));
            assert!(expected, "{} changed at {kibibytes} KiB\n{}", path.display(), answer.told());
        }
        assert!(!kitchen.path("home/runs/new").exists(), "{}", answer.told());
    }
    let answer = kitchen.ok(&args("new"));
    assert_eq!(Encoded::of(&answer, "train").map(|told| told.rows), Some(1500));
    kitchen.assert_tidy();
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_at_the_run_leaves_no_run() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--layers", "all"]);
    for kibibytes in [1, 8] {
        let args = ["run", &dataset, "-e", "tiny", "--layers", "all", "--run", "mine"];
        let answer = limited(&kitchen, kibibytes, &args).exits(3);
        is_talk(&answer);
        answer.clone().says(&["free some space"]);
        assert!(kitchen.runs().is_empty(), "no half run\n{}", answer.told());
    }
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--layers", "all", "--run", "mine"]);
    assert_eq!(predictions(&kitchen.path("home/runs/mine/predictions.parquet")).len(), 12);
    kitchen.assert_tidy();
}

#[test]
fn two_encodes_of_one_split_do_not_trip_over_each_other() {
    let rows: Vec<(String, &str)> = sentences(41, 4000, 16).into_iter().map(|text| (text, "one")).collect();
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("race", &[("train", &rows)]);
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let both: Vec<Answer> = std::thread::scope(|scope| {
        let start = || kitchen.larder(&["encode", &dataset, "-e", "tiny", "--threads", "1"]);
        let other = scope.spawn(start);
        vec![start(), other.join().expect("the other process was waited for")]
    });
    assert!(both.iter().any(|answer| answer.code == Some(0)), "{}\n{}", both[0].told(), both[1].told());
    for answer in &both {
        assert_eq!(answer.code, Some(0), "who comes second waits\n{}", answer.told());
    }
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]).says(&["encode   train: up to date"]);
    let alone = Kitchen::with_tiny();
    alone.dataset("race", &[("train", &rows)]);
    alone.ok(&["encode", &dataset, "-e", "tiny", "--threads", "1"]);
    let read = |kitchen: &Kitchen| std::fs::read(kitchen.features_path("race", "train")).unwrap();
    assert!(read(&kitchen) == read(&alone), "the same bytes as of one process alone");
    kitchen.assert_tidy();
}
