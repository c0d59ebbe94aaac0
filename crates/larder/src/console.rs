//! Progress of stages on standard error: a line for each stage, and a bar on a terminal or a line every ten seconds elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use larder_encode::{EncodeReport, Progress};
use larder_errors::{bytes, count, counted, seconds};
use larder_files::Change;
use larder_finetune::HistoryRow;
use larder_run::{Event, Observer, Stage};
use larder_tokens::TokenizeReport;

use crate::log::{self, Level};
use crate::signals;

/// Skipped rows shown one by one.
const SHOWN_SKIPS: usize = 5;
/// Parts of a feature set between two lines.
const SHOWN_PARTS: usize = 100;
/// The interval between updates of a bar's text.
const REFRESH: Duration = Duration::from_millis(100);
/// The interval between lines where there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// True if nothing is said of progress.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on only notes are said: results and errors are others' to print.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Reports progress to the user.
pub struct Console {
    bar: Option<ProgressBar>,
    terminal: bool,
    quiet: bool,
    /// The stage and its subject, as lines begin.
    prefix: String,
    started: Instant,
    /// When the bar or the last line was made.
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
        let quiet = QUIET.load(Ordering::Relaxed);
        Self {
            bar: None,
            terminal: std::io::stderr().is_terminal() && !quiet && !log::is_json(),
            quiet,
            prefix: String::new(),
            started: now,
            refreshed: now,
            tuned: None,
            first_step: 0,
            step_tokens: 0,
        }
    }

    /// Prints what is to be known.
    fn note(&self, text: &str) {
        self.say(&log::line(Level::Note, text));
    }

    /// Prints a line, above the bar if there is one.
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Prints a line unless nothing is to be said of progress.
    fn say_progress(&self, text: &str) {
        if !self.quiet {
            self.say(&log::line(Level::Progress, text));
        }
    }

    /// Returns true if the bar, or a line in its place, is due.
    fn is_due(&mut self) -> bool {
        let interval = if self.bar.is_some() { REFRESH } else { LINE_EVERY };
        let is_due = !self.quiet && self.refreshed.elapsed() >= interval;
        if is_due {
            self.refreshed = Instant::now();
        }
        is_due
    }

    /// Gives the bar its length, in whatever is counted, and its position.
    fn place(&self, position: u64, length: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(length) {
            bar.set_style(style("{prefix} {bar:30} {percent:>3} % {msg}"));
            bar.set_length(length);
        }
        bar.set_position(position);
    }

    /// Shows how far the stage is, in the bar or in a line.
    fn show(&self, text: String) {
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None => self.say_progress(&format!("{}: {text}", self.prefix)),
        }
    }

    fn start(&mut self, stage: Stage, subject: &str, changes: &[Change]) {
        self.end();
        if !changes.is_empty() {
            let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
            self.say_progress(&format!("{stage:<9}{subject}: out of date ({})", said.join("; ")));
        }
        self.started = Instant::now();
        self.refreshed = self.started;
        self.prefix = format!("{stage:<9}{subject}");
        (self.first_step, self.step_tokens, self.tuned) = (0, 0, None);
        if stage == Stage::Finetune {
            signals::end_by_itself(true);
        }
        if self.terminal {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style("{prefix} {spinner} {msg}"));
            bar.set_prefix(self.prefix.clone());
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
        // Tokens, not rows: the longest rows come first, so rows would mislead.
        self.place(progress.tokens, progress.total_tokens);
        if !self.is_due() {
            return;
        }
        let elapsed = self.started.elapsed().as_secs_f64();
        let speed = progress.run_tokens as f64 / elapsed.max(1e-3);
        let left = (progress.total_tokens - progress.tokens) as f64 / speed.max(1.0);
        self.show(format!(
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
            self.say_progress(&format!(
                "collect  {name}: {} of {}",
                count(brought as u64),
                counted(parts as u64, "part")
            ));
        }
    }

    fn predicting(&mut self, rows: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.place(rows, total);
        }
        if !self.is_due() {
            return;
        }
        let speed = rows as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.show(match total {
            None => format!("{}, {speed:.0} rows/s", counted(rows, "row")),
            Some(total) => {
                let left = seconds(total.saturating_sub(rows) as f64 / speed.max(1e-3));
                format!("{} of {}, {speed:.0} rows/s, {left} left", count(rows), counted(total, "row"))
            }
        });
    }

    fn tuning(&mut self, row: &HistoryRow, total: usize) {
        if self.tuned.is_none() {
            // Steps of an interrupted run were done before.
            self.first_step = row.step - 1;
            self.started = Instant::now();
        }
        self.tuned = Some((row.step, total));
        self.place(row.step as u64, total as u64);
        self.step_tokens += row.tokens as u64;
        if !self.is_due() {
            return;
        }
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-3);
        let left = elapsed / (row.step - self.first_step) as f64 * (total - row.step) as f64;
        self.show(format!(
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
            "tokenize {split}: {}, {} in {}",
            counted(report.rows, "row"),
            counted(report.tokens, "token"),
            seconds(report.seconds)
        );
        if report.truncated_rows > 0 {
            text.push_str(&format!(
                "; {} longer than the limit, cut by {} in all",
                counted(report.truncated_rows, "row"),
                counted(report.truncated_tokens, "token")
            ));
        }
        if report.long_rows > 0 {
            text.push_str(&format!(
                "; {} of more than {} kept whole, to be read in windows",
                counted(report.long_rows, "text"),
                counted(report.max_tokens as u64, "token")
            ));
        }
        if report.repaired_rows > 0 {
            text.push_str(&format!("; illegal tags repaired in {}", counted(report.repaired_rows, "sentence")));
        }
        self.say_progress(&text);
        if let Some(words) = report.lone_sentence_words {
            self.note(&format!(
                "{split} is one sentence of {} words; sentences are separated by blank lines, are they missing?",
                count(words as u64)
            ));
        }
        if report.skipped.count > 0 {
            let say = |text: String| self.say(&log::line(Level::Progress, &text));
            say(format!("         {} skipped:", counted(report.skipped.count, "row")));
            for row in report.skipped.rows.iter().take(SHOWN_SKIPS) {
                let file = row.file.as_ref().map_or_else(String::new, |file| format!("{}, ", file.display()));
                say(format!("           {file}{}: {}", row.place, row.reason));
            }
            if report.skipped.count > SHOWN_SKIPS as u64 {
                say(format!("           and {} more", count(report.skipped.count - SHOWN_SKIPS as u64)));
            }
        }
    }

    fn encoded(&mut self, split: &str, report: &EncodeReport) {
        self.end();
        let mut text = format!("encode   {split}: {}", counted(report.rows as u64, "row"));
        let others = [
            (report.reused_rows, "reused from earlier files"),
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
            let (texts, tokens) = (counted(report.windowed_rows as u64, "text"), counted(tokens as u64, "token"));
            text.push_str(&format!("; {texts} of more than {tokens} read in windows"));
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
        let threads = counted(report.threads as u64, "thread");
        text.push_str(&format!(" on {} ({threads}), {}", report.device, bytes(report.file_bytes)));
        self.say_progress(&text);
        if let Some(note) = &report.graph_note {
            self.note(note);
        }
    }
}

