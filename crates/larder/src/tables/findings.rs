//! Findings about a run, in paragraphs.

use larder_diagnose::{Diagnosis, PointedRow, RunDiagnosis, curve_in_words};
use larder_run::DIAGNOSIS_FILE;

/// Rows shown of a finding.
const SHOWN_ROWS: usize = 5;

/// Most letters shown of a row's text.
const SHOWN_LETTERS: usize = 80;

/// Formats each finding as a paragraph, with its first rows; empty if there are none.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Diagnosis>) -> String {
    findings.into_iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// Scores by the number of training rows, in a line; `None` if not measured.
pub fn learning_curve(diagnosis: &RunDiagnosis) -> Option<String> {
    let points = diagnosis.learning_curve.as_slice();
    (!points.is_empty()).then(|| curve_in_words(points))
}

fn paragraph(finding: &Diagnosis) -> String {
    let mut text = finding.to_string();
    for row in finding.rows.iter().take(SHOWN_ROWS) {
        text.push_str(&line(row));
    }
    if finding.rows.len() > SHOWN_ROWS {
        text.push_str(&format!("\n  and {} more in {DIAGNOSIS_FILE}", finding.rows.len() - SHOWN_ROWS));
    }
    text
}

fn line(row: &PointedRow) -> String {
    let words = row.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match words.char_indices().nth(SHOWN_LETTERS) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words,
    };
    format!("\n  {} {}: {text} ({})", row.split, row.example_id, row.note)
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
        assert_eq!(lines[0], "Labels look wrong: 7 of 9. Look.");
        assert!(lines[1].starts_with("  train 0: ä ä ") && lines[1].ends_with("... (labelled `a`)"), "{}", lines[1]);
        assert!(lines[6].contains("2 more in diagnosis.json"));
        assert_eq!(findings([]), "");
    }
}
