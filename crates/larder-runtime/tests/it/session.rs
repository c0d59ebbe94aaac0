//! Models run, and what is wrong with an input is said before they do.

use crate::common::{fixture, runtime};
use half::f16;
use larder_runtime::{
    CudaProblem, Device, ElementType, Gpus, RanOn, RuntimeError, Session, SessionSettings, TensorData, TensorInfo,
    TensorView, WeightData,
};

const CPU: Device = Device::Cpu;

fn session(model: &str) -> Option<Session> {
    let settings = SessionSettings::worker(CPU);
    Some(Session::from_file(&runtime()?, &fixture(model), &settings).expect("the fixture loads"))
}

#[test]
fn inputs_and_outputs_are_described() {
    let Some(session) = session("plus_one.onnx") else {
        return;
    };
    let info = |name: &str, dtype| TensorInfo { name: name.to_owned(), dtype, dims: vec![None, None] };
    assert_eq!(session.inputs(), [info("input_ids", ElementType::Int64)]);
    assert_eq!(
        session.outputs(),
        [
            info("plus_one", ElementType::Float32),
            info("half", ElementType::Float16),
            info("doubled", ElementType::Int64),
        ]
    );
    assert_eq!(session.ran_on(), &RanOn::Cpu);
}

#[test]
fn outputs_come_in_the_order_asked_for_and_with_their_own_types() {
    let Some(mut session) = session("plus_one.onnx") else {
        return;
    };
    let ids = [3_i64, -1, 0, 7, 100, 2];
    let inputs = [("input_ids", TensorView::i64(&[2, 3], &ids))];
    let outputs = session.run(&inputs, &["doubled", "plus_one", "half"]).unwrap();
    assert!(outputs.iter().all(|output| output.shape == [2, 3]));
    assert_eq!(outputs[0].data, TensorData::I64(vec![6, -2, 0, 14, 200, 4]));
    let plus_one = [4.0, 0.0, 1.0, 8.0, 101.0, 3.0];
    assert_eq!(outputs[1].data, TensorData::F32(plus_one.to_vec()));
    assert_eq!(outputs[2].data, TensorData::F16(plus_one.map(f16::from_f32).to_vec()));

    let only = session.run(&inputs, &["plus_one"]).unwrap();
    assert_eq!(only, outputs[1..2]);
}

#[test]
fn batches_of_any_shape_run_in_one_session() {
    let Some(mut session) = session("plus_one.onnx") else {
        return;
    };
    for shape in [[1, 1], [5, 2], [2, 64], [0, 4], [3, 0]] {
        let ids: Vec<i64> = (0..(shape[0] * shape[1]) as i64).collect();
        let sum = session
            .run_with(&[("input_ids", TensorView::i64(&shape, &ids))], &["plus_one"], |views| {
                assert_eq!(views[0].shape, shape);
                views[0].as_f32().expect("plus_one is float32").iter().sum::<f32>()
            })
            .unwrap();
        let expected: i64 = ids.iter().map(|id| id + 1).sum();
        assert_eq!(sum, expected as f32, "{shape:?}");
    }
}

