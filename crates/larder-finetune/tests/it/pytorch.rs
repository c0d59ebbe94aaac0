//! Twenty steps from the same start follow PyTorch's.

use larder_finetune::{BatchSize, FinetuneResult, Freeze, Loss, TuneSettings};
use larder_graphs::{AdamW, HeadInput};
use larder_onnx::Pool;

use crate::support::*;

/// Losses within `close` and parameters within 1e-4 of their norm: rounding, which twenty steps of Adam amplify where
/// gradients are near zero. A wrong term in a rule, a missing decay or an unclipped step shows at 1e-3 and more.
fn follows_pytorch(golden: &Golden, close: f64) {
    follows_pytorch_with(golden, &golden.settings(), close);
}

/// The same with other options. What is frozen must not have moved at all.
fn follows_pytorch_with(golden: &Golden, settings: &TuneSettings, close: f64) {
    check(golden, &golden.run(settings), settings, close);
}

/// The same, trained in another way.
pub fn follows(
    golden: &Golden,
    run: impl FnOnce(&Golden, &TuneSettings) -> FinetuneResult,
    change: impl FnOnce(&mut TuneSettings),
    close: f64,
) {
    let mut settings = golden.settings();
    change(&mut settings);
    check(golden, &run(golden, &settings), &settings, close);
}

