//! A model: loading, checking, looking things up, pruning, saving.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use larder_errors::listed;
use larder_files::write_atomic;
use prost::Message;

use crate::OnnxError;
use crate::external::first_external;
use crate::graph::{self, Producers};
use crate::proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, ValueInfoProto};

/// The `producer_name` of models that this crate builds.
pub const PRODUCER: &str = "larder";

/// An ONNX model that has a graph, whose tensors all come from somewhere and whose nodes can be ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `graph` is set: every way to make a `Model` checks it.
    proto: ModelProto,
}

impl Model {
    /// Reads an `.onnx` file, at once into memory.
    ///
    /// # Errors
    /// [`OnnxError::Read`], or [`OnnxError::InFile`] around what [`Model::from_bytes`] says.
    pub fn load(path: &Path) -> Result<Self, OnnxError> {
        let bytes = larder_files::read(path).map_err(OnnxError::read(path))?;
        Self::from_bytes(bytes).map_err(OnnxError::in_file(path))
    }

    /// Decodes and checks the bytes of an `.onnx` file, of which its tensors are slices.
    ///
    /// # Errors
    /// [`OnnxError::NotProtobuf`], and what [`Model::from_proto`] says.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Result<Self, OnnxError> {
        let bytes = bytes.into();
        let length = bytes.len();
        let proto = ModelProto::decode(bytes).map_err(|source| OnnxError::NotProtobuf { bytes: length, source })?;
        Self::from_proto(proto)
    }

    /// Checks a message and takes it.
    ///
    /// # Errors
    /// [`OnnxError::NoGraph`], and what [`Model::validate`] says.
    pub fn from_proto(proto: ModelProto) -> Result<Self, OnnxError> {
        if proto.graph.is_none() {
            return Err(OnnxError::NoGraph);
        }
        let model = Self { proto };
        model.validate()?;
        Ok(model)
    }

    /// Makes a model of the newest file format that operator set 17 needs (IR version 8).
    ///
    /// # Errors
    /// Those of [`Model::validate`].
    pub fn from_graph(graph: GraphProto, opset: i64) -> Result<Self, OnnxError> {
        const IR_VERSION: i64 = 8;
        Self::from_proto(ModelProto {
            ir_version: Some(IR_VERSION),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(opset) }],
            producer_name: Some(PRODUCER.to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(graph),
            ..Default::default()
        })
    }

    /// Encodes the model as the bytes of an `.onnx` file.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`] from 2 GiB on.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OnnxError> {
        let bytes = self.proto.encoded_len();
        if i32::try_from(bytes).is_err() {
            return Err(OnnxError::TooLarge { bytes });
        }
        Ok(self.proto.encode_to_vec())
    }

    /// Encodes the model as the bytes of an `.onnx` file and makes its tensors slices of them: the two hold its weights once.
    ///
    /// # Errors
    /// As [`Model::to_bytes`].
    pub fn encoded(self) -> Result<(Self, Bytes), OnnxError> {
        let bytes = Bytes::from(self.to_bytes()?);
        drop(self);
        Ok((Self::from_bytes(bytes.clone())?, bytes))
    }

    /// Writes the `.onnx` file, whole or not at all.
    ///
    /// # Errors
    /// [`OnnxError::TooLarge`], [`OnnxError::Save`].
    pub fn save(&self, path: &Path) -> Result<(), OnnxError> {
        let bytes = self.to_bytes()?;
        write_atomic(path, |writer: &mut dyn Write| writer.write_all(&bytes))
            .map_err(|source| OnnxError::Save { source })
    }

    /// Checks the structure: some output; every node has an operator; every name has one producer; nothing reads
    /// what nobody makes; no cycle. Operators and types are the runtime's to check.
    ///
    /// # Errors
    /// [`OnnxError::NoOutputs`], [`OnnxError::NoOperator`], [`OnnxError::DuplicateTensor`],
    /// [`OnnxError::DanglingInput`], [`OnnxError::NoTensor`], [`OnnxError::Cycle`].
    pub fn validate(&self) -> Result<(), OnnxError> {
        let graph = self.graph();
        if graph.output.is_empty() {
            return Err(OnnxError::NoOutputs);
        }
        if let Some(position) = graph.node.iter().position(|node| node.op_type().is_empty()) {
            return Err(OnnxError::NoOperator { node: graph::label(graph, position) });
        }
        graph::topological_order(graph)?;
        let producers = Producers::of(graph)?;
        match graph.output.iter().find(|output| producers.source(output.name()).is_none()) {
            Some(output) => Err(self.no_tensor(output.name())),
            None => Ok(()),
        }
    }

    /// The graph.
    pub fn graph(&self) -> &GraphProto {
        self.proto.graph.as_ref().expect("a model has a graph: from_proto checks it")
    }

    /// The whole message.
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    /// Gives the message away, to be edited and made a model again with [`Model::from_proto`].
    pub fn into_proto(self) -> ModelProto {
        self.proto
    }

    /// Changes the graph and checks it again.
    ///
    /// # Errors
    /// Those of `edit` and of [`Model::validate`].
    pub fn edited(mut self, edit: impl FnOnce(&mut GraphProto) -> Result<(), OnnxError>) -> Result<Self, OnnxError> {
        edit(self.proto.graph.as_mut().expect("a model has a graph: from_proto checks it"))?;
        Self::from_proto(self.proto)
    }

    /// Returns the imported version of a domain's operators; `""` and `"ai.onnx"` are both ONNX itself.
    ///
    /// # Errors
    /// [`OnnxError::NoOpset`] when the domain is not imported.
    pub fn opset(&self, domain: &str) -> Result<i64, OnnxError> {
        let canonical = |domain: &str| if domain == "ai.onnx" { String::new() } else { domain.to_owned() };
        let imports = &self.proto.opset_import;
        imports
            .iter()
            .find(|import| canonical(import.domain()) == canonical(domain))
            .map(OperatorSetIdProto::version)
            .ok_or_else(|| OnnxError::NoOpset {
                domain: domain.to_owned(),
                known: listed(imports.iter().map(|import| format!("{} {}", import.domain(), import.version()))),
            })
    }

    /// Returns the inputs that must be fed: those without an initializer of the same name.
    pub fn inputs(&self) -> Vec<&ValueInfoProto> {
        let graph = self.graph();
        let with_default: std::collections::HashSet<&str> =
            graph.initializer.iter().map(|tensor| tensor.name()).collect();
        graph.input.iter().filter(|input| !with_default.contains(input.name())).collect()
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> &[ValueInfoProto] {
        &self.graph().output
    }

    /// The initializer of that name.
    pub fn initializer(&self, name: &str) -> Option<&TensorProto> {
        self.graph().initializer.iter().find(|tensor| tensor.name() == name)
    }

    /// Returns the values of an initializer as float32, row-major.
    ///
    /// # Errors
    /// [`OnnxError::NoTensor`], and what [`TensorProto::floats`] says.
    pub fn initializer_floats(&self, name: &str) -> Result<Cow<'_, [f32]>, OnnxError> {
        self.initializer(name).ok_or_else(|| self.no_tensor(name))?.floats()
    }

    /// Checks that the model itself holds every tensor.
    ///
    /// # Errors
    /// [`OnnxError::ExternalData`] naming the first that is not.
    pub fn check_self_contained(&self) -> Result<(), OnnxError> {
        first_external(&self.proto).map_or(Ok(()), TensorProto::check_stored_here)
    }

    /// The value of a `metadata_props` key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.proto.metadata_props.iter().find(|entry| entry.key() == key).map(StringStringEntryProto::value)
    }

    /// Sets a `metadata_props` key; `None` removes it.
    pub fn set_metadata(&mut self, key: &str, value: Option<&str>) {
        self.proto.metadata_props.retain(|entry| entry.key() != key);
        if let Some(value) = value {
            self.proto
                .metadata_props
                .push(StringStringEntryProto { key: Some(key.to_owned()), value: Some(value.to_owned()) });
        }
    }

    /// Puts the nodes into an order in which each comes after what it reads.
    ///
    /// # Errors
    /// [`OnnxError::Cycle`] and the other faults of [`Model::validate`].
    pub fn sorted(self) -> Result<Self, OnnxError> {
        self.edited(|graph| {
            let order = graph::topological_order(graph)?;
            let mut nodes: Vec<_> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
            graph.node = order.into_iter().filter_map(|position| nodes[position].take()).collect();
            Ok(())
        })
    }

    /// Makes `wanted` the outputs, in that order, and drops every node and initializer they do not need. Inputs stay,
    /// read or not, so that the caller feeds the same tensors. A tensor that was no output gets an output entry
    /// without a type, unless the graph carries a hint for it.
    ///
    /// # Errors
    /// [`OnnxError::NoTensor`] when nothing produces a wanted name.
    pub fn pruned(self, wanted: &[&str]) -> Result<Self, OnnxError> {
        if let Some(missing) = {
            let producers = Producers::of(self.graph())?;
            wanted.iter().find(|name| producers.source(name).is_none())
        } {
            return Err(self.no_tensor(missing));
        }
        self.edited(|graph| {
            let described = |name: &&str| {
                let mut known = graph.output.iter().chain(&graph.value_info);
                let untyped = ValueInfoProto { name: Some((*name).to_owned()), ..Default::default() };
                known.find(|info| info.name() == *name).cloned().unwrap_or(untyped)
            };
            graph.output = wanted.iter().map(described).collect();
            graph::prune(graph, wanted)
        })
    }

    pub(crate) fn no_tensor(&self, name: &str) -> OnnxError {
        let known = listed(self.graph().output.iter().map(|output| output.name()));
        OnnxError::NoTensor { tensor: name.to_owned(), known }
    }
}
