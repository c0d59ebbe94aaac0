//! What `--version` says of the build: the commit, and what it was compiled for.

use std::process::Command;

fn main() {
    let commit = std::env::var("LARDER_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit);
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=LARDER_BUILD_COMMIT={}", commit.unwrap_or_default());
    println!("cargo::rustc-env=LARDER_BUILD_TARGET={target}");
    println!("cargo::rerun-if-env-changed=LARDER_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    // Moves with every commit and checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| std::path::Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// The commit that is checked out; `None` outside of a repository of larder, as in a package of sources.
fn commit() -> Option<String> {
    // A checkout of something else may lie around a copy of larder.
    let root = git(&["rev-parse", "--show-prefix"])?;
    if root.trim_end_matches('/') != "crates/larder" {
        return None;
    }
    git(&["rev-parse", "--short=9", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
