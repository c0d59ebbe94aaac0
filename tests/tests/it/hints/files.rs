//! What is said about files without a description.

use std::fmt::Write as _;

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn a_file_runs_once_what_cannot_be_told_is_named() {
    let kitchen = Kitchen::empty();
    let mut table = "id,body,topic,team\n".to_owned();
    for (at, (text, label)) in toy(1, 60).into_iter().enumerate() {
        let _ = writeln!(table, "{at},{text},{label},{}", at % 3);
    }
    kitchen.write("t.csv", table.replace("topic", "about"));
    let run = ["run", "t.csv"];
    names(
        kitchen.larder(&run),
        4,
        hint(
            "there is no encoder yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other",
        ),
    );
    kitchen.init("tiny", 1, &[]);
    names(kitchen.larder(&run), 3, hint("name it with --label, --labels or --target"));
    kitchen.ok(&["run", "t.csv", "--label", "team"]);
    kitchen.init("other", 2, &[]);
    names(kitchen.larder(&["run", "t.csv", "--label", "about"]), 2, hint("): name one with --encoder"));
    kitchen.ok(&["run", "t.csv", "--label", "about", "--encoder", "tiny"]);

    let rows: String = (0..20).map(|at| format!("some words of row {at},{}\n", 17 * at * at)).collect();
    kitchen.write("n.csv", format!("body,size\n{rows}"));
    let run = ["run", "n.csv", "-e", "tiny"];
    names(
        kitchen.larder(&run),
        3,
        hint(
            "name it with --label (one of several), --labels (any number), --target (a number) or --tags (one a word)",
        ),
    );
    kitchen.ok(&[&run[..], &["--target", "size"]].concat());

    kitchen.write("few.csv", "body,label\none text,a\nanother one,b\na third,a\nand more,b\n");
    let run = ["train", "few.csv", "-e", "tiny", "--c", "1", "--class-weight", "none", "--threshold", "half"];
    names(
        kitchen.larder(&run),
        3,
        hint("give them in a file of their own with --dev-file, or none with --dev-fraction 0"),
    );
    kitchen.ok(&[&run[..], &["--dev-fraction", "0"]].concat());
    kitchen.ok(&[&run[..], &["--dev-file", "few.csv"]].concat());
}
