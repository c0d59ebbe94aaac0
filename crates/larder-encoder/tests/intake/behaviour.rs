//! What only running an encoder shows.

use larder_encoder::{EncoderError, LengthOrigin, OutputRole, PooledKind};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{NodeProto, TensorProto};
use larder_onnx::{Axis, GraphBuilder, Model, Value, value_info};

use crate::support::{Bench, chain, edited};

/// Replaces the value of the one-element constant `from`.
fn with_constant(model: Model, from: f32, to: f32) -> Model {
    edited(model, |graph| {
        let mut changed = 0;
        for tensor in &mut graph.initializer {
            if tensor.floats().is_ok_and(|values| *values == [from]) {
                let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
                *tensor = TensorProto::from_f32(tensor.name(), &dims, &[to]);
                changed += 1;
            }
        }
        assert_eq!(changed, 1, "one constant {from}");
    })
}

/// Goes on building behind the token output, which gets another name.
fn rebuilt(model: Model, build: impl FnOnce(&mut GraphBuilder, &Value) -> Vec<(Value, usize)>) -> Model {
    let opset = model.opset("").expect("has operators");
    edited(model, |graph| {
        let mut b = GraphBuilder::from_graph(std::mem::take(graph), opset);
        let outputs = build(&mut b, &Value::named("last_hidden_state"));
        b.clear_outputs();
        for (index, (value, rank)) in outputs.iter().enumerate() {
            let axes: Vec<Axis> = (0..*rank).map(|axis| Axis::symbol(&format!("o{index}_{axis}"))).collect();
            b.output(value, &format!("out_{index}"), DataType::Float, &axes);
        }
        *graph = b.finish();
    })
}

#[test]
fn a_mask_that_is_not_obeyed_is_found_out() {
    let Some(bench) = Bench::new() else { return };
    // What is added to the scores of masked tokens becomes nothing.
    let encoder = bench.add_changed(|model| with_constant(model, -10000.0, 0.0)).expect("can be used").encoder;
    let manifest = encoder.manifest();
    assert!(!manifest.mask_honoured && encoder.needs_exact_lengths());
    assert!(
        manifest.probe.padding_deviation.expect("is finite") > 10.0 * manifest.probe.tolerance,
        "{:?}",
        manifest.probe
    );
    assert!(manifest.probe.batch_deviation < manifest.probe.tolerance);
}

#[test]
fn an_encoder_without_a_mask_is_taken_and_recorded() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench
        .add_changed(|model| {
            edited(model, |graph| {
                // As traced with a mask of ones that was folded into the graph.
                let ones = TensorProto::from_i64("attention_mask", &[1, 1], &[1]);
                graph.input.retain(|input| input.name() != "attention_mask");
                graph.initializer.push(ones);
            })
        })
        .expect("can be used")
        .encoder;
    assert!(encoder.interface().attention_mask.is_none() && encoder.needs_exact_lengths());
}

#[test]
fn texts_that_mix_in_a_batch_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            rebuilt(model, |b, tokens| {
                let mean = b.reduce_mean(tokens, &[0], true);
                vec![(b.add(tokens, &mean), 3)]
            })
        })
        .expect_err("texts see each other");
    assert!(matches!(error, EncoderError::BatchDependent { deviation, .. } if deviation > 0.01), "{error}");
    assert_eq!(bench.left(), [".lock", "tiny"]);
}

#[test]
fn pooled_outputs_are_told_apart_by_what_they_hold() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench
        .add_changed(|model| {
            rebuilt(model, |b, tokens| {
                let first = b.integer(0);
                let cls = b.gather(tokens, &first, 1);
                // Over the padding too: no mask is asked.
                let mean = b.reduce_mean(tokens, &[1], false);
                let per_token = b.reduce_mean(tokens, &[2], false);
                let twice = b.add(&cls, &cls);
                vec![(cls, 2), (per_token, 2), (b.identity(tokens), 3), (mean, 2), (twice, 2)]
            })
        })
        .expect("can be used")
        .encoder;
    let manifest = encoder.manifest();
    let roles: Vec<(&str, OutputRole)> =
        manifest.outputs.iter().map(|output| (output.name.as_str(), output.role)).collect();
    assert_eq!(
        roles,
        [
            ("out_2", OutputRole::Token),
            ("out_0", OutputRole::Pooled),
            ("out_3", OutputRole::Pooled),
            ("out_4", OutputRole::Pooled),
            ("out_1", OutputRole::Ignored),
        ]
    );
    let kinds: Vec<PooledKind> = manifest.probe.pooled.iter().map(|pooled| pooled.kind).collect();
    assert_eq!(kinds, [PooledKind::Cls, PooledKind::Mean, PooledKind::Unknown]);
    assert!(encoder.needs_exact_lengths(), "that mean counts padding");
}

