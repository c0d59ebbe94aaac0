//! Features: the right numbers under the right names, and nothing that was not asked for.

use larder_onnx::{FeatureKind, FeatureOutput, Interface, Model, OnnxError, Pool, select_features};

use crate::support::*;

fn feature(kind: FeatureKind, layer: usize) -> FeatureOutput {
    FeatureOutput::new(layer, kind)
}

fn selected(model: &Model, wanted: &[FeatureOutput]) -> Result<Model, OnnxError> {
    select_features(model, &Interface::recognise(model)?, wanted)
}

#[test]
fn columns_are_named_by_kind_and_layer() {
    assert_eq!(feature(FeatureKind::Pooled(Pool::Mean), 6).column(6), "mean");
    assert_eq!(feature(FeatureKind::Pooled(Pool::Mean), 4).column(6), "mean_l4");
    assert_eq!(feature(FeatureKind::Tokens, 6).column(6), "embedding");
    assert_eq!(feature(FeatureKind::Tokens, 0).column(6), "embedding_l0");
    assert_eq!("mean".parse::<Pool>().expect("is known"), Pool::Mean);
    assert!(
        "min".parse::<Pool>().unwrap_err().to_string().starts_with("unknown pooling \"min\"; known: cls, mean, pooler")
    );
    for (normalised, column) in [(false, "max_l4"), (true, "max_l4_normalised")] {
        let feature = FeatureOutput::new(4, Pool::Max).normalised_if(normalised);
        assert_eq!((feature.column(6).as_str(), FeatureOutput::of_column(column, 6)), (column, Some(feature)));
        let written = serde_json::to_string(&feature).expect("can be written");
        assert_eq!(serde_json::from_str::<FeatureOutput>(&written).expect("can be read"), feature);
    }
    assert_eq!(FeatureOutput::of_column("pooler_l2", 6), None, "there is one of the last layer alone");
}

#[test]
fn all_features_of_the_tiny_encoder_agree_with_pytorch() {
    let golden = golden("tiny/outputs_gelu.safetensors");
    let batch = golden.batch();
    let (_, states) = golden.floats("hidden_states");
    let (_, means) = golden.floats("layer_means");
    let (layers, hidden) = (2, 32);
    let mut wanted = vec![feature(FeatureKind::Pooled(Pool::Pooler), layers)];
    for layer in 0..=layers {
        let pools = Pool::ALL.iter().filter(|pool| !matches!(pool, Pool::Pooler | Pool::Published));
        wanted.extend(pools.map(|pool| FeatureOutput::new(layer, *pool)));
        wanted.push(feature(FeatureKind::Tokens, layer));
    }
    let encoder = tiny_model();
    let interface = Interface::recognise(&encoder).expect("is recognised");
    let model = select_features(&encoder, &interface, &wanted).expect("all are there");
    let columns: Vec<String> = wanted.iter().map(|feature| feature.column(layers)).collect();
    let outputs: Vec<&str> = model.outputs().iter().map(|output| output.name()).collect();
    assert_eq!(outputs, columns);
    let found = run_session(&mut session(&model), &interface, &batch, &outputs);

    let tokens = batch.seq * hidden;
    for ((feature, column), found) in wanted.iter().zip(&columns).zip(&found) {
        let state = &states[feature.layer * batch.rows * tokens..][..batch.rows * tokens];
        let expected: Vec<f32> = match feature.kind {
            FeatureKind::Pooled(Pool::Pooler) => golden.floats("pooler_output").1,
            FeatureKind::Tokens => state.to_vec(),
            FeatureKind::Pooled(Pool::Cls) => state.chunks(tokens).flat_map(|row| row[..hidden].to_vec()).collect(),
            FeatureKind::Pooled(Pool::Mean) => {
                let rows = means.chunks((layers + 1) * hidden);
                rows.flat_map(|row| row[feature.layer * hidden..][..hidden].to_vec()).collect()
            }
            FeatureKind::Pooled(pool) => {
                let rows = state.chunks(tokens).zip(batch.attention_mask.chunks(batch.seq));
                rows.flat_map(|(row, mask)| pooled(pool, row, mask, hidden)).collect()
            }
        };
        assert_close(column, floats(found), &expected, TOLERANCE);
    }
}

