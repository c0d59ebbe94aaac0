//! `README.md` of an exported folder: what it is, what it scored, how to run it.

use std::fmt::Write as _;

use larder_metrics::{BaselineComparison, ClassificationScores, Interval, MajorityBaseline, Metric, TaggingScores};
use larder_onnx::WordPool;
use serde::Deserialize;

use crate::check::{CheckReport, Cost, Score};
use crate::head::ExportHead;
use crate::model::Batching;
use crate::precision::Precision;

const SEQUENCE: &str = include_str!("sequence.py");
const TAGGING: &str = include_str!("tagging.py");

/// What a run's `metrics.json` says, as far as a card tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "task", rename_all = "lowercase")]
pub enum CardMetrics {
    /// Of a classifier.
    Sequence {
        /// One entry a split.
        splits: Vec<CardSequenceSplit>,
    },
    /// Of a tagger.
    Tagging {
        /// One entry a split.
        splits: Vec<CardTaggingSplit>,
    },
}

impl CardMetrics {
    /// The splits for which `keep`, of their name and their file's digest, holds.
    pub fn only(mut self, keep: impl Fn(&str, &str) -> bool) -> Self {
        match &mut self {
            Self::Sequence { splits } => splits.retain(|one| keep(&one.split, &one.data_digest)),
            Self::Tagging { splits } => splits.retain(|one| keep(&one.split, &one.data_digest)),
        }
        self
    }
}

/// A classifier's scores on one split.
#[derive(Debug, Clone, Deserialize)]
pub struct CardSequenceSplit {
    split: String,
    /// Empty in files of earlier versions.
    #[serde(default)]
    data_digest: String,
    #[serde(default)]
    skipped_rows: u64,
    scores: ClassificationScores,
    intervals: Vec<(Metric, Interval)>,
    majority: MajorityBaseline,
    against_majority: BaselineComparison,
}

/// A tagger's scores on one split.
#[derive(Debug, Clone, Deserialize)]
pub struct CardTaggingSplit {
    split: String,
    /// Empty in files of earlier versions.
    #[serde(default)]
    data_digest: String,
    #[serde(default)]
    skipped_rows: u64,
    scores: TaggingScores,
}

/// Something that stood out about the run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CardFinding {
    /// What is the matter, in one clause.
    pub finding: String,
    /// The numbers that show it.
    pub evidence: String,
}

/// What a card tells.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The run.
    pub run: &'a str,
    /// The dataset.
    pub dataset: &'a str,
    /// The split it was trained on, and its rows (tagging: words).
    pub trained_on: (&'a str, usize),
    /// The encoder's name.
    pub encoder: &'a str,
    /// Was the encoder trained too?
    pub tuned: bool,
    /// The head.
    pub head: ExportHead<'a>,
    /// What the head reads: `mean_l0`, `mean`, ...
    pub columns: &'a [String],
    /// The classes' names, as the data spells them.
    pub labels: &'a [String],
    /// The same for people.
    pub display: &'a [String],
    /// Whether texts are pairs.
    pub pair: bool,
    /// The longest input, in tokens.
    pub max_tokens: usize,
    /// How the encoder's numbers are kept.
    pub precision: Precision,
    /// Which texts may share a batch.
    pub batching: Batching,
    /// The file's inputs.
    pub inputs: &'a [String],
    /// The token for words that the vocabulary cannot spell.
    pub unk_token: Option<&'a str>,
    /// The run's scores; `None` for a run that was not evaluated.
    pub metrics: Option<&'a CardMetrics>,
    /// What stood out about the run.
    pub findings: &'a [CardFinding],
    /// What the check of the file found.
    pub check: &'a CheckReport,
}

