//! Tags of one sentence, from the scheme of the file to IOB2.

use larder_tags::{IllegalReason, IllegalTag, Scheme, Tag, convert, repair};

use crate::choice::OnIllegalTags;

/// A legal sequence of IOB2.
pub(crate) struct Iob2Tags {
    pub tags: Vec<String>,
    /// True if the sequence of the file was not legal.
    pub repaired: bool,
}

/// Converts tags from `scheme`. What cannot be converted is repaired, if that is the policy and every single tag is one of
/// the scheme.
pub(crate) fn to_iob2(tags: &[String], scheme: Scheme, policy: OnIllegalTags) -> Result<Iob2Tags, IllegalTag> {
    match (convert(tags, scheme, Scheme::Iob2), policy) {
        (Ok(tags), _) => Ok(Iob2Tags { tags, repaired: false }),
        (Err(illegal), OnIllegalTags::Refuse) => Err(illegal),
        (Err(_), OnIllegalTags::Repair) => match first_malformed(tags, scheme) {
            Some(malformed) => Err(malformed),
            None => Ok(Iob2Tags { tags: repair(tags, Scheme::Iob2), repaired: true }),
        },
    }
}

fn first_malformed(tags: &[String], scheme: Scheme) -> Option<IllegalTag> {
    let problem = |tag: &String| Tag::parse(tag, scheme).err();
    tags.iter().enumerate().find_map(|(word, tag)| {
        problem(tag).map(|problem| IllegalTag {
            scheme,
            word,
            previous: word.checked_sub(1).map(|before| tags[before].clone()),
            tag: tag.clone(),
            why: IllegalReason::Malformed(problem),
        })
    })
}

/// The entity types of IOB2 tags, one for each tag that has one.
pub(crate) fn types_of(tags: &[String]) -> impl Iterator<Item = &str> {
    let tags = tags.iter().filter_map(|tag| Tag::parse(tag, Scheme::Iob2).ok());
    tags.map(|tag| tag.entity_type).filter(|entity_type| !entity_type.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(tags: &str, scheme: Scheme, policy: OnIllegalTags) -> Result<(String, bool), usize> {
        let tags: Vec<String> = tags.split(' ').map(str::to_owned).collect();
        let converted = to_iob2(&tags, scheme, policy).map_err(|illegal| illegal.word)?;
        Ok((converted.tags.join(" "), converted.repaired))
    }

    #[test]
    fn legal_tags_are_converted_under_either_policy() {
        for policy in OnIllegalTags::ALL {
            for (tags, scheme) in [
                ("I-x I-x B-x I-y O", Scheme::Iob1),
                ("B-x I-x B-x B-y O", Scheme::Iob2),
                ("B-x E-x S-x S-y O", Scheme::Iobes),
                ("B-x L-x U-x U-y O", Scheme::Bilou),
            ] {
                assert_eq!(converted(tags, scheme, *policy), Ok(("B-x I-x B-x B-y O".to_owned(), false)));
            }
        }
    }

    #[test]
    fn illegal_ones_are_refused_or_repaired() {
        let illegal = "O I-x I-y O";
        assert_eq!(converted(illegal, Scheme::Iob2, OnIllegalTags::Refuse), Err(1));
        let repaired = converted(illegal, Scheme::Iob2, OnIllegalTags::Repair);
        assert_eq!(repaired, Ok(("O B-x B-y O".to_owned(), true)));
    }

    #[test]
    fn malformed_ones_are_refused_always() {
        assert_eq!(converted("O I-x E-x O", Scheme::Iob2, OnIllegalTags::Refuse), Err(1));
        assert_eq!(converted("O I-x E-x O", Scheme::Iob2, OnIllegalTags::Repair), Err(2));
        assert_eq!(converted("I-", Scheme::Iobes, OnIllegalTags::Repair), Err(0));
    }
}
