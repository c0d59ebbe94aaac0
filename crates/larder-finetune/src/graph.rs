//! Graphs as sessions: what they are called in messages, and what they give.

use larder_onnx::Model;
use larder_runtime::{Runtime, Session, SessionSettings, TensorView};

use crate::TuneError;

/// The name of the graph that gives the loss and the gradients.
pub(crate) const TRAINING: &str = "training graph";

/// The name of the graph that gives the loss and the logits.
pub(crate) const EVALUATION: &str = "evaluation graph";

/// A session of that name. The model, with the constants in it, is gone before the runtime makes its own of it.
pub(crate) fn session(
    runtime: &Runtime,
    model: Model,
    name: &'static str,
    settings: &SessionSettings,
) -> Result<Session, TuneError> {
    let settings = SessionSettings { name: Some(name.to_owned()), ..settings.clone() };
    let bytes = model.to_bytes()?;
    drop(model);
    Session::from_bytes(runtime, &bytes, &settings).map_err(TuneError::run(name))
}

/// The first of a run's outputs, a float32 `[]`.
pub(crate) fn scalar(views: &[TensorView<'_>]) -> f64 {
    let found = views.first().and_then(|view| view.as_f32()?.first().copied());
    f64::from(found.unwrap_or(f32::NAN))
}
