//! What the findings of a run advise: the command that a finding is told by takes the flags that it names, and ends well. When
//! each is said is tested beside the findings (`crates/larder-diagnose`, `tests/tests/it/diagnose.rs`).

use larder_tests::{Kitchen, tagged_toy, toy};

use super::hint;

/// Flags that follow a piece of advice.
type Advice = (&'static str, &'static [&'static str]);

/// To a head for texts.
const TEXTS: &[Advice] = &[
    (hint("take stronger regularisation (a smaller `--c`)"), &["--c", "0.001"]),
    (hint("take stronger regularisation (a smaller `--c`), or leave `--raw-features` out"), &["--c", "0.01"]),
    (hint("take stronger regularisation (a smaller `--c`), or several strengths"), &["--c", "0.01,0.1,1"]),
    (hint("ones with `--c`"), &["--c", "0.0001,1000"]),
    (hint("more rows help, or fewer columns (`--layers`)"), &["--layers", "-2"]),
    (hint("may be clearer in {others}: try `--layers all`, which reads them in the same pass"), &["--layers", "all"]),
    (hint("several layers were tried: another encoder may know more (`--encoder`)"), &["--encoder", "other"]),
    (hint("`--class-weight balanced` makes their {what} count more"), &["--class-weight", "balanced"]),
    (hint("their {what} count more already (`--class-weight balanced`)"), &["--class-weight", "none"]),
    (hint("; `--layers -1` makes those of the last alone"), &["--layers", "-1"]),
    (hint("for the rarer classes (`--metric accuracy` chooses for accuracy)"), &["--metric", "accuracy"]),
    (hint("`--max-tokens {}` reads more of them"), &["--max-tokens", "64"]),
    (hint("`--long windows` reads all of a text, in windows"), &["--max-tokens", "12", "--long", "windows"]),
    (hint("whose tokenizer spells what it does not know in bytes (`--encoder`)"), &["--encoder", "other"]),
];

/// To a perceptron on texts.
const PERCEPTRON: &[Advice] = &[
    (hint("try `--layers all`, another `--learning-rate`"), &["--layers", "all", "--learning-rate", "1e-2"]),
    (hint("or the head `logistic`"), &["--head", "logistic"]),
    (hint("try more with `--epochs`"), &["--epochs", "30"]),
    (hint("smaller layers (`--hidden`) or more `--dropout`"), &["--hidden", "8", "--dropout", "0.6"]),
    (
        hint("smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or more rows"),
        &["--weight-decay", "0.1"],
    ),
    (
        hint("now {:e}), smaller layers (`--hidden`), more `--dropout` or `--weight-decay`"),
        &["--learning-rate", "1e-4", "--hidden", "8", "--dropout", "0.6", "--weight-decay", "0.1"],
    ),
];

/// To a head for tags.
const TAGS: &[Advice] = &[
    (hint("several layers were read: another encoder may know more (`--encoder`)"), &["--encoder", "other"]),
    (hint("try `--layers -1,-2,-3,-4`, which reads the last four layers"), &["--layers", "-1,-2,-3"]),
    (hint("`--threshold tuned` lowers the score of `O`"), &["--threshold", "tuned"]),
    (hint("help most; stronger regularisation (a smaller `--c`)"), &["--c", "0.01"]),
    (hint("try `--head crf`, which learns which tag follows which"), &["--head", "crf"]),
    (
        hint("give a streamed fit more `--epochs`, or more `--memory` so that it need not be streamed"),
        &["--memory", "2GiB"],
    ),
];

/// To an encoder that is fine-tuned.
const FINE_TUNED: &[Advice] = &[
    (hint("train longer (`--epochs`)"), &["--epochs", "2"]),
    (hint("train longer (`--epochs`); the rate falls to nothing only at the end"), &["--epochs", "2"]),
    (hint(", a lower `--lr`"), &["--lr", "1e-5"]),
    (hint("or `--patience 2`, which stops by itself"), &["--patience", "2"]),
    (hint("fewer `--epochs`, or more `--dropout`; the answers may still be right"), &["--dropout", "0.2"]),
    (hint("nothing needs to be turned; `--dropout 0` makes the two comparable"), &["--dropout", "0"]),
    (hint("`--lr` {least:e} to {most:e}, or several with `--sweep`"), &["--sweep", "2e-5,5e-5"]),
    (
        hint("several rates and seeds (`--sweep {least:e},{most:e} --seeds 0,1`)"),
        &["--sweep", "2e-5,5e-5", "--seeds", "0,1"],
    ),
    (hint("take a lower rate (`--lr` {least:e} to {most:e}), or try {sweep}"), &["--lr", "2e-5"]),
    (hint("take a higher rate (`--lr` {least:e} to {most:e}), train longer"), &["--lr", "5e-3", "--epochs", "2"]),
    (hint("or try another rate within the family's range (`--lr`), or {sweep}"), &["--lr", "3e-5"]),
    (
        hint("lengthen the warm-up (`--warmup`), or clip gradients further (`--clip`)"),
        &["--warmup", "0.3", "--clip", "0.5"],
    ),
    (hint("take a lower rate (`--lr` {least:e} to {most:e}); {gentle}"), &["--lr", "2e-5", "--warmup", "0.3"]),
    (hint("take a lower rate (`--lr`, now {:e}); {gentle}"), &["--lr", "1e-6", "--clip", "0.5"]),
];

/// Runs `command` with each piece of advice, on a dataset that it can read.
fn take(kitchen: &Kitchen, command: &[&str], advice: &[Advice]) {
    kitchen.init("other", 2, &[]);
    for (said, flags) in advice {
        // A flag that the command has already is given once.
        let given = command.chunks(2).filter(|pair| !flags.contains(&pair[0]));
        let args: Vec<&str> = given.flatten().chain(flags.iter()).copied().collect();
        let answer = kitchen.larder(&args);
        assert!(answer.code == Some(0), "{said:?} leads to\n{}", answer.told());
    }
}

fn texts() -> (Kitchen, String) {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    (kitchen, dataset)
}

#[test]
fn advice_to_heads_for_texts_is_taken() {
    let (kitchen, dataset) = texts();
    take(&kitchen, &["run", &dataset, "--encoder", "tiny", "--c", "1"], TEXTS);
}

#[test]
fn advice_to_heads_of_neighbours_is_taken() {
    let (kitchen, dataset) = texts();
    let advice = [(hint("have a vote each, as all others: `--head prototype` compares"), &["--head", "prototype"][..])];
    take(&kitchen, &["run", &dataset, "--encoder", "tiny", "--head", "knn"], &advice);
}

#[test]
fn advice_to_perceptrons_is_taken() {
    let (kitchen, dataset) = texts();
    take(&kitchen, &["run", &dataset, "--encoder", "tiny", "--head", "mlp"], PERCEPTRON);
}

#[test]
fn advice_to_heads_for_tags_is_taken() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.tagging("names", &[("train", &tagged_toy(1, 60)), ("dev", &tagged_toy(2, 30))]);
    take(&kitchen, &["run", &dataset, "--encoder", "tiny", "--c", "1"], TAGS);
}

#[test]
fn advice_to_those_who_fine_tune_is_taken() {
    let (kitchen, dataset) = texts();
    take(&kitchen, &["finetune", &dataset, "--encoder", "tiny", "--epochs", "1"], FINE_TUNED);
}
