//! Encoder files as others make them, added with no more than their path: what they give against what their exporter's
//! model gives. `recipe.py`, `others.py` and `keras_bert.py` in `tests/exports` make them; a few lie there, more are looked for
//! in `LARDER_EXPORTS`.

use std::path::{Path, PathBuf};

use larder_data::Content;
use larder_encode::{
    EncodeError, EncodeRequest, EncodeSettings, EncoderInput, Engine, EngineSettings, LayerSelection, Level, encode,
};
use larder_files::{Home, Provenance};
use larder_intake::{AddRequest, Encoder, EncoderManifest, PooledKind, add};
use larder_onnx::{FeatureKind, FeatureOutput, Pool};
use larder_runtime::{Device, Runtime, RuntimeError};
use larder_store::{FeaturesFile, TokensWriter};
use larder_tokens::{TokenizeSettings, Tokens};
use safetensors::SafeTensors;
use serde::Deserialize;

use crate::support::{Bench, row, words};

#[derive(Default, Deserialize)]
struct Case {
    /// Of the largest difference, as it is and relative to the root mean square of what is expected.
    tolerance: f64,
    /// Half precision: the tolerance is of each vector's difference, its length relative to the vector's.
    #[serde(default)]
    half: bool,
    /// The file is no encoder, and this is said of it.
    refused: Option<Vec<String>>,
    tokens: bool,
    hidden_states: bool,
    pooled: Option<String>,
    reads: usize,
    fixed: [Option<usize>; 2],
    texts: Vec<String>,
}

struct Expected {
    lengths: Vec<usize>,
    input_ids: Vec<i32>,
    /// `[layers][tokens * hidden]`.
    layers: Vec<Vec<f32>>,
    pooled: Vec<f32>,
    hidden: usize,
}

impl Expected {
    fn load(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let integers = |name: &str| -> Vec<i64> {
            let tensor = file.tensor(name).unwrap();
            tensor.data().as_chunks().0.iter().map(|&word| i64::from_le_bytes(word)).collect()
        };
        let floats = |name: &str| -> Vec<f32> {
            let tensor = file.tensor(name);
            let data = tensor.as_ref().map_or(&[][..], |tensor| tensor.data());
            data.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect()
        };
        let states = file.tensor("hidden_states").unwrap();
        let &[_, tokens, hidden] = states.shape() else { panic!("hidden_states has rank 3") };
        Self {
            lengths: integers("lengths").into_iter().map(|length| length as usize).collect(),
            input_ids: integers("input_ids").into_iter().map(|id| id as i32).collect(),
            layers: floats("hidden_states").chunks_exact(tokens * hidden).map(<[f32]>::to_vec).collect(),
            pooled: floats("pooled"),
            hidden,
        }
    }

    /// Each text's tokens in a layer, `[tokens * hidden]`.
    fn texts(&self, layer: usize) -> Vec<&[f32]> {
        let mut at = 0;
        let text = |length: &usize| {
            let text = &self.layers[layer][at * self.hidden..(at + length) * self.hidden];
            at += length;
            text
        };
        self.lengths.iter().map(text).collect()
    }
}

fn rms(values: &[f32]) -> f64 {
    (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

/// Compares vectors of `hidden` features.
fn close(what: &str, found: &[f32], expected: &[f32], hidden: usize, case: &Case) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{what}: {} values, expected {}", found.len(), expected.len()));
    }
    let (scale, tolerance) = (rms(expected), case.tolerance);
    let differences: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    let vectors = differences.chunks_exact(hidden).zip(expected.chunks_exact(hidden));
    let worst: Vec<f64> = match case.half {
        true => vectors.map(|(difference, vector)| rms(difference) / rms(vector)).collect(),
        false => differences.iter().map(|d| f64::from(d.abs()) / scale.min(1.0)).collect(),
    };
    // A NaN is no agreement.
    let worst = worst.into_iter().fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
    if scale > 0.01 && worst <= tolerance {
        Ok(())
    } else {
        Err(format!("{what}: differs by {worst:.2e} of its scale {scale:.2e}, and {tolerance:e} is allowed"))
    }
}

