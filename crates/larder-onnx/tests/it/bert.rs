//! The built encoder against PyTorch: `tests/goldens/encoder/recipe.py` made the expected values.

use larder_onnx::{
    Activation, EncoderConfig, Interface, Model, Weights, build, families, random_weights, unused_weights,
};

use crate::support::*;

fn hidden_state_names(model: &Model) -> Vec<String> {
    let json = model.metadata(families::metadata::HIDDEN_STATES).expect("a built model records its hidden states");
    serde_json::from_str(json).expect("they are a JSON list")
}

#[test]
fn every_layer_of_the_tiny_encoder_agrees_with_pytorch() {
    let golden = golden("tiny/outputs_gelu.safetensors");
    let (shape, expected) = golden.floats("hidden_states");
    let model = tiny_model();
    let names = hidden_state_names(&model);
    assert_eq!(names, ["hidden_states.0", "hidden_states.1", "last_hidden_state"]);
    let pooled = run(&model, &golden.batch(), &["pooler_output"]);
    assert_close("pooler_output", floats(&pooled[0]), &golden.floats("pooler_output").1, TOLERANCE);

    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = model.pruned(&names).expect("the hidden states are there");
    // Outputs that pruning adds carry no type, so the tensor output is told by hand.
    let interface = Interface::recognise(&tiny_model()).expect("the tiny encoder is recognised");
    let found = run_session(&mut session(&all), &interface, &golden.batch(), &names);
    let size = shape[1..].iter().product();
    for ((name, found), expected) in names.iter().zip(&found).zip(expected.chunks(size)) {
        assert_eq!(found.shape, shape[1..]);
        assert_close(name, floats(found), expected, TOLERANCE);
    }
}

#[test]
fn every_activation_agrees_with_pytorch() {
    for activation in [Activation::GeluNew, Activation::Relu] {
        let config = EncoderConfig { hidden_act: activation, ..tiny_config() };
        let model = build(&config, &tiny_weights()).expect("the activation is supported");
        let golden = golden(&format!("tiny/outputs_{activation}.safetensors"));
        let batch = crate::support::golden("tiny/outputs_gelu.safetensors").batch();
        let found = run(&model, &batch, &["last_hidden_state", "pooler_output"]);
        let (shape, expected) = golden.floats("last_hidden_state_row_2");
        let row = shape.iter().product::<usize>();
        assert_close(activation.as_str(), &floats(&found[0])[2 * row..3 * row], &expected, TOLERANCE);
        assert_close(activation.as_str(), floats(&found[1]), &golden.floats("pooler_output").1, TOLERANCE);
    }
}

#[test]
fn minilm_agrees_with_pytorch() {
    let Some(folder) = minilm_folder() else { return };
    let config = EncoderConfig::load(&folder.join("config.json")).expect("MiniLM is a BERT");
    let weights = Weights::load(&folder.join("model.safetensors")).expect("its weights are well formed");
    assert_eq!(unused_weights(&config, &weights), ["embeddings.position_ids"]);
    let model = build(&config, &weights).expect("it can be built");
    let golden = golden("minilm.safetensors");
    let batch = golden.batch();
    let found = run(&model, &batch, &["last_hidden_state", "pooler_output"]);
    let hidden = config.hidden_size;
    let row = batch.seq * hidden;
    let tokens = floats(&found[0]);
    assert_close("pooler_output", floats(&found[1]), &golden.floats("pooler_output").1, TOLERANCE);
    let cls: Vec<f32> = tokens.chunks(row).flat_map(|tokens| tokens[..hidden].to_vec()).collect();
    assert_close("first tokens", &cls, &golden.floats("cls").1, TOLERANCE);
    let (shape, expected) = golden.floats("last_hidden_state_row_4");
    assert_close("row 4", &tokens[4 * row..][..shape[0] * hidden], &expected, TOLERANCE);
}

#[test]
fn padding_changes_nothing_and_a_batch_is_its_rows() {
    let model = tiny_model();
    let batch = golden("tiny/outputs_gelu.safetensors").batch();
    let interface = Interface::recognise(&model).expect("the tiny encoder is recognised");
    let mut session = session(&model);
    let together = run_session(&mut session, &interface, &batch, &["last_hidden_state", "pooler_output"]);
    let hidden = interface.hidden_size;
    for row in 0..batch.rows {
        let single = batch.row(row);
        for alone in [single.clone(), single.padded(5, 99)] {
            let found = run_session(&mut session, &interface, &alone, &["last_hidden_state", "pooler_output"]);
            let kept = single.seq * hidden;
            let expected = &floats(&together[0])[row * batch.seq * hidden..][..kept];
            // The same sums in another order: values of order one, a few hundred terms.
            assert_close("tokens", &floats(&found[0])[..kept], expected, 1e-5);
            let expected = &floats(&together[1])[row * hidden..][..hidden];
            assert_close("pooler", floats(&found[1]), expected, 1e-5);
        }
    }
}

#[test]
fn a_row_of_padding_alone_is_finite() {
    let mut batch = golden("tiny/outputs_gelu.safetensors").batch().row(2);
    batch.attention_mask.fill(0);
    let found = run(&tiny_model(), &batch, &["last_hidden_state"]);
    assert!(floats(&found[0]).iter().all(|value| value.is_finite()));
}

#[test]
fn parameters_keep_their_names_and_values() {
    let (config, weights, model) = (tiny_config(), tiny_weights(), tiny_model());
    for parameter in config.parameters(true) {
        let found = model.initializer_floats(&parameter.name).expect(&parameter.name);
        let expected = weights.get(&parameter.name, &parameter.shape).expect("the tiny weights are complete");
        assert_eq!(found.as_ref(), expected, "{}", parameter.name);
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let narrow = EncoderConfig { hidden_size: 16, embedding_size: 16, ..tiny_config() };
    let message = build(&narrow, &tiny_weights()).unwrap_err().to_string();
    assert!(message.contains("embeddings.word_embeddings.weight") && message.contains("[100, 32]"), "{message}");
    let deep = EncoderConfig { num_hidden_layers: 3, num_hidden_groups: 3, ..tiny_config() };
    let message = build(&deep, &tiny_weights()).unwrap_err().to_string();
    assert!(message.contains("encoder.layer.2.attention.self.query.weight"), "{message}");
}

#[test]
fn random_weights_build_and_run() {
    let config = tiny_config();
    let weights = random_weights(&config, 1).expect("the sizes go together");
    let model = build(&config, &weights).expect("random weights are complete");
    let batch = golden("tiny/outputs_gelu.safetensors").batch();
    let found = run(&model, &batch, &["last_hidden_state"]);
    // The last normalisation is the identity: each token's features have mean 0 and variance 1.
    for token in floats(&found[0]).chunks(config.hidden_size) {
        let variance = token.iter().map(|v| v * v).sum::<f32>() / token.len() as f32;
        assert!((variance - 1.0).abs() < 1e-3, "{variance}");
    }
}
