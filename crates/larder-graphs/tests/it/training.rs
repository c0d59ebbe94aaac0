//! Training graphs of a whole encoder: what they take and give, dropout by the operator, and the files.

use crate::golden::goldens;
use crate::support::*;
use larder_graphs::{
    AdamW, CHECKPOINT_FILE, DropoutForm, DropoutMask, DropoutRatios, EVAL_FILE, GradientOutput, GraphsError,
    HIDDEN_STATES, HeadInput, IGNORED_LABEL, MANIFEST_FILE, OPTIMIZER_FILE, Precision, ProductForm, RowNumbers,
    TRAINING_FILE, TableForm, TrainingGraphs, TrainingSpec, cut,
};
use larder_graphs::{HEAD_BIAS, HEAD_WEIGHT, LOSS_SCALE, Loss};
use larder_onnx::facts::{Dim, Facts};
use larder_onnx::proto::NodeProto;
use larder_onnx::{EncoderConfig, Model, Pool, Weight, Weights, build, build_to_train};

const CLS: HeadInput = HeadInput::Pooled(Pool::Cls);
const POOLER: HeadInput = HeadInput::Pooled(Pool::Pooler);
const DROPOUT: DropoutRatios = DropoutRatios { hidden: 0.1, attention: 0.2, head: 0.3 };

struct Subject {
    config: EncoderConfig,
    encoder: Model,
}

impl Subject {
    fn read(folder: &str) -> Self {
        let folder = goldens().join("encoder").join(folder);
        let config = EncoderConfig::load(&folder.join("config.json")).expect("the golden's configuration is supported");
        let weights = Weights::load(&folder.join("model.safetensors")).expect("the golden's weights are well formed");
        let encoder = build(&config, &weights).expect("the golden can be built");
        Self { config, encoder }
    }

    fn spec(&self, input: HeadInput, loss: Loss, form: DropoutForm) -> TrainingSpec {
        let trained = self.config.parameters(true).into_iter().map(|parameter| parameter.name).collect();
        TrainingSpec {
            trained,
            input,
            classes: 3,
            loss,
            dropout: DROPOUT,
            dropout_form: form,
            precision: Precision::F32,
            product_form: ProductForm::Kernels,
            table_form: TableForm::Rows,
        }
    }

    fn graphs(&self, spec: &TrainingSpec) -> TrainingGraphs {
        self.graphs_of(self.encoder.clone(), spec)
    }

    fn graphs_of(&self, encoder: Model, spec: &TrainingSpec) -> TrainingGraphs {
        let learn = |model: &Model, masks: &[DropoutMask]| -> Result<Facts, GraphsError> {
            Ok(learn(model, &[self.batch(model, masks, 3, 7), self.batch(model, masks, 5, 11)]))
        };
        TrainingGraphs::build(encoder, spec, learn).unwrap_or_else(|problem| panic!("{}", chain(&problem)))
    }

