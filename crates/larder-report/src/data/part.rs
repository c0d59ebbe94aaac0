//! Something that a run may lack.

/// A part of the page, or why it is not there.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<T> {
    /// The part.
    Given(T),
    /// A sentence for the reader: what is missing, and how to get it.
    Missing(String),
}

impl<T> Part<T> {
    /// The part, if it is there.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(part) => Some(part),
            Self::Missing(_) => None,
        }
    }
}

impl<T: Default> Default for Part<T> {
    fn default() -> Self {
        Self::Given(T::default())
    }
}

impl<T> From<Result<T, String>> for Part<T> {
    fn from(found: Result<T, String>) -> Self {
        match found {
            Ok(part) => Self::Given(part),
            Err(why) => Self::Missing(why),
        }
    }
}
