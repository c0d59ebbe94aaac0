//! A head for one tag a word.

use larder_data::LabelMap;
use larder_store::FeaturesFile;
use larder_train::{TaggingProgress, TaggingSettings, WordSource, train_tagger};

use super::Fitted;
use crate::cached_words::CachedWords;
use crate::diagnose::FitFacts;
use crate::head::Head;
use crate::record::{HeadRecord, TaggingRecord};
use crate::{Event, Observer, PipelineError};

pub(super) fn fit(
    file: &FeaturesFile,
    labels: &LabelMap,
    columns: &[String],
    settings: &TaggingSettings,
    observer: &mut dyn Observer,
) -> Result<Fitted, PipelineError> {
    let tags = labels.tag_set().expect("the labels of a tagging dataset are those of a tag set");
    let words = CachedWords::new(file, columns)?.with_gold(labels)?;
    let trained = train_tagger(&words, &tags, settings, &mut |progress| tell(observer, progress))?;
    let mut train_counts = vec![0; labels.names().len()];
    for &class in words.classes() {
        train_counts[class] += 1;
    }
    let record = TaggingRecord {
        settings: settings.clone(),
        selection: trained.selection,
        unchosen: trained.unchosen,
        convergence: trained.convergence,
        train_scores: trained.train_scores,
        sentences: words.sentence_lengths().len(),
        words: file.rows(),
    };
    Ok(Fitted {
        record: HeadRecord::Tagging(record),
        train_counts,
        reads: trained.head.columns.iter().map(|column| column.name.clone()).collect(),
        head: Head::Tagging(trained.head),
        facts: FitFacts::default(),
        notes: trained.notes,
    })
}

fn tell(observer: &mut dyn Observer, progress: TaggingProgress<'_>) {
    let (done, total, what) = match progress {
        TaggingProgress::Reading { words, of } => (words, of, "reading words"),
        TaggingProgress::Scored { candidate, candidates, entry } => (candidate, candidates, entry.candidate.as_str()),
        TaggingProgress::Fitting { candidate, .. } => (0, 1, candidate),
        TaggingProgress::Epoch { epoch, epochs, .. } => (epoch, epochs, "epoch"),
    };
    observer.event(Event::Training { done, total, what });
}
