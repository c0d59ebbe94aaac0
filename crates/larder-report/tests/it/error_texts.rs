//! The text of every error, as users read it.

use larder_errors::testing::texts;
use larder_report::ReportError;
use larder_run::RunError;

#[test]
fn pages() {
    use ReportError::*;
    let examples = [
        Run(RunError::UnknownRun { run: "mine".to_owned(), folder: "runs".into(), known: vec![] }),
        Predict(RunError::UnknownRun { run: "other".to_owned(), folder: "runs".into(), known: vec![] }.into()),
        Chart { chart: "Losses".to_owned(), source: "the range is empty".into() },
    ];
    let class = |error: &ReportError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}
