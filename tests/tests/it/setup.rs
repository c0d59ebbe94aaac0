//! `larder setup` and `larder quickstart`, in a folder that is no checkout. Nothing here is downloaded: `just test-wheel` does that.

use std::path::{Path, PathBuf};
use std::process::Command;

use larder_tests::{Answer, Kitchen, binary, repository};
use serde_json::Value;

/// The binary, copied out of the repository, whose folder `.larder` it would find.
struct Copied {
    kitchen: Kitchen,
    larder: PathBuf,
}

impl Copied {
    fn new() -> Self {
        let kitchen = Kitchen::empty();
        let larder = kitchen.path("larder");
        std::fs::copy(binary(), &larder).unwrap();
        Self { kitchen, larder }
    }

    /// `larder ARGS` without an index of packages.
    fn larder(&self, args: &[&str]) -> Answer {
        let mut command = Command::new(&self.larder);
        self.kitchen.prepare(command.args(args).env_remove("ORT_DYLIB_PATH"));
        command.env("PIP_NO_INDEX", "1").env_remove("PIP_FIND_LINKS").env("PIP_CONFIG_FILE", "/dev/null");
        let output = command.output().expect("the binary starts");
        Answer::new(&command, output)
    }

    /// The user's folder of set-up.
    fn user(&self) -> PathBuf {
        self.kitchen.path("user/larder")
    }
}

/// What `just setup` put into the repository; `None`, said loudly, without it.
fn set_up_repository(test: &str) -> Option<PathBuf> {
    let folder = repository().join(".larder");
    let is_there = |bundle: &str| folder.join(bundle).join("installed.json").is_file();
    if is_there("onnxruntime") && is_there("models/all-MiniLM-L6-v2") {
        return Some(folder);
    }
    eprintln!("SKIPPED: {test} needs what `just setup` puts into {}", folder.display());
    None
}

/// Copies a bundle, with its stamp.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => assert!(std::fs::copy(entry.path(), &to).is_ok(), "{}", to.display()),
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_an_index_nothing_is_installed_and_the_way_out_is_said() {
    let copied = Copied::new();
    for args in [&["setup", "encoder"][..], &["quickstart"]] {
        let refused = copied.larder(args).exits(4);
        refused.says(&["downloading", "pip could not download", "nothing was installed", "PIP_*"]);
        let left: Vec<_> = std::fs::read_dir(copied.user()).into_iter().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    copied.larder(&["setup", "encodr"]).exits(2).says(&["unknown part `encodr`", "runtime, encoder or cuda"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_user_s_set_up_is_checked_and_serves_the_quick_start() {
    let Some(larder) = set_up_repository("a_user_s_set_up") else { return };
    let copied = Copied::new();
    for bundle in ["onnxruntime", "models/all-MiniLM-L6-v2"] {
        copy(&larder.join(bundle), &copied.user().join(bundle));
    }
    let there = copied.larder(&["setup"]).exits(0);
    there
        .says(&["ONNX Runtime 1.31.1: already there", "encoder all-MiniLM-L6-v2: already there"])
        .prints(&["user/larder"]);
    let json: Value = copied.larder(&["setup", "--json"]).exits(0).json();
    assert_eq!(json["parts"], serde_json::json!(["runtime", "encoder"]));

    let started = copied.larder(&["quickstart"]).exits(0);
    let name = "intents-all-MiniLM-L6-v2-1";
    started.prints(&["majority", &format!("now try: larder predict {name} 'wake me up at seven'")]);
    copied.larder(&["predict", name, "wake me up at seven"]).exits(0).prints(&["alarm"]);
    let again = copied.larder(&["quickstart"]).exits(0);
    again.says(&[&format!("train    {name}: up to date")]).does_not_say("downloading");
}

#[test]
fn the_wheel_depends_on_the_runtime_that_set_up_fetches() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let pins: Value = serde_json::from_str(&read("crates/larder-runtime/setup/pins.json")).unwrap();
    let wheel = read("crates/larder/pyproject.toml");
    for bundle in ["onnxruntime", "onnxruntime-gpu"] {
        let requirement = pins["bundles"][bundle]["wheels"]["linux-x86_64"][0]["requirement"].as_str().unwrap();
        let (name, version) = requirement.split_once("==").unwrap();
        let line =
            wheel.lines().find(|line| line.contains(&format!("\"{name}[")) || line.contains(&format!("\"{name}=")));
        let line = line.unwrap_or_else(|| panic!("the wheel does not depend on {name}"));
        assert!(line.contains(&format!("=={version}\"")), "{line}");
    }
}
