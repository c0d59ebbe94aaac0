//! The text of every error, as users read it.

use larder_errors::testing::texts;
use larder_evaluate::EvaluateError;
use larder_run::RunError;

#[test]
fn judging() {
    use EvaluateError::*;
    let examples = [
        Run(RunError::UnknownRun { run: "mine".to_owned(), folder: "runs".into(), known: vec![] }),
        NotComparable { first: "a".to_owned(), second: "b".to_owned(), why: "their splits differ".to_owned() },
    ];
    let class = |error: &EvaluateError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}
