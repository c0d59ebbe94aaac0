//! Enums whose variants each have one spelling.

use std::fmt;

use crate::names::Names;

/// Declares an enum without fields whose variants each have one spelling, in files, flags and messages: `ALL`, `as_str`,
/// `Display` (which pads), `FromStr`, serde.
///
/// A variant may have further spellings that are read and never written. `any case` reads all of them in any case. The text
/// behind `else` is the message of [`UnknownSpelling`]; `{found}` stands for the word, `{found:?}` for the word in quotation
/// marks, `{known}` for `a, b, c`, `{or}` for `a, b or c`, and `{hint}` for `` known: `a`, `b`, `c`; did you mean `a`? ``.
///
/// ```
/// larder_errors::spelled_enum! {
///     /// What the learning rate does after the warm-up.
///     #[derive(Default)]
///     pub enum Schedule {
///         /// It falls linearly to zero.
///         #[default]
///         Linear = "linear" | "line",
///         /// It stays.
///         Constant = "constant",
///     } else "unknown schedule `{found}`: expected {or}"
/// }
///
/// assert_eq!("line".parse(), Ok(Schedule::Linear));
/// assert_eq!(Schedule::ALL.iter().map(|schedule| schedule.as_str()).collect::<Vec<_>>(), ["linear", "constant"]);
/// let error = "step".parse::<Schedule>().expect_err("is none of them");
/// assert_eq!(error.to_string(), "unknown schedule `step`: expected linear or constant");
/// ```
#[macro_export]
macro_rules! spelled_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($body:tt)* } any case else $message:literal) => {
        $crate::spelled_enum!(@ str::eq_ignore_ascii_case, $message, $(#[$meta])* $vis enum $name { $($body)* });
    };
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($body:tt)* } else $message:literal) => {
        $crate::spelled_enum!(@ str::eq, $message, $(#[$meta])* $vis enum $name { $($body)* });
    };
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($body:tt)* }) => {
        $crate::spelled_enum! { $(#[$meta])* $vis enum $name { $($body)* } else "unknown word `{found}`; known: {known}" }
    };
    (
        @ $same:path, $message:literal,
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal $(| $alias:literal)*),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant),+
        }

        impl $name {
            /// All of them, in the order in which help texts and messages list them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The spelling in files, flags and messages.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownSpelling;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                $(
                    if $same(word, $word) $(|| $same(word, $alias))* {
                        return Ok(Self::$variant);
                    }
                )+
                Err($crate::UnknownSpelling { message: $message, found: word.to_owned(), known: &[$($word),+] })
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as $crate::serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err($crate::serde::de::Error::custom)
            }
        }
    };
}

/// A word that spells no variant of an enum declared with [`spelled_enum!`](crate::spelled_enum).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSpelling {
    /// The message with places for what follows.
    pub message: &'static str,
    /// The word.
    pub found: String,
    /// The known spellings.
    pub known: &'static [&'static str],
}

impl fmt::Display for UnknownSpelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = match self.known {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        };
        let message = self.message.replace("{known}", &self.known.join(", ")).replace("{or}", &or);
        let message = message.replace("{hint}", &Names::new(self.known.iter().copied()).hint(&self.found));
        // Last: the word is anything.
        f.write_str(&message.replace("{found:?}", &format!("{:?}", self.found)).replace("{found}", &self.found))
    }
}

impl std::error::Error for UnknownSpelling {}

#[cfg(test)]
mod tests {
    crate::spelled_enum! {
        /// Has a word in two spellings.
        enum Side {
            Left = "left" | "port",
            Right = "right",
        } any case else "unknown side {found:?} ({hint})"
    }

    #[test]
    fn words_are_read_in_each_spelling_and_written_in_one() {
        assert_eq!("PORT".parse(), Ok(Side::Left));
        assert_eq!(serde_json::to_string(Side::ALL).expect("words"), r#"["left","right"]"#);
        assert_eq!(serde_json::from_str::<Side>("\"Right\"").expect("a word"), Side::Right);
        assert_eq!(format!("{:>6}", Side::Left), "  left");
    }

    #[test]
    fn an_unknown_word_is_told_as_the_message_says() {
        let message = "mid{known}".parse::<Side>().expect_err("is neither").to_string();
        assert_eq!(message, "unknown side \"mid{known}\" (known: `left`, `right`)");
        let message = serde_json::from_str::<Side>("\"middle\"").expect_err("is neither").to_string();
        assert!(message.starts_with("unknown side \"middle\" (known: `left`, `right`)"), "{message}");
    }
}
