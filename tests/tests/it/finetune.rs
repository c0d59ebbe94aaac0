//! Fine-tuning through the binary: from raw text to a run like any other, whatever happens on the way.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use larder_tests::{ConllColumns, History, Kitchen, Random, Tagged, number, predictions, tagged_toy, toy};
use serde_json::Value;

/// Whether a colour comes before a move: the words alone do not tell.
fn ordered(seed: u64, rows: usize) -> Vec<(String, &'static str)> {
    let mut random = Random::new(seed);
    let (colours, moves) = (["red", "green", "blue", "black"], ["runs", "walks", "jumps", "sits"]);
    (0..rows)
        .map(|row| {
            let (colour, step) = (colours[random.below(4)], moves[random.below(4)]);
            // One of three the other way round.
            match row % 3 {
                0 => (format!("{step} {colour}"), "move"),
                _ => (format!("{colour} {step}"), "colour"),
            }
        })
        .collect()
}

fn sequence_kitchen(rows: usize) -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("order", &[("train", &ordered(1, rows)), ("dev", &ordered(2, 45))]);
    (kitchen, dataset)
}

/// `finetune` with a rate that suits an encoder this small and random.
fn finetune<'a>(dataset: &'a str, run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["finetune", dataset, "-e", "tiny", "--lr", "2e-3", "--batch-rows", "16", "--run", run];
    args.extend(more);
    args
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn history(kitchen: &Kitchen, run: &str) -> History {
    History::read(&kitchen.path("home/runs").join(run).join("history.parquet"))
}

fn digest(kitchen: &Kitchen, run: &str) -> String {
    let record: Value = serde_json::from_slice(&kitchen.run_file(run, "run.json")).expect("run.json is JSON");
    record["head"]["encoder_digest"].as_str().expect("a fine-tuned run records its encoder").to_owned()
}

#[test]
fn a_classifier_goes_from_raw_text_to_a_run_like_any_other() {
    let (kitchen, dataset) = sequence_kitchen(240);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "frozen"]);
    let report = kitchen.json(&finetune(&dataset, "mine", &["--epochs", "12"]));
    let mcc = |report: &Value| number(report, "/evaluation/splits/0/scores/mcc");
    assert!(mcc(&report) > 0.9, "the order can be learned: {report:#}");

    // What was judged while it was trained is what the cache of the tuned encoder gives afterwards.
    let best = number(&report, "/training/best/score");
    assert!((best - mcc(&report)).abs() < 1e-9, "{best} {}", mcc(&report));
    let history = history(&kitchen, "mine");
    assert_eq!((history.steps.len(), history.steps.last().copied()), (12 * 15, Some(180)));
    assert_eq!(history.scores.iter().flatten().count(), 12, "one evaluation an epoch");
    assert!(history.scores.iter().flatten().any(|score| (score - best).abs() < 1e-12));
    let (first, last) = (mean(&history.losses[..15]), mean(&history.losses[165..]));
    assert!(first > 0.5 && last < 0.3, "by epoch, the loss went from {first} to {last}");
    assert_eq!(history.learning_rates[0], 0.0, "the warm-up begins at nothing");

    // Again there is nothing to do, and with another seed everything.
    kitchen.ok(&finetune(&dataset, "mine", &["--epochs", "12"])).says(&["finetune mine: up to date"]);
    kitchen.ok(&finetune(&dataset, "mine", &["--epochs", "1", "--seed", "3"])).says(&["out of date", "seed: 0 -> 3"]);
    kitchen.ok(&finetune(&dataset, "mine", &["--epochs", "12"]));
    kitchen.assert_tidy();

    // Predictions of texts, one and several, are those of the file.
    let answered = predictions(&kitchen.path("home/runs/mine/predictions.parquet"));
    let texts = ordered(2, 45);
    let args: Vec<&str> =
        ["predict", "mine", "--json"].into_iter().chain(texts.iter().map(|row| row.0.as_str())).collect();
    for (line, answer) in kitchen.ok(&args).json_lines().iter().zip(&answered) {
        assert_eq!(line["label"].as_str(), Some(answer.prediction.as_str()));
        assert!((number(line, "/probability") - f64::from(answer.probability)).abs() < 1e-5, "{line} {answer:?}");
    }
    kitchen.ok(&["compare", "frozen", "mine"]).prints(&["fine-tuned", "mine"]);
    kitchen.ok(&["eval", "mine"]).prints(&["dev"]);
}

