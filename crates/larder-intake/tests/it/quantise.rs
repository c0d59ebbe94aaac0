//! A second encoder of an encoder, with its products in 8-bit integers.

use std::path::Path;

use larder_intake::{AddRequest, EncoderError, Outcome, QuantiseRequest, SourceKind, quantise};
use larder_onnx::Model;

use crate::support::{Bench, TINY};

fn request(encoder: &str) -> QuantiseRequest {
    QuantiseRequest { encoder: encoder.to_owned(), ..QuantiseRequest::default() }
}

fn of_type(model: &Model, op_type: &str) -> usize {
    model.graph().node.iter().filter(|node| node.op_type() == op_type).count()
}

#[test]
fn products_become_integers_and_texts_stay_apart() {
    let Some(bench) = Bench::new() else { return };
    let original = bench.init("tiny", 0, TINY).expect("is made").encoder;
    let quiet = &mut |_: &str| ();
    let added = quantise(&bench.home, &bench.runtime, &request("tiny"), quiet).expect("is a BERT in floats");
    let manifest = added.encoder.manifest();
    assert_eq!((added.encoder.name(), manifest.source.kind), ("tiny-int8", SourceKind::Quantised));
    assert_eq!(manifest.source.files[0].digest, original.manifest().digest, "it says what it was made of");
    assert_ne!(manifest.digest, original.manifest().digest);
    assert!(manifest.batch_independent && manifest.mask_honoured, "{:?}", manifest.probe);
    assert_eq!(manifest.hidden_states.len(), 3, "every layer can be read");

    let model = added.encoder.model().expect("is there");
    // Six products in each of two layers, and the pooler's.
    assert_eq!((of_type(&model, "MatMulIntegerToFloat"), of_type(&model, "Gemm")), (13, 0));
    let bytes = |encoder: &larder_intake::Encoder| encoder.model_bytes().expect("is there").len();
    assert!(bytes(&added.encoder) < bytes(&original));

    let again = quantise(&bench.home, &bench.runtime, &request("tiny"), quiet).expect("is the same");
    assert_eq!(again.outcome, Outcome::Unchanged);
    let twice = quantise(&bench.home, &bench.runtime, &request("tiny-int8"), quiet).expect_err("has no floats left");
    assert!(matches!(&twice, EncoderError::NotQuantised { encoder, .. } if encoder == "tiny-int8"), "{twice}");
}

#[test]
fn exports_are_quantised_where_their_weights_could_be_read() {
    let Some(bench) = Bench::new() else { return };
    let quiet = &mut |_: &str| ();
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/exports");
    for (name, taken) in [("albert_ts_eager", true), ("ort_roberta_half_keep_io", true), ("nbits_4bit", false)] {
        let source = exports.join(name);
        bench.add(&AddRequest { source, name: Some(name.to_owned()), ..AddRequest::default() }).expect("is taken");
        match quantise(&bench.home, &bench.runtime, &request(name), quiet) {
            Ok(added) => assert!(taken && added.encoder.manifest().batch_independent, "{name}"),
            Err(problem) => {
                let text = problem.to_string();
                assert!(!taken && text.contains(name) && text.contains("quantised"), "{name}: {text}");
            }
        }
    }
    let missing = quantise(&bench.home, &bench.runtime, &request("nobody"), quiet).expect_err("is not there");
    assert!(matches!(missing, EncoderError::NotFound { .. }), "{missing}");
}