    /// Everything that the model may take.
    fn batch(&self, model: &Model, masks: &[DropoutMask], rows: usize, seq: usize) -> (usize, usize, Feeds) {
        let mut random = Random::new(9);
        let mut feeds: Feeds = Vec::new();
        let ids = random.integers(rows * seq, 1, self.config.vocab_size as i64);
        feeds.push(("input_ids".to_owned(), i64s(&[rows, seq], &ids)));
        feeds.push(("attention_mask".to_owned(), i64s(&[rows, seq], &vec![1; rows * seq])));
        feeds.push(("token_type_ids".to_owned(), i64s(&[rows, seq], &random.integers(rows * seq, 0, 2))));
        let axes = |name: &str| {
            let input = model.graph().input.iter().find(|input| input.name() == name);
            let kind = input.and_then(|input| input.r#type.as_ref()).and_then(|kind| kind.value.as_ref());
            let Some(larder_onnx::proto::type_proto::Value::TensorType(tensor)) = kind else { return 0 };
            tensor.shape.as_ref().map_or(0, |shape| shape.dim.len())
        };
        let is_class = model.graph().input.iter().any(|input| {
            let value = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
            let larder_onnx::proto::type_proto::Value::TensorType(tensor) = value.expect("inputs have types") else {
                return false;
            };
            input.name() == "labels" && tensor.elem_type == Some(7)
        });
        let labels = random.integers(rows * 3, 0, 2);
        feeds.push((
            "labels".to_owned(),
            match is_class {
                true if axes("labels") == 2 => i64s(&[rows, seq], &Random::new(10).integers(rows * seq, 0, 2)),
                true => i64s(&[rows], &labels[..rows]),
                false => f32s(&[rows, 3], &labels.iter().map(|&label| label as f32).collect::<Vec<_>>()),
            },
        ));
        feeds.push((LOSS_SCALE.to_owned(), f32s(&[], &[1.0])));
        for parameter in self.config.parameters(true) {
            if let Some(tensor) = self.encoder.initializer(&parameter.name) {
                let values = tensor.floats().expect("parameters are floats");
                feeds.push((parameter.name, f32s(&parameter.shape, &values)));
            }
        }
        let hidden = self.config.hidden_size;
        let states = random.floats(rows * seq * hidden, -1.0, 1.0);
        feeds.push((HIDDEN_STATES.to_owned(), f32s(&[rows, seq, hidden], &states)));
        feeds.push((HEAD_WEIGHT.to_owned(), f32s(&[3, hidden], &random.floats(3 * hidden, -0.5, 0.5))));
        feeds.push((HEAD_BIAS.to_owned(), f32s(&[3], &[0.1, 0.0, -0.1])));
        for mask in masks {
            let shape: Vec<usize> = mask.shape.iter().map(|dim| dim.at(rows, seq)).collect();
            feeds.push((mask.input.clone(), f32s(&shape, &vec![1.0; shape.iter().product()])));
        }
        (rows, seq, feeds)
    }
}

fn cross_entropy() -> Loss {
    Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 }
}

