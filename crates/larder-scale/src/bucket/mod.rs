//! Stores that are buckets: a file each service.

#[cfg(feature = "az")]
mod azure;
#[cfg(feature = "gs")]
mod google;
mod http_client;
#[cfg(feature = "s3")]
mod profile;
#[cfg(feature = "s3")]
mod s3;

use std::sync::Arc;
use std::time::Duration;

use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

use crate::uri::Service;
use crate::{ScaleError, StoreUri};

/// Repetitions of a request that failed in a way that may pass.
const RETRIES: usize = 10;
/// The longest time that a request is repeated for.
const RETRY_FOR: Duration = Duration::from_secs(90);

/// Opens a bucket of a service. Credentials come from the service's usual environment variables.
pub(crate) fn open(
    uri: &StoreUri,
    service: Service,
    bucket: &str,
    prefix: &str,
) -> Result<Arc<dyn ObjectStore>, ScaleError> {
    let store = match service {
        #[cfg(feature = "s3")]
        Service::S3 => s3::open(uri, bucket)?,
        #[cfg(feature = "gs")]
        Service::Google => google::open(uri, bucket)?,
        #[cfg(feature = "az")]
        Service::Azure => azure::open(uri, bucket)?,
        #[cfg(not(all(feature = "s3", feature = "gs", feature = "az")))]
        _ => return Err(service.not_built(uri)),
    };
    Ok(if prefix.is_empty() { store } else { Arc::new(PrefixStore::new(store, prefix)) })
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() }
}
