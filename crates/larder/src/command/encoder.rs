//! `encoder add | init | show | list | verify`.

use larder_encoder::Encoder;
use larder_encoder::{AddRequest, Added, EncoderManifest, InitRequest, Listed, Outcome, add, init, verify};
use serde_json::json;

use super::Context;
use crate::cli::EncoderCommand;
use crate::failure::Failure;

pub fn run(context: &Context, command: &EncoderCommand) -> Result<(), Failure> {
    let home = context.larder.home();
    let mut progress = |what: &str| eprintln!("encoder  {what}");
    match command {
        EncoderCommand::Add { source, name, tokenizer, replace } => {
            let request = AddRequest {
                source: source.clone(),
                name: name.clone(),
                tokenizer: tokenizer.clone(),
                replace: *replace,
            };
            let added = add(home, context.larder.runtime()?, &request, &mut progress)?;
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
        EncoderCommand::Show { name } => {
            let encoder = context.larder.encoder(name)?;
            if context.json {
                return context.print_json(encoder.manifest());
            }
            context.print(&describe(&encoder))
        }
        EncoderCommand::List => list(context, &Encoder::list(home)?),
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
                eprintln!("also: {problem}");
            }
            Err(first.into())
        }
    }
}

fn print_added(context: &Context, added: &Added) -> Result<(), Failure> {
    for note in &added.notes {
        eprintln!("note     {note}");
    }
    if context.json {
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
        eprintln!("no encoders yet: `larder encoder add SOURCE` takes one in");
    }
    all.iter().try_for_each(|listed| match &listed.encoder {
        Ok(encoder) => context.print(&format!("{:<24}{}", listed.name, size(encoder.manifest()))),
        Err(error) => context.print(&format!("{:<24}broken: {error}", listed.name)),
    })
}

fn size(manifest: &EncoderManifest) -> String {
    let family = manifest.family.map_or_else(|| "family not recognised".to_owned(), |f| f.to_string());
    let layers = manifest.num_hidden_layers.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    format!(
        "{family}, hidden {}, {layers} layers, vocabulary {}, reads {} tokens",
        manifest.hidden_size, manifest.vocabulary_size, manifest.max_positions
    )
}

fn describe(encoder: &Encoder) -> String {
    let manifest = encoder.manifest();
    let axes = |axes: &[Option<usize>]| {
        let texts: Vec<String> = axes.iter().map(|a| a.map_or_else(|| "any".to_owned(), |n| n.to_string())).collect();
        format!("[{}]", texts.join(", "))
    };
    let mut lines = vec![
        format!("  {}", size(manifest)),
        format!("  model      {}", manifest.digest),
        format!("  tokenizer  {}", manifest.tokenizer_digest),
    ];
    for input in &manifest.inputs {
        lines.push(format!("  input      {} = `{}` {} {}", input.role, input.name, input.dtype, axes(&input.axes)));
    }
    for output in &manifest.outputs {
        lines.push(format!("  output     {} = `{}`", output.role, output.name));
    }
    let hidden = match manifest.hidden_states.len() {
        0 if !encoder.gives_tokens() => {
            "none: the file gives a sentence's vector alone, so it cannot tag words".to_owned()
        }
        0 => format!(
            "only the last layer can be read from this file{}",
            encoder.interface().hidden_states_problem.as_ref().map_or_else(String::new, |why| format!(": {why}"))
        ),
        n => format!("0 (embeddings) to {} can be read", n - 1),
    };
    lines.push(format!("  layers     {hidden}"));
    if let Some(pooling) = &manifest.pooling {
        lines.push(format!("  pooling    the publisher's is {pooling}"));
    }
    if !manifest.batch_independent {
        lines.push("  batches    a text's vector depends on the texts beside it: each runs alone".to_owned());
    } else if !manifest.mask_honoured {
        lines.push("  mask       ignored by this model: texts are batched by exact length".to_owned());
    }
    match (manifest.fixed_batch, manifest.fixed_seq) {
        (None, None) => {}
        (batch, seq) => {
            let size = |size: Option<usize>| size.map_or_else(|| "any".to_owned(), |size| size.to_string());
            lines.push(format!(
                "  shape      takes {} texts of {} tokens at once; batches are filled up",
                size(batch),
                size(seq)
            ));
        }
    }
    lines.extend(manifest.notes.iter().map(|note| format!("  note       {note}")));
    lines.join("\n")
}
