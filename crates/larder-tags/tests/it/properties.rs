//! Laws of every sequence of tags.

use larder_tags::{Entity, Scheme, Tag, TagSet, check, conlleval, convert, encode, is_legal, repair, strict};
use proptest::prelude::*;

/// Types without a hyphen at either end: `strict` cuts those off, as seqeval does.
const TYPES: &[&str] = &["a", "b", "x-y", "x_y"];

fn schemes() -> impl Strategy<Value = Scheme> {
    proptest::sample::select(Scheme::ALL)
}

/// Any entities that do not overlap, and the number of words of their sentence: gaps of no word are frequent, so that
/// neighbours are often of one type.
fn entities() -> impl Strategy<Value = (Vec<Entity>, usize)> {
    let entity = (0..2_usize, 1..4_usize, proptest::sample::select(TYPES));
    (proptest::collection::vec(entity, 0..8), 0..3_usize).prop_map(|(parts, rest)| {
        let mut end = 0;
        let entities = parts.into_iter().map(|(gap, length, entity_type)| {
            let start = end + gap;
            end = start + length;
            Entity { start, end, entity_type: entity_type.to_owned() }
        });
        (entities.collect(), end + rest)
    })
}

/// Tags with marks from `marks`, most of them illegal.
fn tags(marks: &'static str) -> impl Strategy<Value = Vec<String>> {
    let letters: Vec<char> = marks.chars().collect();
    let tag =
        (proptest::sample::select(letters), proptest::sample::select(&TYPES[..2])).prop_map(|(letter, entity_type)| {
            match letter {
                'O' => "O".to_owned(),
                letter => format!("{letter}-{entity_type}"),
            }
        });
    proptest::collection::vec(tag, 0..10)
}

fn fits(tags: &[String], scheme: Scheme) -> bool {
    let parsed: Result<Vec<Tag>, _> = tags.iter().map(|tag| Tag::parse(tag, scheme)).collect();
    parsed.is_ok_and(|parsed| {
        let mut pairs = vec![None];
        pairs.extend(parsed.iter().map(Some));
        pairs.push(None);
        pairs.windows(2).all(|pair| is_legal(scheme, pair[0], pair[1]))
    })
}

proptest! {
    #[test]
    fn every_set_of_entities_has_one_legal_sequence_in_each_scheme(
        (entities, words) in entities(), from in schemes(), to in schemes(),
    ) {
        let tags = encode(&entities, words, from);
        prop_assert!(fits(&tags, from), "{tags:?}");
        prop_assert_eq!(&strict(&tags, from), &entities);
        let converted = convert(&tags, from, to).unwrap();
        prop_assert_eq!(&converted, &encode(&entities, words, to));
        prop_assert_eq!(&convert(&converted, to, from).unwrap(), &tags);
        prop_assert_eq!(&repair(&tags, from), &tags);
    }

    #[test]
    fn strict_and_conlleval_agree_on_legal_sequences((entities, words) in entities()) {
        for scheme in [Scheme::Iob1, Scheme::Iob2, Scheme::Iobes] {
            let tags = encode(&entities, words, scheme);
            prop_assert_eq!(strict(&tags, scheme), conlleval(&tags));
        }
    }

    #[test]
    fn repair_is_legal_and_keeps_what_conlleval_reads(tags in tags("OBIES"), scheme in schemes()) {
        let repaired = repair(&tags, scheme);
        prop_assert_eq!(check(&repaired, scheme), Ok(()));
        prop_assert_eq!(strict(&repaired, scheme), conlleval(&tags));
    }

    #[test]
    fn repair_reads_bilou_as_iobes(tags in tags("OBILU"), scheme in schemes()) {
        let renamed: Vec<String> = tags.iter().map(|tag| tag.replace('L', "E").replace('U', "S")).collect();
        prop_assert_eq!(repair(&tags, scheme), repair(&renamed, scheme));
    }

    #[test]
    fn repair_of_anything_is_legal(
        tags in proptest::collection::vec("[OBIESLUX.é]?-?[a_]?-?[a_]?", 0..8), scheme in schemes(),
    ) {
        let repaired = repair(&tags, scheme);
        prop_assert_eq!(repaired.len(), tags.len());
        prop_assert_eq!(check(&repaired, scheme), Ok(()));
        // No reader stumbles over them either.
        conlleval(&tags).iter().for_each(|entity| assert!(entity.start < entity.end && entity.end <= tags.len()));
        strict(&tags, scheme).iter().for_each(|entity| assert!(entity.start < entity.end && entity.end <= tags.len()));
    }

    #[test]
    fn check_is_is_legal_on_every_pair(
        tags in prop_oneof![tags("OBI"), tags("OBIES"), tags("OBILU")], scheme in schemes(),
    ) {
        prop_assert_eq!(check(&tags, scheme).is_ok(), fits(&tags, scheme));
        if let Err(illegal) = check(&tags, scheme) {
            prop_assert_eq!(&illegal.tag, &tags[illegal.word]);
            prop_assert_eq!(illegal.previous.as_ref(), illegal.word.checked_sub(1).map(|before| &tags[before]));
        }
    }

    #[test]
    fn a_tag_set_allows_what_is_legal_in_iob2(
        types in proptest::collection::vec("[a-c_-]{0,3}", 0..5), classes in proptest::collection::vec(0..100_usize, 0..8),
    ) {
        let set = TagSet::new(types);
        let names = set.names();
        prop_assert_eq!(names.len(), set.len());
        for (class, name) in names.iter().enumerate() {
            prop_assert_eq!(set.class(name), Some(class));
            prop_assert_eq!(set.name(class), name.as_str());
            let next = Tag::parse(name, Scheme::Iob2).unwrap();
            prop_assert_eq!(set.allowed(None, class), is_legal(Scheme::Iob2, None, Some(&next)));
            for (before, previous) in names.iter().enumerate() {
                let previous = Tag::parse(previous, Scheme::Iob2).unwrap();
                prop_assert_eq!(set.allowed(Some(before), class), is_legal(Scheme::Iob2, Some(&previous), Some(&next)));
            }
        }
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(&serde_json::from_str::<TagSet>(&json).unwrap(), &set);

        let classes: Vec<usize> = classes.into_iter().map(|class| class % set.len()).collect();
        let tags: Vec<String> = classes.iter().map(|class| set.name(*class)).collect();
        prop_assert_eq!(set.entities(&classes), conlleval(&tags));
        if check(&tags, Scheme::Iob2).is_ok() {
            prop_assert_eq!(encode(&set.entities(&classes), tags.len(), Scheme::Iob2), tags);
        }
    }
}
