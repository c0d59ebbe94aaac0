//! A way out that a message names is one: each is provoked, then followed, and what is followed ends well.
//!
//! [`inventory`] holds the list against the messages in the code, so that a new hint comes with the test that follows it.

mod advice;
mod coverage;
mod encoders;
mod files;
mod inventory;
mod kept;
mod long;
mod looking;
mod memory;
mod pairs;
mod prediction;
mod runs;
mod scale;
mod scoring;

use larder_tests::Answer;

/// The words of a message that name a way out, as they stand in the code.
const fn hint(words: &str) -> &str {
    words
}

/// The answer, which ended with `code` and named the way out on standard error or standard output.
#[track_caller]
fn names(answer: Answer, code: i32, hint: &str) -> Answer {
    let answer = answer.exits(code);
    // Messages are broken into lines nowhere else than where they are written so.
    let is_named = answer.stderr.contains(hint) || answer.stdout.contains(hint);
    assert!(is_named, "{hint:?} is not said\n{}", answer.told());
    answer
}
