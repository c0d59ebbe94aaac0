//! Prints what the inputs and outputs of an ONNX encoder mean, whatever its exporter called them.
//!
//! ```text
//! cargo run -p larder-onnx --example interface -- MODEL.onnx
//! ```

use std::path::Path;

use larder_onnx::{Interface, Model, OnnxError};

fn main() -> Result<(), OnnxError> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: interface MODEL.onnx");
        std::process::exit(2);
    };
    let model = Model::load(Path::new(&path))?;
    let interface = Interface::recognise(&model)?;
    println!("operator set       {}", model.opset("")?);
    println!("input_ids          {}, {} ids", interface.input_ids.name, interface.vocabulary_size);
    let inputs = [("attention_mask", &interface.attention_mask), ("token_type_ids", &interface.token_type_ids)];
    for (role, input) in inputs {
        println!("{role:<18} {}", input.as_ref().map_or("none", |input| &input.name));
    }
    let output = interface.token_output.as_ref().map_or("none", |output| &output.name);
    println!("last_hidden_state  {output}, [batch, seq, {}]", interface.hidden_size);
    for (layer, name) in interface.hidden_states.iter().enumerate() {
        println!("hidden state {layer:<5} {name}");
    }
    Ok(())
}
