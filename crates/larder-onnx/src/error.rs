//! The errors of reading, building and writing models.

use std::path::PathBuf;

use larder_files::FileError;

/// An error of this crate: what failed, where, what was expected, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A file that could not be read at all.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file whose content is wrong: the source says how.
    #[error("{} cannot be used", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// The error in the file.
        #[source]
        source: Box<OnnxError>,
    },
    /// A file that could not be written.
    #[error("the model could not be saved")]
    Save {
        /// The failed write, with its path.
        #[source]
        source: FileError,
    },
    /// Bytes that are no protobuf message of the ONNX schema.
    #[error("not an ONNX model: the {bytes} bytes are no protobuf message of its schema (is it an .onnx file, whole?)")]
    NotProtobuf {
        /// Length of the input in bytes.
        bytes: usize,
        /// The decoder's reason.
        #[source]
        source: prost::DecodeError,
    },
    /// A protobuf message that holds no graph.
    #[error("not an ONNX model: it holds no graph (an empty, cut or foreign file reads like this)")]
    NoGraph,
    /// A graph that gives nothing.
    #[error("the graph has no outputs")]
    NoOutputs,
    /// A node without an operator name.
    #[error("node {node:?} names no operator")]
    NoOperator {
        /// The node, or its place in the list.
        node: String,
    },
    /// A node reads a tensor that nothing produces.
    #[error("node {node:?} ({op_type}) reads {tensor:?}, which no node, input or initializer provides")]
    DanglingInput {
        /// The reading node.
        node: String,
        /// Its operator.
        op_type: String,
        /// The missing tensor.
        tensor: String,
    },
    /// A graph output, or a tensor asked for, that nothing produces.
    #[error("no tensor {tensor:?} in the graph; its outputs are {known}")]
    NoTensor {
        /// The name.
        tensor: String,
        /// The names that exist.
        known: String,
    },
    /// Two producers of one name.
    #[error("tensor {tensor:?} is produced twice: by {first} and by {second}")]
    DuplicateTensor {
        /// The name.
        tensor: String,
        /// The first producer.
        first: String,
        /// The second producer.
        second: String,
    },
    /// Nodes that wait for each other.
    #[error("the graph has a cycle through the nodes {nodes}")]
    Cycle {
        /// Some of the nodes in it.
        nodes: String,
    },
    /// A function of the model that cannot be put in the place of its calls.
    #[error("the model's function {function:?} {problem}")]
    Function {
        /// Domain and name.
        function: String,
        /// The problem with the function.
        problem: String,
    },
    /// No operator set of this domain is imported.
    #[error("the model imports no operator set of domain {domain:?}; it imports {known}")]
    NoOpset {
        /// The domain; empty is ONNX itself.
        domain: String,
        /// The imported domains.
        known: String,
    },
    /// More than a protobuf message can hold.
    #[error(
        "the model takes {bytes} bytes, and one file of this format holds 2147483647: larder keeps a model in one file, so \
         take a smaller one (weights in float16 are half the size, in int8 a quarter)"
    )]
    TooLarge {
        /// Encoded size in bytes.
        bytes: usize,
    },
    /// A tensor stored outside the model file, which has to be taken in first.
    #[error(
        "tensor {tensor:?} lies outside the model, in {location:?}: its data was not taken in; \
         store the model as one file (onnx.save_model(..., save_as_external_data=False))"
    )]
    ExternalData {
        /// The tensor.
        tensor: String,
        /// The file it names.
        location: String,
    },
    /// External data that would be read from outside the model's folder.
    #[error(
        "tensor {tensor:?} keeps its data in {location:?}: only files in the model's own folder are read, by a relative \
         path without `..`"
    )]
    ExternalLocation {
        /// The tensor.
        tensor: String,
        /// The file it names.
        location: String,
    },
    /// External data behind a link that leads out of the model's folder.
    #[error(
        "tensor {tensor:?} keeps its data in {}, a link to {}: only files in the model's own folder are read; put a copy \
         there in place of the link", path.display(), target.display()
    )]
    ExternalLink {
        /// The tensor.
        tensor: String,
        /// The link, or the file behind one.
        path: PathBuf,
        /// The file that the link leads to.
        target: PathBuf,
    },
    /// A number about external data that is none.
    #[error("tensor {tensor:?} keeps its data outside the model at {key} {found:?}, which is no number of bytes")]
    ExternalEntry {
        /// The tensor.
        tensor: String,
        /// `offset` or `length`.
        key: &'static str,
        /// The text found there.
        found: String,
    },
    /// A file of external data that cannot be read.
    #[error("tensor {tensor:?} keeps its data in {}, which cannot be read: was it copied with the model?", path.display())]
    ExternalRead {
        /// The tensor.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// External data that ends before the tensor does.
    #[error("tensor {tensor:?} keeps {length} bytes from byte {offset} of {}, which has {size}: is it whole?",
        path.display())]
    ExternalRange {
        /// The tensor.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Bytes in the file.
        size: u64,
    },
    /// External data of another size than the tensor's shape and type say.
    #[error("tensor {tensor:?} of shape {dims:?} takes {expected} bytes, and {found} are kept for it in {}",
        path.display())]
    ExternalSize {
        /// The tensor.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// Its declared shape.
        dims: Vec<i64>,
        /// Bytes by shape and type.
        expected: u64,
        /// Bytes kept.
        found: u64,
    },
    /// A tensor of another element type than the reader takes.
    #[error("tensor {tensor:?} holds {found}, expected {expected}")]
    TensorDtype {
        /// The tensor.
        tensor: String,
        /// The element types that can be read.
        expected: &'static str,
        /// The declared element type.
        found: String,
    },
    /// A tensor whose data and shape disagree.
    #[error("tensor {tensor:?} of shape {dims:?} must hold {expected} values, and holds {found}")]
    TensorSize {
        /// The tensor.
        tensor: String,
        /// Its declared shape.
        dims: Vec<i64>,
        /// Elements by shape.
        expected: usize,
        /// Elements stored.
        found: usize,
    },
    /// A file that is no safetensors file.
    #[error("not a safetensors file, or cut short")]
    WeightsFormat {
        /// The reader's reason.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A parameter that the file lacks.
    #[error("the weights lack {name:?} of shape {expected:?}; nearest names there: {near}")]
    MissingWeight {
        /// The published name.
        name: String,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
        /// Names that resemble it.
        near: String,
    },
    /// A parameter of another shape than the configuration says.
    #[error("weight {name:?} has shape {found:?}, and the configuration asks for {expected:?}")]
    WeightShape {
        /// The published name.
        name: String,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A parameter in a type that is no float.
    #[error("weight {name:?} is stored as {found}; supported are f32, f16 and bf16")]
    WeightDtype {
        /// The published name.
        name: String,
        /// The type in the file.
        found: String,
    },
    /// A graph that cannot be trained as it stands.
    #[error("the graph cannot be trained as it stands: {problem}; {mend}")]
    Untrainable {
        /// What stands in the way.
        problem: String,
        /// The way out.
        mend: &'static str,
    },
    /// A configuration that is no JSON, or whose values have the wrong type.
    #[error("the model configuration is malformed")]
    ConfigJson {
        /// The reader's reason.
        #[source]
        source: serde_json::Error,
    },
    /// A setting that cannot be built.
    #[error("configuration key {key:?} is {found}; supported: {supported}")]
    ConfigValue {
        /// The key of `config.json`.
        key: &'static str,
        /// Its value.
        found: String,
        /// The supported values.
        supported: String,
    },
    /// No input has the meaning asked for.
    #[error("no input of the model can be its {role}; inputs: {candidates}")]
    NoInput {
        /// The meaning: `input_ids`, `attention_mask`, ...
        role: &'static str,
        /// The inputs with their types.
        candidates: String,
    },
    /// Several tensors could have one meaning.
    #[error("{candidates} could each be the model's {role}: name the right one")]
    Ambiguous {
        /// The meaning.
        role: &'static str,
        /// The tensors with their types.
        candidates: String,
    },
    /// An input that larder cannot feed.
    #[error("input {input:?} is {found}; expected int64, int32, float32, float16 or bool of shape [batch, seq]")]
    UnsupportedInput {
        /// The input.
        input: String,
        /// Its type and shape.
        found: String,
    },
    /// An input that is read and has none of the known meanings.
    #[error("input {input:?} ({found}) is none of input_ids, attention_mask, token_type_ids, position_ids")]
    UnknownInput {
        /// The input.
        input: String,
        /// Its type and shape.
        found: String,
    },
    /// A hint that names no fitting tensor.
    #[error("the {role} is said to be {found:?}, which is none of {candidates}")]
    WrongHint {
        /// The meaning.
        role: &'static str,
        /// The name given.
        found: String,
        /// The names that could be given.
        candidates: String,
    },
    /// Outputs of integers where vectors are looked for.
    #[error(
        "vectors are read from outputs of floats, and not from {outputs}: 8-bit vectors leave out the scale that they are \
         multiplied with; export the model without the quantisation of its outputs, or with the floats before it as an output"
    )]
    IntegerOutputs {
        /// The outputs with their types.
        outputs: String,
    },
    /// No features were asked for.
    #[error("no features were asked for; known kinds: a pooling such as mean, or tokens")]
    NothingAsked,
    /// The publisher's vector was asked for where nothing makes it.
    #[error("layer {layer} has no published vector: the last layer of a model with the publisher's steps has one")]
    NotPublished {
        /// The layer.
        layer: usize,
    },
    /// A layer that this model does not show.
    #[error("layer {layer} cannot be found in this model: {possible}")]
    LayerNotFound {
        /// The layer: 0 is the embeddings' output.
        layer: usize,
        /// The layers and features that can be asked for.
        possible: String,
    },
    /// A pooled output that this model does not have.
    #[error("this model has no pooled output for `pooler` at layer {layer}: {possible}")]
    NoPooler {
        /// The layer asked for.
        layer: usize,
        /// The features that can be asked for.
        possible: String,
    },
}

impl OnnxError {
    /// Wraps an error with the file it came from.
    pub(crate) fn in_file(path: &std::path::Path) -> impl FnOnce(OnnxError) -> OnnxError + use<> {
        let path = path.to_path_buf();
        move |source| OnnxError::InFile { path, source: Box::new(source) }
    }

    /// Wraps a failure to read a file.
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> OnnxError + use<> {
        let path = path.to_path_buf();
        move |source| OnnxError::Read { path, source }
    }
}
