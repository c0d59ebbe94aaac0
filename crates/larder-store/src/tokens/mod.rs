//! The `tokens` file: one row an example, in input order, never padded.
//!
//! | column | type | |
//! |---|---|---|
//! | `example_id` | Utf8 | the data's own id, or the row's number |
//! | `text`, `text_b` | Utf8 | texts; `text_b` only for sentence pairs |
//! | `words` | List&lt;Utf8&gt; | tagging, instead of `text` |
//! | `document` | Int64 | tagging: sentences that follow each other with one number are of one document |
//! | `label`, `labels`, `target` or `tags` | Utf8, List&lt;Utf8&gt;, Float64 or List&lt;Utf8&gt;, nullable | what the task predicts, as the data spells it |
//! | `input_ids` | List&lt;Int32&gt; | with special tokens, without padding |
//! | `type_ids` | List&lt;Int32&gt; | of pairs, and of texts and words where the tokenizer gives them types other than 0; where it is missing all are 0 |
//! | `offsets` | List&lt;Struct&lt;start, end: Int32&gt;&gt; | characters of the text, `end` excluded; 0, 0 for special tokens |
//! | `word_ids` | List&lt;Int32&gt; | -1 for special tokens |
//! | `truncated_tokens` | Int32 | how many did not fit |
//! | `text_input_ids`, `text_type_ids`, `text_truncated_tokens` | as above | sentence pairs: the first text, tokenized by itself |
//! | `text_b_input_ids`, `text_b_type_ids`, `text_b_truncated_tokens` | as above | the second one |

mod batch;
mod reader;
mod row;
mod writer;

pub use batch::TokensBatch;
pub use reader::{TokensProjection, TokensReader};
pub use row::{TextAlone, TokenRow};
pub use writer::{TokensLayout, TokensWriter};

#[cfg(test)]
mod tests;
