//! Plans of many shards: what is missing, what is named, and what is garbage.

use std::time::Duration;

use larder_errors::ErrorClass;
use larder_scale::{
    Collected, Commit, CommitOutcome, Manifest, ObjectUri, ScaleError, Store, StoreUri, collect, collect_garbage, keys,
    plan_status,
};

use crate::support::{commit, plan};

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(&StoreUri::parse(&folder.path().display().to_string()).unwrap()).unwrap()
}

#[test]
fn a_plan_ends_when_all_shards_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let plan = plan(1000);
    let (plan_id, _) = plan.create(&store).unwrap();
    let uri = ObjectUri { store: store.uri().clone(), plan_id: plan_id.clone() };
    for shard in (0..1000).filter(|shard| ![3, 7, 8, 999].contains(shard)) {
        assert_eq!(commit(shard).create(&store, &plan_id).unwrap(), CommitOutcome::Committed);
    }
    let error = collect(&uri).unwrap_err();
    assert_eq!(error.class(), ErrorClass::TryAgain);
    assert!(error.to_string().contains("4 of 1,000 shards missing: 3,7-8,999"), "{error}");
    let status = plan_status(&uri).unwrap();
    assert_eq!((status.done, status.missing.as_str(), status.collected), (996, "3,7-8,999", false));
    assert_eq!((status.rows_done, status.rows), (99_600, 100_000));
    // From 0 to 9,982 seconds.
    assert!((status.rows_per_second.unwrap() - 99_600.0 / 9982.0).abs() < 1e-6);
    assert!((status.seconds_left.unwrap() - 9982.0 * 4.0 / 996.0).abs() < 1e-6);
    for shard in [3, 7, 8, 999] {
        commit(shard).create(&store, &plan_id).unwrap();
    }
    let (Collected::Features(set), is_new) = collect(&uri).unwrap() else { panic!("a plan of features") };
    let manifest = set.manifest();
    assert!(is_new && !collect(&uri).unwrap().1);
    assert_eq!((manifest.rows, manifest.parts.len()), (100_000, 1000));
    let order: Vec<usize> = manifest.parts.iter().map(|part| part.shard).collect();
    assert_eq!(order, (0..1000).rev().collect::<Vec<_>>(), "in the order of their rows");
    assert_eq!(manifest.provenance.parts["ran.device"], "cpu");
    assert_eq!(Manifest::read(&store, &plan_id).unwrap().as_ref(), Some(manifest));
}

#[test]
fn parts_of_other_columns_are_no_feature_set() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let plan = plan(2);
    let (plan_id, _) = plan.create(&store).unwrap();
    let mut other = commit(1);
    other.columns[0].width = 64;
    for commit in [commit(0), other] {
        commit.create(&store, &plan_id).unwrap();
    }
    let error = collect(&ObjectUri { store: store.uri().clone(), plan_id }).unwrap_err();
    assert!(matches!(error, ScaleError::OtherColumns { shard: 0, first: 1, .. }), "{error}");
}

#[test]
fn what_nothing_names_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let file = folder.path().join("file");
    std::fs::write(&file, "features").unwrap();
    let (named, lost) = (commit(0), commit(1));
    named.create(&store, "ab").unwrap();
    for commit in [&named, &lost] {
        assert!(store.put_content(&commit.key, &file).unwrap());
        assert!(!store.put_content(&commit.key, &file).unwrap(), "it is there");
    }
    std::fs::write(folder.path().join(format!("{}#1", named.key)), "half").unwrap();
    let young = collect_garbage(&store, Duration::from_secs(3600), false).unwrap();
    assert_eq!((young.keys.len(), young.young), (0, 1));
    let dry = collect_garbage(&store, Duration::ZERO, true).unwrap();
    assert_eq!(dry.keys.len(), 2, "{dry:?}");
    assert!(store.head(&lost.key).unwrap().is_some());
    let gone = collect_garbage(&store, Duration::ZERO, false).unwrap();
    assert_eq!(gone.keys, dry.keys);
    assert!(store.head(&lost.key).unwrap().is_none() && store.head(&named.key).unwrap().is_some());
    assert_eq!(Commit::shards(&store, "ab").unwrap(), [0]);
    assert_eq!(keys::shard_of_commit(&keys::commit("ab", 1_234_567)), Some(1_234_567));
}

#[test]
fn files_of_several_pieces_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let large: Vec<u8> = (0..40_u32 << 20).map(|at| (at % 251) as u8).collect();
    let path = folder.path().join("large");
    std::fs::write(&path, &large).unwrap();
    store.put_content("inputs/ab", &path).unwrap();
    let back = folder.path().join("back");
    assert!(store.fetch("inputs/ab", &back).unwrap());
    assert!(std::fs::read(&back).unwrap() == large);
    assert_eq!(store.get_range("inputs/ab", 1000..1003).unwrap().unwrap(), &large[1000..1003]);
    assert!(!store.fetch("inputs/cd", &back).unwrap());
}
