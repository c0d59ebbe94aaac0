//! Export of a classifier: `config.json`, the model card, and the check of the file's probabilities.

use std::fmt::Write as _;

use larder_data::Target;
use larder_metrics::{ClassificationScores, ConfusionMatrix, Metric};
use larder_runtime::Device;
use larder_tokens::Tokenizer;
use serde_json::{Map, Value, json};

use super::{Rules, predict};
use crate::RunError;
use crate::answers::Predictor;
use crate::heads::{LOGITS, PROBABILITIES};
use crate::page::range;
use crate::tasks::export::{CheckRows, Distance, ExportCheck, ExportedFiles, ExportedRun, TaskExport};
use crate::tasks::texts::{TEXT_EXAMPLES, file_outputs, text_snippet};
use crate::tasks::{Answer, Evaluation};

/// Rows answered at a time: their features are in memory.
const BLOCK_ROWS: usize = 4096;

impl TaskExport for Rules {
    fn max_tokens(&self, run: &ExportedRun<'_>) -> usize {
        run.record.settings.max_tokens
    }

    fn describe(&self, run: &ExportedRun<'_>, fields: &mut Map<String, Value>) {
        fields.insert("threshold".to_owned(), json!(run.head.threshold()));
        fields.insert("display".to_owned(), json!(run.record.display));
        fields.insert("pair".to_owned(), run.record.is_pair().into());
        fields.insert("pair_features".to_owned(), run.record.settings.pair_features.into());
    }

    fn purpose(&self, is_pair: bool) -> &'static str {
        if is_pair { "Gives a pair of texts one label" } else { "Gives a text one label" }
    }

    fn score_table(&self, evaluation: &Evaluation) -> String {
        let Evaluation::Sequence(evaluation) = evaluation else { return String::new() };
        let mut table = "| split | rows | accuracy | MCC | 95 % interval of MCC | macro F1 | always the majority class: accuracy | \
             against the majority |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for split in &evaluation.splits {
            let interval = split.interval(Metric::Mcc).map_or_else(String::new, |interval| range(&interval));
            let scores = &split.scores;
            let _ = writeln!(
                table,
                "| {} | {} | {:.3} | {:.3} | {interval} | {:.3} | {:.3} | {} |",
                split.split,
                scores.rows,
                scores.accuracy,
                scores.mcc,
                scores.macro_f1,
                split.majority.scores.accuracy,
                split.against_majority.in_words()
            );
        }
        table
    }

    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String {
        let classes = run.record.labels.len();
        let decided = match (run.head.threshold(), run.record.labels.as_slice()) {
            (Some(threshold), [_, positive, ..]) => {
                format!("1 (`{positive}`) where its probability is at least {threshold:.6}")
            }
            _ => "the most probable one".to_owned(),
        };
        match output {
            LOGITS => format!("float32 `[batch, {classes}]`"),
            PROBABILITIES => format!("float32 `[batch, {classes}]`, softmax of `logits`"),
            _ => format!("int64 `[batch]`, the class answered: {decided}"),
        }
    }

    fn snippet(&self, run: &ExportedRun<'_>, _: Option<&str>) -> String {
        text_snippet(run, include_str!("answer.py"))
    }

    fn example(&self, is_pair: bool, shares_batches: bool) -> &'static str {
        TEXT_EXAMPLES[usize::from(is_pair)][usize::from(shares_batches)]
    }

    fn check(
        &self,
        run: &ExportedRun<'_>,
        rows: &CheckRows,
        tokenizer: &Tokenizer,
        files: &mut dyn ExportedFiles,
    ) -> Result<ExportCheck, RunError> {
        let labels = &run.record.labels;
        let head = run.head.as_classifier().ok_or_else(|| RunError::BrokenRun { run: run.record.run.clone() })?;
        let predictor = predict::open(run.larder, run.record.clone(), Device::Cpu, run.threads)?;
        let mut predictor = predictor.with_stock_operators(run.larder, run.threads)?;
        let mut distance = Distance::default();
        let mut answers: Vec<Vec<usize>> = vec![Vec::new(); files.count()];
        for (block, contents) in rows.contents.chunks(BLOCK_ROWS).enumerate() {
            let of_run = predictor.predict(contents)?;
            let of_files = file_outputs(run, contents, tokenizer, files, PROBABILITIES, labels.len())?;
            for (place, found) in of_files.iter().enumerate() {
                answers[place].extend(head.answers(found));
            }
            let found = &of_files[0];
            for (at, answer) in of_run.iter().enumerate() {
                let Answer::Sequence(prediction) = answer else { continue };
                let of_file = found.row(at);
                let differences = prediction.probabilities.iter().zip(of_file).map(|(run, file)| (run - file).abs());
                let row = block * BLOCK_ROWS + at;
                // Not a maximum over floats, which would lose NaN.
                let largest = differences.fold(0.0, |largest: f64, one| if one <= largest { largest } else { one });
                distance.add(row, largest, labels.get(answers[0][row]) == Some(&prediction.label));
            }
        }
        let scores = match files.count() {
            1 => Vec::new(),
            _ => answers.iter().map(|answers| scores(labels, &rows.targets, answers)).collect::<Result<_, _>>()?,
        };
        Ok(ExportCheck { distance, difference_of: "of a probability", too_long: 0, scores })
    }
}

/// Scores on the rows whose label the run knows; empty if there are none.
fn scores(labels: &[String], targets: &[Option<Target>], answers: &[usize]) -> Result<Vec<(String, f64)>, RunError> {
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
