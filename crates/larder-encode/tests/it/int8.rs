//! 8-bit products by larder's own operators, which `GraphChoice::Auto` takes for an encoder that larder quantised.

use larder_encode::{EncodeSettings, EncoderInput, Engine, EngineSettings, GraphChoice};
use larder_files::Home;
use larder_intake::{INT8_TOLERANCE, QuantiseRequest, quantise};
use larder_runtime::{Device, bfloat16_kernel, int8_kernel};

use crate::support::{Bench, HIDDEN};

/// Attention to all tokens by larder's operator, and attention to near ones by the runtime's, in blocks for long texts.
const FAMILIES: [&str; 2] = [
    r#"{"model_type": "bert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 2048, "initializer_range": 0.1}"#,
    r#"{"model_type": "modernbert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 2048, "local_attention": 128,
    "global_attn_every_n_layers": 3, "initializer_range": 0.1}"#,
];

fn root_mean_square(values: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + f64::from(value * value), count + 1));
    (sum / f64::from(count)).sqrt()
}

#[test]
fn vectors_are_those_of_the_quantised_graph_but_for_rounding() {
    for config in FAMILIES {
        let Some(bench) = Bench::of(config) else { return };
        let home = Home::new(bench.folder.path().join("home"));
        let request = QuantiseRequest { encoder: "tiny".to_owned(), ..QuantiseRequest::default() };
        let encoder = quantise(&home, &bench.runtime, &request, &mut |_| ()).expect("has products").encoder;
        let engine_of = |graph, stock_operators| {
            let settings =
                EngineSettings { device: Device::Cpu, threads: 2, graph, stock_operators, ..Default::default() };
            let outputs = EncodeSettings::default().outputs(3).expect("there are three layers");
            Engine::new(&bench.runtime, &encoder, &outputs, settings).expect("can be opened")
        };
        let engine = |graph| engine_of(graph, false);
        let ids: Vec<Vec<i32>> = [(1, 9), (2, 40), (3, 1500), (4, 1)]
            .map(|(seed, count)| (0..count).map(|at| 110 + (seed * at) % 400).collect())
            .to_vec();
        let inputs: Vec<EncoderInput<'_>> =
            ids.iter().map(|ids| EncoderInput { input_ids: ids, type_ids: None }).collect();
        let mut given = engine(GraphChoice::Given);
        assert_eq!((given.graph(), given.graph_note()), ("given", None));
        let expected = given.embed(&inputs).expect("runs").remove(0);
        let mut own = engine(GraphChoice::Auto);
        let found = own.embed(&inputs).expect("runs").remove(0);
        if bfloat16_kernel().is_none() || int8_kernel().is_none() {
            assert_eq!((own.graph(), own.graph_note()), ("given", None));
            eprintln!("SKIPPED: this processor has no instructions for 8-bit products");
            return;
        }
        assert_eq!((own.graph(), own.graph_note()), ("int8", None));
        for (text, (found, expected)) in found.chunks_exact(HIDDEN).zip(expected.chunks_exact(HIDDEN)).enumerate() {
            let apart = root_mean_square(found.iter().zip(expected).map(|(a, b)| a - b));
            let deviation = apart / root_mean_square(expected.iter().copied());
            assert!(deviation < INT8_TOLERANCE, "text {text}: {deviation:e}");
        }
        // An exported file has no operators of larder's own.
        let mut stock = engine_of(GraphChoice::Auto, true);
        assert_eq!((stock.graph(), stock.graph_note()), ("given", None));
        assert_eq!(stock.embed(&inputs).expect("runs").remove(0), expected);
        // Whatever shares the batch. A long text runs alone in any case.
        for (at, input) in inputs.iter().enumerate() {
            let alone = own.embed(std::slice::from_ref(input)).expect("runs").remove(0);
            let deviation = root_mean_square(alone.iter().zip(&found[at * HIDDEN..]).map(|(a, b)| a - b));
            assert!(deviation < 1e-6, "text {at}: {deviation:e}");
        }
    }
}
