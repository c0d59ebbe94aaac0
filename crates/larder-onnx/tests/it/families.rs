//! Encoders of every family against PyTorch: `tests/goldens/encoder/recipe.py` made the expected values.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{
    Axis, EncoderConfig, Family, FusedForm, GraphBuilder, Interface, Model, TensorProto, Weights, attribute, build,
    build_fused, build_to_train, families, random_weights, unused_weights,
};
use larder_runtime::TensorView;

use crate::support::*;

/// The families that `recipe.py` makes, beside the tiny BERT.
pub const FAMILIES: &[Family] = &[
    Family::Albert,
    Family::DistilBert,
    Family::Electra,
    Family::MpNet,
    Family::Roberta,
    Family::XlmRoberta,
    Family::ModernBert,
    Family::NomicBert,
    Family::EuroBert,
    Family::DebertaV2,
    Family::Gte,
    Family::New,
    Family::NeoBert,
    Family::Ernie,
    Family::Data2VecText,
    Family::RobertaPreLayerNorm,
];

/// Values are of order one, sums of up to 100 terms: PyTorch's own order of adding differs by 1e-6.
const CLOSE: f32 = 1e-5;

pub fn config(family: Family) -> EncoderConfig {
    config_in(family.as_str())
}

fn config_in(folder: &str) -> EncoderConfig {
    let path = repository().join(format!("tests/goldens/encoder/{folder}/config.json"));
    EncoderConfig::load(&path).expect("the golden's configuration is supported")
}

/// True if fused operators compute the family's attention.
fn is_fused(family: Family) -> bool {
    !matches!(family, Family::MpNet | Family::RobertaPreLayerNorm | Family::DebertaV2)
        && config(family).rotary.is_none()
}

pub fn weights(family: Family) -> Weights {
    weights_in(family.as_str())
}

fn weights_in(folder: &str) -> Weights {
    let path = repository().join(format!("tests/goldens/encoder/{folder}/model.safetensors"));
    Weights::load(&path).expect("the golden's weights are well formed")
}

pub fn model(family: Family) -> Model {
    build(&config(family), &weights(family)).expect("the golden can be built")
}

pub fn hidden_states(model: &Model) -> Vec<String> {
    let json = model.metadata(families::metadata::HIDDEN_STATES).expect("a built model records its hidden states");
    serde_json::from_str(json).expect("they are a JSON list")
}

/// Every hidden state and the pooled output where there is one, `[batch, …]` each.
pub fn outputs(model: &Model, batch: &Batch) -> Vec<Vec<f32>> {
    let mut names = hidden_states(model);
    names.extend(model.metadata(families::metadata::POOLER_OUTPUT).map(str::to_owned));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = model.clone().pruned(&names).expect("the hidden states are there");
    let interface = Interface::recognise(model).expect("a built model is recognised");
    let found = run_session(&mut session(&all), &interface, batch, &names);
    found.iter().map(|tensor| floats(tensor).to_vec()).collect()
}

/// The vectors of tokens that are no padding.
pub fn real_tokens(state: &[f32], batch: &Batch, hidden: usize) -> Vec<f32> {
    let tokens = state.chunks(hidden).zip(&batch.attention_mask);
    tokens.filter(|(_, is_token)| **is_token == 1).flat_map(|(token, _)| token.to_vec()).collect()
}

#[test]
fn every_layer_of_every_family_agrees_with_pytorch() {
    for &family in FAMILIES {
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let (shape, expected) = golden.floats("hidden_states");
        let (model, batch) = (model(family), golden.batch());
        assert_eq!(shape[0], config(family).num_hidden_layers + 1);
        let found = outputs(&model, &batch);
        let size = shape[1..].iter().product();
        for (layer, (found, expected)) in found.iter().zip(expected.chunks(size)).enumerate() {
            // Padding that no token of the text is near to reads padding: of what, is the library's affair. So is what DeBERTa's
            // padding reads, which is masked itself.
            let [found, expected] = [found, expected].map(|state| match family {
                Family::ModernBert | Family::DebertaV2 => real_tokens(state, &batch, shape[3]),
                _ => state.to_vec(),
            });
            assert_close(&format!("{family}, layer {layer}"), &found, &expected, CLOSE);
        }
        let has_pooler = config(family).parameters(true).len() > config(family).parameters(false).len();
        // The published model has none here.
        let pooler = has_pooler && !matches!(family, Family::Gte);
        assert_eq!(found.len(), shape[0] + usize::from(pooler), "{family}");
        if pooler {
            let expected = golden.floats("pooler_output").1;
            assert_close(&format!("{family}, pooler"), found.last().expect("is there"), &expected, CLOSE);
        }
    }
}

