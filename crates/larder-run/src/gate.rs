//! Scores that a run must reach.

use std::str::FromStr;

use larder_errors::Names;

use crate::{Evaluation, RunError};

/// The least that a score must be, spelled `mcc=0.8`.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The score, as tables of several runs name it; of those in which more is better.
    pub score: String,
    /// The least.
    pub least: f64,
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parted = text.split_once('=').and_then(|(score, least)| Some((score.trim(), least.trim().parse().ok()?)));
        match parted {
            Some((score, least)) if !score.is_empty() && f64::is_finite(least) => {
                Ok(Self { score: score.to_owned(), least })
            }
            _ => Err("expected SCORE=NUMBER, such as mcc=0.8".to_owned()),
        }
    }
}

impl Gate {
    /// Checks every split of an evaluation.
    ///
    /// # Errors
    /// [`RunError::ScoreBelow`] with the first split whose score is less, or is no number; [`RunError::UnknownScore`].
    pub fn check(&self, run: &str, evaluation: &Evaluation) -> Result<(), RunError> {
        let Self { score, least } = self;
        for split in evaluation.scores().splits() {
            let named = split.named_scores();
            let known = || Names::new(named.iter().map(|(name, _)| *name));
            let found = named.iter().find(|(name, _)| name == score);
            let &(_, value) = found.ok_or_else(|| RunError::UnknownScore { score: score.clone(), known: known() })?;
            // What is no number is not enough.
            if value.is_nan() || value < *least {
                let (run, split) = (run.to_owned(), split.outline().split.to_owned());
                return Err(RunError::ScoreBelow { run, split, score: score.clone(), value, least: *least });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_spelled_as_a_score_and_a_number() {
        assert_eq!("mcc=0.8".parse(), Ok(Gate { score: "mcc".to_owned(), least: 0.8 }));
        assert_eq!("strict_f1 = -1".parse(), Ok(Gate { score: "strict_f1".to_owned(), least: -1.0 }));
        for wrong in ["mcc", "=1", "mcc=", "mcc=high", "mcc=NaN", "mcc=inf"] {
            assert!(wrong.parse::<Gate>().is_err(), "{wrong}");
        }
    }
}