#[test]
fn an_output_of_unknown_rank_finds_its_place() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench
        .add_changed(|model| {
            edited(model, |graph| {
                for output in &mut graph.output {
                    output.r#type = None;
                }
            })
        })
        .expect("can be used")
        .encoder;
    assert_eq!(encoder.interface().token_output.as_ref().expect("is found").name, "last_hidden_state");
    assert_eq!(encoder.interface().pooled_outputs[0].name, "pooler_output");
    assert_eq!((encoder.manifest().hidden_size, encoder.manifest().num_hidden_layers), (32, Some(2)));
}

#[test]
fn positions_that_cannot_be_read_are_measured() {
    let Some(bench) = Bench::new() else { return };
    // Position ids from 2 on, as RoBERTa counts: two rows of the 64 are never reached.
    let encoder = bench
        .add_changed(|model| {
            edited(model, |graph| {
                graph.initializer.push(TensorProto::from_i64("two", &[1], &[2]));
                let place = graph.node.iter().position(|node| node.op_type() == "Slice").expect("positions are sliced");
                let slice = &mut graph.node[place];
                let end = std::mem::replace(&mut slice.input[2], "shifted".to_owned());
                slice.input[1] = "two".to_owned();
                let add = NodeProto {
                    op_type: Some("Add".to_owned()),
                    input: vec![end, "two".to_owned()],
                    output: vec!["shifted".to_owned()],
                    ..Default::default()
                };
                graph.node.insert(place, add);
            })
        })
        .expect("can be used")
        .encoder;
    assert_eq!((encoder.max_tokens(), encoder.manifest().max_positions_from), (62, LengthOrigin::Measured));
}

#[test]
fn outputs_that_are_not_finite_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            edited(model, |graph| {
                let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name() == "embeddings.LayerNorm.bias");
                let tensor = tensor.expect("is published so");
                *tensor = TensorProto::from_f32("embeddings.LayerNorm.bias", &[32], &[f32::NAN; 32]);
            })
        })
        .expect_err("NaN");
    assert!(matches!(&error, EncoderError::NotFinite { text, .. } if text.contains("larder")), "{error}");
}

#[test]
fn fixed_axes_are_refused_by_name_and_size() {
    let Some(bench) = Bench::new() else { return };
    let fixed = |batch: Axis, seq: Axis| {
        let error = bench.add_changed(|model| {
            edited(model, |graph| {
                for input in &mut graph.input {
                    *input = value_info(input.name(), DataType::Int64, &[batch.clone(), seq.clone()]);
                }
            })
        });
        chain(&error.expect_err("cannot be run yet"))
    };
    let error = fixed(Axis::symbol("b"), Axis::Fixed(16));
    assert!(error.contains("takes only sequence 16") && error.contains("dynamic axes"), "{error}");
    let error = fixed(Axis::Fixed(1), Axis::symbol("s"));
    assert!(error.contains("takes only batch 1"), "{error}");
}

#[test]
fn a_model_that_gives_no_token_vectors_is_refused_with_what_it_gives() {
    let Some(bench) = Bench::new() else { return };
    let error =
        bench.add_changed(|model| model.pruned(&["pooler_output"]).expect("is there")).expect_err("pooled only");
    assert!(
        matches!(&error, EncoderError::NoTokenOutput { outputs, .. } if outputs.contains("pooler_output")),
        "{error}"
    );
}
