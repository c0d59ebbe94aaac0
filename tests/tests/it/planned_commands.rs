//! Plans whose shards are commands: sweeps, seeds, encoders and predictions over files, through the binary.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use larder_tests::{Answer, Kitchen, toy};
use serde_json::Value;

const QUICK: &str = "--class-weight none --threshold half --folds 3";

/// A kitchen with a data set and a plan of commands in the folder `store`.
struct Planned {
    kitchen: Kitchen,
    plan: String,
}

impl Planned {
    #[track_caller]
    fn new(kitchen: Kitchen, lines: &[String], more: &[&str]) -> Self {
        kitchen.write("commands.txt", format!("# a comment\n\n{}\n", lines.join("\n")));
        let made = kitchen.json(&[&["plan", "--commands", "commands.txt", "--to", "store"], more].concat());
        assert_eq!(made["shards"], lines.len());
        let plan = made["plan"].as_str().expect("a plan has a name").to_owned();
        Self { kitchen, plan }
    }

    fn name(&self, shard: usize) -> String {
        let id = self.plan.rsplit('/').next().unwrap();
        format!("{}-{shard:03}", &id[..8])
    }

    fn commit(&self, shard: usize) -> PathBuf {
        let id = self.plan.rsplit('/').next().unwrap().trim_end_matches(".json");
        self.kitchen.path(&format!("store/commits/{id}/{shard:06}.json"))
    }

    /// A worker on another machine, whose home is empty.
    fn elsewhere(&self, home: &str, shard: usize) -> Command {
        let home = self.kitchen.path(home).display().to_string();
        let shard = shard.to_string();
        let mut command = self.kitchen.command(&["--home", &home, "work", &self.plan, "--shard", &shard, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn result(answer: &Answer) -> String {
    answer.json()["result"].as_str().unwrap_or_else(|| panic!("{}", answer.told())).to_owned()
}

fn scores(kitchen: &Kitchen, folder: &str) -> Value {
    let text = std::fs::read(kitchen.path(folder).join("metrics.json")).expect("was judged");
    let metrics: Value = serde_json::from_slice(&text).expect("is JSON");
    metrics["splits"][0]["scores"].clone()
}

fn toy_kitchen() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 120)), ("dev", &toy(2, 40))]);
    (kitchen, dataset)
}

#[test]
fn seeds_and_encoders_are_runs_like_those_of_one_machine() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen.init("other", 7, &[]);
    let line = |encoder: &str, seed: u64| format!("larder run '{dataset}' -e {encoder} {QUICK} --seed {seed}");
    let lines = [line("tiny", 1), line("tiny", 2), line("other", 1)];
    let planned = Planned::new(kitchen, &lines, &[]);
    let kitchen = &planned.kitchen;
    let again = kitchen.json(&["plan", "--commands", "commands.txt", "--to", "store"]);
    assert_eq!((again["plan"].as_str(), &again["is_new"]), (Some(planned.plan.as_str()), &Value::Bool(false)));
    kitchen.ok(&["status", &planned.plan]).prints(&["0 of 3 shards done", "missing: 0-2"]).does_not_print("rows");
    kitchen.larder(&["collect", &planned.plan]).exits(75).says(&["3 of 3 shards missing: 0-2"]);
    assert!(kitchen.ok(&["submit", "slurm", &planned.plan, "--dry-run"]).stdout.contains("--array=0-2\n"));

    // One by another machine, which fetches the encoder; the others here, one after another.
    assert_eq!(result(&larder_tests::run(&mut planned.elsewhere("far", 2))), "committed");
    let said = kitchen.ok(&["work", &planned.plan, "--next-missing", "0/1", "--json"]);
    assert_eq!(said.json_lines().len(), 2, "{}", said.told());
    assert_eq!(result(&larder_tests::run(&mut planned.elsewhere("far", 0))), "already_done");

    let collected = kitchen.json(&["collect", &planned.plan, "--to", "collected"]);
    let groups = collected["groups"].as_array().expect("is a list");
    assert_eq!(groups.len(), 2, "{collected:#}");
    let of_tiny = groups.iter().find(|group| group["runs"].as_array().is_some_and(|runs| runs.len() == 2));
    let of_tiny = of_tiny.expect("two seeds are one group");
    assert!(!of_tiny["command"].as_str().unwrap().contains("--seed"), "{of_tiny}");
    // The numbers are those of one machine.
    let seeds = kitchen.json(
        &[
            &["run", &dataset, "-e", "tiny", "--seeds", "1,2", "--run", "here"],
            &QUICK.split(' ').collect::<Vec<_>>()[..],
        ]
        .concat(),
    );
    let mcc = seeds["summary"].as_array().unwrap().iter().find(|entry| entry["score"] == "mcc").expect("is scored");
    for part in ["mean", "deviation", "min", "max"] {
        assert_eq!(of_tiny["scores"][0][part], mcc[part], "{part}");
    }
    for (shard, run) in [(0, "here-seed1"), (1, "here-seed2")] {
        let [found, expected] = [format!("collected/{}", planned.name(shard)), format!("home/runs/{run}")];
        assert_eq!(scores(kitchen, &found), scores(kitchen, &expected));
        let head = |folder: &str| std::fs::read(kitchen.path(folder).join("head.safetensors")).expect("has a head");
        assert_eq!(head(&found), head(&expected), "the same head");
    }
    let table = kitchen.ok(&["collect", &planned.plan]).says(&["3 results", "collected before"]);
    let best = collected["best"].as_str().expect("something is best");
    table.prints(&["mean", " 2 |", &format!("best: {best}, mcc ")]);

    // A collected run is a run.
    kitchen.ok(&["collect", &planned.plan, "--to", "third/runs"]);
    let third = kitchen.path("third").display().to_string();
    kitchen.ok(&["--home", &third, "runs", "show", &planned.name(2)]).prints(&["other"]);
    kitchen
        .larder(&["inspect", &collected["manifest"].as_str().unwrap().replace("file://", "")])
        .exits(2)
        .says(&["is no manifest of features: it names results of commands"]);
    kitchen.ok(&["gc", "store", "--older-than", "0s"]).prints(&["0 objects"]);
    kitchen.assert_tidy();
}

