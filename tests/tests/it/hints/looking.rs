//! What `report`, `compare`, `inspect`, `verify`, `score` and `export` say, and what a damaged cache is answered with.

use std::path::Path;

use larder_store::{FeatureBatch, FeatureRows, FeaturesFile, join_parquet, write_features_part};
use larder_tests::{Kitchen, repository, tagged_toy, toy};

use super::{hint, names};

/// One strength and no class weights: fits take time.
const QUICK: [&str; 6] = ["--c", "1", "--class-weight", "none", "--threshold", "half"];

/// Writes `folder/data.toml` of the dataset `set`, with as many rows of each split as `splits` says and its number as seed.
fn dataset(kitchen: &Kitchen, folder: &str, splits: &[(&str, u64, usize)]) -> String {
    std::fs::create_dir_all(kitchen.path(folder)).unwrap();
    let mut spec =
        "name = \"set\"\ntask = \"sequence\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\nlabel = \"label\"\n\
                    [splits]\n"
            .to_owned();
    for (split, seed, rows) in splits {
        spec.push_str(&format!("{split} = \"{split}.csv\"\n"));
        let rows: String =
            toy(*seed, *rows).iter().enumerate().map(|(at, (text, label))| format!("r{at},{text},{label}\n")).collect();
        kitchen.write(&format!("{folder}/{split}.csv"), format!("name,text,label\n{rows}"));
    }
    kitchen.write(&format!("{folder}/data.toml"), spec);
    format!("{folder}/data.toml")
}

fn run(kitchen: &Kitchen, dataset: &str, name: &str) {
    kitchen.ok(&[&["run", dataset, "-e", "tiny", "--run", name], &QUICK[..]].concat());
}

/// The text of the page about a run, with commands as they stand in the code.
fn page(kitchen: &Kitchen, run: &str) -> String {
    kitchen.ok(&["report", run, "-o", "page.html"]);
    let page = std::fs::read_to_string(kitchen.path("page.html")).unwrap();
    page.replace("<code>", "`").replace("</code>", "`")
}

/// The page names each of `hints`, and none of them once `larder eval` did what they say.
#[track_caller]
fn eval_mends(kitchen: &Kitchen, run: &str, hints: &[&str]) {
    let before = page(kitchen, run);
    for hint in hints {
        assert!(before.contains(hint), "{hint:?} is not on the page");
    }
    kitchen.ok(&["eval", run]);
    let after = page(kitchen, run);
    for hint in hints {
        assert!(!after.contains(hint), "{hint:?} is still on the page");
    }
    assert!(!after.contains("no longer in the cache") && !after.contains("brings both together"));
}

/// Writes `features` again with what `change` makes of its rows.
fn rewrite(kitchen: &Kitchen, features: &Path, change: impl Fn(&mut FeatureBatch)) {
    let file = FeaturesFile::open(features).unwrap();
    let rows = match file.targets() {
        Ok(targets) => FeatureRows::Sentences { targets },
        Err(_) => FeatureRows::Words {
            positions: file.positions().unwrap(),
            words: file.words().unwrap(),
            tags: file.tags().unwrap(),
        },
    };
    let columns = file.columns().iter().map(|info| (info.clone(), file.column(&info.name).unwrap())).collect();
    let (example_ids, digests) = (file.example_ids().unwrap(), file.digests().unwrap());
    let mut batch = FeatureBatch { example_ids, rows, digests, columns };
    change(&mut batch);
    let part = kitchen.path("part.parquet");
    write_features_part(&part, batch).unwrap();
    join_parquet(&[part], features, &file.provenance().unwrap()).unwrap();
}

