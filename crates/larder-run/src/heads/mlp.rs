//! A perceptron over texts, stopped early on a held-out fifth of train.

use std::path::Path;

use larder_data::Task;
use larder_diagnose::{
    Diagnosis, Evaluated, Gap, HeldOut, Method, MlpCourse, RunDiagnosis, Tried, Weighing, diagnose_gap,
    diagnose_mlp_course,
};
use larder_errors::count;
use larder_files::Provenance;
use larder_metrics::{ClassificationScores, ConstantAnswer, Metric};
use larder_onnx::Value;
use larder_train::{MlpEpoch, MlpScores, MlpSettings, MlpTargets, train_mlp};
use larder_train::{MlpHead, MlpLayer, TUNING_RULE};
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{self, HELD_OUT, gain, sentences, tuning};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord};
use crate::cached_features::CachedFeatures;
use crate::features::{counts, gold};
use crate::findings::{FitFacts, guessing, score};
use crate::page::{Fact, Line, Plot, Training};
use crate::{Event, Observer, RunError, RunRecord};

pub(super) const TASK: Task = Task::Sequence;
pub(super) const KIND: &str = "mlp";
/// Most epochs for which a chart marks each one.
const MARKED_EPOCHS: usize = 40;

/// A perceptron, as trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpRecord {
    /// The settings asked for.
    pub settings: MlpSettings,
    /// True if its inputs are pairs of texts.
    pub pair: bool,
    /// All epochs that were run.
    pub epochs: Vec<MlpEpoch>,
    /// Index of the epoch whose parameters the head has.
    pub best: usize,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// Scores on the rows the head was fitted on.
    pub train_scores: ClassificationScores,
    /// Scores on the held-out rows, which chose the epoch; `None` if none were held out.
    pub held_out_scores: Option<ClassificationScores>,
    /// Why none were held out, and what was used instead.
    #[serde(default)]
    pub unchosen: Option<String>,
}

/// Adds every setting to what a run records.
pub(super) fn describe(settings: &MlpSettings, provenance: Provenance) -> Provenance {
    // No `..`: a new setting that is forgotten here would leave stale runs up to date.
    let MlpSettings {
        hidden,
        dropout,
        epochs,
        patience,
        learning_rate,
        schedule,
        warmup,
        batch_rows,
        weight_decay,
        clip,
        label_smoothing,
        class_weight,
        metric,
        threshold,
        standardise,
        seed,
        memory_bytes,
    } = settings;
    let hidden: Vec<String> = hidden.iter().map(usize::to_string).collect();
    provenance
        .with("head", "mlp")
        .with("hidden", hidden.join(","))
        .with("dropout", dropout)
        .with("epochs", epochs)
        .with("patience", patience)
        .with("learning_rate", learning_rate)
        .with("schedule", schedule)
        .with("warmup", warmup)
        .with("batch_rows", batch_rows)
        .with("weight_decay", weight_decay)
        .with("clip", clip.map_or_else(|| "none".to_owned(), |clip| clip.to_string()))
        .with("label_smoothing", label_smoothing)
        .with("class_weight", class_weight)
        .with("metric", metric)
        .with("threshold", threshold)
        .with("standardise", standardise)
        .with("memory_bytes", memory_bytes)
        .with("seed", seed)
}

