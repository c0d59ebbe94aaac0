//! Encoding by workers that know a plan's name and nothing of each other, through the binary.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use larder_store::FeaturesFile;
use larder_tests::{Answer, Kitchen, assert_close, sentences, tagged_toy, toy};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

/// A kitchen with a plan of its data set.
struct Planned {
    kitchen: Kitchen,
    plan: String,
    shards: usize,
}

impl Planned {
    /// Plans `dataset` into the folder `store`.
    #[track_caller]
    fn new(kitchen: Kitchen, dataset: &str, more: &[&str]) -> Self {
        let args = [&["plan", dataset, "-e", "tiny", "--to", "store"], more].concat();
        let made = kitchen.json(&args);
        let plan = made["plan"].as_str().expect("a plan has a name").to_owned();
        let shards = usize::try_from(made["shards"].as_u64().expect("a count")).expect("is small");
        Self { kitchen, plan, shards }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.kitchen.command(args);
        // Each worker could be on another machine.
        command.env_remove("SLURM_ARRAY_TASK_ID").env_remove("JOB_COMPLETION_INDEX");
        command
    }

    #[track_caller]
    fn work(&self, shard: usize) -> Answer {
        self.kitchen.larder(&["work", &self.plan, "--shard", &shard.to_string()])
    }

    /// What one shard's worker says became of it.
    #[track_caller]
    fn result(&self, shard: usize) -> String {
        let answer = self.kitchen.ok(&["work", &self.plan, "--shard", &shard.to_string(), "--json"]);
        let line: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", answer.told()));
        assert_eq!(line["shard"], shard);
        line["result"].as_str().expect("is said").to_owned()
    }

    #[track_caller]
    fn collect_to(&self, file: &str) -> FeaturesFile {
        self.kitchen.ok(&["collect", &self.plan, "--to", file]);
        FeaturesFile::open(&self.kitchen.path(file)).unwrap()
    }

    fn commit(&self, shard: usize) -> PathBuf {
        let id = self.plan.rsplit('/').next().unwrap().trim_end_matches(".json");
        self.kitchen.path(&format!("store/commits/{id}/{shard:06}.json"))
    }
}

#[track_caller]
fn assert_same(found: &FeaturesFile, expected: &FeaturesFile) {
    assert_eq!(found.columns(), expected.columns());
    assert_eq!(found.example_ids().unwrap(), expected.example_ids().unwrap());
    assert_eq!(found.digests().unwrap(), expected.digests().unwrap());
    for column in expected.columns() {
        let [found, expected] = [found, expected].map(|file| file.column(&column.name).unwrap());
        // Other texts share the batches.
        assert_close(&found, &expected, 1e-5, &column.name);
    }
}

#[test]
fn shards_worked_in_any_order_and_twice_are_the_split() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 600)), ("dev", &toy(2, 40))]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "500"]);
    let (kitchen, shards) = (&planned.kitchen, planned.shards);
    assert!((10..=25).contains(&shards), "{shards} shards of some 9,000 tokens");
    let again = kitchen.json(&["plan", &dataset, "-e", "tiny", "--to", "store", "--shard-tokens", "500"]);
    assert_eq!((again["plan"].as_str(), &again["is_new"]), (Some(planned.plan.as_str()), &Value::Bool(false)));

    let order = (0..shards).filter(|shard| shard % 2 == 1).chain((2..shards).filter(|shard| shard % 2 == 0));
    for shard in order {
        assert_eq!(planned.result(shard), "committed");
    }
    assert_eq!(planned.result(3), "already_done");
    kitchen.larder(&["collect", &planned.plan]).exits(75).says(&["1 of ", "shards missing: 0"]);
    let status = kitchen.json(&["status", &planned.plan]);
    assert_eq!((status["done"].as_u64(), status["missing"].as_str()), (Some(shards as u64 - 1), Some("0")));
    assert_eq!(planned.result(0), "committed");

    let joined = planned.collect_to("joined.parquet");
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--split", "train"]);
    assert_same(&joined, &kitchen.features("toy", "train"));
    assert_eq!(joined.labels().unwrap(), kitchen.features("toy", "train").labels().unwrap());
    // A stage that wants the features of the split takes the joined file for them.
    let place = kitchen.features_path("toy", "train");
    std::fs::copy(kitchen.path("joined.parquet"), &place).unwrap();
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--split", "train"]).says(&["encode   train: up to date"]);
    assert_eq!(kitchen.json(&["collect", &planned.plan])["is_new"], false);
    assert!(!kitchen.path("home/scratch").exists(), "nothing under way is left");
    kitchen.assert_tidy();
}

