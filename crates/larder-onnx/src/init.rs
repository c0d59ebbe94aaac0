//! Randomly initialised weights, for tests, benchmarks and training from scratch.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::OnnxError;
use crate::families::{EncoderConfig, Initial};
use crate::weights::{Weight, Weights};

/// Weights as encoders start their training: tables and products normal with mean 0 and standard deviation
/// `initializer_range`, biases zero, normalisations the identity; a pooler included where the
/// family has one.
///
/// One configuration and seed give the same weights on every machine: the generator is ChaCha with 12 rounds, drawn from
/// in the order of [`EncoderConfig::parameters`].
///
/// # Errors
/// [`OnnxError::ConfigValue`] when the sizes do not go together.
pub fn random_weights(config: &EncoderConfig, seed: u64) -> Result<Weights, OnnxError> {
    config.check()?;
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    for parameter in config.parameters(true) {
        let count = parameter.shape.iter().product();
        let values = match parameter.initial {
            Initial::Zeros => vec![0.0; count],
            Initial::Ones => vec![1.0; count],
            Initial::Normal => {
                let normal = (0..count).map(|_| Distribution::<f64>::sample(&StandardNormal, &mut rng));
                normal.map(|value| (value * config.initializer_range) as f32).collect()
            }
        };
        weights.insert(&parameter.name, Weight { shape: parameter.shape, values })?;
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Family;

    #[test]
    fn weights_are_those_of_the_seed() {
        let config = EncoderConfig {
            vocab_size: 100,
            embedding_size: 32,
            hidden_size: 32,
            num_hidden_layers: 1,
            num_hidden_groups: 1,
            num_attention_heads: 4,
            intermediate_size: 64,
            ..EncoderConfig::of(Family::Bert)
        };
        let weights = random_weights(&config, 7).expect("the sizes go together");
        assert_eq!(weights, random_weights(&config, 7).expect("the sizes go together"));
        assert_ne!(weights, random_weights(&config, 8).expect("the sizes go together"));

        let table = weights.get("embeddings.word_embeddings.weight", &[100, 32]).expect("is there");
        let mean = table.iter().sum::<f32>() / table.len() as f32;
        let deviation = (table.iter().map(|v| v * v).sum::<f32>() / table.len() as f32).sqrt();
        // 3,200 draws: the mean's standard error is 0.02 / 57, the deviation's 0.02 / 80.
        assert!(mean.abs() < 0.0015 && (deviation - 0.02).abs() < 0.001, "{mean} {deviation}");
        assert_eq!(weights.get("encoder.layer.0.output.LayerNorm.weight", &[32]).expect("is there"), [1.0; 32]);
        assert_eq!(weights.get("pooler.dense.bias", &[32]).expect("is there"), [0.0; 32]);
        // Pins the stream: a change here changes every encoder made from a seed.
        assert_eq!(table[..3], PINNED);
    }

    const PINNED: [f32; 3] = [-0.020871533, -0.011534955, -0.014225086];
}
