//! Progress of stages on standard error: a line for each stage, and a bar on a terminal.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use larder_encode::{EncodeReport, Progress};
use larder_errors::{bytes, count, seconds};
use larder_files::Change;
use larder_finetune::HistoryRow;
use larder_run::{Event, Observer, Stage};
use larder_tokens::TokenizeReport;

use crate::signals;

/// Skipped rows shown one by one.
const SHOWN_SKIPS: usize = 5;
/// Parts of a feature set between two lines.
const SHOWN_PARTS: usize = 100;
/// The interval between updates of a bar's text.
const REFRESH: Duration = Duration::from_millis(100);

/// Reports progress to the user.
pub struct Console {
    bar: Option<ProgressBar>,
    terminal: bool,
    started: Instant,
    refreshed: Instant,
    /// For fine-tuning: the step, and the number of steps.
    tuned: Option<(usize, usize)>,
    /// Steps done before this process, and tokens of those since.
    first_step: usize,
    step_tokens: u64,
}

impl Console {
    pub fn new() -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self { bar: None, terminal, started: now, refreshed: now, tuned: None, first_step: 0, step_tokens: 0 }
    }

    /// Prints a line, above the bar if there is one.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn start(&mut self, stage: Stage, subject: &str, changes: &[Change]) {
        self.end();
        if !changes.is_empty() {
            let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
            self.say(&format!("{stage:<9}{subject}: out of date ({})", said.join("; ")));
        }
        self.started = Instant::now();
        (self.first_step, self.step_tokens) = (0, 0);
        if stage == Stage::Finetune {
            signals::end_by_itself(true);
        }
        if self.terminal {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style("{prefix} {spinner} {msg}"));
            bar.set_prefix(format!("{stage:<9}{subject}"));
            bar.enable_steady_tick(REFRESH);
            self.bar = Some(bar);
        }
        signals::stage_begins(stage, subject, self.bar.clone());
    }

    fn end(&mut self) {
        signals::stage_ends();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn encoding(&mut self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(progress.total_tokens) {
            bar.set_style(style("{prefix} {bar:30} {percent:>3} % {msg}"));
            bar.set_length(progress.total_tokens);
        }
        // Tokens, not rows: the longest rows come first, so rows would mislead.
        bar.set_position(progress.tokens);
        if self.refreshed.elapsed() < REFRESH {
            return;
        }
        self.refreshed = Instant::now();
        let elapsed = self.started.elapsed().as_secs_f64();
        let speed = progress.run_tokens as f64 / elapsed.max(1e-3);
        let left = (progress.total_tokens - progress.tokens) as f64 / speed.max(1.0);
        bar.set_message(format!(
            "{} of {} rows, {:.0} rows/s, {:.0} real tokens/s, {} left",
            count(progress.rows as u64),
            count(progress.total_rows as u64),
            progress.rows as f64 / elapsed.max(1e-3),
            speed,
            seconds(left)
        ));
    }

    fn collecting(&self, name: &str, brought: usize, parts: usize) {
        if brought == parts || brought.is_multiple_of(SHOWN_PARTS) {
            self.say(&format!("collect  {name}: {} of {} parts", count(brought as u64), count(parts as u64)));
        }
    }

    fn predicting(&mut self, rows: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        let speed = rows as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        let Some(total) = total else {
            return bar.set_message(format!("{} rows, {speed:.0} rows/s", count(rows)));
        };
        if bar.length() != Some(total) {
            bar.set_style(style("{prefix} {bar:30} {percent:>3} % {msg}"));
            bar.set_length(total);
        }
        bar.set_position(rows);
        let left = seconds(total.saturating_sub(rows) as f64 / speed.max(1e-3));
        bar.set_message(format!("{} of {} rows, {speed:.0} rows/s, {left} left", count(rows), count(total)));
    }

    fn tuning(&mut self, row: &HistoryRow, total: usize) {
        self.tuned = Some((row.step, total));
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(total as u64) {
            bar.set_style(style("{prefix} {bar:30} {percent:>3} % {msg}"));
            bar.set_length(total as u64);
            // Steps of an interrupted run were done before.
            self.first_step = row.step - 1;
            self.started = Instant::now();
        }
        bar.set_position(row.step as u64);
        self.step_tokens += row.tokens as u64;
        if self.refreshed.elapsed() < REFRESH {
            return;
        }
        self.refreshed = Instant::now();
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-3);
        let left = elapsed / (row.step - self.first_step) as f64 * (total - row.step) as f64;
        bar.set_message(format!(
            "step {} of {}, loss {:.4}, lr {:.2e}, {:.0} real tokens/s, {} left",
            count(row.step as u64),
            count(total as u64),
            row.loss,
            row.learning_rate,
            self.step_tokens as f64 / elapsed,
            seconds(left)
        ));
    }

    fn tokenized(&mut self, split: &str, report: &TokenizeReport) {
        self.end();
        let mut text = format!(
            "tokenize {split}: {} rows, {} tokens in {}",
            count(report.rows),
            count(report.tokens),
            seconds(report.seconds)
        );
        if report.truncated_rows > 0 {
            text.push_str(&format!(
                "; {} rows were longer than the limit and lost {} tokens",
                count(report.truncated_rows),
                count(report.truncated_tokens)
            ));
        }
        if report.long_rows > 0 {
            text.push_str(&format!(
                "; {} texts of more than {} tokens are kept whole, to be read in windows",
                count(report.long_rows),
                count(report.max_tokens as u64)
            ));
        }
        if report.repaired_rows > 0 {
            text.push_str(&format!("; illegal tags repaired in {} sentences", count(report.repaired_rows)));
        }
        self.say(&text);
        if let Some(words) = report.lone_sentence_words {
            self.say(&format!(
                "note     {split} is one sentence of {} words; sentences are separated by blank lines, are they missing?",
                count(words as u64)
            ));
        }
        if report.skipped.count > 0 {
            self.say(&format!("         {} rows skipped:", count(report.skipped.count)));
            for row in report.skipped.rows.iter().take(SHOWN_SKIPS) {
                let file = row.file.as_ref().map_or_else(String::new, |file| format!("{}, ", file.display()));
                self.say(&format!("           {file}{}: {}", row.place, row.reason));
            }
            if report.skipped.count > SHOWN_SKIPS as u64 {
                self.say(&format!("           and {} more", count(report.skipped.count - SHOWN_SKIPS as u64)));
            }
        }
    }

    fn encoded(&mut self, split: &str, report: &EncodeReport) {
        self.end();
        let mut text = format!("encode   {split}: {} rows", count(report.rows as u64));
        let others = [
            (report.reused_rows, "reused from the previous file"),
            (report.resumed_rows, "kept from an interrupted run"),
            (report.duplicate_rows, "copies of another row"),
        ];
        if others.iter().any(|(rows, _)| *rows > 0) {
            text.push_str(&format!(" ({} encoded", count(report.encoded_rows as u64)));
            for (rows, what) in others.iter().filter(|(rows, _)| *rows > 0) {
                text.push_str(&format!(", {} {what}", count(*rows as u64)));
            }
            text.push(')');
        }
        if let (1.., Some(tokens)) = (report.windowed_rows, report.window_tokens) {
            let texts = count(report.windowed_rows as u64);
            text.push_str(&format!(
                "; {texts} texts of more than {} tokens were read in windows",
                count(tokens as u64)
            ));
        }
        text.push_str(&format!(" in {}", seconds(report.seconds)));
        if report.encoded_rows > 0 {
            text.push_str(&format!(
                ", {:.0} rows/s, {:.0} real tokens/s, {:.1} % padding",
                report.rows_per_second(),
                report.tokens_per_second(),
                100.0 * report.padding_share()
            ));
        }
        let threads = if report.threads == 1 { "thread" } else { "threads" };
        text.push_str(&format!(" on {} ({} {threads}), {}", report.device, report.threads, bytes(report.file_bytes)));
        self.say(&text);
        if let Some(note) = &report.graph_note {
            self.say(&format!("note     {note}"));
        }
    }
}

