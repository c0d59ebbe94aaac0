//! Datasets, caches and runs.

use std::path::Path;

use larder_onnx::Model;
use larder_onnx::proto::TensorProto;
use larder_tags::Scheme;
use larder_tests::{Kitchen, conll, repository, tagged_toy, toy};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::{hint, names};

const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// A kitchen with the encoder `tiny` and a small dataset of texts.
fn with_texts() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    (kitchen, dataset)
}

fn run<'a>(dataset: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", dataset, "-e", "tiny", "--run", "mine"], &QUICK[..], more].concat()
}

/// Takes the seal from a JSON file and changes it, as earlier versions wrote such files.
fn rewrite(path: &Path, change: impl FnOnce(String) -> String) {
    let text = String::from_utf8(larder_files::read_json_text(path).unwrap().unwrap()).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

#[test]
fn rows_without_a_label_among_others_are_left_out_or_have_one() {
    let kitchen = Kitchen::with_tiny();
    let numbered = |rows: Vec<(String, &str)>| -> Vec<(String, &'static str)> {
        rows.into_iter().map(|(text, label)| (text, if label == "move" { "1" } else { "0" })).collect()
    };
    let mut dev = numbered(toy(2, 30));
    dev[7].1 = "-1";
    let dataset = kitchen.dataset("toy", &[("train", &numbered(toy(1, 60))), ("dev", &dev)]);
    let refused = kitchen.larder(&run(&dataset, &[]));
    names(refused, 3, hint("leave the rows without one out with `--on-bad-row skip`, or say what"));
    kitchen.ok(&run(&dataset, &["--on-bad-row", "skip"])).prints(&["1 of the 30 rows"]);
    let spec = std::fs::read_to_string(kitchen.path(&dataset)).unwrap();
    kitchen.write(&dataset, format!("{spec}[labels]\nnames = [\"-1\", \"0\", \"1\"]\n"));
    kitchen.ok(&run(&dataset, &[]));
}

#[test]
fn vectors_are_of_the_level_that_the_files_have() {
    let (kitchen, texts) = with_texts();
    let words = kitchen.tagging("names", &[("train", &tagged_toy(1, 40)), ("dev", &tagged_toy(2, 20))]);
    let encode = |dataset: &str, more: &[&str]| kitchen.larder(&[&["encode", dataset, "-e", "tiny"], more].concat());
    let refused = encode(&words, &["--level", "sentence"]);
    names(refused, 3, hint("sentence vectors are made from texts: encode it with --level word, or token"));
    encode(&words, &["--level", "word"]).exits(0);
    encode(&words, &["--level", "token"]).exits(0);
    let refused = encode(&texts, &["--level", "word"]);
    names(refused, 3, hint("encode it with --level sentence, or token for a vector of each token"));
    encode(&texts, &["--level", "sentence"]).exits(0);
    encode(&texts, &["--level", "token"]).exits(0);

    let refused = encode(&texts, &["--level", "token", "--context", "document"]);
    names(refused, 3, hint("so no sentence has neighbours to read with it: encode with --context none"));
    encode(&texts, &["--level", "token", "--context", "none"]).exits(0);

    let train = |more: &[&str]| kitchen.larder(&[&["train", &texts, "-e", "tiny"], &QUICK[..], more].concat());
    names(train(&["--level", "token"]), 2, hint("; leave `--level` out"));
    train(&[]).exits(0);
}

#[test]
fn values_too_large_for_half_precision_are_kept_in_single() {
    let (kitchen, dataset) = with_texts();
    let model = Model::load(&kitchen.path("home/encoders/tiny/model.onnx")).unwrap();
    // The last normalisation's scale, a vector of ones.
    let large = model
        .edited(|graph| {
            let ones = graph
                .initializer
                .iter_mut()
                .filter(|tensor| tensor.floats().is_ok_and(|x| x.len() == 32 && x[0] == 1.0));
            let last = ones.last().expect("a scale");
            *last = TensorProto::from_f32(last.name(), &[32], &[1e6; 32]);
            Ok(())
        })
        .unwrap();
    kitchen.write("model.onnx", large.to_bytes().unwrap());
    let tokenizer = kitchen.path("home/encoders/tiny/tokenizer.json").display().to_string();
    kitchen.ok(&["encoder", "add", "model.onnx", "--name", "large", "--tokenizer", &tokenizer]);
    let encode = ["encode", &dataset, "-e", "large", "--dtype"];
    let refused = kitchen.larder(&[&encode[..], &["f16"]].concat());
    let refused = names(refused, 3, hint("more than half precision can (65504); encode with --dtype f32"));
    refused.says(&["toy/large/train.parquet: row "]).does_not_say("larder tokenize");
    kitchen.ok(&[&encode[..], &["f32"]].concat());
}

#[test]
fn a_run_that_cannot_be_read_is_made_again() {
    let (kitchen, dataset) = with_texts();
    let none = kitchen.larder(&["predict", "mine", "red"]);
    names(none, 4, hint("there are none yet: `larder train DATASET --encoder NAME` makes one"));
    kitchen.ok(&[&["train", &dataset, "--encoder", "tiny", "--run", "mine"], &QUICK[..]].concat());
    kitchen.ok(&["predict", "mine", "red"]);

    rewrite(&kitchen.path("home/runs/mine/run.json"), |text| {
        let at = text.find("\"format_version\": ").expect("a version") + "\"format_version\": ".len();
        format!("{}99{}", &text[..at], text[at..].trim_start_matches(|c: char| c.is_ascii_digit()))
    });
    let old = kitchen.larder(&["predict", "mine", "red"]);
    names(old, 3, hint("; train it again with `--run NAME`"));
    kitchen.ok(&run(&dataset, &[]));
    kitchen.ok(&["predict", "mine", "red"]);
}

#[test]
fn a_dataset_that_was_moved_is_named() {
    let (kitchen, dataset) = with_texts();
    kitchen.ok(&run(&dataset, &[]));
    std::fs::create_dir(kitchen.path("moved")).unwrap();
    for file in ["toy.toml", "toy-train.tsv", "toy-dev.tsv"] {
        std::fs::rename(kitchen.path(file), kitchen.path("moved").join(file)).unwrap();
    }
    names(kitchen.larder(&["eval", "mine"]), 3, hint("\n  `--dataset FILE` says where it is"));
    kitchen.ok(&["eval", "mine", "--dataset", "moved/toy.toml"]);
}

#[test]
fn damaged_features_are_made_again_with_force() {
    let kitchen = Kitchen::with_tiny();
    // Enough rows that some of the file is read only when the vectors are.
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 3000))]);
    kitchen.ok(&run(&dataset, &[]));
    let path = kitchen.features_path("toy", "dev");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let damaged = kitchen.larder(&["eval", "mine"]);
    names(damaged, 3, hint("delete it and run its stage again (`--force` where the command has it), or take a copy"));
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--force"]);
    kitchen.ok(&["eval", "mine"]);
    std::fs::write(&path, &bytes).unwrap();
    kitchen.larder(&["eval", "mine"]).exits(3);
    std::fs::remove_file(&path).unwrap();
    kitchen.ok(&["eval", "mine"]);
}

