//! `encoder` as typed.

use std::path::PathBuf;

use clap::Subcommand;

use super::HintFlags;

#[derive(Debug, Subcommand)]
pub enum EncoderCommand {
    /// Take in an ONNX file, a folder with config.json, model.safetensors and tokenizer.json, or a model on a hub
    Add {
        /// The file or folder, or hf:ORG/MODEL, hf:ORG/MODEL@REVISION, or all-MiniLM-L6-v2, which `larder setup` fetched
        source: PathBuf,
        /// Hub models: use only what was fetched before (HF_HUB_OFFLINE=1 does the same)
        #[arg(long)]
        offline: bool,
        /// The encoder's name; the source's name unless given
        #[arg(long)]
        name: Option<String>,
        /// tokenizer.json; looked for beside the model unless given
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// Replace the encoder of this name, and find out anew what is known of it
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        hints: HintFlags,
    },
    /// Make an encoder with random weights, of any size
    Init {
        /// config.json: sizes and settings in transformers' form
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Seed of the weights
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The encoder's name
        #[arg(long)]
        name: String,
        /// tokenizer.json; a small one is made unless given or beside the configuration
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// Replace the encoder of this name, and find out anew what is known of it
        #[arg(long)]
        replace: bool,
    },
    /// Make a second encoder of one, with its products in 8-bit integers: faster on CPUs, and not quite the same vectors
    #[command(visible_alias = "quantize")]
    Quantise {
        /// The encoder
        encoder: String,
        /// The new encoder's name; the old one's with -int8 unless given
        #[arg(long)]
        name: Option<String>,
        /// Replace the encoder of this name, and find out anew what is known of it
        #[arg(long)]
        replace: bool,
    },
    /// All that is known of an encoder
    Show {
        /// The encoder
        name: String,
    },
    /// The encoders there are
    List,
    /// Remove encoders
    #[command(visible_alias = "remove")]
    Rm {
        /// The encoders
        #[arg(required = true)]
        names: Vec<String>,
        /// Even if runs need one to answer texts
        #[arg(long)]
        force: bool,
    },
    /// Hash an encoder's files again and repeat the probe runs
    Verify {
        /// The encoder
        name: String,
    },
}