/// A text's vector by its formula, in float64.
fn pooled(pool: Pool, row: &[f32], mask: &[i64], hidden: usize) -> Vec<f32> {
    let length = mask.iter().filter(|&&is_token| is_token == 1).count();
    let tokens: Vec<&[f32]> = row.chunks(hidden).take(length).collect();
    let total = (length * (length + 1) / 2) as f64;
    let weight = |place: usize| match pool {
        Pool::MeanSqrtLen => 1.0 / (length as f64).sqrt(),
        Pool::WeightedMean => (place + 1) as f64 / total,
        _ => f64::from(u8::from(place + 1 == length)),
    };
    let feature = |at: usize| match pool {
        Pool::Max => tokens.iter().map(|token| token[at]).fold(f32::NEG_INFINITY, f32::max),
        _ => tokens.iter().enumerate().map(|(place, token)| weight(place) * f64::from(token[at])).sum::<f64>() as f32,
    };
    (0..hidden).map(feature).collect()
}

#[test]
fn the_means_of_every_minilm_layer_agree_with_pytorch() {
    let Some(folder) = minilm_folder() else { return };
    let config = larder_onnx::EncoderConfig::load(&folder.join("config.json")).expect("MiniLM is a BERT");
    let weights = larder_onnx::Weights::load(&folder.join("model.safetensors")).expect("they are well formed");
    let encoder = larder_onnx::build(&config, &weights).expect("it can be built");
    let interface = Interface::recognise(&encoder).expect("is recognised");
    let wanted: Vec<FeatureOutput> = (0..=6).map(|layer| feature(FeatureKind::Pooled(Pool::Mean), layer)).collect();
    let model = select_features(&encoder, &interface, &wanted).expect("all are there");
    let golden = golden("minilm.safetensors");
    let outputs: Vec<&str> = model.outputs().iter().map(|output| output.name()).collect();
    let found = run_session(&mut session(&model), &interface, &golden.batch(), &outputs);
    assert_close("mean", floats(&found[6]), &golden.floats("mean").1, TOLERANCE);
    // Rows 2 and 4, [row, layer, hidden].
    let (_, means) = golden.floats("layer_means");
    for (row, expected) in [2, 4].into_iter().zip(means.chunks(7 * 384)) {
        for (layer, expected) in expected.chunks(384).enumerate() {
            assert_close(outputs[layer], &floats(&found[layer])[row * 384..][..384], expected, TOLERANCE);
        }
    }
}

#[test]
fn nothing_unasked_stays() {
    let encoder = tiny_model();
    let model = selected(&encoder, &[feature(FeatureKind::Pooled(Pool::Mean), 1)]).expect("is there");
    let tensors: Vec<&str> = model.graph().initializer.iter().map(|tensor| tensor.name()).collect();
    assert!(tensors.contains(&"encoder.layer.0.output.LayerNorm.weight"));
    assert!(!tensors.iter().any(|name| name.starts_with("encoder.layer.1") || name.starts_with("pooler")));
    assert!(model.graph().node.iter().all(|node| !node.name().starts_with("encoder.layer.1")));
    assert_eq!(model.inputs().len(), 3);
    // The same twice is the same once.
    let twice = selected(&encoder, &[feature(FeatureKind::Pooled(Pool::Mean), 1); 2]).expect("is there");
    assert_eq!(twice, model);
}

#[test]
fn a_mean_without_tokens_is_zero() {
    let encoder = tiny_model();
    let interface = Interface::recognise(&encoder).expect("is recognised");
    let model =
        select_features(&encoder, &interface, &[feature(FeatureKind::Pooled(Pool::Mean), 2)]).expect("is there");
    let mut batch = golden("tiny/outputs_gelu.safetensors").batch().row(2);
    batch.attention_mask.fill(0);
    let found = run_session(&mut session(&model), &interface, &batch, &["mean"]);
    assert_eq!(floats(&found[0]), [0.0; 32]);
}