#[test]
fn tables_have_the_gradients_of_their_rows() {
    let subject = Subject::read("tiny");
    let graphs = subject.graphs(&subject.spec(HeadInput::Pooled(Pool::Mean), cross_entropy(), DropoutForm::Masks));
    let words = "embeddings.word_embeddings.weight";
    let of = |name: &str| graphs.parameters.iter().find(|parameter| parameter.name == name).expect("it is trained");
    let rows = RowNumbers::Input("input_ids".to_owned());
    assert_eq!(of(words).gradient, GradientOutput::Rows { output: format!("grad_rows.{words}"), rows });
    assert!(
        matches!(&of(HEAD_WEIGHT).gradient, GradientOutput::Dense { output } if output == "grad.classifier.weight")
    );
    assert_eq!(graphs.unreached, ["pooler.dense.weight", "pooler.dense.bias"], "a mean has no pooler");
    assert!(graphs.frozen.is_empty(), "{:?}", graphs.frozen);
    // Embeddings, attention weights and two products of each layer, head.
    assert_eq!(graphs.masks.len(), 1 + 2 * 3 + 1);
    let (_, _, feeds) = subject.batch(&graphs.training, &graphs.masks, 2, 5);
    let outputs = graphs.outputs();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let made = run(&mut session(&graphs.training), &feeds, &outputs);
    // Masks of ones drop nothing.
    let plain = run(&mut session(&graphs.eval), &feeds, &["loss", "logits", "counted"]);
    for (training, plain) in made.iter().zip(&plain) {
        assert_eq!(training.shape, plain.shape);
        assert!(floats(training).iter().zip(floats(plain)).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    for (parameter, gradient) in graphs.parameters.iter().zip(&made[3..]) {
        let expected = if parameter.name == words { vec![2, 5, 32] } else { parameter.shape.clone() };
        assert_eq!(gradient.shape, expected, "{}", parameter.name);
    }
}

#[test]
fn the_table_of_distances_is_dropped_from_in_each_layer() {
    let mut subject = Subject::read("deberta-v2");
    let form = DropoutForm::Masks;
    let spec = subject.spec(HeadInput::Pooled(Pool::Cls), cross_entropy(), form);
    let folder = goldens().join("encoder/deberta-v2/model.safetensors");
    let weights = Weights::load(&folder).expect("the golden's weights are well formed");
    let to_train = build_to_train(&subject.config, &weights).expect("the golden can be built");
    for encoder in [subject.encoder.clone(), to_train] {
        subject.encoder = encoder;
        let graphs = subject.graphs(&spec);
        // Embeddings and head; of each layer the table, the weights and the products that close its halves.
        assert_eq!(graphs.masks.len(), 1 + 4 * 2 + 1);
        let of_tables: Vec<_> = graphs.masks.iter().filter(|mask| mask.input.contains("distances")).collect();
        assert_eq!(of_tables.len(), 2);
        assert!(of_tables.iter().all(|mask| mask.shape == [Dim::fixed(16), Dim::fixed(24)]), "{of_tables:?}");
        // All parameters have a gradient, each in its shape.
        assert_eq!((graphs.parameters.len(), graphs.unreached.len()), (spec.trained.len() + 2, 0));
    }
}

#[test]
fn the_operator_drops_at_random_in_training_and_never_in_evaluations() {
    let subject = Subject::read("albert");
    let spec = subject.spec(POOLER, cross_entropy(), DropoutForm::Operator { seed: 3 });
    let graphs = subject.graphs(&spec);
    let dropouts = |model: &Model| model.graph().node.iter().filter(|node| node.is_op("Dropout")).count();
    // Embeddings, weights and attention's product of three layers, head: ALBERT drops nothing behind its feed-forward part.
    assert_eq!((dropouts(&graphs.training), dropouts(&graphs.eval), graphs.masks.len()), (1 + 3 * 2 + 1, 0, 0));
    let (_, _, feeds) = subject.batch(&graphs.training, &[], 4, 6);
    let losses = |model: &Model| -> Vec<f32> {
        let mut session = session(model);
        (0..3).map(|_| floats(&run(&mut session, &feeds, &["loss"])[0])[0]).collect()
    };
    let dropped = losses(&graphs.training);
    assert!(dropped[0] != dropped[1] && dropped[1] != dropped[2], "{dropped:?}");
    assert_eq!(dropped, losses(&graphs.training));
    let other = TrainingSpec { dropout_form: DropoutForm::Operator { seed: 4 }, ..spec };
    assert_ne!(dropped, losses(&subject.graphs(&other).training));
    let plain = losses(&graphs.eval);
    assert!(plain[0] == plain[1] && !dropped.contains(&plain[0]), "{plain:?} {dropped:?}");
}

#[test]
fn other_losses_and_files() {
    let subject = Subject::read("albert");
    for loss in [Loss::BinaryCrossEntropy { positive_weight: 2.0 }, Loss::MeanSquaredError] {
        let graphs = subject.graphs(&subject.spec(CLS, loss, DropoutForm::Masks));
        let (_, _, feeds) = subject.batch(&graphs.training, &graphs.masks, 2, 5);
        let made = run(&mut session(&graphs.training), &feeds, &["loss", "grad.classifier.weight"]);
        assert!(floats(&made[0])[0] > 0.0 && floats(&made[1]).iter().all(|&gradient| gradient != 0.0));
    }

    let graphs = subject.graphs(&subject.spec(CLS, cross_entropy(), DropoutForm::Masks));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let zeros: Vec<Vec<f32>> =
        graphs.parameters.iter().map(|parameter| vec![0.0; parameter.shape.iter().product()]).collect();
    let zeros: Vec<&[f32]> = zeros.iter().map(Vec::as_slice).collect();
    graphs.save(folder.path(), &zeros, &AdamW::default()).expect("the folder can be written");
    for name in [TRAINING_FILE, EVAL_FILE, OPTIMIZER_FILE] {
        session(&Model::load(&folder.path().join(name)).expect("the file is a model"));
    }
    let bytes = std::fs::read(folder.path().join(CHECKPOINT_FILE)).expect("it was written");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("it is a safetensors file");
    assert_eq!(file.len(), graphs.parameters.len());
    let manifest = std::fs::read(folder.path().join(MANIFEST_FILE)).expect("it was written");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("it is JSON");
    assert_eq!((&manifest["opset"], manifest["frozen"].as_array().map(Vec::len)), (&17.into(), Some(0)));
    // Three layers read the one set of parameters.
    assert_eq!(manifest["shared"]["encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"], 3);
    assert_eq!(manifest["trained"][0]["gradient"]["rows"]["rows"]["input"], "input_ids");
}

#[test]
fn what_has_no_training_graph_is_said() {
    let subject = Subject::read("tiny");
    let refuse = |_: &Model, _: &[DropoutMask]| -> Result<Facts, GraphsError> { Ok(Facts::default()) };
    let mut spec = subject.spec(POOLER, cross_entropy(), DropoutForm::Masks);
    let of = |encoder: Model, spec: &TrainingSpec| {
        TrainingGraphs::build(encoder, spec, refuse).expect_err("there is none").to_string()
    };
    let mut foreign = subject.encoder.clone();
    foreign.set_metadata(larder_onnx::families::metadata::FAMILY, None);
    assert!(of(foreign, &spec).contains("not one that larder built"));
    let tokens = subject.encoder.clone().pruned(&["last_hidden_state"]).expect("the output is there");
    spec.trained.retain(|name| !name.starts_with("pooler."));
    assert_eq!(
        of(tokens, &spec),
        "the encoder has no output \"pooler_output\" for a head that reads pooler: choose cls or mean"
    );
    spec.trained.push("nothing.weight".to_owned());
    assert_eq!(of(subject.encoder.clone(), &spec), "the encoder has no parameter \"nothing.weight\" to train");
}

/// Puts another tensor in the place of the one that is fed so.
fn fed(feeds: &Feeds, name: &str, tensor: larder_runtime::Tensor) -> Feeds {
    let others = feeds.iter().filter(|(other, _)| other != name).cloned();
    others.chain([(name.to_owned(), tensor)]).collect()
}

/// The losses and the gradients of these parameters agree.
fn agree(a: (&TrainingGraphs, &Feeds), b: (&TrainingGraphs, &Feeds), parameters: &[&str]) {
    let outputs = |graphs: &TrainingGraphs| -> Vec<String> {
        let of = |name: &&str| {
            let parameter = graphs.parameters.iter().find(|parameter| parameter.name == *name);
            match &parameter.unwrap_or_else(|| panic!("{name} is trained")).gradient {
                GradientOutput::Dense { output } | GradientOutput::Rows { output, .. } => output.clone(),
            }
        };
        ["loss".to_owned()].into_iter().chain(parameters.iter().map(of)).collect()
    };
    let made = |(graphs, feeds): (&TrainingGraphs, &Feeds)| {
        let outputs = outputs(graphs);
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        run(&mut session(&graphs.training), feeds, &outputs)
    };
    let (a, b) = (made(a), made(b));
    for (name, (a, b)) in ["loss"].iter().chain(parameters).zip(a.iter().zip(&b)) {
        let b: Vec<f64> = floats(b).iter().map(|&value| f64::from(value)).collect();
        assert!(b.iter().any(|&value| value != 0.0), "{name}");
        // Rounding of sums in another order.
        crate::differences::assert_agrees(name, floats(a), &b, 1e-5);
    }
}

#[test]
fn of_tokens_only_those_with_a_label_count() {
    let subject = Subject::read("tiny");
    let loss = || Loss::CrossEntropy { class_weights: Some(vec![0.5, 2.0, 1.0]), label_smoothing: 0.1 };
    let tagging = subject.graphs(&subject.spec(HeadInput::Tokens, loss(), DropoutForm::Masks));
    let (rows, seq, feeds) = subject.batch(&tagging.training, &tagging.masks, 3, 5);
    let made = run(&mut session(&tagging.eval), &feeds, &["logits", "counted"]);
    assert_eq!(made[0].shape, [3, 5, 3]);

    // Where none but the first tokens have labels, it is the head on the first token.
    let cls = subject.graphs(&subject.spec(CLS, loss(), DropoutForm::Masks));
    let labels = [2, 0, 1];
    let mut tags = vec![IGNORED_LABEL; rows * seq];
    labels.iter().enumerate().for_each(|(row, &label)| tags[row * seq] = label);
    let of_cls = fed(&subject.batch(&cls.training, &cls.masks, rows, seq).2, "labels", i64s(&[rows], &labels));
    let of_tags = fed(&feeds, "labels", i64s(&[rows, seq], &tags));
    let parameters =
        [HEAD_WEIGHT, HEAD_BIAS, "encoder.layer.0.attention.self.query.weight", "embeddings.LayerNorm.bias"];
    agree((&tagging, &of_tags), (&cls, &of_cls), &parameters);

    // Without a label there is neither a loss nor a gradient.
    let none = fed(&feeds, "labels", i64s(&[rows, seq], &vec![IGNORED_LABEL; rows * seq]));
    let outputs = tagging.outputs();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).filter(|output| *output != "logits").collect();
    let made = run(&mut session(&tagging.training), &none, &outputs);
    assert!(made.iter().all(|tensor| floats(tensor).iter().all(|&value| value == 0.0)));

    let refuse = |_: &Model, _: &[DropoutMask]| -> Result<Facts, GraphsError> { Ok(Facts::default()) };
    let spec = subject.spec(HeadInput::Tokens, Loss::MeanSquaredError, DropoutForm::Masks);
    let problem = TrainingGraphs::build(subject.encoder.clone(), &spec, refuse).expect_err("padding would count");
    assert!(matches!(problem, GraphsError::TokenLoss), "{problem}");
}

#[test]
fn above_a_cut_is_what_was_there() {
    for (folder, parameter) in [
        ("tiny", "encoder.layer.1.output.dense.weight"),
        ("albert", "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"),
        ("roberta", "encoder.layer.1.attention.self.value.bias"),
        ("mpnet", "encoder.layer.1.attention.attn.q.weight"),
        ("distilbert", "transformer.layer.2.ffn.lin1.weight"),
    ] {
        let subject = Subject::read(folder);
        let layers = subject.config.num_hidden_layers;
        let names: Vec<String> = (0..layers).map(|layer| format!("hidden_states.{layer}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let lower = subject.encoder.clone().pruned(&names).expect("it names its hidden states");
        let mut spec = subject.spec(HeadInput::Pooled(Pool::Mean), cross_entropy(), DropoutForm::Masks);
        spec.trained = vec![parameter.to_owned()];
        spec.dropout = DropoutRatios::NONE;
        let whole = subject.graphs(&spec);
        let (rows, seq, feeds) = subject.batch(&whole.training, &[], 2, 5);
        // The last token is padding.
        let mask = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0];
        let feeds = fed(&feeds, "attention_mask", i64s(&[rows, seq], &mask));
        let states = run(&mut session(&lower), &feeds, &names);
        // Of shared layers those below have a part in the gradient of the whole.
        let first = if folder == "albert" { 0 } else { layers - 1 };
        for (layer, states) in states.iter().enumerate() {
            let upper = cut(subject.encoder.clone(), layer).expect("there is a layer above");
            let taken: Vec<&str> = upper.graph().input.iter().map(|input| input.name()).collect();
            assert_eq!(taken, ["attention_mask", HIDDEN_STATES], "{folder}, {layer}");
            let lowest = |tensor: &&larder_onnx::TensorProto| {
                tensor.name().starts_with("embeddings.") || layer == 1 && tensor.name().contains("layer.0.")
            };
            let below: Vec<&str> =
                upper.graph().initializer.iter().filter(lowest).map(|tensor| tensor.name()).collect();
            assert!(below.is_empty(), "{folder}, {layer}: {below:?}");
            let upper = subject.graphs_of(upper, &spec);
            let feeds_above = fed(&feeds, HIDDEN_STATES, states.clone());
            let mut parameters = vec![HEAD_WEIGHT, HEAD_BIAS];
            if layer <= first {
                parameters.push(parameter);
            }
            agree((&upper, &feeds_above), (&whole, &feeds), &parameters);
        }
        let message = cut(subject.encoder.clone(), layers).expect_err("nothing is above").to_string();
        assert!(message.contains(&format!("to {} are possible", layers - 1)), "{message}");
    }
}

/// Everything that a graph gives, gradients after loss, logits and count.
fn gradients(subject: &Subject, graphs: &TrainingGraphs, scale: f32) -> Vec<f64> {
    let (_, _, feeds) = subject.batch(&graphs.training, &graphs.masks, 4, 6);
    let feeds = fed(&feeds, LOSS_SCALE, f32s(&[], &[scale]));
    let outputs = graphs.outputs();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).take(3 + graphs.parameters.len()).collect();
    let made = run(&mut session(&graphs.training), &feeds, &outputs);
    made[3..].iter().flat_map(floats).map(|&value| f64::from(value / scale)).collect()
}

#[test]
fn products_in_half_precision_give_the_gradients_but_for_rounding() {
    for folder in ["tiny", "albert"] {
        let subject = Subject::read(folder);
        let plain = subject.spec(POOLER, cross_entropy(), DropoutForm::Masks);
        let exact = gradients(&subject, &subject.graphs(&plain), 1024.0);
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        for (precision, form, least, most) in [
            // Half a unit of the last place of every operand is 2.4e-4, or 2e-3: measured on BERT, 1.3e-3 and 1.3e-2.
            (Precision::F16, ProductForm::Rounded, 1e-5, 3e-3),
            (Precision::Bf16, ProductForm::Rounded, 1e-4, 3e-2),
            // Operands are rounded, and results are not.
            (Precision::Bf16, ProductForm::Operators, 1e-4, 3e-2),
            // Gradients of activations and normalisations in one pass each, and nothing is rounded.
            (Precision::F32, ProductForm::Operators, -1.0, 1e-5),
            // The CPU computes it in float32, and leaves all rounding out.
            (Precision::F16, ProductForm::Kernels, -1.0, 3e-3),
        ] {
            let half = subject.graphs(&TrainingSpec { precision, product_form: form, ..plain.clone() });
            let half = gradients(&subject, &half, 1024.0);
            assert_eq!(half.len(), exact.len());
            let apart = norm(&mut half.iter().zip(&exact).map(|(a, b)| a - b)) / norm(&mut exact.iter().copied());
            eprintln!("{folder} {precision} {form:?}: {apart:e}");
            assert!(apart > least && apart < most, "{folder} {precision} {form:?}: {apart:e}");
        }
    }
}

/// The operators of larder's in a graph, and what is left of those whose place they take.
#[test]
fn own_operators_compute_every_large_product_and_the_gradients_between() {
    // Widths that are worth it: the goldens' are below.
    let config = r#"{"model_type": "bert", "vocab_size": 80, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 24, "type_vocab_size": 2,
        "hidden_act": "gelu"}"#;
    let config = EncoderConfig::from_json(config.as_bytes()).expect("a configuration");
    let mut random = Random::new(4);
    let mut weights = Weights::default();
    for parameter in config.parameters(true) {
        let count = parameter.shape.iter().product();
        let values = random.floats(count, -0.3, 0.3);
        weights.insert(&parameter.name, Weight { shape: parameter.shape, values }).expect("a name of its own");
    }
    let encoder = build(&config, &weights).expect("the encoder can be built");
    let subject = Subject { config, encoder };
    let plain = TrainingSpec {
        dropout: DropoutRatios { hidden: 0.0, attention: 0.0, head: 0.0 },
        ..subject.spec(POOLER, cross_entropy(), DropoutForm::Masks)
    };
    let form = ProductForm::Operators;
    let graphs = subject.graphs(&TrainingSpec { precision: Precision::Bf16, product_form: form, ..plain.clone() });
    let nodes = &graphs.training.graph().node;
    let count = |domain: &str, op_type: &str| {
        nodes.iter().filter(|node| node.domain() == domain && node.op_type() == op_type).count()
    };
    // In each of two layers six linear products, and the pooler's: each with two gradients.
    assert_eq!(count("larder", "Gemm"), 3 * (2 * 6 + 1));
    assert_eq!([count("larder", "Attention"), count("larder", "AttentionGradient")], [2, 2]);
    assert_eq!(count("", "Softmax"), 0);
    assert_eq!(count("larder", "ActivationGradient"), 2);
    assert_eq!(count("larder", "LayerNormalizationGradient"), 2 * 2 + 1);
    // The head's, of three classes, and its gradients.
    assert_eq!(count("", "Gemm"), 3);
    // Both residuals of a layer, and what comes together at each of its normalisations, are added by products.
    let wide = |node: &&NodeProto| node.op_type() == "Sum" || node.name().ends_with(".output.Add");
    assert_eq!(nodes.iter().filter(wide).count(), 0);
    // Gradients of biases come with those that they are sums of, but for the pooler's, and queries, keys and values.
    let sums = nodes.iter().filter(|node| node.op_type() == "MatMul" && node.name().contains(".dense."));
    assert_eq!(sums.map(|node| node.name()).collect::<Vec<_>>(), ["grad.pooler.dense.Gemm.MatMul_1"]);

    let [own, exact] = [&graphs, &subject.graphs(&plain)].map(|graphs| gradients(&subject, graphs, 1.0));
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let apart = norm(&mut own.iter().zip(&exact).map(|(a, b)| a - b)) / norm(&mut exact.iter().copied());
    assert!(apart > 1e-4 && apart < 3e-2, "{apart:e}");
}