#[test]
fn stages_take_the_manifest_for_the_features_of_a_split() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 200)), ("dev", &toy(2, 40))]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "1000"]);
    let kitchen = &planned.kitchen;
    let collected = |plan: &str, shards: usize| -> String {
        (0..shards).for_each(|shard| drop(kitchen.ok(&["work", plan, "--shard", &shard.to_string()])));
        kitchen.json(&["collect", plan])["manifest"].as_str().expect("has a name").to_owned()
    };
    let missing = planned.plan.replace("/plans/", "/manifests/");
    let train = ["train", &dataset, "-e", "tiny", "--run", "r", "--features", &missing];
    kitchen.larder(&train).exits(4).says(&["there is no manifest at", "when the plan is collected"]);
    let manifest = collected(&planned.plan, planned.shards);
    assert_eq!(manifest, missing);

    // Nothing is encoded here, and the parts are brought once.
    let said = kitchen.ok(&train).says(&["encode   train: up to date", "collect  "]).told();
    assert!(!said.contains("rows/s"), "{said}");
    let said = kitchen.ok(&["train", &dataset, "-e", "tiny", "--run", "again", "--features", &manifest]).told();
    assert!(!said.contains("collect  "), "{said}");
    let dev = kitchen.json(&["plan", &dataset, "-e", "tiny", "--split", "dev", "--to", "store"]);
    let dev = collected(dev["plan"].as_str().expect("has a name"), 1);
    kitchen.ok(&["eval", "r", "--features", &dev]).says(&["encode   dev: up to date"]);

    assert_eq!(kitchen.json(&["inspect", &manifest])["layout"]["rows"], 200);
    assert_eq!(kitchen.json(&["verify", &manifest, "--all"])["rows_checked"], 200);
    // A manifest in a folder may be named by its path.
    let path = manifest.strip_prefix("file://").expect("the store is a folder");
    assert_eq!(kitchen.json(&["inspect", path])["layout"]["rows"], 200);

    // Features of anything else are not taken for those asked for.
    let other = ["train", &dataset, "-e", "tiny", "--layers", "all", "--features", &manifest];
    kitchen.larder(&other).exits(3).says(&["is of the split `train`, but not as it is asked for", "columns"]);
    kitchen.dataset("toy", &[("train", &toy(3, 200)), ("dev", &toy(2, 40))]);
    kitchen.larder(&train).exits(3).says(&["but not as it is asked for", "planned with"]);
    kitchen.larder(&["inspect", "s3://bucket/features.parquet"]).exits(2).says(&["is no manifest"]);
    kitchen.assert_tidy();
}

#[test]
fn racing_workers_make_the_same_part_and_commit_once() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 400))]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "100000"]);
    assert_eq!(planned.shards, 1);
    let args = ["work", &planned.plan, "--shard", "0", "--json"];
    // One home and one scratch folder, and one of its own.
    let other = ["--scratch", "elsewhere"];
    let start = |args: &[&str]| {
        let mut command = planned.command(args);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let racers = [start(&args), start(&args), start(&[&args[..], &other].concat())];
    let mut results = Vec::new();
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        if line["result"] == "lost" {
            assert_eq!(line["digest"], line["commit"]["digest"], "both made the same bytes");
        }
        results.push(line["result"].as_str().unwrap().to_owned());
    }
    assert_eq!(results.iter().filter(|result| *result == "committed").count(), 1, "{results:?}");
    let parts = std::fs::read_dir(planned.kitchen.path("store/parts")).unwrap().count();
    assert_eq!(parts, 1);
}

