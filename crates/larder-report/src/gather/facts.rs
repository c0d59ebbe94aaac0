//! The facts about a run, as names and values.

use larder_encode::LongTexts;
use larder_run::page::Fact;
use larder_run::{Larder, RunRecord, tasks};

/// Returns the most important facts, starting with head, encoder and dataset.
pub(super) fn facts(larder: &Larder, record: &RunRecord) -> Vec<Fact> {
    let settings = &record.settings;
    let rows: usize = record.train_counts.iter().sum();
    let mut facts = vec![
        Fact::new("head", record.head.details().outline().kind),
        Fact::new("encoder", &record.encoder),
        Fact::new("dataset", &record.dataset),
        Fact::new("task", record.task()),
        Fact::new("trained on", format!("{}: {rows} {}", record.train_split, tasks::of(record.task()).facts().units)),
        Fact::new("labels", names(&record.display)),
    ];
    if record.head.tuned().is_none() {
        facts.push(Fact::new("hidden layers offered", &settings.layers));
        facts.push(Fact::new("columns offered", names(&record.columns_tried)));
    }
    facts.push(Fact::new("columns read", read_columns(record)));
    facts.push(match settings.long {
        LongTexts::Cut => Fact::new("tokens a text may have", settings.max_tokens),
        LongTexts::Windows => {
            Fact::new("tokens a text may have", format!("{}; longer ones are read in windows", settings.max_tokens))
        }
    });
    facts.extend(record.head.details().facts(record, record.load_head(larder).ok().as_ref()));
    facts.extend(record.versions.iter().map(|(name, version)| Fact::new(&format!("version of {name}"), version)));
    facts.push(Fact::new("made", date(record.created_unix_seconds)));
    facts
}

/// Returns every setting that the run's numbers depend on, as recorded.
pub(super) fn settings(record: &RunRecord) -> Vec<Fact> {
    let digest = Fact::new("encoder.digest", &record.encoder_digest);
    let parts = record.provenance.parts.iter().filter(|(name, _)| *name != "encoder.digest");
    std::iter::once(digest).chain(parts.map(|(name, value)| Fact::new(name, value))).collect()
}

fn read_columns(record: &RunRecord) -> String {
    let kinds: Vec<String> =
        record.outputs.iter().map(|output| format!("{} of layer {}", output.kind.as_str(), output.layer)).collect();
    names(&kinds)
}

/// Joins names; of many, the first ones and the number of the others.
fn names(all: &[String]) -> String {
    const MOST: usize = 20;
    match all.get(..MOST) {
        Some(first) if all.len() > MOST => format!("{} and {} more", first.join(", "), all.len() - MOST),
        _ => all.join(", "),
    }
}

/// Returns the date and time of day, UTC, of seconds since 1970: Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`.
fn date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years that start in March end with the leap day.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3_600, second % 3_600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `date -u -d @SECONDS '+%F %H:%M UTC'`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        let dates = [0, 951_782_399, 951_782_400, 1_709_210_096, 1_795_397_524, 4_107_542_399].map(date);
        assert_eq!(
            dates,
            [
                "1970-01-01 00:00 UTC",
                "2000-02-28 23:59 UTC",
                "2000-02-29 00:00 UTC",
                "2024-02-29 12:34 UTC",
                "2026-11-23 01:32 UTC",
                "2100-02-28 23:59 UTC"
            ]
        );
    }
}
