//! Any texts as tags: the grammar of the schemes.

#![no_main]

use larder_fuzz::choice;
use larder_tags::{Scheme, TagSet, check, conlleval, convert, encode, repair, strict};
use libfuzzer_sys::fuzz_target;

const SCHEMES: [Scheme; 5] = [Scheme::Iob1, Scheme::Iob2, Scheme::Iobes, Scheme::Bilou, Scheme::Bmes];

fuzz_target!(|bytes: &[u8]| {
    let Some((at, rest)) = choice(bytes, 25) else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (from, to) = (SCHEMES[at / 5], SCHEMES[at % 5]);
    let tags: Vec<&str> = text.split(' ').collect();
    let legal = check(&tags, from);

    let repaired = repair(&tags, from);
    check(&repaired, from).unwrap_or_else(|problem| panic!("{tags:?} repaired to {repaired:?}: {problem}"));
    assert_eq!(repair(&repaired, from), repaired, "what is legal stays as it is");

    // Around other marks the CoNLL script itself reads entities that overlap.
    let script = tags.iter().all(|tag| tag.starts_with(['O', 'B', 'I', 'E', 'S'])).then(|| conlleval(&tags));
    for entities in [strict(&tags, from)].into_iter().chain(script) {
        let in_order = entities.windows(2).all(|pair| pair[0].end <= pair[1].start);
        assert!(in_order && entities.iter().all(|entity| entity.start < entity.end && entity.end <= tags.len()));
        // Types that no tag can name are read by scorers only.
        if entities.iter().all(|entity| !entity.entity_type.is_empty()) {
            let written = encode(&entities, tags.len(), to);
            check(&written, to).expect("entities are written legally");
        }
    }
    match legal {
        Err(problem) => drop((problem.to_string(), convert(&tags, from, to).expect_err("it is illegal"))),
        Ok(()) => {
            let converted = convert(&tags, from, to).expect("it is legal");
            check(&converted, to).expect("what was converted is legal");
            assert_eq!(convert(&converted, to, from).expect("it is legal"), tags, "nothing is lost");
            let iob2 = convert(&tags, from, Scheme::Iob2).expect("it is legal");
            let entities = conlleval(&iob2);
            let types = TagSet::new(entities.iter().map(|entity| entity.entity_type.clone()));
            let classes: Option<Vec<usize>> = iob2.iter().map(|tag| types.class(tag)).collect();
            let classes = classes.expect("every type is known");
            assert_eq!(types.entities(&classes), entities);
            assert_eq!(classes.iter().map(|class| types.name(*class)).collect::<Vec<_>>(), iob2);
            // A scorer takes hyphens off the ends of types.
            if tags.iter().all(|tag| !tag.ends_with('-') && !tag.contains("--")) {
                assert_eq!(strict(&iob2, Scheme::Iob2), entities);
            }
        }
    }
});
