//! Training above a layer, from its hidden states.

use larder_finetune::{
    Example, FinetuneResult, HiddenStates, Length, Order, Quiet, SplitOf, TrainingInputs, TuneError, TuneSettings,
    finetune,
};
use larder_graphs::{DropoutRatios, HeadInput};
use larder_onnx::{Pool, build};
use larder_runtime::{Device, Session, SessionSettings, TensorView};

use crate::support::*;

/// The hidden states of a layer, of each example by itself.
struct Computed([Vec<Vec<f32>>; 2]);

impl Computed {
    fn new(golden: &Golden, layer: usize, splits: [&[Example]; 2]) -> Self {
        let name = format!("hidden_states.{layer}");
        let encoder = build(&golden.config, &golden.weights).expect("the golden can be built");
        let encoder = encoder.pruned(&[&name]).expect("it names its hidden states");
        let bytes = encoder.to_bytes().expect("it is small");
        let mut session =
            Session::from_bytes(&runtime(), &bytes, &SessionSettings::worker(Device::Cpu)).expect("it runs");
        let taken: Vec<String> = session.inputs().iter().map(|input| input.name.clone()).collect();
        let mut states = |example: &Example| {
            let shape = [1, example.input_ids.len()];
            let mut types = example.token_type_ids.clone();
            types.resize(shape[1], 0);
            let ones = vec![1; shape[1]];
            let all = [("input_ids", &example.input_ids), ("attention_mask", &ones), ("token_type_ids", &types)];
            let feeds = all.iter().filter(|(name, _)| taken.iter().any(|taken| taken == name));
            let feeds: Vec<_> = feeds.map(|(name, values)| (*name, TensorView::i64(&shape, values))).collect();
            let made = session.run(&feeds, &[&name]).expect("the encoder runs");
            made[0].as_f32().expect("hidden states are float32").to_vec()
        };
        Self(splits.map(|examples| examples.iter().map(&mut states).collect()))
    }
}

impl HiddenStates for Computed {
    fn read(&self, split: SplitOf, row: usize, into: &mut Vec<f32>) -> Result<(), TuneError> {
        let rows = &self.0[usize::from(split == SplitOf::Dev)];
        let lost = || TuneError::HiddenStatesRead { split, row, source: "there is no such row".into() };
        into.extend(rows.get(row).ok_or_else(lost)?);
        Ok(())
    }
}

fn run(golden: &Golden, settings: &TuneSettings, dev: &[Example], hidden: Option<&dyn HiddenStates>) -> FinetuneResult {
    let inputs = TrainingInputs { dev, hidden, ..golden.inputs() };
    finetune(&runtime(), &inputs, settings, &mut Quiet).unwrap_or_else(|problem| panic!("{problem:?}"))
}

