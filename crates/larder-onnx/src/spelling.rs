//! One spelling for a choice, shared by `FromStr`, `Display`, serde and the command line.

/// Defines an enum whose variants each have one spelling, with `ALL`, `as_str`, `Display`, `FromStr` and serde.
macro_rules! spelled_enum {
    (
        $(#[$meta:meta])*
        $name:ident ($what:literal) { $( $(#[$doc:meta])* $variant:ident = $word:literal $(| $alias:literal)* ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum $name { $( $(#[$doc])* $variant ),+ }

        impl $name {
            /// All choices, in the order they are listed to users.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The spelling used in files, flags and messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::OnnxError;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err(crate::OnnxError::UnknownName {
                        what: $what,
                        found: word.to_owned(),
                        known: Self::ALL.iter().map(|choice| choice.as_str()).collect::<Vec<_>>().join(", "),
                    }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::OnnxError;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                word.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(choice: $name) -> Self {
                choice.as_str()
            }
        }
    };
}

pub(crate) use spelled_enum;