#[test]
fn the_tuned_encoder_is_an_encoder_like_any_other() {
    let (kitchen, dataset) = sequence_kitchen(60);
    kitchen.ok(&finetune(&dataset, "mine", &["--epochs", "2", "--pool", "mean"]));
    let base = kitchen.json(&["encoder", "show", "tiny"]);
    let added = kitchen.ok(&["encoder", "add", "home/runs/mine", "--name", "tuned"]);
    added.prints(&["tuned"]);
    let tuned = kitchen.json(&["encoder", "show", "tuned"]);
    assert_eq!(tuned["digest"].as_str(), Some(digest(&kitchen, "mine").as_str()));
    assert_ne!(tuned["digest"], base["digest"], "it has learned");
    kitchen.ok(&["encode", &dataset, "-e", "tuned"]);
    kitchen.ok(&["encode", &dataset, "-e", "tiny"]);
    let features = |encoder: &str| {
        let path = kitchen.home().features("order", encoder, "sentence-f32", "dev").unwrap();
        larder_store::FeaturesFile::open(&path).unwrap().column("mean").unwrap()
    };
    assert_eq!(features("tuned"), features("mine"), "what the run's own evaluation cached");
    assert_ne!(features("tuned"), features("tiny"));
    kitchen.ok(&["run", &dataset, "-e", "tuned", "--run", "again"]);

    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "head"]);
    let refused = kitchen.larder(&["encoder", "add", "home/runs/head", "--name", "none"]).exits(3);
    refused.says(&["home/runs/head", "trained a head alone"]);
}

#[test]
fn a_tagger_goes_from_conll_to_entities() {
    let kitchen = Kitchen::with_tiny();
    // Longer than the 128 tokens of the encoder now and then, so that sentences are cut into windows.
    let long = |seed| larder_tests::tagged_sentences(seed, 6, 120);
    let train: Vec<Tagged> = tagged_toy(1, 200).into_iter().chain(long(3)).collect();
    let dev: Vec<Tagged> = tagged_toy(2, 40).into_iter().chain(long(4)).collect();
    let dataset = kitchen.tagging("entities", &[("train", &train), ("dev", &dev)]);
    let report = kitchen.json(&finetune(&dataset, "mine", &["--epochs", "8"]));
    let f1 = number(&report, "/evaluation/splits/0/scores/strict/micro/f1");
    assert!(f1 > 0.9, "{report:#}");
    let best = number(&report, "/training/best/score");
    assert!((best - f1).abs() < 1e-9, "judged on windows while trained {best}, on cached words {f1}");
    assert_eq!(report["training"]["score"], "strict_f1");
    let conll = ConllColumns::read(&kitchen.path("home/runs/mine/predictions.dev.conll"));
    assert_eq!(
        conll.words.iter().map(Vec::len).sum::<usize>(),
        dev.iter().map(|sentence| sentence.words.len()).sum::<usize>()
    );
    kitchen.ok(&["predict", "mine", "Anna walks"]).prints(&["Anna"]);
    kitchen.assert_tidy();
}

