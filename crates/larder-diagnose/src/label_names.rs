//! The names of the labels: two spellings of one label, numbers on a scale, several labels written as one.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{Diagnosis, DiagnosisKind, Evidence};

/// Groups of spellings that are named.
const NAMED: usize = 5;

/// Whole numbers that are names of classes are few, or count from 0 or 1 without a gap; beyond this many they are on a scale.
const FEW_NUMBERS: usize = 10;

/// The characters that separate labels written as one.
const SEPARATORS: &[char] = &[',', ';', '|'];

/// Diagnoses the names of the labels of train: [`SimilarLabels`](DiagnosisKind::SimilarLabels),
/// [`NumericLabels`](DiagnosisKind::NumericLabels), [`CombinedLabels`](DiagnosisKind::CombinedLabels).
///
/// `labels` are all labels as the files write them; for tagging the entity types.
pub fn diagnose_label_names(labels: &[String]) -> Vec<Diagnosis> {
    let combined = combined(labels);
    // `3,27` beside `3` is no number on a scale.
    let numeric = if combined.is_some() { None } else { numeric(labels) };
    similar(labels).into_iter().chain(combined).chain(numeric).collect()
}

/// Labels that differ only in blanks, case or the spelling of a number.
fn similar(labels: &[String]) -> Option<Diagnosis> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels {
        groups.entry(normalized(label)).or_default().push(label);
    }
    groups.retain(|_, group| group.len() > 1);
    if groups.is_empty() {
        return None;
    }
    let quoted = |group: &Vec<&str>| group.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" and ");
    let named: Vec<String> = groups.values().take(NAMED).map(quoted).collect();
    let more = if groups.len() > NAMED { format!(" and {} more", groups.len() - NAMED) } else { String::new() };
    Some(Diagnosis::new(
        DiagnosisKind::SimilarLabels,
        "some labels look like two spellings of one",
        format!(
            "{}{more} differ only in blanks, in case or in how a number is written, and are classes of their own",
            named.join(", ")
        ),
        "if they mean the same, write them alike in the files; a confusion between them counts as a mistake",
    ))
}

/// The label in lower case, with single blanks between words, and as a number if it is one.
fn normalized(label: &str) -> String {
    let visible: String = label.chars().filter(|character| !matches!(character, '\u{200b}' | '\u{feff}')).collect();
    let words = visible.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    match number(&words) {
        // Adding zero makes one of both zeros.
        Some(number) => (number + 0.0).to_string(),
        None => words,
    }
}

/// Numbers on a scale: there are fractions, or many whole numbers that do not simply count the classes.
fn numeric(labels: &[String]) -> Option<Diagnosis> {
    let numbers: Vec<f64> = labels.iter().map(|label| number(label.trim())).collect::<Option<_>>()?;
    let distinct: HashSet<u64> = numbers.iter().map(|number| (number + 0.0).to_bits()).collect();
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let fraction = labels.iter().zip(&numbers).find(|(_, number)| number.fract() != 0.0);
    let counts_classes = (least == 0.0 || least == 1.0) && most - least == distinct.len() as f64 - 1.0;
    let all = Evidence::new("all ").count("labels", labels.len()).text(" labels are numbers, ");
    let all = match fraction {
        Some((label, &number)) => all.text("such as `").spelled("label", number, label).text("`, "),
        None if distinct.len() > FEW_NUMBERS && !counts_classes => all,
        None => return None,
    };
    let range = |all: Evidence| {
        all.text("from ").spelled("least", least, least.to_string()).text(" to ").spelled(
            "most",
            most,
            most.to_string(),
        )
    };
    Some(Diagnosis::new(
        DiagnosisKind::NumericLabels,
        "the labels are numbers on a scale",
        range(all).text(
            ", and each is a class of its own: an answer that is off by little is as wrong as one that is off by much",
        ),
        "is this a regression? larder classifies: put the numbers into a few classes in the files, or keep them if they \
         are names",
    ))
}

/// Several labels written as one: most labels with a separator have parts that are labels elsewhere too.
fn combined(labels: &[String]) -> Option<Diagnosis> {
    SEPARATORS.iter().find_map(|&separator| {
        let parts: Vec<Vec<&str>> = labels.iter().map(|label| parts(label, separator)).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for part in parts.iter().flat_map(|parts| parts.iter().collect::<HashSet<_>>()) {
            *uses.entry(part).or_default() += 1;
        }
        let several: Vec<usize> = (0..labels.len()).filter(|&label| parts[label].len() > 1).collect();
        let known = |label: &&usize| parts[**label].iter().all(|part| uses[part] > 1);
        let shared = several.iter().filter(known).count();
        if several.len() < 2 || 2 * shared < several.len() {
            return None;
        }
        let shown = &labels[*several.iter().find(known)?];
        Some(Diagnosis::new(
            DiagnosisKind::CombinedLabels,
            "some labels look like several labels in one",
            Evidence::default()
                .count("combined", several.len())
                .text(" of ")
                .count("labels", labels.len())
                .text(format!(" labels have `{separator}` in them, such as `{shown}`, and the parts of "))
                .count("shared", shared)
                .text(
                    " of these are found in other labels too; each combination is a class of its own, and half an answer is as \
                     wrong as none",
                ),
            "larder answers with one label a text: make a data set for each label (0 or 1), or keep one label a row",
        ))
    })
}

