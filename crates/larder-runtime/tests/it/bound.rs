//! Vectors that stay where a session runs.

use crate::common::{fixture, runtime};
use larder_runtime::{Bound, Device, RuntimeError, Session, SessionSettings, TensorView};

fn bound() -> Option<Bound> {
    let session = Session::from_file(&runtime()?, &fixture("change.onnx"), &SessionSettings::worker(Device::Cpu));
    Some(Bound::new(session.expect("the fixture loads")).expect("sessions can be bound"))
}

fn first(views: &[TensorView<'_>]) -> Vec<f32> {
    views[0].as_f32().expect("all is float32").to_vec()
}

#[test]
fn a_vector_is_read_and_written_in_place() {
    let Some(mut bound) = bound() else {
        return;
    };
    let mut vector = bound.allocate(3).expect("there is memory");
    assert!(vector.len() == 3 && !vector.is_empty());
    // Filled by a run that has all of its inputs from outside.
    bound.bind_output("after", &mut vector).expect("it is an output");
    let (ones, zeros, halves) = ([1.0_f32, 2.0, 3.0], [0.0_f32; 3], [0.5_f32, 0.25, -1.0]);
    let view = |values| TensorView::f32(&[3], values);
    let inputs = [("before", view(&ones)), ("change", view(&zeros))];
    assert_eq!(bound.run_with(&inputs, &["total"], first).expect("it runs"), [6.0]);
    // Read and written, twice.
    bound.bind_input("before", &vector).expect("it is an input");
    for total in [5.75, 5.5] {
        assert_eq!(bound.run_with(&[("change", view(&halves))], &["total"], first).expect("it runs"), [total]);
    }
    // Read alone, and given back.
    bound.unbind();
    bound.bind_input("before", &vector).expect("it is an input");
    let after = bound.run_with(&[("change", view(&zeros))], &["after"], first).expect("it runs");
    assert_eq!(after, [2.0, 2.5, 1.0]);
    let given = bound.run_with(&[("change", view(&zeros))], &["total", "after"], |views| views[1].shape.to_vec());
    assert_eq!(given.expect("it runs"), [3]);
}

#[test]
fn what_cannot_be_bound_is_said() {
    let Some(mut bound) = bound() else {
        return;
    };
    let mut vector = bound.allocate(3).expect("there is memory");
    assert!(matches!(bound.bind_input("after", &vector), Err(RuntimeError::UnknownName { side: "input", .. })));
    let problem = bound.bind_output("before", &mut vector).expect_err("it is an input");
    assert!(matches!(problem, RuntimeError::UnknownName { side: "output", .. }), "{problem}");
    let problem = bound.bind_output("total", &mut vector).and_then(|()| {
        let values = [1.0_f32, 2.0, 3.0];
        let inputs = ["before", "change"].map(|name| (name, TensorView::f32(&[3], &values)));
        bound.run_with(&inputs, &[], |_| ())
    });
    assert!(matches!(problem, Err(RuntimeError::Run { .. })), "{problem:?}");
    bound.unbind();
    bound.bind_input("before", &vector).expect("it is an input");
    let problem = bound.run_with(&[], &["total"], first).expect_err("an input is missing");
    assert!(matches!(&problem, RuntimeError::MissingInput { name, .. } if name == "change"), "{problem}");
}
