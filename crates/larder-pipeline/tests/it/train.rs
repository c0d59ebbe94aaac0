//! Where a run goes, and what becomes of those that were killed on the way.

use larder_files::FolderLock;
use larder_pipeline::train;
use larder_run::{RunRecord, Silent};

use crate::support::{Bench, options};

#[test]
fn a_run_without_a_name_is_found_again_or_takes_the_first_free_one() {
    let Some(bench) = Bench::new() else { return };
    let name = |c: f64, force: bool| {
        let mut options = options(None, c);
        options.force = force;
        bench.train(&options).0.record.run
    };
    assert_eq!(name(1.0, false), "toy-tiny-1");
    assert_eq!(name(2.0, false), "toy-tiny-2");
    assert_eq!(name(2.0, false), "toy-tiny-2", "a run of these settings is there");
    assert_eq!(name(2.0, true), "toy-tiny-3", "a second one of the same is asked for");
    std::fs::remove_dir_all(bench.larder.home().run("toy-tiny-1").unwrap()).unwrap();
    assert_eq!(name(3.0, false), "toy-tiny-1", "a gap is filled");
    // Something that is no run is not written over.
    let taken = bench.larder.home().run("toy-tiny-4").unwrap();
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("thesis"), "years").unwrap();
    assert_eq!(name(4.0, false), "toy-tiny-5");
    assert_eq!(std::fs::read(taken.join("thesis")).unwrap(), b"years");
    assert_eq!(bench.runs(), ["toy-tiny-1", "toy-tiny-2", "toy-tiny-3", "toy-tiny-5"]);
}

#[test]
fn a_run_of_the_same_settings_counts_whatever_its_name_and_not_for_another_encoder() {
    let Some(bench) = Bench::new() else { return };
    bench.train(&options(Some("mine"), 1.0));
    assert_eq!(bench.train(&options(None, 1.0)).0.record.run, "mine");
    assert_eq!(bench.train(&options(Some("other"), 1.0)).0.record.run, "other", "a name that was given is made");
    // The same model by another name: what it was made from is the same, and it is another encoder's run.
    let twin = bench.encoder("twin", 1);
    let trained = train(&bench.larder, &bench.spec, &twin, &options(None, 1.0), &mut Silent).unwrap();
    assert_eq!((trained.record.run.as_str(), trained.record.encoder.as_str()), ("toy-twin-1", "twin"));
}

#[test]
fn a_name_is_fresh_replaced_or_forced_and_what_changed_is_said() {
    let Some(bench) = Bench::new() else { return };
    let made = |c: f64, force: bool| {
        let mut options = options(Some("mine"), c);
        options.force = force;
        let (trained, told) = bench.train(&options);
        assert_eq!(trained.record.run, "mine");
        (told.last().cloned().unwrap_or_default(), std::fs::read(trained.folder.join("head.safetensors")).unwrap())
    };
    let (said, first) = made(1.0, false);
    assert_eq!(said, "Train mine:");
    let (said, again) = made(1.0, false);
    assert_eq!((said.as_str(), &again), ("Train mine: fresh", &first));
    let (said, weaker) = made(0.001, false);
    assert_eq!(said, "Train mine: c");
    assert_ne!(weaker, first);
    assert_eq!(made(0.001, true), ("Train mine:".to_owned(), weaker), "the same head, made again");
    assert_eq!(bench.among_runs(), ["mine"], "nothing is left of those that were replaced");
}

#[test]
fn a_record_that_cannot_be_read_is_replaced() {
    let Some(bench) = Bench::new() else { return };
    let (trained, _) = bench.train(&options(Some("mine"), 1.0));
    let path = trained.folder.join("run.json");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (again, told) = bench.train(&options(Some("mine"), 1.0));
    assert_eq!(told.last().map(String::as_str), Some("Train mine:"));
    assert_eq!(RunRecord::open(&bench.larder, "mine").unwrap(), again.record);
}

#[test]
fn what_killed_trainings_left_is_removed_or_brought_back_and_what_is_under_way_stays() {
    let Some(bench) = Bench::new() else { return };
    bench.train(&options(Some("mine"), 1.0));
    let runs = bench.larder.home().runs();
    let folder = |name: &str| {
        std::fs::create_dir(runs.join(name)).unwrap();
        std::fs::write(runs.join(name).join("run.json"), "{}").unwrap();
        runs.join(name)
    };
    // Killed while it was written, while it was replaced before and behind the second rename, and no run of ours.
    folder(".killed.11.new");
    folder(".mine.12.old");
    folder(".back.13.old");
    folder(".notes");
    folder(".odd.old");
    // Another process is writing one, and replacing one.
    let _writing = FolderLock::take(&folder(".writing.14.new")).unwrap();
    folder(".replaced.15.old");
    let _replacing = FolderLock::take(&folder(".replaced.15.new")).unwrap();
    folder(".placed.16.old");
    let _placing = FolderLock::take(&folder("placed")).unwrap();

    bench.train(&options(Some("mine"), 2.0));
    let left = bench.among_runs();
    let expected = [
        ".notes",
        ".odd.old",
        ".placed.16.old",
        ".replaced.15.new",
        ".replaced.15.old",
        ".writing.14.new",
        "back",
        "mine",
        "placed",
    ];
    assert_eq!(left, expected);
}