#[test]
fn what_a_report_lacks_comes_with_eval() {
    let kitchen = Kitchen::with_tiny();
    let set = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30)]);
    run(&kitchen, &set, "mine");
    let folder = kitchen.path("home/runs/mine");
    let of_dev = std::fs::read(folder.join("predictions.parquet")).unwrap();
    for part in ["features", "tokens"] {
        std::fs::remove_dir_all(kitchen.path("home").join(part)).unwrap();
    }
    eval_mends(&kitchen, "mine", &[hint("There are no embeddings to show: the features of "), hint("The tokens of ")]);
    std::fs::remove_file(folder.join("diagnosis.json")).unwrap();
    std::fs::remove_file(folder.join("predictions.parquet")).unwrap();
    eval_mends(
        &kitchen,
        "mine",
        &[hint("The run has no diagnosis: `larder eval "), hint("There are no answers to look at: `larder eval ")],
    );
    std::fs::remove_file(folder.join("metrics.json")).unwrap();
    eval_mends(&kitchen, "mine", &[hint("The run was not evaluated: `larder eval ")]);
    // Cut, and of other bytes than were written.
    let whole = std::fs::read(folder.join("metrics.json")).unwrap();
    let other = String::from_utf8(whole.clone()).unwrap().replacen("0.", "1.", 1).into_bytes();
    for damaged in [whole[..whole.len() / 2].to_vec(), other] {
        std::fs::write(folder.join("metrics.json"), damaged).unwrap();
        eval_mends(&kitchen, "mine", &[hint("metrics.json cannot be read: "), "; `larder eval mine` writes it anew."]);
    }
    // Answers of before there was another split, and those of a run with other labels.
    let set = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30), ("test", 3, 30)]);
    kitchen.ok(&["eval", "mine"]);
    std::fs::write(folder.join("predictions.parquet"), &of_dev).unwrap();
    eval_mends(&kitchen, "mine", &[hint("predictions.parquet has no answers on ")]);
    for file in ["train", "dev", "test"] {
        let path = kitchen.path(&format!("a/{file}.csv"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(",move\n", ",motion\n")).unwrap();
    }
    run(&kitchen, &set, "other");
    std::fs::copy(kitchen.path("home/runs/other/predictions.parquet"), folder.join("predictions.parquet")).unwrap();
    let set = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30), ("test", 3, 30)]);
    kitchen.ok(&["encode", &set, "-e", "tiny"]);
    eval_mends(&kitchen, "mine", &[hint("predictions.parquet has the answer `")]);
}

#[test]
fn what_a_report_shows_of_other_rows_comes_together_with_eval() {
    let kitchen = Kitchen::with_tiny();
    let ours = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30)]);
    let theirs = dataset(&kitchen, "b", &[("train", 1, 60), ("dev", 3, 30)]);
    run(&kitchen, &ours, "mine");
    // A dataset of the same name has its cache in the same place.
    kitchen.ok(&["encode", &theirs, "-e", "tiny"]);
    eval_mends(&kitchen, "mine", &[hint("is of another file than the answers; `larder eval ")]);

    // The same file, with other names for its rows.
    let spec = std::fs::read_to_string(kitchen.path(&ours)).unwrap();
    kitchen.write(&ours, spec.replace("[splits]", "id = \"name\"\n[splits]"));
    kitchen.ok(&["encode", &ours, "-e", "tiny"]);
    let (texts, points) = (
        hint("are not shown: the cached tokens are of other rows than the answers; `larder eval "),
        hint("There are no embeddings to show: the cached features of "),
    );
    eval_mends(&kitchen, "mine", &[texts, points]);

    // The file itself was exchanged.
    std::fs::copy(kitchen.path("b/dev.csv"), kitchen.path("a/dev.csv")).unwrap();
    eval_mends(&kitchen, "mine", &[hint("these scores are of another file than the one of ")]);
}

#[test]
fn runs_that_were_judged_differently_are_compared_as_said() {
    let kitchen = Kitchen::with_tiny();
    let ours = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30)]);
    let theirs = dataset(&kitchen, "b", &[("train", 1, 60), ("dev", 2, 30), ("test", 3, 30)]);
    run(&kitchen, &ours, "mine");
    run(&kitchen, &theirs, "other");
    let compare = |more: &[&str]| kitchen.larder(&[&["compare", "mine", "other"], more].concat());
    names(compare(&[]), 3, hint("; `--split` names those that both have"));
    compare(&["--split", "dev"]).exits(0).prints(&["dev: 30 rows"]);

    dataset(&kitchen, "b", &[("train", 1, 60), ("dev", 4, 30)]);
    names(
        compare(&[]),
        3,
        hint("is another file for one than for the other\n  `--dataset FILE` judges both on the same"),
    );
    let compared = compare(&["--dataset", &theirs]).exits(0);

    // The command that is named runs as it stands.
    let said = hint("go on with: larder ");
    let line = compared.stdout.lines().find_map(|line| line.strip_prefix(said)).expect("a command to go on with");
    let command: Vec<&str> = line.split(' ').filter(|word| !word.contains('"')).collect();
    assert_eq!(kitchen.ok(&[&command[..], &["some text"]].concat()).stdout.lines().count(), 1);
    // Elsewhere than where larder looks by itself, it says where.
    let mut elsewhere = kitchen.command(&["--home", "home", "compare", "mine", "other", "--dataset", &theirs]);
    let output = elsewhere.env_remove("LARDER_HOME").output().unwrap();
    let home = hint("--home {} ").replace("{}", "home");
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("{said}{home}predict ")));
    let mut named = kitchen.command(&[&["--home", "home"], &command[..], &["some text"]].concat());
    assert!(named.env_remove("LARDER_HOME").output().unwrap().status.success());
}

