//! Fine-tuned runs as text.

use larder_errors::count;
use larder_pipeline::{GraphsOutcome, SweepOutcome};

use super::table;

/// Formats the scores of all rates and seeds.
pub fn sweep(outcome: &SweepOutcome) -> String {
    let mut rows = table(&["lr", "seed", "split", &outcome.score, "run"]);
    let rate = |rate: Option<f64>| rate.map_or_else(|| "recipe".to_owned(), |rate| format!("{rate:e}"));
    for entry in &outcome.rates {
        for run in &entry.runs {
            let (seed, lr) = (run.seed.to_string(), rate(entry.learning_rate));
            if let Some(reason) = &run.failed {
                rows.add_row(vec![lr.clone(), seed.clone(), String::new(), "failed".to_owned(), reason.clone()]);
            }
            for (split, score) in &run.scores {
                let run = run.run.clone().unwrap_or_default();
                rows.add_row(vec![lr.clone(), seed.clone(), split.clone(), format!("{score:.3}"), run]);
            }
        }
    }
    let mut means = table(&["lr", "split", "mean", "deviation", "lowest", "highest", "seeds"]);
    for entry in &outcome.rates {
        for (split, summary) in &entry.summary {
            let number = |value: f64| format!("{value:.3}");
            means.add_row(vec![
                rate(entry.learning_rate),
                split.clone(),
                number(summary.mean),
                number(summary.deviation),
                number(summary.min),
                number(summary.max),
                entry.runs.iter().filter(|run| run.failed.is_none()).count().to_string(),
            ]);
        }
    }
    let best = match outcome.best.map(|best| &outcome.rates[best]) {
        Some(best) if outcome.rates.len() > 1 => {
            let split = best.summary.first().map_or("", |(split, _)| split.as_str());
            format!("\nbest mean {} on {split}: lr {}", outcome.score, rate(best.learning_rate))
        }
        _ => String::new(),
    };
    format!("{rows}\n{means}{best}")
}

/// Formats the training graphs written.
pub fn graphs(outcome: &GraphsOutcome) -> String {
    format!(
        "{} nodes train {} parameters in {} tensors\n{}",
        count(outcome.training_nodes as u64),
        count(outcome.trained as u64),
        count(outcome.parameters.len() as u64),
        outcome.folder.display()
    )
}
