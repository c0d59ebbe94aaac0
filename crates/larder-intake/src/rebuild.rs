//! The graph that runs in place of the one that was given.
//!
//! Exporters write an encoder in hundreds of nodes of which a third computes shapes, for fixed sizes at times, or in half
//! precision that a CPU converts back and forth. What such a graph computes can be read out of it
//! ([`larder_onnx::recognise_encoder`]), and larder's own graph be built of what was read. That graph runs instead, if it gives the
//! same on the probe texts: each layer, for every token, padded in a batch, and with token types.

use std::path::Path;

use larder_files::digest_bytes;
use larder_onnx::families::metadata;
use larder_onnx::{
    EncoderConfig, FamilyReadings, FeatureKind, FeatureOutput, FusedForm, Heads, Interface, Model, OperatorForm, Pool,
    RecognisedEncoder, Unrecognised, Weights, build, build_fused, recognise_encoder, select_features,
};
use larder_runtime::{Device, Runtime, Session, SessionSettings};

use crate::EncoderError;
use crate::compared::ComparedGraph;
use crate::encoder::{CONFIG_FILE, Encoder};
use crate::files::read_optional;
use crate::observe::observe;
use crate::prepared::{Prepared, RebuiltRecord};
use crate::probe::{BFLOAT16_TOLERANCE, Feed, HALF_TOLERANCE, INT8_TOLERANCE, largest, probe_tokens, rms, run_on};
use crate::session_model::SessionModel;

/// A graph that gives what the one that was added gives, and how far it is off; else why it does not run.
pub type ComparedRunning = Result<(Running, f64), String>;

/// A model to run, with what its inputs and outputs mean.
#[derive(Debug)]
pub struct Running {
    /// The model.
    pub model: Model,
    /// Its interface.
    pub interface: Interface,
    /// Does larder's own graph run in place of the one that was given?
    pub rebuilt: bool,
}

impl Encoder {
    /// The model to run for these features: the graph built anew where there is one that gives them, else the one that was
    /// added.
    ///
    /// # Errors
    /// As [`Encoder::model`].
    pub fn running(&self, features: &[FeatureOutput]) -> Result<Running, EncoderError> {
        let model = self.model()?;
        let given = |model| Running { model, interface: self.interface().clone(), rebuilt: false };
        let Prepared::Rebuilt(record) = &self.manifest().prepared else { return Ok(given(model)) };
        if !self.pooler_is_its_own(features) {
            return Ok(given(model));
        }
        let Ok(lifted) = self.recognised(&model, record) else { return Ok(given(model)) };
        // What another version of larder builds has not been compared.
        match Rebuilt::of(lifted, self.longest_tokens()) {
            Ok(rebuilt) if rebuilt.digest == record.digest => {
                Ok(Running { model: rebuilt.model, interface: rebuilt.interface, rebuilt: true })
            }
            _ => Ok(given(model)),
        }
    }
}

impl Encoder {
    /// Adds the publisher's vector to a model of this encoder, where it is among the features.
    ///
    /// # Errors
    /// As [`Encoder::with_published`].
    pub fn showing(
        &self,
        model: Model,
        interface: &Interface,
        features: &[FeatureOutput],
    ) -> Result<Model, EncoderError> {
        let is_published = |feature: &FeatureOutput| feature.kind == FeatureKind::Pooled(Pool::Published);
        if features.iter().any(is_published) { self.with_published(&model, interface) } else { Ok(model) }
    }

