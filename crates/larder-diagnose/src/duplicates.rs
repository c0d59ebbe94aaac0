//! Rows with the same text: within train, and in train and a held-out split.
//!
//! Texts are compared by keys that the caller makes: equal keys are equal texts. One key is of the text letter by letter, the
//! other of the text with Unicode compatibility forms, case and runs of spaces evened out.

use std::collections::HashMap;

use crate::evidence::{Evidence, SPLIT};
use crate::pointer::{Pointer, Pointing};
use crate::{Diagnosis, DiagnosisKind};

/// Surplus copies below this share of train change no head: a row that counts twice among a hundred.
const MANY_COPIES: f64 = 0.01;

/// Known rows below this share of a split move its accuracy by less than 0.01, whichever way they are answered.
const MANY_LEAKS: f64 = 0.01;

/// The texts and labels of a split, by key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedRows<'a> {
    /// The hash of each text letter by letter, `[rows]`.
    pub exact: &'a [u128],
    /// The hash of each text as it is compared, `[rows]`.
    pub normalized: &'a [u128],
    /// Its label, `[rows]`: an index into the labels, or any number that stands for a sentence's tags; `None` where it has none.
    pub labels: &'a [Option<u64>],
    /// The targets in the plural, where they are not labels with names: `tags`.
    pub targets: &'a str,
}

/// Rows of train with one text.
struct Group {
    /// The rows in the order of the file.
    rows: Vec<usize>,
}

fn groups(keys: &[u128]) -> HashMap<u128, Group> {
    let mut groups: HashMap<u128, Group> = HashMap::new();
    for (row, &key) in keys.iter().enumerate() {
        groups.entry(key).or_insert_with(|| Group { rows: Vec::new() }).rows.push(row);
    }
    groups
}

/// The groups of more than one row, the largest first, then by their first row.
fn repeated(keys: &[u128]) -> Vec<Group> {
    let mut found: Vec<Group> = groups(keys).into_values().filter(|group| group.rows.len() > 1).collect();
    found.sort_unstable_by_key(|group| (std::cmp::Reverse(group.rows.len()), group.rows[0]));
    found
}

/// Diagnoses [`DuplicateRows`](DiagnosisKind::DuplicateRows) and
/// [`ContradictoryRows`](DiagnosisKind::ContradictoryRows) of train. `names` are the labels' names, empty where labels
/// stand for tags.
pub fn diagnose_duplicates(train: &KeyedRows<'_>, names: &[String]) -> Vec<Pointing> {
    let mut found = Vec::new();
    let repeated = repeated(train.normalized);
    let contradicting: Vec<&Group> = repeated
        .iter()
        .filter(|group| group.rows.iter().any(|&row| train.labels[row] != train.labels[group.rows[0]]))
        .collect();
    // A text may stand twice with one label and once with another.
    let mut agreeing: Vec<Group> = repeated.iter().flat_map(|group| by_label(group, train.labels)).collect();
    agreeing.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
    let rows = train.normalized.len();
    let surplus: usize = agreeing.iter().map(|group| group.rows.len() - 1).sum();
    let what = if names.is_empty() { train.targets } else { "label" };
    if surplus as f64 >= MANY_COPIES * rows as f64 && surplus > 0 {
        let exact: usize = agreeing.iter().map(|group| group.rows.len() - distinct(group, train.exact)).sum();
        let evidence = share(surplus, rows).text(" of its ").count("rows", rows);
        let finding = Diagnosis::new(
            DiagnosisKind::DuplicateRows,
            "train has rows more than once",
            evidence.text(format!(" rows repeat the text and {what} of another; ")).and(forms(exact, surplus)),
            "remove the copies: they count that often in training, and rows that are held out of it may have copies in it",
        );
        let note = |group: &Group| format!("{} rows have this text and {what}", group.rows.len());
        let pointers = agreeing.iter().map(|group| Pointer::train(group.rows[0], note(group)));
        found.push(Pointing::new(finding, pointers.collect()));
    }
    if !contradicting.is_empty() {
        let concerned: usize = contradicting.iter().map(|group| group.rows.len()).sum();
        let what = if names.is_empty() { train.targets } else { "labels" };
        let finding = Diagnosis::new(
            DiagnosisKind::ContradictoryRows,
            format!("train has the same text with different {what}"),
            Evidence::default()
                .count("concerned", concerned)
                .text(" of its ")
                .count("rows", rows)
                .text(" rows, ")
                .count("texts", contradicting.len())
                .text(if contradicting.len() == 1 { " text" } else { " texts" })
                .text(
                    " (Unicode forms, case and spaces evened out): for each at least one row must be answered wrongly",
                ),
            "look at them and keep one; if both are right, the text alone does not decide, and no model of it will",
        );
        let pointers = contradicting.iter().flat_map(|group| {
            group.rows.iter().map(|&row| {
                let others = group.rows.iter().filter(|&&other| train.labels[other] != train.labels[row]);
                let mut others: Vec<Option<u64>> = others.map(|&other| train.labels[other]).collect();
                others.sort_unstable();
                others.dedup();
                let others: Vec<String> = others.iter().map(|&label| name(names, label)).collect();
                let note = match names {
                    [] => format!("other rows with these words have other {}", train.targets),
                    _ => format!("labelled {}, elsewhere {}", name(names, train.labels[row]), others.join(", ")),
                };
                Pointer::train(row, note)
            })
        });
        found.push(Pointing::new(finding, pointers.collect()));
    }
    found
}