/// Each setting of distances, in both orders of products and choice of rows.
#[test]
fn every_setting_of_disentangled_attention_agrees_with_pytorch() {
    let variants = ["own_products", "content_to_position", "position_to_content", "convolution", "no_distances", "."];
    for variant in variants {
        let folder = format!("deberta-v2/{variant}");
        let (config, weights, golden) =
            (config_in(&folder), weights_in(&folder), golden(&format!("{folder}/outputs.safetensors")));
        let (batch, (shape, expected)) = (golden.batch(), golden.floats("hidden_states"));
        assert_eq!(unused_weights(&config, &weights), ["some_head.weight"], "{variant}");
        for build in [build, build_to_train] {
            let found = outputs(&build(&config, &weights).expect("the golden can be built"), &batch);
            assert_eq!(found.len(), shape[0]);
            for (layer, (found, expected)) in found.iter().zip(expected.chunks(shape[1..].iter().product())).enumerate()
            {
                let [found, expected] = [found, expected].map(|state| real_tokens(state, &batch, shape[3]));
                assert_close(&format!("{variant}, layer {layer}"), &found, &expected, CLOSE);
            }
        }
    }
}

/// Files that were published for the publisher's own code have its names.
#[test]
fn earlier_names_of_weights_are_read() {
    let (config, weights) = (config(Family::NomicBert), weights(Family::NomicBert));
    let shapes: Vec<_> =
        config.parameters(false).into_iter().map(|parameter| (parameter.name, parameter.shape)).collect();
    let mut older = Weights::default();
    let values = |name: &str, shape: &[usize]| weights.get(name, shape).expect("the golden has it").to_vec();
    for (name, shape) in &shapes {
        if [".k_proj.", ".v_proj."].iter().any(|part| name.contains(part)) {
            continue;
        }
        let (mut all, mut whole) = (values(name, shape), shape.clone());
        if name.contains(".q_proj.") {
            for part in ["k_proj", "v_proj"] {
                all.extend(values(&name.replace("q_proj", part), shape));
            }
            whole[0] *= 3;
        }
        let renamings = [
            ("layers.", "encoder.layers."),
            ("embeddings.LayerNorm.", "emb_ln."),
            ("self_attn.q_proj.", "attn.Wqkv."),
            ("self_attn.o_proj.", "attn.out_proj."),
            ("mlp.up_proj.", "mlp.fc11."),
            ("mlp.gate_proj.", "mlp.fc12."),
            ("mlp.down_proj.", "mlp.fc2."),
            ("post_attention_layernorm.", "norm1."),
            ("post_mlp_layernorm.", "norm2."),
        ];
        let was = renamings.iter().fold(name.clone(), |name, (is, was)| name.replacen(is, was, 1));
        older.insert(&was, larder_onnx::Weight { shape: whole, values: all }).expect("fits");
    }
    assert!(build(&config, &older).is_err(), "these are other names");
    let read = older.with_names_of(&config).expect("they are parted");
    for (name, shape) in &shapes {
        assert_eq!(read.get(name, shape).expect("has today's name"), weights.get(name, shape).expect("is there"));
    }
    let json = r#"{"model_type": "nomic_bert", "n_embd": 24, "n_layer": 2, "n_head": 3, "n_inner": 28, "n_positions": 44,
        "vocab_size": 190, "activation_function": "swiglu", "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0}"#;
    assert_eq!(EncoderConfig::from_json(json.as_bytes()).expect("is supported"), config);
    let scaled = json.replace("\"rotary_emb_fraction\": 1.0", "\"rotary_emb_fraction\": 0.5");
    assert!(EncoderConfig::from_json(scaled.as_bytes()).expect_err("is another graph").to_string().contains("0.5"));
}

