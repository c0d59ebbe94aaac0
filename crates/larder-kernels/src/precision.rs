//! The numbers that attention multiplies.

/// The precision of products: operands are rounded to it, sums are float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 8 bits of precision.
    #[default]
    Bfloat16,
    /// Nothing is rounded but sums.
    Float32,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 2] = [Self::Bfloat16, Self::Float32];

    /// Its name in graphs: `bfloat16` or `float32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bfloat16 => "bfloat16",
            Self::Float32 => "float32",
        }
    }
}
