//! The rules that read entities from a tag sequence.

use larder_errors::spelled_enum;
use larder_tags::{Entity, Scheme, conlleval, strict};

spelled_enum! {
    /// The rule that reads entities from tags before they are compared. An entity counts as right if one with the same
    /// words and the same type was predicted; the rules differ only where tags are illegal in their scheme.
    pub enum EntityRule {
        /// The scheme's grammar: illegal tags make no entity. seqeval's `mode="strict"`; see [`larder_tags::strict()`].
        Strict = "strict",
        /// The evaluation script of the CoNLL shared tasks: an illegal `I-` begins an entity. seqeval's default; see
        /// [`larder_tags::conlleval()`]. The script has no rules for BILOU; its `L-` and `U-` are read as the `E-` and `S-`
        /// that they mean.
        Conlleval = "conlleval",
    } else "unknown entity rule {found:?}, known are: {known}"
}

impl EntityRule {
    /// Reads the entities of a sentence (`tags` is `[words]`), which do not overlap, from the first word to the last.
    pub fn entities<S: AsRef<str>>(self, tags: &[S], scheme: Scheme) -> Vec<Entity> {
        match (self, scheme) {
            (Self::Strict, scheme) => strict(tags, scheme),
            (Self::Conlleval, Scheme::Bilou) => {
                let renamed: Vec<String> = tags.iter().map(|tag| bilou_as_iobes(tag.as_ref())).collect();
                conlleval(&renamed)
            }
            (Self::Conlleval, _) => conlleval(tags),
        }
    }
}

fn bilou_as_iobes(tag: &str) -> String {
    match (tag.strip_prefix('L'), tag.strip_prefix('U')) {
        (Some(rest), _) => format!("E{rest}"),
        (_, Some(rest)) => format!("S{rest}"),
        _ => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for &rule in EntityRule::ALL {
            assert_eq!(rule.to_string().parse::<EntityRule>().unwrap(), rule);
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{rule}\""));
        }
        let error = "lenient".parse::<EntityRule>().unwrap_err().to_string();
        assert_eq!(error, "unknown entity rule \"lenient\", known are: strict, conlleval");
    }

    #[test]
    fn neighbours_in_bilou_stay_apart_under_both_rules() {
        let tags = ["U-PER", "U-PER", "B-PER", "L-PER", "B-PER", "L-PER"];
        for &rule in EntityRule::ALL {
            let ends: Vec<usize> = rule.entities(&tags, Scheme::Bilou).iter().map(|entity| entity.end).collect();
            assert_eq!(ends, [1, 2, 4, 6], "{rule}");
        }
    }
}