/// Encoders of one graph are published under two names, each with the other's names of weights or its own.
#[test]
fn gte_is_read_under_its_publisher_s_names() {
    let (mut config, published) = (config(Family::New), weights(Family::New));
    config.rotary = config.rotary.map(|rotary| families::Rotary { ntk_factor: None, ..rotary });
    let here = EncoderConfig { family: Family::Gte, ..config.clone() };
    let read = published.clone().with_names_of(&here).expect("they are parted");
    let batch = golden("new/outputs.safetensors").batch();
    let [found, expected] = [(&here, &read), (&config, &published)]
        .map(|(config, weights)| outputs(&build(config, weights).expect("is built"), &batch));
    for (layer, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_close(&format!("layer {layer}"), found, expected, CLOSE);
    }
    assert_eq!(read.clone().with_names_of(&here).expect("has today's names"), read);
    // As gte-base-en-v1.5.
    let untyped = build(&EncoderConfig { type_vocab_size: 0, ..config }, &published).expect("types are not needed");
    let interface = Interface::recognise(&untyped).expect("a built model is recognised");
    assert!(interface.token_type_ids.is_none() && outputs(&untyped, &batch).len() == expected.len());
}

/// Windows of 128 tokens, as the published encoders have, end inside the texts.
#[test]
fn texts_longer_than_a_local_window_agree_with_pytorch() {
    let short = config(Family::ModernBert);
    let rotary = short.rotary.map(|rotary| families::Rotary { local_attention: 128, ..rotary });
    long_texts_agree_with_pytorch(&EncoderConfig { max_position_embeddings: 1024, rotary, ..short });
}

/// Distances of up to 699 tokens, where the buckets end at 199.
#[test]
fn texts_longer_than_all_buckets_agree_with_pytorch() {
    let short = config(Family::DebertaV2);
    let disentangled =
        short.disentangled.map(|settings| families::Disentangled { max_relative_positions: 200, ..settings });
    long_texts_agree_with_pytorch(&EncoderConfig { max_position_embeddings: 1024, disentangled, ..short });
}

fn long_texts_agree_with_pytorch(config: &EncoderConfig) {
    let golden = golden(&format!("{}/long.safetensors", config.family));
    let model = build(config, &weights(config.family)).expect("the golden can be built");
    let batch = golden.batch();
    let found = outputs(&model, &batch);
    let (hidden, states) = (config.hidden_size, config.num_hidden_layers + 1);
    let places = golden.integers("places").1;
    let (_, sampled) = golden.floats("sampled");
    let (_, means) = golden.floats("layer_means");
    for (layer, state) in found.iter().enumerate() {
        let kept: Vec<f32> =
            places.iter().flat_map(|&place| state[place as usize * hidden..][..hidden].to_vec()).collect();
        assert_close(&format!("layer {layer}"), &kept, &sampled[layer * kept.len()..][..kept.len()], CLOSE);
        for row in 0..batch.rows {
            let mask = &batch.attention_mask[row * batch.seq..][..batch.seq];
            let length = mask.iter().filter(|&&is_token| is_token == 1).count();
            let tokens = &state[row * batch.seq * hidden..][..length * hidden];
            let sum = |at: usize| tokens.iter().skip(at).step_by(hidden).map(|&value| f64::from(value)).sum::<f64>();
            let mean: Vec<f32> = (0..hidden).map(|at| (sum(at) / length as f64) as f32).collect();
            let expected = &means[(row * states + layer) * hidden..][..hidden];
            assert_close(&format!("mean of text {row}, layer {layer}"), &mean, expected, CLOSE);
        }
    }
}

#[test]
fn fused_operators_give_the_same() {
    for &family in FAMILIES {
        let built = build_fused(&config(family), &weights(family), FusedForm::default());
        let Ok(model) = built else {
            assert!(!is_fused(family), "{built:?}");
            continue;
        };
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let (shape, expected) = golden.floats("hidden_states");
        let found = outputs(&model, &golden.batch());
        let size = shape[1..].iter().product();
        for (layer, (found, expected)) in found.iter().zip(expected.chunks(size)).enumerate() {
            assert_close(&format!("{family} fused, layer {layer}"), found, expected, CLOSE);
        }
        if found.len() > shape[0] {
            let expected = golden.floats("pooler_output").1;
            assert_close(&format!("{family} fused, pooler"), &found[shape[0]], &expected, CLOSE);
        }
    }
}

