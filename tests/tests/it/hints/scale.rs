//! What is said about plans and their workers.

use larder_tests::{Kitchen, toy};

use super::{hint, names};

#[test]
fn a_plan_is_made_worked_and_collected_as_messages_say() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60))]);
    let plan_args = ["plan", &dataset, "-e", "tiny", "--to", "store"];
    names(
        kitchen.larder(&["work", "store", "--shard", "0"]),
        2,
        hint("as `larder plan` and `larder collect` print it"),
    );
    kitchen.ok(&plan_args);
    let missing = "store/plans/00.json";
    names(kitchen.larder(&["status", missing]), 4, hint("`larder plan` makes it and prints its name"));
    let plan = kitchen.ok(&plan_args).stdout.trim().to_owned();

    // Another encoder of that name.
    let stranger = Kitchen::empty();
    stranger.init("tiny", 2, &[]);
    let work = ["work", &plan, "--shard", "0"];
    names(
        stranger.larder(&work),
        3,
        hint("give the worker another folder with --home, into which it fetches the planned one"),
    );
    stranger.ok(&[&["--home", "another"], &work[..]].concat());
    names(
        kitchen.larder(&["status", &plan]),
        0,
        hint("all shards are done: `larder collect` makes what they made exist"),
    );
    names(kitchen.larder(&["submit", "slurm", &plan]), 0, hint("nothing is missing: go on with `larder collect "));
    kitchen.ok(&["collect", &plan]);
}

#[test]
fn what_an_engine_does_not_take_is_printed() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60))]);
    let plan = kitchen.ok(&["plan", &dataset, "-e", "tiny", "--to", "store"]).stdout.trim().to_owned();
    let mut submit = kitchen.command(&["submit", "slurm", &plan]);
    // A machine without Slurm.
    let answer = larder_tests::run(submit.env("PATH", kitchen.path("nowhere")));
    names(answer, 4, hint("with --dry-run its text is printed, to be given to it by hand"));
    assert!(kitchen.ok(&["submit", "slurm", &plan, "--dry-run"]).stdout.contains("#SBATCH --array=0\n"));
    assert!(kitchen.ok(&["submit", "ray", &plan, "--dry-run"]).stdout.contains("import ray"));
}

#[test]
fn a_worker_that_does_not_see_the_input_is_given_a_copy() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60))]);
    let plan_args = ["plan", &dataset, "-e", "tiny", "--to", "store"];
    let plan = |more: &[&str]| kitchen.ok(&[&plan_args[..], more].concat()).stdout.trim().to_owned();
    let work = |plan: &str| kitchen.larder(&["work", plan, "--shard", "0"]);
    let (planned, copied) = (plan(&[]), plan(&["--copy-inputs"]));
    std::fs::remove_file(kitchen.path("toy-train.tsv")).unwrap();
    names(
        work(&planned),
        4,
        hint("give all workers the path, or plan with --copy-inputs, which puts inputs into the store"),
    );
    work(&copied).exits(0);
}

#[test]
fn a_worker_that_has_another_run_of_the_name_fetches_the_planned_one_elsewhere() {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 60)), ("dev", &toy(2, 20))]);
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "best", "--c", "1"]);
    kitchen.rows("rows.tsv", &toy(3, 5));
    kitchen.write("commands.txt", "predict best --input rows.tsv\n");
    let plan = kitchen.ok(&["plan", "--commands", "commands.txt", "--to", "store"]).stdout.trim().to_owned();
    kitchen.ok(&["run", &dataset, "-e", "tiny", "--run", "best", "--c", "9", "--force"]);
    let work = ["work", &plan, "--shard", "0"];
    names(kitchen.larder(&work), 3, hint("with another --home the worker fetches the planned one there"));
    kitchen.ok(&[&["--home", "another"], &work[..]].concat());
}