#[test]
fn a_worker_that_was_killed_or_asked_to_end_goes_on() {
    let kitchen = Kitchen::with_tiny();
    let texts: Vec<(String, &str)> = sentences(61, 9_000, 5).into_iter().map(|text| (text, "x")).collect();
    let dataset = kitchen.dataset("long", &[("train", &texts)]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "10000000"]);
    let kitchen = &planned.kitchen;
    let args = ["work", &planned.plan, "--shard", "0", "--threads", "1"];
    let undisturbed = Instant::now();
    kitchen.ok(&[&args[..], &["--scratch", "first"]].concat());
    let whole = undisturbed.elapsed();
    let commit = planned.commit(0);
    let expected: Value = serde_json::from_slice(&std::fs::read(&commit).unwrap()).unwrap();
    std::fs::remove_file(&commit).unwrap();
    // Killed in the middle, wherever that is.
    let mut child = kitchen.start(&args);
    std::thread::sleep(whole / 2);
    child.kill().unwrap();
    child.wait().unwrap();
    // Asked to end once something is encoded.
    let mut asked = 0;
    for _ in 0..20 {
        if commit.exists() {
            break;
        }
        let child = {
            let mut command = kitchen.command(&args);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        };
        std::thread::sleep(whole / 2);
        let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(kill.is_ok());
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(75) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains("stopped as asked"), "{said}");
                asked += 1;
            }
            code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr)),
        }
        if asked > 0 {
            break;
        }
        // It was done before it was asked: once more.
        std::fs::remove_file(&commit).unwrap();
    }
    assert!(asked > 0, "no worker was asked to end before it had");
    kitchen.ok(&args);
    let found: Value = serde_json::from_slice(&std::fs::read(&commit).unwrap()).unwrap();
    assert_eq!(found["digest"], expected["digest"], "the bytes of an undisturbed worker");
}

#[test]
fn a_worker_without_the_files_fetches_encoder_and_rows() {
    let kitchen = Kitchen::with_tiny();
    let row = |(text, label): &(String, &str)| format!("{{\"text\": \"{text}\", \"label\": \"{label}\"}}\n");
    // A large file, and many small ones, which share shards.
    kitchen.write("train-000.jsonl", toy(5, 100).iter().map(row).collect::<String>());
    let files: Vec<String> = (1..=40).map(|at| format!("train-{at:03}.jsonl")).collect();
    for (file, rows) in files.iter().zip(toy(6, 200).chunks(5)) {
        kitchen.write(file, rows.iter().map(row).collect::<String>());
    }
    kitchen.write(
        "set.toml",
        "name = \"set\"\ntask = \"sequence\"\nformat = \"jsonl\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n\
         [splits]\ntrain = \"train-*.jsonl\"\n",
    );
    let planned = Planned::new(kitchen, "set.toml", &["--shard-tokens", "600", "--copy-inputs"]);
    let kitchen = &planned.kitchen;
    assert!((6..=14).contains(&planned.shards), "{} shards", planned.shards);
    kitchen.ok(&["encode", "set.toml", "-e", "tiny"]);
    for gone in files.iter().map(String::as_str).chain(["train-000.jsonl", "set.toml"]) {
        std::fs::remove_file(kitchen.path(gone)).unwrap();
    }
    let mut command = planned.command(&["work", &planned.plan, "--next-missing", "0/1"]);
    command.env("LARDER_HOME", kitchen.path("elsewhere"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(kitchen.path("elsewhere/encoders/tiny/encoder.json").is_file());
    assert_same(&planned.collect_to("joined.parquet"), &kitchen.features("set", "train"));
}

#[test]
fn rows_of_parquet_are_fetched_by_their_row_groups() {
    let kitchen = Kitchen::with_tiny();
    let rows = toy(9, 900);
    let strings = |column: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(column)) };
    let batch = RecordBatch::try_from_iter([
        ("text", strings(rows.iter().map(|(text, _)| text.as_str()).collect())),
        ("label", strings(rows.iter().map(|(_, label)| *label).collect())),
    ])
    .unwrap();
    let file = File::create(kitchen.path("train.parquet")).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(200)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    kitchen.write(
        "set.toml",
        "name = \"set\"\ntask = \"sequence\"\nformat = \"parquet\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n\
         [splits]\ntrain = \"train.parquet\"\n",
    );
    let planned = Planned::new(kitchen, "set.toml", &["--shard-tokens", "2000", "--copy-inputs"]);
    let kitchen = &planned.kitchen;
    assert!(planned.shards > 3);
    kitchen.ok(&["encode", "set.toml", "-e", "tiny"]);
    std::fs::remove_file(kitchen.path("train.parquet")).unwrap();
    kitchen.ok(&["work", &planned.plan, "--next-missing", "0/1"]);
    assert_same(&planned.collect_to("joined.parquet"), &kitchen.features("set", "train"));
}

