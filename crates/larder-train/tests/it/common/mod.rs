//! Problems the tests share.

use larder_train::FeatureColumn;
use ndarray::Array2;

/// A reproducible number in -0.5..0.5 that looks random: a multiplicative hash (Knuth).
pub fn noise(seed: u64, index: usize) -> f64 {
    let mixed =
        (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03));
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// Labels `[rows]` in which class `c` of `classes` is `c + 1` times as frequent as class 0.
pub fn labels(rows: usize, classes: usize, seed: u64) -> Vec<usize> {
    let total = classes * (classes + 1) / 2;
    (0..rows)
        .map(|row| {
            let mut place = ((noise(seed, row) + 0.5) * total as f64) as usize;
            (0..classes)
                .find(|class| {
                    if place <= *class {
                        true
                    } else {
                        place -= class + 1;
                        false
                    }
                })
                .unwrap_or(0)
        })
        .collect()
}

/// A column whose dimensions lean towards the row's label by `strength`.
pub fn column(name: &str, labels: &[usize], width: usize, strength: f64, seed: u64) -> FeatureColumn {
    let values = Array2::from_shape_fn((labels.len(), width), |(row, dimension)| {
        let lean = noise(seed + 1000, labels[row] * width + dimension) * strength;
        ((lean + noise(seed, row * width + dimension)) * (dimension + 1) as f64) as f32
    });
    FeatureColumn::new(name, values)
}

/// Names for classes: `c0`, `c1`, …
pub fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("c{class}")).collect()
}
