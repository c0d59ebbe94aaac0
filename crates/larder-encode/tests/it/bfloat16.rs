//! Products in bfloat16, asked for by `GraphChoice::Bfloat16`.

use larder_encode::{EncodeSettings, EncoderInput, Engine, EngineSettings, GraphChoice};
use larder_intake::BFLOAT16_TOLERANCE;
use larder_runtime::{Device, bfloat16_kernel};

use crate::support::{Bench, HIDDEN};

/// Attention to all tokens by larder's operator, and attention to near ones by the runtime's, in blocks for long texts.
const FAMILIES: [&str; 2] = [
    r#"{"model_type": "bert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 2048, "initializer_range": 0.1}"#,
    r#"{"model_type": "modernbert", "vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 2048, "local_attention": 128,
    "global_attn_every_n_layers": 3, "initializer_range": 0.1}"#,
];

#[test]
fn vectors_are_those_of_float32_but_for_rounding() {
    for config in FAMILIES {
        let Some(bench) = Bench::of(config) else { return };
        let engine = |graph, batch_tokens| {
            let settings =
                EngineSettings { device: Device::Cpu, threads: 2, batch_tokens, graph, ..Default::default() };
            let outputs = EncodeSettings::default().outputs(3).expect("there are three layers");
            Engine::new(&bench.runtime, &bench.encoder, &outputs, settings).expect("can be opened")
        };
        let ids: Vec<Vec<i32>> = [(1, 9), (2, 40), (3, 1500), (4, 1)]
            .map(|(seed, count)| (0..count).map(|at| 110 + (seed * at) % 400).collect())
            .to_vec();
        let inputs: Vec<EncoderInput<'_>> =
            ids.iter().map(|ids| EncoderInput { input_ids: ids, type_ids: None }).collect();
        let expected = engine(GraphChoice::Auto, None).embed(&inputs).expect("runs").remove(0);
        for batch_tokens in [None, Some(20_000)] {
            let mut rounded = engine(GraphChoice::Bfloat16, batch_tokens);
            let found = rounded.embed(&inputs).expect("runs").remove(0);
            if bfloat16_kernel().is_none() {
                assert!(
                    rounded.graph_note().is_some_and(|note| note.contains("AVX512_BF16")),
                    "{:?}",
                    rounded.graph_note()
                );
                eprintln!("SKIPPED: this processor has no instructions for bfloat16");
                return;
            }
            assert_eq!((rounded.graph(), rounded.graph_note()), ("bfloat16", None));
            for (text, (found, expected)) in found.chunks_exact(HIDDEN).zip(expected.chunks_exact(HIDDEN)).enumerate() {
                let scale = (expected.iter().map(|value| value * value).sum::<f32>() / HIDDEN as f32).sqrt();
                let furthest = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
                let deviation = f64::from(furthest / scale);
                // Another rounding, and no other numbers.
                assert!(deviation > 1e-5 && deviation < BFLOAT16_TOLERANCE, "text {text}: {deviation:e}");
            }
        }
    }
}
