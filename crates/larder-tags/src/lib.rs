//! Tag schemes of tagging tasks: their grammar, the entities they mark, conversion between them.
//!
//! A tag is `O`, or a mark, a hyphen and the type of an entity: [`Tag`]. A [`Scheme`] says which marks there are and
//! which tag may follow which:
//!
//! | scheme | marks | a sequence is legal if |
//! |---|---|---|
//! | [IOB1](Scheme::Iob1) | `O` `I-` `B-` | every `B-x` directly follows `B-x` or `I-x`; `I-x` may stand anywhere |
//! | [IOB2](Scheme::Iob2) | `O` `B-` `I-` | every `I-x` directly follows `B-x` or `I-x` |
//! | [IOBES](Scheme::Iobes) | `O` `B-` `I-` `E-` `S-` | `B-x` and `I-x`, and only these, are directly followed by `I-x` or `E-x` |
//! | [BILOU](Scheme::Bilou) | `O` `B-` `I-` `L-` `U-` | the same with `L-` for `E-` and `U-` for `S-` |
//! | [BMES](Scheme::Bmes) | `O` `B-` `M-` `E-` `S-` | the same as IOBES with `M-` for `I-` |
//!
//! Each set of entities that do not overlap has exactly one legal sequence in each scheme. IOB1 is the scheme of
//! Ramshaw and Marcus (1995), *Text Chunking using Transformation-Based Learning*; IOB2 was told apart from it by Tjong
//! Kim Sang and Veenstra (1999), *Representing Text Chunks*; BILOU is from Ratinov and Roth (2009), *Design Challenges
//! and Misconceptions in Named Entity Recognition*, and IOBES and BMES are BILOU in other letters.
//!
//! - [`check`] finds the first illegal tag, [`repair`] mends a sequence, [`convert`] writes it in another scheme.
//! - [`strict()`] and [`conlleval()`] read entities from any sequence, legal or not, in the two ways scorers do.
//! - [`TagSet`] numbers the classes of a tagging head. Inside larder all tags are IOB2.
//!
//! ```
//! use larder_tags::{Scheme, TagSet, check, conlleval, convert, repair, strict};
//!
//! let tags = ["B-person", "E-person", "O", "S-place"];
//! let iob2 = convert(&tags, Scheme::Iobes, Scheme::Iob2)?;
//! assert_eq!(iob2, ["B-person", "I-person", "O", "B-place"]);
//!
//! let illegal = ["O", "I-person"];
//! assert_eq!(check(&illegal, Scheme::Iob2).unwrap_err().word, 1);
//! assert_eq!(strict(&illegal, Scheme::Iob2).len(), 0);
//! assert_eq!(conlleval(&illegal).len(), 1);
//! assert_eq!(repair(&illegal, Scheme::Iob2), ["O", "B-person"]);
//!
//! let classes = TagSet::new(["person".to_owned(), "place".to_owned()]);
//! assert_eq!(classes.names(), ["O", "B-person", "I-person", "B-place", "I-place"]);
//! assert!(!classes.allowed(None, 2));
//! # Ok::<(), larder_tags::IllegalTag>(())
//! ```
#![deny(missing_docs)]

mod conlleval;
mod convert;
mod legality;
mod mark;
mod scheme;
mod strict;
mod tag;
mod tag_set;

pub use conlleval::conlleval;
pub use convert::{convert, encode, repair};
pub use legality::{IllegalReason, IllegalTag, check, is_legal};
pub use mark::Mark;
pub use scheme::Scheme;
pub use strict::strict;
pub use tag::{Entity, Tag, TagProblem};
pub use tag_set::TagSet;