#[test]
fn every_product_reads_half_precision_and_every_parameter_is_cast_once() {
    let subject = Subject::read("albert");
    let plain = subject.spec(POOLER, cross_entropy(), DropoutForm::Masks);
    for (precision, dtype) in [(Precision::F16, 10), (Precision::Bf16, 16)] {
        let spec = TrainingSpec { precision, ..plain.clone() };
        let graphs = subject.graphs(&spec);
        let nodes = &graphs.training.graph().node;
        let made_by = |name: &str| nodes.iter().find(|node| node.output.iter().any(|output| output == name));
        let is_half = |name: &str| {
            // Rows are laid out again in between.
            let mut node = made_by(name);
            while let Some(reshape) = node.filter(|node| node.is_op("Reshape")) {
                node = made_by(&reshape.input[0]);
            }
            node.is_some_and(|node| node.is_op("Cast") && node.int_attribute("to", 0) == dtype)
        };
        let is_product = |op_type: &str| ["MatMul", "Gemm", "FusedMatMul"].contains(&op_type);
        // Sums of rows are products with ones, in normalisations and small tables with other factors: they are none of these.
        let is_of_rows = |name: &str| [".LayerNormalization.", ".Gather"].iter().any(|part| name.contains(part));
        let is_sum = |node: &NodeProto| {
            is_of_rows(node.name()) || made_by(&node.input[0]).is_some_and(|made| made.is_op("Expand"))
        };
        let products = nodes.iter().filter(|node| is_product(node.op_type()) && !is_sum(node));
        let products: Vec<_> = products.collect();
        for product in &products {
            assert!(product.input.len() == 2 && product.input.iter().all(|input| is_half(input)), "{product:?}");
        }
        // Three layers of six linear products and two of attention, the embeddings' projection, pooler and head; and for
        // each two that give gradients.
        assert_eq!(products.len(), 3 * (3 * 8 + 3));
        let casts = |name: &str| nodes.iter().filter(|node| node.is_op("Cast") && node.input[0] == name).count();
        let weights = graphs.parameters.iter().filter(|parameter| parameter.shape.len() == 2);
        let weights = weights.filter(|parameter| matches!(parameter.gradient, GradientOutput::Dense { .. }));
        let counts: Vec<usize> = weights.clone().map(|weight| casts(&weight.name)).collect();
        // The layers' six, and three more; small tables are read by rows.
        assert_eq!(counts.iter().sum::<usize>(), 6 + 3, "{counts:?}");
        assert!(counts.iter().all(|&count| count <= 1), "{counts:?}");
        let evaluation = graphs.eval.graph().node.iter();
        assert_eq!(evaluation.filter(|node| node.is_op("Cast") && node.int_attribute("to", 0) == dtype).count(), 0);
    }
}