/// The labels in `label`, without the brackets and quotes of a list.
fn parts(label: &str, separator: char) -> Vec<&str> {
    let around = |character: char| character.is_whitespace() || matches!(character, '[' | ']' | '(' | ')' | '\'' | '"');
    label.split(separator).map(|part| part.trim_matches(around)).filter(|part| !part.is_empty()).collect()
}

fn number(text: &str) -> Option<f64> {
    // Rust reads `nan`, `inf` and `infinity` as numbers; as labels they are words.
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'));
    text.parse::<f64>().ok().filter(|number| numeric && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(labels: &[&str]) -> Vec<DiagnosisKind> {
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        diagnose_label_names(&labels).iter().map(|finding| finding.kind).collect()
    }

    fn all(labels: impl Iterator<Item = String>) -> Vec<DiagnosisKind> {
        let labels: Vec<String> = labels.collect();
        kinds(&labels.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn spellings_of_one_label_are_found() {
        use DiagnosisKind::SimilarLabels;
        for labels in [
            &["1", "1.0", "0"][..],
            &["0", "0.0", "1", "1.0"],
            &["01", "1", "2"],
            &["-0", "0", "1"],
            &["music", "music ", "alarm"],
            &["new  york", "new york"],
            &["a\u{a0}b", "a b"],
            &["Spam", "spam", "ham"],
            &["spam\u{200b}", "spam"],
        ] {
            assert_eq!(kinds(labels), [SimilarLabels], "{labels:?}");
        }
        let labels = ["0", "0.0", "1", "1.0"].map(str::to_owned);
        let finding = diagnose_label_names(&labels).remove(0);
        assert!(finding.evidence.starts_with("`0` and `0.0`, `1` and `1.0` differ only"), "{finding}");
    }

    #[test]
    fn numbers_on_a_scale_are_no_names_of_classes() {
        use DiagnosisKind::NumericLabels;
        assert_eq!(kinds(&["0.000", "0.500", "2.750", "5.000"]), [NumericLabels]);
        assert_eq!(kinds(&["-1.5", "2e-1"]), [NumericLabels]);
        assert_eq!(all((18..80).map(|age| age.to_string())), [NumericLabels]);
        assert_eq!(all((0..=100).step_by(5).map(|percent| percent.to_string())), [NumericLabels]);
        let finding = diagnose_label_names(&["0.5".to_owned(), "4".to_owned()]).remove(0);
        assert!(finding.evidence.contains("all 2 labels are numbers, such as `0.5`, from 0.5 to 4"), "{finding}");
    }

    #[test]
    fn several_labels_in_one_are_found() {
        use DiagnosisKind::CombinedLabels;
        assert_eq!(kinds(&["3", "27", "3,27", "5", "3,5"]), [CombinedLabels]);
        assert_eq!(kinds(&["a|b", "b|c", "a|c"]), [CombinedLabels]);
        assert_eq!(kinds(&["[1, 2]", "[2]", "[1]", "[2, 3]", "[3, 1]"]), [CombinedLabels]);
        assert_eq!(kinds(&["joy; anger", "joy", "anger", "anger;fear", "fear"]), [CombinedLabels]);
    }

    #[test]
    fn names_of_classes_are_left_alone() {
        assert_eq!(kinds(&["0", "1"]), []);
        assert_eq!(kinds(&["1", "2", "3", "4", "5"]), []);
        assert_eq!(kinds(&["-1", "0", "1"]), []);
        assert_eq!(all((0..77).map(|class| class.to_string())), []);
        assert_eq!(all((1..=150).map(|class| class.to_string())), []);
        assert_eq!(kinds(&["Sports, leisure", "Sports, outdoors", "News"]), []);
        assert_eq!(kinds(&["PER", "LOC", "ORG"]), []);
        assert_eq!(kinds(&["nan", "inf", "NAn x"]), []);
        assert_eq!(kinds(&[]), []);
        assert_eq!(kinds(&["1,5", "2"]), [], "a decimal comma, or a name");
    }
}