pub(super) fn fit(
    settings: &MlpSettings,
    request: &FitRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<FittedHead, RunError> {
    let labels = request.labels;
    let gold = gold(request.features, labels.names())?;
    let rows = CachedFeatures::new(request.features, request.columns)?;
    let runtime = request.larder.runtime()?;
    let targets = MlpTargets::Classes { labels: &gold, classes: labels.names() };
    let trained = train_mlp(runtime, &rows, &targets, settings, request.threads, &mut |epoch| {
        let what = match epoch.score {
            Some(score) => format!("{} {score:.3} on held-out rows", settings.metric),
            None => format!("loss {:.3}", epoch.loss),
        };
        observer.event(Event::Training { done: epoch.epoch, total: settings.epochs, what: &what });
    })?;
    let classes = |scores: MlpScores| scores.classes().expect("targets that are classes have scores of classes");
    let record = MlpRecord {
        settings: settings.clone(),
        pair: request.spec.columns.text_b.is_some(),
        epochs: trained.epochs,
        best: trained.best,
        held_out_rows: trained.held_out_rows,
        train_scores: classes(trained.train_scores),
        held_out_scores: trained.held_out_scores.map(classes),
        unchosen: trained.unchosen,
    };
    Ok(FittedHead {
        record: HeadRecord::Mlp(record),
        train_counts: counts(&gold, labels.len()),
        head: Head::Mlp(trained.head),
        facts: FitFacts::default(),
        notes: Vec::new(),
    })
}

impl HeadDetails for MlpRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: TASK,
            kind: KIND.to_owned(),
            is_pair: self.pair,
            is_sound: self.best < self.epochs.len(),
            metric: Some(self.settings.metric),
            compares_features: true,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn weighing(&self) -> Weighing {
        selection::weighing(self.settings.class_weight.candidates(self.settings.metric)[0])
    }

    fn held_out(&self, _: &str, metric: Metric) -> Option<(f64, String)> {
        self.held_out_scores.as_ref().map(|scores| (score(scores, metric), HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        let gain = self.epochs.get(self.best).and_then(|epoch| epoch.threshold_gain);
        let chosen: &[&str] = match (self.held_out_scores.is_some(), gain.is_some_and(|gain| gain.is_taken())) {
            (true, true) => &["the epoch", "the threshold"],
            (true, false) => &["the epoch"],
            (false, true) => &["the threshold"],
            (false, false) => &[],
        };
        Method::Frozen(Tried { columns, metric: self.settings.metric.as_str(), chosen })
    }

    fn findings(&self, record: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        let counts: Vec<u64> = record.train_counts.iter().map(|&count| count as u64).collect();
        // Without held-out rows there is nothing to say.
        let Some(held_out) = &self.held_out_scores else { return Vec::new() };
        let weight = self.settings.class_weight.candidates(self.settings.metric)[0];
        let smoothing = f64::from(self.settings.label_smoothing);
        let held_out_counts: Vec<u64> = held_out.per_class.iter().map(|class| class.support).collect();
        let weights = weight.of_counts(&counts);
        let constant = ConstantAnswer::best(&counts, Some(&weights), smoothing);
        let evaluated = |epoch: &MlpEpoch| {
            let (step, loss, training_loss) = (epoch.epoch, epoch.held_out_loss, epoch.loss);
            Some(Evaluated { step, score: epoch.score?, loss, training_loss })
        };
        let epochs: Vec<Evaluated> = self.epochs.iter().filter_map(evaluated).collect();
        let metric = self.settings.metric;
        let mut found = diagnose_mlp_course(&MlpCourse {
            epochs: &epochs,
            best: self.best,
            most_epochs: self.settings.epochs,
            score: metric.as_str(),
            held_out: HeldOut {
                name: "held-out rows",
                rows: self.held_out_rows,
                guessing: constant.loss_on(&held_out_counts),
            },
            held_out_mcc: held_out.mcc,
            held_out_classes: held_out_counts.iter().filter(|count| **count > 0).count(),
            own: score(&self.train_scores, metric),
            guessing: guessing(&counts, weight, smoothing),
            learning_rate: self.settings.learning_rate,
            dropout: f64::from(self.settings.dropout),
        });
        found.extend(diagnose_gap(&Gap {
            score: metric.as_str(),
            own: score(&self.train_scores, metric),
            held_out: score(held_out, metric),
            remedy: "smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or more rows",
        }));
        found
    }

    fn facts(&self, _: &RunRecord, head: Option<&Head>) -> Vec<Fact> {
        let sizes: Vec<String> = self.settings.hidden.iter().map(usize::to_string).collect();
        let mut facts = vec![
            Fact::new("hidden layers of the head", sizes.join(",")),
            Fact::new("chosen by", self.settings.metric),
            Fact::new("dropout", self.settings.dropout),
            Fact::new("learning rate", format!("{:e}", self.settings.learning_rate)),
            Fact::new("rows of a step", self.settings.batch_rows),
            Fact::new("seed", self.settings.seed),
        ];
        facts.extend(selection::threshold(head));
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let kept = self.epochs.get(self.best).map(|best| {
            let (epoch, all, own) = (best.epoch, self.epochs.len(), self.train_scores.accuracy);
            let kept = format!("Epoch {epoch} of {all} is kept");
            match (best.score, &self.held_out_scores) {
                (Some(score), Some(held_out)) => format!(
                    "{kept}: {} {score:.3} on {} held-out rows of train{}. Accuracy is {own:.3} on the rows it was fitted on, \
                     {:.3} on the held-out ones.",
                    self.settings.metric,
                    self.held_out_rows,
                    tuning("threshold", best.threshold_gain, 0.5),
                    held_out.accuracy
                ),
                _ => format!("{kept}; accuracy is {own:.3} on its own rows."),
            }
        });
        let line = |name: &str, of: fn(&MlpEpoch) -> Option<f64>| Line {
            name: name.to_owned(),
            points: self.epochs.iter().filter_map(|epoch| Some((epoch.epoch as f64, of(epoch)?))).collect(),
            marked: self.epochs.len() <= MARKED_EPOCHS,
        };
        let plot = |title: String, lines: Vec<Line>| Plot { title, x: "epoch".to_owned(), lines, ..Plot::default() };
        let mut losses = vec![line("train, with dropout", |epoch| Some(epoch.loss))];
        let mut plots = Vec::new();
        if self.held_out_scores.is_some() {
            losses.push(line("held-out rows", |epoch| epoch.held_out_loss));
            let title = format!("{} on held-out rows of train", self.settings.metric);
            plots.push(plot(title, vec![line("held-out rows", |epoch| epoch.score)]));
        }
        plots.insert(0, plot("loss (nats)".to_owned(), losses));
        Training {
            sentences: kept.map_or_else(Vec::new, |kept| sentences(kept, self.unchosen.as_deref())),
            plots: Ok(plots),
            ..Training::default()
        }
    }

    fn summary(&self) -> String {
        let Some(best) = self.epochs.get(self.best) else { return String::new() };
        let kept = format!("epoch {} of {} kept (at most {})", best.epoch, self.epochs.len(), self.settings.epochs);
        let own = self.train_scores.accuracy;
        let (Some(score), Some(loss), Some(held_out)) = (best.score, best.held_out_loss, &self.held_out_scores) else {
            return format!("{kept}; accuracy {own:.3} on its own rows");
        };
        let mut text = format!(
            "{kept}: {} {score:.3} on {} held-out rows of train, loss {loss:.3}; accuracy {own:.3} on its own rows, {:.3} on \
             those",
            self.settings.metric,
            count(self.held_out_rows as u64),
            held_out.accuracy,
        );
        if let (Some(threshold), Some(_)) = (best.threshold, best.threshold_gain) {
            text.push_str(&format!(
                "\nthreshold {threshold:.3}: tuning gains {} on held-out rows; {TUNING_RULE}",
                gain(best.threshold_gain)
            ));
        }
        text
    }
}

/// Adds the head to a graph.
pub(super) fn append(nodes: &mut HeadNodes<'_>, head: &MlpHead, columns: &[Value]) -> Vec<HeadOutput> {
    let mut values = nodes.features(columns, &head.standardiser, 2);
    for (place, MlpLayer { weight, bias }) in head.layers.iter().enumerate() {
        let bias: Vec<f64> = bias.iter().map(|&bias| f64::from(bias)).collect();
        let [weight, bias] = nodes.parameters(&weight.mapv(f64::from), &bias);
        values = nodes.scoped(|b| b.linear(&values, &weight, &bias));
        if place + 1 < head.layers.len() {
            values = gelu(nodes, &values);
        }
    }
    nodes.classifier_outputs(values, head.classes.len(), head.threshold())
}

/// `x · Φ(x)`, with the exact error function (Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>).
fn gelu(nodes: &mut HeadNodes<'_>, x: &Value) -> Value {
    let [root, one, half] = [2_f64.sqrt(), 1.0, 0.5].map(|value| nodes.constant("constant", &[], &[value]));
    nodes.scoped(|b| {
        let erf = b.div(x, &root);
        let erf = b.erf(&erf);
        let erf = b.add(&erf, &one);
        let product = b.mul(x, &erf);
        b.mul(&product, &half)
    })
}