#[test]
fn half_precision_stays_within_its_rounding() {
    for family in FAMILIES.iter().copied().filter(|&family| is_fused(family)) {
        let form = FusedForm { half: true, packed: false };
        // The CPU computes in float32 between roundings, so this is about the graph: its types, and what is rounded.
        let model = build_fused(&config(family), &weights(family), form).expect("has fused operators");
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let expected = golden.floats("hidden_states").1;
        let found = outputs(&model, &golden.batch());
        let states = hidden_states(&model).len();
        let width = config(family).hidden_size;
        let rows = expected.chunks_exact(width).zip(found[..states].iter().flat_map(|state| state.chunks_exact(width)));
        let length = |row: &mut dyn Iterator<Item = f64>| row.map(|value| value * value).sum::<f64>().sqrt();
        for (place, (expected, found)) in rows.enumerate() {
            let apart = length(&mut expected.iter().zip(found).map(|(a, b)| f64::from(a - b)));
            let share = apart / length(&mut expected.iter().map(|&value| f64::from(value)));
            assert!(share < 5e-3, "{family}: row {place} is off by {share:.1e} of its length");
        }
    }
}

#[test]
fn packed_graphs_hold_no_padding_inside() {
    for family in FAMILIES.iter().copied().filter(|&family| is_fused(family)) {
        let form = FusedForm { half: true, packed: true };
        let (config, model) = (config(family), build_fused(&config(family), &weights(family), form));
        let model = model.expect("has fused operators");
        let count = |op_type: &str| model.graph().node.iter().filter(|node| node.op_type() == op_type).count();
        let layers = config.num_hidden_layers;
        let counts = ["RemovePadding", "PackedAttention", "RestorePadding", "Attention"].map(count);
        assert_eq!(counts, [1, layers, layers, 0], "{family}");
        // Who wants the last layer alone pays for one way back.
        let last = model.pruned(&["last_hidden_state"]).expect("is there");
        assert_eq!(last.graph().node.iter().filter(|node| node.op_type() == "RestorePadding").count(), 1, "{family}");
    }
}

/// The cosine of each pair of rows, the smallest of them.
fn smallest_cosine(a: &[f32], b: &[f32], width: usize) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let rows = a.chunks_exact(width).zip(b.chunks_exact(width));
    rows.map(|(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).fold(f64::INFINITY, f64::min)
}

#[test]
fn products_in_integers_come_close_whatever_shares_the_batch() {
    for &family in FAMILIES {
        let (model, quantised) = (model(family), model(family).quantised().expect("is built"));
        let (quantised, products) = quantised;
        // Query, key and value are three products, or one.
        let of_layer = if matches!(family, Family::ModernBert | Family::New | Family::NeoBert) { 4 } else { 6 };
        assert!(products >= of_layer * config(family).num_hidden_layers, "{family}: {products} products");
        let golden = golden(&format!("{family}/outputs.safetensors"));
        let batch = golden.batch();
        let (exact, found) = (outputs(&model, &batch), outputs(&quantised, &batch));
        let width = config(family).hidden_size;
        let last = config(family).num_hidden_layers;
        // A product of rows rounded to 1/254 of their largest value is off by some thousandths of its length; a scale
        // applied to the wrong axis leaves no resemblance.
        let cosine = smallest_cosine(&exact[last], &found[last], width);
        assert!(cosine > 0.995, "{family}: cosine {cosine}");
        assert_ne!(exact[last], found[last], "{family}: nothing was rounded");

        // The first text by itself, without the others and their padding.
        let length = batch.attention_mask[..batch.seq].iter().filter(|&&real| real == 1).count();
        let cut = |values: &[i64]| values[..length].to_vec();
        let single = Batch {
            rows: 1,
            seq: length,
            input_ids: cut(&batch.input_ids),
            attention_mask: cut(&batch.attention_mask),
            token_type_ids: cut(&batch.token_type_ids),
        };
        let alone = outputs(&quantised, &single);
        // A last bit that decides between two levels is worth one of them.
        let cosine = smallest_cosine(&alone[last], &found[last][..length * width], width);
        assert!(cosine > 0.9999, "{family}: cosine {cosine} between alone and in a batch");
    }
}

