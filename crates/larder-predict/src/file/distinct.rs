//! The answers to a block of rows, in groups that fit into memory.

use std::collections::HashMap;

use larder_data::Content;
use larder_run::tasks::Answer;
use larder_run::{Predictor, RunError};

/// Answers each row with content; equal rows are answered once. `progress` receives the number of distinct rows done.
pub(super) fn answer(
    predictor: &mut dyn Predictor,
    asked: &[Option<Content>],
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Option<Answer>>, RunError> {
    let mut place: HashMap<&Content, usize> = HashMap::new();
    let mut different: Vec<&Content> = Vec::new();
    let of_row: Vec<Option<usize>> = asked
        .iter()
        .map(|asked| {
            let content = asked.as_ref()?;
            Some(*place.entry(content).or_insert_with(|| {
                different.push(content);
                different.len() - 1
            }))
        })
        .collect();
    let mut answers: Vec<Answer> = Vec::with_capacity(different.len());
    for group in different.chunks(predictor.rows_at_once()) {
        let contents: Vec<Content> = group.iter().map(|&content| content.clone()).collect();
        answers.extend(predictor.predict(&contents)?);
        progress(answers.len());
    }
    Ok(of_row.into_iter().map(|place| answers.get(place?).cloned()).collect())
}
