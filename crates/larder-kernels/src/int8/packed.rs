//! Constant weights in bytes, laid out for the kernels.

use super::block::{QUAD, ZERO};
use crate::error::ShapeError;
use crate::panels::{COLUMNS, LANES, Line, PAIR_LINES, PanelBuffer, RightPanels};

/// The longest summed axis: no sum of so many products of signed bytes leaves 32 bits.
const MOST_TERMS: usize = 1 << 17;

/// The right operand of quantised products, `[k, n]`: signed bytes and a scale for each column, packed once.
#[derive(Debug, Default)]
pub struct QuantisedRight {
    buffer: PanelBuffer,
    shape: [usize; 2],
    /// One value for each column of all panels; zero beyond the last column.
    scales: Vec<f32>,
    /// `-128 · sum of a column`, of all columns of all panels.
    offsets: Vec<i32>,
}

impl QuantisedRight {
    /// Packs a matrix `[k, n]` without gaps, `values[row * n + column]`, with `scales [n]`.
    ///
    /// # Errors
    ///
    /// When the slices do not fit the shape, or `k` is more than 131,072.
    pub fn new(values: &[i8], [depth, columns]: [usize; 2], scales: &[f32]) -> Result<Self, ShapeError> {
        let name = "a quantised matrix";
        let needed = depth.checked_mul(columns).ok_or(ShapeError::TooLarge { name, rows: depth, columns })?;
        if values.len() < needed {
            return Err(ShapeError::TooShort { name, needed, found: values.len() });
        }
        if scales.len() != columns {
            let (needed, found) = ([1, columns], [1, scales.len()]);
            return Err(ShapeError::Mismatch { name: "the scales of a quantised matrix", needed, found });
        }
        if depth > MOST_TERMS {
            return Err(ShapeError::TooDeep { name, found: depth, most: MOST_TERMS });
        }
        let (panels, quads) = (columns.div_ceil(COLUMNS), depth.div_ceil(QUAD));
        let mut packed = Self { shape: [depth, columns], ..Self::default() };
        packed.scales.resize(panels * COLUMNS, 0.0);
        packed.scales[..columns].copy_from_slice(scales);
        packed.offsets.resize(panels * COLUMNS, 0);
        let lines = packed.buffer.lines(panels * quads * PAIR_LINES);
        for (quad, rows) in values[..needed].chunks(QUAD * columns.max(1)).enumerate() {
            let row = |at: usize| rows.get(at * columns..(at + 1) * columns).unwrap_or_default();
            let rows = [row(0), row(1), row(2), row(3)];
            for panel in 0..panels {
                let start = panel * COLUMNS;
                let lines = &mut lines[(panel * quads + quad) * PAIR_LINES..][..PAIR_LINES];
                pack_quad(&rows, start, lines, &mut packed.offsets[start..start + COLUMNS]);
            }
        }
        // It may leave 32 bits and come back: sums wrap, and their end is within.
        packed.offsets.iter_mut().for_each(|sum| *sum = sum.wrapping_mul(-i32::from(ZERO)));
        Ok(packed)
    }

    /// `[k, n]`.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Quads of the summed axis.
    pub(super) fn quads(&self) -> usize {
        self.shape[0].div_ceil(QUAD)
    }

    /// The panels from a column on, the first of a panel.
    pub(super) fn panels(&self, column: usize) -> RightPanels<'_> {
        let stride = self.quads() * PAIR_LINES;
        RightPanels { lines: &self.buffer.packed()[column / COLUMNS * stride..], stride }
    }

    /// Scales from a column on, to the end of the last panel.
    pub(super) fn scales(&self, column: usize) -> &[f32] {
        &self.scales[column..]
    }

    /// Offsets from a column on, to the end of the last panel.
    pub(super) fn offsets(&self, column: usize) -> &[i32] {
        &self.offsets[column..]
    }
}

/// Packs the columns of one panel from `start` on of four rows, of which those beyond the last are empty, and adds to their sums.
fn pack_quad(rows: &[&[i8]; QUAD], start: usize, lines: &mut [Line], sums: &mut [i32]) {
    let mut bytes = [[0_i8; COLUMNS]; QUAD];
    for (bytes, row) in bytes.iter_mut().zip(rows) {
        let there = row.get(start..row.len().min(start + COLUMNS)).unwrap_or_default();
        bytes[..there.len()].copy_from_slice(there);
    }
    for (half, line) in lines.iter_mut().enumerate() {
        for (lane, quad) in line.0.iter_mut().enumerate() {
            let at = half * LANES + lane;
            *quad = u32::from_le_bytes([bytes[0][at], bytes[1][at], bytes[2][at], bytes[3][at]].map(|byte| byte as u8));
        }
    }
    for bytes in &bytes {
        sums.iter_mut().zip(bytes).for_each(|(sum, &byte)| *sum += i32::from(byte));
    }
}
