//! A perceptron over texts, stopped early on a held-out fifth of train.

use std::path::Path;

use larder_data::{TargetKind, TargetRange, Task};
use larder_diagnose::{
    Diagnosis, Evaluated, Gap, Guessing, HeldOut, Method, MlpCourse, RunDiagnosis, TargetSummary, Tried, Weighing,
    diagnose_gap, diagnose_mlp_course, diagnose_targets,
};
use larder_errors::count;
use larder_files::Provenance;
use larder_metrics::{
    ClassificationScores, ConstantAnswer, LabelSets, Metric, MultilabelMetric, RegressionMetric, TrainLabels,
};
use larder_onnx::Value;
use larder_train::{MlpEpoch, MlpScores, MlpSettings, MlpTargets, train_mlp};
use larder_train::{MlpHead, MlpLayer, MlpOutput, TUNING_RULE};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::graph::{HeadNodes, HeadOutput};
use super::selection::{self, HELD_OUT, gain, sentences, tuning};
use super::{FitRequest, FittedHead, Head, HeadDetails, HeadOutline, HeadRecord, logistic, multilabel, ridge};
use crate::cached_features::CachedFeatures;
use crate::features::{counts, gold};
use crate::findings::{FitFacts, guessing, score};
use crate::page::{Fact, Line, Plot, Training};
use crate::{Event, Observer, RunError, RunRecord};

pub(super) const KIND: &str = "mlp";
/// The metric that chooses the epoch of a head of label sets.
const OF_LABEL_SETS: MultilabelMetric = MultilabelMetric::MacroF1;
/// The metric that chooses the epoch of a head of numbers: where it is largest, the squared error is smallest.
const OF_NUMBERS: RegressionMetric = RegressionMetric::R2;
/// Most epochs for which a chart marks each one.
const MARKED_EPOCHS: usize = 40;

/// A perceptron, as trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpRecord {
    /// The task; records of earlier versions are of one label a text.
    #[serde(default = "one_label")]
    pub task: Task,
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
    pub train_scores: MlpScores,
    /// Scores on the held-out rows, which chose the epoch; `None` if none were held out.
    pub held_out_scores: Option<MlpScores>,
    /// Why none were held out, and what was used instead.
    #[serde(default)]
    pub unchosen: Option<String>,
    /// The targets of train, where they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetSummary>,
    /// The labels of train, where rows have any number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_labels: Option<TrainLabels>,
}

fn one_label() -> Task {
    logistic::TASK
}

/// The targets of train.
enum Gold {
    Classes(Vec<usize>),
    LabelSets(Array2<bool>),
    Numbers(Vec<f64>),
}

impl Gold {
    fn read(request: &FitRequest<'_>) -> Result<Self, RunError> {
        Ok(match request.spec.task.files().kind {
            TargetKind::Labels => Self::LabelSets(multilabel::gold(request)?),
            TargetKind::Number => Self::Numbers(ridge::numbers(request)?),
            TargetKind::Label | TargetKind::Tags => Self::Classes(gold(request.features, request.labels.names())?),
        })
    }