    /// Its configuration and weights: of a graph that larder built those it was built of, else what was read in it.
    ///
    /// # Errors
    /// [`EncoderError::Unread`] where they could not be read, and what [`Encoder::model`] says.
    pub fn weights(&self) -> Result<(EncoderConfig, Weights), EncoderError> {
        let unread = |reason: String| EncoderError::Unread { encoder: self.name().to_owned(), reason };
        let model = self.model()?;
        match &self.manifest().prepared {
            Prepared::AsGiven { reason } => Err(unread(reason.clone())),
            Prepared::Rebuilt(record) => {
                let lifted = self.recognised(&model, record);
                lifted.map(|lifted| (lifted.config, lifted.weights)).map_err(|problem| unread(problem.to_string()))
            }
            Prepared::Built => {
                let path = self.folder().join(CONFIG_FILE);
                let wrong = |path| move |source| EncoderError::Model { path, source };
                let text = read_optional(&path)?.ok_or_else(|| unread("its config.json is gone".to_owned()))?;
                let config = EncoderConfig::from_json(&text).map_err(wrong(path))?;
                Ok((config, Weights::of_model(&model).map_err(wrong(self.model_path()))?))
            }
        }
    }

    /// Configuration and weights, read as they were when the encoder was added.
    fn recognised(&self, model: &Model, record: &RebuiltRecord) -> Result<RecognisedEncoder, Unrecognised> {
        match (record.family_reading, self.config()) {
            (Some(number), Some(config)) => FamilyReadings::of(model, self.interface(), &config)?.read(number),
            _ => recognise_encoder(model, self.interface(), Heads::Known(record.num_attention_heads)),
        }
    }

    /// The encoder in ONNX Runtime's fused operators and that form, for a device, if what it gives there for the probe
    /// texts is what the model that was added gives in float32; else why not. How far it is off stands beside it.
    ///
    /// # Errors
    /// As [`Encoder::model`] and [`Encoder::tokenizer`]; anything that is wrong with the fused graph is a reason.
    pub fn fused(&self, runtime: &Runtime, device: Device, form: FusedForm) -> Result<ComparedRunning, EncoderError> {
        let (config, weights) = match self.weights() {
            Ok(found) => found,
            Err(EncoderError::Unread { reason, .. }) => return Ok(Err(reason)),
            Err(problem) => return Err(problem),
        };
        let fused = build_fused(&config, &weights, form).map_err(|problem| said(&problem)).and_then(|model| {
            let interface = Interface::recognise(&model).map_err(|problem| said(&problem))?;
            Ok(Rebuilt { model, interface, digest: String::new() })
        });
        let tolerance = if form.half { HALF_TOLERANCE } else { self.manifest().probe.tolerance };
        self.verified(runtime, device, fused, (tolerance, Difference::Largest))
    }

    /// The encoder with larder's own operators in this form on the CPU ([`Model::with_operators`]), if what it gives for the probe texts is
    /// what the model that was added gives; else why not. How far it is off stands beside it.
    ///
    /// # Errors
    /// As [`Encoder::running`] and [`Encoder::tokenizer`]; anything that is wrong with the graph is a reason.
    pub fn with_operators(&self, runtime: &Runtime, form: OperatorForm) -> Result<ComparedRunning, EncoderError> {
        if let Prepared::AsGiven { reason } = &self.manifest().prepared {
            return Ok(Err(reason.clone()));
        }
        let last = FeatureOutput::new(self.interface().last_layer(), FeatureKind::Tokens);
        let running = self.running(&[last])?;
        let nothing = || match form {
            OperatorForm::Bfloat16 => "it has no products in floats",
            OperatorForm::Float32 => "it has no attention and no normalisation of the kind",
            OperatorForm::Int8 => "it has no products in 8 bits",
        };
        Ok(self.in_form(runtime, &running, form)?.unwrap_or_else(|| Err(nothing().to_owned())))
    }

