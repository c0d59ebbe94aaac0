//! Names that identify a model's inputs and outputs.

use clap::Args;
use larder_onnx::Hints;

/// For a model that can be read in two ways; `encoder add` says so and lists the candidates.
#[derive(Debug, Args)]
#[command(next_help_heading = "For a model that can be read in two ways")]
pub struct HintFlags {
    /// The input of token ids
    #[arg(long, value_name = "NAME")]
    pub ids_input: Option<String>,
    /// The input that is 1 for tokens and 0 for padding
    #[arg(long, value_name = "NAME")]
    pub mask_input: Option<String>,
    /// The input that tells the two texts of a pair apart
    #[arg(long, value_name = "NAME")]
    pub types_input: Option<String>,
    /// The input that counts the tokens
    #[arg(long, value_name = "NAME")]
    pub positions_input: Option<String>,
    /// The output with the last layer's vector for each token
    #[arg(long, value_name = "NAME")]
    pub token_output: Option<String>,
    /// The output with a vector for the whole text
    #[arg(long, value_name = "NAME")]
    pub pooled_output: Option<String>,
    /// An input with one whole number for every text, as a task id; of those that are found, 0 unless given
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub constant_input: Vec<(String, i64)>,
}

fn name_and_value(text: &str) -> Result<(String, i64), String> {
    let (name, value) = text.rsplit_once('=').ok_or("expected NAME=VALUE")?;
    let value = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok((name.to_owned(), value))
}

impl HintFlags {
    pub fn hints(&self) -> Hints {
        Hints {
            input_ids: self.ids_input.clone(),
            attention_mask: self.mask_input.clone(),
            token_type_ids: self.types_input.clone(),
            position_ids: self.positions_input.clone(),
            last_hidden_state: self.token_output.clone(),
            pooler_output: self.pooled_output.clone(),
            constants: self.constant_input.iter().cloned().collect(),
        }
    }
}
