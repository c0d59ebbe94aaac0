//! Places where a test lets the process die.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The environment variable that names the place, for tests alone: `PLACE`, or `PLACE:N` for the Nth time that the process
/// comes there.
pub const KILL_AT: &str = "LARDER_TEST_KILL_AT";

/// The place that was asked for, and the passings that are left.
static ASKED: LazyLock<Option<(String, AtomicUsize)>> = LazyLock::new(|| {
    let asked = std::env::var(KILL_AT).ok()?;
    let numbered = asked.rsplit_once(':').and_then(|(place, number)| Some((place.to_owned(), number.parse().ok()?)));
    let (place, number) = numbered.unwrap_or((asked, 1));
    Some((place, AtomicUsize::new(number)))
});

/// Ends the process at once and without clean-up, as a kill would, if [`KILL_AT`] in the environment names `place`.
///
/// For tests: some states last for microseconds, and no kill from outside hits them. It stands between two steps that leave
/// something on the disk; the environment is read once. Every place is tested: `tests/tests/it/kill_points.rs`.
pub fn kill_point(place: &str) {
    if let Some((asked, left)) = &*ASKED
        && asked == place
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}
