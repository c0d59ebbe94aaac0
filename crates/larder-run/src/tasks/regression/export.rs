//! Export of a run that answers numbers: `config.json`, the model card, and the check of the file's numbers.

use std::fmt::Write as _;

use larder_data::Target;
use larder_metrics::{RegressionMetric, score_regression};
use larder_runtime::Device;
use larder_tokens::Tokenizer;
use serde_json::{Map, Value, json};

use super::{Rules, predict};
use crate::RunError;
use crate::answers::Predictor;
use crate::heads::{LOGITS, PREDICTION};
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
        let (minimum, maximum) = bounds(run);
        fields.insert("minimum".to_owned(), json!(minimum));
        fields.insert("maximum".to_owned(), json!(maximum));
        fields.insert("pair".to_owned(), run.record.is_pair().into());
        fields.insert("pair_features".to_owned(), run.record.settings.pair_features.into());
    }

    fn purpose(&self, is_pair: bool) -> &'static str {
        if is_pair { "Gives a pair of texts a number" } else { "Gives a text a number" }
    }

    fn score_table(&self, evaluation: &Evaluation) -> String {
        let Evaluation::Regression(evaluation) = evaluation else { return String::new() };
        let mut table = "| split | rows | Pearson | 95 % interval of Pearson | Spearman | R² | MAE | RMSE | always the mean of train: \
             RMSE | against the mean |\n|---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for split in &evaluation.splits {
            let scores = &split.scores;
            let _ = writeln!(
                table,
                "| {} | {} | {:.3} | {} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
                split.split,
                scores.rows,
                scores.pearson,
                split.range(RegressionMetric::Pearson),
                scores.spearman,
                scores.r2,
                scores.mae,
                scores.rmse,
                split.constant(RegressionMetric::Rmse),
                split.verdict(),
            );
        }
        table
    }

    fn output(&self, run: &ExportedRun<'_>, output: &str) -> String {
        let bounds = match bounds(run) {
            (Some(minimum), Some(maximum)) => format!(", clipped to {minimum} and {maximum}"),
            (Some(minimum), None) => format!(", {minimum} at least"),
            (None, Some(maximum)) => format!(", {maximum} at most"),
            (None, None) => String::new(),
        };
        match output {
            LOGITS => "float32 `[batch, 1]`, the number before it is clipped".to_owned(),
            _ => format!("float32 `[batch, 1]`, the number answered{bounds}"),
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
        let predictor = predict::open(run.larder, run.record.clone(), Device::Cpu, run.threads)?;
        let mut predictor = predictor.with_stock_operators(run.larder, run.threads)?;
        let mut distance = Distance::default();
        let mut answers: Vec<Vec<f64>> = vec![Vec::new(); files.count()];
        // Differences are told in deviations of the training targets, whatever their unit.
        let unit = run.record.head.details().targets().map_or(1.0, |targets| targets.deviation).max(f64::MIN_POSITIVE);
        for contents in rows.contents.chunks(BLOCK_ROWS) {
            let of_run = predictor.predict(contents)?;
            let first = answers[0].len();
            let of_files = file_outputs(run, contents, tokenizer, files, PREDICTION, 1)?;
            for (into, found) in answers.iter_mut().zip(of_files) {
                into.extend(found);
            }
            for (at, answer) in of_run.iter().enumerate() {
                let Answer::Regression(answer) = answer else { continue };
                let difference = (answer.number - answers[0][first + at]) / unit;
                distance.add_number(first + at, difference);
            }
        }
        let scores = match files.count() {
            1 => Vec::new(),
            _ => answers.iter().map(|answers| scores(&rows.targets, answers)).collect::<Result<_, _>>()?,
        };
        Ok(ExportCheck {
            distance,
            difference_of: "of a number, in standard deviations of the training targets,",
            too_long: 0,
            scores,
        })
    }
}

fn bounds(run: &ExportedRun<'_>) -> (Option<f64>, Option<f64>) {
    run.head.as_number().map_or((None, None), |head| head.bounds())
}

/// Scores on the rows with a target; empty if there are none.
fn scores(targets: &[Option<Target>], answers: &[f64]) -> Result<Vec<(String, f64)>, RunError> {
    let judged = targets.iter().zip(answers).filter_map(|(target, &answer)| match target {
        Some(Target::Number(number)) => Some((*number, answer)),
        _ => None,
    });
    let (gold, answers): (Vec<f64>, Vec<f64>) = judged.unzip();
    if gold.is_empty() {
        return Ok(Vec::new());
    }
    let scores = score_regression(&gold, &answers)?;
    let named = [RegressionMetric::Pearson, RegressionMetric::Spearman, RegressionMetric::Rmse];
    Ok(named.map(|metric| (metric.as_str().to_owned(), metric.of(&scores))).to_vec())
}
