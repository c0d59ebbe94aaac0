//! What a store's error is to the caller: whether another try helps, and the reason without what it repeats of the request.

use object_store::Error;

use crate::ScaleError;

/// Characters of a store's reason that are repeated.
const REASON_CHARS: usize = 300;

/// The error for the caller: whether another try helps, and the store's reason without what it repeats of the request.
pub(crate) fn failure(uri: String, action: &'static str, error: &Error) -> ScaleError {
    let reason = reason(error);
    let denied = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
        || io_kind(error).is_some_and(|kind| {
            matches!(kind, std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem)
        });
    match error {
        _ if denied => ScaleError::Denied { uri, action, reason },
        Error::NotSupported { .. } | Error::NotImplemented { .. } | Error::InvalidPath { .. } => {
            ScaleError::Denied { uri, action, reason }
        }
        _ => ScaleError::Unavailable { uri, action, reason },
    }
}

/// The kind of the system's error below.
fn io_kind(error: &Error) -> Option<std::io::ErrorKind> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = error.source();
    }
    None
}

/// The store's reason in one line. S3 answers in XML that repeats the signed request: only its code and message are kept.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    let tag = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.trim().to_owned())
    };
    match (tag("Code"), tag("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => text.lines().next().unwrap_or_default().chars().take(REASON_CHARS).collect(),
    }
}
