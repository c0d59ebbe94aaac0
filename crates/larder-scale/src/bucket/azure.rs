//! Azure's blobs. A blob is created once by `If-None-Match: *`.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::MicrosoftAzureBuilder;

use super::http_client::UreqConnector;
use super::retry::retry;
use crate::store_failure::failure;
use crate::{ScaleError, StoreUri};

/// Opens a container. Account and credentials come from the environment (`AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY` and
/// others).
pub(super) fn open(uri: &StoreUri, container: &str) -> Result<Arc<dyn ObjectStore>, ScaleError> {
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
    let built = builder.with_http_connector(UreqConnector).with_retry(retry()).build();
    Ok(Arc::new(built.map_err(|error| failure(uri.to_string(), "open the store", &error))?))
}
