//! Shapes with open axes: what broadcasting does to them, and what undoes it.

use larder_onnx::facts::Dim;

/// Returns true if this axis always has size 1. An open axis is never taken for 1, even where it may happen to be.
pub(crate) fn is_one(dim: &Dim) -> bool {
    dim.as_fixed() == Some(1)
}

/// The shape that ONNX's broadcasting gives to two shapes that fit.
pub(crate) fn broadcast(a: &[Dim], b: &[Dim]) -> Vec<Dim> {
    let rank = a.len().max(b.len());
    let at = |shape: &[Dim], axis: usize| (axis + shape.len()).checked_sub(rank).map(|place| shape[place]);
    let size = |axis| match (at(a, axis), at(b, axis)) {
        (Some(a), Some(b)) if is_one(&a) => b,
        (Some(a), _) => a,
        (None, b) => b.unwrap_or(Dim::fixed(1)),
    };
    (0..rank).map(size).collect()
}

/// The axes that broadcasting `to` up to `from` added or repeated, to be undone by sums.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Broadcast {
    /// Axes of `from` that `to` does not have: always the first ones.
    pub leading: Vec<i64>,
    /// Axes of `from`, where `to` has size 1 and `from` more.
    pub stretched: Vec<i64>,
}

impl Broadcast {
    pub fn between(from: &[Dim], to: &[Dim]) -> Self {
        let extra = from.len().saturating_sub(to.len());
        let leading = (0..extra).map(as_i64).collect();
        let stretched = (extra..from.len()).filter(|&axis| is_one(&to[axis - extra]) && !is_one(&from[axis]));
        Self { leading, stretched: stretched.map(as_i64).collect() }
    }
}

/// The number of elements. `None` where one more than a product is multiplied, which is no size that is known then.
pub(crate) fn product<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Option<Dim> {
    dims.into_iter().try_fold(Dim::fixed(1), |product, dim| match (is_one(&product), is_one(dim)) {
        (true, _) => Some(*dim),
        (_, true) => Some(product),
        _ if product.plus > 0 || dim.plus > 0 => None,
        _ => Some(Dim {
            factor: product.factor * dim.factor,
            batch: product.batch + dim.batch,
            seq: product.seq + dim.seq,
            plus: 0,
        }),
    })
}

/// The size that `piece` fits into `whole` so many times, if it does in every batch.
pub(crate) fn quotient(whole: &Dim, piece: &Dim) -> Option<Dim> {
    if whole == piece {
        return Some(Dim::fixed(1));
    }
    if whole.plus != 0 || piece.plus != 0 {
        return None;
    }
    let factor = whole.factor.checked_div(piece.factor).filter(|factor| factor * piece.factor == whole.factor)?;
    Some(Dim { factor, batch: whole.batch.checked_sub(piece.batch)?, seq: whole.seq.checked_sub(piece.seq)?, plus: 0 })
}

/// The values of a constant `Reshape` target that makes `to` of `from`: at most one axis is worked out by the runtime
/// (-1), the others are fixed or copied from the same place (0). `None` where that is not enough.
pub(crate) fn reshape_target(from: &[Dim], to: &[Dim]) -> Option<Vec<i64>> {
    let mut worked_out = 0;
    let target: Vec<i64> = to
        .iter()
        .enumerate()
        .map(|(axis, dim)| match dim.as_fixed() {
            Some(size) => as_i64(size),
            None if from.get(axis) == Some(dim) => 0,
            None => {
                worked_out += 1;
                -1
            }
        })
        .collect();
    (worked_out <= 1).then_some(target)
}

/// Axes as the standard writes them, negative ones from the end.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + as_i64(rank) } else { axis };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

/// A size or place that exists in memory is below 2^63.
pub(crate) fn as_i64(size: usize) -> i64 {
    size as i64
}

/// A shape for messages.
pub(crate) fn shown(shape: &[Dim]) -> String {
    format!("[{}]", shape.iter().map(Dim::to_string).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: Dim = Dim::BATCH;
    const S: Dim = Dim::SEQ;

    fn n(size: usize) -> Dim {
        Dim::fixed(size)
    }

    #[test]
    fn broadcasting_is_undone_where_it_happened() {
        assert_eq!(broadcast(&[B, n(1), S], &[n(4), n(1)]), [B, n(4), S]);
        assert_eq!(broadcast(&[], &[B]), [B]);
        let undone = Broadcast::between(&[B, n(4), S], &[n(4), n(1)]);
        assert_eq!(undone, Broadcast { leading: vec![0], stretched: vec![2] });
        assert_eq!(Broadcast::between(&[B, S], &[B, S]), Broadcast::default());
    }

    #[test]
    fn one_more_than_a_product_is_multiplied_with_one_alone() {
        let distances = Dim { factor: 2, plus: 1, ..S };
        assert_eq!(product(&[n(1), distances, n(1)]), Some(distances));
        assert_eq!(product(&[distances, n(8)]), None);
        assert_eq!(product(&[B, S, n(8)]), Some(Dim { factor: 8, ..Dim::TOKENS }));
    }

    #[test]
    fn reshape_targets_are_constant_where_one_axis_at_most_is_open() {
        let flat = Dim::TOKENS;
        assert_eq!(reshape_target(&[B, S, n(8)], &[flat, n(8)]), Some(vec![-1, 8]));
        assert_eq!(reshape_target(&[B, S, n(8)], &[B, S, n(2), n(4)]), Some(vec![0, 0, 2, 4]));
        assert_eq!(reshape_target(&[flat, n(8)], &[B, S, n(8)]), None);
    }
}
