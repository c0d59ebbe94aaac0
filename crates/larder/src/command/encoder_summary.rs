//! Descriptions of encoders: every recorded fact, and how it is known.

use larder_intake::{
    Encoder, EncoderManifest, InputRole, LONGEST_PROBE, LengthOrigin, OutputRole, PooledKind, Prepared,
};
use larder_onnx::{FeatureKind, Pool};

/// Returns a description in one line.
pub fn size(manifest: &EncoderManifest) -> String {
    let family = manifest.family.map_or_else(|| "family not recognised".to_owned(), |f| f.to_string());
    let layers = manifest.num_hidden_layers.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    format!(
        "{family}, hidden {}, {layers} layers, vocabulary {}, reads {} tokens",
        manifest.hidden_size, manifest.vocabulary_size, manifest.max_positions
    )
}

/// Returns a description in full, one fact per line.
pub fn describe(encoder: &Encoder) -> String {
    let manifest = encoder.manifest();
    let mut lines = vec![
        format!("  {}", size(manifest)),
        format!("  model      {}", manifest.digest),
        format!("  tokenizer  {}", manifest.tokenizer_digest),
    ];
    let files: Vec<&str> = manifest.source.files.iter().map(|file| file.name.as_str()).collect();
    lines.push(format!("  made from  {} ({})", files.join(", "), manifest.source.kind));
    if let Some(hub) = &manifest.source.hub {
        lines.push(format!("  source     hf:{} at {}, commit {}", hub.repo, hub.revision, hub.commit));
    }
    lines.extend(inputs(manifest));
    lines.extend(outputs(manifest));
    lines.push(format!("  length     {}", length(encoder)));
    lines.push(format!("  layers     {}", layers(encoder)));
    lines.extend(published(encoder));
    lines.push(format!("  graph      {}", graph(manifest)));
    lines.push(format!("  batches    {}", batches(manifest)));
    lines.push(format!("  padding    {}", padding(manifest)));
    match (manifest.fixed_batch, manifest.fixed_seq) {
        (None, None) => lines.push("  shape      any number of texts of any length up to that".to_owned()),
        (batch, seq) => {
            let size = |size: Option<usize>| size.map_or_else(|| "any".to_owned(), |size| size.to_string());
            lines.push(format!(
                "  shape      takes {} texts of {} tokens at once; batches are filled up",
                size(batch),
                size(seq)
            ));
        }
    }
    let probe = &manifest.probe;
    lines.push(format!(
        "  probe      {} texts of {} tokens, {} of them unknown to the tokenizer; texts differ by {:.2} of the output's scale",
        probe.texts, probe.tokens, probe.unknown_tokens, probe.spread
    ));
    lines.push(format!(
        "  versions   added by larder {} with ONNX Runtime {}",
        manifest.versions.larder, manifest.versions.onnxruntime
    ));
    lines.extend(manifest.notes.iter().map(|note| format!("  note       {note}")));
    let unfollowed = encoder.unfollowed(&[encoder.publisher_pool()]);
    lines.extend(unfollowed.iter().map(|unfollowed| format!("  not done   {unfollowed}")));
    lines.join("\n")
}

/// What the publisher's own vectors are, and what larder does about them.
fn published(encoder: &Encoder) -> Option<String> {
    let publisher = &encoder.manifest().publisher;
    if let Some(recipe) = &publisher.recipe {
        let usual = encoder.default_pool();
        return Some(format!(
            "  vectors    the publisher's: {recipe}; `embed` gives them, and heads learn from `--pool {usual}` unless told"
        ));
    }
    let pooling = publisher.pooling.as_ref()?;
    let problem = publisher
        .recipe_problem
        .as_ref()
        .map_or_else(String::new, |problem| format!("; they cannot be made here, as {problem}"));
    Some(format!("  vectors    the publisher's: {pooling}{problem}"))
}

fn graph(manifest: &EncoderManifest) -> String {
    match &manifest.prepared {
        Prepared::Built => "larder's own".to_owned(),
        Prepared::Rebuilt(record) => format!(
            "larder's own, of the weights found in the given one, runs in its place: {} nodes for {}, any batch and any \
             length; vectors differ by {:.1e} of their scale (up to {:.0e} is rounding)",
            record.nodes, record.nodes_given, record.deviation, record.tolerance
        ),
        Prepared::AsGiven { reason } => {
            format!("runs as given, at the speed its exporter gave it, and cannot be quantised: {reason}")
        }
    }
}

fn axes(axes: &[Option<usize>]) -> String {
    let texts: Vec<String> = axes.iter().map(|a| a.map_or_else(|| "any".to_owned(), |n| n.to_string())).collect();
    format!("[{}]", texts.join(", "))
}