#[test]
fn products_of_bytes_are_exact_on_every_processor() {
    // Two products of these add up to more than 16 bits hold, which is where processors without VNNI cut.
    const SIZE: usize = 64;
    let byte = |name: &str, dims: &[usize], dtype: DataType, byte: u8| {
        TensorProto::from_raw(name, dims, dtype, vec![byte; dims.iter().product()])
    };
    for dtype in [DataType::Int8, DataType::Uint8] {
        let mut b = GraphBuilder::new("bytes", 17);
        let x = b.input("x", DataType::Float, &[Axis::symbol("rows"), Axis::Fixed(SIZE)]);
        let scale = b.scalar("one", 1.0);
        let zero = b.initializer(byte("zero", &[], DataType::Uint8, 0));
        let x = b.node("QuantizeLinear", &[&x, &scale, &zero], vec![]);
        let weight = b.initializer(byte("weight", &[SIZE, SIZE], dtype, 127));
        let product = b.node("MatMulInteger", &[&x, &weight], vec![]);
        let product = b.node("Cast", &[&product], vec![attribute::int("to", DataType::Float as i64)]);
        b.output(&product, "y", DataType::Float, &[Axis::symbol("rows"), Axis::Fixed(SIZE)]);
        let model = Model::from_graph(b.finish(), 17).expect("hangs together");
        let rows = vec![255.0_f32; 3 * SIZE];
        let found = session(&model).run(&[("x", TensorView::f32(&[3, SIZE], &rows))], &["y"]).expect("runs");
        assert!(
            floats(&found[0]).iter().all(|&y| y == 255.0 * 127.0 * SIZE as f32),
            "{dtype:?}: {:?}",
            floats(&found[0])[0]
        );
    }
}

#[test]
fn inputs_and_sizes_are_recognised() {
    for &family in FAMILIES {
        let (config, model) = (config(family), model(family));
        let interface = Interface::recognise(&model).expect("a built model is recognised");
        assert_eq!(interface.hidden_size, config.hidden_size, "{family}");
        assert_eq!(interface.vocabulary_size, config.vocab_size, "{family}");
        // Rotary positions have no table, and distances have one that ends no text.
        let has_table = config.rotary.is_none() && family != Family::DebertaV2;
        let rows = has_table.then_some(config.max_position_embeddings);
        assert_eq!(interface.position_rows, rows, "{family}");
        assert_eq!(interface.layers, Some(config.num_hidden_layers), "{family}");
        assert!(interface.attention_mask.is_some() && interface.unread.is_empty(), "{family}");
        let types = config.type_vocab_size > 1;
        assert!(types || !matches!(family, Family::Albert | Family::Electra | Family::NomicBert));
        assert_eq!(interface.token_type_ids.is_some(), types, "{family}");
        assert_eq!(model.metadata(families::metadata::FAMILY), Some(family.as_str()));
        let longest = config.max_positions().to_string();
        assert_eq!(model.metadata(families::metadata::MAX_POSITIONS), Some(longest.as_str()));
    }
}

#[test]
fn padding_changes_nothing_and_a_batch_is_its_rows() {
    for &family in FAMILIES {
        let model = model(family);
        let batch = golden(&format!("{family}/outputs.safetensors")).batch();
        let interface = Interface::recognise(&model).expect("a built model is recognised");
        let mut session = session(&model);
        let together = run_session(&mut session, &interface, &batch, &["last_hidden_state"]);
        let hidden = interface.hidden_size;
        let room = config(family).max_positions();
        for row in 0..batch.rows {
            let single = batch.row(row);
            // Whatever the filler: one that is no padding token counts on behind the text and is masked all the same.
            for alone in [single.clone(), single.padded(2.min(room - single.seq), 7)] {
                let found = run_session(&mut session, &interface, &alone, &["last_hidden_state"]);
                let kept = single.seq * hidden;
                let expected = &floats(&together[0])[row * batch.seq * hidden..][..kept];
                assert_close(&format!("{family}, row {row}"), &floats(&found[0])[..kept], expected, CLOSE);
            }
        }
    }
}

#[test]
fn the_longest_text_is_read_and_one_more_token_is_not() {
    for &family in FAMILIES {
        let (config, model) = (config(family), model(family));
        let mut session = session(&model);
        let mut reads = |length: usize| {
            let shape = [1, length];
            let (ids, ones, zeros) = (vec![7; length], vec![1; length], vec![0; length]);
            let mut inputs =
                vec![("input_ids", TensorView::i64(&shape, &ids)), ("attention_mask", TensorView::i64(&shape, &ones))];
            if config.type_vocab_size > 1 {
                inputs.push(("token_type_ids", TensorView::i64(&shape, &zeros)));
            }
            session.run(&inputs, &["last_hidden_state"]).is_ok()
        };
        assert!(reads(config.max_positions()), "{family}");
        assert!(!reads(config.max_positions() + 1), "{family}");
    }
}

