//! What `score` says of files with gold and predictions.

use larder_tests::{Kitchen, number};

use super::{hint, names};

#[test]
fn label_sets_are_scored_as_said() {
    let kitchen = Kitchen::empty();
    kitchen.write("texts.csv", "labels,prediction\n\"joy,fear\",joy\nfear,fear\n");
    let score = |args: &[&str]| kitchen.larder(&[&["score", "--task", "multilabel"], args].concat());
    names(
        score(&["texts.csv"]),
        3,
        hint("what stands between the labels of a plain text is said with `--label-separator`"),
    );
    score(&["texts.csv", "--label-separator", ","]).exits(0);

    kitchen.write("rows.jsonl", "{\"labels\": [\"joy\"], \"prediction\": [\"fear\"], \"p\": [0.5, 0.25]}\n");
    names(score(&["rows.jsonl"]), 0, hint("they need the probabilities, whose columns `--probabilities` names"));
    let ranked = ["rows.jsonl", "--probabilities", "p"];
    names(score(&ranked), 3, hint("name them in its order with `--labels`"));
    score(&[&ranked[..], &["--labels", "joy,fear"]].concat()).exits(0).prints(&["LRAP"]);
}

#[test]
fn formats_columns_and_tasks_are_named_as_said() {
    let kitchen = Kitchen::empty();
    kitchen.write("rows.txt", "target,prediction\n1,2\n2,2\n");
    let score = ["score", "--task", "regression", "rows.txt"];
    let unknown = hint("`--input-format csv|tsv|jsonl|parquet` says which it is");
    names(kitchen.larder(&score), 3, unknown);
    kitchen.ok(&[&score[..], &["--input-format", "csv"]].concat());

    kitchen.write("tags.conll", "ada B-PER B-PER\n");
    names(kitchen.larder(&["score", "tags.conll", "--gold", "1"]), 2, hint("as `--gold 1 --predicted 2`"));
    kitchen.ok(&["score", "tags.conll", "--gold", "1", "--predicted", "2"]);

    kitchen.write("classes.csv", "label,prediction\na,a\nb,a\na,a\n");
    let score = ["score", "classes.csv", "--gold", "label"];
    let one = kitchen.larder(&[&score[..], &["--task", "sequence"]].concat());
    names(one, 2, hint("`--task multilabel --label-separator '|'` takes its labels as sets of one"));
    let sets = kitchen.json(&[&score[..], &["--task", "multilabel", "--label-separator", "|"]].concat());
    assert_eq!(number(&sets, "/scores/micro/f1"), 2.0 / 3.0);
}
