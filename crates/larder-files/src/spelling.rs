//! One spelling for each variant of an enum.

/// Gives each variant of an enum its spelling in files, flags and messages: `ALL`, a method that returns the spelling, and
/// `Display`. With an error type, and a function that makes one of the unknown word and the known ones, also `FromStr`.
///
/// ```
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// pub enum Side {
///     Left,
///     Right,
/// }
///
/// larder_files::spelled!(Side, as_str, { Left = "left", Right = "right" }, String, |found, known| {
///     format!("{found} is none of {known}")
/// });
///
/// assert_eq!((Side::Left.to_string(), "right".parse()), ("left".to_owned(), Ok(Side::Right)));
/// assert_eq!("up".parse::<Side>().unwrap_err(), "up is none of left, right");
/// ```
#[macro_export]
macro_rules! spelled {
    ($name:ident, $method:ident, { $($variant:ident = $word:literal),+ $(,)? } $(, $error:ty, $unknown:expr)?) => {
        impl $name {
            /// All variants, in the order in which they are listed to users.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The spelling in files, flags and messages.
            pub fn $method(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.$method())
            }
        }

        $(impl ::std::str::FromStr for $name {
            type Err = $error;

            fn from_str(word: &str) -> ::std::result::Result<Self, $error> {
                let unknown: fn(String, String) -> $error = $unknown;
                let known = || Self::ALL.iter().map(|variant| variant.$method()).collect::<Vec<_>>().join(", ");
                let found = Self::ALL.iter().copied().find(|variant| variant.$method() == word);
                found.ok_or_else(|| unknown(word.to_owned(), known()))
            }
        })?
    };
}
