//! Kills at random moments, over all stages: `just kills`.
//!
//! Each series kills one command up to four times, each time anywhere in what is left of it, and then lets it end. `LARDER_KILLS` is
//! how many kills there are in all, `LARDER_KILL_SEED` where the moments begin.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use larder_tests::{Kitchen, Random, sentences, tagged_toy};

use crate::scenes::{PREDICT, Scene, borrowed, kitchen_with_run, new_encoder, replaced_encoder, toy_kitchen};

/// Kills without another wish: each command is killed at least once.
const FEW_KILLS: usize = 12;
/// Kills of one series.
const MOST_IN_SERIES: usize = 4;

/// What came of killing one command.
#[derive(Default)]
struct Tally {
    kills: usize,
    series: usize,
    seconds: f64,
}

fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is `{text}` and no number")))
}

/// The commands by their names, and what they leave.
fn scenes() -> Vec<(&'static str, Scene)> {
    let (with_run, dataset) = kitchen_with_run();
    let texts = sentences(5, 3_000, 8);
    with_run.write("rows.csv", texts.iter().fold("text\n".to_owned(), |all, text| all + text + "\n"));
    let predict = ["predict", "mine", "--input", "rows.csv", "--output", "out.csv"];
    let train = ["train", &dataset, "-e", "tiny", "--run", "mine", "--c", "0.5"];

    let (toy, _) = toy_kitchen();
    let run = Scene::new(toy.twin(), &["run", &dataset, "-e", "tiny", "--run", "mine"], &PREDICT)
        .beginning_with(&["train", &dataset, "-e", "tiny", "--run", "mine"]);
    let mut tune = vec!["finetune", &dataset, "-e", "tiny", "--run", "mine", "--lr", "2e-3", "--batch-rows", "16"];
    tune.extend(["--epochs", "3", "--save-every", "2", "--threads", "1"]);
    for split in ["train", "dev"] {
        toy.ok(&["tokenize", &dataset, "-e", "tiny", "--split", split]);
    }
    let tune = Scene::new(toy, &tune, &PREDICT).pausing_at("finetuned-run-placed");

    let tagging = Kitchen::with_tiny();
    let tags = tagging.tagging("toy", &[("train", &tagged_toy(1, 40)), ("dev", &tagged_toy(2, 10))]);
    for split in ["train", "dev"] {
        tagging.ok(&["encode", &tags, "-e", "tiny", "--split", split]);
    }
    let with_head = |stage| [stage, tags.as_str(), "-e", "tiny", "--head", "crf", "--run", "mine"];
    let tagger =
        Scene::new(tagging, &with_head("run"), &["predict", "mine", "Anna walks"]).beginning_with(&with_head("train"));

    let large = Kitchen::with_tiny();
    let rows: Vec<_> = sentences(3, 8_000, 12).into_iter().map(|text| (text, "a")).collect();
    let many = large.dataset("large", &[("train", &rows)]);
    let tokenize = Scene::new(large.twin(), &["tokenize", &many, "-e", "tiny"], &[]);
    large.ok(&["tokenize", &many, "-e", "tiny"]);
    let encode = Scene::new(large, &["encode", &many, "-e", "tiny", "--threads", "1"], &[]);

    vec![
        ("encoder init", new_encoder()),
        ("encoder init --replace", replaced_encoder()),
        ("tokenize", tokenize),
        ("encode", encode),
        ("train", Scene::new(with_run.twin(), &train, &PREDICT)),
        ("run", run),
        ("run (tags)", tagger),
        ("finetune", tune),
        ("predict --input", Scene::new(with_run.twin(), &predict, &[])),
        ("export", Scene::new(with_run.twin(), &["export", "mine", "-o", "out"], &[])),
        ("report", Scene::new(with_run.twin(), &["report", "mine", "-o", "report.html"], &[])),
        ("graphs", Scene::new(with_run, &["graphs", &dataset, "-e", "tiny"], &[])),
    ]
}

#[test]
fn killed_at_random_moments_commands_end_as_undisturbed() {
    let wanted = number("LARDER_KILLS").unwrap_or(FEW_KILLS);
    let mut random = Random::new(number("LARDER_KILL_SEED").unwrap_or(1) as u64);
    let scenes = scenes();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let (started, mut kills, mut idle) = (Instant::now(), 0, 0);
    for (name, scene) in scenes.iter().cycle() {
        if kills >= wanted {
            break;
        }
        let series_started = Instant::now();
        // How long it takes here and now.
        let duration = {
            let kitchen = scene.kitchen.twin();
            let begun = Instant::now();
            kitchen.ok(&borrowed(&scene.command));
            begun.elapsed()
        };
        let kitchen = scene.kitchen.twin();
        let series = 1 + (random.share() * MOST_IN_SERIES as f64) as usize;
        let mut killed = 0;
        for _ in 0..series {
            let delay = duration.mul_f64(random.share());
            if !killed_after(&kitchen, scene, delay) {
                break;
            }
            killed += 1;
            scene.stands_whole(&kitchen, &format!("{name} killed after {delay:?}, {killed} times"));
        }
        idle = if killed == 0 { idle + 1 } else { 0 };
        assert!(idle < 100, "nothing is still running after its delay");
        scene.ends_as_undisturbed(&kitchen, &format!("{name} killed {killed} times"));
        kills += killed;
        let tally = tallies.entry(name).or_default();
        tally.kills += killed;
        tally.series += 1;
        tally.seconds += series_started.elapsed().as_secs_f64();
    }
    eprintln!("| command | kills | ended as undisturbed | seconds |\n|---|---|---|---|");
    for (name, Tally { kills, series, seconds }) in &tallies {
        eprintln!("| {name} | {kills} | {series} of {series} | {seconds:.0} |");
    }
    eprintln!("{kills} kills in {:.0} s", started.elapsed().as_secs_f64());
}

/// Starts the command and kills it after a while, with a signal that it cannot see. `false` if it had ended by then.
fn killed_after(kitchen: &Kitchen, scene: &Scene, delay: Duration) -> bool {
    let mut command = kitchen.command(&borrowed(&scene.command));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    std::thread::sleep(delay);
    let running = child.try_wait().expect("the child can be asked").is_none();
    child.kill().expect("the child can be killed");
    let status = child.wait().expect("the child ends");
    running && !status.success()
}
