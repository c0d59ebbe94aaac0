//! Stores that are buckets: a file each service.

#[cfg(feature = "az")]
mod azure;
#[cfg(feature = "gs")]
mod google;
mod http_client;
#[cfg(feature = "s3")]
mod profile;
mod retry;
#[cfg(feature = "s3")]
mod s3;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::prefix::PrefixStore;

use crate::uri::Service;
use crate::{ScaleError, StoreUri};

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