#[test]
fn a_fine_tuned_run_is_begun_again_with_force() {
    let (kitchen, dataset) = with_texts();
    let finetune =
        ["finetune", &dataset, "-e", "tiny", "--run", "mine", "--lr", "1e-4", "--epochs", "1", "--batch-rows", "8"];
    let with = |more: &[&str]| kitchen.larder(&[&finetune[..], more].concat());
    let checkpoints = kitchen.path("home/runs/.mine.tuning");
    let last = checkpoints.join("last.safetensors");
    with(&["--keep-checkpoints", "--save-every", "1"]).exits(0);
    let kept = std::fs::read(kitchen.path("home/runs/mine/checkpoints/last.safetensors")).unwrap();
    let leave = |bytes: &[u8]| {
        let _ = std::fs::remove_dir_all(kitchen.path("home/runs/mine"));
        std::fs::create_dir_all(&checkpoints).unwrap();
        std::fs::write(&last, bytes).unwrap();
    };
    leave(b"nothing");
    names(with(&["--resume"]), 3, hint("start anew with `--force`, or put a copy in its place"));
    leave(&kept);
    with(&["--resume", "--keep-checkpoints"]).exits(0);
    leave(b"nothing");
    with(&["--force"]).exits(0);

    leave(&kept);
    let other = with(&["--resume", "--seed", "9"]);
    names(other, 3, hint("take up that run with what it was started with, or start anew with `--force`"));
    with(&["--resume"]).exits(0);
    leave(&kept);
    with(&["--seed", "9", "--force"]).exits(0);

    let encoder = kitchen.path("home/runs/mine/encoders/mine");
    std::fs::write(encoder.join("model.onnx"), b"nothing").unwrap();
    names(kitchen.larder(&["predict", "mine", "red"]), 3, hint("fine-tune the run again with --force"));
    with(&["--force"]).exits(0);
    kitchen.ok(&["predict", "mine", "red"]);
    std::fs::write(encoder.join("encoder.json"), b"nothing").unwrap();
    names(kitchen.larder(&["predict", "mine", "red"]), 3, hint("; fine-tune it again with --force"));
    with(&["--force"]).exits(0);
    kitchen.ok(&["predict", "mine", "red"]);
}

