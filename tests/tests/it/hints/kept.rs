//! Runs and encoders that are listed, looked at and removed.

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn runs_are_made_evaluated_and_removed() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 30))]);
    names(kitchen.larder(&["runs"]), 0, hint("no runs yet: `larder run DATASET --encoder NAME` makes one"));
    kitchen.ok(&["train", &dataset, "--encoder", "tiny", "--c", "1", "--run", "mine"]);
    kitchen.ok(&["runs"]).does_not_say("no runs yet");

    let show = || kitchen.larder(&["runs", "show", "mine"]);
    names(show(), 0, hint("there are no scores yet: `larder eval "));
    kitchen.ok(&["eval", "mine"]);
    show().exits(0).does_not_print("no scores yet");

    let remove = || kitchen.larder(&["encoder", "rm", "tiny"]);
    names(remove(), 3, hint(" first (`larder runs rm NAME`), or use --force"));
    kitchen.ok(&["runs", "rm", "mine"]);
    remove().exits(0);
}
