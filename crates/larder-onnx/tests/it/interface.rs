//! Inputs and outputs by meaning, on our own models and on exports of others.

use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{
    Axis, ConstantInput, GraphBuilder, Hints, InputType, Interface, Model, OnnxError, TensorProto, Value,
};

use crate::support::{data, repository, tiny_model};

fn names(interface: &Interface) -> [Option<&str>; 4] {
    [
        Some(interface.input_ids.name.as_str()),
        interface.attention_mask.as_ref().map(|input| input.name.as_str()),
        interface.token_type_ids.as_ref().map(|input| input.name.as_str()),
        interface.token_output.as_ref().map(|output| output.name.as_str()),
    ]
}

#[test]
fn our_own_encoder_is_recognised() {
    let interface = Interface::recognise(&tiny_model()).expect("is recognised");
    let expected = ["input_ids", "attention_mask", "token_type_ids", "last_hidden_state"].map(Some);
    assert_eq!(names(&interface), expected);
    assert_eq!(interface.input_ids.dtype, InputType::Int64);
    assert_eq!((interface.input_ids.batch, interface.input_ids.seq), (None, None));
    assert_eq!((interface.vocabulary_size, interface.hidden_size), (100, 32));
    assert_eq!((interface.position_rows, interface.layers), (Some(32), Some(2)));
    assert_eq!(interface.hidden_states.len(), 3);
    assert_eq!(interface.pooled_outputs.len(), 1);
    let json = serde_json::to_string(&interface).expect("can be written");
    assert_eq!(serde_json::from_str::<Interface>(&json).expect("can be read"), interface);
}

#[test]
fn a_torchscript_export_is_recognised() {
    let model = Model::load(&data("torchscript.onnx")).expect("is checked in");
    let interface = Interface::recognise(&model).expect("is recognised");
    assert_eq!(names(&interface), ["input_ids", "attention_mask", "token_type_ids", "last_hidden_state"].map(Some));
    assert_eq!((interface.vocabulary_size, interface.hidden_size), (60, 16));
    assert_eq!((interface.position_rows, interface.layers), (Some(20), Some(2)));
    let normalised = |place: &str| format!("/bert/{place}/LayerNorm/LayerNormalization_output_0");
    let states = [normalised("embeddings"), normalised("encoder/layer.0/output"), "last_hidden_state".to_owned()];
    assert_eq!((interface.hidden_states, interface.hidden_states_problem), (states.to_vec(), None));
}

#[test]
fn odd_names_and_echoes_do_not_mislead() {
    let model = Model::load(&data("oddly_named.onnx")).expect("is checked in");
    let interface = Interface::recognise(&model).expect("is recognised");
    let token = model.outputs()[2].name();
    assert_eq!(names(&interface), [Some("x"), Some("y"), None, Some(token)]);
    assert_eq!(interface.pooled_outputs.len(), 1);
    assert_eq!((interface.hidden_size, interface.layers), (16, Some(2)));
}

#[test]
fn a_published_third_party_export_is_recognised() {
    let path = std::env::var_os("LARDER_FOREIGN_ONNX")
        .map_or_else(|| repository().join(".larder/models/paraphrase-MiniLM-L3-v2/model.onnx"), Into::into);
    if !path.is_file() {
        eprintln!("SKIPPED: no {} (set LARDER_FOREIGN_ONNX)", path.display());
        return;
    }
    let model = Model::load(&path).expect("is a model");
    let interface = Interface::recognise(&model).expect("is recognised");
    assert_eq!(names(&interface), [Some("input_ids"), Some("attention_mask"), None, Some("onnx::Shape_422")]);
    assert_eq!((interface.vocabulary_size, interface.hidden_size), (30522, 384));
    assert_eq!((interface.position_rows, interface.layers), (Some(512), Some(3)));
    assert_eq!(interface.pooled_outputs[0].name, "461");
    // And nothing of it is lost when it is saved.
    let bytes = std::fs::read(&path).expect("was read before");
    assert!(model.to_bytes().expect("it is small") == bytes);
}

