//! The inputs of fine-tuning: dataset, tokens, labels, encoder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use larder_data::{DatasetSpec, LabelMap, split_has_targets};
use larder_encode::EncodeError;
use larder_files::Provenance;
use larder_finetune::{EncoderFacts, TargetStatistics, TunableEncoder, TuneError, TuneSettings};
use larder_intake::{Encoder, EncoderError};
use larder_onnx::{EncoderConfig, Family, TrainableGraph};
use larder_run::tasks::{self, TaskRules};
use larder_run::{Event, ExampleSettings, Larder, Observer, SplitExamples, StageTime, TRAIN_SPLIT};
use larder_store::read_provenance;

use super::{DEV_SPLIT, FinetuneOptions, TUNING_VERSION};
use crate::PipelineError;
use crate::tokenize::tokenize_split;
use crate::train::check_trainable;

/// The inputs of a run.
pub(super) struct TuningInputs<'a> {
    pub spec: &'a DatasetSpec,
    pub encoder: &'a Encoder,
    pub tunable: TunableEncoder,
    pub labels: LabelMap,
    pub train: SplitExamples,
    pub dev: SplitExamples,
    /// The name of the dev split.
    pub dev_split: Option<String>,
    /// The tokens files of both splits.
    pub tokens: Vec<(String, PathBuf)>,
    /// Rows (tagging: words) of each class in train, `[classes]`.
    pub counts: Vec<usize>,
    pub times: Vec<StageTime>,
}

impl<'a> TuningInputs<'a> {
    /// Reads the dataset's tokens, which are made if missing, and the encoder.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub fn read(
        larder: &Larder,
        spec: &'a DatasetSpec,
        encoder: &'a Encoder,
        options: &FinetuneOptions,
        observer: &mut dyn Observer,
    ) -> Result<Self, PipelineError> {
        // What cannot be trained is said before any work.
        let tunable = tunable(encoder, observer)?;
        let rules = tasks::of(spec.task);
        check_trainable(spec, rules.facts().level)?;
        let dev_split = match &options.dev {
            Some(dev) => Some(dev.clone()),
            None => usual_dev_split(spec)?,
        };
        if dev_split.is_none() {
            observer.event(Event::Note(
                "no split is called dev or like it, so nothing judges the run while it goes on and the last parameters \
                 are kept; `--dev SPLIT` names one",
            ));
        }
        let (mut tokens, mut times) = (Vec::new(), Vec::new());
        for split in std::iter::once(TRAIN_SPLIT).chain(dev_split.as_deref()) {
            let (path, time) = tokenize_split(larder, spec, encoder, split, &options.tokenize, observer)?;
            tokens.push((split.to_owned(), path));
            times.push(time);
        }
        let pair_features = options.choices.pair_features;
        if pair_features && spec.columns.text_b.is_none() {
            return Err(EncodeError::NoPairs { tokens: tokens.swap_remove(0).1 }.into());
        }
        let labels = LabelMap::resolve(spec)?;
        let max_tokens = options.tokenize.max_tokens(encoder);
        let stride = options.stride;
        let settings = ExampleSettings { labels: &labels, max_tokens, stride, pair_features, skip_unseen: false };
        let mut train = SplitExamples::read(rules, &tokens[0].1, &settings)?;
        let settings = ExampleSettings { skip_unseen: true, ..settings };
        let mut dev = match tokens.get(1) {
            Some((_, path)) => SplitExamples::read(rules, path, &settings)?,
            None => SplitExamples::empty(rules),
        };
        if let (Some(split), 1..) = (&dev_split, dev.unseen_rows) {
            observer.event(Event::Note(&format!(
                "{} of {} rows of {split} have labels that training never saw: they do not judge the run while it goes on, and \
                 count as wrong in its scores",
                dev.unseen_rows, dev.rows
            )));
        }
        if let Some(scale) = train.gold.scale() {
            [&mut train, &mut dev].into_iter().for_each(|split| split.standardise(scale));
        }
        let counts = train.gold.counts(labels.len());
        Ok(Self { spec, encoder, tunable, labels, train, dev, dev_split, tokens, counts, times })
    }

    /// Returns the settings of training.
    ///
    /// # Errors
    /// [`PipelineError::InitHead`].
    pub fn settings(&self, options: &FinetuneOptions) -> Result<TuneSettings, PipelineError> {
        options.choices.settings(&self.tunable, self.rules(), &self.counts, options.threads, options.resume)
    }

    /// Returns the provenance of the run.
    ///
    /// # Errors
    /// Errors of reading the tokens files.
    pub fn provenance(
        &self,
        settings_map: &BTreeMap<String, String>,
        options: &FinetuneOptions,
    ) -> Result<Provenance, PipelineError> {
        let mut provenance = Provenance::new("finetune", TUNING_VERSION)
            .with("encoder.digest", &self.encoder.manifest().digest)
            .with("dataset", &self.spec.name)
            .with("labels", self.labels.names().join(","))
            .with("stride", options.stride.map_or_else(|| "half".to_owned(), |stride| stride.to_string()))
            .with("score", self.score_name(options));
        for (split, path) in &self.tokens {
            let parts = read_provenance(path)?.map(|found| found.parts).unwrap_or_default();
            let role = if split == TRAIN_SPLIT { "train" } else { "dev" };
            let parts = parts.into_iter().filter(|(part, _)| !part.starts_with("ran."));
            provenance = provenance.with_all(parts.map(|(part, value)| (format!("{role}.{part}"), value)));
        }
        for (key, value) in settings_map {
            provenance = provenance.with(key, value);
        }
        Ok(provenance)
    }

    /// Returns the targets of a split of these inputs, as far as answers that ignore the text depend on them.
    pub fn statistics(&self, split: &SplitExamples) -> TargetStatistics {
        match TargetStatistics::of(&split.examples, self.labels.len()) {
            // Of tagging, words are counted, not the windows that hold them.
            TargetStatistics::Classes(_) => {
                let counts = split.gold.counts(self.labels.len());
                TargetStatistics::Classes(counts.into_iter().map(|count| count as u64).collect())
            }
            values => values,
        }
    }

    /// Returns the name of the score of evaluations during training.
    pub fn score_name(&self, options: &FinetuneOptions) -> &'static str {
        self.rules().score_name(options.metric)
    }

    /// Returns the least and the largest answer in the unit of the logits; infinite where there is none.
    pub fn range(&self) -> (f32, f32) {
        let Some(scale) = self.train.gold.scale() else { return (f32::NEG_INFINITY, f32::INFINITY) };
        let bound = |bound: Option<f64>, none: f32| bound.map_or(none, |bound| scale.standardise(bound) as f32);
        let range = self.spec.target;
        (bound(range.minimum, f32::NEG_INFINITY), bound(range.maximum, f32::INFINITY))
    }

    /// Returns the rules of its task.
    pub fn rules(&self) -> &'static dyn TaskRules {
        tasks::of(self.spec.task)
    }
}

