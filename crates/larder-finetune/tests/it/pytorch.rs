//! Twenty steps from the same start follow PyTorch's.

use crate::support::*;

/// Losses within `close` and parameters within 1e-4 of their norm: rounding, which twenty steps of Adam amplify where
/// gradients are near zero. A wrong term in a rule, a missing decay or an unclipped step shows at 1e-3 and more.
fn follows_pytorch(golden: &Golden, close: f64) {
    let tuned = golden.run(&golden.settings());
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
    for name in &names {
        let expected = golden.floats(&format!("tuned.{name}"));
        let from = if name.starts_with("classifier.") { &tuned.head } else { &tuned.weights };
        let found = from.get(name, &expected.shape).expect("every parameter is given back");
        // A shift of all keys changes no attention: their bias has no gradient but rounding, which Adam makes steps of.
        if name.ends_with("key.bias") {
            continue;
        }
        let apart = apart(found, &expected.values);
        // Had its gradient been zero all the time, the decay alone would have moved it: that must not pass.
        let start = golden.start(name, &expected.shape);
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