#[test]
fn from_a_layer_s_cache_is_as_with_everything_below_frozen() {
    let course = ["--dropout", "0", "--steps", "12", "--shuffle", "none", "--schedule", "constant", "--warmup", "0"];
    let losses = |kitchen: &Kitchen, dataset: &str, run: &str, more: &[&str]| {
        let more: Vec<&str> = course.iter().chain(more).copied().collect();
        kitchen.ok(&finetune(dataset, run, &more));
        history(kitchen, run).losses
    };
    let (sequence, order) = sequence_kitchen(60);
    let tagging = Kitchen::with_tiny();
    let sentences: Vec<Tagged> =
        tagged_toy(1, 40).into_iter().chain(larder_tests::tagged_sentences(3, 4, 120)).collect();
    let entities = tagging.tagging("entities", &[("train", &sentences), ("dev", &tagged_toy(2, 10))]);
    for (kitchen, dataset) in [(&sequence, &order), (&tagging, &entities)] {
        let frozen = losses(kitchen, dataset, "frozen", &["--freeze", "embeddings,layers:0"]);
        let cut = losses(kitchen, dataset, "cut", &["--from-layer", "1"]);
        assert!(frozen[0] - frozen[11] > 0.01, "something is learned: {frozen:?}");
        for (frozen, cut) in frozen.iter().zip(&cut) {
            // Batches of the cache and of the run differ in their padding.
            assert!((frozen - cut).abs() < 1e-5, "{frozen} {cut}");
        }
    }
    let beyond = sequence.larder(&finetune(&order, "x", &["--from-layer", "2"]));
    assert!(matches!(beyond.code, Some(2 | 3)), "{}", beyond.told());
}

/// When a file was written, if it is there.
fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

#[test]
fn killed_ten_times_it_ends_as_undisturbed() {
    let make = || sequence_kitchen(160);
    let (undisturbed, dataset) = make();
    let args = finetune(&dataset, "mine", &["--epochs", "6", "--save-every", "1", "--threads", "1"]);
    undisturbed.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let started = Instant::now();
    undisturbed.ok(&args);
    let whole = started.elapsed();

    let (kitchen, _) = make();
    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let resumed: Vec<&str> = args.iter().copied().chain(["--resume"]).collect();
    let mut random = Random::new(61);
    let last = kitchen.path("home/runs/.mine.tuning/last.safetensors");
    let (mut kills, mut went_on) = (0, 0);
    while kills < 10 {
        let had_checkpoint = last.exists();
        let before = written(&last);
        let mut child = kitchen.start(&resumed);
        std::thread::sleep(whole.mul_f64(0.5 * random.share()) + Duration::from_millis(5));
        // Every second one behind a checkpoint of its own, however slow the machine is.
        while kills % 2 == 0 && written(&last) == before && child.try_wait().expect("the child can be asked").is_none()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        // A run that ended before it was killed is begun again.
        if child.try_wait().expect("the child can be asked").is_some() {
            std::fs::remove_dir_all(kitchen.path("home/runs/mine")).expect("a run that ended stands");
            continue;
        }
        child.kill().expect("the child can be killed");
        child.wait().expect("the child ends");
        kills += 1;
        went_on += usize::from(had_checkpoint);
        assert!(matches!(kitchen.larder(&["predict", "mine", "red runs"]).code, Some(0 | 4)), "a whole run or none");
        if kitchen.path("home/runs/mine").exists() {
            std::fs::remove_dir_all(kitchen.path("home/runs/mine")).expect("can be removed");
        }
    }
    assert!(went_on > 0, "no run had a checkpoint to go on from");
    kitchen.ok(&resumed);
    assert_eq!(digest(&kitchen, "mine"), digest(&undisturbed, "mine"), "the same encoder, to the bit");
    for file in ["head.json", "head.safetensors", "predictions.parquet"] {
        assert!(kitchen.run_file("mine", file) == undisturbed.run_file("mine", file), "{file}");
    }
    let (found, expected) = (history(&kitchen, "mine"), history(&undisturbed, "mine"));
    assert_eq!((found.losses, found.scores), (expected.losses, expected.scores));
    kitchen.assert_tidy();
}

