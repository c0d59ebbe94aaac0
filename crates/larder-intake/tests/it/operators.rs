//! An encoder's graph with larder's own operators, compared with the one that was added.

use std::path::Path;

use larder_intake::{AddRequest, BFLOAT16_TOLERANCE, COMPARISONS_FILE, Encoder, QuantiseRequest, TOLERANCE, quantise};
use larder_onnx::OperatorForm;

use crate::support::{Bench, TINY};

#[test]
fn graphs_that_could_be_read_run_in_bfloat16() {
    let Some(bench) = Bench::new() else { return };
    bench.init("tiny", 0, TINY).expect("is made");
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports");
    let given = [("albert_ts_eager", true), ("ort_roberta_half_keep_io", true), ("nbits_4bit", false)];
    for (name, _) in given {
        let source = exports.join(name);
        bench.add(&AddRequest { source, name: Some(name.to_owned()), ..AddRequest::default() }).expect("is taken");
    }
    for (name, taken) in [("tiny", true)].into_iter().chain(given) {
        let encoder = Encoder::open(&bench.home, name).expect("is there");
        let before = encoder.model_bytes().expect("is there");
        match encoder.with_operators(&bench.runtime, OperatorForm::Bfloat16).expect("can be compared") {
            Ok((running, deviation)) => {
                assert!(taken && running.rebuilt, "{name}");
                // Rounded, and no more than that.
                assert!(deviation > 1e-4 && deviation <= BFLOAT16_TOLERANCE, "{name}: {deviation:e}");
            }
            Err(reason) => assert!(!taken && reason.contains("quantised"), "{name}: {reason}"),
        }
        assert!(encoder.model_bytes().expect("is there") == before, "{name}: nothing is written");
    }
}

#[test]
fn numbers_of_an_encoder_stay_in_operators_of_their_own_form() {
    let Some(bench) = Bench::new() else { return };
    bench.init("tiny", 0, TINY).expect("is made");
    let request = QuantiseRequest { encoder: "tiny".to_owned(), ..QuantiseRequest::default() };
    quantise(&bench.home, &bench.runtime, &request, &mut |_| {}).expect("has products");
    let open = |name| Encoder::open(&bench.home, name).expect("is there");
    let compared = |name, form| open(name).with_operators(&bench.runtime, form).expect("can be compared");
    let (_, deviation) = compared("tiny", OperatorForm::Float32).expect("agrees");
    assert!(deviation <= TOLERANCE, "{deviation:e}");
    let (running, deviation) = compared("tiny-int8", OperatorForm::Int8).expect("agrees");
    assert!(running.rebuilt && deviation <= open("tiny-int8").manifest().probe.tolerance, "{deviation:e}");
    for (name, form) in [("tiny", OperatorForm::Int8), ("tiny-int8", OperatorForm::Bfloat16)] {
        let reason = compared(name, form).expect_err("has no such products");
        assert!(reason.contains("no products"), "{reason}");
    }
}

#[test]
fn a_comparison_is_made_once() {
    let Some(bench) = Bench::new() else { return };
    bench.init("tiny", 0, TINY).expect("is made");
    let encoder = Encoder::open(&bench.home, "tiny").expect("is there");
    let path = encoder.folder().join(COMPARISONS_FILE);
    let compared = || encoder.with_operators(&bench.runtime, OperatorForm::Float32).expect("can be compared");
    let measured = compared().expect("agrees").1;
    let written = std::fs::read_to_string(&path).expect("is kept");

    // What stands there is believed, whatever a comparison would say, as long as it is about the same.
    let claim = |from: &str, to: &str| {
        let mut value: serde_json::Value = serde_json::from_str(&written.replace(from, to)).expect("is JSON");
        value.as_object_mut().expect("is an object").remove("checksum");
        std::fs::write(&path, value.to_string()).expect("can be written");
    };
    let deviation = serde_json::to_string(&measured).expect("is a number");
    claim(&deviation, "0.000012345");
    assert_eq!(compared().expect("agrees").1, 0.000_012_345);
    claim(&format!("\"agrees\",\n      \"deviation\": {deviation}"), "\"differs\",\n      \"reason\": \"of the test\"");
    let reason = compared().expect_err("is said to differ");
    assert!(reason.contains("of the test") && reason.contains(COMPARISONS_FILE), "{reason}");
    // Of another version, another model, another form, or damaged: it is compared again, and kept.
    for (from, to) in
        [(bench.runtime.version(), "0.0.1"), (&encoder.manifest().digest, "0123"), ("float32", "other"), ("{", "")]
    {
        if to.is_empty() {
            std::fs::write(&path, "no JSON").expect("can be written");
        } else {
            claim(&deviation, "0.000012345");
            let text = std::fs::read_to_string(&path).expect("is there").replace(from, to);
            std::fs::write(&path, text).expect("can be written");
        }
        assert_eq!(compared().expect("agrees").1, measured, "{from}");
        let kept = std::fs::read_to_string(&path).expect("is kept");
        assert!(kept.contains(&deviation), "{kept}");
    }
    // Nowhere to keep it.
    std::fs::remove_file(&path).expect("is there");
    std::fs::create_dir(&path).expect("can be made");
    assert_eq!(compared().expect("agrees").1, measured);
}
