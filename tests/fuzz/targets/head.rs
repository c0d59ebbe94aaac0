//! Any texts and numbers as a head of each kind: `head.json`, and behind a zero byte `head.safetensors`.

#![no_main]

use std::path::PathBuf;

use larder_fuzz::{folder, put, two_parts};
use larder_train::{
    FeatureColumn, HEAD_JSON, HEAD_SAFETENSORS, HeadColumn, LogisticHead, MlpHead, MultilabelHead, RidgeHead,
    SequenceHead, TaggingHead, WordsInMemory,
};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

/// Two rows of features for a head of few columns.
fn features(columns: &[HeadColumn]) -> Option<Vec<FeatureColumn>> {
    let width: usize = columns.iter().map(|column| column.width).sum();
    let feature = |column: &HeadColumn| FeatureColumn::new(&*column.name, Array2::from_elem((2, column.width), 0.5));
    (width <= 64).then(|| columns.iter().map(feature).collect())
}

fn saved() -> PathBuf {
    folder().join("saved")
}

/// The head that was saved is the one that was read; NaN is not equal to itself, and no head has one.
macro_rules! check_saved {
    ($kind:ty, $head:expr) => {
        $head.save(&saved()).expect("a head is written");
        assert_eq!(<$kind>::load(&saved()).expect("what was written is read"), $head);
    };
}

fuzz_target!(|bytes: &[u8]| {
    let (description, numbers) = two_parts(bytes);
    put(HEAD_JSON, description);
    put(HEAD_SAFETENSORS, numbers);
    let folder = folder();
    match LogisticHead::load(folder) {
        Ok(head) => {
            check_saved!(LogisticHead, head);
            let features = features(&head.columns).unwrap_or_default();
            let _ = head.predict(&features.iter().collect::<Vec<_>>()).map_err(|error| error.to_string());
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(head) = MlpHead::load(folder) {
        check_saved!(MlpHead, head);
        let features = features(SequenceHead::columns(&head)).unwrap_or_default();
        let features: Vec<&FeatureColumn> = features.iter().collect();
        let _ = (head.predict(&features).is_ok(), head.predict_sets(&features).is_ok());
        let _ = head.predict_numbers(&features).is_ok();
    }
    if let Ok(head) = MultilabelHead::load(folder) {
        check_saved!(MultilabelHead, head);
        let features = features(&head.columns).unwrap_or_default();
        let _ = head.predict(&features.iter().collect::<Vec<_>>()).map_err(|error| error.to_string());
    }
    if let Ok(head) = RidgeHead::load(folder) {
        check_saved!(RidgeHead, head);
        let features = features(&head.columns).unwrap_or_default();
        let _ = head.predict(&features.iter().collect::<Vec<_>>()).map_err(|error| error.to_string());
    }
    if let Ok(head) = TaggingHead::load(folder) {
        check_saved!(TaggingHead, head);
        if let Some(features) = features(&head.columns)
            && let Ok(words) = WordsInMemory::new(features, vec![2], Vec::new())
        {
            let _ = head.tag(&words).map_err(|error| error.to_string());
        }
    }
});
