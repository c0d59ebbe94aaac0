//! `train` and `run` as typed.

use clap::Args;
use larder_data::{DatasetSpec, Task};
use larder_metrics::Metric;
use larder_onnx::Pool;
use larder_run::{EncodeOptions, HeadSettings, TrainOptions, tasks};
use larder_runtime::memory_limit;
use larder_train::{
    ClassWeightChoice, ColumnUse, MlpSettings, MultilabelSettings, RidgeSettings, SimilarityKind, SimilaritySettings,
    TaggerKind, TaggerSolver, TaggingSettings, ThresholdChoice, TrainSettings,
};

use super::{FeatureSetFlags, LevelFlags, SeedList, StageInputs, TokenizeFlags, VectorFlags, refuse, refuse_foreign};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub inputs: StageInputs,
    #[command(flatten)]
    pub tokenize: TokenizeFlags,
    #[command(flatten)]
    pub level: LevelFlags,
    #[command(flatten)]
    pub vectors: VectorFlags,
    #[command(flatten)]
    pub head: HeadFlags,
    #[command(flatten)]
    pub features: FeatureSetFlags,
    /// The run's name; the first free DATASET-ENCODER-N unless given
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
}

/// Flags of the head, by default the task's own.
#[derive(Debug, Clone, Args)]
pub struct HeadFlags {
    /// The head [default: logistic; ridge for regression]
    #[arg(long, value_enum, value_name = "KIND")]
    pub head: Option<HeadKind>,
    /// Classification: what layers, strength, class weight and threshold are chosen by; mcc unless given. Tagging is chosen
    /// by strict entity F1
    #[arg(long, value_name = "mcc|macro_f1|accuracy")]
    pub metric: Option<Metric>,
    /// Folds of the cross-validation on train: 5 for classification; 1 for tagging, which holds one fifth out once
    #[arg(long, value_name = "K")]
    pub folds: Option<usize>,
    /// Regression: penalty alpha (large is strong regularisation): one value fixes it, several are chosen among
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub alpha: Vec<f64>,
    /// Strength C (small is strong regularisation): one value fixes it, several are chosen among
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub c: Vec<f64>,
    /// Class weights: none, balanced, or auto (chosen on held-out rows); auto for classification, none for tagging
    #[arg(long, value_name = "none|balanced|auto")]
    pub class_weight: Option<ClassWeightChoice>,
    /// tuned: the decision threshold of a two-class head, or what is added to the score of O in tagging, is chosen on
    /// held-out rows of train; half: 0.5, or nothing [default: tuned]
    #[arg(long, value_name = "tuned|half")]
    pub threshold: Option<ThresholdChoice>,
    /// Take features as they are, without bringing each dimension to mean 0 and deviation 1
    #[arg(long)]
    pub raw_features: bool,
    /// Seed of what is held out, and of the order of streamed training [default: 0]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Several seeds, one run each: prints mean and deviation. 0..9 is ten of them
    #[arg(long, value_name = "LIST", conflicts_with = "seed")]
    pub seeds: Option<SeedList>,
    /// Classification: train on so many rows a class, drawn anew for each of the --seeds (0..9 unless given), and score; keeps no run
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "seed", value_parser = clap::value_parser!(u64).range(1..))]
    pub shots: Vec<u64>,
    /// The heads that --shots trains [default: logistic,prototype,knn]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', requires = "shots", conflicts_with = "head")]
    pub heads: Vec<HeadKind>,
    /// Tagging: several layers side by side, or the best of each alone and all together [default: concatenate]
    #[arg(long = "use", value_name = "concatenate|choose")]
    pub columns: Option<ColumnUse>,
    /// Tagging: lbfgs holds all features in memory, adam streams them; auto takes lbfgs where --memory, or 2GiB, allows
    /// [default: auto]
    #[arg(long, value_name = "auto|lbfgs|adam")]
    pub solver: Option<TaggerSolver>,
    /// Tagging, streamed: times the features are read; mlp: the most [default: 40]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Tagging, streamed: the first and largest step; mlp: the largest [default: 1e-4]
    #[arg(long, visible_alias = "lr", value_name = "X")]
    pub learning_rate: Option<f64>,
    /// knn: training rows that vote: one value fixes it, several are chosen among [default: 1,3,5,10,20,50]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub neighbours: Vec<usize>,
    /// mlp: outputs of each hidden layer [default: 256]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub hidden: Vec<usize>,
    /// mlp: the share of each hidden layer that is dropped while training [default: 0.5]
    #[arg(long, value_name = "X")]
    pub dropout: Option<f32>,
    /// mlp: rows of a step [default: 64]
    #[arg(long, value_name = "N")]
    pub batch_rows: Option<usize>,
    /// mlp: how fast weights shrink [default: 0.01]
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
}