fn check(golden: &Golden, tuned: &FinetuneResult, settings: &TuneSettings, close: f64) {
    assert_eq!(tuned.history.len(), 20);
    let (losses, norms) = (golden.floats("losses").values, golden.floats("norms").values);
    let mut largest: (f64, f64) = (0.0, 0.0);
    for (row, (loss, norm)) in tuned.history.iter().zip(losses.iter().zip(&norms)) {
        let (loss, norm) = (f64::from(*loss), f64::from(*norm));
        largest = (largest.0.max((row.loss - loss).abs()), largest.1.max((row.grad_norm / norm - 1.0).abs()));
        assert!((row.loss - loss).abs() < close, "step {}: {} for {loss}", row.step, row.loss);
        assert!((row.grad_norm / norm - 1.0).abs() < 20.0 * close, "step {}: {} for {norm}", row.step, row.grad_norm);
    }
    let mut names = golden.tuned();
    names.sort_unstable();
    assert!(names.len() > 15, "{names:?}");
    let mut furthest: (f64, &str) = (0.0, "");
    // The one run that freezes something trains the last of two layers and the head.
    let freezes = settings.freeze != Freeze::default();
    let is_frozen = |name: &str| freezes && !name.contains(".layer.1.") && !name.starts_with("classifier.");
    for name in &names {
        let expected = golden.floats(&format!("tuned.{name}"));
        let from = if name.starts_with("classifier.") { &tuned.head } else { &tuned.weights };
        let found = from.get(name, &expected.shape).expect("every parameter is given back");
        // A shift of all keys changes no attention: their bias has no gradient but rounding, which Adam makes steps of.
        if [".key.bias", ".k_lin.bias", ".attn.k.bias", ".pos_key_proj.bias"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let apart = apart(found, &expected.values);
        // Had its gradient been zero all the time, the decay alone would have moved it: that must not pass.
        let start = golden.start(name, &expected.shape);
        if is_frozen(name) {
            assert_eq!((found, &expected.values), (start.as_slice(), &start), "{name} is frozen");
            continue;
        }
        let decayed: Vec<f32> = start.iter().map(|value| value * (1.0_f32 - 1e-5).powi(20)).collect();
        let unmoved = self::apart(&start, &expected.values).min(self::apart(&decayed, &expected.values));
        assert!(unmoved > 1e-3, "{name} moved by {unmoved:e} only");
        if apart > furthest.0 {
            furthest = (apart, name);
        }
        assert!(apart < 1e-4, "{name}: {apart:e}");
    }
    eprintln!("largest difference: loss {:e}, norm {:e} of itself, parameters {furthest:?}", largest.0, largest.1);
}

#[test]
fn bert_follows_pytorch() {
    follows_pytorch(&Golden::bert(), 1e-5);
}

#[test]
fn tagging_follows_pytorch() {
    follows_pytorch(&Golden::tagging(), 1e-4);
}

#[test]
fn albert_s_tagging_follows_pytorch() {
    follows_pytorch(&Golden::read("albert_tagging", "albert"), 1e-4);
}

#[test]
fn albert_with_its_shared_layers_follows_pytorch() {
    follows_pytorch(&Golden::read("albert", "albert"), 1e-4);
}

/// What stands in the recipe's `FAMILIES` too.
fn family_follows_pytorch(name: &str, change: impl FnOnce(&mut TuneSettings)) {
    let golden = Golden::read(name, name);
    let mut settings = golden.settings();
    change(&mut settings);
    follows_pytorch_with(&golden, &settings, 1e-5);
}

#[test]
fn distilbert_with_weighed_classes_and_smoothed_labels_follows_pytorch() {
    family_follows_pytorch("distilbert", |settings| {
        settings.loss = Loss::CrossEntropy { class_weights: Some(vec![1.0, 2.0, 0.5]), label_smoothing: 0.1 };
    });
}

#[test]
fn electra_with_a_rate_for_each_layer_follows_pytorch() {
    family_follows_pytorch("electra", |settings| {
        settings.layer_decay = 0.8;
        settings.head_learning_rate = Some(5e-3);
    });
}

#[test]
fn modernbert_s_mean_follows_pytorch() {
    family_follows_pytorch("modernbert", |settings| settings.input = HeadInput::Pooled(Pool::Mean));
}

#[test]
fn eurobert_s_mean_follows_pytorch() {
    family_follows_pytorch("eurobert", |settings| settings.input = HeadInput::Pooled(Pool::Mean));
}

#[test]
fn deberta_s_first_token_follows_pytorch() {
    family_follows_pytorch("deberta-v2", |_| {});
}

/// Products of its own for distances, no buckets, a token table of another width.
#[test]
fn deberta_s_tagging_follows_pytorch() {
    let golden = Golden::read("deberta-v2_tagging", "deberta-v2/own_products");
    follows_pytorch_with(&golden, &golden.settings(), 1e-5);
}

#[test]
fn deberta_s_convolution_follows_pytorch() {
    let golden = Golden::read("deberta-v2_convolution", "deberta-v2/convolution");
    let settings = TuneSettings { input: HeadInput::Pooled(Pool::Mean), ..golden.settings() };
    follows_pytorch_with(&golden, &settings, 1e-5);
}

#[test]
fn gte_s_mean_follows_pytorch() {
    family_follows_pytorch("gte", |settings| settings.input = HeadInput::Pooled(Pool::Mean));
}

/// With query, key and value in one product, and the gate in another.
#[test]
fn gte_as_published_follows_pytorch() {
    family_follows_pytorch("new", |_| {});
}

#[test]
fn neobert_s_mean_with_a_rate_for_each_layer_follows_pytorch() {
    family_follows_pytorch("neobert", |settings| {
        settings.input = HeadInput::Pooled(Pool::Mean);
        settings.layer_decay = 0.8;
    });
}

/// Of the table of tasks the first row alone has a gradient.
#[test]
fn ernie_s_tagging_follows_pytorch() {
    family_follows_pytorch("ernie", |_| {});
}

#[test]
fn relatives_of_roberta_follow_pytorch() {
    for name in ["data2vec-text", "roberta-prelayernorm"] {
        family_follows_pytorch(name, |settings| settings.input = HeadInput::Pooled(Pool::Mean));
    }
}

#[test]
fn heads_on_other_poolings_follow_pytorch() {
    for pool in [Pool::Max, Pool::LastToken, Pool::WeightedMean, Pool::MeanSqrtLen] {
        let golden = Golden::read(&format!("distilbert_{pool}"), "distilbert");
        let settings = TuneSettings { input: HeadInput::Pooled(pool), ..golden.settings() };
        follows_pytorch_with(&golden, &settings, 1e-5);
    }
}

#[test]
fn nomic_bert_s_tagging_follows_pytorch() {
    family_follows_pytorch("nomic_bert", |_| {});
}

#[test]
fn mpnet_s_tagging_above_a_frozen_layer_follows_pytorch() {
    family_follows_pytorch("mpnet", |settings| {
        settings.freeze = "embeddings,layers:0".parse().expect("that is how it is spelled")
    });
}

/// Ten rows a step, as they are and in two halves.
#[test]
fn sets_of_labels_follow_pytorch() {
    let golden = Golden::multilabel();
    for (rows, accumulation) in [(10, 1), (5, 2)] {
        let batch = BatchSize::Rows(rows);
        follows_pytorch_with(&golden, &TuneSettings { batch, accumulation, ..golden.settings() }, 1e-5);
    }
}

/// Steps of ALBERT's shared layers are large here, as with classes.
#[test]
fn numbers_follow_pytorch() {
    follows_pytorch(&Golden::regression(), 1e-4);
}

/// Ten pairs a step, as they are and in two halves.
#[test]
fn pairs_whose_texts_are_read_by_themselves_follow_pytorch() {
    let golden = Golden::pair();
    for (rows, accumulation) in [(10, 1), (5, 2)] {
        let batch = BatchSize::Rows(rows);
        follows_pytorch_with(&golden, &TuneSettings { batch, accumulation, ..golden.settings() }, 1e-5);
    }
}

#[test]
fn roberta_s_tagging_in_two_halves_of_each_batch_follows_pytorch() {
    // The recipe has batches of ten rows.
    family_follows_pytorch("roberta", |settings| {
        settings.batch = BatchSize::Rows(5);
        settings.accumulation = 2;
    });
}

#[test]
fn xlm_roberta_s_mean_with_other_moments_follows_pytorch() {
    family_follows_pytorch("xlm-roberta", |settings| {
        settings.input = HeadInput::Pooled(Pool::Mean);
        settings.adam = AdamW { beta1: 0.8, beta2: 0.98, epsilon: 1e-6 };
    });
}
