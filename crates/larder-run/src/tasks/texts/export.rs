//! Running exported files on texts.

use larder_data::Content;
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use ndarray::Array2;

use crate::RunError;
use crate::tasks::export::{ExportRow, ExportedFiles, ExportedRun};

/// Example calls of the Python code in a model card: `[is_pair][shares_batches]`.
pub(in crate::tasks) const TEXT_EXAMPLES: [[&str; 2]; 2] = [
    ["print(answer([\"some text\"]))", "print(answer([\"some text\", \"and another text\"]))"],
    [
        "print(answer([(\"one text\", \"and another\")]))",
        "print(answer([(\"one text\", \"and another\"), (\"a second\", \"pair\")]))",
    ],
];

/// Returns the Python code of a model card that answers, which ends with `answers`.
pub(in crate::tasks) fn text_snippet(run: &ExportedRun<'_>, answers: &str) -> String {
    let code = include_str!("answer.py");
    let pairs = "    texts = [text for pair in texts for text in pair]\n    rows = ";
    let code = if run.record.settings.pair_features { code.replacen("    rows = ", pairs, 1) } else { code.to_owned() };
    code + answers
}

/// Returns one output of each file, `[rows, width]`.
pub(in crate::tasks) fn file_outputs(
    run: &ExportedRun<'_>,
    contents: &[Content],
    tokenizer: &Tokenizer,
    files: &mut dyn ExportedFiles,
    output: &str,
    width: usize,
) -> Result<Vec<Array2<f64>>, RunError> {
    let settings = TokenizeSettings { max_tokens: Some(run.record.settings.max_tokens) };
    let tokens = match run.record.settings.pair_features {
        true => {
            tokenizer.encode_batch(&contents.iter().flat_map(Content::texts_alone).collect::<Vec<_>>(), &settings)?
        }
        false => tokenizer.encode_batch(contents, &settings)?,
    };
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