    /// The same of a graph that larder built, [`Encoder::running`]'s; `None` where there is nothing for larder's operators to do. A
    /// comparison is made once: its outcome is kept beside the encoder.
    ///
    /// # Errors
    /// As [`Encoder::with_operators`].
    pub fn in_form(
        &self,
        runtime: &Runtime,
        running: &Running,
        form: OperatorForm,
    ) -> Result<Option<ComparedRunning>, EncoderError> {
        let Running { model, interface, .. } = running;
        let (model, interface) = match model.with_operators(interface, form) {
            Ok((_, 0)) => return Ok(None),
            Ok((model, _)) => (model, interface.clone()),
            Err(problem) => return Ok(Some(Err(said(&problem)))),
        };
        let (tolerance, difference) = match form {
            OperatorForm::Bfloat16 => (BFLOAT16_TOLERANCE, Difference::Largest),
            OperatorForm::Float32 => (self.manifest().probe.tolerance, Difference::Largest),
            OperatorForm::Int8 => (INT8_TOLERANCE, Difference::RootMeanSquare),
        };
        let comparison = ComparedGraph::new(self, runtime, form, tolerance);
        match comparison.outcome() {
            Some(Ok(deviation)) => return Ok(Some(Ok((Running { model, interface, rebuilt: true }, deviation)))),
            Some(Err(reason)) => return Ok(Some(Err(reason))),
            None => {}
        }
        let made = Rebuilt { model, interface, digest: String::new() };
        let found = self.verified(runtime, Device::Cpu, Ok(made), (tolerance, difference))?;
        comparison.keep(found.as_ref().map(|(_, deviation)| *deviation).map_err(String::as_str));
        Ok(Some(found))
    }

    /// Compares a graph with the one that was added, on the probe texts.
    fn verified(
        &self,
        runtime: &Runtime,
        device: Device,
        made: Result<Rebuilt, String>,
        (tolerance, difference): (f64, Difference),
    ) -> Result<ComparedRunning, EncoderError> {
        let (model, tokenizer, path) = (self.model()?, self.tokenizer()?, self.model_path());
        let texts = probe_tokens(&tokenizer, Some(self.max_tokens()))?;
        let comparison = Comparison {
            runtime,
            device,
            path: &path,
            model: &model,
            interface: self.interface(),
            texts: &texts,
            config: None,
            longest: self.longest_tokens(),
            pad: self.manifest().special_tokens.pad_id.map_or(0, i64::from),
            tolerance,
        };
        Ok(made.and_then(|made| {
            let deviation = comparison.deviation(&made, false, difference).map_err(|problem| said(&problem))?;
            match deviation <= tolerance {
                true => Ok((Running { model: made.model, interface: made.interface, rebuilt: true }, deviation)),
                false => {
                    Err(format!("it differs by {deviation:.1e} of the vectors' scale, and {tolerance:.0e} is allowed"))
                }
            }
        }))
    }
}

impl Encoder {
    /// Does larder's own graph give these features? All but a pooled output that is no pooler's, such as a normalised mean.
    pub fn pooler_is_its_own(&self, features: &[FeatureOutput]) -> bool {
        let pooler = || match &self.manifest().prepared {
            Prepared::Built => true,
            Prepared::Rebuilt(record) => record.pooler && self.interface().pooled_outputs.len() == 1,
            Prepared::AsGiven { .. } => false,
        };
        !features.iter().any(|feature| feature.kind == FeatureKind::Pooled(Pool::Pooler)) || pooler()
    }
}

/// A graph built of what was read.
struct Rebuilt {
    model: Model,
    interface: Interface,
    digest: String,
}

impl Rebuilt {
    /// Of texts as long as the given graph reads, which may be more than its configuration declares. The weights are dropped as
    /// soon as the graph has them.
    fn of(lifted: RecognisedEncoder, longest: usize) -> Result<Self, larder_onnx::OnnxError> {
        let RecognisedEncoder { config, weights, .. } = lifted;
        let model = build(&config.reading(longest), &weights)?;
        drop(weights);
        let interface = Interface::recognise(&model)?;
        let digest = digest_bytes(&model.to_bytes()?);
        Ok(Self { model, interface, digest })
    }
}

/// The measure of all differences between the values of two graphs.
#[derive(Clone, Copy, Debug)]
enum Difference {
    /// That of the value that differs most.
    Largest,
    /// The root of their mean square: where a last bit decides between two integers, single values may differ by much.
    RootMeanSquare,
}