impl Observer for Console {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Encoder { name, number, of } => self.say_progress(&format!("encoder  {name} ({number} of {of})")),
            Event::Fresh { stage, subject, .. } => self.say_progress(&format!("{stage:<9}{subject}: up to date")),
            Event::Started { stage, subject, changes } => self.start(stage, subject, changes),
            Event::Tokenizing { rows } => {
                if self.is_due() {
                    self.show(counted(rows, "row"));
                }
            }
            Event::Encoding(progress) => self.encoding(progress),
            Event::Collecting { name, brought, parts } => self.collecting(name, brought, parts),
            Event::Predicting { rows, total } => self.predicting(rows, total),
            Event::Training { done, total, what } => {
                if self.is_due() {
                    self.show(format!("{what} ({} of {})", (done + 1).min(total), total));
                }
            }
            Event::Tokenized { split, report, .. } => self.tokenized(split, report),
            Event::Encoded { split, report, .. } => self.encoded(split, report),
            Event::Tuning { row, total } => self.tuning(row, total),
            Event::Judged { step, name, score, loss } => {
                let total = self.tuned.map_or(step, |(_, total)| total);
                self.say_progress(&format!(
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
                self.say_progress(&format!("{stage:<9}{run} in {}", seconds(s)));
            }
            Event::Note(text) => self.note(text),
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