#[test]
fn integer_outputs_are_no_vectors() {
    let quantised = |floats_beside: bool, dtype: DataType| {
        let mut b = GraphBuilder::new("quantised", 17);
        let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
        let ids = b.input("ids", DataType::Int64, &axes);
        let table = b.initializer(TensorProto::from_f32("table", &[90, 4], &[0.5; 360]));
        let found = b.gather(&table, &ids, 0);
        let mean = b.reduce_mean(&found, &[1], false);
        let scale = b.scalar("scale", 0.05);
        let narrow = b.node("QuantizeLinear", &[&mean, &scale], vec![]);
        b.output(&narrow, "vector", dtype, &[Axis::symbol("batch"), 4.into()]);
        if floats_beside {
            b.output(&mean, "mean", DataType::Float, &[Axis::symbol("batch"), 4.into()]);
        }
        Model::from_graph(b.finish(), 17).expect("the test's graph is sound")
    };
    for (dtype, name) in [(DataType::Uint8, "uint8"), (DataType::Int8, "int8")] {
        let message = Interface::recognise(&quantised(false, dtype)).unwrap_err().to_string();
        assert!(message.contains(&format!("not from vector ({name} [batch, 4])")), "{message}");
        // Beside floats it is passed over, unless it is asked for.
        let beside = quantised(true, dtype);
        let interface = Interface::recognise(&beside).expect("gives a vector");
        assert_eq!(interface.pooled_outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["mean"]);
        let hints = Hints { pooler_output: Some("vector".to_owned()), ..Hints::default() };
        let message = Interface::recognise_with(&beside, &hints).unwrap_err().to_string();
        assert!(message.contains(&format!("not from vector ({name} [batch, 4])")), "{message}");
    }
}

/// Tables of these rows, one int32 input `[2, 8]` for each, summed; then `extra` on the sum.
fn embedder(rows: &[usize], extra: impl FnOnce(&mut GraphBuilder, &Value)) -> Model {
    let mut b = GraphBuilder::new("embedder", 17);
    let mut sum: Option<Value> = None;
    for (place, &rows) in rows.iter().enumerate() {
        let index = b.input(&format!("in{place}"), DataType::Int32, &[2.into(), 8.into()]);
        let table = b.initializer(TensorProto::from_f32(&format!("t{place}"), &[rows, 4], &vec![0.5; rows * 4]));
        let index = b.cast(&index, DataType::Int64);
        let found = b.gather(&table, &index, 0);
        sum = Some(sum.map_or(found.clone(), |sum| b.add(&sum, &found)));
    }
    let sum = sum.expect("there are tables");
    extra(&mut b, &sum);
    let axes = [2.into(), 8.into(), Axis::symbol("h")];
    b.output(&sum, "out", DataType::Float, &axes);
    Model::from_graph(b.finish(), 17).expect("the test's graph is sound")
}

#[test]
fn roles_follow_the_tables() {
    let model = embedder(&[2, 40, 90], |_, _| {});
    let interface = Interface::recognise(&model).expect("is recognised");
    assert_eq!(names(&interface), [Some("in2"), None, Some("in0"), Some("out")]);
    assert_eq!(interface.position_ids.as_ref().map(|input| input.name.as_str()), Some("in1"));
    assert_eq!(interface.input_ids.dtype, InputType::Int32);
    assert_eq!((interface.input_ids.batch, interface.input_ids.seq), (Some(2), Some(8)));
    // The output does not tell its width: the table does.
    assert_eq!((interface.hidden_size, interface.position_rows), (4, Some(40)));
}

#[test]
fn inputs_that_nothing_reads_are_set_apart() {
    let model = embedder(&[90], |b, _| {
        b.input("idle", DataType::Int64, &[2.into(), 8.into()]);
    });
    let interface = Interface::recognise(&model).expect("is recognised");
    assert!(interface.attention_mask.is_none());
    assert_eq!(interface.unread[0].name, "idle");
}

#[test]
fn two_readings_are_an_error_until_a_hint_decides() {
    let model = embedder(&[90, 90], |_, _| {});
    let message = Interface::recognise(&model).unwrap_err().to_string();
    assert_eq!(
        message,
        "in0 (int32 [2, 8]), in1 (int32 [2, 8]) could each be the model's input_ids: name the right one"
    );
    let hints = Hints { input_ids: Some("in1".to_owned()), ..Hints::default() };
    let interface = Interface::recognise_with(&model, &hints).expect("the hint decides");
    assert_eq!(interface.input_ids.name, "in1");
    let hints = Hints { input_ids: Some("in7".to_owned()), ..Hints::default() };
    assert!(matches!(Interface::recognise_with(&model, &hints), Err(OnnxError::WrongHint { .. })));

    let model = embedder(&[90], |b, sum| {
        // Each adds to what it is given, as a layer does, and neither is made of the other.
        for name in ["a", "b"] {
            let scale = b.initializer(TensorProto::from_f32(&format!("scale of {name}"), &[4], &[0.5; 4]));
            let scaled = b.mul(sum, &scale);
            let other = b.add(sum, &scaled);
            b.output(&other, name, DataType::Float, &[2.into(), 8.into(), 4.into()]);
        }
    });
    let message = Interface::recognise(&model).unwrap_err().to_string();
    assert!(
        message.starts_with("a (float [2, 8, 4]), b (float [2, 8, 4]) could each be the model's last_hidden_state")
    );
}