#[test]
fn slices_of_what_is_missing_share_a_plan_of_words() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("words", &[("train", &tagged_toy(1, 120)), ("dev", &tagged_toy(2, 60))]);
    let planned = Planned::new(kitchen, &dataset, &["--split", "dev", "--shard-tokens", "80"]);
    let kitchen = &planned.kitchen;
    assert!(planned.shards > 3);
    kitchen.ok(&["work", &planned.plan, "--next-missing", "1/2"]);
    let status = kitchen.json(&["status", &planned.plan]);
    assert_eq!(status["done"].as_u64(), Some(planned.shards as u64 / 2));
    kitchen.ok(&["work", &planned.plan, "--next-missing", "0/2"]);
    let joined = planned.collect_to("joined.parquet");
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--split", "dev"]);
    let whole = kitchen.words("words", "tiny", "dev");
    assert_same(&joined, &whole);
    assert_eq!((joined.words().unwrap(), joined.tags().unwrap()), (whole.words().unwrap(), whole.tags().unwrap()));
}

#[test]
fn what_is_wrong_is_said_and_ends_for_good() {
    let kitchen = Kitchen::with_tiny();
    let rows = toy(7, 200);
    let dataset = kitchen.dataset("toy", &[("train", &rows)]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "400"]);
    let kitchen = &planned.kitchen;
    planned
        .work(99)
        .exits(2)
        .says(&["there is no shard 99", &format!("has {} shards, numbered from 0", planned.shards)]);
    kitchen.larder(&["work", &planned.plan]).exits(2).says(&["SLURM_ARRAY_TASK_ID"]);
    let mut named = planned.command(&["work", &planned.plan]);
    let output = named.env("JOB_COMPLETION_INDEX", "1").output().unwrap();
    assert!(output.status.success() && planned.commit(1).is_file());

    // One text of one shard changed; the other shards' rows have not.
    let path = kitchen.path("toy-train.tsv");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed: String = text.chars().rev().collect::<String>().replacen('e', "a", 1).chars().rev().collect();
    std::fs::write(&path, changed).unwrap();
    let codes: Vec<Option<i32>> = (0..planned.shards).map(|shard| planned.work(shard).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(3)).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), planned.shards - 1, "{codes:?}");
    let refused = codes.iter().position(|code| *code == Some(3)).unwrap();
    planned.work(refused).exits(3).says(&["toy-train.tsv", "are not those that were planned", "make a new plan"]);
    std::fs::write(&path, text).unwrap();
    planned.work(refused).exits(0);

    for (args, code, said) in [
        (vec!["work", "nowhere/plans/00.json", "--shard", "0"], 4, "there is no store"),
        (vec!["work", "store/plans/00.json", "--shard", "0"], 4, "there is no plan"),
        (vec!["work", "s3://K:SECRET@bucket/plans/00.json", "--shard", "0"], 2, "credentials do not belong"),
        (vec!["status", "ftp://bucket/plans/00.json"], 2, "s3://BUCKET/PREFIX"),
        (vec!["plan", &dataset, "-e", "tiny", "--to", "store", "--threads", "2"], 2, "--threads means nothing"),
    ] {
        kitchen.larder(&args).exits(code).says(&[said]).does_not_say("SECRET");
    }
    let kept = kitchen.json(&["gc", "store"]);
    assert_eq!(kept["garbage"]["keys"], serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn a_full_disk_asks_for_another_try_and_loses_nothing() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(7, 400))]);
    let planned = Planned::new(kitchen, &dataset, &["--shard-tokens", "100000"]);
    let kitchen = &planned.kitchen;
    // A limit on files meets a writer as a full disk does: blocks of 1,024 bytes (POSIX: 512).
    let limited = |blocks: u32| {
        let worker = planned.command(&["work", &planned.plan, "--shard", "0"]);
        let mut command = Command::new("bash");
        kitchen.prepare(&mut command);
        command.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        command.arg(worker.get_program()).args(worker.get_args());
        larder_tests::run(&mut command)
    };
    let before = kitchen.files();
    for blocks in [1, 8, 32] {
        limited(blocks).exits(75).says(&["free some space"]);
        assert!(!planned.commit(0).exists());
    }
    assert!(before.keys().all(|path| kitchen.path("").join(path).exists()), "what was there is there");
    assert_eq!(planned.result(0), "committed");
    assert_eq!(planned.collect_to("joined.parquet").rows(), 400);
    kitchen.assert_tidy();
}

#[test]
fn a_finished_shard_costs_a_look() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(8, 60))]);
    let planned = Planned::new(kitchen, &dataset, &[]);
    planned.work(0).exits(0);
    // Neither the encoder nor ONNX Runtime is looked for.
    let mut command = planned.command(&["work", &planned.plan, "--shard", "0"]);
    command.env("LARDER_HOME", "nowhere").env("ORT_DYLIB_PATH", "nowhere");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "shard 0: already done");
    assert!(!planned.kitchen.path("nowhere").exists());
}
