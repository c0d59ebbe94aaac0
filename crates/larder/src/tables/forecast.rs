//! Forecasts of an encode.

use larder_encode::Forecast;
use larder_errors::{bytes, count, seconds};

use super::table;

/// Formats all splits, one per line, and their total.
pub fn forecasts(forecasts: &[(String, Forecast)]) -> String {
    let header = ["split", "rows", "to encode", "reused", "copies", "real tokens", "padding", "vectors", "time"];
    let mut table = table(&header);
    for (split, forecast) in forecasts {
        let run = |text: String| if forecast.fresh { String::new() } else { text };
        table.add_row(vec![
            split.clone(),
            count(forecast.rows as u64),
            if forecast.fresh { "up to date".to_owned() } else { count(forecast.run_inputs as u64) },
            run(count(forecast.reused_rows as u64)),
            run(count(forecast.duplicate_rows as u64)),
            run(count(forecast.run_tokens)),
            run(format!("{:.1} %", 100.0 * forecast.padding_share())),
            bytes(forecast.vector_bytes),
            run(seconds(forecast.seconds)),
        ]);
    }
    let all = forecasts.iter().filter(|(_, forecast)| !forecast.fresh);
    let time: f64 = all.clone().map(|(_, forecast)| forecast.seconds).sum();
    let mut text = table.to_string();
    if let Some((_, forecast)) = all.clone().max_by_key(|(_, forecast)| forecast.run_tokens)
        && let Some(probe) = &forecast.probe
    {
        text.push_str(&format!(
            "\nabout {} in all, at {} real tokens/s measured here on {} ({} threads); vectors before compression; weights and vectors \
             in memory: {}",
            seconds(time),
            count(probe.tokens_per_second() as u64),
            forecast.device,
            forecast.threads,
            bytes(forecast.memory_bytes)
        ));
    }
    text
}
