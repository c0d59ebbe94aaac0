//! How often a failed request is repeated.

use std::time::Duration;

use object_store::RetryConfig;

/// Repetitions of a request that failed in a way that may pass.
const RETRIES: usize = 10;
/// The longest time that a request is repeated for.
const RETRY_FOR: Duration = Duration::from_secs(90);

pub(super) fn retry() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() }
}
