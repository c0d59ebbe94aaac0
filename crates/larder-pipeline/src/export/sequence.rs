//! One label a text: the file's probabilities beside the run's.

use larder_data::{Content, Target};
use larder_export::Row;
use larder_metrics::{ClassificationScores, ConfusionMatrix};
use larder_runtime::Device;
use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
use ndarray::Array2;

use super::Subject;
use super::batches::{Timed, run_all};
use super::check::{CheckRows, Checked, Distance};
use crate::head::Head;
use crate::{PipelineError, Prediction, Predictor};

/// Rows that are answered at a time: their features lie in memory.
const BLOCK_ROWS: usize = 4096;

pub(super) fn check(
    subject: &Subject<'_>,
    rows: &CheckRows,
    tokenizer: &Tokenizer,
    files: &mut [Timed],
) -> Result<Checked, PipelineError> {
    let record = subject.record;
    let labels = &record.labels;
    let mut predictor = Predictor::open(subject.larder, record.clone(), Device::Cpu, subject.threads)?;
    let mut distance = Distance::default();
    let mut answers: Vec<Vec<usize>> = vec![Vec::new(); files.len()];
    for (block, contents) in rows.contents.chunks(BLOCK_ROWS).enumerate() {
        let of_run = predictor.predict(contents)?;
        let of_files = probabilities(subject, contents, tokenizer, files)?;
        for (place, found) in of_files.iter().enumerate() {
            answers[place].extend(answered(&subject.head, found));
        }
        let found = &of_files[0];
        for (at, Prediction { label, probabilities, .. }) in of_run.iter().enumerate() {
            let differences = probabilities.iter().zip(found.row(at)).map(|(run, file)| (run - file).abs());
            let row = block * BLOCK_ROWS + at;
            // Not a maximum over floats: one that is no number must not be lost.
            let largest = differences.fold(0.0, |largest: f64, one| if one <= largest { largest } else { one });
            distance.add(row, largest, labels.get(answers[0][row]) == Some(label));
        }
    }
    let scores = match files.len() {
        1 => Vec::new(),
        _ => answers.iter().map(|answers| scores(labels, &rows.targets, answers)).collect::<Result<_, _>>()?,
    };
    Ok(Checked { distance, too_long: 0, scores })
}

/// What each file gives, `[rows, classes]`.
fn probabilities(
    subject: &Subject<'_>,
    contents: &[Content],
    tokenizer: &Tokenizer,
    files: &mut [Timed],
) -> Result<Vec<Array2<f64>>, PipelineError> {
    let settings = TokenizeSettings { max_tokens: Some(subject.max_tokens()) };
    let tokens = tokenizer.encode_batch(contents, &settings)?;
    let inputs: Vec<Row<'_>> =
        tokens.iter().map(|Tokens { input_ids, type_ids, .. }| Row { input_ids, type_ids }).collect();
    let classes = subject.record.labels.len();
    let mut found = vec![Array2::zeros((contents.len(), classes)); files.len()];
    run_all(files, &inputs, &["probabilities"], classes, |file, rows, _, values| {
        for (&row, values) in rows.iter().zip(values[0].chunks_exact(classes)) {
            found[file].row_mut(row).iter_mut().zip(values).for_each(|(into, value)| *into = f64::from(*value));
        }
    })?;
    Ok(found)
}

/// The classes answered for probabilities `[rows, classes]`.
fn answered(head: &Head, probabilities: &Array2<f64>) -> Vec<usize> {
    match head {
        Head::Sequence(head) => head.answers(probabilities),
        Head::Mlp(head) => head.answers(probabilities),
        Head::Tagging(_) => Vec::new(),
    }
}

/// Scores on the rows whose label the run knows; none where there is no such row.
fn scores(
    labels: &[String],
    targets: &[Option<Target>],
    answers: &[usize],
) -> Result<Vec<(String, f64)>, PipelineError> {
    let class = |target: &Option<Target>| match target {
        Some(Target::Label(label)) => labels.iter().position(|known| known == label),
        _ => None,
    };
    let judged = targets.iter().zip(answers).filter_map(|(target, &answer)| Some((class(target)?, answer)));
    let (gold, answers): (Vec<usize>, Vec<usize>) = judged.unzip();
    if gold.is_empty() {
        return Ok(Vec::new());
    }
    let scores = ClassificationScores::from(&ConfusionMatrix::from_classes(&gold, &answers, labels.len())?);
    let named = [("mcc", scores.mcc), ("accuracy", scores.accuracy), ("macro_f1", scores.macro_f1)];
    Ok(named.map(|(name, value)| (name.to_owned(), value)).to_vec())
}
