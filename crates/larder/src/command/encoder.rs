//! `encoder add | init | quantise | show | list | rm | verify`.

use larder_intake::Encoder;
use larder_intake::{
    AddRequest, AddedEncoder, InitRequest, Listed, Outcome, QuantiseRequest, add_with, init, quantise, verify,
};
use larder_pipeline::remove_encoder;
use serde_json::json;

use super::Context;
use super::encoder_summary::{describe, size};
use crate::cli::EncoderCommand;
use crate::failure::Failure;
use crate::log;
use crate::memory;

pub fn run(context: &Context, command: &EncoderCommand) -> Result<(), Failure> {
    let home = context.larder.home();
    if matches!(command, EncoderCommand::Add { .. } | EncoderCommand::Verify { .. }) {
        memory::limit_to_free();
    }
    let mut progress = |what: &str| log::progress(&format!("encoder  {what}"));
    match command {
        EncoderCommand::Add { offline, source, name, tokenizer, replace, hints } => {
            let request = AddRequest {
                source: source.clone(),
                offline: *offline,
                name: name.clone(),
                tokenizer: tokenizer.clone(),
                replace: *replace,
            };
            let added = add_with(home, context.larder.runtime()?, &request, &hints.hints(), &mut progress)?;
            print_added(context, &added)
        }
        EncoderCommand::Init { config, seed, name, tokenizer, replace } => {
            let request = InitRequest {
                config: config.clone(),
                seed: *seed,
                name: Some(name.clone()),
                tokenizer: tokenizer.clone(),
                replace: *replace,
            };
            let added = init(home, context.larder.runtime()?, &request, &mut progress)?;
            print_added(context, &added)
        }
        EncoderCommand::Quantise { encoder, name, replace } => {
            let request = QuantiseRequest { encoder: encoder.clone(), name: name.clone(), replace: *replace };
            let added = quantise(home, context.larder.runtime()?, &request, &mut progress)?;
            print_added(context, &added)
        }
        EncoderCommand::Show { name } => {
            let encoder = context.larder.encoder(name)?;
            if context.json {
                return context.print_json(encoder.manifest());
            }
            context.print(&describe(&encoder))
        }
        EncoderCommand::List => list(context, &Encoder::list(home)?),
        EncoderCommand::Rm { names, force } => {
            names.iter().try_for_each(|name| remove_encoder(&context.larder, name, *force))?;
            match context.json {
                true => context.print_json(&json!({ "removed": names })),
                false => context.print(&format!("removed {}", names.join(", "))),
            }
        }
        EncoderCommand::Verify { name } => {
            let encoder = context.larder.encoder(name)?;
            let mut verification = verify(&encoder, context.larder.runtime()?, &mut progress);
            if verification.is_sound() {
                return match context.json {
                    true => context.print_json(&json!({ "encoder": name, "sound": true, "probe": verification.probe })),
                    false => context.print(&format!("{name} is what it was when it was added")),
                };
            }
            let first = verification.problems.remove(0);
            for problem in &verification.problems {
                log::progress(&format!("also: {problem}"));
            }
            Err(first.into())
        }
    }
}

fn print_added(context: &Context, added: &AddedEncoder) -> Result<(), Failure> {
    for note in &added.notes {
        log::note(note);
    }
    if context.json {
        for unfollowed in added.encoder.unfollowed(&[added.encoder.publisher_pool()]) {
            log::note(&unfollowed.to_string());
        }
        return context.print_json(added.encoder.manifest());
    }
    let what = match added.outcome {
        Outcome::Added => "added",
        Outcome::Replaced => "replaced",
        Outcome::Unchanged => "already there, nothing done",
    };
    context.print(&format!("{} {what}\n{}", added.encoder.name(), describe(&added.encoder)))
}

fn list(context: &Context, all: &[Listed]) -> Result<(), Failure> {
    if context.json {
        let list: Vec<_> = all
            .iter()
            .map(|listed| match &listed.encoder {
                Ok(encoder) => json!({ "name": listed.name, "manifest": encoder.manifest() }),
                Err(error) => json!({ "name": listed.name, "broken": error.to_string() }),
            })
            .collect();
        return context.print_json(&list);
    }
    if all.is_empty() {
        log::progress(
            "no encoders yet: `larder encoder add all-MiniLM-L6-v2` takes in the one that `larder setup` fetches, `larder encoder add SOURCE` any other",
        );
    }
    all.iter().try_for_each(|listed| match &listed.encoder {
        Ok(encoder) => context.print(&format!("{:<24}{}", listed.name, size(encoder.manifest()))),
        Err(error) => context.print(&format!("{:<24}broken: {error}", listed.name)),
    })
}