impl Observer for Console {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Encoder { name, number, of } => self.say(&format!("encoder  {name} ({number} of {of})")),
            Event::Fresh { stage, subject, .. } => self.say(&format!("{stage:<9}{subject}: up to date")),
            Event::Started { stage, subject, changes } => self.start(stage, subject, changes),
            Event::Tokenizing { rows } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{} rows", count(rows)));
                }
            }
            Event::Encoding(progress) => self.encoding(progress),
            Event::Collecting { name, brought, parts } => self.collecting(name, brought, parts),
            Event::Predicting { rows, total } => self.predicting(rows, total),
            Event::Training { done, total, what } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{what} ({} of {})", (done + 1).min(total), total));
                }
            }
            Event::Tokenized { split, report, .. } => self.tokenized(split, report),
            Event::Encoded { split, report, .. } => self.encoded(split, report),
            Event::Tuning { row, total } => self.tuning(row, total),
            Event::Judged { step, name, score, loss } => {
                let total = self.tuned.map_or(step, |(_, total)| total);
                self.say(&format!(
                    "         step {} of {}: {name} {score:.3}, loss {loss:.4}",
                    count(step as u64),
                    count(total as u64)
                ));
            }
            Event::Trained { stage, run, seconds: s } => {
                self.end();
                if stage == Stage::Finetune {
                    signals::end_by_itself(false);
                }
                self.say(&format!("{stage:<9}{run} in {}", seconds(s)));
            }
            Event::Note(text) => self.say(&format!("note     {text}")),
        }
    }

    fn asks_to_end(&self) -> bool {
        signals::ASKED_TO_END.load(Ordering::Relaxed)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.end();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well-formed")
}