#[test]
fn a_split_judges_a_run_while_it_is_fine_tuned() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 40)), ("judged", &toy(2, 20))]);
    let finetune = ["finetune", &dataset, "-e", "tiny", "--lr", "1e-4", "--epochs", "1"];
    names(kitchen.larder(&finetune), 0, hint("the last parameters are kept; `--dev SPLIT` names one"));
    kitchen.ok(&[&finetune[..], &["--dev", "judged", "--run", "second"]].concat()).does_not_say("`--dev SPLIT`");
}

#[test]
fn tags_that_their_scheme_forbids_are_repaired_or_left_out() {
    let kitchen = Kitchen::with_tiny();
    let mut train = conll(&tagged_toy(1, 40), Scheme::Iob2);
    train.push_str("\nAda\tO\nLovelace\tI-person\n");
    let dev = conll(&tagged_toy(2, 20), Scheme::Iob2);
    let dataset = kitchen.conll("names", Scheme::Iob2, &[("train", train), ("dev", dev)]);
    let run = ["run", &dataset, "-e", "tiny", "--c", "1"];
    let refused = kitchen.larder(&run);
    names(refused, 3, hint("`--illegal-tags repair` reads such tags as conlleval does; `--on-bad-row skip` leaves"));
    kitchen.ok(&[&run[..], &["--illegal-tags", "repair"]].concat());
    kitchen.ok(&[&run[..], &["--on-bad-row", "skip"]].concat());
}

#[test]
fn a_span_inside_of_a_word_takes_all_of_it() {
    let kitchen = Kitchen::with_tiny();
    let row = |text: &str, end: usize| format!("{{\"text\": \"{text}\", \"label\": [[0, {end}, \"place\"]]}}\n");
    kitchen.write("train.jsonl", [row("London sleeps", 6), row("Londoners met", 6), row("Rome burns", 4)].concat());
    let columns = "[columns]\ntext = \"text\"\nspans = \"label\"\n[splits]\ntrain = \"train.jsonl\"\n";
    kitchen.write("spans.toml", format!("name = \"spans\"\ntask = \"tagging\"\nformat = \"jsonl\"\n{columns}"));
    let tokenize = ["tokenize", "spans.toml", "-e", "tiny"];
    names(
        kitchen.larder(&tokenize),
        3,
        hint("`--illegal-tags repair` takes the whole word; where words have no blanks"),
    );
    kitchen.ok(&[&tokenize[..], &["--illegal-tags", "repair"]].concat()).says(&["repaired in 1 sentence"]);
    let characters =
        format!("name = \"spans\"\ntask = \"tagging\"\nformat = \"jsonl\"\nsplit_text = \"characters\"\n{columns}");
    kitchen.write("spans.toml", characters);
    // Runs of Latin letters stay whole, so that of this text it is the repair that helps.
    kitchen.larder(&tokenize).exits(3);
}

#[test]
fn several_seeds_are_for_a_run() {
    let (kitchen, dataset) = with_texts();
    let train =
        |command: &str| kitchen.larder(&[&[command, &dataset, "-e", "tiny", "--seeds", "1,2"], &QUICK[..]].concat());
    names(train("train"), 2, hint("--seeds trains and scores a run a seed: use `larder run`"));
    train("run").exits(0);
    let shots = |command: &str| kitchen.larder(&[command, &dataset, "-e", "tiny", "--shots", "2"]);
    names(shots("train"), 2, hint("--shots trains on a few rows and scores: use `larder run`"));
    shots("run").exits(0);
}

/// Writes a Parquet file again as earlier versions wrote it.
fn without_checksums(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let own = pairs.into_iter().filter(|pair| !pair.key.contains("checksum") && pair.key != "ARROW:schema").collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(own)).build();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), schema, Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
}

#[test]
fn features_of_earlier_versions_get_checksums_with_force() {
    let (kitchen, dataset) = with_texts();
    kitchen.ok(&run(&dataset, &[]));
    without_checksums(&kitchen.features_path("toy", "dev"));
    let encode = ["encode", &dataset, "-e", "tiny"];
    names(kitchen.larder(&encode), 0, hint("so a damaged bit would not be found; `larder encode --force` adds them"));
    kitchen.ok(&[&encode[..], &["--force"]].concat());
    kitchen.ok(&encode).does_not_say("no checksums");
}

