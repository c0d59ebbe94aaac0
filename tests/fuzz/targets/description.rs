//! Any text as the TOML of a data set.

#![no_main]

use std::path::Path;

use larder_data::{DatasetSpec, Layout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = Path::new("/nowhere/set.toml");
    let spec = match DatasetSpec::parse(text, path) {
        Ok(spec) => spec,
        Err(error) => return drop(error.to_string()),
    };
    assert!(spec.columns.given().next().is_some(), "a data set without columns holds nothing");
    assert!(spec.split_names().next().is_some(), "and one without splits neither");
    assert!(!spec.without_targets().has_targets());
    // What a run records of the layout is enough to read other files by.
    let mut layout = spec.layout();
    let recorded = Layout::from_parts(&layout.parts(), "").expect("what was written is read");
    layout.targets = None;
    let (columns, given) = (&mut layout.columns, recorded.columns.clone());
    (columns.label, columns.labels, columns.label_separator, columns.target) = (None, None, None, None);
    (columns.spans, columns.sentence) = (None, None);
    assert_eq!(*columns, given);
    assert_eq!(layout, recorded);
});