/// The kind of head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum HeadKind {
    /// Linear: logistic regression
    Logistic,
    /// Tagging: a linear-chain conditional random field
    Crf,
    /// Regression: linear, with a squared error
    Ridge,
    /// Texts: a multi-layer perceptron on all columns side by side, stopped early on a held-out fifth of train
    Mlp,
    /// Classification: the class whose mean vector is nearest
    Prototype,
    /// Classification: the same, with the name of each class as some of its rows
    Labels,
    /// Classification: the classes of the nearest training rows, which are named as evidence
    Knn,
}

impl HeadKind {
    fn name(self) -> &'static str {
        match self {
            Self::Logistic => "logistic",
            Self::Crf => "crf",
            Self::Ridge => "ridge",
            Self::Mlp => "mlp",
            Self::Prototype => "prototype",
            Self::Labels => "labels",
            Self::Knn => "knn",
        }
    }
}

impl TrainArgs {
    /// # Errors
    /// A usage failure for a flag that does not apply to the task: ignoring it would answer another question.
    pub fn options(&self, spec: &DatasetSpec, pool: Pool) -> Result<TrainOptions, Failure> {
        Ok(TrainOptions {
            run: self.run.clone(),
            force: self.inputs.force,
            ..train_options(&self.tokenize, &self.level, &self.vectors, &self.head, spec, pool)?
        })
    }
}

/// Returns the options of a training without a run's name.
pub(super) fn train_options(
    tokenize: &TokenizeFlags,
    level: &LevelFlags,
    vectors: &VectorFlags,
    head: &HeadFlags,
    spec: &DatasetSpec,
    pool: Pool,
) -> Result<TrainOptions, Failure> {
    let task = spec.task;
    match head.shots.is_empty() {
        true => head.check(task)?,
        false => drop(head.shot_heads(task)?),
    }
    tokenize.check(task)?;
    let settings = vectors.settings_for(level, task, pool)?;
    tokenize.check_level(settings.level)?;
    Ok(TrainOptions {
        encode: EncodeOptions { tokenize: tokenize.options(spec, false), settings, force: false },
        head: head.settings(task),
        run: None,
        force: false,
    })
}

impl HeadFlags {
    /// Returns the heads that `--shots` trains.
    ///
    /// # Errors
    /// A usage failure for a task of other answers than one label a text, and for a flag of a head that is not trained.
    pub fn shot_heads(&self, task: Task) -> Result<Vec<HeadSettings>, Failure> {
        let facts = tasks::of(task).facts();
        if !HeadSettings::IN_MEMORY.iter().all(|kind| facts.heads.contains(kind)) {
            return Err(Failure::Usage(format!(
                "--shots draws rows by their label, and is not for {}",
                facts.in_words
            )));
        }
        let kinds = match (self.heads.as_slice(), self.head) {
            ([], Some(head)) => vec![head],
            ([], None) => vec![HeadKind::Logistic, HeadKind::Prototype, HeadKind::Knn],
            (heads, _) => heads.to_vec(),
        };
        if let Some(kind) = kinds.iter().map(|kind| kind.name()).find(|kind| !HeadSettings::IN_MEMORY.contains(kind)) {
            let known = HeadSettings::IN_MEMORY.join(", ");
            return Err(Failure::Usage(format!("--shots does not train the head {kind}: it takes {known}")));
        }
        let of = |kind| HeadFlags { head: Some(kind), heads: Vec::new(), ..self.clone() };
        // A flag of one of the heads is nothing to the others.
        let refused: Vec<Failure> = kinds.iter().filter_map(|&kind| of(kind).check(task).err()).collect();
        match refused.len() == kinds.len() {
            true => refused.into_iter().next().map_or_else(|| Ok(Vec::new()), Err),
            false => Ok(kinds.into_iter().map(|kind| of(kind).settings(task)).collect()),
        }
    }

