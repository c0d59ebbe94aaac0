//! The text of every error, as users read it.

use larder_errors::testing::texts;
use larder_tags::{IllegalReason, IllegalTag, Scheme, TagProblem};

#[test]
fn tags() {
    use TagProblem::*;
    let examples = [
        NoType { tag: "B-".to_owned(), letter: 'B' },
        OutsideWithType { tag: "O-person".to_owned() },
        UnknownMark { tag: "S-person".to_owned(), scheme: Scheme::Iob2 },
        UnknownMark { tag: "X-person".to_owned(), scheme: Scheme::Bilou },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/tag.rs"), &examples, |_| vec![]));
    insta::assert_snapshot!("scheme", "IOE2".parse::<Scheme>().unwrap_err());
}

#[test]
fn sequences() {
    use IllegalReason::*;
    let illegal = |scheme, previous: Option<&str>, tag: &str, why| IllegalTag {
        scheme,
        word: 1,
        previous: previous.map(str::to_owned),
        tag: tag.to_owned(),
        why,
    };
    let person = |mark: &str| format!("{mark}-person");
    let examples = [
        illegal(Scheme::Iob2, None, "B-", Malformed(TagProblem::NoType { tag: "B-".to_owned(), letter: 'B' })),
        illegal(Scheme::Iob2, Some("O"), "I-person", NotBegun),
        illegal(Scheme::Iob2, None, "I-person", NotBegun),
        illegal(Scheme::Iobes, Some("O"), "B-person", Unfinished { next: Some(person("S")) }),
        illegal(Scheme::Bilou, Some("O"), "B-person", Unfinished { next: None }),
        illegal(Scheme::Iob1, Some("O"), "B-person", NeedlessBegin),
    ];
    let list = examples.iter().map(|error| format!("{error}\n")).collect::<String>();
    insta::assert_snapshot!(list);
}
