//! A head for one label a text.

use larder_data::{DatasetSpec, LabelMap};
use larder_store::FeaturesFile;
use larder_train::{FeatureColumn, TrainSettings};
use ndarray::Array2;

use super::Fitted;
use crate::head::Head;
use crate::record::{HeadRecord, SequenceRecord};
use crate::{Event, Observer, PipelineError};

pub(super) fn fit(
    spec: &DatasetSpec,
    file: &FeaturesFile,
    labels: &LabelMap,
    columns: &[String],
    settings: &TrainSettings,
    observer: &mut dyn Observer,
) -> Result<Fitted, PipelineError> {
    let gold = gold(file, labels.names())?;
    let columns = load_columns(file, columns)?;
    let borrowed: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = larder_train::train(&borrowed, &gold, labels.names(), settings, &mut |progress| {
        tell(observer, progress);
    })?;
    let mut train_counts = vec![0; labels.names().len()];
    for &class in &gold {
        train_counts[class] += 1;
    }
    let record = SequenceRecord {
        settings: settings.clone(),
        pair: spec.columns.text_b.is_some(),
        selection: trained.selection,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        out_of_fold_scores: trained.out_of_fold_scores,
    };
    Ok(Fitted {
        record: HeadRecord::Sequence(record),
        train_counts,
        reads: trained.head.columns.iter().map(|column| column.name.clone()).collect(),
        head: Head::Sequence(trained.head),
        notes: trained.notes,
    })
}

/// Gold classes, `[rows]`, as indices into `labels`.
pub(crate) fn gold(file: &FeaturesFile, labels: &[String]) -> Result<Vec<usize>, PipelineError> {
    let features = || file.path().to_path_buf();
    let class = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| PipelineError::NoLabel { features: features(), row })?;
        labels.iter().position(|l| *l == label).ok_or_else(|| PipelineError::UnknownLabel {
            features: features(),
            row,
            label,
            known: labels.to_vec(),
        })
    };
    file.labels()?.into_iter().enumerate().map(class).collect()
}

/// Feature columns by name, in the order asked for.
pub(crate) fn load_columns(file: &FeaturesFile, names: &[String]) -> Result<Vec<FeatureColumn>, PipelineError> {
    names
        .iter()
        .map(|name| {
            let values = file.column(name)?;
            let width = file.columns().iter().find(|c| c.name == *name).map_or(0, |c| c.width);
            let values = Array2::from_shape_vec((file.rows(), width), values)
                .expect("a column that was read holds rows * width values");
            Ok(FeatureColumn::new(name, values))
        })
        .collect()
}

fn tell(observer: &mut dyn Observer, progress: larder_train::Progress<'_>) {
    match progress {
        larder_train::Progress::Scored { candidate, candidates, entry } => {
            observer.event(Event::Training { done: candidate, total: candidates, what: &entry.candidate });
        }
        larder_train::Progress::Fitting { candidate, .. } => {
            observer.event(Event::Training { done: 1, total: 1, what: candidate });
        }
    }
}
