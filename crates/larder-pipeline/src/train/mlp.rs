//! A perceptron for one label a text.

use larder_data::{DatasetSpec, LabelMap};
use larder_runtime::Runtime;
use larder_store::FeaturesFile;
use larder_train::{MlpSettings, train_mlp};

use super::{Fitted, gold};
use crate::cached_features::CachedFeatures;
use crate::diagnose::FitFacts;
use crate::head::Head;
use crate::record::{HeadRecord, MlpRecord};
use crate::{Event, Observer, PipelineError};

#[allow(clippy::too_many_arguments, reason = "what is trained, on what, with what")]
pub(super) fn fit(
    runtime: &Runtime,
    spec: &DatasetSpec,
    file: &FeaturesFile,
    labels: &LabelMap,
    columns: &[String],
    settings: &MlpSettings,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Fitted, PipelineError> {
    let gold = gold(file, labels.names())?;
    let rows = CachedFeatures::new(file, columns)?;
    let trained = train_mlp(runtime, &rows, &gold, labels.names(), settings, threads, &mut |epoch| {
        let what = match epoch.score {
            Some(score) => format!("{} {score:.3} on held-out rows", settings.metric),
            None => format!("loss {:.3}", epoch.loss),
        };
        observer.event(Event::Training { done: epoch.epoch, total: settings.epochs, what: &what });
    })?;
    let mut train_counts = vec![0; labels.names().len()];
    for &class in &gold {
        train_counts[class] += 1;
    }
    let record = MlpRecord {
        settings: settings.clone(),
        pair: spec.columns.text_b.is_some(),
        epochs: trained.epochs,
        best: trained.best,
        held_out_rows: trained.held_out_rows,
        train_scores: trained.train_scores,
        held_out_scores: trained.held_out_scores,
        unchosen: trained.unchosen,
    };
    Ok(Fitted {
        record: HeadRecord::Mlp(record),
        train_counts,
        reads: columns.to_vec(),
        head: Head::Mlp(trained.head),
        facts: FitFacts::default(),
        notes: Vec::new(),
    })
}
