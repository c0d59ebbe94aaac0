//! The question larder began with, replayed: `just story`.
//!
//! Somebody freezes an encoder, puts one dense unit with a sigmoid on its pooled output, trains on CoLA's first 4,000
//! rows with Adam at 1e-3 for two epochs, every text padded to 512 tokens, the last tenth held out; and gets an
//! accuracy near 0.79 after minutes an epoch. This runs that head as asked, on features computed once (they are what
//! the frozen encoder would compute again every epoch), times what the padded epochs would have taken, and puts beside
//! it what larder does with the same rows: a head on all layers, and the encoder fine-tuned. Standard output is one Markdown table and what went wrong.
//!
//! Arguments: the folder of artifacts (`artifacts`) and the encoder's name (`all-MiniLM-L6-v2`). Run it in the
//! repository's root, with LARDER_DATA set.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use larder_data::DatasetSpec;
use larder_encode::{EncodeSettings, EncoderInput, LayerSelection, LongTexts};
use larder_errors::count;
use larder_intake::Encoder;
use larder_metrics::{
    Bootstrap, ClassificationScores, ConfusionMatrix, Interval, Metric, class_counts, class_prior_entropy,
    majority_baseline, majority_class,
};
use larder_onnx::{FeatureKind, FeatureOutput, Pool, select_features};
use larder_pipeline::{FinetuneOptions, RunOutcome, embed_features, run, run_finetune, tokenize_split};
use larder_run::{Evaluation, HeadRecord, Larder, Silent, Stage, TRAIN_SPLIT, TokenizeOptions, TrainOptions};
use larder_runtime::{Device, Session, SessionSettings, TensorView};
use larder_store::{TokensProjection, TokensReader};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// The dataset's name: its tokens and features are made anew by every replay, so that seconds are those of work done.
const DATASET: &str = "story-cola-4000";
const DEV_SPLIT: &str = "validation";
/// The question's numbers.
const ROWS: usize = 4000;
const HELD_OUT: usize = ROWS / 10;
const PADDED_TOKENS: usize = 512;
const BATCH_ROWS: usize = 32;
const EPOCHS: usize = 2;
const LEARNING_RATE: f64 = 1e-3;
const SEEDS: u64 = 5;
/// The same unit with more steps, to tell what two epochs lacked.
const MANY_EPOCHS: usize = 200;
/// Padded batches timed after one that is not; the median counts.
const TIMED_BATCHES: usize = 3;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let home = arguments.next().unwrap_or_else(|| "artifacts".to_owned());
    let encoder = arguments.next().unwrap_or_else(|| "all-MiniLM-L6-v2".to_owned());
    match replay(&home, &encoder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("story: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn replay(home: &str, encoder: &str) -> Result<()> {
    let larder = Larder::new(home, None);
    let encoder = larder.encoder(encoder)?;
    let spec = sub_dataset(&larder, &encoder)?;

    eprintln!("larder: tokenize, encode, train, evaluate");
    let ours = larders_way(&larder, &spec, &encoder)?;
    eprintln!("larder: finetune");
    let tuned = fine_tuned(&larder, &spec, &encoder)?;
    eprintln!("as asked: timing {} batches padded to {PADDED_TOKENS} tokens", TIMED_BATCHES + 1);
    let tokens = Tokens::read(&larder, &spec, &encoder)?;
    let padded_batch = padded_batch_seconds(&larder, &encoder, &tokens)?;
    eprintln!("as asked: {SEEDS} seeds");
    let features = pooled(&larder, &encoder, &tokens)?;
    let asked = as_asked(&tokens, &features, EPOCHS)?;
    let longer = as_asked(&tokens, &features, MANY_EPOCHS)?;
    tell(&encoder, &tokens, padded_batch, &asked, &longer, (&ours, &tuned))
}

/// CoLA's first rows as a dataset of their own, under the artifacts; what an earlier replay made of it is removed.
fn sub_dataset(larder: &Larder, encoder: &Encoder) -> Result<DatasetSpec> {
    let cola = DatasetSpec::load(Path::new("data/cola.toml"))?;
    let files = cola.split_files(TRAIN_SPLIT)?;
    let file = fs::File::open(files.first().ok_or("CoLA's train split has no file")?)?;
    let lines = BufReader::new(file).lines().take(ROWS).collect::<std::result::Result<Vec<_>, _>>()?;
    if lines.len() < ROWS {
        return Err(format!("CoLA's train split has {} rows, {ROWS} are needed", lines.len()).into());
    }
    for split in [TRAIN_SPLIT, DEV_SPLIT] {
        let made = [
            larder.home().tokens(DATASET, encoder.name(), split)?,
            larder.home().features(DATASET, encoder.name(), "sentence-f32", split)?,
        ];
        for path in made.iter().filter(|path| path.exists()) {
            fs::remove_file(path)?;
        }
    }
    let folder = larder.home().root().join(DATASET);
    fs::create_dir_all(&folder)?;
    let (train, held_out) = lines.split_at(ROWS - HELD_OUT);
    fs::write(folder.join("train.tsv"), train.join("\n") + "\n")?;
    fs::write(folder.join("validation.tsv"), held_out.join("\n") + "\n")?;
    let description = format!(
        "name = \"{DATASET}\"\ntask = \"sequence\"\nformat = \"tsv\"\nheader = false\nquoting = false\n\
         [columns]\ntext = 3\nlabel = 1\n\
         [labels]\nnames = [\"0\", \"1\"]\ndisplay = [\"unacceptable\", \"acceptable\"]\n\
         [splits]\n{TRAIN_SPLIT} = \"train.tsv\"\n{DEV_SPLIT} = \"validation.tsv\"\n"
    );
    let path = folder.join("dataset.toml");
    fs::write(&path, description)?;
    Ok(DatasetSpec::load(&path)?)
}

fn larders_way(larder: &Larder, spec: &DatasetSpec, encoder: &Encoder) -> Result<RunOutcome> {
    let mut options = TrainOptions { run: Some(DATASET.to_owned()), force: true, ..TrainOptions::of_task(spec.task) };
    options.encode.settings.layers = LayerSelection::All;
    options.encode.settings.device = Device::Cpu;
    Ok(run(larder, spec, encoder, &options, &mut Silent)?)
}

/// The encoder trained with its head, as `larder finetune` does it without further flags.
fn fine_tuned(larder: &Larder, spec: &DatasetSpec, encoder: &Encoder) -> Result<RunOutcome> {
    let run = Some(format!("{DATASET}-tuned"));
    let options = FinetuneOptions { run, dev: Some(DEV_SPLIT.to_owned()), force: true, ..FinetuneOptions::default() };
    Ok(run_finetune(larder, spec, encoder, &options, &mut Silent)?)
}

/// A run's answers to the held-out rows.
struct HeldOut {
    scores: ClassificationScores,
    mcc: Interval,
    /// Rows answered with class 1.
    answered_one: u64,
}

impl HeldOut {
    fn of(outcome: &RunOutcome) -> Result<Self> {
        let Evaluation::Sequence(scored) = &outcome.evaluation else { return Err("the run is no classifier".into()) };
        let dev = scored.splits.first().ok_or("the run has no scores")?;
        let mcc = dev.intervals.iter().find(|(metric, _)| *metric == Metric::Mcc).map(|(_, interval)| *interval);
        Ok(Self {
            scores: dev.scores.clone(),
            mcc: mcc.ok_or("the scores have no interval of MCC")?,
            answered_one: dev.confusion.iter().map(|row| row[1]).sum(),
        })
    }
}

/// Seconds of some stages of a run.
fn seconds(outcome: &RunOutcome, stages: &[Stage]) -> f64 {
    outcome.times.iter().filter(|time| stages.contains(&time.stage)).map(|time| time.seconds).sum()
}

/// Token ids and classes of all rows, train first.
struct Tokens {
    rows: Vec<Vec<i32>>,
    classes: Vec<usize>,
}

impl Tokens {
    fn read(larder: &Larder, spec: &DatasetSpec, encoder: &Encoder) -> Result<Self> {
        let (mut rows, mut classes) = (Vec::new(), Vec::new());
        for split in [TRAIN_SPLIT, DEV_SPLIT] {
            let (path, _) = tokenize_split(larder, spec, encoder, split, &TokenizeOptions::default(), &mut Silent)?;
            for batch in TokensReader::open(&path, TokensProjection::Encode)? {
                let batch = batch?;
                for row in 0..batch.len() {
                    rows.push(batch.input_ids(row).to_vec());
                    classes.push(usize::from(batch.label(row) == Some("1")));
                }
            }
        }
        Ok(Self { rows, classes })
    }

    /// Real tokens, special tokens included.
    fn count(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Those of the rows that are trained on.
    fn train_count(&self) -> usize {
        self.rows.iter().take(ROWS - HELD_OUT).map(Vec::len).sum()
    }
}

fn pooler(encoder: &Encoder) -> FeatureOutput {
    FeatureOutput::new(encoder.interface().last_layer(), FeatureKind::Pooled(Pool::Pooler))
}

/// Seconds of one batch `[32, 512]` through the encoder with every core, median of [`TIMED_BATCHES`].
fn padded_batch_seconds(larder: &Larder, encoder: &Encoder, tokens: &Tokens) -> Result<f64> {
    let (interface, output) = (encoder.interface(), pooler(encoder));
    let model = select_features(&encoder.model()?, interface, &[output])?;
    let settings = SessionSettings { device: Device::Cpu, ..SessionSettings::default() };
    let mut session = Session::from_bytes(larder.runtime()?, &model.to_bytes()?, &settings)?;

    let shape = [BATCH_ROWS, PADDED_TOKENS];
    let mut input_ids = vec![0_i64; BATCH_ROWS * PADDED_TOKENS];
    let mut attention_mask = input_ids.clone();
    let token_type_ids = input_ids.clone();
    for (at, row) in tokens.rows.iter().take(BATCH_ROWS).enumerate() {
        for (offset, &id) in row.iter().enumerate() {
            input_ids[at * PADDED_TOKENS + offset] = i64::from(id);
            attention_mask[at * PADDED_TOKENS + offset] = 1;
        }
    }
    let feeds = [
        (Some(&interface.input_ids), &input_ids),
        (interface.attention_mask.as_ref(), &attention_mask),
        (interface.token_type_ids.as_ref(), &token_type_ids),
    ];
    let views: Vec<(&str, TensorView<'_>)> = feeds
        .into_iter()
        .filter_map(|(port, values)| port.map(|port| (port.name.as_str(), TensorView::i64(&shape, values))))
        .collect();
    let column = output.column(interface.last_layer());
    let mut seconds = Vec::new();
    for _ in 0..=TIMED_BATCHES {
        let started = Instant::now();
        session.run(&views, &[&column])?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    // The first run also makes the memory that the others find.
    let mut timed = seconds.split_off(1);
    timed.sort_by(f64::total_cmp);
    Ok(timed[timed.len() / 2])
}

/// The pooler's output of every row, `[rows, hidden]`.
fn pooled(larder: &Larder, encoder: &Encoder, tokens: &Tokens) -> Result<Vec<Vec<f64>>> {
    let settings = EncodeSettings { pools: vec![Pool::Pooler], device: Device::Cpu, ..EncodeSettings::default() };
    let mut engine = embed_features(larder, encoder, &settings, LongTexts::Cut)?;
    let inputs: Vec<EncoderInput<'_>> =
        tokens.rows.iter().map(|ids| EncoderInput { input_ids: ids, type_ids: None }).collect();
    let columns = engine.embed(&inputs)?;
    let rows = columns[0].chunks_exact(engine.widths()[0]);
    Ok(rows.map(|row| row.iter().copied().map(f64::from).collect()).collect())
}

/// Five seeds of the head as asked, on the held-out rows.
struct Asked {
    scores: Vec<ClassificationScores>,
    intervals: Vec<Interval>,
    /// Held-out rows answered with class 1, a seed.
    answered_one: Vec<usize>,
    /// Mean loss on the rows trained on after the last step, in nats, a seed.
    losses: Vec<f64>,
    /// Seconds of all epochs of one seed, on features that are there.
    seconds: f64,
}

fn as_asked(tokens: &Tokens, features: &[Vec<f64>], epochs: usize) -> Result<Asked> {
    let cut = features.len() - HELD_OUT;
    let (train, held_out) = features.split_at(cut);
    let (train_gold, gold) = tokens.classes.split_at(cut);
    let mut asked = Asked { scores: vec![], intervals: vec![], answered_one: vec![], losses: vec![], seconds: 0.0 };
    let started = Instant::now();
    for seed in 0..SEEDS {
        let mut unit = DenseUnit::new(features[0].len(), seed);
        unit.fit(train, train_gold, epochs);
        let answers: Vec<usize> = held_out.iter().map(|row| usize::from(unit.probability(row) > 0.5)).collect();
        let matrix = ConfusionMatrix::from_classes(gold, &answers, 2)?;
        asked.scores.push(ClassificationScores::from(&matrix));
        asked.intervals.push(Bootstrap::default().interval(&matrix, Metric::Mcc)?);
        asked.answered_one.push(answers.iter().sum());
        asked.losses.push(unit.loss(train, train_gold));
    }
    asked.seconds = started.elapsed().as_secs_f64() / SEEDS as f64;
    Ok(asked)
}

/// `Dense(1, activation="sigmoid")` with binary cross-entropy and Adam, as Keras defines them: Glorot uniform weights,
/// bias 0, beta 0.9 and 0.999, epsilon 1e-7 beside the root of the uncorrected second moment.
struct DenseUnit {
    /// Weights, then the bias, `[hidden + 1]`.
    parameters: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    step: i32,
    rng: Xoshiro256PlusPlus,
}

impl DenseUnit {
    fn new(hidden: usize, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let limit = (6.0 / (hidden + 1) as f64).sqrt();
        let mut parameters: Vec<f64> = (0..hidden).map(|_| rng.random_range(-limit..limit)).collect();
        parameters.push(0.0);
        let zeros = vec![0.0; hidden + 1];
        Self { parameters, first: zeros.clone(), second: zeros, step: 0, rng }
    }

    fn logit(&self, row: &[f64]) -> f64 {
        let (weights, bias) = self.parameters.split_at(row.len());
        bias[0] + weights.iter().zip(row).map(|(weight, value)| weight * value).sum::<f64>()
    }

    fn probability(&self, row: &[f64]) -> f64 {
        1.0 / (1.0 + (-self.logit(row)).exp())
    }

    fn loss(&self, rows: &[Vec<f64>], gold: &[usize]) -> f64 {
        let of = |(row, &class): (&Vec<f64>, &usize)| {
            let margin = if class == 1 { -self.logit(row) } else { self.logit(row) };
            margin.max(0.0) + (-margin.abs()).exp().ln_1p()
        };
        rows.iter().zip(gold).map(of).sum::<f64>() / rows.len() as f64
    }

    fn fit(&mut self, rows: &[Vec<f64>], gold: &[usize], epochs: usize) {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        for _ in 0..epochs {
            order.shuffle(&mut self.rng);
            for batch in order.chunks(BATCH_ROWS) {
                let mut gradient = vec![0.0; self.parameters.len()];
                for &row in batch {
                    let error = (self.probability(&rows[row]) - gold[row] as f64) / batch.len() as f64;
                    for (gradient, value) in gradient.iter_mut().zip(rows[row].iter().chain([&1.0])) {
                        *gradient += error * value;
                    }
                }
                self.adam(&gradient);
            }
        }
    }

    fn adam(&mut self, gradient: &[f64]) {
        self.step += 1;
        let rate = LEARNING_RATE * (1.0 - 0.999_f64.powi(self.step)).sqrt() / (1.0 - 0.9_f64.powi(self.step));
        for (at, &slope) in gradient.iter().enumerate() {
            self.first[at] += (slope - self.first[at]) * 0.1;
            self.second[at] += (slope * slope - self.second[at]) * 0.001;
            self.parameters[at] -= rate * self.first[at] / (self.second[at].sqrt() + 1e-7);
        }
    }
}

fn tell(
    encoder: &Encoder,
    tokens: &Tokens,
    padded_batch: f64,
    asked: &Asked,
    longer: &Asked,
    (ours, tuned): (&RunOutcome, &RunOutcome),
) -> Result<()> {
    let cut = tokens.classes.len() - HELD_OUT;
    let (train_gold, gold) = tokens.classes.split_at(cut);
    let counts = class_counts(train_gold, 2)?;
    let majority = majority_baseline(majority_class(&counts).unwrap_or(1), gold, 2)?;
    let (HeadRecord::Logistic(head), HeadRecord::Tuned(tuning)) =
        (&ours.trained.record.head, &tuned.trained.record.head)
    else {
        return Err("the runs are no classifier and no fine-tuned one".into());
    };
    let (frozen, fine) = (HeldOut::of(ours)?, HeldOut::of(tuned)?);
    let epoch = padded_batch * ROWS as f64 / BATCH_ROWS as f64;
    let padded_tokens = ROWS * PADDED_TOKENS;
    let epochs = tuning.steps / (ROWS - HELD_OUT).div_ceil(BATCH_ROWS);

    println!(
        "| CoLA's first {} rows, last {HELD_OUT} held out; {} | as asked | larder, frozen | larder, fine-tuned |",
        count(ROWS as u64),
        encoder.name()
    );
    println!("|---|---|---|---|");
    println!(
        "| what the head reads | pooled output of the last layer | {} | mean of the last layer |",
        head.selection.as_ref().map_or_else(String::new, |s| s.best().candidate.clone())
    );
    println!(
        "| head | one dense unit, Adam {LEARNING_RATE}, {EPOCHS} epochs, {SEEDS} seeds | logistic regression, \
         strength, weights and threshold chosen on train | a linear layer, trained with the encoder; the best of {epochs} \
         epochs by the held-out rows |"
    );
    println!(
        "| tokens through the encoder | {} (padded to {PADDED_TOKENS}, every epoch) | {} (no padding, once) | {} (every \
         epoch, forwards and backwards) |",
        count((EPOCHS * padded_tokens) as u64),
        count(tokens.count() as u64),
        count((epochs * tokens.train_count()) as u64)
    );
    println!(
        "| seconds in the encoder | {:.0} ({EPOCHS} x {epoch:.0}, extrapolated from {padded_batch:.2} s for \
         {BATCH_ROWS} rows) | {:.1} (tokenize and encode, files written) | {:.0} (with its head) |",
        EPOCHS as f64 * epoch,
        seconds(ours, &[Stage::Tokenize, Stage::Encode]),
        seconds(tuned, &[Stage::Finetune])
    );
    println!(
        "| seconds in the head | {:.2} (on features that are there) | {:.1} (with its cross-validation) | |",
        asked.seconds,
        seconds(ours, &[Stage::Train])
    );
    println!(
        "| accuracy; always \"acceptable\": {:.4} | {} | {:.4} | {:.4} |",
        majority.scores.accuracy,
        range(asked.scores.iter().map(|s| s.accuracy), 4),
        frozen.scores.accuracy,
        fine.scores.accuracy
    );
    println!(
        "| MCC (95 % interval) | {} ({:.2} to {:.2}) | {:.3} ({:.2} to {:.2}) | {:.3} ({:.2} to {:.2}) |",
        range(asked.scores.iter().map(|s| s.mcc), 3),
        asked.intervals.iter().map(|i| i.low).fold(f64::INFINITY, f64::min),
        asked.intervals.iter().map(|i| i.high).fold(f64::NEG_INFINITY, f64::max),
        frozen.scores.mcc,
        frozen.mcc.low,
        frozen.mcc.high,
        fine.scores.mcc,
        fine.mcc.low,
        fine.mcc.high
    );
    println!(
        "| held-out rows answered \"acceptable\" (truly {}) | {} of {HELD_OUT} | {} of {HELD_OUT} | {} of {HELD_OUT} |",
        gold.iter().sum::<usize>(),
        range(asked.answered_one.iter().map(|&n| n as f64), 0),
        frozen.answered_one,
        fine.answered_one
    );

    println!();
    println!("{}", verdict(tokens, &majority.scores, class_prior_entropy(&counts), asked, longer));
    if frozen.scores.accuracy < majority.scores.accuracy && frozen.mcc.low > 0.0 {
        println!(
            "\nWhat helps: the lower layers, from the same single pass. larder chooses its threshold for MCC, which \
             rewards finding both classes, so its accuracy may lie below the constant answer's; whoever wants accuracy \
             says `--metric accuracy`."
        );
    }
    Ok(())
}

/// What went wrong, each part said only where the numbers say it.
fn verdict(
    tokens: &Tokens,
    majority: &ClassificationScores,
    prior_entropy: f64,
    asked: &Asked,
    longer: &Asked,
) -> String {
    let mut text = String::from("What went wrong:");
    if asked.answered_one.iter().all(|&ones| ones == HELD_OUT) {
        text += &format!(
            " the head gives one answer for every held-out row in all {SEEDS} seeds, so its accuracy is exactly that \
             class's share, {:.4}, and its MCC is 0; accuracy alone hides that.",
            majority.accuracy
        );
    } else {
        text += &format!(
            " the head's accuracy is to be read beside {:.4}, which one answer for all rows scores.",
            majority.accuracy
        );
    }
    text += &format!(
        " {EPOCHS} epochs are {} steps of {LEARNING_RATE}, too few for a head on frozen features: its loss on the rows \
         it was trained on stands at {}, where knowing only the classes' shares gives {prior_entropy:.3} (nats); \
         {MANY_EPOCHS} epochs, {:.1} s on cached features, reach {}",
        EPOCHS * (ROWS - HELD_OUT).div_ceil(BATCH_ROWS),
        range(asked.losses.iter().copied(), 3),
        longer.seconds,
        range(longer.losses.iter().copied(), 3),
    );
    let mcc = range(longer.scores.iter().map(|s| s.mcc), 3);
    text += &if longer.intervals.iter().all(|interval| interval.low <= 0.0) {
        format!(
            " but no better MCC than chance on the held-out rows ({mcc}): more steps do not \
             help where the pooled output says too little about the task."
        )
    } else {
        format!(" and an MCC of {mcc} on the held-out rows.")
    };
    text += &format!(
        " And padding {:.1} tokens a sentence to {PADDED_TOKENS} is {:.0} times the work, done again every epoch for \
         the same features.",
        tokens.count() as f64 / ROWS as f64,
        (ROWS * PADDED_TOKENS) as f64 / tokens.count() as f64
    );
    text
}

/// One number where all agree, else the lowest and highest.
fn range(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let values: Vec<String> = {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values.iter().map(|value| format!("{value:.digits$}")).collect()
    };
    match (values.first(), values.last()) {
        (Some(low), Some(high)) if low != high => format!("{low} to {high}"),
        (Some(only), _) => only.clone(),
        _ => String::new(),
    }
}
