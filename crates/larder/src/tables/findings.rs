//! Findings about a run, as a list.

use larder_diagnose::{Diagnosis, PointedRow, RunDiagnosis, capitalised, curve_in_words};
use larder_run::DIAGNOSIS_FILE;

/// Findings shown of a run.
const SHOWN_FINDINGS: usize = 5;

/// Rows shown of a finding.
const SHOWN_ROWS: usize = 5;

/// Most letters shown of a row's text.
const SHOWN_LETTERS: usize = 80;

/// Formats findings, the weightiest first, with their first rows. Those of one kind on several splits are one item. Empty if
/// there are none.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Diagnosis>) -> String {
    let mut items: Vec<Vec<&Diagnosis>> = Vec::new();
    for finding in findings {
        let is_alike = |item: &&mut Vec<&Diagnosis>| {
            item[0].kind == finding.kind && item[0].split.is_some() && finding.split.is_some()
        };
        match items.iter_mut().find(is_alike) {
            Some(item) => item.push(finding),
            None => items.push(vec![finding]),
        }
    }
    items.sort_by_key(|item| std::cmp::Reverse(item[0].kind.weight()));
    let mut lines: Vec<String> = items.iter().take(SHOWN_FINDINGS).map(|item| shown(item)).collect();
    if let Some(more) = items.len().checked_sub(SHOWN_FINDINGS).filter(|more| *more > 0) {
        lines.push(format!("and {more} more in {DIAGNOSIS_FILE}"));
    }
    lines.join("\n")
}

/// Scores by the number of training rows, in a line; `None` if not measured.
pub fn learning_curve(diagnosis: &RunDiagnosis) -> Option<String> {
    let points = diagnosis.learning_curve.as_slice();
    (!points.is_empty()).then(|| curve_in_words(points))
}

/// Formats one item. Of further splits the advice is left out where it is the same.
fn shown(item: &[&Diagnosis]) -> String {
    let Some((first, others)) = item.split_first() else { return String::new() };
    let mut text = format!("- {}", with_rows(first, first.to_string()));
    for other in others {
        let said = match other.remedy == first.remedy {
            true => format!("{}: {}.", capitalised(&other.finding), other.evidence),
            false => other.to_string(),
        };
        text.push_str(&format!("\n  {}", with_rows(other, said)));
    }
    text
}

fn with_rows(finding: &Diagnosis, mut text: String) -> String {
    for row in finding.rows.iter().take(SHOWN_ROWS) {
        text.push_str(&line(row));
    }
    if finding.rows.len() > SHOWN_ROWS {
        text.push_str(&format!("\n    and {} more in {DIAGNOSIS_FILE}", finding.rows.len() - SHOWN_ROWS));
    }
    text
}

fn line(row: &PointedRow) -> String {
    let words = row.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match words.char_indices().nth(SHOWN_LETTERS) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words,
    };
    format!("\n    {} {}: {text} ({})", row.split, row.example_id, row.note)
}

#[cfg(test)]
mod tests {
    use larder_diagnose::DiagnosisKind;

    use super::*;

    #[test]
    fn the_first_rows_are_shown_short_and_the_rest_counted() {
        let row = |id: usize| PointedRow {
            split: "train".into(),
            example_id: id.to_string(),
            text: "ä ".repeat(200),
            note: "labelled `a`".into(),
        };
        let finding = Diagnosis::new(DiagnosisKind::LabelErrors, "labels look wrong", "7 of 9", "look")
            .with_rows((0..7).map(row));
        let text = findings([&finding]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0], "- Labels look wrong: 7 of 9. Look.");
        assert!(lines[1].starts_with("    train 0: ä ä ") && lines[1].ends_with("... (labelled `a`)"), "{}", lines[1]);
        assert!(lines[6].contains("2 more in diagnosis.json"));
        assert_eq!(findings([]), "");
    }

    #[test]
    fn the_weightiest_come_first_and_splits_are_joined() {
        let one = |kind, what: &str| Diagnosis::new(kind, what, "so it is", "look");
        let train = [
            one(DiagnosisKind::MoreRows, "a"),
            one(DiagnosisKind::DuplicateRows, "b"),
            one(DiagnosisKind::LabelErrors, "c"),
            one(DiagnosisKind::EdgeOfRange, "d"),
            one(DiagnosisKind::FewLayers, "e"),
        ];
        let leaks = ["dev", "test"].map(|split| one(DiagnosisKind::LeakedRows, &format!("in {split}")).on(split));
        let text = findings(train.iter().chain(&leaks));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["- In dev: so it is. Look.", "  In test: so it is.", "- C: so it is. Look."]);
        assert_eq!(lines[3..6], ["- A: so it is. Look.", "- B: so it is. Look.", "- D: so it is. Look."]);
        assert_eq!(lines[6..], ["and 1 more in diagnosis.json"]);
    }
}
