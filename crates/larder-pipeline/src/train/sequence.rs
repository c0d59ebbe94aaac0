//! A head for one label a text.

use larder_data::{DatasetSpec, LabelMap};
use larder_diagnose::{HeldOutAnswers, diagnose_label_errors};
use larder_store::FeaturesFile;
use larder_train::{FeatureColumn, TrainSettings, Trained};
use ndarray::Array2;

use super::Fitted;
use crate::diagnose::{FitFacts, held_out_loss};
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
    let facts = facts(&trained, &gold, labels.display());
    let record = SequenceRecord {
        settings: settings.clone(),
        pair: spec.columns.text_b.is_some(),
        selection: trained.selection,
        unchosen: trained.unchosen,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        out_of_fold_scores: trained.out_of_fold_scores,
    };
    Ok(Fitted {
        record: HeadRecord::Sequence(record),
        train_counts,
        reads: trained.head.columns.iter().map(|column| column.name.clone()).collect(),
        head: Head::Sequence(trained.head),
        facts,
        notes: trained.notes,
    })
}

/// What the held-out answers show; `names` are the classes' names for people.
fn facts(trained: &Trained, gold: &[usize], names: &[String]) -> FitFacts {
    let held_out = trained.out_of_fold_probabilities.as_ref().zip(trained.out_of_fold_scores.as_ref());
    let Some((probabilities, scores)) = held_out else { return FitFacts::default() };
    let flat: Vec<f64> = probabilities.iter().copied().collect();
    let answers = HeldOutAnswers { probabilities: &flat, labels: gold, classes: names, mcc: scores.mcc };
    FitFacts {
        held_out: held_out_loss(probabilities, gold, trained.head.class_weight, scores.mcc),
        label_errors: diagnose_label_errors(&answers),
        curve: trained.learning_curve.clone(),
    }
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
