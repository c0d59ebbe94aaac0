//! A few hundred runs, healthy and sick in every way that is known: nothing false is said of any, nothing twice, nothing that
//! another sentence denies, nothing of a healthy one, and of each sick one what is the matter.

mod claims;
mod random;
mod runs;

use larder_diagnose::{DiagnosisKind as Kind, RunDiagnosis};
use runs::{Fault, Run};

/// Runs of each fault.
const SEEDS: u64 = 20;

/// The findings due for a run with this fault: one of these at least. Empty: nothing may be.
fn expected(fault: Fault) -> &'static [Kind] {
    match fault {
        Fault::None => &[],
        Fault::NoSignal => &[Kind::PriorEntropy, Kind::MajorityBaseline],
        Fault::OneAnswer => &[Kind::OneAnswer],
        Fault::Exchanged => &[Kind::MajorityBaseline],
        Fault::FewRows => &[Kind::FewRows],
        Fault::OneClass => &[Kind::OneClass],
        Fault::RareClass => &[Kind::ImbalancedLabels],
        Fault::SmallTrain => &[Kind::FewRows],
        Fault::ByHeart | Fault::TooLong | Fault::TooSure => &[Kind::OverFitted],
        Fault::Edge => &[Kind::EdgeOfRange],
        Fault::Rises | Fault::Forgets => &[Kind::Diverged],
        Fault::Stuck => &[Kind::PriorEntropy],
        Fault::Slow | Fault::Short => &[Kind::UnderTrained],
        Fault::Dropout => &[Kind::DropoutGap],
    }
}

/// Sentences of which one denies the other.
const CONTRADICTIONS: &[(&str, &str)] = &[
    ("take a higher rate", "take a lower rate"),
    ("take a higher rate", "the learning rate is above"),
    ("take a lower rate", "the learning rate is below"),
    ("take a lower rate", "train longer"),
    ("train longer", "fewer `--epochs`"),
    ("train longer", "training texts were learned"),
    ("sits at that of guessing", "is above that of guessing"),
    ("still falling", "more training did harm"),
    ("learned by heart", "hardly learned"),
    ("cannot be told from a constant answer", "knows its own rows far better than others, and"),
    ("the smallest that was tried", "the largest that was tried"),
    ("count more already", "makes their rows count more"),
    ("several layers were tried", "try `--layers all`"),
];

/// Kinds of which a run, or a split, has one at most.
const EXCLUSIVE: &[&[Kind]] = &[
    &[Kind::UnderTrained, Kind::OverFitted, Kind::Diverged, Kind::PriorEntropy],
    &[Kind::OneAnswer, Kind::MajorityBaseline],
];

fn check(run: &Run, found: &RunDiagnosis) {
    let told: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
    let context = || format!("{:?}:\n{}", run.fault, told.join("\n"));
    for finding in &found.findings {
        claims::check_numbers(run, finding);
        claims::check_claims(run, finding);
    }
    let all = told.join("\n");
    for (one, other) in CONTRADICTIONS {
        assert!(!(all.contains(one) && all.contains(other)), "“{one}” and “{other}”: {}", context());
    }
    for split in [None, Some("dev"), Some("test")] {
        let about = |kinds: &[Kind]| {
            let of = found.findings.iter().filter(|finding| finding.split.as_deref() == split);
            of.filter(|finding| kinds.contains(&finding.kind)).count()
        };
        for kinds in EXCLUSIVE {
            assert!(about(kinds) <= 1, "{split:?}, {kinds:?}: {}", context());
        }
    }
    // Said of dev, it is not said of test again where that has the same rows.
    if run.splits[1].rows == "dev" {
        assert!(found.findings.iter().all(|finding| finding.split.as_deref() != Some("test")), "{}", context());
    }
    let kinds: Vec<Kind> = found.findings.iter().map(|finding| finding.kind).collect();
    match expected(run.fault) {
        [] => assert!(kinds.is_empty(), "healthy: {}", context()),
        of_fault => assert!(of_fault.iter().any(|kind| kinds.contains(kind)), "silence, {}", context()),
    }
}

fn check_all(faults: &[Fault], is_tuned: bool) {
    for &fault in faults {
        // Healthy ones are many: a false alarm is rare.
        let seeds = if fault == Fault::None { 5 * SEEDS } else { SEEDS };
        for seed in 0..seeds {
            let run = Run::new(seed * 100 + fault as u64, fault, is_tuned);
            check(&run, &run.diagnosed());
        }
    }
}

#[test]
fn heads_on_features_are_told_the_truth() {
    check_all(Fault::FROZEN, false);
}

#[test]
fn fine_tuned_runs_are_told_the_truth() {
    check_all(Fault::TUNED, true);
}
