//! ONNX Runtime's own trace of where a session spends its time, for whoever measures.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use ort::session::builder::SessionBuilder;

/// The environment variable that names the folder for traces.
const FOLDER: &str = "LARDER_PROFILE";

/// Traces the session if [`FOLDER`] names a folder, which must be there: ONNX Runtime writes a JSON file of Chrome's trace format
/// into it when the session ends, one event a node and run.
pub(crate) fn traced(builder: SessionBuilder, name: Option<&str>) -> ort::Result<SessionBuilder> {
    match std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(builder.with_profiling(PathBuf::from(folder).join(file_name(name.unwrap_or("session"))))?),
        None => Ok(builder),
    }
}

/// The beginning of the trace's file name, to which ONNX Runtime adds the time to the second: sessions of one process differ by number.
fn file_name(name: &str) -> String {
    static SESSIONS: AtomicUsize = AtomicUsize::new(0);
    let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
    let name: String = name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
    format!("{}-{number}-{name}", std::process::id())
}