#[test]
fn wrong_inputs_are_told_apart_and_name_the_model() {
    let Some(mut session) = session("plus_one.onnx") else {
        return;
    };
    let ids = [1_i64, 2];
    let good = ("input_ids", TensorView::i64(&[1, 2], &ids));
    let mut message = |inputs: &[(&str, TensorView<'_>)], outputs: &[&str]| {
        let error = session.run(inputs, outputs).expect_err("the inputs are wrong").to_string();
        assert!(error.contains("plus_one.onnx"), "{error}");
        error
    };

    let unknown = message(&[("ids", good.1)], &["half"]);
    assert!(unknown.contains("no input `ids`: it has input_ids"), "{unknown}");
    let unknown = message(&[good], &["logits"]);
    assert!(unknown.contains("no output `logits`: it has plus_one, half, doubled"), "{unknown}");
    let missing = message(&[], &["half"]);
    assert!(missing.contains("input `input_ids` is missing"), "{missing}");
    assert!(message(&[good, good], &["half"]).contains("given twice"));
    assert!(message(&[good], &["half", "half"]).contains("given twice"));
    let rank = message(&[("input_ids", TensorView::i64(&[2], &ids))], &["half"]);
    assert!(rank.contains("takes shape [any, any], found [2]"), "{rank}");
    let length = message(&[("input_ids", TensorView::i64(&[2, 3], &ids))], &["half"]);
    assert!(length.contains("shape [2, 3], which is 6 elements, but 2 values"), "{length}");
    let huge = message(&[("input_ids", TensorView::i64(&[usize::MAX, 3], &ids))], &["half"]);
    assert!(huge.contains("more elements than memory"), "{huge}");
    let dtype = message(&[("input_ids", TensorView::f32(&[1, 2], &[1.0, 2.0]))], &["half"]);
    assert!(dtype.contains("takes int64, found float32"), "{dtype}");

    assert_eq!(session.run(&[good], &["doubled"]).unwrap()[0].as_i64(), Some(&[2_i64, 4][..]), "it still works");
}

#[test]
fn failures_while_running_are_errors() {
    let Some(mut session) = session("reshape.onnx") else {
        return;
    };
    let bias = [1.0_f32, 2.0, 3.0, 4.0];
    let x = [0.5_f32; 8];
    let mut run = |count: usize, bias: TensorView<'_>| {
        session.run(&[("x", TensorView::f32(&[count], &x[..count])), ("bias", bias)], &["rows"])
    };
    let bias = TensorView::f32(&[1, 4], &bias);
    assert!(matches!(run(6, bias), Err(RuntimeError::Run { .. })));
    let rows = run(8, bias).unwrap();
    assert_eq!(rows[0].shape, [2, 4]);
    assert_eq!(rows[0].as_f32(), Some(&[1.5_f32, 2.5, 3.5, 4.5, 1.5, 2.5, 3.5, 4.5][..]));

    let narrow = run(8, TensorView::f32(&[1, 2], &[0.0, 0.0])).expect_err("bias is [1, 4]").to_string();
    assert!(narrow.contains("input `bias` takes shape [1, 4], found [1, 2]"), "{narrow}");
}

#[test]
fn what_is_no_model_is_an_error_that_names_it() {
    let Some(runtime) = runtime() else { return };
    let settings = SessionSettings::worker(CPU);
    for bytes in [&b""[..], b"not a model", &[0xff; 64]] {
        let error = Session::from_bytes(&runtime, bytes, &settings).expect_err("no model");
        assert!(matches!(error, RuntimeError::Load { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("of {} bytes in memory", bytes.len())), "{error}");
    }
    let mut cut = std::fs::read(fixture("plus_one.onnx")).unwrap();
    cut.truncate(cut.len() / 2);
    let named = SessionSettings { name: Some("half a model".to_owned()), ..settings.clone() };
    let error = Session::from_bytes(&runtime, &cut, &named).expect_err("half a model").to_string();
    assert!(error.contains("half a model"), "{error}");

    let missing = fixture("no-such-model.onnx");
    let error = Session::from_file(&runtime, &missing, &settings).expect_err("no file").to_string();
    assert!(error.contains("no-such-model.onnx"), "{error}");
    assert!(Session::from_file(&runtime, &fixture(""), &settings).is_err(), "a folder is no model");
}

#[test]
fn a_weight_of_the_wrong_size_is_refused_before_it_is_read() {
    let Some(runtime) = runtime() else { return };
    let weight = |dtype, bytes: &'static [u8]| WeightData {
        name: "table".to_owned(),
        dtype,
        shape: vec![2, 3],
        bytes: bytes.into(),
    };
    let refused = |weight| {
        let error = Session::from_parts(&runtime, b"", &[weight], &SessionSettings::worker(CPU)).expect_err("wrong");
        assert!(matches!(error, RuntimeError::Load { .. }), "{error:?}");
        error.to_string()
    };
    let short = refused(weight(ElementType::Float32, &[0; 23]));
    assert!(short.contains("\"table\" has 23 bytes") && short.contains("24"), "{short}");
    assert!(refused(weight(ElementType::Unsupported, &[])).contains("unsupported"));
}

