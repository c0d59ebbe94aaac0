//! A killed stage loses nothing: no half file, and in the end the same bytes as without the killing.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use larder_tests::{Answer, Encoded, Kitchen, Random, Tagged, sentences, tagged_toy, toy};

/// More than the 65,536 rows of a part, so that an interrupted run leaves a finished part to go on from.
const ROWS: usize = 72_000;
/// Different texts among them: the encoder's work is this many rows, and the rest are copies.
const DIFFERENT: usize = 9_000;

fn corpus() -> Vec<(String, &'static str)> {
    let texts = sentences(51, DIFFERENT, 5);
    // Texts that stand only behind the first part, so that the second part has work of its own.
    let (first, second) = texts.split_at(DIFFERENT - 2_000);
    let row = |n: usize| if n < 66_000 { &first[n % first.len()] } else { &second[n % second.len()] };
    (0..ROWS).map(|n| (row(n).clone(), if n % 2 == 0 { "even" } else { "odd" })).collect()
}

/// Kills the process after `delay`, or says that it had ended by then.
fn kill_after(mut child: Child, delay: Duration) -> bool {
    std::thread::sleep(delay);
    kill(&mut child)
}

fn kill(child: &mut Child) -> bool {
    let running = child.try_wait().expect("the child can be asked").is_none();
    // SIGKILL: the process has no say.
    child.kill().expect("the child can be killed");
    let status = child.wait().expect("the child ends");
    running && !status.success()
}

fn is_whole_or_absent(path: &Path, expected: &[u8], what: &str) {
    if let Ok(found) = std::fs::read(path) {
        assert!(found == expected, "{what}: {} stands there and is not the file", path.display());
    }
}

#[test]
fn encode_killed_twenty_times_ends_with_the_same_bytes() {
    let rows = corpus();
    let undisturbed = Kitchen::with_tiny();
    let dataset = undisturbed.dataset("kill", &[("train", &rows)]);
    let args = ["encode", &dataset, "-e", "tiny"];
    undisturbed.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let started = Instant::now();
    undisturbed.ok(&args);
    let whole = started.elapsed();
    let expected = std::fs::read(undisturbed.features_path("kill", "train")).unwrap();

    let kitchen = Kitchen::with_tiny();
    kitchen.dataset("kill", &[("train", &rows)]);
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let target = kitchen.features_path("kill", "train");
    let first_part = target.with_file_name("train.parquet.parts").join("000000.parquet");
    let mut random = Random::new(52);
    let mut resumed = 0;
    let mut resume = |answer: &Answer| {
        let told = Encoded::of(answer, "train").unwrap_or_else(|| panic!("nothing encoded\n{}", answer.told()));
        resumed += usize::from(told.kept > 0);
    };
    let (mut killed, mut attempts) = (0, 0);
    while killed < 20 {
        attempts += 1;
        assert!(attempts <= 200, "only {killed} of {attempts} processes were still running after their delay");
        let delay = whole.mul_f64(random.share());
        if kill_after(kitchen.start(&args), delay) {
            killed += 1;
            is_whole_or_absent(&target, &expected, &format!("killed after {delay:?}"));
        }
        if target.exists() {
            // It had ended: from the beginning, so that there is something to kill.
            is_whole_or_absent(&target, &expected, "ended before it was killed");
            std::fs::remove_file(&target).unwrap();
        } else if killed % 5 == 0 {
            let answer = kitchen.ok(&args);
            resume(&answer);
            is_whole_or_absent(&target, &expected, "ended after having been killed");
            std::fs::remove_file(&target).unwrap();
        }
    }
    // Once just behind the first part, wherever the random moments fell.
    let mut child = kitchen.start(&args);
    while !first_part.exists() && child.try_wait().expect("the child can be asked").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let between_parts = kill(&mut child);
    if !between_parts {
        std::fs::remove_file(&target).unwrap();
    }
    resume(&kitchen.ok(&args));
    assert!(std::fs::read(&target).unwrap() == expected, "the bytes of an undisturbed run");
    assert!(resumed > 0, "no run went on from a finished part (killed between parts: {between_parts})");
    kitchen.assert_tidy();
}

/// 12,000 different sentences of some 78,000 words: more than the 65,536 rows of a part, and every row is work.
fn corpus_of_words() -> Vec<Tagged> {
    let of = |text: String| {
        let words: Vec<(&str, &str)> = text.split(' ').map(|word| (word, "O")).collect();
        Tagged::of(&words)
    };
    sentences(54, 12_000, 10).into_iter().map(of).collect()
}