    fn targets<'a>(&'a self, names: &'a [String]) -> MlpTargets<'a> {
        match self {
            Self::Classes(labels) => MlpTargets::Classes { labels, classes: names },
            Self::LabelSets(sets) => MlpTargets::LabelSets { sets: sets.view(), labels: names, metric: OF_LABEL_SETS },
            Self::Numbers(numbers) => MlpTargets::Numbers { numbers, metric: OF_NUMBERS },
        }
    }
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
    let gold = Gold::read(request)?;
    let rows = CachedFeatures::new(request.features, request.columns)?;
    let runtime = request.larder.runtime()?;
    let targets = gold.targets(labels.names());
    let metric = match &gold {
        Gold::Classes(_) => settings.metric.as_str(),
        Gold::LabelSets(_) => OF_LABEL_SETS.as_str(),
        Gold::Numbers(_) => OF_NUMBERS.as_str(),
    };
    let trained = train_mlp(runtime, &rows, &targets, settings, request.encode.threads, &mut |epoch| {
        let what = match epoch.score {
            Some(score) => format!("{metric} {score:.3} on held-out rows"),
            None => format!("loss {:.3}", epoch.loss),
        };
        observer.event(Event::Training { done: epoch.epoch, total: settings.epochs, what: &what });
    })?;
    let mut head = trained.head;
    let (mut targets, mut train_labels) = (None, None);
    let train_counts = match &gold {
        Gold::Classes(gold) => counts(gold, labels.len()),
        Gold::LabelSets(sets) => {
            let sets = LabelSets::new(sets.iter().copied().collect(), sets.ncols())?;
            train_labels = Some(TrainLabels::of(&sets));
            sets.label_counts().into_iter().map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)).collect()
        }
        Gold::Numbers(numbers) => {
            targets = Some(TargetSummary::of(numbers));
            let TargetRange { minimum, maximum } = request.spec.target;
            head.output = MlpOutput::Number { minimum, maximum };
            vec![numbers.len()]
        }
    };
    let record = MlpRecord {
        task: request.spec.task,
        targets,
        train_labels,
        settings: settings.clone(),
        pair: request.spec.columns.text_b.is_some(),
        epochs: trained.epochs,
        best: trained.best,
        held_out_rows: trained.held_out_rows,
        train_scores: trained.train_scores,
        held_out_scores: trained.held_out_scores,
        unchosen: trained.unchosen,
    };
    Ok(FittedHead {
        record: HeadRecord::Mlp(Box::new(record)),
        train_counts,
        head: Head::Mlp(head),
        facts: FitFacts::default(),
        notes: Vec::new(),
        calibration: None,
    })
}

