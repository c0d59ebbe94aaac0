//! Whether output is coloured.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ColorChoice;

static CHOICE: OnceLock<ColorChoice> = OnceLock::new();

/// Sets the choice for everything that is printed from now on.
pub fn set(choice: ColorChoice) {
    // The command line is read once.
    let _ = CHOICE.set(choice);
}

/// Returns the choice on a command line that is not read yet: help and mistakes are coloured too.
pub fn asked_for(args: &[OsString], variable: Option<OsString>) -> ColorChoice {
    let mut flags = args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--").peekable();
    let mut asked = variable.map(|value| value.to_string_lossy().into_owned());
    while let Some(arg) = flags.next() {
        if let Some(value) = arg.strip_prefix("--color=") {
            asked = Some(value.to_owned());
        } else if arg == "--color" {
            asked = flags.peek().map(ToString::to_string).or(asked);
        }
    }
    match asked.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        // A mistake is told by the parser.
        _ => ColorChoice::Auto,
    }
}

/// Returns true if standard output is coloured.
pub fn on_stdout() -> bool {
    is_coloured(std::io::stdout().is_terminal())
}

fn is_coloured(is_terminal: bool) -> bool {
    match CHOICE.get().copied().unwrap_or_default() {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Returns the mark of an error, red where standard error is coloured.
pub fn error_mark() -> &'static str {
    if is_coloured(std::io::stderr().is_terminal()) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_goes_before_the_variable() {
        let asked = |args: &[&str], variable: Option<&str>| {
            let args: Vec<OsString> = args.iter().map(Into::into).collect();
            asked_for(&args, variable.map(Into::into))
        };
        assert_eq!(asked(&["larder", "runs"], None), ColorChoice::Auto);
        assert_eq!(asked(&["larder", "runs"], Some("never")), ColorChoice::Never);
        assert_eq!(asked(&["larder", "--color", "always", "runs"], Some("never")), ColorChoice::Always);
        assert_eq!(asked(&["larder", "runs", "--color=never"], None), ColorChoice::Never);
        assert_eq!(asked(&["larder", "predict", "r", "--", "--color=never"], None), ColorChoice::Auto);
    }
}
