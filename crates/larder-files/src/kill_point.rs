//! Places where a test lets the process die.

/// The environment variable that names the place.
pub const KILL_AT: &str = "LARDER_TEST_KILL_AT";

/// Ends the process at once and without clean-up, as a kill would, if the environment's `LARDER_TEST_KILL_AT` is `place`.
///
/// For tests: some states last for microseconds, and no kill from outside hits them. It stands where little is done often,
/// behind a rename for one, so that looking at the environment costs nothing that could be noticed.
pub fn kill_point(place: &str) {
    if std::env::var_os(KILL_AT).is_some_and(|asked| asked == place) {
        std::process::abort();
    }
}
