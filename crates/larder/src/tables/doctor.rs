//! Results of `doctor`.

use std::fmt::Write;

use larder_errors::{bytes, count, counted};
use larder_pipeline::{Checkup, EncoderCheck, ProviderCheck, RuntimeCheck};

use crate::cli::Setting;

/// Everything, a paragraph per topic.
pub fn doctor(checkup: &Checkup, settings: &[Setting]) -> String {
    let mut out = String::new();
    let machine = &checkup.machine;
    line(&mut out, "larder", checkup.larder);
    let system = machine.system.as_deref().unwrap_or("unknown system");
    let processor = machine.processor.as_deref().unwrap_or("unknown processor");
    line(&mut out, "machine", &format!("{system}, {}, {processor}", machine.architecture));
    let memory = format!("{} of {} free", bytes(machine.free_memory_bytes), bytes(machine.memory_bytes));
    line(&mut out, "", &format!("{} cores, memory {memory}", machine.cores));
    let disk = match &machine.disk {
        Some(disk) => format!(", disk {} of {} free", bytes(disk.free_bytes), bytes(disk.bytes)),
        None => String::new(),
    };
    line(&mut out, "home", &format!("{}{disk}", machine.home.display()));
    for (number, setting) in settings.iter().filter(|setting| setting.value.is_some()).enumerate() {
        let value = setting.value.as_deref().unwrap_or_default();
        let text = format!("{} = {value} ({})", setting.name, setting.from);
        line(&mut out, if number == 0 { "settings" } else { "" }, &text);
    }
    match &checkup.runtime {
        RuntimeCheck::Loaded { version, path } => {
            line(&mut out, "runtime", &format!("ONNX Runtime {version}, {}", path.display()));
        }
        RuntimeCheck::Missing { .. } => line(&mut out, "runtime", "ONNX Runtime is missing: see below"),
    }
    for provider in &checkup.providers {
        line(&mut out, &provider.device.to_string(), &ran(provider));
        if let Some(way_out) = &provider.way_out {
            line(&mut out, "", way_out);
        }
    }
    if checkup.encoders.is_empty() {
        line(
            &mut out,
            "encoders",
            "none yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other",
        );
    }
    for (number, one) in checkup.encoders.iter().enumerate() {
        line(&mut out, if number == 0 { "encoders" } else { "" }, &encoder(one));
    }
    if let Some((first, others)) = checkup.speed.split_first() {
        let measured = &first.measured;
        let what = format!(
            "{}: {} texts of {} tokens a second, {} tokens a second, on {}",
            first.encoder,
            count(measured.inputs_per_second() as u64),
            first.tokens_per_text,
            count(measured.tokens_per_second() as u64),
            first.device,
        );
        let threads = format!(" ({})", counted(first.threads as u64, "thread"));
        line(&mut out, "speed", &(what + &threads));
        for other in others {
            let times = other.measured.tokens_per_second() / measured.tokens_per_second();
            let how = match other.graph {
                "bfloat16" => format!("in bfloat16 (`larder encode --graph bfloat16 -e {}`)", other.encoder),
                _ => format!("in 8-bit integers (`-e {}`)", other.encoder),
            };
            line(&mut out, "", &format!("{how} {times:.2} times as fast"));
        }
        if !others.is_empty() {
            let how = "what rounding costs on your data: train a run on each, and `larder compare RUN OTHER`";
            line(&mut out, "", how);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn line(out: &mut String, name: &str, text: &str) {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{name:<10}{first}");
    for more in lines {
        let _ = writeln!(out, "{:<10}{}", "", more.trim_start());
    }
}

fn ran(provider: &ProviderCheck) -> String {
    match (provider.runs, &provider.detail) {
        (true, None) => "runs (a model ran on it)".to_owned(),
        (true, Some(name)) => format!("runs on {name} (a model ran on it)"),
        (false, detail) => format!("does not run: {}", detail.as_deref().unwrap_or("no reason given")),
    }
}

fn encoder(check: &EncoderCheck) -> String {
    let Some(facts) = &check.found else {
        return format!("{}: broken: {}", check.name, check.problem.as_deref().unwrap_or("no reason given"));
    };
    let layers = facts.layers.map_or_else(String::new, |layers| format!("{layers} layers, "));
    format!(
        "{}: {}, {layers}{} dimensions, {} tokens at most, {}; graph {}",
        check.name,
        facts.family.as_deref().unwrap_or("family not recognised"),
        facts.hidden_size,
        facts.max_tokens,
        bytes(facts.bytes),
        facts.graph
    )
}