/// Diagnoses [`LeakedRows`](DiagnosisKind::LeakedRows): rows of the held-out `split` whose text is in train too.
pub fn diagnose_leaks(
    train: &KeyedRows<'_>,
    split: &str,
    held_out: &KeyedRows<'_>,
    names: &[String],
) -> Option<Pointing> {
    let known = groups(train.normalized);
    let exactly: std::collections::HashSet<u128> = train.exact.iter().copied().collect();
    let leaked: Vec<(usize, &Group)> =
        held_out.normalized.iter().enumerate().filter_map(|(row, key)| Some((row, known.get(key)?))).collect();
    let rows = held_out.normalized.len();
    if leaked.is_empty() || (leaked.len() as f64) < MANY_LEAKS * rows as f64 {
        return None;
    }
    let exact = leaked.iter().filter(|(row, _)| exactly.contains(&held_out.exact[*row])).count();
    let same = |row: usize, group: &Group| {
        held_out.labels[row].is_some() && group.rows.iter().any(|&other| train.labels[other] == held_out.labels[row])
    };
    let agreeing = leaked.iter().filter(|(row, group)| same(*row, group)).count();
    let what = if names.is_empty() { train.targets } else { "label" };
    // Rows without labels have none that could be the same.
    let same_label = match held_out.labels.iter().any(Option::is_some) {
        true => Evidence::new(", ").count("agreeing", agreeing).text(format!(" with the same {what}")),
        false => Evidence::default(),
    };
    let finding = Diagnosis::new(
        DiagnosisKind::LeakedRows,
        format!("rows of {SPLIT} are in train too"),
        share(leaked.len(), rows)
            .text(" of its ")
            .count("rows", rows)
            .text(" rows")
            .and(same_label)
            .text("; ")
            .and(forms(exact, leaked.len())),
        format!("remove them from train or from {SPLIT}: scores count what was learned by heart"),
    )
    .on(split);
    let pointers = leaked.iter().map(|(row, group)| {
        let note = match (names, same(*row, group)) {
            _ if held_out.labels[*row].is_none() => "without a label here".to_owned(),
            ([], true) => format!("with the same {what} in train"),
            ([], false) => format!("with other {what} in train"),
            (_, true) => format!("{} here and in train", name(names, held_out.labels[*row])),
            (_, false) => {
                let (here, there) = (held_out.labels[*row], train.labels[group.rows[0]]);
                format!("{} here, {} in train", name(names, here), name(names, there))
            }
        };
        Pointer { in_train: false, row: *row, note }
    });
    Some(Pointing::new(finding, pointers.collect()))
}