    fn check(&self, task: Task) -> Result<(), Failure> {
        let kind = self.head.map(HeadKind::name);
        if let Some(kind) = kind.filter(|kind| !tasks::of(task).facts().heads.contains(kind)) {
            let of = Task::ALL.iter().find(|task| tasks::of(**task).facts().heads.contains(&kind));
            return Err(Failure::Usage(format!(
                "--head {kind} is for {}; for {} take {}",
                of.map_or("other tasks", |task| tasks::of(*task).facts().in_words),
                tasks::of(task).facts().in_words,
                tasks::of(task).facts().heads.join(" or ")
            )));
        }
        let given = [
            ("--metric", self.metric.is_some()),
            ("--alpha", !self.alpha.is_empty()),
            ("--c", !self.c.is_empty()),
            ("--folds", self.folds.is_some()),
            ("--class-weight", self.class_weight.is_some()),
            ("--threshold", self.threshold.is_some()),
            ("--use", self.columns.is_some()),
            ("--solver", self.solver.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
        ];
        refuse_foreign(&given, task, kind)?;
        let of_mlp = [
            ("--hidden", !self.hidden.is_empty()),
            ("--dropout", self.dropout.is_some()),
            ("--batch-rows", self.batch_rows.is_some()),
            ("--weight-decay", self.weight_decay.is_some()),
        ];
        match self.head == Some(HeadKind::Mlp) {
            true => refuse(&[("--c", !self.c.is_empty()), ("--folds", self.folds.is_some())], "the head mlp")?,
            false => refuse(&of_mlp, "another head than mlp")?,
        }
        let of_knn = [("--neighbours", !self.neighbours.is_empty() && self.head != Some(HeadKind::Knn))];
        refuse(&of_knn, "another head than knn")?;
        let weighted = self.class_weight.is_some_and(|choice| choice != ClassWeightChoice::None);
        refuse(&[("--class-weight", weighted && self.head == Some(HeadKind::Crf))], "the head crf")?;
        let lbfgs = self.solver == Some(TaggerSolver::Lbfgs);
        let streamed =
            [("--epochs", lbfgs && self.epochs.is_some()), ("--learning-rate", lbfgs && self.learning_rate.is_some())];
        refuse(&streamed, "the solver lbfgs")
    }

    /// Returns the settings of the head asked for, or of the task's default.
    fn settings(&self, task: Task) -> HeadSettings {
        match self.head {
            Some(HeadKind::Mlp) => return HeadSettings::Mlp(self.mlp()),
            Some(HeadKind::Prototype) => return self.similarity(SimilarityKind::Prototype),
            Some(HeadKind::Labels) => return self.similarity(SimilarityKind::Labels),
            Some(HeadKind::Knn) => return self.similarity(SimilarityKind::Knn),
            Some(HeadKind::Logistic | HeadKind::Crf | HeadKind::Ridge) | None => {}
        }
        match HeadSettings::of_task(task) {
            HeadSettings::Logistic(defaults) => HeadSettings::Logistic(self.logistic(defaults)),
            HeadSettings::Mlp(_) => HeadSettings::Mlp(self.mlp()),
            HeadSettings::Similarity(defaults) => self.similarity(defaults.kind),
            HeadSettings::Multilabel(defaults) => HeadSettings::Multilabel(MultilabelSettings {
                folds: self.folds.or(defaults.folds),
                grid: if self.c.is_empty() { defaults.grid } else { self.c.clone() },
                class_weight: self.class_weight.unwrap_or(defaults.class_weight),
                threshold: self.threshold.unwrap_or(defaults.threshold),
                standardise: !self.raw_features,
                seed: self.seed.unwrap_or(defaults.seed),
                ..defaults
            }),
            HeadSettings::Ridge(defaults) => HeadSettings::Ridge(RidgeSettings {
                grid: if self.alpha.is_empty() { defaults.grid } else { self.alpha.clone() },
                standardise: !self.raw_features,
                ..defaults
            }),
            HeadSettings::Tagger(defaults) => HeadSettings::Tagger(self.tagger(defaults)),
        }
    }

    fn logistic(&self, defaults: TrainSettings) -> TrainSettings {
        TrainSettings {
            metric: self.metric.unwrap_or(defaults.metric),
            folds: self.folds.unwrap_or(defaults.folds),
            grid: if self.c.is_empty() { defaults.grid } else { self.c.clone() },
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            threshold: self.threshold.unwrap_or(defaults.threshold),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
        }
    }

    fn mlp(&self) -> MlpSettings {
        let defaults = MlpSettings::default();
        MlpSettings {
            hidden: if self.hidden.is_empty() { defaults.hidden } else { self.hidden.clone() },
            dropout: self.dropout.unwrap_or(defaults.dropout),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            batch_rows: self.batch_rows.unwrap_or(defaults.batch_rows),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            metric: self.metric.unwrap_or(defaults.metric),
            threshold: self.threshold.unwrap_or(defaults.threshold),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
            memory_bytes: memory_limit().unwrap_or(defaults.memory_bytes),
            ..defaults
        }
    }

    fn similarity(&self, kind: SimilarityKind) -> HeadSettings {
        let defaults = SimilaritySettings::new(kind);
        HeadSettings::Similarity(SimilaritySettings {
            neighbours: if self.neighbours.is_empty() { defaults.neighbours } else { self.neighbours.clone() },
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
            ..defaults
        })
    }

    fn tagger(&self, defaults: TaggingSettings) -> TaggingSettings {
        TaggingSettings {
            kind: match self.head {
                Some(HeadKind::Crf) => TaggerKind::Crf,
                Some(HeadKind::Logistic) => TaggerKind::Logistic,
                Some(HeadKind::Mlp | HeadKind::Ridge | HeadKind::Prototype | HeadKind::Labels | HeadKind::Knn)
                | None => defaults.kind,
            },
            grid: if self.c.is_empty() { defaults.grid } else { self.c.clone() },
            folds: self.folds.unwrap_or(defaults.folds),
            class_weight: self.class_weight.unwrap_or(defaults.class_weight),
            columns: self.columns.unwrap_or(defaults.columns),
            outside_bias: self.threshold.unwrap_or(defaults.outside_bias),
            standardise: !self.raw_features,
            seed: self.seed.unwrap_or(defaults.seed),
            solver: self.solver.unwrap_or(defaults.solver),
            memory_bytes: memory_limit().unwrap_or(defaults.memory_bytes),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
        }
    }
}
