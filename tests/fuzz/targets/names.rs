//! Any text as one of the names that users type: models on a hub, stores, plans, columns, artifacts.

#![no_main]

use larder_data::{ColumnRef, Format, InputFormat, Scheme, Separator, Task};
use larder_files::{Home, check_name};
use larder_hub::HubModel;
use larder_scale::{ObjectUri, StoreUri};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    match text.parse::<HubModel>() {
        Ok(model) => {
            assert_eq!(model.to_string().parse::<HubModel>().expect("its own text is a name"), model);
            assert!(!model.repo().contains("..") && !model.name().contains('/'));
        }
        Err(error) => drop(error.to_string()),
    }
    match StoreUri::parse(text) {
        Ok(store) => {
            let shown = store.to_string();
            let again = StoreUri::parse(&shown).unwrap_or_else(|error| panic!("{shown}: {error}"));
            // A URL has no `..` in it.
            assert!(again == store || text.contains(".."), "{shown}: {again:?} {store:?}");
        }
        Err(error) => drop(error.to_string()),
    }
    for parse in [ObjectUri::plan, ObjectUri::manifest] {
        match parse(text) {
            Ok(object) => assert!(object.plan_id.bytes().all(|byte| byte.is_ascii_hexdigit())),
            Err(error) => drop(error.to_string()),
        }
    }
    if check_name("run", text).is_ok() {
        let home = Home::new("/home");
        let run = home.run(text).expect("it is a name");
        assert!(run.starts_with(home.runs()) && run.parent() == Some(&home.runs()), "{run:?}");
    }
    for format in [Format::Csv, Format::Jsonl, Format::Conll, Format::Parquet] {
        let _ = (ColumnRef::of_flag(text, format, true), ColumnRef::of_flag(text, format, false));
    }
    let _ = InputFormat::of_input(Path::new(text));
    let _ = (text.parse::<Task>().is_ok(), text.parse::<Scheme>().is_ok(), text.parse::<Separator>().is_ok());
});
