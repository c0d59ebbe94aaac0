//! The graphs of a perceptron: gradients of every parameter against central differences.

use larder_graphs::{
    DropoutForm, DropoutMask, GraphsError, LOSS_SCALE, Loss, MLP_FEATURES, MlpGraphs, MlpSpec, TrainedParameter,
};
use larder_onnx::Model;
use larder_onnx::facts::Facts;
use larder_runtime::TensorData;

use crate::differences::assert_agrees;
use crate::support::*;

const WIDTH: usize = 5;
const CLASSES: usize = 3;

/// As for single operators: five points, `step⁴ / 30` of a fifth derivative of order one.
const STEP: f32 = 1.0 / 32.0;

/// Beside the largest element: rounding of a float32 loss, 6e-8 over the step, is 2e-6; gradients are 0.01 to 0.3.
const TOLERANCE: f64 = 5e-4;

fn spec(hidden: &[usize], dropout: f32, loss: Loss) -> MlpSpec {
    let hidden = hidden.to_vec();
    MlpSpec { width: WIDTH, hidden, classes: CLASSES, loss, dropout, dropout_form: DropoutForm::Masks }
}

fn feeds(spec: &MlpSpec, masks: &[DropoutMask], rows: usize) -> Feeds {
    let mut random = Random::new(5);
    let mut feeds = vec![(MLP_FEATURES.to_owned(), f32s(&[rows, WIDTH], &random.floats(rows * WIDTH, -1.5, 1.5)))];
    let labels = match spec.loss {
        Loss::CrossEntropy { .. } => i64s(&[rows], &random.integers(rows, 0, CLASSES as i64)),
        _ => f32s(&[rows, CLASSES], &random.floats(rows * CLASSES, 0.0, 1.0)),
    };
    feeds.push(("labels".to_owned(), labels));
    for (name, shape) in spec.parameters() {
        feeds.push((name, f32s(&shape, &random.floats(shape.iter().product(), -0.8, 0.8))));
    }
    feeds.push((LOSS_SCALE.to_owned(), f32s(&[], &[2.0])));
    for mask in masks {
        let shape: Vec<usize> = mask.shape.iter().map(|dim| dim.at(rows, 0)).collect();
        let drawn = random.integers(shape.iter().product(), 0, 4);
        let kept = 1.0 / (1.0 - mask.ratio);
        let values: Vec<f32> = drawn.iter().map(|&drawn| if drawn == 0 { 0.0 } else { kept }).collect();
        feeds.push((mask.input.clone(), f32s(&shape, &values)));
    }
    feeds
}

fn graphs(spec: &MlpSpec) -> MlpGraphs {
    let learn = |model: &Model, masks: &[DropoutMask]| -> Result<Facts, GraphsError> {
        Ok(learn(model, &[(7, 0, feeds(spec, masks, 7)), (11, 0, feeds(spec, masks, 11))]))
    };
    MlpGraphs::build(spec, learn).unwrap_or_else(|problem| panic!("{}", chain(&problem)))
}

#[test]
fn gradients_agree_with_central_differences() {
    let weighted = Loss::CrossEntropy { class_weights: Some(vec![0.5, 2.0, 1.0]), label_smoothing: 0.1 };
    let cases = [
        spec(&[6, 4], 0.25, weighted),
        spec(&[3], 0.0, Loss::BinaryCrossEntropy { positive_weight: 1.5 }),
        spec(&[], 0.0, Loss::MeanSquaredError),
    ];
    for spec in cases {
        let graphs = graphs(&spec);
        assert_eq!(graphs.masks.len(), if spec.dropout > 0.0 { spec.hidden.len() } else { 0 });
        let fed = feeds(&spec, &graphs.masks, 6);
        let mut session = session(&graphs.training);
        let outputs: Vec<&str> = graphs.parameters.iter().map(TrainedParameter::output).collect();
        let analytic = run(&mut session, &fed, &outputs);
        for (parameter, analytic) in graphs.parameters.iter().zip(&analytic) {
            assert_eq!(analytic.shape, parameter.shape, "{}", parameter.name);
            let place = fed.iter().position(|(name, _)| *name == parameter.name).expect("it is fed");
            let mut loss = |element: usize, steps: f32| {
                let mut moved = fed.clone();
                let TensorData::F32(values) = &mut moved[place].1.data else { panic!("parameters are float32") };
                values[element] += steps * STEP;
                f64::from(floats(&run(&mut session, &moved, &["loss"])[0])[0])
            };
            let mut difference = |element: usize| {
                let (near, far) = (loss(element, 1.0) - loss(element, -1.0), loss(element, 2.0) - loss(element, -2.0));
                // Gradients are those of twice the loss.
                2.0 * (8.0 * near - far) / (12.0 * f64::from(STEP))
            };
            let numeric: Vec<f64> = (0..floats(analytic).len()).map(&mut difference).collect();
            assert!(numeric.iter().any(|value| value.abs() > 1e-2), "{}: {numeric:?}", parameter.name);
            assert_agrees(&parameter.name, floats(analytic), &numeric, TOLERANCE);
        }
    }
}

#[test]
fn evaluation_is_training_with_nothing_dropped() {
    let spec = spec(&[6, 4], 0.25, Loss::CrossEntropy { class_weights: None, label_smoothing: 0.0 });
    let graphs = graphs(&spec);
    let mut fed = feeds(&spec, &graphs.masks, 9);
    let dropped = run(&mut session(&graphs.training), &fed, &["logits"]);
    for (name, tensor) in &mut fed {
        if let (true, TensorData::F32(values)) = (name.starts_with("dropout."), &mut tensor.data) {
            values.fill(1.0);
        }
    }
    let outputs = ["loss", "logits", "counted"];
    let (whole, plain) =
        (run(&mut session(&graphs.training), &fed, &outputs), run(&mut session(&graphs.eval), &fed, &outputs));
    for (whole, plain) in whole.iter().zip(&plain) {
        assert_eq!(whole.shape, plain.shape);
        assert!(floats(whole).iter().zip(floats(plain)).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    assert_eq!(floats(&plain[2]), [9.0]);
    let apart = floats(&dropped[0]).iter().zip(floats(&plain[1])).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart > 1e-2, "masks are read: {apart}");
}
