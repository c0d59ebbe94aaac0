//! The layers that a head with few rows to learn from reads.

use larder_data::DatasetSpec;
use larder_encode::LayerSelection;
use larder_intake::Encoder;
use larder_run::{Event, HeadSettings, Larder, Observer, TRAIN_SPLIT, TrainOptions};
use larder_train::FEW_ROWS;

use crate::PipelineError;
use crate::tokenize::tokenize_split;
use crate::train::check_trainable;

/// Returns true if vectors of all layers should be made where nobody said which: a classifier of texts has fewer than [`FEW_ROWS`]
/// rows to learn from, and the encoder shows its layers. The last layer alone is then several points worse
/// (`larder-train/docs/selection.md`), and vectors of so few rows cost next to nothing. Tokenizes the training split.
///
/// # Errors
/// [`PipelineError`] of a dataset that cannot be trained on, and of the tokenize stage.
pub fn wants_all_layers(
    larder: &Larder,
    spec: &DatasetSpec,
    encoder: &Encoder,
    options: &TrainOptions,
    observer: &mut dyn Observer,
) -> Result<bool, PipelineError> {
    let is_classifier = matches!(options.head, HeadSettings::Logistic(_) | HeadSettings::Similarity(_));
    if !is_classifier || encoder.interface().hidden_states.is_empty() {
        return Ok(false);
    }
    check_trainable(spec, options.encode.settings.level)?;
    let settings = &options.encode.settings;
    let tokenize = &options.encode.tokenize;
    if settings.layers != LayerSelection::default() || settings.pools.iter().all(|pool| pool.is_of_the_whole()) {
        return Ok(false);
    }
    let mut news = News(observer);
    let (_, time) = tokenize_split(larder, spec, encoder, TRAIN_SPLIT, tokenize, &mut news)?;
    Ok(time.rows < FEW_ROWS as u64)
}

/// Passes on all but what was up to date: the stage that follows says that too.
struct News<'a>(&'a mut dyn Observer);

impl Observer for News<'_> {
    fn event(&mut self, event: Event<'_>) {
        if !matches!(event, Event::Fresh { .. }) {
            self.0.event(event);
        }
    }

    fn asks_to_end(&self) -> bool {
        self.0.asks_to_end()
    }
}
