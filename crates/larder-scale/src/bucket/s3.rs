//! Amazon's S3, and stores that speak its protocol (`AWS_ENDPOINT_URL`).

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};

use super::http_client::UreqConnector;
use super::profile::Profile;
use super::retry::retry;
use crate::store_failure::failure;
use crate::{ScaleError, StoreUri};

/// Opens a bucket. Region, endpoint and credentials come from the environment (`AWS_…`), what is not there from the profile.
pub(super) fn open(uri: &StoreUri, bucket: &str) -> Result<Arc<dyn ObjectStore>, ScaleError> {
    let mut builder = AmazonS3Builder::from_env();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let profile = Profile::read();
    if !is_set("AWS_ACCESS_KEY_ID") && !is_set("AWS_WEB_IDENTITY_TOKEN_FILE") {
        if let (Some(key), Some(secret)) = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
            builder = builder.with_access_key_id(key).with_secret_access_key(secret);
        }
        if let Some(token) = profile.get("aws_session_token") {
            builder = builder.with_token(token);
        }
    }
    if let Some(region) = profile.get("region").filter(|_| !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION")) {
        builder = builder.with_region(region);
    }
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    if let Some(endpoint) = endpoint.or_else(|| profile.get("endpoint_url").map(str::to_owned)) {
        // Who names an endpoint without TLS means it.
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    let built = builder
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_http_connector(UreqConnector)
        .with_retry(retry())
        .build();
    Ok(Arc::new(built.map_err(|error| failure(uri.to_string(), "open the store", &error))?))
}
