//! Graphs that are trained as they were given, without their being recognised.

use larder_finetune::{
    BatchSize, EncoderFacts, Example, FinetuneResult, HeadStart, Length, Order, Quiet, Schedule, TrainingInputs,
    TunableEncoder, TuneSettings, finetune,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{Family, GraphPart, Interface, Model, Pool, TrainableGraph, Weights, build};
use larder_runtime::{Device, Session, SessionSettings, TensorView};

use crate::pytorch::follows;
use crate::support::*;

/// The encoder's graph as somebody else's: nothing in it says who made it.
fn given(golden: &Golden) -> (TrainableGraph, Interface) {
    let mut model = build(&golden.config, &golden.weights).expect("the golden can be built");
    let keys: Vec<String> = model.proto().metadata_props.iter().map(|entry| entry.key().to_owned()).collect();
    keys.iter().for_each(|key| model.set_metadata(key, None));
    let interface = Interface::recognise(&model).expect("inputs and outputs are found");
    (TrainableGraph::of(&model, &interface).expect("the graph can be trained"), interface)
}

fn encoder(golden: &Golden, graph: TrainableGraph, interface: &Interface) -> TunableEncoder {
    let config = &golden.config;
    TunableEncoder::given(
        graph,
        EncoderFacts {
            family: config.family,
            vocab_size: interface.vocabulary_size,
            type_vocab_size: interface.type_rows.unwrap_or(0),
            hidden_size: interface.hidden_size,
            max_positions: config.max_positions(),
            layers: interface.layers,
            reads_padding: false,
            pad_token_id: config.pad_token_id.map_or(0, i64::from),
            initializer_range: config.initializer_range,
        },
    )
}

fn run(golden: &Golden, settings: &TuneSettings) -> FinetuneResult {
    let (graph, interface) = given(golden);
    let encoder = encoder(golden, graph, &interface);
    let inputs = TrainingInputs { encoder: &encoder, ..golden.inputs() };
    finetune(&runtime(), &inputs, settings, &mut Quiet).unwrap_or_else(|problem| panic!("{problem:?}"))
}

const FAMILIES: [&str; 9] =
    ["albert", "distilbert", "electra", "roberta", "xlm-roberta", "mpnet", "modernbert", "eurobert", "nomic_bert"];

/// Angles of rotary positions, masks of local attention and numbers of buckets are none.
#[test]
fn parameters_are_those_that_the_family_has() {
    for name in FAMILIES {
        let golden = Golden::read(name, name);
        let (graph, _) = given(&golden);
        let mut found: Vec<&str> = graph.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let has_pooler = graph.model.outputs().len() > 1;
        let expected = golden.config.parameters(has_pooler);
        let mut expected: Vec<&str> = expected.iter().map(|parameter| parameter.name.as_str()).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
        let layers = golden.config.num_hidden_layers;
        for parameter in &graph.parameters {
            let numbers: Vec<usize> = parameter.name.split('.').filter_map(|part| part.parse().ok()).collect();
            let is_embedding = parameter.name.contains("embed") && !parameter.name.contains("mapping_in.1");
            let expected = match (numbers.first(), name) {
                (Some(_), "albert") => GraphPart::Layers(0, layers - 1),
                (Some(&layer), _) => GraphPart::Layers(layer, layer),
                (None, _) if parameter.name.starts_with("pooler") => GraphPart::Pooler,
                // Read by all layers, from the first.
                (None, "mpnet") if parameter.name.contains("relative") => parameter.part,
                (None, _) if is_embedding => GraphPart::Embeddings,
                // The normalisation behind the last.
                (None, _) => GraphPart::Layers(layers - 1, layers - 1),
            };
            assert_eq!(parameter.part, expected, "{name}: {}", parameter.name);
        }
    }
}

#[test]
fn they_follow_pytorch() {
    follows(&Golden::bert(), run, |_| {}, 1e-5);
    follows(&Golden::tagging(), run, |_| {}, 1e-4);
    for name in ["albert", "nomic_bert"] {
        follows(&Golden::read(name, name), run, |_| {}, if name == "albert" { 1e-4 } else { 1e-5 });
    }
    for name in ["modernbert", "eurobert"] {
        let mean = |settings: &mut TuneSettings| settings.input = HeadInput::Pooled(Pool::Mean);
        follows(&Golden::read(name, name), run, mean, 1e-5);
    }
    let rates = |settings: &mut TuneSettings| {
        settings.layer_decay = 0.8;
        settings.head_learning_rate = Some(5e-3);
    };
    follows(&Golden::read("electra", "electra"), run, rates, 1e-5);
    let freeze = |settings: &mut TuneSettings| {
        settings.freeze = "embeddings,layers:0".parse().expect("that is how it is spelled");
    };
    follows(&Golden::read("mpnet", "mpnet"), run, freeze, 1e-5);
}

/// Trained parameters go back into the graph that was given, which gives then what the trained one does.
#[test]
fn trained_parameters_go_back_into_the_graph() {
    let golden = Golden::bert();
    let tuned = run(&golden, &golden.settings());
    let model = build(&golden.config, &golden.weights).expect("the golden can be built");
    let trained: Model = model.with_trained(&tuned.weights).expect("the parameters fit");
    assert_eq!(trained.graph().node.len(), model.graph().node.len());
    for name in tuned.weights.names() {
        let values = trained.initializer_floats(name).expect("it is there");
        let shape: Vec<usize> =
            model.initializer(name).expect("is there").dims.iter().map(|&dim| dim as usize).collect();
        assert_eq!(&*values, tuned.weights.get(name, &shape).expect("fits"), "{name}");
        assert_ne!(&*values, &*model.initializer_floats(name).expect("it is there"), "{name}");
    }
}

/// What exporters wrote of encoders that larder neither builds nor recognises: `tests/goldens/finetune/recipe_given.py`.
struct Export {
    model: Model,
    interface: Interface,
    golden: SafeFile,
    reads_padding: bool,
}

impl Export {
    fn read(name: &str) -> Self {
        let folder = goldens().join("finetune/given");
        let model = Model::load(&folder.join(format!("{name}.onnx"))).expect("the export is well formed");
        let interface = Interface::recognise(&model).expect("inputs and outputs are found");
        let golden = SafeFile::read(&folder.join(format!("{name}.safetensors")));
        Self {
            model,
            interface,
            golden,
            reads_padding: ["mobilebert", "convbert"].iter().any(|family| name.starts_with(family)),
        }
    }

    fn examples(&self) -> Vec<Example> {
        let [ids, mask, labels] = ["input_ids", "attention_mask", "labels"].map(|name| self.golden.integers(name));
        let width = ids.len() / labels.len();
        let length = |row: usize| mask[row * width..(row + 1) * width].iter().sum::<i64>() as usize;
        let example = |row: usize| Example::new(ids[row * width..][..length(row)].to_vec(), labels[row]);
        (0..labels.len()).map(example).collect()
    }

    fn encoder(&self) -> TunableEncoder {
        let graph = TrainableGraph::of(&self.model, &self.interface).expect("the graph can be trained");
        let elements: usize = graph.parameters.iter().map(|parameter| parameter.shape.iter().product::<usize>()).sum();
        let names: Vec<&str> = graph.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(elements as i64, self.golden.integers("elements")[0], "{names:?}");
        TunableEncoder::given(
            graph,
            EncoderFacts {
                family: Family::Bert,
                vocab_size: self.interface.vocabulary_size,
                type_vocab_size: 0,
                hidden_size: self.interface.hidden_size,
                max_positions: 40,
                layers: self.interface.layers,
                reads_padding: self.reads_padding,
                pad_token_id: 0,
                initializer_range: 0.02,
            },
        )
    }

    fn settings(&self) -> TuneSettings {
        let mut head = Weights::default();
        for name in ["classifier.weight", "classifier.bias"] {
            head.insert(name, self.golden.floats(name)).expect("the golden's head is well formed");
        }
        TuneSettings {
            input: HeadInput::Pooled(Pool::Mean),
            head: HeadStart::Given(head),
            length: Length::Steps(20),
            batch: BatchSize::Rows(5),
            order: Order::AsGiven,
            schedule: Schedule::Constant,
            warmup: 0.0,
            learning_rate: 1e-3,
            weight_decay: 0.01,
            clip: Some(1.0),
            dropout: DropoutRatios::NONE,
            threads: 1,
            ..TuneSettings::of(Family::Bert, 3)
        }
    }

    /// The last hidden states that a model of these inputs gives for the first five rows, one text at a time, zero at padding.
    fn states(&self, model: &Model, examples: &[Example]) -> Vec<f32> {
        let settings = SessionSettings::worker(Device::Cpu);
        let mut session = Session::from_bytes(&runtime(), &model.to_bytes().expect("it can be written"), &settings)
            .expect("the trained graph runs");
        let width = examples.iter().map(|example| example.input_ids.len()).max().expect("there are some");
        let output = self.interface.token_output.as_ref().expect("it gives tokens").name.clone();
        let mut states = Vec::new();
        for example in &examples[..5] {
            let ids = &example.input_ids;
            let ones = vec![1; ids.len()];
            let shape = [1, ids.len()];
            let inputs =
                [("input_ids", TensorView::i64(&shape, ids)), ("attention_mask", TensorView::i64(&shape, &ones))];
            let found = session.run_with(&inputs, &[output.as_str()], |views| views[0].as_f32().map(<[f32]>::to_vec));
            let mut found = found.expect("it runs").expect("floats");
            found.resize(width * self.interface.hidden_size, 0.0);
            states.extend(found);
        }
        states
    }
}

/// Losses and norms of PyTorch's twenty steps, and its vectors after them, in batches of so many rows.
fn export_follows(name: &str, rows: usize, close: f64) {
    let export = Export::read(name);
    let (encoder, train) = (export.encoder(), export.examples());
    let before = export.golden.floats("before").values;
    let given = export.model.with_trained(&Weights::default()).expect("the graph can be written");
    let start = apart(&export.states(&given, &train), &before);
    assert!(start < close, "{name}: the graph gives other vectors than PyTorch before the first step: {start:e}");
    let settings = TuneSettings { batch: BatchSize::Rows(rows), accumulation: 5 / rows, ..export.settings() };
    let inputs = TrainingInputs { encoder: &encoder, train: &train, dev: &[], hidden: None, folder: None };
    let tuned =
        finetune(&runtime(), &inputs, &settings, &mut Quiet).unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
    let (losses, norms) = (export.golden.floats("losses").values, export.golden.floats("norms").values);
    let mut largest: (f64, f64) = (0.0, 0.0);
    for (row, (&loss, &norm)) in tuned.history.iter().zip(losses.iter().zip(&norms)) {
        largest.0 = largest.0.max((row.loss - f64::from(loss)).abs());
        largest.1 = largest.1.max((row.grad_norm / f64::from(norm) - 1.0).abs());
    }
    let trained = export.model.with_trained(&tuned.weights).expect("the parameters fit");
    let after = export.golden.floats("after").values;
    let (found, moved) = (apart(&export.states(&trained, &train), &after), apart(&before, &after));
    eprintln!(
        "{name}: loss {:e}, norm {:e} of itself, vectors {found:e}, which moved by {moved:e}",
        largest.0, largest.1
    );
    assert!(tuned.history.len() == 20 && largest.0 < close && largest.1 < 20.0 * close, "{name}: {largest:?}");
    assert!(moved > 0.02 && found < 10.0 * close, "{name}: {found:e}, {moved:e}");
}

#[test]
fn exports_of_families_that_are_not_built_follow_pytorch() {
    for name in ["t5", "deberta_v2", "megatron_bert_opset_11", "qwen3", "squeezebert"] {
        export_follows(name, 5, 1e-5);
    }
    // Its convolutions reach into the padding: a text at a time.
    export_follows("convbert", 1, 1e-5);
}

/// PyTorch has the weights that the file holds.
#[test]
fn exports_in_half_precision_and_in_integers_follow_pytorch() {
    // It reads each token with its neighbours, padding too.
    export_follows("mobilebert_half", 1, 1e-5);
    export_follows("roberta_prelayernorm_int8", 5, 1e-5);
}

/// A batch would change what it says of a text; and what only larder's own graphs can do is said.
#[test]
fn what_a_given_graph_cannot_do_is_said() {
    let said = |name: &str, change: &dyn Fn(&mut TuneSettings)| {
        let export = Export::read(name);
        let (encoder, train) = (export.encoder(), export.examples());
        let mut settings = export.settings();
        change(&mut settings);
        let inputs = TrainingInputs { encoder: &encoder, train: &train, dev: &[], hidden: None, folder: None };
        finetune(&runtime(), &inputs, &settings, &mut Quiet).expect_err("it cannot").to_string()
    };
    let message = said("mobilebert_half", &|_| {});
    assert!(message.contains("padding changes the vectors") && message.contains("`--batch-rows 1`"), "{message}");
    let message = said("t5", &|settings| settings.dropout = DropoutRatios { hidden: 0.1, ..DropoutRatios::NONE });
    assert!(message.contains("trained as it was given"), "{message}");
    let message = said("t5", &|settings| settings.input = HeadInput::Pooled(Pool::Pooler));
    assert!(message.contains("no pooler"), "{message}");
}

/// What stands in the way is named before any work.
#[test]
fn what_cannot_be_trained_is_named() {
    let export = Export::read("t5");
    let reason = |interface: Interface| match TrainableGraph::of(&export.model, &interface) {
        Err(problem) => problem.to_string(),
        Ok(_) => panic!("it cannot be trained"),
    };
    let mut interface = export.interface.clone();
    interface.attention_mask = None;
    assert!(reason(interface).contains("no attention mask"));
    let mut interface = export.interface.clone();
    interface.token_output = None;
    assert!(reason(interface).contains("no vector for each token"));
    let mut interface = export.interface.clone();
    interface.input_ids.batch = Some(1);
    assert!(reason(interface).contains("takes exactly 1 text(s) at once"));
    // An operator without a rule, by its node.
    let model = export.model.clone().edited(|graph| {
        let node = graph.node.iter_mut().find(|node| node.op_type() == "Relu").expect("T5 has it");
        (node.op_type, node.name) = (Some("HardSwish".to_owned()), Some("layer.0.act".to_owned()));
        Ok(())
    });
    let export = Export { model: model.expect("the graph stays whole"), ..export };
    let (encoder, train) = (export.encoder(), export.examples());
    let inputs = TrainingInputs { encoder: &encoder, train: &train, dev: &[], hidden: None, folder: None };
    let problem = finetune(&runtime(), &inputs, &export.settings(), &mut Quiet).expect_err("it cannot");
    let said = format!("{problem:?}");
    assert!(said.contains("layer.0.act") && said.contains("HardSwish"), "{said}");
}
