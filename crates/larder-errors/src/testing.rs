//! Error texts as the tests of all crates put them into snapshots.

use std::error::Error;
use std::fmt::Write;

/// Renders one example of each variant of `E`: its text, its causes, and the lines that `notes` adds, such as its class.
/// `source` is the file that declares the enum, as `include_str!` reads it; several examples of one variant are fine.
///
/// # Panics
/// If a variant that `source` declares has no example.
pub fn texts<E: Error>(source: &str, examples: &[E], notes: impl Fn(&E) -> Vec<String>) -> String {
    let path = std::any::type_name::<E>();
    let name = path.rsplit("::").next().unwrap_or(path);
    let variants = variants(source, name);
    assert!(!variants.is_empty(), "the source declares no enum {name}");
    let shown: Vec<String> = examples.iter().map(|error| identifier(&format!("{error:?}")).to_owned()).collect();
    let missing: Vec<&str> = variants.into_iter().filter(|variant| shown.iter().all(|one| one != variant)).collect();
    assert!(missing.is_empty(), "{name} has variants without an example: {}", missing.join(", "));
    let mut out = String::new();
    for (error, variant) in examples.iter().zip(shown) {
        let _ = writeln!(out, "{variant}: {error}");
        let mut cause = error.source();
        while let Some(source) = cause {
            let _ = writeln!(out, "  caused by: {source}");
            cause = source.source();
        }
        notes(error).iter().for_each(|note| writeln!(out, "  {note}").unwrap_or_default());
    }
    out
}

/// The variants of the enum `name`, as rustfmt lays them out: indented by four spaces.
fn variants<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
    let lines = source.lines().skip_while(|line| *line != format!("pub enum {name} {{")).skip(1);
    let indented = lines.take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    indented.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase())).map(identifier).collect()
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(text)
}
