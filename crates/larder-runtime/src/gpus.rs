//! Which of a machine's GPUs.

use std::fmt;

/// GPUs by number, as CUDA numbers those that it shows this process: `CUDA_VISIBLE_DEVICES` hides the others, and numbers start from 0
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gpus {
    /// All that are shown.
    All,
    /// These.
    Listed(GpuList),
}

/// Numbers of GPUs, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GpuList {
    /// The bit of each number.
    bits: u64,
}

impl Gpus {
    /// The first GPU.
    pub const FIRST: Self = Self::Listed(GpuList { bits: 1 });

    /// Returns one GPU; `None` for a number that no machine has.
    pub fn one(ordinal: u32) -> Option<Self> {
        Some(Self::Listed(GpuList { bits: 1_u64.checked_shl(ordinal)? }))
    }

    /// Returns the GPUs of both.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Listed(these), Self::Listed(those)) => Self::Listed(GpuList { bits: these.bits | those.bits }),
            _ => Self::All,
        }
    }

    /// Returns true if it may be more than one.
    pub fn are_several(self) -> bool {
        match self {
            Self::All => true,
            Self::Listed(list) => list.bits.count_ones() > 1,
        }
    }
}

impl GpuList {
    /// The numbers, lowest first.
    pub fn ordinals(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |ordinal| self.bits & (1 << ordinal) != 0)
    }
}

impl fmt::Display for Gpus {
    /// As `--device` takes it: `cuda`, `cuda:1`, `cuda:0,cuda:1`, `cuda:all`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("cuda:all"),
            _ if *self == Self::FIRST => f.write_str("cuda"),
            Self::Listed(list) => {
                for (at, ordinal) in list.ordinals().enumerate() {
                    write!(f, "{}cuda:{ordinal}", if at == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}
