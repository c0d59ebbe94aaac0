//! WNUT 2017 with all-MiniLM-L6-v2, from CoNLL to scores: without a flag as good as the peers, and what better heads and
//! more layers add.

use larder_metrics::{Bootstrap, EntityRule, paired_entity_difference};
use larder_tags::{Scheme, check};
use larder_tests::{ConllColumns, Kitchen, number, real, repository};
use serde_json::Value;

/// Strict entity F1 of scikit-learn 1.9.1's multinomial logistic regression (lbfgs, solved to the end, `C` = 0.1,
/// standardised) on the same vectors of words, each word answered alone: split, F1.
const PEER: [(&str, f64); 2] = [("dev", 0.387), ("test", 0.275)];

fn split<'a>(evaluation: &'a Value, name: &str) -> &'a Value {
    let splits = evaluation["splits"].as_array().expect("a list of splits");
    splits.iter().find(|split| split["split"] == name).unwrap_or_else(|| panic!("{name} is not scored"))
}

fn strict_f1(evaluation: &Value, name: &str) -> f64 {
    number(split(evaluation, name), "/scores/strict/micro/f1")
}

/// One test, so that the corpus is encoded once.
#[test]
fn wnut17_from_conll_to_scores() {
    let name = "wnut17_from_conll_to_scores";
    let Some(minilm) = real::minilm(name) else { return };
    let Some(_) = real::data(name, "wnut17/train.conll") else { return };
    let kitchen = Kitchen::empty();
    kitchen.ok(&["encoder", "add", &minilm.display().to_string(), "--name", "minilm"]);
    let dataset = repository().join("data/wnut17.toml").display().to_string();
    kitchen.ok(&["encode", &dataset, "-e", "minilm", "--layers", "-1,-2,-3,-4"]);

    let plain = kitchen.ok(&["run", &dataset, "-e", "minilm", "--run", "plain", "--json"]);
    let plain = plain.says(&["encode   train: up to date"]).json();
    for (name, least) in PEER {
        let (f1, scores) = (strict_f1(&plain["evaluation"], name), split(&plain["evaluation"], name));
        eprintln!("no flags, {name}: strict F1 {f1:.4}");
        assert!(f1 >= least, "no flags, {name}: strict F1 {f1:.4}, the peer {least}");
        let (all, token) = (number(scores, "/scores/all_outside_accuracy"), number(scores, "/scores/token_accuracy"));
        assert!((0.91..0.94).contains(&all) && token > all, "{name}: token accuracy {token:.4}, all O {all:.4}");
    }
    let best = ["run", &dataset, "-e", "minilm", "--head", "crf", "--layers", "-1,-2,-3,-4", "--run", "best", "--json"];
    let best = kitchen.ok(&best).says(&["encode   dev: up to date"]).json();
    eprintln!("crf on four layers: strict F1 {:.4} on dev", strict_f1(&best["evaluation"], "dev"));

    let [plain, best] = ["plain", "best"]
        .map(|run| ConllColumns::read(&kitchen.path("home/runs").join(run).join("predictions.dev.conll")));
    assert_eq!((plain.words.len(), plain.words == best.words, plain.gold == best.gold), (1009, true, true));
    for tags in plain.predicted.iter().chain(&best.predicted) {
        check(tags, Scheme::Iob2).unwrap_or_else(|illegal| panic!("{tags:?}: {illegal}"));
    }
    let strict = EntityRule::Strict;
    let gain = paired_entity_difference(
        &plain.gold,
        &best.predicted,
        &plain.predicted,
        Scheme::Iob2,
        strict,
        &Bootstrap::default(),
    );
    let gain = gain.unwrap_or_else(|e| panic!("{e}"));
    eprintln!("the gain on dev: {:.4}, from {:.4} to {:.4}", gain.difference, gain.interval.low, gain.interval.high);
    assert!(gain.interval.low > 0.0, "outside the noise of the sentences: {gain:?}");
}
