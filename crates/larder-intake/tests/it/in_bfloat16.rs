//! An encoder's graph with products in bfloat16, compared with the one that was added.

use std::path::Path;

use larder_intake::{AddRequest, BFLOAT16_TOLERANCE};

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
        let encoder = larder_intake::Encoder::open(&bench.home, name).expect("is there");
        let before = encoder.model_bytes().expect("is there");
        match encoder.in_bfloat16(&bench.runtime).expect("can be compared") {
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
