//! Running exported files on texts.

use larder_data::Content;
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use ndarray::Array2;

use crate::RunError;
use crate::tasks::export::{ExportRow, ExportedFiles};

/// Example calls of the Python code in a model card: `[is_pair][shares_batches]`.
pub(in crate::tasks) const TEXT_EXAMPLES: [[&str; 2]; 2] = [
    ["print(answer([\"some text\"]))", "print(answer([\"some text\", \"and another text\"]))"],
    [
        "print(answer([(\"one text\", \"and another\")]))",
        "print(answer([(\"one text\", \"and another\"), (\"a second\", \"pair\")]))",
    ],
];

/// Returns one output of each file, `[rows, width]`.
pub(in crate::tasks) fn file_outputs(
    max_tokens: usize,
    contents: &[Content],
    tokenizer: &Tokenizer,
    files: &mut dyn ExportedFiles,
    output: &str,
    width: usize,
) -> Result<Vec<Array2<f64>>, RunError> {
    let settings = TokenizeSettings { max_tokens: Some(max_tokens) };
    let tokens = tokenizer.encode_batch(contents, &settings)?;
    let inputs: Vec<ExportRow<'_>> =
        tokens.iter().map(|Tokens { input_ids, type_ids, .. }| ExportRow { input_ids, type_ids }).collect();
    let mut found = vec![Array2::zeros((contents.len(), width)); files.count()];
    files.run(&inputs, &[output], width, &mut |file, rows, _, values| {
        for (&row, values) in rows.iter().zip(values[0].chunks_exact(width)) {
            found[file].row_mut(row).iter_mut().zip(values).for_each(|(into, value)| *into = f64::from(*value));
        }
    })?;
    Ok(found)
}