#[test]
fn words_killed_while_they_are_encoded_end_with_the_same_bytes() {
    let corpus = corpus_of_words();
    let make = || {
        let kitchen = Kitchen::with_tiny();
        let dataset = kitchen.tagging("kill", &[("train", &corpus)]);
        kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
        (kitchen, dataset)
    };
    let (undisturbed, dataset) = make();
    let args = ["encode", &dataset, "-e", "tiny", "--layers", "all"];
    let started = Instant::now();
    undisturbed.ok(&args);
    let whole = started.elapsed();
    let path = |kitchen: &Kitchen| kitchen.home().features("kill", "tiny", "word-first-f32", "train").unwrap();
    let expected = std::fs::read(path(&undisturbed)).unwrap();
    let words: usize = corpus.iter().map(|sentence| sentence.words.len()).sum();
    assert_eq!(undisturbed.words("kill", "tiny", "train").rows(), words);
    assert!(words > 65_536, "{words} words are one part, and there is nothing to go on from");

    let (kitchen, _) = make();
    let target = path(&kitchen);
    let mut random = Random::new(55);
    for _ in 0..5 {
        let delay = whole.mul_f64(random.share());
        kill_after(kitchen.start(&args), delay);
        is_whole_or_absent(&target, &expected, &format!("killed after {delay:?}"));
        if target.exists() {
            std::fs::remove_file(&target).unwrap();
        }
    }
    let first_part = target.with_file_name("train.parquet.parts").join("000000.parquet");
    let mut child = kitchen.start(&args);
    while !first_part.exists() && child.try_wait().expect("the child can be asked").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(kill(&mut child), "the second part takes longer than a kill");
    let answer = kitchen.ok(&args);
    let told = Encoded::of(&answer, "train").expect("encoded");
    // A sentence stays in one part: the first one ends with the last whole sentence.
    assert!(told.kept > 65_000, "went on from the finished part\n{}", answer.told());
    assert!(std::fs::read(&target).unwrap() == expected, "the bytes of an undisturbed run");
    kitchen.assert_tidy();
}

#[test]
fn a_tagger_killed_anywhere_ends_with_the_same_head_and_answers() {
    let make = || {
        let kitchen = Kitchen::with_tiny();
        let dataset = kitchen.tagging("kill", &[("train", &tagged_toy(1, 150)), ("dev", &tagged_toy(2, 40))]);
        (kitchen, dataset)
    };
    let (undisturbed, dataset) = make();
    let args = ["run", &dataset, "-e", "tiny", "--layers", "all", "--head", "crf", "--run", "mine"];
    let started = Instant::now();
    undisturbed.ok(&args);
    let whole = started.elapsed();
    let (kitchen, _) = make();
    let mut random = Random::new(56);
    for _ in 0..6 {
        kill_after(kitchen.start(&args), whole.mul_f64(random.share()));
        let answer = kitchen.larder(&["predict", "mine", "Anna walks"]);
        assert!(matches!(answer.code, Some(0 | 4)), "a whole run or none\n{}", answer.told());
    }
    kitchen.ok(&args);
    for file in ["head.json", "head.safetensors", "predictions.parquet", "predictions.dev.conll"] {
        assert!(kitchen.run_file("mine", file) == undisturbed.run_file("mine", file), "{file}");
    }
    kitchen.assert_tidy();
}

#[test]
fn run_killed_anywhere_ends_with_the_same_head_and_answers() {
    let make = || {
        let kitchen = Kitchen::with_tiny();
        let dataset = kitchen.dataset("kill", &[("train", &toy(1, 600)), ("dev", &toy(2, 60))]);
        (kitchen, dataset)
    };
    let (undisturbed, dataset) = make();
    let args = ["run", &dataset, "-e", "tiny", "--layers", "all", "--run", "mine"];
    let started = Instant::now();
    undisturbed.ok(&args);
    let whole = started.elapsed();
    let (kitchen, _) = make();
    let mut random = Random::new(53);
    for _ in 0..12 {
        kill_after(kitchen.start(&args), whole.mul_f64(random.share()));
        let answer = kitchen.larder(&["predict", "mine", "red green"]);
        assert!(matches!(answer.code, Some(0 | 4)), "a whole run or none\n{}", answer.told());
    }
    kitchen.ok(&args);
    for file in ["head.json", "head.safetensors", "predictions.parquet", "metrics.json"] {
        let read = |kitchen: &Kitchen| std::fs::read(kitchen.path("home/runs/mine").join(file)).unwrap();
        assert!(read(&kitchen) == read(&undisturbed), "{file}");
    }
    for split in ["train", "dev"] {
        let read = |kitchen: &Kitchen| std::fs::read(kitchen.features_path("kill", split)).unwrap();
        assert!(read(&kitchen) == read(&undisturbed), "features of {split}");
    }
    assert_eq!(kitchen.runs(), ["mine"]);
}

#[test]
fn a_killed_run_leaves_nothing_among_the_runs() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("kill", &[("train", &toy(1, 60))]);
    let args = ["train", &dataset, "-e", "tiny", "--run", "mine", "--force"];
    kitchen.ok(&args);
    let runs = kitchen.path("home/runs");
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(&runs).expect("the runs can be listed");
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
    };
    // Killed while the new run is beside the old one: a few milliseconds, so it may take several tries.
    let caught = (0..50).any(|_| {
        let mut child = kitchen.start(&args);
        while names().len() == 1 && child.try_wait().expect("the child can be asked").is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        kill(&mut child) && names().len() > 1
    });
    eprintln!("killed while a run was being put in place: {caught}");
    assert_eq!(kitchen.runs(), ["mine"], "the old run or the new one");
    kitchen.ok(&["predict", "mine", "red green"]);
    kitchen.ok(&args);
    assert_eq!(names(), ["mine"], "what a killed process left is gone after the next run");
}