fn agrees(runtime: &Runtime, folder: &Path) -> Result<(), String> {
    let text = std::fs::read(folder.join("case.json")).unwrap();
    let case: Case = serde_json::from_slice(&text).map_err(|problem| problem.to_string())?;
    let place = tempfile::tempdir().unwrap();
    let request = AddRequest { source: folder.to_path_buf(), name: Some("export".to_owned()), ..AddRequest::default() };
    let added = add(&Home::new(place.path()), runtime, &request, &mut |_| ()).map_err(|problem| chain(&problem));
    let added = match (&case.refused, added) {
        (None, added) => added?,
        (Some(words), Err(said)) if words.iter().all(|word| said.contains(word)) => return Ok(()),
        (Some(words), found) => return Err(format!("to be refused with {words:?}: {:?}", found.map(|_| "is taken"))),
    };
    let expected = Expected::load(&folder.join("expected.safetensors"));
    let (encoder, manifest) = (&added.encoder, added.encoder.manifest());
    let is = |what: &str, holds: bool| if holds { Ok(()) } else { Err(format!("{what}: {}", summary(manifest))) };
    is("reads", encoder.max_tokens() == case.reads)?;
    is("fixed", [manifest.fixed_batch, manifest.fixed_seq] == case.fixed)?;
    is("mask", manifest.mask_honoured || !manifest.batch_independent)?;
    is("tokens", encoder.gives_tokens() == case.tokens)?;
    let kind = match case.pooled.as_deref() {
        Some(_) if !case.tokens => Some(PooledKind::Given),
        None => None,
        Some(word) => PooledKind::ALL.iter().copied().find(|kind| kind.as_str() == word),
    };
    is("pooled", manifest.probe.pooled.iter().map(|pooled| pooled.kind).collect::<Vec<_>>() == Vec::from_iter(kind))?;
    if case.hidden_states {
        is("layers", manifest.hidden_states.len() == expected.layers.len())?;
    }

    let tokenizer = encoder.tokenizer().unwrap();
    let settings = TokenizeSettings { max_tokens: Some(encoder.max_tokens()) };
    let tokens: Vec<Tokens> = case
        .texts
        .iter()
        .map(|text| tokenizer.encode(&Content::Text { text: text.clone(), text_b: None }, &settings).unwrap())
        .collect();
    let ids: Vec<i32> = tokens.iter().flat_map(|tokens| tokens.input_ids.clone()).collect();
    is("ids", ids == expected.input_ids)?;
    pooled_agree(runtime, encoder, &case, &expected, &tokens)?;
    tokens_agree(runtime, encoder, &case, &expected, &tokens, place.path())
}

fn summary(manifest: &EncoderManifest) -> String {
    let pooled = &manifest.probe.pooled;
    let EncoderManifest { max_positions, inputs, outputs, hidden_states, notes, .. } = manifest;
    format!("{max_positions} tokens, {inputs:?}, {outputs:?}, {pooled:?}, {} layers, {notes:?}", hidden_states.len())
}

/// Layers whose expected values are there: (number, place among the expected).
fn layers(encoder: &Encoder, expected: &Expected) -> Vec<(usize, usize)> {
    let last = encoder.interface().last_layer();
    match expected.layers.len() {
        1 => vec![(last, 0)],
        states => (0..states).map(|layer| (layer, layer)).collect(),
    }
}

fn pooled_agree(
    runtime: &Runtime,
    encoder: &Encoder,
    case: &Case,
    expected: &Expected,
    tokens: &[Tokens],
) -> Result<(), String> {
    let hidden = expected.hidden;
    let mut wanted = Vec::new();
    for (layer, place) in layers(encoder, expected) {
        if !case.tokens || !(case.hidden_states || layer == encoder.interface().last_layer()) {
            continue;
        }
        let texts = expected.texts(place);
        let mean = |text: &&[f32]| -> Vec<f32> {
            let count = (text.len() / hidden) as f32;
            (0..hidden).map(|k| text.iter().skip(k).step_by(hidden).sum::<f32>() / count).collect()
        };
        wanted.push((FeatureOutput::new(layer, Pool::Cls), texts.iter().flat_map(|t| t[..hidden].to_vec()).collect()));
        wanted.push((FeatureOutput::new(layer, Pool::Mean), texts.iter().flat_map(mean).collect()));
    }
    if case.pooled.is_some() {
        let layer = encoder.interface().last_layer();
        wanted.push((FeatureOutput::new(layer, Pool::Pooler), expected.pooled.clone()));
    }
    let (outputs, values): (Vec<FeatureOutput>, Vec<Vec<f32>>) = wanted.into_iter().unzip();
    let engine = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
    let mut engine = Engine::new(runtime, encoder, &outputs, engine).map_err(|problem| chain(&problem))?;
    let inputs: Vec<EncoderInput<'_>> =
        tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: Some(&t.type_ids) }).collect();
    let found = engine.embed(&inputs).map_err(|problem| chain(&problem))?;
    for ((output, expected), found) in outputs.iter().zip(&values).zip(&found) {
        close(&output.column(encoder.interface().last_layer()), found, expected, hidden, case)?;
    }
    Ok(())
}