/// Compares a graph with the one that was given.
pub(crate) struct Comparison<'a> {
    pub runtime: &'a Runtime,
    /// The device that runs both graphs.
    pub device: Device,
    /// The file that messages name.
    pub path: &'a Path,
    pub model: &'a Model,
    /// As the probe left it.
    pub interface: &'a Interface,
    /// The probe texts as token ids.
    pub texts: &'a [Vec<i64>],
    /// The configuration, of a family that larder builds.
    pub config: Option<&'a EncoderConfig>,
    /// The longest text that the given graph reads, in tokens.
    pub longest: usize,
    pub pad: i64,
    /// The largest deviation that counts as rounding.
    pub tolerance: f64,
}

impl Comparison<'_> {
    /// Reads the graph, builds one of what was found, and compares the two. A graph that cannot be read, or gives
    /// anything else, is no error: the given one runs, and the reason is kept.
    pub fn run(&self) -> Prepared {
        if self.model.metadata(metadata::FAMILY).is_some() {
            return Prepared::Built;
        }
        match self.rebuilt() {
            Ok(record) => Prepared::Rebuilt(record),
            Err(reason) => Prepared::AsGiven { reason },
        }
    }

    fn rebuilt(&self) -> Result<RebuiltRecord, String> {
        if let Some(problem) = &self.interface.hidden_states_problem {
            return Err(format!("its layers were not found: {problem}"));
        }
        let facts = observe(self.runtime, self.model, self.interface, self.path).map_err(|problem| said(&problem))?;
        let by_structure = match recognise_encoder(self.model, self.interface, Heads::Observed(&facts)) {
            Ok(lifted) => self.compared(lifted, None),
            Err(problem @ Unrecognised::Quantised) => return Err(problem.to_string()),
            Err(problem) => Err(problem.to_string()),
        };
        match (by_structure, self.config) {
            (Err(problem), Some(config)) => {
                self.by_family(config).map_err(|other| format!("{problem}; as {}: {other}", config.family))
            }
            (found, _) => found,
        }
    }

    /// The first reading as the configuration's family that gives the same as the given graph.
    fn by_family(&self, config: &EncoderConfig) -> Result<RebuiltRecord, String> {
        let readings = FamilyReadings::of(self.model, self.interface, config).map_err(|problem| problem.to_string())?;
        let mut first = Err("there is no reading".to_owned());
        for number in 0..readings.len() {
            let lifted = readings.read(number).map_err(|problem| problem.to_string());
            let found = lifted.and_then(|lifted| self.compared(lifted, Some(number)));
            if found.is_ok() || number == 0 {
                first = found;
            }
            if first.is_ok() {
                break;
            }
        }
        first
    }

    /// Builds a graph of what was read, and compares it with the given one.
    fn compared(&self, lifted: RecognisedEncoder, family_reading: Option<usize>) -> Result<RebuiltRecord, String> {
        // A pooler gives as many features as a token has.
        let pooler = lifted.pooled_output.is_some() && self.interface.pooled_size.is_none();
        let num_attention_heads = lifted.config.num_attention_heads;
        let rebuilt = Rebuilt::of(lifted, self.longest).map_err(|problem| said(&problem))?;
        let deviation = self.deviation(&rebuilt, pooler, Difference::Largest).map_err(|problem| said(&problem))?;
        if deviation.is_nan() || deviation > self.tolerance {
            return Err(format!(
                "the graph built of what was read in it differs by {deviation:.1e} of the vectors' scale, and {:.0e} is allowed",
                self.tolerance
            ));
        }
        Ok(RebuiltRecord {
            digest: rebuilt.digest,
            family_reading,
            num_attention_heads,
            pooler,
            nodes_given: self.model.graph().node.len(),
            nodes: rebuilt.model.graph().node.len(),
            deviation,
            tolerance: self.tolerance,
        })
    }

    /// The difference between the two graphs in the layer where it is largest, as a share of the layer's root mean square, real tokens
    /// only. The given graph reads each text
    /// by itself, as it is safest; the other reads them in one batch, padded. Both are told that the later half of each
    /// is a second text.
    fn deviation(&self, rebuilt: &Rebuilt, pooler: bool, difference: Difference) -> Result<f64, EncoderError> {
        let last = self.interface.last_layer();
        let layers: Vec<usize> =
            if self.interface.hidden_states.is_empty() { vec![last] } else { (0..=last).collect() };
        let mut features: Vec<FeatureOutput> =
            layers.iter().map(|&layer| FeatureOutput::new(layer, FeatureKind::Tokens)).collect();
        if pooler && self.interface.pooled_outputs.len() == 1 {
            features.push(FeatureOutput::new(last, Pool::Pooler));
        }
        let names: Vec<String> = features.iter().map(|feature| feature.column(last)).collect();

        let texts: Vec<&[i64]> = self.texts.iter().map(Vec::as_slice).collect();
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let batch = Feed { texts: &texts, rows: texts.len(), seq: longest, pairs: true };
        // One session at a time: each has weights of its own.
        let mut own = self.open(&rebuilt.model, &rebuilt.interface, &features)?;
        let found = run_on(&mut own, &rebuilt.interface, self.pad, self.path, &names, &batch)?;
        drop(own);
        let mut given = self.open(self.model, self.interface, &features)?;
        let hidden = self.interface.hidden_size;
        let mut pairs: Vec<(Vec<f32>, Vec<f32>)> = vec![Default::default(); names.len()];
        for (row, text) in texts.iter().enumerate() {
            let (rows, seq) =
                (self.interface.fixed_batch().unwrap_or(1), self.interface.fixed_seq().unwrap_or(text.len()));
            let feed = Feed { texts: &texts[row..=row], rows, seq, pairs: true };
            let expected = run_on(&mut given, self.interface, self.pad, self.path, &names, &feed)?;
            for (index, feature) in features.iter().enumerate() {
                // A text's tokens stand first in its row; a pooled vector is all there is of it.
                let (row_length, length) = match feature.kind {
                    FeatureKind::Pooled(Pool::Pooler) => (1, 1),
                    _ => (longest, text.len()),
                };
                let (expecteds, founds) = &mut pairs[index];
                expecteds.extend(expected[index].values.iter().take(length * hidden));
                founds.extend(found[index].values.iter().skip(row * row_length * hidden).take(length * hidden));
            }
        }
        let apart = |(expected, found): &(Vec<f32>, Vec<f32>)| match expected.len() == found.len() && !found.is_empty()
        {
            true => {
                let apart = expected.iter().zip(found).map(|(a, b)| f64::from((a - b).abs()));
                match difference {
                    Difference::Largest => largest(apart) / rms(expected),
                    Difference::RootMeanSquare => {
                        let squares: f64 = apart.map(|apart| apart * apart).sum();
                        (squares / expected.len() as f64).sqrt() / rms(expected)
                    }
                }
            }
            false => f64::NAN,
        };
        Ok(largest(pairs.iter().map(apart)))
    }

    fn open(&self, model: &Model, interface: &Interface, features: &[FeatureOutput]) -> Result<Session, EncoderError> {
        let wrong = |source| EncoderError::Model { path: self.path.to_path_buf(), source };
        let selected = select_features(model, interface, features).map_err(wrong)?;
        let prepared = SessionModel::of(&selected, self.device).map_err(wrong)?;
        drop(selected);
        let settings = SessionSettings {
            device: self.device,
            tf32: false,
            name: Some("of the comparison".to_owned()),
            ..Default::default()
        };
        prepared
            .open(self.runtime, &settings)
            .map_err(|source| EncoderError::Run { path: self.path.to_path_buf(), source: Box::new(source) })
    }
}

/// An error with what caused it, in one line.
fn said(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
