//! What did not fit into memory, or could not be written, and fits otherwise.

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn what_does_not_fit_fits_otherwise() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    let limited = |memory: u64, args: &[&str]| {
        let memory = memory.to_string();
        kitchen.larder(&[args, &["--memory", &memory]].concat())
    };

    kitchen.ok(&["encoder", "quantise", "tiny", "--name", "small"]);
    let size = |encoder: &str| {
        let model = kitchen.path(&format!("home/encoders/{encoder}/model.onnx"));
        std::fs::metadata(model).expect("there is a model").len()
    };
    let between = size("tiny").midpoint(size("small"));
    let refused = limited(between, &["encode", &dataset, "-e", "tiny"]);
    names(refused, 4, hint("take a smaller encoder, or its 8-bit copy (`larder encoder quantise`)"));
    limited(between, &["encode", &dataset, "-e", "small"]).exits(0);

    // 60 rows of 32 float32 numbers a layer.
    kitchen.ok(&["encode", &dataset, "-e", "tiny", "--layers", "all"]);
    let train = ["train", &dataset, "-e", "tiny"];
    let refused = limited(10_000, &[&train[..], &["--layers", "all"]].concat());
    names(refused, 4, hint("take fewer `--layers`, or `--head mlp`, which reads rows in turns"));
    limited(10_000, &[&train[..], &["--layers", "-1"]].concat()).exits(0);
    limited(10_000, &[&train[..], &["--layers", "all", "--head", "mlp"]].concat()).exits(0);

    let tune = ["finetune", &dataset, "-e", "tiny", "--epochs", "1"];
    let refused = limited(1 << 10, &tune).says(&["parameters"]);
    names(refused, 4, hint("train less of the encoder (`--freeze`, `--from-layer`), or take a smaller one"));
    let frozen = [&tune[..], &["--freeze", "embeddings"]].concat();
    let least = |args: &[&str]| {
        let said = limited(1 << 10, args).exits(4).stderr;
        let parameters = said.split_once("fine-tuning ").and_then(|(_, rest)| rest.split(' ').next());
        let parameters: u64 = parameters.and_then(|text| text.replace(',', "").parse().ok()).expect("a number");
        12 * parameters
    };
    let between = least(&tune).midpoint(least(&frozen));
    names(limited(between, &tune), 4, hint("is what --memory allows"));
    limited(between, &frozen).exits(0);
    kitchen.ok(&tune);
}

#[cfg(target_os = "linux")]
#[test]
fn a_home_that_may_not_be_written_is_put_elsewhere() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(3, 60)), ("dev", &toy(4, 20))]);
    let encoder = kitchen.path("home/encoders/tiny").display().to_string();
    let add = ["encoder", "add", &encoder, "--name", "mine"];
    // The kernel's own folder, which nobody writes.
    let refused = kitchen.larder(&[&add[..], &["--home", "/sys/larder"]].concat());
    names(refused, 3, hint("; point --home at a folder that you may write, or ask for the right to"));
    kitchen.ok(&[&add[..], &["--home", "other"]].concat());
    kitchen.ok(&["encode", &dataset, "-e", "mine", "--home", "other"]);
}