/// Every token but those that open and close a text, from the stage itself.
fn tokens_agree(
    runtime: &Runtime,
    encoder: &Encoder,
    case: &Case,
    expected: &Expected,
    tokens: &[Tokens],
    folder: &Path,
) -> Result<(), String> {
    let (source, target) = (folder.join("tokens.parquet"), folder.join("features.parquet"));
    let mut writer = TokensWriter::create(&source, false, false, &Provenance::new("tokenize", 2)).unwrap();
    for (at, (tokens, text)) in tokens.iter().zip(&case.texts).enumerate() {
        let content = Content::Text { text: text.clone(), text_b: None };
        writer.push(row(at, tokens.clone(), content, None, 0)).unwrap();
    }
    writer.finish().unwrap();
    let all = case.hidden_states;
    let settings = EncodeSettings {
        level: Level::Token,
        layers: if all { LayerSelection::All } else { LayerSelection::default() },
        device: Device::Cpu,
        threads: 1,
        ..EncodeSettings::default()
    };
    let request =
        EncodeRequest { encoder, tokens: &source, target: &target, settings: &settings, reuse: true, elsewhere: &[] };
    match encode(runtime, &request, &mut |_| std::ops::ControlFlow::Continue(())) {
        Ok(_) if !case.tokens => return Err("tokens of an encoder that gives none".to_owned()),
        Ok(_) => {}
        Err(EncodeError::Onnx(problem)) if !case.tokens && problem.to_string().contains("tagging") => return Ok(()),
        Err(problem) => return Err(chain(&problem)),
    }
    let file = FeaturesFile::open(&target).unwrap();
    let last = encoder.interface().last_layer();
    for (layer, place) in layers(encoder, expected) {
        if !(all || layer == last) {
            continue;
        }
        let column = FeatureOutput::new(layer, FeatureKind::Tokens).column(last);
        let inner = |text: &[f32]| text[expected.hidden..text.len() - expected.hidden].to_vec();
        let wanted: Vec<f32> = expected.texts(place).into_iter().flat_map(inner).collect();
        close(&format!("tokens of {column}"), &file.column(&column).unwrap(), &wanted, expected.hidden, case)?;
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("case.json").is_file()).collect();
    folders.sort();
    folders
}

fn all_agree(folders: &[PathBuf]) {
    let runtime = match Runtime::load(None) {
        Ok(runtime) => runtime,
        Err(problem @ RuntimeError::NoLibrary { .. }) => return eprintln!("SKIPPED: {problem}"),
        Err(problem) => panic!("{problem}"),
    };
    let problems: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            agrees(&runtime, folder).err().map(|problem| format!("{name}: {problem}"))
        })
        .collect();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), folders.len(), problems.join("\n"));
}

#[test]
fn layers_are_found_without_names_where_batch_and_sequence_are_one_axis() {
    let Some(bench) = Bench::new() else { return };
    let mut model = bench.encoder.model().unwrap();
    for key in ["larder.hidden_states", "larder.pooler_output"] {
        model.set_metadata(key, None);
    }
    // Without the tensors that nothing reads.
    let outputs: Vec<String> = model.outputs().iter().map(|output| output.name().to_owned()).collect();
    let model = model.pruned(&outputs.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    std::fs::write(bench.path("model.onnx"), model.to_bytes().unwrap()).unwrap();
    let request = AddRequest {
        source: bench.path("model.onnx"),
        name: Some("foreign".to_owned()),
        tokenizer: Some(bench.encoder.tokenizer_path()),
        ..AddRequest::default()
    };
    let foreign = add(&Home::new(bench.path("other")), &bench.runtime, &request, &mut |_| ()).unwrap().encoder;
    assert_eq!(foreign.manifest().hidden_states.len(), 3, "{:?}", foreign.interface().hidden_states_problem);

    let outputs: Vec<FeatureOutput> =
        (0..3).flat_map(|layer| [Pool::Mean, Pool::Cls].map(|pool| FeatureOutput::new(layer, pool))).collect();
    let tokens: Vec<Tokens> = (1..9).map(|count| bench.tokens(&words(count, count as usize))).collect();
    let inputs: Vec<EncoderInput<'_>> =
        tokens.iter().map(|t| EncoderInput { input_ids: &t.input_ids, type_ids: Some(&t.type_ids) }).collect();
    let vectors = |encoder: &Encoder| {
        let settings = EngineSettings { device: Device::Cpu, threads: 1, batch_tokens: None, ..Default::default() };
        Engine::new(&bench.runtime, encoder, &outputs, settings).unwrap().embed(&inputs).unwrap()
    };
    for ((found, expected), output) in vectors(&foreign).iter().zip(vectors(&bench.encoder)).zip(&outputs) {
        let case = Case { tolerance: 1e-5, ..Case::default() };
        close(&output.column(2), found, &expected, bench.encoder.manifest().hidden_size, &case).unwrap();
    }
}

#[test]
fn exports_in_the_repository_agree_with_pytorch() {
    let folders = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports"));
    assert!(folders.len() >= 5, "{folders:?}");
    all_agree(&folders);
}

#[test]
fn exports_given_agree_with_pytorch() {
    let Some(given) = std::env::var_os("LARDER_EXPORTS") else {
        return eprintln!("SKIPPED: LARDER_EXPORTS names no folder of exports (tests/exports/recipe.py makes one)");
    };
    let folders = folders(Path::new(&given));
    assert!(!folders.is_empty(), "no exports in {given:?}");
    all_agree(&folders);
}
