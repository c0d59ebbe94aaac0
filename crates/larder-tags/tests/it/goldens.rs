//! Entities beside seqeval's, made by `tests/goldens/tags/recipe.py`.

use larder_tags::{Entity, Scheme, conlleval, strict};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    tags: Vec<String>,
    conlleval: Vec<(String, usize, usize)>,
    strict: BTreeMap<Scheme, Vec<(String, usize, usize)>>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/tags/sequences.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

fn plain(entities: Vec<Entity>) -> Vec<(String, usize, usize)> {
    entities.into_iter().map(|entity| (entity.entity_type, entity.start, entity.end)).collect()
}

#[test]
fn conlleval_agrees_with_seqeval() {
    let cases = cases();
    assert!(cases.len() >= 500);
    for case in cases {
        assert_eq!(plain(conlleval(&case.tags)), case.conlleval, "{:?}", case.tags);
    }
}

fn in_bmes(tag: &str) -> String {
    match tag.strip_prefix('I') {
        Some(rest) => format!("M{rest}"),
        None => tag.replacen('M', "X", usize::from(tag.starts_with('M'))),
    }
}

#[test]
fn strict_agrees_with_seqeval() {
    let (mut compared, mut unlike) = (BTreeMap::new(), BTreeMap::new());
    for case in cases() {
        for (scheme, expected) in case.strict {
            *compared.entry(scheme).or_insert(0) += 1;
            *unlike.entry(scheme).or_insert(0) += usize::from(expected != case.conlleval);
            assert_eq!(plain(strict(&case.tags, scheme)), expected, "{scheme}: {:?}", case.tags);
            if scheme == Scheme::Iobes {
                let bmes: Vec<String> = case.tags.iter().map(|tag| in_bmes(tag)).collect();
                assert_eq!(plain(strict(&bmes, Scheme::Bmes)), expected, "{bmes:?}");
            }
        }
    }
    // Cases where both readings agree would not tell the two functions apart.
    // seqeval has no BMES, which is IOBES with another letter.
    for scheme in Scheme::ALL.iter().filter(|scheme| **scheme != Scheme::Bmes) {
        assert!(compared[scheme] >= 100 && unlike[scheme] >= 25, "{scheme}: {compared:?}, {unlike:?}");
    }
}
