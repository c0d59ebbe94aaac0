//! What a stage holds in memory is bounded, and what would not fit is refused before it starts.

use larder_tests::{Kitchen, toy};

#[test]
fn what_does_not_fit_is_refused_before_it_starts_and_what_fits_less_well_runs_smaller() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    let encode = ["encode", &dataset, "-e", "tiny", "--threads", "4"];
    let model = std::fs::metadata(kitchen.path("home/encoders/tiny/model.onnx")).expect("there is a model").len();

    kitchen.ok(&["tokenize", &dataset, "-e", "tiny"]);
    let limited = |memory: &str, args: &[&str]| kitchen.larder(&[args, &["--memory", memory]].concat());
    limited("1KiB", &encode).exits(4).says(&["session of the encoder `tiny`", "--memory allows", "quantise"]);
    assert!(!kitchen.features_path("toy", "train").exists());

    // Room for two sessions and three chunks, and the same vectors as with all.
    let two = model * 5 / 2 + 3 * (96 << 20);
    limited(&two.to_string(), &encode).exits(0).says(&["2 of 4 sessions", "more do not fit into memory"]);
    let vectors = kitchen.vectors("toy", "train", "mean");
    kitchen.ok(&[&encode[..], &["--force"]].concat()).does_not_say("do not fit");
    let of_all = kitchen.vectors("toy", "train", "mean");
    // One thread a session in both.
    assert_eq!(vectors, of_all);

    let train = ["train", &dataset, "-e", "tiny", "--layers", "-1"];
    limited("1KiB", &train).exits(4).says(&["reading 1 columns of", "--memory allows", "--head mlp"]);
    limited("1MiB", &train).exits(0);
    let tune = ["finetune", &dataset, "-e", "tiny", "--epochs", "1"];
    limited("1KiB", &tune).exits(4).says(&["parameters", "--memory allows", "--freeze"]);
    assert_eq!(kitchen.runs().len(), 1);

    let mut command = kitchen.command(&train);
    command.args(["--force"]).env("LARDER_MEMORY", "1KiB");
    larder_tests::run(&mut command).exits(4).says(&["--memory allows"]);
    kitchen.assert_tidy();
}