/// The encoder as fine-tuning takes it: built by larder where it can be, else its graph as it was given.
fn tunable(encoder: &Encoder, observer: &mut dyn Observer) -> Result<TunableEncoder, PipelineError> {
    let reason = match encoder.weights() {
        Ok((config, weights)) => return Ok(TunableEncoder::built(config, weights)),
        Err(EncoderError::Unread { reason, .. }) => reason,
        Err(problem) => return Err(problem.into()),
    };
    let interface = encoder.interface();
    let graph = TrainableGraph::of(&encoder.model()?, interface).map_err(TuneError::from)?;
    // Another family's recipe than BERT's where the configuration names one.
    let family = encoder.config_text()?.and_then(|text| Family::of_config(&text).ok()).unwrap_or(Family::Bert);
    let has_layers = !interface.hidden_states.is_empty();
    let manifest = encoder.manifest();
    let facts = EncoderFacts {
        family,
        vocab_size: manifest.vocabulary_size,
        type_vocab_size: encoder.type_rows().unwrap_or(0),
        hidden_size: manifest.hidden_size,
        max_positions: encoder.max_tokens(),
        layers: interface.layers.filter(|_| has_layers),
        // Quantised activations are of one scale a batch, and floats when they are trained.
        reads_padding: encoder.needs_exact_lengths() && !encoder.runs_alone(),
        pad_token_id: manifest.special_tokens.pad_id.map_or(0, i64::from),
        initializer_range: EncoderConfig::of(family).initializer_range,
    };
    observer.event(Event::Note(&format!(
        "the graph of `{}` is trained as it was given, {} parameters of it, without dropout inside: {reason}",
        encoder.name(),
        graph.parameters.len(),
    )));
    Ok(TunableEncoder::given(graph, facts))
}

/// `dev`, or else the first split with a similar name, if it has labels.
fn usual_dev_split(spec: &DatasetSpec) -> Result<Option<String>, PipelineError> {
    let splits = || spec.split_names().filter(|split| *split != TRAIN_SPLIT);
    let alike = |split: &&str| ["dev", "valid"].iter().any(|word| split.contains(word));
    match splits().find(|split| *split == DEV_SPLIT).or_else(|| splits().find(alike)) {
        Some(split) if split_has_targets(spec, split)? => Ok(Some(split.to_owned())),
        _ => Ok(None),
    }
}