#[test]
fn what_cannot_be_fed_is_named() {
    let model = embedder(&[90], |b, sum| {
        let scale = b.input("scale", DataType::Float, &[]);
        let scaled = b.mul(sum, &scale);
        b.output(&scaled, "scaled", DataType::Float, &[]);
    });
    let message = Interface::recognise(&model).unwrap_err().to_string();
    assert_eq!(
        message,
        "input \"scale\" is scale (float []); expected int64, int32, float32, float16 or bool of shape [batch, seq]"
    );
}

/// An encoder with a table of types and one of task types, of these rows, and a task for the whole batch, `[]`.
fn with_tasks(rows: [usize; 2]) -> Model {
    let mut b = GraphBuilder::new("with tasks", 17);
    let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
    let mut sum: Option<Value> = None;
    for (name, rows) in [("ids", 90), ("types", rows[0]), ("task types", rows[1])] {
        let index = b.input(name, DataType::Int64, &axes);
        let table = b.initializer(TensorProto::from_f32(&format!("table of {name}"), &[rows, 4], &vec![0.5; rows * 4]));
        let found = b.gather(&table, &index, 0);
        sum = Some(sum.map_or(found.clone(), |sum| b.add(&sum, &found)));
    }
    let task = b.input("task", DataType::Int32, &[]);
    let table = b.initializer(TensorProto::from_f32("table of tasks", &[5, 4], &[0.5; 20]));
    let task = b.gather(&table, &task, 0);
    let sum = b.add(&sum.expect("there are tables"), &task);
    b.output(&sum, "out", DataType::Float, &[axes[0].clone(), axes[1].clone(), 4.into()]);
    Model::from_graph(b.finish(), 17).expect("the test's graph is sound")
}

#[test]
fn inputs_with_one_value_for_every_text_become_constants() {
    let found = |rows: [usize; 2], hints: &Hints, type_rows: Option<usize>| {
        let found = ConstantInput::find(&with_tasks(rows), hints, type_rows).expect("can be read");
        found.into_iter().map(|input| (input.name, input.axes.len(), input.value)).collect::<Vec<_>>()
    };
    let input = |name: &str, rank: usize, value: i64| (name.to_owned(), rank, value);
    // The number of rows tells which table is that of token types; so does a name.
    assert_eq!(found([4, 3], &Hints::default(), Some(4)), [input("task", 0, 0), input("task types", 2, 0)]);
    assert_eq!(found([3, 4], &Hints::default(), Some(3)), [input("task", 0, 0), input("task types", 2, 0)]);
    let named = Hints { token_type_ids: Some("types".to_owned()), ..Hints::default() };
    assert_eq!(found([4, 4], &named, Some(4)), [input("task", 0, 0), input("task types", 2, 0)]);
    // Nothing tells them apart.
    assert_eq!(found([4, 4], &Hints::default(), Some(4)), [input("task", 0, 0)]);
    assert_eq!(found([4, 3], &Hints::default(), None), [input("task", 0, 0)]);
    assert!(matches!(Interface::recognise(&embedder(&[4, 4, 90], |_, _| {})), Err(OnnxError::Ambiguous { .. })));
    let told = |name: &str, value: i64| Hints { constants: [(name.to_owned(), value)].into(), ..Hints::default() };
    assert_eq!(found([4, 4], &told("task types", 2), None), [input("task types", 2, 2), input("task", 0, 0)]);
    assert_eq!(found([4, 3], &told("task", 4), Some(4)), [input("task", 0, 4), input("task types", 2, 0)]);
    let unknown = ConstantInput::find(&with_tasks([4, 3]), &told("tusk", 1), None);
    assert!(matches!(unknown, Err(OnnxError::WrongHint { .. })), "{unknown:?}");
    // A model without such inputs has none.
    assert!(ConstantInput::find(&tiny_model(), &Hints::default(), None).expect("can be read").is_empty());

    let model = with_tasks([4, 3]);
    assert!(matches!(Interface::recognise(&model), Err(OnnxError::UnsupportedInput { .. })));
    let constants = ConstantInput::find(&model, &Hints::default(), Some(4)).expect("can be read");
    let model = model.with_constant_inputs(&constants).expect("the rest is an encoder");
    let interface = Interface::recognise(&model).expect("is recognised");
    assert_eq!(names(&interface), [Some("ids"), None, Some("types"), Some("out")]);
    assert_eq!(model.inputs().len(), 2);
}

#[test]
fn one_element_is_one_value_in_any_shape() {
    let found = |text: [Axis; 2], axes: &[Axis]| {
        let mut b = GraphBuilder::new("one", 17);
        let ids = b.input("ids", DataType::Int64, &text);
        b.input("switch", DataType::Bool, axes);
        let table = b.initializer(TensorProto::from_f32("table", &[90, 4], &[0.5; 360]));
        let found = b.gather(&table, &ids, 0);
        b.output(&found, "out", DataType::Float, &[text[0].clone(), text[1].clone(), 4.into()]);
        let model = Model::from_graph(b.finish(), 17).expect("the test's graph is sound");
        ConstantInput::find(&model, &Hints::default(), None).expect("can be read").len()
    };
    let open = || [Axis::symbol("batch"), Axis::symbol("seq")];
    for axes in [&[][..], &[1.into()], &[1.into(), 1.into()]] {
        assert_eq!(found(open(), axes), 1, "{axes:?}");
    }
    assert_eq!(found(open(), &[2.into()]), 0);
    // Here nothing tells it from a mask.
    assert_eq!(found([1.into(), 1.into()], &[1.into(), 1.into()]), 0);
}

