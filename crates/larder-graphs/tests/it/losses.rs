//! Losses and their gradients against PyTorch.

use larder_graphs::{Loss, Request, check_kernels, differentiate};
use larder_onnx::proto::tensor_proto::DataType;
use larder_onnx::{Axis, GraphBuilder, Value};

use crate::golden::Golden;
use crate::support::*;

const CLASSES: usize = 4;

fn cross_entropy(class_weights: Option<Vec<f32>>, label_smoothing: f32) -> Loss {
    Loss::CrossEntropy { class_weights, label_smoothing }
}

/// Loss, gradient of the logits, and what was counted.
fn found(loss: &Loss, feeds: &Feeds, opset: i64) -> (f32, Vec<f32>, f32) {
    let mut b = GraphBuilder::new("test", opset);
    let axes = [Axis::symbol("rows"), Axis::Fixed(CLASSES)];
    let logits = b.input("logits", DataType::Float, &axes);
    let labels = match loss {
        Loss::CrossEntropy { .. } => b.input("labels", DataType::Int64, &axes[..1]),
        _ => b.input("labels", DataType::Float, &axes),
    };
    b.input("seed", DataType::Float, &[]);
    let built = b.scoped("loss", |b| loss.build(b, &logits, &labels, CLASSES));
    b.output(&built.loss, "loss", DataType::Float, &[]);
    let forward = model(b.finish(), opset);
    let mut facts = learn(&forward, &[(7, 0, feeds.clone())]);
    let request = Request { outputs: &[("loss", "seed")], wanted: &["logits"], ..Default::default() };
    let done = differentiate(forward, &mut facts, &request).unwrap_or_else(|problem| panic!("{}", chain(&problem)));
    check_kernels(&done.model).expect("every node has a kernel");
    let gradient = done.gradients["logits"].clone();
    let loss = Value::named("loss");
    let outputs = [("d", &gradient), ("the.loss", &loss), ("counted", &built.counted)];
    let found = run(&mut session(&with_outputs(done.model, &outputs)), feeds, &["d", "the.loss", "counted"]);
    (floats(&found[1])[0], floats(&found[0]).to_vec(), floats(&found[2])[0])
}

fn feeds(golden: &Golden, loss: &Loss) -> Feeds {
    let labels = if matches!(loss, Loss::CrossEntropy { .. }) { "labels" } else { "truths" };
    vec![
        ("logits".to_owned(), golden.tensor("logits")),
        ("labels".to_owned(), golden.tensor(labels)),
        ("seed".to_owned(), f32s(&[], &[1.0])),
    ]
}

#[test]
fn losses_agree_with_pytorch() {
    let golden = Golden::read("losses");
    let weights = || Some(floats(&golden.tensor("class_weights")).to_vec());
    let losses = [
        ("plain", cross_entropy(None, 0.0), 5.0),
        ("weighted", cross_entropy(weights(), 0.0), 8.5),
        ("smoothed", cross_entropy(None, 0.1), 5.0),
        ("both", cross_entropy(weights(), 0.2), 8.5),
        ("binary", Loss::BinaryCrossEntropy { positive_weight: 1.0 }, 28.0),
        ("positive", Loss::BinaryCrossEntropy { positive_weight: 2.5 }, 28.0),
        ("squared", Loss::MeanSquaredError, 28.0),
    ];
    for opset in [13, 17, 21] {
        for (name, loss, counts) in &losses {
            let (value, gradient, counted) = found(loss, &feeds(&golden, loss), opset);
            let expected = floats(&golden.tensor(&format!("value.{name}")))[0];
            // A handful of float32 roundings of values of order one.
            assert!((value - expected).abs() < 2e-6, "{name}: {value} for {expected}");
            assert_eq!(counted, *counts, "{name}");
            let expected = golden.tensor(&format!("grad.{name}"));
            let expected: Vec<f64> = floats(&expected).iter().map(|&value| f64::from(value)).collect();
            crate::differences::assert_agrees(name, &gradient, &expected, 2e-6);
        }
    }
}

#[test]
fn a_batch_without_a_counted_row_has_no_loss() {
    let loss = cross_entropy(Some(vec![1.0; CLASSES]), 0.1);
    let mut fed = feeds(&Golden::read("losses"), &loss);
    fed[1].1 = i64s(&[7], &[larder_graphs::IGNORED_LABEL; 7]);
    let (value, gradient, counted) = found(&loss, &fed, 17);
    assert_eq!((value, counted), (0.0, 0.0));
    assert!(gradient.iter().all(|&value| value == 0.0), "{gradient:?}");
}