#[test]
fn a_command_that_fails_by_its_data_is_passed_over_and_told_at_the_end() {
    let (kitchen, dataset) = toy_kitchen();
    let one_class: Vec<(String, &str)> = toy(3, 60).into_iter().map(|(text, _)| (text, "same")).collect();
    let hopeless = kitchen.dataset("hopeless", &[("train", &one_class), ("dev", &one_class[..20])]);
    let line = |dataset: &str, seed: u64| format!("run {dataset} -e tiny {QUICK} --seed {seed}");
    let planned = Planned::new(kitchen, &[line(&hopeless, 1), line(&dataset, 1), line(&dataset, 2)], &[]);
    let kitchen = &planned.kitchen;
    let worked = kitchen.larder(&["work", &planned.plan, "--next-missing", "0/1", "--json"]).exits(3);
    let worked = worked.says(&["shard 0 fails and is passed over: ", "class"]);
    let results: Vec<Value> = worked.json_lines().into_iter().filter(|line| line["error"].is_null()).collect();
    let done: Vec<&Value> = results.iter().map(|line| &line["shard"]).collect();
    assert_eq!(done, [1, 2], "{}", worked.told());
    kitchen.ok(&["status", &planned.plan]).prints(&["2 of 3 shards done", "missing: 0"]);
    kitchen.assert_tidy();
}

