//! The facts about a run, as names and values.

use larder_encode::LongTexts;
use larder_errors::date;
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
