//! Any JSON as a plan, a commit and a manifest of a store.

#![no_main]

use larder_fuzz::folder;
use larder_scale::{
    COMMIT_VERSION, Commit, MANIFEST_VERSION, Manifest, ObjectUri, PLAN_VERSION, Plan, Shard, Store, StoreUri,
};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn store() -> &'static (Store, StoreUri) {
    static STORE: OnceLock<(Store, StoreUri)> = OnceLock::new();
    STORE.get_or_init(|| {
        let uri = StoreUri::parse(&folder().join("store").display().to_string()).expect("a folder is a store");
        for kind in ["plans", "commits/ab", "manifests"] {
            std::fs::create_dir_all(folder().join("store").join(kind)).expect("a folder can be made");
        }
        (Store::open(&uri).expect("a folder is opened"), uri)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (store, uri) = store();
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes) {
        let (id, text) = plan.text().expect("a plan is written");
        let _ = (plan.rows(), plan.forecast_tokens(), plan.shards.iter().map(Shard::digest).count());
        if plan.format_version == PLAN_VERSION {
            larder_fuzz::put(&format!("store/plans/{id}.json"), &text);
            let again = Plan::read(store, &id).expect("what was written is read");
            assert_eq!(again.text().expect("as before"), (id.clone(), text));
            let name = ObjectUri { store: uri.clone(), plan_id: id.clone() };
            let _ = Manifest::of(&plan, &name, &[]).map_err(|error| error.to_string());
            let _ = std::fs::remove_file(folder().join(format!("store/plans/{id}.json")));
        }
    }
    if let Ok(commit) = serde_json::from_slice::<Commit>(bytes) {
        larder_fuzz::put("store/commits/ab/000000.json", bytes);
        match Commit::read_all(store, "ab") {
            Ok(read) => {
                assert_eq!(commit.format_version, COMMIT_VERSION);
                assert_eq!(serde_json::to_string(&read).ok(), serde_json::to_string(&[commit]).ok());
            }
            Err(error) => drop(error.to_string()),
        }
    }
    larder_fuzz::put("store/manifests/ab.json", bytes);
    match Manifest::read(store, "ab") {
        Ok(manifest) => {
            let manifest = manifest.expect("it is there");
            assert_eq!(manifest.format_version, MANIFEST_VERSION);
            let text = serde_json::to_vec(&manifest).expect("a manifest is written");
            assert_eq!(serde_json::from_slice::<Manifest>(&text).ok(), Some(manifest));
        }
        Err(error) => drop(error.to_string()),
    }
});