#[test]
fn a_fine_tune_that_was_killed_goes_on_and_racers_commit_once() {
    let (kitchen, dataset) = toy_kitchen();
    let line = |rate: &str| {
        format!("finetune {dataset} -e tiny --lr {rate} --batch-rows 8 --epochs 12 --save-every 5 --seed 3")
    };
    let planned = Planned::new(kitchen, &[line("2e-3"), line("1e-3")], &["--no-weights"]);
    let kitchen = &planned.kitchen;
    let began = Instant::now();
    let undisturbed = planned.kitchen.twin();
    let words = line("2e-3").replace("finetune ", "");
    let words: Vec<&str> = words.split(' ').collect();
    let expected = undisturbed.json(&[&["finetune"], &words[..], &["--run", "alone", "--threads", "1"]].concat());
    let whole = began.elapsed();

    let args = ["work", &planned.plan, "--shard", "0", "--threads", "1"];
    for _ in 0..3 {
        let mut child = kitchen.start(&args);
        std::thread::sleep(whole / 3);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Asked to end, it asks for another try; or it was done before.
    let mut command = kitchen.command(&args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(whole / 4);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().is_ok());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 75)), "{:?}: {said}", output.status);
    kitchen.ok(&args);

    // Two in one home and one elsewhere: one commits, and nobody fails.
    let here = |planned: &Planned| {
        let mut command = kitchen.command(&["work", &planned.plan, "--shard", "1", "--threads", "1", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let racers = [here(&planned), here(&planned), planned.elsewhere("far", 1)];
    let racers: Vec<_> = racers.into_iter().map(|mut racer| racer.spawn().unwrap()).collect();
    let mut results = Vec::new();
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        results.push(line["result"].as_str().unwrap().to_owned());
    }
    assert_eq!(results.iter().filter(|result| *result == "committed").count(), 1, "{results:?}");

    kitchen.ok(&["collect", &planned.plan, "--to", "collected"]);
    let found = format!("collected/{}", planned.name(0));
    assert_eq!(scores(kitchen, &found), expected["evaluation"]["splits"][0]["scores"], "as undisturbed");
    assert!(!kitchen.path(&found).join("encoders").exists(), "the weights stay with the worker");
    assert!(kitchen.path(&format!("home/runs/{}/encoders", planned.name(0))).exists());
    kitchen.assert_tidy();
}

#[test]
fn predictions_over_files_are_those_of_one_machine() {
    let (kitchen, dataset) = toy_kitchen();
    kitchen
        .ok(&[&["run", &dataset, "-e", "tiny", "--run", "best"], &QUICK.split(' ').collect::<Vec<_>>()[..]].concat());
    let files = ["part 1.tsv", "part-2.tsv"];
    for (seed, file) in (11..).zip(files) {
        kitchen.rows(file, &toy(seed, 30));
    }
    let lines = files.map(|file| format!("predict best --input '{file}'"));
    let planned = Planned::new(kitchen, &lines, &["--copy-inputs"]);
    let kitchen = &planned.kitchen;
    std::fs::create_dir(kitchen.path("here")).unwrap();
    for file in files {
        kitchen.ok(&["predict", "best", "--input", file, "--output", &format!("here/{file}")]);
        std::fs::remove_file(kitchen.path(file)).unwrap();
    }
    // Another machine has neither the files nor the run.
    for shard in [1, 0] {
        assert_eq!(result(&larder_tests::run(&mut planned.elsewhere("far", shard))), "committed");
    }
    kitchen.ok(&["collect", &planned.plan, "--to", "answers"]).does_not_print("best:");
    for (shard, file) in files.iter().enumerate() {
        let found = std::fs::read(kitchen.path(&format!("answers/{}/{file}", planned.name(shard)))).unwrap();
        assert_eq!(found, std::fs::read(kitchen.path(&format!("here/{file}"))).unwrap(), "{file}");
        assert!(!found.is_empty());
    }
    // A run of that name that is another one is not taken for it.
    std::fs::remove_file(planned.commit(1)).unwrap();
    std::fs::write(kitchen.path("far/runs/best/run.json"), "{}").unwrap();
    let answer = larder_tests::run(&mut planned.elsewhere("far", 1));
    answer.exits(3).says(&["is not the one that was planned"]);
}

#[test]
fn what_is_wrong_with_a_command_is_said_of_its_line() {
    let (kitchen, dataset) = toy_kitchen();
    let plan = |text: String| {
        kitchen.write("commands.txt", text);
        kitchen.larder(&["plan", "--commands", "commands.txt", "--to", "store"])
    };
    let good = format!("run {dataset} -e tiny\n");
    plan(String::new()).exits(2).says(&["has no command"]);
    plan(format!("{good}encode {dataset} -e tiny")).exits(2).says(&["commands.txt, line 2", "found `encode`"]);
    plan(format!("{good}\nrun '{dataset}")).exits(2).says(&["line 3", "a quote is not closed"]);
    plan(format!("{good}run {dataset} -e tiny --head crf")).exits(2);
    plan(format!("{good}run {dataset} -e nobody")).exits(4).says(&["nobody"]);
    plan("predict nobody --input a.csv".to_owned()).exits(4).says(&["nobody"]);
    assert!(!kitchen.path("store/plans").exists(), "nothing was planned");
    kitchen.larder(&["plan", &dataset, "--commands", "commands.txt", "--to", "store"]).exits(2);

    // A data set that changed since it was planned is noticed before anything is run.
    let planned: Value = plan(good).exits(0).stdout.trim().into();
    kitchen.dataset("toy", &[("train", &toy(5, 120)), ("dev", &toy(2, 40))]);
    let work = ["work", planned.as_str().unwrap(), "--shard", "0"];
    kitchen.larder(&work).exits(3).says(&["are not those that were planned"]);
    kitchen.larder(&["work", planned.as_str().unwrap(), "--shard", "1"]).exits(2).says(&["there is no shard 1"]);
    assert!(kitchen.runs().is_empty());
}