impl Card<'_> {
    /// The text of the card, Markdown with the header that hubs of models read.
    pub fn markdown(&self) -> String {
        let pipeline = if self.is_tagger() { "token-classification" } else { "text-classification" };
        let mut card = format!(
            "---\nlibrary_name: onnx\npipeline_tag: {pipeline}\ntags:\n- larder\n- onnxruntime\n---\n# {}\n\n{}\n",
            self.run,
            self.what_it_is()
        );
        card.push_str("\n## Scores\n\n");
        self.scores(&mut card);
        card.push_str("\n## The file\n\n");
        self.file(&mut card);
        card.push_str("\n## Use\n\n");
        self.usage(&mut card);
        card.push_str("\n## Check\n\n");
        self.check_of_file(&mut card);
        card
    }

    fn is_tagger(&self) -> bool {
        matches!(self.head, ExportHead::Tagging(..))
    }

    fn what_it_is(&self) -> String {
        let (split, rows) = self.trained_on;
        let what = match (self.is_tagger(), self.pair) {
            (true, _) => "Tags the words of a sentence with entities (IOB2)",
            (false, true) => "Gives a pair of texts one label",
            (false, false) => "Gives a text one label",
        };
        let encoder = match self.tuned {
            true => format!("The encoder {} and its head were trained together", self.encoder),
            false => format!("The encoder {} is as it was; the {} head was trained", self.encoder, self.head.kind()),
        };
        let unit = if self.is_tagger() { "words" } else { "rows" };
        let labels: Vec<String> = self
            .labels
            .iter()
            .zip(self.display)
            .map(|(label, display)| if label == display { label.clone() } else { format!("{label} ({display})") })
            .collect();
        format!(
            "{what}. {encoder} on the split {split} of {} ({rows} {unit}), with larder {}, from the features {}.\n\n\
             Labels, in the order of the classes: {}.",
            self.dataset,
            env!("CARGO_PKG_VERSION"),
            self.columns.join(", "),
            labels.join(", ")
        )
    }

    fn scores(&self, card: &mut String) {
        match self.metrics {
            None => card.push_str("The run was not evaluated.\n"),
            Some(CardMetrics::Sequence { splits }) => {
                card.push_str(
                    "| split | rows | accuracy | MCC | 95 % interval of MCC | macro F1 | always the majority class: \
                     accuracy | against the majority |\n|---|---|---|---|---|---|---|---|\n",
                );
                for split in splits {
                    let mcc = split.intervals.iter().find(|(metric, _)| *metric == Metric::Mcc);
                    let interval = mcc.map_or_else(String::new, |(_, interval)| span(interval));
                    let scores = &split.scores;
                    let _ = writeln!(
                        card,
                        "| {} | {} | {:.3} | {:.3} | {interval} | {:.3} | {:.3} | {} |",
                        split.split,
                        scores.rows,
                        scores.accuracy,
                        scores.mcc,
                        scores.macro_f1,
                        split.majority.scores.accuracy,
                        split.against_majority.in_words()
                    );
                }
                splits.iter().for_each(|one| left_out(card, &one.split, one.scores.rows, one.skipped_rows));
            }
            Some(CardMetrics::Tagging { splits }) => {
                card.push_str(
                    "| split | sentences | strict P | strict R | strict F1 | 95 % interval of F1 | conlleval F1 | token \
                     accuracy | always O: accuracy |\n|---|---|---|---|---|---|---|---|---|\n",
                );
                for split in splits {
                    let scores = &split.scores;
                    let strict = &scores.strict.micro;
                    let _ = writeln!(
                        card,
                        "| {} | {} | {:.3} | {:.3} | {:.3} | {} | {:.3} | {:.3} | {:.3} |",
                        split.split,
                        scores.sentences,
                        strict.precision,
                        strict.recall,
                        strict.f1,
                        span(&scores.strict_f1_interval),
                        scores.conlleval.micro.f1,
                        scores.token_accuracy,
                        scores.all_outside_accuracy
                    );
                }
                splits.iter().for_each(|one| left_out(card, &one.split, one.scores.sentences, one.skipped_rows));
            }
        }
        if !self.findings.is_empty() {
            card.push_str("\nWhat stands out:\n\n");
            for CardFinding { finding, evidence } in self.findings {
                let _ = writeln!(card, "- {finding}: {evidence}.");
            }
        }
    }

    fn file(&self, card: &mut String) {
        let kept = match self.precision {
            Precision::F32 => "float32",
            Precision::F16 => "float32, the encoder's matrices kept in float16",
            Precision::Int8 => {
                "float32, the encoder's products in 8-bit integers (ONNX Runtime's operators; on x86 processors without VNNI they \
                 overflow unless the session option `session.x64quantprecision` is `1`, as below)"
            }
        };
        let _ = writeln!(
            card,
            "`model.onnx` computes everything from token ids to scores, in {kept}. Inputs, int64 `[batch, seq]`: {}. Outputs:\n",
            self.inputs.iter().map(|input| format!("`{input}`")).collect::<Vec<_>>().join(", ")
        );
        let threshold = match self.head {
            ExportHead::Logistic(head) => head.threshold,
            ExportHead::Mlp(head) => head.threshold,
            ExportHead::Tagging(..) => None,
        };
        let decided = match (threshold, self.labels) {
            (Some(threshold), [_, positive, ..]) => {
                format!("1 (`{positive}`) where its probability is at least {threshold:.6}")
            }
            _ => "the most probable one".to_owned(),
        };
        let classes = self.labels.len();
        for output in self.head.outputs() {
            let says = match output {
                crate::head::LOGITS if self.is_tagger() => {
                    format!("float32 `[batch, seq, {classes}]`, the score of each tag at each token")
                }
                crate::head::LOGITS => format!("float32 `[batch, {classes}]`"),
                crate::head::PROBABILITIES if self.is_tagger() => {
                    format!("float32 `[batch, seq, {classes}]`, softmax of `logits`: each token by itself")
                }
                crate::head::PROBABILITIES => format!("float32 `[batch, {classes}]`, softmax of `logits`"),
                crate::head::PREDICTION => format!("int64 `[batch]`, the class answered: {decided}"),
                crate::head::FIRST_LOGITS => format!(
                    "float32 `[batch, seq, {classes}]`: a word's scores are those of its first token here, plus those of its \
                     last token in `last_logits`; `logits` is that sum for words of one token"
                ),
                _ => format!("float32 `[batch, seq, {classes}]`"),
            };
            let _ = writeln!(card, "- `{output}`: {says}");
        }
        if let ExportHead::Tagging(head, pool) = self.head {
            let _ = writeln!(card, "\n{}", word_scores(pool));
            card.push_str(
                "A sentence is answered with its best legal sequence: the sum of its words' scores, of `start` of its first tag \
                 and of `transitions` of each pair of neighbours, both in `config.json` under `larder`, where null means never.\n",
            );
            if !head.seen_in_training.iter().all(|answered| *answered) {
                let _ = writeln!(card, "Tags that no training word had have the score {}.", crate::NEVER);
            }
        }
        match self.batching {
            Batching::Padded => card.push_str("\nShorter texts of a batch are padded on the right.\n"),
            Batching::EqualLengths => card.push_str(
                "\nOnly texts of one length in tokens may share a batch: the encoder's graph does not heed its mask. One text at \
                 a time is always right.\n",
            ),
            Batching::OneByOne => card.push_str(
                "\nRun one text at a time: in the encoder's graph a text's vectors depend on the texts beside it.\n",
            ),
        }
        let _ = writeln!(
            card,
            "\nIt reads {} tokens{}. `config.json` and `tokenizer_config.json` are in transformers' form.",
            self.max_tokens,
            if self.is_tagger() { " at once" } else { "; longer texts lose their end" }
        );
    }

    fn usage(&self, card: &mut String) {
        card.push_str("`pip install onnxruntime tokenizers numpy`, then, in this folder:\n\n```python\n");
        card.push_str(&self.snippet());
        let example = match (self.head, self.pair, self.batching) {
            (ExportHead::Tagging(..), ..) => {
                "print(answer([\"Ada\", \"Lovelace\", \"met\", \"Charles\", \"in\", \"London\"]))"
            }
            (_, true, Batching::Padded) => "print(answer([(\"one text\", \"and another\"), (\"a second\", \"pair\")]))",
            (_, true, _) => "print(answer([(\"one text\", \"and another\")]))",
            (_, false, Batching::Padded) => "print(answer([\"some text\", \"and another text\"]))",
            (_, false, _) => "print(answer([\"some text\"]))",
        };
        let _ = writeln!(card, "\n{example}\n```");
    }

    /// The Python that answers, without an example.
    fn snippet(&self) -> String {
        let ExportHead::Tagging(_, pool) = self.head else { return SEQUENCE.to_owned() };
        let words = match self.unk_token {
            // Some words, a lone control character for one, give no token.
            Some(token) => format!("[word if encode([word], False).ids else {} for word in words]", python(token)),
            None => "words".to_owned(),
        };
        let nearest = match self.unk_token {
            Some(_) => "",
            // What larder does where the vocabulary has no token for the unknown.
            None => {
                "there = sorted(word for word in tokens if word is not None)\n    \
                 tokens |= {word: tokens[min(there, key=lambda other: abs(other - word))] if there else [0]\n               \
                 for word in range(len(words)) if word not in tokens}\n    "
            }
        };
        let (names, score) = match pool {
            WordPool::First => ("logits", "logits[tokens[word][0]]"),
            WordPool::Last => ("logits", "logits[tokens[word][-1]]"),
            WordPool::Mean => ("logits", "logits[tokens[word]].mean(0)"),
            WordPool::FirstLast => {
                ("first_logits, last_logits", "first_logits[tokens[word][0]] + last_logits[tokens[word][-1]]")
            }
        };
        let listed: Vec<String> = names.split(", ").map(python).collect();
        let outputs = if listed.len() == 1 { format!("{names},") } else { names.to_owned() };
        TAGGING
            .replace("@WORDS@", &words)
            .replace("@OUTPUTS@", &outputs)
            .replace("@NAMES@", &format!("[{}]", listed.join(", ")))
            .replace("@NEAREST@", nearest)
            .replace("@SCORE@", score)
    }

    fn check_of_file(&self, card: &mut String) {
        let check = self.check;
        let unit = if self.is_tagger() { "words" } else { "texts" };
        let _ = writeln!(
            card,
            "After it was written, this file answered {} {unit} of the split {}: the largest difference of a probability from \
             the run's own is {:.1e}, and {} answers differ.",
            check.answers, check.split, check.largest_difference, check.differing_answers
        );
        if check.too_long > 0 {
            let _ = writeln!(
                card,
                "{} sentences are longer than the encoder reads at once and were left out.",
                check.too_long
            );
        }
        if let Some(Cost { float32, this }) = &check.cost {
            card.push_str("\n| precision | file | seconds for these rows |");
            let row = |score: &Score| {
                let values: String = score.scores.iter().map(|(_, value)| format!(" {value:.4} |")).collect();
                format!("{:.1} MB | {:.2} |{values}", score.bytes as f64 / 1e6, score.seconds)
            };
            let names: Vec<&str> = this.scores.iter().map(|(name, _)| name.as_str()).collect();
            let heads: String = names.iter().map(|name| format!(" {name} |")).collect();
            let _ = writeln!(card, "{heads}\n|{}", "---|".repeat(3 + names.len()));
            let _ = writeln!(card, "| f32 | {}\n| {} | {}", row(float32), self.precision, row(this));
        }
    }
}

fn word_scores(pool: WordPool) -> &'static str {
    match pool {
        WordPool::First => "A word's scores are those of its first token.",
        WordPool::Last => "A word's scores are those of its last token.",
        WordPool::Mean => "A word's scores are the mean of its tokens'.",
        WordPool::FirstLast => {
            "A word's scores are its first token's `first_logits` plus its last token's `last_logits`."
        }
    }
}

/// Says how many rows of a split's file its scores are not about.
fn left_out(card: &mut String, split: &str, rows: u64, skipped: u64) {
    if skipped > 0 {
        let _ = writeln!(card, "\n{split}: {skipped} of {} rows could not be used and were left out.", rows + skipped);
    }
}

fn span(interval: &Interval) -> String {
    format!("{:.3} to {:.3}", interval.low, interval.high)
}

/// A string as Python writes it: JSON's form is one of Python's.
fn python(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
