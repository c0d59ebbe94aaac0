//! A page without the data's texts.

use larder_diagnose::DiagnosisKind;
use larder_run::page::{Block, Cell, PageTable};

use crate::page::RunPage;

/// Removes what the data says: texts, words and sentences. Ids, labels and numbers stay.
pub(super) fn remove_texts(page: &mut RunPage) {
    for split in page.scores.iter_mut().flat_map(|scores| &mut scores.splits) {
        remove_from(&mut split.blocks);
    }
    for point in page.embedding.iter_mut().flat_map(|embedding| &mut embedding.points) {
        point.text.clear();
    }
    for finding in page.findings.iter_mut().flatten() {
        finding.rows.iter_mut().for_each(|row| row.text.clear());
        // It quotes what the tokenizer does not know.
        if finding.kind == DiagnosisKind::UnknownTokens {
            let numbers = finding.evidence.find('`').unwrap_or(finding.evidence.len());
            finding.evidence.truncate(numbers);
            finding.evidence.truncate(finding.evidence.trim_end_matches(", most often ").len());
        }
    }
}

pub(super) fn remove_from(blocks: &mut Vec<Block>) {
    blocks.retain(|block| !matches!(block, Block::Sentence(_) | Block::Found { .. }));
    for block in blocks {
        match block {
            Block::Table(table) | Block::Browsed { table, .. } => remove_from_table(table),
            Block::Columns(columns) => columns.iter_mut().for_each(remove_from),
            Block::Details { blocks, .. } => remove_from(blocks),
            _ => {}
        }
    }
}

fn remove_from_table(table: &mut PageTable) {
    for cell in table.rows.iter_mut().flatten() {
        match cell {
            Cell::Running(text) => text.clear(),
            Cell::Sentence(sentence) => *sentence = None,
            _ => {}
        }
    }
}
