//! Tokenizing: text to token ids, by the encoder's own `tokenizer.json`.
//!
//! - [`Tokenizer`] loads the file and knows its [`SpecialTokens`], its digest and its vocabulary's size.
//! - [`Tokenizer::encode`] turns a text, a pair or words ([`larder_data::Content`]) into [`Tokens`]: ids, segments,
//!   character spans and the word of each token. [`Tokenizer::encode_batch`] does many on all cores.
//! - [`windows`] cuts a sentence of words that is longer than the encoder reads, so that no word is lost;
//!   [`Window::with_context`] reads its neighbours with it.
//! - [`LongTexts`] says how a text is read that is longer than that, [`TextWindows`] cuts one into windows.
//! - [`normalize_for_comparison`] makes texts equal that a reader takes for one.
//! - [`tokenize`] is the stage: a split of a dataset, or some of its rows ([`SliceInput`]), in, a `tokens` file out.
//! - [`TokenizeSettings`] say how long the result may be. Nothing is ever padded, and the padding and truncation that
//!   the file itself may ask for are ignored: lengths are decided by the pipeline.
//!
//! ```no_run
//! use larder_data::Content;
//! use larder_tokens::{TokenizeSettings, Tokenizer};
//!
//! let tokenizer = Tokenizer::load("encoders/minilm/tokenizer.json".as_ref())?;
//! let content = Content::Text { text: "A larder is a cool store.".to_owned(), text_b: None };
//! let tokens = tokenizer.encode(&content, &TokenizeSettings { max_tokens: Some(256) })?;
//! assert_eq!(tokens.input_ids.len(), tokens.offsets.len());
//! assert_eq!(tokens.truncated_tokens, 0);
//! # Ok::<(), larder_tokens::TokensError>(())
//! ```
#![deny(missing_docs)]

mod encode;
mod error;
mod long;
mod normalize;
mod special;
mod stage;
mod template;
mod tokenizer;
mod tokens;
mod types;
mod windows;

pub use encode::TokenizeSettings;
pub use error::TokensError;
pub use long::{LongTexts, TextWindow, TextWindows};
pub use normalize::normalize_for_comparison;
pub use special::SpecialTokens;
pub use stage::{
    FORMAT_VERSION, LONG_TEXTS, MAX_TOKENS, SKIPPED_ROWS, SliceInput, TokenizeReport, TokenizeRequest,
    TokenizeStageError, tokenize,
};
pub use tokenizer::Tokenizer;
pub use tokens::{NO_WORD, Tokens};
pub use windows::{AssignedWord, Window, own_tokens, windows};