/// Different texts among those of a group.
fn distinct(group: &Group, exact: &[u128]) -> usize {
    let mut keys: Vec<u128> = group.rows.iter().map(|&row| exact[row]).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

/// The rows of a group that share a label with another, label by label, in the order of their first rows.
fn by_label(group: &Group, labels: &[Option<u64>]) -> Vec<Group> {
    let mut parts: Vec<(Option<u64>, Group)> = Vec::new();
    for &row in &group.rows {
        match parts.iter_mut().find(|(label, _)| *label == labels[row]) {
            Some((_, part)) => part.rows.push(row),
            None => parts.push((labels[row], Group { rows: vec![row] })),
        }
    }
    parts.into_iter().map(|(_, part)| part).filter(|part| part.rows.len() > 1).collect()
}

fn share(part: usize, whole: usize) -> Evidence {
    let percent = part as f64 / whole.max(1) as f64;
    Evidence::default().count("part", part).text(" (").percent("share", percent).text(")")
}

/// Returns as evidence how many of the texts are equal letter by letter, and how many in spaces or case only.
fn forms(exact: usize, all: usize) -> Evidence {
    match all - exact {
        0 => Evidence::new("equal letter by letter"),
        evened => Evidence::default()
            .count("exact", exact)
            .text(" equal letter by letter, ")
            .count("evened", evened)
            .text(" with Unicode forms, case and spaces evened out"),
    }
}

fn name(names: &[String], label: Option<u64>) -> String {
    let name = label.and_then(|label| names.get(usize::try_from(label).ok()?));
    name.map_or_else(|| "a label that train does not have".to_owned(), |name| format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["no".to_owned(), "yes".to_owned()]
    }

    /// Different texts with labels in turn.
    fn healthy(rows: usize, from: u128) -> (Vec<u128>, Vec<Option<u64>>) {
        ((from..).take(rows).collect(), (0..2).map(Some).cycle().take(rows).collect())
    }

    #[test]
    fn copies_are_counted_beyond_the_first_and_told_by_form() {
        let (mut keys, labels) = healthy(100, 0);
        let exact = keys.clone();
        let of = |keys: &[u128]| {
            diagnose_duplicates(
                &KeyedRows { exact: &exact, normalized: keys, labels: &labels, targets: "tags" },
                &names(),
            )
        };
        assert!(of(&keys).is_empty());
        (keys[12], keys[14]) = (10, 10);
        let found = of(&keys);
        assert_eq!(found.len(), 1);
        let Diagnosis { kind, evidence, .. } = &found[0].finding;
        assert_eq!(*kind, DiagnosisKind::DuplicateRows);
        assert!(
            evidence.contains("2 (2.0 %) of its 100") && evidence.contains("0 equal letter by letter, 2"),
            "{evidence}"
        );
        assert_eq!(found[0].rows, [Pointer::train(10, "3 rows have this text and label".to_owned())]);
    }

    #[test]
    fn a_text_with_two_labels_is_pointed_to_with_both() {
        let (mut keys, labels) = healthy(1000, 0);
        keys[11] = 10;
        let rows = KeyedRows { exact: &keys, normalized: &keys, labels: &labels, targets: "tags" };
        let found = diagnose_duplicates(&rows, &names());
        assert_eq!(found[0].finding.kind, DiagnosisKind::ContradictoryRows);
        let notes: Vec<(usize, &str)> = found[0].rows.iter().map(|row| (row.row, row.note.as_str())).collect();
        assert_eq!(notes, [(10, "labelled `no`, elsewhere `yes`"), (11, "labelled `yes`, elsewhere `no`")]);
        assert!(diagnose_duplicates(&rows, &[])[0].finding.finding.contains("tags"));
    }

    #[test]
    fn a_copy_beside_a_contradiction_is_a_copy_too() {
        let keys = [1, 1, 1, 2];
        let labels = [Some(0), Some(0), Some(1), Some(0)];
        let found = diagnose_duplicates(
            &KeyedRows { exact: &keys, normalized: &keys, labels: &labels, targets: "tags" },
            &names(),
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].finding.evidence.starts_with("1 (25.0 %) of its 4 rows"), "{}", found[0].finding);
        assert!(found[1].finding.evidence.starts_with("3 of its 4 rows, 1 text"), "{}", found[1].finding);
    }

    #[test]
    fn rows_without_labels_agree_with_none() {
        let keys = [1, 2, 3];
        let train =
            KeyedRows { exact: &keys, normalized: &keys, labels: &[Some(0), Some(1), Some(0)], targets: "tags" };
        let dev = KeyedRows { exact: &keys, normalized: &keys, labels: &[None; 3], targets: "tags" };
        let leak = diagnose_leaks(&train, "dev", &dev, &names()).unwrap();
        assert!(!leak.finding.evidence.contains("label"), "{}", leak.finding);
        assert_eq!(leak.rows[0].note, "without a label here");
        let unseen = KeyedRows { labels: &[Some(u64::MAX), Some(1), Some(0)], ..dev };
        let leak = diagnose_leaks(&train, "dev", &unseen, &names()).unwrap();
        assert!(leak.finding.evidence.contains("2 with the same label"), "{}", leak.finding);
        assert_eq!(leak.rows[0].note, "a label that train does not have here, `no` in train");
    }

    #[test]
    fn rows_of_train_in_a_split_are_leaks_from_one_in_a_hundred_on() {
        let (train, labels) = healthy(50, 0);
        let (mut dev, dev_labels) = healthy(100, 1000);
        let found = |dev: &[u128]| {
            let train = KeyedRows { exact: &train, normalized: &train, labels: &labels, targets: "tags" };
            let dev = KeyedRows { exact: dev, normalized: dev, labels: &dev_labels, targets: "tags" };
            diagnose_leaks(&train, "dev", &dev, &names())
        };
        assert_eq!(found(&dev), None);
        (dev[4], dev[7]) = (0, 2);
        let leak = found(&dev).unwrap();
        assert_eq!(leak.finding.split.as_deref(), Some("dev"));
        assert!(leak.finding.evidence.starts_with("2 (2.0 %) of its 100 rows, 1 with the same label; equal letter"));
        assert!(leak.rows.iter().all(|row| !row.in_train) && leak.rows[1].note == "`yes` here, `no` in train");
        let big: Vec<u128> = dev.iter().copied().chain(5000..5200).collect();
        let big_labels = vec![Some(0); big.len()];
        let train = KeyedRows { exact: &train, normalized: &train, labels: &labels, targets: "tags" };
        let big = KeyedRows { exact: &big, normalized: &big, labels: &big_labels, targets: "tags" };
        assert_eq!(diagnose_leaks(&train, "dev", &big, &names()), None);
    }
}
