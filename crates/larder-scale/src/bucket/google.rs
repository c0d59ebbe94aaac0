//! Google Cloud Storage. An object is created once by `x-goog-if-generation-match: 0`.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::gcp::GoogleCloudStorageBuilder;

use super::http_client::UreqConnector;
use super::retry::retry;
use crate::store_failure::failure;
use crate::{ScaleError, StoreUri};

/// Opens a bucket. Credentials come from the environment (`GOOGLE_SERVICE_ACCOUNT`, `GOOGLE_APPLICATION_CREDENTIALS`) or the machine's
/// own account.
pub(super) fn open(uri: &StoreUri, bucket: &str) -> Result<Arc<dyn ObjectStore>, ScaleError> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
    let built = builder.with_http_connector(UreqConnector).with_retry(retry()).build();
    Ok(Arc::new(built.map_err(|error| failure(uri.to_string(), "open the store", &error))?))
}