#[test]
fn encoders_whose_vectors_are_cached_are_measured_with_force() {
    let kitchen = Kitchen::with_tiny();
    kitchen.init("other", 2, &[]);
    let set = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30)]);
    kitchen.ok(&["encode", &set, "-e", "tiny"]);
    let compare = [&["compare", &set, "--encoders", "tiny,other", "--layers", "-1"], &QUICK[..]].concat();
    names(
        kitchen.larder(&compare),
        0,
        hint("cached: encoded by an earlier command; `--force` encodes again and measures"),
    );
    kitchen.ok(&[&compare[..], &["--force"]].concat()).does_not_print("cached");
}

#[test]
fn a_features_file_that_does_not_say_how_it_was_made_is_told() {
    let kitchen = Kitchen::with_tiny();
    let set = dataset(&kitchen, "a", &[("train", 1, 60)]);
    kitchen.ok(&["encode", &set, "-e", "tiny"]);
    let features = kitchen.features_path("set", "train");
    std::fs::copy(&features, kitchen.path("moved.parquet")).unwrap();
    names(
        kitchen.larder(&["verify", "moved.parquet"]),
        3,
        hint("its tokens file is not where larder puts it: give `--tokens FILE`"),
    );
    kitchen.ok(&["verify", "moved.parquet", "--tokens", "home/tokens/set/tiny/train.parquet"]);

    let mut made = FeaturesFile::open(&features).unwrap().provenance().unwrap();
    made.parts.remove("ran.encoder");
    join_parquet(std::slice::from_ref(&features), &features, &made).unwrap();
    let features = features.display().to_string();
    names(kitchen.larder(&["verify", &features]), 3, hint("it does not name its encoder: give `--encoder`"));
    kitchen.ok(&["verify", &features, "--encoder", "tiny"]);
    let nearest = ["inspect", &features, "--nearest-text", "red green"];
    names(kitchen.larder(&nearest), 2, hint("does not say which encoder made its vectors: name one with `--encoder`"));
    kitchen.ok(&[&nearest[..], &["--encoder", "tiny"]].concat()).does_not_say("another model");
}

#[test]
fn vectors_that_are_wrong_are_encoded_again() {
    let kitchen = Kitchen::with_tiny();
    let set = dataset(&kitchen, "a", &[("train", 1, 60)]);
    let encode = ["encode", &set, "-e", "tiny", "--pool", "mean,cls", "--layers", "-1,-2"];
    kitchen.ok(&encode);
    let features = kitchen.features_path("set", "train");
    rewrite(&kitchen, &features, |batch| batch.columns[0].1[..32].fill(3.0));
    let verify = ["verify", &features.display().to_string(), "--all"].map(str::to_owned);
    let verify: Vec<&str> = verify.iter().map(String::as_str).collect();
    names(
        kitchen.larder(&verify),
        3,
        hint("is rounding: encode it again with `larder encode --force` and the flags of the first time"),
    );
    kitchen.ok(&encode);
    kitchen.larder(&verify).exits(3);
    kitchen.ok(&[&encode[..], &["--force"]].concat());
    kitchen.ok(&verify);
}

#[test]
fn rows_near_a_text_are_looked_for_among_sentences_only() {
    let kitchen = Kitchen::with_tiny();
    let path = |set: &str, kind: &str| {
        let path = kitchen.path("home/features").join(set).join("tiny").join(kind).join("train.parquet");
        path.display().to_string()
    };
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 40))]);
    kitchen.ok(&["encode", &tags, "-e", "tiny"]);
    let words = path("names", "word-first-f32");
    let row = hint("and a text has one of a sentence: look for a row with `--nearest ROW`");
    // Sentences of words have no vector as a whole.
    let refused = kitchen.larder(&["inspect", &words, "--nearest-text", "red"]);
    names(refused, 3, row).does_not_say("--level");
    kitchen.ok(&["inspect", &words, "--nearest", "0"]).prints(&["nearest in "]);

    let set = dataset(&kitchen, "a", &[("train", 1, 60)]);
    kitchen.ok(&["encode", &set, "-e", "tiny", "--level", "token"]);
    let tokens = path("set", "token-f32");
    let refused = names(kitchen.larder(&["inspect", &tokens, "--nearest-text", "red"]), 3, row);
    names(refused, 3, hint(", or, where these are tokens of texts, encode with `--level sentence`"));
    kitchen.ok(&["inspect", &tokens, "--nearest", "0"]).prints(&["nearest in "]);
    kitchen.ok(&["encode", &set, "-e", "tiny", "--level", "sentence"]);
    kitchen.ok(&["inspect", &path("set", "sentence-f32"), "--nearest-text", "red"]).prints(&["nearest in "]);
}

