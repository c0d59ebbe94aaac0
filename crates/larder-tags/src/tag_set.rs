//! The classes of a tagging head.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::convert::legal_entities;
use crate::legality::is_legal;
use crate::mark::Mark;
use crate::scheme::Scheme;
use crate::tag::{Entity, Tag};

/// The classes of a tagging head, in IOB2: 0 is `O`, then `B-type` and `I-type` for each type in the order given.
/// As JSON: the list of types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct TagSet {
    types: Vec<String>,
    positions: HashMap<String, usize>,
}

impl From<Vec<String>> for TagSet {
    fn from(types: Vec<String>) -> Self {
        Self::new(types)
    }
}

impl From<TagSet> for Vec<String> {
    fn from(set: TagSet) -> Self {
        set.types
    }
}

impl TagSet {
    /// Numbers the classes of `types`. A type that occurs again counts once; an empty one, which no tag can name, not at
    /// all.
    pub fn new(types: impl IntoIterator<Item = String>) -> Self {
        let mut set = Self { types: Vec::new(), positions: HashMap::new() };
        for entity_type in types {
            if !entity_type.is_empty() && !set.positions.contains_key(&entity_type) {
                set.positions.insert(entity_type.clone(), set.types.len());
                set.types.push(entity_type);
            }
        }
        set
    }

    /// The types in order.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Returns the number of classes: `1 + 2 * types`; at least one.
    #[allow(clippy::len_without_is_empty, reason = "never empty: `O` is always a class")]
    pub fn len(&self) -> usize {
        1 + 2 * self.types.len()
    }

    /// The tag of a class.
    ///
    /// # Panics
    /// If `class` is not below [`len`](Self::len).
    pub fn name(&self, class: usize) -> String {
        self.tag(class).write(Scheme::Iob2).expect("a class is a tag of IOB2")
    }

    /// The tags of all classes.
    pub fn names(&self) -> Vec<String> {
        (0..self.len()).map(|class| self.name(class)).collect()
    }

    /// The class of an IOB2 tag; `None` if it is malformed or of another type.
    pub fn class(&self, tag: &str) -> Option<usize> {
        let tag = Tag::parse(tag, Scheme::Iob2).ok()?;
        match tag.mark {
            Mark::Outside => Some(0),
            mark => Some(1 + 2 * self.positions.get(tag.entity_type)? + usize::from(mark == Mark::Inside)),
        }
    }

    /// Returns true if the class `next` may follow the class `previous` in IOB2: `I-x` only follows `B-x` or `I-x`.
    /// `None` is the start of the sentence; every class may end one.
    pub fn allowed(&self, previous: Option<usize>, next: usize) -> bool {
        is_legal(Scheme::Iob2, previous.map(|class| self.tag(class)).as_ref(), Some(&self.tag(next)))
    }

    /// Reads the entities of a legal sequence of classes, `[words]`. In an illegal one, an `I-` that continues no
    /// entity of its type begins one, as [`conlleval`](crate::conlleval()) has it.
    ///
    /// # Panics
    /// If a class is not below [`len`](Self::len).
    pub fn entities(&self, classes: &[usize]) -> Vec<Entity> {
        let tags: Vec<Tag<'_>> = classes.iter().map(|class| self.tag(*class)).collect();
        legal_entities(&tags)
    }

    fn tag(&self, class: usize) -> Tag<'_> {
        match class.checked_sub(1) {
            None => Tag::OUTSIDE,
            Some(class) => Tag {
                mark: if class % 2 == 0 { Mark::Begin } else { Mark::Inside },
                entity_type: &self.types[class / 2],
            },
        }
    }
}
