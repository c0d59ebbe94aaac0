//! Blocks of a file's rows, which become parts of the output.

use larder_data::{Content, OnBadRow, Record};

use crate::{Input, PredictError};

/// The encoder's maximum work for one part, in multiplications of its layers' weights: less than ten seconds on two busy cores,
/// milliseconds on a GPU.
const PART_WORK: f64 = 4e11;
/// Tokens of a part: enough to fill a batch, few enough to keep their rows in memory.
const PART_TOKENS: std::ops::RangeInclusive<f64> = 1_024.0..=32_768.0;
/// Bytes counted as one token: about an English token, or a Chinese character.
const TOKEN_BYTES: usize = 4;
/// Layers of an encoder that does not tell their number.
const USUAL_LAYERS: usize = 12;

/// Returns the tokens of a part: fixed for an encoder, whatever the machine, so that the output's parts and bytes are the same
/// whenever and wherever the work was interrupted.
pub(super) fn part_tokens(layers: Option<usize>, hidden_size: usize) -> usize {
    let weights = 12.0 * layers.unwrap_or(USUAL_LAYERS).max(1) as f64 * (hidden_size as f64).powi(2);
    (PART_WORK / weights).clamp(*PART_TOKENS.start(), *PART_TOKENS.end()) as usize
}

/// The rows of a part.
pub(super) struct Block {
    /// For csv and tsv with a header, in the first block: the column names.
    pub header: Option<Vec<String>>,
    /// One per row; in the last block of a CoNLL file, also the lines after the last sentence.
    pub records: Vec<Record>,
    /// The content to answer, one per row; `None` for a row that cannot be answered.
    pub asked: Vec<Option<Content>>,
}

/// Divides a file into blocks of similar work.
pub(super) struct Blocks {
    pub input: Input,
    pub on_bad_row: OnBadRow,
    /// Tokens of a block.
    pub tokens: usize,
    /// Tokens counted of one text, at most.
    pub max_tokens: usize,
    pub header: Option<Vec<String>>,
}

impl Blocks {
    /// Returns the next block of rows; `None` after the last.
    pub fn next_block(&mut self) -> Result<Option<Block>, PredictError> {
        let mut block = Block { header: self.header.take(), records: Vec::new(), asked: Vec::new() };
        let mut tokens = 0;
        while tokens < self.tokens {
            let Some(row) = self.input.next().transpose()? else {
                // Lines after the last row are returned only once.
                let rest = self.input.rows().and_then(|(rows, _)| rows.rest());
                block.records.extend(rest.filter(|rest| !matches!(rest, Record::Lines(lines) if lines.is_empty())));
                break;
            };
            block.asked.push(match (row.content, self.on_bad_row) {
                (Ok(content), _) => Some(content),
                (Err(_), OnBadRow::Skip) => None,
                (Err(problem), OnBadRow::Stop) => return Err(self.input.bad_row(row.place, problem)),
            });
            block.records.extend(row.record);
            tokens += self.cost(block.asked.last().and_then(Option::as_ref));
        }
        Ok((!block.records.is_empty()).then_some(block))
    }

    /// Returns the approximate number of tokens of a row.
    fn cost(&self, content: Option<&Content>) -> usize {
        let special = 2;
        let of_text = |text: &str| text.len().div_ceil(TOKEN_BYTES);
        special
            + match content {
                None => 0,
                Some(Content::Text { text, text_b }) => {
                    (of_text(text) + text_b.as_deref().map_or(0, of_text)).min(self.max_tokens)
                }
                Some(Content::Words(words)) => words.iter().map(|word| of_text(word)).sum(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_same_work_for_every_encoder() {
        assert_eq!(part_tokens(Some(2), 32), 32_768, "a tiny one");
        assert_eq!(part_tokens(Some(6), 384), 32_768);
        let (base, large) = (part_tokens(Some(12), 768), part_tokens(Some(24), 1024));
        assert!((4_500..5_000).contains(&base), "{base}");
        assert!((1_300..1_400).contains(&large), "{large}");
        assert_eq!(part_tokens(Some(96), 12_288), 1_024);
        assert_eq!(part_tokens(None, 768), base);
    }
}