#[test]
fn above_a_layer_it_is_the_run_with_the_rest_frozen() {
    for (name, layer, freeze) in [
        ("tiny", 0, "embeddings"),
        ("tiny", 1, "embeddings,layers:0"),
        ("tagging", 1, "embeddings,layers:0"),
        ("albert", 0, "embeddings"),
        ("albert", 2, "embeddings,layers:0-2"),
        ("distilbert", 2, "embeddings,layers:0-1"),
        ("roberta", 1, "embeddings,layers:0"),
        ("electra", 1, "embeddings,layers:0"),
        ("mpnet", 1, "embeddings,layers:0"),
        ("deberta-v2", 1, "embeddings,layers:0"),
        ("deberta-v2/own_products", 0, "embeddings"),
        ("deberta-v2/convolution", 0, "embeddings"),
        ("modernbert", 1, "embeddings,layers:0"),
        ("nomic_bert", 1, "embeddings,layers:0"),
        ("eurobert", 1, "embeddings,layers:0"),
        ("ernie", 1, "embeddings,layers:0"),
        ("roberta-prelayernorm", 1, "embeddings,layers:0"),
        ("gte", 1, "embeddings,layers:0"),
        ("new", 1, "embeddings,layers:0"),
        ("neobert", 2, "embeddings,layers:0-1"),
    ] {
        let mut golden = if name == "tagging" { Golden::tagging() } else { Golden::read("bert", name) };
        for example in &mut golden.examples {
            // The others know fewer types and tokens.
            let types = golden.config.type_vocab_size.max(1) as i64;
            example.token_type_ids.iter_mut().for_each(|kind| *kind %= types);
            example.input_ids.iter_mut().for_each(|id| *id = 3 + *id % (golden.config.vocab_size as i64 - 3));
        }
        let mut settings = golden.settings();
        if !matches!(name, "tiny" | "tagging") {
            let head = larder_finetune::HeadStart::Random;
            settings = TuneSettings { head, input: HeadInput::Pooled(Pool::Mean), ..settings };
        }
        // Batches in which examples are padded, which hidden states of single examples are not.
        settings = TuneSettings { order: Order::ByLength, length: Length::Steps(12), ..settings };
        let dev = &golden.examples[3..9];
        let frozen = TuneSettings { freeze: freeze.parse().expect("is spelled right"), ..settings.clone() };
        let whole = run(&golden, &frozen, dev, None);
        let from_layer = Some(layer);
        // The layers of ALBERT are one: above the second nothing but the head is left to train.
        let freeze = if (name, layer) == ("albert", 2) { frozen.freeze.clone() } else { Default::default() };
        let states = Computed::new(&golden, layer, [&golden.examples, dev]);
        let above = run(&golden, &TuneSettings { from_layer, freeze, ..settings }, dev, Some(&states));
        assert!(
            (whole.scores.as_ref().expect("it was judged").1.score
                - above.scores.as_ref().expect("it was judged").1.score)
                .abs()
                < 1e-5
        );
        // Rounding: padding, and the shapes of batches.
        same_course_within(&golden, &whole, &above, 1e-5);
        // What lies below is the same to the bit.
        for parameter in golden.config.parameters(true) {
            let Ok(after) = above.weights.get(&parameter.name, &parameter.shape) else { continue };
            let is_same = after == golden.start(&parameter.name, &parameter.shape);
            let is_same_in_whole = whole
                .weights
                .get(&parameter.name, &parameter.shape)
                .is_ok_and(|whole| whole == golden.start(&parameter.name, &parameter.shape));
            assert_eq!(is_same, is_same_in_whole, "{name}, {layer}: {}", parameter.name);
        }
    }
}

#[test]
fn dropout_above_a_layer_is_that_of_the_layers_above() {
    let golden = Golden::bert();
    let dropout = DropoutRatios { hidden: 0.2, attention: 0.2, head: 0.2 };
    let settings = TuneSettings { dropout, from_layer: Some(1), length: Length::Steps(3), ..golden.settings() };
    let states = Computed::new(&golden, 1, [&golden.examples, &[]]);
    let dropped = run(&golden, &settings, &[], Some(&states));
    assert_eq!(losses(&dropped), losses(&run(&golden, &settings, &[], Some(&states))));
    let plain = run(&golden, &TuneSettings { dropout: DropoutRatios::NONE, ..settings }, &[], Some(&states));
    assert_ne!(losses(&dropped)[0], losses(&plain)[0]);
}

#[test]
fn what_cannot_be_trained_from_a_layer_is_said() {
    let problem = |golden: &Golden, settings: &TuneSettings, hidden: Option<&dyn HiddenStates>| {
        let inputs = TrainingInputs { hidden, ..golden.inputs() };
        finetune(&runtime(), &inputs, settings, &mut Quiet).expect_err("it cannot be trained")
    };
    let golden = Golden::bert();
    let states = Computed::new(&golden, 1, [&golden.examples, &[]]);
    let plain = golden.settings();
    let from = |layer| TuneSettings { from_layer: Some(layer), ..plain.clone() };
    assert!(matches!(problem(&golden, &from(1), None), TuneError::NoHiddenStates { layer: 1 }));
    assert!(matches!(problem(&golden, &plain, Some(&states)), TuneError::UnusedHiddenStates));
    let message = problem(&golden, &from(2), Some(&states)).to_string();
    assert!(message.contains("the encoder has 2 layers, and 0, the embeddings, to 1"), "{message}");

    let mut short = Computed::new(&golden, 1, [&golden.examples, &[]]);
    short.0[0][7].truncate(33);
    let message = problem(&golden, &from(1), Some(&short)).to_string();
    assert!(message.starts_with("the hidden states of example 7 (from 0) of train are 33 numbers: "), "{message}");
    short.0[0].truncate(3);
    let found = problem(&golden, &from(1), Some(&short));
    assert!(matches!(found, TuneError::HiddenStatesRead { split: SplitOf::Train, row: 3, .. }), "{found}");

    let albert = Golden::read("albert", "albert");
    let settings = TuneSettings { from_layer: Some(1), ..albert.settings() };
    let message = problem(&albert, &settings, Some(&states)).to_string();
    assert!(message.contains("layers 0 to 2 (from 0) share their parameters"), "{message}");
    assert!(message.ends_with("take layer 0, or freeze them"), "{message}");
}
