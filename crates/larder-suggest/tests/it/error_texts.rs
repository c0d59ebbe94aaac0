//! The text of every error, as users read it.

use larder_errors::testing::texts;
use larder_suggest::SuggestError;

#[test]
fn choices() {
    let examples = [SuggestError::NonFinite { row: 7, what: "dimension", position: 3 }];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| Vec::new()));
}