#[test]
fn an_input_of_many_open_axes_is_no_constant() {
    let mut b = GraphBuilder::new("pixels", 17);
    let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
    let ids = b.input("ids", DataType::Int64, &axes);
    b.input("pixels", DataType::Float, &[axes[0].clone(), 3.into(), Axis::symbol("height"), Axis::symbol("width")]);
    b.input("fixed", DataType::Float, &[(1_usize << 40).into()]);
    let table = b.initializer(TensorProto::from_f32("table", &[90, 4], &[0.5; 360]));
    let found = b.gather(&table, &ids, 0);
    b.output(&found, "out", DataType::Float, &[axes[0].clone(), axes[1].clone(), 4.into()]);
    let model = Model::from_graph(b.finish(), 17).expect("the test's graph is sound");
    assert!(ConstantInput::find(&model, &Hints::default(), None).expect("asks for none").is_empty());
    for name in ["pixels", "fixed"] {
        let hints = Hints { constants: [(name.to_owned(), 1)].into(), ..Hints::default() };
        let refused = ConstantInput::find(&model, &hints, None).unwrap_err();
        assert!(matches!(&refused, OnnxError::UnsupportedInput { input, .. } if input == name), "{refused}");
    }
}

/// An encoder of positions without a table, beside a mask; `use_positions` makes something of them.
fn with_positions(use_positions: impl FnOnce(&mut GraphBuilder, &Value, &Value) -> Value) -> Model {
    let mut b = GraphBuilder::new("rotary", 17);
    let axes = [Axis::symbol("batch"), Axis::symbol("seq")];
    let [ids, mask, positions] = ["ids", "mask", "places"].map(|name| b.input(name, DataType::Int64, &axes));
    let table = b.initializer(TensorProto::from_f32("table", &[90, 4], &[0.5; 360]));
    let found = b.gather(&table, &ids, 0);
    let mask = b.cast(&mask, DataType::Float);
    let mask = b.unsqueeze(&mask, &[2]);
    let found = b.mul(&found, &mask);
    let turned = use_positions(&mut b, &found, &positions);
    b.output(&turned, "out", DataType::Float, &[axes[0].clone(), axes[1].clone(), 4.into()]);
    Model::from_graph(b.finish(), 17).expect("the test's graph is sound")
}

#[test]
fn positions_that_become_angles_are_no_mask() {
    let position = |model: &Model| Interface::recognise(model).map(|interface| interface.position_ids.map(|p| p.name));
    let product = with_positions(|b, x, positions| {
        let frequencies = b.initializer(TensorProto::from_f32("frequencies", &[1, 4], &[1.0, 0.1, 0.01, 0.001]));
        let positions = b.cast(positions, DataType::Float);
        let column = b.unsqueeze(&positions, &[2]);
        let angles = b.mat_mul(&column, &frequencies);
        let cosines = b.node("Cos", &[&angles], vec![]);
        b.mul(x, &cosines)
    });
    assert_eq!(position(&product).expect("is recognised").as_deref(), Some("places"));
    let fused = with_positions(|b, x, positions| {
        let caches = ["cosines", "sines"].map(|name| b.initializer(TensorProto::from_f32(name, &[64, 2], &[0.5; 128])));
        b.node_of("com.microsoft", "RotaryEmbedding", &[x, positions, &caches[0], &caches[1]], vec![])
    });
    let interface = Interface::recognise(&fused).expect("is recognised");
    assert_eq!(interface.position_ids.expect("is one").name, "places");
    assert_eq!(interface.attention_mask.expect("is one").name, "mask");
    // Anything else that is made of them says nothing, until a name decides.
    let added = with_positions(|b, x, positions| {
        let positions = b.cast(positions, DataType::Float);
        let column = b.unsqueeze(&positions, &[2]);
        b.add(x, &column)
    });
    assert!(matches!(position(&added), Err(OnnxError::Ambiguous { role: "attention_mask", .. })));
    let hints = Hints { position_ids: Some("places".to_owned()), ..Hints::default() };
    let interface = Interface::recognise_with(&added, &hints).expect("the hint decides");
    assert_eq!(names(&interface), [Some("ids"), Some("mask"), None, Some("out")]);
    assert!(interface.agrees_with(&hints));
}