fn inputs(manifest: &EncoderManifest) -> Vec<String> {
    let line = |input: &larder_intake::InputRecord| {
        let why = match input.role {
            InputRole::InputIds => format!("looks up the table of {} tokens", manifest.vocabulary_size),
            InputRole::AttentionMask => "is what remains of the inputs that are read".to_owned(),
            InputRole::TokenTypeIds => "looks up a table of a few rows".to_owned(),
            InputRole::PositionIds => {
                let used = match manifest.interface.position_rows {
                    Some(_) => "looks up the position table",
                    None => "is computed with",
                };
                format!("{used}; counted from {}", manifest.interface.first_position)
            }
            InputRole::Unread => "nothing reads it; zeros are given".to_owned(),
        };
        format!("  input      {} = `{}` {} {}: {why}", input.role, input.name, input.dtype, axes(&input.axes))
    };
    let mut lines: Vec<String> = manifest.inputs.iter().map(line).collect();
    lines.extend(manifest.constant_inputs.iter().map(|input| {
        let (name, dtype, axes) = (&input.name, input.dtype, axes(&input.axes));
        format!("  input      constant = `{name}` {dtype} {axes}: {} for every text", input.value)
    }));
    if manifest.interface.attention_mask.is_none() {
        lines.push("  input      no attention_mask: nothing but texts of one length can share a batch".to_owned());
    }
    lines
}

fn outputs(manifest: &EncoderManifest) -> Vec<String> {
    let line = |output: &larder_intake::OutputRecord| {
        let shape = output.shape.as_ref().map_or_else(|| "of unknown rank".to_owned(), |shape| axes(shape));
        let why = match output.role {
            OutputRole::Token => format!("a vector of {} features for each token", manifest.hidden_size),
            OutputRole::Pooled => pooled(manifest, &output.name),
            OutputRole::Ignored => "not read: neither the last layer's vectors nor a text's".to_owned(),
        };
        format!("  output     {} = `{}` {} {shape}: {why}", output.role, output.name, output.dtype)
    };
    manifest.outputs.iter().map(line).collect()
}

/// Returns the kind of a pooled output.
fn pooled(manifest: &EncoderManifest, name: &str) -> String {
    let Some(found) = manifest.probe.pooled.iter().find(|pooled| pooled.name == name) else {
        return "a vector of the text".to_owned();
    };
    let deviation = found.deviation;
    match found.kind {
        PooledKind::Given => {
            "a vector of the text, as given: there are no tokens' vectors to compare it with".to_owned()
        }
        PooledKind::OtherWidth => {
            let width = manifest.interface.width(FeatureKind::Pooled(Pool::Pooler));
            format!("a vector of the text with {width} features, and not as many as a token's")
        }
        PooledKind::Tanh => {
            "the first token's vector through a product and tanh: a pooler trained beside it".to_owned()
        }
        PooledKind::Unknown => {
            format!("a vector of the text by no rule that is known (the nearest is {deviation:.1e} of its scale away)")
        }
        kind => {
            let rule = match kind {
                PooledKind::Cls => "the first token's vector",
                PooledKind::ClsNormalized => "the first token's vector, scaled to length 1",
                PooledKind::Mean => "the mean over the tokens",
                _ => "the mean over the tokens, scaled to length 1",
            };
            format!("{kind}, {rule} (to {deviation:.1e} of its scale)")
        }
    }
}

fn length(encoder: &Encoder) -> String {
    let (manifest, interface) = (encoder.manifest(), encoder.interface());
    let table =
        interface.position_rows.map_or_else(String::new, |rows| format!("; the position table has {rows} rows"));
    let read = manifest.probe.longest_read;
    match manifest.max_positions_from {
        LengthOrigin::Declared if read > manifest.max_positions => {
            format!(
                "{} tokens, as declared; no table of positions ends there: texts of {read} are read too, if asked for",
                manifest.max_positions
            )
        }
        LengthOrigin::Declared => {
            format!("{} tokens, as declared; a text of {read} was read{table}", manifest.max_positions)
        }
        LengthOrigin::Measured if read >= LONGEST_PROBE => {
            format!("{} tokens: nothing says how many, and nothing longer was tried{table}", manifest.max_positions)
        }
        LengthOrigin::Measured => format!("{} tokens, by trial: one more fails{table}", manifest.max_positions),
    }
}

fn layers(encoder: &Encoder) -> String {
    let manifest = encoder.manifest();
    match manifest.hidden_states.len() {
        0 if !encoder.gives_tokens() => {
            "none: the file gives a sentence's vector alone, so it cannot tag words".to_owned()
        }
        0 => format!(
            "only the last layer can be read from this file{}",
            encoder.interface().hidden_states_problem.as_ref().map_or_else(String::new, |why| format!(": {why}"))
        ),
        n => format!("0 (embeddings) to {} can be read", n - 1),
    }
}

fn batches(manifest: &EncoderManifest) -> String {
    let probe = &manifest.probe;
    let measured = format!("{:.1e} of its scale, and {:.0e} is rounding", probe.batch_deviation, probe.tolerance);
    match manifest.batch_independent {
        true => format!("the texts beside a text change nothing about it ({measured})"),
        false => format!("a text's vector depends on the texts beside it ({measured}): each runs alone"),
    }
}

fn padding(manifest: &EncoderManifest) -> String {
    let measured = match manifest.probe.padding_deviation {
        Some(deviation) => format!("{deviation:.1e} of its scale"),
        None => "it makes vectors NaN or infinite".to_owned(),
    };
    match manifest.mask_honoured {
        true => format!("the mask is obeyed: padding changes nothing about a text ({measured})"),
        false => format!("the mask is not obeyed ({measured}): only texts of one length share a batch"),
    }
}