#[test]
fn a_cache_with_missing_rows_is_deleted_and_made_again() {
    let kitchen = Kitchen::with_tiny();
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 40)), ("dev", &tagged_toy(2, 20))]);
    kitchen.ok(&["encode", &tags, "-e", "tiny"]);
    let words = kitchen.path("home/features/names/tiny/word-first-f32/train.parquet");
    rewrite(&kitchen, &words, |batch| {
        let FeatureRows::Words { positions, .. } = &mut batch.rows else { panic!("they are words") };
        positions[1] = 7;
    });
    let train = ["train", &tags, "-e", "tiny", "--c", "1"];
    let delete = "delete the file, and the same command encodes it again";
    kitchen.larder(&train).exits(3).says(&["row 1 is word 7 of its sentence, expected word 1", delete]);
    std::fs::remove_file(&words).unwrap();
    kitchen.ok(&train);

    let set = dataset(&kitchen, "a", &[("train", 1, 60), ("dev", 2, 30)]);
    let tune = ["finetune", &set, "-e", "tiny", "--epochs", "1", "--from-layer", "1", "--run", "tuned"];
    kitchen.ok(&tune);
    let states = kitchen.path("home/features/set/tiny/token-special-f32/train.parquet");
    // The rows of dev behind those of train.
    let made = FeaturesFile::open(&states).unwrap().provenance().unwrap();
    join_parquet(&[states.clone(), states.with_file_name("dev.parquet")], &states, &made).unwrap();
    let again = [&tune[..tune.len() - 1], &["again"]].concat();
    kitchen.larder(&again).exits(3).says(&["rows, expected ", delete]);
    std::fs::remove_file(&states).unwrap();
    kitchen.ok(&again);
}

#[test]
fn what_is_too_long_for_the_screen_is_in_the_json() {
    let kitchen = Kitchen::empty();
    let kinds = ["A", "B", "C", "D", "E", "F", "G", "H"];
    // Each is taken for the next one: eight kinds of mistakes.
    let confused: String = (0..8).map(|at| format!("word B-{} B-{}\n\n", kinds[at], kinds[(at + 1) % 8])).collect();
    // And entities that nothing is said of.
    let lost: String = (0..40).map(|at| format!("first{at} B-A _\nsecond I-A _\nthird O O\n\n")).collect();
    kitchen.write("scored.conll", confused + &lost);
    let shown = names(kitchen.larder(&["score", "scored.conll"]), 0, hint("kinds more, with examples, under --json"));
    names(shown, 0, hint(" more under --json"));
    let told = kitchen.json(&["score", "scored.conll"]);
    let (wrong, lost) = (&told["scores"]["errors"]["wrong_type"], &told["scores"]["unrepresented"]);
    assert_eq!((wrong.as_array().unwrap().len(), lost.as_array().unwrap().len()), (8, 40), "{told:#}");
    assert!(wrong.as_array().unwrap().iter().all(|kind| kind["examples"].as_array().unwrap().len() == 1));
}

#[test]
fn an_export_that_is_refused_is_made_as_said() {
    let kitchen = Kitchen::empty();
    let source = repository().join("tests/exports/nbits_4bit").display().to_string();
    kitchen.ok(&["encoder", "add", &source, "--name", "tiny"]);
    let set = dataset(&kitchen, "a", &[("train", 1, 24), ("dev", 2, 12)]);
    run(&kitchen, &set, "mine");
    let refused = kitchen.larder(&["export", "mine", "-o", "out", "--precision", "int8"]);
    names(refused, 3, hint("; leave --precision out, or take f16"));
    kitchen.ok(&["export", "mine", "-o", "out"]);
    kitchen.ok(&["export", "mine", "-o", "half", "--precision", "f16"]);

    names(
        kitchen.larder(&["export", "mine", "-o", "out"]),
        3,
        hint("is not empty: name another folder, or replace the export in it with --force"),
    );
    kitchen.ok(&["export", "mine", "-o", "other"]);
    kitchen.ok(&["export", "mine", "-o", "out", "--force"]);
    std::fs::create_dir(kitchen.path("full")).unwrap();
    kitchen.write("full/thesis", "years");
    // No folder but an export's is replaced, so that nobody is told to replace another.
    let other = hint("--force replaces exports only; name another folder");
    for force in [&[][..], &["--force"]] {
        names(kitchen.larder(&[&["export", "mine", "-o", "full"], force].concat()), 3, other);
    }
    kitchen.ok(&["export", "mine", "-o", "another", "--force"]);
}