#[test]
fn an_interrupted_run_goes_on_by_itself_unless_it_is_another() {
    let (kitchen, dataset) = sequence_kitchen(120);
    let args = finetune(&dataset, "mine", &["--epochs", "40", "--save-every", "1"]);
    let last = kitchen.path("home/runs/.mine.tuning/last.safetensors");
    let interrupt = || {
        let mut child = kitchen.start(&args);
        while !last.exists() && child.try_wait().expect("the child can be asked").is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("the child can be killed");
        child.wait().expect("the child ends");
        assert!(last.exists(), "it was killed after a checkpoint and before its end");
    };
    interrupt();
    // Another run's checkpoint is not gone on from.
    let other = finetune(&dataset, "mine", &["--epochs", "2", "--resume"]);
    kitchen.larder(&other).exits(3).says(&["other examples or settings"]);
    let anew = finetune(&dataset, "mine", &["--epochs", "2", "--keep-checkpoints"]);
    kitchen.ok(&anew).says(&["is given up", "epochs"]);
    assert!(kitchen.path("home/runs/mine/checkpoints/last.safetensors").exists());
    // The same command goes on, and ends as one that was not interrupted.
    interrupt();
    kitchen.ok(&args).does_not_say("is given up");
    kitchen.ok(&finetune(&dataset, "whole", &["--epochs", "40"]));
    let head = |run: &str| std::fs::read(kitchen.path(&format!("home/runs/{run}/head.safetensors"))).unwrap();
    assert!(head("mine") == head("whole"), "the same head");
    kitchen.ok(&finetune(&dataset, "fresh", &["--epochs", "1", "--resume"])).says(&["no checkpoint"]);
    kitchen.assert_tidy();
}

#[test]
fn a_rate_that_is_far_too_high_is_said_before_the_run_and_stops_it() {
    let (kitchen, dataset) = sequence_kitchen(480);
    let mut args = vec!["finetune", &dataset, "-e", "tiny", "--lr", "10", "--epochs", "20", "--run", "mine"];
    args.extend(["--batch-rows", "16", "--warmup", "0"]);
    let stopped = kitchen.larder(&args).exits(5);
    stopped.says(&["learning rate 1e1 is outside the 2e-5 to 5e-5", "lower the learning rate"]);
    assert!(!kitchen.path("home/runs/mine").exists(), "no run");
}

/// Fewer steps than a collapse is looked for in while a run goes on.
#[test]
fn a_short_run_that_collapses_says_so_and_keeps_nothing() {
    let (kitchen, dataset) = sequence_kitchen(240);
    for rate in ["0.3", "1"] {
        let args =
            ["finetune", &dataset, "-e", "tiny", "--lr", rate, "--epochs", "2", "--run", "mine", "--batch-rows", "16"];
        let stopped = kitchen.larder(&args).exits(5);
        stopped.says(&["learning rate"]).does_not_say(&kitchen.path("home").display().to_string());
        assert!(!kitchen.path("home/runs/mine").exists(), "no run");
    }
    // A healthy one of as many steps stands.
    kitchen.ok(&[
        "finetune",
        &dataset,
        "-e",
        "tiny",
        "--lr",
        "2e-3",
        "--epochs",
        "2",
        "--run",
        "mine",
        "--batch-rows",
        "16",
    ]);
    let args = [
        "finetune",
        &dataset,
        "-e",
        "tiny",
        "--sweep",
        "0.3,1",
        "--epochs",
        "2",
        "--run",
        "swept",
        "--batch-rows",
        "16",
    ];
    let swept = kitchen.larder(&args).exits(5);
    swept.says(&["no run of the sweep ended well"]);
}

