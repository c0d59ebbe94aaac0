//! Models in the cache, without the network.

use std::path::Path;

use larder_hub::{Hub, HubError, HubModel, HubSettings};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub without a network and its cache, which goes with the folder.
fn hub() -> (tempfile::TempDir, Hub) {
    let cache = tempfile::tempdir().expect("a folder");
    let settings = HubSettings {
        // Nobody is to be asked.
        endpoint: "http://127.0.0.1:1".to_owned(),
        cache: cache.path().to_path_buf(),
        token: None,
        offline: true,
    };
    let hub = Hub::new(settings).expect("needs no network");
    (cache, hub)
}

fn model(name: &str) -> HubModel {
    name.parse().expect("a name")
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// `org/bert` in the cache at [`COMMIT`], with these files of one letter.
fn fetched_before(cache: &Path, files: &[&str]) -> std::path::PathBuf {
    let snapshot = cache.join("models--org--bert/snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).expect("a folder");
    files.iter().for_each(|file| write(&snapshot.join(file), "x"));
    snapshot
}

fn name_revision(cache: &Path, revision: &str, commit: &str) {
    write(&cache.join("models--org--bert/refs").join(revision), commit);
}

#[test]
fn branches_tags_and_commits_lead_to_the_files_that_were_fetched() {
    let (cache, hub) = hub();
    let snapshot = fetched_before(cache.path(), &["tokenizer.json", "onnx/model.onnx", "config.json"]);
    name_revision(cache.path(), "main", &format!("{COMMIT}\n"));
    name_revision(cache.path(), "refs/pr/3", COMMIT);
    for name in ["hf:org/bert", "hf:org/bert@refs/pr/3", &format!("hf:org/bert@{COMMIT}")] {
        let found = hub.find(&model(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let files: Vec<&str> = found.files().iter().map(|file| file.name.as_str()).collect();
        assert_eq!(files, ["config.json", "onnx/model.onnx", "tokenizer.json"], "{name}");
        assert_eq!((found.commit(), found.folder(), found.model()), (COMMIT, snapshot.as_path(), &model(name)));
        let mut said = Vec::new();
        let path = found.fetch("onnx/model.onnx", &mut |line| said.push(line.to_owned())).expect("is there");
        assert_eq!((path, said), (snapshot.join("onnx/model.onnx"), Vec::new()));
    }
}

#[test]
fn what_was_not_fetched_is_named_and_asked_for_nowhere() {
    let (cache, hub) = hub();
    let folder = fetched_before(cache.path(), &["config.json"]);
    name_revision(cache.path(), "main", COMMIT);
    let found = hub.find(&model("hf:org/bert")).expect("is there");
    assert!(found.has("config.json") && !found.has("model.safetensors"));
    let missing = [
        found.fetch("model.safetensors", &mut |line| panic!("{line}")).expect_err("was not fetched"),
        found.not_cached("model.safetensors").expect("nobody can be asked"),
    ];
    for error in missing {
        let HubError::FileNotCached { name, folder: found, .. } = &error else { panic!("{error}") };
        assert_eq!((name.as_str(), found), ("model.safetensors", &folder));
    }
}

#[test]
fn a_cache_without_the_model_says_so() {
    let (cache, hub) = hub();
    let find = |name: &str| hub.find(&model(name)).map(|found| found.commit().to_owned());
    assert!(matches!(find("hf:org/bert"), Err(HubError::NotCached { .. })), "nothing at all");
    fetched_before(cache.path(), &["config.json"]);
    assert!(matches!(find("hf:org/bert"), Err(HubError::NotCached { .. })), "no branch");
    // A branch that leads out of its folder, to nothing, and to a commit that was not fetched.
    for commit in ["../../other", "", "0123", &COMMIT.replace('0', "f")] {
        name_revision(cache.path(), "main", commit);
        assert!(matches!(find("hf:org/bert"), Err(HubError::NotCached { .. })), "{commit:?}");
    }
    assert!(matches!(find("hf:org/other"), Err(HubError::NotCached { .. })), "another model");
    assert_eq!(find(&format!("hf:org/bert@{COMMIT}")).expect("is there"), COMMIT);
}

#[cfg(unix)]
#[test]
fn a_name_whose_content_is_gone_is_no_file() {
    let (cache, hub) = hub();
    let snapshot = fetched_before(cache.path(), &["config.json"]);
    name_revision(cache.path(), "main", COMMIT);
    std::os::unix::fs::symlink("../../blobs/gone", snapshot.join("model.safetensors")).expect("a link");
    let found = hub.find(&model("hf:org/bert")).expect("is there");
    assert!(!found.has("model.safetensors"));
    let error = found.fetch("model.safetensors", &mut |_| {}).expect_err("has no content");
    assert!(matches!(error, HubError::FileNotCached { .. }), "{error}");
}
