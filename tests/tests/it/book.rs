//! README.md is short; links of README.md, CONTRIBUTING.md and the book lead to something, on a code host and in mdBook; the recipes
//! and files that they name are there. Commands of larder are checked beside the command line (`crates/larder/src/cli.rs`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use larder_tests::repository;

/// README.md is read in one go.
const MOST_README_BYTES: usize = 9000;

/// The folder of the book's pages.
const BOOK: &str = "crates/larder/docs";

/// The mark that encloses a page's link to the page of another crate that it includes: mdBook's readers do not see it.
const REPOSITORY_ONLY: (&str, &str) = ("<div class=\"in-the-repository\">", "</div>");

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The book's pages, without the list of them.
fn pages() -> Vec<PathBuf> {
    let folder = repository().join(BOOK);
    let entries = std::fs::read_dir(folder).expect("the book is there");
    let files = entries.map(|entry| entry.expect("can be listed").path());
    let mut pages: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "md") && !path.ends_with("SUMMARY.md"))
        .collect();
    pages.sort();
    pages
}

/// The pages that people read first, the list of the book's pages, and these.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "data/README.md", "crates/larder/docs/SUMMARY.md"]
        .iter()
        .map(|name| repository().join(name))
        .collect();
    found.extend(pages());
    found.extend(pages().iter().flat_map(|page| included(page)));
    found
}

/// The files that a page includes.
fn included(page: &Path) -> Vec<PathBuf> {
    let text = read(page);
    let names = text.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next());
    names.map(|name| page.with_file_name(name)).collect()
}

/// A page as mdBook shows it.
fn shown(page: &Path) -> String {
    let mut text = read(page);
    if let Some((before, rest)) = text.split_once(REPOSITORY_ONLY.0) {
        let (_, after) = rest.split_once(REPOSITORY_ONLY.1).expect("the division ends");
        text = format!("{before}{after}");
    }
    for file in included(page) {
        text.push('\n');
        text.push_str(&read(&file));
    }
    text
}

/// The text outside of fenced code, and the lines of fenced code.
fn parts(text: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code, mut in_code) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            code.push(line);
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    (prose, code)
}

/// The code in single backticks, each on one line.
fn spans(prose: &str) -> Vec<String> {
    prose.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
}

/// The links of a text to files and headings of the repository.
fn links(text: &str) -> Vec<String> {
    let (prose, _) = parts(text);
    // Code is no link.
    let prose: String = prose.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchors of a text's headings, as code hosts and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = parts(text);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    headings.map(|heading| heading.to_lowercase().chars().filter_map(kept).collect()).collect()
}

/// Panics unless `link` of `page` leads to a file or a folder, and to a heading of it if it names one.
fn assert_leads_somewhere(page: &Path, link: &str) {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_path_buf() } else { page.with_file_name("").join(path) };
    assert!(target.exists(), "{}: there is no {path}", page.display());
    if !anchor.is_empty() {
        let found = anchors(&shown(&target));
        assert!(found.contains(anchor), "{}: {path} has no heading #{anchor}, only {found:?}", page.display());
    }
}

#[test]
fn the_readme_is_short() {
    let bytes = read(&repository().join("README.md")).len();
    assert!(bytes <= MOST_README_BYTES, "README.md has {bytes} bytes, at most {MOST_README_BYTES} expected");
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        for link in links(&read(&document)) {
            assert_leads_somewhere(&document, &link);
            followed += 1;
        }
    }
    assert!(followed >= 50, "{followed} are no longer found");
}

/// mdBook copies no file from outside of the book's folder.
#[test]
fn links_of_the_book_stay_in_the_book() {
    for page in pages() {
        for link in links(&shown(&page)) {
            let path = link.split('#').next().unwrap_or_default();
            let is_page = path.is_empty() || pages().contains(&page.with_file_name(path));
            assert!(is_page, "{}: {path} is no page of the book", page.display());
        }
    }
}

#[test]
fn every_page_is_in_the_list() {
    let list = repository().join(BOOK).join("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = links(&read(&list)).iter().map(|name| list.with_file_name(name)).collect();
    assert_eq!(listed, pages().into_iter().collect(), "pages in SUMMARY.md, and pages that are there");
}

#[test]
fn every_recipe_is_there() {
    let justfile = read(&repository().join("justfile"));
    let recipes: BTreeSet<&str> = justfile
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(':') && !line.contains(":="))
        .filter_map(|line| line.split([' ', ':']).next())
        .collect();
    assert!(recipes.contains("quickstart") && recipes.contains("book"), "{recipes:?}");
    let mut named = 0;
    for document in documents() {
        let text = read(&document);
        let (prose, code) = parts(&text);
        let spans = spans(&prose);
        for line in code.into_iter().chain(spans.iter().map(String::as_str)) {
            let commands = line.split(" #").next().unwrap_or_default().split("&&");
            for recipe in commands.filter_map(|command| command.trim().strip_prefix("just ")) {
                let name = recipe.split_whitespace().next().unwrap_or_default();
                assert!(name.is_empty() || recipes.contains(name), "{}: there is no `just {name}`", document.display());
                named += 1;
            }
        }
    }
    assert!(named >= 30, "{named} are no longer found");
}

#[test]
fn every_path_is_there() {
    let mut named = 0;
    for document in documents() {
        let (prose, _) = parts(&read(&document));
        for path in spans(&prose) {
            let is_path = ["crates/", "tests/"].iter().any(|folder| path.starts_with(folder));
            if is_path && !path.contains([' ', '*']) {
                assert!(repository().join(&path).exists(), "{}: there is no {path}", document.display());
                named += 1;
            }
        }
    }
    assert!(named >= 30, "{named} are no longer found");
}

/// The crates of the table in architecture.md, from the binary down.
fn crates() -> Vec<String> {
    let page = read(&repository().join(BOOK).join("architecture.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `larder"));
    rows.filter_map(|row| Some(format!("larder{}", row.split('`').next()?))).collect()
}

#[test]
fn dependencies_point_down_the_table_of_crates() {
    let table = crates();
    let folders = std::fs::read_dir(repository().join("crates")).expect("there are crates");
    let there: BTreeSet<String> =
        folders.map(|entry| entry.expect("can be listed").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(
        table.iter().cloned().collect::<BTreeSet<String>>(),
        there,
        "crates in the table, and crates that are there"
    );
    for (place, name) in table.iter().enumerate() {
        let manifest = read(&repository().join("crates").join(name).join("Cargo.toml"));
        let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default().split("\n[").next();
        let lines = dependencies.unwrap_or_default().lines();
        for used in lines.filter_map(|line| line.split(['.', ' ']).next()).filter(|used| used.starts_with("larder")) {
            let below = table[place + 1..].iter().any(|lower| lower == used);
            assert!(below, "{name} depends on {used}, which does not stand below it in architecture.md");
        }
    }
}