#[test]
fn rates_and_seeds_are_laid_side_by_side() {
    let (kitchen, dataset) = sequence_kitchen(120);
    let args = ["--sweep", "2e-3,1e-9", "--seeds", "0,1", "--epochs", "8"];
    let mut command = vec!["finetune", &dataset, "-e", "tiny", "--batch-rows", "16", "--run", "mine"];
    command.extend(args);
    let outcome = kitchen.json(&command);
    assert_eq!((outcome["score"].as_str(), outcome["best"].as_u64()), (Some("mcc"), Some(0)), "{outcome:#}");
    let mean = |rate: usize| number(&outcome, &format!("/rates/{rate}/summary/0/1/mean"));
    assert!(mean(0) > mean(1) + 0.3, "{outcome:#}");
    let run = outcome["rates"][0]["runs"][1]["run"].as_str().expect("a run that stands");
    assert_eq!(run, "mine-lr2e-3-seed1");
    kitchen.ok(&["predict", run, "red runs"]);
    kitchen.ok(&command).prints(&["best mean mcc on dev: lr 2e-3"]);
}

#[test]
fn graphs_are_written_for_whoever_runs_them() {
    let (kitchen, dataset) = sequence_kitchen(20);
    let outcome = kitchen.json(&["graphs", &dataset, "-e", "tiny", "--freeze", "embeddings"]);
    let folder = kitchen.path("home/graphs/order-tiny");
    for file in ["training_model.onnx", "eval_model.onnx", "optimizer_model.onnx", "checkpoint.safetensors"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let frozen = manifest["frozen"].as_array().expect("a list");
    assert!(frozen.iter().any(|name| name == "embeddings.word_embeddings.weight"), "{manifest:#}");
    let trained = outcome["parameters"].as_array().expect("a list");
    assert!(trained.iter().any(|name| name == "classifier.weight") && trained.len() > 30, "{outcome:#}");
    assert!(outcome["training_nodes"].as_u64() > Some(100));
}

#[test]
fn what_cannot_be_is_said_with_the_way_out() {
    let (kitchen, dataset) = sequence_kitchen(20);
    let tagging = kitchen.tagging("entities", &[("train", &tagged_toy(1, 5))]);
    let wrong = |code: i32, args: &[&str], parts: &[&str]| {
        let args: Vec<&str> = ["finetune"].into_iter().chain(args.iter().copied()).chain(["-e", "tiny"]).collect();
        kitchen.larder(&args).exits(code).says(parts);
    };
    wrong(2, &[&tagging, "--pool", "cls"], &["--pool"]);
    wrong(2, &[&tagging, "--metric", "mcc"], &["--metric"]);
    wrong(2, &[&dataset, "--stride", "3"], &["--stride"]);
    wrong(2, &[&dataset, "--sweep", "1e-5", "--lr", "1e-5"], &["cannot be used with"]);
    wrong(2, &[&dataset, "--steps", "1", "--epochs", "1"], &["cannot be used with"]);
    wrong(2, &[&dataset, "--freeze", "layer"], &["embeddings", "layers:FIRST-LAST"]);
    wrong(2, &[&dataset, "--freeze", "layers:0-2"], &["layers 0 to 1"]);
    wrong(2, &[&dataset, "--epochs", "0"], &["one at least"]);
    wrong(2, &[&dataset, "--lr", "-1"], &["-1"]);
    wrong(2, &[&dataset, "--schedule", "cubic"], &["cubic"]);
    wrong(3, &[&dataset, "--dev", "nowhere"], &["nowhere"]);
    let junk = kitchen.write("junk.safetensors", "no tensors").display().to_string();
    wrong(3, &[&dataset, "--init-head", &junk], &["junk.safetensors", "classifier.weight"]);
    wrong(3, &[&dataset, "--init-head", "gone.safetensors"], &["gone.safetensors"]);
    let unlabelled = kitchen.write("plain.toml", plain_spec()).display().to_string();
    kitchen.rows("plain-train.tsv", &toy(1, 5));
    wrong(3, &[&unlabelled], &["label"]);
    assert!(!kitchen.path("home/runs").join("x").exists());
}

fn plain_spec() -> &'static str {
    "name = \"plain\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = true\nquoting = false\n\
     [columns]\ntext = \"text\"\n[splits]\ntrain = \"plain-train.tsv\"\n"
}

