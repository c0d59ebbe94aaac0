//! The text of every error, as users read it.

use larder_errors::testing::texts;
use larder_metrics::{ClassRole, MetricsError, SetScore};
use larder_tags::Entity;

#[test]
fn scoring() {
    use MetricsError::*;
    let entity = Entity { start: 3, end: 5, entity_type: "person".to_owned() };
    let examples = [
        LengthMismatch { gold: 3, other: "predicted", found: 2 },
        NoRows,
        ClassOutOfRange { row: 1, role: ClassRole::Gold, class: 2, classes: 2 },
        ClassOutOfRange { row: 1, role: ClassRole::Predicted, class: 2, classes: 2 },
        NoLabels,
        FewCalibrationRows { coverage: 0.9, rows: 5, needed: 9 },
        NoSetScore { score: SetScore::Aps },
        NoClasses,
        LabelCount { gold: 28, other: "predicted", found: 27 },
        LabelOutOfRange { row: 1, label: 2, labels: 2 },
        IncompleteRow { row: 2, labels: 2, found: 1 },
        ProbabilityCount { rows: 2, labels: 2, found: 3 },
        InvalidNumber { input: "gold", row: 1, value: f64::NAN },
        UnknownMajority { class: 2, classes: 2 },
        NotSquare { row: 1, found: 3, expected: 2 },
        InvalidProbability { row: 1, value: 1.5 },
        NotNormalised { row: 1, sum: 2.0 },
        InvalidLevel(1.0),
        NoResamples,
        TooFewFolds(1),
        TooFewRows { rows: 3, folds: 5 },
        SentenceCount { gold: 3, other: "predicted", found: 2 },
        SentenceLength { sentence: 0, gold: 7, other: "predicted", found: 6 },
        NoSentences,
        MisplacedUncoveredEntity { sentence: 0, entity, words: 7, sentences: 3 },
    ];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, |_| vec![]));
}
