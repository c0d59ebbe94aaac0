//! `cargo run -p larder-onnx --example build_encoder -- FOLDER MODEL.onnx`: builds the encoder of a folder with
//! `config.json` and `model.safetensors`.

use std::path::Path;

use larder_onnx::{EncoderConfig, OnnxError, Weights, build, unused_weights};

fn main() -> Result<(), OnnxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, model] = arguments.as_slice() else {
        eprintln!("usage: build_encoder FOLDER MODEL.onnx");
        return Ok(());
    };
    let config = EncoderConfig::load(&Path::new(folder).join("config.json"))?;
    let weights = Weights::load(&Path::new(folder).join("model.safetensors"))?;
    eprintln!("not used: {:?}", unused_weights(&config, &weights));
    build(&config, &weights)?.save(Path::new(model))
}
