//! What is said about pairs of texts: read together, or each by itself.

use larder_tests::Kitchen;

use super::{hint, names};
use crate::pairs::{DESCRIPTION, kitchen, rows, tsv};

fn run(kitchen: &Kitchen, name: &str, more: &[&str]) -> larder_tests::Answer {
    kitchen.ok(&[&["run", "pairs.toml", "-e", "tiny", "--run", name], more].concat())
}

#[test]
fn the_other_way_to_read_pairs_is_tried_and_taken() {
    let (kitchen, _) = kitchen();
    let untried = hint(
        "`--pair-features` reads each text by itself, which likeness of meaning mostly wants; a second run with it shows which \
         is better here",
    );
    names(run(&kitchen, "together", &[]), 0, untried);
    run(&kitchen, "alone", &["--pair-features"]);
    let better = run(&kitchen, "again", &[]).does_not_print(untried);
    names(better, 0, hint("`--pair-features` is what this set wants"));
    // Targets that are upside down make the run that reads texts by themselves the worse one.
    let turned: Vec<_> = rows(1, 400).into_iter().map(|(first, second, share)| (first, second, 1.0 - share)).collect();
    kitchen.write("train.tsv", tsv(&turned));
    let worse = run(&kitchen, "turned", &["--pair-features"]);
    names(worse, 0, hint("`--pair-features` is not what this set wants: leave it out"));
    kitchen.ok(&["compare", "together", "turned"]);
}

#[test]
fn single_texts_are_read_without_it_or_get_a_second_text() {
    let (kitchen, _) = kitchen();
    kitchen.write("pairs.toml", DESCRIPTION.replace("text_b = \"two\"\n", ""));
    let alone = ["run", "pairs.toml", "-e", "tiny", "--pair-features"];
    names(kitchen.larder(&alone), 3, hint("leave it out, or name the second text with `text_b` in `[columns]`"));
    kitchen.ok(&alone[..4]);
    kitchen.write("pairs.toml", DESCRIPTION);
    kitchen.ok(&alone);
}