#[test]
fn sessions_run_on_worker_threads_of_their_own() {
    let Some(runtime) = runtime() else { return };
    let bytes = std::fs::read(fixture("plus_one.onnx")).unwrap();
    let sums: Vec<f32> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4_i64)
            .map(|worker| {
                // Made here, moved there: `Session` is `Send`.
                let settings = SessionSettings::worker(CPU);
                let mut session = Session::from_bytes(&runtime, &bytes, &settings).expect("it loads");
                scope.spawn(move || {
                    let ids = vec![worker; 1000];
                    let inputs = [("input_ids", TensorView::i64(&[10, 100], &ids))];
                    (0..20)
                        .map(|_| {
                            session
                                .run_with(&inputs, &["plus_one"], |views| {
                                    views[0].as_f32().expect("float32").iter().sum::<f32>()
                                })
                                .expect("it runs")
                        })
                        .sum()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
    });
    assert_eq!(sums, [20_000.0, 40_000.0, 60_000.0, 80_000.0]);
}

#[test]
fn one_runtime_per_process() {
    let Some(runtime) = runtime() else { return };
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
    let minor: u32 = runtime.version().split('.').nth(1).unwrap().parse().unwrap();
    assert!(minor >= larder_runtime::API_VERSION);
    let again = larder_runtime::Runtime::load(Some(runtime.path())).expect("the same library");
    assert_eq!(again.path(), runtime.path());
    let other = larder_runtime::Runtime::load(Some(&fixture("plus_one.onnx"))).expect_err("another file");
    assert!(matches!(other, RuntimeError::AlreadyLoaded { .. }), "{other:?}");
}

#[test]
fn cuda_is_refused_by_name_where_it_is_not_and_auto_runs_anyway() {
    let Some(runtime) = runtime() else { return };
    let on = |device| Session::from_file(&runtime, &fixture("plus_one.onnx"), &SessionSettings::worker(device));
    let auto = on(Device::Auto).expect("auto always runs");
    match runtime.cuda() {
        Ok(found) => {
            let expected = RanOn::Cuda { name: found.name.clone(), ordinals: vec![0] };
            assert_eq!(auto.ran_on(), &expected);
            let mut session = on(Device::CUDA).expect("CUDA works");
            assert_eq!(session.ran_on(), &expected);
            let ids = [3_i64, -1];
            let inputs = [("input_ids", TensorView::i64(&[1, 2], &ids))];
            assert_eq!(session.run(&inputs, &["plus_one"]).unwrap()[0].as_f32(), Some(&[4.0_f32, 0.0][..]));
        }
        Err(problem) => {
            eprintln!("no CUDA here: {problem}");
            // `just test-cuda` sets this: there a test that finds no GPU has failed.
            assert!(std::env::var_os("LARDER_TEST_CUDA").is_none(), "{problem}");
            assert_eq!(auto.ran_on(), &RanOn::Cpu);
            let error = on(Device::CUDA).expect_err("never a silent fall back");
            assert!(matches!(error, RuntimeError::CudaUnavailable { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(&problem.to_string()) && message.contains(problem.way_out()), "{message}");
            assert!(message.contains("--device cpu"), "{message}");
        }
    }
}

#[test]
fn cuda_devices_are_named_by_number_and_one_that_is_not_there_is_refused() {
    let Some(runtime) = runtime() else { return };
    let device = |text: &str| text.parse::<Device>().expect("is a device");
    match runtime.gpu_count() {
        Ok(count) => {
            let all = device("cuda:all").resolve_all(&runtime).expect("each works");
            assert_eq!((all.len() as u32, all[0]), (count, Device::CUDA));
            let last = Device::Cuda(Gpus::one(count - 1).expect("has a number"));
            let session = Session::from_file(&runtime, &fixture("plus_one.onnx"), &SessionSettings::worker(last));
            assert_eq!(session.expect("the last works").ran_on().device(), last);
            let error = device(&format!("cuda,cuda:{count}")).resolve_all(&runtime).expect_err("one is not there");
            let RuntimeError::CudaUnavailable { problem } = &error else { panic!("{error:?}") };
            assert!(matches!(problem, CudaProblem::NoOrdinal { ordinal, .. } if *ordinal == count), "{error}");
            assert!(error.to_string().contains("CUDA_VISIBLE_DEVICES"), "{error}");
        }
        Err(problem) => {
            assert!(std::env::var_os("LARDER_TEST_CUDA").is_none(), "{problem}");
            for text in ["cuda:all", "cuda:1", "cuda:0,cuda:1"] {
                let error = device(text).resolve_all(&runtime).expect_err("never a silent fall back");
                assert!(matches!(error, RuntimeError::CudaUnavailable { .. }), "{error:?}");
            }
            assert_eq!(device("auto").resolve_all(&runtime).expect("auto always runs"), [Device::Cpu]);
        }
    }
}
