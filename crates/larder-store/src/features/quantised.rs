//! Vectors in integers, with a scale a row.
//!
//! A scale is a bfloat16. So 127 times it is exact in float32, the largest number is 127 whether the scale was rounded up or down (by one in
//! 512 at most), and what is read and written again is the same to the bit: rows that are reused do not drift.

use half::bf16;

/// The largest integer; -128 is not used, so that signs are alike.
const LARGEST: f32 = 127.0;

/// Writes numbers as integers, and returns the scale that they are multiplied by.
pub(super) fn to_integers(values: &[f32], integers: &mut [i8]) -> f32 {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = rounded(largest / LARGEST);
    for (integer, value) in integers.iter_mut().zip(values) {
        // The cast keeps to -128 to 127, and NaN is 0: the encode stage refuses what is not finite.
        *integer = if scale > 0.0 { (value / scale).round().clamp(-LARGEST, LARGEST) as i8 } else { 0 };
    }
    scale
}

/// Reads integers.
pub(super) fn of_integers(integers: &[i8], scale: f32, into: &mut [f32]) {
    into.iter_mut().zip(integers).for_each(|(value, &integer)| *value = scale * f32::from(integer));
}

fn rounded(scale: f32) -> f32 {
    bf16::from_f32(scale).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of many sizes, both signs and zero, `[rows, 16]`.
    fn rows() -> Vec<Vec<f32>> {
        let value = |row: i32, at: i32| ((at * 37 + row * 11) % 29 - 14) as f32 * 1.7_f32.powi(row - 20) * 0.013;
        (0..40).map(|row| (0..16).map(|at| value(row, at)).collect()).collect()
    }

    #[test]
    fn integers_are_near_and_stay_what_they_are() {
        for values in rows() {
            let (mut integers, mut again) = (vec![0; 16], vec![0; 16]);
            let scale = to_integers(&values, &mut integers);
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            assert!((scale * 127.0 / largest - 1.0).abs() < 1.0 / 256.0, "{scale} {largest}");
            let mut read = vec![0.0; 16];
            of_integers(&integers, scale, &mut read);
            for (value, read) in values.iter().zip(&read) {
                assert!((value - read).abs() <= 0.5001 * scale, "{value} {read} {scale}");
            }
            let second = to_integers(&read, &mut again);
            assert_eq!((second, again), (scale, integers));
        }
        assert_eq!(to_integers(&[0.0; 4], &mut [1; 4]), 0.0);
    }
}
