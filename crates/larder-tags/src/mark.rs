//! The position of a word in an entity.

/// The position of a word in an entity. The scheme says which letter writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Outside of all entities: `O`.
    Outside,
    /// The first word: `B-`. In IOB1, the first word of an entity that follows another of its type.
    Begin,
    /// A word of an entity: `I-`; `M-` in BMES.
    Inside,
    /// The last of several words: `E-` in IOBES and BMES, `L-` in BILOU.
    End,
    /// The only word: `S-` in IOBES and BMES, `U-` in BILOU.
    Single,
}

impl Mark {
    /// Every mark.
    pub const ALL: &[Self] = &[Self::Outside, Self::Begin, Self::Inside, Self::End, Self::Single];

    /// Returns true if the word continues an entity begun before it (in IOB1, `Inside` may also start one).
    pub fn continues(self) -> bool {
        matches!(self, Self::Inside | Self::End)
    }
}