#[test]
fn foreign_exports_are_pooled_alike() {
    for (file, with_types) in [("torchscript.onnx", true), ("oddly_named.onnx", false)] {
        let encoder = Model::load(&data(file)).expect("is checked in");
        let interface = Interface::recognise(&encoder).expect("is recognised");
        let wanted = [
            FeatureKind::Tokens,
            FeatureKind::Pooled(Pool::Mean),
            FeatureKind::Pooled(Pool::Cls),
            FeatureKind::Pooled(Pool::Pooler),
        ];
        let wanted = wanted.map(|kind| feature(kind, 2));
        let model = select_features(&encoder, &interface, &wanted).expect("all are there");
        let mut batch = golden("tiny/outputs_gelu.safetensors").batch().row(1).padded(3, 7);
        batch.input_ids.iter_mut().for_each(|id| *id %= 60);
        batch.token_type_ids.fill(0);
        assert_eq!(interface.token_type_ids.is_some(), with_types);

        let token = interface.token_output.as_ref().expect("has one").name.as_str();
        let pooled = interface.pooled_outputs[0].name.as_str();
        let original = run_session(&mut session(&encoder), &interface, &batch, &[token, pooled]);
        let columns = ["embedding", "mean", "cls", "pooler"];
        let found = run_session(&mut session(&model), &interface, &batch, &columns);
        let tokens = floats(&original[0]);
        let (kept, hidden) = (batch.seq - 3, 16);
        let mean: Vec<f32> = (0..hidden)
            .map(|at| (0..kept).map(|token| tokens[token * hidden + at]).sum::<f32>() / kept as f32)
            .collect();
        // One model in two shapes: only the fused kernels may differ.
        assert_close(file, floats(&found[0]), tokens, 1e-5);
        assert_close(file, floats(&found[1]), &mean, 1e-5);
        assert_close(file, floats(&found[2]), &tokens[..hidden], 1e-5);
        assert_close(file, floats(&found[3]), floats(&original[1]), 1e-5);
    }
}

#[test]
fn what_a_model_does_not_have_is_said() {
    let foreign = Model::load(&data("torchscript.onnx")).expect("is checked in");
    let message = selected(&foreign, &[feature(FeatureKind::Pooled(Pool::Mean), 3)]).unwrap_err().to_string();
    assert_eq!(message, "layer 3 cannot be found in this model: layers 0 (embeddings) to 2 can be asked for");
    let own = tiny_model();
    let message = selected(&own, &[feature(FeatureKind::Pooled(Pool::Mean), 3)]).unwrap_err().to_string();
    assert_eq!(message, "layer 3 cannot be found in this model: layers 0 (embeddings) to 2 can be asked for");
    let message = selected(&own, &[feature(FeatureKind::Pooled(Pool::Pooler), 1)]).unwrap_err().to_string();
    assert_eq!(message, "this model has no pooled output for `pooler` at layer 1: only the last layer, 2, has one");
    let pooled_only = foreign.pruned(&["pooler_output"]).expect("is there");
    let message = selected(&pooled_only, &[feature(FeatureKind::Tokens, 2)]).unwrap_err().to_string();
    assert!(message.contains("sentence embedding") && message.contains("tagging"), "{message}");
    let headless = own.pruned(&["last_hidden_state"]).expect("is there");
    let mut proto = headless.into_proto();
    proto.metadata_props.retain(|entry| entry.key() != "larder.pooler_output");
    let headless = Model::from_proto(proto).expect("is sound");
    assert!(matches!(
        selected(&headless, &[feature(FeatureKind::Pooled(Pool::Pooler), 2)]),
        Err(OnnxError::NoPooler { layer: 2, .. })
    ));
    assert!(matches!(selected(&headless, &[]), Err(OnnxError::NothingAsked)));
}
