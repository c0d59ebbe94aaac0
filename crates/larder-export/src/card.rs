//! `README.md` of an exported folder, the model card: purpose, scores and use.

use std::fmt::Write as _;

use larder_diagnose::Diagnosis;
use larder_run::Evaluation;
use larder_run::tasks::export::ExportedRun;
use larder_run::tasks::{self, TaskRules};

use crate::check::{CheckReport, Cost, Score};
use crate::config::FileFacts;
use crate::model::Batching;
use crate::precision::Precision;

/// The parts of a model card.
#[derive(Clone, Copy)]
pub(crate) struct Card<'a> {
    pub(crate) run: &'a ExportedRun<'a>,
    pub(crate) file: &'a FileFacts<'a>,
    /// The token for words that the vocabulary cannot spell.
    pub(crate) unk_token: Option<&'a str>,
    /// The run's scores; `None` if it was not evaluated.
    pub(crate) evaluation: Option<&'a Evaluation>,
    /// The findings about the run.
    pub(crate) findings: &'a [Diagnosis],
    /// The check of the file.
    pub(crate) check: &'a CheckReport,
}

impl Card<'_> {
    /// Returns the card as Markdown, with the header that model hubs read.
    pub(crate) fn markdown(&self) -> String {
        let pipeline = self.rules().facts().pipeline_tag;
        let mut card = format!(
            "---\nlibrary_name: onnx\npipeline_tag: {pipeline}\ntags:\n- larder\n- onnxruntime\n---\n# {}\n\n{}\n",
            self.run.record.run,
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

    fn rules(&self) -> &'static dyn TaskRules {
        tasks::of(self.run.record.task())
    }

    fn what_it_is(&self) -> String {
        let (record, rules) = (self.run.record, self.rules());
        let rows: usize = record.train_counts.iter().sum();
        let (what, counted) = (rules.purpose(record.is_pair()), rules.facts().counted);
        let encoder = match record.head.tuned() {
            Some(_) => format!("The encoder {} and its head were trained together", record.encoder),
            None => {
                format!("The encoder {} is as it was; the {} head was trained", record.encoder, self.run.head.kind())
            }
        };
        let labels: Vec<String> = record
            .labels
            .iter()
            .zip(&record.display)
            .map(|(label, display)| if label == display { label.clone() } else { format!("{label} ({display})") })
            .collect();
        format!(
            "{what}. {encoder} on the split {} of {} ({rows} {counted}), with larder {}, from the features {}.\n\n\
             {}: {}.",
            record.train_split,
            record.dataset,
            env!("CARGO_PKG_VERSION"),
            self.file.columns.join(", "),
            if record.head.details().targets().is_some() {
                "The number"
            } else {
                "Labels, in the order of the classes"
            },
            labels.join(", ")
        )
    }

    fn scores(&self, card: &mut String) {
        match self.evaluation {
            None => card.push_str("The run was not evaluated.\n"),
            Some(evaluation) => {
                card.push_str(&self.rules().score_table(evaluation));
                for one in evaluation.scores().splits() {
                    let outline = one.outline();
                    left_out(card, outline.split, outline.rows, outline.skipped_rows);
                }
            }
        }
        if !self.findings.is_empty() {
            card.push_str("\nWhat stands out:\n\n");
            for Diagnosis { finding, evidence, .. } in self.findings {
                let _ = writeln!(card, "- {finding}: {evidence}.");
            }
        }
    }

    fn file(&self, card: &mut String) {
        let kept = match self.file.precision {
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
            self.file.inputs.iter().map(|input| format!("`{input}`")).collect::<Vec<_>>().join(", ")
        );
        let rules = self.rules();
        let pairs = self.run.record.settings.pair_features;
        for output in self.run.head.outputs(self.run.record.settings.word_pool) {
            let output_of = rules.output(self.run, output);
            let axes = if pairs { output_of.replace("[batch", "[pairs") } else { output_of };
            let _ = writeln!(card, "- `{output}`: {axes}");
        }
        if pairs {
            card.push_str(
                "\nTwo adjacent texts of a batch are a pair, each tokenized by itself: outputs have half as many rows.\n",
            );
        }
        card.push_str(&rules.reading(self.run));
        match self.file.batching {
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
            rules.max_tokens(self.run),
            rules.facts().longer_texts
        );
    }

    fn usage(&self, card: &mut String) {
        card.push_str("`pip install onnxruntime tokenizers numpy`, then, in this folder:\n\n```python\n");
        let rules = self.rules();
        card.push_str(&rules.snippet(self.run, self.unk_token));
        let example = rules.example(self.run.record.is_pair(), self.file.batching == Batching::Padded);
        let _ = writeln!(card, "\n{example}\n```");
    }

    fn check_of_file(&self, card: &mut String) {
        let check = self.check;
        let unit = self.rules().facts().units;
        let _ = writeln!(
            card,
            "After it was written, this file answered {} {unit} of the split {}: {}.",
            check.answers,
            check.split,
            check.differences()
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
            let _ = writeln!(card, "| f32 | {}\n| {} | {}", row(float32), self.file.precision, row(this));
        }
    }
}

/// Notes the rows of a split's file that were skipped.
fn left_out(card: &mut String, split: &str, rows: u64, skipped: u64) {
    if skipped > 0 {
        let _ = writeln!(card, "\n{split}: {skipped} of {} rows could not be used and were left out.", rows + skipped);
    }
}
