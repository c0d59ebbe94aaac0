//! Export of a run that answers label sets: `config.json`, the model card, and the check of the file's probabilities.

use std::fmt::Write as _;

use larder_data::Target;
use larder_metrics::{LabelSets, MultilabelAnswers, MultilabelMetric, score_multilabel};
use larder_runtime::Device;
use larder_tokens::Tokenizer;
use ndarray::Array2;
use serde_json::{Map, Value, json};

use super::{Rules, predict};
use crate::RunError;
use crate::answers::Predictor;
use crate::heads::{LOGITS, PROBABILITIES};
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
        fields.insert("thresholds".to_owned(), json!(run.head.as_label_sets().map(|head| head.thresholds())));
        fields.insert("display".to_owned(), json!(run.record.display));
        fields.insert("pair".to_owned(), run.record.is_pair().into());
        fields.insert("pair_features".to_owned(), run.record.settings.pair_features.into());
    }

    fn purpose(&self, is_pair: bool) -> &'static str {
        if is_pair { "Gives a pair of texts any number of labels" } else { "Gives a text any number of labels" }
    }

    fn score_table(&self, evaluation: &Evaluation) -> String {
        let Evaluation::Multilabel(evaluation) = evaluation else { return String::new() };
        let mut table = "| split | rows | macro F1 | 95 % interval of macro F1 | micro F1 | LRAP | all labels right | best constant \
             set: macro F1 | against it |\n|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for split in &evaluation.splits {
            let of = |metric: MultilabelMetric| metric.of(&split.scores);
            let _ = writeln!(
                table,
                "| {} | {} | {:.3} | {} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
                split.split,
                split.scores.rows,
                of(MultilabelMetric::MacroF1),
                split.range(MultilabelMetric::MacroF1),
                of(MultilabelMetric::MicroF1),
                of(MultilabelMetric::Lrap),
                of(MultilabelMetric::SubsetAccuracy),
                split.constant(MultilabelMetric::MacroF1),
                split.verdict(),
            );
        }
        table
    }

    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String {
        let labels = run.record.labels.len();
        match output {
            LOGITS => format!("float32 `[batch, {labels}]`"),
            PROBABILITIES => {
                format!("float32 `[batch, {labels}]`, the logistic function of `logits`, each label by itself")
            }
            _ => format!(
                "int64 `[batch, {labels}]`, 1 where a label's probability is at least its threshold (`thresholds` in \
                 `config.json`)"
            ),
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
        let head = run.head.as_label_sets().ok_or_else(|| RunError::BrokenRun { run: run.record.run.clone() })?;
        let predictor = predict::open(run.larder, run.record.clone(), Device::Cpu, run.threads)?;
        let mut predictor = predictor.with_stock_operators(run.larder, run.threads)?;
        let mut distance = Distance::default();
        let mut all: Vec<Vec<Array2<f64>>> = vec![Vec::new(); files.count()];
        for (block, contents) in rows.contents.chunks(BLOCK_ROWS).enumerate() {
            let of_run = predictor.predict(contents)?;
            let of_files = file_outputs(run, contents, tokenizer, files, PROBABILITIES, labels.len())?;
            let sets = head.answers(&of_files[0]);
            for (at, answer) in of_run.iter().enumerate() {
                let Answer::Multilabel(answer) = answer else { continue };
                let differences =
                    answer.probabilities.iter().zip(of_files[0].row(at)).map(|(run, file)| (run - file).abs());
                // Not a maximum over floats, which would lose NaN.
                let largest = differences.fold(0.0, |largest: f64, one| if one <= largest { largest } else { one });
                let of_file =
                    labels.iter().zip(sets.row(at)).filter(|(_, answered)| **answered).map(|(label, _)| label);
                distance.add(block * BLOCK_ROWS + at, largest, of_file.eq(&answer.labels));
            }
            for (into, found) in all.iter_mut().zip(of_files) {
                into.push(found);
            }
        }
        let scores = match files.count() {
            1 => Vec::new(),
            _ => all
                .iter()
                .map(|found| scores(labels, &rows.targets, found, head.thresholds()))
                .collect::<Result<_, _>>()?,
        };
        Ok(ExportCheck { distance, difference_of: "of a probability", too_long: 0, scores })
    }
}

/// Scores on the rows whose labels the run knows; empty if there are none.
fn scores(
    labels: &[String],
    targets: &[Option<Target>],
    probabilities: &[Array2<f64>],
    thresholds: &[f64],
) -> Result<Vec<(String, f64)>, RunError> {
    let (mut gold, mut found) = (Vec::new(), Vec::new());
    let rows = probabilities.iter().flat_map(|block| block.rows());
    for (target, row) in targets.iter().zip(rows) {
        let Some(Target::Labels(names)) = target else { continue };
        let indices: Option<Vec<usize>> =
            names.iter().map(|name| labels.iter().position(|label| label == name)).collect();
        let Some(indices) = indices else { continue };
        gold.push(indices);
        found.extend(row.iter().copied());
    }
    if gold.is_empty() {
        return Ok(Vec::new());
    }
    let scores = score_multilabel(
        &LabelSets::from_indices(&gold, labels.len())?,
        &MultilabelAnswers::from_thresholds(found, thresholds)?,
    )?;
    let named = [MultilabelMetric::MacroF1, MultilabelMetric::MicroF1, MultilabelMetric::Lrap];
    Ok(named.map(|metric| (metric.as_str().to_owned(), metric.of(&scores))).to_vec())
}
