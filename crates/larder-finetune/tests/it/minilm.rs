//! Twenty steps of a published encoder follow PyTorch's. Its parameters are too many to check in: what is compared are their
//! count sketches, which `tests/goldens/finetune/recipe.py` explains.

use std::path::{Path, PathBuf};

use larder_finetune::{BatchSize, FinetuneResult, TuneSettings};

use crate::support::*;

/// Buckets of a sketch.
const BUCKETS: usize = 256;

fn encoder() -> Option<PathBuf> {
    let folder = std::env::var_os("LARDER_MINILM").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.larder/models/all-MiniLM-L6-v2"),
        PathBuf::from,
    );
    if folder.join("model.safetensors").is_file() {
        return Some(folder);
    }
    eprintln!("SKIPPED: needs all-MiniLM-L6-v2, which is not in {}: run `just setup`", folder.display());
    None
}

/// Output number `i` of SplitMix64 with the seed 2026.
fn splitmix64(i: u64) -> u64 {
    let mut z = 2026_u64.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Each value added to one of the buckets, with a sign: the norm of the buckets estimates that of the values to some 5 %.
fn sketch(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut buckets = vec![0.0; BUCKETS];
    for (i, value) in (0_u64..).zip(values) {
        let z = splitmix64(i);
        buckets[(z % BUCKETS as u64) as usize] += if z >> 63 == 1 { -value } else { value };
    }
    buckets
}

fn parameter<'a>(tuned: &'a FinetuneResult, golden: &Golden, name: &str) -> &'a [f32] {
    let of_encoder = golden.config.parameters(true).into_iter().find(|parameter| parameter.name == name);
    let found = match of_encoder {
        Some(parameter) => tuned.weights.get(name, &parameter.shape),
        None => tuned.head.get(name, &golden.floats(name).shape),
    };
    found.expect("every parameter is given back")
}

/// Losses within `close`, parameters within 1e-4 of their norm, as the project promises; and within 1e-3 of how far they
/// moved, which is the sharper bound by far: a run without decay is 2e-2 of the word table's move away, PyTorch with its
/// other attention kernel 1.2e-4.
fn follows_pytorch(golden: &Golden, close: f64) {
    let settings = TuneSettings { batch: BatchSize::Rows(8), learning_rate: 5e-5, ..golden.settings() };
    let tuned = golden.run(&settings);
    let losses = golden.floats("losses").values;
    assert_eq!((tuned.history.len(), losses.len()), (20, 20));
    let mut largest: f64 = 0.0;
    for (row, loss) in tuned.history.iter().zip(&losses) {
        largest = largest.max((row.loss - f64::from(*loss)).abs());
        assert!((row.loss - f64::from(*loss)).abs() < close, "step {}: {} for {loss}", row.step, row.loss);
    }
    let names = golden.named("sketch.");
    assert!(names.len() > 90, "{names:?}");
    let mut furthest = ((0.0, String::new()), (0.0, String::new()));
    for name in names.iter().filter(|name| !name.ends_with("key.bias")) {
        let expected = golden.floats(&format!("sketch.{name}")).values;
        let size = golden.doubles(&format!("size.{name}"));
        let (whole, moved) = (size[0], size[1]);
        let found = sketch(parameter(&tuned, golden, name).iter().map(|&value| f64::from(value)));
        let apart = norm(found.iter().zip(&expected).map(|(a, b)| a - f64::from(*b)));
        // The sketch is kept in float32: what that rounds is no difference of the run.
        let rounding = f64::from(f32::EPSILON) * norm(expected.iter().map(|&value| f64::from(value)));
        assert!(moved > 1e-6 * whole, "{name} moved by {moved:e} of {whole:e}: nothing to compare");
        assert!(apart < 1e-4 * whole, "{name}: {apart:e} of {whole:e}");
        assert!(apart < 1e-3 * moved + rounding, "{name}: {apart:e} of a move of {moved:e}");
        if apart / whole > furthest.0.0 {
            furthest.0 = (apart / whole, name.clone());
        }
        if apart / moved > furthest.1.0 {
            furthest.1 = (apart / moved, name.clone());
        }
    }
    eprintln!("largest difference: loss {largest:e}, parameters {:?}, of their move {:?}", furthest.0, furthest.1);
}

#[test]
fn sketches_are_the_recipe_s() {
    let first = [0xDB9C_5598_9194_8D23, 0x78BC_927D_ED35_455D, 0xAAD7_1E75_CDE2_B88E];
    assert_eq!([0, 1, 2].map(splitmix64), first);
}

#[test]
fn minilm_follows_pytorch() {
    let Some(folder) = encoder() else { return };
    follows_pytorch(&Golden::of_encoder("minilm", &folder), 1e-5);
}

#[test]
fn minilm_s_tagging_follows_pytorch() {
    let Some(folder) = encoder() else { return };
    follows_pytorch(&Golden::of_encoder("minilm_tagging", &folder), 1e-4);
}
