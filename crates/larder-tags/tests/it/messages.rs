//! Problems of tags, and their messages.

use larder_tags::{IllegalTag, Mark, Scheme, Tag, check};

fn illegal(tags: &str, scheme: Scheme) -> IllegalTag {
    check(&tags.split(' ').collect::<Vec<_>>(), scheme).unwrap_err()
}

#[track_caller]
fn says(tags: &str, scheme: Scheme, word: usize, message: &str) {
    let illegal = illegal(tags, scheme);
    assert_eq!((illegal.word, illegal.to_string().as_str()), (word, message));
}

#[test]
fn a_tag_parts_at_its_first_hyphen() {
    assert_eq!(Tag::parse("O", Scheme::Iob1), Ok(Tag::OUTSIDE));
    assert_eq!(
        Tag::parse("B-creative-work", Scheme::Iob2),
        Ok(Tag { mark: Mark::Begin, entity_type: "creative-work" })
    );
    assert_eq!(Tag::parse("L--x-", Scheme::Bilou), Ok(Tag { mark: Mark::End, entity_type: "-x-" }));
    for (tag, message) in [
        ("B", "the tag `B` has no entity type; write the type after a hyphen, as in `B-person`"),
        ("I-", "the tag `I-` has no entity type; write the type after a hyphen, as in `I-person`"),
        ("O-x", "the tag `O-x` begins as `O`, which takes no entity type; write `O` alone"),
        ("S-x", "`S-x` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
        ("b-x", "`b-x` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
        ("BI-x", "`BI-x` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
        ("person", "`person` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
        ("", "`` is no tag of IOB2; known: `O`, `B-…`, `I-…`"),
    ] {
        assert_eq!(Tag::parse(tag, Scheme::Iob2).unwrap_err().to_string(), message);
    }
}

#[test]
fn the_first_illegal_tag_is_named_with_what_would_be_legal() {
    says(
        "O I-x I-y",
        Scheme::Iob2,
        1,
        "the tag `I-x` after `O` continues no entity; in IOB2 it may only follow `B-x` or `I-x`",
    );
    says(
        "I-x",
        Scheme::Iob2,
        0,
        "the tag `I-x` at the start of the sentence continues no entity; in IOB2 it may only follow `B-x` or `I-x`",
    );
    says(
        "I-x B-x O B-x",
        Scheme::Iob1,
        3,
        "the tag `B-x` after `O` parts two entities where there is one: in IOB1 a `B-` may only follow an entity of its \
         type; if `B-` starts every entity, the scheme is IOB2",
    );
    says(
        "S-x B-x O",
        Scheme::Iobes,
        1,
        "the tag `B-x` after `S-x` must be followed by `I-x` or `E-x` in IOBES, not by `O`",
    );
    says(
        "B-x I-x",
        Scheme::Bilou,
        1,
        "the tag `I-x` after `B-x` must be followed by `I-x` or `L-x` in BILOU, not by the end of the sentence",
    );
    says(
        "B-x E-y",
        Scheme::Iobes,
        1,
        "the tag `E-y` after `B-x` continues no entity; in IOBES it may only follow `B-y` or `I-y`",
    );
}

#[test]
fn a_malformed_tag_is_told_from_a_misplaced_one() {
    assert!(illegal("O B- O", Scheme::Iob2).is_malformed());
    assert!(!illegal("O I-x O", Scheme::Iob2).is_malformed());
    // The first problem counts, whichever it is.
    assert_eq!(illegal("O I-x B-", Scheme::Iob2).word, 1);
    assert_eq!(illegal("B-x ?", Scheme::Iobes).word, 1);
}