impl HeadDetails for MlpRecord {
    fn outline(&self) -> HeadOutline<'_> {
        HeadOutline {
            task: self.task,
            kind: KIND.to_owned(),
            is_pair: self.pair,
            is_sound: self.best < self.epochs.len(),
            metric: (self.task == one_label()).then_some(self.settings.metric),
            compares_features: true,
            unchosen: self.unchosen.as_deref(),
        }
    }

    fn targets(&self) -> Option<&TargetSummary> {
        self.targets.as_ref()
    }

    fn train_labels(&self) -> Option<&TrainLabels> {
        self.train_labels.as_ref()
    }

    fn uncalibrated(&self) -> Option<String> {
        Some(
            "a perceptron is judged on rows that also ended its training; train a run with the default head".to_owned(),
        )
    }

    fn weighing(&self) -> Weighing {
        selection::weighing(self.settings.class_weight.candidates(self.settings.metric)[0])
    }

    fn held_out(&self, _: &str, metric: Metric) -> Option<(f64, String)> {
        self.held_out_scores.as_ref().map(|scores| (compared(scores, metric), HELD_OUT.to_owned()))
    }

    fn method<'a>(&'a self, columns: &'a [String]) -> Method<'a> {
        let gain = self.epochs.get(self.best).and_then(|epoch| epoch.threshold_gain);
        let chosen: &[&str] = match (self.held_out_scores.is_some(), gain.is_some_and(|gain| gain.is_taken())) {
            (true, true) => &["the epoch", "the threshold"],
            (true, false) => &["the epoch"],
            (false, true) => &["the threshold"],
            (false, false) => &[],
        };
        Method::Frozen(Tried { columns, metric: self.metric(), chosen })
    }

    fn findings(&self, record: &RunRecord, _: &FitFacts, _: &mut RunDiagnosis) -> Vec<Diagnosis> {
        // Without held-out rows there is nothing to say.
        let Some(scores) = &self.held_out_scores else { return Vec::new() };
        let mut found = match scores.classes() {
            Some(held_out) => self.course_of_classes(record, held_out),
            None => self.course(),
        };
        let metric = self.settings.metric;
        found.extend(diagnose_gap(&Gap {
            score: self.compared_in_words(),
            own: compared(&self.train_scores, metric),
            held_out: compared(scores, metric),
            remedy: "smaller layers (`--hidden`), more `--dropout` or `--weight-decay`, or more rows",
        }));
        if let Some(targets) = &self.targets {
            found.extend(diagnose_targets(targets, scores.numbers(), &self.method(&record.columns_tried)));
        }
        found
    }

    fn facts(&self, _: &RunRecord, head: Option<&Head>) -> Vec<Fact> {
        let sizes: Vec<String> = self.settings.hidden.iter().map(usize::to_string).collect();
        let mut facts = vec![
            Fact::new("hidden layers of the head", sizes.join(",")),
            Fact::new("chosen by", self.metric()),
            Fact::new("dropout", self.settings.dropout),
            Fact::new("learning rate", format!("{:e}", self.settings.learning_rate)),
            Fact::new("rows of a step", self.settings.batch_rows),
            Fact::new("seed", self.settings.seed),
        ];
        match self.task == one_label() {
            true => facts.extend(selection::threshold(head)),
            false => facts.extend(selection::thresholds(head)),
        }
        facts
    }

    fn training(&self, _: &Path) -> Training {
        let kept = self.epochs.get(self.best).map(|best| {
            let (epoch, all, (name, own)) = (best.epoch, self.epochs.len(), told(&self.train_scores));
            let kept = format!("Epoch {epoch} of {all} is kept");
            match (best.score, &self.held_out_scores) {
                (Some(score), Some(held_out)) => format!(
                    "{kept}: {} {score:.3} on {} held-out rows of train{}. The {name} is {own:.3} on the rows it was fitted on, \
                     {:.3} on the held-out ones.",
                    self.metric(),
                    self.held_out_rows,
                    tuning("threshold", best.threshold_gain, 0.5),
                    told(held_out).1
                ),
                _ => format!("{kept}; the {name} is {own:.3} on its own rows."),
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
            let title = format!("{} on held-out rows of train", self.metric());
            plots.push(plot(title, vec![line("held-out rows", |epoch| epoch.score)]));
        }
        let unit = if self.targets.is_some() { "of standardised targets, squared" } else { "nats" };
        plots.insert(0, plot(format!("loss ({unit})"), losses));
        Training {
            sentences: kept.map_or_else(Vec::new, |kept| sentences(kept, self.unchosen.as_deref())),
            plots: Ok(plots),
            ..Training::default()
        }
    }

    fn summary(&self) -> String {
        let Some(best) = self.epochs.get(self.best) else { return String::new() };
        let kept = format!("epoch {} of {} kept (at most {})", best.epoch, self.epochs.len(), self.settings.epochs);
        let (name, own) = told(&self.train_scores);
        let (Some(score), Some(loss), Some(held_out)) = (best.score, best.held_out_loss, &self.held_out_scores) else {
            return format!("{kept}; {name} {own:.3} on its own rows");
        };
        let mut text = format!(
            "{kept}: {} {score:.3} on {} held-out rows of train, loss {loss:.3}; {name} {own:.3} on its own rows, {:.3} on \
             those",
            self.metric(),
            count(self.held_out_rows as u64),
            told(held_out).1,
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

impl MlpRecord {
    /// Returns the name of the metric that chose the epoch.
    fn metric(&self) -> &'static str {
        match &self.train_scores {
            MlpScores::Classes(_) => self.settings.metric.as_str(),
            MlpScores::LabelSets(_) => OF_LABEL_SETS.as_str(),
            MlpScores::Numbers(_) => OF_NUMBERS.as_str(),
        }
    }

    /// Returns the name of the score that [`compared`] gives.
    fn compared_in_words(&self) -> &'static str {
        match &self.train_scores {
            MlpScores::Classes(_) => self.settings.metric.as_str(),
            MlpScores::LabelSets(_) => "macro F1",
            MlpScores::Numbers(_) => "Pearson",
        }
    }

    /// Returns epochs as the diagnosis reads them.
    fn evaluated(&self) -> Vec<Evaluated> {
        let evaluated = |epoch: &MlpEpoch| {
            let (step, loss, training_loss) = (epoch.epoch, epoch.held_out_loss, epoch.loss);
            Some(Evaluated { step, score: epoch.score?, loss, training_loss })
        };
        self.epochs.iter().filter_map(evaluated).collect()
    }

    /// Returns the findings on the course of a head of label sets or numbers.
    fn course(&self) -> Vec<Diagnosis> {
        // The loss of answering with the labels' shares (nats a label), or the mean of standardised targets.
        let entropy = |share: f64| if share > 0.0 && share < 1.0 { -share * share.ln() } else { 0.0 };
        let loss = match &self.train_labels {
            Some(labels) => {
                let of_label = |share: &f64| entropy(*share) + entropy(1.0 - share);
                labels.shares.iter().map(of_label).sum::<f64>() / labels.shares.len().max(1) as f64
            }
            None => 1.0,
        };
        diagnose_mlp_course(&MlpCourse {
            epochs: &self.evaluated(),
            best: self.best,
            most_epochs: self.settings.epochs,
            score: self.metric(),
            held_out: HeldOut { name: "held-out rows", rows: self.held_out_rows, guessing: loss },
            held_out_mcc: 1.0,
            held_out_classes: 0,
            own: compared(&self.train_scores, self.settings.metric),
            guessing: Guessing { loss, weighted: false, smoothed: false },
            learning_rate: self.settings.learning_rate,
            dropout: f64::from(self.settings.dropout),
        })
    }

    /// Returns the findings on the course of a head of classes.
    fn course_of_classes(&self, record: &RunRecord, held_out: &ClassificationScores) -> Vec<Diagnosis> {
        let counts: Vec<u64> = record.train_counts.iter().map(|&count| count as u64).collect();
        let weight = self.settings.class_weight.candidates(self.settings.metric)[0];
        let smoothing = f64::from(self.settings.label_smoothing);
        let held_out_counts: Vec<u64> = held_out.per_class.iter().map(|class| class.support).collect();
        let weights = weight.of_counts(&counts);
        let constant = ConstantAnswer::best(&counts, Some(&weights), smoothing);
        let metric = self.settings.metric;
        diagnose_mlp_course(&MlpCourse {
            epochs: &self.evaluated(),
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
            own: compared(&self.train_scores, metric),
            guessing: guessing(&counts, weight, smoothing),
            learning_rate: self.settings.learning_rate,
            dropout: f64::from(self.settings.dropout),
        })
    }
}

/// Returns the score that compares runs: `metric` where the task has several.
fn compared(scores: &MlpScores, metric: Metric) -> f64 {
    match scores {
        MlpScores::Classes(scores) => score(scores, metric),
        MlpScores::LabelSets(scores) => scores.macro_avg.f1,
        MlpScores::Numbers(scores) => scores.pearson,
    }
}

/// Returns the score that sentences tell, with its name.
fn told(scores: &MlpScores) -> (&'static str, f64) {
    match scores {
        MlpScores::Classes(scores) => ("accuracy", scores.accuracy),
        MlpScores::LabelSets(scores) => ("macro F1", scores.macro_avg.f1),
        MlpScores::Numbers(scores) => ("Pearson's correlation", scores.pearson),
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
    match &head.output {
        MlpOutput::Softmax { threshold } => nodes.classifier_outputs(values, head.classes.len(), *threshold),
        MlpOutput::Sigmoid { thresholds } => nodes.label_outputs(values, thresholds),
        MlpOutput::Number { minimum, maximum } => nodes.number_outputs(values, *minimum, *maximum),
    }
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
