//! The numbers of a tagging head as one vector, as solvers want them.

use std::ops::Range;

/// The layout of the parameters: first the penalised ones, weights `[classes, width]` and transitions `[classes, classes]`,
/// then the free ones, bias `[classes]` and start scores `[classes]`. Only a chain has transitions and start scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) classes: usize,
    pub(crate) width: usize,
    pub(crate) chain: bool,
}

impl Layout {
    pub(crate) fn weights(self) -> Range<usize> {
        0..self.classes * self.width
    }

    pub(crate) fn transitions(self) -> Range<usize> {
        let first = self.weights().end;
        first..first + if self.chain { self.classes * self.classes } else { 0 }
    }

    pub(crate) fn bias(self) -> Range<usize> {
        let first = self.transitions().end;
        first..first + self.classes
    }

    pub(crate) fn start(self) -> Range<usize> {
        let first = self.bias().end;
        first..first + if self.chain { self.classes } else { 0 }
    }

    /// The number of penalised parameters.
    pub(crate) fn penalised(self) -> usize {
        self.transitions().end
    }

    /// The number of free parameters.
    pub(crate) fn free(self) -> usize {
        self.len() - self.penalised()
    }

    pub(crate) fn len(self) -> usize {
        self.start().end
    }
}
