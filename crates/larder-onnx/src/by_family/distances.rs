//! A table of distances that stands in a graph as the products of it.
//!
//! Whoever folds constants multiplies DeBERTa's table of distances by the key's and the query's matrix of each layer ahead of time, and
//! the file has those products `P = X Wᵀ + b` in the table's place. The table `X` is what gives them all, by least squares; it has been
//! normalised already, where the encoder does so.

use crate::EncoderConfig;
use crate::families::Disentangled;

/// The sizes of such a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProductSizes {
    /// The layer's terms of the distance: one or two.
    pub terms: usize,
    heads: usize,
    rows: usize,
    head_size: usize,
}

/// A product of the table, `[rows, out]`, and the parameters that it was made with.
pub(super) struct TableProduct<'a> {
    /// `[out, in]`.
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub product: Vec<f32>,
}

/// Layers whose products the table is computed from, which have several times as many numbers as it has.
pub(super) const LAYERS: usize = 2;

/// What a product may miss of the table found, of its scale: half precision rounds by a tenth of it.
const MISSED: f64 = 1e-2;

impl ProductSizes {
    /// Those of an encoder whose attention reads distances through its own keys and queries.
    pub fn of(config: &EncoderConfig) -> Option<Self> {
        let settings = config.disentangled.filter(Disentangled::reads_distances)?;
        let terms = [settings.content_to_position, settings.position_to_content];
        settings.share_att_key.then(|| Self {
            terms: terms.into_iter().map(usize::from).sum(),
            heads: config.num_attention_heads,
            rows: settings.rows(),
            head_size: config.head_size(),
        })
    }

    /// Is this the shape of such a product, head by head?
    pub fn is_it(&self, shape: &[usize]) -> bool {
        self.shapes().iter().any(|known| known.as_slice() == shape)
    }

    /// `[rows, out]` of what is stored head by head.
    pub fn rows_of(&self, stored: &[f32], shape: &[usize]) -> Vec<f32> {
        let Self { heads, rows, head_size, .. } = *self;
        let [upright, _] = self.shapes();
        let place = |head: usize, row: usize, feature: usize| match shape == upright.as_slice() {
            true => (head * rows + row) * head_size + feature,
            false => (head * head_size + feature) * rows + row,
        };
        let all = (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head)));
        all.flat_map(|(row, head)| (0..head_size).map(move |feature| stored[place(head, row, feature)])).collect()
    }

    /// As it is, and turned for the product with it.
    fn shapes(&self) -> [[usize; 3]; 2] {
        [[self.heads, self.rows, self.head_size], [self.heads, self.head_size, self.rows]]
    }
}

/// The table `[rows, in]` that the products were made of; `None` where there is none.
pub(super) fn table_of(hidden: usize, products: &[TableProduct]) -> Option<Vec<f32>> {
    let rows = products.first()?.product.len() / hidden;
    // X A = B with A = Σ Wᵀ W and B = Σ (P - b) W.
    let mut a = vec![0.0; hidden * hidden];
    let mut b = vec![0.0; rows * hidden];
    for TableProduct { weight, bias, product } in products {
        for (out, from) in weight.chunks_exact(hidden).enumerate() {
            let from: Vec<f64> = from.iter().map(|&value| f64::from(value)).collect();
            // The lower half.
            for (i, row) in a.chunks_exact_mut(hidden).enumerate() {
                add(&mut row[..=i], from[i], &from[..=i]);
            }
            for (row, sums) in b.chunks_exact_mut(hidden).enumerate() {
                add(sums, f64::from(product[row * hidden + out]) - f64::from(bias[out]), &from);
            }
        }
    }
    factorise(&mut a, hidden)?;
    b.chunks_exact_mut(hidden).for_each(|row| solve(&a, hidden, row));
    products
        .iter()
        .all(|product| missed(product, &b, hidden) < MISSED)
        .then(|| b.iter().map(|&value| value as f32).collect())
}

fn add(sums: &mut [f64], factor: f64, values: &[f64]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cholesky's factor `L` of `L Lᵀ`, in place, lower half; `None` for a matrix that has none.
fn factorise(a: &mut [f64], size: usize) -> Option<()> {
    for i in 0..size {
        let (above, row) = a.split_at_mut(i * size);
        for j in 0..i {
            let other = &above[j * size..=j * size + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let rest = row[i] - dot(&row[..i], &row[..i]);
        if rest.is_nan() || rest <= 0.0 {
            return None;
        }
        row[i] = rest.sqrt();
    }
    Some(())
}

/// `x` with `x L Lᵀ = b`, in the place of `b`.
fn solve(factor: &[f64], size: usize, b: &mut [f64]) {
    for i in 0..size {
        let row = &factor[i * size..=i * size + i];
        b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
    }
    for i in (0..size).rev() {
        let row = &factor[i * size..=i * size + i];
        b[i] /= row[i];
        let found = b[i];
        add(&mut b[..i], -found, &row[..i]);
    }
}

/// What the first row of a product misses of that of the table, of its length.
fn missed(TableProduct { weight, bias, product }: &TableProduct, table: &[f64], hidden: usize) -> f64 {
    let (mut apart, mut length) = (0.0, 0.0);
    for (out, from) in weight.chunks_exact(hidden).enumerate() {
        let from: Vec<f64> = from.iter().map(|&value| f64::from(value)).collect();
        let expected = f64::from(product[out]);
        apart += (dot(&from, &table[..hidden]) + f64::from(bias[out]) - expected).powi(2);
        length += expected.powi(2);
    }
    (apart / length).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: usize = 4;
    const ROWS: usize = 6;

    /// Numbers without a pattern, from -1 to 1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// `X Wᵀ + b`.
    fn product(table: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let value = |row: &[f32], out: usize| {
            let from = &weight[out * HIDDEN..(out + 1) * HIDDEN];
            row.iter().zip(from).map(|(a, b)| a * b).sum::<f32>() + bias[out]
        };
        table.chunks(HIDDEN).flat_map(|row| (0..HIDDEN).map(move |out| value(row, out))).collect()
    }

    #[test]
    fn the_table_is_found_that_the_products_were_made_of() {
        let [table, other] = [1, 5].map(|seed| numbers(ROWS * HIDDEN, seed));
        let [first, second] = [2, 3].map(|seed| numbers(HIDDEN * HIDDEN, seed));
        let bias = numbers(HIDDEN, 4);
        let found_of = |made: &[(&[f32], &[f32])]| {
            let product = |&(weight, from)| TableProduct { weight, bias: &bias, product: product(from, weight, &bias) };
            table_of(HIDDEN, &made.iter().map(product).collect::<Vec<_>>())
        };
        let found = found_of(&[(&first, &table), (&second, &table)]).expect("both are of one table");
        let apart = table.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{apart}");

        assert!(found_of(&[(&first, &table), (&second, &other)]).is_none());
        assert!(found_of(&[(&[0.0; HIDDEN * HIDDEN], &table)]).is_none());
    }

    #[test]
    fn products_are_read_head_by_head_whichever_way_they_are_stored() {
        let sizes = ProductSizes { terms: 2, heads: 2, rows: 3, head_size: 1 };
        let upright: Vec<f32> = (0..6).map(|value| value as f32).collect();
        assert_eq!(sizes.rows_of(&upright, &[2, 3, 1]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let sizes = ProductSizes { terms: 2, heads: 1, rows: 3, head_size: 2 };
        assert_eq!(sizes.rows_of(&upright, &[1, 2, 3]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert!(sizes.is_it(&[1, 2, 3]) && sizes.is_it(&[1, 3, 2]) && !sizes.is_it(&[2, 1, 3]));
    }
}
