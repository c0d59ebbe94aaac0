//! Encoders and runs side by side.

use larder_evaluate::EvaluateError;
use larder_intake::Encoder;
use larder_pipeline::{Contender, EvaluateOptions, PipelineError, compare_encoders, compare_runs, train};
use larder_run::{EncodeOptions, Silent};
use larder_runtime::Device;

use crate::support::{Bench, Told, options, silently};

fn contenders(encoders: &[&Encoder]) -> Vec<Contender> {
    let contender = |encoder: &&Encoder| Contender { encoder: (*encoder).clone(), options: options(None, 1.0) };
    encoders.iter().map(contender).collect()
}

#[test]
fn encoders_of_one_model_count_once_and_the_first_name_counts() {
    let Some(bench) = Bench::new() else { return };
    let (twin, other) = (bench.encoder("twin", 1), bench.encoder("other", 2));
    let asked = contenders(&[&bench.encoder, &other, &twin, &other, &bench.encoder]);
    let mut told = Told::default();
    let found = compare_encoders(&bench.larder, &bench.spec, &asked, &[], &mut told).unwrap();
    let names: Vec<Vec<String>> = found.encoders.iter().map(|one| one.names.clone()).collect();
    assert_eq!(names, [vec!["tiny".to_owned(), "twin".to_owned()], vec!["other".to_owned()]]);
    assert!(told.0.iter().any(|line| line.contains("twin is tiny by another name")), "{:?}", told.0);
    assert!(found.refused.is_empty());
    let [dev] = &found.splits[..] else { panic!("one split: {:?}", found.splits) };
    assert_eq!((dev.split.as_str(), dev.rows, dev.score.as_str()), ("dev", 12, "mcc"));
    let best = dev.scores.iter().map(|score| score.value).fold(f64::NEG_INFINITY, f64::max);
    let by_name = |name: &str| dev.scores.iter().find(|score| score.name == name).expect("was scored").value;
    assert_eq!(by_name(&dev.best), best);
    let run = found.encoders.iter().find(|one| one.names[0] == dev.best).map(|one| one.run.clone());
    assert_eq!(found.best_run, run);
    found.check(&bench.spec.path).unwrap();
}

#[test]
fn what_is_cached_is_told_from_what_is_encoded_now() {
    let Some(bench) = Bench::new() else { return };
    let compare = || {
        let found = compare_encoders(&bench.larder, &bench.spec, &contenders(&[&bench.encoder]), &[], &mut Silent);
        found.unwrap().encoders.remove(0)
    };
    let (first, again) = (compare(), compare());
    assert_eq!((first.encoding.rows, first.encoding.cached_rows, first.encoding.encoded_splits), (52, 0, 2));
    assert!(first.encoding.rows_per_second.is_some_and(|rate| rate > 0.0) && first.encoding.encoded_tokens > 52);
    assert_eq!((again.encoding.rows, again.encoding.cached_rows, again.encoding.encoded_splits), (52, 52, 0));
    assert_eq!((again.encoding.rows_per_second, again.encoding.seconds), (None, 0.0));
    assert_eq!((first.cache_bytes, first.further_columns), (again.cache_bytes, 0));
    assert_eq!(first.run, again.run);
}

#[test]
fn an_encoder_that_is_damaged_is_left_out_with_the_reason_and_alone_it_is_an_error() {
    let Some(bench) = Bench::new() else { return };
    let broken = bench.encoder("broken", 2);
    std::fs::write(broken.model_path(), "no model").unwrap();
    let asked = contenders(&[&broken, &bench.encoder]);
    let found = compare_encoders(&bench.larder, &bench.spec, &asked, &[], &mut Silent).unwrap();
    assert_eq!(found.encoders.len(), 1);
    let [refused] = &found.refused[..] else { panic!("{:?}", found.refused) };
    assert!(refused.names == ["broken"] && refused.reason.contains("model.onnx"), "{refused:?}");
    let error = found.check(&bench.spec.path).unwrap_err();
    assert!(matches!(error, PipelineError::TooFewCompared { compared: 1, asked: 2, .. }), "{error}");
}

#[test]
fn a_dataset_that_cannot_be_read_fails_whatever_the_encoder() {
    let Some(bench) = Bench::new() else { return };
    let only_train = bench.dataset("alone", &["train"]);
    let compare = |spec| compare_encoders(&bench.larder, spec, &contenders(&[&bench.encoder]), &[], &mut Silent);
    assert!(matches!(compare(&only_train), Err(PipelineError::NothingToJudge { .. })));
    std::fs::remove_file(bench.path("train.tsv")).unwrap();
    assert!(matches!(compare(&bench.spec), Err(PipelineError::Run(_))));
}

#[test]
fn runs_of_one_dataset_are_compared_and_others_are_refused() {
    let Some(bench) = Bench::new() else { return };
    bench.train(&options(Some("a"), 1.0));
    bench.train(&options(Some("b"), 1e-4));
    let compare = |runs: &[&str]| {
        let runs: Vec<String> = runs.iter().map(|&run| run.to_owned()).collect();
        let judged = EvaluateOptions { splits: &[], device: Device::Cpu, threads: 1, coverage: None };
        compare_runs(&bench.larder, &runs, None, &judged, &mut Silent)
    };
    let found = compare(&["b", "a", "b"]).unwrap();
    let names: Vec<&str> = found.runs.iter().map(|run| run.run.as_str()).collect();
    assert_eq!(names, ["b", "a"], "a run named twice counts once");
    assert_eq!((found.dataset.as_str(), found.best_run.as_ref()), ("toy", Some(&found.splits[0].best)));
    assert_eq!(found.splits[0].differences.len(), 1);
    assert!(found.splits[0].differences[0].difference >= 0.0);

    let elsewhere = bench.dataset("elsewhere", &["train", "dev"]);
    silently(|observer| train(&bench.larder, &elsewhere, &bench.encoder, &options(Some("c"), 1.0), observer));
    let refused = |runs: &[&str]| match compare(runs) {
        Err(PipelineError::Evaluate(EvaluateError::NotComparable { first, second, why })) => (first, second, why),
        other => panic!("{other:?}"),
    };
    let (first, second, why) = refused(&["a", "b", "c"]);
    assert_eq!((first.as_str(), second.as_str()), ("a", "c"));
    assert!(why.contains("dataset is toy") && why.contains("elsewhere"), "{why}");

    let text = std::fs::read_to_string(bench.path("train.tsv")).unwrap();
    std::fs::write(bench.path("train.tsv"), text.replace("\tmove", "\tgo")).unwrap();
    bench.train(&options(Some("d"), 1.0));
    let (_, _, why) = refused(&["a", "d"]);
    assert!(why.contains("labels is colour, move") && why.contains("colour, go"), "{why}");
    assert!(matches!(compare(&["a", "nowhere"]), Err(PipelineError::Run(_))));
    let none = compare(&[]).unwrap();
    assert!(none.runs.is_empty() && none.best_run.is_none());
}

#[test]
fn features_that_are_forced_are_encoded_once_a_comparison() {
    let Some(bench) = Bench::new() else { return };
    let mut asked = contenders(&[&bench.encoder]);
    asked[0].options.encode = EncodeOptions { force: true, ..EncodeOptions::default() };
    for _ in 0..2 {
        let mut told = Told::default();
        let found = compare_encoders(&bench.larder, &bench.spec, &asked, &[], &mut told).unwrap();
        assert_eq!(found.encoders[0].encoding.encoded_splits, 2);
        assert_eq!(told.0.iter().filter(|line| line.starts_with("Encode")).count(), 2, "{:#?}", told.0);
    }
}
