//! Sets with coverage.

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn a_run_without_a_calibration_is_trained_again() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    let run = ["run", &dataset, "-e", "tiny", "--run", "mine", "--c", "1"];
    kitchen.ok(&run);
    let file = kitchen.path("home/runs/mine/calibration.parquet");
    let eval = ["eval", "mine", "--coverage", "0.9"];
    let again = || kitchen.ok(&[&run[..], &["--force"]].concat());
    std::fs::remove_file(&file).unwrap();
    names(kitchen.larder(&eval), 4, hint("because an earlier larder trained it; train this run again with --force"));
    again();
    kitchen.ok(&eval);
    std::fs::write(&file, "PAR1").unwrap();
    names(kitchen.larder(&eval), 3, hint("--force trains it again and writes the file anew"));
    again();
    kitchen.ok(&eval);
}

#[test]
fn intervals_have_no_number_of_labels() {
    let kitchen = Kitchen::with_tiny();
    let rows: String = toy(1, 60).iter().map(|(text, _)| format!("\"{text}\",{}\n", text.len())).collect();
    kitchen.write("train.csv", format!("text,letters\n{rows}"));
    kitchen.write("dev.csv", format!("text,letters\n{rows}"));
    kitchen.write(
        "letters.toml",
        "name = \"letters\"\ntask = \"regression\"\nformat = \"csv\"\n[columns]\ntext = \"text\"\ntarget = \"letters\"\n\
         [splits]\ntrain = \"train.csv\"\ndev = \"dev.csv\"\n",
    );
    kitchen.ok(&["run", "letters.toml", "-e", "tiny", "--run", "mine"]);
    let eval = ["eval", "mine", "--coverage", "0.9"];
    let refused = kitchen.larder(&[&eval[..], &["--max-set", "2"]].concat());
    names(refused, 2, hint("answers numbers, whose sets are intervals: leave `--max-set` out"));
    kitchen.ok(&eval);
}
