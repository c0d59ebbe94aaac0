//! What only running an encoder shows.

use larder_intake::{AddRequest, EncoderError, LengthOrigin, OutputRole, PooledKind, verify};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::proto::{NodeProto, TensorProto};
use larder_onnx::{Axis, GraphBuilder, Interface, Model, Value, value_info};

use crate::support::{Bench, edited, without_names};

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

/// Rows of a table are sliced, and nothing ends with it: so are DeBERTa's distances.
#[test]
fn a_graph_that_reads_on_behind_a_table_has_no_table_of_positions() {
    let Some(bench) = Bench::new() else { return };
    let source = bench.changed(|model| {
        edited(without_names(model), |graph| {
            graph.initializer.push(TensorProto::from_i64("one", &[1], &[1]));
            let slice = graph.node.iter_mut().find(|node| node.op_type() == "Slice").expect("positions are sliced");
            slice.input[2] = "one".to_owned();
        })
    });
    let add = |name: &str| {
        let request = AddRequest { source: source.clone(), name: Some(name.to_owned()), ..AddRequest::default() };
        let encoder = bench.add(&request).expect("can be used").encoder;
        assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
        encoder
    };
    let bare = add("bare");
    assert_eq!((bare.max_tokens(), bare.longest_tokens(), bare.interface().position_rows), (1024, 1024, None));
    bench.write("changed/config.json", r#"{"max_position_embeddings": 40}"#);
    let declared = add("declared");
    assert_eq!((declared.max_tokens(), declared.longest_tokens()), (40, 1024));
    assert_eq!(declared.manifest().max_positions_from, LengthOrigin::Declared);
    assert!(declared.length_note(40).is_none());
    assert!(declared.length_note(100).expect("is told").contains("reads up to 1024"));
    assert!(declared.length_note(2000).expect("is told").contains("longer texts are cut to that"));
    // A table that ends the texts.
    let tiny = bench.tiny("other");
    assert_eq!((tiny.max_tokens(), tiny.longest_tokens(), tiny.interface().position_rows), (64, 64, Some(64)));
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
    assert!(matches!(&error, EncoderError::DamagedWeights { .. }), "{error}");
    assert!(error.to_string().contains("\"embeddings.LayerNorm.bias\" holds NaN at [0]"), "{error}");
}

/// Inputs of these axes.
fn with_axes(model: Model, batch: Axis, seq: Axis) -> Model {
    edited(model, |graph| {
        for input in &mut graph.input {
            *input = value_info(input.name(), DataType::Int64, &[batch.clone(), seq.clone()]);
        }
    })
}

#[test]
fn fixed_axes_are_filled_up() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench.add_changed(|model| with_axes(model, Axis::Fixed(3), Axis::Fixed(16))).expect("runs").encoder;
    let manifest = encoder.manifest();
    assert_eq!((manifest.fixed_batch, manifest.fixed_seq), (Some(3), Some(16)));
    assert_eq!((encoder.max_tokens(), manifest.mask_honoured), (16, true));
    assert!(manifest.probe.padding_deviation.expect("is finite") < manifest.probe.tolerance);
    assert!(manifest.notes.iter().any(|note| note.contains("16 tokens")), "{:?}", manifest.notes);
    assert!(manifest.notes.iter().any(|note| note.contains("3 texts at once")), "{:?}", manifest.notes);
    assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
}

#[test]
fn a_fixed_length_without_a_mask_that_works_is_refused() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| with_axes(with_constant(model, -10000.0, 0.0), Axis::symbol("b"), Axis::Fixed(16)))
        .expect_err("padding would be read");
    assert!(matches!(error, EncoderError::FixedAxis { size: 16, deviation, .. } if deviation > 0.01), "{error}");
}

#[test]
fn declared_sizes_ask_for_no_memory() {
    let Some(bench) = Bench::new() else { return };
    for (batch, seq) in [(1, 1 << 40), (1 << 40, 1 << 40), (0, 16)] {
        let error = bench.add_changed(|model| with_axes(model, Axis::Fixed(batch), Axis::Fixed(seq)));
        let error = error.expect_err("no machine holds that");
        assert!(matches!(&error, EncoderError::FixedSizes { sizes, .. } if *sizes == [batch, seq]), "{error}");
    }
}

#[test]
fn a_sentence_embedding_is_taken_as_given() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench.add_changed(|model| model.pruned(&["pooler_output"]).expect("is there")).expect("runs").encoder;
    assert!(!encoder.gives_tokens());
    assert_eq!((encoder.default_pool(), encoder.manifest().hidden_size), (larder_onnx::Pool::Pooler, 32));
    let pooled = &encoder.manifest().probe.pooled;
    assert_eq!(pooled.iter().map(|pooled| pooled.kind).collect::<Vec<_>>(), [PooledKind::Given]);
    assert!(encoder.manifest().hidden_states.is_empty());
    assert!(encoder.manifest().notes[0].contains("tagging"), "{:?}", encoder.manifest().notes);
    assert!(verify(&encoder, &bench.runtime, &mut |_| ()).is_sound());
}

/// Nothing is asked of the runtime where the graph does not tell the type and only a session does.
#[test]
fn an_output_of_a_type_that_is_not_read_is_named() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            edited(model, |graph| {
                let mut b = GraphBuilder::from_graph(std::mem::take(graph), 17);
                let whole = b.cast(&Value::named("pooler_output"), DataType::Int8);
                b.clear_outputs();
                b.output(&whole, "whole", DataType::Int8, &[]);
                *graph = b.finish();
                graph.output[0].r#type = None;
            })
        })
        .expect_err("integers");
    assert!(
        matches!(&error, EncoderError::OutputType { output, found, .. } if output == "whole" && found == "int8"),
        "{error}"
    );
}

