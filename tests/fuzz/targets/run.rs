//! Any texts as the JSON files of a run: `run.json`, and behind a zero byte `metrics.json` or `diagnosis.json`.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use larder_fuzz::{folder, put, two_parts};
use larder_run::{DIAGNOSIS_FILE, Evaluation, Larder, ListedRun, METRICS_FILE, RUN_FILE, RunRecord, load_diagnosis};
use libfuzzer_sys::fuzz_target;

const RUN: &str = "runs/any";

/// The folder of the run.
fn run_folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        std::fs::create_dir_all(folder().join(RUN)).expect("a folder can be made");
        folder().join(RUN)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (record, scores) = two_parts(bytes);
    let (larder, run_folder) = (&Larder::new(folder(), None), run_folder());
    put(&format!("{RUN}/{RUN_FILE}"), record);
    put(&format!("{RUN}/{METRICS_FILE}"), scores);
    put(&format!("{RUN}/{DIAGNOSIS_FILE}"), scores);
    let _ = load_diagnosis(run_folder, "any").map_err(|error| error.to_string());
    let record = match RunRecord::open(larder, "any") {
        Ok(record) => record,
        Err(error) => return drop(error.to_string()),
    };
    let _ = (record.task(), record.is_pair(), record.layout(), record.majority_class(), record.class_names());
    let details = record.head.details();
    let _ = (details.summary(), details.selection(), details.targets(), details.weighing(), details.outline());
    let _ = (details.facts(&record, None), details.training(run_folder), details.method(&record.columns_tried));
    let _ = record.load_head(larder).map_err(|error| error.to_string());
    let _ = ListedRun::open(larder, "any").map_err(|error| error.to_string());
    if let Ok(evaluation) = Evaluation::read(run_folder, &record) {
        let _ = (evaluation.remarks(), evaluation.split_names(), evaluation.judged());
        let text = serde_json::to_string(&evaluation).expect("scores are written");
        put(&format!("{RUN}/{METRICS_FILE}"), text.as_bytes());
        let again = Evaluation::read(run_folder, &record).unwrap_or_else(|missing| panic!("{missing:?}: {text}"));
        assert_eq!(serde_json::to_string(&again).expect("scores are written"), text);
    }
    // What is written is what was read.
    record.save(run_folder).expect("a record is written");
    let again = RunRecord::open(larder, "any").expect("and read");
    let text = |record: &RunRecord| serde_json::to_string(record).expect("it was written before");
    assert_eq!(text(&again), text(&record));
});
