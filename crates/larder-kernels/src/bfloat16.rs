//! bfloat16 arithmetic as `VCVTNE2PS2BF16` and `VDPBF16PS` define it, in plain Rust.
//!
//! Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, operations of both instructions;
//! compared to the bit with a processor's by this crate's tests (`avx512` against `portable`).

/// The bits of a float32 rounded to bfloat16: to nearest, ties to even.
///
/// Infinities are kept, and what rounds above the largest bfloat16 becomes one. A NaN stays a NaN, made quiet. A
/// denormal number becomes a zero of its sign.
pub(crate) fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    let upper = (bits >> 16) as u16;
    if value.is_nan() {
        upper | 0x40
    } else if bits & 0x7f80_0000 == 0 {
        upper & 0x8000
    } else {
        ((bits + 0x7fff + u32::from(upper & 1)) >> 16) as u16
    }
}

/// Two neighbours along the axis that is summed, as the instructions want them: the first in the lower half.
pub(crate) fn pair(first: f32, second: f32) -> u32 {
    u32::from(round(first)) | u32::from(round(second)) << 16
}

/// The float32 that the lower (first) bfloat16 of a pair is.
fn first(pair: u32) -> f32 {
    f32::from_bits(pair << 16)
}

/// The float32 that the upper (second) bfloat16 of a pair is.
fn second(pair: u32) -> f32 {
    f32::from_bits(pair & 0xffff_0000)
}

/// A denormal number as a zero of its sign.
fn flush(value: f32) -> f32 {
    if value.is_subnormal() { 0.0_f32.copysign(value) } else { value }
}

/// `sum + left · right` of two pairs: the second product is added first, each by a fused multiply-add that rounds once
/// to nearest even; denormal operands and results are zeros.
pub(crate) fn add_dot(sum: f32, left: u32, right: u32) -> f32 {
    let sum = multiply_add(second(left), second(right), flush(sum));
    multiply_add(first(left), first(right), sum)
}

/// A fused multiply-add of two bfloat16 and a float32. In float64 the product is exact and so wide a sum rounds to the
/// float32 that one rounding gives (Figueroa, 1995: 53 >= 2 * 24 + 2), without a call of libm where there is no FMA.
fn multiply_add(left: f32, right: f32, sum: f32) -> f32 {
    let product = f64::from(flush(left)) * f64::from(flush(right));
    flush((f64::from(sum) + product) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_nearest_even() {
        assert_eq!(round(1.0), 0x3f80);
        // Halfway between 1 and its successor, then between that and the next.
        assert_eq!(round(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(round(f32::from_bits(0x3f80_8001)), 0x3f81);
        assert_eq!(round(f32::from_bits(0x3f81_8000)), 0x3f82);
        assert_eq!(round(-f32::from_bits(0x3f81_8000)), 0xbf82);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert_eq!(round(f32::INFINITY), 0x7f80);
        assert_eq!(round(f32::NEG_INFINITY), 0xff80);
        assert_eq!(round(f32::MAX), 0x7f80);
        // A NaN whose payload lies below the bits that are kept would become an infinity if it were cut.
        assert_eq!(round(f32::from_bits(0x7f80_0001)), 0x7fc0);
        assert_eq!(round(-f32::MIN_POSITIVE / 2.0), 0x8000);
    }

    #[test]
    fn both_products_are_added() {
        assert_eq!(add_dot(0.5, pair(2.0, 3.0), pair(5.0, 7.0)), 31.5);
        assert!(add_dot(0.0, pair(f32::INFINITY, 0.0), pair(0.0, 0.0)).is_nan());
        assert_eq!(add_dot(1.0, pair(f32::INFINITY, 0.0), pair(2.0, 0.0)), f32::INFINITY);
        assert_eq!(add_dot(f32::MIN_POSITIVE / 2.0, 0, 0), 0.0);
    }

    #[test]
    fn float64_rounds_as_a_fused_multiply_add() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as u32
        };
        for _ in 0..100_000 {
            let (left, right) = (f32::from_bits(next() & 0xffff_0000), f32::from_bits(next() & 0xffff_0000));
            let sum = flush(f32::from_bits(next()));
            let expected = flush(flush(left).mul_add(flush(right), sum));
            let found = multiply_add(left, right, sum);
            assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan());
        }
    }
}