#[test]
fn shared_layers_are_stored_once() {
    let (config, model) = (config(Family::Albert), model(Family::Albert));
    assert_eq!((config.num_hidden_layers, config.num_hidden_groups), (3, 1));
    let stored = |name: &str| model.graph().initializer.iter().filter(|tensor| tensor.name().ends_with(name)).count();
    assert_eq!(stored("attention.query.weight"), 1);
    let uses = |name: &str| model.graph().node.iter().filter(|node| node.input.iter().any(|i| i == name)).count();
    assert_eq!(uses("encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"), 3);
}

#[test]
fn parameters_keep_their_published_names_without_the_prefix() {
    for (family, prefix) in [(Family::Roberta, "roberta."), (Family::XlmRoberta, ""), (Family::Electra, "electra.")] {
        let (config, weights, model) = (config(family), weights(family), model(family));
        let pooler = model.metadata(families::metadata::POOLER_OUTPUT).is_some();
        for parameter in config.parameters(pooler) {
            let found = model.initializer_floats(&parameter.name).expect(&parameter.name);
            let published = format!("{prefix}{}", parameter.name);
            assert_eq!(found.as_ref(), weights.get(&published, &parameter.shape).expect("is complete"), "{published}");
        }
        let unused = unused_weights(&config, &weights);
        assert_eq!(unused, if prefix.is_empty() { vec![] } else { vec!["some_head.weight".to_owned()] });
    }
}

#[test]
fn weights_that_are_missing_or_misshapen_are_named() {
    let message =
        |config: &EncoderConfig, family| build(config, &weights(family)).expect_err("does not fit").to_string();
    let deep = EncoderConfig { num_hidden_layers: 4, num_hidden_groups: 4, ..config(Family::DistilBert) };
    let missing = message(&deep, Family::DistilBert);
    assert!(missing.contains("\"transformer.layer.3.attention.q_lin.weight\" of shape [20, 20]"), "{missing}");
    let wide = EncoderConfig { embedding_size: 11, ..config(Family::Albert) };
    let misshapen = message(&wide, Family::Albert);
    assert!(misshapen.contains("albert.embeddings.word_embeddings.weight"), "{misshapen}");
    assert!(misshapen.contains(", 10]") && misshapen.contains(", 11]"), "{misshapen}");
    // Another family's names.
    let foreign = message(&config(Family::Roberta), Family::DistilBert);
    assert!(foreign.contains("embeddings."), "{foreign}");
}

#[test]
fn random_weights_build_and_run_for_every_family() {
    for &family in Family::ALL {
        let json = format!(
            r#"{{"model_type": "{family}", "vocab_size": 50, "embedding_size": 6, "hidden_size": 12,
                "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 10,
                "max_position_embeddings": 20, "rms_norm_eps": 1e-12, "norm_eps": 1e-12}}"#
        );
        let config = EncoderConfig::from_json(json.as_bytes()).expect("is supported");
        let weights = random_weights(&config, 3).expect("the sizes go together");
        let model = build(&config, &weights).expect("random weights are complete");
        let ids = vec![4, 5, 6, 7, 8, 9];
        let batch = Batch {
            rows: 2,
            seq: 3,
            attention_mask: vec![1; ids.len()],
            token_type_ids: vec![0; ids.len()],
            input_ids: ids,
        };
        let states = outputs(&model, &batch);
        for (layer, state) in states.iter().take(3).enumerate() {
            // ALBERT and ELECTRA bring the normalised tables to another width in layer 0.
            // Those with normalisations in front are normalised where they are read, and the last.
            let in_front =
                matches!(family, Family::ModernBert | Family::EuroBert | Family::NeoBert | Family::RobertaPreLayerNorm);
            if layer > 0 && (!in_front || layer == 2) {
                for token in state.chunks(config.hidden_size) {
                    let variance = token.iter().map(|v| v * v).sum::<f32>() / token.len() as f32;
                    assert!((variance - 1.0).abs() < 2e-2, "{family}, layer {layer}: {variance}");
                }
            }
            assert_ne!(state[..config.hidden_size], state[config.hidden_size..][..config.hidden_size], "{family}");
        }
    }
}
