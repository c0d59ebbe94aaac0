//! Lines on standard error, as text or as an object each.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use larder_errors::spelled_enum;
use serde_json::json;

spelled_enum! {
    /// The form of the lines on standard error.
    pub enum LogFormat {
        /// As people read them.
        Text = "text",
        /// An object a line: `time` in seconds since 1970, `level`, `message`.
        Json = "json",
    } else "unknown log format `{found}`; known are {known}"
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// How far the work is.
    Progress,
    /// Something to be known.
    Note,
    /// The end of the work.
    Error,
}

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Sets the form of all lines from now on.
pub fn set_format(format: LogFormat) {
    // The command line is read once.
    let _ = FORMAT.set(format);
}

/// Returns true if lines are objects.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Returns a line in its form. A note has its mark before it where people read it.
pub fn line(level: Level, text: &str) -> String {
    if is_json() { object(level, text) } else { marked(level, text) }
}

/// Prints what is to be known.
pub fn note(text: &str) {
    eprintln!("{}", line(Level::Note, text));
}

/// Prints how far the work is.
pub fn progress(text: &str) {
    eprintln!("{}", line(Level::Progress, text));
}

fn marked(level: Level, text: &str) -> String {
    match level {
        Level::Progress => text.to_owned(),
        Level::Note => format!("note     {text}"),
        Level::Error => format!("{} {text}", crate::color::error_mark()),
    }
}

fn object(level: Level, text: &str) -> String {
    let level = match level {
        Level::Progress => "progress",
        Level::Note => "note",
        Level::Error => "error",
    };
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64 / 1e3;
    // Columns are for the eye.
    let message = text.split_whitespace().collect::<Vec<_>>().join(" ");
    json!({ "time": time, "level": level, "message": message }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_form_for_people_and_one_for_machines() {
        assert_eq!(marked(Level::Note, "two \"words\""), "note     two \"words\"");
        assert_eq!(marked(Level::Progress, "encode   dev"), "encode   dev");
        let object: serde_json::Value = serde_json::from_str(&object(Level::Note, "two  \"words\"\nmore")).unwrap();
        assert_eq!((object["level"].as_str(), object["message"].as_str()), (Some("note"), Some("two \"words\" more")));
        assert!(object["time"].as_f64() > Some(1.7e9));
    }
}