#[test]
fn a_models_scores_are_no_embedding() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            rebuilt(model, |b, tokens| {
                let first = b.integer(0);
                let cls = b.gather(tokens, &first, 1);
                let head = b.initializer(TensorProto::from_f32("head", &[32, 3], &[0.1; 96]));
                vec![(b.mat_mul(&cls, &head), 2)]
            })
        })
        .expect_err("three classes");
    assert!(
        matches!(&error, EncoderError::NoTokenOutput { outputs, .. } if outputs.contains("out_0 [2, 3] (too narrow")),
        "{error}"
    );
}

#[test]
fn layers_that_running_does_not_bear_out_are_not_believed() {
    let Some(bench) = Bench::new() else { return };
    let states = |change: &dyn Fn(Model) -> Model| {
        let encoder = bench
            .add(&AddRequest {
                source: bench.changed(|model| change(without_names(model))),
                name: Some("states".to_owned()),
                replace: true,
                ..AddRequest::default()
            })
            .expect("runs")
            .encoder;
        (encoder.manifest().hidden_states.clone(), encoder.interface().hidden_states_problem.clone())
    };
    let (found, problem) = states(&|model| model);
    assert_eq!((found.len(), problem), (3, None));
    // The embeddings turned about and back: the tensor after the last turn is as good as the one before.
    let (found, problem) = states(&|model| {
        let name = Interface::recognise(&model).expect("is recognised").hidden_states[0].clone();
        edited(model, |graph| {
            let swap = |input: &str, output: &str| NodeProto {
                op_type: Some("Identity".to_owned()),
                input: vec![input.to_owned()],
                output: vec![output.to_owned()],
                ..Default::default()
            };
            let place = graph.node.iter().position(|node| node.output.contains(&name)).expect("is made");
            graph.node[place].output[0] = "made".to_owned();
            graph.node.splice(place + 1..place + 1, [swap("made", "on the way"), swap("on the way", &name)]);
        })
    });
    assert_eq!((found.len(), problem), (3, None));
    // A last layer that adds nothing is no layer.
    let (found, problem) = states(&|model| {
        let interface = Interface::recognise(&model).expect("is recognised");
        let (before, last) = (interface.hidden_states[1].clone(), interface.hidden_states[2].clone());
        edited(model, |graph| {
            let made = graph.node.iter_mut().find(|node| node.output.contains(&last)).expect("is made");
            made.output[0] = "unused".to_owned();
            let node = |op: &str, input: &[&str], output: &str| NodeProto {
                op_type: Some(op.to_owned()),
                input: input.iter().map(|&name| name.to_owned()).collect(),
                output: vec![output.to_owned()],
                ..Default::default()
            };
            for node in &mut graph.node {
                for input in node.input.iter_mut().filter(|input| **input == last) {
                    *input = "unused".to_owned();
                }
            }
            graph.node.push(node("Sub", &["unused", "unused"], "nothing"));
            // The layers of this builder lie flat between the blocks.
            graph.node.push(node("Shape", &["unused"], "three axes"));
            graph.node.push(node("Reshape", &[&before, "three axes"], "before"));
            graph.node.push(node("Add", &["before", "nothing"], &last));
        })
    });
    assert!(found.is_empty() && problem.as_ref().is_some_and(|p| p.contains("hold the same")), "{found:?} {problem:?}");
}

/// A table's row that no text of the probe comes across is found too, before anybody does.
#[test]
fn a_row_of_a_table_that_is_no_number_is_found_when_the_encoder_is_added() {
    let Some(bench) = Bench::new() else { return };
    let error = bench
        .add_changed(|model| {
            edited(model, |graph| {
                let table =
                    graph.initializer.iter_mut().find(|tensor| tensor.name().ends_with("word_embeddings.weight"));
                let table = table.expect("is published so");
                let (dims, mut values) = (table.dims.clone(), table.floats().expect("floats").into_owned());
                let width = dims[1] as usize;
                let last = values.len() - width;
                values[last + 3] = f32::NAN;
                let name = table.name().to_owned();
                *table = TensorProto::from_f32(&name, &[dims[0] as usize, width], &values);
            })
        })
        .expect_err("NaN");
    assert!(matches!(&error, EncoderError::DamagedWeights { .. }), "{error}");
    assert!(error.to_string().contains("word_embeddings.weight") && error.to_string().contains("NaN"), "{error}");
}

/// Vectors made of the last layer's for something else (late interaction, a smaller space) stand beside it: wherever, and of
/// whatever width.
#[test]
fn a_projection_of_the_token_vectors_is_not_the_last_layer() {
    for (name, width, first) in
        [("narrow", 20, false), ("narrow first", 20, true), ("as wide", 32, false), ("as wide first", 32, true)]
    {
        let Some(bench) = Bench::new() else { return };
        let encoder = bench
            .add_changed(|model| {
                rebuilt(model, |b, last| {
                    let values: Vec<f32> = (0..32 * width).map(|at| ((at * 37 % 101) as f32 - 50.0) / 100.0).collect();
                    let weight = b.initializer(TensorProto::from_f32("projection", &[32, width], &values));
                    let projected = b.mat_mul(last, &weight);
                    let (last, projected) = ((last.clone(), 3), (projected, 3));
                    if first { vec![projected, last] } else { vec![last, projected] }
                })
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .encoder;
        let interface = encoder.interface();
        let token = interface.token_output.as_ref().expect("gives tokens");
        assert_eq!(token.name, if first { "out_1" } else { "out_0" }, "{name}");
        assert_eq!((interface.hidden_size, interface.layers), (32, Some(2)), "{name}");
    }
}