#[test]
fn a_damaged_head_is_trained_again_with_force() {
    let (kitchen, dataset) = with_texts();
    let other =
        kitchen.dataset("three", &[("train", &[toy(3, 60), vec![("far away".to_owned(), "else"); 6]].concat())]);
    kitchen.ok(&[&["train", &other, "-e", "tiny", "--run", "three"], &QUICK[..]].concat());
    let train = [&["train", &dataset, "-e", "tiny", "--run", "mine"], &QUICK[..]].concat();
    kitchen.ok(&train);
    let path = |run: &str, file: &str| kitchen.path("home/runs").join(run).join(file);
    let read = |run: &str, file: &str| std::fs::read(path(run, file)).unwrap();
    let (description, weights) = (read("mine", "head.json"), read("mine", "head.safetensors"));
    let mut edited: serde_json::Value = serde_json::from_slice(&description).unwrap();
    edited.as_object_mut().unwrap().remove("checksum");
    edited["classes"].as_array_mut().unwrap().truncate(1);
    for (file, content, said) in [
        ("head.json", b"nothing".to_vec(), hint("is not a head's description: train the head again with --force")),
        ("head.safetensors", Vec::new(), hint("is not a whole safetensors file: train the head again with --force")),
        ("head.json", edited.to_string().into_bytes(), hint("`{}`: {what}; train the head again with --force")),
        (
            "head.safetensors",
            read("three", "head.safetensors"),
            hint("not belong together: train the head again with --force"),
        ),
    ] {
        std::fs::write(path("mine", file), content).unwrap();
        let said = said.rsplit_once("; ").map_or(said, |(_, way_out)| way_out);
        names(kitchen.larder(&["predict", "mine", "red"]), 3, said);
        kitchen.ok(&[&train[..], &["--force"]].concat());
        kitchen.ok(&["predict", "mine", "red"]);
        assert!(read("mine", "head.json") == description && read("mine", "head.safetensors") == weights, "as it was");
    }
    for file in ["head.json", "head.safetensors"] {
        std::fs::write(path("mine", file), read("three", file)).unwrap();
    }
    let said = hint("run.json and head.json do not belong together; train it again with --force");
    names(kitchen.larder(&["predict", "mine", "red"]), 3, said);
    kitchen.ok(&[&train[..], &["--force"]].concat());
    kitchen.ok(&["predict", "mine", "red"]);
}

#[test]
fn an_encoder_that_reads_padding_is_trained_text_by_text() {
    let (kitchen, dataset) = with_texts();
    let goldens = repository().join("tests/goldens");
    let model = goldens.join("finetune/given/mobilebert_half.onnx").display().to_string();
    let tokenizer = goldens.join("tokens/wordpiece.json").display().to_string();
    kitchen.ok(&["encoder", "add", &model, "--name", "given", "--tokenizer", &tokenizer]);
    let finetune = ["finetune", &dataset, "-e", "given", "--run", "mine", "--lr", "1e-4", "--steps", "2"];
    let with = |more: &[&str]| kitchen.larder(&[&finetune[..], more].concat());
    names(with(&["--batch-rows", "8"]), 2, hint("`--batch-rows 1`, with `--accumulate` for steps of more"));
    with(&["--batch-rows", "1", "--accumulate", "8"]).exits(0);
}

#[test]
fn what_comes_next_after_a_run_is_done() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 40)), ("dev", &toy(2, 20))]);
    kitchen.write("new.txt", "one text\nanother\n");
    let ran = kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "mine"]);
    ran.prints(&[
        "next: `larder report mine",
        hint("` makes a page of it, `larder predict "),
        "mine --input FILE` answers",
    ]);
    kitchen.ok(&["report", "mine", "--output", "report.html"]);
    kitchen.ok(&["predict", "mine", "--input", "new.txt"]).prints(&["another"]);
}

#[test]
fn what_no_run_needs_is_removed_as_the_list_says() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 40))]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let gc = ["gc", "--older-than", "0s"];
    names(kitchen.larder(&gc), 0, hint("`larder gc --remove` removes them"));
    kitchen.ok(&[&gc[..], &["--remove"]].concat()).prints(&["removed"]);
    kitchen.ok(&gc).prints(&["nothing that no run needs"]);
}
