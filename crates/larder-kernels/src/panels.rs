//! How packed operands lie in memory, the same for every kernel.
//!
//! Two neighbours along the summed axis `k` form a pair, 32 bits of two bfloat16; an odd `k` is filled up with a zero.
//!
//! - Left `[m, k]`: blocks of [`ROWS`] rows, in them chunks of [`CHUNK`] pairs, in them row after row. Where a chunk
//!   or a block is not full, its place is kept and its contents are anything.
//! - Right `[k, n]`: panels of [`COLUMNS`] columns, in them pair after pair, in it column after column. Columns beyond
//!   `n` are kept too, with anything in them.

/// Rows of a block: with two vectors of columns, 24 of 32 registers hold sums.
pub(crate) const ROWS: usize = 12;
/// Columns of a panel: two vectors of 16 float32.
pub(crate) const COLUMNS: usize = 2 * LANES;
/// Pairs of a chunk: rows of a block are this constant distance apart, which spares the kernel pointers.
pub(crate) const CHUNK: usize = 64;
/// Pairs, or float32, of one vector.
pub(crate) const LANES: usize = 16;
/// Lines that a chunk of a block takes.
pub(crate) const CHUNK_LINES: usize = ROWS * CHUNK / LANES;
/// Lines that one pair of a panel takes.
pub(crate) const PAIR_LINES: usize = COLUMNS / LANES;

/// One cache line of pairs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u32; LANES]);

impl Line {
    const ZERO: Self = Self([0; LANES]);
}

/// Memory of a packed operand, to be used again for another: its pages are there already.
#[derive(Debug, Default)]
pub struct PanelBuffer {
    lines: Vec<Line>,
}

impl PanelBuffer {
    /// So many lines, with anything in them.
    pub(crate) fn lines(&mut self, count: usize) -> &mut [Line] {
        if self.lines.len() < count {
            // Without what is there, which would be copied.
            self.lines.clear();
            self.lines.resize(count, Line::ZERO);
        }
        &mut self.lines[..count]
    }

    pub(crate) fn packed(&self) -> &[Line] {
        &self.lines
    }
}

/// Some chunks of some blocks of a packed left operand.
#[derive(Clone, Copy)]
pub(crate) struct LeftPanels<'a> {
    pub(crate) lines: &'a [Line],
    /// Lines from one block to the next.
    pub(crate) stride: usize,
}

/// Some pairs of some panels of a packed right operand.
#[derive(Clone, Copy)]
pub(crate) struct RightPanels<'a> {
    pub(crate) lines: &'a [Line],
    /// Lines from one panel to the next.
    pub(crate) stride: usize,
}