#[test]
fn a_run_can_be_pinned() {
    let (kitchen, dataset) = sequence_kitchen(40);
    let head = kitchen.path("head.safetensors");
    write_head(&head, 2, 32);
    let head = head.display().to_string();
    let pinned = |run, more: &[&str]| {
        let mut args = finetune(&dataset, run, &["--init-head", &head, "--shuffle", "none", "--dropout", "0"]);
        args.extend(["--schedule", "constant", "--warmup", "0", "--steps", "6", "--threads", "1"]);
        args.extend(more);
        kitchen.ok(&args);
        history(&kitchen, run)
    };
    let one = pinned("one", &[]);
    // Nothing is drawn: another seed is the same run.
    assert_eq!(one.losses, pinned("two", &["--seed", "9"]).losses);
    assert!(one.learning_rates.iter().all(|rate| *rate == 2e-3));
    // Batches of 16 in the file's order: 16, 16 and 8 rows, and the same again.
    assert_eq!(one.tokens[..3], one.tokens[3..]);
    assert!(one.tokens[2] < one.tokens[0] * 6 / 10 && one.tokens[2] > one.tokens[0] * 4 / 10, "{:?}", one.tokens);
    // Two batches of 8 are one of 16, within rounding.
    let mut args = finetune(&dataset, "three", &["--init-head", &head, "--shuffle", "none", "--dropout", "0"]);
    args.extend(["--schedule", "constant", "--warmup", "0", "--steps", "6", "--accumulate", "2"]);
    let place = args.iter().position(|arg| *arg == "16").expect("the batch's rows");
    args[place] = "8";
    kitchen.ok(&args);
    for (one, two) in one.losses.iter().zip(&history(&kitchen, "three").losses) {
        assert!((one - two).abs() < 1e-5, "{one} {two}");
    }
}

#[test]
fn half_precision_learns_too_and_a_missing_gpu_is_said() {
    let (kitchen, dataset) = sequence_kitchen(240);
    let half = kitchen.ok(&finetune(&dataset, "half", &["--epochs", "6", "--precision", "f16"]));
    half.says(&["the CPU has no f16 arithmetic"]);
    kitchen.ok(&finetune(&dataset, "whole", &["--epochs", "6"]));
    let (half, whole) = (history(&kitchen, "half").losses, history(&kitchen, "whole").losses);
    assert!(mean(&half[75..]) < 0.8 * mean(&half[..15]), "{half:?}");
    assert_ne!(half, whole, "products are rounded");
    // Half precision has 11 bits: the first losses, before any step, agree to some 1e-3.
    assert!((half[0] - whole[0]).abs() < 5e-3, "{} {}", half[0], whole[0]);
    let missing = kitchen.larder(&finetune(&dataset, "gpu", &["--steps", "1", "--device", "cuda"]));
    if std::env::var_os("LARDER_TEST_CUDA").is_none() {
        missing.exits(4).says(&["cuda"]);
    }
}

/// A head with weights that differ: `classifier.weight` `[classes, hidden]` and `classifier.bias` `[classes]`.
fn write_head(path: &Path, classes: usize, hidden: usize) {
    let count = classes * hidden;
    let weight = (0..count).map(|i| 0.02 * ((i * 7 % 11) as f32 - 5.0));
    let bytes: Vec<u8> = weight.chain(vec![0.0; classes]).flat_map(f32::to_le_bytes).collect();
    let header = serde_json::json!({
        "classifier.weight": { "dtype": "F32", "shape": [classes, hidden], "data_offsets": [0, 4 * count] },
        "classifier.bias": { "dtype": "F32", "shape": [classes], "data_offsets": [4 * count, 4 * (count + classes)] },
    });
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let file: Vec<u8> = (header.len() as u64).to_le_bytes().into_iter().chain(header).chain(bytes).collect();
    std::fs::write(path, file).expect("the folder can be written");
}
