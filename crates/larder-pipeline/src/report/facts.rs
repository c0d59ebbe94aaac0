//! What a run is made of and with, as names and values.

use larder_report::Fact;

use crate::{HeadRecord, Larder, RunRecord};

/// The kind of head.
pub(super) fn head(record: &RunRecord) -> String {
    match &record.head {
        HeadRecord::Sequence(_) => "logistic".to_owned(),
        HeadRecord::Mlp(_) => "mlp".to_owned(),
        HeadRecord::Tagging(head) => head.settings.kind.to_string(),
        HeadRecord::Tuned(_) => "fine-tuned".to_owned(),
    }
}

/// Labels as people know them; where two are called the same, as the data spells them.
pub(super) fn class_names(record: &RunRecord) -> Vec<String> {
    let mut sorted = record.display.clone();
    sorted.sort();
    sorted.dedup();
    if sorted.len() == record.labels.len() { record.display.clone() } else { record.labels.clone() }
}

/// The most important facts, first of all what was trained on what.
pub(super) fn facts(larder: &Larder, record: &RunRecord) -> Vec<Fact> {
    let settings = &record.settings;
    let rows: usize = record.train_counts.iter().sum();
    let mut facts = vec![
        fact("head", head(record)),
        fact("encoder", &record.encoder),
        fact("dataset", &record.dataset),
        fact("task", record.task()),
        fact("trained on", format!("{}: {rows} {}", record.train_split, unit(record))),
        fact("labels", names(&record.display)),
    ];
    if !matches!(record.head, HeadRecord::Tuned(_)) {
        facts.push(fact("hidden layers offered", &settings.layers));
        facts.push(fact("columns offered", names(&record.columns_tried)));
    }
    facts.push(fact("columns read", read_columns(record)));
    facts.push(fact("tokens a text may have", settings.max_tokens));
    facts.extend(of_head(larder, record));
    facts.extend(record.versions.iter().map(|(name, version)| fact(&format!("version of {name}"), version)));
    facts.push(fact("made", date(record.created_unix_seconds)));
    facts
}

/// Everything that its numbers depend on, as the run recorded it.
pub(super) fn settings(record: &RunRecord) -> Vec<Fact> {
    let digest = fact("encoder.digest", &record.encoder_digest);
    let parts = record.provenance.parts.iter().filter(|(name, _)| *name != "encoder.digest");
    std::iter::once(digest).chain(parts.map(|(name, value)| fact(name, value))).collect()
}

fn of_head(larder: &Larder, record: &RunRecord) -> Vec<Fact> {
    let threshold = || match record.load_head(larder) {
        Ok(crate::head::Head::Sequence(head)) => head.threshold,
        Ok(crate::head::Head::Mlp(head)) => head.threshold,
        _ => None,
    };
    let mut facts = Vec::new();
    match &record.head {
        HeadRecord::Sequence(head) => {
            facts.push(fact("chosen by", head.settings.metric));
            facts.push(fact("features standardised", yes(head.settings.standardise)));
            facts.push(fact("seed", head.settings.seed));
            if let Some(chosen) = head.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
                facts.push(fact("C", format!("{:e}", chosen.c)));
                facts.push(fact("class weight", chosen.class_weight));
            }
            facts.extend(threshold().map(|threshold| fact("threshold", format!("{threshold:.3}"))));
        }
        HeadRecord::Mlp(head) => {
            let sizes: Vec<String> = head.settings.hidden.iter().map(usize::to_string).collect();
            facts.push(fact("hidden layers of the head", sizes.join(",")));
            facts.push(fact("chosen by", head.settings.metric));
            facts.push(fact("dropout", head.settings.dropout));
            facts.push(fact("learning rate", format!("{:e}", head.settings.learning_rate)));
            facts.push(fact("rows of a step", head.settings.batch_rows));
            facts.push(fact("seed", head.settings.seed));
            facts.extend(threshold().map(|threshold| fact("threshold", format!("{threshold:.3}"))));
        }
        HeadRecord::Tagging(head) => {
            facts.push(fact("word vectors from tokens", record.settings.word_pool));
            facts.push(fact("seed", head.settings.seed));
            if let Some(chosen) = head.selection.as_ref().and_then(|s| s.entries.get(s.chosen)) {
                facts.push(fact("C", format!("{:e}", chosen.c)));
                facts.push(fact("class weight", chosen.class_weight));
                facts.push(fact("added to the score of O", format!("{:.2}", chosen.outside_bias)));
            }
        }
        HeadRecord::Tuned(tuned) => {
            facts.extend(
                tuned.settings.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| fact(name, value)),
            );
        }
    }
    facts
}

fn read_columns(record: &RunRecord) -> String {
    let kinds: Vec<String> =
        record.outputs.iter().map(|output| format!("{} of layer {}", output.kind.as_str(), output.layer)).collect();
    names(&kinds)
}

fn unit(record: &RunRecord) -> &'static str {
    match record.task() {
        larder_data::Task::Sequence => "texts",
        larder_data::Task::Tagging => "words",
    }
}

/// Names in a row; of many the first ones and how many there are.
fn names(all: &[String]) -> String {
    const MOST: usize = 20;
    match all.get(..MOST) {
        Some(first) if all.len() > MOST => format!("{} and {} more", first.join(", "), all.len() - MOST),
        _ => all.join(", "),
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn fact(name: &str, value: impl ToString) -> Fact {
    Fact { name: name.to_owned(), value: value.to_string() }
}

/// Seconds since 1970 as a date and time of day, UTC: Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`.
fn date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years that begin in March end with the day that some of them lack.
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
